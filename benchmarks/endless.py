"""Does memory stay flat on an endless stream: `python benchmarks/endless.py [--frames N] [--plot FILE.png]`.

The whole demo (tracker, counting, drawing, encoding, every file) over an hour of a small picture at 25 frames a second, 90,000 frames,
as fast as it goes; ten people walk through it, each leaves after 100 frames and never returns. Goal: what the process occupies
does not grow after the first minutes.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.pipeline import demo, quiet
from bytetrack import Detections
from bytetrack.video.source import Frame

RATE = 25.0
COUNTED = ["lines=[[80,0,80,120,gate]]", "zones={left:[[0,0],[80,0],[80,120],[0,120]]}", "video.preset=ultrafast"]


class PassersBy:
    """Ten people who walk through the picture; each leaves after 100 frames and never returns."""

    class_names = ("person",)

    def __init__(self) -> None:
        self.number = 0

    def detect(self, images: list[Any]) -> list[Detections]:
        self.number += 1
        phase = (self.number + 10 * np.arange(10)) % 100
        left = 1.5 * phase
        top = 12.0 * np.arange(10)
        return [Detections(np.column_stack([left, top, left + 8, top + 11]), np.full(10, 0.9))]


class Endless:
    """The same picture over and over; notes what the process occupies, in MiB, `samples` times."""

    name, frame_rate, live, dropped, path = "endless", RATE, False, 0, None

    def __init__(self, frames: int, samples: int) -> None:
        self.length = frames
        self.every = max(1, frames // samples)
        self.occupied: list[tuple[float, float]] = []  # simulated minute, MiB

    def __iter__(self) -> Iterator[Frame]:
        image = np.full((120, 160, 3), 90, np.uint8)
        for number in range(1, self.length + 1):
            if number % self.every == 0:
                gc.collect()
                pages = int(Path("/proc/self/statm").read_text().split()[1])
                self.occupied.append((number / RATE / 60, pages * os.sysconf("SC_PAGESIZE") / 2**20))
            yield Frame(number, number / RATE, image.copy())

    def close(self) -> None:
        pass


def occupied(frames: int, samples: int, folder: Path) -> list[tuple[float, float]]:
    """(simulated minute, MiB) at `samples` moments of a demo over so many frames."""
    source = Endless(frames, samples)
    demo(source, PassersBy(), folder, *COUNTED).run()
    return source.occupied


def plot(points: list[tuple[float, float]], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(6.4, 2.6), dpi=100)
    axes.plot(*zip(*points, strict=True), linewidth=1.5)
    axes.set(xlabel="minute of the stream (25 frames a second)", ylabel="MiB resident", ylim=(0, 1.3 * max(mib for _, mib in points)))
    axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=90_000)
    parser.add_argument("--plot", type=Path, help="a .png of it (needs matplotlib)")
    given = parser.parse_args()
    quiet()
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        points = occupied(given.frames, 120, Path(folder) / "out")
    print(f"{given.frames} frames in {time.perf_counter() - begin:.0f} s; MiB resident every tenth of it:")
    print("  " + " ".join(f"{mib:.1f}" for _, mib in points[11::12]))
    minutes, mib = np.array([point for point in points if point[0] > points[-1][0] / 6]).T
    print(f"  after the first sixth: {mib.min():.1f} to {mib.max():.1f}, slope {np.polyfit(minutes, mib, 1)[0] * 60:+.2f} MiB an hour")
    if given.plot:
        plot(points, given.plot)


if __name__ == "__main__":
    main()
