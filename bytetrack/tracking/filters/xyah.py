"""State layout of BYTE and DeepSORT: centre x, centre y, aspect ratio w/h, height.

Standard deviations are 1/20 and 1/160 of the height (DeepSORT, section 2.1; the constants of the published code).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bytetrack.runtime.compilation import jit
from bytetrack.tracking.filters.kalman import (
    MEAN,
    SMALLEST,
    VARIANCE,
    VELOCITY,
    correct_coordinate,
    predict_coordinate,
    start_coordinate,
)

__all__ = ["correct", "predict", "squared_mahalanobis", "start", "stop_height", "write_box"]

Floats = npt.NDArray[np.float64]

ASPECT, HEIGHT = 2, 3
POSITION_DEVIATION, VELOCITY_DEVIATION = 1 / 20, 1 / 160  # of the height
ASPECT_DEVIATION, ASPECT_VELOCITY_DEVIATION, ASPECT_MEASUREMENT_DEVIATION = 1e-2, 1e-5, 1e-1


@jit
def measured(box: Floats) -> tuple[float, float, float, float]:
    """Returns centre x, centre y, aspect ratio and height of a box (4,) with area."""
    width, height = box[2] - box[0], box[3] - box[1]
    return box[0] + width / 2, box[1] + height / 2, width / height, height


@jit
def start(motion: Floats, box: Floats) -> None:
    """Starts a track at `box`, standing still: twice the position noise, ten times the velocity noise."""
    measurement = measured(box)
    height = measurement[HEIGHT]
    for d in range(4):
        deviation = ASPECT_DEVIATION if d == ASPECT else 2 * POSITION_DEVIATION * height
        velocity_deviation = ASPECT_VELOCITY_DEVIATION if d == ASPECT else 10 * VELOCITY_DEVIATION * height
        start_coordinate(motion, d, measurement[d], deviation**2, velocity_deviation**2)


@jit
def predict(motion: Floats, dt: float) -> None:
    """Predicts the state `dt` frames ahead."""
    height = motion[MEAN, HEIGHT]
    for d in range(4):
        deviation = ASPECT_DEVIATION if d == ASPECT else POSITION_DEVIATION * height
        velocity_deviation = ASPECT_VELOCITY_DEVIATION if d == ASPECT else VELOCITY_DEVIATION * height
        predict_coordinate(motion, d, dt, deviation * deviation, velocity_deviation * velocity_deviation)


@jit
def correct(motion: Floats, box: Floats) -> None:
    """Corrects the state by the detection `box`."""
    measurement, height = measured(box), motion[MEAN, HEIGHT]
    for d in range(4):
        correct_coordinate(motion, d, measurement[d], measurement_variance(d, height))


@jit
def measurement_variance(d: int, height: float) -> float:
    """Returns the variance of measuring coordinate `d` of a box of that height."""
    deviation = ASPECT_MEASUREMENT_DEVIATION if d == ASPECT else POSITION_DEVIATION * height
    return deviation * deviation


@jit
def stop_height(motion: Floats) -> None:
    """Sets the velocity of the height to 0, as the published code does for lost tracks."""
    motion[VELOCITY, HEIGHT] = 0.0


@jit
def squared_mahalanobis(motion: Floats, box: Floats) -> float:
    """Returns the squared Mahalanobis distance of the box from the predicted state (DeepSORT, equation 1)."""
    measurement, height = measured(box), motion[MEAN, HEIGHT]
    total = 0.0
    for d in range(4):
        innovation = measurement[d] - motion[MEAN, d]
        total += innovation * innovation / (motion[VARIANCE, d] + measurement_variance(d, height) + SMALLEST)
    return total


@jit
def write_box(motion: Floats, box: Floats) -> None:
    """Writes the state's corners into `box` (4,)."""
    width, height = motion[MEAN, ASPECT] * motion[MEAN, HEIGHT], motion[MEAN, HEIGHT]
    box[0] = motion[MEAN, 0] - width / 2
    box[1] = motion[MEAN, 1] - height / 2
    box[2] = box[0] + width
    box[3] = box[1] + height
