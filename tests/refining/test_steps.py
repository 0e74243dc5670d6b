"""The steps of refinement, on trajectories small enough to work out by hand."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bytetrack import Detections, SequenceDetections, Trajectories
from bytetrack.refining import (
    DropDoubtful,
    DropShort,
    Extend,
    Interpolate,
    Link,
    Refiner,
    Remeasure,
    SequenceContext,
    SmoothGaussian,
    SmoothSecondDifferences,
)

STILL = SequenceContext()


def walk(frames: list[int], left: list[float], track_id: int = 1, score: float = 0.9, class_id: int | None = None) -> Trajectories:
    """One identity, 20 x 40 pixels, on one height."""
    n = len(frames)
    tlwh = np.column_stack([left, np.full(n, 10.0), np.full(n, 20.0), np.full(n, 40.0)])
    classes = None if class_id is None else np.full(n, class_id)
    return Trajectories(np.array(frames, np.int64), np.full(n, track_id), tlwh, np.full(n, score), classes)


def together(*parts: Trajectories) -> Trajectories:
    frame, track, tlwh, score = (np.concatenate([getattr(p, name) for p in parts]) for name in ("frame_id", "track_id", "tlwh", "score"))
    order = np.lexsort((track, frame))
    classes = None if parts[0].class_id is None else np.concatenate([part.class_id for part in parts])[order]
    return Trajectories(frame[order], track[order], tlwh[order], score[order], classes)


def panning(n: int, shift: float) -> SequenceContext:
    """A camera that moves everything `shift` pixels to the right in every frame."""
    affines = np.tile(np.array([[1.0, 0, shift], [0, 1, 0]]), (n, 1, 1))
    affines[0] = np.eye(2, 3)
    return SequenceContext(affines)


def seen(*frames: list[tuple[float, float]]) -> SequenceDetections:
    """Detections of 20 x 40 boxes, (left, score) of every frame."""
    return SequenceDetections.from_frames(
        [
            Detections([[x, 10, x + 20, 50] for x, _ in frame], [score for _, score in frame]) if frame else Detections.empty()
            for frame in frames
        ]
    )


def same(first: Trajectories, second: Trajectories) -> bool:
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in ("frame_id", "track_id", "tlwh", "score"))


def test_three_boxes_are_smoothed_as_the_formula_says() -> None:
    # least (z - y)^2 + penalty (z0 - 2 z1 + z2)^2 for y = 0, 6, 0: z = y - penalty (1, -2, 1) d with d = -12 / (1 + 6 penalty)
    penalty = Fraction(2)
    bend = Fraction(-12) / (1 + 6 * penalty)
    expected = [float(y - penalty * c * bend) for y, c in zip((0, 6, 0), (1, -2, 1), strict=True)]
    smooth = SmoothSecondDifferences(position=2, size=5, score_power=0)
    assert smooth(walk([1, 2, 3], [0, 6, 0]), STILL).tlwh[:, 0] == pytest.approx(expected, abs=1e-12)


def test_a_box_of_low_score_gives_way() -> None:
    track = walk([1, 2, 3], [0, 6, 0])
    doubtful = Trajectories(track.frame_id, track.track_id, track.tlwh, np.array([0.9, 0.3, 0.9]))
    smooth = SmoothSecondDifferences(position=2)
    assert smooth(doubtful, STILL).tlwh[1, 0] < smooth(track, STILL).tlwh[1, 0] < 6


@pytest.mark.parametrize("step", [SmoothSecondDifferences(), SmoothGaussian()])
def test_smoothing_keeps_what_is_straight_and_what_is_short(step: SmoothSecondDifferences | SmoothGaussian) -> None:
    straight = walk(list(range(1, 40)), [3.0 * k for k in range(1, 40)])
    assert step(straight, STILL).tlwh == pytest.approx(straight.tlwh, abs=1e-8)
    for short in (walk([], []), walk([4], [7]), walk([4, 5], [7, 90]), walk([1, 2, 8, 9], [0, 50, 3, 80])):
        assert same(step(short, STILL), short)


@pytest.mark.parametrize("step", [SmoothSecondDifferences(), SmoothGaussian()])
@given(seed=st.integers(0, 2**32 - 1), shift=st.floats(-1e4, 1e4))
@settings(max_examples=20)
def test_a_shifted_scene_is_smoothed_to_a_shifted_result(step: SmoothSecondDifferences | SmoothGaussian, seed: int, shift: float) -> None:
    left = np.cumsum(np.random.default_rng(seed).normal(size=30))
    frames = list(range(1, 31))
    here, there = step(walk(frames, list(left)), STILL), step(walk(frames, list(left + shift)), STILL)
    assert there.tlwh[:, 0] == pytest.approx(here.tlwh[:, 0] + shift, abs=1e-6)
    assert np.abs(np.diff(here.tlwh[:, 0], 2)).sum() < np.abs(np.diff(left, 2)).sum()


def test_the_gaussian_process_does_not_pull_boxes_to_an_origin() -> None:
    step, frames = SmoothGaussian(), list(range(1, 601))
    walked = step(walk(frames, [1000 + 20 * np.sin(k / 30) for k in frames]), STILL)
    assert walked.tlwh[:, 0] == pytest.approx([1000 + 20 * np.sin(k / 30) for k in frames], abs=0.2)
    assert walked.tlwh[:, 2:] == pytest.approx(np.tile([20.0, 40.0], (600, 1)))


def test_filling_twice_is_filling_once() -> None:
    fill, track = Interpolate(min_length=1), walk([1, 4, 30], [0, 3, 100])
    once = fill(track, STILL)
    assert same(fill(once, STILL), once)


def test_a_gap_is_filled_straight_on_the_ground_under_a_moving_camera() -> None:
    track = walk([1, 4], [0, 90])  # 30 pixels a frame; the camera's accelerating pan explains it all
    affines = np.tile(np.eye(2, 3), (4, 1, 1))
    affines[1:, 0, 2] = [10, 20, 60]
    filled = Interpolate(0, 20, follow_camera=True)(track, SequenceContext(affines))
    assert filled.tlwh[:, 0] == pytest.approx([0, 10, 30, 90])
    assert filled.tlwh[:, 2:].tolist() == [[20, 40]] * 4
    assert Interpolate(0, 20)(track, SequenceContext(affines)).tlwh[:, 0].tolist() == [0, 30, 60, 90]


def test_pieces_are_linked_where_each_leads_to_the_other() -> None:
    before, after = walk([1, 2, 3, 4, 5], [0, 2, 4, 6, 8], 1), walk([10, 11, 12, 13, 14], [18, 20, 22, 24, 26], 7)
    linked = Link()(together(before, after), STILL)
    assert set(linked.track_id.tolist()) == {1}
    assert linked.frame_id.tolist() == [1, 2, 3, 4, 5, 10, 11, 12, 13, 14]
    elsewhere = walk([10, 11, 12, 13, 14], [48, 50, 52, 54, 56], 7)  # 30 pixels, 1.5 widths, / (1 + 5 / 30) is above 0.4
    assert set(Link()(together(before, elsewhere), STILL).track_id.tolist()) == {1, 7}
    assert set(Link(max_cost=1.5 / (1 + 5 / 30) + 1e-9)(together(before, elsewhere), STILL).track_id.tolist()) == {1}
    assert set(Link(max_cost=1.5 / (1 + 5 / 30) - 1e-9)(together(before, elsewhere), STILL).track_id.tolist()) == {1, 7}


def test_linking_knows_classes_gaps_lengths_and_frames_shared() -> None:
    before, after = walk([1, 2, 3, 4, 5], [0, 2, 4, 6, 8], 1), walk([10, 11, 12, 13, 14], [18, 20, 22, 24, 26], 7)
    both = together(before, after)
    assert len(set(Link(max_gap=4)(both, STILL).track_id.tolist())) == 2
    assert len(set(Link(max_gap=5)(both, STILL).track_id.tolist())) == 1
    assert len(set(Link(min_length=6)(both, STILL).track_id.tolist())) == 2
    classes = np.where(both.track_id == 1, 1, 3)
    apart = Link()(Trajectories(both.frame_id, both.track_id, both.tlwh, both.score, classes), STILL)
    assert len(set(apart.track_id.tolist())) == 2
    assert same(
        Link(max_cost=9)(together(before, walk([5, 6, 7, 8, 9], [8, 10, 12, 14, 16], 7)), STILL),
        together(before, walk([5, 6, 7, 8, 9], [8, 10, 12, 14, 16], 7)),
    )


def test_a_chain_of_pieces_becomes_one() -> None:
    parts = [walk(list(range(s, s + 5)), [2.0 * k for k in range(s, s + 5)], i) for i, s in enumerate((1, 10, 20), start=1)]
    assert set(Link()(together(*parts), STILL).track_id.tolist()) == {1}


def test_linking_takes_out_the_camera() -> None:
    # standing in the world; the camera pans 10 pixels a frame, but not in the gap, frames 6 to 9
    affines = np.tile(np.eye(2, 3), (14, 1, 1))
    affines[1:5, 0, 2] = affines[10:, 0, 2] = 10
    before, after = walk([1, 2, 3, 4, 5], [0, 10, 20, 30, 40], 1), walk([10, 11, 12, 13, 14], [40, 50, 60, 70, 80], 7)
    assert set(Link()(together(before, after), SequenceContext(affines)).track_id.tolist()) == {1}
    assert set(Link()(together(before, after), STILL).track_id.tolist()) == {1, 7}


def test_short_and_doubtful_trajectories_go() -> None:
    short, doubtful = walk([1, 2], [0, 0], 1), walk([1, 2, 3, 4], [0, 0, 0, 0], 2, score=0.5)
    assert set(DropShort(3)(together(short, doubtful), STILL).track_id.tolist()) == {2}
    assert set(DropDoubtful(0.6, 4)(together(short, doubtful), STILL).track_id.tolist()) == {1}
    assert set(DropDoubtful(0.5, 4)(together(short, doubtful), STILL).track_id.tolist()) == {1, 2}
    assert set(DropDoubtful(0.6, 3)(together(short, doubtful), STILL).track_id.tolist()) == {1, 2}
    filled = Trajectories(short.frame_id, short.track_id, short.tlwh, np.array([0.7, -1.0]))
    assert len(DropDoubtful(0.6, 4)(filled, STILL)) == 2


def test_boxes_become_the_detections_they_came_from() -> None:
    track = walk([1, 2], [0, 5])
    context = SequenceContext(None, seen([(2, 0.8), (1, 0.9)], [(16, 0.9)]))
    found = Remeasure()(track, context)
    assert found.tlwh[:, 0].tolist() == [1, 5]  # the equal score; 9 / 31 is too little overlap
    assert found.score.tolist() == [0.9, 0.9]
    assert same(Remeasure()(track, STILL), track)


def test_trajectories_go_on_to_detections_that_lie_where_they_lead() -> None:
    track = walk([3, 4, 5], [30, 40, 50])
    frames: list[list[tuple[float, float]]] = [[(10, 0.5)], [(20, 0.5)], [], [], [], [(60, 0.5)], [(70, 0.3)], [(80, 0.9)]]
    longer = Extend()(track, SequenceContext(None, seen(*frames)))
    assert longer.frame_id.tolist() == [1, 2, 3, 4, 5, 6]
    assert longer.tlwh[:, 0].tolist() == [10, 20, 30, 40, 50, 60]
    assert longer.score.tolist() == [0.5, 0.5, 0.9, 0.9, 0.9, 0.5]
    other = walk([6], [58], 2)
    assert 6 not in Extend()(together(track, other), SequenceContext(None, seen(*frames))).frame_id[:-1].tolist()


def test_extension_follows_the_camera() -> None:
    track, context = walk([1, 2, 3], [0, 0, 0]), SequenceContext(panning(5, 0.0).camera_motion, seen([], [], [], [(100, 0.9)], []))
    assert len(Extend()(track, context)) == 3
    assert context.camera_motion is not None
    context.camera_motion[3, 0, 2] = 100
    assert Extend()(track, context).tlwh[:, 0].tolist() == [0, 0, 0, 100]


def test_motion_forwards_and_back_cancel() -> None:
    rng = np.random.default_rng(0)
    context = SequenceContext(np.eye(2, 3) + 0.05 * rng.normal(size=(9, 2, 3)))
    assert context.motion(2, 7)[-1] @ context.motion(7, 2)[-1] == pytest.approx(np.eye(3), abs=1e-9)
    assert context.motion(3, 3).tolist() == [np.eye(3).tolist()]
    assert context.motion(2, 3)[-1][:2].tolist() == context.camera_motion[2].tolist()


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_no_step_makes_a_frame_hold_an_identity_twice_or_changes_its_input(seed: int) -> None:
    rng = np.random.default_rng(seed)
    parts = []
    for track_id in range(1, 9):
        frames = np.flatnonzero(rng.random(40) < rng.uniform(0.2, 0.9)) + 1
        if len(frames):
            parts.append(
                walk(frames.tolist(), (100 * rng.random() + 2.0 * frames + rng.normal(size=len(frames))).tolist(), track_id, rng.random())
            )
    given_tracks = together(*parts)
    before = given_tracks.tlwh.copy(), given_tracks.score.copy()
    detections = SequenceDetections.from_frames(
        [Detections(np.tile(rng.random((6, 2)) * 150, 2) + np.array([0, 0, 20, 40]), rng.random(6)) for _ in range(40)]
    )
    steps: tuple[Any, ...] = (
        Remeasure(0.1, 0.0),
        Extend(0.0, 0.1),
        Link(5, 60, 1),
        DropShort(2),
        DropDoubtful(0.2, 5),
        Interpolate(0, 30, True),
        SmoothSecondDifferences(),
    )
    refined = Refiner({str(k): step for k, step in enumerate(steps)})(
        given_tracks, SequenceContext(panning(40, 1.0).camera_motion, detections)
    )
    keys = list(zip(refined.frame_id.tolist(), refined.track_id.tolist(), strict=True))
    assert keys == sorted(set(keys))
    assert np.isfinite(refined.tlwh).all()
    assert (refined.tlwh[:, 2:] > 0).all()
    assert np.array_equal(given_tracks.tlwh, before[0])
    assert np.array_equal(given_tracks.score, before[1])


def test_every_step_takes_nothing_and_names_its_arguments() -> None:
    nothing = walk([], [])
    steps = (Remeasure(), Extend(), Link(), DropShort(), DropDoubtful(), Interpolate(), SmoothGaussian(), SmoothSecondDifferences())
    for step in steps:
        assert len(step(nothing, SequenceContext(None, seen([], [(1, 0.9)])))) == 0
    with pytest.raises(ValueError, match="max_gap must be a whole number from 0 up: got -1"):
        Link(max_gap=-1)
    with pytest.raises(ValueError, match=r"step smooth must be a config with a _target_, or null to leave it out: got 3"):
        Refiner({"smooth": 3})
