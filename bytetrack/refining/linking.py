"""Links tracklets of one identity by their motion before and after a gap."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from bytetrack.boxes import warp, xywh_from_tlwh
from bytetrack.checks import check_real, check_whole
from bytetrack.refining.context import SequenceContext, Trajectory, join, split, warp_back
from bytetrack.structures import Trajectories

__all__ = ["Link", "straight_end"]

Floats = npt.NDArray[np.float64]


class End(NamedTuple):
    """Holds position and velocity of a trajectory at its first or last frame, from a straight line fitted to the boxes near it."""

    frame_id: int
    xywh: Floats  # (4,), mean width and height
    velocity: Floats  # (2,) pixels a frame


class Link:
    """Joins a trajectory with one that starts after its end, under the earlier id, if each predicts the other.

    The cost of a pair with a gap of `gap` frames is the mean over both directions of the distance between one trajectory's end and the
    prediction of the straight line through the other's `fit` boxes at the gap (x in widths, y in half heights, camera motion removed),
    divided by `1 + gap / 30`, plus twice the logarithm of the ratio of heights. The assignment with the lowest total cost is chosen.

    Args:
        max_cost: Maximum cost of a pair.
        max_gap: Maximum gap in frames.
        min_length: Minimum number of boxes of a trajectory.
        fit: Number of boxes that the straight line is fitted to.
        max_height_change: Maximum logarithm of the ratio of heights.
    """

    def __init__(
        self, max_cost: float = 0.4, max_gap: int = 60, min_length: int = 5, fit: int = 10, max_height_change: float = 0.3
    ) -> None:
        check_real("max_cost", max_cost, 0, 1e3)
        check_whole("max_gap", max_gap, 0)
        check_whole("min_length", min_length, 1)
        check_whole("fit", fit, 2)
        check_real("max_height_change", max_height_change, 0, 10)
        self.max_cost, self.max_gap, self.min_length = max_cost, max_gap, min_length
        self.fit, self.max_height_change = fit, max_height_change

    def __call__(self, trajectories: Trajectories, context: SequenceContext) -> Trajectories:
        """Returns the trajectories, some of them joined."""
        parts = split(trajectories)
        long = [part for part in parts if len(part) >= self.min_length]
        following = self._pairs(long, context)
        behind = set(following.values())
        joined = [part for part in parts if len(part) < self.min_length]
        for place, part in enumerate(long):
            if place in behind:
                continue
            chain, last = [], place
            while last in following:
                last = following[last]
                chain.append(long[last])
            joined.append(part.joined(*chain))
        return join(joined)

    def _pairs(self, parts: list[Trajectory], context: SequenceContext) -> dict[int, int]:
        """Returns the part that follows each part, by index."""
        heads = [straight_end(part, self.fit, context, last=False) for part in parts]
        tails = [straight_end(part, self.fit, context, last=True) for part in parts]
        starts = np.array([head.frame_id for head in heads], np.int64)
        order = np.argsort(starts, kind="stable")
        found: list[tuple[int, int, float]] = []
        for i, tail in enumerate(tails):
            low, high = np.searchsorted(starts[order], [tail.frame_id + 1, tail.frame_id + self.max_gap + 1])
            for j in order[low:high].tolist():
                cost = self._cost(tail, heads[j], context) if parts[i].kind == parts[j].kind else np.inf
                if cost <= self.max_cost:
                    found.append((i, j, cost))
        return _cheapest(found, len(parts))

    def _cost(self, tail: End, head: End, context: SequenceContext) -> float:
        height = abs(float(np.log(head.xywh[3] / tail.xywh[3]))) if min(head.xywh[3], tail.xywh[3]) > 0 else np.inf
        if height > self.max_height_change:
            return np.inf
        gap = head.frame_id - tail.frame_id
        size = np.maximum((head.xywh[2:] + tail.xywh[2:]) / 2, 1e-9) * (1, 0.5)
        motion = context.motion(tail.frame_id, head.frame_id)[-1:]
        forward = warp(motion, (tail.xywh + gap * np.r_[tail.velocity, 0, 0])[None])[0] - head.xywh
        back = warp_back(motion, (head.xywh - gap * np.r_[head.velocity, 0, 0])[None])[0] - tail.xywh
        error = np.mean([np.linalg.norm(miss[:2] / size) for miss in (forward, back)])
        return float(error) / (1 + gap / 30) + 2 * height


def straight_end(part: Trajectory, fit: int, context: SequenceContext, last: bool) -> End:
    """Fits a straight line to the `fit` boxes at an end of a trajectory, in the pixels of its first or last frame."""
    near = slice(-fit, None) if last else slice(fit)
    frame_id = part.frame_id[near]
    anchor = int(frame_id[-1 if last else 0])
    xywh = context.seen_from(anchor, frame_id, xywh_from_tlwh(part.tlwh[near]))
    away = (frame_id - frame_id.mean())[:, None]
    velocity = (away * xywh[:, :2]).sum(axis=0) / max(float((away * away).sum()), 1e-9)
    mean = xywh.mean(axis=0)
    mean[:2] += velocity * (anchor - frame_id.mean())
    return End(anchor, mean, velocity)


def _cheapest(pairs: list[tuple[int, int, float]], n: int) -> dict[int, int]:
    """Returns as many pairs as possible, each row and column once, at least cost; solved for each group of pairs that touch."""
    found: dict[int, int] = {}
    if not pairs:
        return found
    row, column, cost = (np.array(values) for values in zip(*pairs, strict=True))
    _, group = connected_components(coo_array((np.ones(len(row)), (row, n + column)), shape=(2 * n, 2 * n)), directed=False)
    for one in np.unique(group[row]):
        inside = group[row] == one
        left, right = np.unique(row[inside]), np.unique(column[inside])
        table = np.full((len(left), len(right)), 1e6)
        table[np.searchsorted(left, row[inside]), np.searchsorted(right, column[inside])] = cost[inside]
        for i, j in zip(*linear_sum_assignment(table), strict=True):
            if table[i, j] < 1e6:
                found[int(left[i])] = int(right[j])
    return found
