"""`tools/quickstart.py` as a user meets it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import pytest

from tests.tools.one_line import failed

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
    assert "low_score: 0.5" in (folder / "run" / "high_scores_only" / "config.yaml").read_text()
    sizes = {"STREET-01": (640, 384), "STREET-02": (640, 384), "comparison": (964, 288)}
    for name, size in sizes.items():
        with av.open(str(folder / "run" / "videos" / f"{name}.mp4")) as container:
            stream = container.streams.video[0]
            assert (stream.width, stream.height, stream.frames) == (*size, 14)
    again = verb("quickstart", *SMALL, "out=run2", "video=false")
    assert again.returncode == 0, again.stderr
    assert "2 street scenes kept: datasets/quickstart" in again.stderr
    assert not (folder / "run2" / "videos").exists()


@pytest.mark.slow
def test_training_that_was_interrupted_goes_on_and_a_finished_one_is_kept(verb, tmp_path: Path) -> None:
    few = (
        "trained=true",
        "train.max_epochs=6",
        "train.multiscale=null",
        "detector.input_size=[96,160]",
        "video=false",
    )
    folder = tmp_path / "working"
    folder.mkdir()
    tool = Path(__file__).resolve().parents[2] / "tools" / "quickstart.py"
    process = subprocess.Popen([sys.executable, str(tool), *SMALL[:-1], *few, "out=run"], cwd=folder, stderr=subprocess.PIPE, text=True)
    weights = folder / "runs" / "train" / "quickstart" / "last.pth"
    deadline = time.monotonic() + 240
    while not weights.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143
    again = verb("quickstart", *SMALL[:-1], *few, "out=run")
    assert again.returncode == 0, again.stderr
    assert f"{weights.relative_to(folder)}: resumed after step" in again.stderr
    assert "simulated" not in again.stdout
    scores = json.loads((folder / "run" / "byte" / "scores.json").read_text())["trackeval"]["COMBINED"]
    assert f"{scores['MOTA']:.2f}" in again.stdout
    made = weights.stat().st_mtime_ns
    third = verb("quickstart", *SMALL[:-1], *few, "out=run3")
    assert weights.stat().st_mtime_ns == made
    assert "2 of 2 sequences replayed from runs/train/quickstart/detections" in third.stderr
    assert (folder / "run3" / "byte" / "tracks" / "STREET-01.txt").read_bytes() == (
        folder / "run" / "byte" / "tracks" / "STREET-01.txt"
    ).read_bytes()


def test_other_scenes_in_the_same_folder_are_refused_in_one_line(verb, tmp_path: Path) -> None:
    folder = tmp_path / "working" / "datasets" / "quickstart"
    folder.mkdir(parents=True)
    (folder / "photo.jpg").touch()
    assert (
        failed(verb("quickstart", *SMALL))
        == "datasets/quickstart exists and is no generated dataset: give another folder for the generated scenes"
    )
