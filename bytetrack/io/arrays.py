"""Files of arrays (.npz), compressed: what is computed once and kept."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bytetrack.runtime.atomic import replacing

__all__ = ["read_arrays", "write_arrays"]


def read_arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Reads the arrays of a file by name, and runs no code in it; ValueError for a file that holds none, or is damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
    except (EOFError, zipfile.BadZipFile, zlib.error, RuntimeError, SyntaxError, TypeError) as error:
        raise ValueError(str(error)) from error


def write_arrays(path: Path, **arrays: npt.ArrayLike) -> None:
    """Writes arrays to a file, whole or not at all."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
