"""The value that every result format is converted to and from, and functions that readers and writers share."""

from __future__ import annotations

import itertools
import logging
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bytetrack.boxes import are_fractions
from bytetrack.errors import FormatError
from bytetrack.io.text import LARGEST_PIXEL, LARGEST_WHOLE
from bytetrack.runtime.fingerprint import fingerprint
from bytetrack.runtime.notices import warn_once
from bytetrack.structures import Annotations, Trajectories

__all__ = [
    "NO_CLASS",
    "REGION",
    "Names",
    "Result",
    "Rows",
    "annotations_of",
    "corners",
    "decimal",
    "distinct_ids",
    "from_corners",
    "in_order",
    "repeats",
    "sequence_name",
]

REGION = 0  # in ground truth of several classes, the class of regions to ignore
NO_CLASS = "object"  # the label of boxes without a class, where a format must have one
ENOUGH = 10  # boxes, all of them tiny, that are no accident
MOST_FRAMES = 10_000_000  # four days at 30 frames a second
log = logging.getLogger(__name__)
UNNAMED = re.compile(r"class_([0-9]{1,9})")


@dataclass(frozen=True, eq=False)
class Result:
    """Holds the trajectories of one sequence, and further data that some formats store.

    `length` is in frames, at least the last frame with a box; `width` and `height` are in pixels; these and `frame_rate` are None if
    unknown. `class_names` maps class ids to names. `images` are the file names of all frames, "" for a missing one; empty if unknown.
    """

    name: str
    trajectories: Trajectories
    length: int
    width: int | None = None
    height: int | None = None
    frame_rate: float | None = None
    class_names: Mapping[int, str] = field(default_factory=dict)
    images: tuple[str, ...] = ()

    def label(self, class_id: int | None) -> str:
        """Returns the name of a class: `class_<id>` if it has none, `object` if there is no class."""
        return NO_CLASS if class_id is None else self.class_names.get(class_id, f"class_{class_id}")

    def labels(self) -> dict[int, str]:
        """Returns all classes that have a name or occur, by id."""
        class_id = self.trajectories.class_id
        used = set() if class_id is None else set(class_id[class_id >= 0].tolist())
        return {k: self.label(k) for k in sorted(used | set(self.class_names))}

    def refuse_endless(self, to: str) -> None:
        """Raises FormatError for formats that list every frame, when one wrong number would make them list frames without bound."""
        if self.length > MOST_FRAMES:
            raise FormatError(f"{to} lists every frame, at most {MOST_FRAMES}: {self.name} has a box in frame {self.length}")

    def rows(self) -> Iterable[tuple[int, int, list[float], float, int | None]]:
        """Yields frame_id, track_id, tlwh, score, class_id (or None) of every box, by frame, then id."""
        t = self.trajectories
        classes = [None] * len(t) if t.class_id is None else [k if k >= 0 else None for k in t.class_id.tolist()]
        return zip(t.frame_id.tolist(), t.track_id.tolist(), t.tlwh.tolist(), t.score.tolist(), classes, strict=True)


class Names:
    """Class ids of names, for formats that hold names only.

    `class_<n>` is n; a name of `known` (by id) its own; others get the free ids in alphabetical order, unless `closed`, where they
    are a FormatError. When nothing but `object` occurs there are no classes.
    """

    def __init__(self, known: Mapping[int, str] | None = None, closed: bool = False) -> None:
        self.known, self.closed = dict(known or {}), closed

    def check(self, name: str, where: str) -> str:
        if self.closed and name not in (*self.known.values(), NO_CLASS) and not UNNAMED.fullmatch(name):
            raise FormatError(f"{where}: expected a class among {', '.join(self.known.values())} (classes=...), got {name!r}")
        return name

    def resolve(self, used: Iterable[str]) -> tuple[dict[str, int] | None, dict[int, str]]:
        """Returns the id of every name in `used` (None: there are no classes), and name of every id."""
        names = set(used)
        if names <= {NO_CLASS} and NO_CLASS not in self.known.values():
            return None, self.known
        ids = {name: class_id for class_id, name in self.known.items()}
        ids |= {name: int(match[1]) for name in names if name not in ids and (match := UNNAMED.fullmatch(name))}
        free = (number for number in range(len(ids) + len(names)) if number not in set(ids.values()))
        ids |= {name: number for name, number in zip(sorted(names - set(ids)), list(free), strict=False)}
        return ids, {class_id: name for name, class_id in ids.items() if not UNNAMED.fullmatch(name)}


def in_order(labels: Iterable[str]) -> dict[int, str]:
    """Numbers from 0 a file's list of labels; numbers of `class_<n>` (and of `object`, if alone) stay without a name."""
    names = list(labels)
    taken = {int(match[1]) for name in names if (match := UNNAMED.fullmatch(name))}
    free = (number for number in itertools.count() if number not in taken)
    return {} if names == [NO_CLASS] else {next(free): name for name in names if not UNNAMED.fullmatch(name)}


class Rows:
    """Collects the boxes of one sequence and refuses, naming the place, what no sequence can hold."""

    def __init__(self) -> None:
        self._boxes: dict[tuple[int, int, str | int | None], tuple[list[float], float]] = {}

    def __len__(self) -> int:
        return len(self._boxes)

    def add(self, where: str, frame_id: int, track_id: int, tlwh: list[float], score: float, label: str | int | None) -> None:
        """Adds one box, `label` a name or an id. FormatError for frames before 1, wrong boxes, an id twice in a frame."""
        if not 1 <= frame_id <= LARGEST_WHOLE or not 0 <= track_id <= LARGEST_WHOLE:
            raise FormatError(f"{where}: expected a frame and an id that count from the format's first, got {frame_id} and {track_id}")
        if not all(map(math.isfinite, (*tlwh, score))):
            raise FormatError(f"{where}: expected finite numbers, got the box {tlwh} with score {score}")
        if max(map(abs, tlwh)) > LARGEST_PIXEL or (isinstance(label, int) and label > LARGEST_WHOLE):
            raise FormatError(f"{where}: expected a box within {LARGEST_PIXEL:g} pixels and a class up to 2**53, got {tlwh} and {label!r}")
        if tlwh[2] < 0 or tlwh[3] < 0:
            raise FormatError(f"{where}: expected width and height that are not negative, got {tlwh[2]} and {tlwh[3]}")
        if (frame_id, track_id, label) in self._boxes:
            raise FormatError(f"{where}: expected every id once in a frame, got id {track_id} in frame {frame_id} again")
        self._boxes[frame_id, track_id, label] = (tlwh, score)

    def labels(self) -> set[str]:
        return {label for _, _, label in self._boxes if isinstance(label, str)}

    def result(
        self,
        name: str,
        ids: Mapping[str, int] | None = None,
        class_names: Mapping[int, str] | None = None,
        length: int = 0,
        width: int | None = None,
        height: int | None = None,
        frame_rate: float | None = None,
    ) -> Result:
        """Makes a result ordered by frame, then id. `ids` maps labels that are names; without it those mean no class.

        Ids that count within each class, so that one comes twice in a frame with two labels, are numbered anew, which a warning says.
        """
        known = {
            label: -1 if label is None else label if isinstance(label, int) else (ids or {}).get(label, -1) for _, _, label in self._boxes
        }
        table = np.array([(f, i, known[label]) for f, i, label in self._boxes], dtype=np.int64).reshape(-1, 3)
        table[:, 1] = distinct_ids(table[:, 0], table[:, 1], table[:, 2], name)
        _say_doubled(name, self._boxes)
        order = np.lexsort((table[:, 1], table[:, 0]))
        frame_id, track_id, class_id = (np.ascontiguousarray(column) for column in table[order].T)
        boxes = list(self._boxes.values())
        if len(boxes) >= ENOUGH and are_fractions([tlwh for tlwh, _ in boxes]):
            raise FormatError(f"{name}: expected boxes in pixels, got fractions of the image: multiply them by its width and height")
        trajectories = Trajectories(
            frame_id,
            track_id,
            np.array([boxes[row][0] for row in order], dtype=np.float64).reshape(-1, 4),
            np.array([boxes[row][1] for row in order], dtype=np.float64),
            class_id if (class_id >= 0).any() else None,
        )
        last = int(frame_id.max(initial=0))
        return Result(name, trajectories, max(length, last), width, height, frame_rate, dict(class_names or {}))


def _say_doubled(name: str, boxes: Mapping[tuple[int, int, str | int | None], tuple[list[float], float]]) -> None:
    """Warns of boxes that stand in one place of a frame under two ids, as where jobs of an annotation tool overlap."""
    seen: dict[tuple[object, ...], int] = {}
    doubled = [
        (frame_id, other, track_id)
        for (frame_id, track_id, label), (tlwh, _) in boxes.items()
        if (other := seen.setdefault((frame_id, label, *(round(value, 1) for value in tlwh)), track_id)) != track_id
    ]
    if doubled:
        log.warning("%s: %d boxes occur twice, with two ids: for instance in frame %d ids %d and %d", name, len(doubled), *doubled[0])


def decimal(value: float, places: int = 4) -> str:
    """Formats the number with at most `places` decimals and no trailing zeros.

    >>> decimal(12.5), decimal(-0.00001), decimal(3.0)
    ('12.5', '0', '3')
    """
    text = f"{value:.{places}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def corners(tlwh: list[float]) -> list[str]:
    """Formats left, top, right, bottom to a ten-thousandth of a pixel."""
    left, top, width, height = tlwh
    return [decimal(value) for value in (left, top, left + width, top + height)]


def from_corners(xyxy: list[float]) -> list[float]:
    """Returns tlwh, its size to a ten-thousandth of a pixel, so that sums rounded on the way out come back as they were."""
    left, top, right, bottom = xyxy
    return [left, top, round(right - left, 4), round(bottom - top, 4)]


def sequence_name(path: Path) -> str:
    """Returns the file's name without its endings; of `<sequence>/gt/gt.txt`, the sequence's."""
    if path.parent.name in ("gt", "det") and path.stem == path.parent.name:
        return path.absolute().parent.parent.name
    return path.name.removesuffix(".gz").rsplit(".", 1)[0]


def repeats(*columns: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Tells which rows have the same values as one before."""
    order = np.lexsort(columns[::-1])
    again = np.zeros(len(order), dtype=bool)
    again[order[1:]] = np.logical_and.reduce([np.diff(column[order]) == 0 for column in columns])
    return again


def distinct_ids(
    frame_id: npt.NDArray[Any], identity: npt.NDArray[np.int64], class_id: npt.NDArray[np.int64], where: str
) -> npt.NDArray[np.int64]:
    """Returns the identities, or, if one comes twice in a frame, since ids count within each class, others from 1, class after class.

    A warning says so, once for all copies of a file.

    >>> distinct_ids(np.array([1, 1, 1, 2]), np.array([1, 2, 1, 3]), np.array([1, 1, 4, 4]), "a.txt").tolist()
    [1, 2, 3, 4]
    """
    if not repeats(frame_id, identity).any():
        return identity
    message, about = (
        "%s: ids count within each class: they are renumbered",
        fingerprint(Path(where).name, frame_id, identity, class_id),
    )
    warn_once(log, message, where, about=about, in_workers=False)  # a run's copy of a file is no other; reports read all files again
    return np.asarray(np.unique(np.stack([class_id, identity]), axis=1, return_inverse=True)[1].reshape(-1) + 1, np.int64)


def annotations_of(rows: Sequence[Sequence[float]] | npt.NDArray[np.float64], path: Path) -> Annotations:
    """Makes ground truth of rows frame, id, left, top, width, height, considered, class, of the file `path`; ordered by frame, then id.

    `class_id` 0 is a region to ignore: results that no scored box claims, and that lie in one, do not count. Boxes that are not
    considered forgive results on them and are not scored themselves. Ids that count within each class are numbered anew, which a warning
    says; FormatError for one that comes twice in a frame and class.
    """
    table = np.array(rows, dtype=np.float64).reshape(-1, 8)
    objects = table[:, 7] != REGION
    frame_id, track_id, class_id = table[objects][:, [0, 1, 7]].astype(np.int64).T
    again = repeats(frame_id, track_id, class_id)
    if again.any():
        frame = frame_id[again].min()
        raise FormatError(f"{path}: expected every id once in a frame and class, got one twice in frame {frame} (from 1)")
    table[objects, 1] = distinct_ids(frame_id, track_id, class_id, str(path))
    table = table[np.lexsort((table[:, 1], table[:, 0]))]
    frame_id, track_id, class_id = (table[:, column].astype(np.int64) for column in (0, 1, 7))
    return Annotations(frame_id, track_id, np.ascontiguousarray(table[:, 2:6]), table[:, 6] != 0, class_id, np.ones(len(table)))
