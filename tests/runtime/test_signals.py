"""Ctrl-C and SIGTERM get through: not swallowed, not in the middle of what would be left behind, not twice."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bytetrack.runtime.signals import end_quietly

HEAD = """
import time
from multiprocessing import get_context
from bytetrack.runtime.signals import ended_by_signals

def ready():
    print("ready", flush=True)
    time.sleep(30)

with ended_by_signals():
"""
Run = Callable[[str], "subprocess.Popen[str]"]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to send")


@pytest.fixture
def run() -> Iterator[Run]:
    """`run(body)`: a new Python that runs the lines within `ended_by_signals`, as soon as they have called `ready()`."""
    running: list[subprocess.Popen[str]] = []

    def call(body: str) -> subprocess.Popen[str]:
        script = HEAD + "".join(f"    {line}\n" for line in body.strip("\n").splitlines())
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        running.append(subprocess.Popen([sys.executable, "-c", script], text=True, **pipes))
        assert running[-1].stdout is not None
        assert running[-1].stdout.readline() == "ready\n"
        return running[-1]

    yield call
    for process in running:
        process.kill()
        process.communicate()


def terminated(process: subprocess.Popen[str]) -> tuple[str, str, int]:
    """What it printed, on both streams, and its status, after one SIGTERM."""
    process.terminate()
    output, errors = process.communicate(timeout=10)
    return output, errors, process.returncode


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, -2)])
def test_a_signal_ends_it(run: Run, number: int, code: int) -> None:
    process = run("ready()")
    process.send_signal(number)
    _, errors = process.communicate(timeout=10)
    assert process.returncode == code
    assert errors == "" or number == signal.SIGINT


def test_a_signal_that_is_swallowed_is_raised_again(run: Run) -> None:
    process = run(
        """
try:
    ready()
except BaseException:  # as some packages do while they are imported
    print("swallowed", flush=True)
time.sleep(30)
"""
    )
    assert terminated(process) == ("swallowed\n", "", 143)


def test_a_signal_within_a_finalizer_is_raised_again_and_not_shown(run: Run) -> None:
    process = run(
        """
class Ends:
    def __del__(self):
        ready()
ends = Ends()
del ends
print("went on", flush=True)
time.sleep(30)
"""
    )
    assert terminated(process) == ("went on\n", "", 143)


def test_another_error_that_follows_gives_way(run: Run) -> None:
    process = run(
        """
try:
    ready()
except SystemExit:
    raise AttributeError("half done")  # as OmegaConf does
"""
    )
    assert terminated(process) == ("", "", 143)


def test_cleaning_up_is_not_disturbed(run: Run) -> None:
    process = run(
        """
try:
    ready()
finally:
    time.sleep(0.4)
    print("whole")
"""
    )
    assert terminated(process) == ("whole\n", "", 143)  # it sends itself three more signals meanwhile


def test_who_insists_ends_the_cleaning_up(run: Run) -> None:
    process = run(
        """
try:
    ready()
finally:
    time.sleep(60)
    print("whole")
"""
    )
    for _ in range(20):
        process.terminate()
        time.sleep(0.7)
        if process.poll() is not None:
            break
    output, _ = process.communicate(timeout=1)
    assert output == ""
    assert process.returncode in (143, -15)  # the latter where the next signal found it ended


def test_a_process_that_is_being_started_is_known_before_the_signal_is_raised(run: Run) -> None:
    process = run(
        """
class Slow(get_context("spawn").Process):
    @staticmethod
    def _Popen(started):
        print("ready", flush=True)
        time.sleep(0.5)
        print("started", flush=True)
        return get_context("fork").Process._Popen(started)
Slow(target=time.sleep, args=(0,)).start()
time.sleep(30)
"""
    )
    assert terminated(process) == ("started\n", "", 143)


STRUCK = """
import os, runpy, signal, sys

def strike(event, arguments):
    if event == "import" and arguments[0] == sys.argv[1]:
        os.kill(os.getpid(), signal.SIGINT)

sys.addaudithook(strike)
runpy.{start}(sys.argv[2], run_name="__main__")
"""
TRACK = str(Path(__file__).resolve().parents[2] / "tools" / "track.py")


@pytest.mark.parametrize(
    ("start", "what", "loading"),
    [
        ("run_path", TRACK, "bytetrack.config"),
        ("run_path", TRACK, "bytetrack.config.explaining"),
        ("run_module", "bytetrack", "bytetrack.config"),
    ],
    ids=["tools/track.py", "tools/track.py, later", "bytetrack"],
)
def test_ctrl_c_while_a_verb_loads_ends_it_without_a_word(start: str, what: str, loading: str) -> None:
    command = [sys.executable, "-c", STRUCK.format(start=start), loading, what]
    process = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert (process.returncode, process.stdout, process.stderr) == (-signal.SIGINT, "", "")


def test_ctrl_c_that_is_ignored_stays_so_while_a_verb_loads() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        end_quietly()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
