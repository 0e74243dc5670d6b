"""How fast half-val is tracked and scored in memory, beside TrackEval and motrics: `python benchmarks/scoring.py DATA [--rounds 10]`.

DATA holds MOT17/train and detections/yolox_x_ablation (../shared/data). Tracker and scorers take turns in one process on one core; the
figures are medians over rounds. `tools/tune.py` runs as many of the first two as a trial has copies, on every core.

motrics (Rust, MIT) is given what its own reader returns, made outside the time. "whole" is its distractor treatment, in Python, and its
metrics; "metrics alone" leaves the former out, which the fast scorer includes. Its HOTA, MOTA and IDF1 are compared with ours.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from bytetrack import Annotations, ByteTracker, Trajectories, pipeline
from bytetrack.data.datasets import MotChallenge
from bytetrack.detection.recorded import Recorded
from bytetrack.io import read_annotations
from bytetrack.scoring import fast, official

COPIES = 6  # of tools/tune.py: the recorded detections and five jittered copies


def by_frame(rows: Annotations | Trajectories, *more: Any) -> dict[int, tuple[list[Any], ...]]:
    """Returns what motrics reads from a file: for every frame ids, boxes xyxy, and the columns of `more`."""
    xyxy = np.hstack([rows.tlwh[:, :2], rows.tlwh[:, :2] + rows.tlwh[:, 2:]])
    frames: dict[int, tuple[list[Any], ...]] = {}
    columns = [rows.track_id.tolist(), map(tuple, xyxy.tolist()), *(column.tolist() for column in more)]
    for frame, *values in zip(rows.frame_id.tolist(), *columns, strict=True):
        for column, value in zip(frames.setdefault(frame, tuple([] for _ in values)), values, strict=True):
            column.append(value)
    return frames


def motrics_jobs(truths: list[Annotations], tracks: list[Trajectories]) -> dict[str, Callable[[], list[Any]]]:
    """Functions that score all sequences by motrics, whole and by its metrics alone; ImportError if it is not installed."""
    import motrics

    given = [(by_frame(truth, truth.class_id, truth.considered), by_frame(found)) for truth, found in zip(truths, tracks, strict=True)]

    def prepared(truth: Any, found: Any) -> tuple[Any, Any]:
        gt_ids, gt_boxes, ids, boxes = motrics.preprocess_motchallenge(truth, found)
        return motrics.Frames(gt_ids, gt_boxes), motrics.Frames(ids, boxes)

    def as_arrays(frames: Any) -> Any:
        return motrics.Frames(frames.ids, [np.array(boxes, dtype=np.float64).reshape(-1, 4) for boxes in frames.boxes])

    ready = [tuple(map(as_arrays, prepared(truth, found))) for truth, found in given]
    return {
        "motrics, whole": lambda: [motrics.evaluate(*prepared(truth, found)) for truth, found in given],
        "motrics, metrics alone": lambda: [motrics.evaluate(*frames) for frames in ready],
    }


def differences(ours: list[fast.Result], theirs: list[Any]) -> list[float]:
    """The largest differences of HOTA, MOTA and IDF1 in a sequence, in points."""
    mine = [[result["HOTA"]["HOTA"].mean(), result["CLEAR"]["MOTA"], result["Identity"]["IDF1"]] for result in ours]
    other = [[result.hota.hota, result.clear.mota, result.identity.idf1] for result in theirs]
    return (100 * np.abs(np.array(mine) - np.array(other)).max(axis=0)).tolist()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--rounds", type=int, default=10)
    arguments = parser.parse_args()
    sequences = MotChallenge(arguments.data / "MOT17", "train", "val", "*-FRCNN").sequences()
    detector = Recorded(arguments.data / "detections" / "yolox_x_ablation")
    frames = [list(detector.detect_sequence(sequence)) for sequence in sequences]
    truths = [read_annotations(sequence) for sequence in sequences]
    prepared = [fast.prepare(truth, sequence.length, "mot17") for truth, sequence in zip(truths, sequences, strict=True)]

    def track() -> list[Trajectories]:
        return [
            pipeline.track_sequence(found, ByteTracker(frame_rate=sequence.frame_rate), 100, 1.6)
            for found, sequence in zip(frames, sequences, strict=True)
        ]

    tracks = track()
    jobs: dict[str, Callable[[], list[Any]]] = {
        "tracking": track,
        "fast scorer": lambda: [fast.evaluate(truth, found) for truth, found in zip(prepared, tracks, strict=True)],
        "TrackEval": lambda: [
            official.evaluate(truth, found, sequence.length, "mot17")
            for truth, found, sequence in zip(truths, tracks, sequences, strict=True)
        ],
    }
    try:
        jobs |= motrics_jobs(truths, tracks)
    except ImportError as missing:
        print(f"not measured: motrics: {missing}")
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(arguments.rounds + 1):
        for name, job in jobs.items():
            begin = time.perf_counter()
            job()
            seconds[name].append(time.perf_counter() - begin)
    medians = {name: statistics.median(values[1:]) for name, values in seconds.items()}  # the first round compiles
    print(f"{sum(sequence.length for sequence in sequences)} frames, ms for all (times the fast scorer):")
    for name, value in medians.items():
        print(f"  {name:22} {1000 * value:8.1f} ({value / medians['fast scorer']:.2f})")
    if "motrics, whole" in jobs:
        hota, mota, idf1 = differences(jobs["fast scorer"](), jobs["motrics, whole"]())
        print(f"motrics' HOTA, MOTA, IDF1 differ from ours by at most {hota:.2f}, {mota:.2f}, {idf1:.2f} points in a sequence")
    once = medians["tracking"] + medians["fast scorer"]
    print(f"the fast scorer takes 1 / {medians['TrackEval'] / medians['fast scorer']:.0f} of TrackEval's time")
    print(
        f"tracked and scored: {60 / once:.0f} a minute on one core; trials of {COPIES} copies: {60 / once / COPIES:.0f} a minute and core"
    )


if __name__ == "__main__":
    main()
