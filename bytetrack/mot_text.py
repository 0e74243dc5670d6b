"""MOT text: a box a line, `frame,id,left,top,width,height,score,...`. Read fast; a wrong line is named exactly.

Numbers are separated by commas or, where the first line has none, by white space. A byte order mark, CRLF and empty lines are
passed over. An empty file is a file without boxes.
"""

from __future__ import annotations

import logging
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from bytetrack.boxes import are_corners, are_fractions, xyxy_from_tlwh
from bytetrack.errors import FormatError, MissingDataError
from bytetrack.listing import listed
from bytetrack.score_scale import ROUNDING, in_unit_interval
from bytetrack.structures import SequenceDetections

__all__ = ["Scores", "Table", "check_scores", "read_detections", "read_table"]

log = logging.getLogger("bytetrack")
Scores = Literal["strict", "robust", "minmax"]

FRAME, ID, TLWH, SCORE, CLASS = 0, 1, slice(2, 6), 6, 7
LARGEST_PIXEL = 1e9  # beyond, areas and overlaps lose their digits
MOST_KINDS = 1000  # more numbers than that are no classes
LARGEST_ID = 2**53  # the last integer up to which float64 holds every one


@dataclass(frozen=True, eq=False, slots=True)
class Table:
    """The numbers of a file, one row a line that is not empty: `values` (n, columns)."""

    path: Path
    values: npt.NDArray[np.float64]

    def refuse(self, wrong: npt.ArrayLike, expected: str) -> None:
        """FormatError `path:line: expected ..., got 'the line'` for the first row that is `wrong` (n,)."""
        rows = np.flatnonzero(wrong)
        if len(rows):
            row = int(rows[0])
            lines = [(number, line) for number, line in enumerate(_lines(self.path), start=1) if line.strip()]
            raise _error(self.path, *lines[row], expected)

    def refuse_bad_boxes(self, last_frame: int | None) -> None:
        """FormatError unless numbers are finite, frames and ids whole, frames within 1..`last_frame`, no size negative, boxes in pixels.

        Boxes without area are let through: they overlap nothing, and rounding to 0.1 pixels makes them.
        """
        values = self.values
        self.refuse(~np.isfinite(values).all(axis=1), "finite numbers")
        whole = np.abs(values[:, :2]) <= LARGEST_ID
        self.refuse(~(whole & (values[:, :2] == np.floor(values[:, :2]))).all(axis=1), "whole numbers for frame and id")
        self.refuse(values[:, FRAME] < 1, "a frame from 1")
        if last_frame is not None:
            self.refuse(values[:, FRAME] > last_frame, f"a frame within the sequence's 1..{last_frame}")
        self.refuse((values[:, 4:6] < 0).any(axis=1), "width and height that are not negative")
        fractions = np.full(len(values), are_fractions(values[:, TLWH]))
        self.refuse(fractions, "boxes in pixels (all are fractions of the image: multiply them by its width and height)")
        self.refuse((np.abs(values[:, TLWH]) > LARGEST_PIXEL).any(axis=1), f"a box within {LARGEST_PIXEL:g} pixels")

    def refuse_corners(self, width: float, height: float) -> None:
        """FormatError if the boxes are corners, which the image's size shows (`are_corners`)."""
        corners = np.full(len(self.values), are_corners(self.values[:, TLWH], width, height))
        self.refuse(corners, "left, top, width, height (the last two of every box are its right and bottom edge: subtract left and top)")


def read_table(path: Path, columns: Container[int], expected: str) -> Table:
    """The file's numbers; FormatError unless every line has the same number of columns and that lies in `columns`.

    `expected` says in the message what the columns should be. MissingDataError where there is no such file.
    """
    lines = _lines(path)
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


def read_detections(
    path: Path,
    first_frame: int,
    length: int,
    last_frame: int | None = None,
    scores: Scores = "strict",
    classes: bool = False,
    every: int = 1,
    size: tuple[int, int] | None = None,
) -> SequenceDetections:
    """Detections of `length` frames, every `every`-th from `first_frame`, of a file in the numbering of the whole sequence, from 1.

    Seven to ten columns, of which the first seven count, with `classes` also the eighth, the class's number (-1 in all rows: none);
    within a frame the file's order stays. `last_frame` is the last of the whole sequence, where known. Scores must lie in [0, 1]: `strict`
    refuses others, but for rounding, `robust` (formerly `minmax`) brings those of the whole file there as `in_unit_interval` says; a
    warning tells what was done. FormatError also for a file that has boxes, but none in these frames: its numbering must be
    another one. `size` is the image's width and height, if known: corners in place of sizes are then refused.
    """
    table = read_table(path, range(7, 11), "7 to 10 columns frame,id,left,top,width,height,score,...")
    table.refuse_bad_boxes(last_frame)
    if size is not None:
        table.refuse_corners(*size)
    number, score = table.values[:, FRAME].astype(np.int64), table.values[:, SCORE]
    frame, rest = np.divmod(number - first_frame, every)
    if scores == "strict":
        table.refuse((score < -ROUNDING) | (score > 1 + ROUNDING), "a score in [0, 1] (detector.scores=robust maps others)")
    score, changed = in_unit_interval(score)
    if changed is not None:
        log.warning("%s: %s", path, changed)
    inside = (frame >= 0) & (frame < length)
    rows = np.flatnonzero(inside & (rest == 0))
    if len(frame) and not inside.any():
        raise FormatError(
            f"{path}: no box in frames {first_frame}..{first_frame + length * every - 1}, only in {number.min()}..{number.max()}: "
            "frames must be numbered as in the whole sequence, also for a half of it"
        )
    rows = rows[np.argsort(frame[rows], kind="stable")]
    offsets = np.concatenate([[0], np.cumsum(np.bincount(frame[rows], minlength=length))])
    class_id = _class_ids(table, rows) if classes else None
    if not classes:
        _say_unread_classes(table)
    return SequenceDetections(xyxy_from_tlwh(table.values[rows, TLWH]), score[rows], offsets.astype(np.int64), class_id)


def check_scores(scores: str) -> Scores:
    """`scores` itself; ValueError unless it is one of `Scores`."""
    if scores not in get_args(Scores):
        raise ValueError(f"scores must be strict or robust: got {scores!r}")
    return scores  # type: ignore[return-value]


def _class_ids(table: Table, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.int64] | None:
    """The eighth column of `rows`; None where it is missing or says -1 throughout."""
    if table.values.shape[1] <= CLASS or (table.values[:, CLASS] == -1).all():
        return None
    table.refuse((table.values[:, CLASS] < 0) | (table.values[:, CLASS] % 1 != 0), "a class number from 0 in column 8, or -1 in all rows")
    return np.asarray(table.values[rows, CLASS], np.int64)


def _say_unread_classes(table: Table) -> None:
    """Warns where the eighth column, which is not read, tells classes apart."""
    column = table.values[:, CLASS] if table.values.shape[1] > CLASS else table.values[:0, 0]
    kinds = np.unique(column)
    if 1 < len(kinds) <= MOST_KINDS and (kinds >= 0).all() and (kinds % 1 == 0).all():
        shown = ", ".join(f"{kind:.0f}" for kind in kinds[:6]) + (", …" if len(kinds) > 6 else "")
        log.warning(
            "%s: classes %s in its eighth column are not read: detector.class_names=[NAME,...], from 0, keeps them apart", table.path, shown
        )


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise MissingDataError(f"no file {str(path)!r}; {_neighbours(path)}") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise FormatError(f"{path}:{line}: expected text, got bytes that are not UTF-8") from None


def _neighbours(path: Path) -> str:
    if not path.parent.is_dir():
        return f"there is no folder {str(path.parent)!r} either"
    found = [other.name for other in listed(path.parent, (path.suffix,))]
    return f"the folder holds {', '.join(found[:3])}{', …' if len(found) > 3 else ''} ({len(found)})" if found else "the folder holds none"


def _diagnosis(path: Path, lines: list[str], separator: str | None, columns: Container[int], expected: str) -> FormatError | None:
    """The first line that is not numbers, has a wrong number of columns, or another than the lines before it."""
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
