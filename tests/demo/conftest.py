"""The demo run in this process, as its tool runs it."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from films import Left, Run

from bytetrack.config import build, compose, home, plain, save

TOOL = runpy.run_path(str(home() / "tools" / "demo.py"))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """`run(source, "key=value", ...)`: the demo over a source, into `tmp_path/out`; recorded detections come from `tmp_path/detections`."""

    def call(source: Path | str, *settings: str, out: Path = tmp_path / "out") -> Left:
        if not any(setting.startswith(("weights=", "detector=")) for setting in settings):
            settings = ("detector=recorded", f"detector.folder={tmp_path / 'detections'}", *settings)
        config = compose("demo", [f"source='{source}'", f"out={out}", *settings])
        detector = build(config.detector)
        out.mkdir(parents=True, exist_ok=True)
        parts = {name: plain(config[name]) for name in TOOL["PARTS"] + TOOL["LIMITS"]}
        from bytetrack.demo.assemble import assemble

        demo = assemble(detector, build, out=out, **parts)
        save(config, out)
        return Left(out, demo.source.name, demo.run())

    return call
