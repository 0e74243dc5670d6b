"""How long a YOLOX takes for a frame, through each runtime: `python benchmarks/detection.py WEIGHTS.pth FILE.onnx VIDEO [--quick] [--cpu]`.

The yardstick is ONNX Runtime's own `session.run` on an input that lies ready; the others are the whole `detect`: letterbox, network,
decoding, suppression. In every round each contender gets the same frame, in shuffled order; the ratio is the median over rounds of
its time by the yardstick's in the same round, so that other work on the machine counts for both. Then frames a second in batches,
and the time from the start of a process to its first detections.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bytetrack.detection.onnx import Onnx
from bytetrack.detection.openvino import OpenVino
from bytetrack.detection.preprocess import network_input
from bytetrack.detection.yolox import Yolox

Detect = Callable[[list[Any]], object]
Clock = Callable[[], float]
YARDSTICK = "ONNX Runtime, session.run alone"
GOAL = 1.10
COLD = """
import cv2
from bytetrack.detection.{module} import {kind}
{kind}({settings}).detect([cv2.imread({image!r})])
"""


def frames(source: Path, most: int) -> list[Any]:
    """The first `most` frames of a video, or images of a folder."""
    if source.is_dir():
        return [cv2.imread(str(path)) for path in sorted(source.glob("*.jpg"))[:most]]
    video = cv2.VideoCapture(str(source))
    read = (video.read() for _ in range(most))
    return [image for good, image in read if good]


def contenders(weights: Path, exported: Path, threads: int, batch: int) -> dict[str, Detect]:
    """By name; those that cannot run here are left out, and named."""
    onnx = Onnx(exported, threads=threads, batch_size=batch)
    loaded = onnx.load()
    bare, size = loaded.model, loaded.size or (416, 416)
    pixels = network_input([np.full((416, 416, 3), 114, np.uint8)] * batch, size, loaded.convention)
    nano = {"depth": 0.33, "width": 0.25, "depthwise": True, "input_size": size, "device": "cpu", "batch_size": batch}
    found: dict[str, Detect] = {YARDSTICK: lambda images: bare.run(pixels), "onnx": onnx.detect}
    for precision in ("fp32", "bf16"):
        found[f"yolox {precision}"] = Yolox(weights, precision=precision, **nano).detect
        found[f"openvino {precision}"] = OpenVino(exported, precision, threads=threads, batch_size=batch).detect
    return found


def race(detects: dict[str, Detect], images: list[Any], batch: int, rounds: int, clock: Clock) -> dict[str, list[float]]:
    """Seconds a frame of every contender and round."""
    seconds: dict[str, list[float]] = {name: [] for name in detects}
    for number in range(-2, rounds):  # two to warm up
        group = [images[(number * batch + k) % len(images)] for k in range(batch)]
        for name in random.Random(number).sample(list(detects), len(detects)):
            start = clock()
            detects[name](group)
            if number >= 0:
                seconds[name].append((clock() - start) / batch)
    return seconds


def report(seconds: dict[str, list[float]], title: str) -> None:
    base = np.array(seconds[YARDSTICK])
    print(f"\n{title}\n{'':34}{'p50 ms':>9}{'least ms':>10}{'frames/s':>10}{'ratio p50':>11}{'ratio of least':>16}")
    for name, times in seconds.items():
        own = np.array(times)
        ratio, least = np.median(own / base), own.min() / base.min()
        print(f"{name:34}{np.median(own) * 1e3:9.2f}{own.min() * 1e3:10.2f}{1 / np.median(own):10.1f}{ratio:11.2f}{least:16.2f}")


def cold_starts(weights: Path, exported: Path, image: Path, repeats: int) -> None:
    torch_settings = f"{str(weights)!r}, 0.33, 0.25, True, (416, 416), device='cpu'"
    programs = {
        "onnx": COLD.format(module="onnx", kind="Onnx", settings=repr(str(exported)), image=str(image)),
        "openvino": COLD.format(module="openvino", kind="OpenVino", settings=repr(str(exported)), image=str(image)),
        "yolox": COLD.format(module="yolox", kind="Yolox", settings=torch_settings, image=str(image)),
    }
    print("\nfrom the start of the process to its first detections, seconds, least of", repeats)
    for name, program in programs.items():
        taken = []
        for _ in range(repeats):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).resolve().parent.parent)
            taken.append(time.perf_counter() - start)
        print(f"{name:34}{min(taken):9.2f}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path, help="YOLOX-Nano's .pth")
    parser.add_argument("exported", type=Path, help="the same as .onnx, by tools/export.py")
    parser.add_argument("source", type=Path, help="a video or a folder of .jpg")
    parser.add_argument("--quick", action="store_true", help="few rounds")
    parser.add_argument("--cpu", action="store_true", help="time of the processor, one thread only: for a machine that does other work too")
    given = parser.parse_args()
    import torch

    images = frames(given.source, 100)
    if not images:
        parser.error(f"no frames in {given.source}")
    worst = 0.0
    clock = time.process_time if given.cpu else time.perf_counter
    for threads in (1,) if given.cpu else (1, 2):
        torch.set_num_threads(threads)
        cv2.setNumThreads(threads)
        seconds = race(contenders(given.weights, given.exported, threads, 1), images, 1, 15 if given.quick else 100, clock)
        report(seconds, f"{threads} thread{'s' if threads > 1 else ''}, one frame at a time")
        worst = max(worst, float(np.median(np.array(seconds["onnx"]) / np.array(seconds[YARDSTICK]))))
    if not given.cpu:
        seconds = race(contenders(given.weights, given.exported, 2, 4), images, 4, 4 if given.quick else 25, clock)
        report(seconds, "2 threads, four frames at a time")
        first = Path("/tmp") / "bytetrack_first_frame.png"
        cv2.imwrite(str(first), images[0])
        cold_starts(given.weights, given.exported, first, 2 if given.quick else 5)
    print(f"\nonnx at most {GOAL} times session.run: {'met' if worst <= GOAL else 'missed'} ({worst:.3f})")
    return int(worst > GOAL)


if __name__ == "__main__":
    sys.exit(main())
