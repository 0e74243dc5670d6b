"""Box arithmetic on arrays of shape (..., 4): the only module that converts box formats.

`xyxy` is left, top, right, bottom in pixels; `tlwh` is left, top, width, height (as in MOT files); `xyah` is centre x,
centre y, aspect ratio w/h, height (the state of BYTE's Kalman filter); `xywh` is centre x, centre y, width, height.
Converters name the target first: `xyxy = xyxy_from_tlwh(tlwh)`. No converter changes its input.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = [
    "are_corners",
    "are_fractions",
    "area",
    "clip",
    "feet",
    "intersection",
    "iou",
    "letterbox_ratio",
    "may_be_corners",
    "passing",
    "tlwh_from_xywh",
    "tlwh_from_xyxy",
    "warp",
    "xyah_from_xyxy",
    "xywh_from_tlwh",
    "xywh_from_xyxy",
    "xyxy_from_tlwh",
    "xyxy_from_xyah",
    "xyxy_from_xywh",
]

Floats = npt.NDArray[np.float64]


def passing(tlwh: npt.ArrayLike, min_box_area: float | None, max_aspect_ratio: float | None) -> npt.NDArray[np.bool_]:
    """Returns which boxes (n, 4) pass the filter: area > `min_box_area`, width / height <= `max_aspect_ratio`; None disables a limit.

    Raises ValueError for NaN, infinity and ratios that are not positive, which would reject or accept every box.
    """
    boxes = np.asarray(tlwh, dtype=np.float64).reshape(-1, 4)
    keep = np.ones(len(boxes), dtype=bool)
    for name, limit, least in (("min_box_area", min_box_area, -np.inf), ("max_aspect_ratio", max_aspect_ratio, 0.0)):
        number = isinstance(limit, int | float | np.integer | np.floating) and not isinstance(limit, bool)
        if limit is not None and not (number and np.isfinite(limit) and limit > least):
            raise ValueError(f"{name} must be a {'positive' if least == 0 else 'finite'} number, or null for none: got {limit!r}")
    if min_box_area is not None:
        keep &= boxes[:, 2] * boxes[:, 3] > min_box_area
    if max_aspect_ratio is not None:
        keep &= boxes[:, 2] <= max_aspect_ratio * boxes[:, 3]
    return keep


def are_fractions(tlwh: npt.ArrayLike) -> bool:
    """Returns True if boxes (n, 4) are fractions of the image: no box is larger than a pixel, and all lie near the first pixel.

    >>> are_fractions([[0.25, 0.4, 0.1, 0.3]]), are_fractions([[0.25, 0.4, 10, 30]]), are_fractions([])
    (True, False, False)
    """
    boxes = np.asarray(tlwh, dtype=np.float64).reshape(-1, 4)
    size = boxes[:, 2:]
    return bool((size <= 1).all() and (np.abs(boxes[:, :2]) <= 1.5).all() and ((size > 0) & (size < 1)).all(axis=1).any())


def are_corners(tlwh: npt.ArrayLike, width: npt.ArrayLike, height: npt.ArrayLike) -> bool:
    """Returns True if the last two columns of at least 20 boxes are right and bottom edges instead of width and height.

    This is the case if all of them lie beyond left and top, and if a third of the boxes, read as sizes, would exceed the image by a tenth
    of its side or more. `width` and `height` are the image's, or one value per box.

    >>> people = np.array([[600, 200, 30, 80], [60, 220, 40, 90]] * 10)
    >>> are_corners(xyxy_from_tlwh(people), 768, 576), are_corners(people, 768, 576)
    (True, False)
    """
    return len(np.asarray(tlwh).reshape(-1, 4)) >= 20 and _leave_the_image(tlwh, width, height)


def may_be_corners(tlwh: npt.ArrayLike, width: npt.ArrayLike, height: npt.ArrayLike) -> bool:
    """Tells boxes that are likely corners, but too few, or too far from the right and bottom edges, for `are_corners` to be sure.

    All of them have their last two columns beyond the first two, and read as sizes a third leave the image, or, for five boxes or
    more, sizes grow with left and top as no sizes do: correlated above 0.95 on every side on which they move.

    >>> people = np.array([[100, 20, 30, 80], [60, 50, 28, 76], [210, 30, 33, 90], [160, 90, 31, 82], [20, 120, 30, 79]])
    >>> may_be_corners(xyxy_from_tlwh(people), 768, 576), may_be_corners(people, 768, 576)
    (True, False)
    """
    boxes = np.asarray(tlwh, dtype=np.float64).reshape(-1, 4)
    if _leave_the_image(boxes, width, height):
        return True
    if len(boxes) < 5 or not (boxes[:, 2:] > boxes[:, :2]).all():
        return False
    moving = [side for side in (0, 1) if min(boxes[:, side].std(), boxes[:, side + 2].std()) >= 1]
    return bool(moving) and all(np.corrcoef(boxes[:, side], boxes[:, side + 2])[0, 1] > 0.95 for side in moving)


def _leave_the_image(boxes: npt.ArrayLike, width: npt.ArrayLike, height: npt.ArrayLike) -> bool:
    """Tells if all boxes (n, 4), n > 0, have their last two columns beyond the first two, and as sizes lead a third out of the image."""
    corners = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    if not len(corners) or not (corners[:, 2:] > corners[:, :2]).all():
        return False
    beyond = corners[:, :2] + corners[:, 2:] > 1.1 * np.stack([width, height], axis=-1)
    return bool(beyond.any(axis=1).mean() >= 1 / 3)


def letterbox_ratio(shape: tuple[int, ...], size: tuple[int, int]) -> float:
    """Returns by how much an image of `shape` (H, W, …) is scaled to be as large as `size` (height, width) holds, with its proportions.

    >>> letterbox_ratio((1080, 1920, 3), (800, 1440))
    0.7407407407407407
    """
    return min(size[0] / shape[0], size[1] / shape[1])


def feet(xyxy: Floats) -> Floats:
    """Returns the foot points (n, 2) of boxes (n, 4): the middle of the bottom edge.

    >>> feet(np.array([[10.0, 20, 30, 80]]))
    array([[20., 80.]])
    """
    return np.column_stack([(xyxy[:, 0] + xyxy[:, 2]) / 2, xyxy[:, 3]]).reshape(-1, 2)


def xyxy_from_tlwh(tlwh: npt.ArrayLike) -> Floats:
    """Converts left, top, width, height to corners.

    >>> xyxy_from_tlwh([[10, 20, 30, 40]])
    array([[10., 20., 40., 60.]])
    """
    boxes = np.array(tlwh, dtype=np.float64)
    boxes[..., 2:] += boxes[..., :2]
    return boxes


def tlwh_from_xyxy(xyxy: npt.ArrayLike) -> Floats:
    """Converts corners to left, top, width, height."""
    boxes = np.array(xyxy, dtype=np.float64)
    boxes[..., 2:] -= boxes[..., :2]
    return boxes


def xywh_from_tlwh(tlwh: npt.ArrayLike) -> Floats:
    """Converts left, top, width, height to centre, width, height."""
    boxes = np.array(tlwh, dtype=np.float64)
    boxes[..., :2] += boxes[..., 2:] / 2
    return boxes


def tlwh_from_xywh(xywh: npt.ArrayLike) -> Floats:
    """Converts centre, width, height to left, top, width, height."""
    boxes = np.array(xywh, dtype=np.float64)
    boxes[..., :2] -= boxes[..., 2:] / 2
    return boxes


def xywh_from_xyxy(xyxy: npt.ArrayLike) -> Floats:
    """Converts corners to centre, width, height."""
    return xywh_from_tlwh(tlwh_from_xyxy(xyxy))


def xyxy_from_xywh(xywh: npt.ArrayLike) -> Floats:
    """Converts centre, width, height to corners."""
    return xyxy_from_tlwh(tlwh_from_xywh(xywh))


def xyah_from_xyxy(xyxy: npt.ArrayLike) -> Floats:
    """Converts corners to centre, aspect ratio w/h, height; the height must not be zero."""
    boxes = xywh_from_xyxy(xyxy)
    boxes[..., 2] /= boxes[..., 3]
    return boxes


def xyxy_from_xyah(xyah: npt.ArrayLike) -> Floats:
    """Converts centre, aspect ratio w/h, height to corners."""
    boxes = np.array(xyah, dtype=np.float64)
    boxes[..., 2] *= boxes[..., 3]
    return xyxy_from_xywh(boxes)


def warp(affines: Floats, xywh: Floats) -> Floats:
    """Moves boxes (n, 4) by affines (n, 2 or 3, 3), or by one (1, 2 or 3, 3): scales sides by the square root of the determinant."""
    centre = np.einsum("nij,nj->ni", affines[:, :2, :2], xywh[:, :2]) + affines[:, :2, 2]
    return np.hstack([centre, xywh[:, 2:] * np.sqrt(np.abs(np.linalg.det(affines[:, :2, :2])))[:, None]])


def area(xyxy: npt.ArrayLike) -> Floats:
    """Returns areas in square pixels, shape (...); zero for inverted boxes."""
    boxes = np.asarray(xyxy, dtype=np.float64)
    return np.asarray(np.clip(boxes[..., 2] - boxes[..., 0], 0, None) * np.clip(boxes[..., 3] - boxes[..., 1], 0, None))


def clip(xyxy: npt.ArrayLike, width: float, height: float) -> Floats:
    """Clips corners to an image of `width` x `height` pixels."""
    boxes = np.array(xyxy, dtype=np.float64)
    boxes[..., 0::2] = boxes[..., 0::2].clip(0, width)
    boxes[..., 1::2] = boxes[..., 1::2].clip(0, height)
    return boxes


def intersection(first: npt.ArrayLike, second: npt.ArrayLike, border: float = 0.0) -> Floats:
    """Returns the intersection area of each box of `first` (n, 4) with each box of `second` (m, 4), both xyxy: shape (n, m).

    `border` is added to the width and height of the intersection.

    >>> intersection([[0, 0, 10, 10]], [[5, 0, 15, 10], [10, 0, 20, 10]])
    array([[50.,  0.]])
    """
    a = np.asarray(first, dtype=np.float64).reshape(-1, 1, 4)
    b = np.asarray(second, dtype=np.float64).reshape(1, -1, 4)
    size = np.clip(np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]) + border, 0, None)
    return np.asarray(size[..., 0] * size[..., 1])


def iou(first: npt.ArrayLike, second: npt.ArrayLike, plus_one: bool = False) -> Floats:
    """Returns the intersection over union of each box of `first` (n, 4) with each box of `second` (m, 4), both xyxy: shape (n, m).

    Boxes without area overlap nothing: 0, never NaN. `plus_one` counts both border pixels (w = x2 - x1 + 1), as the published code's
    cython_bbox does; a box without area is then one pixel wide.

    >>> iou([[0, 0, 10, 10]], [[5, 0, 15, 10], [10, 0, 20, 10]]).round(3)
    array([[0.333, 0.   ]])
    """
    a = np.asarray(first, dtype=np.float64).reshape(-1, 1, 4)
    b = np.asarray(second, dtype=np.float64).reshape(1, -1, 4)
    border = 1.0 if plus_one else 0.0
    shared = intersection(a, b, border)
    area_a = np.prod(a[..., 2:] - a[..., :2] + border, axis=-1)
    area_b = np.prod(b[..., 2:] - b[..., :2] + border, axis=-1)
    union = area_a + area_b - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=(shared > 0) & (union > 0)))
