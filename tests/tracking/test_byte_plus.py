"""byte_plus measures its own fit: what it learns, what follows from it, and that it belongs to the stream."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from bytetrack import BytePlus, Detections, Tracks
from bytetrack.runtime.compilation import as_python
from bytetrack.tracking.core.fields import table
from bytetrack.tracking.core.state import N_CLOCK
from bytetrack.tracking.plus.calibration import Calibration, fit_limit, lag, learn, misfit, note_match, start_calibration, sureness, upright
from tests.tracking.tracked_scenes import half_val, walkers

OFF: dict[str, Any] = {
    "relative_height": False,
    "fit_limits": 0.0,
    "fit_coasting": False,
    "fast_buffer": 0.0,
    "fast_noise": 0.0,
    "lag_output": 0.0,
    "lag_gain": 0.0,
    "exchange": False,
}


def fresh() -> Calibration:
    means: Calibration = as_python(table(Calibration).view)(np.zeros(table(Calibration).n_floats), np.empty(0, np.int64), 1)
    start_calibration(means)
    return means


def learned(steps: Callable[[int], float], n: int = 3000) -> Calibration:
    """Returns what is learned from boxes of 40 x 100 that are found `steps(i)` pixels beside where they are expected."""
    means, previous, expected = fresh(), np.zeros(2), np.array([100.0, 100.0, 140.0, 200.0])
    for i in range(n):
        note_match(means, expected, expected + steps(i) * np.array([1.0, 0.0, 1.0, 0.0]), previous, 10)
        learn(means)
    return means


def swarm(seed: int, n_frames: int, step: float, n: int = 12, missed: float = 0.0) -> list[Detections]:
    """Returns frames of `n` things that change their velocity all the time, by `step` of their size."""
    rng = np.random.default_rng(seed)
    centre, size, velocity = rng.uniform(0, 900, (n, 2)), rng.uniform(30, 60, (n, 1)) * np.ones((1, 2)), np.zeros((n, 2))
    frames = []
    for _ in range(n_frames):
        velocity = 0.9 * velocity + step * size * rng.normal(size=(n, 2))
        centre = centre + velocity
        found = rng.random(n) >= missed
        corners = np.hstack([centre - size / 2, centre + size / 2])[found]
        frames.append(Detections(corners + rng.normal(size=corners.shape), np.full(len(corners), 0.9)))
    return frames


def everything(tracker: BytePlus, frames: list[Detections]) -> list[Tracks]:
    return [tracker.update(frame) for frame in frames]


def assert_same(first: list[Tracks], second: list[Tracks]) -> None:
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one.track_id, other.track_id)
        assert np.array_equal(one.xyxy, other.xyxy)


def means_of(tracker: BytePlus) -> npt.NDArray[np.float64]:
    return np.array(tracker._floats[N_CLOCK : N_CLOCK + 4])


def test_boxes_found_where_they_are_expected_fit() -> None:
    means = learned(lambda i: 0.0)
    assert (misfit(means), sureness(means), upright(means), fit_limit(means, 4.0)) == (0.0, 1.0, 1.0, 1.0)
    assert means.fit[0] == pytest.approx(1.0)


def test_boxes_found_half_a_width_aside_do_not() -> None:
    means = learned(lambda i: 20.0)  # IoU 20 / 60
    assert means.fit[0] == pytest.approx(1 / 3)
    assert (misfit(means), sureness(means), upright(means)) == (1.0, 0.0, 1.0)
    assert fit_limit(means, 2.0) == pytest.approx((1 / 3 / 0.85) ** 2)


@pytest.mark.parametrize(("steps", "expected"), [(lambda i: 8.0, 1.0), (lambda i: 8.0 * (-1) ** i, -1.0)], ids=["lags", "jitters"])
def test_errors_that_last_are_a_lag_and_errors_that_turn_are_none(steps: Callable[[int], float], expected: float) -> None:
    assert lag(learned(steps)) == pytest.approx(expected, abs=1e-6)


def test_errors_without_memory_are_no_lag() -> None:
    rng = np.random.default_rng(1)
    assert abs(lag(learned(lambda i: float(rng.normal()), 20000))) < 0.25


def test_what_a_stream_measures_is_gone_with_reset() -> None:
    tracker = BytePlus()
    everything(tracker, swarm(1, 80, 0.1))
    assert not np.allclose(means_of(tracker), means_of(BytePlus()))
    tracker.reset()
    frames = list(walkers(np.random.default_rng(5), 20, 60))
    assert_same(everything(tracker, frames), everything(BytePlus(), frames))


def test_streams_of_one_process_measure_each_its_own() -> None:
    fast, slow = swarm(2, 80, 0.1), list(walkers(np.random.default_rng(6), 15, 80))
    first, second = BytePlus(), BytePlus()
    together = [(first.update(one), second.update(other)) for one, other in zip(fast, slow, strict=True)]
    assert_same([one for one, _ in together], everything(BytePlus(), fast))
    assert_same([other for _, other in together], everything(BytePlus(), slow))


def test_what_is_measured_outlives_a_growth_of_the_arrays() -> None:
    tracker = BytePlus()
    everything(tracker, swarm(3, 40, 0.1))
    before, capacity = means_of(tracker), tracker.capacity
    far = 5000 + 100.0 * np.arange(2 * capacity)[:, None] + np.array([[0.0, 0.0, 40.0, 40.0]])
    tracker.update(Detections(far, np.full(len(far), 0.9)))  # no track is near: nothing is learned
    assert tracker.capacity > capacity
    assert np.array_equal(means_of(tracker), before)


def test_the_order_of_detections_changes_nothing_that_is_measured() -> None:
    rng, one, other = np.random.default_rng(4), BytePlus(), BytePlus()
    for frame in swarm(4, 100, 0.08):
        places = rng.permutation(len(frame))
        first, second = one.update(frame), other.update(frame[places])
        rows = np.lexsort(first.xyxy.T), np.lexsort(second.xyxy.T)
        assert np.allclose(first.xyxy[rows[0]], second.xyxy[rows[1]], atol=1e-6)
    assert means_of(one) == pytest.approx(means_of(other), abs=1e-9)


@pytest.mark.parametrize("switch", [name for name in OFF if name != "exchange"])
def test_every_step_can_be_taken_off_alone_and_that_changes_the_tracks(switch: str) -> None:
    frames = swarm(5, 150, 0.03, n=80, missed=0.3) if switch == "fit_coasting" else swarm(5, 150, 0.12)
    everyone, without = everything(BytePlus(), frames), everything(BytePlus(**{switch: OFF[switch]}), frames)
    same = all(np.array_equal(a.xyxy, b.xyxy) and np.array_equal(a.track_id, b.track_id) for a, b in zip(everyone, without, strict=True))
    assert not same


def test_identities_exchange_eight_frames_after_two_tracks_were_mixed_up() -> None:
    """Two people change places from one frame to the next while they overlap, so that each track goes on with the other person."""
    tall, short, aside = np.array([0.0, 140.0, 60.0, 300.0]), np.array([0.0, 135.0, 60.0, 285.0]), np.array([1.0, 0.0, 1.0, 0.0])
    trackers, of_tall = (BytePlus(exchange=False), BytePlus()), ([], [])
    for i in range(60):
        left, right = (100.0 + 3 * i, 190.0 - 3 * i) if i < 12 else (136.0 - 3 * (i - 12), 154.0 + 3 * (i - 12))
        frame = Detections([tall + (left if i < 12 else right) * aside, short + (right if i < 12 else left) * aside], [0.9, 0.9])
        for tracker, found in zip(trackers, of_tall, strict=True):
            tracks = tracker.update(frame)
            found.append(int(tracks.track_id[tracks.detection_index == 0][0]))
            assert tracks.track_id.tolist() == [1, 2]
    kept, exchanged = of_tall
    assert kept == [1] * 12 + [2] * 48
    first = exchanged.index(1, 12)  # the overlap ends about frame 15, and nothing before the decision changes
    assert exchanged == [1] * 12 + [2] * (first - 12) + [1] * (60 - first)
    assert 20 <= first <= 26


@pytest.mark.slow
@pytest.mark.parametrize("name", ["MOT17-04-FRCNN", "MOT17-09-FRCNN", "MOT17-11-FRCNN"])
def test_a_stream_s_first_200_matches_are_tracked_no_worse_than_without_calibration(data_dir: Path, name: str) -> None:
    frames, frame_rate = half_val(data_dir, name)
    n_matches, n_frames = 0, 0
    while n_matches < 200:
        n_matches += int((frames[n_frames].score >= 0.65).sum())
        n_frames += 1
    found = [everything(BytePlus(frame_rate=frame_rate, **settings), frames[:n_frames]) for settings in ({}, OFF)]
    identities = [len(np.unique(np.concatenate([tracks.track_id for tracks in run]))) for run in found]
    assert identities[0] <= identities[1] + 1
    assert sum(map(len, found[0])) >= 0.98 * sum(map(len, found[1]))
