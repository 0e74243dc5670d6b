"""BYTE in plain NumPy, to be read beside the paper: algorithm 1 line by line, and what its published code adds.

`ByteTracker` (trackers/byte.py) gives the same tracks; tests/tracking/test_reference.py holds it to this file.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bytetrack.boxes import iou
from bytetrack.tracking.core.association import NONE, cheapest_columns

Floats = npt.NDArray[np.float64]

MOVE = np.eye(8) + np.eye(8, k=4)  # state: centre x, centre y, aspect ratio, height, and their velocities
POSITION, VELOCITY = np.array([1, 1, 0, 1]) / 20, np.array([1, 1, 0, 1]) / 160  # deviations, parts of the height


def measured(box: Floats) -> Floats:
    """Returns centre x, centre y, aspect ratio w/h and height of a box xyxy."""
    left, top, right, bottom = box
    return np.array([(left + right) / 2, (top + bottom) / 2, (right - left) / (bottom - top), bottom - top])


class Track:
    """A track and its Kalman filter (DeepSORT, section 2.1). Its state is "unconfirmed", "tracked" or "lost"."""

    def __init__(self, track_id: int, box: Floats, score: float, frame: int) -> None:
        self.id, self.score, self.first, self.last = track_id, score, frame, frame
        self.state = "tracked" if frame == 1 else "unconfirmed"
        self.mean, height = np.concatenate([measured(box), np.zeros(4)]), box[3] - box[1]
        self.covariance = np.diag(np.concatenate([2 * height * POSITION + [0, 0, 1e-2, 0], 10 * height * VELOCITY + [0, 0, 1e-5, 0]]) ** 2)

    @property
    def box(self) -> Floats:
        x, y, aspect, height = self.mean[:4]
        return np.array([x - aspect * height / 2, y - height / 2, x + aspect * height / 2, y + height / 2])

    def predict(self) -> None:
        self.mean[7] *= self.state != "lost"
        height = self.mean[3]
        noise = np.concatenate([height * POSITION + [0, 0, 1e-2, 0], height * VELOCITY + [0, 0, 1e-5, 0]])
        self.mean, self.covariance = MOVE @ self.mean, MOVE @ self.covariance @ MOVE.T + np.diag(noise**2)

    def correct(self, box: Floats, score: float, frame: int) -> None:
        noise = self.mean[3] * POSITION + [0, 0, 1e-1, 0]
        gain = self.covariance[:, :4] @ np.linalg.inv(self.covariance[:4, :4] + np.diag(noise**2))
        self.mean = self.mean + gain @ (measured(box) - self.mean[:4])
        self.covariance = self.covariance - gain @ self.covariance[:4]
        self.score, self.last, self.state = score, frame, "tracked"


class ReferenceByte:
    """BYTE with `ByteTracker`'s defaults and `paper_exact=False`."""

    def __init__(self, high_score: float = 0.6, low_score: float = 0.1, new_track_score: float = 0.7, max_lost_frames: int = 30) -> None:
        self.tau, self.low_score, self.epsilon, self.max_lost_frames = high_score, low_score, new_track_score, max_lost_frames
        self.tracks: list[Track] = []
        self.frame = self.last_id = 0

    def update(self, xyxy: Floats, score: Floats) -> list[Track]:
        """Returns the tracks of one more frame, by ascending id."""
        self.frame += 1
        high = [j for j in range(len(score)) if score[j] >= self.tau]  # lines 3-13
        low = [j for j in range(len(score)) if self.low_score <= score[j] < self.tau]
        pool = [t for t in self.tracks if t.state == "tracked"] + [t for t in self.tracks if t.state == "lost"]
        unconfirmed = [t for t in self.tracks if t.state == "unconfirmed"]
        for track in pool:  # lines 14-16; the published code does not predict unconfirmed tracks
            track.predict()
        left, high = self.associate(pool, high, xyxy, score, 0.9, fuse=True)  # lines 17-19
        self.associate([t for t in left if t.state == "tracked"], low, xyxy, score, 0.5, fuse=False)  # lines 20-21
        for track in left:  # line 22: remembered for a while, where the paper deletes
            track.state = track.state if track.last == self.frame else "lost"
        removed, high = self.associate(unconfirmed, high, xyxy, score, 0.7, fuse=True)  # published code
        kept = [t for t in self.tracks if t not in removed and self.frame - t.last <= self.max_lost_frames]
        for j in high:  # lines 23-27
            if score[j] >= self.epsilon:
                self.last_id += 1
                kept.append(Track(self.last_id, xyxy[j], float(score[j]), self.frame))
        self.tracks = without_duplicates(kept)
        return [t for t in self.tracks if t.state == "tracked"]

    def associate(
        self, tracks: list[Track], rows: list[int], xyxy: Floats, score: Floats, limit: float, fuse: bool
    ) -> tuple[list[Track], list[int]]:
        """Matches tracks to detections `rows` by `1 - IoU` (times the score) below `limit`; returns those left of both."""
        similarity = iou(np.reshape([t.box for t in tracks], (-1, 4)), xyxy[rows])
        columns = cheapest_columns(1 - similarity * (score[rows] if fuse else 1.0), limit)
        for track, column in zip(tracks, columns, strict=True):
            if column != NONE:
                track.correct(xyxy[rows[column]], float(score[rows[column]]), self.frame)
        return [t for t, c in zip(tracks, columns, strict=True) if c == NONE], [j for c, j in enumerate(rows) if c not in columns]


def without_duplicates(tracks: list[Track]) -> list[Track]:
    """Removes one of every lost and live track with `1 - IoU` below 0.15: the one followed for less long, else the live one."""
    pairs = [(lost, live) for lost in tracks if lost.state == "lost" for live in tracks if live.state != "lost"]
    same = [(lost, live) for lost, live in pairs if 1 - iou(lost.box[None], live.box[None])[0, 0] < 0.15]
    return [t for t in tracks if t not in [a if b.last - b.first > a.last - a.first else b for a, b in same]]
