"""Scores of files whose detector does not score in [0, 1]: one rule, which every reader of detections applies."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["in_unit_interval"]

Floats = npt.NDArray[np.float64]

NO_SCORE = -1  # in MOT files
ROUNDING = 0.01  # how far beyond [0, 1] a score may lie through rounding
FEW = 0.01  # the share of scores that may be mistakes
HIGHEST_OF_OTHERS = 10  # above, non-negative scores are percentages; those of DPM end at 5
SURE = 90  # the percentile from which scores become 1


def in_unit_interval(score: Floats) -> tuple[Floats, str | None]:
    """Returns the scores (n,) of a whole file in [0, 1], and what was done to them in words, None where all lie in it already.

    The first that fits: equal scores, and -1 among scores in [0, 1], mean that there are none, and become 1; scores beyond by 0.01
    (rounding), or no more than 1 % of all, are cut to [0, 1]; 0 to 100 are percentages; others are mapped linearly, 0 (or the lowest, if
    that is negative) to 0, the 90th percentile to 1, and cut to 1. So no single score decides what becomes of the others.

    >>> in_unit_interval(np.array([1.0000001, 0.8, 0.7]))
    (array([1. , 0.8, 0.7]), '1 of 3 scores outside [0, 1] (1.0000001 to 1.0000001) cut to it')
    >>> in_unit_interval(np.array([95.0, 40.0]))[0]
    array([0.95, 0.4 ])
    """
    outside = (score < 0) | (score > 1)
    if not outside.any():
        return score, None
    low, high = float(score.min()), float(score.max())
    without = outside if low == high else score == NO_SCORE
    if (without == outside).all():
        return np.where(outside, 1.0, score), f"{without.sum()} of {len(score)} scores are {low:g}, which means no score: set to 1"
    if (low >= -ROUNDING and high <= 1 + ROUNDING) or outside.mean() <= FEW:
        stray = score[outside]
        words = f"{len(stray)} of {len(score)} scores outside [0, 1] ({stray.min():.8g} to {stray.max():.8g}) cut to it"
        return score.clip(0, 1), words
    if low >= 0 and HIGHEST_OF_OTHERS < high <= 100:
        return score / 100, f"scores of {low:g} to {high:g} taken as percentages"
    percentile = float(np.percentile(score, SURE))
    zero, sure = min(low, 0.0), percentile if percentile > low else high
    return ((score - zero) / (sure - zero)).clip(0, 1), f"scores of {low:g} to {high:g} mapped: {zero:g} becomes 0, {sure:g} and above 1"
