"""Appearance features in byte_plus: likeness in the stream's own measure, pairs weighted by it, lost tracks found by it.

Cosines of two embedders cannot be compared: colours of one person have 0.95 and of two 0.6, a network's 0.9 and 0.3. So the stream's
calibration measures both means, of a track and its own next detection and of the track and all others, and a pair's likeness is where its
cosine lies between them: 0 as strangers, 1 as oneself. Until `FIRST_COMPARED` detections are compared, and where the two means lie closer
together than `LEAST_APART`, features decide nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bytetrack.runtime.compilation import jit
from bytetrack.tracking.core.appearance import Appearance, blend, cosine, given, take
from bytetrack.tracking.core.association import Pairs
from bytetrack.tracking.core.lifecycle import frames_since
from bytetrack.tracking.core.similarity import prune_pairs
from bytetrack.tracking.core.state import HIGH, DetectionArrays, TrackArrays
from bytetrack.tracking.plus.calibration import Calibration, note_cosines
from bytetrack.tracking.plus.parameters import Memory, Parameters

__all__ = ["believed", "compare_features", "list_by_appearance", "remember_features", "start_features", "weigh_appearance"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FIRST_COMPARED = 50.0  # detections whose appearance must have been compared before likeness is believed
LEAST_APART = 1e-3  # of the two mean cosines
BEST, SECOND, SUM, COUNT = range(4)  # of the cosines of one detection with all tracks; of one track with all detections the first two
FEWEST_DETECTIONS = 3  # of a track that is found by its appearance alone


@jit
def believed(means: Calibration) -> bool:
    """Returns whether likeness can be told."""
    return bool(means.n_compared[0] >= FIRST_COMPARED and means.own_cosine[0] - means.other_cosine[0] >= LEAST_APART)


@jit
def is_empty(feature: Floats) -> bool:
    """Returns whether a feature (d,) is zero: nobody looked."""
    k = 0
    while k < len(feature) and feature[k] == 0.0:
        k += 1
    return k == len(feature)


@jit
def compare_features(
    rows: Ints, first: bool, appearance: Appearance, means: Calibration, tracks: TrackArrays, memory: Memory, detections: DetectionArrays
) -> None:
    """Notes the two largest cosines of every track of `rows` with high detections, and of these with tracks; `first`: begins anew.

    At least the mean of strangers is noted: who is alone is compared with them.
    """
    stranger = means.other_cosine[0]
    if first:
        for j in range(len(detections.score)):
            memory.seen[j, BEST] = memory.seen[j, SECOND] = stranger
            memory.seen[j, SUM] = memory.seen[j, COUNT] = 0.0
    for i in range(len(rows)):
        row = rows[i]
        memory.looked[row, BEST] = memory.looked[row, SECOND] = stranger
        if memory.n_features[row] == 0:
            continue
        for j in range(len(detections.score)):
            if detections.kind[j] != HIGH or detections.class_id[j] != tracks.class_id[row] or is_empty(appearance.detections[j]):
                continue
            alike = cosine(appearance.tracks[row], appearance.detections[j])
            note_best(memory.looked[row], alike)
            note_best(memory.seen[j], alike)
            memory.seen[j, SUM] += alike
            memory.seen[j, COUNT] += 1.0


@jit
def note_best(best: Floats, alike: float) -> None:
    """Keeps the two largest values."""
    if alike > best[BEST]:
        best[SECOND], best[BEST] = best[BEST], alike
    elif alike > best[SECOND]:
        best[SECOND] = alike


@jit
def likeness(alike: float, means: Calibration) -> float:
    """Returns where a cosine lies between those of strangers (0) and of oneself (1), cut off at both."""
    return float(min(max((alike - means.other_cosine[0]) / (means.own_cosine[0] - means.other_cosine[0]), 0.0), 1.0))


@jit
def clearness(best: Floats, means: Calibration) -> float:
    """Returns how far the best of several cosines is ahead of the second, in units of likeness, at most 1 (Deep OC-SORT's z)."""
    return float(min((best[BEST] - best[SECOND]) / (means.own_cosine[0] - means.other_cosine[0]), 1.0))


@jit
def weigh_appearance(
    rows: Ints, weight: float, limit: float, appearance: Appearance, means: Calibration, memory: Memory, pairs: Pairs
) -> None:
    """Adds to costs how unlike the two look, times how telling their appearance is, times `weight`; removes pairs that reach `limit`.

    How telling: the mean of how far the best of the track's and of the detection's cosines is ahead of the second (Maggiolino et al., Deep
    OC-SORT, ICIP 2023, "Adaptive Weighting": w = (z_track + z_detection) / 2).
    """
    if weight == 0.0 or not believed(means):
        return
    for i in range(len(rows)):
        row = rows[i]
        if memory.n_features[row] == 0:
            continue
        for e in range(pairs.first[i], pairs.first[i + 1]):
            j = pairs.column[e]
            if memory.seen[j, COUNT] == 0.0:
                continue
            telling = 0.5 * (clearness(memory.looked[row], means) + clearness(memory.seen[j], means))
            unlike = 1.0 - likeness(cosine(appearance.tracks[row], appearance.detections[j]), means)
            pairs.cost[e] += weight * telling * unlike
    prune_pairs(len(rows), limit, pairs)


@jit
def list_by_appearance(
    rows: Ints, p: Parameters, appearance: Appearance, means: Calibration, tracks: TrackArrays, memory: Memory, detections: DetectionArrays,
    pairs: Pairs, now: float,
) -> None:  # fmt: skip
    """Lists pairs of tracks and high detections that are left by their unlikeness, below `appearance_cost`.

    The gate, fixed in BoT-SORT, opens with time: centres lie at most `appearance_reach` heights apart, and as much more for every second
    that the track is lost. Beyond, each must be the other's best by more than `appearance_margin`.
    """
    n_pairs = 0
    for i in range(len(rows)):
        row = rows[i]
        pairs.first[i] = n_pairs
        if not believed(means) or memory.n_features[row] == 0 or memory.n_detections[row] < FEWEST_DETECTIONS:
            continue
        box, reach = tracks.box[row], p.appearance_reach + p.appearance_reach / p.frame_rate * frames_since(tracks, row, now)
        for j in range(len(detections.score)):
            if detections.kind[j] != HIGH or detections.class_id[j] != tracks.class_id[row] or memory.seen[j, COUNT] == 0.0:
                continue
            alike = cosine(appearance.tracks[row], appearance.detections[j])
            unlike = 1.0 - likeness(alike, means)
            if unlike >= p.appearance_cost:
                continue
            if not within(box, detections.xyxy[j], reach):
                mutual = alike == memory.looked[row, BEST] and alike == memory.seen[j, BEST]
                clear = min(clearness(memory.looked[row], means), clearness(memory.seen[j], means))
                if not (mutual and clear > p.appearance_margin):
                    continue
            pairs.column[n_pairs], pairs.cost[n_pairs] = j, unlike
            n_pairs += 1
    pairs.first[len(rows)] = n_pairs


@jit
def within(box: Floats, other: Floats, reach: float) -> bool:
    """Returns whether the centres of two boxes lie less than `reach` of their mean height apart."""
    x, y = 0.5 * (box[0] + box[2] - other[0] - other[2]), 0.5 * (box[1] + box[3] - other[1] - other[3])
    side = 0.5 * (box[3] - box[1] + other[3] - other[1])
    return bool(x * x + y * y < reach * reach * side * side)


@jit
def start_features(row: int, j: int, appearance: Appearance, memory: Memory) -> None:
    """Starts the features of a new track with those of its detection, if there are any."""
    there = given(appearance) and not is_empty(appearance.detections[j])
    memory.n_features[row] = 1 if there else 0
    take(appearance.tracks[row], appearance.detections, j)


@jit
def remember_features(
    row: int, j: int, followed: bool, score: float, p: Parameters, appearance: Appearance, means: Calibration, memory: Memory
) -> None:
    """Blends a high detection's features into the track's, and notes how alike they were if it was `followed` from the last frame.

    The less the detection is trusted the less (Deep OC-SORT, "Dynamic Appearance": keep a + (1 - a) (1 - (score - s) / (1 - s)) with
    `appearance_memory` a and `high_score` s): by its score, and here also by how much of the track is covered. The first are averaged.
    """
    if is_empty(appearance.detections[j]):
        return
    n = memory.n_features[row]
    if n == 0:
        start_features(row, j, appearance, memory)
        return
    if followed and memory.seen[j, COUNT] > 1.0:
        alike = cosine(appearance.tracks[row], appearance.detections[j])
        note_cosines(means, alike, (memory.seen[j, SUM] - alike) / (memory.seen[j, COUNT] - 1.0))
    trust = (score - p.high_score) / max(1.0 - p.high_score, 1e-9) * (1.0 - memory.cover[row])
    keep = min(p.appearance_memory, n / (n + 1.0))
    blend(appearance.tracks[row], appearance.detections[j], keep + (1.0 - keep) * (1.0 - min(max(trust, 0.0), 1.0)))
    memory.n_features[row] = n + 1
