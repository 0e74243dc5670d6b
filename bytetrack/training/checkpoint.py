"""Checkpoints: everything that training goes on from, in one file that loads without running code."""

from __future__ import annotations

import math
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from bytetrack.errors import FormatError
from bytetrack.replacing import replacing

__all__ = ["Interruption", "check", "differences", "read", "write"]

CHECKED = ("model", "raw_model", "scaler", "step", "updates", "epoch_loss")


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


def check(path: Path, content: Mapping[str, Any], own: Mapping[str, Any], steps: int) -> None:
    """FormatError unless `content` has the form of `own`, what this run of so many `steps` would save, and every number is finite."""
    optimizer, state = content["optimizer"], own["raw_model"]
    wrong = _other_form({key: content.get(key) for key in CHECKED}, {key: own[key] for key in CHECKED})
    if wrong is None and not (isinstance(optimizer, dict) and set(optimizer) == {"state", "param_groups"}):
        wrong = "optimizer"
    if wrong is None:
        wrong = _other_form(optimizer["param_groups"], own["optimizer"]["param_groups"], "optimizer.param_groups")
    if wrong is None and content["step"]:
        wrong = _wrong_state(optimizer["state"], own["optimizer"]["param_groups"], {tuple(value.shape) for value in state.values()})
    if wrong is None and not content["step"] <= steps:
        wrong = "step"
    history = content.get("history")
    rows = history if isinstance(history, list) else [None]
    numbers = (int, float)
    if wrong is None and not all(isinstance(row, dict) and all(type(value) in numbers for value in row.values()) for row in rows):
        wrong = "history"
    if wrong is not None:
        raise FormatError(f"{path}: damaged, or of another version: {wrong} is not what training goes on from: set another out")


def _wrong_state(state: Any, groups: list[dict[str, Any]], shapes: set[tuple[int, ...]]) -> str | None:
    """The first entry of an optimizer's state that is no finite tensor of a parameter's shape, or a count."""
    if not isinstance(state, dict) or set(state) != {number for group in groups for number in group["params"]}:
        return "optimizer.state"
    for number, entries in state.items():
        for name, value in entries.items() if isinstance(entries, dict) else [("", None)]:
            if not isinstance(value, torch.Tensor) or not (tuple(value.shape) in shapes or value.ndim == 0):
                return f"optimizer.state.{number}.{name}"
            if not value.is_floating_point() or not bool(value.isfinite().all()):
                return f"optimizer.state.{number}.{name}"
    return None


def _other_form(value: Any, like: Any, name: str = "") -> str | None:
    """Where `value` has other keys, types or shapes than `like`, or numbers that are not finite; None where nowhere."""
    if isinstance(like, (dict, list, tuple)):
        keys: Any = list(like) if isinstance(like, dict) else range(len(like))
        if not isinstance(value, type(like)) or (list(value) if isinstance(value, dict) else range(len(value))) != keys:
            return name
        return next((found for key in keys if (found := _other_form(value[key], like[key], f"{name}.{key}".lstrip(".")))), None)
    if isinstance(like, torch.Tensor):
        fits = isinstance(value, torch.Tensor) and value.shape == like.shape and value.dtype == like.dtype
        return None if fits and (not like.is_floating_point() or bool(value.isfinite().all())) else name
    numbers = (int, float)
    if type(like) in numbers:
        return None if type(value) in numbers and math.isfinite(value) and (type(like) is float or value >= 0) else name
    return None if type(value) is type(like) else name


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
