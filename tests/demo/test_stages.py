"""Stages: order, bounds, endings."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from bytetrack.demo.stages import Stage, run_stages


def test_items_come_out_in_order_through_every_stage() -> None:
    stages = [Stage("add", lambda x: x + 1), Stage("double", lambda x: 2 * x)]
    assert list(run_stages(range(100), stages, 2, threading.Event())) == [2 * (x + 1) for x in range(100)]
    assert [stage.items for stage in stages] == [100, 100]


def test_no_more_than_the_bound_is_ever_in_flight() -> None:
    asked: list[int] = []

    def source() -> Iterator[int]:
        for number in range(1000):
            asked.append(number)
            yield number

    results = run_stages(source(), [Stage("a", lambda x: x), Stage("b", lambda x: x)], 3, threading.Event())
    assert next(results) == 0
    time.sleep(0.2)
    assert len(asked) <= 1 + 3 * 3 + 3 + 1  # taken, three queues, one in the hands of each thread, one that waits
    results.close()


def test_stop_lets_what_is_in_flight_come_out() -> None:
    stop = threading.Event()
    seen = []
    for item in run_stages(range(10**9), [Stage("a", lambda x: x)], 4, stop):
        seen.append(item)
        if item == 10:
            stop.set()
    assert seen == list(range(len(seen)))
    assert 11 <= len(seen) <= 30


def test_an_error_in_a_stage_is_raised_after_the_items_before_it() -> None:
    def fails_at_seven(x: int) -> int:
        if x == 7:
            raise ValueError("seven")
        return x

    seen = []
    with pytest.raises(ValueError, match="seven"):
        seen.extend(run_stages(range(10**9), [Stage("a", fails_at_seven), Stage("b", lambda x: x)], 2, threading.Event()))
    assert seen == list(range(7))


def test_several_workers_keep_the_order_and_the_count() -> None:
    def slow_for_even(x: int) -> int:
        time.sleep(0.004 if x % 2 == 0 else 0)
        return 10 * x

    stages = [Stage("work", slow_for_even, workers=3), Stage("add", lambda x: x + 1)]
    assert list(run_stages(range(60), stages, 2, threading.Event())) == [10 * x + 1 for x in range(60)]
    assert [stage.items for stage in stages] == [60, 60]
    assert list(run_stages(range(1), stages, 2, threading.Event())) == [1]


def test_an_error_among_several_workers_is_raised_after_the_items_before_it() -> None:
    def fails_at_seven(x: int) -> int:
        if x == 7:
            raise ValueError("seven")
        time.sleep(0.002)
        return x

    seen = []
    with pytest.raises(ValueError, match="seven"):
        seen.extend(run_stages(range(10**9), [Stage("a", fails_at_seven, 4), Stage("b", lambda x: x)], 2, threading.Event()))
    assert seen == list(range(7))


def test_an_error_in_the_source_is_raised_after_its_items() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise OSError("unplugged")

    seen = []
    with pytest.raises(OSError, match="unplugged"):
        seen.extend(run_stages(source(), [Stage("a", lambda x: x)], 2, threading.Event()))


def test_leaving_early_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    for item in run_stages(range(10**9), [Stage("a", lambda x: x), Stage("b", lambda x: x)], 4, threading.Event()):
        if item > 5:
            break
    time.sleep(0.05)
    assert threading.active_count() == before


def test_durations_are_kept_for_the_last_thousand_only() -> None:
    stage = Stage("a", lambda x: x)
    for _ in run_stages(range(3000), [stage], 4, threading.Event()):
        pass
    assert len(stage.durations) == 1000
    assert stage.statistics()["items"] == 3000
