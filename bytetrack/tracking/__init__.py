"""Trackers: a frame's Detections in, its Tracks out. NumPy and Numba only."""

from __future__ import annotations

from bytetrack.tracking.byte import ByteTracker
from bytetrack.tracking.sort import Sort

__all__ = ["ByteTracker", "Sort"]
