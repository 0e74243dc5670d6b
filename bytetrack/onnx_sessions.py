"""Opens files by ONNX Runtime: one set of options for detectors and embedders, and its errors in one line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bytetrack.errors import FormatError, first_line

__all__ = ["failure", "onnx_runtime", "open_session"]


def onnx_runtime(user: str) -> Any:
    """Returns the module onnxruntime; ModuleNotFoundError, which says that the setting `user` needs it, if it is not installed."""
    try:
        import onnxruntime
    except ModuleNotFoundError:
        raise ModuleNotFoundError(f"{user} needs onnxruntime: pip install onnxruntime") from None
    return onnxruntime


def open_session(path: Path, user: str, threads: int = 0, providers: Sequence[str] = ("CPUExecutionProvider",)) -> Any:
    """Returns a session of the file at `path` on `threads` cores of the CPU, 0 for its own choice; FormatError if it cannot be loaded."""
    runtime = onnx_runtime(user)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4  # what it would print is in the exception, too
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # waiting threads leave the cores to the other stages
    try:
        # the fallback prints "EP Error" to stdout and goes on without the provider
        session = runtime.InferenceSession(str(path), options, providers=list(providers), enable_fallback=0)
        dict(session.get_modelmeta().custom_metadata_map)  # names that are no text come out here
    except Exception as error:  # its errors share no base but Exception
        raise failure(path, "load", error) from error
    return session


def failure(path: Path, what: str, error: Exception) -> FormatError:
    """Returns the error for a file that onnxruntime cannot `load` or `run`."""
    return FormatError(f"{path}: onnxruntime cannot {what} it ({first_line(error)})")
