"""Checkpoints: everything that training goes on from, in one file that loads without running code."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from bytetrack.errors import FormatError
from bytetrack.replacing import replacing

__all__ = ["Interruption", "differences", "read", "write"]


def write(path: Path, content: Mapping[str, Any]) -> None:
    """Writes `content` to `path`: whole or not at all. OSError where it cannot be written."""
    with replacing(path) as temporary:
        try:
            with temporary.open("wb") as file:
                torch.save(dict(content), file)
        except RuntimeError as error:  # torch's own end of a file that a full disk has cut off
            cause = error.__context__
            while cause is not None and not isinstance(cause, OSError):
                cause = cause.__context__
            raise cause or error from None


def read(path: Path) -> dict[str, Any]:
    """The content of a checkpoint of ours, on the CPU. FormatError where it is none."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises what pickle, zipfile or its own reader raise
        why = (str(error) or type(error).__name__).splitlines()[0]
        raise FormatError(f"{path}: not a checkpoint to resume from ({why}): remove it or set another out") from error
    missing = {"model", "raw_model", "optimizer", "scaler", "step", "settings"} - set(content if isinstance(content, dict) else ())
    if missing:
        raise FormatError(f"{path}: not a checkpoint to resume from, it lacks {', '.join(sorted(missing))}: remove it or set another out")
    return dict(content)


def differences(before: Any, now: Any, name: str = "") -> list[str]:
    """What changed between two nested settings, one short line a value.

    >>> differences({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}})
    ['a.c 2 -> 3']
    """
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        keys = [*before, *(key for key in now if key not in before)]
        dot = f"{name}." if name else ""
        return [line for key in keys for line in differences(before.get(key), now.get(key), f"{dot}{key}")]
    return [] if before == now else [f"{name} {before} -> {now}"]


class Interruption:
    """Whether Ctrl-C or SIGTERM came: `signal` is its number, 0 for none. A second Ctrl-C stops at once."""

    def __init__(self) -> None:
        self.signal = 0

    def _came(self, number: int, _: FrameType | None) -> None:
        if self.signal == number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = number

    @classmethod
    @contextmanager
    def watched(cls) -> Iterator[Interruption]:
        """Notes both signals instead of dying of them; in another thread than the main one, none can be noted."""
        watch = cls()
        before = {}
        try:
            for number in (signal.SIGINT, signal.SIGTERM):
                before[number] = signal.signal(number, watch._came)
        except ValueError:  # not the main thread
            pass
        try:
            yield watch
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
