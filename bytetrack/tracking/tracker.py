"""What all trackers share: their arrays, and the way from a frame's Detections to its Tracks around one kernel."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt

from bytetrack.checks import check_real
from bytetrack.runtime.compilation import as_python
from bytetrack.structures import Detections, Tracks
from bytetrack.tracking.kalman import COVARIANCE, VELOCITY, VELOCITY_VARIANCE
from bytetrack.tracking.state import (
    CAPACITY,
    DROPPED,
    FRAME,
    LOST,
    N_ALIVE,
    N_COUNTERS,
    REMOVED,
    ROUNDING,
    Tracked,
    block_sizes,
    forget_removed,
    views,
)

__all__ = ["STILL", "Tracker", "check_camera_motion"]

log = logging.getLogger(__name__)

FIRST_CAPACITY = 128
STILL = np.eye(2, 3)  # the camera motion of a camera that stands
LARGEST_SCALE, LARGEST_SHIFT = 100.0, 1e9

_new = object.__new__
_set_xyxy, _set_track_id, _set_score, _set_class_id, _set_detection_index = (
    getattr(Tracks, field.name).__set__ for field in fields(Tracks)
)


class Tracker:
    """A tracker around `kernel(xyxy, score, class_id, *given, parameters, floats, ints, out_floats, out_ints) -> int`.

    `given` is what `USES` names, in its order: the camera motion (2, 3) and features (n, d), of d = 0 where there are none.
    `floats` and `ints` are the blocks that `views` names, a row a track; rows of removed tracks are used again, and the blocks
    grow when full, so memory follows the largest number of tracks alive at once. `own` are the shapes of what the tracker
    itself remembers of a track; `n_remembered` more rows of features each come after them. `memory` is how many frames of time a track
    can be away and be found in the next.
    """

    USES: tuple[str, ...] = ()  # of "camera_motion", "features"; what is given to a tracker that does not use it is noted and ignored
    TAKES_TIME = False  # whether its motion is that of kalman.py, so that tracks move as far as `dt` says
    SHOWS_LOST = False  # whether lost tracks may be put out, so that a frame has more tracks than detections

    def __init__(
        self,
        kernel: Callable[..., int],
        parameters: list[float],
        own: Sequence[tuple[int, ...]] = (),
        n_remembered: int = 0,
        memory: float = math.inf,
    ) -> None:
        self._kernel, self._memory = kernel, memory
        self._parameters = np.array(parameters, dtype=np.float64)
        self._own, self._n_remembered = tuple(own), n_remembered
        self.reset()

    def reset(self) -> None:
        """Forgets everything: the next frame is the first, ids start at 1."""
        self._capacity = self._n_features = 0
        self._counters: npt.NDArray[np.int64] = np.zeros(N_COUNTERS, np.int64)
        self._own_arrays: list[npt.NDArray[np.float64]] = []
        self._step = 1.0  # the last frame's `dt`
        self._noted: set[str] = set()
        self._allocate(FIRST_CAPACITY, 0)

    @property
    def dropped(self) -> int:
        """How many invalid detections were dropped so far (`on_invalid="drop"`)."""
        return int(self._counters[DROPPED])

    def update(
        self,
        detections: Detections,
        camera_motion: npt.ArrayLike | None = None,
        features: npt.ArrayLike | None = None,
        dt: float = 1.0,
    ) -> Tracks:
        """Tracks after one more frame, by ascending id; frames without detections count too.

        `camera_motion` (2, 3) is the affine from the previous frame's pixels to this one's, `features` (n, d) the appearance of
        every detection. Trackers that do not use one (see `USES`) say so once in the log and ignore it.
        `dt` is the time since the previous frame, in frames of the tracker's `frame_rate`: tracks move that far, and how long one is
        remembered counts it, however many updates fall into that time. What was away for longer when the frame comes is forgotten first.
        ValueError names the first detection that is not finite, is inverted, or whose score lies outside [0, 1], and arrays of a
        wrong shape; the tracker is then as it was before.
        """
        xyxy, score, class_id, counters = detections.xyxy, detections.score, detections.class_id, self._counters
        n = len(score)
        if counters.item(N_ALIVE) + n > self._capacity:
            self._allocate(max(2 * self._capacity, counters.item(N_ALIVE) + n), self._n_features)
        classes = self._one_class if class_id is None else class_id
        if not (xyxy.flags.carray and score.flags.carray and (class_id is None or classes.flags.carray)):
            xyxy, score, classes = xyxy.copy(), score.copy(), classes.copy()  # read-only: the kernel knows one kind of array
        given = self._given(n, camera_motion, features) if self.USES or camera_motion is not None or features is not None else ()
        room = n + counters.item(N_ALIVE) if self.SHOWS_LOST else n
        floats, ints = np.empty(5 * room), np.empty(3 * room, np.int64)
        if dt != 1.0:
            self._pass_time(dt)
        n_tracks = self._kernel(xyxy, score, classes, *given, self._parameters, self._floats, self._ints, floats, ints)
        if dt != 1.0:
            self._resume_time(dt, n_tracks < 0)
        self._step = dt
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
        tracked = self._tracked
        rows = tracked.order[: self._counters.item(N_ALIVE)]
        rows = rows[tracked.state[rows] == LOST]
        return Tracks(tracked.box[rows], tracked.track_id[rows], tracked.score[rows], None, np.full(len(rows), -1))

    def _pass_time(self, dt: float) -> None:
        """Before a frame `dt` after the last: one step of the kernel is `dt` frames, as velocities are those of `dt` frames."""
        check_real("dt", dt, 1e-3, 1e6)
        self._before = self._ints.copy() if dt > 1.0 else None
        if not self._counters[FRAME]:
            return
        self._tracked.late[0] += dt - 1.0
        if dt > 1.0:
            self._forget_long_away()
        if self.TAKES_TIME:
            self._in_steps_of(dt, slice(None))
        else:
            self._note("dt in its motion")

    def _resume_time(self, dt: float, refused: bool) -> None:
        """After it: velocities are those of a frame again; tracks born in this one had none. As before where it was refused."""
        first = self._counters[FRAME] == (0 if refused else 1)
        if self.TAKES_TIME and not first:
            old = slice(None) if refused else self._tracked.first_frame != self._counters[FRAME]
            self._in_steps_of(1 / dt, old)
        if refused and not first:
            self._tracked.late[0] -= dt - 1.0
            if self._before is not None:
                self._ints[:] = self._before

    def _forget_long_away(self) -> None:
        """Removes the tracks that the frames left out between the last update and this one would have removed."""
        tracked, frame = self._tracked, int(self._counters[FRAME]) + 1
        rows = tracked.order[: self._counters[N_ALIVE]]
        gone = rows[frame + tracked.late[0] - tracked.last_time[rows] > self._memory + max(self._step, 1.0) + ROUNDING]
        if len(gone):
            tracked.state[gone] = REMOVED
            as_python(forget_removed)(tracked, self._counters, np.empty(len(rows), np.int64))

    def _in_steps_of(self, dt: float, rows: slice | npt.NDArray[np.bool_]) -> None:
        motion = self._tracked.motion
        for moment, power in ((VELOCITY, 1), (COVARIANCE, 1), (VELOCITY_VARIANCE, 2)):
            motion[rows, moment] *= dt**power

    def _given(self, n: int, camera_motion: npt.ArrayLike | None, features: npt.ArrayLike | None) -> tuple[npt.NDArray[Any], ...]:
        """What the kernel takes besides the detections; notes once what it does not take."""
        given: list[npt.NDArray[Any]] = []
        if "camera_motion" in self.USES:
            given.append(STILL if camera_motion is None else check_camera_motion(camera_motion))
        elif camera_motion is not None:
            self._note("camera motion")
        if "features" in self.USES:
            given.append(np.empty((n, 0)) if features is None else self._unit_features(features, n))
        elif features is not None:
            self._note("features")
        return tuple(given)

    def _note(self, what: str) -> None:
        if what not in self._noted:
            log.warning("%s takes no account of %s: what is given is ignored", type(self).__name__, what)
            self._noted.add(what)

    def _unit_features(self, features: npt.ArrayLike, n: int) -> npt.NDArray[np.float64]:
        """The features (n, d) at length 1; the first ones decide d, and make room for those of tracks."""
        table = np.array(features, dtype=np.float64)
        if table.ndim != 2 or len(table) != n or (self._n_features and table.shape[1] != self._n_features):
            wanted = self._n_features or "d"
            raise ValueError(f"features must have shape ({n}, {wanted}), a row a detection: got {table.shape}")
        if not np.isfinite(table).all():
            raise ValueError(f"features must be finite: row {int(np.argmin(np.isfinite(table).all(axis=1)))} is not")
        if not self._n_features and table.shape[1]:
            self._allocate(self._capacity, table.shape[1])
        largest = np.abs(table).max(axis=1, keepdims=True, initial=0)
        table = np.divide(table, largest, out=np.zeros_like(table), where=largest > 0)
        length = np.sqrt((table * table).sum(axis=1, keepdims=True))
        return np.asarray(np.divide(table, length, out=np.zeros_like(table), where=largest > 0))

    def _allocate(self, capacity: int, n_features: int) -> None:
        """New blocks, with the old ones' tracks in them."""
        remembered = [(n_features, self._n_remembered)] if self._n_remembered else []
        shapes = [(capacity, *shape) for shape in (*self._own, *remembered)]
        n_own = sum(math.prod(shape) for shape in shapes)
        n_floats, n_ints = block_sizes(capacity, n_own // capacity)
        floats, ints = np.zeros(n_floats), np.zeros(n_ints, np.int64)
        ints[CAPACITY] = capacity
        tracked = as_python(views)(np.empty((0, 4)), np.empty(0), np.empty(0, np.int64), floats, ints)[1]
        ends = np.cumsum([math.prod(shape) for shape in shapes], dtype=np.int64).tolist()
        own = [tracked.own[end - math.prod(shape) : end].reshape(shape) for end, shape in zip(ends, shapes, strict=True)]
        tracked.order[:] = np.arange(capacity)
        old = self._capacity
        if old:
            ints[:N_COUNTERS] = self._counters
            ints[CAPACITY] = capacity
            for before, after in zip((*self._tracked[:-1], *self._own_arrays), (*tracked[:-1], *own), strict=True):
                after[:old] = before if before.size or not after.size else 0
        self._floats, self._ints, self._counters = floats, ints, ints[:N_COUNTERS]
        self._tracked: Tracked = tracked
        self._own_arrays, self._capacity, self._n_features = own, capacity, n_features
        self._one_class = np.zeros(capacity, np.int64)


def check_camera_motion(camera_motion: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """The affine (2, 3) as the kernels take it; ValueError unless it is one, finite, and one that a camera can make."""
    affine = np.array(camera_motion, dtype=np.float64)
    if affine.shape != (2, 3):
        raise ValueError(f"camera_motion must have shape (2, 3), the affine from the previous frame to this one: got {affine.shape}")
    scale = affine[0, 0] * affine[1, 1] - affine[0, 1] * affine[1, 0]
    within = np.abs(affine[:, :2]).max() <= LARGEST_SCALE and np.abs(affine[:, 2]).max() <= LARGEST_SHIFT
    if not (within and scale >= LARGEST_SCALE**-2):
        raise ValueError(f"camera_motion must be finite, not mirror, and scale by no more than {LARGEST_SCALE:g}: got {affine.tolist()}")
    return affine


def _complaint(detections: Detections, row: int) -> str:
    box, score = detections.xyxy[row].tolist(), float(detections.score[row])
    return (
        f"detection {row} must have finite corners, left <= right, top <= bottom and a score in [0, 1]: got xyxy={box}, score={score}; "
        'to drop such detections build the tracker with on_invalid="drop"'
    )
