"""DeepSORT and MOTDT, rule by rule, on scenes of a few frames."""

from __future__ import annotations

import numpy as np
import pytest

from bytetrack import DeepSort, Detections, MotDt
from bytetrack.tracking.filters.xyah import squared_mahalanobis, start
from tests.tracking.tracked_scenes import boxes

BOX, FAR = (100.0, 100.0, 140.0, 200.0), (400.0, 100.0, 440.0, 200.0)
NOTHING = Detections.empty()
RED, BLUE = [1.0, 0.0], [0.0, 1.0]


def test_the_mahalanobis_distance_worked_by_hand() -> None:
    # Height 100: deviations of a new track 10 (x, y, height) and 0.01 (aspect), of a measurement 5 and 0.1. Shifted by 15 in x and
    # 10 in y, aspect and height as before: 225 / 125 + 100 / 125.
    motion = np.zeros((5, 4))
    start(motion, np.array(BOX))
    assert squared_mahalanobis(motion, np.add(BOX, [15.0, 10.0, 15.0, 10.0])) == pytest.approx(2.6)
    # 20 higher at the same centre and width: height 400 / 125, aspect (0.4 - 1/3)^2 / (0.01^2 + 0.1^2).
    taller = np.add(BOX, [0.0, -10.0, 0.0, 10.0])
    assert squared_mahalanobis(motion, taller) == pytest.approx(3.2 + (0.4 - 1 / 3) ** 2 / 0.0101)


def test_a_deepsort_track_is_put_out_from_its_third_frame_on_and_one_missed_before_ends() -> None:
    tracker = DeepSort()
    assert [tracker.update(boxes(BOX)).track_id.tolist() for _ in range(3)] == [[], [], [1]]
    tracker = DeepSort()
    for frame in (boxes(BOX), NOTHING, boxes(BOX), boxes(BOX)):
        assert len(tracker.update(frame)) == 0
    assert tracker.update(boxes(BOX)).track_id.tolist() == [2]


@pytest.mark.parametrize("shown_frames", [0, 1, 3])
def test_a_deepsort_track_is_put_out_for_shown_frames_after_its_last_detection(shown_frames: int) -> None:
    tracker = DeepSort(shown_frames=shown_frames)
    for _ in range(3):
        tracker.update(boxes(BOX))
    shown = [tracker.update(NOTHING) for _ in range(5)]
    assert [len(tracks) for tracks in shown] == [1] * shown_frames + [0] * (5 - shown_frames)
    assert all((tracks.detection_index == -1).all() for tracks in shown)
    assert tracker.lost().track_id.tolist() == [1]


def test_looks_decide_between_two_detections_in_reach() -> None:
    # Both lie within the gate, and the wrong one nearer.
    tracker = DeepSort(min_hits=1)
    tracker.update(boxes(BOX), features=[RED])
    near, away = (102.0, 100.0, 142.0, 200.0), (114.0, 100.0, 154.0, 200.0)
    tracks = tracker.update(boxes(near, away), features=[BLUE, RED])
    assert tracks.detection_index[tracks.track_id == 1].tolist() == [1]


def test_the_nearest_of_the_last_features_counts_and_older_than_the_budget_are_forgotten() -> None:
    for budget, found in [(2, [1]), (1, [2])]:
        tracker = DeepSort(min_hits=1, budget=budget, shown_frames=0)
        tracker.update(boxes(BOX), features=[RED])
        tracker.update(boxes(BOX), features=[BLUE])  # by its IoU: a look that was not seen before
        tracker.update(NOTHING)  # from here on its IoU is not asked for
        tracker.update(NOTHING, features=np.empty((0, 2)))
        assert tracker.update(boxes(BOX), features=[RED]).track_id.tolist() == found


def test_who_was_seen_last_chooses_first() -> None:
    tracker = DeepSort(min_hits=1, shown_frames=0)
    tracker.update(boxes(BOX, FAR), features=[RED, RED])
    tracker.update(boxes(FAR), features=[RED])
    # Back at the place of the first, which was away: the second, seen last, is out of reach of it, and the first takes it.
    assert tracker.update(boxes(BOX, FAR), features=[RED, RED]).track_id.tolist() == [1, 2]
    # Two tracks side by side, one seen later than the other: it takes the only detection, which looks like both and lies nearer to
    # the other.
    tracker = DeepSort(min_hits=1, shown_frames=0, appearance_cost=0.5)
    beside = (110.0, 100.0, 150.0, 200.0)
    tracker.update(boxes(BOX, beside), features=[RED, BLUE])
    tracker.update(boxes(beside), features=[BLUE])
    assert tracker.update(boxes(BOX), features=[[1.0, 1.0]]).track_id.tolist() == [2]


def test_low_boxes_keep_a_deepsort_track_only_with_byte() -> None:
    for low_score, n_shown in [(None, 0), (0.1, 1)]:
        tracker = DeepSort(min_hits=1, shown_frames=0, low_score=low_score)
        tracker.update(boxes(BOX))
        assert len(tracker.update(boxes(BOX, score=0.3))) == n_shown


def test_a_motdt_prediction_stands_in_until_its_score_is_too_low() -> None:
    # 0.6 * (1 - log(1 + 0.05 n)) >= 0.4 for n <= 7 frames since the last detection: with the one before it, 8 frames are shown.
    tracker = MotDt()
    for _ in range(2):
        tracker.update(boxes(BOX, FAR))
    shown = [tracker.update(boxes(FAR)) for _ in range(12)]
    assert [1 in tracks.track_id for tracks in shown] == [True] * 8 + [False] * 4
    assert shown[0].detection_index.tolist() == [-1, 0]
    assert tracker.lost().track_id.tolist() == [1]


def test_a_motdt_prediction_of_one_detection_or_on_a_detection_does_not_stand_in() -> None:
    tracker = MotDt()
    tracker.update(boxes(BOX))
    assert len(tracker.update(NOTHING)) == 0
    tracker = MotDt()
    for _ in range(2):
        tracker.update(boxes(BOX))
    # Shifted by 16 of 40 px: IoU 24/56 = 0.43, too little for a match at 0.5 and enough to suppress the prediction; the gate is closed.
    tracks = tracker.update(boxes((116.0, 100.0, 156.0, 200.0)), features=[RED])
    assert len(tracks) == 0


def test_a_lost_motdt_track_comes_back_by_looks_within_the_gate() -> None:
    for look, found in [(RED, [1]), (BLUE, [])]:
        tracker = MotDt(candidate_score=1.0)  # nothing stands in
        for _ in range(3):
            tracker.update(boxes(BOX), features=[RED])
        tracker.update(NOTHING)
        tracker.update(NOTHING)
        assert tracker.update(boxes(BOX), features=[look]).track_id.tolist() == found


@pytest.mark.parametrize("kind", [DeepSort, MotDt])
def test_features_that_tell_everybody_apart_lose_nobody(kind: type[DeepSort] | type[MotDt]) -> None:
    """Twelve walkers, a tenth of them missed in every frame, hidden for 8 frames together: with looks each keeps its id."""
    looks = np.eye(12)
    tracker, owners = kind(), {}
    place, step = np.random.default_rng(2).uniform(0, 600, (12, 2)), np.random.default_rng(3).normal(0, 3, (12, 2))
    for number in range(60):
        place += step
        seen = np.flatnonzero(np.random.default_rng(number).random(12) < (0.9 if not 30 <= number < 38 else 0.0))
        frame = Detections(np.hstack([place[seen], place[seen] + [40.0, 100.0]]), np.full(len(seen), 0.9))
        tracks = tracker.update(frame, features=looks[seen])
        rows = tracks.detection_index[tracks.detection_index >= 0]
        for name, track_id in zip(seen[rows].tolist(), tracks.track_id[tracks.detection_index >= 0].tolist(), strict=True):
            assert owners.setdefault(track_id, name) == name


def test_wrong_settings_are_named() -> None:
    for make, said in [
        (lambda: DeepSort(budget=0), "budget must be a whole number from 1 to 100"),
        (lambda: DeepSort(low_score=0.9), "low_score must lie in"),
        (lambda: MotDt(candidate_overlap=2.0), "candidate_overlap must be a number in"),
    ]:
        with pytest.raises(ValueError, match=said):
            make()
