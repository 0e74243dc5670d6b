"""How alike two looks are: features are vectors (d,) of length 1; a track's memory of them is (d, m), one column each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bytetrack.runtime.compilation import jit
from bytetrack.tracking.association import Bins
from bytetrack.tracking.kalman import box_of_motion, correct, squared_mahalanobis, start
from bytetrack.tracking.similarity import PLAIN_IOU, list_pairs
from bytetrack.tracking.state import HIGH, Detected, Tracked, Work

__all__ = ["Looks", "begin", "blend", "by_iou", "by_looks", "follow", "half_cosine_distance", "looks_of", "nearest_cosine", "remember"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Looks(NamedTuple):
    """What DeepSORT and MOTDT know of looks, and of where a track can be.

    `gallery` (tracks, d, m): the last features of every track, `n_kept` (tracks, 1) how many there were so far; `features` (n, d) those of
    the detections, (n, 0) where there are none. `gate`: largest squared Mahalanobis distance of a pair. `euclidean`: distances of
    features are Euclidean, else cosine.
    """

    bins: Bins
    gallery: Floats
    n_kept: Floats
    features: Floats
    gate: float
    euclidean: bool
    sums: Floats


@jit
def looks_of(bins: Bins, own: Floats, capacity: int, budget: int, features: Floats, gate: float, euclidean: bool, sums: Floats) -> Looks:
    """A tracker's own block of floats under its names."""
    n_kept, rest = own[:capacity].reshape((capacity, 1)), own[capacity:]
    return Looks(bins, rest.reshape((capacity, len(rest) // capacity // budget, budget)), n_kept, features, gate, euclidean, sums)


@jit
def by_looks(rows: Ints, n: int, kind: int, limit: float, own: Looks, tracked: Tracked, detected: Detected, work: Work) -> None:
    """Distances of features below `limit`, of pairs within the gate (DeepSORT, equations 1 to 4).

    Without features, the squared Mahalanobis distance in units of the gate, all below 1 (DeepSORT, equation 5 with lambda = 1).
    """
    pairs, n_pairs = work.pairs, 0
    for i in range(n):
        row = rows[i]
        pairs.first[i] = n_pairs
        for j in range(len(detected.score)):
            if detected.kind[j] != kind or detected.class_id[j] != tracked.class_id[row]:
                continue
            away = squared_mahalanobis(tracked.motion[row], detected.xyxy[j])
            if not away < own.gate:
                continue
            cost = away / own.gate * limit
            if own.features.shape[1] > 0:
                cosine = nearest_cosine(own.gallery[row], int(own.n_kept[row, 0]), own.features[j], own.sums)
                cost = np.sqrt(max(2.0 - 2.0 * cosine, 0.0)) if own.euclidean else 1.0 - cosine
            if cost < limit:
                pairs.column[n_pairs], pairs.cost[n_pairs] = j, cost
                n_pairs += 1
    pairs.first[n] = n_pairs


@jit
def by_iou(rows: Ints, n: int, kind: int, limit: float, own: Looks, tracked: Tracked, detected: Detected, work: Work) -> None:
    """Costs `1 - IoU`."""
    list_pairs(rows, n, kind, limit, PLAIN_IOU, own.bins, tracked, detected, work)


@jit
def follow(row: int, j: int, own: Looks, tracked: Tracked, detected: Detected, frame: int) -> None:
    """Track `row` was matched to detection `j`. `mark` counts its detections; features of low ones are not remembered."""
    correct(tracked.motion[row], detected.xyxy[j])
    box_of_motion(tracked.motion[row], tracked.box[row])
    tracked.mark[row] += 1
    if detected.kind[j] == HIGH:
        remember(row, j, own)


@jit
def begin(row: int, j: int, own: Looks, tracked: Tracked, detected: Detected, frame: int) -> None:
    """Track `row` starts at detection `j`."""
    start(tracked.motion[row], detected.xyxy[j])
    box_of_motion(tracked.motion[row], tracked.box[row])
    tracked.mark[row] = 1
    own.n_kept[row, 0] = 0.0
    remember(row, j, own)


@jit
def remember(row: int, j: int, own: Looks) -> None:
    """Puts the feature of detection `j` over the oldest column of the track's gallery."""
    if own.features.shape[1] == 0:
        return
    place = int(own.n_kept[row, 0]) % own.gallery.shape[2]
    for k in range(own.features.shape[1]):
        own.gallery[row, k, place] = own.features[j, k]
    own.n_kept[row, 0] += 1.0


@jit
def nearest_cosine(gallery: Floats, n_kept: int, feature: Floats, sums: Floats) -> float:
    """The largest cosine of a feature with those of a gallery (d, m), -1 where there are none. `sums` (m,) is written over."""
    n = min(n_kept, gallery.shape[1], len(sums))
    for m in range(n):
        sums[m] = 0.0
    for k in range(len(feature)):
        value = feature[k]
        if value != 0.0:
            for m in range(n):
                sums[m] += value * gallery[k, m]
    nearest = -1.0
    for m in range(n):
        nearest = max(nearest, sums[m])
    return float(nearest)


@jit
def half_cosine_distance(memory: Floats, feature: Floats) -> float:
    """Half the cosine distance of a memory (d, 1) and a feature (d,): in [0, 1]."""
    total = 0.0
    for k in range(len(feature)):
        total += memory[k, 0] * feature[k]
    return (1.0 - total) / 2


@jit
def blend(memory: Floats, feature: Floats, keep: float) -> None:
    """The exponential mean of a track's features, at length 1, in its memory (d, 1) (BoT-SORT, section 3.3)."""
    length = 0.0
    for k in range(len(memory)):
        memory[k, 0] = keep * memory[k, 0] + (1.0 - keep) * feature[k]
        length += memory[k, 0] * memory[k, 0]
    if length > 0.0:
        for k in range(len(memory)):
            memory[k, 0] /= np.sqrt(length)
