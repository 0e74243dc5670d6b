"""A million frames through one tracker: `python benchmarks/soak.py [--tracker byte] [--frames N] [--plot FILE.png]`.

About 50 people at a time walk in and out of a picture for ever, so that identities keep ending and beginning. Time a frame (processor
time, as a machine may be busy), resident memory and the tracker's own lists have to stay flat from beginning to end.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bytetrack import ByteTracker, Detections
from bytetrack.tracking import BytePlus

TRACKERS = {"byte": ByteTracker, "byte_plus": BytePlus}
PEOPLE, WIDTH, HEIGHT = 50, 1920.0, 1080.0
WARM = 5_000  # frames before the first figure: compiled code, caches


@dataclass
class Point:
    """Figures of the frames since the last one: processor microseconds a frame, resident MiB, identities so far, tracks out a frame."""

    frames: int
    microseconds: float
    mebibytes: float
    identities: int
    tracks: float


def stream(frames: int, seed: int = 0) -> Iterator[Detections]:
    """Detections of people who walk, are missed and hidden now and then, leave, and are followed by others."""
    rng = np.random.default_rng(seed)
    left_top, speed = rng.uniform((0, 0), (WIDTH, HEIGHT), (PEOPLE, 2)), rng.normal(0, 2, (PEOPLE, 2))
    size = rng.uniform((30, 80), (60, 180), (PEOPLE, 2))
    for _ in range(frames):
        left_top += speed
        gone = (left_top < -60).any(axis=1) | (left_top > (WIDTH, HEIGHT)).any(axis=1) | (rng.random(PEOPLE) < 0.002)
        left_top[gone] = rng.uniform((0, 0), (WIDTH, HEIGHT), (int(gone.sum()), 2))
        score = rng.uniform(0.2, 1.0, PEOPLE)
        seen = rng.random(PEOPLE) < 0.95
        boxes = left_top + rng.normal(0, 1, (PEOPLE, 2))
        yield Detections(np.concatenate([boxes, boxes + size], axis=1)[seen], score[seen])


def soak(tracker: ByteTracker | BytePlus, frames: int, points: int = 100) -> list[Point]:
    """Figures at `points` instants of a run over `frames` frames; the making of the stream is not in the time."""
    found, identities, tracks, spent = [], 0, 0, 0.0
    every = frames // points
    for number, detections in enumerate(stream(WARM + frames), 1 - WARM):
        began = time.process_time()
        out = tracker.update(detections)
        spent += time.process_time() - began
        identities, tracks = max(identities, int(out.track_id.max(initial=0))), tracks + len(out)
        if number % every == 0:
            if number > 0:
                found.append(Point(number, 1e6 * spent / every, resident(), identities, tracks / every))
            spent, tracks = 0.0, 0
    return found


def resident() -> float:
    """Memory of this process in MiB, without what swapping took."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20


def plot(points: dict[str, list[Point]], path: Path) -> None:
    """Time a frame and memory over frames, a line a tracker."""
    from matplotlib.figure import Figure

    figure = Figure((8, 3), layout="constrained")
    time_axes, memory_axes = figure.subplots(1, 2)
    for name, found in points.items():
        frames = [point.frames / 1e6 for point in found]
        time_axes.plot(frames, [point.microseconds for point in found], label=name)
        memory_axes.plot(frames, [point.mebibytes for point in found], label=name)
    for axes, title in ((time_axes, "processor time a frame, µs"), (memory_axes, "resident memory, MiB")):
        axes.set(title=title, xlabel="million frames", ylim=(0, None))
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=80)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracker", choices=[*TRACKERS], help="one of them; both without it")
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--plot", type=Path)
    given = parser.parse_args()
    points, grown = {}, False
    for name in [given.tracker] if given.tracker else [*TRACKERS]:
        found = points[name] = soak(TRACKERS[name](), given.frames)
        tenth = max(len(found) // 10, 1)
        first, last = found[:tenth], found[-tenth:]
        times = [float(np.median([point.microseconds for point in part])) for part in (first, last)]
        memory = [max(point.mebibytes for point in part) for part in (first, last)]
        print(
            f"{name}: {given.frames} frames, {found[-1].identities} identities, {np.mean([p.tracks for p in found]):.1f} tracks a frame; "
            f"first and last tenth: {times[0]:.0f} and {times[1]:.0f} µs a frame, {memory[0]:.1f} and {memory[1]:.1f} MiB",
            flush=True,
        )
        grown |= memory[1] > memory[0] + 8
    if given.plot:
        plot(points, given.plot)
    sys.exit(grown)


if __name__ == "__main__":
    main()
