"""motmetrics fed with arrays: the paper's protocol."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bytetrack import Annotations, Trajectories
from bytetrack.scoring import paper
from tests.scoring.small_scenes import NO_ANNOTATIONS, NO_TRAJECTORIES, one_object, random_scene, tracked


def by_motmetrics(annotations: Annotations, trajectories: Trajectories, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Its own compare_to_groundtruth on data frames, with the NumPy function that it misses given back."""
    import motmetrics

    patch.setattr(np, "asfarray", lambda values: np.asarray(values, dtype=float), raising=False)

    def table(source: Annotations | Trajectories, rows: np.ndarray) -> pd.DataFrame:
        index = pd.MultiIndex.from_arrays([source.frame_id[rows], source.track_id[rows]], names=["FrameId", "Id"])
        return pd.DataFrame(source.tlwh[rows], index=index, columns=["X", "Y", "Width", "Height"])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gt, results = table(annotations, annotations.considered), table(trajectories, np.ones(len(trajectories), bool))
        accumulator = motmetrics.utils.compare_to_groundtruth(gt, results, "iou", distth=0.5)
        return dict(motmetrics.metrics.create().compute(accumulator, metrics=paper.NEEDED, return_dataframe=False))


def test_random_scenes_score_as_motmetrics_own_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    switches = 0.0
    for seed in range(10):
        annotations, trajectories = random_scene(seed)
        ours = paper.evaluate(annotations, trajectories)
        theirs = by_motmetrics(annotations, trajectories, monkeypatch)
        assert ours == pytest.approx({name: float(value) for name, value in theirs.items()}, abs=1e-12, nan_ok=True), seed
        switches += ours["num_switches"]
    assert switches > 0


def test_one_switch_in_ten_frames_is_counted_by_hand() -> None:
    frames = list(range(1, 11))
    found = paper.figures(paper.evaluate(one_object(frames), tracked(frames, [1] * 6 + [2] * 4)))
    assert (found["IDs"], found["FP"], found["FN"], found["Frag"], found["MT"]) == (1, 0, 0, 0, 1)
    assert found["MOTA"] == pytest.approx(90)
    assert found["IDF1"] == pytest.approx(100 * 2 * 6 / 20)
    assert found["MOTP"] == 100


def test_a_box_on_an_ignored_object_counts_as_false() -> None:
    statue = one_object([1, 2], classes=7)
    annotations = Annotations(statue.frame_id, statue.track_id, statue.tlwh, np.zeros(2, bool), statue.class_id, statue.visibility)
    assert paper.figures(paper.evaluate(annotations, tracked([1, 2], [1, 1])))["FP"] == 2


def test_an_overlap_of_exactly_a_half_matches() -> None:
    gt = one_object([1])
    half = Trajectories(np.array([1]), np.array([1]), np.array([[10.0, 10, 20, 20]]), np.ones(1))
    assert paper.figures(paper.evaluate(gt, half))["FN"] == 0
    less = Trajectories(np.array([1]), np.array([1]), np.array([[10.0, 10, 20, 19.9]]), np.ones(1))
    assert paper.figures(paper.evaluate(gt, less))["FN"] == 1


def test_sequences_combine_by_sums() -> None:
    frames = list(range(1, 11))
    a = paper.evaluate(one_object(frames), tracked(frames, [1] * 10))
    b = paper.evaluate(one_object(frames), NO_TRAJECTORIES)
    found = paper.figures(paper.combine({"a": a, "b": b}))
    assert (found["MOTA"], found["FN"], found["MT"], found["ML"]) == (50, 10, 1, 1)
    assert found["IDF1"] == pytest.approx(100 * 2 * 10 / 30)


def test_what_is_nothing_over_nothing_is_none() -> None:
    assert paper.figures(paper.evaluate(one_object([1]), NO_TRAJECTORIES))["Precision"] is None
    found = paper.figures(paper.evaluate(NO_ANNOTATIONS, NO_TRAJECTORIES))
    assert (found["MOTA"], found["FP"], found["MOTP"]) == (None, 0, None)
