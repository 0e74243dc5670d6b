"""Verbs as a user runs them, and a dataset small enough to run them often."""

from __future__ import annotations

import logging
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hydra._internal.hydra import Hydra

ROOT = Path(__file__).resolve().parent.parent.parent
Verb = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def verb(tmp_path: Path) -> Verb:
    """`verb("track", "out=x", ...)`: the finished process; it ran in the empty folder `working`."""

    def run(name: str, *arguments: str, console: bool = False) -> subprocess.CompletedProcess[str]:
        command = (
            [str(Path(sys.executable).with_name("bytetrack")), name] if console else [sys.executable, str(ROOT / "tools" / f"{name}.py")]
        )
        folder = tmp_path / "working"
        folder.mkdir(exist_ok=True)
        return subprocess.run([*command, *arguments], capture_output=True, text=True, cwd=folder, timeout=300)

    return run


@pytest.fixture
def verb_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Verb]:
    """As `verb`, without a process of its own: what it imports is imported already, so it takes a tenth of the time."""
    root, handlers = logging.getLogger(), logging.getLogger().handlers[:]
    levels = {log: log.level for log in (root, logging.getLogger("bytetrack"))}
    on_signal = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.setattr(logging, "shutdown", lambda handlers: None)  # Hydra's set-up calls it: absl's handler closes pytest's streams
    monkeypatch.setattr(Hydra, "get_mode", lambda *_, **__: None)  # which composes all for a setting that none of our files has
    (tmp_path / "working").mkdir()
    monkeypatch.chdir(tmp_path / "working")
    monkeypatch.setattr(sys, "path", sys.path[:])  # --config-dir adds to it

    def run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        tool = str(ROOT / "tools" / f"{name}.py")
        monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
        monkeypatch.setattr(sys, "argv", [tool, *arguments])
        capsys.readouterr()
        code: object = 0
        try:
            runpy.run_path(tool, run_name="__main__")
        except SystemExit as end:
            code = end.code
        return subprocess.CompletedProcess(sys.argv, code, *capsys.readouterr())

    yield run
    if "ray" in sys.modules:  # the cluster that a verb has started would be that of the process's next test
        sys.modules["ray"].shutdown()
    root.handlers[:] = handlers
    for log, level in levels.items():
        log.setLevel(level)
    for number, handler in on_signal.items():
        signal.signal(number, handler)


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A root with `train/A` and `train/B`, 6 frames each: two people who pass, one statue; recorded detections in `detections/`."""
    (tmp_path / "detections").mkdir()
    for name in "AB":
        folder = tmp_path / "train" / name
        (folder / "gt").mkdir(parents=True)
        (folder / "det").mkdir()
        (folder / "seqinfo.ini").write_text("[Sequence]\nframeRate=30\nseqLength=6\nimWidth=200\nimHeight=100\n")
        gt, found = [], []
        for frame in range(1, 7):
            boxes = [(10 + 5 * frame, 20, 20, 50, 1, 1), (150 - 5 * frame, 30, 20, 50, 1, 1), (180, 10, 15, 40, 0, 7)]
            for identity, (x, y, w, h, kept, kind) in enumerate(boxes, start=1):
                gt.append(f"{frame},{identity},{x},{y},{w},{h},{kept},{kind},1\n")
                found.append(f"{frame},-1,{x},{y},{w},{h},0.9,-1,-1,-1\n")
        (folder / "gt" / "gt.txt").write_text("".join(gt))
        (folder / "det" / "det.txt").write_text("".join(found))
        (tmp_path / "detections" / f"{name}.txt").write_text("".join(found))
    return tmp_path
