"""Images from files, folders and videos, as uint8 arrays of shape (H, W, 3) in BGR order."""

from __future__ import annotations

import logging
import os
import threading
from bisect import bisect_left
from collections.abc import Generator, Iterator
from functools import lru_cache
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

from bytetrack.errors import FormatError, MissingDataError
from bytetrack.io.coco import split_frame
from bytetrack.io.image_bytes import fault, holds_several
from bytetrack.orientation import note_if_turned
from bytetrack.runtime.notices import warn_once
from bytetrack.structures import Sequence
from bytetrack.timeline import decoded, open_video, quarters, refuse_black, shown_size, timeline
from bytetrack.video.depth import eight_bits

__all__ = ["Image", "Video", "frames", "pictures", "read_image"]

log = logging.getLogger(__name__)

Image = npt.NDArray[np.uint8]

REDUCED = {1: cv2.IMREAD_COLOR, 2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8}
SEVERAL = "%s: of its several pictures (pages, or an animation) the first is read; of files beside it, too"
AS_STORED = cv2.IMREAD_IGNORE_ORIENTATION | cv2.IMREAD_ANYDEPTH


class Video:
    """A video file whose frames are read by number, from 1; each is exactly the one that decoding from the start would give.

    Frames that cannot be decoded have no number where the whole file had to be decoded to count them, and refuse to be read elsewhere.
    Pictures are turned as the file says (its display matrix), so `width` and `height` are those of what is read. `frame_rate` is that
    at which frames come while they come. Reading forward decodes, reading elsewhere seeks. One thread at a time: `read` locks.
    MissingDataError if there is no file, FormatError if it cannot be decoded.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        self._container: av.container.InputContainer | None = None
        self._start()
        self.timeline = timeline(self.path)
        self.length, self.frame_rate = len(self.timeline.stamps), self.timeline.rate
        self.width, self.height = self.timeline.size

    def read(self, frame_id: int) -> Image:
        """Reads frame `frame_id`, from 1. FormatError beyond the end of the video."""
        with self._lock:
            wanted, line = frame_id - 1, self.timeline
            if not 0 <= wanted < len(line.stamps):
                raise FormatError(f"{self.path}: no frame {frame_id} (from 1): decoding ends after frame {len(line.stamps)}")
            key = line.key_before(wanted)
            if wanted < self._next or key > self._next:
                self._seek(key)
            frame = self._forward(wanted)
            if frame is None and self._sought:
                self._start()
                frame = self._forward(wanted)
            if frame is None:
                raise FormatError(
                    f"{self.path}: frame {frame_id} of {len(line.stamps)}, shown at {line.seconds[wanted]:.3f} s, cannot be decoded: "
                    f"the file is damaged there; `ffmpeg -i {self.path.name} whole.mp4` makes a file of the frames that can be"
                )
            return upright(frame, self.timeline.size)

    def close(self) -> None:
        if self._container is not None:
            self._container.close()

    def _start(self) -> None:
        self.close()
        self._container, self._stream = open_video(self.path)
        self._frames, self._next, self._sought = decoded(self._container, self._stream), 0, False

    def _seek(self, key: int) -> None:
        """Moves to frame `key` (from 0) or before it."""
        if key == 0:
            return self._start()
        assert self._container is not None
        try:
            self._container.seek(self.timeline.stamps[key], stream=self._stream)
        except av.FFmpegError:
            return self._start()
        self._frames, self._next, self._sought = decoded(self._container, self._stream), key, True
        return None

    def _forward(self, wanted: int) -> av.VideoFrame | None:
        """Decodes on up to frame `wanted` (from 0); None where that does not come, or has gone by."""
        stamps, keys = self.timeline.stamps, self.timeline.keys
        for frame in self._frames:
            place = self._next
            if keys:  # then every stamp is a frame's own
                place = bisect_left(stamps, frame.pts or 0)
                if place == len(stamps) or stamps[place] != frame.pts:
                    continue
            self._next = place + 1
            if place >= wanted:
                return frame if place == wanted else None
        return None


def pictures(path: Path) -> Generator[tuple[float | None, Image]]:
    """Opens a video; yields all frames that can be decoded, in order, with the seconds that the file says, None where it says none."""
    container, stream = open_video(path)

    def shown() -> Generator[tuple[float | None, Image]]:
        with container:
            yield None, np.empty((0, 0, 3), np.uint8)  # never seen: it has begun, so that `close` closes the file
            tick, size = stream.time_base or 1, None
            for frame in decoded(container, stream):
                if size is None:
                    refuse_black(path, frame)
                    size = shown_size(frame)
                yield None if frame.pts is None else float(frame.pts * tick), upright(frame, size)

    begun = shown()
    next(begun)
    return begun


def upright(frame: av.VideoFrame, size: tuple[int, int]) -> Image:
    """Returns the picture as it is to be seen: turned as the file says, by quarters, and scaled to the video's `size` if it is another."""
    turns = quarters(frame)
    width, height = size[::-1] if turns % 2 else size
    image = frame.to_ndarray(format="bgr24", interpolation="BICUBIC", width=width, height=height)
    return np.asarray(np.ascontiguousarray(np.rot90(image, turns)) if turns else image, dtype=np.uint8)


@lru_cache(maxsize=8)
def _cached_video(path: str, process: int, changed: int) -> Video:
    return Video(path)


def read_image(path: str | Path, reduce: int = 1) -> Image:
    """Reads the image at `path`, of which `file.avi#000123` means frame 123 (from 1) of a video, at 1/`reduce` of its size (1, 2, 4, 8).

    A reduced JPEG decodes faster; sizes round up, as libjpeg has it. Pixels are as stored: no EXIF rotation is applied. Of 16-bit images
    the bits that those of the folder use become 8 (see `depth`). MissingDataError if there is no file, FormatError where it
    cannot be decoded.
    """
    if reduce not in REDUCED:
        raise ValueError(f"reduce must be 1, 2, 4 or 8: got {reduce}")
    name, number = split_frame(str(path))
    if number is not None and not os.path.exists(path):
        if not os.path.isfile(name):
            raise MissingDataError(f"no video file {name} to read frame {number:06d} of")
        image = _cached_video(name, os.getpid(), os.stat(name).st_mtime_ns).read(number)
        size = (-(-image.shape[1] // reduce), -(-image.shape[0] // reduce))
        return image if reduce == 1 else np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        raise MissingDataError(f"no image file {path}") from None
    data = np.frombuffer(content, dtype=np.uint8)
    why = fault(content)
    if why is not None:
        raise FormatError(f"{path}: {why} ({data.size} bytes)")
    try:
        pixels = cv2.imdecode(data, REDUCED[reduce] | AS_STORED) if data.size else None
    except cv2.error:
        pixels = None
    if pixels is None:
        raise FormatError(f"{path}: cannot be decoded as an image ({data.size} bytes): truncated, or not an image?")
    note_if_turned(Path(path), content)
    if holds_several(content):
        warn_once(log, SEVERAL, path, about=Path(path).parent)
    return eight_bits(np.asarray(pixels), Path(path))


def frames(sequence: Sequence, start: int = 1) -> Iterator[Image]:
    """Yields frames `start` … `sequence.length` (in the sequence's own numbering, from 1) of its image folder or its video file."""
    if sequence.images is None:
        raise MissingDataError(f"{sequence.name} has no images: this needs a dataset whose sequences hold frames, not text files only")
    if sequence.images.is_dir():
        for frame_id in range(start, sequence.length + 1):
            yield read_image(sequence.image_path(frame_id))
        return
    video = Video(sequence.images)
    try:
        for frame_id in range(start, sequence.length + 1):
            yield video.read(sequence.number_of(frame_id))
    finally:
        video.close()
