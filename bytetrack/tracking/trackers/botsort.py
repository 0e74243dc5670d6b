"""BoT-SORT (Aharon et al., BoT-SORT: Robust Associations Multi-Pedestrian Tracking, 2022): BYTE, a moving camera, appearance."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from bytetrack.runtime.compilation import jit, jit_cached, jit_inline
from bytetrack.tracking.core.appearance import Appearance, appearance_of, blend, given, half_cosine_distance, take
from bytetrack.tracking.core.association import NONE, Bins, Pairs, assign, bin_boxes
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
    remove_duplicates,
    split_by_score,
    unmatched,
)
from bytetrack.tracking.core.similarity import list_pairs, prune_pairs
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
from bytetrack.tracking.filters import xywh
from bytetrack.tracking.filters.xywh import Noise
from bytetrack.tracking.parameters import Deviation, Frames, Share, checked
from bytetrack.tracking.tracker import SearchSpace, Tracker

__all__ = ["BotSort", "predict_with_camera"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Parameters(NamedTuple):
    """The arguments of `BotSort`, as the kernel takes them."""

    high_score: Share
    low_score: Share
    new_track_score: Share
    match_cost: Share
    low_match_cost: Share
    unconfirmed_match_cost: Share
    duplicate_cost: Share
    max_lost_frames: Frames
    fuse_score: bool
    position_noise: Deviation
    velocity_noise: Deviation
    proximity_cost: Share
    appearance_cost: Share
    appearance_memory: Share
    drop_invalid: bool


parameters_of = record(Parameters)
arrays = layout()
view = arrays.view


@jit
def predict_with_camera(tracks: TrackArrays, n: int, camera: Floats, noise: Noise, freeze_unconfirmed: bool, dt: float) -> None:
    """Moves all tracks into the camera's new pixels, then predicts them; removes those whose box degenerates.

    Lost tracks keep their size. If `freeze_unconfirmed`, tracks matched once move with the camera only.
    """
    still = xywh.is_still(camera)
    for t in range(n):
        row = tracks.order[t]
        motion = tracks.motion[row]
        if not still:
            xywh.move_with_camera(motion, camera)
        if not (freeze_unconfirmed and tracks.state[row] == UNCONFIRMED):
            if tracks.state[row] == LOST:
                xywh.stop_size(motion)
            xywh.predict(motion, noise, dt)
        xywh.write_box(motion, tracks.box[row])
        remove_degenerate(tracks, row)


@jit
def list_pairs_by_iou_and_appearance(
    rows: Ints,
    limit: float,
    p: Parameters,
    bins: Bins,
    tracks: TrackArrays,
    appearance: Appearance,
    detections: DetectionArrays,
    work: Work,
    pairs: Pairs,
) -> None:
    """Lists pairs with high detections by the smaller of the IoU's cost and the appearance's (section 3.3, equations 12 and 13).

    The appearance counts for pairs that look alike and lie close.
    """
    list_pairs(rows, HIGH, max(limit, p.proximity_cost), False, bins, tracks, detections, work.binned, pairs)
    for i in range(len(rows)):
        for e in range(pairs.first[i], pairs.first[i + 1]):
            j, distance = pairs.column[e], pairs.cost[e]
            cost = 1.0 - (1.0 - distance) * detections.score[j] if p.fuse_score else distance
            if distance <= p.proximity_cost:
                unlike = half_cosine_distance(appearance.tracks[rows[i]], appearance.detections[j])
                if unlike <= p.appearance_cost:
                    cost = min(cost, unlike)
            pairs.cost[e] = cost
    prune_pairs(len(rows), limit, pairs)


@jit_inline
def associate(
    rows: Ints,
    kind: int,
    limit: float,
    p: Parameters,
    noise: Noise,
    bins: Bins,
    tracks: TrackArrays,
    appearance: Appearance,
    detections: DetectionArrays,
    work: Work,
    pairs: Pairs,
    frame: int,
    now: float,
) -> None:
    """Matches tracks to high detections by IoU and appearance, to low ones by IoU; features of low ones are not remembered."""
    by_appearance = kind == HIGH and given(appearance)
    if by_appearance:
        list_pairs_by_iou_and_appearance(rows, limit, p, bins, tracks, appearance, detections, work, pairs)
    else:
        list_pairs(rows, kind, limit, p.fuse_score and kind == HIGH, bins, tracks, detections, work.binned, pairs)
    assign(len(rows), len(detections.score), pairs, limit, work.solver)
    for i in range(len(rows)):
        row, j = rows[i], work.solver.column_of[i]
        if j != NONE:
            xywh.correct(tracks.motion[row], detections.xyxy[j], p.position_noise, 1.0)
            xywh.write_box(tracks.motion[row], tracks.box[row])
            if by_appearance:
                blend(appearance.tracks[row], appearance.detections[j], p.appearance_memory)
            mark_matched(tracks, row, detections, j, frame, now)


@jit
def start_tracks(
    least_score: float,
    noise: Noise,
    tracks: TrackArrays,
    appearance: Appearance,
    detections: DetectionArrays,
    counters: Ints,
    frame: int,
    now: float,
) -> None:
    """Starts tracks at unmatched high detections with a score of at least `least_score`: confirmed at once in the first frame only."""
    for j in range(len(detections.score)):
        if detections.kind[j] == HIGH and detections.score[j] >= least_score:
            row = new_track(tracks, detections, j, TRACKED if frame == 1 else UNCONFIRMED, counters, now)
            xywh.start(tracks.motion[row], detections.xyxy[j], noise)
            xywh.write_box(tracks.motion[row], tracks.box[row])
            take(appearance.tracks[row], appearance.detections, j)


@jit_cached
def botsort_update(
    xyxy: Floats,
    score: Floats,
    class_id: Ints,
    camera: Floats,
    features: Floats,
    parameters: Floats,
    floats: Floats,
    ints: Ints,
    out_floats: Floats,
    out_ints: Ints,
) -> int:
    """Tracks one frame; returns what `Tracker` expects of a kernel."""
    p: Parameters = parameters_of(parameters)
    detections, tracks, _, work, pairs, counters, clock, rest = view(xyxy, score, class_id, floats, ints)
    n = split_by_score(detections, p.high_score, p.low_score, True, p.drop_invalid, counters, work.rows)
    if n < 0:
        return n
    frame, now = next_frame(tracks, counters, clock, work.others)
    noise = Noise(p.position_noise, p.velocity_noise)
    appearance = appearance_of(rest, tracks, features)
    bins = bin_boxes(xyxy, class_id, work.rows[:n], 0.0, work.binned)
    predict_with_camera(tracks, counters[N_ALIVE], camera, noise, True, clock[DT])
    pool, unconfirmed = list_by_state(tracks, counters[N_ALIVE], work.rows, work.others)

    associate(pool, HIGH, p.match_cost, p, noise, bins, tracks, appearance, detections, work, pairs, frame, now)
    left, tracked = unmatched(pool, tracks, frame)
    associate(tracked, LOW, p.low_match_cost, p, noise, bins, tracks, appearance, detections, work, pairs, frame, now)
    mark_unmatched(left, LOST, tracks, frame)
    associate(unconfirmed, HIGH, p.unconfirmed_match_cost, p, noise, bins, tracks, appearance, detections, work, pairs, frame, now)
    mark_unmatched(unconfirmed, REMOVED, tracks, frame)
    start_tracks(p.new_track_score, noise, tracks, appearance, detections, counters, frame, now)
    expire(tracks, counters[N_ALIVE], now, p.max_lost_frames)
    remove_duplicates(tracks, counters[N_ALIVE], p.duplicate_cost, 0.0, work, pairs)
    forget_removed(tracks, counters, work.rows)
    return output_tracks(tracks, counters[N_ALIVE], out_floats, out_ints)


class BotSort(Tracker):
    """BoT-SORT: BYTE with width and height in the state, the camera's motion compensated, and appearance if features are given.

    Not as published: IoU without border pixels, lost tracks are removed after exactly `max_lost_frames`, sizes under camera motion (see
    filters/xywh.py), and features of low detections are not remembered.

    Args:
        high_score: As in ByteTracker.
        low_score: As in ByteTracker; None switches the second association off.
        new_track_score: As in ByteTracker.
        match_cost: As in ByteTracker, stricter.
        low_match_cost: As in ByteTracker.
        unconfirmed_match_cost: As in ByteTracker.
        duplicate_cost: As in ByteTracker.
        max_lost_frames: As in ByteTracker.
        fuse_score: As in ByteTracker.
        position_noise: Standard deviation of the motion a frame, as a part of width and height.
        velocity_noise: The same of the velocity.
        proximity_cost: A pair with `1 - IoU` up to it, and half the cosine distance of features up to `appearance_cost`, has the smaller
            of its two costs (theta_iou).
        appearance_cost: See there (theta_emb).
        appearance_memory: How much of a track's features is kept when a detection is matched (alpha).
        on_invalid: As in ByteTracker.
        frame_rate: As in ByteTracker.

    Raises:
        ValueError: An argument is out of range.
    """

    inputs = ("camera_motion", "features")
    supports_dt = True
    search_space: ClassVar[SearchSpace] = {
        "high_score": {"low": 0.4, "high": 0.8, "step": 0.01},
        "low_score": {"low": 0.05, "high": 0.35, "step": 0.01},
        "new_track_score": {"low": 0.4, "high": 0.9, "step": 0.01},
        "match_cost": {"low": 0.6, "high": 0.98, "step": 0.01},
        "low_match_cost": {"low": 0.2, "high": 0.8, "step": 0.01},
        "unconfirmed_match_cost": {"low": 0.3, "high": 0.9, "step": 0.01},
        "duplicate_cost": {"low": 0.0, "high": 0.5, "step": 0.01},
        "max_lost_frames": {"low": 10, "high": 90},
        "fuse_score": {"choices": [True, False]},
        "position_noise": {"low": 0.01, "high": 0.15, "step": 0.005},
        "velocity_noise": {"low": 0.001, "high": 0.05, "log": True},
    }

    def __init__(
        self,
        high_score: float = 0.6,
        low_score: float | None = 0.1,
        new_track_score: float = 0.7,
        match_cost: float = 0.8,
        low_match_cost: float = 0.5,
        unconfirmed_match_cost: float = 0.7,
        duplicate_cost: float = 0.15,
        max_lost_frames: int = 30,
        fuse_score: bool = True,
        position_noise: float = 0.05,
        velocity_noise: float = 0.00625,
        proximity_cost: float = 0.5,
        appearance_cost: float = 0.25,
        appearance_memory: float = 0.9,
        on_invalid: str = "raise",
        frame_rate: float | None = None,
    ) -> None:
        parameters = checked(Parameters, locals())
        super().__init__(botsort_update, parameters, arrays, max_absence=parameters.max_lost_frames, n_features=1)
