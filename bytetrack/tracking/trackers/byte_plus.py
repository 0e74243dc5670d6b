"""BYTE plus what helps it most without looking at the image: every switch is one argument, and measured in docs/trackers/byte_plus.md."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from bytetrack.box_kernels import area_of, iou_of, shared_area_of
from bytetrack.checks import check_choice, check_flag, check_real, check_whole
from bytetrack.runtime.compilation import jit, jit_cached, jit_inline
from bytetrack.tracking.checks import at_frame_rate, check_score_split
from bytetrack.tracking.core.association import NONE, Bins, Pairs, assign, bin_boxes
from bytetrack.tracking.core.fields import record
from bytetrack.tracking.core.lifecycle import (
    VALID,
    count_tracked,
    end_coasting,
    forget_removed,
    frames_since,
    list_by_state,
    mark,
    mark_matched,
    new_track,
    next_frame,
    output_tracks,
    remove_duplicates,
    split_by_score,
    unmatched,
    validity,
)
from bytetrack.tracking.core.similarity import Similarity, list_pairs, list_pairs_buffered, prune_pairs
from bytetrack.tracking.core.state import (
    COASTING,
    DT,
    HIGH,
    IGNORED,
    LOST,
    LOW,
    N_ALIVE,
    NOW,
    REMOVED,
    TRACKED,
    UNCONFIRMED,
    DetectionArrays,
    TrackArrays,
    Work,
    layout,
)
from bytetrack.tracking.filters import xywh
from bytetrack.tracking.filters.xywh import Noise
from bytetrack.tracking.tracker import SearchSpace, Tracker
from bytetrack.tracking.trackers.botsort import predict_with_camera

__all__ = ["BytePlus"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NEVER = 2**31  # frames
UNCOVERED = 0.1  # a track is out in the open when less of it is covered

BETWEEN_0_AND_1 = (
    "high_score", "low_score", "new_track_score", "match_cost", "low_match_cost", "unconfirmed_match_cost", "duplicate_cost",
    "recovery_cost", "score_boost", "lost_cost", "top_cost", "birth_overlap", "covered_part", "output_detection",
)  # fmt: skip


class Parameters(NamedTuple):
    """The arguments of `BytePlus`, as the kernel takes them: costs and noise at the frame rate, frames those of the sequence."""

    high_score: float
    low_score: float
    new_track_score: float
    match_cost: float
    low_match_cost: float
    unconfirmed_match_cost: float
    duplicate_cost: float
    max_lost_frames: float
    fuse_score: bool
    position_noise: float
    velocity_noise: float
    size_velocity_noise: float
    measurement_noise: float
    score_noise: float
    covered_noise: float
    covered_size_noise: float
    height_power: float
    score_boost: float
    lost_cost: float
    top_cost: float
    recovery_buffer: float
    recovery_cost: float
    recovery_height: float
    birth_overlap: float
    confirm_score: float
    max_uncovered_frames: float
    covered_frames: float
    covered_part: float
    covered_hits: int
    output_detection: float
    drop_invalid: bool


class Memory(NamedTuple):
    """The memory of a track."""

    evidence: Floats  # the sum of its detections' scores
    cover: Floats  # the part of its box covered by a track in front of it
    n_detections: Ints


parameters_of = record(Parameters)
arrays = layout(Memory)
view = arrays.view


@jit
def measure_cover(tracks: TrackArrays, n: int, cover: Floats, front: Floats, classes: Ints) -> None:
    """Measures which part of each box is covered by that of one track, matched in the last frame, in front of it.

    On one ground, the track with the lower bottom edge is in front. Clobbers `front` (boxes) and `classes`.
    """
    n_front = 0
    for t in range(n):
        row = tracks.order[t]
        if tracks.state[row] == TRACKED:
            for d in range(4):
                front[n_front, d] = tracks.box[row, d]
            classes[n_front] = tracks.class_id[row]
            n_front += 1
    for t in range(n):
        row = tracks.order[t]
        cover[row] = 0.0
        if tracks.state[row] not in (TRACKED, LOST):
            continue
        left, top, right, bottom = tracks.box[row, 0], tracks.box[row, 1], tracks.box[row, 2], tracks.box[row, 3]
        class_id, most = tracks.class_id[row], 0.0
        for k in range(n_front):
            width = min(right, front[k, 2]) - max(left, front[k, 0])
            if width > 0.0 and front[k, 3] > bottom and front[k, 1] < bottom and classes[k] == class_id:
                most = max(most, width * (bottom - max(top, front[k, 1])))
        cover[row] = most / ((right - left) * (bottom - top))


@jit
def boost_scores(tracks: TrackArrays, n: int, detections: DetectionArrays, p: Parameters, scores: Floats, rows: Ints) -> int:
    """Raises the scores of detections at the predicted boxes of tracked tracks, into `scores`; splits the detections anew.

    Lists those to associate in `rows` and returns how many they are.
    """
    n_listed = 0
    for j in range(len(detections.score)):
        score, best, box = detections.score[j], 0.0, detections.xyxy[j]
        scores[j] = score
        if validity(detections.xyxy, detections.score, j) != VALID:
            continue
        for t in range(n):
            row = tracks.order[t]
            if tracks.state[row] == TRACKED and tracks.class_id[row] == detections.class_id[j]:
                best = max(best, iou_of(box, tracks.box[row]))
        score = max(score, (1.0 - p.score_boost) * score + p.score_boost * best)
        scores[j] = score
        detections.kind[j] = HIGH if score >= p.high_score else LOW if score >= p.low_score else IGNORED
        if detections.kind[j] != IGNORED:
            rows[n_listed] = j
            n_listed += 1
    return n_listed


@jit
def update_matched(
    rows: Ints,
    column_of: Ints,
    p: Parameters,
    tracks: TrackArrays,
    memory: Memory,
    detections: DetectionArrays,
    frame: int,
    now: float,
) -> None:
    """Corrects the matched of the tracks `rows` by their detections.

    A detection is the less exact the lower its score and the more its track is covered. A track matched once is confirmed when
    its scores add up to `confirm_score`.
    """
    for i in range(len(rows)):
        row, j = rows[i], column_of[i]
        if j == NONE:
            continue
        unconfirmed, cover = tracks.state[row] == UNCONFIRMED, memory.cover[row]
        doubt = (1.0 + p.score_noise * (1.0 - detections.score[j])) * (1.0 + p.covered_noise * cover)
        measurement = p.position_noise * p.measurement_noise * doubt
        xywh.correct(tracks.motion[row], detections.xyxy[j], Noise(0.0, 0.0, measurement, 1.0, 1.0 + p.covered_size_noise * cover))
        xywh.write_box(tracks.motion[row], tracks.box[row])
        mark_matched(tracks, row, detections, j, frame, now)
        memory.n_detections[row] += 1
        memory.evidence[row] += detections.score[j]
        if unconfirmed and memory.evidence[row] < p.confirm_score:
            tracks.state[row] = UNCONFIRMED


@jit
def add_costs(
    rows: Ints, limit: float, lost_cost: float, p: Parameters, tracks: TrackArrays, detections: DetectionArrays, pairs: Pairs, now: float
) -> None:
    """Adds a penalty for top-edge distance (feet are occluded more often than heads) and for time since last matched."""
    if lost_cost == 0.0 and p.top_cost == 0.0:
        return
    for i in range(len(rows)):
        box, gone = tracks.box[rows[i]], frames_since(tracks, rows[i], now)
        penalty = 0.0 if gone <= 1.0 else lost_cost * min(gone / max(np.floor(p.max_lost_frames), 1.0), 1.0)
        for e in range(pairs.first[i], pairs.first[i + 1]):
            top = abs(detections.xyxy[pairs.column[e], 1] - box[1]) / (box[3] - box[1])
            pairs.cost[e] += penalty + p.top_cost * top
    prune_pairs(len(rows), limit, pairs)


@jit_inline
def associate(
    rows: Ints,
    kind: int,
    limit: float,
    fuse_score: bool,
    costs: bool,
    p: Parameters,
    bins: Bins,
    tracks: TrackArrays,
    memory: Memory,
    detections: DetectionArrays,
    boosted: DetectionArrays,
    work: Work,
    pairs: Pairs,
    frame: int,
    now: float,
) -> None:
    """Matches tracks to detections of a kind by their `boosted` scores; `costs` adds those of `add_costs`."""
    if len(rows) == 0:
        return
    list_pairs(rows, kind, limit, Similarity(fuse_score, p.height_power, False), bins, tracks, boosted, work.binned, pairs)
    if costs:
        add_costs(rows, limit, p.lost_cost, p, tracks, boosted, pairs, now)
    assign(len(rows), len(boosted.score), pairs, limit, work.solver)
    update_matched(rows, work.solver.column_of, p, tracks, memory, detections, frame, now)


@jit
def associate_near_by(
    rows: Ints,
    p: Parameters,
    tracks: TrackArrays,
    memory: Memory,
    detections: DetectionArrays,
    boosted: DetectionArrays,
    work: Work,
    pairs: Pairs,
    frame: int,
    now: float,
) -> None:
    """Matches tracks to high detections that are left: boxes grown by `recovery_buffer`, of about the same height."""
    if len(rows) == 0:
        return
    how, limit = Similarity(p.fuse_score, p.height_power, False), p.recovery_cost
    list_pairs_buffered(rows, HIGH, limit, p.recovery_buffer, how, tracks, boosted, work, pairs)
    for i in range(len(rows)):
        height = tracks.box[rows[i], 3] - tracks.box[rows[i], 1]
        for e in range(pairs.first[i], pairs.first[i + 1]):
            other = boosted.xyxy[pairs.column[e]]
            if abs(np.log((other[3] - other[1]) / height)) > p.recovery_height:
                pairs.cost[e] = np.inf
    prune_pairs(len(rows), limit, pairs)
    add_costs(rows, limit, 0.0, p, tracks, boosted, pairs, now)
    assign(len(rows), len(boosted.score), pairs, limit, work.solver)
    update_matched(rows, work.solver.column_of, p, tracks, memory, detections, frame, now)


@jit
def lies_on_a_track(box: Floats, class_id: int, tracks: TrackArrays, n: int, limit: float, frame: int) -> bool:
    """Returns whether a confirmed track matched in this frame has an IoU above `limit` with the box."""
    for t in range(n):
        row = tracks.order[t]
        if tracks.state[row] == TRACKED and tracks.last_frame[row] == frame and tracks.class_id[row] == class_id:
            shared = shared_area_of(box, tracks.box[row])
            if shared > limit * (area_of(box) + area_of(tracks.box[row]) - shared):
                return True
    return False


@jit
def start_tracks(
    tracks: TrackArrays,
    memory: Memory,
    boosted: DetectionArrays,
    score: Floats,
    p: Parameters,
    counters: Ints,
    frame: int,
    now: float,
) -> None:
    """Starts tracks at unmatched high detections that lie on no live track: confirmed at once in the first frame only.

    `score` are the scores before `boost_scores`.
    """
    n, noise = counters[N_ALIVE], Noise(p.position_noise, p.velocity_noise, 0.0, 1.0, 1.0)
    for j in range(len(boosted.score)):
        if boosted.kind[j] != HIGH or boosted.score[j] < p.new_track_score:
            continue
        if p.birth_overlap < 1.0 and lies_on_a_track(boosted.xyxy[j], boosted.class_id[j], tracks, n, p.birth_overlap, frame):
            continue
        row = new_track(tracks, boosted, j, TRACKED if frame == 1 else UNCONFIRMED, counters, now)
        xywh.start(tracks.motion[row], boosted.xyxy[j], noise)
        xywh.write_box(tracks.motion[row], tracks.box[row])
        tracks.score[row] = memory.evidence[row] = score[j]
        memory.n_detections[row], memory.cover[row] = 1, 0.0


@jit
def expire_or_coast(tracks: TrackArrays, n: int, p: Parameters, memory: Memory, frame: int, now: float) -> None:
    """Removes lost tracks: after `max_uncovered_frames` if visible, else `max_lost_frames`. Recently occluded tracks coast."""
    for t in range(n):
        row = tracks.order[t]
        if tracks.state[row] != LOST:
            continue
        gone, missed, cover = frames_since(tracks, row, now), frame - tracks.last_frame[row], memory.cover[row]
        if gone > p.max_lost_frames or (cover < UNCOVERED and missed > p.max_uncovered_frames):
            tracks.state[row] = REMOVED
        elif gone <= p.covered_frames and memory.n_detections[row] >= p.covered_hits and cover > p.covered_part:
            tracks.state[row] = COASTING
            tracks.detection[row] = NONE


@jit
def move_to_detections(tracks: TrackArrays, n_alive: int, detections: DetectionArrays, p: Parameters, out: Floats) -> None:
    """Moves the output boxes of tracks matched to high detections a part of the way to these."""
    part, i = p.output_detection, 0
    for t in range(n_alive):
        row = tracks.order[t]
        if tracks.state[row] not in (TRACKED, COASTING):
            continue
        j = tracks.detection[row]
        if j != NONE and detections.score[j] >= p.high_score:
            for d in range(4):
                out[4 * i + d] += part * (detections.xyxy[j, d] - out[4 * i + d])
        i += 1


@jit
def bin_left(detections: DetectionArrays, kind: int, work: Work) -> Bins:
    """Bins the detections of a kind that are left."""
    n = 0
    for j in range(len(detections.score)):
        if detections.kind[j] == kind:
            work.left[n] = j
            n += 1
    return bin_boxes(detections.xyxy, detections.class_id, work.left[:n], 0.0, work.binned)


@jit_cached
def byte_plus_update(
    xyxy: Floats,
    score: Floats,
    class_id: Ints,
    camera: Floats,
    parameters: Floats,
    floats: Floats,
    ints: Ints,
    out_floats: Floats,
    out_ints: Ints,
) -> int:
    """Tracks one frame; returns what `Tracker` expects of a kernel."""
    p: Parameters = parameters_of(parameters)
    detections, tracks, memory, work, pairs, counters, clock, _ = view(xyxy, score, class_id, floats, ints)
    n = split_by_score(detections, p.high_score, p.low_score, True, p.drop_invalid, counters, work.rows)
    if n < 0:
        return n
    frame = next_frame(tracks, counters, clock, work.others)
    now, fuse = clock[NOW], p.fuse_score
    end_coasting(tracks, counters[N_ALIVE], LOST)
    noise = Noise(p.position_noise, p.velocity_noise, 0.0, p.size_velocity_noise, 1.0)
    predict_with_camera(tracks, counters[N_ALIVE], camera, noise, False, clock[DT])
    measure_cover(tracks, counters[N_ALIVE], memory.cover, work.track_boxes, work.left)
    boosted = detections
    if p.score_boost > 0.0:
        n = boost_scores(tracks, counters[N_ALIVE], detections, p, work.scores, work.rows)
        boosted = DetectionArrays(xyxy, work.scores[: len(score)], class_id, detections.kind)
    bins = bin_boxes(xyxy, class_id, work.rows[:n], 0.0, work.binned)
    pool, unconfirmed = list_by_state(tracks, counters[N_ALIVE], work.rows, work.others)

    associate(pool, HIGH, p.match_cost, fuse, True, p, bins, tracks, memory, detections, boosted, work, pairs, frame, now)
    left = pool[: unmatched(pool, tracks, frame)]
    tracked = left[: count_tracked(left, tracks)]
    associate(tracked, LOW, p.low_match_cost, False, True, p, bins, tracks, memory, detections, boosted, work, pairs, frame, now)
    left = left[: unmatched(left, tracks, frame)]
    if p.recovery_buffer > 0.0:
        associate_near_by(left, p, tracks, memory, detections, boosted, work, pairs, frame, now)
        left = left[: unmatched(left, tracks, frame)]
        bins = bin_left(detections, HIGH, work)
    mark(left, LOST, tracks)
    limit = p.unconfirmed_match_cost
    associate(unconfirmed, HIGH, limit, fuse, False, p, bins, tracks, memory, detections, boosted, work, pairs, frame, now)
    mark(unconfirmed[: unmatched(unconfirmed, tracks, frame)], REMOVED, tracks)
    start_tracks(tracks, memory, boosted, score, p, counters, frame, now)
    if p.duplicate_cost > 0.0:
        remove_duplicates(tracks, counters[N_ALIVE], p.duplicate_cost, 0.0, work, pairs)
    expire_or_coast(tracks, counters[N_ALIVE], p, memory, frame, now)
    forget_removed(tracks, counters, work.rows)
    n_output = output_tracks(tracks, counters[N_ALIVE], out_floats, out_ints)
    if p.output_detection > 0.0:
        move_to_detections(tracks, counters[N_ALIVE], detections, p, out_floats)
    return n_output


class BytePlus(Tracker):
    """BYTE with the camera's motion taken out, sizes in the state, a similarity that knows the ground, and tracks that wait behind others.

    Of BYTE's arguments `high_score`, `low_score`, `new_track_score`, `match_cost`, `low_match_cost`, `unconfirmed_match_cost`,
    `max_lost_frames`, `fuse_score`, `on_invalid` and `frame_rate` are as in ByteTracker; costs are `1 - similarity`. Frames are those
    of a 30 fps video, where nothing else is said. How much of a track is covered is the largest part of its box that lies in that of
    another, seen in the last frame, with a lower bottom edge.

    Motion (motion.py; BoT-SORT's filter), and the camera's motion, where `update` is given it:
    - `position_noise`, `velocity_noise`: standard deviations a frame, as parts of width and height; `size_velocity_noise`: the
      latter times that, for the velocities of width and height. `slow_velocity_noise`: the velocities' noise times
      `(30 / frame_rate)` to this power.
    - `measurement_noise`: that of a detection, in `position_noise`, times `1 + score_noise * (1 - score)` and
      `1 + covered_noise * cover`; for width and height also times `1 + covered_size_noise * cover`.

    Association:
    - `slow_similarity`: below 30 frames a second, the first association asks for a similarity of `1 - match_cost` times
      `(frame_rate / 30)` to this power: people move further a frame.
    - `height_power`: similarity is IoU times the IoU of the vertical intervals to this power (Hybrid-SORT's height-modulated IoU has
      1); 0: IoU.
    - `score_boost`: scores rise to `(1 - score_boost) * score + score_boost * IoU` of the best tracked track, for everything but
      the filter and what is put out; 0: not.
    - `lost_cost`: what a track lost for `max_lost_frames` costs more than a tracked one, in proportion; 0: nothing.
    - `top_cost`: cost of a distance of the upper edges of the track's height; 0: nothing.
    - `recovery_buffer`, `recovery_cost`, `recovery_height`: tracks and high detections that are left are associated by the
      similarity of boxes grown by this part of their sides (C-BIoU), if the logarithm of the ratio of their heights is no
      larger; 0: not.

    Birth and death:
    - `birth_overlap`: no track starts where the IoU with a confirmed track of this frame is above it; 1: wherever it wants.
    - `confirm_score`: a track seen again is put out when its scores add up to it; 0: at once.
    - `duplicate_cost`: as in BYTE; 0: lost tracks are not compared with live ones.
    - `max_uncovered_frames`: how often a lost track may be missed while less than a tenth of it is covered: in frames of the
      sequence, whatever its frame rate, since every look is one at which a detector sees who stands in the open; null: no limit.

    Occlusion:
    - `covered_frames`: a lost track seen at least `covered_hits` times is put out with its predicted box (`detection_index` -1) for
      so many frames, while more than `covered_part` of it is covered; 0: not.

    Output:
    - `output_detection`: boxes seen by a high detection are put out this part of the way from the filter's to it.

    ValueError names the argument that is out of range.
    """

    inputs = ("camera_motion",)
    outputs_lost = True
    supports_dt = True
    search_space: ClassVar[SearchSpace] = {
        "high_score": {"low": 0.45, "high": 0.8, "step": 0.01},
        "low_score": {"low": 0.05, "high": 0.4, "step": 0.01},
        "new_track_score": {"low": 0.4, "high": 0.9, "step": 0.01},
        "match_cost": {"low": 0.7, "high": 0.98, "step": 0.01},
        "low_match_cost": {"low": 0.2, "high": 0.8, "step": 0.01},
        "unconfirmed_match_cost": {"low": 0.3, "high": 0.9, "step": 0.01},
        "max_lost_frames": {"low": 15, "high": 90},
        "measurement_noise": {"low": 0.6, "high": 1.8, "step": 0.1},
        "covered_noise": {"low": 0.0, "high": 1.5, "step": 0.1},
        "score_boost": {"low": 0.0, "high": 0.3, "step": 0.05},
        "lost_cost": {"low": 0.0, "high": 0.4, "step": 0.05},
        "top_cost": {"low": 0.0, "high": 0.3, "step": 0.05},
        "confirm_score": {"low": 0.0, "high": 1.6, "step": 0.1},
        "output_detection": {"low": 0.0, "high": 0.6, "step": 0.1},
        "height_power": {"low": 0.0, "high": 4.0, "step": 0.25},
        "birth_overlap": {"low": 0.4, "high": 1.0, "step": 0.05},
        "covered_frames": {"low": 0, "high": 20},
        "covered_part": {"low": 0.2, "high": 0.9, "step": 0.05},
    }

    def __init__(
        self,
        high_score: float = 0.65,
        low_score: float = 0.1,
        new_track_score: float = 0.6,
        match_cost: float = 0.8,
        low_match_cost: float = 0.5,
        unconfirmed_match_cost: float = 0.7,
        duplicate_cost: float = 0.0,
        max_lost_frames: int = 30,
        fuse_score: bool = True,
        position_noise: float = 0.05,
        velocity_noise: float = 0.00625,
        size_velocity_noise: float = 1.0,
        slow_velocity_noise: float = 0.0,
        measurement_noise: float = 1.0,
        score_noise: float = 1.0,
        covered_noise: float = 0.5,
        covered_size_noise: float = 0.0,
        slow_similarity: float = 0.5,
        height_power: float = 2.0,
        score_boost: float = 0.0,
        lost_cost: float = 0.0,
        top_cost: float = 0.0,
        recovery_buffer: float = 0.4,
        recovery_cost: float = 0.75,
        recovery_height: float = 0.2,
        birth_overlap: float = 0.5,
        confirm_score: float = 0.0,
        max_uncovered_frames: int | None = None,
        covered_frames: int = 10,
        covered_part: float = 0.5,
        covered_hits: int = 5,
        output_detection: float = 0.0,
        on_invalid: str = "raise",
        frame_rate: float | None = None,
    ) -> None:
        if max_uncovered_frames is None:
            max_uncovered_frames = NEVER
        given = {name: value for name, value in locals().items() if name not in ("self", "__class__")}
        for name in BETWEEN_0_AND_1:
            check_real(name, given[name], 0, 1)
        check_score_split(low_score, high_score)
        for name in ("position_noise", "velocity_noise", "measurement_noise"):
            check_real(name, given[name], 1e-6, 1e3)
        for name in ("size_velocity_noise", "score_noise", "covered_noise", "covered_size_noise", "height_power", "recovery_height"):
            check_real(name, given[name], 0, 100)
        for name in ("slow_velocity_noise", "slow_similarity"):
            check_real(name, given[name], 0, 3)
        check_real("recovery_buffer", recovery_buffer, 0, 10)
        check_real("confirm_score", confirm_score, 0, 2)
        for name in ("max_lost_frames", "max_uncovered_frames", "covered_frames", "covered_hits"):
            check_whole(name, given[name], 0)
        check_flag("fuse_score", fuse_score)
        check_choice("on_invalid", on_invalid, ("raise", "drop"))
        frames = [at_frame_rate(number, frame_rate) for number in (max_lost_frames, covered_frames)]
        rate = 1.0 if frame_rate is None else frame_rate / 30
        match_cost = 1 - (1 - match_cost) * min(rate, 1.0) ** slow_similarity
        velocity_noise *= rate**-slow_velocity_noise
        parameters = Parameters(
            high_score=high_score,
            low_score=low_score,
            new_track_score=new_track_score,
            match_cost=match_cost,
            low_match_cost=low_match_cost,
            unconfirmed_match_cost=unconfirmed_match_cost,
            duplicate_cost=duplicate_cost,
            max_lost_frames=frames[0],
            fuse_score=fuse_score,
            position_noise=position_noise,
            velocity_noise=velocity_noise,
            size_velocity_noise=size_velocity_noise,
            measurement_noise=measurement_noise,
            score_noise=score_noise,
            covered_noise=covered_noise,
            covered_size_noise=covered_size_noise,
            height_power=height_power,
            score_boost=score_boost,
            lost_cost=lost_cost,
            top_cost=top_cost,
            recovery_buffer=recovery_buffer,
            recovery_cost=recovery_cost,
            recovery_height=recovery_height,
            birth_overlap=birth_overlap,
            confirm_score=confirm_score,
            max_uncovered_frames=max_uncovered_frames,
            covered_frames=frames[1],
            covered_part=covered_part,
            covered_hits=covered_hits,
            output_detection=output_detection,
            drop_invalid=on_invalid == "drop",
        )
        super().__init__(byte_plus_update, parameters, arrays, memory=frames[0])
