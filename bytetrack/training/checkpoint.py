"""Checkpoints: everything that training goes on from, in one file that loads without running code."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from bytetrack.errors import FormatError, first_line
from bytetrack.runtime.atomic import replacing
from bytetrack.scoring.detection import HEADLINE

__all__ = ["check", "differences", "read", "write"]

CHECKED = ("model", "raw_model", "scaler", "step", "updates", "epoch_loss")
NEVER_NEGATIVE = ("running_var", "exp_avg_sq", ".step")
SHOWN = {"epoch", "step", "loss", *HEADLINE}


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
    """Reads a checkpoint of ours to the CPU. FormatError if it is none."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises what pickle, zipfile or its own reader raise
        raise FormatError(f"{path}: not a checkpoint to resume from ({first_line(error)}): remove it or set another out") from error
    missing = {"model", "raw_model", "optimizer", "scaler", "step", "settings"} - set(content if isinstance(content, dict) else ())
    if missing:
        raise FormatError(f"{path}: not a checkpoint to resume from, it lacks {', '.join(sorted(missing))}: remove it or set another out")
    if not isinstance(content["settings"], dict) or not _is_plain(content["settings"]):
        raise FormatError(f"{path}: damaged, its settings are invalid: remove it or set another out")
    return dict(content)


def _is_plain(value: Any) -> bool:
    """Returns True if a value consists of types that YAML has."""
    if isinstance(value, (dict, list)):
        return all(map(_is_plain, value.values() if isinstance(value, dict) else value))
    return value is None or isinstance(value, (bool, int, float, str))


def check(path: Path, content: Mapping[str, Any], own: Mapping[str, Any], optimizer: torch.optim.Optimizer) -> None:
    """Raises FormatError unless `content` has the form of `own`, what this run would save, and every number is finite."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    other = content["settings"]["train"]["precision"] != own["settings"]["train"]["precision"]  # fp16 alone scales
    checked = [key for key in CHECKED if not (key == "scaler" and other)]
    wrong = _other_form({key: content.get(key) for key in checked}, {key: own[key] for key in checked})
    if wrong is None and content["step"] != content["updates"]:
        wrong = "step"
    if wrong is None:
        wrong = _wrong_optimizer(content["optimizer"], own["optimizer"]["param_groups"], parameters, content["step"])
    if wrong is None and not _is_history(content.get("history")):
        wrong = "history"
    if wrong is not None:
        raise FormatError(f"{path}: damaged, or of another version: {wrong} cannot be resumed from: set another out")


def _wrong_optimizer(optimizer: Any, groups: list[dict[str, Any]], parameters: Sequence[torch.Tensor], step: int) -> str | None:
    """Returns the first entry of an optimizer's state that does not belong to these parameters in these groups, or is not finite."""
    if not isinstance(optimizer, dict) or set(optimizer) != {"state", "param_groups"}:
        return "optimizer"
    if wrong := _other_form(optimizer["param_groups"], groups, "optimizer.param_groups"):
        return wrong
    for number, (group, own) in enumerate(zip(optimizer["param_groups"], groups, strict=True)):
        if changed := [key for key in own if key != "lr" and group[key] != own[key]]:  # the rate is that of the step
            return f"optimizer.param_groups.{number}.{changed[0]}"
    begun = step or optimizer["state"]  # before the first step an earlier version kept nothing
    kept = {number: names for group in groups for number in group["params"] if begun and (names := _kept(group))}
    scalar = torch.zeros(())
    expected = {number: {name: scalar if name == "step" else parameters[number] for name in names} for number, names in kept.items()}
    state = optimizer["state"]
    if not isinstance(state, dict):
        return "optimizer.state"
    filled = {number: entries for number, entries in state.items() if not (isinstance(entries, dict) and not entries)}
    return _other_form(filled, expected, "optimizer.state")


def _kept(group: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns the optimizer's state of every parameter, of AdamW or SGD."""
    if "betas" in group:
        return ("step", "exp_avg", "exp_avg_sq")
    return ("momentum_buffer",) if group["momentum"] else ()


def _is_history(value: Any) -> bool:
    """Returns True for a list of evaluations' figures."""
    rows = value if isinstance(value, list) else [None]
    return all(isinstance(row, dict) and set(row) >= SHOWN and all(map(_is_figure, row.values())) for row in rows)


def _is_figure(value: Any) -> bool:
    return _is_number(value) or (type(value) is float and math.isnan(value))  # the loss of no step


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= sys.float_info.max


def _other_form(value: Any, like: Any, name: str = "") -> str | None:
    """Returns where `value` differs from `like` in keys, types or shapes, or is not finite; None if nowhere."""
    if isinstance(like, dict):
        if not isinstance(value, dict) or set(value) != set(like):
            return name
        return next((found for key in like if (found := _other_form(value[key], like[key], f"{name}.{key}".lstrip(".")))), None)
    if isinstance(like, (list, tuple)):
        if not isinstance(value, type(like)) or len(value) != len(like):
            return name
        pairs = enumerate(zip(value, like, strict=True))
        return next((found for key, (one, other) in pairs if (found := _other_form(one, other, f"{name}.{key}"))), None)
    if isinstance(like, torch.Tensor):
        fits = isinstance(value, torch.Tensor) and value.shape == like.shape and value.dtype == like.dtype
        fits = fits and (not like.is_floating_point() or bool(value.isfinite().all()))
        return None if fits and not (name.endswith(NEVER_NEGATIVE) and bool((value < 0).any())) else name
    if type(like) is int:
        return None if type(value) is int and 0 <= value < 2**53 else name
    if type(like) is float:
        return None if _is_number(value) else name
    return None if type(value) is type(like) else name


def differences(before: Any, now: Any, name: str = "") -> list[str]:
    """Returns the changes between two nested settings, one short line for each value.

    >>> differences({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}})
    ['a.c 2 -> 3']
    """
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        keys = [*before, *(key for key in now if key not in before)]
        dot = f"{name}." if name else ""
        return [line for key in keys for line in differences(before.get(key), now.get(key), f"{dot}{key}")]
    return [] if before == now else [f"{name} {before} -> {now}"]
