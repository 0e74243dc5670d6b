"""Shared fixtures: where the real data lies."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts background jobs with Ctrl-C ignored, and so would ours be
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow])  # pytest --hypothesis-profile=explore
settings.register_profile("same", settings.get_profile("explore"), derandomize=True, database=None)  # every run draws the same examples
settings.load_profile("same")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data (`BYTETRACK_DATA`, default `../shared/data`); the test is skipped where it is absent."""
    folder = Path(os.environ.get("BYTETRACK_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real data not found in {folder}: set BYTETRACK_DATA")
    return folder


@pytest.fixture(scope="session")
def mot17_dir(data_dir: Path) -> Path:
    """MOT17 with `train/` inside (ground truth and public detections, no images)."""
    return data_dir / "MOT17"
