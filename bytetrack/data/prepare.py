"""A raw dataset folder in, a checked COCO json file out: what `tools/prepare.py` does."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from bytetrack.data.check import check
from bytetrack.data.converters import convert
from bytetrack.data.image_set import image_set
from bytetrack.errors import FormatError
from bytetrack.interfaces import CocoSource, Dataset
from bytetrack.io.coco import write_coco
from bytetrack.runtime.showing import open_console

__all__ = ["prepare", "prepare_checked"]

log = logging.getLogger(__name__)


def prepare(dataset: Dataset | CocoSource, path: Path, skip_missing: bool = False) -> None:
    """Converts `dataset` and writes it to `path`, atomically."""
    _write(convert(dataset, skip_missing), path)


def prepare_checked(
    dataset: Dataset | CocoSource, path: Path, skip_missing: bool = False, images: bool = True, decode: bool = False, workers: int = 8
) -> None:
    """Checks `dataset`, writes `<path's stem>_check.json` beside `path` and shows a table; writes `path` if there is no error.

    `images`: look at image files too, `decode`: decode them whole. With `skip_missing` images that are left out are no errors.
    FormatError, saying how many, if there are errors.
    """
    report, document = check(dataset, skip_missing, images, decode, workers)
    table = path.with_name(f"{path.stem}_check.json")
    report.write(table)
    if report.findings:
        open_console(stderr=True).print(report.table())
    if report.errors:
        raise FormatError(f"{report.errors} errors in the dataset, all of them in {table}; {path.name} is not written")
    log.info("no errors in %d images and %d boxes: %s", report.images, report.boxes, table)
    _write(document, path)


def _write(document: dict[str, Any], path: Path) -> None:
    image_set(document, Path(document["info"].get("annotations", path)))  # whatever training would refuse is refused here
    write_coco(path, document)
    boxes = document["annotations"]
    crowd = sum(bool(box.get("iscrowd")) for box in boxes)
    tracks = len({box.get("track_id") for box in boxes} - {None, -1})
    log.info(
        "%s: %d images of %d sequences, %d boxes (%d of them crowd), %d tracks; images below %s",
        path,
        len(document["images"]),
        len(document.get("videos") or []),
        len(boxes),
        crowd,
        tracks,
        document["info"]["root"],
    )
