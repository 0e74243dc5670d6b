"""byte_plus reaches what it promises, on real detections: means over the recorded ones and jittered copies, scored in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import grounds
from bytetrack.config import build, compose, plain
from bytetrack.data.datasets import MotChallenge
from bytetrack.detection.recorded import Recorded
from bytetrack.pipeline import TrackerFactory
from bytetrack.scoring import fast
from bytetrack.tuning.replay import Replay
from bytetrack.video.camera_motion import RecordedMotion

pytestmark = pytest.mark.slow
SEED = 2026  # not one that a search has seen


def figures(replay: Replay, settings: dict[str, Any], copy: int) -> dict[str, float]:
    factory = TrackerFactory(build, settings)
    return fast.figures({name: replay.score(factory, name, copy) for name in replay.sequences})


def preset(name: str) -> dict[str, Any]:
    settings: dict[str, Any] = plain(compose("track", [f"tracker={name}"]).tracker)
    return settings


def test_half_val_with_recorded_camera_motion(data_dir: Path, mot17_dir: Path) -> None:
    name, (hota, mota, idf1, switches, jittered_hota) = "byte_plus", (71.6, 80.3, 85.0, 105, 71.5)
    sequences = MotChallenge(mot17_dir, "train", "val", "*-FRCNN").sequences()
    detector, motion = Recorded(data_dir / "detections" / "yolox_x_ablation"), RecordedMotion(data_dir / "gmc")
    replay = Replay(sequences, detector, "mot17", 100, 1.6, SEED, motion)
    found = figures(replay, preset(name), 0)
    assert found["HOTA"] >= hota
    assert found["MOTA"] >= mota
    assert found["IDF1"] >= idf1
    assert found["IDSW"] <= switches
    assert np.mean([figures(replay, preset(name), copy)["HOTA"] for copy in range(1, 9)]) >= jittered_hota - 0.1  # two standard errors


@pytest.mark.parametrize("ground", grounds.GROUNDS)
def test_byte_plus_is_below_byte_on_no_ground(data_dir: Path, ground: str) -> None:
    byte, plus = grounds.measure([preset("byte"), preset("byte_plus")], data_dir, [ground])
    for row in byte:
        hota, mota, idf1 = (plus[row] - byte[row]).mean(axis=0)
        assert hota >= 0
        assert min(mota, idf1) >= -0.1


def test_its_figures_are_those_of_the_page(data_dir: Path) -> None:
    """Half-val with recorded camera motion, and the public detections of a video of 7 frames a second."""
    (found,) = grounds.measure([preset("byte_plus")], data_dir, ["half-val, camera", "pets09"])
    assert found["half-val, camera"][0] == pytest.approx([71.73, 80.45, 85.25], abs=0.02)
    assert found["pets09"][0] == pytest.approx([43.79, 64.68, 60.86], abs=0.02)
