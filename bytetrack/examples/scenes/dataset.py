"""Generates a small MOT dataset with images, in MOT17's layout; the same seed gives the same bytes."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from bytetrack.examples.scenes.render import Person, Scene, render
from bytetrack.examples.scenes.street import Mood
from bytetrack.examples.scenes.walk import Camera
from bytetrack.io.seqinfo import write_seqinfo
from bytetrack.runtime.atomic import folder_beside
from bytetrack.runtime.pool import process_pool, submit
from bytetrack.runtime.progress import with_progress

__all__ = ["Settings", "make_dataset"]

log = logging.getLogger(__name__)
VERSION = 2  # of what the generator draws: raise it when its pictures change
CHUNK = 25  # frames a task

MOODS = (
    Mood(sun=-0.9, shadow=0.95, tint=(1.07, 1.12, 1.16), noise=3.0),  # morning
    Mood(sun=0.5, shadow=0.4, tint=(1.12, 1.08, 1.04), noise=3.5),  # overcast
    Mood(sun=0.8, shadow=0.85, tint=(1.06, 1.1, 1.12), noise=3.0),  # afternoon, and the camera pans
    Mood(sun=-0.7, shadow=0.6, tint=(0.84, 0.92, 1.08), noise=6.0, lamps=True),  # dusk
)
PANNING = 2  # which of the moods


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings that decide every byte of a generated dataset. ValueError unless all are positive and the picture is at least 160 x 96."""

    seed: int = 1
    sequences: int = 4
    length: int = 200  # frames
    width: int = 640
    height: int = 384
    frame_rate: int = 12
    people: int = 20  # a sequence, some of whom come or leave
    away: float = 0.0  # seconds after which those who leave come back the way they went, where the sequence is long enough; 0: never
    version: int = VERSION

    def __post_init__(self) -> None:
        counts = (self.sequences, self.length, self.frame_rate, self.people)
        if min(self.seed, self.away) < 0 or min(counts) < 1 or self.width < 160 or self.height < 96:
            raise ValueError(f"scenes need seed >= 0, away >= 0, counts >= 1 and a picture of at least 160 x 96: got {self}")

    def name(self, index: int) -> str:
        return f"STREET-{index + 1:02d}"

    def scene(self, index: int) -> Scene:
        """Makes scene `index`, from 0: four moods in turn, of which one pans."""
        mood, size = index % len(MOODS), self.height / 384
        pan, sway = (0.17 * self.width, 1.2 * size) if mood == PANNING else (0.0, 0.0)
        camera = Camera(self.width, self.height, 750 * size, 40 * size, 3.6, pan=pan, sway=sway)
        scene = Scene.make((self.seed, index), camera, MOODS[mood], self.people, 4, self.length, float(self.frame_rate))
        return scene.with_returning(self.length / self.frame_rate, self.away) if self.away else scene

    def described(self) -> dict[str, object]:
        """Returns the settings as a dataset's `scenes.json` has them; `away` only if anybody comes back."""
        return {name: value for name, value in asdict(self).items() if name != "away" or value}


def make_dataset(
    root: str | Path,
    seed: int = 1,
    sequences: int = 4,
    length: int = 200,
    width: int = 640,
    height: int = 384,
    frame_rate: int = 12,
    people: int = 20,
    away: float = 0.0,
    workers: int | None = None,
) -> Path:
    """Writes street scenes as `root/STREET-01/{img1/000001.jpg,gt/gt.txt,seqinfo.ini}` …; returns `root`.

    Complete or absent: all is made beside `root` and renamed at the end. A dataset of the same settings is kept as it is; ValueError
    where `root` holds anything else. `workers` processes (None: one a core) change nothing in the result. Progress goes to stderr.
    """
    root, settings = Path(root), Settings(seed, sequences, length, width, height, frame_rate, people, away)
    if root.exists() and any(root.iterdir()):
        _check_same(root, settings)
        log.info("%d street scenes kept: %s", settings.sequences, root)
        return root
    started = time.perf_counter()
    with folder_beside(root) as temporary:
        for index in range(settings.sequences):
            _write_sequence_info(temporary / settings.name(index), settings)
        truth = _render_all(temporary, settings, workers or os.cpu_count() or 1)
        for index in range(settings.sequences):
            _write_ground_truth(temporary / settings.name(index), truth, index)
        (temporary / "scenes.json").write_text(json.dumps(settings.described(), indent=2) + "\n", encoding="utf-8")
        if root.exists():
            root.rmdir()  # empty, as checked above
        temporary.replace(root)
    seconds = time.perf_counter() - started
    log.info("%d street scenes of %d frames drawn in %.0f s: %s", settings.sequences, settings.length, seconds, root)
    return root


def _check_same(root: Path, settings: Settings) -> None:
    try:
        found = json.loads((root / "scenes.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        raise ValueError(f"{root} exists and is no generated dataset: give another folder for the generated scenes") from None
    wanted = settings.described()
    if found != wanted:
        different = ", ".join(
            f"{key}={found.get(key)} (wanted {wanted.get(key)})" for key in {**wanted, **found} if found.get(key) != wanted.get(key)
        )
        raise ValueError(f"{root} was generated with {different}: remove that folder or give another")


Truth = dict[tuple[int, int], list[list[Person]]]  # by sequence and first frame of a task: the people in each of its frames


def _render_all(folder: Path, settings: Settings, workers: int) -> Truth:
    """Renders every frame of every sequence, in tasks of a few frames; people by (sequence, first frame of the task)."""
    tasks = [(index, first) for index in range(settings.sequences) for first in range(1, settings.length + 1, CHUNK)]
    return dict(with_progress(_results(folder, settings, tasks, min(workers, len(tasks))), "drawing street scenes", len(tasks)))


def _results(
    folder: Path, settings: Settings, tasks: list[tuple[int, int]], workers: int
) -> Iterator[tuple[tuple[int, int], list[list[Person]]]]:
    if workers == 1:
        yield from ((task, _render_chunk(folder, settings, *task)) for task in tasks)
        return
    try:
        with process_pool(workers) as pool:
            futures = [submit(pool, _render_chunk, folder, settings, *task) for task in tasks]
            yield from ((task, future.result()) for task, future in zip(tasks, futures, strict=True))
    except BrokenProcessPool:
        raise ChildProcessError("a process that draws scenes ended abruptly (out of memory?): try workers=1") from None


@lru_cache(maxsize=1)
def _scene(settings: Settings, index: int) -> Scene:
    return settings.scene(index)


def _render_chunk(folder: Path, settings: Settings, index: int, first: int) -> list[list[Person]]:
    """Writes the frames from `first`; the people in each."""
    import cv2

    cv2.setNumThreads(1)
    scene, images = _scene(settings, index), folder / settings.name(index) / "img1"
    found = []
    for frame_id in range(first, min(first + CHUNK, settings.length + 1)):
        image, people = render(scene, frame_id)
        if not cv2.imwrite(str(images / f"{frame_id:06d}.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, 90]):
            raise OSError(f"could not write {images / f'{frame_id:06d}.jpg'}: disk full?")
        found.append(people)
    return found


def _write_sequence_info(folder: Path, settings: Settings) -> None:
    (folder / "img1").mkdir(parents=True)
    (folder / "gt").mkdir()
    write_seqinfo(folder / "seqinfo.ini", settings.length, settings.frame_rate, settings.width, settings.height)


def _write_ground_truth(folder: Path, truth: Truth, index: int) -> None:
    """Writes `frame,id,left,top,width,height,conf,class,visibility`, ids in order of appearance, rows by id, then frame."""
    ids: dict[int, int] = {}
    rows = []
    for (sequence, first), frames in sorted(truth.items()):
        for frame_id, people in enumerate(frames if sequence == index else [], first):
            for person in people:
                track_id = ids.setdefault(person.track_id, len(ids) + 1)
                left, top, width, height = person.tlwh
                rows.append((track_id, frame_id, f"{left:.1f},{top:.1f},{width:.1f},{height:.1f},1,1,{person.visibility:.3f}"))
    text = "".join(f"{frame_id},{track_id},{rest}\n" for track_id, frame_id, rest in sorted(rows))
    (folder / "gt" / "gt.txt").write_text(text, encoding="utf-8")
