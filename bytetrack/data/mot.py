"""MOTChallenge text files to values and back: ground truth, detections, results."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bytetrack.mot_text import CLASS, FRAME, ID, SCORE, TLWH, Table, read_detections, read_table
from bytetrack.runtime.atomic import replace_text
from bytetrack.structures import Annotations, Sequence, Trajectories

__all__ = ["ids_across_classes", "read_annotations", "read_detections", "read_trajectories", "write_trajectories"]

VISIBILITY = 8

log = logging.getLogger("bytetrack")


def read_annotations(source: Sequence | Path) -> Annotations:
    """Ground truth of a sequence (a half: only its frames, renumbered from 1), or of a whole file.

    Nine columns as in MOT16, 17 and 20: frame, id, left, top, width, height, conf, class, visibility (eight: without visibility).
    Ten as in MOT15 (the last three are world coordinates) or seven: no classes, every box is a fully visible pedestrian. conf 0
    marks a box that is not to be scored. FormatError names the line; ValueError for a sequence without ground truth.
    """
    path, first_frame, length, last_frame, every = source if isinstance(source, Path) else None, 1, None, None, 1
    if isinstance(source, Sequence):
        path, first_frame, length, last_frame = source.ground_truth, source.first_frame, source.length, source.last_frame
        every = source.every
    if isinstance(source, Sequence) and source.layout != "mot" and path is not None:
        from bytetrack.data.ground_truth import READERS  # which reads documents, as converters do, who read this module

        return _in_frames(READERS[source.layout](path), source)
    if path is None:
        raise ValueError(f"{source.name} has no ground truth")
    table = read_table(path, range(7, 11), "9 columns frame,id,left,top,width,height,conf,class,visibility (or MOT15's 10)")
    table.refuse_bad_boxes(last_frame)
    if isinstance(source, Sequence):
        table.refuse_corners(source.width, source.height)
    has_class = table.values.shape[1] in (8, 9)
    identity = _identities(table, table.values[:, CLASS] if has_class else None)
    order = np.lexsort((identity, table.values[:, FRAME]))
    frame, rest = np.divmod(table.values[order, FRAME].astype(np.int64) - first_frame, every)
    frame += 1
    inside = (rest == 0) & (frame >= 1) & (frame <= (np.inf if length is None else length))
    rows = table.values[order[inside]]
    return Annotations(
        frame[inside],
        identity[order[inside]],
        np.ascontiguousarray(rows[:, TLWH]),
        rows[:, SCORE].astype(np.int64) != 0,
        rows[:, CLASS].astype(np.int64) if has_class else np.ones(len(rows), np.int64),
        np.ascontiguousarray(rows[:, VISIBILITY]) if rows.shape[1] == 9 else np.ones(len(rows)),
    )


def _in_frames(whole: Annotations, sequence: Sequence) -> Annotations:
    """Of a whole file only the sequence's frames, renumbered from 1."""
    frame_id, rest = np.divmod(whole.frame_id - sequence.first_frame, sequence.every)
    rows = (rest == 0) & (frame_id >= 0) & (frame_id < sequence.length)
    fields = (whole.track_id, whole.tlwh, whole.considered, whole.class_id, whole.visibility)
    return Annotations(frame_id[rows] + 1, *(values[rows] for values in fields))


def read_trajectories(path: Path, length: int | None = None) -> Trajectories:
    """A result file's rows, ordered by frame, then id; the eighth column, where it is not -1, is the class.

    FormatError names the line of a wrong column, a frame beyond `length`, or an id that repeats in a frame. Ids that count within each
    class, so that one comes twice in a frame with two classes, are numbered anew, which a warning says.
    """
    table = read_table(path, range(7, 11), "10 columns frame,id,left,top,width,height,score,-1,-1,-1")
    table.refuse_bad_boxes(length)
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
    """Rows `frame,id,left,top,width,height,score,-1,-1,-1` by frame, then id; score to 0.01; atomically.

    Boxes to `decimals` (0.1 pixels), None for all digits. The eighth column is the class where there is one.
    """
    order = np.lexsort((trajectories.track_id, trajectories.frame_id))
    tlwh = trajectories.tlwh[order] if decimals is None else np.round(trajectories.tlwh[order], decimals)
    boxes = (tlwh + 0.0).tolist()  # + 0.0: never -0.0
    score = (np.round(trajectories.score[order], 2) + 0.0).tolist()
    classes = [-1] * len(order) if trajectories.class_id is None else trajectories.class_id[order].tolist()
    rows = zip(trajectories.frame_id[order].tolist(), trajectories.track_id[order].tolist(), boxes, score, classes, strict=True)
    replace_text(path, "".join(f"{f},{i},{x},{y},{w},{h},{_plain(s)},{c},-1,-1\n" for f, i, (x, y, w, h), s, c in rows))


def _plain(score: float) -> str:
    """-1 without decimals, as the other columns that say nothing."""
    return "-1" if score == -1 else str(score)


def _identities(table: Table, class_id: npt.NDArray[np.float64] | None) -> npt.NDArray[np.int64]:
    """Returns the id of every row; FormatError where one is negative or comes twice in a frame (and class, where there are classes)."""
    frame, identity = table.values[:, FRAME], table.values[:, ID].astype(np.int64)
    table.refuse(identity < 0, "an id that is not negative")
    again = _repeats(frame, identity)
    if class_id is not None and again.any():
        kind = class_id.astype(np.int64)
        table.refuse(_repeats(frame, identity, kind), "every id once in a frame and class")
        log.warning("%s: ids count within each class: identities are numbered anew", table.path)
        return ids_across_classes(identity, kind)
    table.refuse(again, "every id once in a frame")
    return identity


def _repeats(*columns: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Tells which rows have the same values as one before."""
    order = np.lexsort(columns[::-1])
    again = np.zeros(len(order), dtype=bool)
    again[order[1:]] = np.logical_and.reduce([np.diff(column[order]) == 0 for column in columns])
    return again


def ids_across_classes(identity: npt.NDArray[np.int64], class_id: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Numbers identities that count within each class, from 1, class after class.

    >>> ids_across_classes(np.array([1, 2, 1, 3]), np.array([1, 1, 4, 4])).tolist()
    [1, 2, 3, 4]
    """
    return np.asarray(np.unique(np.stack([class_id, identity]), axis=1, return_inverse=True)[1].reshape(-1) + 1, np.int64)
