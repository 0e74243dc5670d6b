"""Protocols of the objects that users can supply and that rooms exchange. Any object with these methods works."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Values
from inspect import signature
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar, runtime_checkable

import numpy as np
import numpy.typing as npt

from bytetrack.structures import Detections, Sequence, SequenceDetections, Tracks

__all__ = [
    "CameraMotion",
    "CocoSource",
    "Dataset",
    "DescribingDetector",
    "Detector",
    "DividesCores",
    "Embedder",
    "Executor",
    "FeatureSource",
    "Features",
    "HasSequences",
    "Image",
    "ImageDetector",
    "Item",
    "KeepsFiles",
    "MotProtocol",
    "ScoringProtocol",
    "SequenceDetector",
    "StreamCameraMotion",
    "Tracker",
    "TrackerBuilder",
    "classes_of",
    "mot_protocol",
    "recorded_detector",
    "tracker_inputs",
]

Image = npt.NDArray[np.uint8]
"""(H, W, 3), BGR."""
Features = npt.NDArray[np.float32]
"""(n, d), one row of length 1 for each detection."""
ScoringProtocol = Literal["mot15", "mot17", "mot20", "kitti", "bdd100k", "visdrone"]
"""Rules by which ground truth is read and tracks are scored."""
MotProtocol = Literal["mot15", "mot17", "mot20"]
"""Those of MOTChallenge, for one class."""
Result = TypeVar("Result")


@runtime_checkable
class HasSequences(Protocol):
    """Returns sequences."""

    def sequences(self) -> list[Sequence]: ...


class Dataset(HasSequences, Protocol):
    """Returns sequences, and defines how their tracks are filtered and scored."""

    @property
    def protocol(self) -> ScoringProtocol: ...
    @property
    def min_box_area(self) -> float | None:
        """Minimum area of an output box in square pixels; None keeps all boxes."""
        ...

    @property
    def max_aspect_ratio(self) -> float | None:
        """Maximum width / height of an output box; None keeps all boxes."""
        ...


@runtime_checkable
class CocoSource(Protocol):
    """Converts a dataset of images, or of another layout, to a COCO document."""

    def to_coco(self, skip_missing: bool = False) -> dict[str, Any]: ...


@runtime_checkable
class SequenceDetector(Protocol):
    """Returns all boxes of a sequence at once: recorded, public or simulated detections. It must be picklable, for other processes."""

    def detect_sequence(self, sequence: Sequence) -> SequenceDetections: ...


@runtime_checkable
class ImageDetector(Protocol):
    """Detects objects in images with a network; `key` identifies its weights and settings."""

    @property
    def batch_size(self) -> int: ...
    def key(self) -> str: ...
    def detect(self, images: list[Image]) -> list[Detections]: ...


@runtime_checkable
class DescribingDetector(Protocol):
    """Detects objects with a network that can also compute features: `describing` returns a detector of `DescribedDetections`."""

    def describing(self, layers: Any) -> Any: ...


@runtime_checkable
class DividesCores(Protocol):
    """A network that several threads may call at once, if it runs `on_cpu` (on all the cores): `shared` returns it for so many callers."""

    @property
    def on_cpu(self) -> bool: ...
    def shared(self, callers: int, threads: int) -> Any: ...


Detector = SequenceDetector | ImageDetector


@runtime_checkable
class Embedder(Protocol):
    """Computes an appearance feature for each detection in an image; `key` identifies its settings."""

    def key(self) -> str: ...
    def embed(self, image: Image, xyxy: npt.NDArray[np.float64], score: npt.NDArray[np.float64]) -> Features: ...


class Tracker(Protocol):
    """Tracks a sequence; there is one instance per sequence. `update` may take the keywords `camera_motion`, `features` and `dt`."""

    def update(self, detections: Detections) -> Tracks: ...


TrackerBuilder = Callable[[dict[str, Any]], Tracker]
"""Makes a `Tracker` of its settings, `_target_` among them."""


class FeatureSource(Protocol):
    """Returns the features of a sequence's detections, one array per frame. It must be picklable, for other processes."""

    def of_sequence(self, sequence: Sequence, detections: SequenceDetections) -> list[Features]: ...


class CameraMotion(Protocol):
    """Returns affines (length, 2, 3), each from the previous frame, or None if unknown. It must be picklable, for other processes."""

    def of_sequence(self, sequence: Sequence, detections: SequenceDetections) -> npt.NDArray[np.float64] | None: ...


@runtime_checkable
class StreamCameraMotion(Protocol):
    """Estimates camera motion in streams: `of_stream()` returns a function for one stream, which is called with each frame in order.

    The function takes the image and its detections, and returns the affine (2, 3) from the previous frame; None for the first frame.
    """

    def of_stream(self) -> Callable[[Image, Detections], npt.NDArray[np.float64] | None]: ...


@runtime_checkable
class KeepsFiles(Protocol):
    """Stores its results in a folder; `kept_in` returns the same object with `folder`, unless it already has one."""

    def kept_in(self, folder: Path) -> CameraMotion: ...


class Item(Protocol):
    """Is the argument of a job: a sequence, or a part of one. Names are unique; the longest item starts first."""

    @property
    def name(self) -> str: ...
    @property
    def length(self) -> int: ...


class Executor(Protocol):
    """Runs a job on each item, several at a time, and retries a job whose worker died.

    `elsewhere` is True if jobs may run on other machines, which must see the same files.
    """

    elsewhere: bool

    def run(
        self, job: Callable[[Any], Any], items: list[Any], reduce: Callable[[dict[str, Any]], Result], done: Callable[[Any], object]
    ) -> Result:
        """Returns `reduce({name: result})`, in the order of `items`; calls `done` with each item when it is finished.

        Job, items and results must be picklable. The first error of a job stops all jobs and is raised here; Ctrl-C stops them at once.
        Raises ChildProcessError, which names the item, if its worker died too often.
        """
        ...


def mot_protocol(dataset_protocol: ScoringProtocol) -> MotProtocol:
    """Returns the protocol if it is one of MOTChallenge's, which score a single class; raises ValueError for any other."""
    if dataset_protocol in ("mot15", "mot17", "mot20"):
        return dataset_protocol
    raise ValueError(f"only the protocols of one class can be searched and compared, mot15, mot17 and mot20: got {dataset_protocol}")


def tracker_inputs(tracker: Tracker) -> frozenset[str]:
    """Returns which of the keywords `camera_motion`, `features` and `dt` a tracker's `update` uses.

    They are the tracker's attribute `inputs` if it has one, otherwise the parameters of `update`. `dt` is included for a tracker with an
    attribute `supports_dt`; if that is False, `dt` affects only how long lost tracks are kept.
    """
    declared = getattr(tracker, "inputs", None)
    known = frozenset(signature(tracker.update).parameters if declared is None else declared) - {"dt"}
    return known | {"dt"} if hasattr(tracker, "supports_dt") else known


def classes_of(detector: object) -> tuple[Values[str] | None, Values[str | int] | None]:
    """Returns a detector's attributes `class_names`, by number, and `classes`, the names or numbers to find; None for what it lacks."""
    return getattr(detector, "class_names", None), getattr(detector, "classes", None)


def recorded_detector(detector: Detector) -> SequenceDetector:
    """Returns a detector that works on sequences; raises ValueError for a network, whose detections must be recorded first."""
    if isinstance(detector, SequenceDetector):
        return detector
    raise ValueError(
        f"{type(detector).__name__} is a network: record its detections first (tools/track.py keeps them in <out>/detections), "
        "then give detector=recorded detector.folder=DIR"
    )
