"""MOTDT (Chen et al., Real-time Multiple People Tracking with Deeply Learned Candidate Selection, ICME 2018): predictions stand in."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bytetrack.checks import check_choice, check_real, check_reals, check_whole
from bytetrack.runtime.compilation import jit, jit_cached
from bytetrack.tracking.appearance import Looks, begin, by_iou, by_looks, follow, looks_of, remember
from bytetrack.tracking.association import NONE, bin_boxes
from bytetrack.tracking.checks import at_frame_rate, check_score_split
from bytetrack.tracking.kalman import box_of_motion, predict_all, start
from bytetrack.tracking.similarity import iou_of
from bytetrack.tracking.stages import births, in_two_stages, list_by_state, lose, matching, remove_long_lost
from bytetrack.tracking.state import (
    COVERED,
    FRAME,
    HIGH,
    IGNORED,
    LOST,
    LOW,
    N_ALIVE,
    N_COUNTERS,
    REMOVED,
    TRACKED,
    Detected,
    Tracked,
    Work,
    away,
    classify,
    forget_removed,
    uncover,
    views,
    write_tracks,
)
from bytetrack.tracking.tracker import Tracker

__all__ = ["MotDt"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Parameters after LOW_SCORE.
NEW_TRACK_SCORE, APPEARANCE_COST, MATCH_COST, UNCONFIRMED_MATCH_COST, LOW_MATCH_COST, GATE, MAX_LOST_FRAMES = range(3, 10)
PREDICTION_SCORE, PREDICTION_DECAY, CANDIDATE_SCORE, CANDIDATE_OVERLAP, BUDGET = range(10, 15)


@jit
def retrieve(row: int, j: int, own: Looks, tracked: Tracked, detected: Detected, frame: int) -> None:
    """Lost track `row` was found as detection `j`: a new tracklet begins, with a new filter ("Tracklet Confidence")."""
    start(tracked.motion[row], detected.xyxy[j])
    box_of_motion(tracked.motion[row], tracked.box[row])
    tracked.mark[row], tracked.first_frame[row] = 1, frame
    remember(row, j, own)


match_looks = matching(by_looks, follow)
match_lost = matching(by_looks, retrieve)
match_iou = matching(by_iou, follow)
match_iou_in_two_stages = in_two_stages(match_iou, match_iou)
give_birth = births(begin)


@jit
def tracklet_score(row: int, tracked: Tracked, parameters: Floats, frame: int) -> float:
    """How far the prediction of a track is to be trusted (equations 4 and 5): less with every frame it was not detected.

    Nothing before the tracklet had two detections. `prediction_score` stands for the paper's classifier.
    """
    if tracked.mark[row] < 2:
        return 0.0
    n_predicted = max(away(tracked, row, frame) - 1.0, 0.0)
    return float(parameters[PREDICTION_SCORE] * max(1.0 - np.log(1.0 + parameters[PREDICTION_DECAY] * n_predicted), 0.0))


@jit
def stand_in(rows: Ints, n: int, tracked: Tracked, detected: Detected, parameters: Floats, work: Work, frame: int) -> None:
    """Tracks `rows[:n]` that no detection was found for go on where they are predicted, if that is a candidate; else they are lost.

    It is one if its score is high enough, and no better candidate lies on it: detections are, and better predictions
    (the paper's non-maximum suppression among candidates of detection and tracking).
    """
    most = parameters[CANDIDATE_OVERLAP]
    for t in range(n):
        row = rows[t]
        score = work.scores[t] = tracklet_score(row, tracked, parameters, frame)
        good = score >= parameters[CANDIDATE_SCORE]
        for j in range(len(detected.score)):
            good = good and not (
                detected.kind[j] not in (IGNORED, LOW)
                and detected.class_id[j] == tracked.class_id[row]
                and iou_of(tracked.box[row], detected.xyxy[j]) > most
            )
        tracked.state[row], tracked.detection[row] = COVERED if good else LOST, NONE
    for t in range(n):
        work.left[t] = 0
        for other in range(n):
            row, rival = rows[t], rows[other]
            both = tracked.state[row] == COVERED and tracked.state[rival] == COVERED and tracked.class_id[row] == tracked.class_id[rival]
            if both and better(other, t, rows, tracked, work) and iou_of(tracked.box[row], tracked.box[rival]) > most:
                work.left[t] = 1
    for t in range(n):
        if work.left[t] == 1:
            tracked.state[rows[t]] = LOST


@jit
def better(first: int, second: int, rows: Ints, tracked: Tracked, work: Work) -> bool:
    """Whether the prediction of track `rows[first]` has the higher score, else the more detections, else lies further left."""
    one, other = rows[first], rows[second]
    if work.scores[first] != work.scores[second]:
        return bool(work.scores[first] > work.scores[second])
    if tracked.mark[one] != tracked.mark[other]:
        return bool(tracked.mark[one] > tracked.mark[other])
    return bool(tracked.box[one, 0] < tracked.box[other, 0])


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
    """One frame. Returns how many tracks were written, or -1 - row of the first invalid detection, and then nothing changed."""
    detected, tracked, work = views(xyxy, score, class_id, floats, ints)
    rows, unconfirmed, counters = work.rows, work.others, ints[:N_COUNTERS]
    n_detections = classify(detected, parameters, counters, True, rows)
    if n_detections < 0:
        return n_detections
    counters[FRAME] += 1
    frame, n = counters[FRAME], counters[N_ALIVE]
    bins = bin_boxes(xyxy, class_id, rows, n_detections, 0.0, work.binned)
    own = looks_of(bins, tracked.own, len(tracked.order), int(parameters[BUDGET]), features, parameters[GATE], True, work.sums)
    uncover(tracked, n, TRACKED)
    predict_all(tracked, n, True)
    n, n_unconfirmed = list_by_state(tracked, n, work)
    n_tracked = 0
    while n_tracked < n and tracked.state[rows[n_tracked]] == TRACKED:
        n_tracked += 1
    lost, n_lost = rows[n_tracked:], n - n_tracked

    n = match_looks(rows, n_tracked, HIGH, parameters[APPEARANCE_COST], own, tracked, detected, work, frame)
    match_lost(lost, n_lost, HIGH, parameters[APPEARANCE_COST], own, tracked, detected, work, frame)
    limit, low_limit = parameters[MATCH_COST], parameters[LOW_MATCH_COST]
    n = match_iou_in_two_stages(rows, n, limit, low_limit, own, tracked, detected, work, frame)
    stand_in(rows, n, tracked, detected, parameters, work, frame)
    n = match_iou(unconfirmed, n_unconfirmed, HIGH, parameters[UNCONFIRMED_MATCH_COST], own, tracked, detected, work, frame)
    lose(unconfirmed, n, REMOVED, tracked)
    give_birth(parameters[NEW_TRACK_SCORE], TRACKED, own, tracked, detected, counters)
    remove_long_lost(tracked, counters[N_ALIVE], frame, parameters[MAX_LOST_FRAMES])
    forget_removed(tracked, counters, rows)
    return write_tracks(tracked, counters[N_ALIVE], out_floats, out_ints)


class MotDt(Tracker):
    """MOTDT, with the values of its published comparison with BYTE where they are known. Give `update` the features of the detections.

    - `high_score`: detections from it up are candidates. `new_track_score`: what an unmatched one needs to start a track. A track is
      put out from its second frame on, in the first frame of the video at once.
    - `appearance_cost`: first, tracked and then lost tracks match detections whose feature lies nearer than it (Euclidean) to one of
      the track's `budget` last ones (tau_d).
    - `gate`: and of a squared Mahalanobis distance below it.
    - `match_cost`: then, tracked tracks that are left match detections that are left with `1 - IoU` below it (tau_iou);
      `unconfirmed_match_cost`: the same of tracks seen once.
    - `low_score`, `low_match_cost`: detections between it and `high_score` are offered to tracked tracks that are left, with `1 - IoU`
      below the second (BYTE); None: they are ignored, as in MOTDT.
    - `prediction_score`, `prediction_decay`, `candidate_score`, `candidate_overlap`: a tracked track that is left is put out where it is
      predicted (`detection_index` -1) while `prediction_score * (1 - log(1 + prediction_decay * n))`, n frames after its last
      detection, is at least `candidate_score`, and no detection or better prediction has a larger IoU with it.
    - `max_lost_frames`: how long a track without a detection is remembered, in frames; with `frame_rate` in frames of a 30 fps video.
    - `on_invalid`: "raise" or "drop" detections that are not finite, inverted, or have a score outside [0, 1].

    Not as in the paper: `prediction_score` is a constant where it has a network that judges image regions, and detections are not
    suppressed among themselves, which the detector did. Without features looks give way to the Mahalanobis distance. With class ids
    only tracks and detections of one class are associated. Boxes without area overlap nothing and start nothing. ValueError names
    the argument that is out of range.
    """

    USES = ("features",)
    TAKES_TIME = True
    SHOWS_LOST = True

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
        scores = [high_score, check_score_split(low_score, high_score), new_track_score]
        costs = [appearance_cost, match_cost, unconfirmed_match_cost, low_match_cost]
        prediction = [prediction_score, prediction_decay, candidate_score, candidate_overlap]
        check_reals(
            0, 1, new_track_score=new_track_score, match_cost=match_cost, unconfirmed_match_cost=unconfirmed_match_cost,
            low_match_cost=low_match_cost, prediction_score=prediction_score, candidate_score=candidate_score,
            candidate_overlap=candidate_overlap,
        )  # fmt: skip
        check_reals(0, 2, appearance_cost=appearance_cost)
        check_reals(0, 1e6, gate=gate, prediction_decay=prediction_decay)
        check_whole("max_lost_frames", max_lost_frames, 0)
        check_whole("budget", budget, 1)
        check_real("budget", budget, 1, 100)
        check_choice("on_invalid", on_invalid, ("raise", "drop"))
        memory = at_frame_rate(max_lost_frames, frame_rate)
        parameters = [*scores, *costs, gate, memory, *prediction, budget]
        super().__init__(motdt_update, [on_invalid == "drop", *parameters], [(1,)], n_remembered=budget, memory=memory)
