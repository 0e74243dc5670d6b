"""Detections counted by score, kept in a file, read back or refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from bytetrack import Detections, FormatError, SequenceDetections, Tracks
from bytetrack.score_counts import BINS, ScoreCounts, count_scores, counts_path, read_counts, thresholds_of, write_counts

COUNTS = ScoreCounts([2] * BINS, [1] * BINS, {"high_score": 0.6}, "no box was detected")


def detections_of(*scores: list[float]) -> SequenceDetections:
    return SequenceDetections.from_frames([Detections([[0, 0, 9, 9]] * len(row), row) for row in scores])


def tracks_at(*indices: int) -> Tracks:
    n = len(indices)
    return Tracks(np.zeros((n, 4)), np.arange(1, n + 1), np.ones(n), None, np.array(indices, np.int64))


def filled(columns: list[int]) -> dict[int, int]:
    return {place: count for place, count in enumerate(columns) if count}


def test_detections_are_counted_in_fiftieths_and_those_with_a_track_once_more() -> None:
    found = detections_of([0.0, 0.019, 0.6, 1.0], [], [0.58, 0.6, 0.61])
    every, tracked = count_scores(found, [tracks_at(2, -1), tracks_at(-1), tracks_at(2, 0)])
    assert filled(every) == {0: 2, 29: 1, 30: 3, 49: 1}  # 0.58 is the lower end of bin 29, 0.6 that of bin 30, 1 belongs to the last
    assert filled(tracked) == {29: 1, 30: 2}
    assert len(every) == len(tracked) == BINS


def test_every_score_of_two_decimals_falls_into_its_own_bin() -> None:
    every, _ = count_scores(detections_of([hundredths / 100 for hundredths in range(101)]), [tracks_at()])
    assert every == [2] * 49 + [3]


def test_scores_that_are_no_numbers_or_beyond_one_are_in_no_bin() -> None:
    every, tracked = count_scores(SequenceDetections(np.zeros((3, 4)), np.array([np.nan, 1.5, -0.1]), np.array([0, 3])), [tracks_at(0, 1)])
    assert (sum(every), sum(tracked)) == (0, 0)


def test_a_row_of_another_frame_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^frame 1: detection_index must lie below 1, the number of its detections: got 1$"):
        count_scores(detections_of([0.5], [0.5]), [tracks_at(1), tracks_at()])


def test_thresholds_are_those_of_scores_that_are_set() -> None:
    settings = {"new_track_score": 0.7, "low_score": None, "high_score": 0.6, "match_cost": 0.9, "prediction_score": 0.6}
    assert thresholds_of({"high_score": float("inf"), "low_score": -0.1, "new_track_score": "0.7"}) == {}
    assert thresholds_of(settings) == {"high_score": 0.6, "new_track_score": 0.7}


def test_counts_come_back_as_they_were_written(tmp_path: Path) -> None:
    write_counts(tmp_path, "A.b", COUNTS)
    assert read_counts(tmp_path, "A.b") == COUNTS
    assert read_counts(tmp_path, "A") is None


@pytest.mark.parametrize(
    "change",
    [
        {"detections": [2] * 49},
        {"tracked": [3] * BINS},
        {"tracked": [-1] * BINS},
        {"tracked": [0.5] * BINS},
        {"tracked": None},
        {"thresholds": {"high_score": "x"}},
        {"thresholds": {"high_score": None}},
        {"thresholds": []},
        {"nothing": 3},
        {"other": 1},
    ],
    ids=str,
)
def test_a_file_of_other_content_is_named(tmp_path: Path, change: dict[str, object]) -> None:
    write_counts(tmp_path, "A", COUNTS)
    path = counts_path(tmp_path, "A")
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(FormatError, match=rf"^{re.escape(str(path))}: expected counts of scores, got .*: track again, or remove the file$"):
        read_counts(tmp_path, "A")


@pytest.mark.parametrize("content", ["", "[]", "3", "null", "[" * 100_000, "\x00"], ids=["empty", "list", "number", "null", "deep", "zero"])
def test_what_is_no_object_of_json_is_named(tmp_path: Path, content: str) -> None:
    counts_path(tmp_path, "A").parent.mkdir()
    counts_path(tmp_path, "A").write_text(content)
    with pytest.raises(FormatError, match="expected counts of scores"):
        read_counts(tmp_path, "A")
