"""Text files: lines with their place, whole numbers, four numbers of a box; and the largest numbers that files may hold."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bytetrack.errors import FormatError, MissingDataError
from bytetrack.listing import listed
from bytetrack.names import shortened

__all__ = ["LARGEST_PIXEL", "LARGEST_WHOLE", "decode", "four_numbers", "read_lines", "read_text", "whole"]

MOST_DIGITS = 18  # of a number that an array of 64 bits holds
LARGEST_PIXEL = 1e9  # beyond, areas and overlaps lose their digits
LARGEST_WHOLE = 2**53  # the last integer up to which float64 holds every one


def read_text(path: Path) -> str:
    """Reads the whole file, UTF-8 with or without a byte order mark; MissingDataError, FormatError."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise MissingDataError(f"no file {str(path)!r}; {_neighbours(path)}") from None
    except IsADirectoryError:
        raise FormatError(f"{path}: expected a file, got a folder") from None
    return decode(content, str(path))


def decode(content: bytes, where: str) -> str:
    """Decodes UTF-8 with or without a byte order mark; FormatError names the line after `where`."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise FormatError(f"{where}:1: expected text in UTF-8, got UTF-16: save it again as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise FormatError(f"{where}:{line}: expected text, got bytes that are not UTF-8") from None


def read_lines(path: Path) -> Iterator[tuple[str, str]]:
    """Yields `path:line` and the text of every line that is not blank."""
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.strip():
            yield f"{path}:{number}", line


def whole(text: str, where: str, what: str) -> int:
    """Converts a whole number, also one like `3.0`; FormatError for others."""
    digits = text.strip().removeprefix("-").removesuffix(".0")
    try:
        if digits.isascii() and digits.isdigit() and len(digits) <= MOST_DIGITS:
            return int(digits) * (-1 if text.strip().startswith("-") else 1)  # exact, where a float holds 53 bits only
        value = float(text)
        if value != int(value) or abs(value) >= LARGEST_WHOLE or not text.isascii() or "_" in text:
            raise ValueError
    except (ValueError, OverflowError):
        raise FormatError(f"{where}: expected a whole number for {what}, got {text!r}") from None
    return int(value)


def four_numbers(values: object, where: str, expected: str) -> list[float]:
    """Converts four finite numbers within `LARGEST_PIXEL`; FormatError says what was `expected`."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        array = np.empty(0)
    if array.shape != (4,) or not (np.abs(array) <= LARGEST_PIXEL).all():
        raise FormatError(f"{where}: expected {expected}, four finite numbers, got {str(values)[:80]}")
    return [int(v) if v == int(v) else float(v) for v in array]


def _neighbours(path: Path) -> str:
    if not path.parent.is_dir():
        return f"there is no folder {str(path.parent)!r} either"
    found = [other.name for other in listed(path.parent, (path.suffix,))]
    return f"the folder holds {shortened(found)}" if found else "the folder holds none"
