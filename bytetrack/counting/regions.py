"""Regions of the picture that are looked at, or left out: which boxes stand there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from bytetrack.counting.geometry import Floats, feet, misplaced, parse_zone, zone_distance

__all__ = ["Regions"]


class Regions:
    """Polygons that are looked at, and polygons that are left out of them; boxes belong where their foot points are.

    Without `look_at` the whole picture is looked at. The foot point is the middle of the bottom edge, as in counting. Polygons go by the
    even-odd rule; who stands exactly on a border is looked at.

    Args:
        look_at: `{name: [[x, y], ...]}` in pixels, as zones are written.
        leave_out: The same. Where both hold, it is left out.

    Raises:
        ValueError: A polygon has fewer than three points or no area, or has no name.
    """

    def __init__(self, look_at: Mapping[str, Any] | None = None, leave_out: Mapping[str, Any] | None = None) -> None:
        self.look_at, self.leave_out = _parsed(look_at, "regions.look_at"), _parsed(leave_out, "regions.leave_out")

    def __bool__(self) -> bool:
        """Returns False if the whole picture is looked at."""
        return bool(self.look_at or self.leave_out)

    def contain(self, xyxy: Floats) -> npt.NDArray[np.bool_]:
        """Returns which boxes (n, 4) stand where it is looked at, (n,).

        >>> square = [[0, 0], [100, 0], [100, 100], [0, 100]]
        >>> boxes = np.array([[40.0, 20, 60, 80], [40, 20, 60, 100], [40, 20, 60, 101]])  # in it, on its border, below
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
        """Returns a sentence for each polygon that lies outside a picture of that size and so does nothing."""
        looked = {f"region {name!r}": polygon for name, polygon in self.look_at.items()}
        left = {f"region {name!r}": polygon for name, polygon in self.leave_out.items()}
        return [
            *misplaced(looked, width, height, "nobody is tracked there"),
            *misplaced(left, width, height, "it leaves nobody out"),
        ]


def _parsed(polygons: Any, setting: str) -> dict[str, Floats]:
    if polygons is not None and not isinstance(polygons, Mapping):
        raise ValueError(f"{setting} must be polygons by name, {{name: [[x, y], ...]}}: got {polygons!r}")
    return {str(name): parse_zone(polygon, str(name), setting) for name, polygon in (polygons or {}).items()}
