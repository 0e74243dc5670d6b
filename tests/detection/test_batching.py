"""One detector for several streams: mixed batches, recorded streams in turn and live ones as they come."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bytetrack.detection.batching import SharedDetector, detect_streams
from bytetrack.errors import FormatError
from bytetrack.structures import Detections, Sequence

Image = np.ndarray


class Numbers:
    """Stands in for a network: one box an image, as wide as the number that the image shows."""

    def __init__(self, batch_size: int = 4, seconds: float = 0.0) -> None:
        self.batch_size, self.seconds = batch_size, seconds
        self.batches: list[list[int]] = []

    def key(self) -> str:
        return "numbers"

    def detect(self, images: list[Image]) -> list[Detections]:
        values = [int(image[0, 0, 0]) for image in images]
        self.batches.append(values)
        time.sleep(self.seconds)
        if 99 in values:
            raise RuntimeError("the power went")
        return [Detections([[0, 0, value, 10]], [0.5]) for value in values]


def stream(name: str, *values: int, length: int | None = None) -> tuple[Sequence, Iterator[Image]]:
    sequence = Sequence(name, len(values) if length is None else length, 25, 8, 8)
    return sequence, (np.full((8, 8, 3), value, np.uint8) for value in values)


def widths(found: list[tuple[Sequence, object]]) -> dict[str, list[float]]:
    return {sequence.name: detections.xyxy[:, 2].tolist() for sequence, detections in found}  # type: ignore[attr-defined]


def test_a_single_stream_is_detected_in_order_and_in_batches() -> None:
    detector, heard = Numbers(), list[int]()
    found = list(detect_streams(detector, [stream("s", 1, 2, 3, 4, 5, 6)], 1, heard.append))
    assert widths(found) == {"s": [1, 2, 3, 4, 5, 6]}
    assert detector.batches == [[1, 2, 3, 4], [5, 6]]
    assert heard == [4, 2]


def test_streams_are_taken_in_turn_and_share_full_batches() -> None:
    detector = Numbers(3)
    found = detect_streams(detector, [stream("a", 1, 2, 3), stream("b", 11), stream("c", 21, 22), stream("d", 31, 32)], 2)
    assert widths(list(found)) == {"b": [11], "a": [1, 2, 3], "c": [21, 22], "d": [31, 32]}
    # a and b are open; b has ended when its turn comes again, and c takes its place behind a; then d behind c
    assert detector.batches == [[1, 11, 2], [3, 21, 22], [31, 32]]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 7), max_size=6), st.integers(1, 5), st.integers(1, 4))
def test_whatever_the_lengths_every_frame_is_seen_once_and_only_the_last_batch_is_not_full(
    lengths: list[int], batch_size: int, at_once: int
) -> None:
    detector = Numbers(batch_size)
    expected = {f"s{place}": [10.0 * place + k for k in range(length)] for place, length in enumerate(lengths)}
    found = detect_streams(detector, [stream(name, *(int(v) for v in values)) for name, values in expected.items()], at_once)
    assert widths(list(found)) == expected
    assert all(len(batch) == batch_size for batch in detector.batches[:-1])
    assert sum(map(len, detector.batches)) == sum(lengths)


def test_too_few_frames_are_refused_and_no_thread_is_left() -> None:
    before = threading.active_count()
    with pytest.raises(FormatError, match="expected 6 frames for a, got 5"):
        list(detect_streams(Numbers(), [stream("a", 1, 2, 3, 4, 5, length=6), stream("b", *range(60))], 2))
    with pytest.raises(RuntimeError, match="the power went"):
        list(detect_streams(Numbers(), [stream("a", 1, 99, 3), stream("b", *range(60))], 2))
    assert threading.active_count() == before


def ask(shared: SharedDetector, values: list[list[int]]) -> list[list[float] | str]:
    """What each of as many threads hears, which ask at once, a call for each list of values."""
    heard: list[list[float] | str] = [[] for _ in values]

    def work(place: int) -> None:
        try:
            images = [np.full((8, 8, 3), value, np.uint8) for value in values[place]]
            heard[place] = [float(found.xyxy[0, 2]) for found in shared.detect(images)]
        except RuntimeError as error:
            heard[place] = str(error)

    threads = [threading.Thread(target=work, args=(place,)) for place in range(len(values))]
    for thread in threads:
        thread.start()
        time.sleep(0.005)
    for thread in threads:
        thread.join()
    return heard


def test_live_streams_get_their_own_boxes_from_batches_of_what_gathered_meanwhile() -> None:
    detector = Numbers(seconds=0.1)
    asked = [[1], [2, 3], [4], [], [5]]
    assert ask(SharedDetector(detector), asked) == asked
    assert detector.batches == [[1], [2, 3, 4, 5]]


def test_an_error_reaches_all_that_shared_the_batch_and_the_next_batch_is_whole() -> None:
    shared = SharedDetector(Numbers(seconds=0.1))
    assert ask(shared, [[1], [2], [99]]) == [[1], "the power went", "the power went"]
    assert ask(shared, [[7]]) == [[7]]
