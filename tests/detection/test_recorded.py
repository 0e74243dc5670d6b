"""Detections from text files."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from bytetrack import FormatError, MissingDataError, Sequence
from bytetrack.data.datasets import MotChallenge
from bytetrack.detection.recorded import Public, Recorded

WHOLE = Sequence("A", length=4, frame_rate=30, width=100, height=100, last_frame=4)


def test_a_half_takes_its_frames_of_the_whole_sequences_file(tmp_path: Path) -> None:
    (tmp_path / "A.txt").write_text("1,-1,1,1,1,1,0.1\n3,-1,3,3,1,1,0.3\n4,-1,4,4,1,1,0.4\n")
    half = replace(WHOLE, first_frame=3, length=2)
    assert [frame.score.tolist() for frame in Recorded(tmp_path).detect_sequence(half)] == [[0.3], [0.4]]
    assert [frame.score.tolist() for frame in Recorded(str(tmp_path)).detect_sequence(WHOLE)] == [[0.1], [], [0.3], [0.4]]


def test_the_published_detectors_boxes_are_read(data_dir: Path, mot17_dir: Path) -> None:
    sequence = MotChallenge(mot17_dir, "train", "val", "MOT17-02-FRCNN").sequences()[0]
    found = Recorded(data_dir / "detections" / "yolox_x_ablation").detect_sequence(sequence)
    lines = (data_dir / "detections" / "yolox_x_ablation" / "MOT17-02-FRCNN.txt").read_text().splitlines()
    rows = [[float(field) for field in line.split(",")] for line in lines if int(line.split(",")[0]) > 301]
    assert len(found) == 299
    assert len(found.xyxy) == len(rows)
    assert found.score.tolist() == [row[6] for row in rows]
    x, y, w, h = rows[0][2:6]
    assert found.xyxy[0].tolist() == [x, y, x + w, y + h]


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match=r"no folder '.*nowhere': detector\.folder must hold A\.txt"):
        Recorded(tmp_path / "nowhere").detect_sequence(WHOLE)
    (tmp_path / "B.txt").touch()
    with pytest.raises(MissingDataError, match=r"no file '.*A\.txt'; the folder holds B\.txt \(1\)"):
        Recorded(tmp_path).detect_sequence(WHOLE)
    with pytest.raises(MissingDataError, match=r"A has no det/det\.txt: give other detections"):
        Public().detect_sequence(WHOLE)


def test_classes_are_read_where_they_are_named(tmp_path: Path) -> None:
    (tmp_path / "A.txt").write_text("1,-1,1,1,1,1,0.1,2,-1,-1\n3,-1,3,3,1,1,0.3,0,-1,-1\n")
    assert Recorded(tmp_path).detect_sequence(WHOLE).class_id is None
    for names in (["person", "bicycle", "car"], "coco"):
        found = Recorded(tmp_path, class_names=names).detect_sequence(WHOLE)
        assert [None if frame.class_id is None else frame.class_id.tolist() for frame in found] == [[2], [], [0], []]
    with pytest.raises(FormatError, match=r"A.txt: expected classes 0..1, as class_names has 2, got 2"):
        Recorded(tmp_path, class_names=["person", "bicycle"]).detect_sequence(WHOLE)
    with pytest.raises(ValueError, match="class_names must be a list of names, coco or coco91: got 'imagenet'"):
        Recorded(tmp_path, class_names="imagenet")


def test_the_class_column_may_be_missing_or_empty_but_not_wrong(tmp_path: Path) -> None:
    for line in ("1,-1,1,1,1,1,0.1", "1,-1,1,1,1,1,0.1,-1,-1,-1"):
        (tmp_path / "A.txt").write_text(line)
        assert Recorded(tmp_path, class_names=["person"]).detect_sequence(WHOLE).class_id is None
    (tmp_path / "A.txt").write_text("1,-1,1,1,1,1,0.1,0,-1,-1\n2,-1,1,1,1,1,0.1,0.5,-1,-1\n")
    with pytest.raises(FormatError, match=r"A.txt:2: expected a class number from 0 in column 8, or -1 in all rows"):
        Recorded(tmp_path, class_names=["person"]).detect_sequence(WHOLE)


def test_public_detections_of_a_detector_without_bounded_scores_are_mapped(tmp_path: Path) -> None:
    path = tmp_path / "det.txt"
    path.write_text("1,-1,1,1,1,1,-0.5\n2,-1,3,3,1,1,1.5\n")
    sequence = replace(WHOLE, public_detections=path)
    assert Public().detect_sequence(sequence).score.tolist() == [0, 1]
    with pytest.raises(FormatError, match=r"det\.txt:1: expected a score in \[0, 1\]"):
        Public(scores="strict").detect_sequence(sequence)


def test_public_detections_of_mot17_and_pets_are_taken_as_they_are(data_dir: Path, mot17_dir: Path) -> None:
    for dataset in (MotChallenge(mot17_dir, "train"), MotChallenge(data_dir / "PETS09-S2L1")):
        for sequence in dataset.sequences():
            assert len(Public(scores="strict").detect_sequence(sequence)) == sequence.length


def test_they_travel_to_other_processes() -> None:
    assert pickle.loads(pickle.dumps(Recorded("x"))).folder == Path("x")
    with pytest.raises(ValueError, match="scores must be strict or robust: got 'clip'"):
        Recorded("x", scores="clip")


def test_corners_in_place_of_sizes_are_refused(tmp_path: Path) -> None:
    rows = [(frame, 800 + 2 * frame, 500, 830 + 2 * frame, 560) for frame in range(1, 21)]  # left, top, right, bottom
    (tmp_path / "A.txt").write_text("".join(f"{f},-1,{a},{b},{c},{d},0.9,-1,-1,-1\n" for f, a, b, c, d in rows))
    with pytest.raises(FormatError, match=r"A\.txt:1: expected left, top, width, height \(the last two of every box are its right"):
        Recorded(tmp_path).detect_sequence(Sequence("A", 20, 30, 960, 640))
    (tmp_path / "A.txt").write_text("".join(f"{f},-1,{a},{b},{c - a},{d - b},0.9,-1,-1,-1\n" for f, a, b, c, d in rows))
    assert len(Recorded(tmp_path).detect_sequence(Sequence("A", 20, 30, 960, 640)).score) == 20


def test_large_boxes_of_an_image_of_unknown_size_are_no_corners(tmp_path: Path) -> None:
    (tmp_path / "s.txt").write_text("".join(f"{frame},-1,20,10,300,400,0.9\n" for frame in range(1, 31)))
    found = Recorded(tmp_path).detect_sequence(Sequence("s", 30, 25.0, 0, 0))  # as the demo asks, which has read no frame yet
    assert found.xyxy[0].tolist() == [20, 10, 320, 410]
