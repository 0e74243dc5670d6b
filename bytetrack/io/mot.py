"""MOTChallenge text files: ground truth, detections and results, `frame,id,left,top,width,height,score,class,visibility`, frames from 1.

Results have ten columns: the class, -1 if there is none, is followed by `-1,-1`. Boxes are written to 0.1 pixels, scores to 0.01. Ground
truth (`gt/gt.txt`, eight or nine columns) can be read as a result too: conf is the score, and the classes are the benchmark's.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from bytetrack.boxes import xyxy_from_tlwh
from bytetrack.errors import FormatError
from bytetrack.io.result import Result, distinct_ids, repeats, sequence_name
from bytetrack.io.table import CLASS, FRAME, ID, SCORE, TLWH, Table, read_table
from bytetrack.io.text import read_lines
from bytetrack.names import shortened
from bytetrack.runtime.atomic import replace_text
from bytetrack.score_scale import ROUNDING, in_unit_interval
from bytetrack.structures import Annotations, SequenceDetections, Trajectories

__all__ = [
    "MOT_CLASSES",
    "PEDESTRIAN",
    "VISIBILITY",
    "Scores",
    "annotations_in",
    "check_scores",
    "read_annotations",
    "read_detections",
    "read_mot",
    "read_trajectories",
    "result_lines",
    "write_mot",
    "write_trajectories",
]

log = logging.getLogger(__name__)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Scores = Literal["strict", "robust", "minmax"]

MOT_CLASSES = {
    **{1: "pedestrian", 2: "person on vehicle", 3: "car", 4: "bicycle", 5: "motorbike", 6: "non motorized vehicle"},
    **{7: "static person", 8: "distractor", 9: "occluder", 10: "occluder on the ground", 11: "occluder full", 12: "reflection"},
}
PEDESTRIAN = 1
VISIBILITY = 8
MOST_KINDS = 1000  # more numbers than that are no classes


def read_annotations(path: Path, last_frame: int | None = None, size: tuple[int, int] | None = None) -> Annotations:
    """Reads a whole ground truth file, ordered by frame, then id; raises FormatError with the line.

    Nine columns as in MOT16, 17 and 20: frame, id, left, top, width, height, conf, class, visibility (eight: without visibility; if the
    eighth has fractions, it is the visibility). Ten columns as in MOT15 (the last three are world coordinates), or seven: no classes, every
    box is a fully visible pedestrian. If the last two of ten columns are -1 throughout, the eighth is the class. conf 0 marks a box that
    is not scored. `last_frame` is the sequence's last frame and `size` the image's width and height, if known: frames beyond it, and
    corners instead of sizes, are then refused.
    """
    table = read_table(path, range(7, 11), "9 columns frame,id,left,top,width,height,conf,class,visibility (or MOT15's 10)")
    return annotations_in(table, last_frame, size)


def annotations_in(table: Table, last_frame: int | None = None, size: tuple[int, int] | None = None) -> Annotations:
    """Returns the ground truth in a table with the columns of `read_annotations`; FormatError names the line."""
    table.refuse_bad_boxes(last_frame)
    if size is not None:
        table.refuse_corners(*size)
    conf = table.values[:, SCORE]
    table.refuse((conf > 0) & (conf < 1), "conf 1, or 0 for a box that is not scored, as it is no score in ground truth")
    has_class, visibility = _class_and_visibility(table)
    identity = _identities(table, table.values[:, CLASS] if has_class else None)
    order = np.lexsort((identity, table.values[:, FRAME]))
    rows = table.values[order]
    return Annotations(
        rows[:, FRAME].astype(np.int64),
        identity[order],
        np.ascontiguousarray(rows[:, TLWH]),
        rows[:, SCORE].astype(np.int64) != 0,
        rows[:, CLASS].astype(np.int64) if has_class else np.ones(len(rows), np.int64),
        np.ones(len(rows)) if visibility is None else np.ascontiguousarray(rows[:, visibility]),
    )


def _class_and_visibility(table: Table) -> tuple[bool, int | None]:
    """Returns whether the eighth column is the class, and which column is the visibility, None if none is.

    Of eight columns the last is the class, or, where it holds fractions, the visibility. Of ten the last three are world coordinates, or,
    as annotation tools and results have it, class, -1, -1. FormatError for nine in which a class is no whole number.
    """
    columns, values = table.values.shape[1], table.values
    if columns == 8:
        fractions = bool((values[:, CLASS] % 1 != 0).any())
        return not fractions, CLASS if fractions else None
    if columns == 9:
        table.refuse(values[:, CLASS] % 1 != 0, "a class that is a whole number in column 8")
        return True, VISIBILITY
    if columns == 10:
        kinds = values[:, CLASS]
        return bool((values[:, CLASS + 1 :] == -1).all() and ((kinds >= 0) & (kinds % 1 == 0)).all() and (kinds > 0).any()), None
    return False, None


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
    """Reads detections of `length` frames, every Nth (`every`) from `first_frame`, of a file with the frame numbers of the whole sequence.

    There are seven to ten columns, of which the first seven are used, with `classes` also the eighth, the class number (-1 in all rows:
    none). Within a frame the order is kept. `last_frame` is the last frame of the whole sequence, if known; `size` is the image's width
    and height, if known: corners instead of sizes are then refused. Scores must be in [0, 1], except for rounding: `strict` refuses
    others; `robust` (formerly `minmax`) maps the scores of the whole file (`in_unit_interval`), and a warning describes how. Raises
    FormatError, also for a file that has boxes, but none in these frames, because its numbering must be different.
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


def read_trajectories(path: Path, length: int | None = None, size: tuple[int, int] | None = None) -> Trajectories:
    """Reads the rows of a result file, ordered by frame, then id; the eighth column, unless -1, is the class.

    Raises FormatError with the line of an invalid column, a frame beyond `length`, or an id that occurs twice in a frame; corners instead
    of sizes are refused if the image's `size` reveals them. If ids count within each class, so that an id occurs twice in a frame with
    two classes, they are renumbered with a warning.
    """
    table = read_table(path, range(7, 11), "10 columns frame,id,left,top,width,height,score,-1,-1,-1")
    table.refuse_bad_boxes(length)
    if size is not None:
        table.refuse_corners(*size)
    has_class = table.values.shape[1] > CLASS and (table.values[:, CLASS] != -1).any()
    identity = _identities(table, table.values[:, CLASS] if has_class else None)
    order = np.lexsort((identity, table.values[:, FRAME]))
    rows = table.values[order]
    return Trajectories(
        rows[:, FRAME].astype(np.int64),
        identity[order],
        np.ascontiguousarray(rows[:, TLWH]),
        np.ascontiguousarray(rows[:, SCORE]),
        rows[:, CLASS].astype(np.int64) if has_class else None,
    )


def write_trajectories(path: Path, trajectories: Trajectories, decimals: int | None = 1) -> None:
    """Writes rows `frame,id,left,top,width,height,score,-1,-1,-1` ordered by frame, then id, atomically; scores to 0.01.

    Boxes are rounded to `decimals` (0.1 pixels); None: not rounded. The eighth column is the class, if there are classes.
    """
    order = np.lexsort((trajectories.track_id, trajectories.frame_id))
    class_id = None if trajectories.class_id is None else trajectories.class_id[order]
    ids = trajectories.frame_id[order], trajectories.track_id[order]
    replace_text(path, "".join(result_lines(*ids, trajectories.tlwh[order], trajectories.score[order], class_id, decimals)))


def result_lines(frame_id: Ints, track_id: Ints, tlwh: Floats, score: Floats, class_id: Ints | None, decimals: int | None = 1) -> list[str]:
    """Formats one line a row of a result file.

    >>> result_lines(np.array([1]), np.array([7]), np.array([[0.04, -0.04, 9, 9]]), np.array([0.909]), None)
    ['1,7,0.0,0.0,9.0,9.0,0.91,-1,-1,-1\\n']
    """
    boxes = ((tlwh if decimals is None else np.round(tlwh, decimals)) + 0.0).tolist()  # + 0.0: never -0.0
    scores = (np.round(score, 2) + 0.0).tolist()
    classes = [-1] * len(boxes) if class_id is None else class_id.tolist()
    rows = zip(frame_id.tolist(), track_id.tolist(), boxes, scores, classes, strict=True)
    return [f"{f},{i},{x},{y},{w},{h},{_plain(s)},{c},-1,-1\n" for f, i, (x, y, w, h), s, c in rows]


def read_mot(path: Path, classes: Mapping[int, str] | None = None) -> Result:
    """Reads one file; FormatError names the line."""
    trajectories = read_trajectories(path)
    first = next((line for _, line in read_lines(path)), "")
    is_ground_truth = len(first.split(",")) in (8, 9)
    names = classes or (MOT_CLASSES if is_ground_truth and trajectories.class_id is not None else {})
    return Result(sequence_name(path), trajectories, int(trajectories.frame_id.max(initial=0)), class_names=dict(names))


def write_mot(result: Result, path: Path) -> None:
    write_trajectories(path, result.trajectories)


def check_scores(scores: str) -> Scores:
    """Returns `scores` itself; ValueError unless it is one of `Scores`."""
    if scores not in get_args(Scores):
        raise ValueError(f"scores must be strict or robust: got {scores!r}")
    return scores  # type: ignore[return-value]


def _class_ids(table: Table, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.int64] | None:
    """Returns the eighth column of `rows`; None if it is missing or -1 throughout."""
    if table.values.shape[1] <= CLASS or (table.values[:, CLASS] == -1).all():
        return None
    table.refuse((table.values[:, CLASS] < 0) | (table.values[:, CLASS] % 1 != 0), "a class number from 0 in column 8, or -1 in all rows")
    return np.asarray(table.values[rows, CLASS], np.int64)


def _say_unread_classes(table: Table) -> None:
    """Warns where the eighth column, which is not read, tells classes apart."""
    column = table.values[:, CLASS] if table.values.shape[1] > CLASS else table.values[:0, 0]
    kinds = np.unique(column)
    if 1 < len(kinds) <= MOST_KINDS and (kinds >= 0).all() and (kinds % 1 == 0).all():
        shown = shortened(kinds.astype(np.int64), 6, count=False)
        log.warning(
            "%s: classes %s in its eighth column are ignored: set detector.class_names=[NAME,...], from 0, to use them", table.path, shown
        )


def _plain(score: float) -> str:
    """Formats -1 without decimals, as the other columns that say nothing."""
    return "-1" if score == -1 else str(score)


def _identities(table: Table, class_id: npt.NDArray[np.float64] | None) -> npt.NDArray[np.int64]:
    """Returns the id of every row; FormatError where one is negative or comes twice in a frame (and class, if there are classes)."""
    frame, identity = table.values[:, FRAME], table.values[:, ID].astype(np.int64)
    table.refuse(identity < 0, "an id that is not negative")
    if class_id is None:
        table.refuse(repeats(frame, identity), "every id once in a frame")
        return identity
    kind = class_id.astype(np.int64)
    table.refuse(repeats(frame, identity, kind), "every id once in a frame and class")
    return distinct_ids(frame, identity, kind, str(table.path))
