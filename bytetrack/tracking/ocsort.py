"""OC-SORT (Cao et al., Observation-Centric SORT, CVPR 2023): SORT that trusts what it saw more than what it predicted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bytetrack.checks import check_choice, check_flag, check_real, check_reals, check_whole
from bytetrack.runtime.compilation import jit, jit_cached, jit_inline
from bytetrack.tracking.association import NONE, Bins, bin_boxes
from bytetrack.tracking.checks import check_score_split
from bytetrack.tracking.similarity import PLAIN_IOU, drop_dear_pairs, list_pairs
from bytetrack.tracking.sort import MATCH_COST, MIN_HITS, box_of_motion, correct, predict, show_after_hits, start, step_all
from bytetrack.tracking.stages import births, lose, matching
from bytetrack.tracking.state import (
    FRAME,
    HIGH,
    LOST,
    LOW,
    N_ALIVE,
    N_COUNTERS,
    UNCONFIRMED,
    Detected,
    Tracked,
    Work,
    classify,
    forget_removed,
    views,
    write_tracks,
)
from bytetrack.tracking.tracker import Tracker

__all__ = ["OcSort"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Parameters: SORT's, then:
DIRECTION_WEIGHT, DIRECTION_FRAMES, REUPDATE, RECOVER = range(MIN_HITS + 1, MIN_HITS + 5)
N_SEEN, WHEN = 16, 4  # how many observations are kept, in slot frame % N_SEEN; the column of their frame


class Own(NamedTuple):
    """What OC-SORT's steps need besides tracks and detections.

    Of every track `past` (tracks, N_SEEN, 5), its last observations; `heading` (tracks, 2), the direction in which it came; `saved`
    (tracks, 5, 4), the filter when it was last seen.
    """

    bins: Bins
    parameters: Floats
    past: Floats
    heading: Floats
    saved: Floats
    scratch: Floats
    frame: int


@jit
def observed(past: Floats, frame: int, within: int, last_frame: int) -> int:
    """The slot of the observation `within` frames before `frame`, else of the earliest after it, else of the last one."""
    for back in range(within, 0, -1):
        slot = (frame - back) % N_SEEN
        if past[slot, WHEN] == frame - back:
            return slot
    return last_frame % N_SEEN


@jit
def direction(first: Floats, second: Floats) -> tuple[float, float]:
    """The unit vector between the centres of two boxes, (0, 0) where they agree."""
    dx = (second[0] + second[2] - first[0] - first[2]) / 2
    dy = (second[1] + second[3] - first[1] - first[3]) / 2
    length = np.sqrt(dx * dx + dy * dy)
    return (dx / length, dy / length) if length > 0.0 else (0.0, 0.0)


@jit_inline
def by_iou(rows: Ints, n: int, kind: int, limit: float, own: Own, tracked: Tracked, detected: Detected, work: Work) -> None:
    """Costs `1 - IoU` of the pairs below `match_cost`."""
    list_pairs(rows, n, kind, own.parameters[MATCH_COST], PLAIN_IOU, own.bins, tracked, detected, work)


@jit_inline
def by_iou_and_direction(rows: Ints, n: int, kind: int, limit: float, own: Own, tracked: Tracked, detected: Detected, work: Work) -> None:
    """Observation-Centric Momentum (section 4.2): a detection in the direction in which a track goes is cheaper, one behind it dearer.

    The angle lies between the track's last observations `direction_frames` apart, and the line from the first of them to the
    detection; a right angle costs nothing.
    """
    by_iou(rows, n, kind, limit, own, tracked, detected, work)
    weight, within, frame = own.parameters[DIRECTION_WEIGHT], int(own.parameters[DIRECTION_FRAMES]), own.frame
    if weight == 0.0:
        return
    for i in range(n):
        row = rows[i]
        x, y = own.heading[row, 0], own.heading[row, 1]
        if x == 0.0 and y == 0.0:
            continue
        slot = observed(own.past[row], frame, within, tracked.last_frame[row])
        for e in range(work.pairs.first[i], work.pairs.first[i + 1]):
            j = work.pairs.column[e]
            dx, dy = direction(own.past[row, slot], detected.xyxy[j])
            cosine = min(max(dx * x + dy * y, -1.0), 1.0)
            work.pairs.cost[e] -= weight * (np.pi / 2 - np.arccos(cosine)) / np.pi * detected.score[j]
    drop_dear_pairs(n, limit, work)


@jit
def update_again(motion: Floats, saved: Floats, last: Floats, box: Floats, gap: int, between: Floats) -> None:
    """Observation-centric Re-Update (section 4.1): the filter as it was when last seen, led along the line from there to `box`."""
    for moment in range(5):
        for d in range(4):
            motion[moment, d] = saved[moment, d]
    for step in range(1, gap):
        part = step / gap
        for d in range(4):
            between[d] = last[d] + (box[d] - last[d]) * part
        predict(motion)
        if between[2] > between[0] and between[3] > between[1]:  # far from the origin, sides vanish by rounding
            correct(motion, between)
    predict(motion)
    correct(motion, box)


@jit
def keep(row: int, j: int, own: Own, tracked: Tracked, detected: Detected, frame: int) -> None:
    """Puts the observation where the box is, and the filter's state aside."""
    slot = frame % N_SEEN
    for d in range(4):
        own.past[row, slot, d] = tracked.box[row, d] = detected.xyxy[j, d]
    own.past[row, slot, WHEN] = frame
    for moment in range(5):
        for d in range(4):
            own.saved[row, moment, d] = tracked.motion[row, moment, d]


@jit_inline
def follow(row: int, j: int, own: Own, tracked: Tracked, detected: Detected, frame: int) -> None:
    """Track `row` was matched to detection `j`. `mark` counts hits in a row; a track's box is its observation."""
    box, last_frame, past = detected.xyxy[j], tracked.last_frame[row], own.past[row]
    if frame - last_frame > 1 and own.parameters[REUPDATE] != 0.0:
        update_again(tracked.motion[row], own.saved[row], past[last_frame % N_SEEN], box, frame - last_frame, own.scratch[0])
    else:
        correct(tracked.motion[row], box)
    slot = observed(past, frame, int(own.parameters[DIRECTION_FRAMES]), last_frame)
    own.heading[row, 0], own.heading[row, 1] = direction(past[slot], box)
    keep(row, j, own, tracked, detected, frame)
    tracked.mark[row] = 1 if tracked.state[row] == LOST else tracked.mark[row] + 1


@jit_inline
def begin(row: int, j: int, own: Own, tracked: Tracked, detected: Detected, frame: int) -> None:
    """Track `row` starts at detection `j`."""
    start(tracked.motion[row], detected.xyxy[j])
    for slot in range(N_SEEN):
        own.past[row, slot, WHEN] = NONE
    own.heading[row, 0] = own.heading[row, 1] = 0.0
    keep(row, j, own, tracked, detected, frame)


match, match_by_direction = matching(by_iou, follow), matching(by_iou_and_direction, follow)
give_birth = births(begin)


@jit_cached
def ocsort_update(
    xyxy: Floats, score: Floats, class_id: Ints, parameters: Floats, floats: Floats, ints: Ints, out_floats: Floats, out_ints: Ints
) -> int:
    """One frame. Returns how many tracks were written, or -1 - row of the first invalid detection, and then nothing changed."""
    detected, tracked, work = views(xyxy, score, class_id, floats, ints)
    rows, counters = work.others, ints[:N_COUNTERS]
    n_detections = classify(detected, parameters, counters, False, work.rows)
    if n_detections < 0:
        return n_detections
    counters[FRAME] += 1
    frame, n, capacity = counters[FRAME], counters[N_ALIVE], len(tracked.order)
    past = tracked.own[: capacity * N_SEEN * 5].reshape((capacity, N_SEEN, 5))
    rest = tracked.own[capacity * N_SEEN * 5 :]
    heading, saved = rest[: capacity * 2].reshape((capacity, 2)), rest[capacity * 2 :].reshape((capacity, 5, 4))
    bins = bin_boxes(xyxy, class_id, work.rows, n_detections, 0.0, work.binned)
    own = Own(bins, parameters, past, heading, saved, work.detection_boxes, frame)
    step_all(tracked, n, rows)

    n = match_by_direction(rows, n, HIGH, 1.0, own, tracked, detected, work, frame)
    n = match(rows, n, LOW, 1.0, own, tracked, detected, work, frame)
    if parameters[RECOVER] != 0.0:
        for t in range(n):
            slot = tracked.last_frame[rows[t]] % N_SEEN
            for d in range(4):
                tracked.box[rows[t], d] = past[rows[t], slot, d]
        n = match(rows, n, HIGH, 1.0, own, tracked, detected, work, frame)
        for t in range(n):
            box_of_motion(tracked.motion[rows[t]], tracked.box[rows[t]])
    lose(rows, n, LOST, tracked)
    give_birth(0.0, UNCONFIRMED, own, tracked, detected, counters)
    show_after_hits(tracked, counters[N_ALIVE], parameters, frame)
    forget_removed(tracked, counters, work.rows)
    return write_tracks(tracked, counters[N_ALIVE], out_floats, out_ints)


class OcSort(Tracker):
    """OC-SORT, with the values of the paper.

    - `high_score`: detections above it are tracked.
    - `low_score`: those between it and `high_score` are offered to the tracks that are left (BYTE); None: not.
    - `match_cost`: pairs of cost `1 - IoU` below it can match, in every association.
    - `max_lost_frames`: how many frames a track is remembered without a detection.
    - `min_hits`: a track is put out once it was seen in that many frames in a row after its first; in the first `min_hits` frames
      of the video at once. Boxes are the detections, not the filter's.
    - `direction_weight`, `direction_frames`: how much a detection in a track's direction is preferred (OCM; lambda), and over how
      many frames the direction is taken (delta t); weight 0: not.
    - `reupdate`: whether the filter of a track found again is led along the line between its observations (ORU).
    - `recover`: whether detections that are left are compared with the last observations of tracks that are (OCR).
    - `on_invalid`: "raise" or "drop" detections that are not finite, inverted, or have a score outside [0, 1].

    Not as in the published code: pairs below the IoU limit are no candidates (it assigns them too, and parts them afterwards); a
    track's first detection counts as an observation; the re-update corrects by the last one once, not twice. With class ids only
    tracks and detections of one class are associated. Boxes without area overlap nothing and start nothing. ValueError names the
    argument that is out of range.
    """

    def __init__(
        self,
        high_score: float = 0.6,
        low_score: float | None = None,
        match_cost: float = 0.7,
        max_lost_frames: int = 30,
        min_hits: int = 3,
        direction_weight: float = 0.2,
        direction_frames: int = 3,
        reupdate: bool = True,
        recover: bool = True,
        on_invalid: str = "raise",
    ) -> None:
        scores = [high_score, check_score_split(low_score, high_score)]
        check_reals(0, 1, match_cost=match_cost, direction_weight=direction_weight)
        check_whole("max_lost_frames", max_lost_frames, 0)
        check_whole("min_hits", min_hits, 0)
        check_whole("direction_frames", direction_frames, 1)
        check_real("direction_frames", direction_frames, 1, N_SEEN - 1)
        check_flag("reupdate", reupdate)
        check_flag("recover", recover)
        check_choice("on_invalid", on_invalid, ("raise", "drop"))
        parameters = [on_invalid == "drop", *scores, match_cost, max_lost_frames, min_hits]
        parameters += [direction_weight, direction_frames, reupdate, recover]
        super().__init__(ocsort_update, parameters, [(N_SEEN, 5), (2,), (5, 4)], memory=max_lost_frames)
