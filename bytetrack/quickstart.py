"""The same sequences tracked under several settings, scored and shown beside each other."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bytetrack.boxes import xyxy_from_tlwh
from bytetrack.data.prepare import prepare
from bytetrack.executors import Processes
from bytetrack.interfaces import Dataset, Detector, SequenceDetector, TrackerBuilder
from bytetrack.io.formats import read_annotations
from bytetrack.io.mot import read_trajectories
from bytetrack.pipeline import TrackerFactory, TrackJob, map_sequences, replayable, score_sequences
from bytetrack.report import write_report
from bytetrack.runtime.atomic import replace_bytes
from bytetrack.runtime.showing import open_console
from bytetrack.scoring.metrics import TOTAL, shown_in
from bytetrack.structures import Sequence

if TYPE_CHECKING:
    from bytetrack.training import Recipe

__all__ = ["Steps", "detect", "picture", "present", "run", "train"]

log = logging.getLogger(__name__)

Scores = dict[str, dict[str, dict[str, Any]]]
ANIMATED = 60  # frames of the animation
SIMULATED = "detections simulated from the ground truth: the difference between the rows is real, their level is not a real detector's"


class Steps:
    """Says how long all will take, and of each of `count` steps, as it begins, which it is and how long those before it took together.

    `folder` is where a network is trained, None where none is.
    """

    def __init__(self, count: int, folder: Path | None) -> None:
        self.count, self.begun, self.start = count, 0, time.monotonic()
        done = folder is None or (folder / "detections").exists()
        log.info("this takes %s on two cores", "about a minute" if done else "about 6 minutes")

    def __call__(self, what: str) -> None:
        self.begun += 1
        minutes, seconds = divmod(int(time.monotonic() - self.start), 60)
        log.info("[%d/%d, %d:%02d] %s", self.begun, self.count, minutes, seconds, what)


def picture(sequences: list[Sequence], path: Path) -> None:
    """Writes `path` (.jpg): the first frame of each sequence with its true boxes, two in a row, all in the size of the first."""
    import cv2

    from bytetrack.video.draw import draw_boxes
    from bytetrack.video.read import frames

    tiles: list[npt.NDArray[np.uint8]] = []
    for sequence in sequences:
        truth = read_annotations(sequence)
        first = truth.rows_of(1)
        shown = draw_boxes(next(frames(sequence)), xyxy_from_tlwh(truth.tlwh[first]), truth.track_id[first])
        tiles.append(np.asarray(cv2.resize(shown, tiles[0].shape[1::-1]), np.uint8) if tiles else shown)
    if len(tiles) % 2:
        tiles.append(np.full_like(tiles[0], 255))
    rows = [np.concatenate(tiles[row : row + 2], axis=1) for row in range(0, len(tiles), 2)]
    replace_bytes(path, cv2.imencode(".jpg", np.concatenate(rows))[1].tobytes())
    log.info("sample images: %s", path)


def train(recipe: Recipe, halves: Mapping[Any, str], weights: Path, detector: Mapping[str, Any]) -> None:
    """Converts each dataset of `halves` to the COCO file named beside it, and trains the network of `detector`'s settings on them.

    Goes on where an earlier run in the folder of `weights` stopped; a finished one is left as it is.
    """
    from bytetrack import training

    for dataset, path in halves.items():
        prepare(dataset, Path(path))
    training.train(recipe, training.NetworkSettings.of_detector(detector), weights.parent)


def detect(detector: Detector, dataset: Dataset, out: Path) -> SequenceDetector:
    """Runs the network on every sequence; keeps the detections in `out`/detections, from where the next quickstart replays them."""
    return replayable(detector, dataset.sequences(), out / "detections")


def run(
    dataset: Dataset, detector: SequenceDetector, build: TrackerBuilder, tracker: dict[str, Any], out: Path, workers: int | None
) -> Scores:
    """Tracks and scores every sequence of `dataset` into `out`; its scores."""
    filters = (dataset.min_box_area, dataset.max_aspect_ratio)
    job = TrackJob(detector, TrackerFactory(build, tracker), out / "tracks", dataset.protocol, *filters)
    scores = score_sequences(job, dataset.sequences(), out, Processes(workers))
    if scores is None:
        raise ValueError("quickstart compares scores, which needs ground truth: the dataset has none")
    return scores


def present(
    dataset: Dataset,
    runs: Mapping[str, Scores],
    out: Path,
    high_score: float,
    scale: float | None,
    workers: int | None,
    weights: Path | None,
) -> None:
    """Reports (the last run's compares it with the first), videos `scale` times as large as the frames (None: none), table, places.

    `weights` are those that found the boxes, None if they are simulated.
    """
    if len(runs) < 2:
        raise ValueError(f"quickstart compares the last of its runs with the first: give at least two, got {', '.join(runs) or 'none'}")
    console = open_console()
    first, *_, last = runs
    for name in runs:
        write_report(out / name, dataset, out / first if name == last != first else None)
    if scale is not None:
        _film(dataset.sequences(), runs, out, high_score, scale, workers, "" if weights else "simulated boxes")
    console.print(_table(runs))
    if weights is None:
        console.print(SIMULATED, soft_wrap=True)
    places = {"report": out / last / "report.html", "videos": out / "videos", "side by side": out / "videos" / "comparison.mp4"}
    for what, place in {**places, "everything": out}.items():
        if place.exists():
            console.print(f"{what:14}{place}", soft_wrap=True)
    if weights is not None:
        console.print(f"The trained detector on a video of your own:  python tools/demo.py weights={weights} source=VIDEO", soft_wrap=True)


def _film(
    sequences: list[Sequence], runs: Mapping[str, Scores], out: Path, high_score: float, scale: float, workers: int | None, note: str
) -> None:
    """Makes a video of the last run on each sequence, and one of both side by side; a stretch of that, too, as a WebP.

    Side by side is the stretch in which the last run keeps most boxes by detections with low scores.
    """
    from bytetrack.video.animation import animate
    from bytetrack.video.annotate import AnnotateJob, Pane

    first, *_, last = runs
    tracks = {(run, s.name): read_trajectories(out / run / "tracks" / f"{s.name}.txt") for run in (first, last) for s in sequences}

    def pane(run: str, sequence: Sequence) -> Pane:
        title = ", ".join(part for part in (run.replace("_", " "), sequence.name, note) if part)
        return Pane(title, tracks[run, sequence.name])

    kept = {s.name: _kept_from(tracks[last, s.name].frame_id[tracks[last, s.name].score < high_score], s.length) for s in sequences}
    clearest = max(sequences, key=lambda sequence: kept[sequence.name])
    panes = {sequence.name: [pane(last, sequence)] for sequence in sequences}
    panes["comparison"] = [pane(first, clearest), pane(last, clearest)]
    shown = [*sequences, replace(clearest, name="comparison")]
    map_sequences(AnnotateJob(panes, out / "videos", high_score, scale), shown, Processes(workers), dict)
    begin = kept[clearest.name][1]
    animate(out / "videos" / "comparison.mp4", out / "videos" / "comparison.webp", begin, ANIMATED, every=1)


def _kept_from(frames: npt.NDArray[np.int64], length: int) -> tuple[int, int]:
    """Returns how many of the boxes in `frames` the fullest `ANIMATED` frames of a sequence have, and the first of these frames."""
    counts = np.bincount(frames - 1, minlength=length)
    sums = np.convolve(counts, np.ones(min(ANIMATED, length), np.int64), "valid")
    begin = int(sums.argmax())
    return int(sums[begin]), begin + 1


def _table(runs: Mapping[str, Scores]) -> Any:
    from rich.table import Table

    table = Table(title="TrackEval, all sequences", title_justify="left")
    table.add_column("tracked with")
    columns = shown_in("console", "trackeval")
    for column in columns:
        table.add_column(column.key, justify="right")
    for name, scores in runs.items():
        together = scores["trackeval"][TOTAL["trackeval"]]
        table.add_row(name.replace("_", " "), *(column.text(together[column.key]) for column in columns))
    return table
