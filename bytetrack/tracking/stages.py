"""BYTE's two stages for any tracker and any similarity: the association of every tracker here, compiled for each.

A tracker says three things with kernels, and hands them what they need in `own`, a NamedTuple of its own:

- `measure(rows, n, kind, limit, own, tracked, detected, work)` lists in `work.pairs` which of the tracks `rows[:n]` may be matched to
  which detections of a kind, at which cost below `limit`;
- `follow(row, j, own, tracked, detected, frame)` corrects track `row` by detection `j`;
- `begin(row, j, own, tracked, detected, frame)` starts it there.

`matching`, `in_two_stages` and `births` make kernels of them. (Kernels that were handed on as arguments could not be kept on disk.)
A tracker written in plain NumPy needs no kernels: it calls `associate_in_two_stages` with a matrix of similarities.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from bytetrack.runtime.compilation import jit, jit_inline
from bytetrack.tracking.association import NONE, assign, cheapest_columns
from bytetrack.tracking.checks import check_score_split
from bytetrack.tracking.state import (
    FRAME,
    HIGH,
    LOST,
    LOW,
    REMOVED,
    TRACKED,
    UNCONFIRMED,
    Detected,
    Tracked,
    Work,
    away,
    new_row,
    seen,
)

__all__ = ["associate_in_two_stages", "births", "in_two_stages", "list_by_state", "lose", "matching", "remove_long_lost"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Measure = Callable[[Ints, int, int, float, Any, Tracked, Detected, Work], None]
Follow = Callable[[int, int, Any, Tracked, Detected, int], None]
Match = Callable[[Ints, int, int, float, Any, Tracked, Detected, Work, int], int]
TwoStages = Callable[[Ints, int, float, float, Any, Tracked, Detected, Work, int], int]
Births = Callable[[float, int, Any, Tracked, Detected, Ints], None]


def matching(measure: Measure, follow: Follow) -> Match:
    """The kernel that matches tracks to detections by `measure`.

    `match(rows, n, kind, limit, own, tracked, detected, work, frame)` matches the tracks `rows[:n]` to detections of a kind at the
    smallest sum of costs, moves those that are not matched to the front of `rows`, and returns their number.
    """

    @jit_inline
    def match(rows: Ints, n: int, kind: int, limit: float, own: Any, tracked: Tracked, detected: Detected, work: Work, frame: int) -> int:
        if n == 0:
            return 0
        measure(rows, n, kind, limit, own, tracked, detected, work)
        assign(n, len(detected.score), work.pairs, limit, work.solver)
        n_unmatched = 0
        for i in range(n):
            row, j = rows[i], work.solver.column_of[i]
            if j == NONE:
                rows[n_unmatched] = row
                n_unmatched += 1
            else:
                follow(row, j, own, tracked, detected, frame)
                seen(tracked, row, detected, j, frame)
        return n_unmatched

    return match


def in_two_stages(match: Match, match_low: Match) -> TwoStages:
    """BYTE (Zhang et al., ByteTrack, ECCV 2022, algorithm 1): all tracks to the high detections, then the low ones to the tracked.

    The kernel `(rows, n, limit, low_limit, own, tracked, detected, work, frame)` returns how many of `rows[:n]` are left, at the
    front of `rows`. Those tracked in the last frame stand before the others. Where no detection is low, the second stage is nothing.
    """

    @jit_inline
    def match_in_two_stages(
        rows: Ints, n: int, limit: float, low_limit: float, own: Any, tracked: Tracked, detected: Detected, work: Work, frame: int
    ) -> int:
        n = match(rows, n, HIGH, limit, own, tracked, detected, work, frame)
        n_tracked = 0
        while n_tracked < n and tracked.state[rows[n_tracked]] == TRACKED:
            n_tracked += 1
        n_left = match_low(rows, n_tracked, LOW, low_limit, own, tracked, detected, work, frame)
        for i in range(n_tracked, n):
            rows[n_left + i - n_tracked] = rows[i]
        return n - n_tracked + n_left

    return match_in_two_stages


def associate_in_two_stages(
    similarity: npt.ArrayLike,
    score: npt.ArrayLike,
    *,
    high_score: float = 0.6,
    low_score: float | None = 0.1,
    least_similarity: float = 0.1,
    low_least_similarity: float = 0.5,
    low_similarity: npt.ArrayLike | None = None,
    tracked: npt.ArrayLike | None = None,
) -> Ints:
    """The detection of each of n tracks, -1 for none, by BYTE's two associations and any similarity (algorithm 1).

    First all tracks and the detections of a score from `high_score` up; then the tracks that are left and those between `low_score`
    and it; with `low_score=None` the second is left out. Each is the exact assignment that leaves the largest sum of what similarities
    exceed their limit by.

    - `similarity` (n, m): of every track and detection, in any unit. Pairs above `least_similarity` can match, in the second
      association above `low_least_similarity`; -inf is no pair.
    - `low_similarity` (n, m): another one for the second association. (BYTE's is the IoU; its first is the IoU times the score.)
    - `tracked` (n,): which tracks the second association is for, in BYTE those seen in the last frame; None: all.

    ValueError for shapes that do not agree, similarities that are NaN or inf, and scores out of order.

    >>> similarity = [[0.9, 0.2], [0.3, 0.8]]
    >>> associate_in_two_stages(similarity, score=[0.9, 0.3])
    array([0, 1])
    >>> associate_in_two_stages(similarity, score=[0.9, 0.3], low_score=None)
    array([ 0, -1])
    """
    first, scores = _matrix("similarity", similarity), np.asarray(score, dtype=np.float64)
    second = first if low_similarity is None else _matrix("low_similarity", low_similarity)
    seen_last = np.ones(len(first), bool) if tracked is None else np.asarray(tracked)
    shape = (len(seen_last), *scores.shape)
    if first.shape != shape or second.shape != shape or seen_last.dtype != bool:
        given = f"{first.shape}, low_similarity {second.shape}, score {scores.shape}, tracked {seen_last.shape} of {seen_last.dtype}"
        raise ValueError(f"similarities must have shape (n, m), score (m,) and tracked (n,) of bool: got similarity {given}")
    split = check_score_split(low_score, high_score)
    high, low = scores >= high_score, (scores >= split) & (scores < high_score)
    found = np.full(len(first), NONE)
    for matrix, least, rows, columns in (
        (first, least_similarity, np.ones(len(first), bool), np.flatnonzero(high)),
        (second, low_least_similarity, seen_last, np.flatnonzero(low)),
    ):
        left = np.flatnonzero(rows & (found == NONE))
        matched = cheapest_columns(-matrix[np.ix_(left, columns)], -least)
        found[left[matched != NONE]] = columns[matched[matched != NONE]]
    return found


def _matrix(name: str, values: npt.ArrayLike) -> Floats:
    matrix = np.asarray(values, dtype=np.float64)
    if np.isnan(matrix).any() or (matrix == np.inf).any():
        raise ValueError(f"{name} must be finite, or -inf for no pair")
    return matrix


def births(begin: Follow) -> Births:
    """The kernel `(least_score, first_state, own, tracked, detected, counters)` that starts tracks from high detections that are left.

    In their order, from `least_score` up, unconfirmed; in the first frame of the video in the state `first_state`.
    """

    @jit_inline
    def give_birth(least_score: float, first_state: int, own: Any, tracked: Tracked, detected: Detected, counters: Ints) -> None:
        frame = counters[FRAME]
        for j in range(len(detected.score)):
            if detected.kind[j] == HIGH and detected.score[j] >= least_score:
                row = new_row(tracked, detected, j, first_state if frame == 1 else UNCONFIRMED, counters)
                begin(row, j, own, tracked, detected, frame)

    return give_birth


@jit
def list_by_state(tracked: Tracked, n: int, work: Work) -> tuple[int, int]:
    """Lists in `work.rows` the tracked, then the lost; in `work.others` the unconfirmed tracks. Returns how many in each list."""
    n_known = n_unconfirmed = 0
    for t in range(n):
        row = tracked.order[t]
        if tracked.state[row] == TRACKED:
            work.rows[n_known] = row
            n_known += 1
        elif tracked.state[row] == UNCONFIRMED:
            work.others[n_unconfirmed] = row
            n_unconfirmed += 1
    for t in range(n):
        row = tracked.order[t]
        if tracked.state[row] == LOST:
            work.rows[n_known] = row
            n_known += 1
    return n_known, n_unconfirmed


@jit
def lose(rows: Ints, n: int, state: int, tracked: Tracked) -> None:
    """Gives the tracks `rows[:n]`, which nothing was matched to, a state: LOST or REMOVED."""
    for t in range(n):
        tracked.state[rows[t]] = state


@jit
def remove_long_lost(tracked: Tracked, n: int, frame: int, max_lost_frames: float) -> None:
    """Removes lost tracks last seen more than `max_lost_frames` frames of time ago."""
    for t in range(n):
        row = tracked.order[t]
        if tracked.state[row] == LOST and away(tracked, row, frame) > max_lost_frames:
            tracked.state[row] = REMOVED
