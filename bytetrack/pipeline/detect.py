"""Prepares the input of tracking: detections, which a network computes once for each sequence, and camera motion."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bytetrack.checks import check_count
from bytetrack.detection.batching import detect_streams
from bytetrack.detection.store import DetectionStore
from bytetrack.detection.stream import read_ahead
from bytetrack.interfaces import CameraMotion, Detector, Executor, ImageDetector, KeepsFiles, SequenceDetector, Tracker, tracker_inputs
from bytetrack.runtime.progress import progress_bar
from bytetrack.structures import Sequence

__all__ = ["DetectJob", "camera_motion_for", "images_of", "kept_in", "replayable", "used_by"]

log = logging.getLogger(__name__)
PIECE = 1000  # frames that are detected and stored as one: what an interruption can cost, and what is sent to other machines


def replayable(
    detector: Detector, sequences: list[Sequence], folder: Path, executor: Executor | None = None, streams: int = 1
) -> SequenceDetector:
    """Returns `detector` if it can be asked by sequence; a network is run first, on what `folder` does not hold of its detections.

    A piece's detections are a file in `folder`/<key> as soon as they are complete, so that an interrupted run, or another one
    with the same weights and settings, replays them; the store is what is returned. The network runs here, on batches of `streams`
    pieces at once; where `executor` works on other machines it runs there, a job a piece.
    """
    if isinstance(detector, SequenceDetector):
        return detector
    check_count("streams", streams, 1)
    if any(sequence.every > 1 for sequence in sequences):
        raise ValueError("dataset.every thins recorded detections: let the network look at all frames first, then detector=recorded")
    store = DetectionStore(folder, detector.key())
    pieces = [piece for sequence in sequences for piece in store.missing(sequence, PIECE)]
    there = len(sequences) - len({piece.name for piece in pieces})
    if there:
        log.info("%d of %d sequences replayed from %s", there, len(sequences), store.folder)
    if pieces:
        started, frames = time.perf_counter(), sum(piece.length for piece in pieces)
        with progress_bar("detecting", frames, "frames") as bar:
            if executor is not None and executor.elsewhere:
                _detect_elsewhere(detector, pieces, store, executor, bar.advance)
            else:
                _detect_here(detector, pieces, store, streams, bar.advance)
        log.info("detections: %d frames, %.1f a second: %s", frames, frames / (time.perf_counter() - started), store.folder)
    return store


def _detect_here(
    detector: ImageDetector, pieces: list[Sequence], store: DetectionStore, streams: int, advance: Callable[..., None]
) -> None:
    for piece, found in detect_streams(detector, ((piece, images_of(piece)) for piece in pieces), streams, advance):
        store.save(piece, found)
        store.describe(detector)
        log.info("%s: %d boxes in frames %d to %d", piece.name, len(found.score), piece.first_frame, piece.first_frame + piece.length - 1)


def _detect_elsewhere(
    detector: ImageDetector, pieces: list[Sequence], store: DetectionStore, executor: Executor, advance: Callable[..., None]
) -> None:
    named = [_Piece(f"{piece.name}, frames {piece.first_frame} to {piece.first_frame + piece.length - 1}", piece) for piece in pieces]
    executor.run(DetectJob(detector, store, store.folder.name), named, len, lambda item: advance(item.length, item.sequence.name))
    store.describe(detector)


@dataclass(frozen=True)
class _Piece:
    """An executor's item: pieces of one sequence share its name, items must not."""

    name: str
    sequence: Sequence

    @property
    def length(self) -> int:
        return self.sequence.length


@dataclass(frozen=True)
class DetectJob:
    """Detects a piece of a sequence into the store. Jobs are equal if their detectors have the same key."""

    detector: ImageDetector = field(compare=False)
    store: DetectionStore = field(compare=False)
    key: str

    def __call__(self, item: _Piece) -> None:
        piece = item.sequence
        for _, found in detect_streams(_loaded_by(self), [(piece, images_of(piece))], 1):
            self.store.save(piece, found)


@lru_cache(maxsize=1)
def _loaded_by(job: DetectJob) -> ImageDetector:
    """Returns the detector of the first of equal jobs: a worker reads its weights once, and not for every piece."""
    return job.detector


def images_of(sequence: Sequence) -> Iterator[npt.NDArray[np.uint8]]:
    """Returns the frames of a sequence, from its folder of images or its video."""
    from bytetrack.video.read import frames, read_image

    if sequence.images is None or not sequence.images.is_dir():
        return frames(sequence)
    paths = [sequence.image_path(frame_id) for frame_id in range(1, sequence.length + 1)]
    return _sizes_watched(paths, read_ahead(read_image, paths))


def _sizes_watched(paths: list[Path], images: Iterator[npt.NDArray[np.uint8]]) -> Iterator[npt.NDArray[np.uint8]]:
    """Yields a sequence's images in order; names the first that has another size than those before it."""
    sizes: set[tuple[int, ...]] = set()
    for path, image in zip(paths, images, strict=True):
        size = image.shape[1::-1]
        if len(sizes) == 1 and size not in sizes:
            log.warning(
                "%s: %d x %d pixels, the frames before it %d x %d: boxes are in the pixels of each, so tracks break where it changes; "
                "prepare with check=true names every such frame",
                path,
                *size,
                *next(iter(sizes)),
            )
        sizes.add(size)
        yield image


def used_by(tracker: Tracker, what: str, setting: str) -> bool:
    """Returns True if the tracker's `update` takes account of a keyword; if not, logs that the setting is ignored."""
    if what in tracker_inputs(tracker):
        return True
    log.warning("%s takes no account of %s: %s is ignored", type(tracker).__name__, what.replace("_", " "), setting)
    return False


def camera_motion_for(
    source: CameraMotion, tracker_for: Callable[[Sequence], Tracker], sequences: list[Sequence], out: Path
) -> CameraMotion | None:
    """Returns `source` for `TrackJob`; None if it has no motion, or if the tracker takes no account of it, which is logged once.

    One that keeps what it estimates, and has no folder for it, gets `out`/camera_motion.
    """
    from bytetrack.video.camera_motion import NoMotion

    if isinstance(source, NoMotion) or not sequences:
        return None
    if not used_by(tracker_for(sequences[0]), "camera_motion", "camera_motion"):
        return None
    return kept_in(out, source)


def kept_in(out: Path, source: CameraMotion) -> CameraMotion:
    """Returns `source`; if it can keep what it estimates and has no folder for it, the same with the folder `out`/camera_motion."""
    return source.kept_in(out / "camera_motion") if isinstance(source, KeepsFiles) else source
