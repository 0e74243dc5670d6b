"""Images and boxes of COCO json files as arrays, which training reads."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bytetrack import boxes
from bytetrack.boxes import are_fractions
from bytetrack.errors import FormatError
from bytetrack.io.coco import read_coco, recorded_root, split_frame, whole_number
from bytetrack.io.table import MAYBE_CORNERS
from bytetrack.runtime.notices import warn_once

__all__ = ["ImageSet", "image_set", "load_coco", "mix"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False, slots=True)
class ImageSet:
    """N images and their M boxes, image after image: structure of arrays, so that worker processes share it cheaply.

    `files` are relative to `root` (or absolute). `width`, `height`, `image_id`, `frame_id` (from 1; 0 for a still image) and
    `sequence` (index into `sequences`; -1 for a still image) have shape (N,). Image `i` owns the rows `offsets[i]:offsets[i + 1]`
    of `xyxy` (M, 4) in pixels, amodal (they may leave the image), `category` (M,) index into `names`, `track_id` (M,) within
    its sequence (-1 if there is none), and `crowd` (M,), boxes that are neither object nor background.
    """

    root: Path
    files: list[str]
    names: list[str]
    sequences: list[str]
    width: Ints
    height: Ints
    image_id: Ints
    sequence: Ints
    frame_id: Ints
    offsets: Ints
    xyxy: Floats
    category: Ints
    track_id: Ints
    crowd: Bools

    def __len__(self) -> int:
        """Returns the number of images."""
        return len(self.files)

    def rows(self, index: int) -> slice:
        """Returns the rows of image `index` in the box arrays."""
        return slice(int(self.offsets[index]), int(self.offsets[index + 1]))

    def source(self, index: int) -> tuple[Path, int | None]:
        """Returns the file of image `index` and, where that is a video, the frame (from 1) within it."""
        path, frame = split_frame(self.files[index])
        return self.root / path, frame

    def take(self, indices: npt.ArrayLike) -> ImageSet:
        """Returns the images at `indices`, in that order, with their boxes."""
        chosen = np.asarray(indices, dtype=np.int64).reshape(-1)
        counts = np.diff(self.offsets)[chosen]
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        rows = np.repeat(self.offsets[chosen] - offsets[:-1], counts) + np.arange(offsets[-1])
        return replace(
            self,
            files=[self.files[i] for i in chosen],
            **{name: getattr(self, name)[chosen] for name in ("width", "height", "image_id", "sequence", "frame_id")},
            **{name: getattr(self, name)[rows] for name in ("xyxy", "category", "track_id", "crowd")},
            offsets=offsets,
        )

    def with_crowd(self, more: Sequence[Floats]) -> ImageSet:
        """Returns the same images with boxes `more` (n, 4) of each that are neither object nor background, after its own."""
        counts = np.array([len(rows) for rows in more], dtype=np.int64)
        at = np.repeat(self.offsets[1:], counts)
        return replace(
            self,
            offsets=self.offsets + np.concatenate([[0], np.cumsum(counts)]),
            xyxy=np.insert(self.xyxy, at, np.concatenate([*more, np.empty((0, 4))]), axis=0),
            category=np.insert(self.category, at, 0),
            track_id=np.insert(self.track_id, at, -1),
            crowd=np.insert(self.crowd, at, True),
        )


def load_coco(
    path: str | Path,
    root: str | Path | None = None,
    classes: Mapping[str, Sequence[str]] | Sequence[str] | None = None,
) -> ImageSet:
    """Reads the COCO json file `path` (also `.json.gz`) into arrays, checked.

    `root` is the folder its file names start from, by default `info.root` as the converters write it, else the file's folder.
    `classes` chooses and renames: `["person"]` keeps that category, `{"pedestrian": ["pedestrian", "person"]}` makes one class of
    two; by default all categories in the order of their ids. Boxes without area are left out and counted in a warning.
    FormatError names the record that is wrong; MissingDataError where the file is not there.
    """
    return image_set(read_coco(path), Path(path), root, classes)


def image_set(
    document: Mapping[str, Any],
    path: Path,
    root: str | Path | None = None,
    classes: Mapping[str, Sequence[str]] | Sequence[str] | None = None,
) -> ImageSet:
    """Makes the arrays of a COCO document, as `load_coco` does; `path` is what messages name."""
    images, annotations = document["images"], document["annotations"]
    columns = _Columns(path)
    image_id = columns.ints("images", images, "id")
    order = np.argsort(image_id, kind="stable")
    repeated = image_id[order][1:][np.diff(image_id[order]) == 0]
    if len(repeated):
        raise FormatError(f"{path}: image ids must be unique: {repeated[0]} repeats; `tools/prepare.py dataset=coco check=true` lists all")
    sequences, sequence = _sequences(path, document, images)
    owner, xyxy, category, track_id, crowd = _annotations(columns, annotations, image_id, order)
    width, height = (columns.ints("images", images, side, at_least=1) for side in ("width", "height"))
    if boxes.are_corners(boxes.tlwh_from_xyxy(xyxy), width[owner], height[owner]):
        example = f"as {annotations[0]['bbox']}: subtract left and top"
        raise FormatError(f"{path}: expected 'bbox' as left, top, width, height, got right and bottom edges, {example}")
    if boxes.may_be_corners(boxes.tlwh_from_xyxy(xyxy), width[owner], height[owner]):
        warn_once(log, MAYBE_CORNERS, path)
    names, category = _classes(columns, document["categories"], category, classes)
    flat = boxes.area(xyxy) <= 0
    if flat.any():
        log.warning("%s: %d of %d boxes have no area and are dropped", path, flat.sum(), len(flat))
    kept = np.flatnonzero(~flat & (category >= 0))
    kept = kept[np.argsort(owner[kept], kind="stable")]
    start = Path(root) if root is not None else recorded_root(document) or path.parent
    return ImageSet(
        root=start,
        files=[_with_slashes(start, str(image["file_name"])) for image in images],
        names=names,
        sequences=sequences,
        width=width,
        height=height,
        image_id=image_id,
        sequence=sequence,
        frame_id=columns.ints("images", images, "frame_id", default=0),
        offsets=np.searchsorted(owner[kept], np.arange(len(images) + 1)).astype(np.int64),
        xyxy=xyxy[kept],
        category=category[kept],
        track_id=track_id[kept],
        crowd=crowd[kept],
    )


def mix(sets: Sequence[ImageSet]) -> ImageSet:
    """Joins all images of `sets` back to back, ids renumbered: image ids from 1, sequences and track ids shifted past those before.

    Files become paths that need no common root. ValueError if there is no set or their classes differ.
    """
    if not sets:
        raise ValueError("mix expects at least one dataset, got none")
    for other in sets[1:]:
        if other.names != sets[0].names:
            raise ValueError(
                f"datasets to mix must have the same classes: got {sets[0].names} and {other.names}; "
                "choose and rename them with `classes`, for instance {pedestrian: [pedestrian, person]}"
            )
    sequence, track_id, offsets = [], [], [np.zeros(1, np.int64)]
    seen_sequences = seen_tracks = seen_boxes = 0
    for part in sets:
        sequence.append(np.where(part.sequence >= 0, part.sequence + seen_sequences, -1))
        track_id.append(np.where(part.track_id >= 0, part.track_id + seen_tracks, -1))
        offsets.append(part.offsets[1:] + seen_boxes)
        seen_sequences += len(part.sequences)
        seen_tracks += int(part.track_id.max(initial=0))
        seen_boxes += len(part.xyxy)

    def join(name: str) -> Any:
        return np.concatenate([getattr(part, name) for part in sets])

    return ImageSet(
        root=Path(),
        files=[str(part.root / file) for part in sets for file in part.files],
        names=list(sets[0].names),
        sequences=[name for part in sets for name in part.sequences],
        width=join("width"),
        height=join("height"),
        image_id=np.arange(1, sum(map(len, sets)) + 1, dtype=np.int64),
        sequence=np.concatenate(sequence),
        frame_id=join("frame_id"),
        offsets=np.concatenate(offsets),
        xyxy=join("xyxy"),
        category=join("category"),
        track_id=np.concatenate(track_id),
        crowd=join("crowd"),
    )


def _with_slashes(root: Path, name: str) -> str:
    """Returns a file name as this system writes it: what Windows wrote with backslashes, unless there is such a file."""
    return name.replace("\\", "/") if "\\" in name and not (root / split_frame(name)[0]).exists() else name


class _Columns:
    """Turns one key of many records into an array, and a wrong record into a message that names it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def ints(self, where: str, records: list[dict[str, Any]], key: str, default: int | None = None, at_least: int | None = None) -> Ints:
        """Converts whole numbers to shape (n,); `default` where the key is missing or null, FormatError if there is none."""
        values = [whole_number(self.path, where, row, record, key, default, at_least) for row, record in enumerate(records)]
        return np.array(values, dtype=np.int64)

    def tlwh(self, records: list[dict[str, Any]]) -> Floats:
        """Converts boxes to shape (n, 4); FormatError if one is not four finite numbers."""
        values = [record.get("bbox") for record in records]
        try:
            boxes = np.array(values, dtype=np.float64).reshape(len(values), 4)
            with np.errstate(over="ignore"):
                bad = np.flatnonzero(~np.isfinite(boxes[:, :2] + boxes[:, 2:]).all(axis=1))  # right and bottom are numbers too
        except (TypeError, ValueError):
            bad = np.array([row for row, value in enumerate(values) if not _is_box(value)][:1])
        if len(bad):
            raise FormatError(
                f"{self.path}: annotations[{bad[0]}] needs 'bbox', four finite numbers left, top, width, height: got {values[bad[0]]!r}"
            )
        if are_fractions(boxes):
            raise FormatError(f"{self.path}: expected 'bbox' in pixels, got fractions of the image, as {values[0]!r}")
        return boxes


def _is_box(value: object) -> bool:
    return isinstance(value, list) and len(value) == 4 and all(isinstance(number, (int, float)) for number in value)


def _annotations(
    columns: _Columns, annotations: list[dict[str, Any]], image_id: Ints, order: Ints
) -> tuple[Ints, Floats, Ints, Ints, Bools]:
    """Returns owner (index of the image), xyxy, category id, track id and crowd flag of every annotation."""
    claimed = columns.ints("annotations", annotations, "image_id")
    if len(claimed) and not len(image_id):
        raise FormatError(f"{columns.path}: annotations[0] has image_id {claimed[0]}, which is not among images")
    place = np.searchsorted(image_id[order], claimed).clip(0, max(len(image_id) - 1, 0))
    owner = order[place]
    lost = np.flatnonzero(image_id[owner] != claimed)
    if len(lost):
        raise FormatError(f"{columns.path}: annotations[{lost[0]}] has image_id {claimed[lost[0]]}, which is not among images")
    category = columns.ints("annotations", annotations, "category_id")
    track_id = columns.ints("annotations", annotations, "track_id", default=-1)
    crowd = (columns.ints("annotations", annotations, "iscrowd", default=0) != 0) | (
        columns.ints("annotations", annotations, "ignore", default=0) != 0
    )
    return owner, boxes.xyxy_from_tlwh(columns.tlwh(annotations)), category, track_id, crowd


def _sequences(path: Path, document: Mapping[str, Any], images: list[dict[str, Any]]) -> tuple[list[str], Ints]:
    """Returns the names of the videos, and for every image the index of its own, -1 for none."""
    for row, image in enumerate(images):
        if not isinstance(image.get("file_name"), str):
            raise FormatError(f"{path}: images[{row}] needs 'file_name', a text: got {image.get('file_name')!r}")
    videos = document["videos"]
    index = {video.get("id"): i for i, video in enumerate(videos)}
    sequence = np.array([index.get(image.get("video_id"), -1) for image in images], dtype=np.int64)
    return [str(video.get("name") or video.get("file_name")) for video in videos], sequence


def _classes(
    columns: _Columns,
    categories: list[dict[str, Any]],
    category: Ints,
    classes: Mapping[str, Sequence[str]] | Sequence[str] | None,
) -> tuple[list[str], Ints]:
    """Returns the class names, and every annotation's index among them in place of its category id; -1 where it is not chosen."""
    found = {i: str(record.get("name")) for i, record in zip(columns.ints("categories", categories, "id"), categories, strict=True)}
    nameless = next((row for row, record in enumerate(categories) if record.get("name") is None), None)
    if nameless is not None or len(found) < len(categories):
        wrong = f"categories[{nameless}] has none" if nameless is not None else "an id repeats"
        raise FormatError(f"{columns.path}: categories need an id each, and a name: {wrong}")
    unknown = np.flatnonzero(~np.isin(category, list(found)))
    if len(unknown):
        row, known = unknown[0], ", ".join(f"{i} {name}" for i, name in list(found.items())[:6]) or "none"
        raise FormatError(
            f"{columns.path}: annotations[{row}] has category_id {category[row]}, which is not among categories ({known}), "
            f"as {len(unknown)} of {len(category)} annotations: correct either list"
        )
    ids = sorted(found)
    if classes is None and len(set(found.values())) < len(found):
        twice = next(name for name in found.values() if list(found.values()).count(name) > 1)
        raise FormatError(f"{columns.path}: two categories are called {twice!r}: classes={{{twice}: [{twice}]}} makes one of them")
    if classes is None:
        return [found[i] for i in ids], np.searchsorted(ids, category).astype(np.int64)
    wanted = {new: list(classes[new]) if isinstance(classes, Mapping) else [new] for new in classes}
    for new, old in wanted.items():
        if not set(old) & set(found.values()):
            raise FormatError(
                f"{columns.path}: no category {' or '.join(old)} for class {new!r}; found {', '.join(list(found.values())[:8]) or 'none'}"
            )
    source = {name: i for i, old in enumerate(wanted.values()) for name in old}
    index = np.array([source.get(found[i], -1) for i in ids], dtype=np.int64)
    return list(wanted), index[np.searchsorted(ids, category)]
