"""Refines result files, one sequence at a time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bytetrack.interfaces import CameraMotion, Detector, ScoringProtocol, SequenceDetector, recorded_detector
from bytetrack.io.mot import read_trajectories, write_trajectories
from bytetrack.pipeline import ScoreJob
from bytetrack.pipeline.detect import kept_in
from bytetrack.pipeline.run_folder import refuse_same_folder, replacing_tracks
from bytetrack.refining.context import SequenceContext
from bytetrack.scoring import SequenceScores
from bytetrack.structures import Sequence, SequenceDetections, Trajectories
from bytetrack.video.camera_motion import NoMotion

__all__ = ["RefineJob", "Refiner", "context_of", "job_for", "note_idle_steps", "refuse_unused"]

log = logging.getLogger(__name__)
Step = Callable[[Trajectories, SequenceContext], Trajectories]


class Refiner:
    """Runs `steps`, a mapping of names to steps, in order. A step that is None is skipped.

    A step is any callable `step(trajectories, context) -> trajectories` that does not change its arguments.
    """

    def __init__(self, steps: Mapping[str, Step | None]) -> None:
        wrong = [name for name, step in steps.items() if step is not None and not callable(step)]
        if wrong:
            raise ValueError(f"step {wrong[0]} must be a config with a _target_, or null to leave it out: got {str(steps[wrong[0]])[:60]}")
        self.steps = {name: step for name, step in steps.items() if step is not None}

    def __call__(self, trajectories: Trajectories, context: SequenceContext | None = None) -> Trajectories:
        """Returns the refined trajectories."""
        for step in self.steps.values():
            trajectories = step(trajectories, context or SequenceContext())
        return trajectories


def note_idle_steps(refiner: Refiner) -> None:
    """Logs the steps that have no effect because there are no detections."""
    idle = [name for name, step in refiner.steps.items() if getattr(step, "USES_DETECTIONS", False)]
    if idle:
        log.warning("skipped, because there are no detections (dataset=..., detector=recorded detector.folder=DIR): %s", ", ".join(idle))


def context_of(sequence: Sequence, detector: SequenceDetector | None, camera_motion: CameraMotion | None) -> SequenceContext:
    """Reads the detections and the camera motion of a sequence; None for a source that is None."""
    detections = None if detector is None else detector.detect_sequence(sequence)
    around = SequenceDetections.from_frames([]) if detections is None else detections
    return SequenceContext(None if camera_motion is None else camera_motion.of_sequence(sequence, around), detections)


@dataclass(frozen=True)
class RefineJob:
    """Refines `source`/<sequence>.txt, writes `folder`/<sequence>.txt without rounding, and scores that file."""

    refiner: Refiner
    source: Path
    folder: Path
    protocol: ScoringProtocol
    detector: SequenceDetector | None = None
    camera_motion: CameraMotion | None = None

    def __call__(self, sequence: Sequence) -> SequenceScores | None:
        name = f"{sequence.name}.txt"
        found = read_trajectories(self.source / name, sequence.length)
        refined = self.refiner(found, context_of(sequence, self.detector, self.camera_motion))
        with replacing_tracks(self.folder / name) as temporary:
            write_trajectories(temporary, refined, decimals=None)
        return ScoreJob(self.folder, self.protocol)(sequence)


def job_for(
    refiner: Refiner, source: Path, out: Path, protocol: ScoringProtocol, detector: Detector | None, camera_motion: CameraMotion
) -> RefineJob:
    """Returns the job that refines result files in `source` into `out`/tracks; ValueError if these are one folder, and for a network."""
    refuse_same_folder(source, out / "tracks")
    if detector is None:
        note_idle_steps(refiner)
    recorded = None if detector is None else recorded_detector(detector)
    camera = None if isinstance(camera_motion, NoMotion) else kept_in(out, camera_motion)
    return RefineJob(refiner, source, out / "tracks", protocol, recorded, camera)


def refuse_unused(detector: object, camera_motion: object, compare: object) -> None:
    """Raises ValueError if a setting that needs a dataset is given without a dataset."""
    if detector is not None or compare is not None or not isinstance(camera_motion, NoMotion):
        raise ValueError("detector, camera_motion and compare need a dataset: set dataset=... dataset.root=DIR")
