"""BDD100K MOT: a Scalabel json file a video, eight classes."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from bytetrack.data.converters.document import Document, numbers, progress
from bytetrack.data.datasets import check_every, thinned
from bytetrack.data.image_files import ImageFiles, image_size
from bytetrack.errors import FormatError, MissingDataError
from bytetrack.listing import listed, natural
from bytetrack.structures import NOT_SCORED, Sequence

__all__ = ["Bdd100k"]

CLASSES = ("pedestrian", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle")
ALSO_CALLED = {"person": "pedestrian", "motor": "motorcycle", "bike": "bicycle"}  # in older releases of the labels
IGNORED = {"other person": "pedestrian", "other vehicle": "car", "trailer": "truck"}  # crowd boxes of the class nearest to them

log = logging.getLogger("bytetrack")


class Bdd100k:
    """The videos of `root`/`labels`/*.json, with frames `root`/`images`/<video>/<frame>.jpg.

    Boxes marked `crowd` and the classes that the benchmark ignores (other person, other vehicle, trailer) become crowd boxes. Sizes
    come from the labels where they state them, else from the header of each video's first image.
    """

    protocol = "bdd100k"
    class_names = (NOT_SCORED, *CLASSES)

    def __init__(
        self,
        root: str | Path,
        labels: str = "labels/box_track_20/train",
        images: str = "images/track/train",
        min_box_area: float | None = None,
        max_aspect_ratio: float | None = None,
        every: int = 1,
    ) -> None:
        self.root, self.labels, self.images, self.every = Path(root), labels, images, check_every(every)
        self.min_box_area, self.max_aspect_ratio = min_box_area, max_aspect_ratio

    def sequences(self) -> list[Sequence]:
        """The videos, one a label file, 5 frames a second, frames numbered from 1; MissingDataError, FormatError."""
        found, there = [], ImageFiles()
        for file in self._label_files():
            (name, frames), *others = videos_of(file).items()
            if others or name != file.stem:
                raise FormatError(f"{file}: expected the one video {file.stem}, got {name}{' and others' if others else ''}")
            folder = self.root / self.images / name
            names = [there.find(folder / frame["name"]) for frame in frames]
            size = _size(frames[0]) or (image_size(names[0]) if names[0] is not None else (1280, 720))
            whole = Sequence(
                name,
                len(frames),
                5.0,
                *size,
                images=folder if folder.is_dir() else None,
                image_names=tuple(None if path is None else path.name for path in names),
                ground_truth=file,
                last_frame=len(frames),
                layout="bdd100k",
                class_names=self.class_names,
            )
            found.append(thinned(whole, self.every))
        return found

    def _label_files(self) -> list[Path]:
        folder = self.root / self.labels
        files = listed(folder, (".json",)) if folder.is_dir() else []
        if not files:
            raise MissingDataError(f"no label files in {str(self.root / self.labels)!r}: dataset.labels is the folder of json files")
        return files

    def to_coco(self, skip_missing: bool = False) -> dict[str, Any]:
        """The COCO document; MissingDataError without labels or images, FormatError naming the file and frame that are wrong."""
        files = self._label_files()
        document = Document(self.root, CLASSES, skip_missing)
        tracks: dict[tuple[int, str], int] = {}
        for file in progress(files, "converting"):
            for name, frames in videos_of(file).items():
                folder = self.root / self.images / name
                first = folder / frames[0]["name"]
                size = _size(frames[0]) or document.measure(document.files.find(first), f"no image {first}")
                if size is None:
                    continue
                video_id = document.video(name)
                for frame_id, frame in enumerate(frames, start=1):
                    image = document.files.find(folder / frame["name"])
                    if image is None and not document.files.has_any_in(folder):
                        image = folder / frame["name"]
                        if frame_id == 1:
                            log.warning("%s: no images; training will need them", folder)
                    if image is None:
                        document.leave_out(f"no image {folder / frame['name']}")
                        continue
                    image_id = document.image(image, size, video_id, frame_id)
                    for label in frame.get("labels") or []:
                        _add_box(document, image_id, video_id, label, tracks, f"{file}: {frame['name']}")
        return document.whole()


def videos_of(file: Path) -> dict[str, list[dict[str, Any]]]:
    """The frames of each video in a label file, in the order of their index."""
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


def _size(frame: dict[str, Any]) -> tuple[int, int] | None:
    size = frame.get("size")
    width, height = (size.get("width"), size.get("height")) if isinstance(size, dict) else (None, None)
    return (
        (width, height)
        if isinstance(width, int) and isinstance(height, int) and 0 < min(width, height) <= max(width, height) < 2**31
        else None
    )


def is_crowd(label: dict[str, Any]) -> bool:
    """Whether a label says that its box holds a crowd."""
    attributes = label.get("attributes")
    return isinstance(attributes, dict) and bool(attributes.get("crowd", attributes.get("Crowd")))


def _add_box(
    document: Document, image_id: int, video_id: int, label: dict[str, Any], tracks: dict[tuple[int, str], int], where: str
) -> None:
    corners = label.get("box2d")
    category = str(label.get("category"))
    if corners is None:
        return  # a lane or an area
    known = ALSO_CALLED.get(category, IGNORED.get(category, category))
    if known not in CLASSES:
        raise FormatError(f"{where}: no class {category!r} in BDD100K MOT; known are {', '.join((*CLASSES, *IGNORED))}")
    stated = [corners.get(key) for key in ("x1", "y1", "x2", "y2")] if isinstance(corners, dict) else corners
    x1, y1, x2, y2 = numbers(stated, where, "box2d x1 y1 x2 y2")
    crowd = category in IGNORED or is_crowd(label)
    track_id = tracks.setdefault((video_id, str(label.get("id"))), len(tracks) + 1)
    document.box(image_id, [x1, y1, x2 - x1, y2 - y1], CLASSES.index(known) + 1, track_id, crowd)
