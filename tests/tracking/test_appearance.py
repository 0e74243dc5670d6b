"""byte_plus with appearance features: what it measures of them, what each step does, and that nothing changes without them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from bytetrack import BytePlus, Detections, Tracks
from bytetrack.runtime.compilation import as_python
from bytetrack.tracking.core.appearance import cosine
from bytetrack.tracking.core.fields import table
from bytetrack.tracking.core.state import N_CLOCK
from bytetrack.tracking.plus.appearance import FIRST_COMPARED
from bytetrack.tracking.plus.calibration import Calibration
from bytetrack.tracking.plus.gallery import MOST, Gallery, Living
from tests.tracking.tracked_scenes import SEQUENCES, boxes, half_val, result_rows

HERE = Path(__file__).parent
Floats = npt.NDArray[np.float64]
LENGTH = 8
OFF: dict[str, Any] = {"appearance_weight": 0.0, "appearance_cost": 0.0}


def looks(rng: np.random.Generator, who: list[int], noise: float = 0.05) -> Floats:
    """Features of people, one of each axis, with a part that all share and a little noise."""
    return np.eye(LENGTH)[who] + 1.0 + noise * rng.normal(size=(len(who), LENGTH))


def of_axes(*who: int) -> Floats:
    return looks(np.random.default_rng(0), list(who), 0.0)


def means_of(tracker: BytePlus) -> Calibration:
    means: Calibration = as_python(table(Calibration).view)(tracker._floats[N_CLOCK:], tracker._ints, 1)
    return means


def standing(tracker: BytePlus, at: list[float], who: list[int], n_frames: int, seed: int = 1) -> list[int]:
    """Has people stand at columns for a while; returns their identities in the last frame, in that order."""
    rng, last = np.random.default_rng(seed), np.empty(0, np.int64)
    for _ in range(n_frames):
        found = Detections([[x, 100.0, x + 40.0, 200.0] for x in at] + rng.normal(size=(len(at), 4)) * 0.3, [0.95] * len(at))
        last = identities(tracker.update(found, features=looks(rng, who)), len(at))
    return last.tolist()


def identities(tracks: Tracks, n: int) -> npt.NDArray[np.int64]:
    """The identity of each detection, 0 for none."""
    found = np.zeros(n + 1, np.int64)
    found[tracks.detection_index] = tracks.track_id
    return found[:n]


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_without_features_the_tracks_are_those_of_before_there_were_any(data_dir: Path, sequence: str) -> None:
    """Rows, identities and a digest of the result text, written by the version before features."""
    frames, frame_rate = half_val(data_dir, sequence)
    rows = result_rows(BytePlus(frame_rate=frame_rate), frames)
    text = "".join(f"{frame_id},{track_id},{box}\n" for frame_id, track_id, box in rows)
    found = {"rows": len(rows), "ids": len({row[1] for row in rows}), "sha256": hashlib.sha256(text.encode()).hexdigest()}
    assert found == json.loads((HERE / "golden_byte_plus.json").read_text())[sequence]


@pytest.mark.parametrize("length", [1, 3, 4, 7, 128])
def test_the_cosine_of_a_memory_and_a_feature_is_their_product(length: int) -> None:
    rng = np.random.default_rng(length)
    one, other = rng.normal(size=length), rng.normal(size=length)
    assert as_python(cosine)(one[:, None], other) == pytest.approx(one @ other)


def test_the_means_of_looks_are_those_of_oneself_and_of_strangers() -> None:
    tracker, rng = BytePlus(), np.random.default_rng(2)
    standing(tracker, [0.0, 300.0, 600.0], [0, 1, 2], 40)
    means = means_of(tracker)
    one, other = (looks(rng, [k] * 500, 0.05) for k in (0, 1))
    one, other = (table / np.linalg.norm(table, axis=1, keepdims=True) for table in (one, other))
    assert means.n_compared[0] == pytest.approx(3 * 39, abs=3)
    assert means.own_cosine[0] == pytest.approx((one[:250] * one[250:]).sum(axis=1).mean(), abs=0.01)
    assert means.other_cosine[0] == pytest.approx((one * other).sum(axis=1).mean(), abs=0.01)


def test_the_means_of_looks_are_gone_with_reset() -> None:
    tracker = BytePlus()
    standing(tracker, [0.0, 300.0], [0, 1], 40)
    tracker.reset()
    assert means_of(tracker).n_compared[0] == 0.0
    assert tracker.update(boxes((0, 0, 40, 100)), features=np.ones((1, 3))).track_id.tolist() == [1]  # of another length now


def swapped(**settings: Any) -> list[int]:
    """Two who stand side by side, overlapping, have changed places from one frame to the next: their identities there."""
    tracker = BytePlus(exchange=False, **settings)
    assert standing(tracker, [100.0, 122.0], [0, 1], 40) == [1, 2]
    middle = Detections([[108.0, 100.0, 148.0, 200.0], [114.0, 100.0, 154.0, 200.0]], [0.95, 0.95])
    return identities(tracker.update(middle, features=of_axes(1, 0)), 2).tolist()


def test_looks_decide_between_two_who_are_near_alike() -> None:
    assert swapped(appearance_weight=0.0) == [1, 2]
    assert swapped() == [2, 1]


def come_back(at: float, who: int, away: int, **settings: Any) -> int:
    """Of two people the second is gone for some frames, and somebody of looks `who` stands at a column then: the identity."""
    tracker = BytePlus(**settings)
    assert standing(tracker, [0.0, 300.0], [0, 1], 40) == [1, 2]
    standing(tracker, [0.0], [0], away, seed=2)
    return standing(tracker, [0.0, at], [0, who], 2, seed=3)[1]


def test_who_was_lost_is_found_by_looks_within_a_reach_that_opens_with_time() -> None:
    near: dict[str, Any] = {"appearance_reach": 0.5}
    assert come_back(345.0, 1, 5, **near) == 2  # no overlap left; 45 pixels are less than half of 100
    assert come_back(345.0, 1, 5, **near, appearance_cost=0.0) == 3
    assert come_back(345.0, 5, 5, **near) == 3  # another person
    assert come_back(360.0, 1, 3, **near) == 3  # too far so soon
    assert come_back(360.0, 1, 15, **near) == 2


def test_who_was_lost_is_found_anywhere_if_it_can_be_nobody_else() -> None:
    assert come_back(900.0, 1, 5) == 3
    assert come_back(900.0, 1, 5, appearance_margin=0.5) == 2
    assert come_back(900.0, 5, 5, appearance_margin=0.5) == 3
    assert come_back(900.0, 0, 5, appearance_margin=0.5) == 3  # looks like the other, who is there


def test_looks_decide_nothing_before_enough_were_compared() -> None:
    tracker = BytePlus(appearance_margin=0.5)
    standing(tracker, [0.0, 300.0], [0, 1], 10)
    assert means_of(tracker).n_compared[0] < FIRST_COMPARED
    standing(tracker, [0.0], [0], 3, seed=2)
    assert standing(tracker, [0.0, 900.0], [0, 1], 2, seed=3)[1] == 3


def test_looks_that_are_all_alike_decide_nothing() -> None:
    tracker = BytePlus(appearance_margin=0.5)
    for frame in range(60):
        gone = 40 <= frame < 45
        found = boxes((0, 100, 40, 200), *([] if gone else [(900.0 if frame >= 45 else 300.0, 100, 940.0 if frame >= 45 else 340.0, 200)]))
        tracks = tracker.update(found, features=np.ones((len(found), 4)))
    assert tracks.track_id.tolist() == [1, 3]


def test_detections_that_nobody_looked_at_and_frames_without_features_change_nothing() -> None:
    tracker = BytePlus()
    standing(tracker, [0.0, 300.0], [0, 1], 40)
    before = means_of(tracker).n_compared[0]
    found = boxes((0, 100, 40, 200), (300, 100, 340, 200))
    tracker.update(found)
    tracker.update(found, features=np.zeros((2, LENGTH)))
    assert means_of(tracker).n_compared[0] == before
    assert standing(tracker, [0.0, 300.0], [0, 1], 1) == [1, 2]


def crossing(seed: int) -> Iterator[tuple[Detections, Floats]]:
    """A dozen who walk at random among each other, some of them missed, all of them with looks."""
    rng = np.random.default_rng(seed)
    who, half = list(range(LENGTH)), np.array([15.0, 40.0])
    centre, step = rng.uniform(0, 250, (LENGTH, 2)), rng.normal(0, 5, (LENGTH, 2))
    for _ in range(120):
        centre += step
        step[(centre < 0) | (centre > 250)] *= -1
        seen = np.flatnonzero(rng.random(LENGTH) < 0.8)
        corners = np.hstack([centre - half, centre + half])[seen]
        yield Detections(corners + rng.normal(size=corners.shape), np.full(len(seen), 0.9)), looks(rng, [who[k] for k in seen])


@pytest.mark.parametrize("switch", [{"appearance_weight": 0.0}, {"appearance_cost": 0.0}, {"appearance_margin": 0.3}])
def test_every_step_of_appearance_can_be_taken_off_alone_and_that_changes_the_tracks(switch: dict[str, Any]) -> None:
    together, without = BytePlus(), BytePlus(**switch)
    found = [(together.update(f, features=x), without.update(f, features=x)) for f, x in crossing(4)]
    assert any(not np.array_equal(a.track_id, b.track_id) for a, b in found)


def test_with_all_steps_off_features_change_nothing() -> None:
    plain, looking = BytePlus(), BytePlus(**OFF)
    for frame, features in crossing(5):
        one, other = plain.update(frame), looking.update(frame, features=features)
        assert np.array_equal(one.track_id, other.track_id)
        assert np.array_equal(one.xyxy, other.xyxy)


def test_shuffled_detections_with_looks_are_the_same_tracks() -> None:
    rng, one, other = np.random.default_rng(6), BytePlus(gallery_frames=100), BytePlus(gallery_frames=100)
    for frame, features in crossing(6):
        order = rng.permutation(len(frame))
        first, second = one.update(frame, features=features), other.update(frame[order], features=features[order])
        assert np.allclose(sorted(map(tuple, first.xyxy)), sorted(map(tuple, second.xyxy)), atol=1e-6)


def returning(away: int, who: int = 1, **settings: Any) -> list[list[int]]:
    """One of two is gone for longer than lost tracks are remembered: the identities once somebody of looks `who` is there, by frame."""
    tracker = BytePlus(max_lost_frames=10, **settings)
    standing(tracker, [0.0, 300.0], [0, 1], 40)
    standing(tracker, [0.0], [0], away, seed=2)
    return [standing(tracker, [0.0, 900.0], [0, who], 1, seed=3 + k) for k in range(4)]


def test_who_comes_back_has_his_old_identity_before_he_is_output_first() -> None:
    assert returning(60, gallery_frames=900) == [[1, 0], [1, 2], [1, 2], [1, 2]]
    assert returning(60) == [[1, 0], [1, 3], [1, 3], [1, 3]]


def test_a_stranger_and_who_comes_back_too_late_get_identities_of_their_own() -> None:
    assert returning(60, who=5, gallery_frames=900)[-1] == [1, 3]
    assert returning(60, gallery_frames=30)[-1] == [1, 3]
    assert returning(60, gallery_frames=30, frame_rate=90.0)[-1] == [1, 2]  # counted at 30 frames a second


def test_identities_of_those_who_came_back_stay_in_order_and_are_gone_with_reset() -> None:
    tracker = BytePlus(max_lost_frames=5, gallery_frames=900)
    standing(tracker, [0.0, 300.0, 600.0], [0, 1, 2], 40)
    standing(tracker, [600.0], [2], 20, seed=2)
    standing(tracker, [600.0, 900.0], [2, 7], 5, seed=3)
    rng = np.random.default_rng(4)
    found = Detections([[x, 100.0, x + 40.0, 200.0] for x in (600.0, 900.0, 1300.0, 1600.0)], [0.95] * 4)
    for _ in range(3):
        tracks = tracker.update(found, features=looks(rng, [2, 7, 1, 0]))
    assert tracks.track_id.tolist() == [1, 2, 3, 4]
    assert tracks.detection_index.tolist() == [3, 2, 0, 1]
    tracker.reset()
    standing(tracker, [300.0], [5], 10)
    assert standing(tracker, [300.0, 900.0], [5, 3], 3) == [1, 2]


def test_those_who_leave_in_a_gap_of_time_are_remembered() -> None:
    tracker = BytePlus(max_lost_frames=10, gallery_frames=900)
    standing(tracker, [0.0, 300.0], [0, 1], 40)
    tracker.update(boxes((600, 100, 640, 200)), features=of_axes(4), dt=100.0)
    assert standing(tracker, [600.0, 900.0], [4, 1], 3)[1] == 2


def living(ids: list[int], features: Floats, n_features: int = 20, classes: int = 0) -> Living:
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    n = len(ids)
    return Living(np.array(ids), np.full(n, classes), np.zeros(n), np.full(n, n_features), unit)


NOBODY = living([], np.empty((0, LENGTH)))


def span() -> tuple[float, float]:
    one, other = of_axes(0, 1) / np.linalg.norm(of_axes(0))
    return float(one @ other), 1.0


def test_of_two_who_left_and_look_alike_nobody_is_recognised() -> None:
    gallery = Gallery(100, 0.5, 0.2)
    gallery.remember(living([1, 2], of_axes(3, 3)), NOBODY, 1.0)
    assert gallery.recognise(living([9], of_axes(3)), np.array([True]), *span()) == {}
    assert len(gallery) == 2


def test_of_two_who_come_and_look_alike_nobody_is_recognised() -> None:
    gallery = Gallery(100, 0.5, 0.2)
    gallery.remember(living([1], of_axes(3)), NOBODY, 1.0)
    assert gallery.recognise(living([8, 9], of_axes(3, 3)), np.array([True, True]), *span()) == {}
    assert gallery.recognise(living([8, 9], of_axes(3, 5)), np.array([True, True]), *span()) == {8: 1}
    assert len(gallery) == 0


def test_who_looks_like_somebody_who_is_there_is_not_recognised() -> None:
    gallery = Gallery(100, 0.5, 0.2)
    gallery.remember(living([1], of_axes(3)), NOBODY, 1.0)
    assert gallery.recognise(living([7, 9], of_axes(3, 3)), np.array([False, True]), *span()) == {}


def test_classes_are_kept_apart_and_short_tracks_are_not_remembered() -> None:
    gallery = Gallery(100, 0.5, 0.2)
    gallery.remember(living([1], of_axes(3)), NOBODY, 1.0)
    gallery.remember(living([2], of_axes(4), n_features=2), NOBODY, 1.0)
    assert len(gallery) == 1
    assert gallery.recognise(living([9], of_axes(3), classes=1), np.array([True]), *span()) == {}


def test_a_gallery_holds_no_more_than_its_most_the_latest() -> None:
    gallery = Gallery(1e9, 0.5, 0.2)
    features = np.random.default_rng(0).normal(size=(MOST + 50, 128))
    gallery.remember(living(list(range(1, MOST + 51)), features), NOBODY, 1.0)
    assert len(gallery) == MOST
    assert gallery.recognise(living([5000], features[:1]), np.array([True]), 0.0, 1.0) == {}
    assert gallery.recognise(living([5000], features[-1:]), np.array([True]), 0.0, 1.0) == {5000: MOST + 50}


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"appearance_weight": 1.5}, "appearance_weight"),
        ({"appearance_memory": -0.1}, "appearance_memory"),
        ({"appearance_cost": 2}, "appearance_cost"),
        ({"appearance_reach": -1}, "appearance_reach"),
        ({"appearance_margin": float("nan")}, "appearance_margin"),
        ({"gallery_frames": -1}, "gallery_frames"),
        ({"gallery_likeness": 1.1}, "gallery_likeness"),
        ({"gallery_margin": None}, "gallery_margin"),
    ],
)
def test_a_setting_of_appearance_out_of_its_range_is_named(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        BytePlus(**settings)
