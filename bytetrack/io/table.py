"""Text files of numbers, a row a line: read fast, and a wrong line is named exactly.

Numbers are separated by commas or, if the first line has none, by white space. A byte order mark, CRLF and empty lines are passed over.
An empty file is a table without rows.
"""

from __future__ import annotations

import logging
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bytetrack.boxes import are_corners, are_fractions, may_be_corners
from bytetrack.errors import FormatError
from bytetrack.io.text import LARGEST_PIXEL, LARGEST_WHOLE, read_text
from bytetrack.runtime.notices import warn_once

__all__ = ["CLASS", "FRAME", "ID", "MAYBE_CORNERS", "SCORE", "TLWH", "Table", "read_table"]

FRAME, ID, TLWH, SCORE, CLASS = 0, 1, slice(2, 6), 6, 7  # columns of MOT text
MAYBE_CORNERS = (
    "%s: its boxes are read as left, top, width, height, and look like left, top, right, bottom: if they are, subtract left and top"
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False, slots=True)
class Table:
    """The numbers of a file, one row a line that is not empty: `values` (n, columns)."""

    path: Path
    values: npt.NDArray[np.float64]

    def refuse(self, wrong: npt.ArrayLike, expected: str) -> None:
        """Raises FormatError `path:line: expected ..., got 'the line'` for the first row that is `wrong` (n,)."""
        rows = np.flatnonzero(wrong)
        if len(rows):
            row = int(rows[0])
            lines = [(number, line) for number, line in enumerate(read_text(self.path).splitlines(), start=1) if line.strip()]
            raise _error(self.path, *lines[row], expected)

    def refuse_bad_boxes(self, last_frame: int | None) -> None:
        """Raises FormatError unless numbers are finite, frames (1..`last_frame`) and ids whole, sizes not negative, boxes in pixels.

        Boxes without area are let through: they overlap nothing, and rounding to 0.1 pixels makes them.
        """
        values = self.values
        self.refuse(~np.isfinite(values).all(axis=1), "finite numbers")
        whole = np.abs(values[:, :2]) < LARGEST_WHOLE
        self.refuse(~(whole & (values[:, :2] == np.floor(values[:, :2]))).all(axis=1), "whole numbers for frame and id")
        self.refuse(values[:, FRAME] < 1, "a frame from 1")
        if last_frame is not None:
            self.refuse(values[:, FRAME] > last_frame, f"a frame within the sequence's 1..{last_frame}")
        self.refuse((values[:, 4:6] < 0).any(axis=1), "width and height that are not negative")
        fractions = np.full(len(values), are_fractions(values[:, TLWH]))
        self.refuse(fractions, "boxes in pixels (all are fractions of the image: multiply them by its width and height)")
        self.refuse((np.abs(values[:, TLWH]) > LARGEST_PIXEL).any(axis=1), f"a box within {LARGEST_PIXEL:g} pixels")

    def refuse_corners(self, width: float, height: float) -> None:
        """Raises FormatError if the boxes are corners, which the image's size shows (`are_corners`); warns if they may be."""
        boxes = self.values[:, TLWH]
        corners = np.full(len(boxes), are_corners(boxes, width, height))
        self.refuse(corners, "left, top, width, height (the last two of every box are its right and bottom edge: subtract left and top)")
        if may_be_corners(boxes, width, height):
            warn_once(log, MAYBE_CORNERS, self.path)


def read_table(path: Path, columns: Container[int], expected: str) -> Table:
    """Reads the file's numbers; FormatError unless every line has the same number of columns and that lies in `columns`.

    `expected` says in the message what the columns should be. MissingDataError if there is no such file.
    """
    lines = read_text(path).splitlines()
    solid = [line for line in lines if line.strip()]
    if not solid:
        return Table(path, np.empty((0, 10)))
    separator = "," if "," in solid[0] else None
    try:
        values = np.loadtxt(solid, delimiter=separator, comments=None, ndmin=2)
    except ValueError as error:
        raise _diagnosis(path, lines, separator, columns, expected) or FormatError(f"{path}: {error}") from None
    if values.shape[1] not in columns:
        raise _diagnosis(path, lines, separator, columns, expected) or FormatError(f"{path}: expected {expected}")
    return Table(path, values)


def _diagnosis(path: Path, lines: list[str], separator: str | None, columns: Container[int], expected: str) -> FormatError | None:
    """Finds the first line that is not numbers, has a wrong number of columns, or another than the lines before it."""
    count = None
    for number, line in enumerate(lines, start=1):
        fields = line.split(separator)
        if not line.strip():
            continue
        if len(fields) not in columns:
            return _error(path, number, line, expected, got=f"{len(fields)}: ")
        if count not in (None, len(fields)):
            return _error(path, number, line, f"{count} columns as in the lines before", got=f"{len(fields)}: ")
        count = len(fields)
        try:
            [float(field) for field in fields]
        except ValueError:
            return _error(path, number, line, "numbers")
        if "_" in line or not line.isascii():  # 1_000 and １２ are numbers to Python, but to nobody else
            return _error(path, number, line, "numbers of plain digits")
    return None


def _error(path: Path, number: int, line: str, expected: str, got: str = "") -> FormatError:
    shown = line.strip() if len(line) < 80 else f"{line.strip()[:77]}..."
    return FormatError(f"{path}:{number}: expected {expected}, got {got}{shown!r}")
