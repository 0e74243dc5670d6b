"""The page on a tracker of one's own says what works: its code is run as it stands there."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from bytetrack.config import build
from bytetrack.config.guarding import take_config_dir
from tests.tracking.tracked_scenes import walkers

PAGE = Path(__file__).resolve().parents[2] / "docs" / "trackers" / "own.md"


def test_the_pages_tracker_is_built_from_a_config_and_tracks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert code is not None
    assert len([line for line in code[1].splitlines() if line.strip()]) <= 40
    (tmp_path / "nearest.py").write_text(code[1])
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.delitem(sys.modules, "nearest", raising=False)
    settings = {"_target_": "nearest.Nearest", "high_score": 0.5}
    with pytest.raises(ValueError, match=r"there is no module 'nearest'; its file must lie in the folder of --config-dir"):
        build(settings)
    take_config_dir([f"--config-dir={tmp_path}"])
    tracker = build(settings)
    shown = 0
    for frame in walkers(np.random.default_rng(1), 10, 50):
        tracks = tracker.update(frame)
        assert len(np.unique(tracks.track_id)) == len(tracks)
        assert np.array_equal(tracks.xyxy, frame.xyxy[tracks.detection_index])
        shown += len(tracks)
    assert shown > 200
