"""Counting lines and zones on a frame, with their numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from bytetrack.video.draw import Place, draw_chip, scale_of
from bytetrack.video.read import Image

__all__ = ["draw_left_out", "draw_lines", "draw_zones", "name_zones", "outside"]

LINE = (60, 200, 255)  # BGR, amber
ARROW = 60  # pixels of a 1080p frame
ZONE = (230, 190, 60)  # BGR, blue-green
BORDER = (170, 170, 170)  # BGR, of regions
LIGHT_LEFT = 0.7  # where nobody looks


def draw_lines(image: Image, lines: Mapping[str, Sequence[float]], texts: Mapping[str, str], taken: list[Place] | None = None) -> Image:
    """Draws each line `name: (x1, y1, x2, y2)` in place: ends, an arrow to its `in` side, its text beside those in `taken`."""
    taken = [] if taken is None else taken
    unit = scale_of(image)
    width = max(1, round(3 * unit))
    for name, (x1, y1, x2, y2) in lines.items():
        start, end = (round(x1), round(y1)), (round(x2), round(y2))
        cv2.line(image, start, end, (20, 20, 20), width + 2, cv2.LINE_AA)
        cv2.line(image, start, end, LINE, width, cv2.LINE_AA)
        for point in (start, end):
            cv2.circle(image, point, 2 * width, LINE, -1, cv2.LINE_AA)
        length = math.hypot(x2 - x1, y2 - y1) or 1.0
        across = (-(y2 - y1) / length, (x2 - x1) / length)  # to the right hand of someone who walks from (x1, y1) to (x2, y2)
        middle = ((x1 + x2) / 2, (y1 + y2) / 2)
        tip = (round(middle[0] + ARROW * unit * across[0]), round(middle[1] + ARROW * unit * across[1]))
        cv2.arrowedLine(image, (round(middle[0]), round(middle[1])), tip, LINE, width, cv2.LINE_AA, tipLength=0.4)
        draw_chip(image, texts.get(name, name), start[0], start[1] - 2 * width, LINE, unit, taken=taken)
    return image


def draw_zones(image: Image, zones: Mapping[str, npt.ArrayLike]) -> Image:
    """Draws each polygon `name: (n, 2)` as a tinted area with its border; in place."""
    unit = scale_of(image)
    for polygon in zones.values():
        points = _corners(polygon)
        (left, top), (right, bottom) = points.min(0).clip(0), points.max(0).clip(0) + 1
        part = image[top:bottom, left:right]
        if part.size:
            tinted = part.copy()
            cv2.fillPoly(tinted, [points - [left, top]], ZONE)
            cv2.addWeighted(tinted, 0.18, part, 0.82, 0, dst=part)
        cv2.polylines(image, [points], True, ZONE, max(1, round(2 * unit)), cv2.LINE_AA)
    return image


def outside(shape: tuple[int, ...], look_at: Iterable[npt.ArrayLike], leave_out: Iterable[npt.ArrayLike]) -> npt.NDArray[np.uint8]:
    """Returns a mask (H, W) of the pixels outside the polygons `look_at`, if there are any, and of those inside one of `leave_out`: 255."""
    looked, left = [_corners(polygon) for polygon in look_at], [_corners(polygon) for polygon in leave_out]
    mask = np.full(shape[:2], 255 if looked else 0, np.uint8)
    for polygon in looked:  # one by one: together their overlap would count as outside
        cv2.fillPoly(mask, [polygon], [0])
    for polygon in left:
        cv2.fillPoly(mask, [polygon], [255])
    return mask


def draw_left_out(image: Image, mask: npt.NDArray[np.uint8], borders: Iterable[npt.ArrayLike]) -> Image:
    """Darkens the pixels of `mask` a little, and draws the polygons `borders` as faint lines; in place."""
    cv2.copyTo(cv2.convertScaleAbs(image, alpha=LIGHT_LEFT), mask, image)
    cv2.polylines(image, [_corners(polygon) for polygon in borders], True, BORDER, 1, cv2.LINE_AA)
    return image


def _corners(polygon: npt.ArrayLike) -> npt.NDArray[np.int32]:
    return np.asarray(np.clip(np.asarray(polygon, float), -1e6, 1e6).round(), np.int32)


def name_zones(image: Image, zones: Mapping[str, npt.ArrayLike], texts: Mapping[str, str], taken: list[Place] | None = None) -> Image:
    """Writes each polygon's text at its first corner, beside those in `taken`, in place; to be called last."""
    taken = [] if taken is None else taken
    for name, polygon in zones.items():
        left, top = np.asarray(polygon, float).reshape(-1, 2)[0].round().astype(int).tolist()
        draw_chip(image, texts.get(name, name), left, top, ZONE, scale_of(image), taken=taken)
    return image
