"""Folders that a command makes for its output, and takes away again if it ends in an error before anything lies there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

__all__ = ["make_folder", "taking_back_empty_folders"]

_made: ContextVar[list[Path] | None] = ContextVar("_made", default=None)
"""Inside the block of `taking_back_empty_folders`: the folders made in it, each after the one that it lies in."""


def make_folder(folder: Path, exist_ok: bool = True) -> Path:
    """Makes a folder and those above it, and returns it. FileExistsError if it is a file, or is there already and `exist_ok` is false."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=exist_ok)
    made = _made.get()
    if made is not None:
        made.extend(place.absolute() for place in reversed(missing))
    return folder


@contextmanager
def taking_back_empty_folders() -> Iterator[None]:
    """Removes what `make_folder` has made in the block and is empty, if the block ends in an error."""
    made: list[Path] = []
    outside = _made.set(made)
    try:
        yield
    except BaseException:
        for folder in reversed(made):
            with suppress(OSError):  # it holds something, or is gone
                folder.rmdir()
        raise
    finally:
        _made.reset(outside)
