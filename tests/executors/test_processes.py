"""Jobs in processes: order, errors, and workers that are lost."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from bytetrack.executors import Processes
from tests.executors.jobs import Mortal, as_dict, fast, items, wrong

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_results_come_in_the_order_of_the_items_whatever_the_number_of_workers(workers: int) -> None:
    heard: list[str] = []
    found = Processes(workers).run(fast, items(3, 9, 5, 4), list, lambda item: heard.append(item.name))
    assert found == ["a", "b", "c", "d"]
    assert sorted(heard) == found
    assert Processes(workers).run(fast, items(3, 9), as_dict, print) == {"a": 3, "b": 9}


def test_nothing_to_do_gives_nothing() -> None:
    assert Processes().run(fast, [], as_dict, print) == {}


@pytest.mark.parametrize("workers", [1, 2])
def test_the_error_of_a_job_is_raised_as_it_is(workers: int) -> None:
    with pytest.raises(ValueError, match=r"^b\.txt:3: expected numbers, got 'x'$"):
        Processes(workers).run(wrong, items(3, 9, 5), as_dict, print)


def test_a_job_whose_worker_was_killed_is_run_again_and_nothing_is_lost(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "bytetrack"):
        found = Processes(2).run(Mortal(tmp_path, "b", deaths=1), items(3, 9, 5, 4), as_dict, print)
    assert found == {"a": 3, "b": 9, "c": 5, "d": 4}
    assert "a worker process ended abruptly (killed, or out of memory?): b" in caplog.text
    assert (tmp_path / "b.tries").read_text() == "xx"


@pytest.mark.slow
def test_a_worker_that_was_being_started_when_another_died_is_not_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started, start = [], BaseProcess.start

    def late(self: BaseProcess) -> None:
        started.append(self)
        if len(started) == 2:
            time.sleep(2)  # in which the first dies
        start(self)

    monkeypatch.setattr(BaseProcess, "start", late)
    assert Processes(2).run(Mortal(tmp_path, "b", deaths=1), items(3, 9), as_dict, print) == {"a": 3, "b": 9}
    assert len(started) > 2
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize(("retries", "times"), [(0, "once"), (1, "2 times"), (2, "3 times")])
def test_a_job_whose_worker_dies_always_is_named(tmp_path: Path, retries: int, times: str) -> None:
    with pytest.raises(ChildProcessError, match=rf"b.*: the worker process ended abruptly {times} \(killed"):
        Processes(2, retries).run(Mortal(tmp_path, "b", deaths=9), items(3, 9), as_dict, print)


@pytest.mark.parametrize("wrong_value", [0, -2, 1.5, "two"])
def test_no_workers_is_a_value_error(wrong_value: Any) -> None:
    with pytest.raises(ValueError, match=f"workers must be at least 1, or null for one a core: got {wrong_value}"):
        Processes(wrong_value)
    with pytest.raises(ValueError, match="retries must be at least 0: got -1"):
        Processes(2, -1)


@pytest.mark.slow
@pytest.mark.parametrize("to_all", [True, False], ids=["from the terminal", "to the parent alone"])
def test_ctrl_c_ends_every_process_at_once_and_quietly(tmp_path: Path, to_all: bool) -> None:
    script = tmp_path / "run.py"
    script.write_text(
        textwrap.dedent("""
        import sys, time
        from bytetrack.pipeline import map_sequences
        from bytetrack.executors import Processes
        from bytetrack import Sequence
        def sleep(sequence):
            open(sys.argv[1] + "/" + sequence.name, "w").close()
            time.sleep(60)
        if __name__ == "__main__":
            try:
                map_sequences(sleep, [Sequence(n, 1, 30, 9, 9) for n in "ab"], Processes(2), dict)
            except KeyboardInterrupt:
                sys.exit(130)
    """)
    )
    (tmp_path / "started").mkdir()
    command = [sys.executable, str(script), str(tmp_path / "started")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True, cwd=ROOT)
    while len(list((tmp_path / "started").iterdir())) < 2:
        assert process.poll() is None
        time.sleep(0.02)
    (os.killpg if to_all else os.kill)(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=30)  # the jobs would sleep for 60 s
    assert process.returncode == 130
    assert b"Traceback" not in stderr
