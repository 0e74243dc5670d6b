"""A moving picture for a README: a stretch of a video as an animated WebP, which browsers and GitHub show without a player."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from bytetrack.runtime.atomic import replacing
from bytetrack.timeline import ffmpeg_name
from bytetrack.video.read import Video

__all__ = ["animate"]


def animate(
    video: str | Path, path: str | Path, first: int = 1, length: int = 100, every: int = 2, width: int = 1280, quality: int = 50
) -> Path:
    """Writes `path` (.webp): `length` frames of `video` from frame `first`, one in `every`, `width` pixels wide, looping; returns `path`.

    It plays at the video's speed and ends with the video. `quality` 0 … 100. ValueError for values out of range.
    """
    path, source = Path(path), Video(video)
    if path.suffix != ".webp":
        raise ValueError(f"animations are written as .webp: got {path.name!r}")
    if min(first, length, every, width) < 1 or not 0 <= quality <= 100:
        raise ValueError(
            f"animate needs first, length, every, width >= 1 and quality 0..100: got {first}, {length}, {every}, {width}, {quality}"
        )
    height = round(width * source.height / source.width)
    with replacing(path) as temporary, av.open(ffmpeg_name(temporary), "w", format="webp", options={"loop": "0"}) as target:
        rate = Fraction(source.frame_rate).limit_denominator(1001) / every
        stream = target.add_stream("libwebp_anim", rate=rate, options={"quality": str(quality), "compression_level": "4"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame_id in range(first, min(first + length, source.length + 1), every):
            small = np.asarray(cv2.resize(source.read(frame_id), (width, height), interpolation=cv2.INTER_AREA), np.uint8)
            target.mux(stream.encode(av.VideoFrame.from_ndarray(small, format="bgr24")))
        target.mux(stream.encode(None))
    source.close()
    return path
