"""CVAT's tracks before they are boxes: rectangles that may be turned, in two jobs where these overlap."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from bytetrack.boxes import iou, xyxy_from_tlwh

__all__ = ["SAME", "Placed", "Track", "joined_at_borders", "overlap", "upright"]

SAME = 0.5  # mean IoU from which two jobs' boxes are of one object

Placed = tuple[list[float], float, str]  # tlwh, score, where it is written


@dataclass
class Track:
    """One `<track>`: its boxes by frame, from 0."""

    track_id: int
    label: str
    boxes: dict[int, Placed]


def upright(tlwh: list[float], degrees: float) -> list[float]:
    """Returns the smallest upright box around one that is turned about its middle.

    >>> upright([0, 0, 4, 2], 90)
    [1.0, -1.0, 2.0, 4.0]
    """
    if degrees % 180 == 0:
        return tlwh
    left, top, width, height = tlwh
    sine, cosine = abs(math.sin(math.radians(degrees))), abs(math.cos(math.radians(degrees)))
    w, h = width * cosine + height * sine, width * sine + height * cosine
    return [round(value, 4) for value in (left + (width - w) / 2, top + (height - h) / 2, w, h)]


def overlap(first: list[float], second: list[float]) -> float:
    """Returns the IoU of two boxes."""
    return float(iou(xyxy_from_tlwh(np.array([first])), xyxy_from_tlwh(np.array([second])))[0, 0])


def joined_at_borders(tracks: list[Track], starts: list[int], stops: list[int]) -> tuple[list[Track], int, int]:
    """Joins tracks that end in a frame that two jobs share with those of the same label that begin there, on the same boxes.

    `starts` and `stops` are the jobs' first and last frames. Returns the tracks, how many were joined and how many boxes were doubled;
    of those the earlier job's is kept.
    """
    found, joined, doubled = [track for track in tracks if track.boxes], 0, 0
    for (_, stop), (start, _) in pairwise(sorted(zip(starts, stops, strict=False))):
        ending = [track for track in found if start <= max(track.boxes) <= stop]
        beginning = [track for track in found if start <= min(track.boxes) <= stop]
        pairs = [
            (_likeness(a, b), i, j) for i, a in enumerate(ending) for j, b in enumerate(beginning) if a is not b and a.label == b.label
        ]
        taken: set[int] = set()
        for likeness, i, j in sorted(pairs, key=lambda pair: -pair[0]):
            before, after = ending[i], beginning[j]
            if likeness < SAME or {id(before), id(after)} & taken:
                continue
            taken |= {id(before), id(after)}
            joined, doubled = joined + 1, doubled + len(before.boxes.keys() & after.boxes.keys())
            before.boxes = dict(sorted((after.boxes | before.boxes).items()))
            found = [track for track in found if track is not after]
    return found, joined, doubled


def _likeness(before: Track, after: Track) -> float:
    """Returns the mean IoU in the frames that both have; 0 if there are none."""
    shared = before.boxes.keys() & after.boxes.keys()
    return sum(overlap(before.boxes[frame][0], after.boxes[frame][0]) for frame in shared) / max(len(shared), 1)
