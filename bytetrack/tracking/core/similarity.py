"""Similarity of a track's box and a detection's: the IoU and the measures built on it.

A cost is `1 - similarity`, the similarity at most the (buffered) IoU times a weight. So candidate pairs are found by that
(association.py), and the others are filters over their list.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bytetrack.box_kernels import area_of, shared_area_of
from bytetrack.runtime.compilation import jit
from bytetrack.tracking.core.association import WEIGHT, Binned, Bins, Pairs, bin_boxes, candidate_pairs
from bytetrack.tracking.core.state import DetectionArrays, TrackArrays, Work

__all__ = ["PLAIN_IOU", "Similarity", "list_pairs", "list_pairs_buffered", "prune_pairs"]

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
    """Returns the IoU of the vertical intervals of two boxes (4,)."""
    shared = min(first[3], second[3]) - max(first[1], second[1])
    return float(shared / (max(first[3], second[3]) - min(first[1], second[1])))


@jit
def giou_penalty(first: Floats, second: Floats) -> float:
    """Returns IoU - GIoU: the part of the smallest box around both boxes (4,) that lies in neither."""
    union = area_of(first) + area_of(second) - shared_area_of(first, second)
    around = (max(first[2], second[2]) - min(first[0], second[0])) * (max(first[3], second[3]) - min(first[1], second[1]))
    return float((around - union) / around)


@jit
def refine(rows: Ints, how: Similarity, track_boxes: Floats, detection_boxes: Floats, score: Floats, pairs: Pairs) -> None:
    """Turns the costs by IoU in `pairs` into those by `how`."""
    for i in range(len(rows)):
        box = track_boxes[rows[i]]
        for e in range(pairs.first[i], pairs.first[i + 1]):
            j = pairs.column[e]
            other, similarity = detection_boxes[j], 1.0 - pairs.cost[e]
            if how.generalised:
                similarity -= giou_penalty(box, other) * (score[j] if how.fuse_score else 1.0)
            if how.height_power != 0.0:
                similarity *= power(vertical_iou(box, other), how.height_power)
            pairs.cost[e] = 1.0 - similarity


@jit
def power(base: float, exponent: float) -> float:
    """Returns `base ** exponent`, fast for the usual exponents."""
    if exponent == 3.0:
        return base * base * base
    return base if exponent == 1.0 else float(base**exponent)


@jit
def prune_pairs(n: int, limit: float, pairs: Pairs) -> None:
    """Removes candidate pairs of the first `n` rows whose cost is at least `limit`, in place."""
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
    rows: Ints,
    kind: int,
    limit: float,
    how: Similarity,
    bins: Bins,
    tracks: TrackArrays,
    detections: DetectionArrays,
    binned: Binned,
    pairs: Pairs,
) -> None:
    """Lists in `pairs` which of the tracks `rows` can match which detections of a kind (binned), at a cost by `how` below `limit`."""
    for place in range(bins.n_places):
        j = binned.row[place]
        binned.table[place, WEIGHT] = 0.0 if detections.kind[j] != kind else detections.score[j] if how.fuse_score else 1.0
    candidate_pairs(rows, tracks.box, tracks.class_id, binned, bins, limit, pairs)
    if how.generalised or how.height_power != 0.0:
        refine(rows, how, tracks.box, detections.xyxy, detections.score, pairs)
        prune_pairs(len(rows), limit, pairs)


@jit
def grow(box: Floats, part: float, grown: Floats) -> None:
    """Writes into `grown` the box (4,) with `part` of its width and height added on each side (C-BIoU)."""
    width, height = part * (box[2] - box[0]), part * (box[3] - box[1])
    grown[0], grown[1], grown[2], grown[3] = box[0] - width, box[1] - height, box[2] + width, box[3] + height


@jit
def list_pairs_buffered(
    rows: Ints,
    kind: int,
    limit: float,
    buffer: float,
    how: Similarity,
    tracks: TrackArrays,
    detections: DetectionArrays,
    work: Work,
    pairs: Pairs,
) -> None:
    """Lists pairs as `list_pairs` does, of boxes grown by `buffer` of their sides: boxes that do not touch can match.

    Yang et al., Hard to Track Objects With Irregular Motions and Similar Appearances?, WACV 2023. Bins the detections anew;
    clobbers `work.left`, `work.track_boxes`, `work.detection_boxes` and `work.binned`.
    """
    n_left = 0
    for j in range(len(detections.score)):
        if detections.kind[j] == kind:
            grow(detections.xyxy[j], buffer, work.detection_boxes[j])
            work.left[n_left] = j
            n_left += 1
    for i in range(len(rows)):
        grow(tracks.box[rows[i]], buffer, work.track_boxes[rows[i]])
    bins = bin_boxes(work.detection_boxes, detections.class_id, work.left[:n_left], 0.0, work.binned)
    if how.fuse_score:
        for place in range(n_left):
            work.binned.table[place, WEIGHT] = detections.score[work.binned.row[place]]
    candidate_pairs(rows, work.track_boxes, tracks.class_id, work.binned, bins, limit, pairs)
    if how.generalised or how.height_power != 0.0:
        refine(rows, how, work.track_boxes, work.detection_boxes, detections.score, pairs)
        prune_pairs(len(rows), limit, pairs)
