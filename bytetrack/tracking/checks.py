"""Checks of constructor arguments: one line that says what was expected and what came."""

from __future__ import annotations

import numpy as np

__all__ = ["at_frame_rate", "check_choice", "check_flag", "check_real", "check_reals", "check_score_split", "check_whole"]


def check_real(name: str, value: object, low: float, high: float) -> None:
    """ValueError unless `value` is a number in [low, high]."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)) or not low <= value <= high:
        raise ValueError(f"{name} must be a number in [{low:g}, {high:g}]: got {value!r}")


def check_reals(low: float, high: float, **values: object) -> None:
    """`check_real` of every argument by its name."""
    for name, value in values.items():
        check_real(name, value, low, high)


def check_whole(name: str, value: object, low: int) -> None:
    """ValueError unless `value` is a whole number not below `low`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < low:
        raise ValueError(f"{name} must be a whole number from {low} up: got {value!r}")


def check_flag(name: str, value: object) -> None:
    """ValueError unless `value` is True or False."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false: got {value!r}")


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """ValueError unless `value` is one of `choices`."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}: got {value!r}")


def check_score_split(low_score: float | None, high_score: float) -> float:
    """What parts low detections from high ones: `low_score`, or `high_score` for None, which says that there are none.

    ValueError unless 0 <= `low_score` <= `high_score` <= 1.
    """
    check_real("high_score", high_score, 0, 1)
    if low_score is None:
        return high_score
    check_real("low_score", low_score, 0, 1)
    if low_score > high_score:
        raise ValueError(f"low_score must lie in [0, high_score]: got low_score={low_score}, high_score={high_score}")
    return low_score


def at_frame_rate(frames: int, frame_rate: float | None) -> float:
    """Returns `frames` counted at 30 a second, in frames at `frame_rate`; None leaves them.

    The published code rounds down. Of whole numbers of frames, as many lie within either: not rounded, it holds for parts of frames too.
    ValueError for a frame rate that is none.
    """
    if frame_rate is None:
        return frames
    check_real("frame_rate", frame_rate, 1e-3, 1e6)
    return frame_rate / 30 * frames
