"""BoostTrack's ideas, each in a scene where it alone decides."""

from __future__ import annotations

from typing import Any

import pytest

from bytetrack import Detections
from bytetrack.tracking.trackers.boosttrack import BoostTrack

OFF: dict[str, Any] = {"overlap_weight": 0.0, "distance_weight": 0.0, "shape_weight": 0.0, "likely_boost": 0.0, "unlikely_boost": False}
BOX = [100.0, 100.0, 140.0, 180.0]
Frame = tuple[list[list[float]], list[float]]


def ids_after(frames: list[Frame], **ideas: Any) -> list[int]:
    """Returns the id of each detection of the last frame, in their order; 0 if it has none."""
    tracker = BoostTrack(**{"min_hits": 0, **OFF, **ideas})
    for xyxy, score in frames:
        tracks = tracker.update(Detections(xyxy, score))
    found = dict(zip(tracks.detection_index.tolist(), tracks.track_id.tolist(), strict=True))
    return [found.get(j, 0) for j in range(len(frames[-1][1]))]


def test_a_low_detection_where_a_track_is_expected_is_tracked() -> None:
    frames: list[Frame] = [([BOX], [0.9])] * 4 + [([BOX], [0.3])]
    assert ids_after(frames, likely_boost=0.65) == [1]
    assert ids_after(frames) == [0]
    beside = [106.0, 100.0, 146.0, 180.0]  # IoU 0.74: 0.65 times it is below 0.6
    assert ids_after([*frames[:-1], ([beside], [0.3])], likely_boost=0.65) == [0]


def test_a_low_detection_far_from_all_tracks_starts_one() -> None:
    far = [400.0, 100.0, 440.0, 180.0]
    frames: list[Frame] = [([BOX], [0.9])] * 4 + [([BOX, far], [0.9, 0.3])]
    assert ids_after(frames, unlikely_boost=True) == [1, 2]
    assert ids_after(frames) == [1, 0]


def test_of_unlikely_detections_that_overlap_only_the_best_starts_a_track() -> None:
    first, second = [400.0, 100.0, 440.0, 180.0], [404.0, 100.0, 444.0, 180.0]
    frames: list[Frame] = [([BOX], [0.9])] * 4 + [([BOX, first, second], [0.9, 0.3, 0.4])]
    assert ids_after(frames, unlikely_boost=True) == [1, 0, 2]


def test_nothing_is_unlikely_before_there_are_tracks() -> None:
    assert ids_after([([BOX], [0.3])], unlikely_boost=True) == [0]


def test_shape_decides_between_boxes_of_about_one_overlap() -> None:
    # The upper half of the track's box, IoU 0.5, or a box of its shape, moved to an IoU of 0.48.
    half, moved = [100.0, 100.0, 140.0, 140.0], [114.0, 100.0, 154.0, 180.0]
    frames: list[Frame] = [([BOX], [0.9])] * 10 + [([half, moved], [0.9, 0.9])]
    assert ids_after(frames, shape_weight=0.25)[1] == 1
    assert ids_after(frames)[0] == 1


def test_distance_counts_in_units_of_what_the_filter_is_sure_of() -> None:
    # Three pixels beside the track: IoU 0.86. Six pixels lower: IoU 0.925, but the filter is surer of the height than that.
    beside, lower = [103.0, 100.0, 143.0, 180.0], [100.0, 103.0, 140.0, 177.0]
    frames: list[Frame] = [([BOX], [0.9])] * 10 + [([beside, lower], [0.9, 0.9])]
    assert ids_after(frames, distance_weight=0.25)[0] == 1
    assert ids_after(frames)[1] == 1


def test_confidence_gives_an_ambiguous_detection_to_the_track_that_was_seen_last() -> None:
    # Track 1 is lost for ten frames, track 2 stands beside it; one detection lies between, a little closer to track 1.
    left, right = [100.0, 100.0, 140.0, 180.0], [120.0, 100.0, 160.0, 180.0]
    between = [109.5, 100.0, 149.5, 180.0]
    frames: list[Frame] = [([left, right], [0.9, 0.9])] * 12 + [([right], [0.9])] * 10 + [([between], [0.9])]
    assert ids_after(frames, overlap_weight=0.5) == [2]
    assert ids_after(frames) == [1]


def test_the_camera_moves_the_tracks() -> None:
    tracker = BoostTrack(min_hits=0)
    for _ in range(4):
        tracker.update(Detections([BOX], [0.9]))
    pan = [[1.0, 0.0, 100.0], [0.0, 1.0, 0.0]]
    moved = tracker.update(Detections([[200.0, 100.0, 240.0, 180.0]], [0.9]), camera_motion=pan)
    assert moved.track_id.tolist() == [1]
    assert moved.xyxy[0] == pytest.approx([200.0, 100.0, 240.0, 180.0], abs=1e-6)
