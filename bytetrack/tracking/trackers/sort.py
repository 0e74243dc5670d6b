"""SORT (Bewley et al., Simple Online and Realtime Tracking, ICIP 2016): confident boxes, a Kalman filter, the best total IoU."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from bytetrack.runtime.compilation import jit, jit_cached
from bytetrack.tracking.core.association import Bins, Pairs, assign, bin_boxes
from bytetrack.tracking.core.fields import record
from bytetrack.tracking.core.lifecycle import (
    forget_removed,
    frames_since,
    mark_matched,
    mark_unmatched,
    new_track,
    next_frame,
    output_tracks,
    split_by_score,
    unmatched,
)
from bytetrack.tracking.core.similarity import list_pairs
from bytetrack.tracking.core.state import (
    DT,
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
from bytetrack.tracking.filters import xysr
from bytetrack.tracking.parameters import Count, Frames, Share, checked
from bytetrack.tracking.tracker import SearchSpace, Tracker

__all__ = ["Sort"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Parameters(NamedTuple):
    """The arguments of `Sort`, as the kernel takes them."""

    high_score: Share
    low_score: Share
    match_cost: Share
    low_match_cost: Share
    max_lost_frames: Frames
    min_hits: Count
    drop_invalid: bool


class Memory(NamedTuple):
    """SORT's memory of a track."""

    hits: Ints  # in how many frames in a row it was matched


parameters_of = record(Parameters)
arrays = layout(Memory)
view, clear = arrays.view, arrays.clear


@jit
def predict_tracked_first(tracks: TrackArrays, n: int, dt: float, rows: Ints) -> None:
    """Predicts the boxes of all tracks; lists them in `rows`, those output in the last frame first."""
    n_listed = 0
    for others in range(2):
        for t in range(n):
            row = tracks.order[t]
            if (tracks.state[row] == TRACKED) == (others == 0):
                xysr.predict(tracks.motion[row], dt)
                xysr.write_box(tracks.motion[row], tracks.box[row])
                rows[n_listed] = row
                n_listed += 1


@jit
def count_hit(row: int, tracks: TrackArrays, hits: Ints) -> None:
    """Counts one more frame in a row in which a track is matched, for a lost one from 1 on. Call it before `mark_matched`."""
    hits[row] = 1 if tracks.state[row] == LOST else hits[row] + 1


@jit
def associate(
    rows: Ints,
    kind: int,
    limit: float,
    largest: float,
    bins: Bins,
    tracks: TrackArrays,
    memory: Memory,
    detections: DetectionArrays,
    work: Work,
    pairs: Pairs,
    frame: int,
    now: float,
) -> None:
    """Matches tracks to detections of a kind at the smallest sum of costs `1 - IoU` below `limit`.

    Pairs of the assignment that cost more than `largest` are not matched ("Data Association").
    """
    list_pairs(rows, kind, limit, False, bins, tracks, detections, work.binned, pairs)
    assign(len(rows), len(detections.score), pairs, limit, work.solver)
    for i in range(len(rows)):
        row, j = rows[i], work.solver.column_of[i]
        for e in range(pairs.first[i], pairs.first[i + 1]):
            if pairs.column[e] == j and pairs.cost[e] <= largest:
                count_hit(row, tracks, memory.hits)
                xysr.correct(tracks.motion[row], detections.xyxy[j])
                xysr.write_box(tracks.motion[row], tracks.box[row])
                mark_matched(tracks, row, detections, j, frame, now)


@jit
def start_tracks(tracks: TrackArrays, memory: Memory, detections: DetectionArrays, counters: Ints, now: float) -> None:
    """Starts unconfirmed tracks at unmatched high detections."""
    for j in range(len(detections.score)):
        if detections.kind[j] == HIGH:
            row = new_track(tracks, detections, j, UNCONFIRMED, counters, now)
            clear(memory, row)
            xysr.start(tracks.motion[row], detections.xyxy[j])
            xysr.write_box(tracks.motion[row], tracks.box[row])


@jit
def confirm_and_expire(tracks: TrackArrays, hits: Ints, n: int, min_hits: int, max_lost_frames: float, frame: int, now: float) -> None:
    """Removes tracks lost for too long; confirms those hit often enough in a row, in the first frames all.

    "Creation and Deletion of Track Identities": the paper's probation is `min_hits`, its T_Lost is `max_lost_frames`.
    """
    for t in range(n):
        row = tracks.order[t]
        if frames_since(tracks, row, now) > max_lost_frames:
            tracks.state[row] = REMOVED
        elif tracks.state[row] != LOST:
            tracks.state[row] = TRACKED if hits[row] >= min_hits or frame <= min_hits else UNCONFIRMED


@jit_cached
def sort_update(
    xyxy: Floats, score: Floats, class_id: Ints, parameters: Floats, floats: Floats, ints: Ints, out_floats: Floats, out_ints: Ints
) -> int:
    """Tracks one frame; returns what `Tracker` expects of a kernel."""
    p: Parameters = parameters_of(parameters)
    detections, tracks, memory, work, pairs, counters, clock, _ = view(xyxy, score, class_id, floats, ints)
    n = split_by_score(detections, p.high_score, p.low_score, False, p.drop_invalid, counters, work.rows)
    if n < 0:
        return n
    frame, now = next_frame(tracks, counters, clock, work.others)
    bins = bin_boxes(xyxy, class_id, work.rows[:n], 0.0, work.binned)
    pool = work.others[: counters[N_ALIVE]]
    predict_tracked_first(tracks, counters[N_ALIVE], clock[DT], pool)
    associate(pool, HIGH, 1.0, p.match_cost, bins, tracks, memory, detections, work, pairs, frame, now)
    left, tracked = unmatched(pool, tracks, frame)
    associate(tracked, LOW, p.low_match_cost, 1.0, bins, tracks, memory, detections, work, pairs, frame, now)  # BYTE
    mark_unmatched(left, LOST, tracks, frame)
    start_tracks(tracks, memory, detections, counters, now)
    confirm_and_expire(tracks, memory.hits, counters[N_ALIVE], p.min_hits, p.max_lost_frames, frame, now)
    forget_removed(tracks, counters, work.rows)
    return output_tracks(tracks, counters[N_ALIVE], out_floats, out_ints)


class Sort(Tracker):
    """SORT, with the values of the published comparison with BYTE (the paper has `max_lost_frames=1`).

    With class ids only tracks and detections of one class are associated. Boxes without area overlap nothing and start nothing.

    Args:
        high_score: Detections above it are tracked.
        match_cost: Pairs of cost `1 - IoU` above it do not match, whatever the assignment says.
        max_lost_frames: How many frames a track is remembered without a detection.
        min_hits: A track is output once it was matched in that many frames in a row after its first; in the first `min_hits` frames
            of the video at once.
        low_score: Detections between it and `high_score` are offered to tracks output in the last frame that are left (BYTE's second
            association); None: they are ignored, as in SORT.
        low_match_cost: There, pairs of cost below it can match.
        on_invalid: "raise" or "drop" detections that are not finite, inverted, or have a score outside [0, 1].

    Raises:
        ValueError: An argument is out of range.
    """

    supports_dt = True
    search_space: ClassVar[SearchSpace] = {
        "high_score": {"low": 0.2, "high": 0.8, "step": 0.01},
        "low_score": {"choices": [None, 0.1, 0.2]},
        "match_cost": {"low": 0.4, "high": 0.95, "step": 0.01},
        "max_lost_frames": {"low": 1, "high": 60},
        "min_hits": {"low": 0, "high": 5},
    }

    def __init__(
        self,
        high_score: float = 0.4,
        match_cost: float = 0.7,
        max_lost_frames: int = 30,
        min_hits: int = 3,
        low_score: float | None = None,
        low_match_cost: float = 0.5,
        on_invalid: str = "raise",
    ) -> None:
        parameters = checked(Parameters, locals())
        super().__init__(sort_update, parameters, arrays, max_absence=parameters.max_lost_frames)
