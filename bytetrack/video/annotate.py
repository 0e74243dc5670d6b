"""A sequence's frames with its tracks on them, as a video: one run, or two beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from bytetrack.boxes import xyxy_from_tlwh
from bytetrack.structures import Sequence, Trajectories
from bytetrack.video.draw import FILLED_MARK, LOW_SCORE_MARK, Trails, draw_boxes, draw_legend, draw_trails, filled_and_low
from bytetrack.video.read import Image, frames
from bytetrack.video.write import VideoWriter

__all__ = ["AnnotateJob", "Pane", "annotate"]


@dataclass(frozen=True, eq=False)
class Pane:
    """One run's picture of the sequence: what is written above it, and its trajectories."""

    title: str
    trajectories: Trajectories


def annotate(sequence: Sequence, panes: list[Pane], path: Path, high_score: float, scale: float = 1.0, trail: int = 25) -> Path:
    """Writes `path` (.mp4): every frame `scale` times larger, once for each of `panes`, side by side; returns `path`.

    Boxes whose score lies below `high_score` are dashed: there the tracker's second association kept the identity. `trail` frames of
    each path are shown. MissingDataError for a sequence without images.
    """
    if not panes or scale <= 0:
        raise ValueError(f"annotate needs at least one pane and a scale above 0: got {len(panes)} and {scale}")
    trails, seen = [Trails(trail) for _ in panes], [set[int]() for _ in panes]
    marks = [_marks(pane.trajectories.score, high_score) for pane in panes]
    letters = 1.0 if len(panes) == 1 else 1.8  # side by side they are looked at smaller
    with VideoWriter(path, sequence.frame_rate, threads=1) as video:
        for frame_id, image in enumerate(frames(sequence), 1):
            size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
            large = image if scale == 1 else np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC), np.uint8)
            pictures = [
                _picture(large, frame_id, scale, high_score, letters, *parts) for parts in zip(panes, marks, trails, seen, strict=True)
            ]
            gap = np.full((size[1], 4, 3), 255, np.uint8)
            joined = [part for picture in pictures for part in (gap, picture)][1:]
            video.write(np.concatenate(joined, axis=1) if len(joined) > 1 else joined[0])
    return path


def _picture(
    image: Image,
    frame_id: int,
    scale: float,
    high_score: float,
    letters: float,
    pane: Pane,
    marks: list[str],
    trails: Trails,
    seen: set[int],
) -> Image:
    rows = pane.trajectories.rows_of(frame_id)
    xyxy, ids = xyxy_from_tlwh(pane.trajectories.tlwh[rows]) * scale, pane.trajectories.track_id[rows]
    filled, low = filled_and_low(pane.trajectories.score[rows], high_score)
    seen.update(ids.tolist())
    canvas = draw_trails(image, trails.update(xyxy, ids))
    draw_boxes(canvas, xyxy, ids, recovered=low, size=letters, out=canvas, thin=filled)
    lines = [pane.title, f"{len(ids):2d} tracked, {len(seen):3d} identities so far"]
    return draw_legend(canvas, lines, marks, size=letters, out=canvas)


def _marks(score: npt.NDArray[np.float64], high_score: float) -> list[str]:
    """Returns the legend's marks for boxes of these scores (n,)."""
    filled, low = filled_and_low(score, high_score)
    return [*([LOW_SCORE_MARK] if low.any() else []), *([FILLED_MARK] if filled.any() else [])]


@dataclass(frozen=True, eq=False)
class AnnotateJob:
    """`annotate` for the sequences of a dataset: what to show of each by its name, and the folder of the videos.

    Pictures are `scale` times larger, three quarters of that where several stand side by side.
    """

    panes: Mapping[str, list[Pane]]
    folder: Path
    high_score: float
    scale: float = 1.0

    def __call__(self, sequence: Sequence) -> Path:
        panes = self.panes[sequence.name]
        scale = self.scale * (0.75 if len(panes) > 1 else 1)
        return annotate(sequence, panes, self.folder / f"{sequence.name}.mp4", self.high_score, scale)
