"""How long a tracker takes for a frame, beside its peers: `python benchmarks/association.py [--quick] [--only FAMILY ...]`.

Every tracker (peers.py) gets the same frames and builds from them whatever it takes, within the measured time; ours get `Detections`,
ready made as its detectors hand them over, but for the row "from arrays". Those of a family take turns in one process on one core: a
round is one pass of each over the same frames, in shuffled order, with a fresh tracker; the figure is the median frame of the round
that was disturbed least.
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
from functools import cache
from importlib import metadata
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.crowd import crowd, looks, people
from benchmarks.peers import FAMILIES, Frame, Make, Update, installed
from bytetrack import ByteTracker, Detections

Figures = dict[str, dict[int, float]]  # microseconds of the median frame, by tracker and number of people

SIZES = {"byte": (10, 50, 200, 500)}  # people
OTHER_SIZES = (10, 50, 200)
BASE, BASE_GOALS = "pyxtrackers", {10: 3, 50: 5, 200: 8, 500: 11}  # of byte: how many times faster than it
GOAL, GOAL_SIZE = 5, 50  # of the others: how many times faster than the fastest peer
BYTE_PLUS_GOAL = 2  # byte_plus takes at most so many times as long as byte, at GOAL_SIZE


@cache
def scene(n_people: int, n_frames: int, length: int) -> list[Frame]:
    """Frames of a crowd, with features of that length."""
    return [
        Frame(xyxy, score, Detections(xyxy, score), looks(who, length, seed=n_people))
        for xyxy, score, who in people(n_people, n_frames, seed=n_people)
    ]


def median_time(update: Update, frames: list[Frame], budget: float) -> float:
    """Microseconds of the median frame, the first 20 left out; ends early when `budget` seconds are spent."""
    times, end = [], time.perf_counter() + budget
    for frame in frames:
        begin = time.perf_counter()
        update(frame)
        now = time.perf_counter()
        times.append(now - begin)
        if now > end and len(times) >= 40:
            break
    return float(np.median(times[20:])) * 1e6


def race(makes: dict[str, Make], sizes: tuple[int, ...], n_rounds: int, budget: float) -> Figures:
    """Microseconds of the median frame, by tracker and number of people. One that has used up its time sits out the other rounds."""
    figures: Figures = {name: {} for name in makes}
    for n_people in sizes:
        frames = scene(n_people, 400, 128 if any("features" in name for name in makes) else 0)
        rounds: dict[str, list[float]] = {name: [] for name in makes}
        spent = dict.fromkeys(makes, 0.0)
        for _ in range(n_rounds):
            for name in random.sample(list(makes), len(makes)):
                if spent[name] > n_rounds * budget:
                    continue
                gc.collect()
                begin = time.perf_counter()
                rounds[name].append(median_time(makes[name](), frames, budget))
                spent[name] += time.perf_counter() - begin
        for name, values in rounds.items():
            figures[name][n_people] = min(values)
    return figures


def table(figures: Figures, family: str) -> str:
    """Markdown: microseconds a frame, and how many times as long as ours."""
    sizes = SIZES.get(family, OTHER_SIZES)
    lines = [f"| {family}: µs a frame (times ours) | " + " | ".join(f"{n} people" for n in sizes) + " |", "|---" * (len(sizes) + 1) + "|"]
    ours = next(iter(figures.values()))
    for name, row in figures.items():
        cells = [f"{row[n]:.1f} ({row[n] / ours[n]:.2f})" for n in sizes]
        lines.append(f"| {name} {_version(name.split()[0].rstrip(','))} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def verdicts(figures: Figures, family: str) -> list[str]:
    """Returns the goals, and which of them are reached."""
    (_, ours), *_ = figures.items()
    peers = {name: row for name, row in figures.items() if not name.startswith("bytetrack")}
    if family == "byte_plus":
        ratio = ours[GOAL_SIZE] / figures["bytetrack ByteTracker"][GOAL_SIZE]
        return [f"byte_plus, {GOAL_SIZE} people: {ratio:.2f} times byte (goal: at most {BYTE_PLUS_GOAL})"]
    if not peers:
        return [f"{family}: no peer under a permissive licence is installed"]
    if family == "byte":
        fastest = {n: min(row[n] for row in peers.values()) for n in SIZES["byte"]}
        return [
            f"byte, {n} people: {peers[BASE][n] / ours[n]:.1f} times {BASE} (goal {goal}), {fastest[n] / ours[n]:.1f} times the fastest"
            for n, goal in (BASE_GOALS if BASE in peers else {}).items()
        ]
    name = min(peers, key=lambda peer: peers[peer][GOAL_SIZE])
    return [f"{family}, {GOAL_SIZE} people: {peers[name][GOAL_SIZE] / ours[GOAL_SIZE]:.1f} times {name}, its fastest peer (goal {GOAL})"]


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
    parser.add_argument("--only", nargs="+", choices=list(FAMILIES), default=list(FAMILIES), help="these families")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    lines = []
    for family in options.only:
        makes, missing = installed(FAMILIES[family])
        many, few = ((9, 1.0), (3, 0.25)) if family == "byte" else ((9, 0.5), (3, 0.1))
        figures = race(makes, SIZES.get(family, OTHER_SIZES), *(few if options.quick else many))
        sys.stdout.write(table(figures, family) + "\n\n")
        lines += [f"not measured: {line}" for line in missing] + verdicts(figures, family)
    if "byte" in options.only:
        lines.append(cold_start())
        if not options.quick:
            lines.append(flatness())
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
