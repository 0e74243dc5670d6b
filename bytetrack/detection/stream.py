"""A network looks at images while threads read the next ones."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from bytetrack.structures import Detections

__all__ = ["ImageDetector", "ahead", "read_ahead"]

Image = npt.NDArray[np.uint8]
Item = TypeVar("Item")
Result = TypeVar("Result")


class ImageDetector(Protocol):
    """A network: images in, detections out, and a key that names its weights and settings."""

    batch_size: int

    def key(self) -> str: ...
    def detect(self, images: list[Image]) -> list[Detections]: ...


def ahead(items: Iterable[Item], size: int) -> Generator[Item, None, None]:
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
