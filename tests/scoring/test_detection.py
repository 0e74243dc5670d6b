"""Average precision: hand-worked cases, and pycocotools on the same data."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest

from bytetrack.scoring.detection import STATS, _dataset, average_precision, average_precision_by_sequence
from bytetrack.structures import Detections

PERSON = Detections([[0, 0, 40, 80]], [1.0])


def scene(images: int, classes: int, seed: int = 0) -> tuple[list[Detections], list[Detections], list[np.ndarray]]:
    """Random true boxes, jittered and scored finds of most of them with false ones between, and which true boxes to ignore."""
    rng = np.random.default_rng(seed)
    truth, found, ignored = [], [], []
    for _ in range(images):
        count = int(rng.integers(0, 12))
        corner, size = rng.uniform(-20, 300, (count, 2)), rng.uniform(8, 160, (count, 2))
        boxes, kinds = np.hstack([corner, corner + size]), rng.integers(0, classes, count)
        hit = rng.random(count) < 0.8
        moved = boxes[hit] + rng.normal(0, 4, (hit.sum(), 4))
        false = rng.uniform(0, 200, (3, 2))
        finds = np.vstack([moved, np.hstack([false, false + 50])])
        truth.append(Detections(boxes, np.ones(count), kinds))
        found.append(Detections(finds, rng.random(len(finds)).round(1), np.append(kinds[hit], rng.integers(0, classes, 3))))
        ignored.append(rng.random(count) < 0.1)
    return truth, found, ignored


def test_what_is_found_exactly_scores_one_and_nothing_scores_zero() -> None:
    assert average_precision([PERSON], [Detections([[0, 0, 40, 80]], [0.3])])["AP"] == pytest.approx(1)
    assert average_precision([PERSON], [Detections.empty()])["AP"] == 0
    assert average_precision([Detections.empty()], [PERSON])["AP"] == -1  # nothing to find
    assert average_precision([], [])["AP"] == -1


def test_a_box_of_iou_three_fifths_counts_at_three_of_ten_thresholds() -> None:
    shifted = Detections([[10, 0, 50, 80]], [0.9])  # 30 of 50 columns
    score = average_precision([PERSON], [shifted])
    assert score["AP"] == pytest.approx(3 / 10)  # 0.50, 0.55, 0.60
    assert score["AP50"] == pytest.approx(1)
    assert score["AP75"] == 0


def test_a_false_box_before_the_true_one_halves_precision() -> None:
    found = Detections([[500, 500, 540, 580], [0, 0, 40, 80]], [0.9, 0.5])
    assert average_precision([PERSON], [found])["AP"] == pytest.approx(1 / 2)
    assert average_precision([PERSON], [found[::-1]])["AP"] == pytest.approx(1 / 2)  # order in the array is no matter
    assert average_precision([PERSON], [found], max_detections=(1, 1, 1))["AP"] == 0  # only the best box is looked at


def test_boxes_beyond_the_edge_are_cut_on_both_sides_where_sizes_are_given() -> None:
    amodal, modal = Detections([[-40, 0, 40, 80]], [1.0]), Detections([[0, 0, 40, 80]], [0.9])
    assert average_precision([amodal], [modal])["AP50"] == pytest.approx(1)  # 1/2: at the threshold
    assert average_precision([amodal], [modal])["AP"] == pytest.approx(1 / 10)
    assert average_precision([amodal], [modal], sizes=[(640, 480)])["AP"] == pytest.approx(1)


def test_ignored_boxes_count_neither_way() -> None:
    two = Detections([[0, 0, 40, 80], [100, 0, 140, 80]], [1, 1])
    found = Detections([[100, 0, 140, 80], [0, 0, 40, 80]], [0.9, 0.8])
    ignored = [np.array([False, True])]
    assert average_precision([two], [found[1:]], ignored=ignored)["AP"] == pytest.approx(1)  # the other is not missed
    assert average_precision([two], [found], ignored=ignored)["AP"] == pytest.approx(1)  # and, found, not false
    assert average_precision([two], [found[1:]])["AP"] == pytest.approx(51 / 101)  # half the recall, of 101 points


def test_classes_are_averaged() -> None:
    two = Detections([[0, 0, 40, 80], [100, 0, 140, 80]], [1, 1], [3, 7])
    assert average_precision([two], [two[:1]])["AP"] == pytest.approx(1 / 2)
    swapped = Detections(two.xyxy, two.score, [7, 3])
    assert average_precision([two], [swapped])["AP"] == 0


def test_areas_decide_what_is_small() -> None:
    score = average_precision([PERSON], [PERSON], areas=[np.array([1000.0])])  # its mask's, below 32 x 32
    assert score["AP_small"] == pytest.approx(1)
    assert score["AP_medium"] == -1


@pytest.mark.parametrize("classes", [1, 3])
@pytest.mark.parametrize("seed", range(3))
def test_all_twelve_figures_are_pycocotools(classes: int, seed: int) -> None:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth, found, ignored = scene(40, classes, seed)
    sides: list[Any] = [COCO(), COCO()]
    with contextlib.redirect_stdout(io.StringIO()):
        for side, dataset in zip(
            sides, (_dataset(truth, range(classes), ignored, None), _dataset(found, range(classes), None, None)), strict=True
        ):
            side.dataset = dataset
            side.createIndex()
        oracle = COCOeval(*sides, "bbox")
        oracle.evaluate()
        oracle.accumulate()
        oracle.summarize()
    ours = average_precision(truth, found, ignored=ignored)
    assert list(ours) == list(STATS)
    assert list(ours.values()) == pytest.approx(oracle.stats.tolist(), abs=1e-12)
    assert 0.05 < ours["AP"] < 0.95


def test_sequences_are_scored_alone_and_together() -> None:
    truth, found, ignored = scene(30, 1)
    parts = {"a": slice(0, 10), "b": slice(10, 30)}
    scores = average_precision_by_sequence(
        {name: truth[part] for name, part in parts.items()},
        {name: found[part] for name, part in parts.items()},
        ignored={name: ignored[part] for name, part in parts.items()},
        max_detections=(1, 10, 50),
    )
    assert list(scores) == ["a", "b", "COMBINED"]
    assert scores["b"] == average_precision(truth[10:], found[10:], ignored=ignored[10:], max_detections=(1, 10, 50))
    assert scores["COMBINED"] == average_precision(truth, found, ignored=ignored, max_detections=(1, 10, 50))


def test_lists_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="one entry an image in every argument: got 1 true, 0 detected"):
        average_precision([PERSON], [])
    with pytest.raises(ValueError, match="one entry an image"):
        average_precision([PERSON], [PERSON], sizes=[])
