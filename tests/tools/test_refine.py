"""`tools/refine.py` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bytetrack.io import read_trajectories
from tests.tools.one_line import failed


def test_tracks_are_refined_scored_and_reported(verb_here, tiny: Path, tmp_path: Path) -> None:
    data = (
        "dataset=motchallenge",
        f"dataset.root={tiny}/train",
        "dataset.protocol=mot17",
        "detector=recorded",
        f"detector.folder={tiny}/detections",
    )
    assert verb_here("track", *data, "tracker=byte", "out=online", "workers=1").returncode == 0
    lines = (tmp_path / "working/online/tracks/A.txt").read_text().splitlines(keepends=True)
    (tmp_path / "working/online/tracks/A.txt").write_text("".join(line for line in lines if not line.startswith(("3,", "6,"))))
    process = verb_here("refine", *data, "tracks=online", "out=refined", "workers=1", "refine.steps.drop_short=null")
    assert process.returncode == 0, process.stderr
    found = read_trajectories(tmp_path / "working/refined/tracks/A.txt")
    assert sorted(set(found.frame_id.tolist())) == [1, 2, 3, 4, 5, 6]  # 3 filled, 6 found again among the detections
    scores = json.loads((tmp_path / "working/refined/scores.json").read_text())
    assert scores["trackeval"]["COMBINED"]["FN"] == 0
    assert (tmp_path / "working/refined/report.html").is_file()


@pytest.mark.parametrize("refine", ["full", "linked", "linear", "gaussian"])
def test_files_alone_are_enough(verb_here, tmp_path: Path, refine: str) -> None:
    (tmp_path / "a.txt").write_text("".join(f"{frame},1,{frame},0,20,40,0.9,-1,-1,-1\n" for frame in (*range(1, 12), 15)))
    process = verb_here("refine", f"tracks={tmp_path}", "out=run", f"refine={refine}")
    assert process.returncode == 0, process.stderr
    assert read_trajectories(tmp_path / "working/run/tracks/a.txt").frame_id.tolist() == list(range(1, 16))
    assert ("skipped, because there are no detections" in process.stderr) == (refine in ("full", "linked"))


def test_mistakes_are_one_line(verb_here, tiny: Path) -> None:
    tracks = f"tracks={tiny}/detections"
    assert "need a dataset: set dataset=" in failed(verb_here("refine", tracks, "camera_motion=recorded", "camera_motion.folder=x"))
    assert "size must be a number in [0, 1e+09]: got -1" in failed(verb_here("refine", tracks, "refine.steps.smooth.size=-1"))
    assert "no result file in '/nowhere'" in failed(verb_here("refine", "tracks=/nowhere"))
