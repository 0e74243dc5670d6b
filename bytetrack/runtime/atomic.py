"""Files that appear whole or not at all: written under a temporary name beside their place, and moved there in one step."""

from __future__ import annotations

import json
import math
import os
import platform
import re
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

__all__ = ["folder_beside", "json_text", "replace_bytes", "replace_text", "replacing"]

HOST = f"{zlib.crc32(platform.node().encode()):08x}"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary file that takes the place of `path`, on the disk, when the block ends; after an error `path` stays as it was.

    OSErrors name `path`.
    """
    temporary = _beside(path)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        if error.errno is None or error.filename not in (None, str(temporary)):
            raise
        raise type(error)(error.errno, error.strerror, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def folder_beside(path: Path) -> Iterator[Path]:
    """Yields a temporary folder beside `path`; when the block ends it is removed, unless it was renamed."""
    temporary = _beside(path)
    try:
        temporary.mkdir()
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def replace_text(path: Path, text: str) -> None:
    """Writes a file in one step: whoever looks sees the old one or the new one, never a half."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def replace_bytes(path: Path, content: bytes) -> None:
    """As `replace_text`."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def json_text(value: Any, **options: Any) -> str:
    """Returns `value` as JSON; NaN and infinity, which JSON does not know, become null.

    >>> json_text({"speed": float("nan"), "frames": [1, 2.5]})
    '{"speed": null, "frames": [1, 2.5]}'
    """
    try:
        return json.dumps(value, allow_nan=False, **options)
    except ValueError:
        return json.dumps(_finite(value), allow_nan=False, **options)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _beside(path: Path) -> Path:
    """Returns a temporary name in the folder of `path`, which is made, and freed of what killed processes left in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path.parent)
    return path.with_name(f".{path.name}.{HOST}-{os.getpid()}.tmp")


@lru_cache(maxsize=64)
def _sweep(folder: Path) -> None:
    """Removes, once a process, what dead processes of this machine left under temporary names."""
    for path in folder.iterdir():
        found = re.fullmatch(rf"\..*\.{HOST}-(\d+)\.tmp", path.name)
        if found and not _alive(int(found[1])):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def _alive(process: int) -> bool:
    if os.name != "posix":  # elsewhere, asking is a signal
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
