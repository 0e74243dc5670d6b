"""BYTE (Zhang et al., ByteTrack: Multi-Object Tracking by Associating Every Detection Box, ECCV 2022)."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from bytetrack.runtime.compilation import jit, jit_cached, jit_inline
from bytetrack.tracking.core.association import NONE, Bins, Pairs, assign, bin_boxes
from bytetrack.tracking.core.fields import record
from bytetrack.tracking.core.lifecycle import (
    forget_removed,
    frames_since,
    list_by_state,
    mark_matched,
    mark_unmatched,
    new_track,
    next_frame,
    output_tracks,
    remove_duplicates,
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
from bytetrack.tracking.filters import xyah
from bytetrack.tracking.parameters import Frames, Share, checked
from bytetrack.tracking.tracker import SearchSpace, Tracker

__all__ = ["ByteTracker"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Parameters(NamedTuple):
    """The arguments of `ByteTracker`, as the kernel takes them."""

    high_score: Share
    low_score: Share
    new_track_score: Share
    match_cost: Share
    low_match_cost: Share
    unconfirmed_match_cost: Share
    duplicate_cost: Share
    max_lost_frames: Frames
    fuse_score: bool
    paper_exact: bool
    drop_invalid: bool


class Memory(NamedTuple):
    """BYTE's memory of a track."""

    overdue: Ints  # 1: was lost for too long when found again, and is removed as soon as it is lost (the published code)


parameters_of = record(Parameters)
arrays = layout(Memory)
view, clear = arrays.view, arrays.clear


@jit
def predict(rows: Ints, tracks: TrackArrays, dt: float) -> None:
    """Predicts the boxes of tracks; lost ones keep their height."""
    for i in range(len(rows)):
        row = rows[i]
        if tracks.state[row] == LOST:
            xyah.stop_height(tracks.motion[row])
        xyah.predict(tracks.motion[row], dt)
        xyah.write_box(tracks.motion[row], tracks.box[row])


@jit_inline
def associate(
    rows: Ints,
    kind: int,
    limit: float,
    fuse_score: bool,
    bins: Bins,
    tracks: TrackArrays,
    detections: DetectionArrays,
    work: Work,
    pairs: Pairs,
    frame: int,
    now: float,
) -> None:
    """Matches tracks to detections of a kind at the smallest sum of costs; every cost is `1 - IoU` (times the score), below `limit`."""
    list_pairs(rows, kind, limit, fuse_score, bins, tracks, detections, work.binned, pairs)
    assign(len(rows), len(detections.score), pairs, limit, work.solver)
    for i in range(len(rows)):
        row, j = rows[i], work.solver.column_of[i]
        if j != NONE:
            xyah.correct(tracks.motion[row], detections.xyxy[j])
            xyah.write_box(tracks.motion[row], tracks.box[row])
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
            xyah.start(tracks.motion[row], detections.xyxy[j])
            xyah.write_box(tracks.motion[row], tracks.box[row])


@jit
def expire(tracks: TrackArrays, n: int, memory: Memory, frame: int, now: float, max_lost_frames: float, paper_exact: bool) -> None:
    """Removes tracks lost for more than `max_lost_frames` frames of time.

    The published code removes them one frame late: they can be found again in that frame, and are then removed once they are lost.
    """
    for t in range(n):
        row = tracks.order[t]
        if tracks.state[row] != LOST:
            continue
        too_long = frames_since(tracks, row, now) > max_lost_frames
        if memory.overdue[row] == 1 or (too_long and not paper_exact):
            tracks.state[row] = REMOVED
        elif too_long and frame - tracks.last_frame[row] > 1:
            memory.overdue[row] = 1


@jit_cached
def byte_update(
    xyxy: Floats, score: Floats, class_id: Ints, parameters: Floats, floats: Floats, ints: Ints, out_floats: Floats, out_ints: Ints
) -> int:
    """Runs algorithm 1 of the paper on one frame; returns what `Tracker` expects of a kernel."""
    p: Parameters = parameters_of(parameters)
    detections, tracks, memory, work, pairs, counters, clock, _ = view(xyxy, score, class_id, floats, ints)
    border = 1.0 if p.paper_exact else 0.0

    n = split_by_score(detections, p.high_score, p.low_score, not p.paper_exact, p.drop_invalid, counters, work.rows)  # lines 3-13
    if n < 0:
        return n
    frame, now = next_frame(tracks, counters, clock, work.others)
    bins = bin_boxes(xyxy, class_id, work.rows[:n], border, work.binned)
    pool, unconfirmed = list_by_state(tracks, counters[N_ALIVE], work.rows, work.others)
    predict(pool, tracks, clock[DT])  # lines 14-16
    associate(pool, HIGH, p.match_cost, p.fuse_score, bins, tracks, detections, work, pairs, frame, now)  # line 17
    left, tracked = unmatched(pool, tracks, frame)  # lines 18-19
    associate(tracked, LOW, p.low_match_cost, False, bins, tracks, detections, work, pairs, frame, now)  # line 20
    mark_unmatched(left, LOST, tracks, frame)  # lines 21-22
    associate(unconfirmed, HIGH, p.unconfirmed_match_cost, p.fuse_score, bins, tracks, detections, work, pairs, frame, now)
    mark_unmatched(unconfirmed, REMOVED, tracks, frame)  # these two lines, and remove_duplicates, are the published code's
    start_tracks(p.new_track_score, tracks, memory, detections, counters, frame, now)  # lines 23-27
    expire(tracks, counters[N_ALIVE], memory, frame, now, p.max_lost_frames, p.paper_exact)
    remove_duplicates(tracks, counters[N_ALIVE], p.duplicate_cost, border, work, pairs)
    forget_removed(tracks, counters, work.rows)
    return output_tracks(tracks, counters[N_ALIVE], out_floats, out_ints)


class ByteTracker(Tracker):
    """BYTE. The defaults are the paper code's; `paper_exact=True` keeps its three observable quirks.

    With class ids only tracks and detections of one class are associated; without, every box counts as class 0. Boxes without
    area overlap nothing and start nothing.

    Args:
        high_score: Detections above it are associated first (tau).
        low_score: Those between it and `high_score` are associated second, with the tracks that are left. None, or `high_score`,
            switches the second association off (the baseline of the paper's table).
        new_track_score: An unmatched detection needs it to start a track (epsilon). A track is output from its second frame on, in
            the first frame of the video at once.
        match_cost: First association: pairs of cost `1 - IoU * score` below it can match.
        low_match_cost: Second association: `1 - IoU` below it.
        unconfirmed_match_cost: Association of tracks matched once: as `match_cost`.
        duplicate_cost: A lost and a live track with `1 - IoU` below it are one; the older stays.
        max_lost_frames: How long a track without a detection is remembered, in frames; with `frame_rate` in frames of a 30 fps
            video, `max_lost_frames / 30` seconds. Time is what `update` is told (`dt`), however many updates fall into it.
        fuse_score: Whether IoU is multiplied by the detection's score in all but the second association.
        paper_exact: IoU counts both border pixels, a score equal to `high_score` or `low_score` is in neither set, and lost tracks
            are removed one frame late (a track found in that frame is removed as soon as it is lost again). False: plain IoU, sets
            closed below, exactly `max_lost_frames`.
        on_invalid: "raise" or "drop" detections that are not finite, inverted, or have a score outside [0, 1].
        frame_rate: Frames a second of the video; None leaves `max_lost_frames` as it is.

    Raises:
        ValueError: An argument is out of range.
    """

    supports_dt = True
    search_space: ClassVar[SearchSpace] = {
        "high_score": {"low": 0.4, "high": 0.8, "step": 0.01},
        "low_score": {"low": 0.05, "high": 0.35, "step": 0.01},
        "new_track_score": {"low": 0.4, "high": 0.9, "step": 0.01},
        "match_cost": {"low": 0.6, "high": 0.98, "step": 0.01},
        "low_match_cost": {"low": 0.2, "high": 0.8, "step": 0.01},
        "unconfirmed_match_cost": {"low": 0.3, "high": 0.9, "step": 0.01},
        "duplicate_cost": {"low": 0.0, "high": 0.5, "step": 0.01},
        "max_lost_frames": {"low": 10, "high": 60},
        "fuse_score": {"choices": [True, False]},
    }

    def __init__(
        self,
        high_score: float = 0.6,
        low_score: float | None = 0.1,
        new_track_score: float = 0.7,
        match_cost: float = 0.9,
        low_match_cost: float = 0.5,
        unconfirmed_match_cost: float = 0.7,
        duplicate_cost: float = 0.15,
        max_lost_frames: int = 30,
        fuse_score: bool = True,
        paper_exact: bool = True,
        on_invalid: str = "raise",
        frame_rate: float | None = None,
    ) -> None:
        parameters = checked(Parameters, locals())
        super().__init__(byte_update, parameters, arrays, max_absence=parameters.max_lost_frames + paper_exact)
