"""Events of a counter, and their csv file."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Literal

__all__ = ["DECIMALS", "Event", "EventFile"]

DECIMALS = {"time": 3, "x": 1, "y": 1, "dwell": 3, "speed": 2}
"""Of the numbers of an event, in files and messages: milliseconds, a tenth of a pixel, centimetres a second."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event: `track_id`, `class_id`, `class_name`; `frame_id` from 1, `time` in seconds; `name` of the line or zone, `x`, `y`; kind.

    `kind` is `cross` (of a line; `direction` `in` or `out`), or of a zone: `enter`, `exit`, `appear` (first seen inside) and
    `vanish` (not seen any more while inside). `frame_id` is the frame in which the counter became sure; `time` and `x`, `y` of a
    crossing are those at which the path met the line. `dwell`, in seconds, comes with `exit` and `vanish`; `speed`, in metres per
    second, with a homography.
    """

    kind: Literal["cross", "enter", "exit", "appear", "vanish"]
    name: str
    direction: Literal["in", "out", ""]
    track_id: int
    class_id: int | None
    class_name: str
    frame_id: int
    time: float
    x: float
    y: float
    dwell: float | None = None
    speed: float | None = None


class EventFile:
    """A csv file of events, one row each under a header with the names of `Event`'s fields.

    Every `write` reaches the disk before it returns, so that the file is whole whenever the program ends. Times are written to
    the millisecond, places to 0.1 pixel, speeds to 0.01 m/s.
    """

    def __init__(self, path: Path | str) -> None:
        self._file = Path(path).open("w", newline="", encoding="utf-8")  # noqa: SIM115 (lives as long as this object)
        self._rows = csv.writer(self._file)
        self._rows.writerow(field.name for field in fields(Event))
        self._file.flush()

    def write(self, events: Iterable[Event]) -> None:
        decimals = [DECIMALS.get(field.name) for field in fields(Event)]
        rows = [
            [f"{value:.{n}f}" if n is not None and value is not None else value for value, n in zip(astuple(event), decimals, strict=True)]
            for event in events
        ]
        if rows:
            self._rows.writerows(rows)
            self._file.flush()

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> EventFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
