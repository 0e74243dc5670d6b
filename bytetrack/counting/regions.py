"""Regions of the image in which objects are tracked or ignored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from bytetrack.boxes import feet
from bytetrack.counting.geometry import Floats, misplaced, parse_zone, zone_distance

__all__ = ["Regions"]


class Regions:
    """Selects boxes whose bottom centre is inside a polygon of `look_at`, and outside all polygons of `leave_out`.

    Without `look_at` the whole image counts. Polygons follow the even-odd rule; a point exactly on a border of `look_at` is inside.

    Args:
        look_at: `{name: [[x, y], ...]}` in pixels, in the format of zones.
        leave_out: The same; it takes precedence over `look_at`.

    Raises:
        ValueError: A polygon has fewer than three points or no area, or has no name.
    """

    def __init__(self, look_at: Mapping[str, Any] | None = None, leave_out: Mapping[str, Any] | None = None) -> None:
        self.look_at, self.leave_out = _parsed(look_at, "regions.look_at"), _parsed(leave_out, "regions.leave_out")

    def __bool__(self) -> bool:
        """Returns False if the whole picture is looked at."""
        return bool(self.look_at or self.leave_out)

    def contain(self, xyxy: Floats) -> npt.NDArray[np.bool_]:
        """Returns which boxes (n, 4) are selected, (n,).

        >>> square = [[0, 0], [100, 0], [100, 100], [0, 100]]
        >>> boxes = np.array([[40.0, 20, 60, 80], [40, 20, 60, 100], [40, 20, 60, 101]])  # inside, on the border, below
        >>> Regions(look_at={"pitch": square}).contain(boxes)
        array([ True,  True, False])
        """
        foot, seen = feet(xyxy), np.full(len(xyxy), not self.look_at)
        for polygon in self.look_at.values():
            seen |= zone_distance(foot, polygon) >= 0
        for polygon in self.leave_out.values():
            seen &= zone_distance(foot, polygon) <= 0
        return seen

    def misplaced(self, width: int, height: int) -> list[str]:
        """Returns a sentence for each polygon outside an image of that size, which therefore has no effect."""
        looked = {f"region {name!r}": polygon for name, polygon in self.look_at.items()}
        left = {f"region {name!r}": polygon for name, polygon in self.leave_out.items()}
        return [
            *misplaced(looked, width, height, "nothing is tracked there"),
            *misplaced(left, width, height, "it excludes nothing"),
        ]


def _parsed(polygons: Any, setting: str) -> dict[str, Floats]:
    if polygons is not None and not isinstance(polygons, Mapping):
        raise ValueError(f"{setting} must be polygons by name, {{name: [[x, y], ...]}}: got {polygons!r}")
    return {str(name): parse_zone(polygon, str(name), setting) for name, polygon in (polygons or {}).items()}
