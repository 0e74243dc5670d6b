"""The Kalman filter of all trackers: constant velocity, each coordinate with its own velocity only.

The 8x8 covariance of SORT and its descendants starts diagonal, its noises are diagonal, and the motion couples a coordinate with its
own velocity. So it stays four independent filters of two states for ever, and costs a handful of multiplications. The state
of a track is `motion`, shape (5, 4): a row each for MEAN, VELOCITY, VARIANCE, COVARIANCE (of mean and velocity) and VELOCITY_VARIANCE, a
column for each coordinate. Which coordinates, and how exact they are, is the layout's: xyah.py, xywh.py, xysr.py.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bytetrack.runtime.compilation import jit

__all__ = [
    "COVARIANCE",
    "MEAN",
    "VARIANCE",
    "VELOCITY",
    "VELOCITY_VARIANCE",
    "copy",
    "correct_coordinate",
    "predict_coordinate",
    "start_coordinate",
]

Floats = npt.NDArray[np.float64]

MEAN, VELOCITY, VARIANCE, COVARIANCE, VELOCITY_VARIANCE = range(5)
SMALLEST = 1e-300  # added to measurement noise: no divisor is zero, and no variance of a visible box changes


@jit
def start_coordinate(motion: Floats, d: int, measurement: float, variance: float, velocity_variance: float) -> None:
    """Starts coordinate `d` at a measurement, standing still."""
    motion[MEAN, d] = measurement
    motion[VELOCITY, d] = motion[COVARIANCE, d] = 0.0
    motion[VARIANCE, d] = variance
    motion[VELOCITY_VARIANCE, d] = velocity_variance


@jit
def predict_coordinate(motion: Floats, d: int, dt: float, noise: float, velocity_noise: float) -> None:
    """Moves coordinate `d` on by `dt` frames; adds process noise, given as variances.

    One update adds one frame's noise, however long it took: to the position as it is, to the velocity as if it were counted by updates,
    hence `velocity_noise / dt**2`.
    """
    variance, covariance, velocity_variance = motion[VARIANCE, d], motion[COVARIANCE, d], motion[VELOCITY_VARIANCE, d]
    motion[MEAN, d] += dt * motion[VELOCITY, d]
    motion[VARIANCE, d] = variance + 2 * dt * covariance + dt * dt * velocity_variance + noise
    motion[COVARIANCE, d] = covariance + dt * velocity_variance
    motion[VELOCITY_VARIANCE, d] = velocity_variance + velocity_noise * (1.0 / (dt * dt))  # the quotient leaves the loop over tracks


@jit
def correct_coordinate(motion: Floats, d: int, measurement: float, noise: float) -> None:
    """Corrects coordinate `d` by a measurement whose variance is `noise`. No variance gets negative by rounding."""
    variance, covariance, uncertainty = motion[VARIANCE, d], motion[COVARIANCE, d], noise + SMALLEST
    total = variance + uncertainty
    innovation = measurement - motion[MEAN, d]
    motion[MEAN, d] += variance / total * innovation
    motion[VELOCITY, d] += covariance / total * innovation
    motion[VARIANCE, d] = variance * uncertainty / total
    motion[COVARIANCE, d] = covariance * uncertainty / total
    motion[VELOCITY_VARIANCE, d] = max(motion[VELOCITY_VARIANCE, d] - covariance * covariance / total, 0.0)


@jit
def copy(motion: Floats, target: Floats) -> None:
    """Copies a state into another's place."""
    for moment in range(motion.shape[0]):
        for d in range(motion.shape[1]):
            target[moment, d] = motion[moment, d]
