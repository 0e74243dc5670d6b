"""Every tracker on MOT17 half-val: online, refined, on jittered copies, thinned; the table of docs/results.md, in Markdown.

    OMP_NUM_THREADS=1 python benchmarks/every_tracker.py D [--copies 8] [--only byte+camera ocsort] [--settings tracker.SETTING=VALUE ...]

`D` holds MOT17/, detections/yolox_x_ablation/ and gmc/. A cell is HOTA / MOTA / IDF1 / switches in percent, scored in memory, which equals
TrackEval in every field. Trackers, their settings and those of the refinement are composed as `tools/track.py` and `tools/refine.py`
compose them, so that every cell of recorded detections is what these commands say:

    online     tools/track.py dataset=mot17_val_half detector=recorded tracker=NAME [camera_motion=recorded]
    refined    the same with what SHOWN says, then tools/refine.py with dataset, detector and recorded camera motion
    every Nth  tools/track.py ... dataset.every=N
    jittered   mean of the copies that tools/compare.py makes (numbers 1 up), of HOTA with the standard deviation of one copy
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from bytetrack import SequenceDetections, Trajectories
from bytetrack.config import build, compose, plain
from bytetrack.pipeline import TrackerFactory
from bytetrack.refining import Refiner, SequenceContext
from bytetrack.scoring import fast
from bytetrack.tracking import tracker_classes
from bytetrack.tuning.replay import Replay

TRACKERS = tuple(tracker_classes())
SHOWN = {"byte_plus": ["tracker.covered_frames=0"]}  # before refinement: nobody unseen
EVERY = {1: "every frame", 2: "every 2nd", 3: "every 3rd", 5: "every 5th"}
Figures = np.ndarray[tuple[int, ...], np.dtype[np.float64]]  # HOTA, MOTA, IDF1, switches


class Ground:
    """A dataset at every `every`-th frame, with recorded detections and camera motion."""

    def __init__(self, data: Path, every: int = 1, dataset: str = "mot17_val_half") -> None:
        self.data, self.every, self.dataset = data, every, dataset
        self.replays = {moving: self._replay(moving) for moving in (False, True)}
        self.affines: dict[str, Figures] = {}

    def words(self, moving: bool) -> list[str]:
        """The command's settings."""
        words = [f"dataset={self.dataset}", f"dataset.root={self.data}/MOT17", f"dataset.every={self.every}"]
        words += ["detector=recorded", f"detector.folder={self.data}/detections/yolox_x_ablation"]
        return [*words, *(["camera_motion=recorded", f"camera_motion.folder={self.data}/gmc"] if moving else [])]

    def _replay(self, moving: bool) -> Replay:
        config = compose("track", self.words(moving))
        dataset, camera = build(config.dataset), build(config.camera_motion) if moving else None
        filters = (config.min_box_area, config.max_aspect_ratio)
        return Replay(dataset.sequences(), build(config.detector), dataset.protocol, *filters, camera_motion=camera)

    def score(
        self,
        settings: list[str],
        moving: bool,
        copies: Iterable[int] = (0,),
        refiner: Refiner | None = None,
        with_camera: bool = True,
        with_detections: bool = True,
    ) -> Figures:
        """A row a copy. `with_camera`, `with_detections`: what the refiner is given besides the tracks."""
        replay, node = self.replays[moving], plain(compose("track", [*self.words(moving), *settings]).tracker)

        def change(name: str, copy: int, found: Trajectories) -> Trajectories:
            if refiner is None:
                return found
            affines, detections = self.context_of(name, copy)
            return refiner(as_read(found), SequenceContext(affines if with_camera else None, detections if with_detections else None))

        rows = []
        for copy in copies:
            tracker_for = TrackerFactory(build, node)
            found = {
                name: replay.score_trajectories(name, change(name, copy, replay.track(tracker_for, name, copy)))
                for name in replay.sequences
            }
            whole = fast.combine(found)
            percent = (whole["HOTA"]["HOTA"].mean(), whole["CLEAR"]["MOTA"], whole["Identity"]["IDF1"])
            rows.append([*(100 * value for value in percent), whole["CLEAR"]["IDSW"]])
        return np.array(rows, dtype=np.float64)

    def context_of(self, name: str, copy: int) -> tuple[Figures, SequenceDetections]:
        """Returns what tools/refine.py gets of a copy of a sequence: camera motion and detections."""
        replay = self.replays[True]
        sequence = replay.sequences[name]
        if name not in self.affines:
            self.affines[name] = replay.camera_motion.of_sequence(sequence, replay.detector.detect_sequence(sequence))
        return self.affines[name], SequenceDetections.from_frames(replay.frames(name, copy))


def as_read(found: Trajectories) -> Trajectories:
    """Returns what a reader of the result file gets: scores to 0.01."""
    return replace(found, score=np.round(found.score, 2))


def cell(rows: Figures) -> str:
    hota, mota, idf1, switches = rows.mean(axis=0)
    spread = f" ± {rows[:, 0].std(ddof=1):.2f}" if len(rows) > 1 else ""
    return f"{hota:.2f}{spread} / {mota:.2f} / {idf1:.2f} / {switches:.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--copies", type=int, default=8)
    parser.add_argument("--only", nargs="*", help="rows, as NAME or NAME+camera")
    parser.add_argument("--settings", nargs="*", default=[], help="of the trackers, in place of their own")
    given = parser.parse_args()
    grounds = {every: Ground(given.data, every) for every in EVERY}
    refiner = build(compose("refine", ["tracks=."]).refine)
    columns = ["tracker", "online", f"online, {given.copies} jittered copies", "offline: refined", *list(EVERY.values())[1:]]
    print("| " + " | ".join(columns) + " |\n" + "|---" * len(columns) + "|")
    for name in TRACKERS:
        for moving in (False, True) if "camera_motion" in build(compose("track", [f"tracker={name}"]).tracker).inputs else (False,):
            row = f"{name}+camera" if moving else name
            if given.only and row not in given.only:
                continue
            settings, whole = [f"tracker={name}", *given.settings], grounds[1]
            cells = [whole.score(settings, moving), whole.score(settings, moving, range(1, given.copies + 1))]
            cells.append(whole.score([*settings, *SHOWN.get(name, [])], moving, refiner=refiner))
            cells += [ground.score(settings, moving) for every, ground in grounds.items() if every > 1]
            print(f"| {row.replace('+', ', ')} | " + " | ".join(map(cell, cells)) + " |", flush=True)


if __name__ == "__main__":
    main()
