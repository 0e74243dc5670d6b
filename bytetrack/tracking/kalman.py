"""The Kalman filter of BYTE and DeepSORT: constant velocity of centre x, centre y, aspect ratio w/h and height.

Its 8x8 covariance starts diagonal, its noises are diagonal, and the motion couples a coordinate with its own velocity only. So it
stays four independent filters of two states for ever, and costs a handful of multiplications. The state of a track is `motion`,
shape (5, 4): one row each of MEAN, VELOCITY, VARIANCE, COVARIANCE (of mean and velocity), VELOCITY_VARIANCE; one column each of
x, y, aspect, height. Deviations are 1/20 and 1/160 of the height (DeepSORT, section 2.1; the paper code's constants).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bytetrack.runtime.compilation import jit
from bytetrack.tracking.state import LOST, Tracked, in_reach

__all__ = ["MEAN", "VELOCITY", "box_of_motion", "correct", "predict", "predict_all", "squared_mahalanobis", "start"]

Floats = npt.NDArray[np.float64]

MEAN, VELOCITY, VARIANCE, COVARIANCE, VELOCITY_VARIANCE = range(5)
ASPECT, HEIGHT = 2, 3
POSITION_DEVIATION, VELOCITY_DEVIATION = 1 / 20, 1 / 160  # of the height
SMALLEST = 1e-300  # changes no variance of a box one can see


@jit
def measured(box: Floats) -> tuple[float, float, float, float]:
    """Centre x, centre y, aspect, height of a box (4,) that has area."""
    width, height = box[2] - box[0], box[3] - box[1]
    return box[0] + width / 2, box[1] + height / 2, width / height, height


@jit
def start(motion: Floats, box: Floats) -> None:
    """A new track at `box`, standing still: twice the position noise and ten times the velocity noise."""
    measurement = measured(box)
    height = measurement[HEIGHT]
    for d in range(4):
        motion[MEAN, d] = measurement[d]
        motion[VELOCITY, d] = motion[COVARIANCE, d] = 0.0
        motion[VARIANCE, d] = (1e-2 if d == ASPECT else 2 * POSITION_DEVIATION * height) ** 2
        motion[VELOCITY_VARIANCE, d] = (1e-5 if d == ASPECT else 10 * VELOCITY_DEVIATION * height) ** 2


@jit
def predict(motion: Floats) -> None:
    """One frame on."""
    height = motion[MEAN, HEIGHT]
    for d in range(4):
        variance, covariance, velocity_variance = motion[VARIANCE, d], motion[COVARIANCE, d], motion[VELOCITY_VARIANCE, d]
        noise = 1e-2 if d == ASPECT else POSITION_DEVIATION * height
        velocity_noise = 1e-5 if d == ASPECT else VELOCITY_DEVIATION * height
        motion[MEAN, d] += motion[VELOCITY, d]
        motion[VARIANCE, d] = variance + 2 * covariance + velocity_variance + noise * noise
        motion[COVARIANCE, d] = covariance + velocity_variance
        motion[VELOCITY_VARIANCE, d] = velocity_variance + velocity_noise * velocity_noise


@jit
def correct(motion: Floats, box: Floats) -> None:
    """The track after the detection `box` was matched to it. No variance gets negative by rounding, no divisor zero."""
    measurement = measured(box)
    height = motion[MEAN, HEIGHT]
    for d in range(4):
        variance, covariance = motion[VARIANCE, d], motion[COVARIANCE, d]
        deviation = 1e-1 if d == ASPECT else POSITION_DEVIATION * height
        noise = deviation * deviation + SMALLEST
        total = variance + noise
        innovation = measurement[d] - motion[MEAN, d]
        motion[MEAN, d] += variance / total * innovation
        motion[VELOCITY, d] += covariance / total * innovation
        motion[VARIANCE, d] = variance * noise / total
        motion[COVARIANCE, d] = covariance * noise / total
        motion[VELOCITY_VARIANCE, d] = max(motion[VELOCITY_VARIANCE, d] - covariance * covariance / total, 0.0)


@jit
def squared_mahalanobis(motion: Floats, box: Floats) -> float:
    """How far the box lies from where the track is predicted, in its own uncertainty (DeepSORT, equation 1)."""
    measurement, height = measured(box), motion[MEAN, HEIGHT]
    total = 0.0
    for d in range(4):
        deviation = 1e-1 if d == ASPECT else POSITION_DEVIATION * height
        innovation = measurement[d] - motion[MEAN, d]
        total += innovation * innovation / (motion[VARIANCE, d] + deviation * deviation + SMALLEST)
    return total


@jit
def predict_all(tracked: Tracked, n: int, heights_rest: bool) -> None:
    """All tracks one frame on; whether the height of lost ones stands still. One whose box vanished or flew off is removed."""
    for t in range(n):
        row = tracked.order[t]
        if heights_rest and tracked.state[row] == LOST:
            tracked.motion[row, VELOCITY, HEIGHT] = 0.0
        predict(tracked.motion[row])
        box_of_motion(tracked.motion[row], tracked.box[row])
        in_reach(tracked, row)


@jit
def box_of_motion(motion: Floats, box: Floats) -> None:
    """Writes the state's corners into `box` (4,)."""
    width, height = motion[MEAN, ASPECT] * motion[MEAN, HEIGHT], motion[MEAN, HEIGHT]
    box[0] = motion[MEAN, 0] - width / 2
    box[1] = motion[MEAN, 1] - height / 2
    box[2] = box[0] + width
    box[3] = box[1] + height
