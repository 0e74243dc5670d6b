"""The values between the rooms: shapes checked, types made one, nothing of the caller's changed."""

from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path

import numpy as np
import pytest

from bytetrack import Detections, Sequence, SequenceDetections


def test_any_array_like_becomes_contiguous_float64() -> None:
    for xyxy in (
        [[0, 0, 1, 1], [1, 1, 3, 3]],
        np.array([[0, 0, 1, 1], [1, 1, 3, 3]], np.float32),
        np.asfortranarray([[0, 0, 1, 1], [1, 1, 3, 3]]),
    ):
        detections = Detections(xyxy, np.array([0.5, 1], np.float16), [1, 2])
        assert detections.xyxy.dtype == detections.score.dtype == np.float64
        assert detections.xyxy.flags.c_contiguous
        assert detections.xyxy.tolist() == [[0, 0, 1, 1], [1, 1, 3, 3]]
        assert detections.class_id is not None
        assert detections.class_id.dtype == np.int64


def test_class_ids_may_be_whole_floats_as_networks_give_them() -> None:
    assert Detections([[0, 0, 1, 1]] * 2, [1, 1], np.array([3, 0], np.float32)).class_id.tolist() == [3, 0]


@pytest.mark.parametrize("nothing", [[], np.empty((0, 4)), np.empty((0, 4), np.float32), np.empty(0), np.empty((0, 5))])
def test_no_boxes_have_shape_0_4(nothing: object) -> None:
    detections = Detections(nothing, [], [])
    assert detections.xyxy.shape == (0, 4)
    assert len(detections) == len(Detections.empty()) == 0


@pytest.mark.parametrize(
    ("xyxy", "score", "class_id", "message"),
    [
        ([[0, 0, 1]], [1], None, r"boxes must have shape \(n, 4\): got \(1, 3\)"),
        ([0, 0, 1, 1], [1], None, r"boxes must have shape \(n, 4\): got \(4,\)"),
        ([[0, 0, 1, 1]], [1, 1], None, r"score must have shape \(1,\), one value a box: got \(2,\)"),
        ([[0, 0, 1, 1]], [[1]], None, r"score must have shape \(1,\), one value a box: got \(1, 1\)"),
        ([[0, 0, 1, 1]], [1], [1, 2], r"class_id must have shape \(1,\), one value a box: got \(2,\)"),
        ([["a", 0, 1, 1]], [1], None, "could not convert"),
        ([[0, 0, 1, 1]] * 2, [1, 1], [1.0, 2.5], "class_id must be whole numbers: row 1 has 2.5"),
        ([[0, 0, 1, 1]] * 2, [1, 1], [np.nan, 2], "row 0 has nan|cannot convert float NaN to integer"),
        ([[0, 0, 1, 1]] * 2, [1, 1], np.array([3, np.inf]), "class_id must be whole numbers: row 1 has inf"),
    ],
)
def test_a_wrong_shape_is_refused_with_what_was_expected(xyxy: object, score: object, class_id: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Detections(xyxy, score, class_id)


def test_a_value_cannot_be_assigned_to() -> None:
    detections = Detections.empty()
    with pytest.raises(dataclasses.FrozenInstanceError):
        detections.score = np.ones(1)


def test_values_travel_between_processes() -> None:
    detections = Detections([[0, 0, 1, 1]], [0.5], [3])
    again = pickle.loads(pickle.dumps(detections))
    assert again.xyxy.tolist() == [[0, 0, 1, 1]]
    assert again.class_id.tolist() == [3]


def test_rows_are_chosen_by_mask_or_slice() -> None:
    detections = Detections([[0, 0, 1, 1], [0, 0, 2, 2]], [0.1, 0.2], [7, 8])
    for rows in (np.array([False, True]), slice(1, 2)):
        chosen = detections[rows]
        assert (chosen.xyxy.tolist(), chosen.score.tolist()) == ([[0, 0, 2, 2]], [0.2])
        assert chosen.class_id is not None
        assert chosen.class_id.tolist() == [8]


def test_a_sequence_is_its_frames_back_to_back() -> None:
    frames = [Detections([[0, 0, 1, 1]], [0.5]), Detections.empty(), Detections([[1, 1, 2, 2], [3, 3, 4, 4]], [0.6, 0.7])]
    sequence = SequenceDetections.from_frames(frames)
    assert len(sequence) == 3
    assert [frame.score.tolist() for frame in sequence] == [[0.5], [], [0.6, 0.7]]
    assert sequence.frame(3).xyxy.tolist() == [[1, 1, 2, 2], [3, 3, 4, 4]]
    assert sequence.class_id is None
    assert SequenceDetections.from_frames([Detections([[0, 0, 1, 1]], [1], [4]), Detections.empty()]).class_id is not None


def test_a_half_names_images_in_the_numbering_of_the_whole() -> None:
    half = Sequence("s", 10, 25, 640, 480, first_frame=11, images=Path("images"))
    assert half.image_path(1) == Path("images/000011.jpg")
    with pytest.raises(ValueError, match="s has no images"):
        Sequence("s", 10, 25, 640, 480).image_path(1)
