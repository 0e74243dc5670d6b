"""Hands a frame's Detections to a tracker's kernel and its Tracks back; owns the tracker's arrays."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from bytetrack.checks import check_real
from bytetrack.structures import Detections, Tracks
from bytetrack.tracking.core.state import (
    CAPACITY,
    DROPPED,
    DT,
    LAST_DT,
    LOST,
    MAX_ABSENCE,
    N_ALIVE,
    N_COUNTERS,
    Layout,
    TrackArrays,
)

if TYPE_CHECKING:
    from typing import Self

__all__ = ["STILL", "SearchSpace", "Tracker", "check_camera_motion"]

log = logging.getLogger(__name__)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SearchSpace = dict[str, dict[str, Any]]  # of a setting: {"low": …, "high": …[, "step": …][, "log": True]} or {"choices": [...]}

FIRST_CAPACITY = 128
STILL = np.eye(2, 3)  # the camera motion of a still camera
NO_FEATURES = np.empty((0, 0))  # of however many detections
LARGEST_SCALE, LARGEST_SHIFT = 100.0, 1e9

_new = object.__new__
_set_xyxy, _set_track_id, _set_score, _set_class_id, _set_detection_index = (
    getattr(Tracks, field.name).__set__ for field in fields(Tracks)
)


class Tracker:
    """A tracker around `kernel(xyxy, score, class_id, *given, parameters, floats, ints, out_floats, out_ints) -> int`.

    `given` are the `inputs` in their order: the camera motion (2, 3) and features (n, d), or (0, 0) if there are none. `floats` and
    `ints` are the blocks that the layout's `view` names, a row a track. Rows of removed tracks are used again, and the blocks grow
    when full, so memory follows the largest number of tracks alive at once.

    Args:
        kernel: Tracks one frame; returns the number of tracks it output, or -1 - row of the first invalid detection.
        parameters: A NamedTuple of numbers, which the kernel names again by `record` (core/fields.py).
        layout: Where the arrays lie in the blocks.
        max_absence: How many frames of time a track can be away and still be found in the next.
        n_features: How many features of each track the block has room for, after everything else.
    """

    inputs: ClassVar[tuple[str, ...]] = ()  # of "camera_motion", "features"; others are noted in the log once and ignored
    supports_dt: ClassVar[bool] = False  # whether tracks move as far as `dt` says
    outputs_lost: ClassVar[bool] = False  # whether lost tracks may be output, so that a frame has more tracks than detections
    search_space: ClassVar[SearchSpace] = {}  # what tools/tune.py searches

    _recognises = False  # whether `_recognised` has a look at the tracks of every frame
    _floats: Floats
    _ints: Ints
    _counters: Ints
    _tracks: TrackArrays

    def __init__(
        self, kernel: Callable[..., int], parameters: tuple[float, ...], layout: Layout, max_absence: float = math.inf, n_features: int = 0
    ) -> None:
        self._kernel, self._layout, self._max_absence, self._n_features = kernel, layout, max_absence, n_features
        self._parameters = np.array(parameters, dtype=np.float64)
        self.reset()

    def reset(self) -> None:
        """Forgets everything: the next frame is the first, ids start at 1."""
        self._dt = 1.0
        self._noted: set[str] = set()
        self._arrays: tuple[Any, ...] = ()
        self._allocate(FIRST_CAPACITY, 0)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Copies the blocks and names the arrays in the copies; copied one by one, arrays and blocks would part."""
        copied = copy.copy(self)
        memo[id(self)] = copied
        copied._noted = set(self._noted)
        copied._allocate(self._capacity, self._feature_length)
        return copied

    @property
    def dropped(self) -> int:
        """The number of invalid detections dropped so far (`on_invalid="drop"`)."""
        return int(self._counters[DROPPED])

    @property
    def capacity(self) -> int:
        """The number of tracks that the arrays have room for; they grow when needed."""
        return self._capacity

    def update(
        self,
        detections: Detections,
        camera_motion: npt.ArrayLike | None = None,
        features: npt.ArrayLike | None = None,
        dt: float = 1.0,
    ) -> Tracks:
        """Returns the tracks after one more frame, by ascending id. Call it for frames without detections, too.

        Args:
            detections: The frame's detections.
            camera_motion: The affine (2, 3) from the previous frame's pixels to this one's.
            features: The appearance of every detection, (n, d). A tracker that does not use an input (see `inputs`) says so once in
                the log and ignores it.
            dt: Time since the previous frame, in frames of the tracker's `frame_rate`. Tracks move that far, and how long a track is
                remembered counts time, however many updates fall into it. Tracks away for longer when the frame comes are removed first.

        Raises:
            ValueError: A detection is not finite, is inverted, or its score lies outside [0, 1]; an array has a wrong shape. The
                tracker is then as it was before.
            TypeError: `detections` are another library's.
        """
        try:
            xyxy, score, class_id, counters = detections.xyxy, detections.score, detections.class_id, self._counters
        except AttributeError:
            raise TypeError(
                f"update expects Detections(xyxy, score[, class_id]), got {type(detections).__name__}; bytetrack.adapters converts the "
                "results of other libraries"
            ) from None
        n = len(score)
        if counters.item(N_ALIVE) + n > self._capacity:
            self._allocate(max(2 * self._capacity, counters.item(N_ALIVE) + n), self._feature_length)
        classes = self._one_class if class_id is None else class_id
        if not (xyxy.flags.carray and score.flags.carray and (class_id is None or classes.flags.carray)):
            xyxy, score, classes = xyxy.copy(), score.copy(), classes.copy()  # read-only: the kernel knows one kind of array
        given = self._given(n, camera_motion, features) if self.inputs or camera_motion is not None or features is not None else ()
        room = n + counters.item(N_ALIVE) if self.outputs_lost else n
        floats, ints = np.empty(5 * room), np.empty(3 * room, np.int64)
        if dt != self._dt:
            self._set_dt(dt)
        n_tracks = self._kernel(xyxy, score, classes, *given, self._parameters, self._floats, self._ints, floats, ints)
        if n_tracks < 0:
            raise ValueError(_complaint(detections, -1 - n_tracks))
        tracks = _new(Tracks)  # what Tracks(...) does, in half the time: its setters are called directly
        _set_xyxy(tracks, floats[: 4 * n_tracks].reshape(n_tracks, 4))
        _set_score(tracks, floats[4 * n_tracks : 5 * n_tracks])
        _set_track_id(tracks, ints[:n_tracks])
        _set_class_id(tracks, None if class_id is None else ints[n_tracks : 2 * n_tracks])
        _set_detection_index(tracks, ints[2 * n_tracks : 3 * n_tracks])
        return self._recognised(tracks) if self._recognises else tracks

    def _recognised(self, tracks: Tracks) -> Tracks:
        """Returns the frame's tracks as they are output, for a tracker that `_recognises` some of them."""
        raise NotImplementedError

    def lost(self) -> Tracks:
        """Returns the tracks that the last frame did not show but that may come back, by ascending id, with their predicted boxes.

        Their scores are those of their last detections; `class_id` is None and `detection_index` -1.
        """
        tracks = self._tracks
        rows = tracks.order[: self._counters.item(N_ALIVE)]
        rows = rows[tracks.state[rows] == LOST]
        return Tracks(tracks.box[rows], tracks.track_id[rows], tracks.score[rows], None, np.full(len(rows), -1))

    def _set_dt(self, dt: float) -> None:
        check_real("dt", dt, 1e-3, 1e6)
        self._floats[DT] = self._dt = dt
        if not self.supports_dt and dt != 1.0:
            self._note("dt in its motion")

    def _given(self, n: int, camera_motion: npt.ArrayLike | None, features: npt.ArrayLike | None) -> tuple[npt.NDArray[Any], ...]:
        """Returns the inputs that the kernel takes besides the detections; notes once those that it does not take."""
        given: list[npt.NDArray[Any]] = []
        if "camera_motion" in self.inputs:
            given.append(STILL if camera_motion is None else check_camera_motion(camera_motion))
        elif camera_motion is not None:
            self._note("camera motion")
        if "features" in self.inputs:
            given.append(NO_FEATURES if features is None else self._unit_features(features, n))
        elif features is not None:
            self._note("features")
        return tuple(given)

    def _note(self, what: str) -> None:
        if what not in self._noted:
            log.warning("%s takes no account of %s: what is given is ignored", type(self).__name__, what)
            self._noted.add(what)

    def _unit_features(self, features: npt.ArrayLike, n: int) -> Floats:
        """Returns the features (n, d) at length 1. The first ones decide d, and make room for those of tracks."""
        given = np.array(features, dtype=np.float64)
        if given.ndim != 2 or len(given) != n or (self._feature_length and given.shape[1] != self._feature_length):
            wanted = self._feature_length or "d"
            raise ValueError(f"features must have shape ({n}, {wanted}), a row a detection: got {given.shape}")
        if not np.isfinite(given).all():
            raise ValueError(f"features must be finite: row {int(np.argmin(np.isfinite(given).all(axis=1)))} is not")
        if not self._feature_length and given.shape[1]:
            self._allocate(self._capacity, given.shape[1])
        largest = np.abs(given).max(axis=1, keepdims=True, initial=0)
        given = np.divide(given, largest, out=np.zeros_like(given), where=largest > 0)
        length = np.sqrt((given * given).sum(axis=1, keepdims=True))
        return np.asarray(np.divide(given, length, out=np.zeros_like(given), where=largest > 0))

    def _allocate(self, capacity: int, feature_length: int) -> None:
        """Makes new blocks, with the tracks of the old ones in them."""
        n_floats, n_ints = self._layout.sizes(capacity)
        n_remembered = self._n_features * feature_length
        floats, ints = np.zeros(n_floats + n_remembered * capacity), np.zeros(n_ints, np.int64)
        floats[[DT, LAST_DT, MAX_ABSENCE]], ints[CAPACITY] = (self._dt, 1.0, self._max_absence), capacity
        tracks, memory, rest = self._layout.view_in_python(floats, ints)
        tracks.order[:] = np.arange(capacity)
        arrays = (*tracks, *memory, rest.reshape(capacity, n_remembered))
        if self._arrays:
            n_clock = self._layout.n_clock
            floats[:n_clock], ints[:N_COUNTERS] = self._floats[:n_clock], self._counters
            ints[CAPACITY] = capacity
            for before, after in zip(self._arrays, arrays, strict=True):
                if before.size:
                    after[: len(before)] = before
        self._floats, self._ints, self._counters, self._arrays = floats, ints, ints[:N_COUNTERS], arrays
        self._tracks = tracks
        self._capacity, self._feature_length = capacity, feature_length
        self._one_class = np.zeros(capacity, np.int64)


def check_camera_motion(camera_motion: npt.ArrayLike) -> Floats:
    """Returns the affine (2, 3) as the kernels take it.

    Raises:
        ValueError: It is not of that shape, not finite, or none that a camera can make.
    """
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
