"""Names settings, arrays and files by their content: what is kept on disk is used again only for the same input."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path

import numpy as np

__all__ = ["file_digest", "fingerprint", "public_settings"]

BLOCK = 1 << 20


def fingerprint(*values: object, digits: int = 16) -> str:
    """Returns `digits` hexadecimal digits that change with any value; for a file, pass its `file_digest`.

    Values are arrays, bytes, or anything that JSON can hold; others count as their text. The order of keys in mappings does not matter.

    >>> fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1}) != fingerprint({"a": 1})
    True
    """
    return hashlib.sha256(b"\0".join(_content(value) for value in values)).hexdigest()[:digits]


def _content(value: object) -> bytes:
    if isinstance(value, np.ndarray):
        return value.tobytes()
    return value if isinstance(value, bytes) else json.dumps(value, sort_keys=True, default=str).encode()


def file_digest(path: Path) -> str:
    """Returns the SHA-256 of a file; of one that has not changed since it was asked for, from memory."""
    stat = path.stat()
    return _digest(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=16)
def _digest(path: Path, changed: int, size: int) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def public_settings(owner: object) -> dict[str, object]:
    """Returns the attributes of an object whose names do not begin with an underscore."""
    return {name: value for name, value in vars(owner).items() if not name.startswith("_")}
