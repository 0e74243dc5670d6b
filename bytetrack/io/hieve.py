"""HiEve's text files of ground truth (Track-1): MOT15's columns, but frames that count from 0."""

from __future__ import annotations

from pathlib import Path

from bytetrack.io.mot import annotations_in
from bytetrack.io.table import FRAME, Table, read_table
from bytetrack.structures import Annotations

__all__ = ["read_labels"]


def read_labels(path: Path, last_frame: int | None = None) -> Annotations:
    """Reads a file of `labels/track1` as ground truth: `frame,id,left,top,width,height,flag,-1,-1,-1`, frames from 0.

    Frames become those from 1. Boxes whose flag is 0 are not to be scored. FormatError names the line.
    """
    table = read_table(path, range(7, 11), "10 columns frame,id,left,top,width,height,flag,-1,-1,-1")
    table.refuse(table.values[:, FRAME] < 0, "a frame from 0")
    values = table.values[:, :7].copy()
    values[:, FRAME] += 1
    if last_frame is not None:
        table.refuse(values[:, FRAME] > last_frame, f"a frame within the sequence's 0..{last_frame - 1}")
    return annotations_in(Table(path, values))
