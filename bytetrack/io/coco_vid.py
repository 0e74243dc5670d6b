"""COCO-VID json: one file of any number of sequences, as mmtracking's CocoVID.

`videos` (`id`, `name`, `width`, `height`, `fps`), `images` (`id`, `file_name`, `video_id`, `frame_id` from 0, `width`, `height`; every
frame), `annotations` (`image_id`, `video_id`, `category_id`, `instance_id` and, the same, `track_id`, `bbox` as left, top, width, height,
`area`, `iscrowd`, `score`), `categories` (`id` = class id + 1). Numbers are written in full: nothing is rounded. The dialect of
`tools/prepare.py` and the published ByteTrack (`track_id` only, `frame_id` from 1) is read too; crowd boxes are passed over.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bytetrack.errors import FormatError
from bytetrack.io.coco import read_coco, whole_number, write_coco
from bytetrack.io.result import MOST_FRAMES, NO_CLASS, Names, Result, Rows

__all__ = ["read_coco_vid", "write_coco_vid"]

log = logging.getLogger(__name__)


def read_coco_vid(path: Path, names: Names) -> list[Result]:
    """Reads all sequences of the file, by name; FormatError names the record."""
    document = read_coco(path)
    if not document["videos"]:
        raise FormatError(f"{path}: expected a COCO json with videos, got one of still images")
    videos = {whole_number(path, "videos", k, video, "id"): video for k, video in enumerate(document["videos"])}
    frames = {}
    for k, image in enumerate(document["images"]):
        frame = whole_number(path, "images", k, image, "frame_id"), whole_number(path, "images", k, image, "video_id")
        if frame[1] not in videos:
            raise FormatError(f"{path}: images[{k}] has video_id {frame[1]}, which is not among videos")
        frames[whole_number(path, "images", k, image, "id")] = frame
    annotations = document["annotations"]
    from_zero = any("instance_id" in annotation for annotation in annotations) or any(frame_id == 0 for frame_id, _ in frames.values())
    categories = {whole_number(path, "categories", k, c, "id"): str(c.get("name")) for k, c in enumerate(document["categories"])}
    rows = {video_id: Rows() for video_id in videos}
    for k, annotation in enumerate(annotations):
        where = f"{path}: annotations[{k}]"
        image_id, category = (whole_number(path, "annotations", k, annotation, key) for key in ("image_id", "category_id"))
        if image_id not in frames or category not in categories:
            raise FormatError(f"{where}: expected an image_id and a category_id of the file, got {image_id} and {category}")
        frame_id, video_id = frames[image_id]
        key = "instance_id" if "instance_id" in annotation else "track_id"
        track_id, box = whole_number(path, "annotations", k, annotation, key), annotation.get("bbox")
        try:
            tlwh, score = [float(value) for value in box or ()], float(annotation.get("score", 1.0))
            if len(tlwh) != 4 or not isinstance(box, list):
                raise ValueError
        except (TypeError, ValueError):
            raise FormatError(f"{where}: expected bbox as four numbers, got {box!r}") from None
        if not annotation.get("iscrowd"):
            rows[video_id].add(where, frame_id + from_zero, track_id, tlwh, score, names.check(categories[category], where))
    shift = 0 if 0 in categories else 1
    order = {} if list(categories.values()) == [NO_CLASS] else {c - shift: name for c, name in categories.items()}
    known = {class_id: name for class_id, name in order.items() if name != f"class_{class_id}"}
    results = []
    for video_id, video in videos.items():
        ids, class_names = Names(names.known or known).resolve(rows[video_id].labels())
        own = [image for image in document["images"] if image["video_id"] == video_id]
        length = max((image["frame_id"] + from_zero for image in own), default=0)
        size: dict[str, Any] = next((image for image in own), {})
        width, height, rate = (video.get(key) or size.get(key) for key in ("width", "height", "fps"))
        name = str(video.get("name") or video.get("file_name") or video_id)
        result = rows[video_id].result(name, ids, class_names, length, width, height, rate)
        files = {image["frame_id"] + from_zero: image.get("file_name") for image in own}
        images = tuple(str(files.get(frame_id) or "") for frame_id in range(1, length + 1)) if length <= MOST_FRAMES else ()
        results.append(replace(result, images=images))
    return sorted(results, key=lambda result: result.name)


def write_coco_vid(results: Sequence[Result], path: Path) -> None:
    """Raises ValueError for a sequence whose size is not known."""
    labels = {class_id: name for result in results for class_id, name in result.labels().items()}
    document: dict[str, list[dict[str, Any]]] = {"videos": [], "images": [], "annotations": []}
    for video_id, result in enumerate(results, start=1):
        if not result.width or not result.height:
            raise ValueError(
                f"coco_vid needs the image size of {result.name}: give root=DIR with {result.name}/seqinfo.ini, or size=[WIDTH,HEIGHT]"
            )
        result.refuse_endless("coco_vid")
        size = {"width": result.width, "height": result.height}
        rate = {"fps": result.frame_rate} if result.frame_rate else {}
        document["videos"].append({"id": video_id, "name": result.name, **size, **rate})
        first = len(document["images"])
        for k, file_name in enumerate(_file_names(result)):
            document["images"].append({"id": first + k + 1, "file_name": file_name, "video_id": video_id, "frame_id": k, **size})
        for frame_id, track_id, tlwh, score, class_id in result.rows():
            document["annotations"].append(
                {
                    "id": len(document["annotations"]) + 1,
                    "image_id": first + frame_id,
                    "video_id": video_id,
                    "category_id": (class_id or 0) + 1,
                    "instance_id": track_id,
                    "track_id": track_id,
                    "bbox": tlwh,
                    "area": tlwh[2] * tlwh[3],
                    "iscrowd": 0,
                    "score": score,
                }
            )
    categories = [{"id": class_id + 1, "name": name} for class_id, name in sorted(labels.items())] or [{"id": 1, "name": NO_CLASS}]
    write_coco(path, {**document, "categories": categories})


def _file_names(result: Result) -> list[str]:
    """Returns the image of every frame; if unknown, MOTChallenge's name, with a warning."""
    known = [*result.images, *[""] * result.length][: result.length]
    names = [name or f"{result.name}/img1/{frame_id:06d}.jpg" for frame_id, name in enumerate(known, start=1)]
    if lacking := known.count(""):
        at = known.index("")
        log.warning("%s: %d of %d frames have no image that is known: they are named as %s", result.name, lacking, len(known), names[at])
    return names
