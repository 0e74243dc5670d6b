"""`tools/quickstart.py` as a user meets it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from bytetrack import quickstart
from bytetrack.structures import Sequence
from bytetrack.training.monitor import Monitor

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
def test_one_command_draws_tracks_scores_reports_and_films(verb, verb_here, tmp_path: Path) -> None:
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
    lines = process.stderr.splitlines()
    assert lines[0] == "this takes about a minute on two cores"
    assert "sample images: run/scenes.jpg" in lines
    assert lines.index("sample images: run/scenes.jpg") < next(n for n, line in enumerate(lines) if line.startswith("[2/4"))
    sizes = {"STREET-01": (640, 384), "STREET-02": (640, 384), "comparison": (964, 288)}
    for name, size in sizes.items():
        with av.open(str(folder / "run" / "videos" / f"{name}.mp4")) as container:
            stream = container.streams.video[0]
            assert (stream.width, stream.height, stream.frames) == (*size, 14)
    again = verb_here("quickstart", *SMALL, "out=run2", "video=false")
    assert again.returncode in (0, None), again.stderr
    assert "2 street scenes kept: datasets/quickstart" in again.stderr
    assert not (folder / "run2" / "videos").exists()


@pytest.mark.slow
def test_training_that_was_interrupted_goes_on_and_a_finished_one_is_kept(verb, verb_here, tmp_path: Path) -> None:
    few = (
        "trained=true",
        "train.max_epochs=6",
        "train.multiscale=null",
        "detector.input_size=[96,160]",
        "video=false",
    )
    folder = tmp_path / "working"
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
    assert again.stderr.startswith("this takes about 6 minutes on two cores\n")
    assert "python tools/demo.py weights=runs/train/quickstart/last.pth source=VIDEO" in again.stdout
    made = weights.stat().st_mtime_ns
    third = verb_here("quickstart", *SMALL[:-1], *few, "out=run3")
    assert weights.stat().st_mtime_ns == made
    assert third.stderr.startswith("this takes about a minute on two cores\n")
    assert "2 of 2 sequences replayed from runs/train/quickstart/detections" in third.stderr
    assert (folder / "run3" / "byte" / "tracks" / "STREET-01.txt").read_bytes() == (
        folder / "run" / "byte" / "tracks" / "STREET-01.txt"
    ).read_bytes()


def test_other_scenes_in_the_same_folder_are_refused_in_one_line(verb_here) -> None:
    folder = Path("datasets") / "quickstart"
    folder.mkdir(parents=True)
    (folder / "photo.jpg").touch()
    process = verb_here("quickstart", *SMALL)
    assert process.returncode == 1
    assert process.stderr.splitlines() == [
        "this takes about a minute on two cores",
        "[1/4, 0:00] drawing street scenes",
        "error: datasets/quickstart exists and is no generated dataset: give another folder for the generated scenes",
    ]


def test_a_picture_shows_the_first_frame_of_each_sequence_with_its_true_boxes(tmp_path: Path) -> None:
    sequences = []
    for number, grey in enumerate((40, 80, 120), start=1):
        folder = tmp_path / f"S{number}"
        folder.mkdir()
        for frame_id in (1, 2):
            cv2.imwrite(str(folder / f"{frame_id:06d}.jpg"), np.full((64, 96, 3), grey if frame_id == 1 else 250, np.uint8))
        (folder / "gt.txt").write_text("1,1,40,20,30,30,1,1,1\n2,2,5,5,60,50,1,1,1\n")
        sequences.append(Sequence(folder.name, 2, 10.0, 96, 64, images=folder, ground_truth=folder / "gt.txt"))
    quickstart.picture(sequences, tmp_path / "sheet.jpg")
    sheet = cv2.imread(str(tmp_path / "sheet.jpg"))
    assert sheet is not None
    assert sheet.shape == (128, 192, 3)
    corners = [int(sheet[y, x].mean()) for y, x in ((60, 5), (60, 101), (124, 5), (124, 101))]
    assert np.allclose(corners, [40, 80, 120, 255], atol=3)
    for y, x in ((0, 0), (0, 96), (64, 0)):
        assert np.ptp(sheet[y + 35, x + 30 : x + 80].astype(int)) > 60  # across the box's sides
        assert np.ptp(sheet[y + 60, x : x + 90].astype(int)) < 12  # below it, where the second frame's box would be


def test_the_animation_is_of_the_frames_with_most_boxes_kept_by_low_scores() -> None:
    frames = np.array([3, 100, 130, 130, 159, 170])
    assert quickstart._kept_from(frames, 200) == (4, 100)
    assert quickstart._kept_from(frames[:1], 20) == (1, 1), "a sequence shorter than the animation is shown whole"
    assert quickstart._kept_from(frames[:0], 200) == (0, 1)


def test_the_time_left_of_a_training_is_at_its_latest_pace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = 0.0
    monkeypatch.setattr("bytetrack.training.monitor.time.monotonic", lambda: now)
    caplog.set_level("INFO", "bytetrack")
    left = []
    with Monitor(tmp_path, 0, 1000, beside=lambda step: 40.0) as monitor:
        now = 60.0  # of storing images and of warming up
        for step in range(10, 1000, 10):
            monitor.advance(step, 0, {"total": 1.0})
            now += 5.0 if step < 500 else 10.0
            if caplog.messages:
                left.append((step, caplog.messages[-1].split(", ")[-1]))
                caplog.clear()
    assert left[0] == (20, "0:08:30 left")  # 98 more tens of steps of 5 s, and an evaluation that takes as long as 40 steps
    assert left[-1] == (980, "0:01:00 left")
