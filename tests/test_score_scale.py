"""Scores of files that leave [0, 1]: which rule holds, and that no single score decides what becomes of the others."""

from __future__ import annotations

import numpy as np
import pytest

from bytetrack.score_scale import in_unit_interval


def test_scores_in_the_unit_interval_are_left_alone() -> None:
    score = np.array([0.0, 0.3, 1.0])
    found, said = in_unit_interval(score)
    assert found is score
    assert said is None
    assert in_unit_interval(np.full(3, 0.5))[1] is None
    assert in_unit_interval(np.empty(0))[1] is None


@pytest.mark.parametrize(
    ("given", "expected", "said"),
    [
        ([1.0000001, 0.8, 0.7], [1, 0.8, 0.7], "1 of 3 scores outside [0, 1] (1.0000001 to 1.0000001) cut to it"),
        ([-0.001, 0.8], [0, 0.8], "1 of 2 scores outside"),
        ([-1.0, -1.0], [1, 1], "2 of 2 scores are -1, which means no score: set to 1"),
        ([100.0, 100.0], [1, 1], "2 of 2 scores are 100, which means no score: set to 1"),
        ([-1.0, 0.4], [1, 0.4], "1 of 2 scores are -1"),
        ([95.2, 40.0, 0.5], [0.952, 0.4, 0.005], "scores of 0.5 to 95.2 taken as percentages"),
        ([-0.5, 0.5, *[1.5] * 3], [0, 0.5, 1, 1, 1], "scores of -0.5 to 1.5 mapped: -0.5 becomes 0, 1.5 and above 1"),
        ([0.0] * 99 + [7.0], [0] * 99 + [1], "1 of 100 scores outside [0, 1] (7 to 7) cut to it"),
        ([1.0] * 3 + [1.25] * 2, [0.8] * 3 + [1] * 2, "scores of 1 to 1.25 mapped: 0 becomes 0, 1.25 and above 1"),
        ([102.0, 204.0, 204.0], [0.5, 1, 1], "scores of 102 to 204 mapped: 0 becomes 0, 204 and above 1"),
        ([-2.0] * 95 + [3.0] * 5, [0] * 95 + [1] * 5, "scores of -2 to 3 mapped: -2 becomes 0, 3 and above 1"),
    ],
)
def test_every_kind_of_other_scores_has_its_rule(given: list[float], expected: list[float], said: str) -> None:
    found, words = in_unit_interval(np.array(given))
    assert found.tolist() == pytest.approx(expected)
    assert words is not None
    assert words.startswith(said)


@pytest.mark.parametrize("wild", [1.0000001, 3.0, 99.0, -1.0, -7.0])
def test_one_wild_score_changes_no_other(wild: float) -> None:
    score = np.linspace(0.1, 0.9, 200)
    score[17] = wild
    found, said = in_unit_interval(score)
    assert np.delete(found, 17).tolist() == np.delete(score, 17).tolist()
    assert 0 <= found[17] <= 1
    assert said is not None


def test_the_highest_of_unbounded_scores_does_not_decide_what_becomes_of_the_others() -> None:
    score = np.linspace(-0.5, 3.0, 100)
    higher = np.append(score, 9.0)
    assert in_unit_interval(higher)[0][:100] == pytest.approx(in_unit_interval(score)[0], abs=0.02)
