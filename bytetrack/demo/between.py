"""Frames that the detector leaves out: which they are, and where the tracks are thought to be in them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bytetrack.boxes import warp, xywh_from_xyxy, xyxy_from_xywh
from bytetrack.checks import check_every
from bytetrack.structures import Tracks
from bytetrack.video.source import Frame

__all__ = ["NO_TRACKS", "Between", "DetectionSchedule", "carried", "chained", "moved"]

Floats = npt.NDArray[np.float64]

NO_TRACKS = Tracks(np.empty((0, 4)), np.empty(0, np.int64), np.empty(0), None, np.empty(0, np.int64))
LONGEST = 1.0  # seconds that a box moves on, or as long as the step before took, if that is longer
SMALLEST = 0.5  # of its width and height: what a box that gets smaller keeps


class DetectionSchedule:
    """Decides for each frame, in order, if the detector runs on it: on the first, and on every `every`-th from there on.

    After a gap longer than `memory` seconds and at a new image size, where tracking restarts, it runs at once and counts from there.
    """

    def __init__(self, every: int = 1, memory: float = np.inf) -> None:
        self.every, self.memory = check_every(every), memory
        self._left = 0
        self._size: tuple[int, int] | None = None

    def __call__(self, frame: Frame) -> bool:
        size = (frame.image.shape[0], frame.image.shape[1])
        if frame.gap > self.memory or size != self._size:
            self._left = 0
        self._size = size
        detected = self._left == 0
        self._left = (self.every if detected else self._left) - 1
        return detected


class Between:
    """Carries tracks on from the last frame that was detected.

    A box moves and grows on as it did between the last two such frames that show its track, which must follow each other, per second;
    others stand still. The camera's motion is taken out before, and put in after. It is the same for every tracker, and better on all
    frames than the trackers' own predictions, whose velocity lags (docs/demo.md).
    """

    def __init__(self) -> None:
        self._tracks, self._time, self._step = NO_TRACKS, 0.0, 0.0
        self._boxes, self._velocity = np.empty((0, 4)), np.empty((0, 4))  # xywh, and its change in a second

    def see(self, tracks: Tracks, time: float, motion: Floats | None) -> None:
        """Takes note of the tracks of a detected frame at `time`.

        `motion` (2, 3) is the camera's since the one before; None if it stands.
        """
        here, step = xywh_from_xyxy(tracks.xyxy), time - self._time
        velocity = np.zeros_like(here)
        _, now, before = np.intersect1d(tracks.track_id, self._tracks.track_id, assume_unique=True, return_indices=True)
        if len(now) and step > 0:
            velocity[now] = (here[now] - carried(self._boxes[before], motion)) / step
        self._tracks, self._time, self._step = tracks, time, step
        self._boxes, self._velocity = here, velocity

    def at(self, time: float, motion: Floats | None) -> Tracks:
        """Returns the tracks where they are thought to be at `time`; `motion` (2, 3) is the camera's since the frame looked at last.

        Their scores are those of that frame, `detection_index` is -1.
        """
        seconds = min(max(time - self._time, 0.0), max(self._step, LONGEST))
        boxes = self._boxes + seconds * self._velocity
        boxes[:, 2:] = np.maximum(boxes[:, 2:], SMALLEST * self._boxes[:, 2:])
        tracks = self._tracks
        nothing = np.full(len(tracks), -1)
        return Tracks(xyxy_from_xywh(carried(boxes, motion)), tracks.track_id, tracks.score, tracks.class_id, nothing)


def carried(xywh: Floats, motion: Floats | None) -> Floats:
    """Moves boxes (n, 4) by the affine (2, 3) of the camera; None leaves them."""
    if motion is None or not len(xywh):
        return xywh
    return warp(motion[None], xywh)


def moved(xyxy: Floats, motion: Floats | None) -> Floats:
    """As `carried`, of corners (n, 4)."""
    return xyxy if motion is None else xyxy_from_xywh(carried(xywh_from_xyxy(xyxy), motion))


def chained(first: Floats | None, then: Floats | None) -> Floats | None:
    """Returns the affine (2, 3) of two motions, one after the other; None stands still, and the other is returned as it is."""
    if first is None or then is None:
        return then if first is None else first
    return np.asarray(then[:, :2] @ first + np.hstack([np.zeros((2, 2)), then[:, 2:]]))
