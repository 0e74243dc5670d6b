"""BYTE, rule by rule, on scenes of a few frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bytetrack import ByteTracker, Detections, Tracks
from tests.tracking.tracked_scenes import boxes

BOX = (100.0, 100.0, 140.0, 200.0)
ELSEWHERE = (400.0, 100.0, 440.0, 200.0)
NOTHING = Detections.empty()


def ids(tracks: Tracks) -> list[int]:
    return tracks.track_id.tolist()


def test_tracks_of_the_first_frame_come_out_at_once_with_ids_from_one() -> None:
    tracks = ByteTracker().update(boxes(BOX, ELSEWHERE))
    assert ids(tracks) == [1, 2]
    assert tracks.xyxy == pytest.approx(np.array([BOX, ELSEWHERE]))
    assert tracks.score.tolist() == [0.9, 0.9]
    assert tracks.class_id is None
    assert tracks.detection_index.tolist() == [0, 1]


def test_a_later_track_comes_out_when_it_is_seen_again() -> None:
    tracker = ByteTracker()
    assert ids(tracker.update(NOTHING)) == []
    assert ids(tracker.update(boxes(BOX))) == []
    assert ids(tracker.update(boxes(BOX))) == [1]


def test_a_later_track_that_is_not_seen_again_burns_its_id() -> None:
    tracker = ByteTracker()
    for frame in (NOTHING, boxes(BOX), NOTHING, boxes(BOX)):
        tracker.update(frame)
    assert ids(tracker.update(boxes(BOX))) == [2]


def test_a_low_score_box_keeps_an_occluded_track() -> None:
    tracker = ByteTracker()
    tracker.update(boxes(BOX))
    tracks = tracker.update(boxes(BOX, score=0.3))
    assert ids(tracks) == [1]
    assert tracks.score.tolist() == [0.3]


@pytest.mark.parametrize("low_score", [0.6, 0.3])
def test_low_boxes_are_off_where_low_score_is_not_below_them(low_score: float) -> None:
    tracker = ByteTracker(low_score=low_score)
    tracker.update(boxes(BOX))
    assert ids(tracker.update(boxes(BOX, score=0.3))) == []


def test_a_low_score_box_finds_no_lost_track_and_starts_none() -> None:
    tracker = ByteTracker()
    tracker.update(boxes(BOX))
    tracker.update(NOTHING)
    assert ids(tracker.update(boxes(BOX, score=0.5))) == []
    assert ids(tracker.update(boxes(BOX, score=0.9))) == [1]


def test_a_score_between_high_and_new_track_continues_a_track_and_starts_none() -> None:
    tracker = ByteTracker()
    assert ids(tracker.update(boxes(BOX, ELSEWHERE, score=[0.9, 0.65]))) == [1]
    assert ids(tracker.update(boxes(BOX, ELSEWHERE, score=0.65))) == [1]


@pytest.mark.parametrize("paper_exact", [True, False])
def test_a_score_of_exactly_new_track_score_starts_a_track(paper_exact: bool) -> None:
    assert ids(ByteTracker(paper_exact=paper_exact).update(boxes(BOX, score=0.7))) == [1]


@pytest.mark.parametrize(("paper_exact", "found"), [(True, []), (False, [1])])
@pytest.mark.parametrize("score", [0.6, 0.1])
def test_a_score_on_a_threshold_counts_in_the_clean_version_only(score: float, paper_exact: bool, found: list[int]) -> None:
    tracker = ByteTracker(paper_exact=paper_exact)
    tracker.update(boxes(BOX))
    assert ids(tracker.update(boxes(BOX, score=score))) == found


def test_the_cost_of_a_pair_is_one_minus_iou_times_score() -> None:
    # 40 px wide, moved by 20 px: IoU 1/3; with score 0.9 the similarity is 0.3.
    moved = (120.0, 100.0, 160.0, 200.0)
    for match_cost, fuse_score, found in [(0.71, True, [1]), (0.69, True, []), (0.69, False, [1]), (0.66, False, [])]:
        tracker = ByteTracker(match_cost=match_cost, fuse_score=fuse_score, paper_exact=False)
        tracker.update(boxes(BOX))
        assert ids(tracker.update(boxes(moved))) == found


def test_a_track_seen_once_is_matched_by_its_own_cost_with_the_score_too() -> None:
    moved = (120.0, 100.0, 160.0, 200.0)  # as above: a cost of 0.7 with the score, 0.667 without
    for cost, fuse_score, found in [(0.71, True, [1]), (0.69, True, []), (0.69, False, [1]), (0.66, False, [])]:
        tracker = ByteTracker(match_cost=0.1, unconfirmed_match_cost=cost, fuse_score=fuse_score, paper_exact=False)
        tracker.update(NOTHING)
        tracker.update(boxes(BOX))
        assert ids(tracker.update(boxes(moved))) == found


def test_a_low_box_is_matched_by_overlap_alone() -> None:
    for low_match_cost, found in [(0.68, [1]), (0.66, [])]:
        tracker = ByteTracker(low_match_cost=low_match_cost, paper_exact=False)
        tracker.update(boxes(BOX))
        assert ids(tracker.update(boxes((120.0, 100.0, 160.0, 200.0), score=0.3))) == found


def test_a_lost_track_moves_on_and_grows_no_more() -> None:
    tracker = ByteTracker()
    for step in range(10):
        tracker.update(boxes((100 + 4 * step, 100, 140 + 4 * step, 200 + 5 * step)))
    frames = []
    for _ in range(3):
        tracker.update(NOTHING)
        frames.append(tracker.lost().xyxy[0])
    heights, centres = [box[3] - box[1] for box in frames], [(box[0] + box[2]) / 2 for box in frames]
    assert heights[0] > 145 + 1
    assert heights == pytest.approx([heights[0]] * 3)
    assert np.diff(centres) == pytest.approx([4, 4], abs=0.5)


def test_the_papers_iou_counts_both_border_pixels() -> None:
    # 9 px wide, moved by 5: plain IoU 4/14 = 0.286; with the border 5/15 = 0.333.
    for paper_exact, found in [(True, [1]), (False, [])]:
        tracker = ByteTracker(match_cost=0.69, fuse_score=False, paper_exact=paper_exact)
        tracker.update(boxes((100, 100, 109, 200)))
        assert ids(tracker.update(boxes((105, 100, 114, 200)))) == found


@pytest.mark.parametrize("max_lost_frames", [0, 1, 5])
def test_a_track_is_remembered_for_exactly_max_lost_frames(max_lost_frames: int) -> None:
    for n_missed in range(8):
        tracker = ByteTracker(max_lost_frames=max_lost_frames, paper_exact=False)
        tracker.update(boxes(BOX))
        for _ in range(n_missed):
            tracker.update(NOTHING)
        assert ids(tracker.update(boxes(BOX))) == ([1] if n_missed <= max_lost_frames else [])


def test_the_paper_remembers_a_track_one_frame_longer_and_then_holds_it_against_it() -> None:
    for n_missed, found in [(5, [1]), (6, [1]), (7, [])]:
        tracker = ByteTracker(max_lost_frames=5)
        tracker.update(boxes(BOX))
        for _ in range(n_missed):
            tracker.update(NOTHING)
        assert ids(tracker.update(boxes(BOX))) == found
        if n_missed < 7:  # found in the last frame, it does not survive another miss
            tracker.update(NOTHING)
            assert ids(tracker.update(boxes(BOX))) == ([1] if n_missed == 5 else [])


def test_the_frame_rate_scales_how_long_a_track_is_remembered() -> None:
    for n_missed, found in [(14, [1]), (15, [])]:
        tracker = ByteTracker(frame_rate=14, paper_exact=False)
        tracker.update(boxes(BOX))
        for _ in range(n_missed):
            tracker.update(NOTHING)
        assert ids(tracker.update(boxes(BOX))) == found


def test_of_two_tracks_in_one_place_the_older_stays() -> None:
    tracker = ByteTracker()
    for _ in range(3):
        tracker.update(boxes(BOX))
    tracker.update(NOTHING)  # 1 is lost; in the next frame a box comes that 1 cannot reach, and then moves over it
    tracker.update(boxes((146, 100, 186, 200)))
    tracker.update(boxes((126, 100, 166, 200)))
    assert tracker.update(boxes((102, 100, 142, 200))).track_id.tolist() in ([1], [])
    assert ids(tracker.update(boxes(BOX))) == [1]


@pytest.mark.parametrize(("times_seen", "found"), [(1, [2]), (2, []), (3, [])])
def test_a_live_track_over_a_lost_one_stays_only_if_it_is_older(times_seen: int, found: list[int]) -> None:
    """Track 2 comes from half a width away, so near 1 that they are one, and not so near that 1 takes its box."""
    tracker = ByteTracker(match_cost=0.05, duplicate_cost=0.3, fuse_score=False, paper_exact=False)
    for _ in range(times_seen):
        tracker.update(boxes(BOX))
    tracker.update(boxes((120, 100, 160, 200)))
    assert ids(tracker.update(boxes((102, 100, 142, 200)))) == found
    assert ids(tracker.lost()) == ([] if found else [1])


def test_classes_are_apart_and_share_one_count_of_ids() -> None:
    tracker = ByteTracker()
    first = Detections([BOX, BOX], [0.9, 0.8], [3, 7])
    tracks = tracker.update(first)
    assert (ids(tracks), tracks.class_id.tolist()) == ([1, 2], [3, 7])
    tracks = tracker.update(Detections([BOX, BOX], [0.9, 0.8], [7, 5]))
    assert (ids(tracks), tracks.class_id.tolist(), tracks.detection_index.tolist()) == ([2], [7], [0])


def test_detection_index_counts_the_rows_the_caller_gave() -> None:
    nan = (np.nan, 0.0, 1.0, 1.0)
    tracker = ByteTracker(on_invalid="drop")
    tracks = tracker.update(boxes(nan, ELSEWHERE, nan, BOX))
    assert (tracks.detection_index.tolist(), tracker.dropped) == ([1, 3], 2)
    tracks = tracker.update(boxes(BOX, nan, ELSEWHERE))
    assert (ids(tracks), tracks.detection_index.tolist(), tracker.dropped) == ([1, 2], [2, 0], 3)


@pytest.mark.parametrize(
    ("box", "score"),
    [
        ((np.nan, 0, 1, 1), 0.5),
        ((0, -np.inf, 1, 1), 0.5),
        ((0, 0, np.inf, 1), 0.5),
        ((5, 0, 4, 1), 0.5),
        ((0, 5, 1, 4), 0.5),
        ((0, 0, 1, 1), 1.5),
        ((0, 0, 1, 1), -0.1),
        ((0, 0, 1, 1), np.nan),
    ],
)
def test_an_invalid_detection_is_named_and_changes_nothing(box: tuple[float, ...], score: float) -> None:
    tracker = ByteTracker()
    tracker.update(boxes(BOX))
    with pytest.raises(ValueError, match=r"^detection 1 must have finite corners"):
        tracker.update(boxes(BOX, box, score=[0.9, score]))
    assert tracker.dropped == 0
    assert ids(tracker.update(boxes(BOX))) == [1]


@pytest.mark.parametrize("flat", [(110, 110, 110, 190), (110, 110, 130, 110), (120, 150, 120, 150)])
@pytest.mark.parametrize("paper_exact", [True, False])
def test_a_box_without_area_overlaps_nothing_and_starts_nothing(flat: tuple[float, ...], paper_exact: bool) -> None:
    tracker = ByteTracker(match_cost=1.0, low_match_cost=1.0, paper_exact=paper_exact)
    assert ids(tracker.update(boxes(BOX, flat))) == [1]
    assert ids(tracker.update(boxes(flat))) == []
    assert ids(tracker.update(boxes(flat, score=0.3))) == []
    assert ids(tracker.update(boxes(BOX))) == [1]


def test_an_empty_frame_gives_empty_arrays_of_the_right_shapes() -> None:
    tracks = ByteTracker().update(Detections(np.empty((0, 4), np.float32), np.empty(0), np.empty(0, int)))
    assert (tracks.xyxy.shape, tracks.track_id.shape, tracks.score.shape) == ((0, 4), (0,), (0,))
    assert (tracks.class_id.shape, tracks.detection_index.shape) == ((0,), (0,))


def test_any_float_type_and_memory_order_gives_the_same_and_stays_unchanged() -> None:
    plain = np.array([BOX, ELSEWHERE])
    read_only = plain.copy()
    read_only.flags.writeable = False
    for given in (
        plain,
        plain.astype(np.float32),
        np.asfortranarray(plain),
        np.repeat(plain, 2, axis=0)[::2],
        read_only,
        plain.astype(">f8"),
    ):
        score = np.array([0.9, 0.8])
        score.flags.writeable = False
        tracks = ByteTracker().update(Detections(given, score))
        assert tracks.xyxy == pytest.approx(plain)
        assert np.array_equal(given, plain)


def test_results_are_not_touched_by_later_frames() -> None:
    tracker = ByteTracker()
    tracks = tracker.update(boxes(BOX))
    before = tracks.xyxy.copy()
    tracker.update(boxes(ELSEWHERE))
    assert np.array_equal(tracks.xyxy, before)


def test_two_trackers_know_nothing_of_each_other_and_reset_starts_anew() -> None:
    first, second = ByteTracker(), ByteTracker()
    first.update(boxes(BOX, ELSEWHERE))
    assert ids(second.update(boxes(BOX))) == [1]
    first.reset()
    assert ids(first.update(boxes(BOX))) == [1]


def test_more_boxes_than_ever_before_only_make_the_arrays_grow() -> None:
    tracker = ByteTracker()
    for n in (3, 200, 1500):
        left = np.arange(n) * 50.0
        frame = Detections(np.column_stack([left, left * 0, left + 40, left * 0 + 100]), np.full(n, 0.9))
        tracker.update(frame)
        assert ids(tracker.update(frame)) == list(range(1, n + 1))


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        ("low_score", 0.7, "low_score must lie in [0, high_score]: got low_score=0.7, high_score=0.6"),
        ("high_score", 1.2, "high_score must be a number in [0, 1]: got 1.2"),
        ("new_track_score", "0.7", "new_track_score must be a number in [0, 1]: got '0.7'"),
        ("match_cost", -0.1, "match_cost must be a number in [0, 1]: got -0.1"),
        ("low_match_cost", float("nan"), "low_match_cost must be a number in [0, 1]: got nan"),
        ("unconfirmed_match_cost", None, "unconfirmed_match_cost must be a number in [0, 1]: got None"),
        ("duplicate_cost", True, "duplicate_cost must be a number in [0, 1]: got True"),
        ("max_lost_frames", 2.5, "max_lost_frames must be a whole number from 0 up: got 2.5"),
        ("max_lost_frames", -1, "max_lost_frames must be a whole number from 0 up: got -1"),
        ("fuse_score", 1, "fuse_score must be true or false: got 1"),
        ("paper_exact", "yes", "paper_exact must be true or false: got 'yes'"),
        ("on_invalid", "ignore", "on_invalid must be one of raise, drop: got 'ignore'"),
        ("frame_rate", 0, "frame_rate must be a number in [0.001, 1e+06]: got 0"),
    ],
)
def test_an_argument_out_of_range_is_named(argument: str, value: object, message: str) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011
        ByteTracker(**{argument: value})
    assert str(error.value) == message


def test_a_lost_track_is_told_with_the_box_predicted_for_it() -> None:
    tracker = ByteTracker(max_lost_frames=3)
    for step in range(5):
        tracker.update(boxes(tuple(np.add(BOX, (5.0 * step, 0, 5.0 * step, 0))), ELSEWHERE))
    assert len(tracker.lost()) == 0
    tracks = tracker.update(boxes(ELSEWHERE))
    lost = tracker.lost()
    assert ids(tracks) == [2]
    assert ids(lost) == [1]
    assert lost.xyxy[0] == pytest.approx(np.add(BOX, (25.0, 0, 25.0, 0)), abs=3)
    assert (lost.score.tolist(), lost.detection_index.tolist()) == ([0.9], [-1])
    for _ in range(5):
        tracker.update(boxes(ELSEWHERE))
    assert len(tracker.lost()) == 0


@pytest.mark.parametrize("given", [np.zeros((1, 4)), {"boxes": [[0, 0, 1, 1]], "scores": [0.9]}, [[0, 0, 1, 1, 0.9]]])
def test_what_is_no_detections_is_refused_with_what_converts_it(given: Any) -> None:
    message = f"update expects Detections.*, got {type(given).__name__}; bytetrack.adapters converts"
    with pytest.raises(TypeError, match=message):
        ByteTracker().update(given)
