"""What the kernels of all trackers know of a frame and of their tracks: arrays under names, and the steps every tracker has."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bytetrack.runtime.compilation import jit
from bytetrack.tracking.association import Binned, Pairs, Solver

__all__ = [
    "DROPPED",
    "DROP_INVALID",
    "FRAME",
    "LAST_ID",
    "N_ALIVE",
    "Detected",
    "Tracked",
    "Work",
    "away",
    "block_sizes",
    "classify",
    "forget_removed",
    "in_reach",
    "look",
    "new_row",
    "now",
    "seen",
    "uncover",
    "views",
    "write_tracks",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

N_ALIVE, FRAME, LAST_ID, DROPPED, CAPACITY = range(5)  # counters
DROP_INVALID, HIGH_SCORE, LOW_SCORE = range(3)  # the first parameters of every tracker
UNCONFIRMED, TRACKED, LOST, REMOVED, COVERED = range(5)  # states of a track; COVERED: lost, and put out all the same
IGNORED, LOW, HIGH, TAKEN = range(4)  # kinds of a detection
VALID, FLAT, INVALID = range(3)

SHORTEST, LONGEST = 1e-30, 1e30  # sides whose squares and quotients stay within float64's range

# Of the two blocks that hold a tracker's arrays: counters; numbers a track; what one update works with, by the number of rows.
N_COUNTERS, N_TRACK_INTS, N_TRACK_FLOATS, N_WORK_INTS, N_WORK_FLOATS, N_TABLE_COLUMNS = 5, 8, 26, 13, 5, 6
ROUNDING = 1e-6  # of a frame: how far sums of times may be off


class Detected(NamedTuple):
    """The frame's detections; `kind` says which association a detection waits for."""

    xyxy: Floats
    score: Floats
    class_id: Ints
    kind: Ints


class Tracked(NamedTuple):
    """The tracks, one row each. Those alive are `order[:n]`, by ascending id; the rows in the rest of `order` are free.
    `last_time` is when each was last seen, in frames, and `late` (1,) by how much the time is ahead of the number of frames.
    `mark` is for the tracker's own use, and so is `own`, a block of floats that it shapes itself, rows first."""

    motion: Floats
    box: Floats
    score: Floats
    last_time: Floats
    late: Floats
    order: Ints
    track_id: Ints
    state: Ints
    first_frame: Ints
    last_frame: Ints
    class_id: Ints
    detection: Ints
    mark: Ints
    own: Floats


class Work(NamedTuple):
    """Working arrays of one update: nothing in them outlives it. Of the boxes, the first four columns count."""

    rows: Ints
    others: Ints
    left: Ints
    scores: Floats
    sums: Floats
    track_boxes: Floats
    detection_boxes: Floats
    binned: Binned
    pairs: Pairs
    solver: Solver


def block_sizes(capacity: int, n_own: int) -> tuple[int, int]:
    """How many floats and integers `views` takes for `capacity` tracks with `n_own` floats of the tracker's own each."""
    room = capacity * capacity // 4 + 1  # tracks times detections at most; memory that is not touched costs nothing
    floats = (N_TRACK_FLOATS + 3 * N_TABLE_COLUMNS + N_WORK_FLOATS + n_own) * capacity
    return floats + room + 1, N_COUNTERS + N_TRACK_INTS * capacity + N_WORK_INTS * (capacity + 1) + room


@jit
def views(xyxy: Floats, score: Floats, class_id: Ints, floats: Floats, ints: Ints) -> tuple[Detected, Tracked, Work]:
    """The arrays of a tracker under their names: all lie in two blocks, one of floats and one of integers."""
    n = ints[CAPACITY]
    room = n * n // 4 + 1
    k = ints[N_COUNTERS : N_COUNTERS + N_TRACK_INTS * n].reshape((N_TRACK_INTS, n))
    begin = N_COUNTERS + N_TRACK_INTS * n
    w = ints[begin : begin + N_WORK_INTS * (n + 1)].reshape((N_WORK_INTS, n + 1))
    pair_column = ints[begin + N_WORK_INTS * (n + 1) :]
    motion, box = floats[: 20 * n].reshape((n, 5, 4)), floats[20 * n : 24 * n].reshape((n, 4))
    track_score, last_time = floats[24 * n : 25 * n], floats[25 * n : 26 * n]
    begin = N_TRACK_FLOATS * n
    table = floats[begin : begin + 3 * N_TABLE_COLUMNS * n].reshape((3 * n, N_TABLE_COLUMNS))
    begin += 3 * N_TABLE_COLUMNS * n
    f = floats[begin : begin + N_WORK_FLOATS * n].reshape((N_WORK_FLOATS, n))
    begin += N_WORK_FLOATS * n
    pair_cost, late, own = floats[begin : begin + room], floats[begin + room : begin + room + 1], floats[begin + room + 1 :]
    tracked = Tracked(motion, box, track_score, last_time, late, k[0], k[1], k[2], k[3], k[4], k[5], k[6], k[7], own)
    solver = Solver(w[1], w[2], f[0], f[1], f[2], w[3], w[4], w[5])
    binned, pairs = Binned(table[:n], w[8], w[9], w[10]), Pairs(w[11], pair_column, pair_cost)
    work = Work(w[6], w[7], w[12], f[3], f[4], table[n : 2 * n], table[2 * n :], binned, pairs, solver)
    return Detected(xyxy, score, class_id, w[0]), tracked, work


@jit
def look(xyxy: Floats, score: Floats, j: int) -> int:
    """Whether detection `j` is VALID, FLAT (no area, or sides beyond all bounds: it overlaps nothing), or INVALID."""
    left, top, right, bottom = xyxy[j, 0], xyxy[j, 1], xyxy[j, 2], xyxy[j, 3]
    finite = left > -np.inf and top > -np.inf and right < np.inf and bottom < np.inf
    if not (finite and left <= right and top <= bottom and 0.0 <= score[j] <= 1.0):
        return INVALID
    far = max(max(-left, -top), max(right, bottom))
    return VALID if right - left > SHORTEST and bottom - top > SHORTEST and far < LONGEST else FLAT


@jit
def classify(detected: Detected, parameters: Floats, counters: Ints, closed: bool, rows: Ints) -> int:
    """Gives every detection its kind; lists those to associate in `rows` and returns how many they are.

    HIGH are scores above `high_score`, LOW those between it and `low_score`; `closed` counts a score equal to a limit to the set
    above it, else it falls in neither. An invalid detection is dropped and counted, or ends it: -1 - its row.
    """
    high_score, low_score = parameters[HIGH_SCORE], parameters[LOW_SCORE]
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


@jit
def in_reach(tracked: Tracked, row: int) -> bool:
    """Whether the track's box has area and lies within all bounds; where not (a camera that flies off), the track is removed."""
    box = tracked.box[row]
    far = max(max(abs(box[0]), abs(box[1])), max(abs(box[2]), abs(box[3])))
    if box[2] - box[0] > SHORTEST and box[3] - box[1] > SHORTEST and far < LONGEST:
        return True
    tracked.state[row] = REMOVED
    return False


@jit
def uncover(tracked: Tracked, n: int, state: int) -> None:
    """Gives tracks that were put out without a detection in the last frame the state they were in."""
    for t in range(n):
        if tracked.state[tracked.order[t]] == COVERED:
            tracked.state[tracked.order[t]] = state


@jit
def now(tracked: Tracked, frame: int) -> float:
    """Returns the time of this frame, in frames: its number where all are one frame apart."""
    return float(frame + tracked.late[0])


@jit
def away(tracked: Tracked, row: int, frame: int) -> float:
    """Returns how long ago the track was last seen, in frames of time; whole where rounding alone keeps it from that."""
    passed = now(tracked, frame) - tracked.last_time[row]
    whole = np.rint(passed)
    return float(whole if abs(passed - whole) < ROUNDING else passed)


@jit
def new_row(tracked: Tracked, detected: Detected, j: int, state: int, counters: Ints) -> int:
    """The row of a new track, of the next id, that detection `j` starts."""
    row = tracked.order[counters[N_ALIVE]]
    counters[N_ALIVE] += 1
    counters[LAST_ID] += 1
    tracked.state[row] = state
    tracked.track_id[row] = counters[LAST_ID]
    tracked.first_frame[row] = tracked.last_frame[row] = counters[FRAME]
    tracked.last_time[row] = now(tracked, counters[FRAME])
    tracked.score[row] = detected.score[j]
    tracked.class_id[row] = detected.class_id[j]
    tracked.detection[row] = j
    tracked.mark[row] = 0
    return int(row)


@jit
def seen(tracked: Tracked, row: int, detected: Detected, j: int, frame: int) -> None:
    """Notes that track `row` was seen as detection `j`."""
    tracked.state[row] = TRACKED
    tracked.score[row] = detected.score[j]
    tracked.last_frame[row], tracked.last_time[row] = frame, now(tracked, frame)
    tracked.detection[row] = j
    detected.kind[j] = TAKEN


@jit
def forget_removed(tracked: Tracked, counters: Ints, freed: Ints) -> None:
    """Moves the rows of removed tracks behind those alive, whose order stays."""
    n_kept = n_freed = 0
    for t in range(counters[N_ALIVE]):
        row = tracked.order[t]
        if tracked.state[row] == REMOVED:
            freed[n_freed] = row
            n_freed += 1
        else:
            tracked.order[n_kept] = row
            n_kept += 1
    for t in range(n_freed):
        tracked.order[n_kept + t] = freed[t]
    counters[N_ALIVE] = n_kept


@jit
def write_tracks(tracked: Tracked, n_alive: int, floats: Floats, ints: Ints) -> int:
    """Writes the tracks in state TRACKED or COVERED: boxes then scores into `floats`, ids, classes, detections into `ints`."""
    n = 0
    for t in range(n_alive):
        state = tracked.state[tracked.order[t]]
        n += 1 if state in (TRACKED, COVERED) else 0
    i = 0
    for t in range(n_alive):
        row = tracked.order[t]
        if tracked.state[row] not in (TRACKED, COVERED):
            continue
        for d in range(4):
            floats[4 * i + d] = tracked.box[row, d]
        floats[4 * n + i] = tracked.score[row]
        ints[i], ints[n + i], ints[2 * n + i] = tracked.track_id[row], tracked.class_id[row], tracked.detection[row]
        i += 1
    return n
