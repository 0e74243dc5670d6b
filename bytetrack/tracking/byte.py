"""BYTE (Zhang et al., ByteTrack, ECCV 2022, algorithm 1): every detection box is associated, the confident ones first."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bytetrack.checks import check_choice, check_flag, check_reals, check_whole
from bytetrack.runtime.compilation import jit, jit_cached, jit_inline
from bytetrack.tracking.association import Bins, bin_boxes, candidate_pairs
from bytetrack.tracking.checks import at_frame_rate, check_score_split
from bytetrack.tracking.kalman import HEIGHT, VELOCITY, box_of_motion, correct, predict, start
from bytetrack.tracking.similarity import Similarity, list_pairs
from bytetrack.tracking.stages import births, in_two_stages, list_by_state, lose, matching
from bytetrack.tracking.state import (
    FRAME,
    HIGH,
    LOST,
    N_ALIVE,
    N_COUNTERS,
    REMOVED,
    TRACKED,
    Detected,
    Tracked,
    Work,
    away,
    classify,
    forget_removed,
    views,
    write_tracks,
)
from bytetrack.tracking.tracker import Tracker

__all__ = ["ByteTracker"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Parameters after LOW_SCORE.
NEW_TRACK_SCORE, MATCH_COST, LOW_MATCH_COST, UNCONFIRMED_MATCH_COST, DUPLICATE_COST = range(3, 8)
MAX_LOST_FRAMES, FUSE_SCORE, PAPER_EXACT = range(8, 11)


class Own(NamedTuple):
    """What BYTE's steps need besides tracks and detections."""

    bins: Bins
    fuse_score: bool


@jit_inline
def by_iou(rows: Ints, n: int, kind: int, limit: float, own: Own, tracked: Tracked, detected: Detected, work: Work) -> None:
    """Costs `1 - IoU`, of the high detections times the score."""
    list_pairs(rows, n, kind, limit, Similarity(own.fuse_score and kind == HIGH, 0.0, False), own.bins, tracked, detected, work)


@jit_inline
def follow(row: int, j: int, own: Own, tracked: Tracked, detected: Detected, frame: int) -> None:
    """Track `row` was matched to detection `j`."""
    correct(tracked.motion[row], detected.xyxy[j])
    box_of_motion(tracked.motion[row], tracked.box[row])


@jit_inline
def begin(row: int, j: int, own: Own, tracked: Tracked, detected: Detected, frame: int) -> None:
    """Track `row` starts at detection `j`."""
    start(tracked.motion[row], detected.xyxy[j])
    box_of_motion(tracked.motion[row], tracked.box[row])


match = matching(by_iou, follow)
match_in_two_stages = in_two_stages(match, match)
give_birth = births(begin)


@jit
def expire(tracked: Tracked, n: int, frame: int, max_lost_frames: float, paper_exact: bool) -> None:
    """Removes tracks lost for more than `max_lost_frames` frames of time.

    The published code removes them one frame late: they can be found again in that frame, and then go as soon as they are lost.
    """
    for t in range(n):
        row = tracked.order[t]
        if tracked.state[row] != LOST:
            continue
        too_long = away(tracked, row, frame) > max_lost_frames
        if tracked.mark[row] == 1 or (too_long and not paper_exact):
            tracked.state[row] = REMOVED
        elif too_long and frame - tracked.last_frame[row] > 1:
            tracked.mark[row] = 1


@jit
def remove_duplicates(tracked: Tracked, n: int, limit: float, border: float, work: Work) -> None:
    """Of a lost and a live track in one place, the one that was followed for longer stays; of equals, the lost one."""
    n_lost = n_live = 0
    for t in range(n):
        row = tracked.order[t]
        if tracked.state[row] == LOST:
            work.rows[n_lost] = row
            n_lost += 1
        elif tracked.state[row] != REMOVED:
            work.others[n_live] = row
            n_live += 1
    if n_lost == 0:
        return
    bins = bin_boxes(tracked.box, tracked.class_id, work.others, n_live, border, work.binned)
    candidate_pairs(work.rows, n_lost, tracked.box, tracked.class_id, work.binned, bins, limit, work.pairs)
    for i in range(n_lost):
        lost = work.rows[i]
        for e in range(work.pairs.first[i], work.pairs.first[i + 1]):
            live = work.pairs.column[e]
            live_age = tracked.last_frame[live] - tracked.first_frame[live]
            lost_age = tracked.last_frame[lost] - tracked.first_frame[lost]
            tracked.state[lost if live_age > lost_age else live] = REMOVED


@jit_cached
def byte_update(
    xyxy: Floats, score: Floats, class_id: Ints, parameters: Floats, floats: Floats, ints: Ints, out_floats: Floats, out_ints: Ints
) -> int:
    """One frame. Returns how many tracks were written, or -1 - row of the first invalid detection, and then nothing changed."""
    detected, tracked, work = views(xyxy, score, class_id, floats, ints)
    rows, unconfirmed, counters = work.rows, work.others, ints[:N_COUNTERS]
    paper_exact = parameters[PAPER_EXACT] != 0.0
    border = 1.0 if paper_exact else 0.0
    n_detections = classify(detected, parameters, counters, not paper_exact, rows)
    if n_detections < 0:
        return n_detections
    counters[FRAME] += 1
    frame = counters[FRAME]
    own = Own(bin_boxes(xyxy, class_id, rows, n_detections, border, work.binned), parameters[FUSE_SCORE] != 0.0)

    n, n_unconfirmed = list_by_state(tracked, counters[N_ALIVE], work)
    for t in range(n):
        row = rows[t]
        if tracked.state[row] == LOST:
            tracked.motion[row, VELOCITY, HEIGHT] = 0.0
        predict(tracked.motion[row])
        box_of_motion(tracked.motion[row], tracked.box[row])

    limit, low_limit, first_limit = parameters[MATCH_COST], parameters[LOW_MATCH_COST], parameters[UNCONFIRMED_MATCH_COST]
    n = match_in_two_stages(rows, n, limit, low_limit, own, tracked, detected, work, frame)
    lose(rows, n, LOST, tracked)
    n = match(unconfirmed, n_unconfirmed, HIGH, first_limit, own, tracked, detected, work, frame)
    lose(unconfirmed, n, REMOVED, tracked)
    give_birth(parameters[NEW_TRACK_SCORE], TRACKED, own, tracked, detected, counters)
    expire(tracked, counters[N_ALIVE], frame, parameters[MAX_LOST_FRAMES], paper_exact)
    remove_duplicates(tracked, counters[N_ALIVE], parameters[DUPLICATE_COST], border, work)
    forget_removed(tracked, counters, rows)
    return write_tracks(tracked, counters[N_ALIVE], out_floats, out_ints)


class ByteTracker(Tracker):
    """BYTE. The defaults are the paper code's; `paper_exact=True` keeps its three observable quirks.

    - `high_score`, `low_score`: detections above the first are associated first, those between the two afterwards, with the
      tracks that are left. `low_score=None`, or `high_score`, switches the second off (the baseline of the paper's table).
    - `new_track_score`: what an unmatched detection needs to start a track. A track is put out from its second frame on, in the
      first frame of the video at once.
    - `match_cost`, `low_match_cost`, `unconfirmed_match_cost`: pairs of cost `1 - IoU` below it can match, in the first
      association, the second, and that of tracks seen once. `fuse_score` multiplies the IoU of the first and third by the
      detection's score.
    - `duplicate_cost`: a lost and a live track with `1 - IoU` below it are one; the older stays.
    - `max_lost_frames`: how long a track without a detection is remembered, in frames; with `frame_rate` in frames of a 30 fps
      video, `max_lost_frames / 30` seconds. Time is what `update` is told (`dt`), however many updates fall into it.
    - `paper_exact`: IoU counts both border pixels, a score equal to `high_score` or `low_score` falls in neither set, and lost
      tracks go one frame late (and a track found in that frame goes as soon as it is lost again). False: plain IoU, sets closed
      below, exactly `max_lost_frames`.
    - `on_invalid`: what to do with a detection that is not finite, inverted, or has a score outside [0, 1]: "raise" or "drop".

    With class ids only tracks and detections of one class are associated; without, every box counts as class 0. Boxes without
    area overlap nothing and start nothing. ValueError names the argument that is out of range.
    """

    TAKES_TIME = True

    def __init__(
        self,
        high_score: float = 0.6,
        low_score: float | None = 0.1,
        new_track_score: float = 0.7,
        match_cost: float = 0.9,
        low_match_cost: float = 0.5,
        unconfirmed_match_cost: float = 0.7,
        duplicate_cost: float = 0.15,
        max_lost_frames: int = 30,
        fuse_score: bool = True,
        paper_exact: bool = True,
        on_invalid: str = "raise",
        frame_rate: float | None = None,
    ) -> None:
        scores = [high_score, check_score_split(low_score, high_score), new_track_score]
        costs = [match_cost, low_match_cost, unconfirmed_match_cost, duplicate_cost]
        check_reals(
            0, 1, new_track_score=new_track_score, match_cost=match_cost, low_match_cost=low_match_cost,
            unconfirmed_match_cost=unconfirmed_match_cost, duplicate_cost=duplicate_cost,
        )  # fmt: skip
        check_whole("max_lost_frames", max_lost_frames, 0)
        check_flag("fuse_score", fuse_score)
        check_flag("paper_exact", paper_exact)
        check_choice("on_invalid", on_invalid, ("raise", "drop"))
        memory = at_frame_rate(max_lost_frames, frame_rate)
        parameters = [on_invalid == "drop", *scores, *costs, memory, fuse_score, paper_exact]
        super().__init__(byte_update, parameters, memory=memory + paper_exact)
