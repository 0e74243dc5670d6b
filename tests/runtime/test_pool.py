"""Pools of processes: what workers share, and how they end."""

from __future__ import annotations

import os
import time
from concurrent.futures.process import BrokenProcessPool

import pytest

from bytetrack.runtime.pool import process_pool, submit, with_shared
from bytetrack.runtime.signals import handling


def scaled(factor: int, offset: int, value: int) -> int:
    return factor * value + offset


def test_jobs_get_the_values_that_their_workers_share() -> None:
    with process_pool(1, shared=(10, 1)) as pool:
        assert [submit(pool, with_shared, scaled, value).result() for value in (2, 3)] == [21, 31]


def test_an_error_in_the_block_ends_the_workers_at_once() -> None:
    started = time.monotonic()
    workers: list[int] = []

    def fail() -> None:
        with process_pool(1) as pool:
            workers.append(submit(pool, os.getpid).result())
            submit(pool, time.sleep, 60)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert time.monotonic() - started < 30
    with pytest.raises(ProcessLookupError):
        os.kill(workers[0], 0)


def test_a_pool_whose_worker_was_killed_is_broken() -> None:
    with process_pool(1) as pool, pytest.raises(BrokenProcessPool):
        submit(pool, os._exit, 1).result()


def test_handlers_are_as_they_were_after_the_block() -> None:
    import signal

    before = signal.getsignal(signal.SIGTERM)
    came: list[int] = []
    with handling(lambda number, frame: came.append(number)):
        signal.raise_signal(signal.SIGTERM)
    assert came == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) is before
