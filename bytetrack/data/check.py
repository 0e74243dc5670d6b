"""Checks a dataset: a report, never a repair.

Errors are what would train or score something wrong; warnings are what a person should look at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from rich.table import Table
from rich.text import Text

from bytetrack.data.converters import convert
from bytetrack.data.converters.mot import coco_from_sequences
from bytetrack.errors import FormatError
from bytetrack.interfaces import CocoSource, Dataset
from bytetrack.io.coco import split_frame
from bytetrack.io.formats import read_annotations
from bytetrack.io.image_bytes import lacks_end
from bytetrack.orientation import is_turned
from bytetrack.runtime.atomic import json_text, replace_text
from bytetrack.runtime.progress import with_progress
from bytetrack.structures import Sequence
from bytetrack.timeline import decodable, timeline

__all__ = ["Problem", "Report", "check", "check_document", "check_ground_truth"]

TAIL = 1024  # bytes at the end of an image in which its end mark must be
Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a dataset: its kind, its place, and details."""

    level: Level
    kind: str
    where: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All findings about a dataset of `images` images and `boxes` boxes."""

    images: int
    boxes: int
    findings: list[Problem]

    @property
    def errors(self) -> int:
        return sum(finding.level == "error" for finding in self.findings)

    def write(self, path: Path) -> None:
        """Writes everything as json, atomically."""
        counts = Counter(f"{finding.level}: {finding.kind}" for finding in self.findings)
        content = {"images": self.images, "boxes": self.boxes, "errors": self.errors, "counts": counts}
        replace_text(path, json_text(content | {"findings": [asdict(f) for f in self.findings]}, indent=1))

    def table(self) -> Table:
        """Makes a table with one row a kind: how often, and the first one."""
        table = Table("", "what", "how often", title=f"{self.images} images, {self.boxes} boxes, {self.errors} errors")
        table.add_column("for instance", overflow="fold")
        kinds = Counter((finding.level, finding.kind) for finding in self.findings)
        for (level, kind), count in sorted(kinds.items()):
            first = next(f for f in self.findings if (f.level, f.kind) == (level, kind))
            style = "red" if level == "error" else "yellow"
            table.add_row(Text(level, style), kind, str(count), Text(f"{first.where} {first.detail}".strip()))
        return table


def check(
    dataset: Dataset | CocoSource, skip_missing: bool = False, images: bool = True, decode: bool = False, workers: int = 8
) -> tuple[Report, dict[str, Any]]:
    """Looks at every annotation and every image file of `dataset` (as for `converters.convert`): the report and the COCO document.

    Images are read at their head and tail by `workers` threads; `decode` decodes each whole, `images` false looks at none. With
    `skip_missing` those that the document leaves out are warnings, else errors.
    """
    sequences, protocol = ([], None) if isinstance(dataset, CocoSource) else (dataset.sequences(), dataset.protocol)
    findings = [finding for sequence in sequences for finding in check_ground_truth(sequence)]
    try:
        document = convert(dataset, skip_missing=True) if protocol is None else coco_from_sequences(sequences, protocol, skip_missing=True)
    except FormatError as error:
        findings += [] if any(f.level == "error" for f in findings) else [Problem("error", "cannot be read", str(error))]
        document = {"images": [], "annotations": [], "categories": [], "info": {}}
        if protocol is not None:
            document = coco_from_sequences([replace(sequence, ground_truth=None) for sequence in sequences], protocol, True)
    level: Level = "warning" if skip_missing else "error"
    findings += [Problem(level, missing["kind"], missing["where"]) for missing in document["info"].get("left_out", [])]
    findings += check_document(document)
    if images and document["images"]:
        findings += _image_files(document, Path(document["info"]["root"]), decode, workers)
    return Report(len(document["images"]), len(document["annotations"]), findings), document


def check_ground_truth(sequence: Sequence) -> list[Problem]:
    """Finds every wrong line of the sequence's whole ground truth file, and images beyond its length."""
    findings = []
    if sequence.ground_truth is not None and sequence.layout != "mot":
        try:
            read_annotations(sequence)
        except ValueError as error:
            findings.append(Problem("error", "cannot be read", str(sequence.ground_truth), str(error)))
    elif sequence.ground_truth is not None:
        seen: set[tuple[float, ...]] = set()
        with sequence.ground_truth.open(encoding="utf-8-sig", errors="replace") as file:
            for number, line in enumerate(file, start=1):
                problem = _line_problem(line, sequence.last_frame, seen) if line.strip() else None
                if problem is not None:
                    findings.append(Problem("error", problem, f"{sequence.ground_truth}:{number}", line.strip()[:80]))
    if sequence.images is not None and sequence.images.is_dir() and sequence.last_frame is not None:
        there = len(sequence.image_names)
        if there > sequence.last_frame:
            detail = f"{there} images, seqinfo.ini says {sequence.last_frame}"
            findings.append(Problem("warning", "images beyond the sequence", str(sequence.images), detail))
    return findings


def _line_problem(line: str, last_frame: int | None, seen: set[tuple[float, ...]]) -> str | None:
    try:
        values = [float(text) for text in (line.split(",") if "," in line else line.split())]
    except ValueError:
        return "not a number"
    if not 7 <= len(values) <= 10:
        return "wrong number of columns"
    if not np.isfinite(values).all():
        return "number that is not finite"
    frame, identity = values[:2]
    key = (frame, identity, *(values[7:8] if len(values) in (8, 9) or values[8:] == [-1, -1] else ()))  # ids may count within each class
    again = key in seen
    seen.add(key)
    if frame < 1 or (last_frame is not None and frame > last_frame):
        return "annotation beyond the sequence"
    if again:
        return "id twice in a frame"
    return "box without area" if min(values[4:6]) < 0 else None


def check_document(document: dict[str, Any]) -> list[Problem]:
    """Finds faults in a COCO document, without looking at any image."""
    images, annotations = document["images"], document["annotations"]
    findings = [*_repeated(images, "id", "image id twice"), *_repeated(annotations, "id", "annotation id twice")]
    findings += _repeated(images, "file_name", "file twice", "warning")
    by_id = {image.get("id"): image for image in images}
    categories = {category.get("id") for category in document["categories"]}
    seen: set[tuple[Any, Any]] = set()
    for row, annotation in enumerate(annotations):
        image = by_id.get(annotation.get("image_id"))
        where = f"annotations[{row}]" + ("" if image is None else f" of {image.get('file_name')}")
        level, kind = _box_problem(annotation, image, categories)
        key = (annotation.get("image_id"), annotation.get("track_id"))
        if not kind and key[1] not in (None, -1) and key in seen:
            level, kind = "error", "track id twice in an image"
        seen.add(key)
        if kind:
            findings.append(Problem(level, kind, where, f"{annotation.get('bbox')}"))
    return findings + list(_empty_frames(document, {annotation.get("image_id") for annotation in annotations}))


def _box_problem(annotation: dict[str, Any], image: dict[str, Any] | None, categories: set[Any]) -> tuple[Level, str]:
    """Returns level and kind; an empty kind if the annotation is as it should be."""
    if image is None:
        return "error", "annotation of no image"
    if annotation.get("category_id") not in categories:
        return "error", "annotation of no category"
    try:
        left, top, width, height = (float(value) for value in annotation["bbox"])
    except (KeyError, TypeError, ValueError):
        return "error", "box that is not four numbers"
    if not np.isfinite([left, top, width, height]).all():
        return "error", "box that is not four numbers"
    if width <= 0 or height <= 0:
        return "error", "box without area"
    if left >= image.get("width", np.inf) or top >= image.get("height", np.inf) or left + width <= 0 or top + height <= 0:
        return "warning", "box wholly outside the image"
    return "error", ""


def _repeated(records: list[dict[str, Any]], key: str, kind: str, level: Level = "error") -> list[Problem]:
    counts = Counter(str(record.get(key)) for record in records)
    return [Problem(level, kind, f"{key} {value}", f"{count} times") for value, count in counts.items() if count > 1]


def _empty_frames(document: dict[str, Any], annotated: set[Any]) -> Iterator[Problem]:
    """Yields sequences with frames that have no box; nothing if there are no boxes at all (a test set)."""
    names = {video.get("id"): str(video.get("file_name")) for video in document.get("videos") or []}
    frames = Counter(image.get("video_id") for image in document["images"])
    empty = Counter(image.get("video_id") for image in document["images"] if image.get("id") not in annotated)
    for video_id, count in empty.items() if annotated else ():
        kind = "frames without a box" if video_id in names else "images without a box"
        yield Problem("warning", kind, names.get(video_id, "still images"), f"{count} of {frames[video_id]}")


def _image_files(document: dict[str, Any], root: Path, decode: bool, workers: int) -> Iterable[Problem]:
    """Yields problems of the image files; of a folder that is not there, one problem for all its images."""
    folders = Counter(str(Path(image["file_name"]).parent) for image in document["images"])
    gone = {folder for folder in folders if not (root / folder).is_dir()}
    yield from (Problem("error", "missing image folder", str(root / folder), f"{folders[folder]} images") for folder in sorted(gone))
    videos: dict[str, dict[str, Any]] = {}
    stills = []
    for image in document["images"]:
        path, frame = split_frame(image["file_name"])
        if str(Path(path).parent) in gone:
            continue
        if frame is None:
            stills.append(image)
        elif frame >= videos.get(path, {}).get("frame", 0):
            videos[path] = image | {"frame": frame}

    def problem(image: dict[str, Any]) -> Problem | None:
        return _image_problem(root / image["file_name"], (image.get("width"), image.get("height")), decode)

    with ThreadPoolExecutor(workers) as pool:
        for finding in with_progress(pool.map(problem, stills), "checking images", len(stills)):
            if finding is not None:
                yield finding
    for name, image in videos.items():
        yield from _video_problem(root / name, image, decode)


def _image_problem(path: Path, size: tuple[Any, Any], decode: bool) -> Problem | None:
    from PIL import Image, UnidentifiedImageError

    if not path.is_file():
        return Problem("error", "missing image", str(path))
    try:
        with path.open("rb") as file:
            start = file.read(4)
            file.seek(max(path.stat().st_size - TAIL, 0))
            tail = file.read()
            if lacks_end(start, tail):
                return Problem("error", "truncated image", str(path), f"no end mark in its last {TAIL} bytes")
            file.seek(0)
            with Image.open(file) as image:
                if image.size != size:
                    return Problem("error", "image of another size", str(path), f"annotations say {size}, the file {image.size}")
                if decode:
                    image.load()
                if is_turned(image):
                    return Problem("warning", "image with an EXIF rotation", str(path), "not applied: boxes refer to the pixels as stored")
    except (UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, ValueError, EOFError, OSError) as error:
        return Problem("error", "unreadable image", str(path), str(error))
    return None


def _video_problem(path: Path, last: dict[str, Any], decode: bool) -> Iterator[Problem]:
    """Yields problems of a video; `last` is the record of the last frame that is named."""
    if not path.is_file():
        yield Problem("error", "missing video", str(path))
        return
    try:
        found = timeline(path)
    except FormatError as error:
        yield Problem("error", "unreadable video", str(path), str(error))
        return
    size, count = (last.get("width"), last.get("height")), len(found.stamps)
    if found.size != size:
        yield Problem("error", "video of another size", str(path), f"annotations say {size}, it is {found.size}")
    if count < last["frame"]:
        yield Problem("error", "video too short", str(path), f"{count} frames, annotations name frame {last['frame']}")
    if decode and (whole := decodable(path)) != count:
        yield Problem("error", "damaged video", str(path), f"{count} frames, of which {whole} can be decoded")
