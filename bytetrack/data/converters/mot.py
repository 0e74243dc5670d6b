"""Sequences in the MOTChallenge layout to a COCO document, ids as the published converter gives them.

Image ids count all frames of all whole sequences, also of those a half leaves out; annotation ids count the ground truth rows of
the frames that are in (by track, then frame, as the benchmark's files stand); tracks are renumbered over the whole set.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bytetrack.data.converters.document import Document
from bytetrack.data.image_files import image_size, warn_of_size
from bytetrack.errors import FormatError, MissingDataError
from bytetrack.io.formats import read_annotations
from bytetrack.io.mot import PEDESTRIAN
from bytetrack.names import first_unnamed, shortened
from bytetrack.runtime.progress import with_progress
from bytetrack.structures import NOT_SCORED, Sequence
from bytetrack.timeline import Timeline, timeline

__all__ = ["coco_from_sequences"]

log = logging.getLogger(__name__)


def coco_from_sequences(sequences: list[Sequence], protocol: str, skip_missing: bool = False) -> dict[str, Any]:
    """Makes a document of the boxes that count (conf not 0) of pedestrians, of every class if `protocol` is `mot15`.

    Boxes are amodal, visible or not. If the sequences name classes, each of these is a category of its own.

    Sizes come from the sequences. Images are named as they are in their folder; a sequence without any is given MOTChallenge's names,
    which a warning says, and a frame without its image is MissingDataError, or left out with its boxes if `skip_missing`. The frame
    numbers of a half start at 1. Sequences without ground truth (a test set) have images only.
    """
    folders = [_folder(sequence) for sequence in sequences]
    categories = {number: name for number, name in enumerate(sequences[0].class_names) if name != NOT_SCORED} or {PEDESTRIAN: "pedestrian"}
    document = Document(folders[0].parent, list(categories.values()), skip_missing)
    frames_before = rows_before = tracks_before = 0
    without_images = [sequence.name for sequence in sequences if not _has_images(sequence)]
    if without_images:
        log.warning(
            "%s: %d of %d sequences have no images (%s): they are named <sequence>/img1/000001.jpg and so on; training will need them",
            document.root,
            len(without_images),
            len(sequences),
            shortened(without_images, count=False),
        )
    for sequence, folder in with_progress(list(zip(sequences, folders, strict=True)), "converting"):
        video_id = document.video(sequence.name)
        film = _film(document, sequence)
        _add_images(document, sequence, folder, video_id, frames_before, film)
        _name_other_size(sequence, film)
        if sequence.ground_truth is not None:
            rows, tracks = _add_boxes(document, sequence, protocol, list(categories), frames_before, rows_before, tracks_before)
            rows_before += rows
            tracks_before += tracks
        frames_before += _whole_length(sequence)
    return document.whole()


def _film(document: Document, sequence: Sequence) -> Timeline | None:
    """Returns the frames of a sequence that is a video; None too for one that cannot be read, where images may be missing."""
    if sequence.images is None or not sequence.images.is_file():
        return None
    try:
        return timeline(sequence.images)
    except FormatError:
        if not document.skip_missing:
            raise
        return None


def _add_images(document: Document, sequence: Sequence, folder: Path, video_id: int, frames_before: int, film: Timeline | None) -> None:
    named = sequence if _has_images(sequence) else replace(sequence, images=sequence.images or folder / "img1", image_names=())
    for frame_id in range(1, sequence.length + 1):
        number = sequence.number_of(frame_id)
        image_id = frames_before + number
        if film is not None and number > len(film.stamps):
            document.leave_out(f"{sequence.images}: no frame {number}, of {sequence.name}'s {_whole_length(sequence)}: it ends before")
            continue
        if named.image_names and named.image_name(frame_id) is None:
            document.leave_out(f"{sequence.images}: no image of frame {number}, of {sequence.name}'s {_whole_length(sequence)}")
            continue
        document.images.append(
            {
                "file_name": named.image_path(frame_id).relative_to(document.root).as_posix(),
                "id": image_id,
                "frame_id": frame_id,
                "prev_image_id": image_id - 1 if number > 1 else -1,
                "next_image_id": image_id + 1 if number < _whole_length(sequence) else -1,
                "video_id": video_id,
                "height": sequence.height,
                "width": sequence.width,
            }
        )


def _name_other_size(sequence: Sequence, film: Timeline | None) -> None:
    """Warns of the first image, or the video, that has another size than the sequence says; what cannot be read is left to the check."""
    said = sequence.width, sequence.height
    if film is not None and film.size != said:
        warn_of_size(sequence.images, film.size, sequence.name, said)
    if sequence.images is None or not sequence.images.is_dir():
        return
    for frame_id in range(1, sequence.length + 1):
        if not sequence.image_names or sequence.image_name(frame_id) is None:
            continue
        with suppress(FormatError, MissingDataError):
            size = image_size(sequence.image_path(frame_id))
            if size != said:
                warn_of_size(sequence.image_path(frame_id), size, sequence.name, said, ": check=true names all such images")
                return


def _add_boxes(
    document: Document, sequence: Sequence, protocol: str, kinds: list[int], frames_before: int, rows_before: int, tracks_before: int
) -> tuple[int, int]:
    """Appends the sequence's boxes; returns how many rows and tracks it has."""
    truth = read_annotations(sequence)
    order = np.lexsort((truth.frame_id, truth.track_id))
    _refuse_unnamed(sequence, truth.class_id)
    one_class = protocol == "mot15" and not sequence.class_names
    counts = truth.considered[order] & (np.isin(truth.class_id[order], kinds) | one_class)
    kept, ids = order[counts], rows_before + 1 + np.flatnonzero(counts)
    tracks, track_index = np.unique(truth.track_id[kept], return_inverse=True)
    there = {image["id"] for image in document.images[-sequence.length :]}
    category = np.ones(len(kept), np.int64) if one_class else np.searchsorted(kinds, truth.class_id[kept]) + 1
    number = sequence.number_of(truth.frame_id[kept])
    columns = (ids, category, track_index + tracks_before + 1, number + frames_before, truth.tlwh[kept])
    for annotation_id, category_id, track_id, image_id, tlwh in zip(*(column.tolist() for column in columns), strict=True):
        if image_id not in there:
            continue
        document.annotations.append(
            {
                "id": annotation_id,
                "category_id": category_id,
                "image_id": image_id,
                "track_id": track_id,
                "bbox": tlwh,
                "conf": 1.0,
                "iscrowd": 0,
                "area": tlwh[2] * tlwh[3],
            }
        )
    return len(truth), len(tracks)


def _refuse_unnamed(sequence: Sequence, class_id: npt.NDArray[np.int64]) -> None:
    """Raises FormatError for a class number that the sequence's names, if there are any, have no place for."""
    unnamed = first_unnamed(np.unique(class_id), sequence.class_names) if sequence.class_names else None
    if unnamed is not None:
        raise FormatError(
            f"{sequence.ground_truth}: class {unnamed} is not among dataset.class_names, 0 to {len(sequence.class_names) - 1} "
            f"({', '.join(sequence.class_names[:9])}): name it, none if it is not wanted"
        )


def _has_images(sequence: Sequence) -> bool:
    return sequence.images is not None and (sequence.images.is_file() or any(sequence.image_names))


def _whole_length(sequence: Sequence) -> int:
    return sequence.last_frame or sequence.first_frame - 1 + sequence.length


def _folder(sequence: Sequence) -> Path:
    for path, up in ((sequence.ground_truth, 1), (sequence.public_detections, 1), (sequence.images, 0)):
        if path is not None:
            return path.parents[up]
    raise MissingDataError(f"{sequence.name}: found neither images nor gt/gt.txt nor det/det.txt")
