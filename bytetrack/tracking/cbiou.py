"""C-BIoU (Yang et al., Hard to Track Objects With Irregular Motions and Similar Appearances?, WACV 2023): buffered boxes, no filter."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bytetrack.checks import check_choice, check_flag, check_real, check_reals, check_whole
from bytetrack.runtime.compilation import jit, jit_cached, jit_inline
from bytetrack.tracking.checks import at_frame_rate, check_score_split
from bytetrack.tracking.similarity import Similarity, list_pairs_buffered
from bytetrack.tracking.stages import births, in_two_stages, list_by_state, lose, matching, remove_long_lost
from bytetrack.tracking.state import (
    FRAME,
    HIGH,
    LOST,
    N_ALIVE,
    N_COUNTERS,
    REMOVED,
    TRACKED,
    Detected,
    Tracked,
    Work,
    classify,
    forget_removed,
    in_reach,
    now,
    views,
    write_tracks,
)
from bytetrack.tracking.tracker import Tracker

__all__ = ["CBIoU"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Parameters after LOW_SCORE.
NEW_TRACK_SCORE, MATCH_COST, SECOND_MATCH_COST, LOW_MATCH_COST, MAX_LOST_FRAMES, FUSE_SCORE = range(3, 9)
BUFFER, SECOND_BUFFER, MEAN_FRAMES = range(9, 12)
N_SEEN, WHEN = 8, 4  # how many observations are kept, in slot number % N_SEEN; the column of their time


@jit
def extrapolate(past: Floats, n_seen: int, over: int, time: float, box: Floats) -> None:
    """The paper's motion estimation: writes into `box` where the mean motion over the last `over` observations takes the last one.

    A width or height that would vanish stays as it was.
    """
    last = past[(n_seen - 1) % N_SEEN]
    back = min(n_seen - 1, over)
    earlier = past[(n_seen - 1 - back) % N_SEEN]
    ahead = (time - last[WHEN]) / (last[WHEN] - earlier[WHEN]) if back > 0 else 0.0
    for d in range(2):
        middle = (last[d] + last[d + 2]) / 2 + ahead * (last[d] + last[d + 2] - earlier[d] - earlier[d + 2]) / 2
        side = last[d + 2] - last[d]
        grown = side + ahead * (side - earlier[d + 2] + earlier[d])
        half = grown / 2 if grown > 0.0 else side / 2
        box[d], box[d + 2] = middle - half, middle + half


class Own(NamedTuple):
    """What C-BIoU's steps need besides tracks and detections: `past` (tracks, N_SEEN, 5) are their last observations."""

    past: Floats
    buffer: float
    low_buffer: float
    fuse_score: bool


@jit_inline
def by_buffered_iou(rows: Ints, n: int, kind: int, limit: float, own: Own, tracked: Tracked, detected: Detected, work: Work) -> None:
    """Costs `1 - IoU` of boxes grown by the buffer (equation 1), of the high detections times the score."""
    buffer = own.buffer if kind == HIGH else own.low_buffer
    list_pairs_buffered(rows, n, kind, limit, buffer, Similarity(own.fuse_score and kind == HIGH, 0.0, False), tracked, detected, work)


@jit_inline
def observe(row: int, j: int, own: Own, tracked: Tracked, detected: Detected, frame: int) -> None:
    """Keeps the observation; the track's box is it. `mark` counts them."""
    slot = tracked.mark[row] % N_SEEN
    for d in range(4):
        own.past[row, slot, d] = tracked.box[row, d] = detected.xyxy[j, d]
    own.past[row, slot, WHEN] = now(tracked, frame)
    tracked.mark[row] += 1


match = matching(by_buffered_iou, observe)
match_in_two_stages = in_two_stages(match, match)
give_birth = births(observe)


@jit_cached
def cbiou_update(
    xyxy: Floats, score: Floats, class_id: Ints, parameters: Floats, floats: Floats, ints: Ints, out_floats: Floats, out_ints: Ints
) -> int:
    """One frame. Returns how many tracks were written, or -1 - row of the first invalid detection, and then nothing changed."""
    detected, tracked, work = views(xyxy, score, class_id, floats, ints)
    rows, unconfirmed, counters = work.rows, work.others, ints[:N_COUNTERS]
    n_detections = classify(detected, parameters, counters, True, rows)
    if n_detections < 0:
        return n_detections
    counters[FRAME] += 1
    frame, fuse = counters[FRAME], parameters[FUSE_SCORE] != 0.0
    past = tracked.own.reshape((len(tracked.order), N_SEEN, 5))
    buffer = parameters[BUFFER]
    near, wide = Own(past, buffer, buffer, fuse), Own(past, parameters[SECOND_BUFFER], buffer, fuse)
    for t in range(counters[N_ALIVE]):
        row = tracked.order[t]
        extrapolate(past[row], tracked.mark[row], int(parameters[MEAN_FRAMES]), now(tracked, frame), tracked.box[row])
        in_reach(tracked, row)
    n, n_unconfirmed = list_by_state(tracked, counters[N_ALIVE], work)

    limit, low_limit = parameters[SECOND_MATCH_COST], parameters[LOW_MATCH_COST]
    n = match(rows, n, HIGH, parameters[MATCH_COST], near, tracked, detected, work, frame)
    n = match_in_two_stages(rows, n, limit, low_limit, wide, tracked, detected, work, frame)
    lose(rows, n, LOST, tracked)
    n = match(unconfirmed, n_unconfirmed, HIGH, limit, wide, tracked, detected, work, frame)
    lose(unconfirmed, n, REMOVED, tracked)
    give_birth(parameters[NEW_TRACK_SCORE], TRACKED, near, tracked, detected, counters)
    remove_long_lost(tracked, counters[N_ALIVE], frame, parameters[MAX_LOST_FRAMES])
    forget_removed(tracked, counters, rows)
    return write_tracks(tracked, counters[N_ALIVE], out_floats, out_ints)


class CBIoU(Tracker):
    """C-BIoU: two associations by the IoU of buffered boxes, the small buffer first; the mean of the last motions in place of a filter.

    - `high_score`: detections from it up are tracked.
    - `low_score`: those between it and `high_score` are offered to tracked tracks that are left (BYTE); None: not.
    - `new_track_score`: what an unmatched detection needs to start a track. A track is put out from its second frame on, in the
      first frame of the video at once.
    - `buffer`, `second_buffer`: the part of its width and height by which a box grows on each side, in the two associations (b1, b2).
    - `match_cost`, `second_match_cost`, `low_match_cost`: pairs of cost `1 - similarity` below it can match, in these and in BYTE's.
    - `fuse_score`: similarity times the detection's score in all but BYTE's.
    - `mean_frames`: over how many of the last motions the mean is taken (n).
    - `max_lost_frames`: how long a track is remembered without a detection, in frames; with `frame_rate` in frames of a 30 fps video.
    - `on_invalid`: "raise" or "drop" detections that are not finite, inverted, or have a score outside [0, 1].

    The paper says nothing of limits of cost and of births: those are BYTE's. With class ids only tracks and detections of one class
    are associated. Boxes without area overlap nothing and start nothing. ValueError names the argument that is out of range.
    """

    TAKES_TIME = True

    def __init__(
        self,
        high_score: float = 0.6,
        low_score: float | None = None,
        new_track_score: float = 0.7,
        match_cost: float = 0.7,
        second_match_cost: float = 0.7,
        low_match_cost: float = 0.5,
        buffer: float = 0.3,
        second_buffer: float = 0.5,
        mean_frames: int = 5,
        max_lost_frames: int = 30,
        fuse_score: bool = False,
        on_invalid: str = "raise",
        frame_rate: float | None = None,
    ) -> None:
        scores = [high_score, check_score_split(low_score, high_score), new_track_score]
        costs = [match_cost, second_match_cost, low_match_cost]
        check_reals(
            0, 1, new_track_score=new_track_score, match_cost=match_cost, second_match_cost=second_match_cost, low_match_cost=low_match_cost
        )  # fmt: skip
        check_reals(0, 10, buffer=buffer, second_buffer=second_buffer)
        check_whole("mean_frames", mean_frames, 1)
        check_real("mean_frames", mean_frames, 1, N_SEEN - 1)
        check_whole("max_lost_frames", max_lost_frames, 0)
        check_flag("fuse_score", fuse_score)
        check_choice("on_invalid", on_invalid, ("raise", "drop"))
        memory = at_frame_rate(max_lost_frames, frame_rate)
        parameters = [*scores, *costs, memory, fuse_score, buffer, second_buffer, mean_frames]
        super().__init__(cbiou_update, [on_invalid == "drop", *parameters], [(N_SEEN, 5)], memory=memory)
