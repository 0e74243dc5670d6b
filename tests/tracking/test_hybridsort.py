"""Hybrid-SORT's weak cues, each in a scene where it alone decides."""

from __future__ import annotations

from bytetrack import Detections
from bytetrack.tracking.trackers.hybridsort import HybridSort

OFF = {"height_power": 0.0, "confidence_weight": 0.0, "low_confidence_weight": 0.0, "direction_weight": 0.0, "reupdate": False}


def ids_after(frames: list[tuple[list[list[float]], list[float]]], **cues: float) -> list[int]:
    """Returns the id of each detection of the last frame, in their order; 0 if it has none."""
    tracker = HybridSort(min_hits=0, **{**OFF, **cues})
    for xyxy, score in frames:
        tracks = tracker.update(Detections(xyxy, score))
    found = dict(zip(tracks.detection_index.tolist(), tracks.track_id.tolist(), strict=True))
    return [found.get(j, 0) for j in range(len(frames[-1][1]))]


def test_height_decides_between_boxes_of_one_overlap() -> None:
    # One detection covers the left half of the track's box, the other its upper half: IoU 1/2 each, heights 1 and 1/2.
    track, halves = [[0.0, 0, 40, 80]], [[0.0, 0, 40, 40], [0.0, 0, 20, 80]]
    frames = [(track, [0.9])] * 3 + [(halves, [0.9, 0.9])]
    assert ids_after(frames, height_power=1.0)[1] == 1


def test_confidence_keeps_two_people_apart_who_stand_in_one_place() -> None:
    # A of score 0.95 and B of score 0.65 stand half over each other, then both are seen where the other was expected just as well.
    left, right = [0.0, 0, 40, 80], [10.0, 0, 50, 80]
    middle = [[5.0, 0, 45, 80], [5.0, 0, 45, 80]]
    frames = [([left, right], [0.95, 0.65])] * 8 + [(middle, [0.65, 0.95])]
    assert ids_after(frames, confidence_weight=1.0) == [2, 1]


def test_a_low_score_is_expected_on_the_line_of_the_last_two() -> None:
    # Both fall by 0.15 a frame from different heights: 0.45 belongs to the one, 0.3 to the other.
    left, right = [0.0, 0, 40, 80], [10.0, 0, 50, 80]
    middle = [[5.0, 0, 45, 80], [5.0, 0, 45, 80]]
    frames = [([left, right], [0.99, 0.99]), ([left, right], [0.9, 0.8]), ([left, right], [0.75, 0.61]), (middle, [0.2, 0.59])]
    assert ids_after(frames, low_confidence_weight=1.0) == [2, 1]


def test_corners_prefer_the_detection_ahead() -> None:
    # A track goes right by 6 a frame; then two boxes overlap its prediction about alike, one ahead of it, one behind where it came from.
    frames = [([[6.0 * k, 0, 6.0 * k + 40, 80]], [0.9]) for k in range(6)]
    ahead, behind = [60.0, 0, 100.0, 80], [13.0, 0, 53.0, 80]
    last = [*frames, ([behind, ahead], [0.9, 0.9])]
    assert ids_after(last, direction_weight=0.2, match_cost=0.95)[1] == 1
    assert ids_after(last, match_cost=0.95)[0] == 1


def test_low_detections_are_ignored_without_a_low_score() -> None:
    box = [[0.0, 0, 40, 80]]
    frames = [(box, [0.9])] * 3 + [(box, [0.4])]
    assert ids_after(frames) == [1]
    tracker = HybridSort(min_hits=0, low_score=None)
    for xyxy, score in frames:
        tracks = tracker.update(Detections(xyxy, score))
    assert len(tracks) == 0
