"""C-BIoU (Yang et al., Hard to Track Objects With Irregular Motions and Similar Appearances?, WACV 2023): buffered boxes, no filter."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bytetrack.compiled import entry, kernel
from bytetrack.tracking.association import NONE
from bytetrack.tracking.byte import PAPER_EXACT, classify, list_by_state
from bytetrack.tracking.checks import at_frame_rate, check_choice, check_flag, check_real, check_score_split, check_whole
from bytetrack.tracking.motion import in_reach
from bytetrack.tracking.similarity import Similarity, associate_buffered, keep_unmatched
from bytetrack.tracking.state import (
    FRAME,
    HIGH,
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
    new_row,
    seen,
    views,
    write_tracks,
)
from bytetrack.tracking.tracker import Tracker

__all__ = ["CBIoU"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Parameters: DROP_INVALID, then those that byte.py's classify reads, at its places; after PAPER_EXACT: what BYTE does not have.
HIGH_SCORE, LOW_SCORE, NEW_TRACK_SCORE, MATCH_COST, SECOND_MATCH_COST, LOW_MATCH_COST, UNUSED = range(1, 8)
MAX_LOST_FRAMES, FUSE_SCORE = range(8, 10)
BUFFER, SECOND_BUFFER, MEAN_FRAMES = range(PAPER_EXACT + 1, PAPER_EXACT + 4)
N_SEEN, WHEN = 8, 4  # how many observations are kept, in slot number % N_SEEN; the column of their frame


@kernel
def extrapolate(past: Floats, n_seen: int, over: int, frame: int, box: Floats) -> None:
    """Writes into `box` where the mean motion over the last `over` observations takes the last one.

    A width or height that would vanish stays as it was.
    """
    last = past[(n_seen - 1) % N_SEEN]
    back = min(n_seen - 1, over)
    earlier = past[(n_seen - 1 - back) % N_SEEN]
    ahead = (frame - last[WHEN]) / (last[WHEN] - earlier[WHEN]) if back > 0 else 0.0
    for d in range(2):
        middle = (last[d] + last[d + 2]) / 2 + ahead * (last[d] + last[d + 2] - earlier[d] - earlier[d + 2]) / 2
        side = last[d + 2] - last[d]
        grown = side + ahead * (side - earlier[d + 2] + earlier[d])
        half = grown / 2 if grown > 0.0 else side / 2
        box[d], box[d + 2] = middle - half, middle + half


@kernel
def observe(tracked: Tracked, row: int, box: Floats, past: Floats, frame: int) -> None:
    """Keeps the observation; the track's box is it. `mark` counts them."""
    slot = tracked.mark[row] % N_SEEN
    for d in range(4):
        past[row, slot, d] = tracked.box[row, d] = box[d]
    past[row, slot, WHEN] = frame
    tracked.mark[row] += 1


@kernel
def associate(
    rows: Ints,
    n: int,
    kind: int,
    limit: float,
    buffer: float,
    fuse: bool,
    tracked: Tracked,
    detected: Detected,
    past: Floats,
    work: Work,
    frame: int,
) -> int:
    """Matches the tracks `rows[:n]` to detections of a kind; moves the unmatched to the front of `rows`, returns their number."""
    if n == 0:
        return 0
    associate_buffered(rows, n, kind, limit, buffer, Similarity(fuse, 0.0, False), tracked, detected, work)
    for i in range(n):
        row, j = rows[i], work.solver.column_of[i]
        if j != NONE:
            observe(tracked, row, detected.xyxy[j], past, frame)
            seen(tracked, row, detected, j, frame)
    return keep_unmatched(rows, n, work)


@kernel
def give_birth(tracked: Tracked, detected: Detected, new_track_score: float, past: Floats, counters: Ints) -> None:
    """Starts a track from every high detection that is left; confirmed at once in the first frame only."""
    for j in range(len(detected.score)):
        if detected.kind[j] == HIGH and detected.score[j] >= new_track_score:
            row = new_row(tracked, detected, j, TRACKED if counters[FRAME] == 1 else UNCONFIRMED, counters)
            observe(tracked, row, detected.xyxy[j], past, counters[FRAME])


@entry
def cbiou_update(
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
    rows, unconfirmed, fuse = work.rows, work.others, parameters[FUSE_SCORE] != 0.0
    n_detections = classify(detected, parameters, counters, rows)
    if n_detections < 0:
        return n_detections
    counters[FRAME] += 1
    frame, buffer, wider = counters[FRAME], parameters[BUFFER], parameters[SECOND_BUFFER]
    for t in range(counters[N_ALIVE]):
        row = tracked.order[t]
        extrapolate(past[row], tracked.mark[row], int(parameters[MEAN_FRAMES]), frame, box[row])
        in_reach(tracked, row)
    n_tracked, n_lost, n_unconfirmed = list_by_state(tracked, counters[N_ALIVE], work)

    n = associate(rows, n_tracked + n_lost, HIGH, parameters[MATCH_COST], buffer, fuse, tracked, detected, past, work, frame)
    n = associate(rows, n, HIGH, parameters[SECOND_MATCH_COST], wider, fuse, tracked, detected, past, work, frame)
    if parameters[LOW_SCORE] < parameters[HIGH_SCORE]:
        n_tracked = 0
        while n_tracked < n and tracked.state[rows[n_tracked]] == TRACKED:
            n_tracked += 1
        n_left = associate(rows, n_tracked, LOW, parameters[LOW_MATCH_COST], buffer, False, tracked, detected, past, work, frame)
        for i in range(n_tracked, n):
            rows[n_left + i - n_tracked] = rows[i]
        n -= n_tracked - n_left
    for t in range(n):
        row = rows[t]
        tracked.state[row] = REMOVED if frame - tracked.last_frame[row] > parameters[MAX_LOST_FRAMES] else LOST
    n = associate(unconfirmed, n_unconfirmed, HIGH, parameters[SECOND_MATCH_COST], wider, fuse, tracked, detected, past, work, frame)
    for t in range(n):
        tracked.state[unconfirmed[t]] = REMOVED
    give_birth(tracked, detected, parameters[NEW_TRACK_SCORE], past, counters)
    forget_removed(tracked, counters, rows)
    return write_tracks(tracked, counters[N_ALIVE], out_floats, out_ints)


class CBIoU(Tracker):
    """C-BIoU: two associations by the IoU of buffered boxes, the small buffer first; the mean of the last motions in place of a filter.

    - `high_score`: detections from it up are tracked.
    - `low_score`: those between it and `high_score` are offered to tracked tracks that are left (BYTE); equal to `high_score`: not.
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
        low_score: float = 0.6,
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
        check_score_split(low_score, high_score)
        check_real("new_track_score", new_track_score, 0, 1)
        check_real("match_cost", match_cost, 0, 1)
        check_real("second_match_cost", second_match_cost, 0, 1)
        check_real("low_match_cost", low_match_cost, 0, 1)
        check_real("buffer", buffer, 0, 10)
        check_real("second_buffer", second_buffer, 0, 10)
        check_whole("mean_frames", mean_frames, 1)
        check_real("mean_frames", mean_frames, 1, N_SEEN - 1)
        check_whole("max_lost_frames", max_lost_frames, 0)
        check_flag("fuse_score", fuse_score)
        check_choice("on_invalid", on_invalid, ("raise", "drop"))
        max_lost_frames = at_frame_rate(max_lost_frames, frame_rate)
        costs = [match_cost, second_match_cost, low_match_cost, 0.0]
        byte = [high_score, low_score, new_track_score, *costs, max_lost_frames, fuse_score, False]
        super().__init__(cbiou_update, [on_invalid == "drop", *byte, buffer, second_buffer, mean_frames], [np.zeros((N_SEEN, 5))])
