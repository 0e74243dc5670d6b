"""One decision about EXIF rotations, for whoever reads a picture or its size: pixels are as stored, and boxes mean those pixels."""

from __future__ import annotations

import io
import logging
from functools import lru_cache
from pathlib import Path

from PIL import Image

__all__ = ["is_turned", "note_if_turned", "warn"]

log = logging.getLogger(__name__)

EXIF_ORIENTATION = 0x0112
UPRIGHT = (0, 1)
JPEG, JPEG_MARK = b"\xff\xd8", b"Exif\0\0"
MARKS = (JPEG_MARK, b"eXIf", b"EXIF")  # of TIFF and others, PNG and WebP
HEAD = 2**16  # bytes from the start in which cameras write it; PNG and WebP may have it at the end


def is_turned(image: Image.Image) -> bool:
    """Says whether EXIF asks viewers to turn the picture. A TIFF's orientation is how its rows lie, and decoders follow it."""
    if image.format == "TIFF" or (image.format == "PNG" and "exif" not in image.info):  # of such a PNG, Pillow would decode the pixels
        return False
    return image.getexif().get(EXIF_ORIENTATION, 1) not in UPRIGHT


def note_if_turned(path: Path, data: bytes) -> None:
    """Warns, once a folder, that a picture (the bytes of its file) is not turned though its EXIF asks for it."""
    marks, ends = ((JPEG_MARK,), (0,)) if data.startswith(JPEG) else (MARKS, (0, max(len(data) - HEAD, 0)))
    if any(data.find(mark, start, start + HEAD) >= 0 for mark in marks for start in ends):
        try:
            with Image.open(io.BytesIO(data)) as image:
                if is_turned(image):
                    warn(path.parent)
        except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError):
            return  # whoever decodes it says what it is


@lru_cache(maxsize=1024)
def warn(folder: Path) -> None:
    """Warns of rotated images in a folder, once per folder."""
    log.warning(
        "%s: images have an EXIF rotation, which is not applied: boxes refer to the pixels as stored. "
        "`mogrify -auto-orient` rotates the files",
        folder,
    )
