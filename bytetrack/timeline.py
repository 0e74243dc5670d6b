"""Says when each frame of a video file is shown: from its packets' own time stamps, never from what its header says of length and rate."""

from __future__ import annotations

import logging
import os
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property, lru_cache
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.stream import Disposition

from bytetrack.errors import FormatError, MissingDataError
from bytetrack.runtime.notices import warn_once

__all__ = [
    "MOST_PIXELS",
    "Timeline",
    "decodable",
    "decoded",
    "ffmpeg_name",
    "next_moment",
    "open_video",
    "quarters",
    "refuse_black",
    "scan",
    "shown_size",
    "timeline",
]

log = logging.getLogger(__name__)

ASSUMED_RATE = 30.0  # frames a second, where neither time stamps nor header say one
MOST_PIXELS = 2**28  # of one picture, 800 MB decoded: who claims more has no video frame
MOST_BITS = 15  # used of 16 from here on, and not by a dark first picture only
PROBE = 128  # frames that are decoded to see whether they are those that the packets announce
MISSES = 50  # packets in a row that cannot be read until the file counts as ended
NEAR = 0.01  # a stated rate this close to the measured one is the exact one


@dataclass(frozen=True, eq=False)
class Timeline:
    """Lists the frames of a video in order of display: `stamps` in ticks of `tick` seconds, and `keys`, the frames (from 0) to seek to.

    `stated` are the rates that its header claims. `sure`: every packet has a time stamp of its own, in order, and none is damaged.
    `size`: width and height, as shown where a frame was decoded, else as stored. `restarts`: packets go back in time, as where two files
    were put together.
    """

    stamps: list[int]
    keys: list[int]
    tick: Fraction
    stated: tuple[float, ...]
    sure: bool
    size: tuple[int, int]
    restarts: bool = False

    @cached_property
    def rate(self) -> float:
        """Returns frames a second while frames come: pauses do not count, and a header's rate holds only where the time stamps agree."""
        stamps, count = np.unique(np.array(self.stamps, dtype=np.float64), return_counts=True)
        shared = 1 if self.restarts else count[:-1]  # frames of one stamp share the time until the next
        gaps = np.diff(stamps) / shared * float(self.tick)
        if not gaps.size:
            return next(iter(self.stated), ASSUMED_RATE)
        usual = np.quantile(gaps, 0.5, method="lower")  # a gap that there is, between two far apart, too
        rate = float(1 / gaps[(gaps > usual / 2) & (gaps < 1.5 * usual)].mean())
        return next((stated for stated in self.stated if abs(stated / rate - 1) < NEAR), rate)

    @cached_property
    def varies(self) -> bool:
        """Says whether some frame comes more than half a frame early or late after the one before."""
        return bool((np.abs(np.diff(self.seconds) * self.rate - 1) > 0.5).any())

    @cached_property
    def seconds(self) -> list[float]:
        """Returns seconds from the first frame to each, rising; a frame whose stamp does not rise comes one usual frame later."""
        moments: list[float] = []
        for stamp in self.stamps:
            moments.append(next_moment(moments[-1] if moments else None, (stamp - self.stamps[0]) * float(self.tick), self.rate))
        return moments

    def key_before(self, frame: int) -> int:
        """Returns the last of `keys` at or before `frame`, 0 if none."""
        place = bisect_right(self.keys, frame)
        return self.keys[place - 1] if place else 0


def next_moment(last: float | None, moment: float | None, rate: float) -> float:
    """Returns when a frame is shown that the file shows at `moment`: always after the `last` one, 1 / `rate` later if it says otherwise.

    >>> next_moment(None, 0.0, 10), next_moment(1.0, 31.0, 10), next_moment(1.0, 1.0, 10), next_moment(1.0, None, 10)
    (0.0, 31.0, 1.1, 1.1)
    """
    if last is None:
        return moment or 0.0
    return last + 1 / rate if moment is None or moment <= last else moment


def ffmpeg_name(path: Path) -> str:
    """Returns the path as FFmpeg takes it: from the root on, since what stands before a colon in a relative one is a protocol to it."""
    return os.path.abspath(path)


def open_video(path: Path) -> tuple[av.container.InputContainer, av.VideoStream]:
    """Opens the file and its video stream. A colon or percent sign in its name is one. MissingDataError, FormatError."""
    if not path.is_file():
        raise MissingDataError(f"no video file {path}")
    try:
        container = av.open(ffmpeg_name(path), metadata_errors="replace")
    except av.FFmpegError:
        size = path.stat().st_size
        raise FormatError(f"{path}: cannot be opened as a video by FFmpeg ({size} bytes): truncated, or not a video?") from None
    stream, *others = (*sorted(container.streams.video, key=_is_cover), None)
    if stream is None:
        container.close()
        raise FormatError(f"{path}: cannot be opened as a video: it holds no pictures")
    if stream.codec_context is None:
        container.close()
        raise FormatError(f"{path}: cannot be opened as a video: FFmpeg has no decoder for its pictures")
    width, height = stream.codec_context.width, stream.codec_context.height
    if width * height > MOST_PIXELS:
        container.close()
        raise FormatError(f"{path}: claims {width} x {height} pixels, at most {MOST_PIXELS} are read")
    if any(other is not None and not _is_cover(other) for other in others):
        warn_once(
            log, "%s: it holds several films, as of several cameras; the first (%d x %d) is read: `ffmpeg -i %s -map 0:v:1 -c copy "
            "second.mp4` takes out another", path, width, height, path.name
        )  # fmt: skip
    stream.thread_type = "AUTO"
    return container, stream


def decoded(container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
    """Yields the frames from where the file stands on; what cannot be decoded is passed over."""
    misses = 0
    while misses <= MISSES:
        try:
            for packet in container.demux(stream):
                for frame in packet.decode():
                    misses = 0
                    yield frame
            return
        except EOFError:
            return
        except (av.FFmpegError, ValueError):
            misses += 1


def timeline(path: Path) -> Timeline:
    """Returns all frames that decoding gives, found without decoding where packets can be relied on; known as long as the file stays."""
    status = path.stat()
    return _timeline(path, status.st_mtime_ns, status.st_size)


def decodable(path: Path) -> int:
    """Counts the frames that decoding the whole file gives."""
    return len(_decode(path)[1])


def scan(path: Path) -> Timeline:
    """Reads what the packets say, without decoding any: no frames may be there, or others than can be decoded. FormatError if no video."""
    container, stream = open_video(path)
    with container:
        tick, stated = stream.time_base or Fraction(1), _stated(stream)
        size = stream.codec_context.width, stream.codec_context.height
        packets, whole = [], True
        try:
            for packet in container.demux(stream):
                if packet.size and not packet.is_discard:
                    packets.append((packet.pts, packet.dts, packet.is_keyframe))
                    whole &= not packet.is_corrupt
        except (av.FFmpegError, ValueError):
            whole = False
    begin = next((place for place, (_, _, key) in enumerate(packets) if key), 0)
    first = packets[begin][0] if begin else None  # what is shown before the first whole picture lacks what it was coded from
    shown = [(pts, key) for pts, _, key in packets[begin:] if pts is not None and (first is None or pts >= first)]
    stamps, order = sorted(pts for pts, _ in shown), [dts for _, dts, _ in packets if dts is not None]
    rising = all(earlier < later for values in (stamps, order) for earlier, later in pairwise(values))
    rank = {stamp: place for place, stamp in enumerate(stamps)}
    keys = sorted(rank[pts] for pts, key in shown if key)
    whole &= all(pts is not None for pts, _, _ in packets)
    restarts = any(earlier > later for earlier, later in pairwise(order))
    return Timeline(stamps, keys, tick, stated, bool(shown) and whole and rising, size, restarts)


@lru_cache(maxsize=1024)
def _timeline(path: Path, changed: int, size: int) -> Timeline:
    packets = scan(path)
    shown, stamps = _decode(path, PROBE if packets.sure else None)
    packets = replace(packets, size=shown)
    if packets.sure:
        if stamps == packets.stamps[:PROBE]:
            return packets
        stamps = _decode(path)[1]
    log.info("%s: its packets do not say which frames they hold: decoded once to count them", path)
    known = [stamp for stamp in stamps if stamp is not None]
    if len(known) < len(stamps) or known != sorted(set(known)):
        rate = Fraction(next(iter(packets.stated), ASSUMED_RATE)).limit_denominator(100_000)
        return replace(packets, stamps=list(range(len(stamps))), keys=[], tick=1 / rate, sure=False)
    only_the_first_fail = known == [stamp for stamp in packets.stamps if stamp >= known[0]]
    keys = [bisect_left(known, packets.stamps[key]) for key in packets.keys] if packets.sure and only_the_first_fail else []
    return replace(packets, stamps=known, keys=keys, sure=False)


def _decode(path: Path, most: int | None = None) -> tuple[tuple[int, int], list[int | None]]:
    """Returns width and height of the first frame as shown, and the time stamps of the first `most` frames (None: all)."""
    container, stream = open_video(path)
    with container:
        frames = islice(decoded(container, stream), most)
        first = next(frames, None)
        if first is None:
            raise FormatError(f"{path}: no frame can be decoded: truncated, or not a video?")
        refuse_black(path, first)
        return shown_size(first), [first.pts, *(frame.pts for frame in frames)]


def quarters(frame: av.VideoFrame) -> int:
    """Says by how many quarters to the left the picture is to be turned, as the file says."""
    return round(frame.rotation / 90) % 4


def shown_size(frame: av.VideoFrame) -> tuple[int, int]:
    """Returns width and height of the picture once it is turned."""
    return (frame.height, frame.width) if quarters(frame) % 2 else (frame.width, frame.height)


def refuse_black(path: Path, frame: av.VideoFrame) -> None:
    """Raises FormatError for pictures of 16 bits that use fewer: the upper eight of them would be black."""
    if frame.format.name in ("gray16le", "gray16be", "rgb48le", "rgb48be"):
        bits = int(frame.to_ndarray().max()).bit_length()
        if bits < MOST_BITS:
            raise FormatError(
                f"{path}: pictures of 16 bits, of which {bits} are used, would be black: write them as images, which are scaled by the "
                f"bits they use (`ffmpeg -i {path.name} img1/%06d.png`)"
            )


def _stated(stream: av.VideoStream) -> tuple[float, ...]:
    rates: tuple[Any, ...] = (stream.guessed_rate, stream.average_rate, stream.base_rate)
    return tuple(float(rate) for rate in rates if rate and 0.1 <= rate <= 1000)


def _is_cover(stream: av.VideoStream) -> bool:
    return bool(stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails))
