"""`tools/quickstart.py` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import av
import pytest
from one_line import failed

SMALL = (
    "scenes.sequences=2",
    "scenes.length=30",
    "scenes.width=320",
    "scenes.height=192",
    "scenes.people=10",
    "workers=1",
    "trained=false",
)


@pytest.mark.slow
def test_one_command_draws_tracks_scores_reports_and_films(verb, tmp_path: Path) -> None:
    process = verb("quickstart", *SMALL, "out=run")
    assert process.returncode == 0, process.stderr
    assert "detections simulated from the ground truth" in process.stdout
    folder = tmp_path / "working"
    for name in ("high_scores_only", "byte"):
        scores = json.loads((folder / "run" / name / "scores.json").read_text())["trackeval"]
        assert set(scores) == {"STREET-01", "STREET-02", "COMBINED"}
        assert f"{scores['COMBINED']['HOTA']:.2f}" in process.stdout
        assert (folder / "run" / name / "report.html").stat().st_size > 10_000
        assert "trained: false" in (folder / "run" / name / "config.yaml").read_text()
    assert "low_score: 0.6" in (folder / "run" / "high_scores_only" / "config.yaml").read_text()
    sizes = {"STREET-01": (640, 384), "STREET-02": (640, 384), "comparison": (964, 288)}
    for name, size in sizes.items():
        with av.open(str(folder / "run" / "videos" / f"{name}.mp4")) as container:
            stream = container.streams.video[0]
            assert (stream.width, stream.height, stream.frames) == (*size, 14)
    again = verb("quickstart", *SMALL, "out=run2", "video=false")
    assert again.returncode == 0, again.stderr
    assert "2 street scenes kept: datasets/quickstart" in again.stderr
    assert not (folder / "run2" / "videos").exists()


def test_other_scenes_in_the_same_folder_are_refused_in_one_line(verb, tmp_path: Path) -> None:
    folder = tmp_path / "working" / "datasets" / "quickstart"
    folder.mkdir(parents=True)
    (folder / "photo.jpg").touch()
    assert (
        failed(verb("quickstart", *SMALL))
        == "datasets/quickstart exists and is no generated dataset: give another folder for the generated scenes"
    )
