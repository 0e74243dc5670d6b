"""What all trackers share: their arrays, and the way from a frame's Detections to its Tracks around one kernel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt

from bytetrack.structures import Detections, Tracks
from bytetrack.tracking.state import (
    DROPPED,
    LOST,
    N_ALIVE,
    N_COUNTERS,
    N_TABLE_COLUMNS,
    N_TRACK_INTS,
    N_WORK_FLOATS,
    N_WORK_INTS,
    STATE,
    TRACK_ID,
)

__all__ = ["Tracker"]

FIRST_CAPACITY = 128

_new = object.__new__
_set_xyxy, _set_track_id, _set_score, _set_class_id, _set_detection_index = (
    getattr(Tracks, field.name).__set__ for field in fields(Tracks)
)


class Tracker:
    """A tracker around `kernel(xyxy, score, class_id, parameters, *arrays, out_floats, out_ints) -> int`.

    One row a track in every array; rows of removed tracks are used again, and arrays double when full, so memory follows the
    largest number of tracks alive at once.
    """

    def __init__(self, kernel: Callable[..., int], parameters: list[float]) -> None:
        self._kernel = kernel
        self._parameters = np.array(parameters, dtype=np.float64)
        self.reset()

    def reset(self) -> None:
        """Forgets everything: the next frame is the first, ids start at 1."""
        self._counters = np.zeros(N_COUNTERS, np.int64)
        self._tracks: tuple[npt.NDArray[Any], ...] = (
            np.empty((0, 5, 4)),
            np.empty((0, 4)),
            np.empty(0),
            np.empty((N_TRACK_INTS, 0), np.int64),
        )
        self._grow(FIRST_CAPACITY)

    @property
    def dropped(self) -> int:
        """How many invalid detections were dropped so far (`on_invalid="drop"`)."""
        return int(self._counters[DROPPED])

    def update(self, detections: Detections) -> Tracks:
        """Tracks after one more frame, by ascending id; frames without detections count too.

        ValueError names the first detection that is not finite, is inverted, or whose score lies outside [0, 1]; the tracker is
        then as it was before.
        """
        xyxy, score, class_id, counters = detections.xyxy, detections.score, detections.class_id, self._counters
        n = len(score)
        if counters.item(N_ALIVE) + n > self._capacity:
            self._grow(counters.item(N_ALIVE) + n)
        classes = self._one_class if class_id is None else class_id
        if not (xyxy.flags.carray and score.flags.carray and classes.flags.carray):  # read-only: the kernel knows one kind of array
            xyxy, score, classes = xyxy.copy(), score.copy(), classes.copy()
        floats, ints = np.empty(5 * n), np.empty(3 * n, np.int64)
        n_tracks = self._kernel(xyxy, score, classes, self._parameters, *self._arrays, floats, ints)
        if n_tracks < 0:
            raise ValueError(_complaint(detections, -1 - n_tracks))
        tracks = _new(Tracks)  # what Tracks(...) does, in half the time: its setters are called directly
        _set_xyxy(tracks, floats[: 4 * n_tracks].reshape(n_tracks, 4))
        _set_score(tracks, floats[4 * n_tracks : 5 * n_tracks])
        _set_track_id(tracks, ints[:n_tracks])
        _set_class_id(tracks, None if class_id is None else ints[n_tracks : 2 * n_tracks])
        _set_detection_index(tracks, ints[2 * n_tracks : 3 * n_tracks])
        return tracks

    def lost(self) -> Tracks:
        """The tracks that the last frame did not show but that may come back, by ascending id, with the boxes predicted for them.

        Their scores are those of their last detections; `class_id` is None and `detection_index` -1.
        """
        _, box, score, ints = self._tracks
        rows = ints[0, : self._counters.item(N_ALIVE)]
        rows = rows[ints[STATE, rows] == LOST]
        return Tracks(box[rows], ints[TRACK_ID, rows], score[rows], None, np.full(len(rows), -1))

    def _grow(self, needed: int) -> None:
        motion, box, score, ints = self._tracks
        old = len(score)
        capacity = max(2 * old, needed)
        more = capacity - old
        self._tracks = (
            np.pad(motion, ((0, more), (0, 0), (0, 0))),
            np.pad(box, ((0, more), (0, 0))),
            np.pad(score, (0, more)),
            np.pad(ints, ((0, 0), (0, more))),
        )
        self._tracks[3][0, old:] = np.arange(old, capacity)  # rows that are free, at the end of `order`
        self._one_class = np.zeros(capacity, np.int64)
        room = capacity * capacity // 4 + 1  # tracks times detections at most; memory that is not touched costs nothing
        self._arrays = (
            self._counters,
            *self._tracks,
            np.zeros((capacity, N_TABLE_COLUMNS)),
            np.zeros((N_WORK_FLOATS, capacity)),
            np.zeros((N_WORK_INTS, capacity + 1), np.int64),
            np.empty(room, np.int64),
            np.empty(room),
        )
        self._capacity = capacity


def _complaint(detections: Detections, row: int) -> str:
    box, score = detections.xyxy[row].tolist(), float(detections.score[row])
    return (
        f"detection {row} must have finite corners, left <= right, top <= bottom and a score in [0, 1]: got xyxy={box}, score={score}; "
        'to drop such detections build the tracker with on_invalid="drop"'
    )
