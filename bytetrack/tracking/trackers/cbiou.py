"""C-BIoU (Yang et al., Hard to Track Objects With Irregular Motions and Similar Appearances?, WACV 2023): buffered boxes, no filter."""

from __future__ import annotations

from typing import Annotated, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from bytetrack.runtime.compilation import jit, jit_cached, jit_inline
from bytetrack.tracking.core.association import NONE, Pairs, assign
from bytetrack.tracking.core.fields import record
from bytetrack.tracking.core.lifecycle import (
    expire,
    forget_removed,
    list_by_state,
    mark_matched,
    mark_unmatched,
    new_track,
    next_frame,
    output_tracks,
    remove_degenerate,
    split_by_score,
    unmatched,
)
from bytetrack.tracking.core.similarity import list_pairs_buffered
from bytetrack.tracking.core.state import (
    HIGH,
    LOST,
    LOW,
    N_ALIVE,
    REMOVED,
    TRACKED,
    UNCONFIRMED,
    DetectionArrays,
    TrackArrays,
    Work,
    layout,
)
from bytetrack.tracking.parameters import Frames, Share, Whole, Within, checked
from bytetrack.tracking.tracker import SearchSpace, Tracker

__all__ = ["CBIoU"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

N_SEEN, WHEN = 8, 4  # how many observations are kept, in slot number % N_SEEN; the column of their time


class Parameters(NamedTuple):
    """The arguments of `CBIoU`, as the kernel takes them."""

    high_score: Share
    low_score: Share
    new_track_score: Share
    match_cost: Share
    second_match_cost: Share
    low_match_cost: Share
    buffer: Annotated[float, Within(0, 10)]
    second_buffer: Annotated[float, Within(0, 10)]
    mean_frames: Annotated[int, Whole(1, N_SEEN - 1)]
    max_lost_frames: Frames
    fuse_score: bool
    drop_invalid: bool


class Memory(NamedTuple):
    """C-BIoU's memory of a track."""

    past: Annotated[Floats, (N_SEEN, 5)]  # its last observations, xyxy and the time
    n_observations: Ints


parameters_of = record(Parameters)
arrays = layout(Memory)
view, clear = arrays.view, arrays.clear


@jit
def extrapolate(past: Floats, n_observations: int, over: int, time: float, box: Floats) -> None:
    """Writes into `box` where the mean motion over the last `over` observations takes the last one (the paper's motion estimation).

    A width or height that would vanish stays as it was.
    """
    last = past[(n_observations - 1) % N_SEEN]
    back = min(n_observations - 1, over)
    earlier = past[(n_observations - 1 - back) % N_SEEN]
    ahead = (time - last[WHEN]) / (last[WHEN] - earlier[WHEN]) if back > 0 else 0.0
    for d in range(2):
        middle = (last[d] + last[d + 2]) / 2 + ahead * (last[d] + last[d + 2] - earlier[d] - earlier[d + 2]) / 2
        side = last[d + 2] - last[d]
        grown = side + ahead * (side - earlier[d + 2] + earlier[d])
        half = grown / 2 if grown > 0.0 else side / 2
        box[d], box[d + 2] = middle - half, middle + half


@jit
def observe(row: int, j: int, tracks: TrackArrays, memory: Memory, detections: DetectionArrays, now: float) -> None:
    """Keeps the observation; the track's box is the observation."""
    slot = memory.n_observations[row] % N_SEEN
    for d in range(4):
        memory.past[row, slot, d] = tracks.box[row, d] = detections.xyxy[j, d]
    memory.past[row, slot, WHEN] = now
    memory.n_observations[row] += 1


@jit_inline
def associate(
    rows: Ints,
    kind: int,
    limit: float,
    buffer: float,
    fuse_score: bool,
    tracks: TrackArrays,
    memory: Memory,
    detections: DetectionArrays,
    work: Work,
    pairs: Pairs,
    frame: int,
    now: float,
) -> None:
    """Matches tracks to detections of a kind by `1 - IoU` of boxes grown by `buffer` (equation 1), below `limit`."""
    list_pairs_buffered(rows, kind, limit, buffer, fuse_score, tracks, detections, work, pairs)
    assign(len(rows), len(detections.score), pairs, limit, work.solver)
    for i in range(len(rows)):
        row, j = rows[i], work.solver.column_of[i]
        if j != NONE:
            observe(row, j, tracks, memory, detections, now)
            mark_matched(tracks, row, detections, j, frame, now)


@jit
def start_tracks(
    least_score: float, tracks: TrackArrays, memory: Memory, detections: DetectionArrays, counters: Ints, frame: int, now: float
) -> None:
    """Starts tracks at unmatched high detections with a score of at least `least_score`: confirmed at once in the first frame only."""
    for j in range(len(detections.score)):
        if detections.kind[j] == HIGH and detections.score[j] >= least_score:
            row = new_track(tracks, detections, j, TRACKED if frame == 1 else UNCONFIRMED, counters, now)
            clear(memory, row)
            observe(row, j, tracks, memory, detections, now)


@jit_cached
def cbiou_update(
    xyxy: Floats, score: Floats, class_id: Ints, parameters: Floats, floats: Floats, ints: Ints, out_floats: Floats, out_ints: Ints
) -> int:
    """Tracks one frame; returns what `Tracker` expects of a kernel."""
    p: Parameters = parameters_of(parameters)
    detections, tracks, memory, work, pairs, counters, clock, _ = view(xyxy, score, class_id, floats, ints)
    n = split_by_score(detections, p.high_score, p.low_score, True, p.drop_invalid, counters, work.rows)
    if n < 0:
        return n
    frame, now = next_frame(tracks, counters, clock, work.others)
    fuse = p.fuse_score
    for t in range(counters[N_ALIVE]):
        row = tracks.order[t]
        extrapolate(memory.past[row], memory.n_observations[row], p.mean_frames, now, tracks.box[row])
        remove_degenerate(tracks, row)
    pool, unconfirmed = list_by_state(tracks, counters[N_ALIVE], work.rows, work.others)

    associate(pool, HIGH, p.match_cost, p.buffer, fuse, tracks, memory, detections, work, pairs, frame, now)
    left, _ = unmatched(pool, tracks, frame)
    associate(left, HIGH, p.second_match_cost, p.second_buffer, fuse, tracks, memory, detections, work, pairs, frame, now)
    left, tracked = unmatched(left, tracks, frame)
    associate(tracked, LOW, p.low_match_cost, p.buffer, False, tracks, memory, detections, work, pairs, frame, now)  # BYTE
    mark_unmatched(left, LOST, tracks, frame)
    associate(unconfirmed, HIGH, p.second_match_cost, p.second_buffer, fuse, tracks, memory, detections, work, pairs, frame, now)
    mark_unmatched(unconfirmed, REMOVED, tracks, frame)
    start_tracks(p.new_track_score, tracks, memory, detections, counters, frame, now)
    expire(tracks, counters[N_ALIVE], now, p.max_lost_frames)
    forget_removed(tracks, counters, work.rows)
    return output_tracks(tracks, counters[N_ALIVE], out_floats, out_ints)


class CBIoU(Tracker):
    """C-BIoU: two associations by the IoU of buffered boxes, the small buffer first; the mean of the last motions in place of a filter.

    The paper gives no limits of cost and no rule for new tracks: those are BYTE's. With class ids only tracks and detections of one
    class are associated. Boxes without area overlap nothing and start nothing.

    Args:
        high_score: Detections from it up are tracked.
        low_score: Those between it and `high_score` are offered to tracked tracks that are left (BYTE); None: they are ignored.
        new_track_score: An unmatched detection needs it to start a track. A track is output from its second frame on, in the first
            frame of the video at once.
        match_cost: First association: pairs of cost `1 - similarity` below it can match.
        second_match_cost: The same of the second, and of tracks matched once.
        low_match_cost: The same of BYTE's.
        buffer: The part of its width and height by which a box grows on each side, in the first association (b1).
        second_buffer: The same in the second (b2).
        mean_frames: Over how many of the last motions the mean is taken (n).
        max_lost_frames: How long a track is remembered without a detection, in frames; with `frame_rate` in frames of a 30 fps video.
        fuse_score: Whether similarity is multiplied by the detection's score in all but BYTE's association.
        on_invalid: "raise" or "drop" detections that are not finite, inverted, or have a score outside [0, 1].
        frame_rate: Frames a second of the video; None leaves `max_lost_frames` as it is.

    Raises:
        ValueError: An argument is out of range.
    """

    supports_dt = True
    search_space: ClassVar[SearchSpace] = {
        "high_score": {"low": 0.4, "high": 0.8, "step": 0.01},
        "low_score": {"choices": [None, 0.1, 0.2, 0.3]},
        "new_track_score": {"low": 0.4, "high": 0.9, "step": 0.01},
        "match_cost": {"low": 0.4, "high": 0.95, "step": 0.01},
        "second_match_cost": {"low": 0.4, "high": 0.95, "step": 0.01},
        "buffer": {"low": 0.0, "high": 0.6, "step": 0.05},
        "second_buffer": {"low": 0.0, "high": 1.0, "step": 0.05},
        "mean_frames": {"low": 1, "high": 7},
        "max_lost_frames": {"low": 10, "high": 60},
        "fuse_score": {"choices": [True, False]},
    }

    def __init__(
        self,
        high_score: float = 0.6,
        low_score: float | None = None,
        new_track_score: float = 0.7,
        match_cost: float = 0.7,
        second_match_cost: float = 0.7,
        low_match_cost: float = 0.5,
        buffer: float = 0.3,
        second_buffer: float = 0.5,
        mean_frames: int = 5,
        max_lost_frames: int = 30,
        fuse_score: bool = False,
        on_invalid: str = "raise",
        frame_rate: float | None = None,
    ) -> None:
        parameters = checked(Parameters, locals())
        super().__init__(cbiou_update, parameters, arrays, max_absence=parameters.max_lost_frames)
