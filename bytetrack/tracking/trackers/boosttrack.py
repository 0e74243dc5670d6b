"""BoostTrack (Stanojevic, Todorovic: BoostTrack, Machine Vision and Applications 35, 2024): scores raised, one association of all."""

from __future__ import annotations

from typing import Annotated, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from bytetrack.box_kernels import iou_of
from bytetrack.runtime.compilation import jit, jit_cached
from bytetrack.tracking.core.association import NONE, Pairs, assign, bin_boxes, candidate_pairs
from bytetrack.tracking.core.fields import record
from bytetrack.tracking.core.lifecycle import (
    forget_removed,
    mark_matched,
    mark_unmatched,
    new_track,
    next_frame,
    output_tracks,
    remove_degenerate,
    split_by_score,
)
from bytetrack.tracking.core.similarity import list_pairs
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
from bytetrack.tracking.filters import kalman, xyah, xywh
from bytetrack.tracking.parameters import Count, Frames, Share, Within, checked
from bytetrack.tracking.tracker import SearchSpace, Tracker
from bytetrack.tracking.trackers.sort import confirm_and_expire, count_hit

__all__ = ["BoostTrack"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

UNMATCHED_COST = 1.0  # a similarity of 0: the sum of similarities is maximised
GATE = 13.2767  # 99 % quantile of chi-square with four degrees of freedom
UNLIKELY_OVERLAP = 0.3  # of unlikely detections that overlap more, only the one of the highest score is raised
DECAY, YOUNG = 0.9, 7  # of a track's confidence a frame; for how many frames it is young
POSITION_NOISE, VELOCITY_NOISE = 1.0, 1e-2  # variances a frame, in pixels: SORT's
START_VARIANCE, START_VELOCITY_VARIANCE = 10.0, 1e4


class Parameters(NamedTuple):
    """The arguments of `BoostTrack`, as the kernel takes them."""

    high_score: Share
    low_score: Share
    match_cost: Share
    max_lost_frames: Frames
    min_hits: Count
    overlap_weight: Annotated[float, Within(0, 100)]
    distance_weight: Annotated[float, Within(0, 100)]
    shape_weight: Annotated[float, Within(0, 100)]
    likely_boost: Share
    unlikely_boost: bool
    drop_invalid: bool


class Memory(NamedTuple):
    """BoostTrack's memory of a track."""

    hits: Ints  # in how many frames in a row it was matched


parameters_of = record(Parameters)
arrays = layout(Memory)
view, clear = arrays.view, arrays.clear


@jit
def measurement_noise(d: int) -> float:
    """Returns the variance of measuring coordinate `d` of `filters/xyah.py`: heights less exactly than centres, aspects to 0.1."""
    return 0.01 if d == xyah.ASPECT else 10.0 if d == xyah.HEIGHT else 1.0


@jit
def start_motion(motion: Floats, box: Floats) -> None:
    """Starts a track's filter at `box`; its velocities are unknown."""
    measurement = xyah.measured(box)
    for d in range(4):
        kalman.start_coordinate(motion, d, measurement[d], START_VARIANCE, START_VELOCITY_VARIANCE)


@jit
def correct_motion(motion: Floats, box: Floats) -> None:
    """Corrects a track's filter by the detection `box`."""
    measurement = xyah.measured(box)
    for d in range(4):
        kalman.correct_coordinate(motion, d, measurement[d], measurement_noise(d))
        if d >= xyah.ASPECT and motion[kalman.MEAN, d] <= 0.0:
            motion[kalman.MEAN, d] = measurement[d]


@jit
def predict_motion(motion: Floats, camera: Floats) -> None:
    """Moves a track's mean with the camera (its velocity stays, as published), then predicts it; no side vanishes."""
    if not xywh.is_still(camera):
        motion[kalman.MEAN, 0], motion[kalman.MEAN, 1] = xywh.move_point(motion[kalman.MEAN, 0], motion[kalman.MEAN, 1], camera)
        motion[kalman.MEAN, xyah.HEIGHT] *= np.sqrt(camera[0, 0] * camera[1, 1] - camera[0, 1] * camera[1, 0])
    for d in range(4):
        if d >= xyah.ASPECT and motion[kalman.MEAN, d] + motion[kalman.VELOCITY, d] <= 0.0:
            motion[kalman.VELOCITY, d] = 0.0
        kalman.predict_coordinate(motion, d, 1.0, POSITION_NOISE, VELOCITY_NOISE)


@jit
def squared_distance(motion: Floats, box: Floats) -> float:
    """Returns the squared Mahalanobis distance of a box from a predicted track, by the variance of the prediction alone."""
    measurement, total = xyah.measured(box), 0.0
    for d in range(4):
        innovation = measurement[d] - motion[kalman.MEAN, d]
        total += innovation * innovation / motion[kalman.VARIANCE, d]
    return total


@jit
def track_confidence(row: int, tracks: TrackArrays, frame: int) -> float:
    """Returns the confidence of a track: low while it is young, 1 if it was matched in the last frame, then it decays."""
    age = frame - tracks.first_frame[row]
    return float(DECAY ** (YOUNG - age) if age < YOUNG else DECAY ** (frame - tracks.last_frame[row] - 1))


@jit
def shape_similarity(first: Floats, second: Floats) -> float:
    """Returns how alike width and height of two boxes are, in (0, 1]."""
    width, other_width = first[2] - first[0], second[2] - second[0]
    height, other_height = first[3] - first[1], second[3] - second[1]
    apart = abs(width - other_width) / max(width, other_width) + abs(height - other_height) / max(height, other_height)
    return float(np.exp(-apart))


@jit
def boost_likely(
    rows: Ints, listed: Ints, p: Parameters, tracks: TrackArrays, detections: DetectionArrays, boosted: Floats, pairs: Pairs
) -> None:
    """Raises scores to `likely_boost` times the largest IoU with a track in `pairs` (Detecting Likely Objects)."""
    for i in range(len(rows)):
        for e in range(pairs.first[i], pairs.first[i + 1]):
            j = pairs.column[e]
            boosted[j] = max(boosted[j], p.likely_boost * (1.0 - pairs.cost[e]))
    for t in range(len(listed)):
        if boosted[listed[t]] >= p.high_score:
            detections.kind[listed[t]] = HIGH


@jit
def list_unlikely(rows: Ints, listed: Ints, tracks: TrackArrays, detections: DetectionArrays, boosted: Floats, unlikely: Ints) -> int:
    """Lists in `unlikely` the low detections beyond the gate of every track of their class, if it has any; returns how many."""
    n = 0
    for t in range(len(listed)):
        j = listed[t]
        if detections.kind[j] == LOW:
            nearest = np.inf
            for i in range(len(rows)):
                if tracks.class_id[rows[i]] == detections.class_id[j]:
                    nearest = min(nearest, squared_distance(tracks.motion[rows[i]], detections.xyxy[j]))
            if GATE < nearest < np.inf:
                unlikely[n] = j
                n += 1
    return n


@jit
def boost_unlikely(unlikely: Ints, p: Parameters, detections: DetectionArrays, boosted: Floats) -> None:
    """Raises `unlikely` detections to `high_score` (Detecting Unlikely Objects), of those that overlap the best only."""
    for s in range(len(unlikely)):
        j, best = unlikely[s], True
        for t in range(len(unlikely)):
            k = unlikely[t]
            if boosted[k] > boosted[j] and detections.class_id[k] == detections.class_id[j]:
                best = best and iou_of(detections.xyxy[j], detections.xyxy[k]) <= UNLIKELY_OVERLAP
        if best:
            detections.kind[j] = HIGH
    for s in range(len(unlikely)):
        if detections.kind[unlikely[s]] == HIGH:
            boosted[unlikely[s]] = p.high_score


@jit
def sum_of_closeness(row: int, listed: Ints, tracks: TrackArrays, detections: DetectionArrays) -> float:
    """Returns the sum of exp(GATE - distance) over the high detections of the track's class; those beyond the gate count 1."""
    total = 0.0
    for t in range(len(listed)):
        j = listed[t]
        if detections.kind[j] == HIGH and detections.class_id[j] == tracks.class_id[row]:
            total += np.exp(max(GATE - squared_distance(tracks.motion[row], detections.xyxy[j]), 0.0))
    return total


@jit
def boost_similarity(
    rows: Ints, listed: Ints, p: Parameters, tracks: TrackArrays, detections: DetectionArrays, boosted: Floats, pairs: Pairs, frame: int
) -> None:
    """Adds to the IoU of pairs: itself and the shape's similarity, times both confidences, and the closeness of Mahalanobis."""
    for i in range(len(rows)):
        row = rows[i]
        if pairs.first[i] == pairs.first[i + 1]:
            continue
        total = sum_of_closeness(row, listed, tracks, detections) if p.distance_weight > 0.0 else 1.0
        confidence = track_confidence(row, tracks, frame)
        for e in range(pairs.first[i], pairs.first[i + 1]):
            j = pairs.column[e]
            both = confidence * boosted[j]
            similarity = (1.0 - pairs.cost[e]) * (1.0 + p.overlap_weight * both)
            similarity += p.shape_weight * both * shape_similarity(tracks.box[row], detections.xyxy[j])
            if p.distance_weight > 0.0:
                distance = squared_distance(tracks.motion[row], detections.xyxy[j])
                similarity += p.distance_weight * (np.exp(GATE - distance) / total if distance <= GATE else 0.0)
            pairs.cost[e] = 1.0 - similarity


@jit
def boost_scores(
    rows: Ints, listed: Ints, p: Parameters, tracks: TrackArrays, detections: DetectionArrays, work: Work, pairs: Pairs
) -> None:
    """Writes the raised scores of the `listed` detections into `work.scores`; what reaches `high_score` becomes high.

    `pairs` holds all overlapping pairs. Clobbers `work.left`.
    """
    boosted = work.scores
    for t in range(len(listed)):
        boosted[listed[t]] = detections.score[listed[t]]
    boost_likely(rows, listed, p, tracks, detections, boosted, pairs)
    if p.unlikely_boost:
        n = list_unlikely(rows, listed, tracks, detections, boosted, work.left)
        boost_unlikely(work.left[:n], p, detections, boosted)


@jit
def start_tracks(tracks: TrackArrays, memory: Memory, detections: DetectionArrays, counters: Ints, now: float) -> None:
    """Starts unconfirmed tracks at unmatched high detections, those raised too."""
    for j in range(len(detections.score)):
        if detections.kind[j] == HIGH:
            row = new_track(tracks, detections, j, UNCONFIRMED, counters, now)
            clear(memory, row)
            start_motion(tracks.motion[row], detections.xyxy[j])
            xyah.write_box(tracks.motion[row], tracks.box[row])


@jit
def predict_all(tracks: TrackArrays, counters: Ints, camera: Floats, rows: Ints) -> None:
    """Predicts all tracks, removes those whose box degenerates, and lists the others in `rows`."""
    for t in range(counters[N_ALIVE]):
        row = tracks.order[t]
        predict_motion(tracks.motion[row], camera)
        xyah.write_box(tracks.motion[row], tracks.box[row])
        remove_degenerate(tracks, row)
    forget_removed(tracks, counters, rows)
    for t in range(counters[N_ALIVE]):
        rows[t] = tracks.order[t]


@jit_cached
def boosttrack_update(
    xyxy: Floats,
    score: Floats,
    class_id: Ints,
    camera: Floats,
    parameters: Floats,
    floats: Floats,
    ints: Ints,
    out_floats: Floats,
    out_ints: Ints,
) -> int:
    """Tracks one frame; returns what `Tracker` expects of a kernel."""
    p: Parameters = parameters_of(parameters)
    detections, tracks, memory, work, pairs, counters, clock, _ = view(xyxy, score, class_id, floats, ints)
    n = split_by_score(detections, p.high_score, p.low_score, True, p.drop_invalid, counters, work.rows)
    if n < 0:
        return n
    frame, now = next_frame(tracks, counters, clock, work.others)
    listed = work.rows[:n]
    bins = bin_boxes(xyxy, class_id, listed, 0.0, work.binned)
    predict_all(tracks, counters, camera, work.others)
    rows = work.others[: counters[N_ALIVE]]

    candidate_pairs(rows, tracks.box, tracks.class_id, work.binned, bins, 1.0, pairs)
    boost_scores(rows, listed, p, tracks, detections, work, pairs)
    list_pairs(rows, HIGH, p.match_cost, False, bins, tracks, detections, work.binned, pairs)
    boost_similarity(rows, listed, p, tracks, detections, work.scores, pairs, frame)
    assign(len(rows), len(score), pairs, UNMATCHED_COST, work.solver)
    for i in range(len(rows)):
        row, j = rows[i], work.solver.column_of[i]
        if j != NONE:
            count_hit(row, tracks, memory.hits)
            correct_motion(tracks.motion[row], xyxy[j])
            xyah.write_box(tracks.motion[row], tracks.box[row])
            mark_matched(tracks, row, detections, j, frame, now)
    mark_unmatched(rows, LOST, tracks, frame)
    start_tracks(tracks, memory, detections, counters, now)
    confirm_and_expire(tracks, memory.hits, counters[N_ALIVE], p.min_hits, p.max_lost_frames, frame, now)
    forget_removed(tracks, counters, work.rows)
    return output_tracks(tracks, counters[N_ALIVE], out_floats, out_ints)


class BoostTrack(Tracker):
    """BoostTrack without appearance, with the values of its published code for MOT17 at 30 frames a second.

    Not as in the published code: pairs below the limit of similarity are no candidates (it assigns them too, and parts them afterwards);
    the shape's similarity is that of the paper, whose code divides the heights' difference by a width; under camera motion a box is
    scaled, not its corners moved; tracks have the score of their detection. With class ids only tracks and detections of one class
    are associated. Boxes without area overlap nothing and start nothing.

    Args:
        high_score: Detections of at least this score, after boosting, are associated, and start tracks.
        low_score: Those from it to `high_score` may be boosted; None: they are ignored.
        match_cost: Pairs of `1 - IoU` below it can match.
        max_lost_frames: How many frames a track is remembered without a detection.
        min_hits: A track is output once it was matched in that many frames in a row after its first; in the first `min_hits` frames
            of the video at once.
        overlap_weight: Weight of the IoU times both confidences, on top of the IoU.
        distance_weight: Weight of the similarity by Mahalanobis distance; 0: not.
        shape_weight: Weight of the similarity of shape, times both confidences; 0: not.
        likely_boost: A detection's score is at least this times its largest IoU with a track; 0: not.
        unlikely_boost: Whether detections far from every track count as high.
        on_invalid: "raise" or "drop" detections that are not finite, inverted, or have a score outside [0, 1].

    Raises:
        ValueError: An argument is out of range.
    """

    inputs = ("camera_motion",)
    search_space: ClassVar[SearchSpace] = {
        "high_score": {"low": 0.4, "high": 0.8, "step": 0.01},
        "low_score": {"choices": [None, 0.1, 0.2, 0.3]},
        "match_cost": {"low": 0.5, "high": 0.95, "step": 0.01},
        "max_lost_frames": {"low": 10, "high": 90},
        "min_hits": {"low": 0, "high": 5},
        "overlap_weight": {"low": 0.0, "high": 1.0, "step": 0.05},
        "distance_weight": {"low": 0.0, "high": 1.0, "step": 0.05},
        "shape_weight": {"low": 0.0, "high": 1.0, "step": 0.05},
        "likely_boost": {"low": 0.4, "high": 0.9, "step": 0.01},
        "unlikely_boost": {"choices": [True, False]},
    }

    def __init__(
        self,
        high_score: float = 0.6,
        low_score: float | None = 0.1,
        match_cost: float = 0.7,
        max_lost_frames: int = 60,
        min_hits: int = 3,
        overlap_weight: float = 0.5,
        distance_weight: float = 0.25,
        shape_weight: float = 0.25,
        likely_boost: float = 0.65,
        unlikely_boost: bool = True,
        on_invalid: str = "raise",
    ) -> None:
        parameters = checked(Parameters, locals())
        super().__init__(boosttrack_update, parameters, arrays, max_absence=parameters.max_lost_frames)
