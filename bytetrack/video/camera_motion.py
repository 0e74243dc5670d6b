"""Camera motion from each frame to the next: none, read from a file, or estimated from the images.

A source of camera motion is any object with `of_sequence(sequence, detections) -> array (length, 2, 3) or None`: row i is the affine
[[a b c] [d e f]] from the pixels of frame i to those of frame i + 1 (frames from 1, rows from 0). The first row is the identity.
Files are named `<sequence>.txt` and have lines `frame a b c d e f`; frames count from 0 and are numbered as in the whole sequence, also
for a half of it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bytetrack.checks import check_real, check_whole
from bytetrack.errors import FormatError, MissingDataError
from bytetrack.io.camera_motion import STILL, read_camera_motion, write_camera_motion
from bytetrack.runtime.fingerprint import fingerprint
from bytetrack.structures import Detections, Sequence, SequenceDetections

__all__ = ["EstimatedMotion", "NoMotion", "RecordedMotion", "StreamMotion", "motion_between"]

log = logging.getLogger(__name__)

Floats = npt.NDArray[np.float64]
Gray = npt.NDArray[np.uint8]

FEWEST_POINTS = 12  # matches below which nothing is said of a frame
LEVELS = 3  # of the pyramid, above the image itself: motions of up to 21 * 2**3 pixels of the reduced image are followed


class NoMotion:
    """Disables camera motion: the camera is static, or its motion unknown."""

    def of_sequence(self, sequence: Sequence, detections: SequenceDetections) -> None:
        """Returns None: trackers receive no camera motion."""


class RecordedMotion:
    """Reads camera motion from `<folder>/<sequence>.txt`."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).expanduser()

    def of_sequence(self, sequence: Sequence, detections: SequenceDetections) -> Floats:
        """Returns the affines (length, 2, 3) of the sequence's frames; raises MissingDataError, FormatError."""
        if not self.folder.is_dir():
            raise MissingDataError(f"no folder {str(self.folder)!r}: camera_motion.folder must hold {sequence.name}.txt")
        length = (sequence.length - 1) * sequence.every + 1
        return _thinned(read_camera_motion(self.folder / f"{sequence.name}.txt", sequence.first_frame, length), sequence.every)


class EstimatedMotion:
    """Estimates camera motion from the images by sparse optical flow of background corners.

    It finds Shi-Tomasi corners outside the detections of the previous frame, tracks them forward and backward with pyramidal Lucas-Kanade
    flow, and fits rotation, scale and translation by RANSAC (BoT-SORT, section 3.2, uses whole images). Sequences and streams give the same
    estimate. Raises ValueError for an argument out of range.

    Args:
        width: Wider images are scaled down to this width, in pixels.
        n_corners: Maximum number of corners.
        corner_distance: Minimum distance of two corners, in pixels of the scaled image.
        tolerance: Maximum deviation of an inlier corner, in pixels of the scaled image.
        min_score: Detections below it do not mask corners.
        folder: The folder in which `<key>/<sequence>.txt` is stored and looked up (`key` identifies the settings); None: not stored.
    """

    def __init__(
        self,
        width: int = 480,
        n_corners: int = 100,
        corner_distance: float = 8.0,
        tolerance: float = 1.0,
        min_score: float = 0.3,
        folder: str | Path | None = None,
    ) -> None:
        check_whole("width", width, 32)
        check_whole("n_corners", n_corners, FEWEST_POINTS)
        for name, value, least in (("corner_distance", corner_distance, 1), ("tolerance", tolerance, 0.01), ("min_score", min_score, 0)):
            check_real(name, value, least, np.inf)
        self.width, self.n_corners, self.corner_distance = width, n_corners, corner_distance
        self.tolerance, self.min_score = tolerance, min_score
        self.folder = None if folder is None else Path(folder).expanduser()

    def kept_in(self, folder: Path) -> EstimatedMotion:
        """Returns the same estimator with `folder` as its folder, unless it already has one."""
        if self.folder is not None:
            return self
        return EstimatedMotion(self.width, self.n_corners, self.corner_distance, self.tolerance, self.min_score, folder)

    def of_sequence(self, sequence: Sequence, detections: SequenceDetections) -> Floats:
        """Returns the affines (length, 2, 3), from the stored file if it covers all frames; raises MissingDataError without images."""
        path = None if self.folder is None else self.folder / self._key(detections) / f"{sequence.name}.txt"
        if path is not None and path.is_file():
            try:
                return read_camera_motion(path, sequence.first_frame, sequence.length)
            except FormatError as error:
                log.info("%s: estimated again, because the stored file cannot be used (%s)", sequence.name, error)
        affines = np.array([STILL, *self.between(_images(sequence), detections)])
        if path is not None:
            write_camera_motion(path, affines, sequence.first_frame)
        return affines

    def between(self, images: Iterator[npt.NDArray[np.uint8]], detections: SequenceDetections) -> Iterator[Floats]:
        """Yields the affine (2, 3) from each image (H, W, 3) to the next."""
        stream = self.of_stream()
        for boxes, image in zip(detections, images, strict=True):
            affine = stream(image, boxes)
            if affine is not None:
                yield affine
        if stream.unknown:
            log.warning("camera motion: %d frames show too little background to estimate it: a static camera is assumed", stream.unknown)

    def of_stream(self) -> StreamMotion:
        """Returns an estimator for one stream, which is called frame by frame."""
        return StreamMotion(self)

    def _key(self, detections: SequenceDetections) -> str:
        settings = {name: value for name, value in vars(self).items() if name != "folder"}
        return fingerprint(settings, np.round(detections.xyxy[detections.score >= self.min_score], 1), digits=12)


class StreamMotion:
    """Estimates the camera motion of one stream: call it with each frame and its detections, in order.

    `unknown` counts the frames with too little background, for which a static camera is assumed.
    """

    def __init__(self, settings: EstimatedMotion) -> None:
        self._settings = settings
        self._earlier: tuple[Gray, Floats] | None = None  # the reduced image before, and what its detections hide
        self._shape: tuple[int, ...] = ()
        self.unknown = 0

    def __call__(self, image: npt.NDArray[np.uint8], detections: Detections) -> Floats | None:
        """Returns the affine (2, 3) from the frame before to this one; None for the first frame and after a change of size."""
        known, gray = self._settings, _reduced_gray(image, self._settings.width)
        scale = gray.shape[1] / image.shape[1]
        earlier = self._earlier if image.shape == self._shape else None
        self._earlier = gray, detections.xyxy[detections.score >= known.min_score] * scale
        self._shape = image.shape
        if earlier is None:
            return None
        affine = motion_between(earlier[0], gray, earlier[1], known.n_corners, known.corner_distance, known.tolerance)
        self.unknown += affine is None
        return STILL if affine is None else _full_size(affine, scale)


def motion_between(
    earlier: Gray, later: Gray, hidden: Floats, n_corners: int = 100, corner_distance: float = 8.0, tolerance: float = 1.0
) -> Floats | None:
    """Estimates the similarity (2, 3) from one gray image (H, W) to the next; None if there are too few corners.

    Corners inside the boxes `hidden` (n, 4) of the first image are ignored.
    """
    import cv2

    background = np.full(earlier.shape, 255, np.uint8)
    for left, top, right, bottom in np.clip(hidden, -1e6, 1e6):
        background[max(int(top), 0) : max(int(np.ceil(bottom)), 0), max(int(left), 0) : max(int(np.ceil(right)), 0)] = 0
    corners: Any = cv2.goodFeaturesToTrack(earlier, n_corners, 0.01, corner_distance, mask=background)
    if corners is None or len(corners) < FEWEST_POINTS:
        return None
    lucas_kanade: Any = cv2.calcOpticalFlowPyrLK
    there, found, _ = lucas_kanade(earlier, later, corners, None, winSize=(21, 21), maxLevel=LEVELS)
    back, found_again, _ = lucas_kanade(later, earlier, there, None, winSize=(21, 21), maxLevel=LEVELS)
    good = (found.ravel() == 1) & (found_again.ravel() == 1) & (np.abs(back - corners).reshape(-1, 2).max(axis=1) < 0.5)
    if good.sum() < FEWEST_POINTS:
        return None
    cv2.setRNGSeed(0)
    affine, agree = cv2.estimateAffinePartial2D(
        corners[good], there[good], method=cv2.RANSAC, ransacReprojThreshold=tolerance, maxIters=2000, confidence=0.999
    )
    if affine is None or agree.sum() < FEWEST_POINTS or not 0.25 < np.linalg.det(affine[:, :2]) < 4:
        return None
    return np.asarray(affine, dtype=np.float64)


def _thinned(affines: Floats, every: int) -> Floats:
    """Chains affines to those of every `every`-th frame, each from the one before: those between, one after the other."""
    chain = np.zeros((len(affines), 3, 3))
    chain[:, :2], chain[:, 2, 2] = affines, 1
    kept = chain[::every].copy()
    for step in range(1, every):
        kept[1:] = kept[1:] @ chain[every - step :: every][: len(kept) - 1]
    return np.ascontiguousarray(kept[:, :2])


def _images(sequence: Sequence) -> Iterator[npt.NDArray[np.uint8]]:
    from bytetrack.video.read import frames

    if sequence.images is None or not sequence.images.exists():
        raise MissingDataError(
            f"{sequence.name} has no images to estimate camera motion from: camera_motion=none, or recorded with camera_motion.folder=DIR"
        )
    return frames(sequence)


def _reduced_gray(image: npt.NDArray[np.uint8], width: int) -> Gray:
    """Makes the image gray and no wider than `width`: halved as often as it goes, which is fast, then reduced to the width."""
    import cv2

    reduced: Any = image
    while reduced.shape[1] >= 2 * width and reduced.shape[0] >= 2:
        reduced = cv2.resize(reduced, (reduced.shape[1] // 2, reduced.shape[0] // 2), interpolation=cv2.INTER_AREA)
        if reduced.ndim == 3:
            reduced = cv2.cvtColor(reduced, cv2.COLOR_BGR2GRAY)
    if reduced.ndim == 3:
        reduced = cv2.cvtColor(reduced, cv2.COLOR_BGR2GRAY)
    if reduced.shape[1] > width:
        height = max(round(image.shape[0] * width / image.shape[1]), 1)
        reduced = cv2.resize(reduced, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(reduced, dtype=np.uint8)


def _full_size(affine: Floats, scale: float) -> Floats:
    """Converts an affine between reduced images to one between the full ones: pixel centres lie at whole numbers in both."""
    full = affine.copy()
    full[:, 2] = (affine[:, 2] + (affine[:, :2] - np.eye(2)) @ np.full(2, (scale - 1) / 2)) / scale
    return full
