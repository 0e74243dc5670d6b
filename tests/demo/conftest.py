"""The demo run in this process, as its tool runs it."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bytetrack.config import build, compose, home, plain, save
from bytetrack.demo.build import build_demo
from bytetrack.demo.run import Demo
from tests.demo.films import Left, Run

TOOL = runpy.run_path(str(home() / "tools" / "demo.py"))


@pytest.fixture
def assembled(tmp_path: Path) -> Callable[..., Demo]:
    """`assembled(source, "key=value", ...)`: a demo into `tmp_path/out`, detections from `tmp_path/detections` unless told."""

    def call(source: Path | str, *settings: str, out: Path = tmp_path / "out", detector: Any = None) -> Demo:
        if not any(setting.startswith(("weights=", "detector=")) for setting in settings):
            settings = ("detector=recorded", f"detector.folder={tmp_path / 'detections'}", *settings)
        config = compose("demo", [f"source='{source}'", f"out={out}", *settings])
        detector = build(config.detector) if detector is None else detector
        out.mkdir(parents=True, exist_ok=True)
        parts = {name: plain(config[name]) for name in TOOL["PARTS"] + TOOL["LIMITS"]}
        demo = build_demo(detector, build, out=out, **parts)
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
