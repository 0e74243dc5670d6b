"""Checks arguments and raises ValueErrors of one line: name, expected, got."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from types import NoneType, UnionType
from typing import Any, TypeGuard, Union, get_args, get_origin, get_type_hints

import numpy as np

__all__ = [
    "check_choice",
    "check_count",
    "check_every",
    "check_fields",
    "check_flag",
    "check_frame_rate",
    "check_not_negative",
    "check_positive",
    "check_real",
    "check_reals",
    "check_whole",
]

SIMPLE: dict[Any, tuple[tuple[type, ...], str]] = {
    bool: ((bool,), "true or false"),
    int: ((int, np.integer), "a whole number"),
    float: ((int, float, np.integer, np.floating), "a number"),
    str: ((str, PurePath), "text"),
    NoneType: ((NoneType,), "null"),
}
"""Of a type in an annotation: the types that count as it, and its name in messages."""


def check_real(name: str, value: object, low: float, high: float) -> None:
    """Raises ValueError unless `value` is a number in [low, high]."""
    if not _is_number(value) or not low <= value <= high:
        raise ValueError(f"{name} must be a number in [{low:g}, {high:g}]: got {value!r}")


def check_reals(low: float, high: float, **values: object) -> None:
    """Calls `check_real` for every keyword argument."""
    for name, value in values.items():
        check_real(name, value, low, high)


def check_positive(name: str, value: object) -> None:
    """Raises ValueError unless `value` is a finite number over 0."""
    if not _is_number(value) or not 0 < value < math.inf:
        raise ValueError(f"{name} must be a positive number: got {value!r}")


def check_not_negative(**values: object) -> None:
    """Raises ValueError for the first keyword argument that is no finite number from 0 up."""
    for name, value in values.items():
        if not _is_number(value) or not 0 <= value < math.inf:
            raise ValueError(f"{name} must not be negative: got {value}")


def check_whole(name: str, value: object, low: int, high: int | None = None) -> None:
    """Raises ValueError unless `value` is a whole number of at least `low` and, if `high` is given, at most `high`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < low or (high is not None and value > high):
        raise ValueError(f"{name} must be a whole number from {low} {'up' if high is None else f'to {high}'}: got {value!r}")


def check_every(every: int) -> int:
    """Returns `every`, of how many frames one is looked at; ValueError unless it is a whole number from 1 up."""
    check_whole("every", every, 1)
    return every


def check_frame_rate(frame_rate: object) -> None:
    """Raises ValueError unless `frame_rate` is a number of frames a second that videos can have."""
    check_real("frame_rate", frame_rate, 1e-3, 1e6)


def check_flag(name: str, value: object) -> None:
    """Raises ValueError unless `value` is True or False."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false: got {value!r}")


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Raises ValueError unless `value` is one of `choices`."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}: got {value!r}")


def check_count(name: str, value: object, least: int, none: str = "") -> None:
    """Raises ValueError unless `value` is a whole number of at least `least`, or None if `none` tells its meaning."""
    if not (value is None and none) and (not isinstance(value, int) or value < least):
        raise ValueError(f"{name} must be at least {least}{none and f', or null for {none}'}: got {value}")


def check_fields(settings: Any, *others: str) -> None:
    """Raises ValueError for the first field of a dataclass, but for the `others`, whose value is not of the type that it is annotated with.

    Fields left at their default pass. True and False are no numbers; lists are tuples too.
    """
    kinds = get_type_hints(type(settings))
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if field.name not in others and value is not field.default and not _is_of(value, kinds[field.name]):
            raise ValueError(f"{field.name} must be {_in_words(kinds[field.name])}: got {value!r}")


def _is_number(value: object) -> TypeGuard[float]:
    return _is_of(value, float)


def _is_of(value: object, kind: Any) -> bool:
    if kind in SIMPLE:
        return isinstance(value, SIMPLE[kind][0]) and (kind is bool or not isinstance(value, bool))
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return any(_is_of(value, one) for one in inner)
    if origin in (tuple, Sequence):
        is_list = isinstance(value, Sequence) and not isinstance(value, str)
        return is_list and (origin is Sequence or len(value) == len(inner)) and all(_is_of(one, inner[0]) for one in value)  # type: ignore[arg-type, attr-defined]
    return isinstance(value, origin or kind)


def _in_words(kind: Any) -> str:
    """Returns a type's name in messages.

    >>> _in_words(tuple[float, float] | None)
    'a list (each: a number; 2 of them) or null'
    """
    origin, inner = get_origin(kind), get_args(kind)
    if kind in SIMPLE:
        return SIMPLE[kind][1]
    if origin in (Union, UnionType):
        return " or ".join(map(_in_words, inner))
    if origin in (tuple, Sequence):
        return f"a list (each: {_in_words(inner[0])}{f'; {len(inner)} of them' if origin is tuple else ''})"
    return "a mapping" if origin is Mapping else str(getattr(kind, "__name__", kind))
