"""Finds the project's own files."""

from __future__ import annotations

from pathlib import Path

__all__ = ["EXPERIMENT", "SPACE", "group_folder", "home", "verbs"]

EXPERIMENT = "experiment"
"""The group whose choices are the recipes: each sets what it changes in the whole config of a verb."""

SPACE = "space"
"""The group of search spaces: those of the trackers' classes, under the trackers' names."""


def home() -> Path:
    """Returns the folder that holds `configs/`, `exps/` and `tools/`: this package in a wheel, its parent in a checkout."""
    package = Path(__file__).resolve().parent.parent
    return package if (package / "configs").is_dir() else package.parent


def group_folder(group: str) -> Path:
    """Returns the folder whose files are named as a group's shipped choices; it exists if `group` is a group."""
    return home() / ("exps" if group == EXPERIMENT else "configs") / ("tracker" if group == SPACE else group)


def verbs() -> list[str]:
    """Returns the names of all verbs: those of the files `configs/<verb>.yaml`, which have `tools/<verb>.py`."""
    return sorted(path.stem for path in (home() / "configs").glob("*.yaml") if path.stem != "base")
