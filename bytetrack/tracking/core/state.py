"""Declares the arrays that every tracker's kernel works on, and gives them names inside two flat blocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bytetrack.runtime.compilation import as_python, jit_inline
from bytetrack.tracking.core.association import Binned, Pairs, Solver
from bytetrack.tracking.core.fields import table

__all__ = ["DetectionArrays", "Layout", "NoMemory", "TrackArrays", "Work", "layout"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

UNCONFIRMED, TRACKED, LOST, REMOVED, COASTING = range(5)  # states of a track; COASTING: lost, and output all the same
IGNORED, LOW, HIGH, MATCHED = range(4)  # kinds of a detection
N_ALIVE, FRAME, LAST_ID, DROPPED, CAPACITY, N_COUNTERS = range(6)  # whole numbers of a tracker
NOW, DT, LAST_DT, MAX_ABSENCE, N_CLOCK = range(5)  # its times in frames: of this frame, since the last, the DT before, `Tracker`'s argument


class DetectionArrays(NamedTuple):
    """The detections of a frame. `kind` says which association a detection waits for."""

    xyxy: Floats
    score: Floats
    class_id: Ints
    kind: Ints


class TrackArrays(NamedTuple):
    """The tracks, a row each. The living are `order[:n_alive]`, by ascending id; the rows in the rest of `order` are free."""

    motion: Annotated[Floats, (5, 4)]  # the Kalman filter's moments (filters/kalman.py)
    box: Annotated[Floats, (4,)]  # xyxy, predicted or corrected
    score: Floats  # that of the last detection
    last_time: Floats  # when last matched, in frames
    order: Ints
    track_id: Ints
    state: Ints
    first_frame: Ints
    last_frame: Ints
    class_id: Ints
    detection: Ints  # the last detection's row in its frame


class Work(NamedTuple):
    """Scratch arrays of one update, a row for every track and one more. Nothing in them outlives the update."""

    rows: Ints  # three lists of rows, of tracks or of detections
    others: Ints
    left: Ints
    kind: Ints  # `DetectionArrays.kind`
    scores: Floats  # two lists of numbers
    sums: Floats
    track_boxes: Annotated[Floats, (4,)]  # boxes as one association sees them, or whatever takes four numbers
    detection_boxes: Annotated[Floats, (4,)]
    pair_first: Ints  # `Pairs.first`
    binned: Binned
    solver: Solver


class NoMemory(NamedTuple):
    """The memory of a tracker that remembers nothing of a track besides `TrackArrays`."""


class Layout(NamedTuple):
    """The places of a tracker's arrays in its two blocks.

    The kernel `view(xyxy, score, class_id, floats, ints)` returns `DetectionArrays`, `TrackArrays`, the tracker's memory, `Work`,
    `Pairs`, the counters, the clock, and the floats left for features. The kernel `clear(memory, row)` sets a track's memory to 0, which
    a new track needs: its row may have been another's. `sizes(capacity)` returns how many floats and integers `capacity` tracks take
    without features. `view_in_python(floats, ints)` returns the arrays that outlive an update. `n_clock` is the length of the clock, with
    the values of the stream behind it.
    """

    view: Callable[..., Any]
    clear: Callable[..., Any]
    view_in_python: Callable[[Floats, Ints], tuple[TrackArrays, Any, Floats]]
    sizes: Callable[[int], tuple[int, int]]
    n_clock: int


TRACKS, WORK = table(TrackArrays), table(Work)


def layout(memory: type[Any] = NoMemory, stream: type[Any] = NoMemory) -> Layout:
    """Returns the layout of a tracker that remembers the arrays of the NamedTuple `memory` of every track, too (core/fields.py).

    Of the whole stream it remembers those of `stream`, of floats: as a table of one row, `clock[N_CLOCK:]`.
    """
    own, n_clock = table(memory), N_CLOCK + table(stream).n_floats
    view_tracks, view_memory, view_work = TRACKS.view, own.view, WORK.view
    track_floats, track_ints = TRACKS.n_floats, TRACKS.n_ints
    n_floats, n_ints = TRACKS.n_floats + own.n_floats, TRACKS.n_ints + own.n_ints
    work_floats, work_ints = WORK.n_floats, WORK.n_ints

    @jit_inline
    def view(xyxy: Floats, score: Floats, class_id: Ints, floats: Floats, ints: Ints) -> Any:
        n = ints[CAPACITY]
        f, i, room = n_clock + n_floats * n, N_COUNTERS + n_ints * n, n * n // 4 + 1
        tracks = view_tracks(floats[n_clock:], ints[N_COUNTERS:], n)
        remembered = view_memory(floats[n_clock + track_floats * n :], ints[N_COUNTERS + track_ints * n :], n)
        work = view_work(floats[f:], ints[i:], n + 1)
        f, i = f + work_floats * (n + 1), i + work_ints * (n + 1)
        pairs = Pairs(work.pair_first, ints[i : i + room], floats[f : f + room])
        detections = DetectionArrays(xyxy, score, class_id, work.kind)
        return detections, tracks, remembered, work, pairs, ints[:N_COUNTERS], floats[:n_clock], floats[f + room :]

    def sizes(capacity: int) -> tuple[int, int]:
        room = capacity * capacity // 4 + 1  # pairs at most, of `capacity` tracks and detections together; untouched memory is free
        floats, ints = n_floats * capacity + work_floats * (capacity + 1), n_ints * capacity + work_ints * (capacity + 1)
        return n_clock + floats + room, N_COUNTERS + ints + room

    def view_in_python(floats: Floats, ints: Ints) -> tuple[TrackArrays, Any, Floats]:
        n = int(ints[CAPACITY])
        tracks = as_python(view_tracks)(floats[n_clock:], ints[N_COUNTERS:], n)
        remembered = as_python(view_memory)(floats[n_clock + track_floats * n :], ints[N_COUNTERS + track_ints * n :], n)
        return tracks, remembered, floats[sizes(n)[0] :]

    return Layout(view, own.clear, view_in_python, sizes, n_clock)
