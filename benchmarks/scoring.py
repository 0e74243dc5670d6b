"""How fast half-val is tracked and scored in memory, beside TrackEval: `python benchmarks/scoring.py DATA [--rounds 10]`.

DATA holds MOT17/train and detections/yolox_x_ablation (../shared/data). Tracker, fast scorer and TrackEval take turns in one process on
one core; the figures are medians over rounds. `tools/tune.py` runs as many of the first two as a trial has copies, on every core.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bytetrack import ByteTracker, pipeline
from bytetrack.data.datasets import MotChallenge
from bytetrack.detection.recorded import Recorded
from bytetrack.io import read_annotations
from bytetrack.scoring import fast, official

COPIES = 6  # of tools/tune.py: the recorded detections and five jittered copies


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--rounds", type=int, default=10)
    arguments = parser.parse_args()
    sequences = MotChallenge(arguments.data / "MOT17", "train", "val", "*-FRCNN").sequences()
    detector = Recorded(arguments.data / "detections" / "yolox_x_ablation")
    frames = [list(detector.detect_sequence(sequence)) for sequence in sequences]
    truths = [read_annotations(sequence) for sequence in sequences]
    prepared = [fast.prepare(truth, sequence.length, "mot17") for truth, sequence in zip(truths, sequences, strict=True)]
    seconds: dict[str, list[float]] = {"tracking": [], "fast scorer": [], "TrackEval": []}
    for _ in range(arguments.rounds + 1):
        marks = [time.perf_counter()]
        tracks = [
            pipeline.track_sequence(found, ByteTracker(frame_rate=sequence.frame_rate), 100, 1.6)
            for found, sequence in zip(frames, sequences, strict=True)
        ]
        marks.append(time.perf_counter())
        for truth, found in zip(prepared, tracks, strict=True):
            fast.evaluate(truth, found)
        marks.append(time.perf_counter())
        for truth_boxes, found, sequence in zip(truths, tracks, sequences, strict=True):
            official.evaluate(truth_boxes, found, sequence.length, "mot17")
        marks.append(time.perf_counter())
        for name, before, after in zip(seconds, marks, marks[1:], strict=False):
            seconds[name].append(after - before)
    medians = {name: statistics.median(values[1:]) for name, values in seconds.items()}  # the first round compiles
    print(f"{sum(sequence.length for sequence in sequences)} frames, ms for all:")
    for name, value in medians.items():
        print(f"  {name:12} {1000 * value:8.1f}")
    once = medians["tracking"] + medians["fast scorer"]
    print(f"the fast scorer takes 1 / {medians['TrackEval'] / medians['fast scorer']:.0f} of TrackEval's time")
    print(
        f"tracked and scored: {60 / once:.0f} a minute on one core; trials of {COPIES} copies: {60 / once / COPIES:.0f} a minute and core"
    )


if __name__ == "__main__":
    main()
