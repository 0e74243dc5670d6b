"""COCO json documents, checked when read and written whole or not at all.

A document is what the converters write: `images` (`file_name`, `id`, `width`, `height`, and for videos `video_id`, `frame_id` from 1),
`annotations` (`image_id`, `category_id`, `bbox` as left, top, width, height, `track_id`, `iscrowd`), `categories`, `videos`, and
`info.root`, the folder its file names start from. `video.avi#000123` names frame 123 (from 1) of a video file.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bytetrack.errors import FormatError, MissingDataError
from bytetrack.io.text import LARGEST_WHOLE
from bytetrack.runtime.atomic import replace_text

__all__ = ["read_coco", "recorded_root", "split_frame", "whole_number", "write_coco"]

NUMBERS = {
    "images": ("id", "width", "height", "video_id", "frame_id"),
    "annotations": ("id", "image_id", "category_id", "track_id", "iscrowd", "ignore"),
    "categories": ("id",),
    "videos": ("id",),
}
FLAGS = ("iscrowd", "ignore")  # which some write as true and false


def read_coco(path: str | Path) -> dict[str, Any]:
    """Reads the document in COCO json file `path` (also `.json.gz`): its lists are there, and ids and sizes are numbers or missing."""
    path = Path(path)
    if not path.is_file():
        raise MissingDataError(f"no annotation file {path}: make it with `python tools/prepare.py dataset=NAME dataset.root=DIR`")
    try:
        content = path.read_bytes()
        document = json.loads(gzip.decompress(content) if path.suffix == ".gz" else content)
    except (ValueError, EOFError, RecursionError, gzip.BadGzipFile, zlib.error) as error:
        raise FormatError(f"{path}: expected a COCO json document: {error}") from None
    for name in ("images", "annotations", "categories", "videos"):
        records = document.get(name) if isinstance(document, dict) else None
        if records is None and isinstance(document, dict) and name in ("annotations", "videos"):
            records = []
        if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
            raise FormatError(f"{path}: expected a COCO json document with a list of records {name!r}")
        document[name] = records
        for record, key in ((record, key) for key in FLAGS if name == "annotations" for record in records):
            if isinstance(record.get(key), bool):
                record[key] = int(record[key])
        for key in NUMBERS[name]:
            if not {type(record.get(key)) for record in records} <= {int, float, type(None)}:
                row = next(row for row, record in enumerate(records) if type(record.get(key)) not in (int, float, type(None)))
                raise FormatError(f"{path}: {name}[{row}] needs {key!r}, a whole number: got {str(records[row][key])[:40]!r}")
    return document  # type: ignore[no-any-return]


def whole_number(
    path: Path, name: str, row: int, record: Mapping[str, Any], key: str, default: int | None = None, least: int | None = None
) -> int:
    """Returns a whole number of record `row` of the list `name`, `default` if the record has none; FormatError for anything else."""
    value = record.get(key)
    value = default if value is None else value
    if value is None or not -LARGEST_WHOLE <= value <= LARGEST_WHOLE or value != value // 1 or (least is not None and value < least):
        of_at_least = "" if least is None else f" of at least {least}"
        raise FormatError(f"{path}: {name}[{row}] needs {key!r}, a whole number{of_at_least}: got {value!r}")
    return int(value)


def write_coco(path: str | Path, document: Mapping[str, Any]) -> None:
    """Writes a COCO document as compact json, whole or not at all."""
    path = Path(path)
    try:
        replace_text(path, json.dumps(document, separators=(",", ":"), allow_nan=False))
    except ValueError:
        raise FormatError(f"{path} is not written: {_not_finite(document)} holds a number that is not finite") from None


def _not_finite(document: Mapping[str, Any]) -> str:
    """Names the first record that json cannot hold."""
    for name, records in document.items():
        for row, record in enumerate(records if isinstance(records, list) else [records]):
            try:
                json.dumps(record, allow_nan=False)
            except ValueError:
                return f"{name}[{row}] of {recorded_root(document) or 'the dataset'}"
    return "it"


def recorded_root(document: Mapping[str, Any]) -> Path | None:
    """Returns `info.root`, the folder that file names start from, if the document has it."""
    info = document.get("info")
    return Path(str(info["root"])) if isinstance(info, dict) and info.get("root") else None


def split_frame(file_name: str) -> tuple[str, int | None]:
    """Splits a file name from its frame in a video, None for an image.

    >>> split_frame("vtest.avi#000123"), split_frame("img1/000123.jpg")
    (('vtest.avi', 123), ('img1/000123.jpg', None))
    """
    path, mark, number = file_name.rpartition("#")
    return (path, int(number)) if mark and number.isascii() and number.isdigit() else (file_name, None)
