"""The values between the rooms: shapes checked, types made one, nothing of the caller's changed."""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bytetrack import Annotations, Detections, Sequence, SequenceDetections, Tracks, Trajectories


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


def some_tracks(ids: list[int], class_id: list[int] | None = None) -> Tracks:
    n = len(ids)
    boxes = np.array([[10.0 * i, 5, 10 * i + 4, 25] for i in ids]).reshape(-1, 4)
    return Tracks(boxes, np.array(ids, np.int64), np.full(n, 0.5), None if class_id is None else np.array(class_id), np.arange(n))


def test_values_show_themselves_in_a_line_and_as_a_table() -> None:
    assert repr(some_tracks([])) == "Tracks(no identity)"
    assert repr(some_tracks([3])) == "Tracks(1 identity: 3)"
    assert repr(some_tracks(list(range(1, 31)))) == "Tracks(30 identities: 1, 2, 3, 4, 5, 6, 7, 8, …)"
    table = some_tracks(list(range(1, 31)), [7] * 30)._repr_html_()
    assert table.count("<tr>") == 21
    assert "<p>10 more</p>" in table
    assert "<th>class_id</th>" in table
    assert repr(Detections([[0, 0, 1, 1]] * 2, [0.25, 0.5])) == "Detections(2 boxes, scores 0.25 to 0.50)"
    assert "<td" in Detections([[0, 0, 1, 1]], [0.25])._repr_html_()
    trajectories = Trajectories.from_frames([some_tracks([1, 2]), some_tracks([]), some_tracks([2])])
    assert repr(trajectories) == "Trajectories(3 boxes of 2 identities in frames 1 to 3)"
    assert repr(Trajectories.from_frames([])) == "Trajectories(no box)"
    assert trajectories._repr_html_().count("<tr>") == 4


def test_trajectories_of_frames_are_ordered_by_frame_then_id() -> None:
    found = Trajectories.from_frames([some_tracks([2, 1], [5, 6]), some_tracks([]), some_tracks([1], [6])])
    assert found.frame_id.tolist() == [1, 1, 3]
    assert found.track_id.tolist() == [1, 2, 1]
    assert found.tlwh.tolist() == [[10, 5, 4, 20], [20, 5, 4, 20], [10, 5, 4, 20]]
    assert found.class_id.tolist() == [6, 5, 6]
    assert Trajectories.from_frames([some_tracks([1], [2]), some_tracks([1])]).class_id is None


@pytest.mark.parametrize("classes", [None, [4, 9]])
def test_a_data_frame_holds_all_that_trajectories_do(classes: list[int] | None) -> None:
    before = Trajectories.from_frames([some_tracks([1, 2], classes), some_tracks([2], classes and [9])])
    frame = before.to_pandas()
    assert list(frame.columns[:7]) == ["frame_id", "track_id", "left", "top", "width", "height", "score"]
    assert ("class_id" in frame.columns) == (classes is not None)
    after = Trajectories.from_pandas(frame.sample(frac=1, random_state=1))
    for name in ("frame_id", "track_id", "tlwh", "score", "class_id"):
        assert np.array_equal(getattr(before, name), getattr(after, name)), name
    assert Trajectories.from_pandas(frame.drop(columns="score")).score.tolist() == [1, 1, 1]
    assert len(Trajectories.from_pandas(frame[:0])) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="left"), "expected the columns frame_id, .* got frame_id, track_id, top.*: left missing"),
        (lambda f: f.assign(frame_id=[0, 1, 2]), "frame_id must be whole numbers from 1: row 0 has 0"),
        (lambda f: f.assign(track_id=[1, 2.5, 3]), "track_id must be whole numbers from 1: row 1 has 2.5"),
        (lambda f: f.assign(frame_id=1, track_id=[7, 8, 7]), "every identity once in a frame: frame 1 has 7 twice"),
        (lambda f: f.assign(width=[1, 2, np.nan]), "boxes must be finite: row 2"),
        (lambda f: f.assign(score=[np.inf, 2, 1]), "score must be finite: row 0"),
        (lambda f: f.assign(left="far"), "left must be numbers: got "),
    ],
)
def test_a_data_frame_that_holds_no_trajectories_is_refused(change: Callable[[Any], Any], message: str) -> None:
    frame = Trajectories.from_frames([some_tracks([1, 2]), some_tracks([2])]).to_pandas()
    with pytest.raises(ValueError, match=message):
        Trajectories.from_pandas(change(frame))


def test_rows_by_frame_are_those_a_search_for_the_frame_number_finds() -> None:
    frame_id = np.array([1, 1, 3, 4, 4, 4, 9])
    trajectories = Trajectories(frame_id, np.arange(1, 8), np.zeros((7, 4)), np.ones(7))
    annotations = Annotations(frame_id, np.arange(1, 8), np.zeros((7, 4)), np.ones(7, bool), np.ones(7, int), np.ones(7))
    for value in (trajectories, annotations):
        assert value.offsets(5).tolist() == [0, 2, 2, 3, 6, 6]
        rows = value.by_frame(5)
        assert [frame_id[part].tolist() for part in rows] == [[1, 1], [], [3], [4, 4, 4], []]
        assert [value.rows_of(number) for number in range(1, 6)] == rows
        assert value.by_frame(0) == []
