"""Runs a network on images while threads read and prepare the next ones, and collect the detections of the last."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any, TypeVar

from bytetrack.interfaces import Image, ImageDetector
from bytetrack.structures import Detections

__all__ = ["ahead", "detect_batches", "groups_of", "overlapped", "read_ahead"]

Item = TypeVar("Item")
Ready = TypeVar("Ready")
Launched = TypeVar("Launched")
Result = TypeVar("Result")


def detect_batches(detector: ImageDetector, batches: Iterable[list[Image]]) -> Generator[list[Detections], None, None]:
    """Yields the detections of each batch, in order; by the detector's own `detect_batches`, if it has one, which may read ahead."""
    own = getattr(detector, "detect_batches", None)
    yield from own(batches) if own is not None else map(detector.detect, batches)


def groups_of(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Yields the items in groups of `size`, the last perhaps smaller."""
    return (items[first : first + size] for first in range(0, len(items), size))


def ahead(items: Iterable[Item], size: int) -> Generator[Item, None, None]:
    """Yields the same items, made by a thread up to `size` of them ahead; it stops when the reader does, its errors are raised here."""
    waiting: queue.Queue[tuple[bool, Any]] = queue.Queue(maxsize=size)
    stopped = threading.Event()

    def put(entry: tuple[bool, Any]) -> bool:
        while not stopped.is_set():
            try:
                waiting.put(entry, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def produce() -> None:
        try:
            for item in items:
                if not put((True, item)):
                    return
            put((False, None))
        except BaseException as error:  # raised again where the items are read
            put((False, error))

    thread = threading.Thread(target=produce, name="bytetrack-read-ahead", daemon=True)
    thread.start()
    try:
        while True:
            good, item = waiting.get()
            if good:
                yield item
            elif item is None:
                return
            else:
                raise item
    finally:
        stopped.set()
        thread.join()


def read_ahead(read: Callable[[Item], Result], items: Iterable[Item], threads: int = 4) -> Iterator[Result]:
    """Yields `read(item)` of each item, in order, by several threads that run up to two items each ahead of the reader."""
    waiting: deque[Future[Result]] = deque()
    remaining = iter(items)
    with ThreadPoolExecutor(threads, thread_name_prefix="bytetrack-read") as pool:
        try:
            waiting.extend(pool.submit(read, item) for item in islice(remaining, 2 * threads))
            while waiting:
                result = waiting.popleft().result()
                waiting.extend(pool.submit(read, item) for item in islice(remaining, 1))
                yield result
        finally:
            for future in waiting:
                future.cancel()


def overlapped(
    items: Iterable[Item],
    prepare: Callable[[Item], Ready],
    launch: Callable[[Ready], Launched],
    collect: Callable[[Launched], Result],
) -> Iterator[Result]:
    """Yields `collect(launch(prepare(item)))` of each item, in order, the three side by side.

    One thread prepares the next item, another collects the one before, and `launch` is called by who reads. At most two items are
    prepared and two launched but not collected. An error of any of the three, or of `items`, comes out after the results before it.
    """
    coming = ahead(map(prepare, items), 1)

    def start() -> Future[Result] | None:
        try:
            return pool.submit(collect, launch(next(coming)))
        except StopIteration:
            return None
        except Exception as error:
            coming.close()  # nothing is launched past it
            failed: Future[Result] = Future()
            failed.set_exception(error)
            return failed

    with ThreadPoolExecutor(1, thread_name_prefix="bytetrack-collect") as pool:
        try:
            current = start()
            while current is not None:
                following = start()  # before this one is waited for
                yield current.result()
                current = following
        finally:
            coming.close()
