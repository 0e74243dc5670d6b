"""Small films whose frames show their number."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av

from tests.video.test_read import coded

EVEN = [40 * number for number in range(100)]
PAUSED = [33 * number for number in range(40)] + [30_000 + 33 * number for number in range(60)]
TWO_RATES = [100 * number for number in range(30)] + [3000 + 17 * number for number in range(60)]


def film(
    path: Path,
    times: Sequence[int] = EVEN,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    pixels: str = "yuv420p",
    rate: int = 25,
    form: str | None = None,
    turned: int = 0,
) -> Path:
    """Writes frames 1, 2, … shown at `times` in milliseconds."""
    with av.open(str(path.absolute()), "w", format=form) as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        stream.width, stream.height, stream.pix_fmt = 96, 64, pixels
        stream.codec_context.time_base = Fraction(1, rate) if times is EVEN else Fraction(1, 1000)
        if turned:
            stream.set_display_rotation(turned)
        for number, time in enumerate(times, 1):
            frame = av.VideoFrame.from_ndarray(coded(number), "bgr24")
            frame.pts, frame.time_base = (number - 1, Fraction(1, rate)) if times is EVEN else (time, Fraction(1, 1000))
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
