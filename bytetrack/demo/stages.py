"""Stages with bounded queues between them, a thread each, so that the whole costs about its slowest stage."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bytetrack.detection.stream import read_ahead

__all__ = ["Stage", "run_stages"]

_END = object()


@dataclass
class Stage:
    """A named step `item → item`, by so many `workers` at once. The last 1,000 durations are kept: memory is flat on endless streams.

    Items that are not `measured` pass through the step, and are neither timed nor counted.
    """

    name: str
    step: Callable[[Any], Any]
    workers: int = 1
    durations: deque[float] = field(default_factory=lambda: deque(maxlen=1000))
    items: int = 0
    measured: Callable[[Any], bool] = lambda item: True
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, item: Any) -> Any:
        start = time.perf_counter()
        result = self.step(item)
        if not self.measured(item):
            return result
        with self._lock:
            self.durations.append(time.perf_counter() - start)
            self.items += 1
        return result

    def statistics(self) -> dict[str, float]:
        """Returns milliseconds an item: p50, p95, p99 of the last 1,000, and how many there were in all."""
        p50, p95, p99 = np.percentile(list(self.durations) or [0.0], (50, 95, 99)) * 1000
        return {"items": self.items, "p50_ms": round(float(p50), 3), "p95_ms": round(float(p95), 3), "p99_ms": round(float(p99), 3)}


def run_stages(source: Iterable[Any], stages: list[Stage], capacity: int, stop: threading.Event) -> Generator[Any, None, None]:
    """Yields the output of the last stage, in order; every stage runs in its own thread.

    At most `capacity` items wait before each stage, and in one of several workers twice as many as these. When `stop` is set the
    source is asked no more, and what is in flight comes out. The first exception of the source or of a stage ends the iteration
    after what was before it, and is raised here.
    """
    inputs: list[queue.Queue[Any]] = [queue.Queue(capacity) for _ in range(len(stages) + 1)]
    failures: list[BaseException] = []

    def feed() -> None:
        try:
            for item in source:
                inputs[0].put(item)
                if stop.is_set():
                    break
        except BaseException as error:
            failures.append(error)
        inputs[0].put(_END)

    def work(stage: Stage, inbox: queue.Queue[Any], outbox: queue.Queue[Any]) -> None:
        items = iter(inbox.get, _END)
        try:
            for result in map(stage, items) if stage.workers == 1 else read_ahead(stage, items, stage.workers):
                outbox.put(result)
        except BaseException as error:
            failures.append(error)
            stop.set()
        for _ in items:  # after an error: empty the queue so that nobody before waits for ever
            pass
        outbox.put(_END)

    threads = [threading.Thread(target=feed, name="source", daemon=True)]
    threads += [
        threading.Thread(target=work, args=(stage, inputs[i], inputs[i + 1]), name=stage.name, daemon=True)
        for i, stage in enumerate(stages)
    ]
    for thread in threads:
        thread.start()
    try:
        while (item := inputs[-1].get()) is not _END:
            yield item
    finally:  # the consumer may leave early: let the threads run out
        stop.set()
        while any(thread.is_alive() for thread in threads):
            try:
                inputs[-1].get(timeout=0.05)
            except queue.Empty:
                continue
    if failures:
        raise failures[0]
