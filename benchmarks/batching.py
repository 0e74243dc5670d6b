"""What sharing one detector's batches among streams gains: `python benchmarks/batching.py [--streams 4] [--frames 60] [--rounds 5]`.

Each of several threads, as the demo has them, asks for its own frames one at a time: once each call alone, behind a lock, and once through
`SharedDetector`. Frames are decoded before. Detectors: YOLOX-Nano through ONNX Runtime and through torch, on the CPU, and a stand-in for
an accelerator that takes 5 ms a call and 1 ms an image (it sleeps: no GPU was at hand). What is compared takes turns; the ratio is the
median of the rounds'. Data: ../shared/data, or the environment variable BYTETRACK_DATA.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bytetrack import Detections
from bytetrack.config import build, compose
from bytetrack.detection.batching import SharedDetector
from bytetrack.detection.export import export_file
from bytetrack.detection.onnx import Onnx
from bytetrack.video.source import open_source

DATA = Path(os.environ.get("BYTETRACK_DATA", Path(__file__).resolve().parent.parent.parent / "shared" / "data"))
logging.getLogger("bytetrack").setLevel(logging.ERROR)


class Accelerator:
    """5 ms a call, 1 ms an image, while the processor is free."""

    batch_size = 16

    def key(self) -> str:
        return "accelerator"

    def detect(self, images: list[Any]) -> list[Detections]:
        time.sleep(0.005 + 0.001 * len(images))
        return [Detections.empty()] * len(images)


class Alone:
    """One call at a time."""

    def __init__(self, detector: Any) -> None:
        self.detector, self.lock = detector, threading.Lock()

    def detect(self, images: list[Any]) -> list[Detections]:
        with self.lock:
            found: list[Detections] = self.detector.detect(images)
            return found


def rate(detect: Callable[[list[Any]], Any], streams: int, images: list[Any]) -> float:
    """Frames a second of all streams together."""
    threads = [threading.Thread(target=lambda: [detect([image]) for image in images]) for _ in range(streams)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return streams * len(images) / (time.perf_counter() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("--streams", 4), ("--frames", 60), ("--rounds", 5)):
        parser.add_argument(name, type=int, default=default)
    given = parser.parse_args()
    images = [frame.image for frame in islice(open_source(str(DATA / "PETS09-S2L1" / "vtest.avi")), given.frames)]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "nano.onnx"
        export_file(**{**compose("export", [f"weights={DATA / 'weights' / 'yolox_nano.pth'}", f"out={file}"])})
        torch_nano = build(
            compose(
                "track", ["detector=yolox_nano", f"detector.weights={DATA / 'weights' / 'yolox_nano.pth'}", "detector.input_size=[416,416]"]
            ).detector
        )
        detectors = {
            "ONNX Runtime": Onnx(file, batch_size=given.streams),
            "ONNX Runtime, 1 thread": Onnx(file, batch_size=given.streams, threads=1),
            "torch": torch_nano,
            "stand-in accelerator": Accelerator(),
        }
        torch_nano.batch_size = given.streams
        for name, detector in detectors.items():
            detector.detect(images[:1])
            rounds = []
            for _ in range(given.rounds):
                pair = [rate(way(detector).detect, given.streams, images) for way in (Alone, SharedDetector)]
                rounds.append(pair)
            alone, shared = np.max(rounds, axis=0)
            ratio = float(np.median([b / a for a, b in rounds]))
            print(f"{name:24} {given.streams} streams: {alone:7.1f} frames/s alone, {shared:7.1f} in shared batches, {ratio:.2f} times")


if __name__ == "__main__":
    main()
