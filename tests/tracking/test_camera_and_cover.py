"""The trackers beyond BYTE, rule by rule, on scenes of a few frames."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bytetrack import BotSort, BytePlus, ByteTracker, CBIoU, Detections, OcSort, TrackTrack
from bytetrack.tracking.tracker import Tracker
from tests.tracking.tracked_scenes import boxes, walkers

BOX = (100.0, 100.0, 140.0, 200.0)
NOTHING = Detections.empty()


@pytest.mark.parametrize("kind", [BotSort, BytePlus, TrackTrack])
def test_a_camera_that_moves_by_a_known_shift_changes_nothing(kind: Callable[[], Tracker]) -> None:
    still, moving = kind(), kind()
    rng, shift = np.random.default_rng(8), np.zeros(2)
    for number, frame in enumerate(walkers(np.random.default_rng(7), 30, 100)):
        step = rng.integers(-64, 64, 2) if number else np.zeros(2)
        shift = shift + step
        camera = np.column_stack([np.eye(2), step])
        first = still.update(frame)
        second = moving.update(Detections(frame.xyxy + np.tile(shift, 2), frame.score), camera)
        assert np.array_equal(first.track_id, second.track_id)
        assert np.abs(first.xyxy + np.tile(shift, 2) - second.xyxy).max(initial=0) < 1e-6


@pytest.mark.parametrize(("camera", "found"), [(None, [2]), ([[1, 0, 60], [0, 1, 0]], [1])])
def test_camera_motion_finds_a_box_that_the_camera_took_elsewhere(camera: list[list[float]] | None, found: list[int]) -> None:
    tracker = BotSort()
    tracker.update(boxes(BOX))
    there = (160.0, 100.0, 200.0, 200.0)
    tracker.update(boxes(there), camera)
    assert tracker.update(boxes(there)).track_id.tolist() == found


def test_a_zooming_camera_scales_the_box_of_a_track_that_is_not_seen() -> None:
    tracker = BytePlus()
    tracker.update(boxes(BOX))
    tracker.update(NOTHING, [[1.5, 0, 0], [0, 1.5, 0]])
    assert tracker.lost().xyxy == pytest.approx(np.array([BOX]) * 1.5)


@pytest.mark.parametrize(
    "wrong", [np.eye(3), [[1, 0, np.nan], [0, 1, 0]], [[1, 0, 0], [0, -1, 0]], [[0, 0, 0], [0, 0, 0]], [[1, 0, 1e300], [0, 1, 0]]]
)
def test_a_camera_motion_that_is_none_is_refused_and_changes_nothing(wrong: object) -> None:
    tracker = BytePlus()
    tracker.update(boxes(BOX))
    with pytest.raises(ValueError, match="camera_motion must"):
        tracker.update(boxes(BOX), wrong)
    assert tracker.update(boxes(BOX)).track_id.tolist() == [1]


def test_a_tracker_that_takes_no_account_of_the_camera_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    tracker = ByteTracker()
    for _ in range(3):
        tracker.update(boxes(BOX), camera_motion=np.eye(2, 3))
    assert [record.getMessage() for record in caplog.records] == ["ByteTracker takes no account of camera motion: what is given is ignored"]


def test_any_camera_leaves_finite_boxes() -> None:
    rng = np.random.default_rng(9)
    for kind in (BotSort, BytePlus, TrackTrack):
        tracker = kind(max_lost_frames=200)
        for frame in walkers(rng, 10, 200):
            camera = np.column_stack([np.eye(2) * rng.choice([0.01, 1.0, 50.0, 99.0]), rng.choice([-1e9, 0.0, 1e9], 2)])
            tracks = tracker.update(frame, camera)
            assert np.isfinite(tracks.xyxy).all()
            assert np.isfinite(tracker.lost().xyxy).all()


def test_a_track_behind_another_is_put_out_while_it_is_covered() -> None:
    tracker = BytePlus(covered_frames=3, covered_hits=2, fit_coasting=False)
    front = (90.0, 90.0, 150.0, 220.0)
    far = (100.0, 100.0, 140.0, 190.0)
    tracker.update(boxes(far, (300.0, 90.0, 360.0, 220.0)))
    tracker.update(boxes(far, (300.0, 90.0, 360.0, 220.0)))
    tracker.update(boxes(far, front))
    tracker.update(boxes(far, front))
    shown = [tracker.update(boxes(front)) for _ in range(5)]
    assert [1 in tracks.track_id for tracks in shown] == [True, True, True, False, False]
    assert shown[0].detection_index[shown[0].track_id.tolist().index(1)] == -1
    assert tracker.lost().track_id.tolist() == [1, 2]


def test_no_track_starts_on_a_live_one() -> None:
    # Shifted by 10 of 40 px: IoU 30/50 = 0.6.
    for birth_overlap, n_lost_or_new in [(0.5, [1]), (0.7, [1, 2])]:
        tracker = BytePlus(birth_overlap=birth_overlap)
        tracker.update(boxes(BOX))
        for _ in range(2):
            tracks = tracker.update(boxes(BOX, (110.0, 100.0, 150.0, 200.0)))
        assert tracks.track_id.tolist() == n_lost_or_new


@pytest.mark.parametrize(("frame_rate", "found"), [(None, []), (60, []), (30, []), (7.5, [1])])
def test_at_a_low_frame_rate_a_smaller_overlap_is_enough(frame_rate: float | None, found: list[int]) -> None:
    # Shifted by 30 of 40 px: IoU 10/70 = 0.143. Asked for: 0.2, and at a quarter of 30 frames a second 0.2 * (1/4) ** 0.5 = 0.1.
    tracker = BytePlus(recovery_buffer=0.0, match_cost=0.8, fit_limits=0.0, frame_rate=frame_rate)
    tracker.update(Detections(np.array([BOX]), np.ones(1)))
    assert tracker.update(Detections(np.array([[130.0, 100.0, 170.0, 200.0]]), np.ones(1))).track_id.tolist() == found


def test_velocities_are_less_certain_and_memory_reaches_further_at_a_low_frame_rate() -> None:
    # Width 40: position variance 16 + V + 4 when the second box is found, measurement variance 4, V = (400 * noise) ** 2: 6.25, or twice.
    for power, velocity_variance, remembered in [(0.0, 6.25, 7), (0.5, 25.0, 15)]:
        settings = {"velocity_noise": 0.00625, "measurement_noise": 1.0, "lag_output": 0.0, "max_lost_frames": 30}
        tracker = BytePlus(slow_power=power, frame_rate=7.5, **settings)
        tracker.update(Detections(np.array([BOX]), np.ones(1)))
        tracker.update(Detections(np.array([[108.0, 100.0, 148.0, 200.0]]), np.ones(1)))
        tracker.update(NOTHING)
        x = 8 * (20 + velocity_variance) / (24 + velocity_variance) + 8 * velocity_variance / (24 + velocity_variance)
        assert tracker.lost().xyxy[0] == pytest.approx([100 + x, 100, 140 + x, 200])
        for _ in range(remembered - 1):
            tracker.update(NOTHING)
        assert len(tracker.lost()) == 1
        tracker.update(NOTHING)
        assert len(tracker.lost()) == 0


def test_features_bring_back_a_botsort_track_that_overlaps_by_half_only() -> None:
    # IoU 20/60 = 1/3 with a score of 0.61: cost 1 - 0.2033, within match_cost 0.8; appearance lowers it below that of the other.
    tracker = BotSort(proximity_cost=0.7)
    left, right = (100.0, 100.0, 140.0, 200.0), (140.0, 100.0, 180.0, 200.0)
    tracker.update(boxes(left, right), features=[[1.0, 0.0], [0.0, 1.0]])
    middle = (120.0, 100.0, 160.0, 200.0)  # as near to one as to the other
    assert tracker.update(boxes(middle), features=[[0.0, 1.0]]).track_id.tolist() == [2]
    with pytest.raises(ValueError, match=r"features must have shape \(1, 2\)"):
        tracker.update(boxes(middle), features=[[0.0, 1.0, 0.0]])


def test_ocsort_puts_out_detections_and_finds_a_track_where_it_was_last_seen() -> None:
    steps = [(100.0 + 8 * i, 100.0, 140.0 + 8 * i, 200.0) for i in range(6)]
    for recover, found in [(True, [1]), (False, [])]:
        tracker = OcSort(min_hits=1, recover=recover)
        for box in steps:
            tracks = tracker.update(boxes(box))
        assert tracks.xyxy.tolist() == [list(steps[-1])]
        for _ in range(5):  # the prediction walks on, by 40 px in all
            tracker.update(NOTHING)
        tracker.update(boxes(steps[-1]))
        tracks = tracker.update(boxes(steps[-1]))
        assert (tracks.track_id.tolist() == found) is True or not recover


def test_cbiou_matches_boxes_that_do_not_touch_and_goes_on_by_the_mean_motion() -> None:
    # 50 px of 40: no IoU. Grown by 0.5 on each side: 80 px wide and 50 apart, IoU 30/130 = 0.23.
    tracker = CBIoU(second_match_cost=0.8)
    tracker.update(boxes(BOX))
    there = (150.0, 100.0, 190.0, 200.0)
    assert tracker.update(boxes(there)).track_id.tolist() == [1]
    tracker.update(NOTHING)
    assert tracker.lost().xyxy == pytest.approx(np.array([[200.0, 100.0, 240.0, 200.0]]))


def test_the_camera_saves_identities_on_half_val(data_dir: Path) -> None:
    """byte_plus with recorded camera motion on the sequence whose camera moves most: as many ids as when it was measured, or fewer."""
    from bytetrack.io.camera_motion import read_camera_motion
    from tests.tracking.tracked_scenes import half_val

    frames, frame_rate = half_val(data_dir, "MOT17-13-FRCNN")
    affines = read_camera_motion(data_dir / "gmc" / "MOT17-13-FRCNN.txt")[-len(frames) :]
    ids = []
    for given in (affines, [None] * len(frames)):
        tracker = BytePlus(frame_rate=frame_rate)
        shown = [tracker.update(frame, affine).track_id for frame, affine in zip(frames, given, strict=True)]
        ids.append(len(np.unique(np.concatenate(shown))))
    assert ids[0] < ids[1]
