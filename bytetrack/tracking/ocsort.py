"""OC-SORT (Cao et al., Observation-Centric SORT, CVPR 2023): SORT that trusts what it saw more than what it predicted."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bytetrack.compiled import entry, kernel
from bytetrack.tracking.association import NONE, WEIGHT, Bins, assign, bin_boxes, candidate_pairs
from bytetrack.tracking.checks import check_choice, check_flag, check_real, check_score_split, check_whole
from bytetrack.tracking.similarity import drop_dear_pairs, keep_unmatched
from bytetrack.tracking.sort import box_of_motion, correct, predict, start
from bytetrack.tracking.state import (
    DROP_INVALID,
    DROPPED,
    FLAT,
    FRAME,
    HIGH,
    IGNORED,
    INVALID,
    LOST,
    LOW,
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

__all__ = ["OcSort"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Parameters after DROP_INVALID.
HIGH_SCORE, LOW_SCORE, MATCH_COST, MAX_LOST_FRAMES, MIN_HITS = range(1, 6)
DIRECTION_WEIGHT, DIRECTION_FRAMES, REUPDATE, RECOVER = range(6, 10)
N_SEEN, WHEN = 16, 4  # how many observations are kept, in slot frame % N_SEEN; the column of their frame


@kernel
def classify(detected: Detected, parameters: Floats, counters: Ints, rows: Ints) -> int:
    """Gives every detection its kind, lists those to associate in `rows` and returns how many they are; -1 - row of an invalid one."""
    n = 0
    for j in range(len(detected.score)):
        sight = look(detected.xyxy, detected.score, j)
        if sight == INVALID:
            if parameters[DROP_INVALID] == 0.0:
                return -1 - j
            counters[DROPPED] += 1
        detected.kind[j] = IGNORED
        if sight in (INVALID, FLAT):
            continue
        if detected.score[j] > parameters[HIGH_SCORE]:
            detected.kind[j] = HIGH
        elif parameters[LOW_SCORE] < detected.score[j] < parameters[HIGH_SCORE]:
            detected.kind[j] = LOW
        if detected.kind[j] != IGNORED:
            rows[n] = j
            n += 1
    return n


@kernel
def observed(past: Floats, frame: int, within: int, last_frame: int) -> int:
    """The slot of the observation `within` frames before `frame`, else of the earliest after it, else of the last one."""
    for back in range(within, 0, -1):
        slot = (frame - back) % N_SEEN
        if past[slot, WHEN] == frame - back:
            return slot
    return last_frame % N_SEEN


@kernel
def direction(first: Floats, second: Floats) -> tuple[float, float]:
    """The unit vector between the centres of two boxes, (0, 0) where they agree."""
    dx = (second[0] + second[2] - first[0] - first[2]) / 2
    dy = (second[1] + second[3] - first[1] - first[3]) / 2
    length = np.sqrt(dx * dx + dy * dy)
    return (dx / length, dy / length) if length > 0.0 else (0.0, 0.0)


@kernel
def observe(past: Floats, heading: Floats, row: int, box: Floats, frame: int, last_frame: int, within: int) -> None:
    """Keeps the observation `box` of track `row`, and the direction in which it came."""
    heading[row, 0], heading[row, 1] = direction(past[row, observed(past[row], frame, within, last_frame)], box)
    slot = frame % N_SEEN
    for d in range(4):
        past[row, slot, d] = box[d]
    past[row, slot, WHEN] = frame


@kernel
def favour_direction(
    n: int, past: Floats, heading: Floats, parameters: Floats, tracked: Tracked, detected: Detected, work: Work, frame: int
) -> None:
    """Observation-Centric Momentum (section 4.2): a detection in the direction in which a track goes is cheaper, one behind it dearer.

    The angle lies between the track's last observations `direction_frames` apart, and the line from the first of them to the
    detection; a right angle costs nothing.
    """
    within = int(parameters[DIRECTION_FRAMES])
    for i in range(n):
        row = tracked.order[i]
        if heading[row, 0] == 0.0 and heading[row, 1] == 0.0:
            continue
        slot = observed(past[row], frame, within, tracked.last_frame[row])
        for e in range(work.pairs.first[i], work.pairs.first[i + 1]):
            j = work.pairs.column[e]
            x, y = direction(past[row, slot], detected.xyxy[j])
            cosine = min(max(x * heading[row, 0] + y * heading[row, 1], -1.0), 1.0)
            agreement = (np.pi / 2 - np.arccos(cosine)) / np.pi
            work.pairs.cost[e] -= parameters[DIRECTION_WEIGHT] * agreement * detected.score[j]


@kernel
def list_pairs(
    rows: Ints, n: int, kind: int, limit: float, boxes: Floats, bins: Bins, tracked: Tracked, detected: Detected, work: Work
) -> None:
    """Lists the pairs of `boxes[rows[:n]]` and detections of a kind with `1 - IoU` below `limit`."""
    for place in range(bins.n_places):
        work.binned.table[place, WEIGHT] = 1.0 if detected.kind[work.binned.row[place]] == kind else 0.0
    candidate_pairs(rows, n, boxes, tracked.class_id, work.binned, bins, limit, work.pairs)


@kernel
def update_again(motion: Floats, saved: Floats, last: Floats, box: Floats, gap: int, between: Floats) -> None:
    """Observation-centric Re-Update (section 4.1): the filter as it was when last seen, led along the line from there to `box`."""
    for moment in range(5):
        for d in range(4):
            motion[moment, d] = saved[moment, d]
    for step in range(1, gap + 1):
        part = step / gap
        for d in range(4):
            between[d] = last[d] + (box[d] - last[d]) * part
        predict(motion)
        correct(motion, between)


@kernel
def follow(
    rows: Ints,
    n: int,
    parameters: Floats,
    tracked: Tracked,
    detected: Detected,
    past: Floats,
    heading: Floats,
    saved: Floats,
    work: Work,
    frame: int,
) -> int:
    """Updates the matched of the tracks `rows[:n]`, moves the others to the front of `rows`, returns their number.

    `mark` counts hits in a row; a track's box is its observation.
    """
    for i in range(n):
        row, j = rows[i], work.solver.column_of[i]
        if j == NONE:
            continue
        box, last_frame = detected.xyxy[j], tracked.last_frame[row]
        if frame - last_frame > 1 and parameters[REUPDATE] != 0.0:
            update_again(tracked.motion[row], saved[row], past[row, last_frame % N_SEEN], box, frame - last_frame, work.track_boxes[row])
        else:
            correct(tracked.motion[row], box)
        observe(past, heading, row, box, frame, last_frame, int(parameters[DIRECTION_FRAMES]))
        keep(tracked, row, box, saved)
        tracked.mark[row] = 1 if tracked.state[row] == LOST else tracked.mark[row] + 1
        seen(tracked, row, detected, j, frame)
    return keep_unmatched(rows, n, work)


@kernel
def keep(tracked: Tracked, row: int, box: Floats, saved: Floats) -> None:
    """Puts the observation where the box is, and the filter's state aside."""
    for d in range(4):
        tracked.box[row, d] = box[d]
    for moment in range(5):
        for d in range(4):
            saved[row, moment, d] = tracked.motion[row, moment, d]


@kernel
def give_birth(tracked: Tracked, detected: Detected, past: Floats, heading: Floats, saved: Floats, counters: Ints) -> None:
    """Starts a track from every confident detection that is left."""
    for j in range(len(detected.score)):
        if detected.kind[j] == HIGH:
            row = new_row(tracked, detected, j, UNCONFIRMED, counters)
            start(tracked.motion[row], detected.xyxy[j])
            for slot in range(N_SEEN):
                past[row, slot, WHEN] = NONE
            slot = counters[FRAME] % N_SEEN
            for d in range(4):
                past[row, slot, d] = detected.xyxy[j, d]
            past[row, slot, WHEN] = counters[FRAME]
            heading[row, 0] = heading[row, 1] = 0.0
            keep(tracked, row, detected.xyxy[j], saved)


@entry
def ocsort_update(
    xyxy: Floats,
    score: Floats,
    class_id: Ints,
    parameters: Floats,
    counters: Ints,
    motion: Floats,
    box: Floats,
    track_score: Floats,
    track_ints: Ints,
    past: Floats,
    heading: Floats,
    saved: Floats,
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
    rows, limit = work.others, parameters[MATCH_COST]
    n_detections = classify(detected, parameters, counters, work.rows)
    if n_detections < 0:
        return n_detections
    counters[FRAME] += 1
    frame, n = counters[FRAME], counters[N_ALIVE]
    bins = bin_boxes(xyxy, class_id, work.rows, n_detections, 0.0, work.binned)
    for t in range(n):
        rows[t] = tracked.order[t]
        predict(motion[rows[t]])
        box_of_motion(motion[rows[t]], box[rows[t]])

    list_pairs(rows, n, HIGH, limit, box, bins, tracked, detected, work)
    if parameters[DIRECTION_WEIGHT] > 0.0:
        favour_direction(n, past, heading, parameters, tracked, detected, work, frame)
        drop_dear_pairs(n, 1.0, work)
    assign(n, len(score), work.pairs, 1.0, work.solver)
    n = follow(rows, n, parameters, tracked, detected, past, heading, saved, work, frame)
    if parameters[LOW_SCORE] < parameters[HIGH_SCORE]:
        list_pairs(rows, n, LOW, limit, box, bins, tracked, detected, work)
        assign(n, len(score), work.pairs, 1.0, work.solver)
        n = follow(rows, n, parameters, tracked, detected, past, heading, saved, work, frame)
    if parameters[RECOVER] != 0.0:
        for t in range(n):
            slot = tracked.last_frame[rows[t]] % N_SEEN
            for d in range(4):
                work.track_boxes[rows[t], d] = past[rows[t], slot, d]
        list_pairs(rows, n, HIGH, limit, work.track_boxes, bins, tracked, detected, work)
        assign(n, len(score), work.pairs, 1.0, work.solver)
        n = follow(rows, n, parameters, tracked, detected, past, heading, saved, work, frame)
    for t in range(n):
        tracked.state[rows[t]] = LOST
    give_birth(tracked, detected, past, heading, saved, counters)
    for t in range(counters[N_ALIVE]):
        row = tracked.order[t]
        if frame - tracked.last_frame[row] > parameters[MAX_LOST_FRAMES]:
            tracked.state[row] = REMOVED
        elif tracked.state[row] != LOST:
            shown = tracked.mark[row] >= parameters[MIN_HITS] or frame <= parameters[MIN_HITS]
            tracked.state[row] = TRACKED if shown else UNCONFIRMED
    forget_removed(tracked, counters, rows)
    return write_tracks(tracked, counters[N_ALIVE], out_floats, out_ints)


class OcSort(Tracker):
    """OC-SORT, with the values of the paper.

    - `high_score`: detections above it are tracked.
    - `low_score`: those between it and `high_score` are offered to the tracks that are left (BYTE); equal to `high_score`: not.
    - `match_cost`: pairs of cost `1 - IoU` below it can match, in every association.
    - `max_lost_frames`: how many frames a track is remembered without a detection.
    - `min_hits`: a track is put out once it was seen in that many frames in a row after its first; in the first `min_hits` frames
      of the video at once. Boxes are the detections, not the filter's.
    - `direction_weight`, `direction_frames`: how much a detection in a track's direction is preferred (OCM; lambda), and over how
      many frames the direction is taken (delta t); weight 0: not.
    - `reupdate`: whether the filter of a track found again is led along the line between its observations (ORU).
    - `recover`: whether detections that are left are compared with the last observations of tracks that are (OCR).
    - `on_invalid`: "raise" or "drop" detections that are not finite, inverted, or have a score outside [0, 1].

    Pairs below the IoU limit are no candidates; the published code assigns them too, and parts them afterwards. With class ids only
    tracks and detections of one class are associated. Boxes without area overlap nothing and start nothing. ValueError names the
    argument that is out of range.
    """

    def __init__(
        self,
        high_score: float = 0.6,
        low_score: float = 0.6,
        match_cost: float = 0.7,
        max_lost_frames: int = 30,
        min_hits: int = 3,
        direction_weight: float = 0.2,
        direction_frames: int = 3,
        reupdate: bool = True,
        recover: bool = True,
        on_invalid: str = "raise",
    ) -> None:
        check_score_split(low_score, high_score)
        check_real("match_cost", match_cost, 0, 1)
        check_whole("max_lost_frames", max_lost_frames, 0)
        check_whole("min_hits", min_hits, 0)
        check_real("direction_weight", direction_weight, 0, 1)
        check_whole("direction_frames", direction_frames, 1)
        check_real("direction_frames", direction_frames, 1, N_SEEN - 1)
        check_flag("reupdate", reupdate)
        check_flag("recover", recover)
        check_choice("on_invalid", on_invalid, ("raise", "drop"))
        observation_centric = [direction_weight, direction_frames, reupdate, recover]
        parameters = [on_invalid == "drop", high_score, low_score, match_cost, max_lost_frames, min_hits, *observation_centric]
        super().__init__(ocsort_update, parameters, [np.zeros((N_SEEN, 5)), np.zeros(2), np.zeros((5, 4))])
