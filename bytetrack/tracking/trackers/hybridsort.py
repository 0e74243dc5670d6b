"""Hybrid-SORT (Yang et al., Hybrid-SORT: Weak Cues Matter for Online Multi-Object Tracking, AAAI 2024): OC-SORT plus three weak cues."""

from __future__ import annotations

from typing import Annotated, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from bytetrack.runtime.compilation import jit, jit_cached, jit_inline
from bytetrack.tracking.core.association import NONE, Bins, Pairs, assign, bin_boxes
from bytetrack.tracking.core.fields import record
from bytetrack.tracking.core.lifecycle import (
    forget_removed,
    mark,
    mark_matched,
    new_track,
    next_frame,
    output_tracks,
    split_by_score,
    unmatched,
)
from bytetrack.tracking.core.similarity import list_pairs, modulate_by_height, prune_pairs
from bytetrack.tracking.core.state import (
    HIGH,
    LOST,
    LOW,
    N_ALIVE,
    UNCONFIRMED,
    DetectionArrays,
    TrackArrays,
    Work,
    layout,
)
from bytetrack.tracking.filters import kalman, xysr
from bytetrack.tracking.parameters import Count, Frames, Share, Whole, Within, checked
from bytetrack.tracking.tracker import SearchSpace, Tracker
from bytetrack.tracking.trackers.ocsort import (
    N_SEEN,
    correct_motion,
    forget_observations,
    move_to_observations,
    move_to_predictions,
    observe,
    observed,
    unit_vector,
)
from bytetrack.tracking.trackers.sort import confirm_and_expire, count_hit, predict_tracked_first

__all__ = ["HybridSort"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

UNMATCHED_COST = 10.0  # above every pair's cost: as many pairs as possible are matched, as in SORT
START_VARIANCE, START_VELOCITY_VARIANCE = 10.0, 1e4  # of the filter of scores: SORT's of the area
VARIANCE, VELOCITY_VARIANCE, MEASUREMENT_VARIANCE = 1.0, 1e-4, 10.0
CORNERS = ((0, 1), (2, 1), (0, 3), (2, 3))  # left or right, top or bottom


class Parameters(NamedTuple):
    """The arguments of `HybridSort`, as the kernel takes them."""

    high_score: Share
    low_score: Share
    match_cost: Share
    max_lost_frames: Frames
    min_hits: Count
    height_power: Annotated[float, Within(0, 100)]
    confidence_weight: Annotated[float, Within(0, 2)]
    low_confidence_weight: Annotated[float, Within(0, 2)]
    direction_weight: Share
    direction_frames: Annotated[int, Whole(1, N_SEEN - 1)]
    reupdate: bool
    recover: bool
    drop_invalid: bool


class Memory(NamedTuple):
    """Hybrid-SORT's memory of a track."""

    past: Annotated[Floats, (N_SEEN, 5)]  # its last observations, xyxy and the frame
    heading: Annotated[Floats, (4, 2)]  # for each corner, the sum of its directions over 1 to `direction_frames` frames
    saved: Annotated[Floats, (5, 4)]  # the filter when it was last matched
    confidence: Annotated[Floats, (5, 1)]  # a Kalman filter of the score (equation 1)
    score_before: Floats  # the score before its last one, -1 if there is none
    hits: Ints  # in how many frames in a row it was matched


parameters_of = record(Parameters)
arrays = layout(Memory)
view, clear = arrays.view, arrays.clear


@jit
def filtered_confidence(row: int, memory: Memory, p: Parameters) -> float:
    """Returns the confidence that the Kalman filter predicts, for the association of high detections (section 3.2)."""
    return float(min(max(memory.confidence[row, kalman.MEAN, 0], p.high_score), 1.0))


@jit
def extrapolated_confidence(row: int, tracks: TrackArrays, memory: Memory, p: Parameters) -> float:
    """Returns the confidence on the line through the last two scores, for the association of low detections (equation 2)."""
    last, before = tracks.score[row], memory.score_before[row]
    return float(min(max(last if before < 0.0 else 2.0 * last - before, p.low_score), p.high_score))


@jit
def corner_direction(first: Floats, second: Floats, corner: tuple[int, int]) -> tuple[float, float]:
    """Returns the unit vector from a corner of one box to that of another, (0, 0) if they agree."""
    x, y = corner
    return unit_vector(second[x] - first[x], second[y] - first[y])


@jit
def direction_cost(past: Floats, heading: Floats, box: Floats, n_frames: int, frame: int, last_frame: int) -> float:
    """Returns the cost of the corners' directions (Robust OCM, section 3.4): below 0 if the box lies ahead of the track.

    For each corner, the angle between its summed direction and the line from its observation `n_frames` ago to the box's corner; a
    right angle costs nothing, and neither does a corner that stood still.
    """
    slot, cost = observed(past, frame, n_frames, last_frame), 0.0
    for k in range(4):
        x, y = heading[k, 0], heading[k, 1]
        length = np.sqrt(x * x + y * y)
        if length > 0.0:
            dx, dy = corner_direction(past[slot], box, CORNERS[k])
            cosine = min(max((dx * x + dy * y) / length, -1.0), 1.0)
            cost -= (np.pi / 2 - np.arccos(cosine)) / np.pi
    return cost


@jit
def sum_directions(heading: Floats, past: Floats, box: Floats, n_frames: int, frame: int, last_frame: int) -> None:
    """Writes into `heading`, for each corner, the sum of the directions from the observations 1 to `n_frames` ago to the box."""
    for k in range(4):
        heading[k, 0] = heading[k, 1] = 0.0
        for back in range(1, n_frames + 1):
            dx, dy = corner_direction(past[observed(past, frame, back, last_frame)], box, CORNERS[k])
            heading[k, 0] += dx
            heading[k, 1] += dy


@jit
def add_weak_cues(
    rows: Ints, kind: int, p: Parameters, tracks: TrackArrays, memory: Memory, detections: DetectionArrays, pairs: Pairs, frame: int
) -> None:
    """Adds the cost of confidence to pairs, and for high detections that of direction."""
    for i in range(len(rows)):
        row = rows[i]
        high = kind == HIGH
        confidence = filtered_confidence(row, memory, p) if high else extrapolated_confidence(row, tracks, memory, p)
        weight = p.confidence_weight if high else p.low_confidence_weight
        for e in range(pairs.first[i], pairs.first[i + 1]):
            j = pairs.column[e]
            pairs.cost[e] += weight * abs(confidence - detections.score[j])
            if high and p.direction_weight > 0.0:
                past, heading, last_frame = memory.past[row], memory.heading[row], tracks.last_frame[row]
                cost = direction_cost(past, heading, detections.xyxy[j], p.direction_frames, frame, last_frame)
                pairs.cost[e] += p.direction_weight * detections.score[j] * cost


@jit
def update_track(
    row: int,
    j: int,
    p: Parameters,
    tracks: TrackArrays,
    memory: Memory,
    detections: DetectionArrays,
    between: Floats,
    frame: int,
    now: float,
) -> None:
    """Corrects a track by the detection that it was matched to."""
    box = detections.xyxy[j]
    correct_motion(row, box, p.reupdate, tracks, memory.past, memory.saved, between, frame)
    sum_directions(memory.heading[row], memory.past[row], box, p.direction_frames, frame, tracks.last_frame[row])
    kalman.correct_coordinate(memory.confidence[row], 0, detections.score[j], MEASUREMENT_VARIANCE)
    memory.score_before[row] = tracks.score[row]
    count_hit(row, tracks, memory.hits)
    observe(row, j, tracks, memory.past, memory.saved, detections, frame)
    mark_matched(tracks, row, detections, j, frame, now)


@jit_inline
def associate(
    rows: Ints,
    kind: int,
    weak_cues: bool,
    p: Parameters,
    bins: Bins,
    tracks: TrackArrays,
    memory: Memory,
    detections: DetectionArrays,
    work: Work,
    pairs: Pairs,
    frame: int,
    now: float,
) -> None:
    """Matches tracks to detections of a kind: height-modulated IoU (equation 5) above `1 - match_cost`, plus the weak cues' costs.

    Without `weak_cues` the similarity is the IoU.
    """
    list_pairs(rows, kind, p.match_cost, False, bins, tracks, detections, work.binned, pairs)
    if weak_cues:
        modulate_by_height(rows, p.height_power, 1.0, tracks.box, detections.xyxy, pairs)
        prune_pairs(len(rows), p.match_cost, pairs)
        add_weak_cues(rows, kind, p, tracks, memory, detections, pairs, frame)
    assign(len(rows), len(detections.score), pairs, UNMATCHED_COST, work.solver)
    for i in range(len(rows)):
        if work.solver.column_of[i] != NONE:
            update_track(rows[i], work.solver.column_of[i], p, tracks, memory, detections, work.detection_boxes[0], frame, now)


@jit
def start_tracks(tracks: TrackArrays, memory: Memory, detections: DetectionArrays, counters: Ints, frame: int, now: float) -> None:
    """Starts unconfirmed tracks at unmatched high detections."""
    for j in range(len(detections.score)):
        if detections.kind[j] == HIGH:
            row = new_track(tracks, detections, j, UNCONFIRMED, counters, now)
            clear(memory, row)
            xysr.start(tracks.motion[row], detections.xyxy[j])
            kalman.start_coordinate(memory.confidence[row], 0, detections.score[j], START_VARIANCE, START_VELOCITY_VARIANCE)
            forget_observations(memory.past[row])
            memory.score_before[row] = -1.0
            observe(row, j, tracks, memory.past, memory.saved, detections, frame)


@jit_cached
def hybridsort_update(
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
    left = work.others[: counters[N_ALIVE]]
    predict_tracked_first(tracks, counters[N_ALIVE], 1.0, left)
    for i in range(len(left)):
        kalman.predict_coordinate(memory.confidence[left[i]], 0, 1.0, VARIANCE, VELOCITY_VARIANCE)

    associate(left, HIGH, True, p, bins, tracks, memory, detections, work, pairs, frame, now)
    left, _ = unmatched(left, tracks, frame)
    associate(left, LOW, True, p, bins, tracks, memory, detections, work, pairs, frame, now)  # BYTE
    left, _ = unmatched(left, tracks, frame)
    if p.recover:
        move_to_observations(left, tracks, memory.past)
        associate(left, HIGH, False, p, bins, tracks, memory, detections, work, pairs, frame, now)
        left, _ = unmatched(left, tracks, frame)
        move_to_predictions(left, tracks)
    mark(left, LOST, tracks)
    start_tracks(tracks, memory, detections, counters, frame, now)
    confirm_and_expire(tracks, memory.hits, counters[N_ALIVE], p.min_hits, p.max_lost_frames, frame, now)
    forget_removed(tracks, counters, work.rows)
    return output_tracks(tracks, counters[N_ALIVE], out_floats, out_ints)


class HybridSort(Tracker):
    """Hybrid-SORT without appearance, with the values of its published code for MOT17.

    Not as in the published code: pairs below the limit of similarity are no candidates (it assigns them too, and parts them afterwards);
    a track's first detection counts as an observation; the re-update corrects by the last one once, not twice. With class ids only
    tracks and detections of one class are associated. Boxes without area overlap nothing and start nothing.

    Args:
        high_score: Detections above it are tracked.
        low_score: Those between it and `high_score` are offered to the tracks that are left (BYTE); None: they are ignored.
        match_cost: Pairs of `1 - HMIoU` below it can match; in the recovery `1 - IoU`.
        max_lost_frames: How many frames a track is remembered without a detection.
        min_hits: A track is output once it was matched in that many frames in a row after its first; in the first `min_hits` frames
            of the video at once. Boxes are the detections, not the filter's.
        height_power: HMIoU is the IoU times the IoU of the vertical intervals to this power; 0: IoU.
        confidence_weight: Weight of the difference of the track's predicted confidence and the detection's score, in the association of
            high detections (TCM); 0: not.
        low_confidence_weight: The same in the association of low detections.
        direction_weight: How much a detection in the direction of a track's corners is preferred, for each corner (ROCM); 0: not.
        direction_frames: Over how many frames, 1 to this number, the corners' directions are summed.
        reupdate: Whether the filter of a track found again is led along the line between its observations (OC-SORT's ORU).
        recover: Whether detections that are left are compared with the last observations of tracks that are (OC-SORT's OCR).
        on_invalid: "raise" or "drop" detections that are not finite, inverted, or have a score outside [0, 1].

    Raises:
        ValueError: An argument is out of range.
    """

    search_space: ClassVar[SearchSpace] = {
        "high_score": {"low": 0.4, "high": 0.8, "step": 0.01},
        "low_score": {"choices": [None, 0.1, 0.2, 0.3]},
        "match_cost": {"low": 0.5, "high": 0.95, "step": 0.01},
        "max_lost_frames": {"low": 10, "high": 60},
        "min_hits": {"low": 0, "high": 5},
        "height_power": {"low": 0.0, "high": 3.0, "step": 0.25},
        "confidence_weight": {"low": 0.0, "high": 2.0, "step": 0.1},
        "low_confidence_weight": {"low": 0.0, "high": 2.0, "step": 0.1},
        "direction_weight": {"low": 0.0, "high": 0.3, "step": 0.01},
        "direction_frames": {"low": 1, "high": 6},
    }

    def __init__(
        self,
        high_score: float = 0.6,
        low_score: float | None = 0.1,
        match_cost: float = 0.75,
        max_lost_frames: int = 30,
        min_hits: int = 3,
        height_power: float = 1.0,
        confidence_weight: float = 1.0,
        low_confidence_weight: float = 1.0,
        direction_weight: float = 0.05,
        direction_frames: int = 3,
        reupdate: bool = True,
        recover: bool = True,
        on_invalid: str = "raise",
    ) -> None:
        parameters = checked(Parameters, locals())
        super().__init__(hybridsort_update, parameters, arrays, max_absence=parameters.max_lost_frames)
