"""The commands as Python functions: track a source, score result files, draw. They use the same code as the commands, without Hydra.

    for frame in bytetrack.track("street.mp4", detector="yolox_s", tracker="byte_plus"):
        picture = bytetrack.draw(frame.image, frame.tracks)
    scores = bytetrack.evaluate("runs/mine/tracks", dataset="mot17_val_half", root="MOT17")

Names are those of the files in `configs/`, which define the settings. Heavy packages are imported when they are needed.
"""

from __future__ import annotations

import copy
import inspect
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from bytetrack.checks import check_frame_rate
from bytetrack.interfaces import Dataset, Embedder, Image, Tracker, classes_of
from bytetrack.names import class_name
from bytetrack.runtime.missing import explain_missing
from bytetrack.structures import Detections, Tracks, Trajectories

if TYPE_CHECKING:
    from bytetrack.demo.frames import FramePipeline
    from bytetrack.scoring.scores import Scores
    from bytetrack.video.source import Source

__all__ = ["TrackedFrame", "TrackedFrames", "draw", "evaluate", "read_mot", "track", "write_mot"]

AHEAD = 4  # frames of a file that wait before each stage


class Detector(Protocol):
    """Detects the boxes of each image, uint8 (height, width, 3), BGR. An attribute `class_names` maps class numbers to names."""

    def detect(self, images: list[Image]) -> Sequence[Detections]: ...


@dataclass(frozen=True, slots=True)
class TrackedFrame:
    """Holds one frame and its tracks; notebooks display it as an image.

    Attributes:
        image: uint8 (height, width, 3), BGR.
        tracks: The tracks of this frame.
        detections: The detector's boxes, to which `tracks.detection_index` refers.
        time: Seconds since the first frame.
        frame_id: Number of the frame, from 1.
        class_names: Names by `class_id`; empty if unknown.
        predicted: True if the detector skipped the frame: there are no detections, and the boxes are predicted.
    """

    image: Image
    tracks: Tracks
    time: float
    frame_id: int
    detections: Detections
    class_names: tuple[str, ...] = field(default=(), repr=False)
    predicted: bool = False

    def __repr__(self) -> str:
        height, width = self.image.shape[:2]
        return f"TrackedFrame({self.frame_id} at {self.time:.2f} s, {width}x{height}, {self.tracks!r})"

    def _repr_jpeg_(self) -> bytes:
        import cv2

        return cv2.imencode(".jpg", draw(self.image, self.tracks))[1].tobytes()


class TrackedFrames(Iterator[TrackedFrame]):
    """Iterates over the tracked frames of one source, in order; created by `track`.

    It has the source's `name`, `frame_rate`, `length` in frames (None if unknown) and `class_names` by class number. The reader is
    closed at the end, on an error, when the loop is left, and by `close`. It is also a context manager.
    """

    def __init__(self, pipeline: FramePipeline, class_names: Sequence[str], in_threads: bool) -> None:
        self.name, self.frame_rate, self.length = pipeline.source.name, pipeline.source.frame_rate, pipeline.source.length
        self.class_names = tuple(class_names)
        self._pipeline = pipeline
        self._frames = _frames(pipeline, self.class_names, in_threads)

    def __next__(self) -> TrackedFrame:
        return next(self._frames)

    def close(self) -> None:
        """Closes the reader; frames that were already returned stay valid."""
        self._frames.close()
        self._pipeline.stop.set()
        self._pipeline.source.close()  # by hand, as a generator that was never started ends without a word

    def __enter__(self) -> TrackedFrames:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __del__(self) -> None:
        with suppress(AttributeError, ValueError):  # it was not made, or is at work in another thread
            self.close()

    def __repr__(self) -> str:
        length = "" if self.length is None else f", {self.length} frames"
        return f"TrackedFrames({self.name!r}, {self.frame_rate:g} frames a second{length})"


def track(
    source: str | int | Path | Iterable[Image | str | Path],
    detector: str | Path | Detector = "yolox_nano",
    tracker: str | Tracker | Callable[..., Tracker] = "byte_video",
    *,
    classes: Sequence[str | int] | str | None = ("person",),
    embedder: str | Embedder | None = None,
    frame_rate: float | None = None,
    max_frames: int | None = None,
    every: int = 1,
    min_box_area: float | None = 10,
    max_aspect_ratio: float | None = None,
    **settings: Any,
) -> TrackedFrames:
    """Tracks a source frame by frame, as `bytetrack demo` does. Raises errors in the arguments at once, before the first frame is read.

    Args:
        source: A video file, a folder or pattern of images, a camera number, an `rtsp://` or `http://` address; or an iterable of images
            (uint8, height x width x 3, BGR) or of their paths, which is read lazily.
        detector: Official weights by name (`yolox_nano` to `yolox_x`, downloaded once), a file of weights (.pth, .pth.tar, .onnx, .xml),
            or any object with `detect(images) -> list[Detections]`.
        tracker: A name (`byte`, `byte_plus`, `ocsort`, ...: the files in configs/tracker), a tracker, which is copied, or a function that
            returns one. A named tracker, or a function with a parameter `frame_rate`, receives the source's frame rate.
        classes: Names or numbers of the classes to detect, for a detector given by name; `None` or `"all"` for all.
        embedder: Computes appearance features for trackers that use them: a name (`histogram`, `detector`) or an object with `embed`.
        frame_rate: Frame rate of images (default 25); overrides a camera's.
        max_frames: Maximum number of frames.
        every: The detector runs on every Nth frame; between them tracks are predicted (`TrackedFrame.predicted`).
        min_box_area: Drops tracks with smaller boxes, in square pixels; None keeps all.
        max_aspect_ratio: Drops tracks with a larger width / height; None keeps all.
        **settings: Settings of a tracker given by name: `track("street.mp4", tracker="byte", high_score=0.5)`.

    Memory use is constant for sources of any length. A video file is decoded and detected in threads, a few frames ahead.
    """
    if max_frames is not None and max_frames < 1:
        raise ValueError(f"max_frames must be at least 1, or None for all: got {max_frames}")
    if frame_rate is not None:
        check_frame_rate(frame_rate)
    with _packages("bytetrack.track"):
        from bytetrack.config.named import make, settings_of
        from bytetrack.demo.frames import join, warm_up
        from bytetrack.video.source import refuse_missing

        if isinstance(source, str | int | Path):  # before weights are fetched
            refuse_missing(source if isinstance(source, int) else str(source))
        tracked_by, build = _tracker(tracker, settings)
        warm_up(build, tracked_by)
        found_by, named = _detector(detector, classes)
        describes = make(settings_of("embedder", embedder)) if isinstance(embedder, str) else embedder
        stop = threading.Event()
        origin, ahead = _source(source, frame_rate, stop)
        try:
            limits: dict[str, Any] = {"min_box_area": min_box_area, "max_aspect_ratio": max_aspect_ratio, "max_frames": max_frames}
            limits |= {"every": every}
            pipeline = join(origin, found_by, build, tracked_by, classes if named else None, describes, stop=stop, **limits)
        except BaseException:
            origin.close()
            raise
    names = pipeline.class_names if named or classes_of(found_by)[0] else ()
    return TrackedFrames(pipeline, names, ahead)


def evaluate(
    tracks: str | Path,
    dataset: str | Dataset = "mot17_val_half",
    root: str | Path | None = None,
    *,
    out: str | Path | None = None,
    workers: int = 1,
    **settings: Any,
) -> Scores:
    """Scores a folder of result files against a dataset's ground truth with TrackEval and motmetrics, as `bytetrack score` does.

    Args:
        tracks: A folder of `<sequence>.txt`, or a run folder that contains `tracks/`.
        dataset: A name (the files in configs/dataset), or an `interfaces.Dataset`, of which `sequences()` and `protocol` are used.
        root: The dataset's folder; None: the one in its config.
        out: A run folder for `scores.json` and `report.html`; None writes nothing.
        workers: Number of processes; results do not depend on it. A script that uses several needs `if __name__ == "__main__":`.
        **settings: Settings of a dataset given by name: `evaluate(..., dataset="motchallenge", root="mine", pattern="A*")`.

    Raises:
        MissingDataError: A file or folder does not exist.
        ValueError: The dataset has no ground truth.
    """
    with _packages("bytetrack.evaluate"):
        from bytetrack import pipeline
        from bytetrack.config.named import make, settings_of
        from bytetrack.executors import Processes
        from bytetrack.scoring.scores import Scores

        if isinstance(dataset, str):
            scored: Dataset = make(settings_of("dataset", dataset, **settings, **({} if root is None else {"root": root})))
        elif settings or root is not None:
            raise ValueError(f"{next(iter([*settings, 'root']))} is a setting of a dataset given by name: got a {type(dataset).__name__}")
        else:
            scored = dataset
        sequences = pipeline.sequences_of(scored)
        folder = pipeline.result_folder(Path(tracks), sequences)
        run = None if out is None else Path(out).expanduser()
        job = pipeline.ScoreJob(folder, scored.protocol, None if run is None else run / "tracks")
        scores = pipeline.scores_of(job, sequences, Processes(workers))
        if scores is None:
            raise ValueError(f"none of the {len(sequences)} sequences has ground truth: nothing can be scored")
        if run is not None:
            from bytetrack.report import write_report

            pipeline.write_scores(scores, run)
            write_report(run, scored, None)
    return Scores(scores)


def draw(
    image: Image,
    tracks: Tracks,
    *,
    labels: Sequence[str] | None = None,
    class_names: Sequence[str] = (),
    scores: bool = False,
    size: float = 1.0,
) -> Image:
    """Returns a copy of the image with the tracks' boxes, each in the colour of its identity and with a label.

    Args:
        image: uint8 (height, width, 3), BGR; it is not changed.
        tracks: The tracks of the frame.
        labels: One label per track, instead of the ids.
        class_names: Names by `class_id`, added to the labels.
        scores: Adds the scores to the labels.
        size: Scales lines and letters.

    Raises:
        ValueError: The image has another type or shape.
    """
    with _packages("bytetrack.draw"):
        from bytetrack.detection.preprocess import check_image
        from bytetrack.video.draw import draw_boxes

    check_image(np.asarray(image))
    shown = list(labels) if labels is not None else [str(i) for i in tracks.track_id.tolist()]
    if class_names and tracks.class_id is not None:
        names = [class_name(class_names, i) for i in tracks.class_id.tolist()]
        shown = [f"{label} {name}" for label, name in zip(shown, names, strict=True)]
    if scores:
        shown = [f"{label} {score:.2f}" for label, score in zip(shown, tracks.score.tolist(), strict=True)]
    return draw_boxes(image, tracks.xyxy, tracks.track_id, shown, size=size)


def read_mot(path: str | Path) -> Trajectories:
    """Reads a MOTChallenge result file, `frame,id,left,top,width,height,score,...` per line, and returns its trajectories.

    Raises FormatError with the number of an invalid line, and MissingDataError if the file does not exist.
    """
    from bytetrack.io.mot import read_trajectories

    return read_trajectories(Path(path).expanduser())


def write_mot(path: str | Path, trajectories: Trajectories, decimals: int | None = 1) -> None:
    """Writes a MOTChallenge result file atomically. Boxes are rounded to `decimals` (default 0.1 pixel; None: not rounded)."""
    from bytetrack.io.mot import write_trajectories

    write_trajectories(Path(path).expanduser(), trajectories, decimals)


def _frames(pipeline: FramePipeline, class_names: tuple[str, ...], in_threads: bool) -> Generator[TrackedFrame, None, None]:
    """Yields the tracked frames; whatever ends it, threads and the reader have ended when it returns."""
    from bytetrack.demo.frames import Shot
    from bytetrack.demo.stages import Stage, run_stages

    shots = (pipeline.shot(Shot, frame) for frame in pipeline.frames())
    tracked: Generator[Shot, None, None]
    if in_threads:
        stages = [Stage("detect", pipeline.find, pipeline.workers), Stage("track", pipeline.follow)]
        tracked = run_stages(shots, stages, 1 if pipeline.source.live else AHEAD, pipeline.stop)
    else:
        tracked = (pipeline.follow(pipeline.find(shot)) for shot in shots)
    try:
        for shot in tracked:
            frame = shot.frame
            yield TrackedFrame(frame.image, shot.tracks, frame.time, frame.frame_id, shot.detections, class_names, shot.predicted)
    finally:
        pipeline.stop.set()
        tracked.close()
        pipeline.source.close()


def _tracker(tracker: Any, settings: dict[str, Any]) -> tuple[dict[str, Any], Callable[[dict[str, Any]], Any]]:
    """Returns a tracker's settings, and what makes one of them."""
    from bytetrack.config.named import make, settings_of

    if isinstance(tracker, str):
        return settings_of("tracker", tracker, **settings), make
    if settings:
        raise ValueError(f"{next(iter(settings))} is a setting of a tracker given by name: got a {type(tracker).__name__}")
    if hasattr(tracker, "update") and not isinstance(tracker, type):
        return {}, lambda _: copy.deepcopy(tracker)
    if not callable(tracker):
        raise ValueError(f"tracker must be a name, a tracker or a function that makes one: got a {type(tracker).__name__}")
    parameter = inspect.signature(tracker).parameters.get("frame_rate")
    return ({} if parameter is None or parameter.default is not None else {"frame_rate": None}), lambda given: tracker(**given)


def _detector(detector: Any, classes: Sequence[str | int] | str | None) -> tuple[Any, bool]:
    """Returns a detector, and whether it was given by name or file."""
    from bytetrack.config.named import make, settings_of

    if isinstance(detector, str | Path):
        return make(settings_of("detector", "by_name", weights=str(detector), classes=classes)), True
    if not hasattr(detector, "detect") and not hasattr(detector, "detect_sequence"):
        raise ValueError(
            f"detector must be a name, a file of weights or an object with detect(images): got a {type(detector).__name__}, "
            "which bytetrack.adapters can make Detections for"
        )
    return detector, False


def _source(source: Any, frame_rate: float | None, stop: threading.Event) -> tuple[Source, bool]:
    """Returns an open source, and whether threads may read ahead in it: not in what the caller makes as it goes."""
    from bytetrack.video.source import Given, open_source

    if isinstance(source, str | int | Path):
        return open_source(source if isinstance(source, int) else str(source), frame_rate=frame_rate, stop=stop), True
    if isinstance(source, np.ndarray) and source.ndim == 3:
        source = [source]
    if not isinstance(source, Iterable):
        raise ValueError(f"source must name a video, a folder or a camera, or hold images: got a {type(source).__name__}")
    return Given(source, frame_rate or 25.0), False


@contextmanager
def _packages(what: str) -> Iterator[None]:
    """Raises ModuleNotFoundError in one line that names what to install for `what`."""
    try:
        yield
    except ModuleNotFoundError as error:
        if "pip install" in str(error):  # it is explained already
            raise
        raise ModuleNotFoundError(explain_missing(what, error), name=error.name) from None
