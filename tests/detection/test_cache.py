"""Detect once, replay for ever: reading ahead, the store, and a pipeline that goes on where it was stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bytetrack import pipeline
from bytetrack.detection.store import DetectionStore
from bytetrack.detection.stream import ahead, read_ahead
from bytetrack.errors import FormatError, MissingDataError
from bytetrack.structures import Detections, Sequence, SequenceDetections


class Brightness:
    """Stands in for a network: one box a frame, as wide as the frame is bright; it can fail at a given brightness."""

    def __init__(self, batch_size: int = 4, fails_at: int | None = None) -> None:
        self.batch_size, self.fails_at = batch_size, fails_at
        self.batches: list[int] = []

    def key(self) -> str:
        return "brightness"

    def detect(self, images: list[np.ndarray]) -> list[Detections]:
        self.batches.append(len(images))
        values = [int(image[0, 0, 0]) for image in images]
        if self.fails_at in values:
            raise RuntimeError("the power went")
        return [Detections([[0, 0, value, 10]], [0.5], [value]) if value else Detections.empty() for value in values]


def frames(*values: int) -> Iterator[np.ndarray]:
    return (np.full((8, 8, 3), value, dtype=np.uint8) for value in values)


def folder_sequence(folder: Path, name: str, *values: int) -> Sequence:
    (folder / name).mkdir(parents=True)
    for frame_id, image in enumerate(frames(*values), start=1):
        cv2.imwrite(str(folder / name / f"{frame_id:06d}.png"), image)
    return Sequence(name, len(values), 25, 8, 8, images=folder / name, image_ext=".png")


def assert_equal(first: SequenceDetections, second: SequenceDetections) -> None:
    for name in ("xyxy", "score", "offsets", "class_id"):
        assert np.array_equal(getattr(first, name), getattr(second, name)), name


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers()), st.integers(1, 5))
def test_reading_ahead_changes_nothing(items: list[int], size: int) -> None:
    assert list(ahead(items, size)) == items
    assert list(read_ahead(lambda item: -item, items, threads=size)) == [-item for item in items]


def test_reading_ahead_stops_when_the_reader_does() -> None:
    taken: list[int] = []

    def endless() -> Iterator[int]:
        while True:
            taken.append(len(taken))
            yield taken[-1]

    before = threading.active_count()
    coming = ahead(endless(), 3)
    assert [next(coming), next(coming)] == [0, 1]
    time.sleep(0.05)
    coming.close()
    assert len(taken) <= 2 + 3 + 1
    assert threading.active_count() == before


@pytest.mark.parametrize("many", [lambda read, items: ahead(map(read, items), 2), read_ahead])
def test_an_error_of_reading_comes_out_after_the_frames_before_it(many: Any) -> None:
    def read(number: int) -> int:
        if number == 3:
            raise FormatError("frame 3: truncated")
        return number

    got: list[int] = []
    with pytest.raises(FormatError, match="frame 3: truncated"):
        got.extend(many(read, range(9)))
    assert got == [0, 1, 2]


def some(frames: int, seed: int = 0, classes: bool = False) -> SequenceDetections:
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 4, frames)
    boxes, offsets = rng.normal(size=(counts.sum(), 4)), np.cumsum([0, *counts])
    return SequenceDetections(boxes, rng.random(len(boxes)), offsets, rng.integers(0, 5, len(boxes)) if classes else None)


@pytest.mark.parametrize("classes", [False, True])
def test_what_is_stored_comes_back_bit_for_bit(tmp_path: Path, classes: bool) -> None:
    store, sequence, found = DetectionStore(tmp_path / "new", "key"), Sequence("s", 9, 25, 8, 8), some(9, classes=classes)
    assert store.load(sequence) is None
    store.save(sequence, found)
    assert_equal(store.load(sequence), found)
    assert DetectionStore(tmp_path / "new", "other key").load(sequence) is None
    assert store.load(replace(sequence, name="s2")) is None


def test_a_whole_sequence_serves_its_halves_and_a_half_does_not_serve_the_whole(tmp_path: Path) -> None:
    store, found = DetectionStore(tmp_path, "key"), some(9)
    store.save(Sequence("s", 9, 25, 8, 8), found)
    half = store.load(Sequence("s", 4, 25, 8, 8, first_frame=6))
    assert half is not None
    for frame_id in range(1, 5):
        assert np.array_equal(half.frame(frame_id).xyxy, found.frame(frame_id + 5).xyxy)
    halves = DetectionStore(tmp_path, "halves")
    halves.save(Sequence("s", 4, 25, 8, 8, first_frame=6), half)
    assert halves.load(Sequence("s", 9, 25, 8, 8)) is None
    assert_equal(halves.load(Sequence("s", 4, 25, 8, 8, first_frame=6)), half)


def test_pieces_serve_the_whole_and_what_is_missing_is_cut_into_pieces(tmp_path: Path) -> None:
    store, found, whole = DetectionStore(tmp_path, "key"), some(9, classes=True), Sequence("s", 9, 25, 8, 8)
    frames = [found.frame(frame_id) for frame_id in range(1, 10)]

    def keep(first: int, last: int) -> None:
        piece = replace(whole, first_frame=first, length=last - first + 1)
        store.save(piece, SequenceDetections.from_frames(frames[first - 1 : last]))

    def missing(sequence: Sequence = whole) -> list[tuple[int, int]]:
        return [(piece.first_frame, piece.first_frame + piece.length - 1) for piece in store.missing(sequence, 3)]

    assert missing() == [(1, 3), (4, 6), (7, 9)]
    keep(3, 4)
    assert missing() == [(1, 2), (5, 7), (8, 9)]
    keep(1, 3)
    keep(7, 9)
    assert missing() == [(5, 6)]
    assert missing(replace(whole, first_frame=7, length=2)) == []
    assert store.load(whole) is None
    keep(4, 7)
    assert missing() == []
    assert_equal(store.load(whole), found)


def test_other_images_under_the_same_name_are_detected_anew(tmp_path: Path) -> None:
    first, other = folder_sequence(tmp_path / "a", "s", 1, 2), folder_sequence(tmp_path / "b", "s", 9, 2)
    store = DetectionStore(tmp_path, "key")
    store.save(first, some(2))
    assert store.load(first) is not None
    assert store.load(other) is None
    assert store.load(replace(first, images=None)) is not None  # no images here: nothing to compare, nothing else to do


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    store, sequence = DetectionStore(tmp_path, "key"), Sequence("s", 9, 25, 8, 8)
    path = store.save(sequence, some(9))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(FormatError, match=r"s.000001-000009.npz: expected stored detections, .*delete the file"):
        store.load(sequence)


def test_a_store_that_lacks_a_sequence_says_so(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match="holds no detections of all 9 frames of s"):
        DetectionStore(tmp_path, "key").detect_sequence(Sequence("s", 9, 25, 8, 8))


def test_an_interrupted_run_goes_on_with_the_next_sequence_and_a_later_one_replays(tmp_path: Path) -> None:
    sequences = [folder_sequence(tmp_path / "data", name, *values) for name, values in (("a", (1, 2, 0)), ("b", (4, 5)), ("c", (7,)))]
    out = tmp_path / "run" / "detections"
    with pytest.raises(RuntimeError, match="the power went"):
        pipeline.replayable(Brightness(fails_at=5), sequences, out)
    assert [path.name for path in sorted((out / "brightness").glob("*.npz"))] == ["a.000001-000003.npz"]
    second = Brightness()
    replay = pipeline.replayable(second, sequences, out)
    assert second.batches == [3]  # b and c share a batch
    assert [replay.detect_sequence(s).xyxy[:, 2].tolist() for s in sequences] == [[1, 2], [4, 5], [7]]
    third = Brightness(fails_at=1)
    again = pipeline.replayable(third, [replace(s, images=None) for s in sequences], out)
    assert third.batches == []
    assert_equal(again.detect_sequence(sequences[0]), replay.detect_sequence(sequences[0]))
    assert not [path for path in out.rglob("*") if "tmp" in path.name]


def test_sequences_without_images_are_named(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match="s has no images"):
        pipeline.replayable(Brightness(), [Sequence("s", 9, 25, 8, 8)], tmp_path)
