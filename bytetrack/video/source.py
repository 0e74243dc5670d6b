"""Sources of the demo's frames: a camera, a network stream, a video file, a folder or a pattern of images.

Files return every frame. Live sources return the newest frame and count dropped ones; a failed source is reopened with growing pauses,
and the first frame after a gap states its length.
"""

from __future__ import annotations

import glob
import logging
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sized
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import cv2
import numpy as np

from bytetrack.errors import FormatError, MissingDataError
from bytetrack.io.image_bytes import holds_several
from bytetrack.listing import IMAGE_ENDINGS, VIDEO_ENDINGS, is_litter, listed, natural
from bytetrack.names import nearest
from bytetrack.timeline import MOST_PIXELS, next_moment, open_video, scan
from bytetrack.video.read import Image, pictures, read_image

__all__ = ["Frame", "Given", "Images", "Live", "Source", "VideoFile", "is_camera", "open_source", "redacted", "refuse_missing"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Frame:
    """Holds a frame: `frame_id` from 1 without gaps, `time` in seconds from the first, `gap` in seconds without frames before it."""

    frame_id: int
    time: float
    image: Image
    gap: float = 0.0


class Source(Protocol):
    """Returns frames in order. `length` is None if unknown, and too large if some frames cannot be decoded."""

    name: str
    frame_rate: float
    length: int | None
    live: bool
    dropped: int
    path: Path | None

    def __iter__(self) -> Iterator[Frame]: ...

    def close(self) -> None: ...


def open_source(
    spec: str | int,
    frame_rate: float | None = None,
    timeout: float = 5.0,
    give_up_after: float = 60.0,
    longest_pause: float = 10.0,
    stop: threading.Event | None = None,
) -> Source:
    """Opens a source: `0` is a camera, `rtsp://…` or `http://…` a stream; otherwise a video file, a folder or a pattern of images.

    A number in text, as on a command line, is a file or folder of that name if there is one, otherwise a camera. `frame_rate` is for images
    (default 25) and overrides that of a camera or stream. For live sources `timeout` is in seconds, to open or read; after `give_up_after`
    seconds without a frame the source ends; pauses between attempts double from 0.5 s to `longest_pause`; setting `stop` ends them. A video
    file at an http address returns every frame, as a local one does. Raises MissingDataError if there is no such source, FormatError if it
    cannot be opened.
    """
    text = _local(str(spec))
    waits = Waits(timeout, give_up_after, longest_pause)
    if is_camera(spec):
        return Live(f"webcam{text}", f"camera {text}", partial(_open_camera, int(text)), frame_rate, waits, stop)
    if "://" in text:
        name, label, opener = _stream_name(text), redacted(text), partial(_open_stream, text, timeout)
        capture = opener()
        if capture is not None and text.startswith(("http://", "https://")) and capture.get(cv2.CAP_PROP_FRAME_COUNT) > 0:
            return VideoFile(Path(label), capture, name)
        return Live(name, label, opener, frame_rate, waits, stop, capture)
    path = Path(text).expanduser()
    if path.is_dir():
        return _folder(path, frame_rate)
    if not path.exists() and any(mark in text for mark in "*?["):
        found = _matching(path, text)
        return Images(found, _folder_name(found[0].parent), frame_rate or 25.0)
    if not path.is_file():
        raise MissingDataError(_missing(text))
    if path.suffix.lower() in IMAGE_ENDINGS:
        _refuse_several(path)
        return Images([path], path.stem, frame_rate or 25.0)
    return VideoFile(path)


def is_camera(spec: str | int) -> bool:
    """Returns True if `spec` is a camera number: an int, or up to three digits (no leading 0) that are not the name of a file or folder."""
    return isinstance(spec, int) or (re.fullmatch(r"0|[1-9]\d{0,2}", spec) is not None and not Path(spec).exists())


def refuse_missing(spec: str | int) -> None:
    """Raises MissingDataError if `spec` is a file, folder, pattern or camera that does not exist, FormatError if it is not a video.

    Nothing is decoded and no address is accessed, so it can be called first.
    """
    text = _local(str(spec))
    if is_camera(spec):
        if sys.platform.startswith("linux") and not Path(f"/dev/video{text}").exists():
            raise MissingDataError(
                f"no camera {text}, and no file or folder of that name: give source=FILE, a folder or an rtsp/http address"
            )
    elif "://" not in text:
        path = Path(text).expanduser()
        if not path.exists() and not (any(mark in text for mark in "*?[") and glob.glob(str(path), recursive=True)):
            raise MissingDataError(_missing(text))
        files = _inside(path) if path.is_dir() else [path]
        if files[0].is_file() and files[0].suffix.lower() not in IMAGE_ENDINGS:
            open_video(files[0])[0].close()
        elif path.is_file():
            _refuse_several(path)


def _local(text: str) -> str:
    """Returns the path of a `file://` address, other text as it is."""
    parts = urlsplit(text) if text.startswith("file://") else None
    return text if parts is None else unquote(f"{parts.netloc.removeprefix('localhost')}{parts.path}")


def _matching(pattern: Path, text: str) -> list[Path]:
    """Returns the images that match; MissingDataError if none does."""
    matched = [Path(file) for file in glob.glob(str(pattern), recursive=True)]
    found = [file for file in matched if file.suffix.lower() in IMAGE_ENDINGS and not is_litter(file.name)]
    if not found:
        videos = [file.name for file in matched if file.suffix.lower() in VIDEO_ENDINGS]
        more = f"; videos are given by name, several as source=[{','.join(videos[:2])}]" if videos else ""
        raise MissingDataError(f"no image matches '{text}'{more}")
    return found


def _refuse_several(image: Path) -> None:
    """Raises FormatError for an animation, or pages, in a file of which only the first picture would be read."""
    if holds_several(image.read_bytes()):
        raise FormatError(
            f"{image}: holds several pictures, of which only the first would be read: write them as images or as a video "
            f"(`magick {image.name} frame_%06d.png`)"
        )


def _missing(text: str) -> str:
    if re.search(r"%0?\d*d", text):
        text = re.sub(r"%0?\d*d", "*", text)
        return f"no such file; a pattern of images is written with a star: source='{text}'"
    near = nearest(Path(text).name, sorted(path.name for path in Path(text).parent.glob("*")))
    guess = f"did you mean {str(Path(text).with_name(near))!r}? " if near else ""
    return f"no source '{text}': {guess}give a camera number, a video file, a folder or pattern of images, or an rtsp/http address"


def redacted(address: str) -> str:
    """Returns `address` without user name, password and query, for logs and file names."""
    if "://" not in address:
        return address
    parts = urlsplit(address)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"


@dataclass(frozen=True, slots=True)
class Waits:
    """Time limits of a live source, in seconds: `timeout` to open or read, `give_up_after` without a picture, and the longest
    pause between two attempts; the first is `first_pause`."""

    timeout: float = 5.0
    give_up_after: float = 60.0
    longest_pause: float = 10.0
    first_pause: float = 0.5

    def __post_init__(self) -> None:
        if min(self.timeout, self.give_up_after, self.longest_pause) <= 0:
            raise ValueError(
                "timeout, give_up_after and longest_pause of a stream must be above 0 seconds: "
                f"got {self.timeout}, {self.give_up_after}, {self.longest_pause}"
            )


class Images:
    """Reads image files in natural order (2 before 10)."""

    live = False
    dropped = 0

    def __init__(self, files: list[Path], name: str, frame_rate: float) -> None:
        self.files = sorted(files, key=natural)
        self.name, self.frame_rate = name, frame_rate
        self.length: int | None = len(files)
        self.path: Path | None = None

    def __iter__(self) -> Iterator[Frame]:
        for number, file in enumerate(self.files, 1):
            yield Frame(number, (number - 1) / self.frame_rate, read_image(file))

    def close(self) -> None:
        pass


class Given:
    """Reads images from an iterable of arrays or paths of image files, in order."""

    live = False
    dropped = 0
    path: Path | None = None

    def __init__(self, images: Iterable[Image | str | Path], frame_rate: float) -> None:
        self.images, self.name, self.frame_rate = images, "images", frame_rate
        self.length: int | None = len(images) if isinstance(images, Sized) else None

    def __iter__(self) -> Iterator[Frame]:
        for number, item in enumerate(self.images, 1):
            image = read_image(Path(item).expanduser()) if isinstance(item, str | Path) else item
            if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
                kind = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else f"a {type(image).__name__}"
                raise ValueError(f"image {number}: expected a uint8 array (height, width, 3), BGR, or a path, got {kind}")
            yield Frame(number, (number - 1) / self.frame_rate, image)

    def close(self) -> None:
        pass


class VideoFile:
    """A video file, every frame with its own time stamp; turned as the file asks. `capture`: it is open already, and not on disk.

    `frame_rate` is that at which frames come while they come, `length` the number of packets with pictures.
    """

    live = False
    dropped = 0

    def __init__(self, path: Path, capture: cv2.VideoCapture | None = None, name: str | None = None) -> None:
        self.path: Path | None = path if capture is None else None
        self.name, self.label = name or path.stem, str(path)
        if capture is None:
            found = scan(path)
            self.frame_rate, count = found.rate, len(found.stamps)
            self._pictures = pictures(path)
        else:
            refuse_size(capture, self.label)
            self.frame_rate, count = _sane_rate(capture.get(cv2.CAP_PROP_FPS), 25.0), int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
            self._pictures = _captured(capture)
        self.length = count if count > 0 else None

    def __iter__(self) -> Iterator[Frame]:
        number, start, moment = 0, 0.0, 0.0
        for stamp, image in self._pictures:
            start = stamp or 0.0 if number == 0 else start
            moment = next_moment(moment if number else None, None if stamp is None else stamp - start, self.frame_rate)
            number += 1
            yield Frame(number, moment, image)
        if number == 0:
            raise FormatError(f"{self.label}: no frame can be decoded")
        if self.path is not None and self.length is not None and number < self.length:
            log.warning("%s: it holds %d frames, of which %d could be decoded", self.label, self.length, number)

    def close(self) -> None:
        self._pictures.close()


def _captured(capture: cv2.VideoCapture) -> Generator[tuple[float | None, Image]]:
    """Yields the frames of an open capture, with the seconds it says."""
    try:
        while (read := capture.read())[0]:
            yield capture.get(cv2.CAP_PROP_POS_MSEC) / 1000, np.asarray(read[1], dtype=np.uint8)
    finally:
        capture.release()


def refuse_size(capture: cv2.VideoCapture, label: str) -> None:
    """Raises FormatError for a video whose header claims pictures that no memory would hold."""
    width, height = (capture.get(side) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
    if width * height > MOST_PIXELS:
        capture.release()
        raise FormatError(f"{label}: claims {width:.0f} x {height:.0f} pixels, at most {MOST_PIXELS} are read")


class Live:
    """Reads a camera or stream: a thread reads continuously, the consumer gets the newest frame, and a lost source is reopened.

    `opener` returns an open capture or None; `capture` is the first one if it is already open; `label` is its name in logs.
    """

    live = True
    length: int | None = None
    path: Path | None = None

    def __init__(
        self,
        name: str,
        label: str,
        opener: Callable[[], cv2.VideoCapture | None],
        frame_rate: float | None = None,
        waits: Waits = Waits(),
        stop: threading.Event | None = None,
        capture: cv2.VideoCapture | None = None,
    ) -> None:
        self.name, self.label = name, label
        self.dropped = 0
        self.reopened = 0
        self.started = 0.0  # when the first frame came, on time.monotonic's clock
        self._opener, self._waits = opener, waits
        self._stop = stop or threading.Event()
        self._ready = threading.Condition()
        self._slot: tuple[float, float, Image] | None = None  # when it came, seconds without a picture before, and it
        self._ended = False
        capture = capture or opener()
        if capture is None:
            raise MissingDataError(f"{label} cannot be opened within {waits.timeout:g} s: is it connected, switched on and reachable?")
        self.frame_rate = frame_rate or _sane_rate(capture.get(cv2.CAP_PROP_FPS), 25.0)
        self._thread = threading.Thread(target=self._read_always, args=(capture,), name=f"read {label}", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Frame]:
        number = 0
        while not self._stop.is_set():
            with self._ready:
                self._ready.wait_for(lambda: self._slot is not None or self._ended, timeout=0.1)
                if self._slot is None:
                    if self._ended:
                        return
                    continue
                stamp, gap, image = self._slot
                self._slot = None
            number += 1
            if number == 1:
                self.started = stamp
            yield Frame(number, stamp - self.started, image, gap if number > 1 else 0.0)

    def close(self) -> None:
        """Ends the iteration; frames that were already returned stay valid."""
        self._stop.set()
        self._thread.join(timeout=2 * self._waits.timeout)

    def _hand_over(self, stamp: float, gap: float, image: Image) -> None:
        with self._ready:
            if self._slot is not None:
                self.dropped += 1
                gap = max(gap, self._slot[1])
            self._slot = (stamp, gap, image)
            self._ready.notify()

    def _read_always(self, capture: cv2.VideoCapture | None) -> None:
        seen, pause = time.monotonic(), self._waits.first_pause
        while not self._stop.is_set():
            good, image = capture.read() if capture is not None else (False, None)
            if good and image is not None:
                now = time.monotonic()
                self._hand_over(now, now - seen if now - seen > 2 / self.frame_rate else 0.0, np.asarray(image, dtype=np.uint8))
                seen, pause = now, self._waits.first_pause
                continue
            if capture is not None:
                capture.release()
                log.warning("%s: no frame; reopening it", self.label)
            if time.monotonic() - seen > self._waits.give_up_after:
                log.warning("%s: no frame for %.0f s: treated as ended", self.label, self._waits.give_up_after)
                break
            self._stop.wait(min(pause, self._waits.longest_pause))
            pause = 2 * pause
            capture = None if self._stop.is_set() else self._opener()
            self.reopened += capture is not None
        if capture is not None:
            capture.release()
        with self._ready:
            self._ended = True
            self._ready.notify()


def _folder(folder: Path, frame_rate: float | None) -> Images | VideoFile:
    """Opens what a folder holds."""
    found = _inside(folder)
    if found[0].suffix.lower() in VIDEO_ENDINGS:
        return VideoFile(found[0], name=_folder_name(folder))
    return Images(found, _folder_name(found[0].parent), frame_rate or 25.0)


def _inside(folder: Path) -> list[Path]:
    """Returns the images of a folder, of a sequence's folder those in img1, or the one video that it holds; MissingDataError if none."""
    for place in (folder, folder / "img1"):
        if place.is_dir() and (found := listed(place, IMAGE_ENDINGS)):
            return found
    videos = listed(folder, VIDEO_ENDINGS)
    if len(videos) == 1:
        return videos
    several = f"; it holds {len(videos)} videos: name one" if videos else ""
    raise MissingDataError(f"no images in folder '{folder}': expected files ending in {', '.join(IMAGE_ENDINGS)}, or one video{several}")


def _folder_name(folder: Path) -> str:
    """Returns the folder's own name; its parent's where it is a MOTChallenge sequence's `img1`."""
    name = folder.resolve().name
    return (folder.resolve().parent.name if name == "img1" else name) or "images"


def _silence_opencv() -> None:
    """Silences OpenCV and FFmpeg in this process: their messages may show an address with its password."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # which FFmpeg's backend reads when its first capture is opened
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def _open_camera(number: int) -> cv2.VideoCapture | None:
    _silence_opencv()
    capture = cv2.VideoCapture(number)
    return capture if capture.isOpened() else None


def _open_stream(address: str, timeout: float) -> cv2.VideoCapture | None:
    _silence_opencv()
    limit = int(1000 * timeout)
    capture = cv2.VideoCapture(address, cv2.CAP_FFMPEG, [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, limit, cv2.CAP_PROP_READ_TIMEOUT_MSEC, limit])
    return capture if capture.isOpened() else None


def _stream_name(address: str) -> str:
    """Returns a file name for a stream, without user, password or query."""
    parts = urlsplit(address)
    return re.sub(r"[^A-Za-z0-9.-]+", "_", f"{parts.hostname or 'stream'}{parts.path}").strip("_")


def _sane_rate(stated: float, default: float) -> float:
    """Returns the frame rate that a header states, or `default` where it states nonsense (0, NaN, 90,000)."""
    return float(stated) if 0.1 <= stated <= 1000 else default
