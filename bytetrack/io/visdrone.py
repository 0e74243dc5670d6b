"""VisDrone's text files of ground truth."""

from __future__ import annotations

from pathlib import Path

from bytetrack.io.result import REGION, annotations_of
from bytetrack.io.table import read_table
from bytetrack.structures import Annotations

__all__ = ["CLASSES", "read_labels"]

CLASSES = ("pedestrian", "people", "bicycle", "car", "van", "truck", "tricycle", "awning-tricycle", "bus", "motor")  # 1 to 10


def read_labels(path: Path) -> Annotations:
    """Reads a file of `annotations` as ground truth: `frame,id,left,top,width,height,score,class,truncation,occlusion`, frames from 1.

    Classes 0 (ignored regions) and 11 (others), and boxes whose score is 0, are regions.
    """
    table = read_table(path, (10,), "10 columns frame,id,left,top,width,height,score,class,truncation,occlusion")
    table.refuse_bad_boxes(None)
    values = table.values
    table.refuse((values[:, 7] < 0) | (values[:, 7] > 11) | (values[:, 7] % 1 != 0), "a class 0..11")
    rows = values[:, :8].copy()
    region = (rows[:, 7] == 0) | (rows[:, 7] == 11) | (rows[:, 6] == 0)
    rows[region, 7] = REGION
    rows[:, 6] = ~region
    return annotations_of(rows, path)
