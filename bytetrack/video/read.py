"""Images from files, folders and videos, as uint8 arrays of shape (H, W, 3) in BGR order."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from functools import cached_property, lru_cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from bytetrack.errors import FormatError, MissingDataError
from bytetrack.structures import Sequence
from bytetrack.video.header import MOST_PIXELS, fault

__all__ = ["Image", "Video", "frames", "read_image"]

Image = npt.NDArray[np.uint8]

REDUCED = {1: cv2.IMREAD_COLOR, 2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8}


class Video:
    """A video file whose frames are read by number, from 1; each is exactly the one that decoding from the start would give.

    Reading forward decodes; reading elsewhere seeks, and where the time stamps show that the seek did not land, the video is decoded
    from its start. One thread at a time: `read` locks. MissingDataError where there is no file, FormatError where it cannot
    be decoded.
    """

    JUMP = 50  # frames: up to here decoding on is cheaper than seeking

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        self._open()
        self.frame_rate = float(self._capture.get(cv2.CAP_PROP_FPS)) or 30.0
        self.width, self.height = (int(self._capture.get(p)) for p in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        self.length = max(int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0)  # as the header says; it may lie

    def read(self, frame_id: int) -> Image:
        """Frame `frame_id`, from 1. FormatError beyond the end of the video."""
        with self._lock:
            if not self._next <= frame_id <= self._next + self.JUMP:
                self._seek(frame_id)
            while self._next < frame_id and self._capture.grab():
                self._next += 1
            if self._next == frame_id:
                good, image = self._capture.read()
                if good:
                    self._next += 1
                    return np.asarray(image, dtype=np.uint8)
            raise FormatError(f"{self.path}: no frame {frame_id} (from 1): decoding ends after frame {self._next - 1}")

    def close(self) -> None:
        self._capture.release()

    def _open(self) -> None:
        if not self.path.is_file():
            raise MissingDataError(f"no video file {self.path}")
        self._capture = cv2.VideoCapture(str(self.path), cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            raise FormatError(f"{self.path}: cannot be opened as a video by FFmpeg: truncated, or not a video?")
        refuse_size(self._capture, str(self.path))
        self._next = 1

    def _seek(self, frame_id: int) -> None:
        """Moves to `frame_id` if the frame before it, sought, shows that frame's own time stamp; else back to frame 1."""
        times = self._times
        if 2 < frame_id <= len(times) and self._capture.set(cv2.CAP_PROP_POS_FRAMES, frame_id - 2) and self._capture.grab():
            seconds = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            if abs(seconds - times[frame_id - 2]) < 0.25 * (times[-1] / max(len(times) - 1, 1)):
                self._next = frame_id
                return
        self._capture.release()
        self._open()

    @cached_property
    def _times(self) -> list[float]:
        """Seconds from the first frame to each, in order of display, from the packets' headers: nothing is decoded."""
        import av

        with av.open(str(self.path)) as container:
            stream = container.streams.video[0]
            packets = [packet for packet in container.demux(stream) if packet.size]
            stamps = sorted(packet.pts if packet.pts is not None else packet.dts or 0 for packet in packets)
            return [float((stamp - stamps[0]) * (stream.time_base or 1)) for stamp in stamps]


def refuse_size(capture: cv2.VideoCapture, label: str) -> None:
    """FormatError for a video whose header claims pictures that no memory would hold."""
    width, height = (capture.get(side) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
    if width * height > MOST_PIXELS:
        capture.release()
        raise FormatError(f"{label}: claims {width:.0f} x {height:.0f} pixels, at most {MOST_PIXELS} are read")


@lru_cache(maxsize=8)
def _cached_video(path: str, process: int, changed: int) -> Video:
    return Video(path)


def read_image(path: str | Path, reduce: int = 1) -> Image:
    """The image at `path`, of which `file.avi#000123` means frame 123 (from 1) of a video, at 1/`reduce` of its size (1, 2, 4, 8).

    A reduced JPEG decodes faster; sizes round up, as libjpeg has it. MissingDataError where there is no file, FormatError where it
    cannot be decoded.
    """
    if reduce not in REDUCED:
        raise ValueError(f"reduce must be 1, 2, 4 or 8: got {reduce}")
    name, mark, number = str(path).rpartition("#")
    if mark and number.isdigit() and not os.path.exists(path):
        if not os.path.isfile(name):
            raise MissingDataError(f"no video file {name} to read frame {number} of")
        image = _cached_video(name, os.getpid(), os.stat(name).st_mtime_ns).read(int(number))
        size = (-(-image.shape[1] // reduce), -(-image.shape[0] // reduce))
        return image if reduce == 1 else np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    try:
        data = np.fromfile(path, dtype=np.uint8)
    except FileNotFoundError:
        raise MissingDataError(f"no image file {path}") from None
    why = fault(data.tobytes())
    if why is not None:
        raise FormatError(f"{path}: {why} ({data.size} bytes)")
    try:
        decoded = cv2.imdecode(data, REDUCED[reduce]) if data.size else None
    except cv2.error:
        decoded = None
    if decoded is None:
        raise FormatError(f"{path}: cannot be decoded as an image ({data.size} bytes): truncated, or not an image?")
    return np.asarray(decoded, dtype=np.uint8)


def frames(sequence: Sequence, start: int = 1) -> Iterator[Image]:
    """Frames `start` … `sequence.length` (in the sequence's own numbering, from 1) of its image folder or its video file."""
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
