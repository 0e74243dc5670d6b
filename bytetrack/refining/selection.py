"""Removes trajectories that are short or have low scores."""

from __future__ import annotations

from bytetrack.checks import check_real, check_whole
from bytetrack.refining.context import SequenceContext, join, split
from bytetrack.structures import FILLED, Trajectories

__all__ = ["DropDoubtful", "DropShort"]


class DropShort:
    """Removes trajectories with fewer than `min_length` boxes."""

    def __init__(self, min_length: int = 10) -> None:
        check_whole("min_length", min_length, 0)
        self.min_length = min_length

    def __call__(self, trajectories: Trajectories, context: SequenceContext) -> Trajectories:
        """Returns the trajectories that are long enough."""
        return join(part for part in split(trajectories) if len(part) >= self.min_length)


class DropDoubtful:
    """Removes trajectories of at most `max_length` boxes whose mean score is below `min_mean_score`.

    Filled boxes have no score and are excluded from the mean.
    """

    def __init__(self, min_mean_score: float = 0.6, max_length: int = 60) -> None:
        check_real("min_mean_score", min_mean_score, 0, 1)
        check_whole("max_length", max_length, 0)
        self.min_mean_score, self.max_length = min_mean_score, max_length

    def __call__(self, trajectories: Trajectories, context: SequenceContext) -> Trajectories:
        """Returns the trajectories that are long, or confident enough."""
        kept = []
        for part in split(trajectories):
            found = part.score[part.score != FILLED]
            if len(part) > self.max_length or (len(found) and found.mean() >= self.min_mean_score):
                kept.append(part)
        return join(kept)
