"""Shared fixtures: where the real data lies, and verbs as a user runs them."""

from __future__ import annotations

import logging
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hydra._internal.hydra import Hydra
from hypothesis import HealthCheck, settings

from bytetrack.runtime.notices import forget_notices

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts background jobs with Ctrl-C ignored, and so would ours be
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow])  # pytest --hypothesis-profile=explore
settings.register_profile("same", settings.get_profile("explore"), derandomize=True, database=None)  # every run draws the same examples
settings.load_profile("same")


@pytest.fixture(autouse=True)
def as_in_a_new_process() -> None:
    """Lets what is said once a process be said in every test."""
    forget_notices()


ROOT = Path(__file__).resolve().parent.parent
LONGEST = {"test_corpus.py", "test_documented_commands.py", "test_field_cases.py", "test_kills.py"}  # of the slow tests, half a minute each
Verb = Callable[..., subprocess.CompletedProcess[str]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the longest tests first, so that processes do not wait for one of them at the end."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


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
