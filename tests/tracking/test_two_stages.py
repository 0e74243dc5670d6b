"""BYTE's two associations as a function of any similarity: worked by hand, and against SciPy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from bytetrack import associate_in_two_stages

Floats = npt.NDArray[np.float64]
NOBODY = np.empty((0, 3))


def found(similarity: npt.ArrayLike, score: npt.ArrayLike, **settings: object) -> list[int]:
    return associate_in_two_stages(similarity, score, **settings).tolist()


def test_a_low_detection_is_left_to_the_track_that_no_high_one_is_for() -> None:
    # Both tracks overlap the low detection more; the high one goes first all the same.
    similarity = [[0.6, 0.8], [0.2, 0.9]]
    assert found(similarity, [0.9, 0.4]) == [0, 1]
    assert found(similarity, [0.9, 0.4], low_score=None) == [0, -1]
    assert found(similarity, [0.9, 0.05]) == [0, -1]


def test_only_tracks_of_the_last_frame_get_low_detections_but_lost_ones_get_high_ones() -> None:
    similarity = [[0.9, 0.0], [0.0, 0.9]]
    assert found(similarity, [0.3, 0.8], tracked=[False, False]) == [-1, 1]
    assert found(similarity, [0.3, 0.8], tracked=[True, False]) == [0, 1]


def test_the_largest_sum_wins_not_the_largest_pair() -> None:
    # 0.9 alone and 0.2 make 1.1, 0.8 and 0.7 make 1.5.
    assert found([[0.9, 0.8], [0.7, 0.2]], [0.9, 0.9]) == [1, 0]
    # What exceeds a limit of 0.6 counts: 0.3 of the first pair alone, 0.2 and 0.05 of the other two together.
    assert found([[0.9, 0.8], [0.65, 0.2]], [0.9, 0.9], least_similarity=0.6) == [0, -1]


def test_a_pair_at_the_limit_is_none() -> None:
    assert found([[0.5]], [0.9], least_similarity=0.5) == [-1]
    assert found([[0.5]], [0.3], low_least_similarity=0.5) == [-1]
    assert found([[0.5]], [0.3], low_least_similarity=0.4999) == [0]


def test_scores_at_a_threshold_belong_above_it() -> None:
    assert found([[0.3]], [0.6], low_least_similarity=0.2) == [0]
    assert found([[0.3]], [0.6], low_least_similarity=0.2, least_similarity=0.4) == [-1]
    assert found([[0.9]], [0.1]) == [0]


def test_each_association_may_have_its_own_similarity() -> None:
    # By looks the half-hidden detection is nobody's; by overlap it is the second track's.
    looks, overlap = [[0.9, -1.0], [0.1, -1.0]], [[0.0, 0.2], [0.0, 0.7]]
    assert found(looks, [0.9, 0.3]) == [0, -1]
    assert found(looks, [0.9, 0.3], low_similarity=overlap) == [0, 1]


def test_distances_in_pixels_are_similarities_with_a_minus() -> None:
    distance = np.array([[3.0, 40.0], [30.0, np.inf]])
    assert found(-distance, [0.9, 0.9], least_similarity=-100.0) == [1, 0]
    assert found(-distance, [0.9, 0.9], least_similarity=-20.0) == [0, -1]


def test_nobody_and_nothing_have_an_answer() -> None:
    assert found(NOBODY, [0.9, 0.3, 0.2]) == []
    assert found(NOBODY.T, []) == [-1, -1, -1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"score": [0.9]}, r"similarities must have shape \(n, m\)"),
        ({"tracked": [True]}, r"tracked \(1,\) of bool"),
        ({"tracked": [0, 1]}, "of int64"),
        ({"low_similarity": [[0.1]]}, r"low_similarity \(1, 1\)"),
        ({"similarity": [[0.1, np.nan], [0.0, 0.0]]}, "similarity must be finite, or -inf"),
        ({"low_similarity": [[np.inf, 0.0], [0.0, 0.0]]}, "low_similarity must be finite"),
        ({"low_score": 0.7}, r"low_score must lie in \[0, high_score\]"),
        ({"high_score": 1.5}, "high_score must be a number"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(changes: dict[str, object], message: str) -> None:
    given_: dict[str, object] = {"similarity": [[0.9, 0.2], [0.3, 0.8]], "score": [0.9, 0.3], **changes}
    with pytest.raises(ValueError, match=message) as caught:
        associate_in_two_stages(**given_)
    assert "\n" not in str(caught.value)


def by_scipy(similarity: Floats, rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64], least: float) -> dict[int, int]:
    """The best pairs above a limit of the full matrix, pairs below it set to it."""
    matrix = similarity[np.ix_(rows, columns)]
    pairs = zip(*linear_sum_assignment(np.maximum(matrix, least), maximize=True), strict=True)
    return {int(rows[i]): int(columns[j]) for i, j in pairs if matrix[i, j] > least}


@given(
    seed=st.integers(0, 2**32 - 1), n=st.integers(0, 12), m=st.integers(0, 12), least=st.floats(-1, 1), low_least=st.floats(-1, 1),
    high=st.floats(0, 1), low=st.none() | st.floats(0, 1), pairs=st.sampled_from([0.1, 0.5, 1.0]),
)  # fmt: skip
def test_both_associations_are_scipys(
    seed: int, n: int, m: int, least: float, low_least: float, high: float, low: float | None, pairs: float
) -> None:
    rng = np.random.default_rng(seed)
    similarity, second, score = rng.uniform(-1, 1, (n, m)), rng.uniform(-1, 1, (n, m)), rng.random(m)
    similarity[rng.random((n, m)) >= pairs] = -np.inf
    tracked, low = rng.random(n) < 0.7, None if low is None else low * high
    settings = {"high_score": high, "low_score": low, "least_similarity": least, "low_least_similarity": low_least}
    expected = by_scipy(np.maximum(similarity, -9.0), np.arange(n), np.flatnonzero(score >= high), least)
    left = np.array([i for i in range(n) if tracked[i] and i not in expected], dtype=np.int64)
    faint = np.flatnonzero((score < high) & (score >= (high if low is None else low)))
    expected |= by_scipy(second, left, faint, low_least)
    assert found(similarity, score, low_similarity=second, tracked=tracked, **settings) == [expected.get(i, -1) for i in range(n)]
