"""`tools/refine.py refine=linear`, formerly `tools/interpolate.py`, as a user meets it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bytetrack.io import read_trajectories
from tests.tools.one_line import failed


def test_published_tracks_are_filled_as_published(verb_here, data_dir: Path, tmp_path: Path) -> None:
    tracks = data_dir / "expected" / "tracks"
    process = verb_here("refine", "refine=linear", f"tracks={tracks / 'byte_paper'}", "out=run")
    assert process.returncode == 0, process.stderr
    for path in sorted((tracks / "byte_paper_interpolated").glob("*.txt")):
        ours = read_trajectories(tmp_path / "working" / "run" / "tracks" / path.name)
        theirs = read_trajectories(path)
        assert np.array_equal(ours.frame_id, theirs.frame_id)
        assert np.array_equal(ours.track_id, theirs.track_id)
        assert np.array_equal(ours.tlwh, theirs.tlwh)


def test_a_gap_is_filled_up_to_its_longest(verb_here, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("".join(f"{frame},1,{frame},0,20,40,0.9,-1,-1,-1\n" for frame in (1, 2, 3, 4, 5, 6, 9, 20)))
    process = verb_here("refine", "refine=linear", f"tracks={tmp_path}", "out=run", "refine.steps.interpolate.max_gap=5")
    assert process.returncode == 0, process.stderr
    found = read_trajectories(tmp_path / "working" / "run" / "tracks" / "a.txt")
    assert found.frame_id.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 20]
    assert found.tlwh[:, 0].tolist() == found.frame_id.tolist()


def test_its_own_input_is_never_overwritten(verb_here, tmp_path: Path) -> None:
    (tmp_path / "run" / "tracks").mkdir(parents=True)
    (tmp_path / "run" / "tracks" / "a.txt").write_text("1,1,1,0,20,40,0.9,-1,-1,-1\n")
    assert "out would overwrite the tracks it reads" in failed(
        verb_here("refine", "refine=linear", f"tracks={tmp_path / 'run'}", f"out={tmp_path / 'run'}")
    )
    assert "no result file in '/nowhere'" in failed(verb_here("refine", "refine=linear", "tracks=/nowhere"))


def test_the_former_command_says_the_new_one_and_runs_it(verb_here, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("".join(f"{frame},1,{frame},0,20,40,0.9,-1,-1,-1\n" for frame in (1, 2, 3, 4, 5, 6, 9)))
    words = f"tracks={tmp_path} out=run"
    process = verb_here("interpolate", *words.split(), "max_gap=3")
    assert (
        process.stderr.splitlines()[0] == f"interpolate is now: bytetrack refine refine=linear {words} refine.steps.interpolate.max_gap=3"
    )
    assert read_trajectories(tmp_path / "working" / "run" / "tracks" / "a.txt").frame_id.tolist() == [1, 2, 3, 4, 5, 6, 9]
    assert verb_here("interpolate", *words.replace("run", "again").split()).returncode in (0, None)
    assert len(read_trajectories(tmp_path / "working" / "again" / "tracks" / "a.txt")) == 9
