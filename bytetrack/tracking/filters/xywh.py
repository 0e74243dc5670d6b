"""State layout of BoT-SORT: centre x, centre y, width, height, seen by a camera that may move.

Aharon et al., BoT-SORT: Robust Associations Multi-Pedestrian Tracking, 2022: section 3.1 (the state), section 3.2 (the camera's
motion, applied to mean and covariance). A turning camera would couple x with y; that part of the covariance, small as the angle
between two frames, is left out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bytetrack.runtime.compilation import jit
from bytetrack.tracking.filters.kalman import (
    MEAN,
    VARIANCE,
    VELOCITY,
    VELOCITY_VARIANCE,
    correct_coordinate,
    predict_coordinate,
    start_coordinate,
)

__all__ = ["Noise", "correct", "is_still", "move_point", "move_with_camera", "predict", "start", "stop_size", "write_box"]

Floats = npt.NDArray[np.float64]

WIDTH, HEIGHT = 2, 3


class Noise(NamedTuple):
    """Process noise: standard deviations a frame, as parts of the width (for x and width) and of the height (for y and height)."""

    position: float
    velocity: float


@jit
def measured(box: Floats) -> tuple[float, float, float, float]:
    """Returns centre x, centre y, width and height of a box (4,)."""
    width, height = box[2] - box[0], box[3] - box[1]
    return box[0] + width / 2, box[1] + height / 2, width, height


@jit
def start(motion: Floats, box: Floats, noise: Noise) -> None:
    """Starts a track at `box`, standing still: twice the position noise, ten times the velocity noise."""
    measurement = measured(box)
    for d in range(4):
        side = measurement[WIDTH + d % 2]
        start_coordinate(motion, d, measurement[d], (2 * noise.position * side) ** 2, (10 * noise.velocity * side) ** 2)


@jit
def predict(motion: Floats, noise: Noise, dt: float) -> None:
    """Predicts the state `dt` frames ahead; a width or height that would vanish stops changing."""
    width, height = motion[MEAN, WIDTH], motion[MEAN, HEIGHT]
    for d in range(4):
        side = width if d % 2 == 0 else height
        if d >= WIDTH and motion[MEAN, d] + dt * motion[VELOCITY, d] <= 0.0:
            motion[VELOCITY, d] = 0.0
        position, velocity = noise.position * side, noise.velocity * side
        predict_coordinate(motion, d, dt, position * position, velocity * velocity)


@jit
def correct(motion: Floats, box: Floats, noise: float, size_factor: float) -> None:
    """Corrects the state by the detection `box`.

    `noise` is the standard deviation of a measurement, as a part of the sides; that of width and height is `size_factor` times as large.
    """
    measurement = measured(box)
    width, height = motion[MEAN, WIDTH], motion[MEAN, HEIGHT]
    for d in range(4):
        deviation = noise * (width if d % 2 == 0 else height) * (size_factor if d >= WIDTH else 1.0)
        correct_coordinate(motion, d, measurement[d], deviation * deviation)
        if d >= WIDTH and motion[MEAN, d] <= 0.0:  # rounding, between sides of very different size
            motion[MEAN, d] = measurement[d]


@jit
def stop_size(motion: Floats) -> None:
    """Sets the velocities of width and height to 0, as the published code does for lost tracks."""
    motion[VELOCITY, WIDTH] = motion[VELOCITY, HEIGHT] = 0.0


@jit
def write_box(motion: Floats, box: Floats) -> None:
    """Writes the state's corners into `box` (4,)."""
    width, height = motion[MEAN, WIDTH], motion[MEAN, HEIGHT]
    box[0], box[1] = motion[MEAN, 0] - width / 2, motion[MEAN, 1] - height / 2
    box[2], box[3] = box[0] + width, box[1] + height


@jit
def is_still(camera: Floats) -> bool:
    """Returns whether the camera motion (2, 3) is the identity."""
    shifted = camera[0, 2] != 0.0 or camera[1, 2] != 0.0
    return not shifted and camera[0, 0] == 1.0 and camera[1, 1] == 1.0 and camera[0, 1] == 0.0 and camera[1, 0] == 0.0


@jit
def move_point(x: float, y: float, camera: Floats) -> tuple[float, float]:
    """Transforms a point by the camera motion (2, 3)."""
    return camera[0, 0] * x + camera[0, 1] * y + camera[0, 2], camera[1, 0] * x + camera[1, 1] * y + camera[1, 2]


@jit
def move_with_camera(motion: Floats, camera: Floats) -> None:
    """Transforms the state into the pixels of the next frame: centres by the affine, velocities by its linear part.

    Sizes are scaled by the root of its determinant. The paper multiplies (width, height) by the rotation too, which turns a
    part of the height into width.
    """
    a, b, c, d, e, f = camera[0, 0], camera[0, 1], camera[0, 2], camera[1, 0], camera[1, 1], camera[1, 2]
    area = a * e - b * d
    scale = np.sqrt(area)
    x, y = motion[MEAN, 0], motion[MEAN, 1]
    motion[MEAN, 0], motion[MEAN, 1] = a * x + b * y + c, d * x + e * y + f
    x, y = motion[VELOCITY, 0], motion[VELOCITY, 1]
    motion[VELOCITY, 0], motion[VELOCITY, 1] = a * x + b * y, d * x + e * y
    for moment in range(VARIANCE, VELOCITY_VARIANCE + 1):
        x, y = motion[moment, 0], motion[moment, 1]
        motion[moment, 0], motion[moment, 1] = a * a * x + b * b * y, d * d * x + e * e * y
        motion[moment, WIDTH] *= area
        motion[moment, HEIGHT] *= area
    for side in range(WIDTH, HEIGHT + 1):
        motion[MEAN, side] *= scale
        motion[VELOCITY, side] *= scale
