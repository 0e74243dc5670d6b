"""Lines of text files with their place, and whole numbers out of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bytetrack.errors import FormatError, MissingDataError

__all__ = ["decode", "read_lines", "read_text", "whole"]


def read_text(path: Path) -> str:
    """The whole file, UTF-8 with or without a byte order mark."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise MissingDataError(f"no file {str(path)!r}") from None
    return decode(content, str(path))


def decode(content: bytes, where: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise FormatError(f"{where}:{line}: expected text, got bytes that are not UTF-8") from None


def read_lines(path: Path) -> Iterator[tuple[str, str]]:
    """`path:line` and text of every line that is not blank."""
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.strip():
            yield f"{path}:{number}", line


def whole(text: str, where: str, what: str) -> int:
    """A whole number, also as `3.0`; FormatError for others."""
    try:
        value = float(text)
        if value != int(value):
            raise ValueError
    except (ValueError, OverflowError):
        raise FormatError(f"{where}: expected a whole number for {what}, got {text!r}") from None
    return int(value)
