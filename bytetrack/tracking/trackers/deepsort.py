"""DeepSORT (Wojke et al., Simple Online and Realtime Tracking with a Deep Association Metric, ICIP 2017): appearance first."""

from __future__ import annotations

from typing import Annotated, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from bytetrack.runtime.compilation import jit, jit_cached
from bytetrack.tracking.core.appearance import Gallery, gallery_of, list_pairs_by_appearance, remember
from bytetrack.tracking.core.association import NONE, Bins, Pairs, assign, bin_boxes
from bytetrack.tracking.core.fields import record
from bytetrack.tracking.core.lifecycle import (
    end_coasting,
    expire,
    forget_removed,
    frames_since,
    mark_matched,
    new_track,
    next_frame,
    output_tracks,
    remove_degenerate,
    split_by_score,
    unmatched,
)
from bytetrack.tracking.core.similarity import list_pairs
from bytetrack.tracking.core.state import (
    COASTING,
    DT,
    HIGH,
    LOST,
    LOW,
    N_ALIVE,
    REMOVED,
    TRACKED,
    UNCONFIRMED,
    DetectionArrays,
    TrackArrays,
    Work,
    layout,
)
from bytetrack.tracking.filters import xyah
from bytetrack.tracking.parameters import Frames, Share, Whole, Within, checked
from bytetrack.tracking.tracker import SearchSpace, Tracker

__all__ = ["DeepSort"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Parameters(NamedTuple):
    """The arguments of `DeepSort`, as the kernel takes them."""

    high_score: Share
    low_score: Share
    appearance_cost: Annotated[float, Within(0, 2)]
    match_cost: Share
    low_match_cost: Share
    gate: Annotated[float, Within(0, 1e6)]
    max_lost_frames: Frames
    min_hits: Annotated[int, Whole(1)]
    shown_frames: Frames
    budget: Annotated[int, Whole(1, 100)]
    drop_invalid: bool


class Memory(NamedTuple):
    """DeepSORT's memory of a track, besides its features."""

    n_detections: Ints
    n_kept: Ints  # features so far


parameters_of = record(Parameters)
arrays = layout(Memory)
view, clear = arrays.view, arrays.clear


@jit
def predict(tracks: TrackArrays, n: int, freeze_lost_height: bool, dt: float) -> None:
    """Predicts every track. If `freeze_lost_height`, lost tracks keep their height. Removes tracks whose box degenerates."""
    for t in range(n):
        row = tracks.order[t]
        if freeze_lost_height and tracks.state[row] == LOST:
            xyah.stop_height(tracks.motion[row])
        xyah.predict(tracks.motion[row], dt)
        xyah.write_box(tracks.motion[row], tracks.box[row])
        remove_degenerate(tracks, row)


@jit
def update_matched(
    rows: Ints,
    tracks: TrackArrays,
    memory: Memory,
    gallery: Gallery,
    detections: DetectionArrays,
    column_of: Ints,
    frame: int,
    now: float,
) -> None:
    """Corrects the matched tracks by their detections, and remembers the features of high ones."""
    for i in range(len(rows)):
        row, j = rows[i], column_of[i]
        if j != NONE:
            xyah.correct(tracks.motion[row], detections.xyxy[j])
            xyah.write_box(tracks.motion[row], tracks.box[row])
            memory.n_detections[row] += 1
            if detections.kind[j] == HIGH:
                remember(row, j, gallery)
            mark_matched(tracks, row, detections, j, frame, now)


@jit
def associate(
    rows: Ints,
    kind: int,
    limit: float,
    bins: Bins,
    tracks: TrackArrays,
    memory: Memory,
    gallery: Gallery,
    detections: DetectionArrays,
    work: Work,
    pairs: Pairs,
    frame: int,
    now: float,
) -> None:
    """Matches tracks to detections of a kind by `1 - IoU` below `limit`."""
    list_pairs(rows, kind, limit, False, bins, tracks, detections, work.binned, pairs)
    assign(len(rows), len(detections.score), pairs, limit, work.solver)
    update_matched(rows, tracks, memory, gallery, detections, work.solver.column_of, frame, now)


@jit
def start_tracks(
    least_score: float,
    first_state: int,
    tracks: TrackArrays,
    memory: Memory,
    gallery: Gallery,
    detections: DetectionArrays,
    counters: Ints,
    frame: int,
    now: float,
) -> None:
    """Starts tracks at unmatched high detections with a score of at least `least_score`: unconfirmed, in the first frame `first_state`."""
    for j in range(len(detections.score)):
        if detections.kind[j] == HIGH and detections.score[j] >= least_score:
            row = new_track(tracks, detections, j, first_state if frame == 1 else UNCONFIRMED, counters, now)
            clear(memory, row)
            xyah.start(tracks.motion[row], detections.xyxy[j])
            xyah.write_box(tracks.motion[row], tracks.box[row])
            memory.n_detections[row] = 1
            remember(row, j, gallery)


@jit
def match_cascade(
    p: Parameters,
    tracks: TrackArrays,
    n: int,
    memory: Memory,
    gallery: Gallery,
    detections: DetectionArrays,
    work: Work,
    pairs: Pairs,
    frame: int,
    now: float,
) -> int:
    """Runs the matching cascade (section 2.3, listing 1): confirmed tracks by appearance, those matched last first.

    Those matched in the last frame come first, however long ago that was. Lists in `work.others` the tracks for the association by
    IoU: those of them that are left, then the unconfirmed; returns their number. Clobbers `work.rows` and `work.sums`.
    """
    n_left, oldest = 0, int(np.ceil(p.max_lost_frames)) + 1
    for age in range(oldest + 1):
        n_rows = 0
        for t in range(n):
            row = tracks.order[t]
            lost_for = min(max(int(np.ceil(frames_since(tracks, row, now))), 1), oldest)
            if tracks.state[row] == TRACKED if age == 0 else tracks.state[row] == LOST and lost_for == age:
                work.rows[n_rows] = row
                n_rows += 1
        rows = work.rows[:n_rows]
        if n_rows > 0:
            list_pairs_by_appearance(rows, HIGH, p.appearance_cost, p.gate, False, gallery, tracks, detections, work.sums, pairs)
            assign(n_rows, len(detections.score), pairs, p.appearance_cost, work.solver)
            update_matched(rows, tracks, memory, gallery, detections, work.solver.column_of, frame, now)
        if age == 0:
            left, _ = unmatched(rows, tracks, frame)
            n_left = len(left)
            for t in range(n_left):
                work.others[t] = left[t]
    for t in range(n):
        if tracks.state[tracks.order[t]] == UNCONFIRMED:
            work.others[n_left] = tracks.order[t]
            n_left += 1
    return n_left


@jit
def confirm_or_lose(tracks: TrackArrays, n: int, memory: Memory, min_hits: int, frame: int) -> None:
    """Keeps matched tracks unconfirmed until they had `min_hits` detections (section 2.1); loses the others, removes if unconfirmed."""
    for t in range(n):
        row = tracks.order[t]
        if tracks.last_frame[row] == frame:
            tracks.state[row] = TRACKED if memory.n_detections[row] >= min_hits else UNCONFIRMED
        elif tracks.state[row] != REMOVED:
            tracks.state[row] = REMOVED if tracks.state[row] == UNCONFIRMED else LOST


@jit
def coast(tracks: TrackArrays, n: int, shown_frames: float, now: float) -> None:
    """Outputs tracks lost for at most `shown_frames` frames of time at their predicted boxes."""
    for t in range(n):
        row = tracks.order[t]
        if tracks.state[row] == LOST and frames_since(tracks, row, now) <= shown_frames:
            tracks.state[row], tracks.detection[row] = COASTING, NONE


@jit_cached
def deepsort_update(
    xyxy: Floats,
    score: Floats,
    class_id: Ints,
    features: Floats,
    parameters: Floats,
    floats: Floats,
    ints: Ints,
    out_floats: Floats,
    out_ints: Ints,
) -> int:
    """Tracks one frame; returns what `Tracker` expects of a kernel."""
    p: Parameters = parameters_of(parameters)
    detections, tracks, memory, work, pairs, counters, clock, rest = view(xyxy, score, class_id, floats, ints)
    n = split_by_score(detections, p.high_score, p.low_score, True, p.drop_invalid, counters, work.rows)
    if n < 0:
        return n
    frame, now = next_frame(tracks, counters, clock, work.others)
    bins = bin_boxes(xyxy, class_id, work.rows[:n], 0.0, work.binned)
    gallery = gallery_of(rest, tracks, p.budget, memory.n_kept, features)
    end_coasting(tracks, counters[N_ALIVE], LOST)
    predict(tracks, counters[N_ALIVE], False, clock[DT])

    n_left = match_cascade(p, tracks, counters[N_ALIVE], memory, gallery, detections, work, pairs, frame, now)
    left = work.others[:n_left]
    associate(left, HIGH, p.match_cost, bins, tracks, memory, gallery, detections, work, pairs, frame, now)
    left, tracked = unmatched(left, tracks, frame)
    associate(tracked, LOW, p.low_match_cost, bins, tracks, memory, gallery, detections, work, pairs, frame, now)  # BYTE
    start_tracks(0.0, UNCONFIRMED, tracks, memory, gallery, detections, counters, frame, now)
    confirm_or_lose(tracks, counters[N_ALIVE], memory, p.min_hits, frame)
    expire(tracks, counters[N_ALIVE], now, p.max_lost_frames)
    coast(tracks, counters[N_ALIVE], p.shown_frames, now)
    forget_removed(tracks, counters, work.rows)
    return output_tracks(tracks, counters[N_ALIVE], out_floats, out_ints)


class DeepSort(Tracker):
    """DeepSORT, with the values of its published comparison with BYTE. Give `update` the features of the detections.

    Without features the cascade takes the Mahalanobis distance alone (equation 5, lambda = 1); with them appearance alone (lambda = 0),
    as in the paper's experiments. With class ids only tracks and detections of one class are associated. Boxes without area overlap
    nothing and start nothing.

    Args:
        high_score: Detections from it up are tracked.
        low_score: Those between it and `high_score` are offered to confirmed tracks matched in the last frame that are left (BYTE);
            None: they are ignored, as in DeepSORT.
        appearance_cost: In the cascade, pairs of cosine distance below it can match: the smallest to the `budget` last features of the
            track (equation 3).
        match_cost: Unconfirmed tracks, and those matched in the last frame that are left, match detections that are left with
            `1 - IoU` below it.
        low_match_cost: The same limit in BYTE's association.
        gate: In the cascade, largest squared Mahalanobis distance (equations 1 and 2; the 0.95 quantile of chi-square with 4 degrees of
            freedom).
        max_lost_frames: How many frames a track is remembered without a detection (A_max).
        min_hits: A track is output once it had that many detections, its first counted; one miss before removes it.
        shown_frames: For how many frames after its last detection a track is output at its predicted box (`detection_index` -1).
        budget: How many features of a track are remembered.
        on_invalid: "raise" or "drop" detections that are not finite, inverted, or have a score outside [0, 1].

    Raises:
        ValueError: An argument is out of range.
    """

    inputs = ("features",)
    supports_dt = True
    outputs_lost = True
    search_space: ClassVar[SearchSpace] = {
        "high_score": {"low": 0.3, "high": 0.8, "step": 0.01},
        "low_score": {"choices": [None, 0.1, 0.2, 0.3]},
        "appearance_cost": {"low": 0.05, "high": 0.6, "step": 0.01},
        "match_cost": {"low": 0.4, "high": 0.95, "step": 0.01},
        "gate": {"low": 1.0, "high": 30.0},
        "max_lost_frames": {"low": 5, "high": 90},
        "min_hits": {"low": 1, "high": 5},
        "shown_frames": {"low": 0, "high": 5},
    }

    def __init__(
        self,
        high_score: float = 0.5,
        low_score: float | None = None,
        appearance_cost: float = 0.1,
        match_cost: float = 0.7,
        low_match_cost: float = 0.5,
        gate: float = 9.4877,
        max_lost_frames: int = 30,
        min_hits: int = 3,
        shown_frames: int = 1,
        budget: int = 100,
        on_invalid: str = "raise",
    ) -> None:
        parameters = checked(Parameters, locals())
        super().__init__(deepsort_update, parameters, arrays, max_absence=parameters.max_lost_frames, n_features=budget)
