"""From sequences to result files to scores: detector, tracker and scorer joined, many sequences at a time.

Every sequence is one job in one process and no job sees another's, so results do not depend on the number of workers.
"""

from __future__ import annotations

import inspect
import json
import logging
import multiprocessing
import os
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from bytetrack.boxes import tlwh_from_xyxy
from bytetrack.data.mot import read_annotations, read_trajectories, write_trajectories
from bytetrack.detection.store import DetectionStore
from bytetrack.detection.stream import ImageDetector, detect_sequence, read_ahead
from bytetrack.errors import MissingDataError
from bytetrack.replacing import replace_text
from bytetrack.scoring import SequenceScores, score_sequence, summarise
from bytetrack.structures import Detections, Sequence, SequenceDetections, Tracks, Trajectories
from bytetrack.workers import begin

__all__ = [
    "ScoreJob",
    "TrackJob",
    "TrackerFactory",
    "camera_motion_for",
    "earlier_run",
    "every_sequence",
    "finish",
    "replayable",
    "result_folder",
    "rewrite_trajectories",
    "score_every_sequence",
    "sequences_of",
    "track_sequence",
]

log = logging.getLogger("bytetrack")
Result = TypeVar("Result")
ScoringProtocol = Literal["mot15", "mot17", "mot20"]
PRELOADED = ["bytetrack.pipeline", "bytetrack.scoring.official", "bytetrack.scoring.paper", "bytetrack.tracking"]
SHOWN = {
    "trackeval": ("COMBINED", ("HOTA", "DetA", "AssA", "MOTA", "IDF1", "IDSW", "FP", "FN")),
    "motmetrics": ("OVERALL", ("MOTA", "IDF1", "IDs", "FP", "FN", "MT", "ML", "Frag")),
}


class Tracker(Protocol):
    """An algorithm with its state, one instance a sequence. One that takes a keyword `camera_motion` is given it where it is known."""

    def update(self, detections: Detections) -> Tracks: ...


class SequenceDetector(Protocol):
    """Says all boxes of a sequence at once; it is sent to other processes, so it must pickle."""

    def detect_sequence(self, sequence: Sequence) -> SequenceDetections: ...


class CameraMotion(Protocol):
    """Says how the camera moved: affines (length, 2, 3), each from the frame before, or None. Sent to other processes: it must pickle."""

    def of_sequence(self, sequence: Sequence, detections: SequenceDetections) -> npt.NDArray[np.float64] | None: ...


def track_sequence(
    detections: Iterable[Detections],
    tracker: Tracker,
    min_box_area: float | None = None,
    max_aspect_ratio: float | None = None,
    camera_motion: npt.NDArray[np.float64] | None = None,
) -> Trajectories:
    """A new tracker's trajectories over the frames of `detections`, frames without boxes included.

    `camera_motion` (frames, 2, 3) is handed on to the tracker, which must take it; the first frame's, which has none before it, is not.
    Kept are boxes with area > `min_box_area` (square pixels) and width / height <= `max_aspect_ratio`; None keeps all.
    """
    if camera_motion is None:
        frames = [tracker.update(frame) for frame in detections]
    else:
        update: Callable[..., Tracks] = tracker.update
        pairs = enumerate(zip(detections, camera_motion, strict=True))
        frames = [update(frame, camera_motion=affine) if place else update(frame) for place, (frame, affine) in pairs]
    tlwh = tlwh_from_xyxy(np.concatenate([np.empty((0, 4)), *(tracks.xyxy for tracks in frames)]))
    keep = np.ones(len(tlwh), dtype=bool)
    if min_box_area is not None:
        keep &= tlwh[:, 2] * tlwh[:, 3] > min_box_area
    if max_aspect_ratio is not None:
        keep &= tlwh[:, 2] <= max_aspect_ratio * tlwh[:, 3]
    frame_id = np.repeat(np.arange(1, len(frames) + 1), [len(tracks) for tracks in frames])
    track_id = np.concatenate([np.empty(0, np.int64), *(tracks.track_id for tracks in frames)])
    score = np.concatenate([np.empty(0), *(tracks.score for tracks in frames)])
    classes = [tracks.class_id for tracks in frames if len(tracks) and tracks.class_id is not None]
    class_id = np.concatenate(classes) if classes and sum(map(len, classes)) == len(tlwh) else None
    rows = np.lexsort((track_id, frame_id))
    rows = rows[keep[rows]]
    return Trajectories(frame_id[rows], track_id[rows], tlwh[rows], score[rows], None if class_id is None else class_id[rows])


@dataclass(frozen=True)
class TrackerFactory:
    """Makes the tracker of a sequence: `build(settings)`, with the settings of `per_sequence[sequence.name]` over them.

    Settings that have a `frame_rate` and leave it None get the sequence's.
    """

    build: Callable[[dict[str, Any]], Tracker]
    settings: Mapping[str, Any]
    per_sequence: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __call__(self, sequence: Sequence) -> Tracker:
        own = self.per_sequence.get(sequence.name) if isinstance(self.per_sequence, Mapping) else self.per_sequence
        if not isinstance(own, Mapping | None):
            raise ValueError(f"per_sequence must be {{SEQUENCE: {{setting: value}}}}: got {str(own)[:60]} for {sequence.name}")
        settings = {**self.settings, **(own or {})}
        if "frame_rate" in settings and settings["frame_rate"] is None:
            settings["frame_rate"] = sequence.frame_rate
        return self.build(settings)


@dataclass(frozen=True)
class ScoreJob:
    """Scores `folder`/<sequence>.txt, and copies it to `copy_to`; None for a sequence without ground truth."""

    folder: Path
    protocol: ScoringProtocol
    copy_to: Path | None = None

    def __call__(self, sequence: Sequence) -> SequenceScores | None:
        path = self.folder / f"{sequence.name}.txt"
        trajectories = read_trajectories(path, sequence.length)
        if self.copy_to is not None and self.copy_to.resolve() != self.folder.resolve():
            _forget_scores(self.copy_to.parent)
            replace_text(self.copy_to / path.name, path.read_text(encoding="utf-8-sig"))
        if sequence.ground_truth is None:
            return None
        annotations = read_annotations(sequence)
        try:
            return score_sequence(annotations, trajectories, sequence.length, self.protocol)
        except ValueError as error:
            raise ValueError(f"{sequence.name}: {error}") from None


@dataclass(frozen=True)
class TrackJob:
    """Detects and tracks a sequence, writes `folder`/<sequence>.txt, and scores what the file says."""

    detector: SequenceDetector
    tracker_for: Callable[[Sequence], Tracker]
    folder: Path
    protocol: ScoringProtocol
    min_box_area: float | None = None
    max_aspect_ratio: float | None = None
    camera_motion: CameraMotion | None = None

    def __call__(self, sequence: Sequence) -> SequenceScores | None:
        detections = self.detector.detect_sequence(sequence)
        affines = None if self.camera_motion is None else self.camera_motion.of_sequence(sequence, detections)
        trajectories = track_sequence(detections, self.tracker_for(sequence), self.min_box_area, self.max_aspect_ratio, affines)
        _forget_scores(self.folder.parent)
        write_trajectories(self.folder / f"{sequence.name}.txt", trajectories)
        return ScoreJob(self.folder, self.protocol)(sequence)


def sequences_of(dataset: Any) -> list[Sequence]:
    """The dataset's sequences; ValueError for one of single images, which only trains detectors."""
    if not hasattr(dataset, "sequences"):
        raise ValueError(f"{type(dataset).__name__} has images but no sequences: it trains detectors, nothing in it can be tracked")
    found: list[Sequence] = dataset.sequences()
    return found


def replayable(detector: Any, sequences: list[Sequence], folder: Path) -> SequenceDetector:
    """`detector` itself if it can be asked by sequence; a network is run here first, on what `folder` does not hold of its finds.

    Every sequence's detections are a file in `folder`/<key> as soon as they are complete, so that an interrupted run, or another one
    with the same weights and settings, replays them; the store is what is returned.
    """
    if hasattr(detector, "detect_sequence"):
        found: SequenceDetector = detector
        return found
    store = DetectionStore(folder, detector.key())
    missing = [sequence for sequence in sequences if store.load(sequence) is None]
    if len(missing) < len(sequences):
        log.info("%d of %d sequences replayed from %s", len(sequences) - len(missing), len(sequences), store.folder)
    if missing:
        _detect(detector, missing, store)
    return store


def camera_motion_for(source: Any, tracker_for: Callable[[Sequence], Tracker], sequences: list[Sequence], out: Path) -> CameraMotion | None:
    """`source` for `TrackJob`: None where it knows nothing, or where the tracker takes no account of it, which is noted once.

    One that keeps what it estimates, and was not told where, keeps it in `out`/camera_motion.
    """
    from bytetrack.video.camera_motion import NoMotion

    if isinstance(source, NoMotion) or not sequences:
        return None
    tracker = tracker_for(sequences[0])
    uses = getattr(tracker, "USES", None)
    if "camera_motion" not in (inspect.signature(tracker.update).parameters if uses is None else uses):
        log.warning("%s takes no account of camera motion: camera_motion is ignored", type(tracker).__name__)
        return None
    if getattr(source, "folder", "") is None:
        source.folder = out / "camera_motion"
    known: CameraMotion = source
    return known


def _detect(detector: ImageDetector, sequences: list[Sequence], store: DetectionStore) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from bytetrack.video.read import frames, read_image

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("frames"), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("detecting", total=sum(sequence.length for sequence in sequences))
        for sequence in sequences:
            progress.update(task, description=f"detecting {sequence.name}")
            in_folder = sequence.images is not None and sequence.images.is_dir()
            paths = (sequence.image_path(frame_id) for frame_id in range(1, sequence.length + 1))
            images = read_ahead(read_image, paths) if in_folder else frames(sequence)
            started = time.perf_counter()
            detections = detect_sequence(detector, sequence, images, lambda done: progress.advance(task, done))
            rate = sequence.length / (time.perf_counter() - started)
            path = store.save(sequence, detections)
            store.describe(detector)
            log.info("%s: %d boxes in %d frames, %.1f frames/s: %s", sequence.name, len(detections.score), sequence.length, rate, path)


def result_folder(folder: Path, sequences: list[Sequence] | None = None) -> Path:
    """The folder of <sequence>.txt files: `folder`, or `folder`/tracks where that is a run's.

    MissingDataError where it has none, or none for some of `sequences`; a warning names files of none of them.
    """
    folder = folder.expanduser()
    folder = folder / "tracks" if (folder / "tracks").is_dir() else folder
    there = {path.stem for path in folder.glob("*.txt")} if folder.is_dir() else set()
    if not there:
        raise MissingDataError(f"no result file in {str(folder)!r}: tracks must name the folder that holds <sequence>.txt")
    if sequences is None:
        return folder
    names = {sequence.name for sequence in sequences}
    if names - there:
        listed = ", ".join(sorted(names - there))
        raise MissingDataError(f"{folder} lacks {listed} ({len(names - there)} of {len(names)} result files): nothing was scored")
    if there - names:
        log.warning("%s: not scored, as the dataset has no such sequence: %s", folder, ", ".join(sorted(there - names)))
    return folder


def earlier_run(folder: str | Path | None) -> Path | None:
    """The run folder to compare with, if any; MissingDataError where it holds no scores."""
    run = None if folder is None else Path(folder).expanduser()
    if run is not None and not (run / "scores.json").is_file():
        raise MissingDataError(f"no scores.json in {str(run)!r}: compare must name the folder of an earlier run")
    return run


def rewrite_trajectories(source: Path, target: Path, change: Callable[[Trajectories], Trajectories]) -> None:
    """Writes what `change` makes of every result file in `source` to the file of the same name in `target`, boxes with all digits."""
    if source.resolve() == target.resolve():
        raise ValueError(f"out would overwrite the tracks it reads ({source}): give another out")
    before = after = 0
    paths = sorted(source.glob("*.txt"))
    for path in paths:
        trajectories = read_trajectories(path)
        changed = change(trajectories)
        write_trajectories(target / path.name, changed, decimals=None)
        before, after = before + len(trajectories), after + len(changed)
    log.info("%d sequences, %d boxes before, %d after: %s", len(paths), before, after, target)


def score_every_sequence(
    job: Callable[[Sequence], SequenceScores | None], sequences: list[Sequence], out: Path, workers: int | None
) -> dict[str, dict[str, dict[str, Any]]] | None:
    """Runs the job on every sequence, writes `out`/scores.json and returns its content; None where there is no ground truth."""
    scores = every_sequence(job, sequences, workers, _summary)
    _forget_scores(out)
    without = [sequence.name for sequence in sequences if sequence.ground_truth is None]
    if without:
        log.warning("no ground truth, so not scored: %s", ", ".join(without))
    if scores is not None:
        replace_text(out / "scores.json", json.dumps(scores, indent=1, allow_nan=False) + "\n")
    return scores


def _forget_scores(run: Path) -> None:
    """Removes an earlier run's scores and report. Whoever changes its tracks does so first: a mistake before that costs nothing."""
    for name in ("scores.json", "report.html"):
        (run / name).unlink(missing_ok=True)


def _summary(results: dict[str, SequenceScores | None]) -> dict[str, dict[str, dict[str, Any]]] | None:
    scored = {name: result for name, result in results.items() if result is not None}
    return summarise(scored) if scored else None


def every_sequence(
    job: Callable[[Sequence], Any], sequences: list[Sequence], workers: int | None, reduce: Callable[[dict[str, Any]], Result]
) -> Result:
    """`reduce` of what `job` says of every sequence by name, in the order of `sequences`; with a progress bar.

    `workers` processes (None: one a core), 1 for none but this one. The first error of a job stops all and is raised here; so
    does Ctrl-C, at once.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    if workers is not None and (not isinstance(workers, int) or workers < 1):
        raise ValueError(f"workers must be at least 1, or null for one a core: got {workers}")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("sequences", total=len(sequences))

        def done(sequence: Sequence) -> None:
            progress.update(task, advance=1, description=sequence.name)

        if min(workers or cores, len(sequences)) > 1:
            return _in_processes(job, sequences, min(workers or cores, len(sequences)), reduce, done)
        results = {}
        for sequence in sequences:
            results[sequence.name] = job(sequence)
            done(sequence)
        return reduce(results)


def _in_processes(
    job: Callable[[Sequence], Any],
    sequences: list[Sequence],
    workers: int,
    reduce: Callable[[dict[str, Any]], Result],
    done: Callable[[Sequence], None],
) -> Result:
    context = multiprocessing.get_context("forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn")
    context.set_forkserver_preload(PRELOADED)
    pool = ProcessPoolExecutor(workers, context, initializer=begin)
    try:
        longest_first = sorted(sequences, key=lambda sequence: -sequence.length)
        futures: dict[Future[Any], Sequence] = {pool.submit(job, sequence): sequence for sequence in longest_first}
        results = {}
        for future in as_completed(futures):
            results[futures[future].name] = future.result()
            done(futures[future])
        in_order = {sequence.name: results[sequence.name] for sequence in sequences}
        return pool.submit(reduce, in_order).result()  # there, because what it needs is loaded there
    except BrokenProcessPool:
        raise ChildProcessError("a worker process ended abruptly (out of memory?): try workers=1") from None
    except BaseException:
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def finish(scores: dict[str, dict[str, dict[str, Any]]] | None, dataset: Any, out: Path, compare: Path | None) -> None:
    """Writes the report, shows the scores and says where everything is."""
    from rich.console import Console

    console = Console(highlight=False, markup=False)  # names may hold [brackets]
    if scores is not None:
        from bytetrack.report import write_report

        write_report(out, dataset, compare)
        for table in _tables(scores, dataset.protocol):
            console.print(table)
    for name, what in (("tracks", "tracks"), ("scores.json", "scores"), ("report.html", "report"), ("config.yaml", "settings")):
        if (out / name).exists():
            console.print(f"{what:9}{out / name}", soft_wrap=True)


def _tables(scores: Mapping[str, Mapping[str, Mapping[str, Any]]], protocol: str) -> list[Any]:
    """Both protocols' tables for the console, sequences first, all together last."""
    from rich.table import Table

    titles = {"trackeval": f"TrackEval, official ({protocol} rules)", "motmetrics": "motmetrics, the paper's protocol"}
    tables = []
    for scorer, (together, columns) in SHOWN.items():
        table = Table(title=titles[scorer], title_justify="left")
        table.add_column("sequence")
        for column in columns:
            table.add_column(column, justify="right")
        for name in [*(name for name in scores[scorer] if name != together), together]:
            cells = [_cell(scores[scorer][name][column]) for column in columns]
            table.add_row(name, *cells, style="bold" if name == together else "")
        tables.append(table)
    return tables


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}" if isinstance(value, float) else str(value)
