"""How long a tracker takes for a frame, beside its peers: `python benchmarks/association.py [--quick]`.

Every tracker gets the same NumPy arrays (boxes and scores) frame by frame and builds from them whatever it takes, within the
measured time; rows "from Detections" get bytetrack's own input, ready made as its detectors hand it over. They take turns in one
process on one core: a round is one pass of each over the same frames, in shuffled order, with a fresh tracker; the figure is the
median frame of the round that was disturbed least. Peers: `pip install bytetrack[bench]`; none is copied, none is under AGPL.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.crowd import crowd
from bytetrack import ByteTracker, Detections, Sort

Floats = npt.NDArray[np.float64]
Frame = tuple[Floats, Floats, Detections]
Update = Callable[[Floats, Floats, Detections], object]
Make = Callable[[], Update]

SIZES = (10, 50, 200, 500)
OURS = "bytetrack ByteTracker, from Detections"
BASE = "pyxtrackers"
GOALS = {10: 3, 50: 5, 200: 8, 500: 11}


def ours(kind: type[ByteTracker] | type[Sort], from_arrays: bool) -> Make:
    def make() -> Update:
        tracker = kind()
        if from_arrays:
            return lambda xyxy, score, _: tracker.update(Detections(xyxy, score))
        return lambda _, __, detections: tracker.update(detections)

    return make


def pyxtrackers() -> Make:
    from pyxtrackers import BYTETracker

    def make() -> Update:
        tracker = BYTETracker(track_thresh=0.6, match_thresh=0.9, track_buffer=30)
        return lambda xyxy, score, _: tracker.update(np.column_stack([xyxy, score]))

    return make


def visiontrack() -> Make:
    from visiontrack_cpp import ByteTracker as VisionTrack
    from visiontrack_cpp import TrackerConfig

    def make() -> Update:
        tracker = VisionTrack(
            TrackerConfig(high_score_thresh=0.6, low_score_thresh=0.1, match_iou_thresh=0.1, new_track_thresh=0.7, n_init=2, max_age=30)
        )
        return lambda xyxy, score, _: tracker.update(xyxy, score)

    return make


def edgefirst() -> Make:
    from edgefirst.tracker import ByteTrack

    def make() -> Update:
        tracker = ByteTrack(high_conf=0.6, iou=0.1, update=0.1, lifespan_ns=1_000_000_000)
        clock = iter(range(0, 10**15, 33_333_333))
        return lambda xyxy, score, _: tracker.update(
            xyxy.astype(np.float32), score.astype(np.float32), np.zeros(len(score), np.uint64), next(clock)
        )

    return make


def trackers() -> Make:
    from supervision import Detections as Boxes
    from trackers import ByteTrackTracker

    def make() -> Update:
        tracker = ByteTrackTracker()
        return lambda xyxy, score, _: tracker.update(Boxes(xyxy, confidence=score, class_id=np.zeros(len(score), int)))

    return make


def supervision() -> Make:
    from supervision import ByteTrack
    from supervision import Detections as Boxes

    def make() -> Update:
        tracker = ByteTrack(track_activation_threshold=0.6, lost_track_buffer=30, minimum_matching_threshold=0.9)
        return lambda xyxy, score, _: tracker.update_with_detections(Boxes(xyxy, confidence=score, class_id=np.zeros(len(score), int)))

    return make


PEERS: dict[str, Callable[[], Make]] = {
    OURS: lambda: ours(ByteTracker, from_arrays=False),
    "bytetrack ByteTracker, from arrays": lambda: ours(ByteTracker, from_arrays=True),
    "bytetrack Sort, from Detections": lambda: ours(Sort, from_arrays=False),
    "pyxtrackers": pyxtrackers,
    "visiontrack-cpp": visiontrack,
    "edgefirst-tracker": edgefirst,
    "trackers": trackers,
    "supervision": supervision,
}


def installed() -> tuple[dict[str, Make], list[str]]:
    """The trackers that can be made here, and a line for each that cannot."""
    found, missing = {}, []
    for name, find in PEERS.items():
        try:
            make = find()
            make()(*frame(np.array([[0.0, 0.0, 10.0, 20.0]]), np.array([0.9])))
            found[name] = make
        except Exception as error:
            missing.append(f"{name}: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")
    return found, missing


def frame(xyxy: Floats, score: Floats) -> Frame:
    return xyxy, score, Detections(xyxy, score)


def median_time(update: Update, frames: list[Frame], budget: float) -> float:
    """Microseconds of the median frame, the first 20 left out; ends early when `budget` seconds are spent."""
    times, end = [], time.perf_counter() + budget
    for xyxy, score, detections in frames:
        begin = time.perf_counter()
        update(xyxy, score, detections)
        now = time.perf_counter()
        times.append(now - begin)
        if now > end and len(times) > 60:
            break
    return float(np.median(times[20:])) * 1e6


def race(makes: dict[str, Make], n_rounds: int, budget: float) -> dict[str, dict[int, float]]:
    """Microseconds of the median frame, by tracker and number of people."""
    figures: dict[str, dict[int, float]] = {name: {} for name in makes}
    for n_people in SIZES:
        frames = [frame(*arrays) for arrays in crowd(n_people, 400, seed=n_people)]
        rounds: dict[str, list[float]] = {name: [] for name in makes}
        for _ in range(n_rounds):
            for name in random.sample(list(makes), len(makes)):
                gc.collect()
                rounds[name].append(median_time(makes[name](), frames, budget))
        for name, values in rounds.items():
            figures[name][n_people] = min(values)
    return figures


def table(figures: dict[str, dict[int, float]]) -> str:
    """Markdown: microseconds a frame, and how many times faster than the base."""
    versions = {name: _version(name.split()[0].rstrip(",")) for name in figures}
    lines = [f"| µs a frame (times {BASE}) | " + " | ".join(f"{n} people" for n in SIZES) + " |", "|---" * (len(SIZES) + 1) + "|"]
    base = figures.get(BASE)
    for name, row in figures.items():
        cells = [f"{row[n]:.1f}" + (f" ({base[n] / row[n]:.2f})" if base else "") for n in SIZES]
        lines.append(f"| {name} {versions[name]} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def flatness() -> str:
    """Time and memory of a long run: 50 people, 21,000 frames."""
    tracker = ByteTracker()
    times = np.empty(21_000)
    memory = {}
    for i, (xyxy, score) in enumerate(crowd(50, len(times), seed=7)):
        begin = time.perf_counter()
        tracker.update(Detections(xyxy, score))
        times[i] = time.perf_counter() - begin
        if i in (1_000, 10_999, 20_999):
            gc.collect()
            memory[i] = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20
    early, late = np.median(times[500:1500]), np.median(times[20_000:])
    growth = (memory[20_999] - memory[1_000]) / 2
    return f"frame 20,000 takes {late / early:.2f} times frame 1,000; memory grows by {growth:.3f} MB in 10,000 frames"


def cold_start() -> str:
    """Seconds of the first update of a process, without and with compiled code on disk."""
    program = (
        "import time; a = time.perf_counter(); from bytetrack import ByteTracker, Detections; b = time.perf_counter(); "
        "ByteTracker().update(Detections([[0, 0, 10, 20]], [0.9])); print(b - a, time.perf_counter() - b)"
    )
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):
            environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
            done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
            seconds.append([float(value) for value in done.stdout.split()])
    return (
        f"first update: {seconds[0][1]:.1f} s where nothing is compiled yet, {seconds[1][1]:.2f} s with compiled code on disk "
        f"(import {seconds[1][0]:.2f} s)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds, no long run")
    quick = parser.parse_args().quick
    warnings.simplefilter("ignore")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    makes, missing = installed()
    figures = race(makes, n_rounds=3 if quick else 9, budget=0.5 if quick else 1.0)
    lines = [table(figures), ""]
    lines += [f"not measured: {line}" for line in missing]
    if BASE in figures:
        mine = figures[OURS]
        for n in SIZES:
            ratio = figures[BASE][n] / mine[n]
            beaten = all(mine[n] < row[n] for name, row in figures.items() if not name.startswith("bytetrack"))
            lines.append(f"{n} people: {ratio:.1f} times {BASE} (goal {GOALS[n]}), {'faster' if beaten else 'NOT faster'} than every peer")
    lines.append(cold_start())
    if not quick:
        lines.append(flatness())
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
