"""Detect once, replay for ever: a network runs over a sequence once, what it found is a file, and everything after reads the file.

`<folder>/<key>/<sequence>.<first>-<last>.npz` holds the detections of those frames (numbers as in the sequence's own files, so a run
on a whole sequence serves its halves too, and pieces serve the whole); `key` is the detector's `key()`. Whole files appear or none: an
interrupted run goes on with the next piece.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bytetrack.errors import FormatError, MissingDataError
from bytetrack.io.arrays import read_arrays, write_arrays
from bytetrack.runtime.atomic import replace_text
from bytetrack.runtime.fingerprint import fingerprint, public_settings
from bytetrack.structures import Sequence, SequenceDetections

__all__ = ["DetectionStore"]


class DetectionStore:
    """Stores the detections of one detector, `key`, under `folder`, which is made at the first `save`."""

    def __init__(self, folder: str | Path, key: str) -> None:
        self.folder = Path(folder) / key

    def load(self, sequence: Sequence) -> SequenceDetections | None:
        """Returns the detections of `sequence` (of a half: its frames only), or None if they are not all here, or are of other frames.

        FormatError for a file that cannot be read.
        """
        spans = [(first, last, part) for first, last, part in self._spans(sequence) if part is not None]
        if sum(last - first + 1 for first, last, _ in spans) < sequence.length:
            return None
        parts = [part for _, _, part in spans]
        return parts[0] if len(parts) == 1 else SequenceDetections.from_frames([frame for part in parts for frame in part])

    def missing(self, sequence: Sequence, length: int) -> list[Sequence]:
        """Returns the missing parts of `sequence`, as pieces of at most `length` frames. FormatError as for `load`."""
        gaps = [(first, last) for first, last, part in self._spans(sequence) if part is None]
        starts = [(start, last) for first, last in gaps for start in range(first, last + 1, length)]
        return [replace(sequence, first_frame=start, length=min(length, last - start + 1)) for start, last in starts]

    def _spans(self, sequence: Sequence) -> Iterator[tuple[int, int, SequenceDetections | None]]:
        """Yields first and last frame of each stretch of `sequence`, in order, and its detections; None for a stretch that is not here."""
        mark, files = _fingerprint(sequence), self._files(sequence.name)
        frame, end = sequence.first_frame, sequence.first_frame + sequence.length
        while frame < end:
            for path, first, last in sorted(files, key=lambda file: -file[2]):
                if first <= frame <= last:
                    stored = _read(path)
                    if mark is None or str(stored["fingerprint"]) in ("", mark):
                        until = min(last + 1, end)
                        yield frame, until - 1, _cut(stored, frame - first, until - frame)
                        break
                    files.remove((path, first, last))
            else:
                until = min([first for _, first, _ in files if first > frame] + [end])
                yield frame, until - 1, None
            frame = until

    def detect_sequence(self, sequence: Sequence) -> SequenceDetections:
        """Returns the stored detections, as `load`: a store is a detector whose work is done. MissingDataError if they are not all here."""
        found = self.load(sequence)
        if found is None:
            raise MissingDataError(
                f"{self.folder} holds no detections of all {sequence.length} frames of {sequence.name}: detect them first"
            )
        return found

    def save(self, sequence: Sequence, detections: SequenceDetections) -> Path:
        """Writes the detections of `sequence`, whole or not at all, and returns the file."""
        last = sequence.first_frame + sequence.length - 1
        path = self.folder / f"{sequence.name}.{sequence.first_frame:06d}-{last:06d}.npz"
        arrays: dict[str, Any] = {name: getattr(detections, name) for name in ("xyxy", "score", "offsets", "class_id", "features")}
        arrays = {name: array for name, array in arrays.items() if array is not None}
        if "features" in arrays:
            arrays["features"] = arrays["features"].astype(np.float16)
        write_arrays(path, fingerprint=np.array(_fingerprint(sequence) or ""), **arrays)
        return path

    def describe(self, detector: object) -> None:
        """Writes `detector.json` beside the files: which detector and settings the key stands for, for people."""
        text = json.dumps({"detector": type(detector).__name__, **public_settings(detector)}, indent=2, default=_plain)
        replace_text(self.folder / "detector.json", text + "\n")

    def _files(self, name: str) -> list[tuple[Path, int, int]]:
        pattern = re.compile(re.escape(name) + r"\.(\d{6,})-(\d{6,})\.npz")
        files = sorted(self.folder.glob("*.npz")) if self.folder.is_dir() else []
        return [(path, int(match[1]), int(match[2])) for path in files if (match := pattern.fullmatch(path.name))]


def _plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)


def _read(path: Path) -> dict[str, npt.NDArray[Any]]:
    try:
        stored = read_arrays(path)
        if not {"xyxy", "score", "offsets", "fingerprint"} <= set(stored):
            raise ValueError(f"arrays {', '.join(stored)}")
        if not _fits(stored):
            raise ValueError("arrays of other shapes or values")
    except (ValueError, OSError) as error:
        raise FormatError(f"{path}: expected stored detections, cannot read them ({error}): delete the file to detect again") from error
    return stored


def _fits(stored: dict[str, npt.NDArray[Any]]) -> bool:
    """Returns True if the arrays are boxes, scores and offsets that belong together."""
    xyxy, score, offsets = stored["xyxy"], stored["score"], stored["offsets"]
    n = len(score) if score.ndim == 1 else -1
    return bool(
        xyxy.shape == (n, 4)
        and {xyxy.dtype.kind, score.dtype.kind} == {"f"}
        and np.isfinite(xyxy).all()
        and np.isfinite(score).all()
        and offsets.ndim == 1
        and offsets.dtype.kind == "i"
        and offsets.size
        and offsets[0] == 0
        and offsets[-1] == n
        and (np.diff(offsets) >= 0).all()
        and stored.get("class_id", np.empty(n, np.int64)).shape == (n,)
        and stored.get("features", np.empty((n, 0))).shape[:1] == (n,)
        and np.isfinite(stored.get("features", np.empty((n, 0)))).all()
    )


def _cut(stored: dict[str, npt.NDArray[Any]], skip: int, length: int) -> SequenceDetections:
    offsets = stored["offsets"][skip : skip + length + 1]
    rows = slice(int(offsets[0]), int(offsets[-1]))
    classes = stored["class_id"][rows] if "class_id" in stored else None
    features = stored["features"][rows].astype(np.float32) if "features" in stored else None
    return SequenceDetections(stored["xyxy"][rows], stored["score"][rows], offsets - offsets[0], classes, features)


def _fingerprint(sequence: Sequence) -> str | None:
    """Tells the images of two sequences of one name apart: hash of the first megabyte of the video or of frame 1 of the files.

    None if there are no images here: what was detected elsewhere can be replayed.
    """
    if sequence.images is None or not sequence.images.exists():
        return None
    path = sequence.images
    if path.is_dir():
        first = next((name for name in sequence.image_names if name is not None), None)
        path = path / (first or f"{1:06d}{sequence.image_ext}")
    if not path.is_file():
        return None
    with path.open("rb") as file:
        content = file.read(1 << 20)
    return fingerprint(content + str(path.stat().st_size).encode())
