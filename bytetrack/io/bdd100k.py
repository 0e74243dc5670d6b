"""BDD100K MOT's label files: Scalabel json, one file a video, eight classes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from bytetrack.errors import FormatError
from bytetrack.io.result import REGION, annotations_of
from bytetrack.io.text import four_numbers
from bytetrack.listing import natural
from bytetrack.structures import Annotations

__all__ = ["ALSO_CALLED", "CLASSES", "Box", "boxes_of", "ids_count_within_classes", "read_labels", "size_of", "videos_of"]

CLASSES = ("pedestrian", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle")  # 1 to 8
ALSO_CALLED = {"person": "pedestrian", "motor": "motorcycle", "bike": "bicycle"}  # in older releases of the labels
IGNORED = {"other person": "pedestrian", "other vehicle": "car", "trailer": "truck"}  # crowd boxes of the class nearest to them


class Box(NamedTuple):
    """One box: the identity as the file writes it, the class from 1, and if the benchmark ignores it (a crowd, or another class)."""

    identity: str
    tlwh: list[float]
    class_id: int
    ignored: bool


def read_labels(path: Path) -> Annotations:
    """Reads a file of one video as ground truth: classes 1 to 8; boxes that the benchmark ignores are regions. FormatError."""
    rows: list[list[float]] = []
    ids: dict[str, int] = {}
    for frames in videos_of(path).values():
        for frame_id, frame in enumerate(frames, start=1):
            for box in boxes_of(frame, path):
                track_id = ids.setdefault(box.identity, len(ids) + 1)
                rows.append([frame_id, track_id, *box.tlwh, not box.ignored, REGION if box.ignored else box.class_id])
    return annotations_of(rows, path)


def boxes_of(frame: dict[str, Any], path: Path) -> Iterator[Box]:
    """Yields the boxes of a frame of the file `path`; lanes and areas are passed over. FormatError names file and frame."""
    where = f"{path}: {frame['name']}"
    for label in frame.get("labels") or []:
        corners, category = label.get("box2d"), str(label.get("category"))
        if corners is None:
            continue
        known = ALSO_CALLED.get(category, IGNORED.get(category, category))
        if known not in CLASSES:
            raise FormatError(f"{where}: no class {category!r} in BDD100K MOT; known are {', '.join((*CLASSES, *IGNORED))}")
        stated = [corners.get(key) for key in ("x1", "y1", "x2", "y2")] if isinstance(corners, dict) else corners
        x1, y1, x2, y2 = four_numbers(stated, where, "box2d x1 y1 x2 y2")
        yield Box(str(label.get("id")), [x1, y1, x2 - x1, y2 - y1], CLASSES.index(known) + 1, category in IGNORED or _is_crowd(label))


def ids_count_within_classes(frames: list[dict[str, Any]], path: Path) -> bool:
    """Tells by a frame that holds one id twice that objects of different classes share ids; FormatError as `boxes_of`."""
    found = [[box.identity for box in boxes_of(frame, path)] for frame in frames]
    return any(len(set(ids)) < len(ids) for ids in found)


def videos_of(file: Path) -> dict[str, list[dict[str, Any]]]:
    """Reads the frames of each video in a label file, in the order of their index; FormatError."""
    try:
        content = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{file}: expected Scalabel json: {error}") from None
    frames = content.get("frames") if isinstance(content, dict) else content
    videos: dict[str, list[dict[str, Any]]] = {}
    for row, frame in enumerate(frames if isinstance(frames, list) else [None]):
        if not _is_frame(frame):
            raise FormatError(
                f"{file}: expected a list of frames with name, frameIndex, labels (Scalabel), frame {row} is {str(frame)[:60]!r}"
            )
        videos.setdefault(str(frame.get("videoName") or frame.get("video_name") or file.stem), []).append(frame)
    for of_video in videos.values():
        of_video.sort(key=lambda frame: (frame.get("frameIndex", 0), natural(frame["name"])))
    return videos


def _is_frame(frame: Any) -> bool:
    if not isinstance(frame, dict):
        return False
    labels, index = frame.get("labels"), frame.get("frameIndex", 0)
    return (
        isinstance(frame.get("name"), str)
        and isinstance(index, int)
        and (labels is None or (isinstance(labels, list) and all(isinstance(label, dict) for label in labels)))
    )


def size_of(frame: dict[str, Any]) -> tuple[int, int] | None:
    """Returns width and height if the frame states them as sane numbers."""
    size = frame.get("size")
    width, height = (size.get("width"), size.get("height")) if isinstance(size, dict) else (None, None)
    return (
        (width, height)
        if isinstance(width, int) and isinstance(height, int) and 0 < min(width, height) <= max(width, height) < 2**31
        else None
    )


def _is_crowd(label: dict[str, Any]) -> bool:
    attributes = label.get("attributes")
    return isinstance(attributes, dict) and bool(attributes.get("crowd", attributes.get("Crowd")))
