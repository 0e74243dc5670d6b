"""The document that all converters fill."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bytetrack.data.image_files import ImageFiles, image_size
from bytetrack.errors import FormatError, MissingDataError

__all__ = ["Document"]


log = logging.getLogger(__name__)


class Document:
    """A COCO document that grows: ids count from 1 in the order of arrival. `root` is where its file names start from.

    `skip_missing`: images that are not there or cannot be read are left out, counted in a warning and listed in `info.left_out`,
    instead of ending the conversion.
    """

    def __init__(self, root: Path, categories: Sequence[str] = ("pedestrian",), skip_missing: bool = False) -> None:
        self.root, self.skip_missing = root, skip_missing
        self.files = ImageFiles()
        self.left_out: list[dict[str, str]] = []
        self.categories = [{"id": i, "name": name} for i, name in enumerate(categories, start=1)]
        self.images: list[dict[str, Any]] = []
        self.annotations: list[dict[str, Any]] = []
        self.videos: list[dict[str, Any]] = []

    def video(self, name: str) -> int:
        """Adds a sequence and returns its id."""
        self.videos.append({"id": len(self.videos) + 1, "file_name": name})
        return len(self.videos)

    def measure(self, file: Path | None, wanted: str) -> tuple[int, int] | None:
        """Returns width and height of image `file` (None: not found); None if it is to be left out.

        MissingDataError (saying what was `wanted`) or FormatError without `skip_missing`.
        """
        if file is None:
            self.leave_out(wanted)
            return None
        try:
            return image_size(file)
        except (MissingDataError, FormatError) as error:
            if not self.skip_missing:
                raise
            kind = "unreadable image" if isinstance(error, FormatError) else "missing image"
            self.left_out.append({"kind": kind, "where": str(file)})
            return None

    def leave_out(self, wanted: str) -> None:
        """Notes that an image is missing, `wanted` saying which; MissingDataError without `skip_missing`."""
        if not self.skip_missing:
            raise MissingDataError(f"{wanted}; skip_missing=true leaves out what is not there")
        self.left_out.append({"kind": "missing image", "where": wanted})

    def image(self, file: Path, size: tuple[int, int], video_id: int | None = None, frame_id: int | None = None) -> int:
        """Adds an image of (width, height) pixels, if of a video frame `frame_id` (from 1) of `video_id`; returns its id."""
        record: dict[str, Any] = {"id": len(self.images) + 1, "file_name": self.name(file)}
        if video_id is not None:
            record |= {"video_id": video_id, "frame_id": frame_id}
        self.images.append(record | {"width": size[0], "height": size[1]})
        return len(self.images)

    def name(self, file: Path) -> str:
        """Returns the path of `file` from the root on; FormatError if it lies elsewhere."""
        if file.is_absolute() and not self.root.is_absolute() and file.is_relative_to(self.root.absolute()):
            return self.name(self.root / file.relative_to(self.root.absolute()))
        if ".." in file.parts or not file.is_relative_to(self.root):
            raise FormatError(f"{str(file)!r} lies outside {str(self.root)!r}: annotations must name images below it")
        return file.relative_to(self.root).as_posix()

    def box(
        self,
        image_id: int,
        tlwh: Sequence[float],
        category_id: int = 1,
        track_id: int | None = None,
        crowd: bool = False,
        visible: Sequence[float] | None = None,
    ) -> None:
        """Adds a box of the image, amodal (it may leave the image); `crowd`: to be ignored, neither object nor background."""
        record: dict[str, Any] = {"id": len(self.annotations) + 1, "image_id": image_id, "category_id": category_id}
        if track_id is not None:
            record["track_id"] = track_id
        record |= {"bbox": list(tlwh), "area": max(tlwh[2], 0) * max(tlwh[3], 0), "iscrowd": int(crowd)}
        if visible is not None:
            record["bbox_vis"] = list(visible)
        self.annotations.append(record)

    def whole(self) -> dict[str, Any]:
        """Returns the document, ready to write."""
        return {
            "info": self.info(),
            "images": self.images,
            "annotations": self.annotations,
            "videos": self.videos,
            "categories": self.categories,
        }

    def info(self) -> dict[str, Any]:
        """Says where the document comes from, and warns of what is not in it."""
        info: dict[str, Any] = {"description": "made by bytetrack, tools/prepare.py", "root": str(self.root.resolve())}
        if self.left_out:
            log.warning("%s: %d images are missing or unreadable and skipped", self.root, len(self.left_out))
            info["left_out"] = self.left_out
        if renamed := self.files.renamed:
            log.warning("%s: %d images have names of another case or ending than %s and so on", self.root, len(renamed), renamed[0])
        return info
