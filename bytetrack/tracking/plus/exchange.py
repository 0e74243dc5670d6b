"""Two tracks whose boxes crossed exchange identities if what came out fits better to what went in that way.

While two people overlap, any association may mix them up; once they are apart, how far in front each stands, how tall it is, and how it
moves say more than the boxes in between did. `WAIT` frames after two visible tracks of a class parted, summaries of both before and
after are compared. If the exchange fits better, the tracks exchange their identities from that frame on. So identities change up to
`WAIT` frames late, and nothing that was output before changes. Made for DanceTrack, where it is worth a point of HOTA; where people walk
it happens a few times a sequence (docs/trackers/byte_plus.md).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bytetrack.box_kernels import iou_of
from bytetrack.runtime.compilation import jit
from bytetrack.tracking.core.state import COASTING, REMOVED, TRACKED, TrackArrays, Work
from bytetrack.tracking.filters.xywh import is_still, move_point
from bytetrack.tracking.plus.parameters import N_CROSSINGS, N_PLACES, Memory

__all__ = ["exchange_identities", "move_past"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

WAIT = 8  # frames between the last overlap and the decision; the past reaches as far
TOUCHING = 0.3  # IoU from which two boxes overlap
COVERED = 0.1  # of whom so much is covered may overlap with another
SPAN, FEWEST_OUTPUT = 5, 4  # frames of a summary, and in how many of them a track must have been output
LEAST_FEET = 0.05  # of the sides: feet that fit better only by less decide nothing
SPEED_WEIGHT = 5.0  # frames: a velocity of 0.2 sides a frame counts as a distance of a side
HEIGHT, EARLY_X, EARLY_BOTTOM, LATE_X, LATE_BOTTOM, SPEED_X, SPEED_Y = range(7)  # a summary
FEET, RATIO, A_X, A_Y, B_X, B_Y, SIDE = range(7)  # what is remembered of a crossing


@jit
def move_past(tracks: TrackArrays, n: int, camera: Floats, memory: Memory) -> None:
    """Transforms the places that are remembered into the camera's new pixels."""
    if is_still(camera):
        return
    for t in range(n):
        row = tracks.order[t]
        for k in range(N_PLACES):
            place = memory.place[row, k]
            place[0], place[1] = move_point(place[0], place[1], camera)


@jit
def exchange_identities(tracks: TrackArrays, n: int, memory: Memory, strictness: float, work: Work, frame: int) -> None:
    """Notes this frame's places and crossings, and decides those that ended `WAIT` frames ago.

    Clobbers `work.rows`, `work.left`, `work.track_boxes`, `work.scores` and `work.sums`.
    """
    n_visible = note_places(tracks, n, memory, work, frame)
    note_crossings(tracks, n_visible, memory, work, frame)
    mine, other = work.scores[:7], work.sums[:7]
    for t in range(n):
        a = tracks.order[t]
        for k in range(N_CROSSINGS):
            if memory.crossed[a, k] == 0 or frame - memory.crossed_frame[a, k] < WAIT:
                continue
            b, born = memory.crossed_row[a, k], memory.crossed[a, k]
            memory.crossed[a, k] = 0
            if memory.born[b] != born or tracks.state[b] == REMOVED or memory.crossing[a, k, SIDE] == 0.0:
                continue
            both = summarise(memory, a, frame - SPAN, mine) and summarise(memory, b, frame - SPAN, other)
            if both and fits_better_exchanged(memory.crossing[a, k], mine, other, strictness):
                exchange(tracks, t, b)


@jit
def note_places(tracks: TrackArrays, n: int, memory: Memory, work: Work, frame: int) -> int:
    """Notes where the visible tracks are, lists their rows and boxes in `work.rows` and `work.track_boxes`; returns how many."""
    n_visible, k = 0, frame % N_PLACES
    for t in range(n):
        row = tracks.order[t]
        if tracks.state[row] not in (TRACKED, COASTING):
            continue
        box = tracks.box[row]
        memory.place_frame[row, k] = frame
        memory.place[row, k, 0], memory.place[row, k, 1], memory.place[row, k, 2] = 0.5 * (box[0] + box[2]), box[3], box[3] - box[1]
        for d in range(4):
            work.track_boxes[n_visible, d] = box[d]
        work.rows[n_visible] = row
        n_visible += 1
    return n_visible


@jit
def note_crossings(tracks: TrackArrays, n_visible: int, memory: Memory, work: Work, frame: int) -> None:
    """Notes which visible tracks of a class overlap in this frame: pairs of a covered track and any other."""
    boxes = work.track_boxes
    for i in range(n_visible):
        if memory.cover[work.rows[i]] <= COVERED:
            continue
        left, top, right, bottom = boxes[i, 0], boxes[i, 1], boxes[i, 2], boxes[i, 3]
        for j in range(n_visible):
            if boxes[j, 0] >= right or boxes[j, 2] <= left or boxes[j, 1] >= bottom or boxes[j, 3] <= top:
                continue
            a, b = work.rows[i], work.rows[j]
            if a == b or (j < i and memory.cover[b] > COVERED) or tracks.class_id[a] != tracks.class_id[b]:
                continue
            if iou_of(boxes[i], boxes[j]) > TOUCHING:
                if memory.born[a] > memory.born[b]:
                    a, b = b, a
                note_crossing(memory, a, b, work, frame)


@jit
def note_crossing(memory: Memory, a: int, b: int, work: Work, frame: int) -> None:
    """Notes that two tracks overlap; if they did not before, summaries of both."""
    free, oldest = 0, frame + 1
    for k in range(N_CROSSINGS):
        if memory.crossed[a, k] == memory.born[b]:
            memory.crossed_frame[a, k] = frame
            return
        since = memory.crossed_frame[a, k] if memory.crossed[a, k] != 0 else 0
        if since < oldest:
            free, oldest = k, since
    memory.crossed[a, free], memory.crossed_row[a, free], memory.crossed_frame[a, free] = memory.born[b], b, frame
    before, mine, other = memory.crossing[a, free], work.scores[:7], work.sums[:7]
    before[SIDE] = 0.0
    if summarise(memory, a, frame - WAIT + 1, mine) and summarise(memory, b, frame - WAIT + 1, other):
        side = 0.5 * (mine[HEIGHT] + other[HEIGHT])
        before[FEET], before[RATIO] = (mine[LATE_BOTTOM] - other[LATE_BOTTOM]) / side, np.log(mine[HEIGHT] / other[HEIGHT])
        before[A_X], before[A_Y] = mine[SPEED_X] / side, mine[SPEED_Y] / side
        before[B_X], before[B_Y], before[SIDE] = other[SPEED_X] / side, other[SPEED_Y] / side, side


@jit
def summarise(memory: Memory, row: int, first: int, into: Floats) -> bool:
    """Writes into `into` (7,) the summary of a track in `SPAN` frames from `first` on: mean height, the ends of its way, mean velocity.

    Returns whether it was output in enough of them.
    """
    n, height, early, late = 0, 0.0, 0, 0
    for frame in range(first, first + SPAN):
        k = frame % N_PLACES
        if frame < 1 or memory.place_frame[row, k] != frame:
            continue
        late = frame
        into[LATE_X], into[LATE_BOTTOM] = memory.place[row, k, 0], memory.place[row, k, 1]
        if n == 0:
            early = frame
            into[EARLY_X], into[EARLY_BOTTOM] = into[LATE_X], into[LATE_BOTTOM]
        height += memory.place[row, k, 2]
        n += 1
    if n < FEWEST_OUTPUT:
        return False
    into[HEIGHT] = height / n
    into[SPEED_X] = (into[LATE_X] - into[EARLY_X]) / (late - early)
    into[SPEED_Y] = (into[LATE_BOTTOM] - into[EARLY_BOTTOM]) / (late - early)
    return True


@jit
def fits_better_exchanged(before: Floats, mine: Floats, other: Floats, strictness: float) -> bool:
    """Returns whether two summaries after a crossing fit better to those before it when exchanged, by more than `strictness`.

    Compared are which stands in front of the other and how far (its lower edge), how much taller it is, and the velocity of each.
    """
    side = before[SIDE]
    feet, ratio = (mine[EARLY_BOTTOM] - other[EARLY_BOTTOM]) / side, np.log(mine[HEIGHT] / other[HEIGHT])
    better_feet = abs(feet - before[FEET]) - abs(feet + before[FEET])
    better_ratio = abs(ratio - before[RATIO]) - abs(ratio + before[RATIO])
    a_x, a_y, b_x, b_y = mine[SPEED_X] / side, mine[SPEED_Y] / side, other[SPEED_X] / side, other[SPEED_Y] / side
    kept = np.hypot(a_x - before[A_X], a_y - before[A_Y]) + np.hypot(b_x - before[B_X], b_y - before[B_Y])
    exchanged = np.hypot(a_x - before[B_X], a_y - before[B_Y]) + np.hypot(b_x - before[A_X], b_y - before[A_Y])
    better = better_feet + better_ratio + SPEED_WEIGHT * (kept - exchanged)
    return bool(better_feet > LEAST_FEET and better > strictness)


@jit
def exchange(tracks: TrackArrays, t: int, b: int) -> None:
    """Exchanges the identities of the track at place `t` of the order and of row `b`; the order stays that of ids."""
    a, s = tracks.order[t], 0
    while tracks.order[s] != b:
        s += 1
    tracks.order[t], tracks.order[s] = b, a
    tracks.track_id[a], tracks.track_id[b] = tracks.track_id[b], tracks.track_id[a]
    tracks.first_frame[a], tracks.first_frame[b] = tracks.first_frame[b], tracks.first_frame[a]
