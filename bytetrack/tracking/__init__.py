"""Trackers: a frame's Detections in, its Tracks out. NumPy and Numba only."""

from __future__ import annotations

import logging
import time

from bytetrack.runtime.compilation import COMPILED
from bytetrack.structures import Detections
from bytetrack.tracking.botsort import BotSort
from bytetrack.tracking.byte import ByteTracker
from bytetrack.tracking.byte_plus import BytePlus
from bytetrack.tracking.cbiou import CBIoU
from bytetrack.tracking.deepsort import DeepSort
from bytetrack.tracking.motdt import MotDt
from bytetrack.tracking.ocsort import OcSort
from bytetrack.tracking.sort import Sort
from bytetrack.tracking.stages import associate_in_two_stages

__all__ = ["BotSort", "BytePlus", "ByteTracker", "CBIoU", "DeepSort", "MotDt", "OcSort", "Sort", "associate_in_two_stages", "warm_up"]

log = logging.getLogger(__name__)


def warm_up() -> float:
    """Compiles the kernels of every tracker, or loads them where that was done before; returns the seconds it took.

    Numba keeps compiled code beside the package, else in NUMBA_CACHE_DIR or the user's cache folder.
    """
    if not COMPILED:
        log.info("numba is not installed: the tracking kernels run as plain Python, slower and with the same results")
        return 0.0
    log.info("compiling the tracking kernels (once per machine, a minute or two) ...")
    begin = time.perf_counter()
    for tracker in (ByteTracker(), Sort(), BotSort(), BytePlus(), OcSort(), CBIoU(), DeepSort(), MotDt()):
        tracker.update(Detections.empty())
    seconds = time.perf_counter() - begin
    log.info("tracking kernels ready in %.1f s", seconds)
    return seconds
