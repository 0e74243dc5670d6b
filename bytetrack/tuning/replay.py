"""Tracks and scores in memory: recorded detections, as they are or jittered, are replayed through a tracker and scored.

A single run is noise: trivia of its boxes move half-val HOTA by 0.2 (standard deviation). So every judgement here is a mean over
jittered copies of the detections, the same copies for whatever is compared.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from bytetrack.checks import check_count
from bytetrack.config.named import make
from bytetrack.interfaces import CameraMotion, Detector, ScoringProtocol, mot_protocol, recorded_detector
from bytetrack.io.formats import read_annotations
from bytetrack.pipeline import TrackerFactory, class_match_for, track_sequence
from bytetrack.runtime.pool import cores, process_pool, submit, with_shared
from bytetrack.scoring import fast
from bytetrack.structures import Detections, Sequence, SequenceDetections, Trajectories

__all__ = ["Job", "Replay", "WorkerPool", "as_written", "jittered"]

BOX_NOISE, SCORE_NOISE = 0.004, 0.006  # of a box's width; of scores, which lie in [0, 1]
PRELOADED = ["bytetrack.tuning.replay", "bytetrack.tracking"]  # by the process that workers are forked from
Job = tuple[str, int]  # sequence, copy: 0 is as recorded


def jittered(
    detections: SequenceDetections, name: str, copy: int, seed: int = 0, box_noise: float = BOX_NOISE, score_noise: float = SCORE_NOISE
) -> SequenceDetections:
    """Returns copy `copy` of a sequence's detections: corners moved by `box_noise` of the width, scores by `score_noise` (SD, normal).

    Scores stay in [0, 1]. Copy 0 is as recorded. The same seed, sequence and copy give the same boxes, whatever else is asked for.
    """
    if copy == 0:
        return detections
    rng = np.random.default_rng([seed, copy, zlib.crc32(name.encode())])
    xyxy, score = detections.xyxy, detections.score
    moved = xyxy + rng.normal(size=xyxy.shape) * (box_noise * (xyxy[:, 2:3] - xyxy[:, 0:1]))
    moved = np.concatenate([np.minimum(moved[:, :2], moved[:, 2:]), np.maximum(moved[:, :2], moved[:, 2:])], axis=1)
    return SequenceDetections(
        moved, np.clip(score + rng.normal(size=len(score)) * score_noise, 0, 1), detections.offsets, detections.class_id
    )


class Replay:
    """The sequences of a dataset with their ground truth and detections, read when first asked for and kept.

    `protocol`, `min_box_area`, `max_aspect_ratio`, `camera_motion` as in `tools/track.py`. ValueError for a sequence without ground
    truth, and for a network in place of recorded detections.
    """

    def __init__(
        self,
        sequences: Iterable[Sequence],
        detector: Detector,
        protocol: ScoringProtocol,
        min_box_area: float | None = None,
        max_aspect_ratio: float | None = None,
        seed: int = 0,
        camera_motion: CameraMotion | None = None,
    ) -> None:
        self.sequences = {sequence.name: sequence for sequence in sequences}
        if several := [sequence.name for sequence in sequences if sequence.class_names]:
            raise ValueError(f"tuning supports a single class only, but {several[0]} has several: dataset.class_names=null")
        self.detector, self.protocol, self.seed = recorded_detector(detector), mot_protocol(protocol), seed
        self.min_box_area, self.max_aspect_ratio = min_box_area, max_aspect_ratio
        self.camera_motion = camera_motion
        self.classes = class_match_for(detector, protocol, self.sequences.values())
        self._truth: dict[str, fast.PreparedTruth] = {}
        self._affines: dict[str, npt.NDArray[np.float64] | None] = {}
        self._recorded: dict[str, SequenceDetections] = {}
        self._frames: dict[Job, list[Detections]] = {}
        without = [name for name, sequence in self.sequences.items() if sequence.ground_truth is None]
        if without:
            raise ValueError(f"no ground truth, so nothing can be tuned or compared: {', '.join(without)}")

    def frames(self, name: str, copy: int) -> list[Detections]:
        """Returns the detections of a sequence, frame by frame."""
        if (name, copy) not in self._frames:
            if name not in self._recorded:
                found = self.detector.detect_sequence(self.sequences[name])
                self._recorded[name] = found if self.classes is None else self.classes.renumbered(name, found)
            self._frames[name, copy] = list(jittered(self._recorded[name], name, copy, self.seed))
        return self._frames[name, copy]

    def _motion(self, name: str) -> npt.NDArray[np.float64] | None:
        """Returns the camera motion of a sequence; the same for every copy."""
        if self.camera_motion is not None and name not in self._affines:
            self._affines[name] = self.camera_motion.of_sequence(self.sequences[name], self._recorded[name])
        return self._affines.get(name)

    def score(self, tracker_for: TrackerFactory, name: str, copy: int) -> fast.Result:
        """Tracks a copy of a sequence and scores what its result file would contain."""
        return self.score_trajectories(name, self.track(tracker_for, name, copy))

    def track(self, tracker_for: TrackerFactory, name: str, copy: int) -> Trajectories:
        """Tracks a copy of a sequence; boxes are rounded as in a result file (to 0.1)."""
        frames, tracker = self.frames(name, copy), tracker_for(self.sequences[name])
        found = track_sequence(frames, tracker, self.min_box_area, self.max_aspect_ratio, self._motion(name))
        return as_written(found)

    def score_trajectories(self, name: str, found: Trajectories) -> fast.Result:
        """Scores trajectories of a sequence."""
        return fast.evaluate(self.truth(name), found)

    def truth(self, name: str) -> fast.PreparedTruth:
        """Returns the ground truth of a sequence."""
        if name not in self._truth:
            sequence = self.sequences[name]
            self._truth[name] = fast.prepare(read_annotations(sequence), sequence.length, self.protocol)
        return self._truth[name]


def as_written(found: Trajectories) -> Trajectories:
    """Returns trajectories as a result file has them: boxes rounded to 0.1 pixel."""
    return replace(found, tlwh=np.round(found.tlwh, 1))


class WorkerPool:
    """Processes that replay. `scores(settings, jobs)` returns the jobs' results in order; they do not depend on the number of `workers`.

    A context manager. `workers` None: one a core; 1: none but this process.
    """

    def __init__(
        self,
        replay: Replay,
        build: Callable[[dict[str, Any]], Any],
        per_sequence: Mapping[str, Mapping[str, Any]] | None = None,
        workers: int | None = None,
    ) -> None:
        check_count("workers", workers, 1, "one a core")
        self._replay, self._build, self._per_sequence = replay, build, per_sequence or {}
        self._workers = workers or cores()
        self._open = ExitStack()
        self._pool: ProcessPoolExecutor | None = None
        self._seconds = dict.fromkeys(replay.sequences, 0.0)

    def __enter__(self) -> WorkerPool:
        if self._workers > 1:
            self._pool = self._open.enter_context(process_pool(self._workers, PRELOADED, (self._replay,)))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._open.__exit__(kind, error, trace)

    def tracker_for(self, settings: Mapping[str, Any]) -> TrackerFactory:
        """Returns the factory of trackers with these settings, overridden by those of `per_sequence`."""
        nested = any(isinstance(value, Mapping) for value in settings.values())  # else Hydra's overhead is saved
        return TrackerFactory(self._build if nested else make, settings, self._per_sequence)

    def check(self, settings: Mapping[str, Any]) -> None:
        """Builds a tracker of every sequence: ValueError if the settings contradict each other."""
        factory = TrackerFactory(self._build, settings, self._per_sequence)
        special = [sequence for sequence in self._replay.sequences.values() if sequence.name in self._per_sequence]
        for sequence in special or list(self._replay.sequences.values())[:1]:
            factory(sequence)

    def scores(self, settings: Mapping[str, Any], jobs: list[Job]) -> list[fast.Result]:
        """Scores the jobs; those expected to take longest start first."""
        factory = self.tracker_for(settings)
        if self._pool is None:
            return [self._replay.score(factory, *job) for job in jobs]
        order = sorted(range(len(jobs)), key=lambda k: -self._seconds[jobs[k][0]])
        found = []
        try:
            futures: dict[int, Future[tuple[float, fast.Result]]] = {
                k: submit(self._pool, with_shared, _work, factory, *jobs[k]) for k in order
            }
            for k, (name, _) in enumerate(jobs):
                seconds, result = futures[k].result()
                self._seconds[name] = seconds
                found.append(result)
        except BrokenProcessPool:
            raise ChildProcessError("a worker process ended abruptly (out of memory?): try workers=1") from None
        return found

    def copies(self, settings: Mapping[str, Any], copies: Iterable[int]) -> list[dict[str, fast.Result]]:
        """Scores every sequence of every copy."""
        numbers, names = list(copies), list(self._replay.sequences)
        found = iter(self.scores(settings, [(name, copy) for copy in numbers for name in names]))
        return [{name: next(found) for name in names} for _ in numbers]


def _work(replay: Replay, factory: TrackerFactory, name: str, copy: int) -> tuple[float, fast.Result]:
    started = time.perf_counter()
    result = replay.score(factory, name, copy)
    return time.perf_counter() - started, result
