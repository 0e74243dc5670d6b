"""MOTDT (Chen et al., Real-time Multiple People Tracking with Deeply Learned Candidate Selection, ICME 2018): predictions as candidates."""

from __future__ import annotations

from typing import Annotated, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from bytetrack.box_kernels import iou_of
from bytetrack.runtime.compilation import jit, jit_cached
from bytetrack.tracking.core.appearance import Gallery, gallery_of, list_pairs_by_appearance, remember
from bytetrack.tracking.core.association import NONE, assign, bin_boxes
from bytetrack.tracking.core.fields import record
from bytetrack.tracking.core.lifecycle import (
    count_tracked,
    end_coasting,
    expire,
    forget_removed,
    frames_since,
    list_by_state,
    mark_matched,
    mark_unmatched,
    next_frame,
    output_tracks,
    split_by_score,
    unmatched,
)
from bytetrack.tracking.core.state import (
    COASTING,
    DT,
    HIGH,
    LOST,
    LOW,
    MATCHED,
    N_ALIVE,
    REMOVED,
    TRACKED,
    DetectionArrays,
    TrackArrays,
    Work,
    layout,
)
from bytetrack.tracking.filters import xyah
from bytetrack.tracking.parameters import Frames, Share, Whole, Within, checked
from bytetrack.tracking.tracker import SearchSpace, Tracker
from bytetrack.tracking.trackers.deepsort import Memory, associate, predict, start_tracks, update_matched

__all__ = ["MotDt"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Parameters(NamedTuple):
    """The arguments of `MotDt`, as the kernel takes them."""

    high_score: Share
    low_score: Share
    new_track_score: Share
    appearance_cost: Annotated[float, Within(0, 2)]
    match_cost: Share
    unconfirmed_match_cost: Share
    low_match_cost: Share
    gate: Annotated[float, Within(0, 1e6)]
    max_lost_frames: Frames
    prediction_score: Share
    prediction_decay: Annotated[float, Within(0, 1e6)]
    candidate_score: Share
    candidate_overlap: Share
    budget: Annotated[int, Whole(1, 100)]
    drop_invalid: bool


parameters_of = record(Parameters)
arrays = layout(Memory)
view = arrays.view


@jit
def restart_matched(
    rows: Ints,
    tracks: TrackArrays,
    memory: Memory,
    gallery: Gallery,
    detections: DetectionArrays,
    column_of: Ints,
    frame: int,
    now: float,
) -> None:
    """Starts new tracklets, with new filters, for the matched of the lost tracks `rows` ("Tracklet Confidence")."""
    for i in range(len(rows)):
        row, j = rows[i], column_of[i]
        if j != NONE:
            xyah.start(tracks.motion[row], detections.xyxy[j])
            xyah.write_box(tracks.motion[row], tracks.box[row])
            memory.n_detections[row], tracks.first_frame[row] = 1, frame
            remember(row, j, gallery)
            mark_matched(tracks, row, detections, j, frame, now)


@jit
def prediction_score(row: int, tracks: TrackArrays, memory: Memory, p: Parameters, now: float) -> float:
    """Returns how far a track's prediction is to be trusted (equations 4 and 5): less with every frame without a detection.

    0 before the tracklet had two detections. The parameter `prediction_score` stands for the paper's classifier.
    """
    if memory.n_detections[row] < 2:
        return 0.0
    n_predicted = max(frames_since(tracks, row, now) - 1.0, 0.0)
    return float(p.prediction_score * max(1.0 - np.log(1.0 + p.prediction_decay * n_predicted), 0.0))


@jit
def coast_or_lose(
    rows: Ints, tracks: TrackArrays, memory: Memory, detections: DetectionArrays, p: Parameters, work: Work, now: float
) -> None:
    """Lets unmatched tracks coast at their predictions where those are candidates; loses the others. Clobbers `work.scores`, `work.left`.

    A prediction is a candidate if its score is high enough and no better candidate lies on it: detections are better, and so
    are predictions of a higher score (the paper's non-maximum suppression among candidates of detection and tracking).
    """
    scores, suppressed = work.scores, work.left
    for t in range(len(rows)):
        row = rows[t]
        scores[t] = prediction_score(row, tracks, memory, p, now)
        good = scores[t] >= p.candidate_score
        for j in range(len(detections.score)):
            good = good and not (
                detections.kind[j] in (HIGH, MATCHED)
                and detections.class_id[j] == tracks.class_id[row]
                and iou_of(tracks.box[row], detections.xyxy[j]) > p.candidate_overlap
            )
        tracks.state[row], tracks.detection[row] = COASTING if good else LOST, NONE
    for t in range(len(rows)):
        suppressed[t] = 0
        for other in range(len(rows)):
            row, rival = rows[t], rows[other]
            both = tracks.state[row] == COASTING and tracks.state[rival] == COASTING and tracks.class_id[row] == tracks.class_id[rival]
            if (
                both
                and is_better(other, t, rows, tracks, memory, scores)
                and iou_of(tracks.box[row], tracks.box[rival]) > p.candidate_overlap
            ):
                suppressed[t] = 1
    for t in range(len(rows)):
        if suppressed[t] == 1:
            tracks.state[rows[t]] = LOST


@jit
def is_better(first: int, second: int, rows: Ints, tracks: TrackArrays, memory: Memory, scores: Floats) -> bool:
    """Returns whether the prediction of `rows[first]` has the higher score, else the more detections, else lies further left."""
    one, other = rows[first], rows[second]
    if scores[first] != scores[second]:
        return bool(scores[first] > scores[second])
    if memory.n_detections[one] != memory.n_detections[other]:
        return bool(memory.n_detections[one] > memory.n_detections[other])
    return bool(tracks.box[one, 0] < tracks.box[other, 0])


@jit_cached
def motdt_update(
    xyxy: Floats,
    score: Floats,
    class_id: Ints,
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
    limit, solver = p.appearance_cost, work.solver
    bins = bin_boxes(xyxy, class_id, work.rows[:n], 0.0, work.binned)
    gallery = gallery_of(rest, tracks, p.budget, memory.n_kept, features)
    end_coasting(tracks, counters[N_ALIVE], TRACKED)
    predict(tracks, counters[N_ALIVE], True, clock[DT])
    pool, unconfirmed = list_by_state(tracks, counters[N_ALIVE], work.rows, work.others)
    n_tracked = count_tracked(pool, tracks)
    tracked, lost = pool[:n_tracked], pool[n_tracked:]

    list_pairs_by_appearance(tracked, HIGH, limit, p.gate, True, gallery, tracks, detections, work.sums, pairs)
    assign(len(tracked), len(score), pairs, limit, solver)
    update_matched(tracked, tracks, memory, gallery, detections, solver.column_of, frame, now)
    list_pairs_by_appearance(lost, HIGH, limit, p.gate, True, gallery, tracks, detections, work.sums, pairs)
    assign(len(lost), len(score), pairs, limit, solver)
    restart_matched(lost, tracks, memory, gallery, detections, solver.column_of, frame, now)
    left, _ = unmatched(tracked, tracks, frame)
    associate(left, HIGH, p.match_cost, bins, tracks, memory, gallery, detections, work, pairs, frame, now)
    left, _ = unmatched(left, tracks, frame)
    associate(left, LOW, p.low_match_cost, bins, tracks, memory, gallery, detections, work, pairs, frame, now)  # BYTE
    left, _ = unmatched(left, tracks, frame)
    coast_or_lose(left, tracks, memory, detections, p, work, now)
    associate(unconfirmed, HIGH, p.unconfirmed_match_cost, bins, tracks, memory, gallery, detections, work, pairs, frame, now)
    mark_unmatched(unconfirmed, REMOVED, tracks, frame)
    start_tracks(p.new_track_score, TRACKED, tracks, memory, gallery, detections, counters, frame, now)
    expire(tracks, counters[N_ALIVE], now, p.max_lost_frames)
    forget_removed(tracks, counters, work.rows)
    return output_tracks(tracks, counters[N_ALIVE], out_floats, out_ints)


class MotDt(Tracker):
    """MOTDT, with the values of its published comparison with BYTE where they are known. Give `update` the features of the detections.

    Not as in the paper: `prediction_score` is a constant where it has a network that judges image regions, and detections are not
    suppressed among themselves, which the detector did. Without features the Mahalanobis distance takes their place. With class ids
    only tracks and detections of one class are associated. Boxes without area overlap nothing and start nothing.

    Args:
        high_score: Detections from it up are candidates.
        low_score: Those between it and `high_score` are offered to tracked tracks that are left (BYTE); None: they are ignored.
        new_track_score: An unmatched detection needs it to start a track. A track is output from its second frame on, in the first
            frame of the video at once.
        appearance_cost: First, tracked and then lost tracks match detections whose feature lies nearer than it (Euclidean) to one of
            the track's `budget` last ones (tau_d).
        match_cost: Then, tracked tracks that are left match detections that are left with `1 - IoU` below it (tau_iou).
        unconfirmed_match_cost: The same of tracks matched once.
        low_match_cost: The same in BYTE's association.
        gate: Largest squared Mahalanobis distance in the association by appearance.
        max_lost_frames: How long a track is remembered without a detection, in frames; with `frame_rate` in frames of a 30 fps video.
        prediction_score: A tracked track that is left is output at its predicted box (`detection_index` -1) while
            `prediction_score * (1 - log(1 + prediction_decay * n))`, n frames after its last detection, is at least `candidate_score`,
            and no detection or better prediction has an IoU above `candidate_overlap` with it.
        prediction_decay: See there.
        candidate_score: See there.
        candidate_overlap: See there.
        budget: How many features of a track are remembered.
        on_invalid: "raise" or "drop" detections that are not finite, inverted, or have a score outside [0, 1].
        frame_rate: Frames a second of the video; None leaves `max_lost_frames` as it is.

    Raises:
        ValueError: An argument is out of range.
    """

    inputs = ("features",)
    supports_dt = True
    outputs_lost = True
    search_space: ClassVar[SearchSpace] = {
        "high_score": {"low": 0.3, "high": 0.8, "step": 0.01},
        "low_score": {"choices": [None, 0.1, 0.2, 0.3]},
        "new_track_score": {"low": 0.4, "high": 0.9, "step": 0.01},
        "appearance_cost": {"low": 0.2, "high": 1.4, "step": 0.05},
        "match_cost": {"low": 0.3, "high": 0.95, "step": 0.01},
        "unconfirmed_match_cost": {"low": 0.3, "high": 0.95, "step": 0.01},
        "gate": {"low": 1.0, "high": 30.0},
        "max_lost_frames": {"low": 10, "high": 60},
        "prediction_decay": {"low": 0.0, "high": 0.5, "step": 0.05},
        "candidate_score": {"low": 0.1, "high": 1.0, "step": 0.05},
        "candidate_overlap": {"low": 0.0, "high": 0.8, "step": 0.05},
    }

    def __init__(
        self,
        high_score: float = 0.6,
        low_score: float | None = None,
        new_track_score: float = 0.6,
        appearance_cost: float = 0.8,
        match_cost: float = 0.5,
        unconfirmed_match_cost: float = 0.7,
        low_match_cost: float = 0.5,
        gate: float = 9.4877,
        max_lost_frames: int = 30,
        prediction_score: float = 0.6,
        prediction_decay: float = 0.05,
        candidate_score: float = 0.4,
        candidate_overlap: float = 0.3,
        budget: int = 100,
        on_invalid: str = "raise",
        frame_rate: float | None = None,
    ) -> None:
        parameters = checked(Parameters, locals())
        super().__init__(motdt_update, parameters, arrays, max_absence=parameters.max_lost_frames, n_features=budget)
