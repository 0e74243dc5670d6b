"""Frames left out: what `every=N` of tools/demo.py gains in speed, and what it costs in HOTA on all frames.

    OMP_NUM_THREADS=1 python benchmarks/every.py D [--trackers byte_video byte_plus ...] [--every 1 2 3 5] [--only half-val ...]
    python benchmarks/every.py D --rate [--every 1 2 3 5] [--rounds 3] [video=null ...]

`D` is the data folder that the tests read (`BYTETRACK_DATA`). Recorded detections of every Nth frame go through the demo's own detection,
camera, tracking and prediction, frame by frame; what its result file holds is scored in memory (equal to TrackEval), HOTA / MOTA / IDF1:

    predicted   on all frames, as the demo writes them
    held        on all frames, each box left where it was in the frame looked at last (but for the camera's motion, where it is known)
    its filter  on all frames, each box a part of the way to where the tracker itself expects it next (as above)
    afterwards  on all frames, drawn straight between detected frames, which needs the later one
    detected    on the detected frames alone

`--rate`: tools/demo.py on vtest.avi with YOLOX-Nano (ONNX), with video, rounds of all N in turn; medians, and those of the rounds' own
ratios to the first N.
"""

from __future__ import annotations

import argparse
import copy
import json
import logging
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.frame_rates import thinned_truth
from benchmarks.grounds import Ground, Scene, figures, load, settings_of
from bytetrack import Detections, SequenceDetections, Tracks, Trajectories
from bytetrack.boxes import passing
from bytetrack.config.named import make
from bytetrack.demo.between import NO_TRACKS, moved
from bytetrack.demo.frames import FramePipeline, Shot, join
from bytetrack.refining import interpolate
from bytetrack.scoring import fast
from bytetrack.structures import Sequence
from bytetrack.tuning.replay import as_written
from bytetrack.video.source import Frame

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Filters = tuple[float | None, float | None]  # min_box_area, max_aspect_ratio
PICTURE = np.zeros((1, 1, 3), np.uint8)
COLUMNS = ("predicted", "held", "its filter", "afterwards", "detected")
SHOWN = ("half-val", "half-val, camera", "dancetrack")


@dataclass
class Film:
    """A sequence as a source of frames without pictures, its recorded detections, and its camera's motion."""

    scene: Scene
    live, dropped, path = False, 0, None

    def __post_init__(self) -> None:
        sequence = self.scene.sequence
        self.name, self.frame_rate, self.length = sequence.name, sequence.frame_rate, sequence.length

    def __iter__(self) -> Any:
        return (Frame(number, (number - 1) / self.frame_rate, PICTURE) for number in range(1, self.length + 1))

    def close(self) -> None:
        pass

    def detect_sequence(self, sequence: Sequence) -> SequenceDetections:
        return self.scene.detections

    def of_stream(self) -> Callable[[Any, Detections], Any]:
        left = iter([None, *self.scene.affines[1:]])  # type: ignore[index]
        return lambda image, detections: next(left)


def followed(scene: Scene, settings: dict[str, Any], every: int, filters: Filters) -> tuple[list[Shot], list[dict[int, Floats]]]:
    """The shots of a film, and for each frame looked at where the tracker itself expects the boxes in the next one, by track id."""
    film = Film(scene)
    limits = {"every": every, "min_box_area": filters[0], "max_aspect_ratio": filters[1]}
    camera = None if scene.affines is None else film
    pipeline: FramePipeline = join(film, film, make, settings, camera_motion=camera, **limits)
    shots, expected = [], []
    for frame in pipeline.frames():
        shots.append(pipeline.follow(pipeline.move(pipeline.find(pipeline.shot(Shot, frame)))))
        if not shots[-1].predicted:
            ahead: Any = copy.deepcopy(pipeline.tracker._tracker)
            both = ahead.update(Detections.empty()), ahead.lost()
            expected.append({i: box for tracks in both for i, box in zip(tracks.track_id.tolist(), tracks.xyxy, strict=True)})
    return shots, expected


def own(shots: list[Shot], expected: list[dict[int, Floats]], every: int) -> list[Tracks]:
    """The tracks of all frames, between those looked at a part of the way to where the tracker expects them."""
    found, last, ahead, since, left = [], shots[0].tracks, expected[0], 0, iter(expected)
    for shot in shots:
        if not shot.predicted:
            last, ahead, since = shot.tracks, next(left), 0
        there = np.array([ahead.get(i, box) for i, box in zip(last.track_id.tolist(), last.xyxy, strict=True)]).reshape(-1, 4)
        boxes = last.xyxy + since / every * (there - last.xyxy)
        found.append(replace(last, xyxy=moved(boxes, shot.camera_motion) if shot.predicted else last.xyxy))
        since += 1
    return found


def held(shots: list[Shot]) -> list[Tracks]:
    """The tracks of all frames, each box where it was in the frame looked at last."""
    found, last = [], shots[0].tracks
    for shot in shots:
        last = last if shot.predicted else shot.tracks
        found.append(replace(last, xyxy=moved(last.xyxy, shot.camera_motion)) if shot.predicted else last)
    return found


def written(frames: list[Tracks], filters: Filters) -> Trajectories:
    """Returns the rows of a result file of them."""
    found = Trajectories.from_frames(frames)
    return as_written(found[passing(found.tlwh, *filters)])


def afterwards(shots: list[Shot], every: int, filters: Filters) -> Trajectories:
    seen = Trajectories.from_frames([NO_TRACKS if shot.predicted else shot.tracks for shot in shots])
    filled = interpolate(seen, min_length=1, max_gap=every + 1)
    return as_written(filled[passing(filled.tlwh, *filters)])


def thinned(shots: list[Shot], filters: Filters) -> Trajectories:
    """The detected frames alone, renumbered."""
    return written([shot.tracks for shot in shots if not shot.predicted], filters)


def row(ground: Ground, tracker: str, every: int) -> list[np.ndarray]:
    """HOTA, MOTA, IDF1 of the columns."""
    results: list[dict[str, fast.Result]] = [{} for _ in COLUMNS]
    for scene in ground.scenes:
        shots, expected = followed(scene, settings_of(tracker), every, ground.filters)
        found = [
            written([shot.tracks for shot in shots], ground.filters),
            written(held(shots), ground.filters),
            written(own(shots, expected, every), ground.filters),
            afterwards(shots, every, ground.filters),
        ]
        kept = np.arange(1, len(shots) + 1, every)
        few = fast.prepare(thinned_truth(scene.annotations, kept), len(kept), "mot17")
        for place, tracks in enumerate(found):
            results[place][scene.sequence.name] = scene.judge(tracks)[""]
        results[-1][scene.sequence.name] = fast.evaluate(few, thinned(shots, ground.filters))
    return [figures(fast.combine(each)) for each in results]


def costs(data: Path, grounds: list[str], trackers: list[str], steps: list[int]) -> None:
    print("| ground | tracker | every | " + " | ".join(COLUMNS) + " |\n" + "|---" * (len(COLUMNS) + 3) + "|")
    for name in grounds:
        ground = load(name, data, None)
        blank = [""] * (len(COLUMNS) - 1)
        for tracker in trackers:
            for every in steps:
                cells = [" / ".join(f"{value:.2f}" for value in each) for each in row(ground, tracker, every)]
                print(f"| {name} | {tracker} | {every} | " + " | ".join(cells if every > 1 else [cells[0], *blank]) + " |", flush=True)


def rates(data: Path, steps: list[int], rounds: int, settings: list[str]) -> None:
    from benchmarks.pipeline import demo, quiet, timed
    from bytetrack.demo.weights import detector_from

    quiet()
    found: dict[int, list[tuple[float, float]]] = {every: [] for every in steps}  # frames a second, processor time of a frame in ms
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            for every in steps:
                detector, out = detector_from(data / "weights" / "yolox_nano.onnx", ["person"]), Path(folder) / str(every)
                made = demo(data / "PETS09-S2L1" / "vtest.avi", detector, out, f"every={every}", *settings)
                cost, frames = timed(made.run), json.loads((out / "summary.json").read_text())["frames"]
                found[every].append((frames / cost.wall, 1000 * cost.cpu / frames))
    print("| every | frames a second | times | processor time a frame | times |\n|---|---|---|---|---|")
    first = np.array(found[steps[0]])
    for every, runs in found.items():
        (rate, cpu), best = np.median(runs, axis=0), max(rate for rate, _ in runs)
        gain, saved = np.median(np.array(runs)[:, 0] / first[:, 0]), np.median(first[:, 1] / np.array(runs)[:, 1])
        print(f"| {every} | {rate:.1f} (best {best:.1f}) | {gain:.2f} | {cpu:.1f} ms | {saved:.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("settings", nargs="*", help="of the demo, with --rate: video=null")
    parser.add_argument("--rate", action="store_true", help="speed in place of HOTA")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trackers", nargs="+", default=["byte_video", "byte_plus"], help="names of configs, with settings if quoted")
    parser.add_argument("--every", nargs="+", type=int, default=[1, 2, 3, 5])
    parser.add_argument("--only", nargs="+", choices=SHOWN, default=list(SHOWN))
    given = parser.parse_intermixed_args()
    if given.rate:
        rates(given.data, given.every, given.rounds, given.settings)
    else:
        logging.getLogger("bytetrack").setLevel(logging.ERROR)  # camera motion that a tracker does not take, every time
        costs(given.data, given.only, given.trackers, given.every)


if __name__ == "__main__":
    main()
