"""Measures how much of each track is occluded, and decides which lost tracks are output all the same."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bytetrack.runtime.compilation import jit
from bytetrack.tracking.core.association import NONE
from bytetrack.tracking.core.lifecycle import frames_since
from bytetrack.tracking.core.state import COASTING, LOST, REMOVED, TRACKED, TrackArrays
from bytetrack.tracking.plus.parameters import Memory, Parameters

__all__ = ["expire_or_coast", "measure_cover"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@jit
def measure_cover(tracks: TrackArrays, n: int, cover: Floats, front: Floats, classes: Ints) -> None:
    """Measures which part of each box is covered by that of one track, matched in the last frame, in front of it.

    On one ground, the track with the lower bottom edge is in front. Clobbers `front` (boxes) and `classes`.
    """
    n_front = 0
    for t in range(n):
        row = tracks.order[t]
        if tracks.state[row] == TRACKED:
            for d in range(4):
                front[n_front, d] = tracks.box[row, d]
            classes[n_front] = tracks.class_id[row]
            n_front += 1
    for t in range(n):
        row = tracks.order[t]
        cover[row] = 0.0
        if tracks.state[row] not in (TRACKED, LOST):
            continue
        left, top, right, bottom = tracks.box[row, 0], tracks.box[row, 1], tracks.box[row, 2], tracks.box[row, 3]
        class_id, most = tracks.class_id[row], 0.0
        for k in range(n_front):
            width = min(right, front[k, 2]) - max(left, front[k, 0])
            if width > 0.0 and front[k, 3] > bottom and front[k, 1] < bottom and classes[k] == class_id:
                most = max(most, width * (bottom - max(top, front[k, 1])))
        cover[row] = most / ((right - left) * (bottom - top))


@jit
def expire_or_coast(tracks: TrackArrays, n: int, p: Parameters, covered_frames: float, memory: Memory, now: float) -> None:
    """Removes tracks lost for more than `max_lost_frames`; those lost a short while ago behind somebody coast."""
    for t in range(n):
        row = tracks.order[t]
        if tracks.state[row] != LOST:
            continue
        gone = frames_since(tracks, row, now)
        if gone > p.max_lost_frames:
            tracks.state[row] = REMOVED
        elif gone <= covered_frames and memory.n_detections[row] >= p.covered_hits and memory.cover[row] > p.covered_part:
            tracks.state[row] = COASTING
            tracks.detection[row] = NONE
