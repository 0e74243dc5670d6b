"""Trackers: a frame's Detections in, its Tracks out. NumPy and Numba only."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from bytetrack.runtime.compilation import COMPILED
from bytetrack.runtime.pool import process_pool
from bytetrack.structures import Detections
from bytetrack.tracking.registry import tracker_classes
from bytetrack.tracking.tracker import Tracker
from bytetrack.tracking.two_stages import associate_in_two_stages

CLASSES = {tracker.__name__: tracker for tracker in tracker_classes().values()}

__all__ = ["Tracker", "associate_in_two_stages", "tracker_classes", "warm_up", *CLASSES]

log = logging.getLogger(__name__)

globals().update(CLASSES)


def __getattr__(name: str) -> Any:  # for type checkers: the classes above are found at run time
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def warm_up(workers: int = 1) -> float:
    """Compiles the kernels of every tracker, or loads them if that was done before; returns the seconds it took.

    Numba keeps compiled code beside the package, else in NUMBA_CACHE_DIR or the user's cache folder.

    Args:
        workers: Number of processes that compile side by side; 1 for this one.
    """
    if not COMPILED:
        log.info("numba is not installed: the tracking kernels run as plain Python, slower and with the same results")
        return 0.0
    log.info("compiling the tracking kernels (once per machine, a minute or two) ...")
    begin = time.perf_counter()
    trackers = list(tracker_classes().values())
    if workers == 1:
        for tracker in trackers:
            _compile_kernels(tracker)
    else:
        with process_pool(min(workers, len(trackers)), ["bytetrack.tracking"]) as pool:
            list(pool.map(_compile_kernels, trackers))
    seconds = time.perf_counter() - begin
    log.info("tracking kernels ready in %.1f s", seconds)
    return seconds


def _compile_kernels(tracker: Callable[[], Tracker]) -> None:
    tracker().update(Detections.empty())
