"""A network over a sequence: threads read the next frames while it looks at these."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from bytetrack.errors import FormatError
from bytetrack.structures import Detections, Sequence, SequenceDetections

__all__ = ["ImageDetector", "ahead", "detect_sequence", "read_ahead"]

Image = npt.NDArray[np.uint8]
Item = TypeVar("Item")
Result = TypeVar("Result")


class ImageDetector(Protocol):
    """A network: images in, detections out, and a key that names its weights and settings."""

    batch_size: int

    def key(self) -> str: ...
    def detect(self, images: list[Image]) -> list[Detections]: ...


def detect_sequence(
    detector: ImageDetector, sequence: Sequence, frames: Iterable[Image], progress: Callable[[int], object] | None = None
) -> SequenceDetections:
    """What `detector` finds in all `frames` of `sequence`, which a thread decodes ahead of it, two batches at most.

    `progress` is told how many frames each batch had. FormatError where `frames` are not `sequence.length`; errors of reading
    pass through.
    """
    found: list[Detections] = []
    coming = ahead(frames, 2 * detector.batch_size)
    while batch := list(islice(coming, detector.batch_size)):
        found += detector.detect(batch)
        if progress is not None:
            progress(len(batch))
    if len(found) != sequence.length:
        raise FormatError(f"{sequence.images}: expected {sequence.length} frames for {sequence.name}, got {len(found)}")
    return SequenceDetections.from_frames(found)


def ahead(items: Iterable[Item], size: int) -> Iterator[Item]:
    """The same items, made by a thread that runs up to `size` of them ahead; it stops when the reader does, its error comes out here."""
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
    """`read(item)` of each item, in order, by several threads that run up to two items each ahead of the reader."""
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
