"""TrackTrack (Shim et al., Focusing on Tracks for Online Multi-Object Tracking, CVPR 2025): each track chooses, births are vetoed."""

from __future__ import annotations

from typing import Annotated, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from bytetrack.runtime.compilation import jit, jit_cached
from bytetrack.tracking.core.appearance import Appearance, appearance_of, blend, given, half_cosine_distance, take
from bytetrack.tracking.core.association import NONE, Pairs, Solver, bin_boxes, candidate_pairs
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
    split_by_score,
)
from bytetrack.tracking.core.similarity import list_pairs, prune_pairs, vertical_iou
from bytetrack.tracking.core.state import (
    DT,
    HIGH,
    IGNORED,
    LOST,
    LOW,
    MATCHED,
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
from bytetrack.tracking.parameters import Count, Frames, Share, Whole, checked
from bytetrack.tracking.tracker import SearchSpace, Tracker
from bytetrack.tracking.trackers.botsort import predict_with_camera
from bytetrack.tracking.trackers.hybridsort import direction_cost, sum_directions
from bytetrack.tracking.trackers.ocsort import N_SEEN, forget_observations, keep_observation

__all__ = ["TrackTrack"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SUPPRESSED = MATCHED + 1  # a kind of detection: high, and overlapped by a better one
LEAST_IOU = 0.1  # pairs of a smaller IoU, or of this one, never match
NOISE = Noise(position=0.05, velocity=0.00625)  # BoT-SORT's


class Parameters(NamedTuple):
    """The arguments of `TrackTrack`, as the kernel takes them."""

    high_score: Share
    low_score: Share
    new_track_score: Share
    match_cost: Share
    limit_step: Share
    low_penalty: Share
    suppressed_penalty: Share
    suppressed_overlap: Share
    birth_overlap: Share
    max_lost_frames: Frames
    min_hits: Count
    confidence_weight: Share
    direction_weight: Share
    direction_frames: Annotated[int, Whole(1, N_SEEN - 1)]
    appearance_weight: Share
    appearance_memory: Share
    drop_invalid: bool


class Memory(NamedTuple):
    """TrackTrack's memory of a track."""

    past: Annotated[Floats, (N_SEEN, 5)]  # its last observations, xyxy and the frame
    heading: Annotated[Floats, (4, 2)]  # for each corner, the sum of its directions over 1 to `direction_frames` frames
    score_before: Floats  # the score before its last one
    hits: Ints  # in how many frames it was matched, its first counted


parameters_of = record(Parameters)
arrays = layout(Memory)
view, clear = arrays.view, arrays.clear


@jit
def move_past(tracks: TrackArrays, n: int, camera: Floats, past: Floats) -> None:
    """Moves the observations of all tracks, and so the directions from them, into the camera's new pixels."""
    if xywh.is_still(camera):
        return
    for t in range(n):
        row = tracks.order[t]
        for slot in range(N_SEEN):
            box = past[row, slot]
            for k in range(0, 4, 2):
                box[k], box[k + 1] = xywh.move_point(box[k], box[k + 1], camera)


@jit
def suppress(rows: Ints, overlap: float, kind: int, detections: DetectionArrays, work: Work, pairs: Pairs) -> None:
    """Gives the `kind` to those detections of `rows` that have an IoU above `overlap` with one of `rows` of a higher score.

    Clobbers `work.binned` and `pairs`.
    """
    bins = bin_boxes(detections.xyxy, detections.class_id, rows, 0.0, work.binned)
    for s in range(len(rows)):
        j = rows[s]
        candidate_pairs(rows[s : s + 1], detections.xyxy, detections.class_id, work.binned, bins, 1.0 - overlap, pairs)
        for e in range(pairs.first[1]):
            if detections.score[pairs.column[e]] > detections.score[j]:
                detections.kind[j] = kind


@jit
def list_high(least_score: float, detections: DetectionArrays, rows: Ints) -> int:
    """Lists the high detections of at least that score in `rows`; returns how many."""
    n = 0
    for j in range(len(detections.score)):
        if detections.kind[j] == HIGH and detections.score[j] >= least_score:
            rows[n] = j
            n += 1
    return n


@jit
def sum_costs(
    rows: Ints,
    p: Parameters,
    tracks: TrackArrays,
    memory: Memory,
    appearance: Appearance,
    detections: DetectionArrays,
    pairs: Pairs,
    frame: int,
) -> None:
    """Turns the costs by IoU in `pairs` into the sum of all terms; removes what is not below `match_cost`.

    The terms: height-modulated IoU and, if there are features, cosine distance; confidence, as extrapolated from the last two scores;
    angle of the corners, in parts of a half turn (a corner that stood still has a right angle); penalty for low and suppressed boxes.
    """
    for i in range(len(rows)):
        row = rows[i]
        expected = 2.0 * tracks.score[row] - memory.score_before[row]
        for e in range(pairs.first[i], pairs.first[i + 1]):
            j = pairs.column[e]
            box, score = detections.xyxy[j], detections.score[j]
            cost = 1.0 - (1.0 - pairs.cost[e]) * vertical_iou(tracks.box[row], box)
            if given(appearance):
                unlike = min(2.0 * half_cosine_distance(appearance.tracks[row], appearance.detections[j]), 1.0)
                cost += p.appearance_weight * (unlike - cost)
            cost += p.confidence_weight * abs(expected - score)
            if p.direction_weight > 0.0:
                ahead = direction_cost(memory.past[row], memory.heading[row], box, p.direction_frames, frame, tracks.last_frame[row])
                cost += p.direction_weight * score * (0.5 + 0.25 * ahead)
            if detections.kind[j] != HIGH:
                cost += p.low_penalty if detections.kind[j] == LOW else p.suppressed_penalty
            pairs.cost[e] = cost
    prune_pairs(len(rows), p.match_cost, pairs)


@jit
def match_mutually(n_rows: int, n_columns: int, pairs: Pairs, limit: float, step: float, solver: Solver) -> None:
    """Matches rows and columns that are each other's cheapest, round after round, until a round matches none.

    A pair of the first round costs less than `limit`, of each further one by `step` less. The result is `solver.column_of`.
    """
    cheapest, row_of = solver.distance, solver.parent  # of a column, among the rows that are left
    for i in range(n_rows):
        solver.column_of[i] = NONE
    for j in range(n_columns):
        solver.settled[j] = 0
    found = True
    while found:
        for j in range(n_columns):
            cheapest[j], row_of[j] = limit, NONE
        for i in range(n_rows):
            if solver.column_of[i] == NONE:
                for e in range(pairs.first[i], pairs.first[i + 1]):
                    j = pairs.column[e]
                    if solver.settled[j] == 0 and pairs.cost[e] < cheapest[j]:
                        cheapest[j], row_of[j] = pairs.cost[e], i
        found = False
        for i in range(n_rows):
            if solver.column_of[i] == NONE:
                least, nearest = limit, NONE
                for e in range(pairs.first[i], pairs.first[i + 1]):
                    if row_of[pairs.column[e]] != NONE and pairs.cost[e] < least:  # not matched before this round
                        least, nearest = pairs.cost[e], pairs.column[e]
                if nearest != NONE and row_of[nearest] == i:
                    solver.column_of[i], solver.settled[nearest], found = nearest, 1, True
        limit -= step


@jit
def match_listed(
    rows: Ints,
    p: Parameters,
    tracks: TrackArrays,
    memory: Memory,
    appearance: Appearance,
    detections: DetectionArrays,
    work: Work,
    pairs: Pairs,
    frame: int,
    now: float,
) -> None:
    """Matches tracks to detections of the listed pairs, which have costs by IoU; updates the matched."""
    sum_costs(rows, p, tracks, memory, appearance, detections, pairs, frame)
    match_mutually(len(rows), len(detections.score), pairs, p.match_cost, p.limit_step, work.solver)
    for i in range(len(rows)):
        row, j = rows[i], work.solver.column_of[i]
        if j == NONE:
            continue
        xywh.correct(tracks.motion[row], detections.xyxy[j], NOISE.position, 1.0)
        xywh.write_box(tracks.motion[row], tracks.box[row])
        sum_directions(memory.heading[row], memory.past[row], detections.xyxy[j], p.direction_frames, frame, tracks.last_frame[row])
        keep_observation(memory.past[row], detections.xyxy[j], frame)
        if given(appearance):
            keep = p.appearance_memory + (1.0 - p.appearance_memory) * (1.0 - detections.score[j])
            blend(appearance.tracks[row], appearance.detections[j], keep)
        memory.score_before[row] = tracks.score[row]
        memory.hits[row] += 1
        mark_matched(tracks, row, detections, j, frame, now)
        tracks.state[row] = TRACKED if memory.hits[row] >= p.min_hits else UNCONFIRMED


@jit
def start_tracks(
    p: Parameters,
    tracks: TrackArrays,
    memory: Memory,
    appearance: Appearance,
    detections: DetectionArrays,
    work: Work,
    pairs: Pairs,
    counters: Ints,
    frame: int,
    now: float,
) -> None:
    """Starts tracks at high detections that are left, unless they lie on a track of this frame or on a better one of them."""
    n, n_active = list_high(p.new_track_score, detections, work.left), 0
    for t in range(counters[N_ALIVE]):
        row = tracks.order[t]
        if tracks.last_frame[row] == frame and tracks.state[row] != REMOVED:
            work.rows[n_active] = row
            n_active += 1
    bins = bin_boxes(detections.xyxy, detections.class_id, work.left[:n], 0.0, work.binned)
    candidate_pairs(work.rows[:n_active], tracks.box, tracks.class_id, work.binned, bins, 1.0 - p.birth_overlap, pairs)
    for e in range(pairs.first[n_active]):
        detections.kind[pairs.column[e]] = IGNORED
    n = list_high(p.new_track_score, detections, work.left)
    suppress(work.left[:n], p.birth_overlap, IGNORED, detections, work, pairs)
    for s in range(n):
        j = work.left[s]
        if detections.kind[j] == HIGH:
            row = new_track(tracks, detections, j, TRACKED if p.min_hits <= 1 else UNCONFIRMED, counters, now)
            clear(memory, row)
            xywh.start(tracks.motion[row], detections.xyxy[j], NOISE)
            xywh.write_box(tracks.motion[row], tracks.box[row])
            take(appearance.tracks[row], appearance.detections, j)
            forget_observations(memory.past[row])
            keep_observation(memory.past[row], detections.xyxy[j], frame)
            memory.score_before[row], memory.hits[row] = detections.score[j], 1


@jit_cached
def tracktrack_update(
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
    detections, tracks, memory, work, pairs, counters, clock, rest = view(xyxy, score, class_id, floats, ints)
    n = split_by_score(detections, p.high_score, p.low_score, True, p.drop_invalid, counters, work.rows)
    if n < 0:
        return n
    frame, now = next_frame(tracks, counters, clock, work.others)
    appearance = appearance_of(rest, tracks, features)
    if p.suppressed_overlap < 1.0:
        n_high = list_high(0.0, detections, work.left)
        suppress(work.left[:n_high], p.suppressed_overlap, SUPPRESSED, detections, work, pairs)
    bins = bin_boxes(xyxy, class_id, work.rows[:n], 0.0, work.binned)
    move_past(tracks, counters[N_ALIVE], camera, memory.past)
    predict_with_camera(tracks, counters[N_ALIVE], camera, NOISE, False, clock[DT])
    pool, unconfirmed = list_by_state(tracks, counters[N_ALIVE], work.rows, work.others)

    candidate_pairs(pool, tracks.box, tracks.class_id, work.binned, bins, 1.0 - LEAST_IOU, pairs)
    match_listed(pool, p, tracks, memory, appearance, detections, work, pairs, frame, now)
    mark_unmatched(pool, LOST, tracks, frame)
    list_pairs(unconfirmed, HIGH, 1.0 - LEAST_IOU, False, bins, tracks, detections, work.binned, pairs)
    match_listed(unconfirmed, p, tracks, memory, appearance, detections, work, pairs, frame, now)
    mark_unmatched(unconfirmed, REMOVED, tracks, frame)
    start_tracks(p, tracks, memory, appearance, detections, work, pairs, counters, frame, now)
    expire(tracks, counters[N_ALIVE], now, p.max_lost_frames)
    forget_removed(tracks, counters, work.rows)
    return output_tracks(tracks, counters[N_ALIVE], out_floats, out_ints)


class TrackTrack(Tracker):
    """TrackTrack: every track chooses among all boxes at once, and no track starts on another; appearance if features are given.

    High, low and suppressed detections are associated together, the latter two at a penalty. Suppressed are high detections that a
    better one overlaps: those that non-maximum suppression removes. A detector hands them on if its own suppression is weaker
    (`detector.nms_iou=0.95`); recorded detections mostly do not have them, and then none is suppressed here.

    Written from the paper's description and trackforge's settings, not from the authors' code. With class ids only tracks and
    detections of one class are associated. Boxes without area overlap nothing and start nothing.

    Args:
        high_score: Detections of at least this score can start tracks and keep unconfirmed ones.
        low_score: Those from it to `high_score` are offered to confirmed tracks at a penalty; None: they are ignored.
        new_track_score: An unmatched detection needs it to start a track.
        match_cost: Pairs of a cost below it can match in the first round.
        limit_step: By how much the limit falls in each further round.
        low_penalty: Added to the cost of low detections.
        suppressed_penalty: Added to the cost of suppressed ones.
        suppressed_overlap: Of two high detections whose IoU is above it, that of the lower score is suppressed; 1: none.
        birth_overlap: No track starts where the IoU with a track of this frame or a better birth is above it; 1: anywhere.
        max_lost_frames: How many frames a lost track is remembered, at 30 frames a second.
        min_hits: A track is output once it was detected in that many frames, its first counted; until then a frame without ends it.
        confidence_weight: Of the difference of the detection's score and the track's, extrapolated from its last two; 0: not.
        direction_weight: Of the angle between the corners' directions and the way to the detection, times its score; 0: not.
        direction_frames: Over how many frames, 1 to this number, the corners' directions are summed.
        appearance_weight: If there are features, the part of their cosine distance in the cost; the rest is the overlap's.
        appearance_memory: How much of a track's features is kept when a detection of score 1 is matched; more at lower scores.
        on_invalid: "raise" or "drop" detections that are not finite, inverted, or have a score outside [0, 1].
        frame_rate: As in ByteTracker.

    Raises:
        ValueError: An argument is out of range.
    """

    inputs = ("camera_motion", "features")
    supports_dt = True
    search_space: ClassVar[SearchSpace] = {
        "high_score": {"low": 0.4, "high": 0.8, "step": 0.01},
        "low_score": {"choices": [None, 0.1, 0.2, 0.3]},
        "new_track_score": {"low": 0.4, "high": 0.9, "step": 0.01},
        "match_cost": {"low": 0.4, "high": 0.9, "step": 0.01},
        "limit_step": {"low": 0.0, "high": 0.2, "step": 0.01},
        "low_penalty": {"low": 0.0, "high": 0.5, "step": 0.05},
        "birth_overlap": {"low": 0.3, "high": 1.0, "step": 0.05},
        "max_lost_frames": {"low": 10, "high": 90},
        "min_hits": {"low": 1, "high": 5},
        "confidence_weight": {"low": 0.0, "high": 0.5, "step": 0.05},
        "direction_weight": {"low": 0.0, "high": 0.3, "step": 0.05},
    }

    def __init__(
        self,
        high_score: float = 0.6,
        low_score: float | None = 0.1,
        new_track_score: float = 0.7,
        match_cost: float = 0.7,
        limit_step: float = 0.05,
        low_penalty: float = 0.2,
        suppressed_penalty: float = 0.4,
        suppressed_overlap: float = 0.8,
        birth_overlap: float = 0.55,
        max_lost_frames: int = 30,
        min_hits: int = 3,
        confidence_weight: float = 0.1,
        direction_weight: float = 0.05,
        direction_frames: int = 3,
        appearance_weight: float = 0.5,
        appearance_memory: float = 0.95,
        on_invalid: str = "raise",
        frame_rate: float | None = None,
    ) -> None:
        parameters = checked(Parameters, locals())
        super().__init__(tracktrack_update, parameters, arrays, max_absence=parameters.max_lost_frames, n_features=1)
