"""The values that refining uses: trajectories of single identities, and the context of their sequence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from bytetrack.boxes import warp
from bytetrack.structures import SequenceDetections, Trajectories

__all__ = ["SequenceContext", "Trajectory", "join", "split", "warp_back"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class Trajectory:
    """Holds one identity, n boxes by frame: `frame_id` (n,) from 1, `tlwh` (n, 4) in pixels, `score` (n,), `class_id` (n,) or None."""

    track_id: int
    frame_id: Ints
    tlwh: Floats
    score: Floats
    class_id: Ints | None = None

    def __len__(self) -> int:
        return len(self.frame_id)

    @property
    def kind(self) -> int | None:
        """The class of its first box; None if there are no classes."""
        return None if self.class_id is None else int(self.class_id[0])

    def with_boxes(self, tlwh: Floats) -> Trajectory:
        return replace(self, tlwh=tlwh)

    def joined(self, *others: Trajectory) -> Trajectory:
        """Returns this trajectory joined with others, ordered by frame. No two of them share a frame."""
        parts = (self, *others)
        order = np.argsort(np.concatenate([part.frame_id for part in parts]), kind="stable")
        classes = [part.class_id for part in parts if part.class_id is not None]
        return Trajectory(
            self.track_id,
            np.concatenate([part.frame_id for part in parts])[order],
            np.concatenate([part.tlwh for part in parts])[order],
            np.concatenate([part.score for part in parts])[order],
            np.concatenate(classes)[order] if len(classes) == len(parts) else None,
        )


@dataclass(frozen=True, eq=False)
class SequenceContext:
    """Holds the data of a sequence besides its tracks. Parts that are None are not available; steps work without them.

    `camera_motion` (frames, 2, 3): affines, each from the previous frame. `detections`: all boxes of the detector.
    """

    camera_motion: Floats | None = None
    detections: SequenceDetections | None = None

    def motion(self, start: int, stop: int) -> Floats:
        """Returns affines (|stop - start| + 1, 3, 3) from frame `start` to each frame up to `stop`, forward or backward."""
        step = 1 if stop >= start else -1
        chain = [np.eye(3)]
        for frame_id, following in pairwise(range(start, stop + step, step)):
            if self.camera_motion is None:
                chain.append(chain[0])
                continue
            later = min(max(frame_id, following), len(self.camera_motion))
            affine = np.vstack([self.camera_motion[later - 1], [0.0, 0.0, 1.0]])
            chain.append((affine if step == 1 else np.linalg.inv(affine)) @ chain[-1])
        return np.array(chain)

    def seen_from(self, anchor: int, frame_id: Ints, xywh: Floats) -> Floats:
        """Moves boxes `xywh` (n, 4) of frames `frame_id` (n,), all before or all after `anchor`, to the pixels of frame `anchor`."""
        if self.camera_motion is None or not len(frame_id):
            return xywh
        furthest = int(frame_id[np.argmax(np.abs(frame_id - anchor))])
        there = self.motion(anchor, furthest)[np.abs(frame_id - anchor)]
        return warp_back(there, xywh)


def warp_back(affines: Floats, xywh: Floats) -> Floats:
    """Inverts `warp`."""
    return warp(np.asarray(np.linalg.inv(affines), np.float64), xywh)


def split(trajectories: Trajectories) -> list[Trajectory]:
    """Splits trajectories into one value per identity, ordered by id."""
    t = trajectories
    order = np.lexsort((t.frame_id, t.track_id))
    cuts = np.flatnonzero(np.diff(t.track_id[order])) + 1
    return [
        Trajectory(
            int(t.track_id[rows[0]]), t.frame_id[rows], t.tlwh[rows], t.score[rows], None if t.class_id is None else t.class_id[rows]
        )
        for rows in np.split(order, cuts)
        if len(rows)
    ]


def join(parts: Iterable[Trajectory]) -> Trajectories:
    """Joins trajectories into one value, ordered by frame, then id."""
    kept = list(parts)
    frame_id = np.concatenate([np.empty(0, np.int64), *(part.frame_id for part in kept)])
    track_id = np.repeat(np.array([part.track_id for part in kept], np.int64), [len(part) for part in kept])
    order = np.lexsort((track_id, frame_id))
    classes = [part.class_id for part in kept if part.class_id is not None]
    return Trajectories(
        frame_id[order],
        track_id[order],
        np.concatenate([np.empty((0, 4)), *(part.tlwh for part in kept)])[order],
        np.concatenate([np.empty(0), *(part.score for part in kept)])[order],
        np.concatenate(classes)[order] if kept and len(classes) == len(kept) else None,
    )
