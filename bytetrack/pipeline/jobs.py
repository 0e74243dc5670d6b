"""Jobs on one sequence: track, write, score. They are independent, so results do not depend on where they run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bytetrack.boxes import passing
from bytetrack.checks import check_positive
from bytetrack.errors import FormatError
from bytetrack.interfaces import CameraMotion, FeatureSource, ScoringProtocol, SequenceDetector, Tracker, tracker_inputs
from bytetrack.io.formats import read_annotations
from bytetrack.io.mot import read_trajectories, write_trajectories
from bytetrack.names import nearest, shortened
from bytetrack.pipeline.class_names import ClassMatch
from bytetrack.pipeline.nothing import why_nothing
from bytetrack.pipeline.run_folder import replacing_tracks
from bytetrack.score_counts import ScoreCounts, count_scores, read_counts, thresholds_of, write_counts
from bytetrack.scoring import SequenceScores, check_classes, score_sequence
from bytetrack.structures import Detections, Sequence, SequenceDetections, Tracks, Trajectories
from bytetrack.timeline import timeline

__all__ = [
    "ScoreJob",
    "TrackJob",
    "TrackerFactory",
    "track_sequence",
]

log = logging.getLogger(__name__)


def track_sequence(
    detections: Iterable[Detections],
    tracker: Tracker,
    min_box_area: float | None = None,
    max_aspect_ratio: float | None = None,
    camera_motion: npt.NDArray[np.float64] | None = None,
    times: npt.NDArray[np.float64] | None = None,
    features: list[npt.NDArray[np.float32]] | None = None,
) -> Trajectories:
    """Tracks the frames of `detections` with a new tracker and returns its trajectories.

    Args:
        detections: One `Detections` per frame, including frames without boxes.
        tracker: A new tracker.
        min_box_area: Drops smaller boxes from the result, in square pixels; None: off.
        max_aspect_ratio: Drops boxes with a larger width / height from the result; None: off.
        camera_motion: Affines (frames, 2, 3) for the tracker, which must accept them; the first one is not used.
        times: Times (frames,) in frames of the tracker's frame rate, from which `dt` is computed; None: one frame each.
        features: Appearance features of each frame's detections, for the tracker.
    """
    return _trajectories(_update_all(detections, tracker.update, camera_motion, times, features), min_box_area, max_aspect_ratio)


def _trajectories(frames: list[Tracks], min_box_area: float | None, max_aspect_ratio: float | None) -> Trajectories:
    """Returns the rows of all frames' tracks, by frame, then id, without those that the filter drops."""
    trajectories = Trajectories.from_frames(frames)
    return trajectories[passing(trajectories.tlwh, min_box_area, max_aspect_ratio)]


def _update_all(
    detections: Iterable[Detections],
    update: Callable[..., Tracks],
    camera_motion: npt.NDArray[np.float64] | None,
    times: npt.NDArray[np.float64] | None,
    features: list[npt.NDArray[np.float32]] | None,
) -> list[Tracks]:
    """Returns the tracks of every frame; the tracker is told the time that has passed since the one before."""
    if camera_motion is None and times is None and features is None:
        return [update(frame) for frame in detections]
    boxes = list(detections)
    known: dict[str, list[Any]] = {}
    if camera_motion is not None:
        known["camera_motion"] = list(camera_motion)
    if times is not None:
        known["dt"] = [0.0, *np.diff(times).tolist()]
    if features is not None:
        known["features"] = features
    if wrong := [name for name, values in known.items() if len(values) != len(boxes)]:
        raise ValueError(f"{wrong[0]} must be known of every frame: got {len(known[wrong[0]])} of {len(boxes)}")
    always = {"features"}  # nothing has passed before the first frame, but it has its features
    since = ({name: values[place] for name, values in known.items() if place or name in always} for place in range(len(boxes)))
    return [update(frame, **passed) for frame, passed in zip(boxes, since, strict=True)]


@dataclass(frozen=True)
class TrackerFactory:
    """Makes the tracker of a sequence: `build(settings)`, with the settings of `per_sequence[sequence.name]` over them.

    Settings that have a `frame_rate` and leave it None get `frame_rate`, None: the sequence's.
    """

    build: Callable[[dict[str, Any]], Tracker]
    settings: Mapping[str, Any]
    per_sequence: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    frame_rate: float | None = None

    def __post_init__(self) -> None:
        if self.frame_rate is not None:
            check_positive("frame_rate", self.frame_rate)

    def name_unmatched(self, sequences: Iterable[Sequence]) -> None:
        """Warns of the settings in `per_sequence` that are for none of `sequences`, with the nearest name of each."""
        names = [sequence.name for sequence in sequences]
        for name in self.per_sequence if isinstance(self.per_sequence, Mapping) else ():
            if name not in names:
                near = nearest(str(name), names, 0.4)
                guess = f"did you mean {near}?" if near else f"there are {shortened(names, count=False)}"
                log.warning("per_sequence: no sequence is called %s, so its settings are not used: %s", name, guess)

    def __call__(self, sequence: Sequence) -> Tracker:
        settings = self.settings_of(sequence)
        try:
            return self.build(settings)
        except (TypeError, ValueError) as error:
            unknown = next((str(name) for name in settings if name not in self.settings), None)
            if unknown is None:
                raise
            near = nearest(unknown, map(str, self.settings))
            guess = f"did you mean {near}?" if near else f"there are {shortened(sorted({*self.settings} - {'_target_'}), 40, False)}"
            raise ValueError(f"per_sequence: {sequence.name}'s tracker has no setting {unknown!r}: {guess}") from error

    def settings_of(self, sequence: Sequence) -> dict[str, Any]:
        """Returns the settings of the sequence's tracker."""
        own = self.per_sequence.get(sequence.name) if isinstance(self.per_sequence, Mapping) else self.per_sequence
        if not isinstance(own, Mapping | None):
            raise ValueError(f"per_sequence must be {{SEQUENCE: {{setting: value}}}}: got {str(own)[:60]} for {sequence.name}")
        if not isinstance(self.settings, Mapping):
            raise ValueError(f"tracker must be one of configs/tracker or its settings, got {str(self.settings)[:60]!r}")
        settings = {**self.settings, **(own or {})}
        if "frame_rate" in settings and settings["frame_rate"] is None:
            settings["frame_rate"] = self.frame_rate or sequence.frame_rate
        return settings


@dataclass(frozen=True)
class ScoreJob:
    """Scores `folder`/<sequence>.txt, and copies it to `copy_to`; None for a sequence without ground truth.

    In the folder of a run it says why a sequence has no tracks, and copies the counts of scores, too.
    """

    folder: Path
    protocol: ScoringProtocol
    copy_to: Path | None = None

    def __call__(self, sequence: Sequence) -> SequenceScores | None:
        path = self.folder / f"{sequence.name}.txt"
        size = None if self.copy_to is None else (sequence.width, sequence.height)  # of results that somebody else wrote
        trajectories = read_trajectories(path, sequence.length, size)
        counts = read_counts(self.folder.parent, sequence.name) if self.folder.absolute().name == "tracks" else None  # else no run's
        if self.copy_to is not None and self.copy_to.resolve() != self.folder.resolve():
            with replacing_tracks(self.copy_to / path.name) as temporary:
                temporary.write_text(path.read_text(encoding="utf-8-sig"), encoding="utf-8")
            if counts is not None:
                write_counts(self.copy_to.parent, sequence.name, counts)
        if counts is not None and counts.nothing is not None and not len(trajectories):
            log.warning("%s: %s", sequence.name, counts.nothing)
        if sequence.ground_truth is None:
            return None
        annotations = read_annotations(sequence)
        try:
            return score_sequence(annotations, trajectories, sequence.length, self.protocol, sequence.class_names)
        except ValueError as error:
            raise ValueError(f"{path} with {sequence.ground_truth}: {error}") from None


@dataclass(frozen=True)
class TrackJob:
    """Detects and tracks a sequence, writes `folder`/<sequence>.txt, and scores what the file says.

    `frame_rate`: the tracker counts time in frames at this rate; None: a frame is a frame, but for videos whose rate varies.
    `classes` brings the detector's class numbers to the dataset's; None: they are the dataset's.
    """

    detector: SequenceDetector
    tracker_for: Callable[[Sequence], Tracker]
    folder: Path
    protocol: ScoringProtocol
    min_box_area: float | None = None
    max_aspect_ratio: float | None = None
    camera_motion: CameraMotion | None = None
    frame_rate: float | None = None
    features: FeatureSource | None = None
    classes: ClassMatch | None = None

    def __call__(self, sequence: Sequence) -> SequenceScores | None:
        detections = self.detector.detect_sequence(sequence)
        if self.classes is not None:
            detections = self.classes.renumbered(sequence.name, detections)
        if sequence.ground_truth is not None and len(detections.score):  # what cannot be scored is refused before it is tracked
            check_classes(detections.class_id, self.protocol, sequence.class_names, f"{sequence.name}: the detections have")
        affines = None if self.camera_motion is None else self.camera_motion.of_sequence(sequence, detections)
        features = None if self.features is None else self.features.of_sequence(sequence, detections)
        tracker = self.tracker_for(sequence)
        times = _times(sequence, self.frame_rate) if self.frame_rate is not None or "dt" in tracker_inputs(tracker) else None
        tracks = _update_all(detections, tracker.update, affines, times, features)
        trajectories = _trajectories(tracks, self.min_box_area, self.max_aspect_ratio)
        counts = self._counts(sequence, detections, tracks, len(trajectories))
        with replacing_tracks(self.folder / f"{sequence.name}.txt") as temporary:
            write_trajectories(temporary, trajectories)
        write_counts(self.folder.parent, sequence.name, counts)
        return ScoreJob(self.folder, self.protocol)(sequence)

    def _counts(self, sequence: Sequence, detections: SequenceDetections, tracks: list[Tracks], kept: int) -> ScoreCounts:
        """Counts the scores, and says why nothing was `kept`, as far as the tracker's settings are known."""
        every, tracked = count_scores(detections, tracks)
        if not isinstance(self.tracker_for, TrackerFactory):
            return ScoreCounts(every, tracked)
        settings, highest = self.tracker_for.settings_of(sequence), float(detections.score.max(initial=0.0))
        nothing = None if kept else why_nothing(settings, len(detections.score), highest)
        return ScoreCounts(every, tracked, thresholds_of(settings), nothing)


def _times(sequence: Sequence, frame_rate: float | None) -> npt.NDArray[np.float64] | None:
    """Returns the time of each frame, in frames at `frame_rate`, from the time stamps of a video whose rate varies; None if constant."""
    if sequence.images is not None and sequence.images.is_file():
        with suppress(FormatError):  # recorded detections need no readable film
            line = timeline(sequence.images)
            numbers = [sequence.number_of(frame_id) - 1 for frame_id in range(1, sequence.length + 1)]
            if line.varies and numbers[-1] < len(line.stamps):
                return np.array(line.seconds)[numbers] * (frame_rate or sequence.frame_rate)
    return None if frame_rate is None else np.arange(sequence.length, dtype=np.float64) * np.float64(frame_rate / sequence.frame_rate)
