"""Appearance of tracks and detections: features are vectors (d,) of length 1, a track's memory of them (d, m), a column each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bytetrack.runtime.compilation import jit
from bytetrack.tracking.core.association import Pairs
from bytetrack.tracking.core.state import DetectionArrays, TrackArrays
from bytetrack.tracking.filters import xyah

__all__ = [
    "Appearance",
    "Gallery",
    "appearance_of",
    "blend",
    "cosine",
    "gallery_of",
    "given",
    "half_cosine_distance",
    "largest_cosine",
    "list_pairs_by_appearance",
    "remember",
    "take",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Appearance(NamedTuple):
    """Features of tracks (tracks, d, 1) and of detections (n, d), or of no length if there are none."""

    tracks: Floats
    detections: Floats


@jit
def appearance_of(rest: Floats, tracks: TrackArrays, features: Floats) -> Appearance:
    """Names the features of tracks in `rest`, what the tracker's `view` leaves of its floats, beside those of the frame's detections."""
    n = len(tracks.order)
    return Appearance(rest.reshape((n, len(rest) // n, 1)), features)


@jit
def given(appearance: Appearance) -> bool:
    """Returns whether this frame's detections have features."""
    return bool(appearance.detections.shape[1] > 0)


class Gallery(NamedTuple):
    """The last features of every track, and those of the frame's detections.

    `remembered` (tracks, d, m); `n_kept` (tracks,): how many there were so far; `features` (n, d), of no length if there are none.
    """

    remembered: Floats
    n_kept: Ints
    features: Floats


@jit
def gallery_of(rest: Floats, tracks: TrackArrays, budget: int, n_kept: Ints, features: Floats) -> Gallery:
    """Names the `budget` features of every track in `rest`, as `appearance_of` does."""
    n = len(tracks.order)
    return Gallery(rest.reshape((n, len(rest) // n // budget, budget)), n_kept, features)


@jit
def list_pairs_by_appearance(
    rows: Ints,
    kind: int,
    limit: float,
    gate: float,
    euclidean: bool,
    gallery: Gallery,
    tracks: TrackArrays,
    detections: DetectionArrays,
    sums: Floats,
    pairs: Pairs,
) -> None:
    """Lists pairs by the distance of features below `limit`, within the gate (DeepSORT, equations 1 to 4). Clobbers `sums`.

    `gate` bounds the squared Mahalanobis distance. Without features the cost is that distance in units of the gate, all below `limit`
    (DeepSORT, equation 5 with lambda = 1). `euclidean`: distances of features are Euclidean, else cosine.
    """
    n_pairs = 0
    for i in range(len(rows)):
        row = rows[i]
        pairs.first[i] = n_pairs
        for j in range(len(detections.score)):
            if detections.kind[j] != kind or detections.class_id[j] != tracks.class_id[row]:
                continue
            distance = xyah.squared_mahalanobis(tracks.motion[row], detections.xyxy[j])
            if not distance < gate:
                continue
            cost = distance / gate * limit
            if gallery.features.shape[1] > 0:
                cosine = largest_cosine(gallery.remembered[row], gallery.n_kept[row], gallery.features[j], sums)
                cost = np.sqrt(max(2.0 - 2.0 * cosine, 0.0)) if euclidean else 1.0 - cosine
            if cost < limit:
                pairs.column[n_pairs], pairs.cost[n_pairs] = j, cost
                n_pairs += 1
    pairs.first[len(rows)] = n_pairs


@jit
def remember(row: int, j: int, gallery: Gallery) -> None:
    """Writes the feature of detection `j` over the oldest column of the track's gallery."""
    if gallery.features.shape[1] == 0:
        return
    place = gallery.n_kept[row] % gallery.remembered.shape[2]
    for k in range(gallery.features.shape[1]):
        gallery.remembered[row, k, place] = gallery.features[j, k]
    gallery.n_kept[row] += 1


@jit
def largest_cosine(remembered: Floats, n_kept: int, feature: Floats, sums: Floats) -> float:
    """Returns the largest cosine of a feature with those remembered (d, m), -1 if there are none. Clobbers `sums` (m,)."""
    n = min(n_kept, remembered.shape[1], len(sums))
    for m in range(n):
        sums[m] = 0.0
    for k in range(len(feature)):
        value = feature[k]
        if value != 0.0:
            for m in range(n):
                sums[m] += value * remembered[k, m]
    largest = -1.0
    for m in range(n):
        largest = max(largest, sums[m])
    return float(largest)


@jit
def half_cosine_distance(remembered: Floats, feature: Floats) -> float:
    """Returns half the cosine distance, in [0, 1], of a memory (d, 1) and a feature (d,)."""
    return (1.0 - cosine(remembered, feature)) / 2


@jit
def cosine(remembered: Floats, feature: Floats) -> float:
    """Returns the cosine of a memory (d, 1) and a feature (d,), both of length 1: four sums side by side, as one waits for itself."""
    n, a, b, c, d = len(feature) // 4 * 4, 0.0, 0.0, 0.0, 0.0
    for k in range(0, n, 4):
        a += remembered[k, 0] * feature[k]
        b += remembered[k + 1, 0] * feature[k + 1]
        c += remembered[k + 2, 0] * feature[k + 2]
        d += remembered[k + 3, 0] * feature[k + 3]
    for k in range(n, len(feature)):
        a += remembered[k, 0] * feature[k]
    return float(a + b + (c + d))


@jit
def blend(remembered: Floats, feature: Floats, keep: float) -> None:
    """Blends a feature into a memory (d, 1): the exponential mean of a track's features, at length 1 (BoT-SORT, section 3.3)."""
    length = 0.0
    for k in range(len(remembered)):
        remembered[k, 0] = keep * remembered[k, 0] + (1.0 - keep) * feature[k]
        length += remembered[k, 0] * remembered[k, 0]
    if length > 0.0:
        for k in range(len(remembered)):
            remembered[k, 0] /= np.sqrt(length)


@jit
def take(remembered: Floats, features: Floats, j: int) -> None:
    """Writes the feature of detection `j` into a memory (d, 1); zeros if the detections have none."""
    for k in range(len(remembered)):
        remembered[k, 0] = features[j, k] if features.shape[1] > 0 else 0.0
