"""Ground truth in the layouts of KITTI, VisDrone and BDD100K, as Annotations: what is not to be scored is marked, not left out.

`class_id` 0 is a region to ignore: results that no scored box claims, and that lie in one, do not count. `considered` is False for
boxes that forgive results on them and are not scored themselves.
"""

from __future__ import annotations

from collections.abc import Sequence as Values
from pathlib import Path
from typing import Any

import numpy as np

from bytetrack.data.converters.bdd100k import ALSO_CALLED, CLASSES, IGNORED, is_crowd, videos_of
from bytetrack.data.converters.document import numbers
from bytetrack.errors import FormatError, MissingDataError
from bytetrack.mot_text import read_table
from bytetrack.structures import Annotations

__all__ = ["KITTI", "READERS", "REGION", "VISDRONE", "read_bdd100k", "read_kitti", "read_visdrone"]

REGION = 0  # the class of regions to ignore
KITTI = ("car", "van", "truck", "pedestrian", "person", "cyclist", "tram", "misc")  # classes 1 to 8; person: one who sits
VISDRONE = ("pedestrian", "people", "bicycle", "car", "van", "truck", "tricycle", "awning-tricycle", "bus", "motor")  # 1 to 10
MOST_OCCLUDED, MOST_TRUNCATED = 2, 0  # what KITTI's benchmark still scores


def read_kitti(path: Path) -> Annotations:
    """A file of `label_02`: `frame id type truncated occluded alpha left top right bottom ...`, frames from 0, ids from 0.

    Boxes occluded or truncated beyond what the benchmark scores are not considered, as the classes van and person never are by its
    rules; DontCare is a region.
    """
    rows: list[list[float]] = []
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise MissingDataError(f"no file {str(path)!r}") from None
    except UnicodeDecodeError:
        raise FormatError(f"{path}: expected text, got bytes that are not UTF-8") from None
    for number, line in enumerate(lines, start=1):
        fields = line.split()
        if not fields:
            continue
        try:
            frame, identity, kind = int(fields[0]), int(fields[1]), fields[2].lower()
            truncated, occluded, left, top, right, bottom = (float(fields[k]) for k in (3, 4, 6, 7, 8, 9))
            class_id = REGION if kind == "dontcare" else KITTI.index("person" if kind == "person_sitting" else kind) + 1
        except (ValueError, IndexError):
            raise FormatError(
                f"{path}:{number}: expected frame id type truncated occluded alpha left top right bottom ..., got {line.strip()[:80]!r}"
            ) from None
        if frame < 0 or right < left or bottom < top:
            raise FormatError(f"{path}:{number}: expected a frame from 0 and left <= right, top <= bottom, got {line.strip()[:80]!r}")
        plain = class_id != REGION and occluded <= MOST_OCCLUDED and truncated <= MOST_TRUNCATED
        rows.append([frame + 1, identity + 1, left, top, right - left, bottom - top, plain, class_id])
    return _annotations(rows)


def read_visdrone(path: Path) -> Annotations:
    """A file of `annotations`: `frame,id,left,top,width,height,score,class,truncation,occlusion`, frames from 1.

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
    return _annotations(rows)


def read_bdd100k(path: Path) -> Annotations:
    """A Scalabel file of one video: classes 1 to 8; crowd boxes and those of classes the benchmark ignores are regions."""
    rows: list[list[float]] = []
    ids: dict[str, int] = {}
    for frames in videos_of(path).values():
        for frame_id, frame in enumerate(frames, start=1):
            boxes = [label for label in frame.get("labels") or [] if label.get("box2d") is not None]
            rows.extend([frame_id, *_bdd100k_row(label, ids, f"{path}: {frame['name']}")] for label in boxes)
    return _annotations(rows)


def _bdd100k_row(label: dict[str, Any], ids: dict[str, int], where: str) -> list[float]:
    corners, category = label["box2d"], str(label.get("category"))
    known = ALSO_CALLED.get(category, IGNORED.get(category, category))
    if known not in CLASSES:
        raise FormatError(f"{where}: no class {category!r} in BDD100K MOT; known are {', '.join((*CLASSES, *IGNORED))}")
    stated = [corners.get(key) for key in ("x1", "y1", "x2", "y2")] if isinstance(corners, dict) else corners
    x1, y1, x2, y2 = numbers(stated, where, "box2d x1 y1 x2 y2")
    region = category in IGNORED or is_crowd(label)
    identity = ids.setdefault(str(label.get("id")), len(ids) + 1)
    return [identity, x1, y1, x2 - x1, y2 - y1, not region, REGION if region else CLASSES.index(known) + 1]


def _annotations(rows: Values[Any] | np.ndarray[Any, Any]) -> Annotations:
    """Rows frame, id, left, top, width, height, considered, class, by frame, then id."""
    table = np.asarray(rows, dtype=np.float64).reshape(-1, 8)
    table = table[np.lexsort((table[:, 1], table[:, 0]))]
    whole = [table[:, column].astype(np.int64) for column in (0, 1, 7)]
    tlwh = np.ascontiguousarray(table[:, 2:6])
    return Annotations(whole[0], whole[1], tlwh, table[:, 6] != 0, whole[2], np.ones(len(table)))


READERS = {"kitti": read_kitti, "visdrone": read_visdrone, "bdd100k": read_bdd100k}  # by the layout of a Sequence
