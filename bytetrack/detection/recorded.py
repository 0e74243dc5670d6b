"""Detections that lie in text files: somebody's recorded detector, or the dataset's public one."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

from bytetrack.errors import MissingDataError
from bytetrack.mot_text import read_detections
from bytetrack.structures import Sequence, SequenceDetections

__all__ = ["Public", "Recorded"]

Scores = Literal["strict", "minmax"]


class Recorded:
    """Detections from `<folder>/<sequence>.txt`, numbered as in the whole sequence also where only a half of it is wanted.

    `scores`: `strict` refuses a file with scores outside [0, 1]; `minmax` maps such a file's scores to [0, 1] linearly.
    """

    def __init__(self, folder: str | Path, scores: Scores = "strict") -> None:
        self.folder, self.scores = Path(folder).expanduser(), _checked(scores)

    def detect_sequence(self, sequence: Sequence) -> SequenceDetections:
        """The boxes of the sequence's frames; MissingDataError, FormatError."""
        if not self.folder.is_dir():
            raise MissingDataError(f"no folder {str(self.folder)!r}: detector.folder must hold {sequence.name}.txt")
        return _read(self.folder / f"{sequence.name}.txt", sequence, self.scores)


class Public:
    """The detections that come with the dataset, `<sequence>/det/det.txt`.

    MOT17's FRCNN and SDP, MOT20 and PETS09 score in [0, 1] and are taken as they are. DPM (MOT16, MOT17) and ACF (MOT15) score
    without bounds: `minmax` maps the scores of such a file to [0, 1] linearly, from its lowest to its highest; `strict` refuses it.
    """

    def __init__(self, scores: Scores = "minmax") -> None:
        self.scores = _checked(scores)

    def detect_sequence(self, sequence: Sequence) -> SequenceDetections:
        """The boxes of the sequence's frames; MissingDataError, FormatError."""
        if sequence.public_detections is None:
            raise MissingDataError(f"{sequence.name} has no det/det.txt: give other detections with detector=recorded detector.folder=DIR")
        return _read(sequence.public_detections, sequence, self.scores)


def _read(path: Path, sequence: Sequence, scores: Scores) -> SequenceDetections:
    return read_detections(path, sequence.first_frame, sequence.length, sequence.last_frame, scores)


def _checked(scores: Scores) -> Scores:
    if scores not in get_args(Scores):
        raise ValueError(f"scores must be strict or minmax: got {scores!r}")
    return scores
