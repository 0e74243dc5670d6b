"""The features of a sequence's detections: computed once and kept beside them, or the network's own, stored with what it found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from bytetrack.appearance.crops import NoEmbedder
from bytetrack.detection.described import DetectorEmbedder
from bytetrack.errors import MissingDataError
from bytetrack.interfaces import DescribingDetector, Detector, Embedder, Features, FeatureSource, Tracker, tracker_inputs
from bytetrack.io.arrays import read_arrays, write_arrays
from bytetrack.pipeline.detect import images_of, used_by
from bytetrack.runtime.fingerprint import fingerprint
from bytetrack.structures import Sequence, SequenceDetections

__all__ = ["FeatureCache", "OfDetector", "described_by", "describing_for", "feature_cache_for"]


class FeatureCache:
    """The features that `embedder` says for the detections of sequences; kept in `folder`/<its key>/<sequence>.<detections>.npz."""

    def __init__(self, embedder: Embedder, folder: Path) -> None:
        self.embedder, self.folder = embedder, folder

    def of_sequence(self, sequence: Sequence, detections: SequenceDetections) -> list[Features]:
        """Returns a frame's features (n, d) each, in the order of its detections; MissingDataError without images."""
        path = self.folder / self.embedder.key() / f"{sequence.name}.{_key(sequence, detections)}.npz"
        table = _kept(path, len(detections.score))
        if table is None:
            if sequence.images is None or not sequence.images.exists():
                raise MissingDataError(f"{sequence.name} has no images to compute features from: set embedder=none")
            frames = zip(detections, images_of(sequence), strict=True)
            table = np.concatenate([self.embedder.embed(image, boxes.xyxy, boxes.score) for boxes, image in frames])
            write_arrays(path, features=table.astype(np.float16))
            table = table.astype(np.float16).astype(np.float32)  # as it is read back: the first run is like all others
        return np.split(table, detections.offsets[1:-1])


class OfDetector:
    """The features that a network stored with what it found."""

    def of_sequence(self, sequence: Sequence, detections: SequenceDetections) -> list[Features]:
        """Returns a frame's features (n, d) each, in the order of its detections."""
        features = np.empty((len(detections.score), 0), np.float32) if detections.features is None else detections.features
        return np.split(features, detections.offsets[1:-1])


def described_by(detector: Detector, embedder: Embedder | DetectorEmbedder | NoEmbedder | None, tracker: Tracker) -> Detector:
    """Returns the detector, describing what it finds if `embedder` is for that and the tracker takes account of features.

    ValueError for a detector that cannot.
    """
    if not isinstance(embedder, DetectorEmbedder) or "features" not in tracker_inputs(tracker):
        return detector
    if not isinstance(detector, DescribingDetector):
        raise ValueError(
            f"embedder=detector takes the features of a YOLOX, and {type(detector).__name__} has none: "
            "choose a network (detector=yolox_s, or onnx), or embedder=histogram"
        )
    describing: Detector = detector.describing(embedder.settings)
    return describing


def describing_for(
    detector: Detector,
    embedder: Embedder | DetectorEmbedder | NoEmbedder,
    tracker_for: Callable[[Sequence], Tracker],
    sequences: list[Sequence],
) -> Detector:
    """Returns `described_by` for the trackers of `sequences`."""
    return described_by(detector, embedder, tracker_for(sequences[0])) if sequences else detector


def feature_cache_for(
    embedder: Embedder | DetectorEmbedder | NoEmbedder,
    tracker_for: Callable[[Sequence], Tracker],
    sequences: list[Sequence],
    folder: Path,
) -> FeatureSource | None:
    """Wraps `embedder` for `TrackJob`; None without one, or if the tracker uses no features, which is logged once."""
    if isinstance(embedder, NoEmbedder) or not sequences or not used_by(tracker_for(sequences[0]), "features", "embedder"):
        return None
    return OfDetector() if isinstance(embedder, DetectorEmbedder) else FeatureCache(embedder, folder)


def _kept(path: Path, n: int) -> Features | None:
    try:
        table = read_arrays(path)["features"].astype(np.float32)
    except (ValueError, OSError, KeyError):
        return None
    return table if table.ndim == 2 and len(table) == n and np.isfinite(table).all() else None


def _key(sequence: Sequence, detections: SequenceDetections) -> str:
    frames = [str(sequence.images), sequence.first_frame]
    return fingerprint(frames, detections.offsets, detections.xyxy.round(1), detections.score.round(3), digits=12)
