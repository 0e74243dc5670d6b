"""Box arithmetic: formats convert there and back, overlap is what geometry says."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bytetrack import boxes
from bytetrack.boxes import area, clip, iou

corner = st.floats(-1e4, 1e4, width=32)
side = st.floats(0.125, 1e3, width=32)
tlwhs = st.lists(st.tuples(corner, corner, side, side), max_size=6).map(lambda rows: np.array(rows).reshape(-1, 4))


@given(tlwhs)
def test_formats_convert_there_and_back(tlwh: np.ndarray) -> None:
    xyxy = boxes.xyxy_from_tlwh(tlwh)
    before = xyxy.copy()
    pairs: list[tuple[Callable, Callable]] = [
        (boxes.tlwh_from_xyxy, boxes.xyxy_from_tlwh),
        (boxes.xywh_from_xyxy, boxes.xyxy_from_xywh),
        (boxes.xyah_from_xyxy, boxes.xyxy_from_xyah),
    ]
    for there, back in pairs:
        assert back(there(xyxy)) == pytest.approx(xyxy, abs=1e-8)
    assert (xyxy == before).all()


def test_converters_give_the_numbers_by_hand() -> None:
    assert boxes.xyxy_from_tlwh([1, 2, 3, 4]).tolist() == [1, 2, 4, 6]
    assert boxes.xywh_from_xyxy([1, 2, 4, 6]).tolist() == [2.5, 4, 3, 4]
    assert boxes.xyah_from_xyxy([1, 2, 4, 6]).tolist() == [2.5, 4, 0.75, 4]


def test_overlap_by_hand() -> None:
    assert iou([[0, 0, 2, 2]], [[1, 1, 3, 3]])[0, 0] == float(Fraction(1, 7))
    assert iou([[0, 0, 2, 2]], [[2, 0, 4, 2]])[0, 0] == 0
    assert iou([[0, 0, 1, 1]], [[1, 0, 2, 1]], plus_one=True)[0, 0] == float(Fraction(2, 6))  # 2 x 2 pixels each, one column shared


def test_boxes_without_area_overlap_nothing_and_never_nan() -> None:
    flat = [[5, 5, 5, 5], [0, 0, 0, 10], [3, 3, 1, 1]]
    assert iou(flat, [*flat, [0, 0, 10, 10]]).tolist() == np.zeros((3, 4)).tolist()
    assert iou(np.empty((0, 4)), flat).shape == (0, 3)


@given(tlwhs, tlwhs, st.floats(-100, 100, width=32))
def test_overlap_is_symmetric_bounded_and_follows_shifts(a: np.ndarray, b: np.ndarray, shift: float) -> None:
    first, second = boxes.xyxy_from_tlwh(a), boxes.xyxy_from_tlwh(b)
    overlap = iou(first, second)
    assert overlap.shape == (len(a), len(b))
    assert overlap == pytest.approx(iou(second, first).T)
    assert ((overlap >= 0) & (overlap <= 1 + 1e-9)).all()
    assert iou(first, first).diagonal() == pytest.approx(np.ones(len(a)))
    assert iou(first + shift, second + shift) == pytest.approx(overlap, abs=1e-3)


@given(arrays(np.float64, (3, 4), elements=st.floats(-500, 500)))
def test_clipped_boxes_lie_in_the_image_and_have_no_more_area(xyxy: np.ndarray) -> None:
    clipped = clip(xyxy, 100, 50)
    assert ((clipped[:, 0::2] >= 0) & (clipped[:, 0::2] <= 100) & (clipped[:, 1::2] >= 0) & (clipped[:, 1::2] <= 50)).all()
    assert (area(clipped) <= area(xyxy)).all()


PEOPLE = np.array([[600.0, 200, 30, 80], [60, 220, 40, 90], [300, 400, 35, 85]])
IN_THE_FIRST_QUARTER = np.array([[100.0 + 20 * k, 80, 30, 70] for k in range(6)])


@pytest.mark.parametrize("people", [PEOPLE, IN_THE_FIRST_QUARTER], ids=["few, one leaves the image", "a walk in the first quarter"])
def test_corners_are_suspected_where_they_cannot_be_told_for_sure(people: np.ndarray) -> None:
    size = (768, 576)
    assert boxes.may_be_corners(boxes.xyxy_from_tlwh(people), *size)
    assert not boxes.are_corners(boxes.xyxy_from_tlwh(people), *size)
    assert not boxes.may_be_corners(people, *size)
    assert not boxes.may_be_corners(np.empty((0, 4)), *size)


def test_one_large_person_at_the_left_edge_is_no_corners() -> None:
    selfie = np.array([[20.0, 10, 300, 400]] * 40)
    assert not boxes.may_be_corners(selfie, 640, 480)


@pytest.mark.parametrize("limit", ["big", True, [3]])
def test_a_limit_of_boxes_that_is_no_number_is_a_value_error(limit: object) -> None:
    with pytest.raises(ValueError, match="min_box_area must be a finite number, or null for none"):
        boxes.passing([[0, 0, 1, 1]], limit, None)
