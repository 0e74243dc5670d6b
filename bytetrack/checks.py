"""Checks arguments and raises ValueErrors of one line: name, expected, got."""

from __future__ import annotations

import numpy as np

__all__ = ["check_choice", "check_count", "check_flag", "check_real", "check_reals", "check_whole"]


def check_real(name: str, value: object, low: float, high: float) -> None:
    """Raises ValueError unless `value` is a number in [low, high]."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)) or not low <= value <= high:
        raise ValueError(f"{name} must be a number in [{low:g}, {high:g}]: got {value!r}")


def check_reals(low: float, high: float, **values: object) -> None:
    """Calls `check_real` for every keyword argument."""
    for name, value in values.items():
        check_real(name, value, low, high)


def check_whole(name: str, value: object, low: int, high: int | None = None) -> None:
    """Raises ValueError unless `value` is a whole number of at least `low` and, if `high` is given, at most `high`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < low or (high is not None and value > high):
        raise ValueError(f"{name} must be a whole number from {low} {'up' if high is None else f'to {high}'}: got {value!r}")


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
