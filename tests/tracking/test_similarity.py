"""Every similarity, worked by hand. Box A is 40 x 100, box B the same 10 px to the right and 20 px lower."""

from __future__ import annotations

import numpy as np
import pytest

from bytetrack.box_kernels import iou_of
from bytetrack.tracking.core.appearance import blend, half_cosine_distance, largest_cosine
from bytetrack.tracking.core.similarity import giou_penalty, grow, vertical_iou

A, B = np.array([100.0, 100.0, 140.0, 200.0]), np.array([110.0, 120.0, 150.0, 220.0])
SHARED, UNION = 30.0 * 80.0, 2 * 40.0 * 100.0 - 30.0 * 80.0


def test_iou() -> None:
    assert iou_of(A, B) == pytest.approx(SHARED / UNION) == pytest.approx(3 / 7)
    assert iou_of(A, B + 1000.0) == 0.0


def test_the_iou_of_vertical_intervals() -> None:
    assert vertical_iou(A, B) == pytest.approx(80 / 120)


def test_what_giou_takes_off() -> None:
    # The smallest box around both is 50 x 120.
    assert giou_penalty(A, B) == pytest.approx((50 * 120 - UNION) / (50 * 120))
    apart = np.add(A, [60.0, 0.0, 60.0, 0.0])  # 100 x 100 around two of 40 x 100: GIoU -0.2
    assert iou_of(A, apart) - giou_penalty(A, apart) == pytest.approx(-0.2)


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
