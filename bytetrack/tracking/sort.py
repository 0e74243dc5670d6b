"""SORT (Bewley et al., Simple Online and Realtime Tracking, ICIP 2016): confident boxes, a Kalman filter, the best total IoU."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bytetrack.compiled import entry, kernel
from bytetrack.tracking.association import NONE, assign, bin_boxes, candidate_pairs
from bytetrack.tracking.checks import check_choice, check_real, check_whole
from bytetrack.tracking.kalman import COVARIANCE, MEAN, VARIANCE, VELOCITY, VELOCITY_VARIANCE
from bytetrack.tracking.state import (
    DROP_INVALID,
    DROPPED,
    FLAT,
    FRAME,
    HIGH,
    IGNORED,
    INVALID,
    LOST,
    N_ALIVE,
    REMOVED,
    TRACKED,
    UNCONFIRMED,
    Detected,
    Tracked,
    Work,
    forget_removed,
    look,
    new_row,
    seen,
    views,
    write_tracks,
)
from bytetrack.tracking.tracker import Tracker

__all__ = ["Sort"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Parameters after DROP_INVALID.
HIGH_SCORE, MATCH_COST, MAX_LOST_FRAMES, MIN_HITS = range(1, 5)
# The state (section 3.1): centre x, centre y, area, aspect ratio; the aspect ratio has no velocity.
AREA, ASPECT = 2, 3


@kernel
def noise(d: int) -> float:
    """Variance of measuring coordinate `d`: areas and aspect ratios are worse than centres."""
    return 1.0 if d < AREA else 10.0


@kernel
def measured(box: Floats) -> tuple[float, float, float, float]:
    """Centre x, centre y, area, aspect ratio of a box (4,) that has area."""
    width, height = box[2] - box[0], box[3] - box[1]
    return box[0] + width / 2, box[1] + height / 2, width * height, width / height


@kernel
def start(motion: Floats, box: Floats) -> None:
    """A new track: nothing is known of its velocities ("large values")."""
    measurement = measured(box)
    for d in range(4):
        motion[MEAN, d] = measurement[d]
        motion[VELOCITY, d] = motion[COVARIANCE, d] = 0.0
        motion[VARIANCE, d] = 10.0
        motion[VELOCITY_VARIANCE, d] = 0.0 if d == ASPECT else 1e4


@kernel
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


@kernel
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


@kernel
def box_of_motion(motion: Floats, box: Floats) -> None:
    """Writes the state's corners into `box` (4,)."""
    width = np.sqrt(motion[MEAN, AREA] * motion[MEAN, ASPECT])
    height = motion[MEAN, AREA] / width
    box[0], box[1] = motion[MEAN, 0] - width / 2, motion[MEAN, 1] - height / 2
    box[2], box[3] = motion[MEAN, 0] + width / 2, motion[MEAN, 1] + height / 2


@kernel
def classify(detected: Detected, parameters: Floats, counters: Ints, rows: Ints) -> int:
    """Lists the detections above `high_score` in `rows` and returns how many they are; -1 - row of an invalid one."""
    n = 0
    for j in range(len(detected.score)):
        sight = look(detected.xyxy, detected.score, j)
        if sight == INVALID:
            if parameters[DROP_INVALID] == 0.0:
                return -1 - j
            counters[DROPPED] += 1
        if sight in (INVALID, FLAT) or detected.score[j] <= parameters[HIGH_SCORE]:
            detected.kind[j] = IGNORED
        else:
            detected.kind[j] = HIGH
            rows[n] = j
            n += 1
    return n


@kernel
def associate(tracked: Tracked, n: int, detected: Detected, n_detections: int, match_cost: float, frame: int, work: Work) -> None:
    """The assignment of the largest total IoU; then pairs of too small an IoU part (section 3.2). `mark` counts hits in a row."""
    bins = bin_boxes(detected.xyxy, detected.class_id, work.rows, n_detections, 0.0, work.binned)
    candidate_pairs(tracked.order, n, tracked.box, tracked.class_id, work.binned, bins, 1.0, work.pairs)
    assign(n, len(detected.score), work.pairs, 1.0, work.solver)
    for i in range(n):
        row, j = tracked.order[i], work.solver.column_of[i]
        if j != NONE:
            for e in range(work.pairs.first[i], work.pairs.first[i + 1]):
                if work.pairs.column[e] == j and work.pairs.cost[e] > match_cost:
                    j = NONE
                    break
        if j == NONE:
            tracked.state[row] = LOST
            continue
        tracked.mark[row] = 1 if tracked.state[row] == LOST else tracked.mark[row] + 1
        seen(tracked, row, detected, j, frame)
        correct(tracked.motion[row], detected.xyxy[j])
        box_of_motion(tracked.motion[row], tracked.box[row])


@kernel
def give_birth(tracked: Tracked, detected: Detected, counters: Ints) -> None:
    """Starts a track from every confident detection that is left."""
    for j in range(len(detected.score)):
        if detected.kind[j] == HIGH:
            row = new_row(tracked, detected, j, UNCONFIRMED, counters)
            start(tracked.motion[row], detected.xyxy[j])
            box_of_motion(tracked.motion[row], tracked.box[row])


@entry
def sort_update(
    xyxy: Floats,
    score: Floats,
    class_id: Ints,
    parameters: Floats,
    counters: Ints,
    motion: Floats,
    box: Floats,
    track_score: Floats,
    track_ints: Ints,
    table: Floats,
    work_floats: Floats,
    work_ints: Ints,
    pair_column: Ints,
    pair_cost: Floats,
    out_floats: Floats,
    out_ints: Ints,
) -> int:
    """One frame. Returns how many tracks were written, or -1 - row of the first invalid detection, and then nothing changed."""
    detected, tracked, work = views(
        xyxy, score, class_id, motion, box, track_score, track_ints, table, work_floats, work_ints, pair_column, pair_cost
    )
    n_detections = classify(detected, parameters, counters, work.rows)
    if n_detections < 0:
        return n_detections
    counters[FRAME] += 1
    frame = counters[FRAME]
    n = counters[N_ALIVE]
    for t in range(n):
        row = tracked.order[t]
        predict(motion[row])
        box_of_motion(motion[row], box[row])
    associate(tracked, n, detected, n_detections, parameters[MATCH_COST], frame, work)
    give_birth(tracked, detected, counters)
    for t in range(counters[N_ALIVE]):
        row = tracked.order[t]
        if frame - tracked.last_frame[row] > parameters[MAX_LOST_FRAMES]:
            tracked.state[row] = REMOVED
        elif tracked.state[row] != LOST:
            shown = tracked.mark[row] >= parameters[MIN_HITS] or frame <= parameters[MIN_HITS]
            tracked.state[row] = TRACKED if shown else UNCONFIRMED
    forget_removed(tracked, counters, work.rows)
    return write_tracks(tracked, counters[N_ALIVE], out_floats, out_ints)


class Sort(Tracker):
    """SORT, with the values of the published comparison with BYTE (the paper has `max_lost_frames=1`).

    - `high_score`: detections above it are tracked, the others ignored.
    - `match_cost`: pairs of cost `1 - IoU` above it do not match, whatever the assignment says.
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
        on_invalid: str = "raise",
    ) -> None:
        check_real("high_score", high_score, 0, 1)
        check_real("match_cost", match_cost, 0, 1)
        check_whole("max_lost_frames", max_lost_frames, 0)
        check_whole("min_hits", min_hits, 0)
        check_choice("on_invalid", on_invalid, ("raise", "drop"))
        super().__init__(sort_update, [on_invalid == "drop", high_score, match_cost, max_lost_frames, min_hits])
