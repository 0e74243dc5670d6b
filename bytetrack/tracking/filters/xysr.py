"""State layout of SORT and OC-SORT: centre x, centre y, area s, aspect ratio r = w/h, which has no velocity.

Bewley et al., Simple Online and Realtime Tracking, ICIP 2016, "Estimation Model"; the constants of its published code.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bytetrack.runtime.compilation import jit
from bytetrack.tracking.filters.kalman import MEAN, VELOCITY, correct_coordinate, predict_coordinate, start_coordinate

__all__ = ["correct", "predict", "start", "write_box"]

Floats = npt.NDArray[np.float64]

AREA, ASPECT = 2, 3


@jit
def measured(box: Floats) -> tuple[float, float, float, float]:
    """Returns centre x, centre y, area and aspect ratio of a box (4,) with area."""
    width, height = box[2] - box[0], box[3] - box[1]
    return box[0] + width / 2, box[1] + height / 2, width * height, width / height


@jit
def start(motion: Floats, box: Floats) -> None:
    """Starts a track at `box`; its velocities are unknown ("large values")."""
    measurement = measured(box)
    for d in range(4):
        start_coordinate(motion, d, measurement[d], 10.0, 0.0 if d == ASPECT else 1e4)


@jit
def predict(motion: Floats, dt: float) -> None:
    """Predicts the state `dt` frames ahead; an area that would vanish stops changing."""
    if motion[MEAN, AREA] + dt * motion[VELOCITY, AREA] <= 0.0:
        motion[VELOCITY, AREA] = 0.0
    for d in range(4):
        predict_coordinate(motion, d, dt, 1.0, 0.0 if d == ASPECT else 1e-4 if d == AREA else 1e-2)


@jit
def correct(motion: Floats, box: Floats) -> None:
    """Corrects the state by the detection `box`: areas and aspect ratios are measured less exactly than centres."""
    measurement = measured(box)
    for d in range(4):
        correct_coordinate(motion, d, measurement[d], 1.0 if d < AREA else 10.0)


@jit
def write_box(motion: Floats, box: Floats) -> None:
    """Writes the state's corners into `box` (4,)."""
    width = np.sqrt(motion[MEAN, AREA] * motion[MEAN, ASPECT])
    height = motion[MEAN, AREA] / width
    box[0], box[1] = motion[MEAN, 0] - width / 2, motion[MEAN, 1] - height / 2
    box[2], box[3] = motion[MEAN, 0] + width / 2, motion[MEAN, 1] + height / 2
