"""Small videos and folders of images in which squares walk, with detections of them; and a reader of what a demo leaves behind."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

RATE = 25
WALKERS = ((10, 20, 4), (150, 60, -3))  # left, top, pixels a frame


def picture(frame: int, width: int = 192, height: int = 120) -> Any:
    """Frame `frame` (from 0): two squares on grey, one walks right and one left."""
    image = np.full((height, width, 3), 90, np.uint8)
    for number, (left, top, speed) in enumerate(WALKERS):
        x = left + speed * frame
        cv2.rectangle(image, (x, top), (x + 20, top + 40), ((40, 200, 240), (240, 120, 30))[number], -1)
    return image


def write_detections(folder: Path, name: str, frames: int, score: float = 0.9) -> Path:
    """`folder`/<name>.txt, with both squares in every frame."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [f"{f + 1},-1,{x + v * f},{y},20,40,{score},-1,-1,-1\n" for f in range(frames) for x, y, v in WALKERS]
    (folder / f"{name}.txt").write_text("".join(rows))
    return folder


def write_images(folder: Path, pictures: Iterable[Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(pictures, 1):
        cv2.imwrite(str(folder / f"{number:06d}.png"), image)
    return folder


def write_video(
    path: Path,
    frames: int,
    rate: float | Fraction = RATE,
    size: tuple[int, int] = (192, 120),
    times: Sequence[float] | None = None,
    rotation: int = 0,
    tone: str | None = None,
) -> Path:
    """An H.264 video; `times` of the frames in seconds, `rotation` for the player to do, `tone` the codec of a 440 Hz sound."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(rate).limit_denominator(1001), options={"preset": "ultrafast"})
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p" if size[0] % 2 == size[1] % 2 == 0 else "yuv444p"
        if rotation:
            stream.set_display_rotation(rotation)
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        sound = container.add_stream(tone, rate=44100) if tone else None
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(number, *size), format="bgr24")
            if times is not None:
                frame.pts, frame.time_base = round(1000 * times[number]), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound is not None:
            wave = np.sin(2 * np.pi * 440 * np.arange(int(44100 * frames / rate)) / 44100).astype(np.float32)
            for first in range(0, len(wave) - 1023, 1024):
                chunk = av.AudioFrame.from_ndarray(np.ascontiguousarray(wave[None, first : first + 1024]), format="fltp", layout="mono")
                chunk.sample_rate, chunk.pts, chunk.time_base = 44100, first, Fraction(1, 44100)
                container.mux(sound.encode(chunk))
            container.mux(sound.encode(None))
    return path


@dataclass
class Left:
    """What a demo left in its folder."""

    folder: Path
    name: str
    status: int = 0

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / f"{self.name}.jsonl").read_text().splitlines()]

    @property
    def rows(self) -> list[list[float]]:
        return [[float(cell) for cell in line.split(",")] for line in (self.folder / f"{self.name}.txt").read_text().splitlines()]

    @property
    def summary(self) -> dict[str, Any]:
        return json.loads((self.folder / "summary.json").read_text())

    @property
    def video(self) -> Path:
        return self.folder / f"{self.name}.mp4"

    def times(self) -> list[float]:
        """Of the video's frames, decoded."""
        with av.open(str(self.video)) as container:
            return [float(frame.time) for frame in container.decode(video=0)]

    def images(self) -> list[Any]:
        with av.open(str(self.video)) as container:
            return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]

    def check_agreement(self, frames: int) -> None:
        """Every file ends with frame `frames`, and they say the same."""
        assert [line["frame"] for line in self.lines] == list(range(1, frames + 1))
        assert len(self.times()) == frames
        told = [[line["frame"], track["id"], *track["tlwh"]] for line in self.lines for track in line["tracks"]]
        assert np.allclose([row[:6] for row in self.rows], told)
        assert self.summary["frames"] == frames
        assert not self.video.with_suffix(".part.mp4").exists()


Run = Callable[..., Left]
