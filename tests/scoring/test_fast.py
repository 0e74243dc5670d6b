"""The fast scorer equals TrackEval in every field, ties included."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from bytetrack import Annotations, Trajectories
from bytetrack.data.datasets import MotChallenge
from bytetrack.io import read_annotations, read_trajectories
from bytetrack.scoring import fast, official
from bytetrack.scoring.assignment import assign, solver
from bytetrack.scoring.kernels import pairwise_sum
from tests.scoring.small_scenes import LENGTH, NO_ANNOTATIONS, NO_TRAJECTORIES, one_object, random_scene, tracked

PROTOCOLS = ("mot15", "mot17", "mot20")
FRAMES = 5


def assert_equal(ours: fast.Result, theirs: official.Result) -> None:
    for metric, fields in theirs.items():
        assert set(ours[metric]) == set(fields)
        for name, value in fields.items():
            assert np.allclose(ours[metric][name], value, rtol=0, atol=1e-12), (metric, name, ours[metric][name], value)


def both(annotations: Annotations, trajectories: Trajectories, length: int, protocol: str) -> tuple[fast.Result, official.Result]:
    ours = fast.evaluate(fast.prepare(annotations, length, protocol), trajectories)
    theirs = official.evaluate(annotations, trajectories, length, protocol)
    assert_equal(ours, theirs)
    return ours, theirs


# Widths of 20 beside widths 1..20 in one place: IoU exactly at every alpha and at 0.5; steps of 10 with width 30: exactly 0.5 too.
LEFT = st.sampled_from([0.0, 0.0, 10.0, 20.0, 7.0, 200.0])
SIZE = st.one_of(st.sampled_from([(20.0, 40.0), (30.0, 40.0), (0.0, 40.0)]), st.integers(1, 20).map(lambda w: (float(w), 40.0)))


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Annotations, Trajectories, str]:
    """Five frames, up to five boxes a side in each: ties, empty frames, thresholds met exactly, distractors, ignored boxes."""
    classes = draw(st.lists(st.sampled_from([1, 1, 1, 2, 3, 6, 7, 8, 12]), min_size=5, max_size=5))
    kept = draw(st.lists(st.sampled_from([True, True, False]), min_size=5, max_size=5))
    gt, pred = [], []
    for frame in range(1, FRAMES + 1):
        for rows in (gt, pred):
            for identity in sorted(draw(st.sets(st.integers(0, 4), max_size=5))):
                rows.append([frame, identity + 1, draw(LEFT), 10.0, *draw(SIZE)])
    g, p = np.array(gt, float).reshape(-1, 6), np.array(pred, float).reshape(-1, 6)
    of = g[:, 1].astype(int) - 1
    annotations = Annotations(g[:, 0].astype(int), of + 1, g[:, 2:], np.array(kept)[of], np.array(classes)[of], np.ones(len(g)))
    return (
        annotations,
        Trajectories(p[:, 0].astype(int), p[:, 1].astype(int), p[:, 2:], np.ones(len(p))),
        draw(st.sampled_from(PROTOCOLS)),
    )


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scenes())
def test_random_cases_equal_trackeval_in_every_field(scene: tuple[Annotations, Trajectories, str]) -> None:
    annotations, trajectories, protocol = scene
    both(annotations, trajectories, FRAMES, protocol)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_busy_lattices_equal_trackeval_alone_and_combined(protocol: str) -> None:
    pairs = {str(seed): both(*random_scene(seed), LENGTH, protocol) for seed in range(40)}
    pairs["no result"] = both(random_scene(0)[0], NO_TRAJECTORIES, LENGTH, protocol)
    pairs["no truth"] = both(NO_ANNOTATIONS, random_scene(0)[1], LENGTH, protocol)
    pairs["nothing"] = both(NO_ANNOTATIONS, NO_TRAJECTORIES, LENGTH, protocol)
    combined = fast.combine({name: ours for name, (ours, _) in pairs.items()})
    theirs = official.combine({name: result for name, (_, result) in pairs.items()})
    assert_equal(combined, theirs)
    shown = [{key: value for key, value in official.figures(result).items() if key != "per_alpha"} for result in (combined, theirs)]
    assert shown[0] == pytest.approx(shown[1], abs=1e-10)
    assert combined["CLEAR"]["IDSW"] > 30


@pytest.mark.parametrize("width", range(1, 21))
def test_a_threshold_met_exactly_counts(width: int) -> None:
    annotations = one_object([1, 2])
    boxes = np.tile([10.0, 10, width, 40], (2, 1))
    ours, _ = both(annotations, Trajectories(np.array([1, 2]), np.array([1, 1]), boxes, np.ones(2)), 2, "mot17")
    assert ours["HOTA"]["HOTA_TP"].tolist() == [2.0 if round(100 * (k + 1) / 20) <= 5 * width else 0.0 for k in range(19)]
    assert ours["CLEAR"]["CLR_TP"] == (2 if width >= 10 else 0)
    assert ours["Identity"]["IDTP"] == (2 if width >= 10 else 0)


def test_crowded_frames_equal_trackeval() -> None:
    rng = np.random.default_rng(0)  # 150 boxes a frame: beyond NumPy's blocks of 128 summands
    frame, identity = np.repeat([1, 2, 3], 150), np.tile(np.arange(1, 151), 3)
    start = rng.integers(0, 30, (150, 2)) * 5.0
    boxes = np.column_stack([start[identity - 1] + frame[:, None], np.full(450, 20.0), np.full(450, 40.0)])
    annotations = Annotations(frame, identity, boxes, np.ones(450, bool), np.where(identity % 9, 1, 6), np.ones(450))
    moved = boxes + np.column_stack([rng.integers(-5, 6, (450, 2)), np.zeros((450, 2))])
    keep = rng.random(450) < 0.95
    both(annotations, Trajectories(frame[keep], identity[keep], moved[keep], np.ones(int(keep.sum()))), 3, "mot20")


@pytest.mark.slow
@pytest.mark.parametrize("run", ["byte_paper", "sort", "byte_paper_interpolated"])
def test_half_val_equals_trackeval_in_every_field(data_dir: Path, mot17_dir: Path, run: str) -> None:
    pairs = {}
    for sequence in MotChallenge(mot17_dir, "train", "val", "*-FRCNN").sequences():
        trajectories = read_trajectories(data_dir / "expected" / "tracks" / run / f"{sequence.name}.txt", sequence.length)
        pairs[sequence.name] = both(read_annotations(sequence), trajectories, sequence.length, "mot17")
    assert len(pairs) == 7
    combined = fast.combine({name: ours for name, (ours, _) in pairs.items()})
    assert_equal(combined, official.combine({name: theirs for name, (_, theirs) in pairs.items()}))
    if run == "byte_paper":
        assert official.figures(combined)["HOTA"] == pytest.approx(67.803, abs=6e-4)


def test_assignments_are_scipys_also_where_several_are_best() -> None:
    rng = np.random.default_rng(1)
    for trial in range(1500):
        n, m = rng.integers(1, 10, 2)
        cost = -(rng.integers(0, 3, (n, m)) / 7 if trial % 2 else rng.random((n, m)) * (rng.random((n, m)) < 0.5))
        work = solver(10)
        assign(np.ascontiguousarray(cost).ravel(), n, m, work)
        found = [(i, j) for i, j in enumerate(work.column_of[:n].tolist()) if j >= 0]
        assert found == list(zip(*(side.tolist() for side in linear_sum_assignment(cost)), strict=True))


@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 40, 127, 128, 129, 137, 300, 1000])
def test_sums_are_numpys_to_the_last_bit(n: int) -> None:
    values = np.random.default_rng(n).random((20, n))
    scratch = np.empty(n, np.int64), np.empty(n)
    assert [pairwise_sum(row, 0, n, 1, *scratch) for row in values] == values.sum(axis=1).tolist()


def test_what_trackeval_refuses_is_refused() -> None:
    with pytest.raises(ValueError, match=r"classes must lie in 1\.\.13 under mot17's rules: got \[14\]"):
        fast.prepare(one_object([1], classes=14), 1, "mot17")
    with pytest.raises(ValueError, match="protocol must be one of mot15, mot17, mot20: got 'mot99'"):
        fast.prepare(one_object([1]), 1, "mot99")
    car = Trajectories(np.array([1]), np.array([1]), np.ones((1, 4)), np.ones(1), np.array([3]))
    with pytest.raises(ValueError, match="results must be of class 1"):
        fast.evaluate(fast.prepare(one_object([1]), 1, "mot17"), car)


def test_one_switch_in_ten_frames_is_counted_by_hand() -> None:
    frames = list(range(1, 11))
    found = official.figures(fast.evaluate(fast.prepare(one_object(frames), 10, "mot17"), tracked(frames, [1] * 6 + [2] * 4)))
    assert (found["IDSW"], found["TP"], found["FP"], found["FN"]) == (1, 10, 0, 0)
    assert found["AssA"] == pytest.approx(100 * (6 * 6 / 10 + 4 * 4 / 10) / 10)
    assert found["HOTA"] == pytest.approx(100 * (52 / 100) ** 0.5)
