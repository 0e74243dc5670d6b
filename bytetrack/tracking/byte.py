"""BYTE (Zhang et al., ByteTrack, ECCV 2022, algorithm 1): every detection box is associated, the confident ones first."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bytetrack.compiled import entry, kernel
from bytetrack.tracking.association import NONE, WEIGHT, Bins, assign, bin_boxes, candidate_pairs
from bytetrack.tracking.checks import at_frame_rate, check_choice, check_flag, check_real, check_score_split, check_whole
from bytetrack.tracking.kalman import HEIGHT, VELOCITY, box_of_motion, correct, predict, start
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

__all__ = ["ByteTracker"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Parameters after DROP_INVALID.
HIGH_SCORE, LOW_SCORE, NEW_TRACK_SCORE, MATCH_COST, LOW_MATCH_COST, UNCONFIRMED_MATCH_COST, DUPLICATE_COST = range(1, 8)
MAX_LOST_FRAMES, FUSE_SCORE, PAPER_EXACT = range(8, 11)


@kernel
def classify(detected: Detected, parameters: Floats, counters: Ints, rows: Ints) -> int:
    """Gives every detection its kind; lists those to associate in `rows` and returns how many they are.

    An invalid detection is dropped and counted, or ends it: -1 - its row.
    """
    high_score, low_score = parameters[HIGH_SCORE], parameters[LOW_SCORE]
    closed = parameters[PAPER_EXACT] == 0.0
    n = 0
    for j in range(len(detected.score)):
        score, kind = detected.score[j], IGNORED
        sight = look(detected.xyxy, detected.score, j)
        if sight == INVALID:
            if parameters[DROP_INVALID] == 0.0:
                return -1 - j
            counters[DROPPED] += 1
        elif sight == FLAT:
            kind = IGNORED
        elif score > high_score or (closed and score == high_score):
            kind = HIGH
        elif low_score < score < high_score or (closed and low_score == score < high_score):
            kind = LOW
        detected.kind[j] = kind
        if kind != IGNORED:
            rows[n] = j
            n += 1
    return n


@kernel
def list_by_state(tracked: Tracked, n: int, work: Work) -> tuple[int, int, int]:
    """Lists in `work.rows` the tracked, then the lost; in `work.others` the unconfirmed tracks. Returns how many of each."""
    n_tracked = n_lost = n_unconfirmed = 0
    for t in range(n):
        row = tracked.order[t]
        if tracked.state[row] == TRACKED:
            work.rows[n_tracked] = row
            n_tracked += 1
        elif tracked.state[row] == UNCONFIRMED:
            work.others[n_unconfirmed] = row
            n_unconfirmed += 1
    for t in range(n):
        row = tracked.order[t]
        if tracked.state[row] == LOST:
            work.rows[n_tracked + n_lost] = row
            n_lost += 1
    return n_tracked, n_lost, n_unconfirmed


@kernel
def associate(
    rows: Ints, n: int, kind: int, limit: float, fuse: bool, bins: Bins, tracked: Tracked, detected: Detected, work: Work, frame: int
) -> int:
    """Matches the tracks `rows[:n]` to detections of a kind; moves the unmatched to the front of `rows`, returns their number."""
    if n == 0:
        return 0
    for place in range(bins.n_places):
        j = work.binned.row[place]
        work.binned.table[place, WEIGHT] = 0.0 if detected.kind[j] != kind else detected.score[j] if fuse else 1.0
    candidate_pairs(rows, n, tracked.box, tracked.class_id, work.binned, bins, limit, work.pairs)
    assign(n, len(detected.score), work.pairs, limit, work.solver)
    n_unmatched = 0
    for i in range(n):
        row, j = rows[i], work.solver.column_of[i]
        if j == NONE:
            rows[n_unmatched] = row
            n_unmatched += 1
        else:
            follow(tracked, row, detected, j, frame)
    return n_unmatched


@kernel
def follow(tracked: Tracked, row: int, detected: Detected, j: int, frame: int) -> None:
    """Track `row` was matched to detection `j`."""
    correct(tracked.motion[row], detected.xyxy[j])
    box_of_motion(tracked.motion[row], tracked.box[row])
    seen(tracked, row, detected, j, frame)


@kernel
def give_birth(tracked: Tracked, detected: Detected, new_track_score: float, counters: Ints) -> None:
    """Starts a track from every high detection that is left, in their order; confirmed at once in the first frame only."""
    for j in range(len(detected.score)):
        if detected.kind[j] == HIGH and detected.score[j] >= new_track_score:
            row = new_row(tracked, detected, j, TRACKED if counters[FRAME] == 1 else UNCONFIRMED, counters)
            start(tracked.motion[row], detected.xyxy[j])
            box_of_motion(tracked.motion[row], tracked.box[row])


@kernel
def expire(tracked: Tracked, n: int, frame: int, max_lost_frames: float, paper_exact: bool) -> None:
    """Removes tracks lost for more than `max_lost_frames` frames.

    The published code removes them one frame late: they can be found again in that frame, and then go as soon as they are lost.
    """
    for t in range(n):
        row = tracked.order[t]
        if tracked.state[row] != LOST:
            continue
        too_long = frame - tracked.last_frame[row] > max_lost_frames
        if tracked.mark[row] == 1 or (too_long and not paper_exact):
            tracked.state[row] = REMOVED
        elif too_long and frame - tracked.last_frame[row] > 1:
            tracked.mark[row] = 1


@kernel
def remove_duplicates(tracked: Tracked, n: int, limit: float, border: float, work: Work) -> None:
    """Of a lost and a live track in one place, the one that was followed for longer stays; of equals, the lost one."""
    n_lost = n_live = 0
    for t in range(n):
        row = tracked.order[t]
        if tracked.state[row] == LOST:
            work.rows[n_lost] = row
            n_lost += 1
        elif tracked.state[row] != REMOVED:
            work.others[n_live] = row
            n_live += 1
    if n_lost == 0:
        return
    bins = bin_boxes(tracked.box, tracked.class_id, work.others, n_live, border, work.binned)
    candidate_pairs(work.rows, n_lost, tracked.box, tracked.class_id, work.binned, bins, limit, work.pairs)
    for i in range(n_lost):
        lost = work.rows[i]
        for e in range(work.pairs.first[i], work.pairs.first[i + 1]):
            live = work.pairs.column[e]
            live_age = tracked.last_frame[live] - tracked.first_frame[live]
            lost_age = tracked.last_frame[lost] - tracked.first_frame[lost]
            tracked.state[lost if live_age > lost_age else live] = REMOVED


@entry
def byte_update(
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
    rows, unconfirmed = work.rows, work.others
    paper_exact, fuse = parameters[PAPER_EXACT] != 0.0, parameters[FUSE_SCORE] != 0.0
    border = 1.0 if paper_exact else 0.0

    n_detections = classify(detected, parameters, counters, rows)
    if n_detections < 0:
        return n_detections
    counters[FRAME] += 1
    frame = counters[FRAME]
    bins = bin_boxes(xyxy, class_id, rows, n_detections, border, work.binned)

    n_tracked, n_lost, n_unconfirmed = list_by_state(tracked, counters[N_ALIVE], work)
    for t in range(n_tracked + n_lost):
        row = rows[t]
        if tracked.state[row] == LOST:
            motion[row, VELOCITY, HEIGHT] = 0.0
        predict(motion[row])
        box_of_motion(motion[row], box[row])

    n = associate(rows, n_tracked + n_lost, HIGH, parameters[MATCH_COST], fuse, bins, tracked, detected, work, frame)
    n_tracked = 0
    while n_tracked < n and tracked.state[rows[n_tracked]] == TRACKED:
        n_tracked += 1
    n = associate(rows, n_tracked, LOW, parameters[LOW_MATCH_COST], False, bins, tracked, detected, work, frame)
    for t in range(n):
        tracked.state[rows[t]] = LOST
    limit = parameters[UNCONFIRMED_MATCH_COST]
    n = associate(unconfirmed, n_unconfirmed, HIGH, limit, fuse, bins, tracked, detected, work, frame)
    for t in range(n):
        tracked.state[unconfirmed[t]] = REMOVED
    give_birth(tracked, detected, parameters[NEW_TRACK_SCORE], counters)
    expire(tracked, counters[N_ALIVE], frame, parameters[MAX_LOST_FRAMES], paper_exact)
    remove_duplicates(tracked, counters[N_ALIVE], parameters[DUPLICATE_COST], border, work)
    forget_removed(tracked, counters, rows)
    return write_tracks(tracked, counters[N_ALIVE], out_floats, out_ints)


class ByteTracker(Tracker):
    """BYTE. The defaults are the paper code's; `paper_exact=True` keeps its three observable quirks.

    - `high_score`, `low_score`: detections above the first are associated first, those between the two afterwards, with the
      tracks that are left. `low_score=high_score` switches the second association off (the baseline of the paper's table).
    - `new_track_score`: what an unmatched detection needs to start a track. A track is put out from its second frame on, in the
      first frame of the video at once.
    - `match_cost`, `low_match_cost`, `unconfirmed_match_cost`: pairs of cost `1 - IoU` below it can match, in the first
      association, the second, and that of tracks seen once. `fuse_score` multiplies the IoU of the first and third by the
      detection's score.
    - `duplicate_cost`: a lost and a live track with `1 - IoU` below it are one; the older stays.
    - `max_lost_frames`: how long a track without a detection is remembered, in frames; with `frame_rate` in frames of a 30 fps
      video: `int(frame_rate / 30 * max_lost_frames)`.
    - `paper_exact`: IoU counts both border pixels, a score equal to `high_score` or `low_score` falls in neither set, and lost
      tracks go one frame late (and a track found in that frame goes as soon as it is lost again). False: plain IoU, sets closed
      below, exactly `max_lost_frames`.
    - `on_invalid`: what to do with a detection that is not finite, inverted, or has a score outside [0, 1]: "raise" or "drop".

    With class ids only tracks and detections of one class are associated; without, every box counts as class 0. Boxes without
    area overlap nothing and start nothing. ValueError names the argument that is out of range.
    """

    TAKES_TIME = True

    def __init__(
        self,
        high_score: float = 0.6,
        low_score: float = 0.1,
        new_track_score: float = 0.7,
        match_cost: float = 0.9,
        low_match_cost: float = 0.5,
        unconfirmed_match_cost: float = 0.7,
        duplicate_cost: float = 0.15,
        max_lost_frames: int = 30,
        fuse_score: bool = True,
        paper_exact: bool = True,
        on_invalid: str = "raise",
        frame_rate: float | None = None,
    ) -> None:
        check_score_split(low_score, high_score)
        check_real("new_track_score", new_track_score, 0, 1)
        check_real("match_cost", match_cost, 0, 1)
        check_real("low_match_cost", low_match_cost, 0, 1)
        check_real("unconfirmed_match_cost", unconfirmed_match_cost, 0, 1)
        check_real("duplicate_cost", duplicate_cost, 0, 1)
        check_whole("max_lost_frames", max_lost_frames, 0)
        check_flag("fuse_score", fuse_score)
        check_flag("paper_exact", paper_exact)
        check_choice("on_invalid", on_invalid, ("raise", "drop"))
        max_lost_frames = at_frame_rate(max_lost_frames, frame_rate)
        scores = [high_score, low_score, new_track_score]
        costs = [match_cost, low_match_cost, unconfirmed_match_cost, duplicate_cost]
        super().__init__(byte_update, [on_invalid == "drop", *scores, *costs, max_lost_frames, fuse_score, paper_exact])
