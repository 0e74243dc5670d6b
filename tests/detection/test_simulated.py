"""Simulated detections: the same for the same seed, worse the less is visible."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bytetrack.boxes import iou, xyxy_from_tlwh
from bytetrack.detection.simulated import Simulated
from bytetrack.errors import FormatError, MissingDataError
from bytetrack.structures import Sequence

LENGTH = 400


def sequence(folder: Path, visibility: float, conf: int = 1, class_id: int = 1, **more: int) -> Sequence:
    """Five people who stand far from each other, all as visible."""
    path = folder / "gt.txt"
    rows = [f"{f},{i},{100 * i},50,40,100,{conf},{class_id},{visibility}" for i in range(1, 6) for f in range(1, LENGTH + 1)]
    path.write_text("\n".join(rows))
    return Sequence("five", **{"length": LENGTH, "frame_rate": 25, "width": 640, "height": 384, **more}, ground_truth=path)


PEOPLE = xyxy_from_tlwh([[100 * i, 50, 40, 100] for i in range(1, 6)])


def quality(folder: Path, visibility: float) -> tuple[float, float, float]:
    """Share found, mean score and mean overlap of what is found."""
    found, scores, overlaps = 0, [], []
    for frame in Simulated(false_positives=0).detect_sequence(sequence(folder, visibility)):
        found += len(frame)
        scores += frame.score.tolist()
        overlaps += iou(frame.xyxy, PEOPLE).max(axis=1).tolist()
    return found / (5 * LENGTH), float(np.mean(scores)), float(np.mean(overlaps))


def test_the_less_is_visible_the_lower_the_score_the_rarer_and_the_rougher_the_box(tmp_path: Path) -> None:
    values = np.array([quality(tmp_path, visibility) for visibility in (1.0, 0.6, 0.3, 0.1)])
    assert (np.diff(values, axis=0) < 0).all()
    found, score, _ = values.T
    np.testing.assert_allclose(found, 0.99 * (1 - np.exp(-np.array([1.0, 0.6, 0.3, 0.1]) / 0.08)), atol=0.03)
    np.testing.assert_allclose(score, 0.1 + 0.82 * np.array([1.0, 0.6, 0.3, 0.1]) ** 0.75, atol=0.02)


def test_who_is_hidden_entirely_is_never_found(tmp_path: Path) -> None:
    assert len(Simulated(false_positives=0).detect_sequence(sequence(tmp_path, 0.0)).score) == 0


def test_false_positives_come_at_their_rate_and_score_low(tmp_path: Path) -> None:
    found = Simulated(miss=1, false_positives=2).detect_sequence(sequence(tmp_path, 1.0))
    assert len(found.score) / LENGTH == pytest.approx(2, abs=0.3)
    assert ((found.score >= 0.1) & (found.score <= 0.7)).all()
    assert np.median(found.score) < 0.3


def test_a_half_sees_what_the_whole_sees_in_its_frames(tmp_path: Path) -> None:
    whole = Simulated().detect_sequence(sequence(tmp_path, 0.8))
    half = Simulated().detect_sequence(sequence(tmp_path, 0.8, length=100, first_frame=201))
    assert len(half) == 100
    for frame_id in (1, 50, 100):
        np.testing.assert_array_equal(half.frame(frame_id).xyxy, whole.frame(200 + frame_id).xyxy)
        np.testing.assert_array_equal(half.frame(frame_id).score, whole.frame(200 + frame_id).score)
    assert not np.array_equal(Simulated(seed=2).detect_sequence(sequence(tmp_path, 0.8)).score[:50], whole.score[:50])


def test_boxes_that_are_ignored_or_no_pedestrians_are_not_simulated(tmp_path: Path) -> None:
    for kind in ({"conf": 0}, {"class_id": 7}):
        found = Simulated(false_positives=0).detect_sequence(sequence(tmp_path, 1.0, **kind))
        assert len(found) == LENGTH
        assert len(found.score) == 0


def test_ground_truth_of_mot15_counts_as_fully_visible(data_dir: Path) -> None:
    path = data_dir / "PETS09-S2L1" / "gt" / "gt.txt"
    found = Simulated().detect_sequence(Sequence("PETS09-S2L1", 795, 7, 768, 576, ground_truth=path))
    assert len(found) == 795
    assert np.median(found.score) > 0.85


def test_mistakes_are_named(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match=r"five has no gt/gt\.txt to simulate detections from"):
        Simulated().detect_sequence(Sequence("five", 10, 25, 640, 384))
    with pytest.raises(ValueError, match=r"miss in \[0, 1\]"):
        Simulated(miss=1.5)
    (tmp_path / "gt.txt").write_text("1,2,3\n")
    with pytest.raises(FormatError, match=r"gt\.txt:1: expected 9 comma-separated columns|gt\.txt:1: expected 9 columns"):
        Simulated().detect_sequence(Sequence("five", 10, 25, 640, 384, ground_truth=tmp_path / "gt.txt"))
