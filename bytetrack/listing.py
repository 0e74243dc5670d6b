"""Folders as people see them: what a system left there is passed over, and names come in the order of their numbers."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath

__all__ = ["IMAGE_ENDINGS", "VIDEO_ENDINGS", "files_below", "is_litter", "listed", "natural", "parts_of"]

IMAGE_ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
VIDEO_ENDINGS = (
    *(".avi", ".mp4", ".m4v", ".mkv", ".mov", ".webm", ".wmv", ".flv", ".3gp", ".gif"),
    *(".mpg", ".mpeg", ".ts", ".mts", ".m2ts"),
)
LITTER = {"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir"}  # of Windows, macOS and disks on a network


def is_litter(name: str) -> bool:
    """Says whether any part of a path is hidden (`.DS_Store`, `._000001.jpg`) or left by a system (`Thumbs.db`, `__MACOSX`).

    >>> [is_litter(name) for name in ("._000001.jpg", "__MACOSX/a.txt", "000001.jpg", "../data/000001.jpg")]
    [True, True, False, False]
    """
    return any((part.startswith(".") and part.strip(".") != "") or part.lower() in LITTER for part in PurePath(name).parts)


def parts_of(name: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Splits a name into its texts and the numbers between them.

    >>> parts_of("frame_000012")
    (('frame_', ''), (12,))
    """
    parts = re.split("([0-9]+)", name)
    return tuple(parts[::2]), tuple(int(number) for number in parts[1::2])


def natural(path: str | PurePath) -> tuple[list[str | int], str]:
    """Returns a key to sort by: numbers by their value, so that `2.jpg` comes before `10.jpg`."""
    parts = re.split("([0-9]+)", str(path))
    return [int(part) if place % 2 else part for place, part in enumerate(parts)], str(path)


def listed(folder: Path, endings: Iterable[str] = ("",)) -> list[Path]:
    """Lists what lies in `folder` and has one of the `endings` (lower case, compared without regard to case), in natural order."""
    wanted = tuple(endings)
    return sorted((folder / name for name in os.listdir(folder) if not is_litter(name) and name.lower().endswith(wanted)), key=natural)


def files_below(folder: Path, endings: Iterable[str]) -> Iterator[Path]:
    """Yields all files below `folder` (linked folders too, each once) with one of the `endings`, folder after folder in natural order."""
    wanted, seen = tuple(endings), set()
    for here, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(here)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted((name for name in folders if not is_litter(name)), key=natural)
        yield from (Path(here, name) for name in sorted(files, key=natural) if not is_litter(name) and name.lower().endswith(wanted))
