"""OC-SORT (Cao et al., Observation-Centric SORT, CVPR 2023): SORT that trusts observations more than predictions."""

from __future__ import annotations

from typing import Annotated, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from bytetrack.runtime.compilation import jit, jit_cached, jit_inline
from bytetrack.tracking.core.association import NONE, Bins, Pairs, assign, bin_boxes
from bytetrack.tracking.core.fields import record
from bytetrack.tracking.core.lifecycle import (
    forget_removed,
    mark,
    mark_matched,
    new_track,
    next_frame,
    output_tracks,
    split_by_score,
    unmatched,
)
from bytetrack.tracking.core.similarity import list_pairs, prune_pairs
from bytetrack.tracking.core.state import (
    HIGH,
    LOST,
    LOW,
    N_ALIVE,
    UNCONFIRMED,
    DetectionArrays,
    TrackArrays,
    Work,
    layout,
)
from bytetrack.tracking.filters import kalman, xysr
from bytetrack.tracking.parameters import Count, Frames, Share, Whole, checked
from bytetrack.tracking.tracker import SearchSpace, Tracker
from bytetrack.tracking.trackers.sort import confirm_and_expire, count_hit, predict_tracked_first

__all__ = ["OcSort"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

UNMATCHED_COST = 1.0  # a similarity of 0: the sum of similarities is maximised
N_SEEN, WHEN = 16, 4  # how many observations are kept, in slot frame % N_SEEN; the column of their frame


class Parameters(NamedTuple):
    """The arguments of `OcSort`, as the kernel takes them."""

    high_score: Share
    low_score: Share
    match_cost: Share
    max_lost_frames: Frames
    min_hits: Count
    direction_weight: Share
    direction_frames: Annotated[int, Whole(1, N_SEEN - 1)]
    reupdate: bool
    recover: bool
    drop_invalid: bool


class Memory(NamedTuple):
    """OC-SORT's memory of a track."""

    past: Annotated[Floats, (N_SEEN, 5)]  # its last observations, xyxy and the frame
    heading: Annotated[Floats, (2,)]  # the direction in which it came, a unit vector or (0, 0)
    saved: Annotated[Floats, (5, 4)]  # the filter when it was last matched
    hits: Ints  # in how many frames in a row it was matched


parameters_of = record(Parameters)
arrays = layout(Memory)
view, clear = arrays.view, arrays.clear


@jit
def observed(past: Floats, frame: int, within: int, last_frame: int) -> int:
    """Returns the slot of the observation `within` frames before `frame`, else of the earliest after it, else of the last one."""
    for back in range(within, 0, -1):
        slot = (frame - back) % N_SEEN
        if past[slot, WHEN] == frame - back:
            return slot
    return last_frame % N_SEEN


@jit
def unit_vector(x: float, y: float) -> tuple[float, float]:
    """Returns the vector at length 1, (0, 0) if it has none."""
    length = np.sqrt(x * x + y * y)
    return (x / length, y / length) if length > 0.0 else (0.0, 0.0)


@jit
def direction(first: Floats, second: Floats) -> tuple[float, float]:
    """Returns the unit vector between the centres of two boxes, (0, 0) if they agree."""
    return unit_vector((second[0] + second[2] - first[0] - first[2]) / 2, (second[1] + second[3] - first[1] - first[3]) / 2)


@jit
def add_direction_cost(
    rows: Ints, p: Parameters, tracks: TrackArrays, memory: Memory, detections: DetectionArrays, pairs: Pairs, frame: int
) -> None:
    """Adds Observation-Centric Momentum to the costs (section 4.2): detections ahead of a track cost less, those behind it more.

    The angle lies between the track's last observations `direction_frames` apart, and the line from the first of them to the
    detection; a right angle costs nothing.
    """
    for i in range(len(rows)):
        row = rows[i]
        x, y = memory.heading[row, 0], memory.heading[row, 1]
        if x == 0.0 and y == 0.0:
            continue
        slot = observed(memory.past[row], frame, p.direction_frames, tracks.last_frame[row])
        for e in range(pairs.first[i], pairs.first[i + 1]):
            j = pairs.column[e]
            dx, dy = direction(memory.past[row, slot], detections.xyxy[j])
            cosine = min(max(dx * x + dy * y, -1.0), 1.0)
            pairs.cost[e] -= p.direction_weight * (np.pi / 2 - np.arccos(cosine)) / np.pi * detections.score[j]


@jit
def update_again(motion: Floats, saved: Floats, last: Floats, box: Floats, gap: int, between: Floats) -> None:
    """Applies the Observation-centric Re-Update (section 4.1): restores the filter `gap` frames ago and leads it along the line to `box`.

    Clobbers `between`, (4,).
    """
    kalman.copy(saved, motion)
    for step in range(1, gap):
        part = step / gap
        for d in range(4):
            between[d] = last[d] + (box[d] - last[d]) * part
        xysr.predict(motion, 1.0)
        if between[2] > between[0] and between[3] > between[1]:  # far from the origin, sides vanish by rounding
            xysr.correct(motion, between)
    xysr.predict(motion, 1.0)
    xysr.correct(motion, box)


@jit
def correct_motion(
    row: int, box: Floats, reupdate: bool, tracks: TrackArrays, past: Floats, saved: Floats, between: Floats, frame: int
) -> None:
    """Corrects a track's filter by the detection `box`; with `reupdate`, by `update_again` if the track was lost. Clobbers `between`."""
    gap = frame - tracks.last_frame[row]
    if gap > 1 and reupdate:
        update_again(tracks.motion[row], saved[row], past[row, tracks.last_frame[row] % N_SEEN], box, gap, between)
    else:
        xysr.correct(tracks.motion[row], box)


@jit
def move_to_observations(rows: Ints, tracks: TrackArrays, past: Floats) -> None:
    """Moves tracks to their last observations, where the Observation-Centric Recovery (OCR) looks for them."""
    for i in range(len(rows)):
        row = rows[i]
        for d in range(4):
            tracks.box[row, d] = past[row, tracks.last_frame[row] % N_SEEN, d]


@jit
def move_to_predictions(rows: Ints, tracks: TrackArrays) -> None:
    """Moves tracks back to their filters' boxes."""
    for i in range(len(rows)):
        xysr.write_box(tracks.motion[rows[i]], tracks.box[rows[i]])


@jit
def forget_observations(past: Floats) -> None:
    """Empties the observations of a track: no frame has the number NONE."""
    for slot in range(N_SEEN):
        past[slot, WHEN] = NONE


@jit
def keep_observation(past: Floats, box: Floats, frame: int) -> None:
    """Writes a box of this frame into the observations of a track."""
    slot = frame % N_SEEN
    for d in range(4):
        past[slot, d] = box[d]
    past[slot, WHEN] = frame


@jit
def observe(row: int, j: int, tracks: TrackArrays, past: Floats, saved: Floats, detections: DetectionArrays, frame: int) -> None:
    """Keeps the observation and the filter's state; the track's box is the observation."""
    for d in range(4):
        tracks.box[row, d] = detections.xyxy[j, d]
    keep_observation(past[row], detections.xyxy[j], frame)
    kalman.copy(tracks.motion[row], saved[row])


@jit_inline
def associate(
    rows: Ints,
    kind: int,
    weigh_direction: bool,
    p: Parameters,
    bins: Bins,
    tracks: TrackArrays,
    memory: Memory,
    detections: DetectionArrays,
    work: Work,
    pairs: Pairs,
    frame: int,
    now: float,
) -> None:
    """Matches tracks to detections of a kind by `1 - IoU` below `match_cost`, with or without the direction's cost."""
    list_pairs(rows, kind, p.match_cost, False, bins, tracks, detections, work.binned, pairs)
    if weigh_direction:
        add_direction_cost(rows, p, tracks, memory, detections, pairs, frame)
        prune_pairs(len(rows), UNMATCHED_COST, pairs)
    assign(len(rows), len(detections.score), pairs, UNMATCHED_COST, work.solver)
    for i in range(len(rows)):
        row, j = rows[i], work.solver.column_of[i]
        if j == NONE:
            continue
        box = detections.xyxy[j]
        correct_motion(row, box, p.reupdate, tracks, memory.past, memory.saved, work.detection_boxes[0], frame)
        slot = observed(memory.past[row], frame, p.direction_frames, tracks.last_frame[row])
        memory.heading[row, 0], memory.heading[row, 1] = direction(memory.past[row, slot], box)
        count_hit(row, tracks, memory.hits)
        observe(row, j, tracks, memory.past, memory.saved, detections, frame)
        mark_matched(tracks, row, detections, j, frame, now)


@jit
def start_tracks(tracks: TrackArrays, memory: Memory, detections: DetectionArrays, counters: Ints, frame: int, now: float) -> None:
    """Starts unconfirmed tracks at unmatched high detections."""
    for j in range(len(detections.score)):
        if detections.kind[j] == HIGH:
            row = new_track(tracks, detections, j, UNCONFIRMED, counters, now)
            clear(memory, row)
            xysr.start(tracks.motion[row], detections.xyxy[j])
            forget_observations(memory.past[row])
            observe(row, j, tracks, memory.past, memory.saved, detections, frame)


@jit_cached
def ocsort_update(
    xyxy: Floats, score: Floats, class_id: Ints, parameters: Floats, floats: Floats, ints: Ints, out_floats: Floats, out_ints: Ints
) -> int:
    """Tracks one frame; returns what `Tracker` expects of a kernel."""
    p: Parameters = parameters_of(parameters)
    detections, tracks, memory, work, pairs, counters, clock, _ = view(xyxy, score, class_id, floats, ints)
    n = split_by_score(detections, p.high_score, p.low_score, False, p.drop_invalid, counters, work.rows)
    if n < 0:
        return n
    frame, now = next_frame(tracks, counters, clock, work.others)
    bins = bin_boxes(xyxy, class_id, work.rows[:n], 0.0, work.binned)
    left = work.others[: counters[N_ALIVE]]
    predict_tracked_first(tracks, counters[N_ALIVE], 1.0, left)

    associate(left, HIGH, p.direction_weight > 0.0, p, bins, tracks, memory, detections, work, pairs, frame, now)
    left, _ = unmatched(left, tracks, frame)
    associate(left, LOW, False, p, bins, tracks, memory, detections, work, pairs, frame, now)  # BYTE
    left, _ = unmatched(left, tracks, frame)
    if p.recover:
        move_to_observations(left, tracks, memory.past)
        associate(left, HIGH, False, p, bins, tracks, memory, detections, work, pairs, frame, now)
        left, _ = unmatched(left, tracks, frame)
        move_to_predictions(left, tracks)
    mark(left, LOST, tracks)
    start_tracks(tracks, memory, detections, counters, frame, now)
    confirm_and_expire(tracks, memory.hits, counters[N_ALIVE], p.min_hits, p.max_lost_frames, frame, now)
    forget_removed(tracks, counters, work.rows)
    return output_tracks(tracks, counters[N_ALIVE], out_floats, out_ints)


class OcSort(Tracker):
    """OC-SORT, with the values of the paper.

    Not as in the published code: pairs below the IoU limit are no candidates (it assigns them too, and parts them afterwards); a
    track's first detection counts as an observation; the re-update corrects by the last one once, not twice. With class ids only
    tracks and detections of one class are associated. Boxes without area overlap nothing and start nothing.

    Args:
        high_score: Detections above it are tracked.
        low_score: Those between it and `high_score` are offered to the tracks that are left (BYTE); None: they are ignored.
        match_cost: Pairs of cost `1 - IoU` below it can match, in every association.
        max_lost_frames: How many frames a track is remembered without a detection.
        min_hits: A track is output once it was matched in that many frames in a row after its first; in the first `min_hits` frames
            of the video at once. Boxes are the detections, not the filter's.
        direction_weight: How much a detection in a track's direction is preferred (OCM; lambda); 0: not.
        direction_frames: Over how many frames the direction is taken (delta t).
        reupdate: Whether the filter of a track found again is led along the line between its observations (ORU).
        recover: Whether detections that are left are compared with the last observations of tracks that are (OCR).
        on_invalid: "raise" or "drop" detections that are not finite, inverted, or have a score outside [0, 1].

    Raises:
        ValueError: An argument is out of range.
    """

    search_space: ClassVar[SearchSpace] = {
        "high_score": {"low": 0.4, "high": 0.8, "step": 0.01},
        "low_score": {"choices": [None, 0.1, 0.2, 0.3]},
        "match_cost": {"low": 0.5, "high": 0.95, "step": 0.01},
        "max_lost_frames": {"low": 10, "high": 60},
        "min_hits": {"low": 0, "high": 5},
        "direction_weight": {"low": 0.0, "high": 0.5, "step": 0.05},
        "direction_frames": {"low": 1, "high": 6},
        "reupdate": {"choices": [True, False]},
        "recover": {"choices": [True, False]},
    }

    def __init__(
        self,
        high_score: float = 0.6,
        low_score: float | None = None,
        match_cost: float = 0.7,
        max_lost_frames: int = 30,
        min_hits: int = 3,
        direction_weight: float = 0.2,
        direction_frames: int = 3,
        reupdate: bool = True,
        recover: bool = True,
        on_invalid: str = "raise",
    ) -> None:
        parameters = checked(Parameters, locals())
        super().__init__(ocsort_update, parameters, arrays, max_absence=parameters.max_lost_frames)
