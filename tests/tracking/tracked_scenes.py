"""What the tests of trackers share: real detections, result text, random scenes."""

from __future__ import annotations

import configparser
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from bytetrack import Detections, Tracks

SEQUENCES = [f"MOT17-{number}-FRCNN" for number in ("02", "04", "05", "09", "10", "11", "13")]

Floats = npt.NDArray[np.float64]
Row = tuple[int, int, str]


class AnyTracker(Protocol):
    def update(self, detections: Detections) -> Tracks: ...


def half_val(data_dir: Path, sequence: str) -> tuple[list[Detections], float]:
    """The published detector's boxes on the second half of a sequence, and its frame rate."""
    info = configparser.ConfigParser()
    info.read(data_dir / "MOT17" / "train" / sequence / "seqinfo.ini")
    length, frame_rate = info.getint("Sequence", "seqLength"), info.getfloat("Sequence", "frameRate")
    table = np.loadtxt(data_dir / "detections" / "yolox_x_ablation" / f"{sequence}.txt", delimiter=",")
    frames = []
    for frame_id in range(length // 2 + 2, length + 1):
        rows = table[table[:, 0] == frame_id]
        frames.append(Detections(np.column_stack([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]]), rows[:, 6]))
    return frames, frame_rate


def result_rows(tracker: AnyTracker, frames: Sequence[Detections], with_score: bool = True) -> list[Row]:
    """Frame, id and the text of a box, as result files have them, after the pedestrian filter."""
    rows = []
    for frame_id, detections in enumerate(frames, 1):
        tracks = tracker.update(detections)
        for (left, top, right, bottom), track_id, score in zip(tracks.xyxy, tracks.track_id, tracks.score, strict=True):
            width, height = right - left, bottom - top
            if width * height > 100 and width / height <= 1.6:
                box = f"{left:.1f},{top:.1f},{width:.1f},{height:.1f}"
                rows.append((frame_id, int(track_id), box + f",{score:.2f}" * with_score))
    return rows


def scene_rows(tracker: AnyTracker, scene: Mapping[str, Floats], n_frames: int) -> Floats:
    """Frame (from 0), id and xyxy of every track on a generated scene, as its expected file has them."""
    found = []
    for frame in range(n_frames):
        rows = scene["dets"][int(scene["off"][frame]) : int(scene["off"][frame + 1])]
        tracks = tracker.update(Detections(rows[:, :4], rows[:, 4]))
        found.append(np.column_stack([np.full(len(tracks), frame), tracks.track_id, tracks.xyxy]))
    return np.vstack(found)


def published_rows(path: Path, with_score: bool = True) -> list[Row]:
    """The same of a published result file."""
    rows = []
    for line in path.read_text().splitlines():
        frame_id, track_id, *box, score = line.split(",")[:7]
        text = ",".join(f"{float(value):.1f}" for value in box)
        rows.append((int(frame_id), int(track_id), text + f",{float(score):.2f}" * with_score))
    return sorted(rows)


def boxes(*corners: tuple[float, float, float, float], score: float | Sequence[float] = 0.9) -> Detections:
    """A frame's detections from corners."""
    return Detections(np.array(corners, dtype=np.float64).reshape(-1, 4), np.broadcast_to(np.asarray(score, float), len(corners)))


def walkers(rng: np.random.Generator, n: int, n_frames: int, n_classes: int = 1) -> Iterator[Detections]:
    """`n` boxes that walk about, with jitter, misses and scores over all thresholds: no two numbers are equal."""
    centre, step = rng.uniform(0, 600, (n, 2)), rng.normal(0, 3, (n, 2))
    size = rng.uniform([20, 50], [50, 120], (n, 2))
    class_id = rng.integers(0, n_classes, n)
    for _ in range(n_frames):
        centre += step
        seen = np.flatnonzero(rng.random(n) < 0.9)
        middle, half = centre[seen] + rng.normal(0, 1, (len(seen), 2)), size[seen] / 2 * rng.normal(1, 0.02, (len(seen), 2))
        yield Detections(np.hstack([middle - half, middle + half]), rng.uniform(0, 1, len(seen)), class_id[seen])


def wild_frame(rng: np.random.Generator) -> Detections:
    """Valid detections nobody expects: empty frames, flat boxes, duplicates, ties, scores on thresholds, sizes without sense."""
    n = int(rng.choice([0, 1, 2, 5, 12]))
    corner = rng.integers(0, 8, (n, 2)) * 10.0
    size = rng.choice([0.0, 1e-300, 1e-31, 1e-9, 1.0, 10.0, 20.0, 21.0, 1e5], (n, 2))
    xyxy = np.hstack([corner, corner + size])
    far = rng.random(n) < 0.1
    xyxy[far] *= rng.choice([1e-200, 1e15, 1e29, 1e160, 1e300], (int(far.sum()), 1))
    moved = rng.random(n) < 0.1
    xyxy[moved] -= rng.choice([1.0, 1e9, 1e20, 1e307], (int(moved.sum()), 1))
    score = rng.choice([0.0, 0.1, 0.35, 0.6, 0.65, 0.7, 0.9, 1.0], n)
    again = rng.integers(0, n, n) if n and rng.random() < 0.2 else np.arange(n)
    return Detections(xyxy[again], score[again], rng.integers(0, 2, n) if rng.random() < 0.3 else None)
