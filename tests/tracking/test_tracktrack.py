"""TrackTrack's ideas, each in a scene where it alone decides."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bytetrack import Detections
from bytetrack.tracking.core.association import NONE, Pairs, Solver
from bytetrack.tracking.trackers.tracktrack import TrackTrack, match_mutually

OFF: dict[str, Any] = {"confidence_weight": 0.0, "direction_weight": 0.0}
BOX = [100.0, 100.0, 140.0, 180.0]
BESIDE = [104.0, 100.0, 144.0, 180.0]  # IoU with BOX 36/44 = 0.82
FAR = [400.0, 100.0, 440.0, 180.0]
Frame = tuple[list[list[float]], list[float]]


def ids_after(frames: list[Frame], **settings: Any) -> list[int]:
    """Returns the id of each detection of the last frame, in their order; 0 if it has none."""
    tracker = TrackTrack(**{"min_hits": 0, **OFF, **settings})
    for xyxy, score in frames:
        tracks = tracker.update(Detections(xyxy, score))
    found = dict(zip(tracks.detection_index.tolist(), tracks.track_id.tolist(), strict=True))
    return [found.get(j, 0) for j in range(len(frames[-1][1]))]


def matched(costs: list[list[float]], limit: float, step: float) -> list[int]:
    table = np.array(costs)
    n_rows, n_columns = table.shape
    first = np.arange(n_rows + 1) * n_columns
    pairs = Pairs(first, np.tile(np.arange(n_columns), n_rows), table.ravel())
    ints, floats = np.zeros((5, 8), np.int64), np.zeros((3, 8))
    solver = Solver(ints[0], ints[1], floats[0], floats[1], floats[2], ints[2], ints[3], ints[4])
    match_mutually(n_rows, n_columns, pairs, limit, step, solver)
    return solver.column_of[:n_rows].tolist()


def test_a_pair_matches_when_each_is_the_others_cheapest() -> None:
    # The cheapest sum would be 0.3 + 0.2; the mutual choice is row 0's, and row 1 has what is left.
    assert matched([[0.1, 0.3], [0.2, 0.6]], 0.9, 0.0) == [0, 1]


def test_the_limit_falls_with_each_round() -> None:
    assert matched([[0.1, 0.3], [0.2, 0.6]], 0.65, 0.0) == [0, 1]
    assert matched([[0.1, 0.3], [0.2, 0.6]], 0.65, 0.05) == [0, NONE]  # the second round's limit is 0.6: a pair must cost less
    assert matched([[0.1, 0.3], [0.2, 0.6]], 0.66, 0.05) == [0, 1]


def test_pairs_of_one_round_see_one_limit() -> None:
    assert matched([[0.1, 0.9], [0.9, 0.6]], 0.65, 0.1) == [0, 1]


def test_a_low_detection_keeps_a_confirmed_track_at_a_penalty() -> None:
    frames: list[Frame] = [([BOX], [0.9])] * 3
    moved = [[113.0, 100.0, 153.0, 180.0]]  # IoU 27/53: a cost of 0.49, with the penalty 0.69
    assert ids_after([*frames, (moved, [0.3])]) == [1]
    assert ids_after([*frames, (moved, [0.3])], low_penalty=0.25) == [0]
    assert ids_after([*frames, (moved, [0.9])], low_penalty=0.25) == [1]
    assert ids_after([*frames, ([BOX], [0.3])], low_score=None) == [0]


def test_a_high_and_a_low_detection_compete_in_one_association() -> None:
    # The low one fits better by 0.18, less than the penalty of 0.2.
    frames: list[Frame] = [([BOX], [0.9])] * 3 + [([BOX, BESIDE], [0.3, 0.9])]
    assert ids_after(frames) == [0, 1]
    assert ids_after(frames, low_penalty=0.1)[0] == 1


def test_a_low_detection_is_not_offered_to_an_unconfirmed_track() -> None:
    frames: list[Frame] = [([BOX], [0.9]), ([BOX], [0.3]), ([BOX], [0.9])]
    assert ids_after(frames, min_hits=1) == [1]
    assert ids_after(frames, min_hits=2) == [0]


def test_a_suppressed_detection_keeps_a_track_and_starts_none() -> None:
    # Two tracks meet until a better detection overlaps the other by more than 0.8.
    apart: list[Frame] = [([BOX, [120.0, 100.0, 160.0, 180.0]], [0.9, 0.85])] * 3
    between = [([BOX, [110.0, 100.0, 150.0, 180.0]], [0.9, 0.85])] * 4
    meeting: list[Frame] = [*apart, *between, ([BOX, BESIDE], [0.9, 0.85])]
    assert ids_after(meeting) == [1, 2]
    assert ids_after(meeting, suppressed_penalty=1.0) == [1, 0]
    assert ids_after([([BOX, BESIDE], [0.9, 0.85])]) == [1, 0]
    assert ids_after([([BOX, BESIDE], [0.9, 0.85])], suppressed_overlap=1.0, birth_overlap=1.0) == [1, 2]


def test_no_track_starts_on_a_better_birth() -> None:
    near = [108.0, 100.0, 148.0, 180.0]  # IoU 32/48 = 0.67
    assert ids_after([([near, BOX], [0.8, 0.9])]) == [0, 1]
    assert ids_after([([near, BOX], [0.8, 0.9])], birth_overlap=0.7) == [1, 2]
    assert ids_after([([near, BOX], [0.9, 0.9])]) == [1, 2]  # neither is better


def test_no_track_starts_on_a_track_of_the_frame() -> None:
    near = [108.0, 100.0, 148.0, 180.0]
    frames: list[Frame] = [([BOX], [0.9])] * 3 + [([BOX, near], [0.75, 0.95])]
    assert ids_after(frames) == [1, 0]
    assert ids_after(frames, birth_overlap=0.7) == [1, 2]


def test_a_track_that_was_vetoed_frees_its_place_for_the_next() -> None:
    # The best of three in a row vetoes the second, the second the third, though it starts no track itself.
    row = [[100.0 + 8 * k, 100.0, 140.0 + 8 * k, 180.0] for k in range(3)]
    assert ids_after([(row, [0.95, 0.9, 0.85])]) == [1, 0, 0]
    assert ids_after([(row, [0.95, 0.9, 0.85])] * 2) == [1, 0, 2]


def test_pairs_of_a_small_overlap_never_match() -> None:
    moved = [[133.0, 100.0, 173.0, 180.0]]  # IoU 7/73 = 0.096
    nearer = [[132.0, 100.0, 172.0, 180.0]]  # 8/72 = 0.11
    frames: list[Frame] = [([BOX], [0.9])] * 3
    assert ids_after([*frames, (moved, [0.9])], match_cost=1.0) == [2]
    assert ids_after([*frames, (nearer, [0.9])], match_cost=1.0) == [1]


def test_the_extrapolated_confidence_decides_between_equal_overlaps() -> None:
    # The score falls by 0.05 a frame: 0.7 is expected.
    left, right = [96.0, 100.0, 136.0, 180.0], [104.0, 100.0, 144.0, 180.0]
    frames: list[Frame] = [([BOX], [score]) for score in (0.9, 0.85, 0.8, 0.75)] + [([left, right], [0.95, 0.7])]
    assert ids_after(frames, confidence_weight=0.1, suppressed_overlap=1.0)[1] == 1
    other: list[Frame] = [*frames[:-1], ([left, right], [0.7, 0.95])]
    assert ids_after(other, confidence_weight=0.1, suppressed_overlap=1.0)[0] == 1


def test_corners_prefer_the_detection_ahead() -> None:
    frames: list[Frame] = [([[6.0 * k, 0.0, 6.0 * k + 40, 80.0]], [0.9]) for k in range(6)]
    ahead, behind = [55.0, 0.0, 95.0, 80.0], [15.0, 0.0, 55.0, 80.0]  # behind where it was three frames ago
    last: list[Frame] = [*frames, ([behind, ahead], [0.9, 0.9])]
    assert ids_after(last, direction_weight=0.3, match_cost=0.95)[1] == 1
    assert ids_after(last, match_cost=0.95)[0] == 1


def test_a_track_is_output_once_it_was_detected_in_min_hits_frames() -> None:
    frames: list[Frame] = [([BOX], [0.9])]
    assert [ids_after(frames * n, min_hits=3) for n in (1, 2, 3)] == [[0], [0], [1]]


def test_features_decide_between_two_who_changed_places() -> None:
    def detections_of(weight: float) -> list[int]:
        tracker = TrackTrack(min_hits=1, appearance_weight=weight, suppressed_overlap=1.0, **OFF)
        left, right, looks = BOX, [110.0, 100.0, 150.0, 180.0], np.eye(2)
        for _ in range(4):
            tracker.update(Detections([left, right], [0.9, 0.9]), features=looks)
        tracks = tracker.update(Detections([left, right], [0.9, 0.9]), features=looks[::-1])
        assert tracks.track_id.tolist() == [1, 2]
        return [int(row) for row in tracks.detection_index]

    assert detections_of(0.5) == [1, 0]
    assert detections_of(0.0) == [0, 1]


def test_the_camera_moves_the_tracks() -> None:
    tracker = TrackTrack(min_hits=0)
    for _ in range(4):
        tracker.update(Detections([BOX], [0.9]))
    moved = tracker.update(Detections([FAR], [0.9]), camera_motion=[[1.0, 0.0, 300.0], [0.0, 1.0, 0.0]])
    assert moved.track_id.tolist() == [1]
    assert moved.xyxy[0] == pytest.approx(FAR, abs=1e-6)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"limit_step": -0.1}, "limit_step must be a number in"),
        ({"birth_overlap": 2}, "birth_overlap"),
        ({"direction_frames": 16}, "direction_frames"),
    ],
)
def test_a_setting_out_of_range_is_named(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        TrackTrack(**wrong)
