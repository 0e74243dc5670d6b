"""Smooths trajectories with the boxes before and after each frame.

Second differences: Whittaker, "On a new method of graduation", 1923; Eilers, "A perfect smoother", 2003, equation 5 with d = 2.
Gaussian process: StrongSORT, Du et al. 2023, section 3.4 (GSI, after linear interpolation).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve, solveh_banded

from bytetrack.boxes import tlwh_from_xywh, xywh_from_tlwh
from bytetrack.checks import check_real
from bytetrack.refining.context import SequenceContext, Trajectory, join, split
from bytetrack.structures import FILLED, Trajectories

__all__ = ["SmoothGaussian", "SmoothSecondDifferences"]

Floats = npt.NDArray[np.float64]
LEAST_SCORE = 0.05
BLOCK = 256  # frames that a Gaussian process is asked for at once
REACH = 4  # correlation lengths beyond which boxes tell it nothing


class SmoothSecondDifferences:
    """Minimises `sum w (z - y)² + penalty sum (z[i] - 2 z[i + 1] + z[i + 2])²` over smoothed boxes z, where y are the given boxes.

    Centres and sizes are smoothed separately in each run of consecutive frames. Runs of one or two boxes, and runs on a straight line, are
    not changed.

    Args:
        position: Penalty for centres.
        size: Penalty for widths and heights.
        score_power: The weight w is the score (at least 0.05) to this power.
        filled_weight: Weight of filled boxes.
    """

    def __init__(self, position: float = 30.0, size: float = 300.0, score_power: float = 2.0, filled_weight: float = 0.3) -> None:
        check_real("position", position, 0, 1e9)
        check_real("size", size, 0, 1e9)
        check_real("score_power", score_power, 0, 10)
        check_real("filled_weight", filled_weight, 1e-6, 1)
        self.position, self.size, self.score_power, self.filled_weight = position, size, score_power, filled_weight

    def __call__(self, trajectories: Trajectories, context: SequenceContext) -> Trajectories:
        """Returns the trajectories with smooth boxes."""
        return join(_by_run(trajectory, self._smooth) for trajectory in split(trajectories))

    def _smooth(self, xywh: Floats, score: Floats, run_of: int) -> Floats:
        weight = np.where(score == FILLED, self.filled_weight, np.clip(score, LEAST_SCORE, 1) ** self.score_power)
        return np.hstack([_least_bent(xywh[:, :2], weight, self.position), _least_bent(xywh[:, 2:], weight, self.size)])


class SmoothGaussian:
    """Replaces boxes by the mean of a Gaussian process with a squared exponential kernel, given the boxes.

    The correlation length is `tau * log(tau³ / l)` frames for a trajectory of l boxes, as published, limited to 1 … `tau²`. The prior
    mean is the straight line fitted to the run, and the prior deviation is that of the run, so boxes do not shrink to an origin.

    Args:
        tau: Controls the correlation length.
        noise: Noise of a detection, as a fraction of the mean height.
        filled_noise: Factor of this noise for filled boxes.
    """

    def __init__(self, tau: float = 5.0, noise: float = 0.01, filled_noise: float = 2.0) -> None:
        check_real("tau", tau, 1, 100)
        check_real("noise", noise, 1e-6, 10)
        check_real("filled_noise", filled_noise, 1, 1000)
        self.tau, self.noise, self.filled_noise = tau, noise, filled_noise

    def __call__(self, trajectories: Trajectories, context: SequenceContext) -> Trajectories:
        """Returns the trajectories with smooth boxes."""
        return join(_by_run(trajectory, self._smooth) for trajectory in split(trajectories))

    def _smooth(self, xywh: Floats, score: Floats, n_boxes: int) -> Floats:
        length = float(np.clip(self.tau * np.log(self.tau**3 / n_boxes), 1.0, self.tau**2))
        time = np.arange(len(xywh), dtype=np.float64)
        line = np.column_stack([np.ones(len(time)), time - time.mean()])
        trend = line @ np.linalg.lstsq(line, xywh, rcond=None)[0]
        noise = self.noise * max(float(xywh[:, 3].mean()), 1e-6) * np.where(score == FILLED, self.filled_noise, 1.0)
        rest, margin = xywh - trend, int(np.ceil(REACH * length))
        amplitude = np.maximum(rest.std(axis=0), 1e-9)
        for start in range(0, len(time), BLOCK):
            stop = min(start + BLOCK, len(time))
            near = slice(max(start - margin, 0), stop + margin)
            kernel = np.exp(-0.5 * ((time[near, None] - time[None, near]) / length) ** 2)
            asked = kernel[start - near.start : stop - near.start]
            for side in range(4):
                known = kernel * amplitude[side] ** 2 + np.diag(noise[near] ** 2)
                trend[start:stop, side] += amplitude[side] ** 2 * asked @ cho_solve(cho_factor(known), rest[near, side])
        return np.asarray(trend)


def _by_run(trajectory: Trajectory, smooth: Callable[[Floats, Floats, int], Floats]) -> Trajectory:
    """Applies `smooth(xywh, score, boxes of the trajectory)` to every run of at least three consecutive frames.

    A side that smoothing would make vanish stays.
    """
    cuts = np.flatnonzero(np.diff(trajectory.frame_id) > 1) + 1
    tlwh = trajectory.tlwh.copy()
    for run in np.split(np.arange(len(trajectory)), cuts):
        if len(run) > 2:
            xywh = xywh_from_tlwh(trajectory.tlwh[run])
            found = smooth(xywh, trajectory.score[run], len(trajectory))
            found[:, 2:] = np.where(found[:, 2:] > 0, found[:, 2:], xywh[:, 2:])
            tlwh[run] = tlwh_from_xywh(found)
    return trajectory.with_boxes(tlwh)


def _least_bent(values: Floats, weight: Floats, penalty: float) -> Floats:
    """Solves for `values` (n, k) with small second differences: a banded system, in time linear in n."""
    n = len(values)
    bands = np.zeros((3, n))
    for shift, own in ((0, 1.0), (1, 4.0), (2, 1.0)):  # of (1, -2, 1) times itself, wherever it fits into n
        bands[2, shift : n - 2 + shift] += penalty * own
    bands[1, 1 : n - 1] -= 2 * penalty
    bands[1, 2:] -= 2 * penalty
    bands[0, 2:] = penalty
    bands[2] += weight
    return np.asarray(solveh_banded(bands, weight[:, None] * values))
