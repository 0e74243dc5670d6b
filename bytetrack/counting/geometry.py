"""Points against lines, polygons and the ground, for n points at once. Pixels; y points down, as in pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "Floats",
    "cross",
    "ground_from_image",
    "line_distance",
    "misplaced",
    "misses",
    "parse_homography",
    "parse_line",
    "parse_zone",
    "passes_between",
    "zone_distance",
]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def cross(a: Floats, b: Floats) -> Floats:
    """Returns z of the cross product of plane vectors (..., 2)."""
    return np.asarray(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0])


def line_distance(points: Floats, lines: Floats) -> Floats:
    """Returns the signed distance of points (n, 2) from the infinite lines through the segments (k, 4): (n, k).

    Positive on the right hand of someone who walks on the picture from (x1, y1) to (x2, y2).

    >>> line_distance(np.array([[5.0, 3.0]]), np.array([[0.0, 0.0, 10.0, 0.0]]))  # walks right, the point lies below
    array([[3.]])
    """
    along = lines[:, 2:] - lines[:, :2]
    return np.asarray(cross(along, points[:, None] - lines[:, :2]) / np.hypot(along[:, 0], along[:, 1]))


def passes_between(left: Floats, right: Floats, lines: Floats) -> Bools:
    """Returns if the step between `left` and `right` (..., 2), on either side of the line through each segment (..., 4), cuts the
    segment itself: the segment's ends lie on different sides of the step.

    An end point that lies exactly on the step always goes to the same side, so that of two segments which share it exactly one
    is cut, in both directions of time.
    """
    step = right - left
    return np.asarray((cross(step, lines[..., :2] - left) >= 0) != (cross(step, lines[..., 2:] - left) >= 0))


def misses(shape: Floats, width: int, height: int) -> bool:
    """Returns True if no point of a segment (2, 2), or of a polygon (k, 2) and what it encloses, lies in a picture.

    >>> misses(np.array([[1000.0, 0.0], [500.0, 720.0]]), 640, 360)  # passes by the lower right corner
    True
    """
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], float)
    if (shape.max(0) < 0).any() or (shape.min(0) > corners[2]).any():
        return True
    if len(shape) > 2:
        edges = np.stack([shape, np.roll(shape, -1, axis=0)], axis=1)
        edges = edges[(edges[:, 0] != edges[:, 1]).any(axis=1)]  # a point that is given twice has none
        return bool(zone_distance(corners[:1], shape)[0] <= 0 and all(misses(edge, width, height) for edge in edges))
    sides = line_distance(corners, shape.reshape(1, 4))
    return bool((sides > 0).all() or (sides < 0).all())


def misplaced(shapes: Mapping[str, Floats], width: int, height: int, so: str) -> list[str]:
    """Returns a sentence for each segment (2, 2) or polygon (k, 2) that lies outside a picture of that size; `so` is what follows from it.

    >>> misplaced({"zone 'door'": np.array([[700.0, 0.0], [800, 0], [800, 90]])}, 640, 360, "nothing is counted there")
    ["zone 'door' lies outside the picture (640x360), so nothing is counted there: coordinates are pixels"]
    """
    wrong = {name: "lies outside the picture" for name, shape in shapes.items() if misses(shape, width, height)}
    wrong |= {name: "lies within one pixel of the picture" for name, shape in shapes.items() if shape.min() >= 0 and shape.max() <= 1}
    return [f"{name} {how} ({width}x{height}), so {so}: coordinates are pixels" for name, how in wrong.items()]


def zone_distance(points: Floats, zone: Floats) -> Floats:
    """Returns distances (n,) of points (n, 2) from the border of the polygon (k, 2), positive inside by the even-odd rule."""
    starts, ends = zone, np.roll(zone, -1, axis=0)
    edge, offset = ends - starts, points[:, None] - starts
    length2 = (edge**2).sum(1)
    along = np.clip((offset * edge).sum(2) / np.where(length2 > 0, length2, 1), 0, 1)
    nearest = offset - along[..., None] * edge
    distance = np.sqrt((nearest**2).sum(2).min(1))
    y = points[:, 1, None]
    spans = (starts[:, 1] > y) != (ends[:, 1] > y)
    rise = np.where(edge[:, 1] != 0, edge[:, 1], 1)
    at = starts[:, 0] + (y - starts[:, 1]) / rise * edge[:, 0]
    inside = (spans & (points[:, 0, None] < at)).sum(1) % 2 == 1
    return np.asarray(np.where(inside, distance, -distance))


def ground_from_image(points: Floats, homography: Floats) -> Floats:
    """Returns positions on the ground in metres (n, 2) of image points (n, 2) below the horizon; NaN on it."""
    homogeneous = np.column_stack([points, np.ones(len(points))]) @ homography.T
    w = homogeneous[:, 2:]
    return np.asarray(np.divide(homogeneous[:, :2], w, out=np.full((len(points), 2), np.nan), where=np.abs(w) > 1e-9))


def parse_line(line: Sequence[Any], number: int) -> tuple[Floats, str]:
    """Parses `[x1, y1, x2, y2, name]`, the name optional, into an array (4,) and a name; ValueError for anything else."""
    try:
        if len(line) not in (4, 5):
            raise TypeError
        ends = np.array([float(value) for value in line[:4]])
    except (TypeError, ValueError):
        raise ValueError(f"lines[{number}] must be [x1, y1, x2, y2, name]: got {line!r}") from None
    if not np.isfinite(ends).all() or math.dist(ends[:2].tolist(), ends[2:].tolist()) == 0:
        raise ValueError(f"lines[{number}] needs two different points: got {list(line)}")
    return ends, str(line[4]) if len(line) == 5 else f"line{number + 1}"


def parse_zone(zone: Any, name: str, setting: str = "zones") -> Floats:
    """Parses a polygon (k, 2) of at least three points with an area inside; ValueError, which names `setting`, for anything else."""
    try:
        points = np.array(zone, dtype=np.float64)
    except (TypeError, ValueError):
        points = np.empty(0)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < 3 or not np.isfinite(points).all():
        raise ValueError(f"{setting}[{name!r}] must be at least three points [[x, y], ...]: got {zone!r}")
    if np.linalg.matrix_rank(points - points[0]) < 2:
        raise ValueError(f"{setting}[{name!r}] has no area: its points lie on one line")
    return points


def parse_homography(homography: npt.ArrayLike) -> Floats:
    """Parses the matrix (3, 3) from image pixels to metres on the ground; ValueError if it is singular or misshapen."""
    matrix = np.array(homography, dtype=np.float64)
    if matrix.shape != (3, 3) or not np.isfinite(matrix).all() or np.linalg.matrix_rank(matrix) < 3:
        raise ValueError(f"homography must be an invertible 3x3 matrix from image pixels to metres: got {np.asarray(homography).tolist()}")
    return matrix
