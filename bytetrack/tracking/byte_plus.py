"""BYTE plus what helps it most without looking at the image: every switch is one argument, and measured in docs/trackers/byte_plus.md."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bytetrack.checks import check_choice, check_flag, check_real, check_whole
from bytetrack.runtime.compilation import jit, jit_cached
from bytetrack.tracking.association import NONE, Bins, assign, bin_boxes
from bytetrack.tracking.botsort import move_tracks
from bytetrack.tracking.byte import PAPER_EXACT, remove_duplicates
from bytetrack.tracking.checks import at_frame_rate, check_score_split
from bytetrack.tracking.motion import Noise, box_of_motion, correct, start
from bytetrack.tracking.similarity import Similarity, drop_dear_pairs, keep_unmatched, list_pairs, list_pairs_buffered
from bytetrack.tracking.stages import list_by_state
from bytetrack.tracking.state import (
    COVERED,
    FRAME,
    HIGH,
    HIGH_SCORE,
    IGNORED,
    LOST,
    LOW,
    LOW_SCORE,
    N_ALIVE,
    N_COUNTERS,
    REMOVED,
    TRACKED,
    UNCONFIRMED,
    VALID,
    Detected,
    Tracked,
    Work,
    away,
    classify,
    forget_removed,
    look,
    new_row,
    seen,
    uncover,
    views,
    write_tracks,
)
from bytetrack.tracking.tracker import Tracker

__all__ = ["BytePlus"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Parameters after LOW_SCORE: as BYTE's in byte.py, then:
NEW_TRACK_SCORE, MATCH_COST, LOW_MATCH_COST, UNCONFIRMED_MATCH_COST, DUPLICATE_COST = range(3, 8)
MAX_LOST_FRAMES, FUSE_SCORE = range(8, 10)
POSITION_NOISE, VELOCITY_NOISE, SIZE_VELOCITY_NOISE = range(PAPER_EXACT + 1, PAPER_EXACT + 4)
MEASUREMENT_NOISE, SCORE_NOISE, COVERED_NOISE, COVERED_SIZE_NOISE = range(PAPER_EXACT + 4, PAPER_EXACT + 8)
HEIGHT_POWER, SCORE_BOOST, LOST_COST, TOP_COST = range(PAPER_EXACT + 8, PAPER_EXACT + 12)
RECOVERY_BUFFER, RECOVERY_COST, RECOVERY_HEIGHT = range(PAPER_EXACT + 12, PAPER_EXACT + 15)
BIRTH_OVERLAP, CONFIRM_SCORE, MAX_UNCOVERED_FRAMES = range(PAPER_EXACT + 15, PAPER_EXACT + 18)
COVERED_FRAMES, COVERED_PART, COVERED_HITS, OUTPUT_DETECTION = range(PAPER_EXACT + 18, PAPER_EXACT + 22)
EVIDENCE, COVER = range(2)  # columns of a track's memory: the sum of its scores, how much of it is covered
NEVER = 2**31  # frames
UNCOVERED = 0.1  # a track is out in the open when less of it is covered

BETWEEN_0_AND_1 = (
    "high_score", "low_score", "new_track_score", "match_cost", "low_match_cost", "unconfirmed_match_cost", "duplicate_cost",
    "recovery_cost", "score_boost", "lost_cost", "top_cost", "birth_overlap", "covered_part", "output_detection",
)  # fmt: skip


@jit
def cover_tracks(tracked: Tracked, n: int, memory: Floats, work: Work) -> None:
    """Notes which part of each box is covered by that of a track seen in the last frame that stands before it.

    Who stands before whom: on one ground, whose bottom edge is lower.
    """
    before, n_before = work.track_boxes, 0
    for t in range(n):
        row = tracked.order[t]
        if tracked.state[row] == TRACKED:
            for d in range(4):
                before[n_before, d] = tracked.box[row, d]
            work.left[n_before] = tracked.class_id[row]
            n_before += 1
    for t in range(n):
        row = tracked.order[t]
        memory[row, COVER] = 0.0
        if tracked.state[row] not in (TRACKED, LOST):
            continue
        left, top, right, bottom = tracked.box[row, 0], tracked.box[row, 1], tracked.box[row, 2], tracked.box[row, 3]
        class_id, most = tracked.class_id[row], 0.0
        for k in range(n_before):
            width = min(right, before[k, 2]) - max(left, before[k, 0])
            if width > 0.0 and before[k, 3] > bottom and before[k, 1] < bottom and work.left[k] == class_id:
                most = max(most, width * (bottom - max(top, before[k, 1])))
        memory[row, COVER] = most / ((right - left) * (bottom - top))


@jit
def boost_scores(tracked: Tracked, n: int, detected: Detected, parameters: Floats, work: Work) -> int:
    """Raises the scores of detections that lie where a tracked track is expected, into `work.scores`; gives all their kinds anew.

    Lists those to associate in `work.rows` and returns how many they are.
    """
    boost, n_listed = parameters[SCORE_BOOST], 0
    for j in range(len(detected.score)):
        score, best, box = detected.score[j], 0.0, detected.xyxy[j]
        work.scores[j] = score
        if look(detected.xyxy, detected.score, j) != VALID:
            continue
        for t in range(n):
            row = tracked.order[t]
            if tracked.state[row] == TRACKED and tracked.class_id[row] == detected.class_id[j]:
                shared = overlap(box, tracked.box[row])
                best = max(best, shared / (area(box) + area(tracked.box[row]) - shared))
        score = max(score, (1.0 - boost) * score + boost * best)
        work.scores[j] = score
        detected.kind[j] = HIGH if score >= parameters[HIGH_SCORE] else LOW if score >= parameters[LOW_SCORE] else IGNORED
        if detected.kind[j] != IGNORED:
            work.rows[n_listed] = j
            n_listed += 1
    return n_listed


@jit
def follow(rows: Ints, n: int, parameters: Floats, tracked: Tracked, detected: Detected, memory: Floats, work: Work, frame: int) -> int:
    """Corrects the matched of the tracks `rows[:n]`; moves the others to the front of `rows`, returns their number.

    A detection is the less exact the lower its score and the more its track is covered. `mark` counts a track's detections. One
    seen once is confirmed when their scores add up to `confirm_score`.
    """
    if n == 0:
        return 0
    for i in range(n):
        row, j = rows[i], work.solver.column_of[i]
        if j == NONE:
            continue
        waiting, cover = tracked.state[row] == UNCONFIRMED, memory[row, COVER]
        doubt = (1.0 + parameters[SCORE_NOISE] * (1.0 - detected.score[j])) * (1.0 + parameters[COVERED_NOISE] * cover)
        measurement = parameters[POSITION_NOISE] * parameters[MEASUREMENT_NOISE] * doubt
        correct(tracked.motion[row], detected.xyxy[j], Noise(0.0, 0.0, measurement, 1.0, 1.0 + parameters[COVERED_SIZE_NOISE] * cover))
        box_of_motion(tracked.motion[row], tracked.box[row])
        seen(tracked, row, detected, j, frame)
        tracked.mark[row] += 1
        memory[row, EVIDENCE] += detected.score[j]
        if waiting and memory[row, EVIDENCE] < parameters[CONFIRM_SCORE]:
            tracked.state[row] = UNCONFIRMED
    return keep_unmatched(rows, n, work)


@jit
def add_costs(
    rows: Ints, n: int, limit: float, lost_cost: float, parameters: Floats, tracked: Tracked, detected: Detected, work: Work, frame: int
) -> None:
    """Makes pairs dearer for the distance of their upper edges (feet are hidden more often than heads), and for long absence."""
    if lost_cost == 0.0 and parameters[TOP_COST] == 0.0:
        return
    for i in range(n):
        box, gone = tracked.box[rows[i]], away(tracked, rows[i], frame)
        dearer = 0.0 if gone <= 1.0 else lost_cost * min(gone / max(np.floor(parameters[MAX_LOST_FRAMES]), 1.0), 1.0)
        for e in range(work.pairs.first[i], work.pairs.first[i + 1]):
            top = abs(detected.xyxy[work.pairs.column[e], 1] - box[1]) / (box[3] - box[1])
            work.pairs.cost[e] += dearer + parameters[TOP_COST] * top
    drop_dear_pairs(n, limit, work)


@jit
def match(
    rows: Ints,
    n: int,
    kind: int,
    limit: float,
    fuse: bool,
    parameters: Floats,
    bins: Bins,
    tracked: Tracked,
    detected: Detected,
    work: Work,
    frame: int,
) -> None:
    """The best assignment of the tracks `rows[:n]` to detections of a kind."""
    if n > 0:
        list_pairs(rows, n, kind, limit, Similarity(fuse, parameters[HEIGHT_POWER], False), bins, tracked, detected, work)
        if kind != HIGH or tracked.state[rows[0]] != UNCONFIRMED:
            add_costs(rows, n, limit, parameters[LOST_COST], parameters, tracked, detected, work, frame)
        assign(n, len(detected.score), work.pairs, limit, work.solver)


@jit
def match_near_by(rows: Ints, n: int, parameters: Floats, tracked: Tracked, detected: Detected, work: Work, frame: int) -> None:
    """The best assignment of the tracks `rows[:n]` to high detections that are left, boxes grown, of about the same height."""
    if n == 0:
        return
    how, limit = Similarity(parameters[FUSE_SCORE] != 0.0, parameters[HEIGHT_POWER], False), parameters[RECOVERY_COST]
    list_pairs_buffered(rows, n, HIGH, limit, parameters[RECOVERY_BUFFER], how, tracked, detected, work)
    for i in range(n):
        height = tracked.box[rows[i], 3] - tracked.box[rows[i], 1]
        for e in range(work.pairs.first[i], work.pairs.first[i + 1]):
            other = detected.xyxy[work.pairs.column[e]]
            if abs(np.log((other[3] - other[1]) / height)) > parameters[RECOVERY_HEIGHT]:
                work.pairs.cost[e] = np.inf
    drop_dear_pairs(n, limit, work)
    add_costs(rows, n, limit, 0.0, parameters, tracked, detected, work, frame)
    assign(n, len(detected.score), work.pairs, limit, work.solver)


@jit
def overlap(first: Floats, second: Floats) -> float:
    """How much area two boxes (4,) share."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    return float(max(width, 0.0) * max(height, 0.0))


@jit
def area(box: Floats) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))


@jit
def on_a_live_track(box: Floats, class_id: int, tracked: Tracked, n: int, limit: float, frame: int) -> bool:
    """Whether a confirmed track seen in this frame has an IoU above `limit` with the box."""
    for t in range(n):
        row = tracked.order[t]
        if tracked.state[row] == TRACKED and tracked.last_frame[row] == frame and tracked.class_id[row] == class_id:
            shared = overlap(box, tracked.box[row])
            if shared > limit * (area(box) + area(tracked.box[row]) - shared):
                return True
    return False


@jit
def give_birth(
    tracked: Tracked, detected: Detected, parameters: Floats, noise: Noise, score: Floats, memory: Floats, counters: Ints
) -> None:
    """Starts a track from every high detection that is left and lies on no live track; confirmed at once in the first frame only.

    `score` are the scores that `detected` had before they were boosted.
    """
    n, limit, frame = counters[N_ALIVE], parameters[BIRTH_OVERLAP], counters[FRAME]
    for j in range(len(detected.score)):
        if detected.kind[j] != HIGH or detected.score[j] < parameters[NEW_TRACK_SCORE]:
            continue
        if limit < 1.0 and on_a_live_track(detected.xyxy[j], detected.class_id[j], tracked, n, limit, frame):
            continue
        row = new_row(tracked, detected, j, TRACKED if frame == 1 else UNCONFIRMED, counters)
        start(tracked.motion[row], detected.xyxy[j], noise)
        box_of_motion(tracked.motion[row], tracked.box[row])
        tracked.mark[row] = 1
        tracked.score[row] = memory[row, EVIDENCE] = score[j]
        memory[row, COVER] = 0.0


@jit
def expire_and_cover(tracked: Tracked, n: int, parameters: Floats, memory: Floats, frame: int) -> None:
    """Removes tracks lost for too long, those out in the open earlier; those lost a short while ago behind somebody are COVERED."""
    for t in range(n):
        row = tracked.order[t]
        if tracked.state[row] != LOST:
            continue
        gone, looks, cover = away(tracked, row, frame), frame - tracked.last_frame[row], memory[row, COVER]
        if gone > parameters[MAX_LOST_FRAMES] or (cover < UNCOVERED and looks > parameters[MAX_UNCOVERED_FRAMES]):
            tracked.state[row] = REMOVED
        elif gone <= parameters[COVERED_FRAMES] and tracked.mark[row] >= parameters[COVERED_HITS] and cover > parameters[COVERED_PART]:
            tracked.state[row] = COVERED
            tracked.detection[row] = NONE


@jit
def move_to_detections(tracked: Tracked, n_alive: int, detected: Detected, parameters: Floats, out: Floats) -> None:
    """Moves the boxes that `write_tracks` wrote a part of the way to their detections, of tracks seen by a high one."""
    part, i = parameters[OUTPUT_DETECTION], 0
    for t in range(n_alive):
        row = tracked.order[t]
        if tracked.state[row] not in (TRACKED, COVERED):
            continue
        j = tracked.detection[row]
        if j != NONE and detected.score[j] >= parameters[HIGH_SCORE]:
            for d in range(4):
                out[4 * i + d] += part * (detected.xyxy[j, d] - out[4 * i + d])
        i += 1


@jit
def bin_left(detected: Detected, kind: int, work: Work) -> Bins:
    """Bins the detections of a kind that are left."""
    n = 0
    for j in range(len(detected.score)):
        if detected.kind[j] == kind:
            work.left[n] = j
            n += 1
    return bin_boxes(detected.xyxy, detected.class_id, work.left, n, 0.0, work.binned)


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
    """One frame. Returns how many tracks were written, or -1 - row of the first invalid detection, and then nothing changed."""
    detected, tracked, work = views(xyxy, score, class_id, floats, ints)
    counters, memory = ints[:N_COUNTERS], tracked.own.reshape((len(tracked.order), 2))
    rows, unconfirmed, fuse = work.rows, work.others, parameters[FUSE_SCORE] != 0.0
    noise = Noise(parameters[POSITION_NOISE], parameters[VELOCITY_NOISE], 0.0, parameters[SIZE_VELOCITY_NOISE], 1.0)
    n_detections = classify(detected, parameters, counters, True, rows)
    if n_detections < 0:
        return n_detections
    counters[FRAME] += 1
    frame = counters[FRAME]
    uncover(tracked, counters[N_ALIVE], LOST)
    move_tracks(tracked, counters[N_ALIVE], camera, noise, False)
    cover_tracks(tracked, counters[N_ALIVE], memory, work)
    boosted = detected
    if parameters[SCORE_BOOST] > 0.0:
        n_detections = boost_scores(tracked, counters[N_ALIVE], detected, parameters, work)
        boosted = Detected(xyxy, work.scores[: len(score)], class_id, detected.kind)
    bins = bin_boxes(xyxy, class_id, rows, n_detections, 0.0, work.binned)
    n_known, n_unconfirmed = list_by_state(tracked, counters[N_ALIVE], work)

    match(rows, n_known, HIGH, parameters[MATCH_COST], fuse, parameters, bins, tracked, boosted, work, frame)
    n = follow(rows, n_known, parameters, tracked, detected, memory, work, frame)
    n_tracked = 0
    while n_tracked < n and tracked.state[rows[n_tracked]] == TRACKED:
        n_tracked += 1
    n_lost = n - n_tracked
    match(rows, n_tracked, LOW, parameters[LOW_MATCH_COST], False, parameters, bins, tracked, boosted, work, frame)
    n = follow(rows, n_tracked, parameters, tracked, detected, memory, work, frame)
    for i in range(n_lost):
        rows[n + i] = rows[n_tracked + i]
    n += n_lost
    if parameters[RECOVERY_BUFFER] > 0.0:
        match_near_by(rows, n, parameters, tracked, boosted, work, frame)
        n = follow(rows, n, parameters, tracked, detected, memory, work, frame)
        bins = bin_left(detected, HIGH, work)
    for t in range(n):
        tracked.state[rows[t]] = LOST
    match(unconfirmed, n_unconfirmed, HIGH, parameters[UNCONFIRMED_MATCH_COST], fuse, parameters, bins, tracked, boosted, work, frame)
    n = follow(unconfirmed, n_unconfirmed, parameters, tracked, detected, memory, work, frame)
    for t in range(n):
        tracked.state[unconfirmed[t]] = REMOVED
    birth_noise = Noise(noise.position, noise.velocity, 0.0, 1.0, 1.0)
    give_birth(tracked, boosted, parameters, birth_noise, score, memory, counters)
    if parameters[DUPLICATE_COST] > 0.0:
        remove_duplicates(tracked, counters[N_ALIVE], parameters[DUPLICATE_COST], 0.0, work)
    expire_and_cover(tracked, counters[N_ALIVE], parameters, memory, frame)
    forget_removed(tracked, counters, rows)
    n_written = write_tracks(tracked, counters[N_ALIVE], out_floats, out_ints)
    if parameters[OUTPUT_DETECTION] > 0.0:
        move_to_detections(tracked, counters[N_ALIVE], detected, parameters, out_floats)
    return n_written


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

    USES = ("camera_motion",)
    SHOWS_LOST = True
    TAKES_TIME = True

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
        costs = [match_cost, low_match_cost, unconfirmed_match_cost, duplicate_cost]
        byte = [high_score, low_score, new_track_score, *costs, frames[0], fuse_score, False]
        motion = [position_noise, velocity_noise, size_velocity_noise, measurement_noise, score_noise, covered_noise, covered_size_noise]
        association = [height_power, score_boost, lost_cost, top_cost, recovery_buffer, recovery_cost, recovery_height]
        life = [birth_overlap, confirm_score, max_uncovered_frames, frames[1], covered_part, covered_hits, output_detection]
        super().__init__(byte_plus_update, [on_invalid == "drop", *byte, *motion, *association, *life], [(2,)], memory=frames[0])
