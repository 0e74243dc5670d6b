"""Which settings a run may go on with that are not those it began with, and where in its schedule it then is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bytetrack.errors import FormatError
from bytetrack.training.checkpoint import differences
from bytetrack.training.recipe import Recipe

__all__ = ["changes", "step_now"]

TOLD = ("val", "eval_interval", "max_epochs", "precision", "accumulate", "compile", "best_by", "patience", "skip_steps")
"""Settings that may change at any resume; this is logged."""
SWITCHED = ("batch_size", "seed", "no_aug_epochs", "cache", "optimisation.learning_rate", "optimisation.clip_norm")
"""Settings that may change with `resume=changed`."""
RETIRED = ("max_pairs",)
"""Settings that checkpoints of earlier versions record and that no longer exist."""


def changes(path: Path, before: Any, now: dict[str, Any], switched: bool) -> list[str]:
    """Returns the differences between the settings `before`, of the checkpoint at `path`, and those of `now`, one line each.

    ValueError where one may not, or not without `switched`.
    """
    found = differences(_completed(before, now), now)
    told, open_to_switch = ({f"train.{name}" for name in names} for names in (TOLD, SWITCHED))
    moved = isinstance(before.get("train"), dict) and _without_places(before["train"].get("data")) == _without_places(now["train"]["data"])
    fine = {*told, *(["train.data"] if moved else []), *(open_to_switch if switched else [])}
    wrong = [line for line in found if line.split(" ")[0] not in fine]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        way = ", or train.resume=changed to go on with them" if {line.split(" ")[0] for line in wrong} <= open_to_switch else ""
        raise ValueError(f"{path} is of a run with other settings ({'; '.join(wrong[:3])}{more}): set another out, or remove it{way}")
    return found


def step_now(path: Path, content: Mapping[str, Any], recipe: Recipe, steps_per_epoch: int) -> int:
    """Returns the step that the run in `content` is at, in steps of `recipe`'s batch. ValueError if `recipe` ends before it."""
    settings = content["settings"]
    batch, images = settings["train"]["batch_size"], settings["images"]
    step = int(content["step"])
    if not isinstance(batch, int) or batch < 1:
        raise FormatError(f"{path}: damaged, its batch_size is {batch!r}: remove it or set another out")
    if batch != recipe.batch_size:
        step = step * steps_per_epoch // max(images // batch, 1)
    if step > recipe.max_epochs * steps_per_epoch:
        epochs = step / steps_per_epoch
        raise ValueError(f"{path} has {epochs:.1f} epochs behind it, max_epochs is {recipe.max_epochs}: set more, or another out")
    return step


def _completed(before: Any, now: dict[str, Any]) -> Any:
    """Adds to the recorded settings those that an earlier version did not have: what it did is today's default."""
    if not isinstance(before.get("train"), dict):
        return before
    defaults = {**Recipe([{"path": ""}]).settings(), "cache": now["train"]["cache"]}  # it recorded all that changed a result but this
    return {**before, "train": _filled(before["train"], defaults, now["train"])}


def _filled(before: dict[str, Any], defaults: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    missing = {key: defaults[key] for key in now if key not in before and key in defaults}
    whole = {key: value for key, value in {**before, **missing}.items() if key not in RETIRED}
    nested = [key for key, value in now.items() if isinstance(value, dict) and isinstance(whole.get(key), dict)]
    return {**whole, **{key: _filled(whole[key], defaults[key], now[key]) for key in nested}}


def _without_places(data: Any) -> Any:
    """Returns the datasets without their paths."""
    if not isinstance(data, list) or not all(isinstance(entry, dict) for entry in data):
        return data
    return [{key: value for key, value in entry.items() if key not in ("path", "root")} for entry in data]
