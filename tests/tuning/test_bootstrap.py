"""Resampled sequences: the weighted sums are those of combining the drawn sequences."""

from __future__ import annotations

import numpy as np
import pytest

from bytetrack.scoring import fast
from bytetrack.tuning.bootstrap import draw_weights, interval
from tests.scoring.small_scenes import LENGTH, random_scene


def results() -> list[fast.Result]:
    scenes = [random_scene(seed) for seed in range(4)]
    return [fast.evaluate(fast.prepare(annotations, LENGTH, "mot17"), tracks) for annotations, tracks in scenes]


def test_a_resample_scores_as_the_sequences_drawn_combined() -> None:
    found = results()
    weights = np.array([[1, 1, 1, 1], [2, 0, 1, 1], [0, 0, 0, 4]], float)
    samples = fast.figures({str(k): result for k, result in enumerate(found)}, weights)
    for row, drawn in enumerate(([0, 1, 2, 3], [0, 0, 2, 3], [3, 3, 3, 3])):
        expected = fast.figures({str(k): found[sequence] for k, sequence in enumerate(drawn)})
        assert {name: values[row] for name, values in samples.items()} == pytest.approx(expected)


def test_weights_draw_as_many_sequences_as_there_are() -> None:
    weights = draw_weights(7, 1000, 0)
    assert (weights.sum(axis=1) == 7).all()
    assert weights.mean(axis=0) == pytest.approx(np.ones(7), abs=0.15)
    assert np.array_equal(weights, draw_weights(7, 1000, 0))


def test_an_interval_holds_the_middle() -> None:
    assert interval(np.arange(1001.0)) == pytest.approx((25.0, 975.0))
