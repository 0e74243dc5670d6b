"""One detector for several streams: their frames go through it together, in batches that hold some of each.

Recorded streams are read in turn (`detect_streams`): batches are full to the end, and the same streams make the same batches. Live ones
come when they come (`SharedDetector`): while the detector looks at some frames the next ones gather, and none waits for more.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice

from bytetrack.detection.stream import ahead, detect_batches
from bytetrack.errors import FormatError
from bytetrack.interfaces import Image, ImageDetector
from bytetrack.structures import Detections, Sequence, SequenceDetections

__all__ = ["SharedDetector", "detect_streams"]


def detect_streams(
    detector: ImageDetector,
    streams: Iterable[tuple[Sequence, Iterable[Image]]],
    at_once: int,
    progress: Callable[[int], object] | None = None,
) -> Iterator[tuple[Sequence, SequenceDetections]]:
    """Yields each stream with its detections, as it ends; `at_once` streams are open at a time, their frames taken in turn.

    A thread a stream decodes ahead of the detector, two batches at most. `progress` is told how many frames each batch had.
    FormatError where a stream has not `sequence.length` frames; errors of reading pass through.
    """
    turns = _Turns(streams, at_once, detector.batch_size)
    try:
        with closing(detect_batches(detector, turns.batches())) as batches:
            for found in batches:
                for asked, one in zip(turns.asked.popleft(), found, strict=True):
                    asked.found.append(one)
                if progress is not None:
                    progress(len(found))
                while turns.ended and len(turns.ended[0].found) == turns.ended[0].read:
                    yield turns.ended.popleft().result()
        yield from (stream.result() for stream in turns.ended)
    finally:
        for stream in turns.open:
            stream.frames.close()


class _Turns:
    """Frames of several streams taken in turn: the streams that are open and that have ended, and whose the frames of each batch are."""

    def __init__(self, streams: Iterable[tuple[Sequence, Iterable[Image]]], at_once: int, batch_size: int) -> None:
        self._coming, self._at_once, self._size = iter(streams), at_once, batch_size
        self.open, self.ended, self.asked = deque[_Open](), deque[_Open](), deque[list[_Open]]()

    def batches(self) -> Iterator[list[Image]]:
        """Yields full batches, but for the last; a stream that ends makes room for the next."""
        batch: list[Image] = []
        asked: list[_Open] = []
        self._admit(self._at_once)
        while self.open:
            stream = self.open.popleft()
            image = next(stream.frames, None)
            if image is None:
                self.ended.append(stream)
                self._admit(1)
            else:
                stream.read += 1
                batch.append(image)
                asked.append(stream)
                self.open.append(stream)
            if batch and (len(batch) == self._size or not self.open):
                self.asked.append(asked)
                yield batch
                batch, asked = [], []

    def _admit(self, most: int) -> None:
        self.open.extend(_Open(*stream, 2 * self._size) for stream in islice(self._coming, most))


class _Open:
    """Holds a stream while it is detected."""

    def __init__(self, sequence: Sequence, frames: Iterable[Image], size: int) -> None:
        self.sequence, self.frames = sequence, ahead(frames, size)
        self.read = 0
        self.found: list[Detections] = []

    def result(self) -> tuple[Sequence, SequenceDetections]:
        sequence = self.sequence
        if len(self.found) != sequence.length:
            raise FormatError(f"{sequence.images}: expected {sequence.length} frames for {sequence.name}, got {len(self.found)}")
        return sequence, SequenceDetections.from_frames(self.found)


class SharedDetector:
    """Lets several threads call one detector at once: the images of calls that came while it was busy are its next batch.

    It has no thread of its own: of those that wait one asks for all, and an error is raised in all of them. Who asks how often
    decides what shares a batch; where a runtime's last bits depend on that, so do these.
    """

    def __init__(self, detector: ImageDetector) -> None:
        self.detector = detector
        self._changed = threading.Condition()
        self._waiting: list[_Request] = []
        self._busy = False

    def detect(self, images: list[Image]) -> list[Detections]:
        """Returns detections of each image, as the detector's own `detect`."""
        request = _Request(images)
        with self._changed:
            self._waiting.append(request)
        while True:
            with self._changed:
                self._changed.wait_for(lambda: request.done or not self._busy)
                if request.done:
                    break
                group, self._waiting, self._busy = self._waiting, [], True
            try:
                found = iter(self.detector.detect([image for one in group for image in one.images]))
                for one in group:
                    one.found = list(islice(found, len(one.images)))
            except BaseException as error:
                for one in group:
                    one.error = error
            with self._changed:
                self._busy = False
                for one in group:
                    one.done = True
                self._changed.notify_all()
        if request.error is not None:
            raise request.error
        return request.found


@dataclass(eq=False)
class _Request:
    images: list[Image]
    found: list[Detections] = field(default_factory=list)
    error: BaseException | None = None
    done: bool = False
