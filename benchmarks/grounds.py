"""Trackers on every ground of the data folder, side by side: HOTA / MOTA / IDF1 and what each gains over the first.

    OMP_NUM_THREADS=1 python benchmarks/grounds.py D [--trackers byte byte_plus 'byte_plus covered_frames=0' ... | --all]
        [--only kitti ...] [--copies N] [--half even|odd] [--json FILE] [--processes 2]

`D` is the data folder that the tests read (`BYTETRACK_DATA`). A tracker is the name of a config, then settings of it; the first is what
the others are compared with. Every ground is composed as `tools/track.py` composes it and scored in memory, which equals TrackEval, so
that a row is what that command says with the words that `--words` prints. KITTI's classes are rows of their own.

`--all`: every tracker of the registry in a plain table, without differences; bold is what is ahead of byte_plus and all others. Grounds are
read once for all trackers: some four minutes.

`--copies N`: mean over N jittered copies of the detections (numbers 1 up, as tools/compare.py makes them) in place of the recorded ones;
a difference below 0.4 in a single run is no evidence. `--half`: the sequences of even (from 0) or odd place alone, to choose settings on
one half and to look at the other once; a ground without such a sequence is left out.
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from bytetrack.config import build, compose, plain
from bytetrack.config.named import make
from bytetrack.io import read_annotations
from bytetrack.pipeline import TrackerFactory, class_match_for, track_sequence
from bytetrack.scoring import fast
from bytetrack.scoring.classes import RULES, rows_that_count
from bytetrack.structures import Annotations, Detections, SequenceDetections, Trajectories
from bytetrack.tracking import tracker_classes
from bytetrack.tuning.replay import as_written, jittered

Figures = np.ndarray[tuple[int, ...], np.dtype[np.float64]]  # HOTA, MOTA, IDF1
FOLDER, WORKERS = "{D}", 2
RULED = RULES["kitti"]

MOT17 = f"dataset.root={FOLDER}/MOT17"
YOLOX = f"detector=recorded detector.folder={FOLDER}/detections/yolox_x_ablation"
CAMERA = f"camera_motion=recorded camera_motion.folder={FOLDER}/gmc"
DANCE = f"dataset=dancetrack_val dataset.root={FOLDER}/dancetrack detector=recorded detector.folder={FOLDER}/dancetrack/detections"
KITTI = f"dataset=kitti_train dataset.root={FOLDER}/kitti detector=recorded detector.class_names=[none,car,van,truck,pedestrian]"
GROUNDS = {
    "half-val, camera": f"dataset=mot17_val_half {MOT17} {YOLOX} {CAMERA}",
    "half-val": f"dataset=mot17_val_half {MOT17} {YOLOX}",
    "half-val, every 3rd": f"dataset=mot17_val_half {MOT17} {YOLOX} dataset.every=3",
    "sdp": f"dataset=mot17_train {MOT17} detector=recorded detector.folder={FOLDER}/detections/mot17_sdp",
    "frcnn": f"dataset=mot17_train {MOT17} detector=public",
    "dpm": f"dataset=mot17_train {MOT17} detector=recorded detector.folder={FOLDER}/detections/mot17_dpm detector.scores=robust",
    "dancetrack": DANCE,
    "dancetrack, camera": f"{DANCE} camera_motion=recorded camera_motion.folder={FOLDER}/dancetrack/gmc",
    "dancetrack, every 5th": f"{DANCE} dataset.every=5",
    "kitti rrc": f"{KITTI} detector.folder={FOLDER}/kitti/detections_rrc",
    "kitti yolox": f"{KITTI} detector.folder={FOLDER}/kitti/detections_yolox",
    "pets09": f"dataset=pets09 dataset.root={FOLDER}/PETS09-S2L1 detector=public",
    "half-val, camera, every 2nd": f"dataset=mot17_val_half {MOT17} {YOLOX} {CAMERA} dataset.every=2",
    "first halves, camera": f"dataset=mot17_train_half {MOT17} {YOLOX} {CAMERA}",
    "mot17, simulated": f"dataset=mot17_train {MOT17} detector=simulated",
    "dancetrack, simulated": f"dataset=dancetrack_val dataset.root={FOLDER}/dancetrack detector=simulated",
    "kitti rrc, every 2nd": f"{KITTI} detector.folder={FOLDER}/kitti/detections_rrc dataset.every=2",
    "pets09, every 2nd": f"dataset=pets09 dataset.root={FOLDER}/PETS09-S2L1 detector=public dataset.every=2",
    "gmot, simulated": f"dataset=motchallenge dataset.root={FOLDER}/gmot dataset.subset=train detector=simulated",
}


@dataclass(frozen=True)
class Scene:
    """A sequence of a ground: `truth` by the row that it counts for, the class's name or nothing."""

    sequence: Any
    detections: SequenceDetections
    affines: Figures | None
    annotations: Annotations
    truth: dict[str, fast.PreparedTruth]

    def frames(self, copy: int) -> list[Detections]:
        return list(jittered(self.detections, self.sequence.name, copy))

    def judge(self, found: Trajectories) -> dict[str, fast.Result]:
        """The scores of each row; KITTI's rules say first which results of a class count."""
        results = {}
        for name, prepared in self.truth.items():
            counted = found
            if name:
                rows = rows_that_count(self.annotations, found, self.sequence.length, RULED, name)[1]
                counted = Trajectories(found.frame_id[rows], found.track_id[rows], found.tlwh[rows], found.score[rows])
            results[name] = fast.evaluate(prepared, counted)
        return results


@dataclass(frozen=True)
class Ground:
    """A dataset with its detections and the filter of its results."""

    scenes: list[Scene]
    filters: tuple[float | None, float | None]

    def score(self, settings: dict[str, Any], copies: Iterable[int]) -> dict[str, list[Figures]]:
        """For every row, the figures of every copy, in percent."""
        factory = TrackerFactory(make, settings)
        found: dict[str, list[Figures]] = {}
        for copy in copies:
            results: dict[str, dict[str, fast.Result]] = {}
            for scene in self.scenes:
                tracks = track_sequence(scene.frames(copy), factory(scene.sequence), *self.filters, scene.affines)
                tracks = as_written(tracks)
                for row, result in scene.judge(tracks).items():
                    results.setdefault(row, {})[scene.sequence.name] = result
            for row, by_sequence in results.items():
                found.setdefault(row, []).append(figures(fast.combine(by_sequence)))
        return found


def figures(result: fast.Result) -> Figures:
    return 100 * np.array([result["HOTA"]["HOTA"].mean(), result["CLEAR"]["MOTA"], result["Identity"]["IDF1"]])


def words_of(ground: str, data: Path) -> list[str]:
    return GROUNDS[ground].replace(FOLDER, str(data)).split(" ")


@cache
def load(ground: str, data: Path, half: str | None) -> Ground:
    """Reads a ground; one without sequences in that half has none."""
    config = compose("track", words_of(ground, data))
    dataset, detector, camera = build(config.dataset), build(config.detector), build(config.camera_motion)
    sequences = dataset.sequences()[{None: slice(None), "even": slice(0, None, 2), "odd": slice(1, None, 2)}[half]]
    classes, scenes = class_match_for(detector, dataset.protocol, sequences), []
    for sequence in sequences:
        detections = detector.detect_sequence(sequence)
        detections = detections if classes is None else classes.renumbered(sequence.name, detections)
        annotations = read_annotations(sequence)
        if dataset.protocol != "kitti":
            truth = {"": fast.prepare(annotations, sequence.length, dataset.protocol)}
        else:
            nothing = Trajectories(*(np.empty(0, np.int64),) * 2, np.empty((0, 4)), np.empty(0))
            rows = {name: rows_that_count(annotations, nothing, sequence.length, RULED, name)[0] for name in RULED.classes}
            truth = {name: fast.prepare(annotations[which], sequence.length, "mot15") for name, which in rows.items()}
        scenes.append(Scene(sequence, detections, camera.of_sequence(sequence, detections), annotations, truth))
    return Ground(scenes, (config.min_box_area, config.max_aspect_ratio))


def settings_of(tracker: str) -> dict[str, Any]:
    """The constructor's arguments of `NAME [SETTING=VALUE ...]`."""
    name, *changes = tracker.split()
    settings: dict[str, Any] = plain(compose("track", [f"tracker={name}", *(f"tracker.{change}" for change in changes)]).tracker)
    return settings


Job = tuple[str, Path, str | None, dict[str, Any], tuple[int, ...]]


def work(job: Job) -> dict[str, list[Figures]]:
    """The rows of one ground under one tracker."""
    ground, data, half, settings, copies = job
    logging.getLogger("bytetrack").setLevel(logging.ERROR)  # classes left out, scores mapped, camera motion not taken: every time
    found = load(ground, data, half).score(settings, copies)
    return {f"{ground}, {row}s" if row else ground: runs for row, runs in found.items()}


def measure(
    trackers: Iterable[dict[str, Any]],
    data: Path,
    grounds: Iterable[str] = tuple(GROUNDS),
    half: str | None = None,
    copies: tuple[int, ...] = (0,),
    processes: int = 1,
) -> Iterator[dict[str, Figures]]:
    """Yields, for every tracker, the figures (copies, 3) of every row, as soon as it has them."""
    names, every = list(grounds), list(trackers)
    jobs: list[Job] = [(ground, data, half, settings, copies) for settings in every for ground in names]
    if processes > 1:
        with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
            yield from _gathered(pool.map(work, jobs), len(every), len(names))
    else:
        yield from _gathered(map(work, jobs), len(every), len(names))


def _gathered(found: Iterator[dict[str, list[Figures]]], n_trackers: int, n_grounds: int) -> Iterator[dict[str, Figures]]:
    for _ in range(n_trackers):
        rows: dict[str, Figures] = {}
        for _ in range(n_grounds):
            rows |= {row: np.array(runs) for row, runs in next(found).items()}
        yield rows


def cell(runs: Figures, base: Figures | None) -> str:
    """Means and, in brackets, the difference to the first tracker's."""
    mean = runs.mean(axis=0)
    shown = " / ".join(f"{value:.2f}" for value in mean)
    if base is None:
        return shown
    return f"{shown} ({' / '.join(f'{value:+.2f}' for value in mean - base.mean(axis=0))})"


def table(found: dict[str, dict[str, Figures]]) -> list[str]:
    """Markdown: a row a ground, a column a tracker; then the mean and the worst difference to the first."""
    names = list(found)
    lines = ["| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    base = found[names[0]]
    for row in base:
        cells = [cell(found[name][row], base[row] if place else None) for place, name in enumerate(names)]
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    for label, over in (("mean difference", np.mean), ("worst difference", np.min)):
        cells = []
        for name in names[1:]:
            gains = np.array([found[name][row].mean(axis=0) - base[row].mean(axis=0) for row in base])
            cells.append(" / ".join(f"{value:+.2f}" for value in over(gains, axis=0)))
        lines.append(f"| {label} | | " + "".join(f"{text} | " for text in cells).rstrip())
    return lines


def plain_table(found: dict[str, dict[str, Figures]], ours: str = "byte_plus") -> list[str]:
    """Markdown: a row a ground, a column a tracker; a figure is bold that is ahead of `ours` and of all others."""
    lines = ["| | " + " | ".join(found) + " |", "|---" * (len(found) + 1) + "|"]
    for row in found[ours]:
        means = {name: rows[row].mean(axis=0).round(2) for name, rows in found.items()}
        best = np.max(list(means.values()), axis=0)
        wins = {name: (mean == best) & (mean > means[ours]) for name, mean in means.items()}
        cells = [
            " / ".join(f"**{value:.2f}**" if won else f"{value:.2f}" for value, won in zip(mean, wins[name], strict=True))
            for name, mean in means.items()
        ]
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--trackers", nargs="+", default=["byte", "byte_plus"], help="names of configs, each with settings if it is quoted")
    parser.add_argument("--all", action="store_true", help="every tracker, in a plain table")
    parser.add_argument("--only", nargs="+", help="grounds whose names contain one of these")
    parser.add_argument("--copies", type=int, default=0, help="jittered copies in place of the recorded detections")
    parser.add_argument("--half", choices=("even", "odd"))
    parser.add_argument("--json", type=Path, help="the figures as numbers, of every copy")
    parser.add_argument("--processes", type=int, default=1, choices=range(1, WORKERS + 1))
    parser.add_argument("--words", action="store_true", help="prints the words of tools/track.py for every ground, and ends")
    given = parser.parse_args()
    grounds = [ground for ground in GROUNDS if not given.only or any(part in ground for part in given.only)]
    if given.words:
        for ground in grounds:
            print(f"{ground}: {' '.join(words_of(ground, given.data))}")
        return
    copies = tuple(range(1, given.copies + 1)) or (0,)
    trackers = list(tracker_classes()) if given.all else given.trackers
    started, settings = time.perf_counter(), [settings_of(tracker) for tracker in trackers]
    every = measure(settings, given.data, grounds, given.half, copies, given.processes)
    found = dict(zip(trackers, every, strict=True))
    print("\n".join(plain_table(found) if given.all else table(found)))
    print(f"\n{time.perf_counter() - started:.0f} s; {len(copies)} jittered copies" if given.copies else "")
    if given.json is not None:
        given.json.write_text(
            json.dumps({name: {row: runs.tolist() for row, runs in rows.items()} for name, rows in found.items()}, indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
