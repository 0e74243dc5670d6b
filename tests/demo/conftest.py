"""The demo run in this process, as its tool runs it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bytetrack.config import build, compose, plain, save
from bytetrack.demo.multi_source import build_demos
from bytetrack.demo.run import Demo
from bytetrack.demo.settings import DemoSettings
from tests.demo.films import Left, Run


@pytest.fixture
def assembled(tmp_path: Path) -> Callable[..., Demo]:
    """`assembled(source, "key=value", ...)`: a demo into `tmp_path/out`, detections from `tmp_path/detections` unless told."""

    def call(source: Path | str, *settings: str, out: Path = tmp_path / "out", detector: Any = None, camera_motion: Any = None) -> Demo:
        if not any(setting.startswith(("weights=", "detector=")) for setting in settings):
            settings = ("detector=recorded", f"detector.folder={tmp_path / 'detections'}", *settings)
        config = compose("demo", [f"source='{source}'", f"out={out}", *settings])
        detector = build(config.detector) if detector is None else detector
        out.mkdir(parents=True, exist_ok=True)
        settings_read = DemoSettings.read(lambda name: plain(config[name]))
        known = build(config.embedder), build(config.camera_motion) if camera_motion is None else camera_motion
        demo = build_demos(detector, build, plain(config.tracker), settings_read, plain(config.source), out, *known)
        assert isinstance(demo, Demo)
        save(config, out)
        return demo

    return call


@pytest.fixture
def run(assembled: Callable[..., Demo]) -> Run:
    """`run(source, "key=value", ...)`: what such a demo left."""

    def call(*arguments: Any, **more: Any) -> Left:
        demo = assembled(*arguments, **more)
        status = demo.run()
        return Left(demo.outputs.folder, demo.source.name, status)

    return call
