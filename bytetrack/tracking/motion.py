"""The Kalman filter of BoT-SORT: constant velocity of centre x, centre y, width and height, seen by a camera that moves.

Aharon et al., BoT-SORT: Robust Associations Multi-Pedestrian Tracking, 2022: section 3.1 (the state), section 3.2 (the camera's
motion, applied to mean and covariance). As in kalman.py the state of a track is `motion`, (5, 4), four independent filters. A
turning camera would couple x with y; that part of the covariance, small as the angle between two frames, is left out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bytetrack.runtime.compilation import jit
from bytetrack.tracking.kalman import COVARIANCE, MEAN, SMALLEST, VARIANCE, VELOCITY, VELOCITY_VARIANCE

__all__ = ["HEIGHT", "WIDTH", "Noise", "box_of_motion", "correct", "follow_camera", "predict", "start", "warp_box"]

Floats = npt.NDArray[np.float64]

WIDTH, HEIGHT = 2, 3


class Noise(NamedTuple):
    """Standard deviations as parts of the width (of x and width) and the height (of y and height).

    `size_velocity` and `size_measurement` are factors on the latter two, for width and height.
    """

    position: float
    velocity: float
    measurement: float
    size_velocity: float
    size_measurement: float


@jit
def measured(box: Floats) -> tuple[float, float, float, float]:
    """Centre x, centre y, width, height of a box (4,)."""
    width, height = box[2] - box[0], box[3] - box[1]
    return box[0] + width / 2, box[1] + height / 2, width, height


@jit
def start(motion: Floats, box: Floats, noise: Noise) -> None:
    """A new track at `box`, standing still: twice the position noise and ten times the velocity noise."""
    measurement = measured(box)
    for d in range(4):
        side = measurement[WIDTH + d % 2]
        motion[MEAN, d] = measurement[d]
        motion[VELOCITY, d] = motion[COVARIANCE, d] = 0.0
        motion[VARIANCE, d] = (2 * noise.position * side) ** 2
        motion[VELOCITY_VARIANCE, d] = (10 * noise.velocity * side) ** 2


@jit
def predict(motion: Floats, noise: Noise) -> None:
    """One frame on; a width or height that would vanish stands still."""
    width, height = motion[MEAN, WIDTH], motion[MEAN, HEIGHT]
    for d in range(4):
        side = width if d % 2 == 0 else height
        if d >= WIDTH and motion[MEAN, d] + motion[VELOCITY, d] <= 0.0:
            motion[VELOCITY, d] = 0.0
        position, velocity = noise.position * side, noise.velocity * side * (noise.size_velocity if d >= WIDTH else 1.0)
        covariance, velocity_variance = motion[COVARIANCE, d], motion[VELOCITY_VARIANCE, d]
        motion[MEAN, d] += motion[VELOCITY, d]
        motion[VARIANCE, d] += 2 * covariance + velocity_variance + position * position
        motion[COVARIANCE, d] = covariance + velocity_variance
        motion[VELOCITY_VARIANCE, d] = velocity_variance + velocity * velocity


@jit
def correct(motion: Floats, box: Floats, noise: Noise) -> None:
    """The track after the detection `box` was matched to it. No variance gets negative by rounding, no divisor zero."""
    measurement = measured(box)
    width, height = motion[MEAN, WIDTH], motion[MEAN, HEIGHT]
    for d in range(4):
        deviation = noise.measurement * (width if d % 2 == 0 else height) * (noise.size_measurement if d >= WIDTH else 1.0)
        variance, covariance = motion[VARIANCE, d], motion[COVARIANCE, d]
        uncertainty = deviation * deviation + SMALLEST
        total = variance + uncertainty
        innovation = measurement[d] - motion[MEAN, d]
        motion[MEAN, d] += variance / total * innovation
        motion[VELOCITY, d] += covariance / total * innovation
        motion[VARIANCE, d] = variance * uncertainty / total
        motion[COVARIANCE, d] = covariance * uncertainty / total
        motion[VELOCITY_VARIANCE, d] = max(motion[VELOCITY_VARIANCE, d] - covariance * covariance / total, 0.0)
        if d >= WIDTH and motion[MEAN, d] <= 0.0:  # rounding, between sides of very different size
            motion[MEAN, d] = measurement[d]


@jit
def box_of_motion(motion: Floats, box: Floats) -> None:
    """Writes the state's corners into `box` (4,)."""
    width, height = motion[MEAN, WIDTH], motion[MEAN, HEIGHT]
    box[0], box[1] = motion[MEAN, 0] - width / 2, motion[MEAN, 1] - height / 2
    box[2], box[3] = box[0] + width, box[1] + height


@jit
def stands(camera: Floats) -> bool:
    """Whether the camera (2, 3) does not move at all."""
    shifted = camera[0, 2] != 0.0 or camera[1, 2] != 0.0
    return not shifted and camera[0, 0] == 1.0 and camera[1, 1] == 1.0 and camera[0, 1] == 0.0 and camera[1, 0] == 0.0


@jit
def follow_camera(motion: Floats, camera: Floats) -> None:
    """The state in the pixels of the next frame: centres by the affine, velocities by its linear part.

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


@jit
def warp_box(box: Floats, camera: Floats) -> None:
    """A box (4,) in the pixels of the next frame: its centre by the affine, its sides by the root of the determinant."""
    scale = np.sqrt(camera[0, 0] * camera[1, 1] - camera[0, 1] * camera[1, 0])
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    width, height = (box[2] - box[0]) * scale, (box[3] - box[1]) * scale
    x, y = camera[0, 0] * x + camera[0, 1] * y + camera[0, 2], camera[1, 0] * x + camera[1, 1] * y + camera[1, 2]
    box[0], box[1], box[2], box[3] = x - width / 2, y - height / 2, x + width / 2, y + height / 2
