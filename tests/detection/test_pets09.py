"""The command of a new user: a network on a real video, tracked, scored, and replayed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def track(data: Path, out: Path, *settings: str) -> str:
    command = [
        sys.executable, str(ROOT / "tools" / "track.py"), "dataset=pets09", f"dataset.root={data / 'PETS09-S2L1'}", "dataset.half=val",
        "detector=yolox_nano", f"detector.weights={data / 'weights' / 'yolox_nano.pth'}", "detector.input_size=[448,608]",
        "detector.device=cpu", "tracker.frame_rate=30", f"out={out}", *settings,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.slow
def test_coco_weights_track_the_second_half_of_pets09_and_replay(data_dir: Path, tmp_path: Path) -> None:
    assert "boxes in frames 399 to 795" in track(data_dir, tmp_path / "first")
    scores = json.loads((tmp_path / "first" / "scores.json").read_text())["trackeval"]["COMBINED"]
    assert 84.5 < scores["MOTA"] < 86.5  # measured: 85.49, FP 120, FN 190
    assert scores["IDF1"] > 72  # 74.02; ids hang on single boxes here: 70 to 80 with NMS at 0.6 to 0.75
    assert "1 of 1 sequences replayed" in track(data_dir, tmp_path / "second", f"detections={tmp_path / 'first' / 'detections'}")
    assert (tmp_path / "second" / "tracks" / "PETS09-S2L1.txt").read_text() == (
        tmp_path / "first" / "tracks" / "PETS09-S2L1.txt"
    ).read_text()
