"""How alike a track's box and a detection's are, and the association by it: one place for every similarity.

A cost is `1 - similarity`, the similarity at most the (buffered) IoU times a weight. So candidate pairs are found by that
(association.py), and the others are filters over their list.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bytetrack.runtime.compilation import jit
from bytetrack.tracking.association import NONE, WEIGHT, Bins, bin_boxes, candidate_pairs
from bytetrack.tracking.state import Detected, Tracked, Work

__all__ = ["PLAIN_IOU", "Similarity", "drop_dear_pairs", "iou_of", "keep_unmatched", "list_pairs", "list_pairs_buffered"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Similarity(NamedTuple):
    """IoU, with these on top of it.

    - `fuse_score`: times the detection's score (ByteTrack's code).
    - `height_power`: times the IoU of the vertical intervals to this power (Yang et al., Hybrid-SORT, AAAI 2024, has power 1).
      People on one ground whose boxes overlap differ in height and foot point.
    - `generalised`: GIoU in place of IoU (Rezatofighi et al., CVPR 2019), pairs above 0 only.
    """

    fuse_score: bool
    height_power: float
    generalised: bool


PLAIN_IOU = Similarity(False, 0.0, False)


@jit
def vertical_iou(first: Floats, second: Floats) -> float:
    """The IoU of the vertical intervals of two boxes (4,)."""
    shared = min(first[3], second[3]) - max(first[1], second[1])
    return float(shared / (max(first[3], second[3]) - min(first[1], second[1])))


@jit
def iou_of(first: Floats, second: Floats) -> float:
    """The IoU of two boxes (4,) with area."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    shared = max(width, 0.0) * max(height, 0.0)
    areas = (first[2] - first[0]) * (first[3] - first[1]) + (second[2] - second[0]) * (second[3] - second[1])
    return float(shared / (areas - shared))


@jit
def waste(first: Floats, second: Floats) -> float:
    """What GIoU takes off IoU: the part of the smallest box around both boxes (4,) that lies in neither."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    shared = max(width, 0.0) * max(height, 0.0)
    union = (first[2] - first[0]) * (first[3] - first[1]) + (second[2] - second[0]) * (second[3] - second[1]) - shared
    around = (max(first[2], second[2]) - min(first[0], second[0])) * (max(first[3], second[3]) - min(first[1], second[1]))
    return float((around - union) / around)


@jit
def refine(rows: Ints, n: int, how: Similarity, track_boxes: Floats, detection_boxes: Floats, score: Floats, work: Work) -> None:
    """Turns the costs by IoU in `work.pairs` into those by `how`."""
    for i in range(n):
        box = track_boxes[rows[i]]
        for e in range(work.pairs.first[i], work.pairs.first[i + 1]):
            j = work.pairs.column[e]
            other, similarity = detection_boxes[j], 1.0 - work.pairs.cost[e]
            if how.generalised:
                similarity -= waste(box, other) * (score[j] if how.fuse_score else 1.0)
            if how.height_power != 0.0:
                similarity *= power(vertical_iou(box, other), how.height_power)
            work.pairs.cost[e] = 1.0 - similarity


@jit
def power(base: float, exponent: float) -> float:
    """`base ** exponent`, fast for the usual exponents."""
    if exponent == 3.0:
        return base * base * base
    return base if exponent == 1.0 else float(base**exponent)


@jit
def drop_dear_pairs(n: int, limit: float, work: Work) -> None:
    """Takes pairs whose cost is not below `limit` off the list of `n` rows."""
    pairs = work.pairs
    kept = begin = 0
    for i in range(n):
        end = pairs.first[i + 1]
        pairs.first[i] = kept
        for e in range(begin, end):
            if pairs.cost[e] < limit:
                pairs.column[kept], pairs.cost[kept] = pairs.column[e], pairs.cost[e]
                kept += 1
        begin = end
    pairs.first[n] = kept


@jit
def list_pairs(
    rows: Ints, n: int, kind: int, limit: float, how: Similarity, bins: Bins, tracked: Tracked, detected: Detected, work: Work
) -> None:
    """Lists in `work.pairs` which tracks `rows[:n]` may be matched to which detections of a kind, by `how`."""
    for place in range(bins.n_places):
        j = work.binned.row[place]
        work.binned.table[place, WEIGHT] = 0.0 if detected.kind[j] != kind else detected.score[j] if how.fuse_score else 1.0
    candidate_pairs(rows, n, tracked.box, tracked.class_id, work.binned, bins, limit, work.pairs)
    if how.generalised or how.height_power != 0.0:
        refine(rows, n, how, tracked.box, detected.xyxy, detected.score, work)
        drop_dear_pairs(n, limit, work)


@jit
def keep_unmatched(rows: Ints, n: int, work: Work) -> int:
    """Moves those of `rows[:n]` that were not matched to the front; returns their number."""
    n_unmatched = 0
    for i in range(n):
        if work.solver.column_of[i] == NONE:
            rows[n_unmatched] = rows[i]
            n_unmatched += 1
    return n_unmatched


@jit
def grow(box: Floats, part: float, grown: Floats) -> None:
    """Writes into `grown` the box (4,) with `part` of its width and height added on each side (C-BIoU)."""
    width, height = part * (box[2] - box[0]), part * (box[3] - box[1])
    grown[0], grown[1], grown[2], grown[3] = box[0] - width, box[1] - height, box[2] + width, box[3] + height


@jit
def list_pairs_buffered(
    rows: Ints, n: int, kind: int, limit: float, buffer: float, how: Similarity, tracked: Tracked, detected: Detected, work: Work
) -> None:
    """As `list_pairs`, of boxes grown by `buffer` of their sides: such as do not touch can match.

    Yang et al., Hard to Track Objects With Irregular Motions and Similar Appearances?, WACV 2023. Bins the detections anew.
    """
    n_left = 0
    for j in range(len(detected.score)):
        if detected.kind[j] == kind:
            grow(detected.xyxy[j], buffer, work.detection_boxes[j])
            work.left[n_left] = j
            n_left += 1
    for i in range(n):
        grow(tracked.box[rows[i]], buffer, work.track_boxes[rows[i]])
    bins = bin_boxes(work.detection_boxes, detected.class_id, work.left, n_left, 0.0, work.binned)
    if how.fuse_score:
        for place in range(n_left):
            work.binned.table[place, WEIGHT] = detected.score[work.binned.row[place]]
    candidate_pairs(rows, n, work.track_boxes, tracked.class_id, work.binned, bins, limit, work.pairs)
    if how.generalised or how.height_power != 0.0:
        refine(rows, n, how, work.track_boxes, work.detection_boxes, detected.score, work)
        drop_dear_pairs(n, limit, work)
