"""KITTI tracking text: `<sequence>.txt` each, columns separated by spaces.

`frame id type truncated occluded alpha left top right bottom h w l x y z rotation_y score`: frames and ids from 0 (here they count
from 1), type a class name without spaces (written with `_` for them), and what only 3-D knows as the benchmark's "not known"
(-1, -10, -1000). Label files lack the score: 1. In results, rows of type DontCare or id -1 are passed over. Boxes to 0.0001 pixels,
scores to 0.000001.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from bytetrack.errors import FormatError
from bytetrack.io.result import REGION, Names, Result, Rows, annotations_of, corners, decimal, from_corners, sequence_name
from bytetrack.io.text import read_lines, whole
from bytetrack.runtime.atomic import replace_text
from bytetrack.structures import Annotations

__all__ = ["CLASSES", "is_kitti", "read_kitti", "read_labels", "write_kitti"]

CLASSES = ("car", "van", "truck", "pedestrian", "person", "cyclist", "tram", "misc")  # classes 1 to 8; person: one who sits
MOST_OCCLUDED, MOST_TRUNCATED = 2, 0  # the benchmark scores up to these
RESULT = "KITTI's 17 columns, or 18 with a score"
LABEL = "frame id type truncated occluded alpha left top right bottom ..."


class _Line(NamedTuple):
    where: str
    text: str
    frame_id: int
    track_id: int
    kind: str
    truncated: float
    occluded: float
    xyxy: list[float]
    score: float


def read_kitti(path: Path, names: Names) -> Result:
    """Reads one file as a result; FormatError names the line."""
    rows = Rows()
    known = {name.replace(" ", "_"): name for name in names.known.values()}
    for line in _lines(path, (17, 18), RESULT):
        if line.track_id >= 1 and line.kind != "DontCare":
            label = names.check(known.get(line.kind, line.kind), line.where)
            rows.add(line.where, line.frame_id, line.track_id, from_corners(line.xyxy), line.score, label)
    ids, class_names = names.resolve(rows.labels())
    return rows.result(sequence_name(path), ids, class_names)


def is_kitti(path: Path) -> bool:
    """Tells KITTI's columns from MOT's, which are separated by commas or fewer, by the first line."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        first = next((line for line in file if line.strip()), "")
    return len(first.split()) in (17, 18)


def write_kitti(result: Result, path: Path) -> None:
    """Writes one sequence; ValueError unless ids count from 1."""
    lines = []
    for frame_id, track_id, tlwh, score, class_id in result.rows():
        if track_id < 1:
            raise ValueError(f"{result.name}: ids must count from 1 to be written as KITTI's from 0, got {track_id}")
        kind = "_".join(result.label(class_id).split())
        box = " ".join(corners(tlwh))
        lines.append(f"{frame_id - 1} {track_id - 1} {kind} -1 -1 -10 {box} -1 -1 -1 -1000 -1000 -1000 -10 {decimal(score, 6)}\n")
    replace_text(path, "".join(lines))


def read_labels(path: Path) -> Annotations:
    """Reads a file of `label_02` as ground truth; FormatError names the line.

    Boxes occluded or truncated beyond what the benchmark scores are not considered, as the classes van and person never are by its
    rules; DontCare is a region to ignore.
    """
    rows: list[list[float]] = []
    for line in _lines(path, range(10, 100), LABEL):
        kind = line.kind.lower()
        class_id = REGION if kind == "dontcare" else _number("person" if kind == "person_sitting" else kind, line)
        left, top, right, bottom = line.xyxy
        if line.frame_id < 1 or right < left or bottom < top:
            raise FormatError(f"{line.where}: expected a frame from 0 and left <= right, top <= bottom, got {line.text[:80]!r}")
        plain = class_id != REGION and line.occluded <= MOST_OCCLUDED and line.truncated <= MOST_TRUNCATED
        rows.append([line.frame_id, line.track_id, left, top, right - left, bottom - top, plain, class_id])
    return annotations_of(rows, path)


def _lines(path: Path, columns: Collection[int], expected: str) -> Iterator[_Line]:
    """Yields the lines of a file, frames and ids from 1; FormatError names a line that has other `columns` or no numbers in them."""
    for where, text in read_lines(path):
        fields, shown = text.split(), repr(text.strip()[:80])
        if len(fields) not in columns:
            raise FormatError(f"{where}: expected {expected}, got {len(fields)}: {shown}")
        frame_id, track_id = whole(fields[0], where, "frame") + 1, whole(fields[1], where, "id") + 1
        try:
            truncated, occluded, left, top, right, bottom = (float(fields[place]) for place in (3, 4, 6, 7, 8, 9))
            score = float(fields[17]) if len(fields) > 17 else 1.0
        except ValueError:
            raise FormatError(f"{where}: expected numbers for the box and the score, got {shown}") from None
        yield _Line(where, text.strip(), frame_id, track_id, fields[2], truncated, occluded, [left, top, right, bottom], score)


def _number(kind: str, line: _Line) -> int:
    """Returns the number of a class in ground truth."""
    if kind not in CLASSES:
        raise FormatError(f"{line.where}: expected {LABEL} with a type among {', '.join(CLASSES)}, got {line.text[:80]!r}")
    return CLASSES.index(kind) + 1
