"""Why a sequence has no tracks, or none of a class: said where it happens, as nothing else shows it but an empty file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["no_box_of", "why_nothing"]

STARTING = ("new_track_score", "high_score")  # what a detection must reach to start a track


def no_box_of(wanted: Iterable[str], found: Mapping[str, int]) -> str:
    """Returns a sentence on the `wanted` classes without a box, with the counts `found` of every class; empty if each has boxes.

    >>> no_box_of(["person", "zebra"], {"car": 12, "person": 40})
    'no box is of class zebra; found person 40, car 12'
    """
    missing = [name for name in wanted if not found.get(name)]
    counts = sorted(((name, number) for name, number in found.items() if number), key=lambda item: -item[1])
    there = f"; found {', '.join(f'{name} {number}' for name, number in counts)}" if counts else ""
    return f"no box is of class {' or '.join(missing)}{there}" if missing else ""


def why_nothing(settings: Mapping[str, Any], boxes: int, highest: float) -> str:
    """Returns a sentence on the threshold in the tracker's `settings` that none of the `boxes` reached; `highest` is their best score.

    >>> why_nothing({"high_score": 0.6, "new_track_score": 0.7}, 2912, 0.658)
    'no track was started: highest score 0.66, tracker.new_track_score is 0.7'
    """
    if not boxes:
        return "no box was detected"
    limits = {name: float(settings[name]) for name in STARTING if isinstance(settings.get(name), (int, float))}
    name = max(limits, key=lambda name: limits[name], default="")
    if name and highest <= limits[name]:
        shown = f"{highest:.2f}" if round(highest, 2) < limits[name] else f"{highest:.6g}"
        return f"no track was started: highest score {shown}, tracker.{name} is {limits[name]:g}"
    return f"no track is left of {boxes} boxes: none was confirmed by a second detection, or none passes min_box_area and max_aspect_ratio"
