"""BYTE plus what helps it most without looking at the image: every switch is one argument, and measured in docs/trackers/byte_plus.md."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bytetrack.tracking.association import NONE, Bins, assign, bin_boxes
from bytetrack.tracking.botsort import move_tracks
from bytetrack.tracking.byte import PAPER_EXACT, classify, list_by_state, remove_duplicates
from bytetrack.tracking.checks import check_choice, check_flag, check_real, check_whole
from bytetrack.tracking.compiled import entry, kernel
from bytetrack.tracking.motion import Noise, box_of_motion, correct, start
from bytetrack.tracking.similarity import Similarity, associate_buffered, drop_dear_pairs, keep_unmatched, list_pairs
from bytetrack.tracking.state import (
    COVERED,
    FAINT,
    FRAME,
    HIGH,
    LOST,
    LOW,
    N_ALIVE,
    REMOVED,
    TRACKED,
    UNCONFIRMED,
    VALID,
    Detected,
    Tracked,
    Work,
    forget_removed,
    look,
    new_row,
    seen,
    views,
    write_tracks,
)
from bytetrack.tracking.tracker import Tracker

__all__ = ["BytePlus"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Parameters: DROP_INVALID, then as BYTE's in byte.py, whose steps read them there; after PAPER_EXACT:
HIGH_SCORE, LOW_SCORE, NEW_TRACK_SCORE, MATCH_COST, LOW_MATCH_COST, UNCONFIRMED_MATCH_COST, DUPLICATE_COST = range(1, 8)
MAX_LOST_FRAMES, FUSE_SCORE = range(8, 10)
POSITION_NOISE, VELOCITY_NOISE, MEASUREMENT_NOISE, LOW_MEASUREMENT_NOISE = range(PAPER_EXACT + 1, PAPER_EXACT + 5)
HEIGHT_POWER, LOST_COST, BIRTH_OVERLAP, CONFIRM_SCORE = range(PAPER_EXACT + 5, PAPER_EXACT + 9)
COVERED_FRAMES, COVERED_PART, COVERED_HITS = range(PAPER_EXACT + 9, PAPER_EXACT + 12)
RECOVERY_BUFFER, RECOVERY_COST, FAINT_SCORE, FAINT_MATCH_COST = range(PAPER_EXACT + 12, PAPER_EXACT + 16)

SCORES = ("high_score", "low_score", "new_track_score")
COSTS = ("match_cost", "low_match_cost", "unconfirmed_match_cost", "duplicate_cost", "recovery_cost", "faint_match_cost")
NOISES = ("position_noise", "velocity_noise", "measurement_noise", "low_measurement_noise")


@kernel
def follow(
    rows: Ints,
    n: int,
    noise: Noise,
    confirm_score: float,
    tracked: Tracked,
    detected: Detected,
    sum_of_scores: Floats,
    work: Work,
    frame: int,
) -> int:
    """Corrects the matched of the tracks `rows[:n]`; moves the others to the front of `rows`, returns their number.

    `mark` counts a track's detections. One seen once is confirmed when their scores add up to `confirm_score`.
    """
    if n == 0:
        return 0
    for i in range(n):
        row, j = rows[i], work.solver.column_of[i]
        if j != NONE:
            waiting = tracked.state[row] == UNCONFIRMED
            correct(tracked.motion[row], detected.xyxy[j], noise)
            box_of_motion(tracked.motion[row], tracked.box[row])
            seen(tracked, row, detected, j, frame)
            tracked.mark[row] += 1
            sum_of_scores[row, 0] += detected.score[j]
            if waiting and sum_of_scores[row, 0] < confirm_score:
                tracked.state[row] = UNCONFIRMED
    return keep_unmatched(rows, n, work)


@kernel
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
    """The best assignment of the tracks `rows[:n]` to detections of a kind; tracks lost for long are dearer."""
    if n == 0:
        return
    list_pairs(rows, n, kind, limit, Similarity(fuse, parameters[HEIGHT_POWER], False), bins, tracked, detected, work)
    if parameters[LOST_COST] > 0.0:
        for i in range(n):
            age = frame - 1 - tracked.last_frame[rows[i]]
            dearer = parameters[LOST_COST] * min(age / max(parameters[MAX_LOST_FRAMES], 1.0), 1.0)
            for e in range(work.pairs.first[i], work.pairs.first[i + 1]):
                work.pairs.cost[e] += dearer
        drop_dear_pairs(n, limit, work)
    assign(n, len(detected.score), work.pairs, limit, work.solver)


@kernel
def overlap(first: Floats, second: Floats) -> float:
    """How much area two boxes (4,) share."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    return float(max(width, 0.0) * max(height, 0.0))


@kernel
def area(box: Floats) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))


@kernel
def on_a_live_track(box: Floats, class_id: int, tracked: Tracked, n: int, limit: float, frame: int) -> bool:
    """Whether a confirmed track seen in this frame has an IoU above `limit` with the box."""
    for t in range(n):
        row = tracked.order[t]
        if tracked.state[row] == TRACKED and tracked.last_frame[row] == frame and tracked.class_id[row] == class_id:
            shared = overlap(box, tracked.box[row])
            if shared > limit * (area(box) + area(tracked.box[row]) - shared):
                return True
    return False


@kernel
def give_birth(tracked: Tracked, detected: Detected, parameters: Floats, noise: Noise, sum_of_scores: Floats, counters: Ints) -> None:
    """Starts a track from every high detection that is left and lies on no live track; confirmed at once in the first frame only."""
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
        sum_of_scores[row, 0] = detected.score[j]


@kernel
def hidden(row: int, tracked: Tracked, n: int, part: float, frame: int) -> bool:
    """Whether more than `part` of a track's box lies in that of one seen in this frame that stands before it: with a lower bottom edge."""
    box = tracked.box[row]
    for t in range(n):
        other = tracked.order[t]
        before = tracked.state[other] in (TRACKED, LOST) and tracked.last_frame[other] >= frame - 1 and tracked.box[other, 3] > box[3]
        if before and overlap(box, tracked.box[other]) > part * area(box):
            return True
    return False


@kernel
def expire_and_cover(tracked: Tracked, n: int, parameters: Floats, frame: int) -> None:
    """Removes tracks lost for more than `max_lost_frames`; those lost a short while ago behind somebody are COVERED."""
    for t in range(n):
        row = tracked.order[t]
        if tracked.state[row] != LOST:
            continue
        age = frame - tracked.last_frame[row]
        if age > parameters[MAX_LOST_FRAMES]:
            tracked.state[row] = REMOVED
            continue
        recent = age <= parameters[COVERED_FRAMES] and tracked.mark[row] >= parameters[COVERED_HITS]
        if recent and hidden(row, tracked, n, parameters[COVERED_PART], frame):
            tracked.state[row] = COVERED
            tracked.detection[row] = NONE


@kernel
def find_again(
    n_tracked: int,
    n: int,
    noise: Noise,
    parameters: Floats,
    tracked: Tracked,
    detected: Detected,
    sum_of_scores: Floats,
    work: Work,
    frame: int,
) -> int:
    """Two more chances for the tracks `work.rows[:n]`, of which `n_tracked` were seen in the last frame; returns how many are left.

    First high detections near by, though they do not touch (boxes grown by `recovery_buffer`); then, for those seen in the last
    frame, detections fainter than `low_score` that lie where they are expected.
    """
    rows = work.rows
    if parameters[RECOVERY_BUFFER] > 0.0:
        how = Similarity(parameters[FUSE_SCORE] != 0.0, parameters[HEIGHT_POWER], False)
        associate_buffered(rows, n, HIGH, parameters[RECOVERY_COST], parameters[RECOVERY_BUFFER], how, tracked, detected, work)
        for i in range(n_tracked):
            n_tracked -= work.solver.column_of[i] != NONE
        n = follow(rows, n, noise, 0.0, tracked, detected, sum_of_scores, work, frame)
    if parameters[FAINT_SCORE] < parameters[LOW_SCORE]:
        for j in range(len(detected.score)):
            if parameters[FAINT_SCORE] <= detected.score[j] < parameters[LOW_SCORE] and look(detected.xyxy, detected.score, j) == VALID:
                detected.kind[j] = FAINT
        how = Similarity(False, parameters[HEIGHT_POWER], False)
        associate_buffered(rows, n_tracked, FAINT, parameters[FAINT_MATCH_COST], 0.0, how, tracked, detected, work)
        n_left = follow(rows, n_tracked, noise, 0.0, tracked, detected, sum_of_scores, work, frame)
        for i in range(n_tracked, n):
            rows[n_left + i - n_tracked] = rows[i]
        n -= n_tracked - n_left
    return n


@entry
def byte_plus_update(
    xyxy: Floats,
    score: Floats,
    class_id: Ints,
    camera: Floats,
    parameters: Floats,
    counters: Ints,
    motion: Floats,
    box: Floats,
    track_score: Floats,
    track_ints: Ints,
    sum_of_scores: Floats,
    table: Floats,
    work_floats: Floats,
    work_ints: Ints,
    pair_column: Ints,
    pair_cost: Floats,
    out_floats: Floats,
    out_ints: Ints,
) -> int:
    """One frame. Returns how many tracks were written, or -1 - row of the first invalid detection, and then nothing changed."""
    detected, tracked, work = views(
        xyxy, score, class_id, motion, box, track_score, track_ints, table, work_floats, work_ints, pair_column, pair_cost
    )
    rows, unconfirmed, fuse = work.rows, work.others, parameters[FUSE_SCORE] != 0.0
    noise = Noise(parameters[POSITION_NOISE], parameters[VELOCITY_NOISE], parameters[POSITION_NOISE] * parameters[MEASUREMENT_NOISE])
    low_noise = Noise(noise.position, noise.velocity, noise.measurement * parameters[LOW_MEASUREMENT_NOISE])
    n_detections = classify(detected, parameters, counters, rows)
    if n_detections < 0:
        return n_detections
    counters[FRAME] += 1
    frame = counters[FRAME]
    bins = bin_boxes(xyxy, class_id, rows, n_detections, 0.0, work.binned)
    for t in range(counters[N_ALIVE]):
        if tracked.state[tracked.order[t]] == COVERED:
            tracked.state[tracked.order[t]] = LOST
    move_tracks(tracked, counters[N_ALIVE], camera, noise)
    n_tracked, n_lost, n_unconfirmed = list_by_state(tracked, counters[N_ALIVE], work)

    match(rows, n_tracked + n_lost, HIGH, parameters[MATCH_COST], fuse, parameters, bins, tracked, detected, work, frame)
    n = follow(rows, n_tracked + n_lost, noise, 0.0, tracked, detected, sum_of_scores, work, frame)
    n_tracked = 0
    while n_tracked < n and tracked.state[rows[n_tracked]] == TRACKED:
        n_tracked += 1
    n_lost = n - n_tracked
    match(rows, n_tracked, LOW, parameters[LOW_MATCH_COST], False, parameters, bins, tracked, detected, work, frame)
    n = follow(rows, n_tracked, low_noise, 0.0, tracked, detected, sum_of_scores, work, frame)
    for i in range(n_lost):
        rows[n + i] = rows[n_tracked + i]
    n = find_again(n, n + n_lost, low_noise, parameters, tracked, detected, sum_of_scores, work, frame)
    for t in range(n):
        tracked.state[rows[t]] = LOST
    match(unconfirmed, n_unconfirmed, HIGH, parameters[UNCONFIRMED_MATCH_COST], fuse, parameters, bins, tracked, detected, work, frame)
    n = follow(unconfirmed, n_unconfirmed, noise, parameters[CONFIRM_SCORE], tracked, detected, sum_of_scores, work, frame)
    for t in range(n):
        tracked.state[unconfirmed[t]] = REMOVED
    give_birth(tracked, detected, parameters, noise, sum_of_scores, counters)
    if parameters[DUPLICATE_COST] > 0.0:
        remove_duplicates(tracked, counters[N_ALIVE], parameters[DUPLICATE_COST], 0.0, work)
    expire_and_cover(tracked, counters[N_ALIVE], parameters, frame)
    forget_removed(tracked, counters, rows)
    return write_tracks(tracked, counters[N_ALIVE], out_floats, out_ints)


class BytePlus(Tracker):
    """BYTE with the camera's motion taken out, sizes in the state, a similarity that knows the ground, and tracks that wait behind others.

    Of BYTE's arguments `high_score`, `low_score`, `new_track_score`, `match_cost`, `low_match_cost`, `unconfirmed_match_cost`,
    `max_lost_frames`, `fuse_score`, `on_invalid` and `frame_rate` are as in ByteTracker; costs are `1 - similarity`.

    Motion (motion.py; BoT-SORT's filter):
    - `position_noise`, `velocity_noise`: standard deviations a frame, as parts of width and height.
    - `measurement_noise`: that of a detection, in `position_noise`; `low_measurement_noise`: times that, for detections below
      `high_score`.
    - the camera's motion, where `update` is given it.

    Association:
    - `height_power`: similarity is IoU times the IoU of the vertical intervals to this power; 0: IoU.
    - `lost_cost`: what a track lost for `max_lost_frames` costs more than a tracked one, in proportion to its age; 0: nothing.
    - `recovery_buffer`, `recovery_cost`: tracks and high detections that are left are associated by the similarity of boxes
      grown by this part of their sides (C-BIoU); 0: not.
    - `faint_score`, `faint_match_cost`: tracks seen in the last frame that are left are associated with detections between
      `faint_score` and `low_score`; `faint_score` 1: not.

    Birth and death:
    - `birth_overlap`: no track starts where the IoU with a confirmed track of this frame is above it; 1: wherever it wants.
    - `confirm_score`: a track seen again is put out when its scores add up to it; 0: at once.
    - `duplicate_cost`: as in BYTE; 0: lost tracks are not compared with live ones.

    Occlusion:
    - `covered_frames`: a lost track is put out with its predicted box (`detection_index` -1) for so many frames of a 30 fps
      video, while more than `covered_part` of it lies behind a track of this frame with a lower bottom edge, if it was seen
      `covered_hits` times; 0: not.

    ValueError names the argument that is out of range.
    """

    USES = ("camera_motion",)
    SHOWS_LOST = True

    def __init__(
        self,
        high_score: float = 0.65,
        low_score: float = 0.2,
        new_track_score: float = 0.6,
        match_cost: float = 0.9,
        low_match_cost: float = 0.5,
        unconfirmed_match_cost: float = 0.7,
        duplicate_cost: float = 0.0,
        max_lost_frames: int = 30,
        fuse_score: bool = True,
        position_noise: float = 0.05,
        velocity_noise: float = 0.00625,
        measurement_noise: float = 1.0,
        low_measurement_noise: float = 1.0,
        height_power: float = 3.0,
        lost_cost: float = 0.0,
        recovery_buffer: float = 0.0,
        recovery_cost: float = 0.8,
        faint_score: float = 1.0,
        faint_match_cost: float = 0.3,
        birth_overlap: float = 0.6,
        confirm_score: float = 0.0,
        covered_frames: int = 10,
        covered_part: float = 0.5,
        covered_hits: int = 5,
        on_invalid: str = "raise",
        frame_rate: float | None = None,
    ) -> None:
        settings = {name: value for name, value in locals().items() if name not in ("self", "__class__")}
        for name in (*SCORES, *COSTS, "lost_cost", "faint_score", "birth_overlap", "covered_part"):
            check_real(name, settings[name], 0, 1)
        if low_score > high_score:
            raise ValueError(f"low_score must lie in [0, high_score]: got low_score={low_score}, high_score={high_score}")
        for name in NOISES:
            check_real(name, settings[name], 1e-6, 1e3)
        check_real("height_power", height_power, 0, 100)
        check_real("recovery_buffer", recovery_buffer, 0, 10)
        check_real("confirm_score", confirm_score, 0, 2)
        for name in ("max_lost_frames", "covered_frames", "covered_hits"):
            check_whole(name, settings[name], 0)
        check_flag("fuse_score", fuse_score)
        check_choice("on_invalid", on_invalid, ("raise", "drop"))
        if frame_rate is not None:
            check_real("frame_rate", frame_rate, 1e-3, 1e6)
            max_lost_frames, covered_frames = int(frame_rate / 30 * max_lost_frames), int(frame_rate / 30 * covered_frames)
        costs = [match_cost, low_match_cost, unconfirmed_match_cost, duplicate_cost]
        byte = [high_score, low_score, new_track_score, *costs, max_lost_frames, fuse_score, False]
        noises = [position_noise, velocity_noise, measurement_noise, low_measurement_noise]
        association = [height_power, lost_cost, birth_overlap, confirm_score]
        occlusion = [covered_frames, covered_part, covered_hits]
        second_chances = [recovery_buffer, recovery_cost, faint_score, faint_match_cost]
        parameters = [on_invalid == "drop", *byte, *noises, *association, *occlusion, *second_chances]
        super().__init__(byte_plus_update, parameters, [np.zeros(1)])
