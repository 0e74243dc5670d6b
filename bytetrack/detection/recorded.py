"""Reads detections from text files: recorded ones, or the dataset's public ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bytetrack.detection.classes import names_of
from bytetrack.errors import FormatError, MissingDataError
from bytetrack.io.mot import Scores, check_scores, read_detections
from bytetrack.structures import Sequence as SequenceInfo
from bytetrack.structures import SequenceDetections

__all__ = ["Public", "Recorded"]


class Recorded:
    """Reads detections from `<folder>/<sequence>.txt`. Frames are numbered as in the whole sequence, also for a half of it.

    Args:
        folder: The folder of the text files.
        scores: `strict` refuses files with scores outside [0, 1]; `robust` maps them to [0, 1] (`in_unit_interval`).
        class_names: Names of the class numbers in the eighth column, from 0, or `coco`; None ignores the column: boxes without a class.
    """

    def __init__(self, folder: str | Path, scores: Scores = "strict", class_names: Sequence[str] | str | None = None) -> None:
        self.folder, self.scores = Path(folder).expanduser(), check_scores(scores)
        self.class_names = names_of(class_names)

    def detect_sequence(self, sequence: SequenceInfo) -> SequenceDetections:
        """Returns the boxes of the sequence's frames; raises MissingDataError, FormatError."""
        if not self.folder.is_dir():
            raise MissingDataError(f"no folder {str(self.folder)!r}: detector.folder must hold {sequence.name}.txt")
        found = _read(self.folder / f"{sequence.name}.txt", sequence, self.scores, self.class_names is not None)
        largest = -1 if found.class_id is None else int(found.class_id.max(initial=-1))
        if largest >= len(self.class_names or ()) > 0:
            path, number = self.folder / f"{sequence.name}.txt", len(self.class_names or ())
            raise FormatError(f"{path}: expected classes 0..{number - 1}, as class_names has {number}, got {largest}")
        return found


class Public:
    """Reads the dataset's own detections, `<sequence>/det/det.txt`.

    MOT17's FRCNN and SDP, MOT20 and PETS09 have scores in [0, 1], which are not changed. DPM (MOT16, MOT17) and ACF (MOT15) have unbounded
    scores: `robust` maps the scores of such a file to [0, 1] (`in_unit_interval`); `strict` refuses it.
    """

    def __init__(self, scores: Scores = "robust") -> None:
        self.scores = check_scores(scores)

    def detect_sequence(self, sequence: SequenceInfo) -> SequenceDetections:
        """Returns the boxes of the sequence's frames; raises MissingDataError, FormatError."""
        if sequence.public_detections is None:
            raise MissingDataError(f"{sequence.name} has no det/det.txt: give other detections with detector=recorded detector.folder=DIR")
        return _read(sequence.public_detections, sequence, self.scores)


def _read(path: Path, sequence: SequenceInfo, scores: Scores, classes: bool = False) -> SequenceDetections:
    size = (sequence.width, sequence.height) if sequence.width and sequence.height else None  # of a demo's source nobody knows it yet
    return read_detections(path, sequence.first_frame, sequence.length, sequence.last_frame, scores, classes, sequence.every, size)
