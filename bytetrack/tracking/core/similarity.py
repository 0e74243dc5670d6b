"""Similarity of a track's box and a detection's: the IoU and the measures built on it.

A cost is `1 - similarity`, the similarity at most the IoU of the boxes, or of grown ones, times a weight. So candidate pairs are found by
that (association.py), and other measures are applied to their list.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bytetrack.runtime.compilation import jit
from bytetrack.tracking.core.association import WEIGHT, Binned, Bins, Pairs, bin_boxes, candidate_pairs
from bytetrack.tracking.core.state import DetectionArrays, TrackArrays, Work

__all__ = ["list_pairs", "list_pairs_buffered", "modulate_by_height", "prune_pairs", "vertical_iou"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@jit
def vertical_iou(first: Floats, second: Floats) -> float:
    """Returns the IoU of the vertical intervals of two boxes (4,)."""
    shared = min(first[3], second[3]) - max(first[1], second[1])
    return float(shared / (max(first[3], second[3]) - min(first[1], second[1])))


@jit
def modulate_by_height(rows: Ints, power: float, typical: float, track_boxes: Floats, detection_boxes: Floats, pairs: Pairs) -> None:
    """Multiplies the similarities of pairs by `min(1, v / typical) ** power`, with v the IoU of the vertical intervals.

    Height-modulated IoU (Yang et al., Hybrid-SORT, AAAI 2024, equation 5) has power 1 and `typical` 1. People on one ground whose boxes
    overlap differ in height and foot point.
    """
    if power == 0.0:
        return
    for i in range(len(rows)):
        box = track_boxes[rows[i]]
        for e in range(pairs.first[i], pairs.first[i + 1]):
            agreement = vertical_iou(box, detection_boxes[pairs.column[e]]) / typical
            if agreement < 1.0:
                pairs.cost[e] = 1.0 - (1.0 - pairs.cost[e]) * raised(agreement, power)


@jit
def raised(base: float, power: float) -> float:
    """Returns `base ** power`, fast for the usual powers."""
    if power == 1.0:
        return base
    return base * base if power == 2.0 else float(base**power)


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
    fuse_score: bool,
    bins: Bins,
    tracks: TrackArrays,
    detections: DetectionArrays,
    binned: Binned,
    pairs: Pairs,
) -> None:
    """Lists in `pairs` which of the tracks `rows` can match which detections of a kind (binned), at a cost `1 - IoU` below `limit`.

    `fuse_score` multiplies the IoU by the detection's score (the published code of BYTE).
    """
    for place in range(bins.n_places):
        j = binned.row[place]
        binned.table[place, WEIGHT] = 0.0 if detections.kind[j] != kind else detections.score[j] if fuse_score else 1.0
    candidate_pairs(rows, tracks.box, tracks.class_id, binned, bins, limit, pairs)


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
    fuse_score: bool,
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
    if fuse_score:
        for place in range(n_left):
            work.binned.table[place, WEIGHT] = detections.score[work.binned.row[place]]
    candidate_pairs(rows, work.track_boxes, tracks.class_id, work.binned, bins, limit, pairs)
