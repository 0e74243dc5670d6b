"""Scenes small enough to count by hand (four people on parallel lines, twelve frames), and run folders of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bytetrack.io import read_annotations, read_trajectories
from bytetrack.scoring import score_sequence, summarise
from bytetrack.structures import Sequence

FRAMES = 12
CONFIG = """\
tracker: {_target_: bytetrack.ByteTracker, high_score: 0.6, low_score: 0.1}
detector: {_target_: bytetrack.detection.Recorded, folder: somewhere}
made_by: {command: bytetrack track dataset=toy, date: '2026-11-23T06:50:00+0000', git_revision: abc, versions: {numpy: 2.4.0}}
"""


@dataclass
class Toy:
    """A dataset of the given sequences."""

    found: list[Sequence]
    protocol: str = "mot17"
    min_box_area: float | None = None
    max_aspect_ratio: float | None = None

    def sequences(self) -> list[Sequence]:
        return self.found


@dataclass
class Scene:
    """Rows of ground truth (frame, id, x) and of a result (frame, id, x); boxes are 20 x 50 on the line y = 100."""

    truth: list[tuple[int, int, float]] = field(default_factory=list)
    result: list[tuple[int, int, float]] = field(default_factory=list)

    def write(self, folder: Path, run: Path, name: str) -> Sequence:
        annotations = folder / name.replace("/", "_") / "gt.txt"
        annotations.parent.mkdir(parents=True, exist_ok=True)
        annotations.write_text("".join(f"{f},{i},{x},100,20,50,1,1,{0.3 if i == 2 else 1.0}\n" for f, i, x in self.truth))
        tracks = run / "tracks" / f"{name}.txt"
        tracks.parent.mkdir(parents=True, exist_ok=True)
        tracks.write_text("".join(f"{f},{i},{x},100,20,50,0.9,-1,-1,-1\n" for f, i, x in self.result))
        return Sequence(name, FRAMES, 30.0, 640, 360, ground_truth=annotations)


def four_people() -> Scene:
    """Persons 1 and 2 exchange ids in frame 7; person 3 is missed in 4 and 5, then found under the same id; 4 changes to a fresh one."""
    scene = Scene()
    for frame in range(1, FRAMES + 1):
        for person in (1, 2, 3, 4):
            x = 100.0 * person + frame
            scene.truth.append((frame, person, x))
            track = {1: 1, 2: 2, 3: 3, 4: 4}[person]
            if person in (1, 2) and frame >= 7:
                track = 3 - person
            if person == 4 and frame >= 9:
                track = 9
            if not (person == 3 and frame in (4, 5)):
                scene.result.append((frame, track, x))
    scene.result.append((6, 77, 600.0))
    scene.result.sort()
    return scene


def write_scores(run: Path, dataset: Toy) -> None:
    scores = {}
    for sequence in dataset.sequences():
        result = read_trajectories(run / "tracks" / f"{sequence.name}.txt", sequence.length)
        scores[sequence.name] = score_sequence(read_annotations(sequence), result, sequence.length, "mot17")
    (run / "scores.json").write_text(json.dumps(summarise(scores)))


def random_scene(seed: int) -> Scene:
    rng = np.random.default_rng(seed)
    scene = Scene()
    for frame in range(1, FRAMES + 1):
        people = [p for p in range(1, 6) if rng.random() < 0.85]
        scene.truth += [(frame, p, 14.0 * p + frame) for p in people]
        tracks = rng.permutation(9)[: rng.integers(0, 6)].tolist()
        scene.result += [(frame, int(t), float(rng.uniform(0, 90))) for t in sorted(tracks)]
    return scene
