"""BDD100K MOT: a Scalabel json file a video, eight classes."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from bytetrack.checks import check_every
from bytetrack.data.converters.document import Document
from bytetrack.data.datasets import thinned
from bytetrack.data.image_files import ImageFiles, image_size
from bytetrack.errors import FormatError, MissingDataError
from bytetrack.interfaces import ScoringProtocol
from bytetrack.io.bdd100k import CLASSES, boxes_of, ids_count_within_classes, size_of, videos_of
from bytetrack.listing import listed
from bytetrack.runtime.progress import with_progress
from bytetrack.structures import NOT_SCORED, Sequence

__all__ = ["Bdd100k"]

log = logging.getLogger(__name__)


class Bdd100k:
    """The videos of `root`/`labels`/*.json, with frames `root`/`images`/<video>/<frame>.jpg.

    Boxes marked `crowd` and the classes that the benchmark ignores (other person, other vehicle, trailer) become crowd boxes. Sizes
    come from the labels where they state them, else from the header of each video's first image.
    """

    protocol: ScoringProtocol = "bdd100k"
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
        self.root, self.labels, self.images, self.every = Path(root).expanduser(), labels, images, check_every(every)
        self.min_box_area, self.max_aspect_ratio = min_box_area, max_aspect_ratio

    def sequences(self) -> list[Sequence]:
        """Finds the videos, one a label file, 5 frames a second, frames numbered from 1; MissingDataError, FormatError."""
        found, there = [], ImageFiles()
        for file in self._label_files():
            (name, frames), *others = videos_of(file).items()
            if others or name != file.stem:
                raise FormatError(f"{file}: expected the one video {file.stem}, got {name}{' and others' if others else ''}")
            folder = self.root / self.images / name
            names = [there.find(folder / frame["name"]) for frame in frames]
            size = size_of(frames[0]) or (image_size(names[0]) if names[0] is not None else (1280, 720))
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
        """Makes the COCO document; MissingDataError without labels or images, FormatError naming the file and frame that are wrong."""
        files = self._label_files()
        document = Document(self.root, CLASSES, skip_missing)
        tracks: dict[tuple[object, ...], int] = {}
        for file in with_progress(files, "converting"):
            for name, frames in videos_of(file).items():
                folder = self.root / self.images / name
                first = folder / frames[0]["name"]
                size = size_of(frames[0]) or document.measure(document.files.find(first), f"no image {first}")
                if size is None:
                    continue
                video_id, within_classes = document.video(name), ids_count_within_classes(frames, file)
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
                    for box in boxes_of(frame, file):
                        kind = (box.class_id, box.ignored) if within_classes else ()
                        track_id = tracks.setdefault((video_id, box.identity, *kind), len(tracks) + 1)
                        document.box(image_id, box.tlwh, box.class_id, track_id, box.ignored)
        return document.whole()
