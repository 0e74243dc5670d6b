"""`tools/compare.py` and `tools/tune.py` as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.tools.one_line import failed

DATASET = ("dataset=motchallenge", "dataset.subset=train", "dataset.protocol=mot17", "workers=1")


@pytest.fixture
def runs(verb_here, tiny: Path) -> Path:
    recorded = (*DATASET, f"dataset.root={tiny}", f"detector.folder={tiny / 'detections'}")
    for name, settings in (("good", []), ("bad", ["tracker.high_score=0.95", "tracker.low_score=0.9"])):
        process = verb_here("track", *recorded, *settings, f"out={name}")
        assert process.returncode == 0, process.stderr
    return tiny


def test_two_runs_are_compared_with_intervals_and_jitter(verb_here, runs: Path) -> None:
    process = verb_here("compare", "runs=[good,bad]", "copies=2", "workers=1", "out=both")
    assert process.returncode == 0, process.stderr
    found = json.loads(Path("both/compare.json").read_text())
    assert found["figures"]["a"]["MOTA"] == 100
    assert found["differences"]["b"]["MOTA"]["value"] == -100
    assert found["differences"]["b"]["MOTA"]["interval"] == [-100, -100]
    assert found["differences"]["b"]["FN"]["jitter"] is not None
    page = Path("both/compare.html").read_text()
    assert "tracker.high_score" in page
    assert 'src="http' not in page


def test_what_cannot_be_compared_is_one_line(verb_here, runs: Path) -> None:
    assert "runs must be given: runs=..." in failed(verb_here("compare"))
    assert "at least two runs are needed: runs=[A,B]" in failed(verb_here("compare", "runs=[good]"))
    assert "b=nowhere: no scores.json there" in failed(verb_here("compare", "runs=[good,nowhere]"))


def test_a_tuned_tracker_is_written_as_a_yaml_that_tracker_takes(verb_here, tiny: Path) -> None:
    pytest.importorskip("optuna")
    recorded = (*DATASET, f"dataset.root={tiny}", f"detector.folder={tiny / 'detections'}")
    process = verb_here("tune", *recorded, "trials=3", "copies=1", "fresh_copies=2", "out=tuned")
    assert process.returncode == 0, process.stderr
    settings = yaml.safe_load(Path("tuned/configs/tracker/tuned.yaml").read_text())
    assert settings["_target_"] == "bytetrack.ByteTracker"
    assert {path.name for path in Path("tuned").iterdir()} >= {"tune.html", "tune.json", "default", "tuned", "study.journal"}
    again = verb_here("track", "--config-dir=tuned/configs", "tracker=tuned", *recorded, "out=again")
    assert again.returncode == 0, again.stderr
    assert Path("again/tracks/A.txt").read_text() == Path("tuned/tuned/tracks/A.txt").read_text()
    assert "no such setting" in failed(verb_here("tune", *recorded, "+space.depth={low: 0, high: 1}", "out=other"))


def test_trials_are_given_the_camera_motion_that_runs_are(verb_here, tiny: Path) -> None:
    pytest.importorskip("optuna")
    (tiny / "motion").mkdir()
    for name in "AB":  # a camera that leaves everybody behind in frame 4: their tracks are lost
        lines = [f"{frame} 1 0 {900 if frame == 3 else 0} 0 1 0\n" for frame in range(6)]
        (tiny / "motion" / f"{name}.txt").write_text("".join(lines))
    moved = ("tracker=byte_plus", "camera_motion=recorded", f"camera_motion.folder={tiny / 'motion'}")
    recorded = (*DATASET, f"dataset.root={tiny}", f"detector.folder={tiny / 'detections'}")
    process = verb_here("tune", *recorded, *moved, "trials=1", "copies=0", "fresh_copies=0", "out=tuned")
    assert process.returncode == 0, process.stderr
    trial = json.loads(Path("tuned/tune.json").read_text())["trials"][0]
    scores = json.loads(Path("tuned/default/scores.json").read_text())["trackeval"]["COMBINED"]
    assert trial["figures"]["IDSW"] == scores["IDSW"] == 4
    assert trial["figures"]["HOTA"] == pytest.approx(scores["HOTA"])


def test_where_nothing_is_labelled_nothing_is_compared_or_tuned(verb_here, tiny: Path) -> None:
    for name in "AB":
        (tiny / "train" / name / "gt" / "gt.txt").write_text("")
    recorded = (*DATASET, f"dataset.root={tiny}", f"detector.folder={tiny / 'detections'}")
    assert verb_here("track", *recorded, "out=run").returncode == 0
    assert "no box to score in the ground truth of A, B: nothing can be compared" in failed(verb_here("compare", "runs=[run,run]", "out=c"))
    assert "no box to score in the ground truth of A, B: nothing can be tuned" in failed(verb_here("tune", *recorded, "out=tuned"))
