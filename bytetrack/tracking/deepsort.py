"""DeepSORT (Wojke et al., Simple Online and Realtime Tracking with a Deep Association Metric, ICIP 2017): looks, the latest first."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bytetrack.checks import check_choice, check_reals, check_whole
from bytetrack.runtime.compilation import jit, jit_cached
from bytetrack.tracking.appearance import Looks, begin, by_iou, by_looks, follow, looks_of
from bytetrack.tracking.association import NONE, bin_boxes
from bytetrack.tracking.checks import check_score_split
from bytetrack.tracking.kalman import predict_all
from bytetrack.tracking.stages import births, in_two_stages, matching, remove_long_lost
from bytetrack.tracking.state import (
    COVERED,
    FRAME,
    HIGH,
    LOST,
    N_ALIVE,
    N_COUNTERS,
    REMOVED,
    TRACKED,
    UNCONFIRMED,
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

__all__ = ["DeepSort"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Parameters after LOW_SCORE.
APPEARANCE_COST, MATCH_COST, LOW_MATCH_COST, GATE, MAX_LOST_FRAMES, MIN_HITS, SHOWN_FRAMES, BUDGET = range(3, 11)

match_looks = matching(by_looks, follow)
match_iou = matching(by_iou, follow)
match_iou_in_two_stages = in_two_stages(match_iou, match_iou)
give_birth = births(begin)


@jit
def cascade(limit: float, longest: float, own: Looks, tracked: Tracked, n: int, detected: Detected, work: Work, frame: int) -> int:
    """The matching cascade (section 2.3, listing 1): confirmed tracks by looks, those seen last first, as they are the surest.

    Those seen in the last frame come first however long ago that was. Lists in `work.others` what the IoU is asked for then: those
    of them that are left, and unconfirmed ones.
    """
    n_left, oldest = 0, int(np.ceil(longest)) + 1
    for age in range(oldest + 1):
        n_rows = 0
        for t in range(n):
            row = tracked.order[t]
            lost_for = min(max(int(np.ceil(away(tracked, row, frame))), 1), oldest)
            if tracked.state[row] == TRACKED if age == 0 else tracked.state[row] == LOST and lost_for == age:
                work.rows[n_rows] = row
                n_rows += 1
        n_rows = match_looks(work.rows, n_rows, HIGH, limit, own, tracked, detected, work, frame)
        if age == 0:
            for t in range(n_rows):
                work.others[t] = work.rows[t]
            n_left = n_rows
    for t in range(n):
        if tracked.state[tracked.order[t]] == UNCONFIRMED:
            work.others[n_left] = tracked.order[t]
            n_left += 1
    return n_left


@jit
def settle(tracked: Tracked, n: int, parameters: Floats, frame: int) -> None:
    """Keeps tracks unconfirmed until they were seen often enough (section 2.1); puts out tracks that were lost a moment ago."""
    for t in range(n):
        row = tracked.order[t]
        if tracked.last_frame[row] == frame:
            tracked.state[row] = TRACKED if tracked.mark[row] >= parameters[MIN_HITS] else UNCONFIRMED
        elif tracked.state[row] == LOST and away(tracked, row, frame) <= parameters[SHOWN_FRAMES]:
            tracked.state[row], tracked.detection[row] = COVERED, NONE


@jit_cached
def deepsort_update(
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
    rows, counters = work.others, ints[:N_COUNTERS]
    n_detections = classify(detected, parameters, counters, True, work.rows)
    if n_detections < 0:
        return n_detections
    counters[FRAME] += 1
    frame, n = counters[FRAME], counters[N_ALIVE]
    bins = bin_boxes(xyxy, class_id, work.rows, n_detections, 0.0, work.binned)
    own = looks_of(bins, tracked.own, len(tracked.order), int(parameters[BUDGET]), features, parameters[GATE], False, work.sums)
    uncover(tracked, n, LOST)
    predict_all(tracked, n, False)

    n = cascade(parameters[APPEARANCE_COST], parameters[MAX_LOST_FRAMES], own, tracked, n, detected, work, frame)
    limit, low_limit = parameters[MATCH_COST], parameters[LOW_MATCH_COST]
    n = match_iou_in_two_stages(rows, n, limit, low_limit, own, tracked, detected, work, frame)
    for t in range(counters[N_ALIVE]):
        row = tracked.order[t]
        if tracked.last_frame[row] < frame and tracked.state[row] != REMOVED:
            tracked.state[row] = REMOVED if tracked.state[row] == UNCONFIRMED else LOST
    give_birth(0.0, UNCONFIRMED, own, tracked, detected, counters)
    remove_long_lost(tracked, counters[N_ALIVE], frame, parameters[MAX_LOST_FRAMES])
    settle(tracked, counters[N_ALIVE], parameters, frame)
    forget_removed(tracked, counters, work.rows)
    return write_tracks(tracked, counters[N_ALIVE], out_floats, out_ints)


class DeepSort(Tracker):
    """DeepSORT, with the values of its published comparison with BYTE. Give `update` the features of the detections.

    - `high_score`: detections from it up are tracked.
    - `appearance_cost`: in the cascade, pairs of cosine distance below it can match: the smallest to the `budget` last features of
      the track (equation 3).
    - `gate`: and of a squared Mahalanobis distance below it (equations 1 and 2; the 0.95 quantile of chi-square with 4 degrees of freedom).
    - `match_cost`: unconfirmed tracks, and those seen in the last frame that are left, match detections that are left with
      `1 - IoU` below it.
    - `low_score`, `low_match_cost`: detections between it and `high_score` are offered to confirmed tracks seen in the last frame
      that are left, with `1 - IoU` below the second (BYTE); None: they are ignored, as in DeepSORT.
    - `max_lost_frames`: how many frames a track is remembered without a detection (A_max).
    - `min_hits`: a track is put out once it was seen in that many frames, its first counted; one missed before ends it.
    - `shown_frames`: for how many frames after its last detection a track is put out where it is predicted (`detection_index` -1).
    - `on_invalid`: "raise" or "drop" detections that are not finite, inverted, or have a score outside [0, 1].

    Without features the cascade takes the Mahalanobis distance alone (equation 5, lambda = 1); with them looks alone (lambda = 0), as
    in the paper's experiments. With class ids only tracks and detections of one class are associated. Boxes without area overlap nothing
    and start nothing. ValueError names the argument that is out of range.
    """

    USES = ("features",)
    TAKES_TIME = True
    SHOWS_LOST = True

    def __init__(
        self,
        high_score: float = 0.5,
        low_score: float | None = None,
        appearance_cost: float = 0.1,
        match_cost: float = 0.7,
        low_match_cost: float = 0.5,
        gate: float = 9.4877,
        max_lost_frames: int = 30,
        min_hits: int = 3,
        shown_frames: int = 1,
        budget: int = 100,
        on_invalid: str = "raise",
    ) -> None:
        scores = [high_score, check_score_split(low_score, high_score)]
        check_reals(0, 1, match_cost=match_cost, low_match_cost=low_match_cost)
        check_reals(0, 2, appearance_cost=appearance_cost)
        check_reals(0, 1e6, gate=gate)
        check_whole("max_lost_frames", max_lost_frames, 0)
        check_whole("min_hits", min_hits, 1)
        check_whole("shown_frames", shown_frames, 0)
        check_whole("budget", budget, 1)
        check_reals(1, 100, budget=budget)
        check_choice("on_invalid", on_invalid, ("raise", "drop"))
        parameters = [appearance_cost, match_cost, low_match_cost, gate, max_lost_frames, min_hits, shown_frames, budget]
        super().__init__(deepsort_update, [on_invalid == "drop", *scores, *parameters], [(1,)], n_remembered=budget, memory=max_lost_frames)
