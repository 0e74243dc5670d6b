"""CityPersons, ETHZ and others in JDE's form: a text file an image, `class identity cx cy w h` in fractions of its size."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from bytetrack.data.converters.document import Document
from bytetrack.errors import FormatError, MissingDataError
from bytetrack.io.text import four_numbers, read_text, whole
from bytetrack.listing import files_below
from bytetrack.names import shortened
from bytetrack.runtime.progress import with_progress

__all__ = ["LabelsWithIds"]

LABELS, IMAGES = "labels_with_ids", "images"

log = logging.getLogger(__name__)

MOST = 10  # images that a box may be wide or away


class LabelsWithIds:
    """Every `labels_with_ids/**/x.txt` below `root` whose path contains `within`, with the image `images/**/x.png` beside it.

    All classes are taken as pedestrians, which a warning says if there are several; an identity below 0 is none, one of two classes two.
    `sequences`: each image folder is a video, its frames in the order of their names; else images stand alone. Boxes are amodal and
    stay so.
    """

    def __init__(self, root: str | Path, within: str = "", sequences: bool = False) -> None:
        self.root, self.within, self.sequences = Path(root).expanduser(), within, sequences

    def to_coco(self, skip_missing: bool = False) -> dict[str, Any]:
        """Makes the COCO document; MissingDataError without labels or images, FormatError naming the line that is wrong."""
        labels = [
            path
            for path in files_below(self.root, (".txt",))
            if LABELS in path.relative_to(self.root).parts and self.within in path.relative_to(self.root).as_posix()
        ]
        if not labels:
            raise MissingDataError(f"no label files {LABELS}/**/{self.within}*.txt below {str(self.root)!r}")
        document = Document(self.root, skip_missing=skip_missing)
        videos: dict[Path, tuple[int, int]] = {}  # image folder: video id, frames so far
        tracks: dict[tuple[Path, int, int], int] = {}
        kinds: set[int] = set()
        for label in with_progress(labels, "converting"):
            image = self._image(label, document)
            size = document.measure(image, f"{label}: no image of that name in {IMAGES}/")
            if image is None or size is None:
                continue
            if self.sequences:
                video_id, frames = videos.get(image.parent, (0, 0))
                video_id = video_id or document.video(_video_name(image.parent.relative_to(self.root)))
                videos[image.parent] = (video_id, frames + 1)
            image_id = document.image(image, size, *videos.get(image.parent, ()))
            for kind, identity, tlwh in _boxes(label, size):
                owner = image.parent if self.sequences else Path()
                kinds.add(kind)
                track = tracks.setdefault((owner, kind, identity), len(tracks) + 1) if identity >= 0 else None
                document.box(image_id, tlwh, track_id=track)
        if len(kinds) > 1:
            log.warning("%s: boxes of classes %s are all taken as pedestrians", self.root, shortened(sorted(kinds), 6, count=False))
        return document.whole()

    def _image(self, label: Path, document: Document) -> Path | None:
        parts = list(label.relative_to(self.root).parts)
        parts[parts.index(LABELS)] = IMAGES
        return document.files.find(self.root.joinpath(*parts), any_ending=True)


def _video_name(folder: Path) -> str:
    return "/".join(part for part in folder.parts if part != IMAGES) or IMAGES


def _boxes(label: Path, size: tuple[int, int]) -> list[tuple[int, int, list[float]]]:
    """Returns class, identity, and left, top, width, height in pixels of every line."""
    found = []
    for number, line in enumerate(read_text(label).splitlines(), start=1):
        columns = line.split()
        if not columns:
            continue
        where = f"{label}:{number}"
        try:
            kind, identity = (whole(column, where, "class and identity") for column in columns[:2])
            fractions = four_numbers(columns[2:6], where, "cx cy w h")
        except (FormatError, ValueError):
            fractions = []
        if len(columns) != 6 or not fractions:
            raise FormatError(f"{where}: expected 6 columns class identity cx cy w h, the first two whole numbers, got {line[:80]!r}")
        cx, cy, w, h = fractions
        if max(map(abs, fractions)) > MOST:
            raise FormatError(f"{where}: expected cx cy w h as fractions of the image, got pixels: divide them by its size: {line[:80]!r}")
        found.append((kind, identity, [(cx - w / 2) * size[0], (cy - h / 2) * size[1], w * size[0], h * size[1]]))
    return found
