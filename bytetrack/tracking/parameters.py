"""Declares the range of each of a tracker's parameters beside its name, checks the arguments by it, and makes the kernel's record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple, TypeVar, get_type_hints

from bytetrack.checks import check_choice, check_flag, check_frame_rate, check_real, check_whole

__all__ = ["Count", "Deviation", "Frames", "Share", "Whole", "Within", "at_frame_rate", "check_score_split", "checked"]

Record = TypeVar("Record")


class Within(NamedTuple):
    """Numbers in [low, high]."""

    low: float
    high: float


class Whole(NamedTuple):
    """Whole numbers of at least `low`, and at most `high` unless it is None."""

    low: int
    high: int | None = None


Share = Annotated[float, Within(0, 1)]
Deviation = Annotated[float, Within(1e-6, 1e3)]
Count = Annotated[int, Whole(0)]
USUAL_RATE = 30.0  # frames a second
Frames = Annotated[float, Whole(0)]  # whole where they are given, at 30 a second; the kernel's are those of `frame_rate`


def checked(kind: Callable[..., Record], arguments: Mapping[str, Any], **derived: float) -> Record:
    """Returns the NamedTuple `kind` of a tracker's `arguments`, its constructor's `locals()`; `derived` are fields that no argument has.

    All trackers derive `low_score` (`check_score_split`), `drop_invalid` (`on_invalid`) and `Frames` (`at_frame_rate`) alike.
    ValueError for an argument that its field's type does not allow.
    """
    check_choice("on_invalid", arguments["on_invalid"], ("raise", "drop"))
    values: dict[str, Any] = {
        "low_score": check_score_split(arguments["low_score"], arguments["high_score"]),
        "drop_invalid": arguments["on_invalid"] == "drop",
        **derived,
    }
    for name, type_ in get_type_hints(kind, include_extras=True).items():
        if name not in values:
            _check(name, arguments[name], type_)
            values[name] = at_frame_rate(arguments[name], arguments.get("frame_rate")) if type_ == Frames else arguments[name]
    return kind(**values)


def _check(name: str, value: object, type_: Any) -> None:
    if type_ is bool:
        check_flag(name, value)
    else:
        (allowed,) = type_.__metadata__
        check = check_real if isinstance(allowed, Within) else check_whole
        check(name, value, *allowed)


def check_score_split(low_score: float | None, high_score: float) -> float:
    """Returns the score from which detections are low: `low_score`, or `high_score` for None, so that there are none.

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
    check_frame_rate(frame_rate)
    return frame_rate / USUAL_RATE * frames
