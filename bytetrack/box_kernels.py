"""Box arithmetic for compiled kernels, one pair of boxes at a time; `boxes.py` has it for arrays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bytetrack.runtime.compilation import jit

__all__ = ["area_of", "iou_of", "shared_area_of"]

Floats = npt.NDArray[np.float64]


@jit
def area_of(box: Floats) -> float:
    """Returns the area of a box xyxy."""
    return float((box[2] - box[0]) * (box[3] - box[1]))


@jit
def shared_area_of(first: Floats, second: Floats) -> float:
    """Returns the area that two boxes xyxy share; further columns are not read."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    return float(max(width, 0.0) * max(height, 0.0))


@jit
def iou_of(first: Floats, second: Floats) -> float:
    """Returns the IoU of two boxes xyxy, of which one has an area."""
    shared = shared_area_of(first, second)
    return float(shared / (area_of(first) + area_of(second) - shared))
