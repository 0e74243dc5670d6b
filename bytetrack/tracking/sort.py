"""SORT (Bewley et al., Simple Online and Realtime Tracking, ICIP 2016): confident boxes, a Kalman filter, the best total IoU."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bytetrack.checks import check_choice, check_reals, check_whole
from bytetrack.runtime.compilation import jit, jit_cached, jit_inline
from bytetrack.tracking.association import Bins, assign, bin_boxes
from bytetrack.tracking.checks import check_score_split
from bytetrack.tracking.kalman import COVARIANCE, MEAN, VARIANCE, VELOCITY, VELOCITY_VARIANCE
from bytetrack.tracking.similarity import PLAIN_IOU, drop_dear_pairs, list_pairs
from bytetrack.tracking.stages import births, in_two_stages, lose, matching
from bytetrack.tracking.state import (
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
    views,
    write_tracks,
)
from bytetrack.tracking.tracker import Tracker

__all__ = ["Sort"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Parameters after LOW_SCORE; OC-SORT has the same ones here.
MATCH_COST, MAX_LOST_FRAMES, MIN_HITS, LOW_MATCH_COST = range(3, 7)
# The state (the paper's "Estimation Model"): centre x, centre y, area, aspect ratio; the aspect ratio has no velocity.
AREA, ASPECT = 2, 3


@jit
def noise(d: int) -> float:
    """Variance of measuring coordinate `d`: areas and aspect ratios are worse than centres."""
    return 1.0 if d < AREA else 10.0


@jit
def measured(box: Floats) -> tuple[float, float, float, float]:
    """Centre x, centre y, area, aspect ratio of a box (4,) that has area."""
    width, height = box[2] - box[0], box[3] - box[1]
    return box[0] + width / 2, box[1] + height / 2, width * height, width / height


@jit
def start(motion: Floats, box: Floats) -> None:
    """A new track: nothing is known of its velocities ("large values")."""
    measurement = measured(box)
    for d in range(4):
        motion[MEAN, d] = measurement[d]
        motion[VELOCITY, d] = motion[COVARIANCE, d] = 0.0
        motion[VARIANCE, d] = 10.0
        motion[VELOCITY_VARIANCE, d] = 0.0 if d == ASPECT else 1e4


@jit
def predict(motion: Floats) -> None:
    """One frame on; an area that would vanish stands still."""
    if motion[MEAN, AREA] + motion[VELOCITY, AREA] <= 0.0:
        motion[VELOCITY, AREA] = 0.0
    for d in range(4):
        covariance, velocity_variance = motion[COVARIANCE, d], motion[VELOCITY_VARIANCE, d]
        motion[MEAN, d] += motion[VELOCITY, d]
        motion[VARIANCE, d] += 2 * covariance + velocity_variance + 1.0
        motion[COVARIANCE, d] = covariance + velocity_variance
        if d != ASPECT:
            motion[VELOCITY_VARIANCE, d] = velocity_variance + (1e-4 if d == AREA else 1e-2)


@jit
def correct(motion: Floats, box: Floats) -> None:
    """The track after the detection `box` was matched to it."""
    measurement = measured(box)
    for d in range(4):
        variance, covariance = motion[VARIANCE, d], motion[COVARIANCE, d]
        total = variance + noise(d)
        innovation = measurement[d] - motion[MEAN, d]
        motion[MEAN, d] += variance / total * innovation
        motion[VELOCITY, d] += covariance / total * innovation
        motion[VARIANCE, d] = variance * noise(d) / total
        motion[COVARIANCE, d] = covariance * noise(d) / total
        motion[VELOCITY_VARIANCE, d] = max(motion[VELOCITY_VARIANCE, d] - covariance * covariance / total, 0.0)


@jit
def box_of_motion(motion: Floats, box: Floats) -> None:
    """Writes the state's corners into `box` (4,)."""
    width = np.sqrt(motion[MEAN, AREA] * motion[MEAN, ASPECT])
    height = motion[MEAN, AREA] / width
    box[0], box[1] = motion[MEAN, 0] - width / 2, motion[MEAN, 1] - height / 2
    box[2], box[3] = motion[MEAN, 0] + width / 2, motion[MEAN, 1] + height / 2


class Own(NamedTuple):
    """What SORT's steps need besides tracks and detections."""

    bins: Bins
    match_cost: float


@jit_inline
def by_iou(rows: Ints, n: int, kind: int, limit: float, own: Own, tracked: Tracked, detected: Detected, work: Work) -> None:
    """Costs `1 - IoU` of all pairs that touch; those of the largest total IoU that are too dear part afterwards ("Data Association").

    For that, the costs are assigned here at a limit of 1, and what stays listed are the pairs found.
    """
    list_pairs(rows, n, kind, 1.0, PLAIN_IOU, own.bins, tracked, detected, work)
    if kind != HIGH:
        drop_dear_pairs(n, limit, work)
        return
    pairs, column_of = work.pairs, work.solver.column_of
    assign(n, len(detected.score), pairs, 1.0, work.solver)
    kept = begin = 0
    for i in range(n):
        end = pairs.first[i + 1]
        pairs.first[i] = kept
        for e in range(begin, end):
            if pairs.column[e] == column_of[i] and pairs.cost[e] <= own.match_cost:
                pairs.column[kept], pairs.cost[kept] = pairs.column[e], pairs.cost[e]
                kept += 1
                break
        begin = end
    pairs.first[n] = kept


@jit_inline
def follow(row: int, j: int, own: Own, tracked: Tracked, detected: Detected, frame: int) -> None:
    """Track `row` was matched to detection `j`. `mark` counts hits in a row."""
    tracked.mark[row] = 1 if tracked.state[row] == LOST else tracked.mark[row] + 1
    correct(tracked.motion[row], detected.xyxy[j])
    box_of_motion(tracked.motion[row], tracked.box[row])


@jit_inline
def begin(row: int, j: int, own: Own, tracked: Tracked, detected: Detected, frame: int) -> None:
    """Track `row` starts at detection `j`."""
    start(tracked.motion[row], detected.xyxy[j])
    box_of_motion(tracked.motion[row], tracked.box[row])


match = matching(by_iou, follow)
match_in_two_stages = in_two_stages(match, match)
give_birth = births(begin)


@jit
def step_all(tracked: Tracked, n: int, rows: Ints) -> None:
    """All tracks one frame on; lists them in `rows`, those put out in the last frame first."""
    n_listed = 0
    for others in range(2):
        for t in range(n):
            row = tracked.order[t]
            if (tracked.state[row] == TRACKED) == (others == 0):
                predict(tracked.motion[row])
                box_of_motion(tracked.motion[row], tracked.box[row])
                rows[n_listed] = row
                n_listed += 1


@jit
def show_after_hits(tracked: Tracked, n: int, parameters: Floats, frame: int) -> None:
    """Removes tracks lost for too long; puts out those hit often enough in a row, and in the first frames all.

    ("Creation and Deletion of Track Identities"; the paper's probation is `min_hits`, its T_Lost is `max_lost_frames`.)
    """
    for t in range(n):
        row = tracked.order[t]
        if away(tracked, row, frame) > parameters[MAX_LOST_FRAMES]:
            tracked.state[row] = REMOVED
        elif tracked.state[row] != LOST:
            shown = tracked.mark[row] >= parameters[MIN_HITS] or frame <= parameters[MIN_HITS]
            tracked.state[row] = TRACKED if shown else UNCONFIRMED


@jit_cached
def sort_update(
    xyxy: Floats, score: Floats, class_id: Ints, parameters: Floats, floats: Floats, ints: Ints, out_floats: Floats, out_ints: Ints
) -> int:
    """One frame. Returns how many tracks were written, or -1 - row of the first invalid detection, and then nothing changed."""
    detected, tracked, work = views(xyxy, score, class_id, floats, ints)
    rows, counters = work.others, ints[:N_COUNTERS]
    n_detections = classify(detected, parameters, counters, False, work.rows)
    if n_detections < 0:
        return n_detections
    counters[FRAME] += 1
    frame, n = counters[FRAME], counters[N_ALIVE]
    own = Own(bin_boxes(xyxy, class_id, work.rows, n_detections, 0.0, work.binned), parameters[MATCH_COST])
    step_all(tracked, n, rows)
    n = match_in_two_stages(rows, n, 1.0, parameters[LOW_MATCH_COST], own, tracked, detected, work, frame)
    lose(rows, n, LOST, tracked)
    give_birth(0.0, UNCONFIRMED, own, tracked, detected, counters)
    show_after_hits(tracked, counters[N_ALIVE], parameters, frame)
    forget_removed(tracked, counters, work.rows)
    return write_tracks(tracked, counters[N_ALIVE], out_floats, out_ints)


class Sort(Tracker):
    """SORT, with the values of the published comparison with BYTE (the paper has `max_lost_frames=1`).

    - `high_score`: detections above it are tracked.
    - `match_cost`: pairs of cost `1 - IoU` above it do not match, whatever the assignment says.
    - `low_score`, `low_match_cost`: detections between it and `high_score` are offered to tracks put out in the last frame that
      are left, pairs of cost below the second (BYTE's second association); None: they are ignored, as in SORT.
    - `max_lost_frames`: how many frames a track is remembered without a detection.
    - `min_hits`: a track is put out once it was seen in that many frames in a row after its first; in the first `min_hits` frames
      of the video at once.
    - `on_invalid`: "raise" or "drop" detections that are not finite, inverted, or have a score outside [0, 1].

    With class ids only tracks and detections of one class are associated. Boxes without area overlap nothing and start nothing.
    ValueError names the argument that is out of range.
    """

    TAKES_TIME = True

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
        scores = [high_score, check_score_split(low_score, high_score)]
        check_reals(0, 1, match_cost=match_cost, low_match_cost=low_match_cost)
        check_whole("max_lost_frames", max_lost_frames, 0)
        check_whole("min_hits", min_hits, 0)
        check_choice("on_invalid", on_invalid, ("raise", "drop"))
        super().__init__(
            sort_update, [on_invalid == "drop", *scores, match_cost, max_lost_frames, min_hits, low_match_cost], memory=max_lost_frames
        )
