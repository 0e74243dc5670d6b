"""Faults of image files that their bytes show before anything is decoded."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import islice
from typing import Literal

from bytetrack.timeline import MOST_PIXELS

__all__ = ["fault", "holds_several", "lacks_end"]

FRAME_HEADERS = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # JPEG's SOF0 … SOF15
SCAN = 0xDA
ANIMATED = 2  # a flag of WebP's first chunk
SUBFILE_TYPE, COPY = 254, 1 | 4  # a TIFF's tag, and its bits for a reduced copy of another page and for a mask
WIDE = ("F", "I")  # as Pillow calls pixels of 32 bits, floats, and signed ones
JPEG, PNG = b"\xff\xd8", b"\x89PNG"  # how the files start
END_MARK = {JPEG: b"\xff\xd9", PNG: b"IEND"}


def fault(data: bytes) -> str | None:
    """Returns why the file `data` (JPEG, PNG, BMP, WebP, TIFF) should not be decoded: too large, no end, wide pixels; None if it may be.

    Decoders fill what is missing of a truncated JPEG with grey, and make room for whatever size a header claims.
    """
    mode = ""
    if data.startswith(JPEG):
        size, place = _jpeg(data)
        whole = data.rfind(END_MARK[JPEG]) >= place
    elif data.startswith(PNG):
        size, whole = (int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")), _png_ends(data)
    else:
        size, mode, whole = *_other(data), True
    if size[0] * size[1] > MOST_PIXELS:
        return f"claims {size[0]} x {size[1]} pixels, at most {MOST_PIXELS} are read"
    if mode in WIDE:
        return "has pixels of 32 bits, or signed ones, expected 8 or 16 bits: save it as PNG of 16 bits, scaled to them"
    return None if whole else "truncated or damaged: it has no end mark where one must be"


def holds_several(data: bytes) -> bool:
    """Tells if the file `data` is an animated PNG or WebP, or a TIFF of several pages, of which a reader of images takes the first only.

    Pages of a TIFF that are reduced copies or masks of another do not count; other formats hold one picture.
    """
    if data.startswith(PNG):
        start = data.find(b"acTL", 0, max(data.find(b"IDAT"), 0))
        return start > 0 and int.from_bytes(data[start + 4 : start + 8], "big") > 1
    if data[:4] == b"RIFF" and data[8:16] == b"WEBPVP8X":
        return bool(data[20] & ANIMATED) and data.count(b"ANMF") > 1 if len(data) > 20 else False
    order: Literal["little", "big"] = "little" if data[:4] == b"II*\0" else "big"
    if data[:4] not in (b"II*\0", b"MM\0*"):
        return False
    return any(not kind & COPY for kind in islice(_pages(data, order), 1, None))


def _pages(data: bytes, order: Literal["little", "big"]) -> Iterator[int]:
    """Yields the kind of every page of a TIFF, in the bits of its tag NewSubfileType; ends where the file does, or comes back to a page."""

    def number(place: int, size: int) -> int:
        return int.from_bytes(data[place : place + size], order)

    page, seen = number(4, 4), set[int]()
    while page and page + 2 <= len(data) and page not in seen:
        seen.add(page)
        entries = range(page + 2, page + 2 + 12 * number(page, 2), 12)
        yield next((number(entry + 8, 4) for entry in entries if number(entry, 2) == SUBFILE_TYPE), 0)
        page = number(entries.stop, 4)


def lacks_end(start: bytes, tail: bytes) -> bool:
    """Tells from the first four bytes and the last thousand or so if a JPEG or PNG is cut off; a quick look at many files.

    >>> lacks_end(b"\\x89PNG", b"...IEND...."), lacks_end(b"\\xff\\xd8\\xff\\xe0", b"...")
    (False, True)
    """
    return any(start.startswith(magic) and mark not in tail for magic, mark in END_MARK.items())


def _jpeg(data: bytes) -> tuple[tuple[int, int], int]:
    """Returns width and height, and where the first scan starts."""
    size, place = (0, 0), 2
    while place + 9 < len(data) and data[place] == 0xFF and data[place + 1] != SCAN:
        if data[place + 1] in FRAME_HEADERS:
            size = int.from_bytes(data[place + 7 : place + 9], "big"), int.from_bytes(data[place + 5 : place + 7], "big")
        filled = data[place + 1] == 0xFF
        place += 1 if filled else 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return size, place


def _png_ends(data: bytes) -> bool:
    """Tells if chunk follows chunk up to the last one: OpenCV makes room for whatever length a damaged one claims."""
    place = 8
    while place + 12 <= len(data):
        if data[place + 4 : place + 8] == END_MARK[PNG]:
            return True
        place += 12 + int.from_bytes(data[place : place + 4], "big")
    return False


def _other(data: bytes) -> tuple[tuple[int, int], str]:
    """Returns the picture's size, and how Pillow calls its pixels."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as image:
            return image.size, image.mode
    except Image.DecompressionBombError:
        return (MOST_PIXELS, 2), ""
    except Exception:  # the decoder says what it is
        return (0, 0), ""
