"""Faults of image files that their bytes show before anything is decoded."""

from __future__ import annotations

import io

from bytetrack.timeline import MOST_PIXELS

__all__ = ["fault", "lacks_end"]

FRAME_HEADERS = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # JPEG's SOF0 … SOF15
SCAN = 0xDA
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
