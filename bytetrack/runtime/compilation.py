"""Compiles kernels with Numba, once per machine; without Numba they stay plain Python functions.

A kernel is a function over arrays. `jit` marks one that other kernels call, `jit_cached` one that Python calls: only these are
kept on disk, with everything they call inside. No fastmath: results are the same on every machine with IEEE arithmetic. No kernel
allocates: it works in arrays that it gets as arguments.
"""

from __future__ import annotations

import hashlib
import inspect
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from bytetrack.runtime.user_cache import user_cache_folder

try:
    numba: Any = import_module("numba")
except ImportError:
    numba = None

__all__ = ["COMPILED", "as_python", "code_folder", "jit", "jit_cached", "jit_inline"]

COMPILED = numba is not None
OLD = 86400.0  # seconds after which compiled code of other sources is deleted: no running process still writes to it
PACKAGE = Path(__file__).resolve().parents[1]
SHARED = PACKAGE / "box_kernels.py"  # which the kernels of several rooms call
Function = TypeVar("Function", bound=Callable[..., Any])


def jit(function: Function) -> Function:
    """Compiles a function that compiled functions call; called from Python, it is compiled at its first call."""
    return _compile(function)


def jit_inline(function: Function) -> Function:
    """Compiles a kernel whose code is inserted where it is called: for one that has one caller or many array arguments."""
    return _compile(function, forceinline=True)


def jit_cached(function: Function) -> Function:
    """Compiles a kernel that Python calls, and keeps the code in `code_folder`; if no folder is writable, compiles it in every process."""
    if numba is None:
        return function
    folder = code_folder(Path(inspect.getfile(function)))
    if folder is None:
        return _compile(function)
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(folder)
    try:
        return _compile(function, cache=True)
    except RuntimeError:  # Numba finds no place for the code all the same
        return _compile(function)
    finally:
        numba.config.CACHE_DIR = before


def as_python(function: Function) -> Function:
    """Returns the Python function that `jit`, `jit_inline` or `jit_cached` compiled."""
    written: Function = getattr(function, "py_func", function)
    return written


def code_folder(source: Path) -> Path | None:
    """Returns the folder of the code compiled from a file, None if none is writable.

    It lies in NUMBA_CACHE_DIR if that is set, else in `__pycache__` beside the file's room (the folder in `bytetrack` that contains
    it), else in the user's cache folder. Its name is a digest of all source files of the room, and of the shared kernels: Numba
    compares cached code with the file of the cached function alone, and would not notice a change of the kernels that it calls.
    """
    return None if numba is None else _folder_of(_room(source.resolve()), numba.config.CACHE_DIR)


def _compile(function: Function, **options: bool) -> Function:
    if numba is None:
        return function
    compiled: Function = numba.njit(error_model="numpy", no_cfunc_wrapper=True, _nrt=False, **options)(function)
    return compiled


def _room(source: Path) -> Path:
    """Returns the folder directly below the package that contains a file, or the file's own folder."""
    inside = [folder for folder in source.parents if folder.parent == PACKAGE]
    return inside[0] if inside else source.parent


@lru_cache
def _folder_of(room: Path, chosen: str) -> Path | None:
    for parent in _parents(room, chosen):
        folder = parent / f"numba-{_digest(room)}"
        try:
            new = not folder.is_dir()
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
        except OSError:
            continue
        if new and parent.name == "__pycache__":  # which no other room and no other checkout uses
            _delete_old(parent)
        return folder
    return None


def _parents(room: Path, chosen: str) -> Iterator[Path]:
    if chosen:
        yield Path(chosen)
        return
    yield room / "__pycache__"
    try:
        yield user_cache_folder()
    except RuntimeError:  # no home folder
        return


def _digest(room: Path) -> str:
    digest = hashlib.sha256()
    for path in [Path(__file__), SHARED, *sorted(room.rglob("*.py"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _delete_old(parent: Path) -> None:
    """Deletes compiled code of other sources that nobody has added to for `OLD` seconds."""
    for folder in parent.glob("numba-*"):
        try:
            if time.time() - folder.stat().st_mtime > OLD:
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # another process was faster
            continue
