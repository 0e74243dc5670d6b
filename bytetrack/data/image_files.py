"""Image and video files as files: where they are, and how large, without decoding any."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from bytetrack.errors import FormatError, MissingDataError

__all__ = ["IMAGE_ENDINGS", "files_below", "image_size", "sequence_fields"]

IMAGE_ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
ASSUMED_FRAME_RATE = 30  # frames a second, MOTChallenge's commonest

log = logging.getLogger("bytetrack")


def image_size(path: Path) -> tuple[int, int]:
    """Width and height from the file's header, nothing decoded and no EXIF rotation; MissingDataError, FormatError."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            return image.size
    except FileNotFoundError:
        raise MissingDataError(f"no image {path}; skip_missing=true leaves out what is not there") from None
    except (UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, ValueError, EOFError) as error:
        raise FormatError(f"{path} is no readable image: {error}") from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise FormatError(f"{path} is no readable image: {error}") from None  # Pillow's word for what ends early


def files_below(folder: Path, endings: Iterable[str]) -> Iterator[Path]:
    """All files below `folder` (linked folders too, each once) with one of the `endings`, in the order of their paths."""
    seen = set()
    for here, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(here)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        yield from (Path(here, name) for name in sorted(files) if name.lower().endswith(tuple(endings)))


def sequence_fields(images: Path) -> dict[str, str]:
    """What a seqinfo.ini would say of a folder of numbered images, or of a video file, where there is none; says so in a warning.

    Empty where the folder holds no image named with digits only. FormatError where numbering starts at 0 or the file is no video.
    """
    fields = _video_fields(images) if images.is_file() else _folder_fields(images)
    if fields:
        log.warning(
            "%s: no seqinfo.ini; taken as %s frames of %sx%s pixels at %s a second",
            images,
            *(fields[key] for key in ("seqlength", "imwidth", "imheight", "framerate")),
        )
    return fields


def _folder_fields(folder: Path) -> dict[str, str]:
    numbered = sorted(
        (path for path in folder.iterdir() if path.suffix.lower() in IMAGE_ENDINGS and path.stem.isascii() and path.stem.isdigit()),
        key=lambda path: int(path.stem),
    )
    if not numbered:
        return {}
    if int(numbered[0].stem) == 0:
        raise FormatError(f"{numbered[0]}: expected images numbered from 1, as annotations count frames")
    width, height = image_size(numbered[0])
    return {
        "seqlength": str(int(numbered[-1].stem)),
        "framerate": str(ASSUMED_FRAME_RATE),
        "imwidth": str(width),
        "imheight": str(height),
        "imext": numbered[0].suffix,
    }


def _video_fields(video: Path) -> dict[str, str]:
    import cv2

    capture = cv2.VideoCapture(str(video))
    try:
        keys = {"seqlength": cv2.CAP_PROP_FRAME_COUNT, "imwidth": cv2.CAP_PROP_FRAME_WIDTH, "imheight": cv2.CAP_PROP_FRAME_HEIGHT}
        fields = {key: str(int(capture.get(prop))) for key, prop in keys.items()}
        rate = capture.get(cv2.CAP_PROP_FPS)
    finally:
        capture.release()
    if any(int(value) <= 0 for value in fields.values()):
        raise FormatError(f"{video} is no readable video: write a seqinfo.ini beside it, or convert it to images")
    return fields | {"framerate": f"{rate if rate > 0 else ASSUMED_FRAME_RATE:g}"}
