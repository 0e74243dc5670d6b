"""Draws the demo's overlay: boxes, trails, counts and optional layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from bytetrack.counting import Regions
from bytetrack.names import class_name
from bytetrack.structures import Detections, Tracks
from bytetrack.video.draw import (
    FILLED_MARK,
    LOW_SCORE_MARK,
    Place,
    Trails,
    blur_boxes,
    draw_boxes,
    draw_heat,
    draw_legend,
    draw_trails,
    filled_and_low,
)
from bytetrack.video.draw_regions import draw_left_out, draw_lines, draw_zones, name_zones, outside
from bytetrack.video.read import Image

__all__ = ["Painter"]

HEAT_CELL = 8  # pixels
WALK = 3.0  # times its width a second that someone may have moved who was not tracked: what is blurred grows by it
PEOPLE = ("person", "pedestrian", "head", "face")  # what blur is for


@dataclass
class Painter:
    """Draws one source's frames, in order.

    `trail` frames of each identity's path (0: none); `scores`, `classes` on the labels; `legend` with the counts; `blur` `people` or
    `heads`: every detection of a person (of anything, where no class is called so), tracked or not, and the lost where they may be;
    `heat` where people have been so far; `lost`: boxes of lost tracks, dotted. Boxes whose score lies below `high_score` are dashed:
    BYTE kept them alive with a low-score detection. What lies outside `regions` is darkened. `every` so many frames the detector looks at
    one; boxes in the others are thin.
    """

    class_names: Sequence[str]
    high_score: float
    trail: int = 30
    scores: bool = False
    classes: bool = False
    legend: bool = True
    blur: Literal["people", "heads"] | None = None
    heat: bool = False
    lost: bool = False
    lines: Mapping[str, Sequence[float]] = field(default_factory=dict)
    zones: Mapping[str, npt.ArrayLike] = field(default_factory=dict)
    regions: Regions = field(default_factory=Regions)
    every: int = 1

    def __post_init__(self) -> None:
        if self.blur not in (None, "people", "heads"):
            raise ValueError(f"draw.blur must be people, heads or null: got {self.blur!r}")
        self._trails: Trails | None = None
        self._warmth: npt.NDArray[np.float32] | None = None
        self._shape: tuple[int, ...] = ()
        self._left_out: npt.NDArray[np.uint8] | None = None

    @property
    def wants_lost(self) -> bool:
        """True if lost tracks are drawn or blurred."""
        return self.lost or self.blur is not None

    def __call__(
        self,
        image: Image,
        tracks: Tracks,
        counts: Mapping[str, Any],
        lost: Tracks | None = None,
        detections: Detections | None = None,
        since: float | None = None,
    ) -> Image:
        """Draws into `image` and returns it.

        `since`: seconds since the detector looked, if it did not look at this frame: `tracks` are predicted, `lost` and `detections` those
        of then, and blurred as far around as one can walk in that time.
        """
        if image.shape != self._shape:  # the first frame, or a new size, in which old places mean nothing
            self._shape, self._warmth, self._left_out = image.shape, None, None
            self._trails = Trails(self.trail) if self.trail > 0 else None
        filled, low = filled_and_low(tracks.score, self.high_score)
        thin = filled | (since is not None)
        if self.blur is not None:
            blur_boxes(image, tracks.xyxy[self._people(tracks)], head_only=self.blur == "heads", out=image)
            for boxes in (lost, detections):
                if boxes is not None:
                    people = boxes.xyxy[self._people(boxes)]
                    blur_boxes(image, people, head_only=self.blur == "heads", out=image, around=WALK * (since or 0.0))
        if self.regions:
            self._darken(image)
        if self.heat:
            draw_heat(image, self._warm(image, tracks), out=image)
        draw_zones(image, self.zones)
        if self._trails is not None:
            draw_trails(image, self._trails.update(tracks.xyxy, tracks.track_id), out=image)
        if self.lost and lost is not None and len(lost):
            draw_boxes(image, lost.xyxy, lost.track_id, lost=np.ones(len(lost), bool), out=image)
        draw_boxes(image, tracks.xyxy, tracks.track_id, self._labels(tracks), recovered=low, out=image, thin=thin)
        taken: list[Place] = []
        draw_lines(image, self.lines, {name: _line_text(name, counts) for name in self.lines}, taken)
        name_zones(image, self.zones, {name: _zone_text(name, counts) for name in self.zones}, taken)
        if self.legend:
            marks = [f"thin: predicted, 1 frame in {self.every} is detected"] if self.every > 1 else [FILLED_MARK] if filled.any() else []
            marks += [LOW_SCORE_MARK] if low.any() else []
            marks += ["dotted: lost, where it may be"] if self.lost and lost is not None and len(lost) else []
            draw_legend(image, [_total_text(self.class_names, tracks)], marks, out=image)
        return image

    def _darken(self, image: Image) -> None:
        """Darkens what lies outside the regions."""
        look_at, leave_out = self.regions.look_at.values(), self.regions.leave_out.values()
        if self._left_out is None:
            self._left_out = outside(image.shape, look_at, leave_out)
        draw_left_out(image, self._left_out, [*look_at, *leave_out])

    def _people(self, boxes: Tracks | Detections) -> npt.NDArray[np.bool_]:
        """Selects the boxes of people; all boxes if no class is called so."""
        people = [number for number, name in enumerate(self.class_names) if name in PEOPLE]
        if boxes.class_id is None or not people:
            return np.ones(len(boxes), bool)
        return np.isin(boxes.class_id, people)

    def _labels(self, tracks: Tracks) -> list[str]:
        labels = [str(i) for i in tracks.track_id.tolist()]
        if self.classes:
            ids = [None] * len(tracks) if tracks.class_id is None else tracks.class_id.tolist()
            labels = [f"{label} {class_name(self.class_names, i)}" for label, i in zip(labels, ids, strict=True)]
        if self.scores:
            labels = [f"{label} {score:.2f}" for label, score in zip(labels, tracks.score.tolist(), strict=True)]
        return labels

    def _warm(self, image: Image, tracks: Tracks) -> npt.NDArray[np.float32]:
        """Adds the feet of all tracks to the heat map, and returns it."""
        shape = (-(-image.shape[0] // HEAT_CELL), -(-image.shape[1] // HEAT_CELL))
        if self._warmth is None:
            self._warmth = np.zeros(shape, np.float32)
        for left, _, right, bottom in (tracks.xyxy / HEAT_CELL).tolist():
            radius = max(1, round((right - left) / 2))
            spot = np.zeros(shape, np.float32)
            cv2.circle(spot, (round((left + right) / 2), round(bottom)), radius, 1.0, -1)
            self._warmth += spot
        return np.asarray(cv2.GaussianBlur(self._warmth, (0, 0), 2), np.float32)


def _total_text(class_names: Sequence[str], tracks: Tracks) -> str:
    """Returns the number of tracks of each class: `person 3, car 2`."""
    if tracks.class_id is None:
        return f"{class_name(class_names, None)} {len(tracks)}"
    ids, numbers = np.unique(tracks.class_id, return_counts=True)
    return ", ".join(f"{class_name(class_names, int(i))} {n}" for i, n in zip(ids, numbers, strict=True)) or "nothing"


def _line_text(name: str, counts: Mapping[str, Any]) -> str:
    line = counts.get("lines", {}).get(name, {})
    return f"{name}  in {sum(line.get('in', {}).values())}  out {sum(line.get('out', {}).values())}"


def _zone_text(name: str, counts: Mapping[str, Any]) -> str:
    zone = counts.get("zones", {}).get(name, {})
    return f"{name}  now {sum(zone.get('present', {}).values())}  visitors {sum(zone.get('visitors', {}).values())}"
