"""Trackers are found by their modules; their arguments reach their kernels under their names."""

from __future__ import annotations

from importlib import import_module
from inspect import Parameter, signature
from typing import Any, get_type_hints

import numpy as np
import pytest

import bytetrack
from bytetrack.config import home
from bytetrack.tracking import tracker_classes

SCALING = {"slow_power"}  # scales other arguments by the frame rate
BESIDE = {"gallery_frames", "gallery_likeness", "gallery_margin"}  # who comes back is asked after the kernel, in Python
DERIVED = {"drop_invalid", "frame_rate"}  # fields of the kernel that are no arguments, or other ones than the argument of that name
TRACKERS = list(tracker_classes().items())


def arguments(tracker: Any) -> dict[str, Parameter]:
    return {name: value for name, value in signature(tracker).parameters.items() if name not in ("on_invalid", "frame_rate")}


def test_every_module_of_trackers_is_exported_and_has_a_config() -> None:
    modules = {path.stem for path in (home() / "bytetrack" / "tracking" / "trackers").glob("*.py")} - {"__init__"}
    assert set(tracker_classes()) == modules
    for name, tracker in TRACKERS:
        assert getattr(bytetrack, tracker.__name__) is tracker
        assert tracker.__name__ in dir(bytetrack)
        assert (home() / "configs" / "tracker" / f"{name}.yaml").is_file()
        assert set(tracker.search_space) <= set(signature(tracker).parameters)


@pytest.mark.parametrize(("name", "tracker"), TRACKERS, ids=[name for name, _ in TRACKERS])
def test_an_argument_reaches_the_kernel_under_its_own_name(name: str, tracker: Any) -> None:
    module = import_module(tracker.__module__)
    fields = module.Parameters._fields
    assert set(fields) - DERIVED == set(arguments(tracker)) - SCALING - BESIDE
    base = {argument: parameter.default for argument, parameter in arguments(tracker).items()}
    base |= {"low_score": 0.1} if "low_score" in base else {}  # None stands for high_score

    def changed_by(**given: Any) -> list[str]:
        different = tracker(**{**base, **given})._parameters != tracker(**base)._parameters
        return [fields[place] for place in np.flatnonzero(different)]

    for argument, value in base.items():
        if argument in SCALING | BESIDE:
            continue
        whole = isinstance(value, int) and not isinstance(value, bool)
        other = 7 if value is None else not value if isinstance(value, bool) else value - 1 if whole else value * 0.97 + 0.001
        assert changed_by(**{argument: other}) == [argument]
    assert changed_by(on_invalid="drop") == ["drop_invalid"]


@pytest.mark.parametrize(("name", "tracker"), TRACKERS, ids=[name for name, _ in TRACKERS])
def test_an_argument_below_or_above_its_declared_range_is_named(name: str, tracker: Any) -> None:
    declared = get_type_hints(import_module(tracker.__module__).Parameters, include_extras=True)
    ranges = {field: type_.__metadata__[0] for field, type_ in declared.items() if hasattr(type_, "__metadata__")}
    assert len(ranges) >= 4
    for field, allowed in ranges.items():
        for outside in (allowed.low - 1, *([] if allowed.high is None else [allowed.high + 1])):
            with pytest.raises(ValueError, match=f"^{field} must be a .*: got {outside}$"):
                tracker(**{field: outside})
