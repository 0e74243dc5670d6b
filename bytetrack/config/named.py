"""A file of `configs/` by its name, without Hydra: how the Python interface makes what a verb makes of `detector=NAME`."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from bytetrack.config.files import content_of
from bytetrack.config.places import home
from bytetrack.names import nearest

__all__ = ["make", "names_in", "settings_of"]

MISSING = "???"  # what a file says of a setting that has no default


def names_in(group: str) -> list[str]:
    """Returns the names of a group's files: `names_in("tracker")`."""
    return sorted(path.stem for path in (home() / "configs" / group).glob("*.yaml"))


def settings_of(group: str, name: str, **changes: Any) -> dict[str, Any]:
    """Returns the constructor call in `configs/<group>/<name>.yaml`, with the settings of the file that it builds on, and `changes`.

    ValueError for a name or a setting that there is not, and for one without a default that `changes` leaves out.

    >>> settings_of("tracker", "byte_video", high_score=0.4)["high_score"]
    0.4
    """
    settings = _merged(group, name)
    if unknown := sorted(changes.keys() - settings.keys()):
        near = nearest(unknown[0], settings)
        guess = f"did you mean {near}?" if near else f"it has {', '.join(key for key in settings if key != '_target_')}"
        raise ValueError(f"{group} {name} has no setting {unknown[0]!r}: {guess}")
    settings.update(changes)
    if unsaid := [key for key, value in settings.items() if value == MISSING or str(value).startswith("${")]:
        raise ValueError(f"{group} {name} needs {unsaid[0]}: give {unsaid[0]}=...")
    return settings


def make(settings: Mapping[str, Any]) -> Any:
    """Returns the object of a constructor call: `_target_` called with the other settings."""
    module, _, name = str(settings["_target_"]).rpartition(".")
    return getattr(import_module(module), name)(**{key: value for key, value in settings.items() if key != "_target_"})


def _merged(group: str, name: str) -> dict[str, Any]:
    names = names_in(group)
    if name not in names:
        near = nearest(name, names)
        raise ValueError(f"no {group} {name!r}: {f'did you mean {near}? ' if near else ''}there are {', '.join(names)}")
    content = copy.deepcopy(content_of(home() / "configs" / group / f"{name}.yaml"))
    bases = [base for base in content.pop("defaults", []) if base != "_self_"]
    merged: dict[str, Any] = {}
    for base in bases:
        merged.update(_merged(group, base))
    return {**merged, **content}
