"""What the kernels of all trackers know of a frame and of their tracks: arrays under names, and the steps every tracker has."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bytetrack.compiled import kernel
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
    "forget_removed",
    "look",
    "new_row",
    "seen",
    "views",
    "write_tracks",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

N_ALIVE, FRAME, LAST_ID, DROPPED = range(4)  # counters
DROP_INVALID = 0  # the first parameter of every tracker
UNCONFIRMED, TRACKED, LOST, REMOVED, COVERED = range(5)  # states of a track; COVERED: lost, and put out all the same
IGNORED, LOW, HIGH, TAKEN = range(4)  # kinds of a detection
VALID, FLAT, INVALID = range(3)

SHORTEST, LONGEST = 1e-30, 1e30  # sides whose squares and quotients stay within float64's range

TRACK_ID, STATE, FIRST_FRAME = 1, 2, 3  # rows of the integers that `views` takes

# What `views` needs room for.
N_COUNTERS, N_TRACK_INTS, N_WORK_INTS, N_WORK_FLOATS, N_TABLE_COLUMNS = 4, 8, 13, 4, 6


class Detected(NamedTuple):
    """The frame's detections; `kind` says which association a detection waits for."""

    xyxy: Floats
    score: Floats
    class_id: Ints
    kind: Ints


class Tracked(NamedTuple):
    """The tracks, one row each. Those alive are `order[:n]`, by ascending id; the rows in the rest of `order` are free.
    `mark` is for the tracker's own use."""

    motion: Floats
    box: Floats
    score: Floats
    order: Ints
    track_id: Ints
    state: Ints
    first_frame: Ints
    last_frame: Ints
    class_id: Ints
    detection: Ints
    mark: Ints


class Work(NamedTuple):
    """Working arrays of one update: nothing in them outlives it. Of the boxes, the first four columns count."""

    rows: Ints
    others: Ints
    left: Ints
    scores: Floats
    track_boxes: Floats
    detection_boxes: Floats
    binned: Binned
    pairs: Pairs
    solver: Solver


@kernel
def views(
    xyxy: Floats,
    score: Floats,
    class_id: Ints,
    motion: Floats,
    box: Floats,
    track_score: Floats,
    track_ints: Ints,
    table: Floats,
    work_floats: Floats,
    work_ints: Ints,
    pair_column: Ints,
    pair_cost: Floats,
) -> tuple[Detected, Tracked, Work]:
    """The arrays that a tracker hands to its kernel, under their names."""
    f, w, k = work_floats, work_ints, track_ints
    detected = Detected(xyxy, score, class_id, w[0])
    tracked = Tracked(motion, box, track_score, k[0], k[TRACK_ID], k[STATE], k[FIRST_FRAME], k[4], k[5], k[6], k[7])
    solver = Solver(w[1], w[2], f[0], f[1], f[2], w[3], w[4], w[5])
    room = len(table) // 3
    binned, pairs = Binned(table[:room], w[8], w[9], w[10]), Pairs(w[11], pair_column, pair_cost)
    return detected, tracked, Work(w[6], w[7], w[12], f[3], table[room : 2 * room], table[2 * room :], binned, pairs, solver)


@kernel
def look(xyxy: Floats, score: Floats, j: int) -> int:
    """Whether detection `j` is VALID, FLAT (no area, or sides beyond all bounds: it overlaps nothing), or INVALID."""
    left, top, right, bottom = xyxy[j, 0], xyxy[j, 1], xyxy[j, 2], xyxy[j, 3]
    finite = left > -np.inf and top > -np.inf and right < np.inf and bottom < np.inf
    if not (finite and left <= right and top <= bottom and 0.0 <= score[j] <= 1.0):
        return INVALID
    far = max(max(-left, -top), max(right, bottom))
    return VALID if right - left > SHORTEST and bottom - top > SHORTEST and far < LONGEST else FLAT


@kernel
def new_row(tracked: Tracked, detected: Detected, j: int, state: int, counters: Ints) -> int:
    """The row of a new track, of the next id, that detection `j` starts."""
    row = tracked.order[counters[N_ALIVE]]
    counters[N_ALIVE] += 1
    counters[LAST_ID] += 1
    tracked.state[row] = state
    tracked.track_id[row] = counters[LAST_ID]
    tracked.first_frame[row] = tracked.last_frame[row] = counters[FRAME]
    tracked.score[row] = detected.score[j]
    tracked.class_id[row] = detected.class_id[j]
    tracked.detection[row] = j
    tracked.mark[row] = 0
    return int(row)


@kernel
def seen(tracked: Tracked, row: int, detected: Detected, j: int, frame: int) -> None:
    """Notes that track `row` was seen as detection `j`."""
    tracked.state[row] = TRACKED
    tracked.score[row] = detected.score[j]
    tracked.last_frame[row] = frame
    tracked.detection[row] = j
    detected.kind[j] = TAKEN


@kernel
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


@kernel
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
