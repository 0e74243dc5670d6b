"""The life of a track, step by step: detections are split, tracks listed, matched, lost, started, removed, output.

Lists of tracks are arrays of rows. A step that shortens one moves what stays to its front and returns that part.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bytetrack.runtime.compilation import jit
from bytetrack.tracking.core.association import Pairs, bin_boxes, candidate_pairs
from bytetrack.tracking.core.state import (
    COASTING,
    DROPPED,
    DT,
    FRAME,
    HIGH,
    IGNORED,
    LAST_DT,
    LAST_ID,
    LOST,
    LOW,
    MATCHED,
    MAX_ABSENCE,
    N_ALIVE,
    NOW,
    REMOVED,
    TRACKED,
    UNCONFIRMED,
    DetectionArrays,
    TrackArrays,
    Work,
)

__all__ = [
    "count_tracked",
    "end_coasting",
    "expire",
    "forget_removed",
    "frames_since",
    "list_by_state",
    "mark",
    "mark_matched",
    "mark_unmatched",
    "new_track",
    "next_frame",
    "output_tracks",
    "remove_degenerate",
    "remove_duplicates",
    "split_by_score",
    "unmatched",
    "validity",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

VALID, FLAT, INVALID = range(3)
SHORTEST, LONGEST = 1e-30, 1e30  # sides whose squares and quotients stay within float64's range
ROUNDING = 1e-6  # of a frame: how far sums of times may be off


@jit
def validity(xyxy: Floats, score: Floats, j: int) -> int:
    """Returns VALID, FLAT (detection `j` has no area, or sides beyond all bounds: it overlaps nothing), or INVALID."""
    left, top, right, bottom = xyxy[j, 0], xyxy[j, 1], xyxy[j, 2], xyxy[j, 3]
    finite = left > -np.inf and top > -np.inf and right < np.inf and bottom < np.inf
    if not (finite and left <= right and top <= bottom and 0.0 <= score[j] <= 1.0):
        return INVALID
    far = max(max(-left, -top), max(right, bottom))
    return VALID if right - left > SHORTEST and bottom - top > SHORTEST and far < LONGEST else FLAT


@jit
def split_by_score(
    detections: DetectionArrays, high_score: float, low_score: float, closed: bool, drop_invalid: bool, counters: Ints, rows: Ints
) -> int:
    """Splits detections into HIGH (scores above `high_score`) and LOW (between it and `low_score`); lists both in `rows`.

    `closed` counts a score equal to a limit to the set above it, else to neither. Returns how many are listed, or -1 - row of the
    first invalid detection, and then nothing has changed; `drop_invalid` drops and counts those instead.
    """
    n = 0
    for j in range(len(detections.score)):
        score, kind = detections.score[j], IGNORED
        valid = validity(detections.xyxy, detections.score, j)
        if valid == INVALID:
            if not drop_invalid:
                return -1 - j
            counters[DROPPED] += 1
        elif valid == FLAT:
            kind = IGNORED
        elif score > high_score or (closed and score == high_score):
            kind = HIGH
        elif low_score < score < high_score or (closed and low_score == score < high_score):
            kind = LOW
        detections.kind[j] = kind
        if kind != IGNORED:
            rows[n] = j
            n += 1
    return n


@jit
def next_frame(tracks: TrackArrays, counters: Ints, clock: Floats, freed: Ints) -> tuple[int, float]:
    """Moves time on by `dt` (to 1 in the first frame); returns the frame's number and its time in frames.

    After a gap, first removes the tracks that were away for longer than the tracker remembers them. Clobbers `freed`.
    """
    counters[FRAME] += 1
    dt = clock[DT]
    clock[NOW] = clock[NOW] + dt if counters[FRAME] > 1 else 1.0
    if dt > 1.0 and counters[FRAME] > 1:
        longest = clock[MAX_ABSENCE] + max(clock[LAST_DT], 1.0) + ROUNDING
        for t in range(counters[N_ALIVE]):
            if clock[NOW] - tracks.last_time[tracks.order[t]] > longest:
                tracks.state[tracks.order[t]] = REMOVED
        forget_removed(tracks, counters, freed)
    clock[LAST_DT] = dt
    return int(counters[FRAME]), float(clock[NOW])


@jit
def frames_since(tracks: TrackArrays, row: int, now: float) -> float:
    """Returns how long ago the track was last matched, in frames of time; whole if only rounding keeps it from that."""
    passed = now - tracks.last_time[row]
    whole = np.rint(passed)
    return float(whole if abs(passed - whole) < ROUNDING else passed)


@jit
def list_by_state(tracks: TrackArrays, n: int, rows: Ints, others: Ints) -> tuple[Ints, Ints]:
    """Returns the confirmed tracks (`rows`: the tracked, then the lost) and the unconfirmed (`others`), by ascending id."""
    n_confirmed = n_unconfirmed = 0
    for t in range(n):
        row = tracks.order[t]
        if tracks.state[row] == TRACKED:
            rows[n_confirmed] = row
            n_confirmed += 1
        elif tracks.state[row] == UNCONFIRMED:
            others[n_unconfirmed] = row
            n_unconfirmed += 1
    for t in range(n):
        row = tracks.order[t]
        if tracks.state[row] == LOST:
            rows[n_confirmed] = row
            n_confirmed += 1
    return rows[:n_confirmed], others[:n_unconfirmed]


@jit
def count_tracked(rows: Ints, tracks: TrackArrays) -> int:
    """Returns how many of `rows`, from the first on, are in state TRACKED: `list_by_state` lists them first."""
    n = 0
    while n < len(rows) and tracks.state[rows[n]] == TRACKED:
        n += 1
    return n


@jit
def unmatched(rows: Ints, tracks: TrackArrays, frame: int) -> tuple[Ints, Ints]:
    """Moves the tracks that were not matched in this frame to the front of `rows`; returns these, and the TRACKED ones at their front."""
    n = 0
    for i in range(len(rows)):
        row = rows[i]
        if tracks.last_frame[row] != frame:
            rows[n] = row
            n += 1
    left = rows[:n]
    return left, left[: count_tracked(left, tracks)]


@jit
def mark(rows: Ints, state: int, tracks: TrackArrays) -> None:
    """Gives the tracks `rows` a state."""
    for i in range(len(rows)):
        tracks.state[rows[i]] = state


@jit
def mark_unmatched(rows: Ints, state: int, tracks: TrackArrays, frame: int) -> None:
    """Gives those of the tracks `rows` a state that were not matched in this frame."""
    for i in range(len(rows)):
        if tracks.last_frame[rows[i]] != frame:
            tracks.state[rows[i]] = state


@jit
def mark_matched(tracks: TrackArrays, row: int, detections: DetectionArrays, j: int, frame: int, now: float) -> None:
    """Notes that track `row` was matched to detection `j`, which is no candidate from now on."""
    tracks.state[row] = TRACKED
    tracks.score[row] = detections.score[j]
    tracks.last_frame[row], tracks.last_time[row] = frame, now
    tracks.detection[row] = j
    detections.kind[j] = MATCHED


@jit
def new_track(tracks: TrackArrays, detections: DetectionArrays, j: int, state: int, counters: Ints, now: float) -> int:
    """Starts a track at detection `j`, with the next id; returns its row. Its motion and box are the caller's to set."""
    row = tracks.order[counters[N_ALIVE]]
    counters[N_ALIVE] += 1
    counters[LAST_ID] += 1
    tracks.state[row] = state
    tracks.track_id[row] = counters[LAST_ID]
    tracks.first_frame[row] = tracks.last_frame[row] = counters[FRAME]
    tracks.last_time[row] = now
    tracks.score[row] = detections.score[j]
    tracks.class_id[row] = detections.class_id[j]
    tracks.detection[row] = j
    return int(row)


@jit
def end_coasting(tracks: TrackArrays, n: int, state: int) -> None:
    """Gives the tracks that were output without a detection in the last frame a state."""
    for t in range(n):
        if tracks.state[tracks.order[t]] == COASTING:
            tracks.state[tracks.order[t]] = state


@jit
def remove_degenerate(tracks: TrackArrays, row: int) -> None:
    """Removes the track if its predicted box is empty or numerically unbounded."""
    box = tracks.box[row]
    far = max(max(abs(box[0]), abs(box[1])), max(abs(box[2]), abs(box[3])))
    if not (box[2] - box[0] > SHORTEST and box[3] - box[1] > SHORTEST and far < LONGEST):
        tracks.state[row] = REMOVED


@jit
def expire(tracks: TrackArrays, n: int, now: float, max_lost_frames: float) -> None:
    """Removes lost tracks that were last matched more than `max_lost_frames` frames of time ago."""
    for t in range(n):
        row = tracks.order[t]
        if tracks.state[row] == LOST and frames_since(tracks, row, now) > max_lost_frames:
            tracks.state[row] = REMOVED


@jit
def remove_duplicates(tracks: TrackArrays, n: int, limit: float, border: float, work: Work, pairs: Pairs) -> None:
    """Removes one of every lost and live track with `1 - IoU` below `limit`: the one followed for less long, else the live one.

    `border` as in `bin_boxes`. Clobbers `work.rows`, `work.others`, `work.binned` and `pairs`.
    """
    n_lost = n_live = 0
    for t in range(n):
        row = tracks.order[t]
        if tracks.state[row] == LOST:
            work.rows[n_lost] = row
            n_lost += 1
        elif tracks.state[row] != REMOVED:
            work.others[n_live] = row
            n_live += 1
    if n_lost == 0:
        return
    bins = bin_boxes(tracks.box, tracks.class_id, work.others[:n_live], border, work.binned)
    candidate_pairs(work.rows[:n_lost], tracks.box, tracks.class_id, work.binned, bins, limit, pairs)
    for i in range(n_lost):
        lost = work.rows[i]
        for e in range(pairs.first[i], pairs.first[i + 1]):
            live = pairs.column[e]
            live_age = tracks.last_frame[live] - tracks.first_frame[live]
            lost_age = tracks.last_frame[lost] - tracks.first_frame[lost]
            tracks.state[lost if live_age > lost_age else live] = REMOVED


@jit
def forget_removed(tracks: TrackArrays, counters: Ints, freed: Ints) -> None:
    """Moves the rows of removed tracks behind those of the living, whose order stays. Clobbers `freed`."""
    n_kept = n_freed = 0
    for t in range(counters[N_ALIVE]):
        row = tracks.order[t]
        if tracks.state[row] == REMOVED:
            freed[n_freed] = row
            n_freed += 1
        else:
            tracks.order[n_kept] = row
            n_kept += 1
    for t in range(n_freed):
        tracks.order[n_kept + t] = freed[t]
    counters[N_ALIVE] = n_kept


@jit
def output_tracks(tracks: TrackArrays, n_alive: int, floats: Floats, ints: Ints) -> int:
    """Writes the tracks in state TRACKED or COASTING: boxes, then scores into `floats`; ids, classes, detections into `ints`.

    Returns how many.
    """
    n = 0
    for t in range(n_alive):
        state = tracks.state[tracks.order[t]]
        n += 1 if state in (TRACKED, COASTING) else 0
    i = 0
    for t in range(n_alive):
        row = tracks.order[t]
        if tracks.state[row] not in (TRACKED, COASTING):
            continue
        for d in range(4):
            floats[4 * i + d] = tracks.box[row, d]
        floats[4 * n + i] = tracks.score[row]
        ints[i], ints[n + i], ints[2 * n + i] = tracks.track_id[row], tracks.class_id[row], tracks.detection[row]
        i += 1
    return n
