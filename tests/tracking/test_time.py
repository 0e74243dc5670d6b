"""Frames that are not one frame apart: `dt`."""

from __future__ import annotations

from inspect import signature

import numpy as np
import pytest

from bytetrack import BytePlus, ByteTracker, DeepSort, Detections, MotDt, OcSort
from bytetrack.pipeline import track_sequence
from bytetrack.tracking import tracker_classes
from bytetrack.tracking.filters.kalman import VELOCITY_VARIANCE

EVERY = list(tracker_classes().values())
TIMED = [kind for kind in EVERY if kind.supports_dt]


def walker(x: float) -> Detections:
    return Detections([[x, 0, x + 40, 100]], [0.9])


@pytest.mark.parametrize("kind", TIMED)
def test_a_late_frame_finds_the_track_where_it_has_gone(kind: type) -> None:
    # 12 pixels a frame, 40 wide; then six frames at once: 72 pixels on, nothing overlaps where it was
    def run(dt: float) -> int:
        tracker = kind()
        for frame in range(12):
            tracker.update(walker(12.0 * frame))
        tracks = tracker.update(walker(12.0 * 17), dt=dt)
        return int(tracks.track_id[tracks.detection_index >= 0].max(initial=0))

    assert run(6.0) == 1
    assert run(1.0) != 1


@pytest.mark.parametrize("kind", TIMED)
def test_dt_of_one_is_no_dt(kind: type) -> None:
    rng = np.random.default_rng(0)
    left, right = kind(), kind()
    for frame in range(30):
        boxes = rng.random((6, 2)) * 20 + np.arange(6)[:, None] * 60 + 2 * frame
        found = Detections(np.hstack([boxes, boxes + np.array([40, 90])]), rng.random(6))
        first, second = left.update(found), right.update(found, dt=1.0)
        assert first.xyxy.tobytes() == second.xyxy.tobytes()
        assert first.track_id.tolist() == second.track_id.tolist()


def test_lost_time_counts_time() -> None:
    def comes_back(dt: float) -> bool:
        tracker = ByteTracker(max_lost_frames=10, paper_exact=False)
        for _ in range(3):
            tracker.update(walker(0))
        for _ in range(4):
            tracker.update(Detections.empty(), dt=dt)
        return tracker.update(walker(0)).track_id.tolist() == [1]

    assert comes_back(1.0)
    assert comes_back(2.0)  # 8 frames without it
    assert not comes_back(3.0)  # 12


LOOKS = [[[1.0, 0.0]], np.empty((0, 2))]  # of a detection, of none


def hidden(kind: type, dt: float, missed: int, **settings: float) -> bool:
    """Whether somebody who stands still keeps the identity after so many updates, `dt` frames apart, without a detection."""
    settings |= {"paper_exact": False} if kind is ByteTracker else {"candidate_score": 1.0} if kind is MotDt else {}
    tracker = kind(max_lost_frames=30, **settings)

    def update(found: Detections) -> list[int]:
        known = {"features": LOOKS[0] if len(found) else LOOKS[1]} if "features" in getattr(kind, "inputs", ()) else {}
        tracks = tracker.update(found, dt=dt, **known)
        return tracks.track_id[tracks.detection_index >= 0].tolist()

    for _ in range(10):
        update(walker(0))
    for _ in range(missed):
        update(Detections.empty())
    return [update(walker(0)) for _ in range(5)][-1] == [1]


@pytest.mark.parametrize("kind", EVERY)
@pytest.mark.parametrize("dt", [0.25, 1 / 3, 0.5, 1.0, 2.0, 3.0])
def test_memory_counts_time_however_many_updates_fall_into_it(kind: type, dt: float) -> None:
    within = round(30 / dt)  # updates: 30 frames of time
    assert hidden(kind, dt, within)
    assert not hidden(kind, dt, within + 1)


@pytest.mark.parametrize("kind", [kind for kind in EVERY if "frame_rate" in signature(kind).parameters])
def test_memory_is_seconds_at_any_rate(kind: type) -> None:
    as_published: dict[str, float] = {"slow_power": 0.0} if kind is BytePlus else {}  # else it remembers for more looks at a low rate
    assert hidden(kind, 1.0, 1, frame_rate=1.5, **as_published)
    assert not hidden(kind, 1.0, 2, frame_rate=1.5, **as_published)
    assert hidden(
        kind, 0.05, 10, frame_rate=0.9, **as_published
    )  # half a frame of 0.9, at a rate whose 30 frames the published code rounds to none


@pytest.mark.parametrize("kind", EVERY)
def test_nobody_is_found_again_after_a_pause_longer_than_the_memory(kind: type) -> None:
    def found(pause: float) -> bool:
        tracker = kind(max_lost_frames=30)
        known = {"features": LOOKS[0]} if "features" in getattr(kind, "inputs", ()) else {}
        for _ in range(10):
            tracker.update(walker(0), **known)
        tracker.update(walker(0), dt=pause, **known)
        tracks = [tracker.update(walker(0), **known) for _ in range(5)][-1]
        return tracks.track_id.tolist() == [1]

    assert found(30.0)
    assert not found(1700.0)


def test_a_refused_frame_after_a_pause_forgets_nobody() -> None:
    tracker = ByteTracker()
    for _ in range(10):
        tracker.update(walker(0))
    with pytest.raises(ValueError, match="detection 0 must have finite corners"):
        tracker.update(Detections([[0, 0, np.nan, 1]], [0.9]), dt=1700)
    assert tracker.update(walker(0)).track_id.tolist() == [1]


def test_velocities_are_those_of_a_frame_whatever_the_steps() -> None:
    tracker = ByteTracker()
    for frame in range(0, 60, 2):
        tracker.update(walker(3.0 * frame), dt=2.0)
    tracker.update(Detections.empty())
    assert tracker.lost().xyxy[0, 0] == pytest.approx(3.0 * 59, abs=0.5)


def test_a_motdt_track_retrieved_late_begins_as_sure_of_its_velocity_as_one_retrieved_at_once() -> None:
    def variance(dt: float) -> float:
        tracker = MotDt(candidate_score=1.0)
        for _ in range(3):
            tracker.update(walker(0), features=[[1.0, 0.0]])
        tracker.update(Detections.empty())
        tracker.update(walker(0), features=[[1.0, 0.0]], dt=dt)
        return float(tracker._tracks.motion[tracker._tracks.order[0], VELOCITY_VARIANCE, 0])

    assert variance(1.0) == variance(4.0) == (10 * 100 / 160) ** 2


def test_a_deepsort_track_is_asked_for_its_overlap_after_a_late_frame() -> None:
    tracker = DeepSort(min_hits=1, max_lost_frames=60)
    tracker.update(walker(0), features=[[1.0, 0.0]])
    assert tracker.update(walker(2), features=[[0.0, 1.0]], dt=40.0).track_id.tolist() == [1]


def test_a_refused_frame_changes_nothing() -> None:
    tracker, other = ByteTracker(), ByteTracker()
    for frame in range(10):
        tracker.update(walker(5.0 * frame))
        other.update(walker(5.0 * frame))
    with pytest.raises(ValueError, match="detection 0 must have finite corners"):
        tracker.update(Detections([[0, 0, np.nan, 1]], [0.9]), dt=4.0)
    assert tracker.update(walker(50), dt=2).xyxy == pytest.approx(other.update(walker(50), dt=2).xyxy, abs=1e-9)
    with pytest.raises(ValueError, match=r"dt must be a number in \[0.001, 1e\+06\]: got 0"):
        tracker.update(walker(0), dt=0)


def test_a_tracker_without_a_clock_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    tracker = OcSort()
    for _ in range(3):
        tracker.update(walker(0), dt=2.0)
    assert [record.message for record in caplog.records].count("OcSort takes no account of dt in its motion: what is given is ignored") == 1


def test_a_sequence_is_tracked_by_its_time_stamps() -> None:
    times = np.r_[np.arange(12), 17.0]
    frames = [walker(12 * time) for time in times]
    assert track_sequence(frames, ByteTracker(), times=times).track_id.tolist() == [1] * 13
    assert len(track_sequence(frames, ByteTracker())) == 12  # the last is another's first box, not yet sure
    with pytest.raises(ValueError, match="dt must be known of every frame: got 12 of 13"):
        track_sequence(frames, ByteTracker(), times=times[:-1])
