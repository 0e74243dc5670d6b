"""Writes video files that browsers play: H.264, yuv420p, with the index at the start."""

from __future__ import annotations

import heapq
import logging
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from fractions import Fraction
from itertools import chain, takewhile
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import cv2
import numpy as np
from av.stream import Stream

from bytetrack.boxes import letterbox_ratio
from bytetrack.checks import check_choice
from bytetrack.runtime.atomic import replacing
from bytetrack.runtime.new_folders import make_folder
from bytetrack.structures import PAD
from bytetrack.timeline import ffmpeg_name
from bytetrack.video.read import Image

__all__ = ["VideoWriter"]

log = logging.getLogger(__name__)

CLOCK = 90_000  # ticks a second, where frames come at their own times
PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")  # x264's
PLAYED = ("aac", "mp3", "opus")  # sound that browsers play from an .mp4


class VideoWriter:
    """Writes frames of one size to `path` (.mp4); a context manager.

    Odd sizes are extended by a copy of the last row or column. Frames are first written to `<name>.part.mp4` in fragments that can be
    played at once. `close`, which leaving the block also calls after errors and Ctrl-C, copies them without re-encoding to `path`, with
    the index at the start. A killed process therefore loses only the last seconds of the .part.mp4, and `path` is always complete.

    Args:
        path: The .mp4 file.
        frame_rate: Frames per second, any number (29.97 becomes 30000/1001).
        crf: x264's quality, 0 lossless … 51 worst.
        preset: x264's speed.
        audio: A file whose sound is copied (converted to AAC if browsers cannot play it), up to the last frame.
        flush_every: Length of a fragment in seconds.
        threads: Threads of x264; 0: automatic.
    """

    def __init__(
        self,
        path: str | Path,
        frame_rate: float | Fraction,
        crf: int = 22,
        preset: str = "veryfast",
        flush_every: float = 2.0,
        threads: int = 0,
        audio: Path | None = None,
    ) -> None:
        self.path = Path(path)
        if self.path.suffix != ".mp4":
            raise ValueError(f"videos are written as .mp4: got {self.path.name!r}")
        if not 0 < frame_rate <= 1000:
            raise ValueError(f"frame_rate must lie in (0, 1000] frames a second: got {frame_rate}")
        if not 0 <= crf <= 51:
            raise ValueError(f"crf must lie in [0, 51], x264's qualities: got {crf}")
        check_choice("preset", preset, PRESETS)
        self.rate = _fraction(frame_rate)
        self.part = self.path.with_name(f"{self.path.stem}.part.mp4")
        make_folder(self.path.parent)
        self.frames = 0
        self.audio = audio
        self._options = {"crf": str(crf), "preset": preset, "g": str(max(1, round(flush_every * self.rate))), "threads": str(threads)}
        self._size: tuple[int, int] | None = None  # width, height as given
        self._shown = -1  # the last frame's tick
        self._container: av.container.OutputContainer | None = None

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def write(self, image: Image, time: float | None = None) -> None:
        """Appends a frame, uint8 (H, W, 3) BGR, shown from `time` in seconds (None for all frames: at the frame rate).

        Raises ValueError if its size differs from the first frame's.
        """
        height, width = image.shape[:2]
        if self._container is None:
            self._open(width, height, 1 / self.rate if time is None else Fraction(1, CLOCK))
        if self._size != (width, height):
            raise ValueError(f"{self.path}: frame {self.frames + 1} is {width} x {height}, the first was {self._size}: one size a video")
        if width % 2 or height % 2:
            image = np.asarray(cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE), np.uint8)
        frame = av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(image), format="bgr24")  # as it lies: a copy would cost the most
        frame = frame.reformat(format="yuv420p", src_colorspace="ITU709", dst_colorspace="ITU709")
        self._shown = max(self._shown + 1, self.frames if time is None else round(time * CLOCK))
        frame.pts, frame.time_base = self._shown, self._tick
        assert self._container is not None
        self._container.mux(self._stream.encode(frame))
        self.frames += 1

    def fitted(self, image: Image) -> Image:
        """Scales `image` to the size of the first frame, with grey borders if its aspect ratio differs."""
        width, height = self._size or image.shape[1::-1]
        if image.shape[:2] == (height, width):
            return image
        ratio = letterbox_ratio(image.shape, (height, width))
        inner = cv2.resize(image, (max(1, round(image.shape[1] * ratio)), max(1, round(image.shape[0] * ratio))))
        canvas = np.full((height, width, 3), PAD, np.uint8)
        canvas[: inner.shape[0], : inner.shape[1]] = inner
        return canvas

    def close(self) -> None:
        """Finishes the file; writes none if there was no frame. Calling it again has no effect."""
        if self._container is None:
            return
        container, self._container = self._container, None
        container.mux(self._stream.encode(None))
        container.close()
        with (
            replacing(self.path) as moved,
            av.open(ffmpeg_name(self.part)) as source,
            av.open(ffmpeg_name(moved), "w", format="mp4", options={"movflags": "+faststart"}) as target,
        ):
            coded = source.streams.video[0]
            streams = [_copied(source.demux(coded), target.add_stream_from_template(coded), _start(coded))]
            end = float((self._shown + 1 / (self.rate * self._tick)) * self._tick)
            with ExitStack() as opened:
                if self.audio is not None:
                    streams += self._sound(opened, target, end)
                for _, packet in heapq.merge(*streams, key=itemgetter(0)):
                    target.mux(packet)
        self.part.unlink()

    def _sound(self, opened: ExitStack, target: av.container.OutputContainer, end: float) -> list[Iterator[tuple[float, Any]]]:
        assert self.audio is not None
        try:
            return _sound(opened.enter_context(av.open(ffmpeg_name(self.audio), metadata_errors="replace")), target, end)
        except (OSError, av.FFmpegError) as error:  # the picture is what counts
            log.warning("%s: its sound is omitted: it can no longer be read (%s)", self.audio, error)
            return []

    def _open(self, width: int, height: int, tick: Fraction) -> None:
        self._size, self._tick = (width, height), tick
        flags = {"movflags": "+frag_keyframe+empty_moov+default_base_moof", "flush_packets": "1"}
        self._container = av.open(ffmpeg_name(self.part), "w", format="mp4", options=flags)
        self._stream = self._container.add_stream("libx264", rate=self.rate, options=self._options)
        self._stream.width, self._stream.height, self._stream.pix_fmt = width + width % 2, height + height % 2, "yuv420p"
        codec = self._stream.codec_context
        codec.time_base, codec.framerate = tick, self.rate
        codec.colorspace = codec.color_primaries = codec.color_trc = 1  # BT.709, said in the file so that players agree
        codec.color_range = 1


def _start(coded: Stream) -> Fraction:
    """Returns the seconds until the first frame of `coded` is shown: fragments cannot say that it is the beginning."""
    return Fraction(coded.start_time or 0) * (coded.time_base or 1)


def _copied(packets: Iterable[Any], target: Stream, start: Fraction) -> Iterator[tuple[float, Any]]:
    """Yields `packets` for the stream `target`, each with its time in seconds from `start` on."""
    for packet in packets:
        if packet.dts is not None and packet.pts is not None and packet.time_base:
            early = round(start / packet.time_base)
            packet.pts, packet.dts = packet.pts - early, packet.dts - early
            if packet.pts >= 0:
                packet.stream = target
                yield float(packet.dts * packet.time_base), packet


def _sound(source: av.container.InputContainer, target: av.container.OutputContainer, end: float) -> list[Iterator[tuple[float, Any]]]:
    """Yields the sound of `source` up to `end` seconds as packets for a new stream of `target`; nothing if it has none."""
    coded = next(iter(source.streams.audio), None)
    if coded is None or not coded.codec_context.sample_rate:
        return []
    start = _start(source.streams.video[0]) if source.streams.video else Fraction(0)
    if coded.codec_context.name in PLAYED:
        packets = _copied((packet for packet, _ in _whole(source, coded)), target.add_stream_from_template(coded), start)
    else:
        frames = chain.from_iterable(frames for _, frames in _whole(source, coded))
        packets = _as_aac(frames, target.add_stream("aac", rate=coded.codec_context.sample_rate), start)
    return [takewhile(lambda timed: timed[0] < end, packets)]


def _whole(source: av.container.InputContainer, coded: Any) -> Iterator[tuple[Any, list[Any]]]:
    """Yields the packets of `coded` and their frames, without those that are damaged: browsers stop at them."""
    for packet in source.demux(coded):
        with suppress(av.FFmpegError):
            yield packet, packet.decode()


def _as_aac(frames: Iterable[Any], target: Any, start: Fraction) -> Iterator[tuple[float, Any]]:
    for frame in chain(frames, [None]):
        if frame is not None and frame.pts is not None and frame.time_base:
            frame.pts -= round(start / frame.time_base)
            if frame.pts < 0:
                continue
        try:
            packets = target.encode(frame)
        except ValueError:  # damaged: of another rate than the frames before
            continue
        for packet in packets:
            yield float((packet.dts or 0) * (packet.time_base or 1)), packet


def _fraction(rate: float | Fraction) -> Fraction:
    """Returns the broadcast rate of 1001 within a thousandth if there is one, else the nearest simple fraction."""
    if isinstance(rate, Fraction):
        return rate
    broadcast = Fraction(round(rate) * 1000, 1001)
    return broadcast if abs(float(broadcast) - rate) < 0.002 else Fraction(rate).limit_denominator(1000)
