"""How kernels are compiled: by Numba, once per machine; as plain Python functions where Numba does not import.

A kernel is a function over arrays. `kernel` marks one that other kernels call, `entry` one that Python calls: only entries are
kept on disk, with everything they call inside. No fastmath: results are the same on every machine with IEEE arithmetic. No kernel
allocates: the arrays it works in are handed to it.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

try:
    numba: Any = import_module("numba")
except ImportError:
    numba = None

__all__ = ["COMPILED", "as_python", "entry", "inlined", "kernel"]

COMPILED = numba is not None
Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """A function that compiled functions call; called from Python it is compiled on the spot."""
    if numba is None:
        return function
    compiled: Function = numba.njit(error_model="numpy", no_cfunc_wrapper=True, _nrt=False)(function)
    return compiled


def inlined(function: Function) -> Function:
    """A kernel whose code stands where it is called: for what is called once, or hands on many arrays."""
    if numba is None:
        return function
    compiled: Function = numba.njit(error_model="numpy", no_cfunc_wrapper=True, _nrt=False, forceinline=True)(function)
    return compiled


def entry(function: Function) -> Function:
    """A kernel that Python calls, cached on disk: beside its file, else in NUMBA_CACHE_DIR or the user's cache folder."""
    if numba is None:
        return function
    try:
        compiled = numba.njit(error_model="numpy", no_cfunc_wrapper=True, _nrt=False, cache=True)(function)
        # Numba compares the cached code with the entry's own file only; the kernels it calls live in the others too.
        compiled._cache._cache_file._source_stamp = _sources(Path(inspect.getfile(function)).parent)
    except (RuntimeError, AttributeError):  # no folder to write to, or a Numba that keeps its cache differently
        compiled = numba.njit(error_model="numpy", no_cfunc_wrapper=True, _nrt=False)(function)
    result: Function = compiled
    return result


def as_python(function: Function) -> Function:
    """The function that `kernel` or `entry` compiled, as it was written."""
    written: Function = getattr(function, "py_func", function)
    return written


@lru_cache
def _sources(room: Path) -> bytes:
    """A digest of every file of a room, and of this one: what compiled code must be newer than."""
    digest = hashlib.sha256()
    for path in [Path(__file__), *sorted(room.glob("*.py"))]:
        digest.update(path.read_bytes())
    return digest.digest()
