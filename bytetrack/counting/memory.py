"""A counter's state of recent identities: rows of arrays, used again when an identity is forgotten."""

from __future__ import annotations

import math
from collections import deque

import numpy as np
import numpy.typing as npt

from bytetrack.counting.geometry import Floats, ground_from_image

__all__ = ["Ground", "States"]

Ints = npt.NDArray[np.int64]


class States:
    """One row per identity in memory.

    Of every identity: `track_id`, `class_id` (-1: none), the last `anchor`, `seen` time and `frame_id`. Of every line: `side` (1 right,
    -1 left, 0 not known yet), `net` passages through the segment to the right since the last clear position, the last such
    `crossing` (x, y, time), `counted` (bit 1 in, bit 2 out). Of every zone: `inside` (1, -1, 0 not known yet), `since` when, `visited`.
    """

    def __init__(self, lines: int, zones: int) -> None:
        self.row_of: dict[int, int] = {}
        self._free: list[int] = []
        self.track_id, self.class_id, self.frame_id = (np.zeros(0, np.int64) for _ in range(3))
        self.anchor, self.seen = np.zeros((0, 2)), np.zeros(0)
        self.side, self.net = np.zeros((0, lines), np.int64), np.zeros((0, lines), np.int64)
        self.crossing, self.counted = np.zeros((0, lines, 3)), np.zeros((0, lines), np.int64)
        self.inside, self.since, self.visited = np.zeros((0, zones), np.int64), np.zeros((0, zones)), np.zeros((0, zones), np.bool_)

    def rows(self, track_id: Ints) -> Ints:
        """Returns the rows (n,) of the identities `track_id` (n,); those not in memory get a blank one, its anchor NaN."""
        for new in [key for key in track_id.tolist() if key not in self.row_of]:
            if not self._free:
                self._grow()
            row = self._free.pop()
            for array in self._arrays():
                array[row] = 0
            self.anchor[row], self.track_id[row] = np.nan, new
            self.row_of[new] = row
        return np.array([self.row_of[key] for key in track_id.tolist()], dtype=np.int64)

    def used(self) -> Ints:
        return np.fromiter(self.row_of.values(), np.int64, len(self.row_of))

    def free(self, track_id: int) -> None:
        self._free.append(self.row_of.pop(track_id))

    def _arrays(self) -> list[npt.NDArray[np.generic]]:
        return [value for value in vars(self).values() if isinstance(value, np.ndarray)]

    def _grow(self) -> None:
        size = len(self.seen)
        self._free.extend(range(max(2 * size, 64) - 1, size - 1, -1))
        for name, array in list(vars(self).items()):
            if isinstance(array, np.ndarray):
                setattr(self, name, np.concatenate([array, np.zeros((max(size, 64 - size), *array.shape[1:]), array.dtype)]))


class Ground:
    """Paths of identities on the ground, in metres: speed over the last `window` seconds, distance in steps of at least `step`."""

    def __init__(self, homography: Floats, window: float, step: float) -> None:
        self.homography, self.window, self.step = homography, window, step
        self._recent: dict[int, deque[tuple[float, float, float]]] = {}
        self._walked: dict[int, tuple[float, float, float]] = {}  # the last corner's x and y, the distance up to it

    def update(self, track_id: Ints, anchor: Floats, time: float) -> None:
        """Takes note of the anchors (n, 2), in pixels, of the identities `track_id` (n,); those on the horizon are left out."""
        for key, (x, y) in zip(track_id.tolist(), ground_from_image(anchor, self.homography).tolist(), strict=True):
            if math.isnan(x):
                continue
            recent = self._recent.setdefault(key, deque())
            while len(recent) > 1 and recent[1][0] <= time - self.window:
                recent.popleft()
            recent.append((time, x, y))
            corner_x, corner_y, distance = self._walked.setdefault(key, (x, y, 0.0))
            if (step := math.hypot(x - corner_x, y - corner_y)) > 0 and step >= self.step:
                self._walked[key] = (x, y, distance + step)

    def speed(self, track_id: int) -> float | None:
        """Returns metres per second over the last window; None before half of it has been seen."""
        recent = self._recent.get(track_id)
        if not recent or recent[-1][0] - recent[0][0] < self.window / 2:
            return None
        (before, x, y), (now, to_x, to_y) = recent[0], recent[-1]
        return math.hypot(to_x - x, to_y - y) / (now - before)

    def distance(self, track_id: int) -> float:
        return self._walked.get(track_id, (0.0, 0.0, 0.0))[2]

    def forget(self, track_id: int) -> None:
        self._recent.pop(track_id, None)
        self._walked.pop(track_id, None)
