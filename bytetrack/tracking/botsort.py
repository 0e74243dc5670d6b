"""BoT-SORT (Aharon et al., BoT-SORT: Robust Associations Multi-Pedestrian Tracking, 2022): BYTE, a camera that moves, appearance."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bytetrack.checks import check_choice, check_flag, check_reals, check_whole
from bytetrack.runtime.compilation import jit, jit_cached, jit_inline
from bytetrack.tracking.appearance import blend, half_cosine_distance
from bytetrack.tracking.association import Bins, bin_boxes
from bytetrack.tracking.byte import PAPER_EXACT, remove_duplicates
from bytetrack.tracking.checks import at_frame_rate, check_score_split
from bytetrack.tracking.kalman import VELOCITY
from bytetrack.tracking.motion import (
    HEIGHT,
    WIDTH,
    Noise,
    box_of_motion,
    correct,
    follow_camera,
    predict,
    stands,
    start,
)
from bytetrack.tracking.similarity import Similarity, drop_dear_pairs, list_pairs
from bytetrack.tracking.stages import births, in_two_stages, list_by_state, lose, matching, remove_long_lost
from bytetrack.tracking.state import (
    FRAME,
    HIGH,
    LOST,
    N_ALIVE,
    N_COUNTERS,
    REMOVED,
    TRACKED,
    UNCONFIRMED,
    Detected,
    Tracked,
    Work,
    classify,
    forget_removed,
    in_reach,
    views,
    write_tracks,
)
from bytetrack.tracking.tracker import Tracker

__all__ = ["BotSort", "move_tracks"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Parameters after LOW_SCORE: as BYTE's in byte.py, then:
NEW_TRACK_SCORE, MATCH_COST, LOW_MATCH_COST, UNCONFIRMED_MATCH_COST, DUPLICATE_COST, MAX_LOST_FRAMES, FUSE_SCORE = range(3, 10)
POSITION_NOISE, VELOCITY_NOISE, PROXIMITY_COST, APPEARANCE_COST, APPEARANCE_MEMORY = range(PAPER_EXACT + 1, PAPER_EXACT + 6)


class Own(NamedTuple):
    """What BoT-SORT's steps need besides tracks and detections: `memory` (tracks, d, 1), `features` (n, d) or (n, 0)."""

    bins: Bins
    noise: Noise
    parameters: Floats
    memory: Floats
    features: Floats


@jit
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


@jit_inline
def by_iou(rows: Ints, n: int, kind: int, limit: float, own: Own, tracked: Tracked, detected: Detected, work: Work) -> None:
    """Costs `1 - IoU`, of the high detections times the score."""
    fuse = own.parameters[FUSE_SCORE] != 0.0 and kind == HIGH
    list_pairs(rows, n, kind, limit, Similarity(fuse, 0.0, False), own.bins, tracked, detected, work)


@jit_inline
def by_iou_and_looks(rows: Ints, n: int, kind: int, limit: float, own: Own, tracked: Tracked, detected: Detected, work: Work) -> None:
    """The smaller of `by_iou` and the appearance's cost, for pairs that look alike and lie close (section 3.3, equations 12 and 13)."""
    p = own.parameters
    if own.features.shape[1] == 0:
        by_iou(rows, n, kind, limit, own, tracked, detected, work)
        return
    fuse = p[FUSE_SCORE] != 0.0
    list_pairs(rows, n, kind, max(limit, p[PROXIMITY_COST]), Similarity(False, 0.0, False), own.bins, tracked, detected, work)
    for i in range(n):
        for e in range(work.pairs.first[i], work.pairs.first[i + 1]):
            j, away = work.pairs.column[e], work.pairs.cost[e]
            cost = 1.0 - (1.0 - away) * detected.score[j] if fuse else away
            if away <= p[PROXIMITY_COST]:
                looks = half_cosine_distance(own.memory[rows[i]], own.features[j])
                if looks <= p[APPEARANCE_COST]:
                    cost = min(cost, looks)
            work.pairs.cost[e] = cost
    drop_dear_pairs(n, limit, work)


@jit_inline
def follow(row: int, j: int, own: Own, tracked: Tracked, detected: Detected, frame: int) -> None:
    """Track `row` was matched to detection `j`; features of low detections are not remembered."""
    correct(tracked.motion[row], detected.xyxy[j], own.noise)
    box_of_motion(tracked.motion[row], tracked.box[row])
    if own.features.shape[1] > 0 and detected.kind[j] == HIGH:
        blend(own.memory[row], own.features[j], own.parameters[APPEARANCE_MEMORY])


@jit_inline
def begin(row: int, j: int, own: Own, tracked: Tracked, detected: Detected, frame: int) -> None:
    """Track `row` starts at detection `j`."""
    start(tracked.motion[row], detected.xyxy[j], own.noise)
    box_of_motion(tracked.motion[row], tracked.box[row])
    for k in range(own.memory.shape[1]):
        own.memory[row, k, 0] = own.features[j, k] if own.features.shape[1] > 0 else 0.0


match = matching(by_iou_and_looks, follow)
match_in_two_stages = in_two_stages(match, matching(by_iou, follow))
give_birth = births(begin)


@jit_cached
def botsort_update(
    xyxy: Floats,
    score: Floats,
    class_id: Ints,
    camera: Floats,
    features: Floats,
    parameters: Floats,
    floats: Floats,
    ints: Ints,
    out_floats: Floats,
    out_ints: Ints,
) -> int:
    """One frame. Returns how many tracks were written, or -1 - row of the first invalid detection, and then nothing changed."""
    detected, tracked, work = views(xyxy, score, class_id, floats, ints)
    rows, unconfirmed, counters = work.rows, work.others, ints[:N_COUNTERS]
    noise = Noise(parameters[POSITION_NOISE], parameters[VELOCITY_NOISE], parameters[POSITION_NOISE], 1.0, 1.0)
    n_detections = classify(detected, parameters, counters, True, rows)
    if n_detections < 0:
        return n_detections
    counters[FRAME] += 1
    frame, capacity = counters[FRAME], len(tracked.order)
    memory = tracked.own.reshape((capacity, len(tracked.own) // capacity, 1))
    own = Own(bin_boxes(xyxy, class_id, rows, n_detections, 0.0, work.binned), noise, parameters, memory, features)
    move_tracks(tracked, counters[N_ALIVE], camera, noise, True)
    n, n_unconfirmed = list_by_state(tracked, counters[N_ALIVE], work)

    limit, low_limit, first_limit = parameters[MATCH_COST], parameters[LOW_MATCH_COST], parameters[UNCONFIRMED_MATCH_COST]
    n = match_in_two_stages(rows, n, limit, low_limit, own, tracked, detected, work, frame)
    lose(rows, n, LOST, tracked)
    n = match(unconfirmed, n_unconfirmed, HIGH, first_limit, own, tracked, detected, work, frame)
    lose(unconfirmed, n, REMOVED, tracked)
    give_birth(parameters[NEW_TRACK_SCORE], TRACKED, own, tracked, detected, counters)
    remove_long_lost(tracked, counters[N_ALIVE], frame, parameters[MAX_LOST_FRAMES])
    remove_duplicates(tracked, counters[N_ALIVE], parameters[DUPLICATE_COST], 0.0, work)
    forget_removed(tracked, counters, rows)
    return write_tracks(tracked, counters[N_ALIVE], out_floats, out_ints)


class BotSort(Tracker):
    """BoT-SORT: BYTE with width and height in the state, the camera's motion taken out, and appearance where features are given.

    - `high_score`, `low_score`, `new_track_score`, `low_match_cost`, `unconfirmed_match_cost`, `duplicate_cost`,
      `max_lost_frames`, `fuse_score`, `on_invalid`, `frame_rate`: as in ByteTracker. `low_score=None` switches BYTE off.
    - `match_cost`: as there, stricter.
    - `position_noise`, `velocity_noise`: standard deviations of the motion, as parts of width and height.
    - `proximity_cost`, `appearance_cost`: a pair with `1 - IoU` and half the cosine distance of features up to these has the
      smaller of its two costs (paper: theta_iou, theta_emb).
    - `appearance_memory`: how much of a track's features stays when a detection is matched (alpha).

    Not as published: IoU without border pixels, lost tracks go after exactly `max_lost_frames`, sizes under camera motion (see
    motion.py), and features of low detections are not remembered.
    """

    USES = ("camera_motion", "features")
    TAKES_TIME = True

    def __init__(
        self,
        high_score: float = 0.6,
        low_score: float | None = 0.1,
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
        scores = [high_score, check_score_split(low_score, high_score), new_track_score]
        costs = [match_cost, low_match_cost, unconfirmed_match_cost, duplicate_cost]
        check_reals(
            0, 1, new_track_score=new_track_score, match_cost=match_cost, low_match_cost=low_match_cost,
            unconfirmed_match_cost=unconfirmed_match_cost, duplicate_cost=duplicate_cost, proximity_cost=proximity_cost,
            appearance_cost=appearance_cost, appearance_memory=appearance_memory,
        )  # fmt: skip
        check_whole("max_lost_frames", max_lost_frames, 0)
        check_flag("fuse_score", fuse_score)
        check_reals(1e-6, 1e3, position_noise=position_noise, velocity_noise=velocity_noise)
        check_choice("on_invalid", on_invalid, ("raise", "drop"))
        memory = at_frame_rate(max_lost_frames, frame_rate)
        appearance = [proximity_cost, appearance_cost, appearance_memory]
        parameters = [*scores, *costs, memory, fuse_score, False, position_noise, velocity_noise, *appearance]
        super().__init__(botsort_update, [on_invalid == "drop", *parameters], n_remembered=1, memory=memory)
