"""BYTE's two associations in plain NumPy, for any similarity: what a tracker of one's own needs (docs/trackers/own.md)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bytetrack.tracking.core.association import NONE, cheapest_columns
from bytetrack.tracking.parameters import check_score_split

__all__ = ["associate_in_two_stages"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


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
    """Returns the detection of each of n tracks, -1 for none, by BYTE's two associations and any similarity (algorithm 1).

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
