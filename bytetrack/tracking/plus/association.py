"""The associations of byte_plus: IoU times how well heights and feet agree, limits and boxes as the stream's fit asks for."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bytetrack.runtime.compilation import jit, jit_inline
from bytetrack.tracking.core.appearance import Appearance, given
from bytetrack.tracking.core.association import NONE, Bins, Pairs, assign
from bytetrack.tracking.core.lifecycle import mark_matched
from bytetrack.tracking.core.similarity import list_pairs, list_pairs_buffered, modulate_by_height, prune_pairs
from bytetrack.tracking.core.state import HIGH, DetectionArrays, TrackArrays, Work
from bytetrack.tracking.filters import xywh
from bytetrack.tracking.plus.appearance import list_by_appearance, remember_features, weigh_appearance
from bytetrack.tracking.plus.calibration import Calibration, note_match
from bytetrack.tracking.plus.parameters import Adapted, Memory, Parameters

__all__ = ["associate", "associate_alike", "associate_near_by"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@jit
def update_matched(
    rows: Ints,
    column_of: Ints,
    p: Parameters,
    adapted: Adapted,
    means: Calibration,
    tracks: TrackArrays,
    memory: Memory,
    appearance: Appearance,
    detections: DetectionArrays,
    frame: int,
    now: float,
) -> None:
    """Corrects the matched of the tracks `rows` by their detections, and notes how well these fit.

    A detection is the less exact the lower its score and the more its track is covered.
    """
    for i in range(len(rows)):
        row, j = rows[i], column_of[i]
        if j == NONE:
            continue
        cover = memory.cover[row]
        if given(appearance) and detections.kind[j] == HIGH:
            remember_features(row, j, frame - tracks.last_frame[row] == 1, detections.score[j], p, appearance, means, memory)
        if frame - tracks.last_frame[row] == 1:
            note_match(means, tracks.box[row], detections.xyxy[j], memory.innovation[row], memory.n_detections[row])
        doubt = (1.0 + p.score_noise * (1.0 - detections.score[j])) * (1.0 + p.covered_noise * cover)
        noise, size_factor = adapted.measurement_noise * doubt, 1.0 + p.covered_size_noise * cover
        xywh.correct(tracks.motion[row], detections.xyxy[j], noise, size_factor)
        xywh.write_box(tracks.motion[row], tracks.box[row])
        mark_matched(tracks, row, detections, j, frame, now)
        memory.n_detections[row] += 1


@jit_inline
def associate(
    rows: Ints,
    kind: int,
    least: float,
    fuse_score: bool,
    p: Parameters,
    adapted: Adapted,
    means: Calibration,
    bins: Bins,
    tracks: TrackArrays,
    memory: Memory,
    appearance: Appearance,
    detections: DetectionArrays,
    work: Work,
    pairs: Pairs,
    frame: int,
    now: float,
) -> None:
    """Matches tracks to detections of a kind, of a similarity above `least`; high ones by boxes grown where things move fast."""
    if len(rows) == 0:
        return
    limit, power = 1.0 - least, adapted.height_power if kind == HIGH else 0.5 * adapted.height_power
    if kind == HIGH and adapted.buffer > 0.0:
        list_pairs_buffered(rows, kind, limit, adapted.buffer, fuse_score, tracks, detections, work, pairs)
    else:
        list_pairs(rows, kind, limit, fuse_score, bins, tracks, detections, work.binned, pairs)
    modulate_by_height(rows, power, adapted.typical_height, tracks.box, detections.xyxy, pairs)
    prune_pairs(len(rows), limit, pairs)
    if kind == HIGH and given(appearance):
        weigh_appearance(rows, p.appearance_weight, limit, appearance, means, memory, pairs)
    assign(len(rows), len(detections.score), pairs, limit, work.solver)
    update_matched(rows, work.solver.column_of, p, adapted, means, tracks, memory, appearance, detections, frame, now)


@jit
def associate_near_by(
    rows: Ints,
    p: Parameters,
    adapted: Adapted,
    means: Calibration,
    tracks: TrackArrays,
    memory: Memory,
    appearance: Appearance,
    detections: DetectionArrays,
    work: Work,
    pairs: Pairs,
    frame: int,
    now: float,
) -> None:
    """Matches tracks to high detections that are left: boxes grown by `recovery_buffer` (C-BIoU), of about the same height."""
    if len(rows) == 0:
        return
    limit = p.recovery_cost
    list_pairs_buffered(rows, HIGH, limit, p.recovery_buffer, p.fuse_score, tracks, detections, work, pairs)
    for i in range(len(rows)):
        height = tracks.box[rows[i], 3] - tracks.box[rows[i], 1]
        for e in range(pairs.first[i], pairs.first[i + 1]):
            other = detections.xyxy[pairs.column[e]]
            if abs(np.log((other[3] - other[1]) / height)) > p.recovery_height:
                pairs.cost[e] = np.inf
    modulate_by_height(rows, p.height_power, 1.0, work.track_boxes, work.detection_boxes, pairs)
    prune_pairs(len(rows), limit, pairs)
    assign(len(rows), len(detections.score), pairs, limit, work.solver)
    update_matched(rows, work.solver.column_of, p, adapted, means, tracks, memory, appearance, detections, frame, now)


@jit
def associate_alike(
    rows: Ints,
    p: Parameters,
    adapted: Adapted,
    means: Calibration,
    tracks: TrackArrays,
    memory: Memory,
    appearance: Appearance,
    detections: DetectionArrays,
    work: Work,
    pairs: Pairs,
    frame: int,
    now: float,
) -> None:
    """Matches tracks to high detections that are left by their appearance alone."""
    if len(rows) == 0:
        return
    list_by_appearance(rows, p, appearance, means, tracks, memory, detections, pairs, now)
    assign(len(rows), len(detections.score), pairs, p.appearance_cost, work.solver)
    update_matched(rows, work.solver.column_of, p, adapted, means, tracks, memory, appearance, detections, frame, now)
