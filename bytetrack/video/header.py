"""What a picture's first and last bytes say, before anything is decoded."""

from __future__ import annotations

import io

from bytetrack.timeline import MOST_PIXELS

__all__ = ["fault"]

FRAME_HEADERS = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # JPEG's SOF0 … SOF15
SCAN, END = 0xDA, b"\xff\xd9"


def fault(data: bytes) -> str | None:
    """Why the file `data` (JPEG, PNG, BMP, WebP, TIFF) should not be decoded: too large a picture, or no end; None for no reason.

    Decoders fill what is missing of a truncated JPEG with grey, and make room for whatever size a header claims.
    """
    if data.startswith(b"\xff\xd8"):
        size, place = _jpeg(data)
        whole = data.rfind(END) >= place
    elif data.startswith(b"\x89PNG"):
        size, whole = (int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")), _png_ends(data)
    else:
        size, whole = _other(data), True
    if size[0] * size[1] > MOST_PIXELS:
        return f"claims {size[0]} x {size[1]} pixels, at most {MOST_PIXELS} are read"
    return None if whole else "truncated or damaged: it has no end mark where one must be"


def _jpeg(data: bytes) -> tuple[tuple[int, int], int]:
    """Width and height, and where the first scan starts."""
    size, place = (0, 0), 2
    while place + 9 < len(data) and data[place] == 0xFF and data[place + 1] != SCAN:
        if data[place + 1] in FRAME_HEADERS:
            size = int.from_bytes(data[place + 7 : place + 9], "big"), int.from_bytes(data[place + 5 : place + 7], "big")
        filled = data[place + 1] == 0xFF
        place += 1 if filled else 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return size, place


def _png_ends(data: bytes) -> bool:
    """Whether chunk follows chunk up to the last one: OpenCV makes room for whatever length a damaged one claims."""
    place = 8
    while place + 12 <= len(data):
        if data[place + 4 : place + 8] == b"IEND":
            return True
        place += 12 + int.from_bytes(data[place : place + 4], "big")
    return False


def _other(data: bytes) -> tuple[int, int]:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as image:
            return image.size
    except Image.DecompressionBombError:
        return MOST_PIXELS, 2
    except Exception:  # the decoder says what it is
        return 0, 0
