"""Finds the trackers: every module in `trackers/` defines one, under the module's name.

A tracker is its module and `configs/tracker/<name>.yaml`; its search space stands in its class. Nothing else lists trackers: the exports of
the package, the warm-up, the benchmarks and the tests ask here.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from bytetrack.tracking import trackers
from bytetrack.tracking.tracker import Tracker

__all__ = ["TrackerClass", "tracker_classes"]

TrackerClass = type[Any]  # a subclass of Tracker, whose constructor has defaults for all its arguments


@cache
def tracker_classes() -> dict[str, TrackerClass]:
    """Returns the class of every tracker by its name, in alphabetical order, `byte` first.

    >>> list(tracker_classes())[:2]
    ['byte', 'boosttrack']
    """
    names = sorted((module.name for module in iter_modules(trackers.__path__)), key=lambda name: (name != "byte", name))
    return {name: _only_tracker(name) for name in names}


def _only_tracker(name: str) -> TrackerClass:
    module = import_module(f"{trackers.__name__}.{name}")
    exported = [value for key in module.__all__ if isinstance(value := getattr(module, key), type) and issubclass(value, Tracker)]
    if len(exported) != 1:
        raise ImportError(f"{module.__name__}.__all__ must name one subclass of Tracker: got {module.__all__}")
    return exported[0]
