"""BoT-SORT (Aharon et al., BoT-SORT: Robust Associations Multi-Pedestrian Tracking, 2022): BYTE, a camera that moves, appearance."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bytetrack.compiled import entry, kernel
from bytetrack.tracking.association import NONE, Bins, assign, bin_boxes
from bytetrack.tracking.byte import PAPER_EXACT, classify, expire, list_by_state, remove_duplicates
from bytetrack.tracking.checks import at_frame_rate, check_choice, check_flag, check_real, check_score_split, check_whole
from bytetrack.tracking.kalman import VELOCITY
from bytetrack.tracking.motion import (
    HEIGHT,
    WIDTH,
    Noise,
    box_of_motion,
    correct,
    follow_camera,
    in_reach,
    predict,
    stands,
    start,
)
from bytetrack.tracking.similarity import Similarity, keep_unmatched, list_pairs
from bytetrack.tracking.state import (
    FRAME,
    HIGH,
    LOST,
    LOW,
    N_ALIVE,
    REMOVED,
    TRACKED,
    UNCONFIRMED,
    Detected,
    Tracked,
    Work,
    forget_removed,
    new_row,
    seen,
    views,
    write_tracks,
)
from bytetrack.tracking.tracker import Tracker

__all__ = ["BotSort", "blend", "move_tracks", "nearer_by_appearance"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Parameters: DROP_INVALID, then as BYTE's in byte.py, whose steps read them there; after PAPER_EXACT:
HIGH_SCORE, LOW_SCORE, NEW_TRACK_SCORE, MATCH_COST, LOW_MATCH_COST, UNCONFIRMED_MATCH_COST, DUPLICATE_COST = range(1, 8)
MAX_LOST_FRAMES, FUSE_SCORE = range(8, 10)
POSITION_NOISE, VELOCITY_NOISE, PROXIMITY_COST, APPEARANCE_COST, APPEARANCE_MEMORY = range(PAPER_EXACT + 1, PAPER_EXACT + 6)


@kernel
def move_tracks(tracked: Tracked, n: int, camera: Floats, noise: Noise, wait: bool) -> None:
    """All tracks one frame on: into the camera's new pixels, then by their own motion, for which those seen once may `wait`."""
    still = stands(camera)
    for t in range(n):
        row = tracked.order[t]
        motion = tracked.motion[row]
        if not still:
            follow_camera(motion, camera)
        if not (wait and tracked.state[row] == UNCONFIRMED):
            if tracked.state[row] == LOST:
                motion[VELOCITY, WIDTH] = motion[VELOCITY, HEIGHT] = 0.0
            predict(motion, noise)
        box_of_motion(motion, tracked.box[row])
        in_reach(tracked, row)


@kernel
def distance(first: Floats, second: Floats) -> float:
    """Half the cosine distance of two features (d,) of length 1: in [0, 1]."""
    total = 0.0
    for k in range(len(first)):
        total += first[k] * second[k]
    return (1.0 - total) / 2


@kernel
def blend(memory: Floats, feature: Floats, keep: float) -> None:
    """The exponential mean of a track's features, at length 1 (section 3.3)."""
    length = 0.0
    for k in range(len(memory)):
        memory[k] = keep * memory[k] + (1.0 - keep) * feature[k]
        length += memory[k] * memory[k]
    if length > 0.0:
        for k in range(len(memory)):
            memory[k] /= np.sqrt(length)


@kernel
def nearer_by_appearance(rows: Ints, n: int, memory: Floats, features: Floats, parameters: Floats, detected: Detected, work: Work) -> None:
    """Lowers the costs of pairs that look alike and lie close to their appearance cost (section 3.3)."""
    fuse = parameters[FUSE_SCORE] != 0.0
    for i in range(n):
        for e in range(work.pairs.first[i], work.pairs.first[i + 1]):
            j = work.pairs.column[e]
            overlap = (1.0 - work.pairs.cost[e]) / (detected.score[j] if fuse else 1.0)
            if 1.0 - overlap > parameters[PROXIMITY_COST]:
                continue
            cost = distance(memory[rows[i]], features[j])
            if cost <= parameters[APPEARANCE_COST]:
                work.pairs.cost[e] = min(work.pairs.cost[e], cost)


@kernel
def associate(
    rows: Ints,
    n: int,
    kind: int,
    limit: float,
    fuse: bool,
    appearance: bool,
    noise: Noise,
    parameters: Floats,
    memory: Floats,
    features: Floats,
    bins: Bins,
    tracked: Tracked,
    detected: Detected,
    work: Work,
    frame: int,
) -> int:
    """Matches the tracks `rows[:n]` to detections of a kind; moves the unmatched to the front of `rows`, returns their number."""
    if n == 0:
        return 0
    list_pairs(rows, n, kind, limit, Similarity(fuse, 0.0, False), bins, tracked, detected, work)
    if appearance and features.shape[1] > 0:
        nearer_by_appearance(rows, n, memory, features, parameters, detected, work)
    assign(n, len(detected.score), work.pairs, limit, work.solver)
    for i in range(n):
        row, j = rows[i], work.solver.column_of[i]
        if j != NONE:
            correct(tracked.motion[row], detected.xyxy[j], noise)
            box_of_motion(tracked.motion[row], tracked.box[row])
            seen(tracked, row, detected, j, frame)
            if appearance and features.shape[1] > 0:
                blend(memory[row], features[j], parameters[APPEARANCE_MEMORY])
    return keep_unmatched(rows, n, work)


@kernel
def give_birth(
    tracked: Tracked, detected: Detected, parameters: Floats, noise: Noise, memory: Floats, features: Floats, counters: Ints
) -> None:
    """Starts a track from every high detection that is left; confirmed at once in the first frame only."""
    for j in range(len(detected.score)):
        if detected.kind[j] == HIGH and detected.score[j] >= parameters[NEW_TRACK_SCORE]:
            row = new_row(tracked, detected, j, TRACKED if counters[FRAME] == 1 else UNCONFIRMED, counters)
            start(tracked.motion[row], detected.xyxy[j], noise)
            box_of_motion(tracked.motion[row], tracked.box[row])
            for k in range(memory.shape[1]):
                memory[row, k] = features[j, k] if features.shape[1] > 0 else 0.0


@entry
def botsort_update(
    xyxy: Floats,
    score: Floats,
    class_id: Ints,
    camera: Floats,
    features: Floats,
    parameters: Floats,
    counters: Ints,
    motion: Floats,
    box: Floats,
    track_score: Floats,
    track_ints: Ints,
    memory: Floats,
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
    noise = Noise(parameters[POSITION_NOISE], parameters[VELOCITY_NOISE], parameters[POSITION_NOISE], 1.0, 1.0)
    n_detections = classify(detected, parameters, counters, rows)
    if n_detections < 0:
        return n_detections
    counters[FRAME] += 1
    frame = counters[FRAME]
    bins = bin_boxes(xyxy, class_id, rows, n_detections, 0.0, work.binned)
    move_tracks(tracked, counters[N_ALIVE], camera, noise, True)
    n_tracked, n_lost, n_unconfirmed = list_by_state(tracked, counters[N_ALIVE], work)

    n = associate(
        rows, n_tracked + n_lost, HIGH, parameters[MATCH_COST], fuse, True,
        noise, parameters, memory, features, bins, tracked, detected, work, frame,
    )  # fmt: skip
    n_tracked = 0
    while n_tracked < n and tracked.state[rows[n_tracked]] == TRACKED:
        n_tracked += 1
    n = associate(
        rows, n_tracked, LOW, parameters[LOW_MATCH_COST], False, False,
        noise, parameters, memory, features, bins, tracked, detected, work, frame,
    )  # fmt: skip
    for t in range(n):
        tracked.state[rows[t]] = LOST
    n = associate(
        unconfirmed, n_unconfirmed, HIGH, parameters[UNCONFIRMED_MATCH_COST], fuse, True,
        noise, parameters, memory, features, bins, tracked, detected, work, frame,
    )  # fmt: skip
    for t in range(n):
        tracked.state[unconfirmed[t]] = REMOVED
    give_birth(tracked, detected, parameters, noise, memory, features, counters)
    expire(tracked, counters[N_ALIVE], frame, parameters[MAX_LOST_FRAMES], False)
    remove_duplicates(tracked, counters[N_ALIVE], parameters[DUPLICATE_COST], 0.0, work)
    forget_removed(tracked, counters, rows)
    return write_tracks(tracked, counters[N_ALIVE], out_floats, out_ints)


class BotSort(Tracker):
    """BoT-SORT: BYTE with width and height in the state, the camera's motion taken out, and appearance where features are given.

    - `high_score`, `low_score`, `new_track_score`, `low_match_cost`, `unconfirmed_match_cost`, `duplicate_cost`,
      `max_lost_frames`, `fuse_score`, `on_invalid`, `frame_rate`: as in ByteTracker. `low_score=high_score` switches BYTE off.
    - `match_cost`: as there, stricter.
    - `position_noise`, `velocity_noise`: standard deviations of the motion, as parts of width and height.
    - `proximity_cost`, `appearance_cost`: a pair with `1 - IoU` and half the cosine distance of features up to these has the
      smaller of its two costs (paper: theta_iou, theta_emb).
    - `appearance_memory`: how much of a track's features stays when a detection is matched (alpha).

    Not as published: IoU without border pixels, lost tracks go after exactly `max_lost_frames`, sizes under camera motion (see
    motion.py). Features only lower costs of pairs that overlap enough to be candidates.
    """

    USES = ("camera_motion", "features")
    TAKES_TIME = True

    def __init__(
        self,
        high_score: float = 0.6,
        low_score: float = 0.1,
        new_track_score: float = 0.7,
        match_cost: float = 0.8,
        low_match_cost: float = 0.5,
        unconfirmed_match_cost: float = 0.7,
        duplicate_cost: float = 0.15,
        max_lost_frames: int = 30,
        fuse_score: bool = True,
        position_noise: float = 0.05,
        velocity_noise: float = 0.00625,
        proximity_cost: float = 0.5,
        appearance_cost: float = 0.25,
        appearance_memory: float = 0.9,
        on_invalid: str = "raise",
        frame_rate: float | None = None,
    ) -> None:
        check_score_split(low_score, high_score)
        check_real("new_track_score", new_track_score, 0, 1)
        check_real("match_cost", match_cost, 0, 1)
        check_real("low_match_cost", low_match_cost, 0, 1)
        check_real("unconfirmed_match_cost", unconfirmed_match_cost, 0, 1)
        check_real("duplicate_cost", duplicate_cost, 0, 1)
        check_whole("max_lost_frames", max_lost_frames, 0)
        check_flag("fuse_score", fuse_score)
        check_real("position_noise", position_noise, 1e-6, 1e3)
        check_real("velocity_noise", velocity_noise, 1e-6, 1e3)
        check_real("proximity_cost", proximity_cost, 0, 1)
        check_real("appearance_cost", appearance_cost, 0, 1)
        check_real("appearance_memory", appearance_memory, 0, 1)
        check_choice("on_invalid", on_invalid, ("raise", "drop"))
        max_lost_frames = at_frame_rate(max_lost_frames, frame_rate)
        scores = [high_score, low_score, new_track_score]
        costs = [match_cost, low_match_cost, unconfirmed_match_cost, duplicate_cost]
        appearance = [proximity_cost, appearance_cost, appearance_memory]
        parameters = [*scores, *costs, max_lost_frames, fuse_score, False, position_noise, velocity_noise, *appearance]
        super().__init__(botsort_update, [on_invalid == "drop", *parameters], [np.zeros(0)])
