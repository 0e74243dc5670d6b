"""Every similarity, worked by hand. Box A is 40 x 100, box B the same 10 px to the right and 20 px lower."""

from __future__ import annotations

import numpy as np
import pytest

from bytetrack.box_kernels import iou_of
from bytetrack.tracking.core.appearance import blend, half_cosine_distance, largest_cosine
from bytetrack.tracking.core.association import Pairs
from bytetrack.tracking.core.similarity import grow, modulate_by_height, vertical_iou

A, B = np.array([100.0, 100.0, 140.0, 200.0]), np.array([110.0, 120.0, 150.0, 220.0])
SHARED, UNION = 30.0 * 80.0, 2 * 40.0 * 100.0 - 30.0 * 80.0


def test_iou() -> None:
    assert iou_of(A, B) == pytest.approx(SHARED / UNION) == pytest.approx(3 / 7)
    assert iou_of(A, B + 1000.0) == 0.0


def test_the_iou_of_vertical_intervals() -> None:
    assert vertical_iou(A, B) == pytest.approx(80 / 120)


@pytest.mark.parametrize(
    ("power", "typical", "factor"), [(1.0, 1.0, 2 / 3), (2.0, 1.0, 4 / 9), (1.5, 1.0, (2 / 3) ** 1.5), (2.0, 0.8, 25 / 36), (2.0, 0.6, 1.0)]
)
def test_a_similarity_is_modulated_by_how_well_heights_agree_with_what_is_typical(power: float, typical: float, factor: float) -> None:
    pairs = Pairs(np.array([0, 1]), np.array([0]), np.array([1 - 3 / 7]))
    modulate_by_height(np.array([0]), power, typical, A[None], B[None], pairs)
    assert pairs.cost[0] == pytest.approx(1 - 3 / 7 * factor)


def test_a_buffered_box_grows_on_every_side() -> None:
    grown = np.zeros(4)
    grow(A, 0.5, grown)
    assert grown.tolist() == [80.0, 50.0, 160.0, 250.0]


def test_looks_are_compared_by_cosine() -> None:
    gallery, sums = np.array([[1.0, 0.6, 9.0], [0.0, 0.8, 9.0]]), np.zeros(4)  # the third column is not filled yet
    assert largest_cosine(gallery, 2, np.array([0.0, 1.0]), sums) == pytest.approx(0.8)
    assert largest_cosine(gallery, 0, np.array([0.0, 1.0]), sums) == -1.0
    assert half_cosine_distance(np.array([[1.0], [0.0]]), np.array([0.6, 0.8])) == pytest.approx(0.2)
    memory = np.array([[1.0], [0.0]])
    blend(memory, np.array([0.0, 1.0]), 0.5)
    assert memory[:, 0] == pytest.approx([0.5**0.5] * 2)
