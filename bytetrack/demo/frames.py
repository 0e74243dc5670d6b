"""One source, its detector and its tracker joined frame by frame: what the demo draws and writes, and what `bytetrack.track` yields."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from bytetrack.appearance import NoEmbedder
from bytetrack.boxes import passing, tlwh_from_xyxy
from bytetrack.checks import check_every
from bytetrack.counting import Regions
from bytetrack.demo.between import NO_TRACKS, Between, DetectionSchedule, chained
from bytetrack.demo.frame_detector import as_frame_detector
from bytetrack.demo.weights import chosen
from bytetrack.detection.batching import SharedDetector
from bytetrack.detection.described import DetectorEmbedder
from bytetrack.interfaces import CameraMotion, Detector, Embedder, StreamCameraMotion, Tracker, TrackerBuilder, tracker_inputs
from bytetrack.pipeline.detect import used_by
from bytetrack.pipeline.feature_cache import described_by
from bytetrack.structures import DescribedDetections, Detections, Tracks
from bytetrack.video.camera_motion import NoMotion
from bytetrack.video.read import Image
from bytetrack.video.source import Frame, Source

__all__ = ["FramePipeline", "GapAwareTracker", "Shot", "describing", "join", "moving_camera", "warm_up"]

log = logging.getLogger(__name__)

EVEN = 0.01  # of a frame: how far off the clock may be before a frame counts as late or early


@dataclass
class Shot:
    """A frame on its way through the stages; each stage fills in its part.

    `predicted`: the detector leaves it out, and its tracks are predicted. `rows` are those of the detections that stand in the regions
    looked at, None for all. `camera_motion` is that since the frame that the detector looked at before.
    """

    frame: Frame
    detections: Detections = field(default_factory=Detections.empty)
    features: npt.NDArray[np.float32] | None = None
    camera_motion: npt.NDArray[np.float64] | None = None
    tracks: Tracks = NO_TRACKS
    rows: npt.NDArray[np.int64] | None = None
    predicted: bool = False

    @property
    def tracked(self) -> Detections:
        """The detections that the tracker is given."""
        return self.detections if self.rows is None else self.detections[self.rows]


AnyShot = TypeVar("AnyShot", bound=Shot)


@dataclass
class FramePipeline:
    """Finds and tracks the boxes of one source.

    `detect` returns the boxes of a frame and is called by `workers` threads at once; `embed` returns the features of a frame's boxes,
    None if the tracker takes none; `camera` returns the camera's motion from the frame before, None if it is not estimated.
    `min_box_area` (square pixels) and `max_aspect_ratio` (width / height) filter the tracks, None keeps all. Setting `stop` ends a live
    source. `settings` are the tracker's, `class_names` the detector's, by class number.
    `recorded`: all boxes are known before the first frame. `every`: the detector runs on every so many frames, and tracks are predicted
    in those between. Detections outside the `regions` are not tracked.
    """

    source: Source
    detect: Callable[[Frame], Detections]
    tracker: GapAwareTracker
    class_names: list[str]
    workers: int = 1
    embed: Callable[..., npt.NDArray[np.float32]] | None = None
    camera: Callable[[Image, Detections], npt.NDArray[np.float64] | None] | None = None
    min_box_area: float | None = None
    max_aspect_ratio: float | None = None
    max_frames: int | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    settings: Mapping[str, Any] = field(default_factory=dict)
    recorded: bool = False
    every: int = 1
    regions: Regions = field(default_factory=Regions)

    def __post_init__(self) -> None:
        passing([], self.min_box_area, self.max_aspect_ratio)  # a mistake comes out before anything is written
        self._detects, self._between = DetectionSchedule(self.every, self.tracker.memory), Between()
        self._hidden = Detections.empty()  # those of the last detected frame
        self._since: npt.NDArray[np.float64] | None = None  # how the camera has moved since that frame

    def shot(self, kind: Callable[..., AnyShot], frame: Frame) -> AnyShot:
        """Makes a shot of a frame. Frames come in order."""
        return kind(frame, predicted=not self._detects(frame))

    def frames(self) -> Iterator[Frame]:
        """Yields the source's frames, at most `max_frames`."""
        return iter(self.source) if self.max_frames is None else islice(self.source, self.max_frames)

    def find(self, shot: AnyShot) -> AnyShot:
        """Fills in the frame's detections, and the features of those tracked if the tracker takes them; nothing if it is left out."""
        if shot.predicted:
            return shot
        shot.detections = self.detect(shot.frame)
        if self.regions:
            shot.rows = np.flatnonzero(self.regions.contain(shot.detections.xyxy))
        if self.embed is not None:
            shot.features = self.embed(shot.frame.image, shot.tracked.xyxy, shot.tracked.score)
        elif isinstance(shot.tracked, DescribedDetections):
            shot.features = shot.tracked.features
        return shot

    def move(self, shot: AnyShot) -> AnyShot:
        """Fills in the camera's motion from the frame looked at before, None if it is not estimated. Frames come in order."""
        if self.camera is not None:
            self._hidden = self._hidden if shot.predicted else shot.detections
            shot.camera_motion = chained(self._since, self.camera(shot.frame.image, self._hidden))
            self._since = shot.camera_motion if shot.predicted else None
        return shot

    def follow(self, shot: AnyShot) -> AnyShot:
        """Fills in the frame's tracks, without those that the filter drops. Frames come in order."""
        if shot.predicted:
            tracks = self._between.at(shot.frame.time, shot.camera_motion)
        else:
            tracks = self.tracker.update(shot.frame, shot.tracked, shot.features, shot.camera_motion)
        keep = passing(tlwh_from_xyxy(tracks.xyxy), self.min_box_area, self.max_aspect_ratio)
        class_id = None if tracks.class_id is None else tracks.class_id[keep]
        index = tracks.detection_index if shot.rows is None else np.append(shot.rows, -1)[tracks.detection_index]
        shot.tracks = Tracks(tracks.xyxy[keep], tracks.track_id[keep], tracks.score[keep], class_id, index[keep])
        if self.every > 1 and not shot.predicted:
            self._between.see(shot.tracks, shot.frame.time, shot.camera_motion)
        return shot


class GapAwareTracker:
    """A tracker that starts anew after a gap longer than its memory or a change of the picture's size; ids are never used again.

    `frame_rate`: the tracker is told how much time passed, in frames at this rate; None: it takes no account of it.
    """

    def __init__(self, make: Callable[[], Tracker], memory: float, frame_rate: float | None = None) -> None:
        self._make, self.memory, self._frame_rate = make, memory, frame_rate
        self._time: float | None = None
        self._tracker = make()
        self._size: tuple[int, int] | None = None
        self._last_id = self._offset = 0
        self.restarts = self._dropped_before = 0

    @property
    def dropped(self) -> int:
        """Number of invalid detections that were dropped so far (`on_invalid="drop"`)."""
        return self._dropped_before + int(getattr(self._tracker, "dropped", 0))

    def update(
        self,
        frame: Frame,
        detections: Detections,
        features: npt.NDArray[np.float32] | None = None,
        camera_motion: npt.NDArray[np.float64] | None = None,
    ) -> Tracks:
        """Returns the frame's tracks; `features` (n, d) of its detections and `camera_motion` (2, 3) go to a tracker that takes them."""
        size = (frame.image.shape[0], frame.image.shape[1])
        if frame.gap > self.memory or self._size not in (None, size):
            log.info(
                "frame %d: %s; tracking restarts",
                frame.frame_id,
                f"{frame.gap:.1f} s without pictures" if frame.gap else "new picture size",
            )
            self._dropped_before = self.dropped
            self._tracker, self._offset, self._time = self._make(), self._last_id, None
            self.restarts += 1
            camera_motion = None  # there is no frame before
        self._size = size
        known: dict[str, Any] = self._passed(frame.time)
        if features is not None:
            known["features"] = features
        if camera_motion is not None:
            known["camera_motion"] = camera_motion
        update: Callable[..., Tracks] = self._tracker.update
        tracks = update(detections, **known)
        if self._offset:
            tracks = replace(tracks, track_id=tracks.track_id + self._offset)
        self._last_id = max(self._last_id, int(tracks.track_id.max(initial=0)))
        return tracks

    def _passed(self, time: float) -> dict[str, float]:
        """Returns the `dt` of a frame at `time`, if it is not one; what it is off by less than `EVEN` is left to the next frames."""
        if self._time is None or self._frame_rate is None or time <= self._time:
            self._time = time
            return {}
        dt = (time - self._time) * self._frame_rate
        even = abs(dt - 1) < EVEN
        self._time = self._time + 1 / self._frame_rate if even else time
        return {} if even else {"dt": dt}

    def lost(self) -> Tracks:
        """Returns the tracks that are remembered but not seen, at their predicted positions; none of a tracker that does not tell."""
        if not hasattr(self._tracker, "lost"):
            return NO_TRACKS
        tracks: Tracks = self._tracker.lost()
        return replace(tracks, track_id=tracks.track_id + self._offset)


def join(
    source: Source,
    detector: Detector,
    build_tracker: TrackerBuilder,
    tracker: Mapping[str, Any],
    classes: Sequence[str | int] | str | None = None,
    embedder: Embedder | DetectorEmbedder | NoEmbedder | None = None,
    shared: SharedDetector | None = None,
    camera_motion: CameraMotion | StreamCameraMotion | None = None,
    **limits: Any,
) -> FramePipeline:
    """Returns a `FramePipeline` of an open source; every mistake in the settings is raised here, before the first frame is read.

    `build_tracker(settings)` makes a tracker of the settings `tracker`, in which a `frame_rate` of None becomes that of the frames which
    are looked at: the source's, by `every`. `shared`: the detector that looks at the pictures, where other sources use it too.
    `camera_motion` estimates it for trackers that take it; others are not given it. `limits` are `FramePipeline`'s.
    """
    settings, wanted = dict(tracker), chosen(classes)
    rate = source.frame_rate / check_every(limits.get("every", 1))
    if settings.get("frame_rate", 0) is None:
        settings["frame_rate"] = rate
    trial = build_tracker(settings)
    found, inputs = as_frame_detector(described_by(detector, embedder, trial), source, wanted, shared), tracker_inputs(trial)
    ticks = float(settings.get("frame_rate") or rate) if "dt" in inputs else None
    embed = embedder.embed if isinstance(embedder, Embedder) and "features" in inputs else None
    moving = camera_motion if isinstance(camera_motion, StreamCameraMotion) and "camera_motion" in inputs else None
    return FramePipeline(
        source,
        found.find,
        GapAwareTracker(lambda: build_tracker(settings), settings.get("max_lost_frames", 30) / 30, ticks),
        found.class_names,
        found.workers,
        embed,
        None if moving is None else moving.of_stream(),
        recorded=found.recorded,
        settings=settings,
        **limits,
    )


def describing(
    detector: Detector, embedder: Embedder | DetectorEmbedder | NoEmbedder | None, build_tracker: TrackerBuilder, tracker: Mapping[str, Any]
) -> Detector:
    """Returns `described_by` for a tracker of these settings."""
    return described_by(detector, embedder, _trial(build_tracker, tracker))


def moving_camera(
    camera_motion: CameraMotion | StreamCameraMotion | None, build_tracker: TrackerBuilder, tracker: Mapping[str, Any]
) -> StreamCameraMotion | None:
    """Returns `camera_motion` if it estimates as frames come and the tracker takes it, which is logged if not; None without any.

    Raises ValueError for camera motion that needs whole sequences.
    """
    if camera_motion is None or isinstance(camera_motion, NoMotion):
        return None
    if not isinstance(camera_motion, StreamCameraMotion):
        raise ValueError(f"camera_motion must be none or estimated for frames as they come: got {type(camera_motion).__name__}")
    return camera_motion if used_by(_trial(build_tracker, tracker), "camera_motion", "camera_motion") else None


def warm_up(build_tracker: TrackerBuilder, tracker: Mapping[str, Any]) -> None:
    """Compiles a tracker's kernels, and raises the mistakes in its settings, before a source is opened."""
    _trial(build_tracker, tracker).update(Detections.empty())


def _trial(build_tracker: TrackerBuilder, tracker: Mapping[str, Any]) -> Tracker:
    """Returns a tracker of these settings for a source of a usual frame rate."""
    settings = dict(tracker)
    return build_tracker({**settings, "frame_rate": 30.0} if settings.get("frame_rate", 0) is None else settings)
