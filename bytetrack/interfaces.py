"""Protocols of what a user may bring, and of what rooms hand to each other. Any object with these methods will do."""

from __future__ import annotations

from collections.abc import Callable
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
    """Anything that returns sequences."""

    def sequences(self) -> list[Sequence]: ...


class Dataset(HasSequences, Protocol):
    """Sequences, and how their tracks are filtered and scored."""

    @property
    def protocol(self) -> ScoringProtocol: ...
    @property
    def min_box_area(self) -> float | None:
        """Area in square pixels that a box must exceed to be written; None writes all."""
        ...

    @property
    def max_aspect_ratio(self) -> float | None:
        """Largest width / height of a box that is written; None writes all."""
        ...


@runtime_checkable
class CocoSource(Protocol):
    """A dataset of single images or of a layout of its own, which converts itself to a COCO document."""

    def to_coco(self, skip_missing: bool = False) -> dict[str, Any]: ...


@runtime_checkable
class SequenceDetector(Protocol):
    """Returns all boxes of a sequence at once: recorded, public or simulated detections. It is sent to other processes and must pickle."""

    def detect_sequence(self, sequence: Sequence) -> SequenceDetections: ...


@runtime_checkable
class ImageDetector(Protocol):
    """A network: images in, detections out; `key` names its weights and settings."""

    @property
    def batch_size(self) -> int: ...
    def key(self) -> str: ...
    def detect(self, images: list[Image]) -> list[Detections]: ...


@runtime_checkable
class DescribingDetector(Protocol):
    """A network that can describe the appearance of what it finds: `describing` returns one whose detections are `DescribedDetections`."""

    def describing(self, layers: Any) -> Any: ...


Detector = SequenceDetector | ImageDetector


@runtime_checkable
class Embedder(Protocol):
    """Describes the appearance of every detection in an image by a feature; `key` names its settings."""

    def key(self) -> str: ...
    def embed(self, image: Image, xyxy: npt.NDArray[np.float64], score: npt.NDArray[np.float64]) -> Features: ...


class Tracker(Protocol):
    """An algorithm with its state, one instance for each sequence. `update` may take keywords: `camera_motion`, `features`, `dt`."""

    def update(self, detections: Detections) -> Tracks: ...


TrackerBuilder = Callable[[dict[str, Any]], Any]
"""Makes a `Tracker` of its settings, `_target_` among them."""


class FeatureSource(Protocol):
    """Returns the features of a sequence's detections, an array for each frame. It is sent to other processes and must pickle."""

    def of_sequence(self, sequence: Sequence, detections: SequenceDetections) -> list[Features]: ...


class CameraMotion(Protocol):
    """Returns affines (length, 2, 3), each from the frame before, or None if unknown. It is sent to other processes and must pickle."""

    def of_sequence(self, sequence: Sequence, detections: SequenceDetections) -> npt.NDArray[np.float64] | None: ...


@runtime_checkable
class StreamCameraMotion(Protocol):
    """Estimates camera motion as frames come: `of_stream()` returns a function for one stream, called with every frame in order.

    It takes the image and its detections, and returns the affine (2, 3) from the frame before; None if there is no frame before.
    """

    def of_stream(self) -> Callable[[Image, Detections], npt.NDArray[np.float64] | None]: ...


@runtime_checkable
class KeepsFiles(Protocol):
    """Keeps what it computes in a folder; `kept_in` returns the same with `folder` if it has none yet."""

    def kept_in(self, folder: Path) -> Any: ...


class Item(Protocol):
    """The argument of a job: a sequence, or a piece of one. Names differ; the longest item starts first."""

    @property
    def name(self) -> str: ...
    @property
    def length(self) -> int: ...


class Executor(Protocol):
    """Runs a job on every item, many at a time; a job that is lost with its worker is run again.

    `elsewhere` is True if jobs may run on other machines, which must see the same files.
    """

    elsewhere: bool

    def run(
        self, job: Callable[[Any], Any], items: list[Any], reduce: Callable[[dict[str, Any]], Result], done: Callable[[Any], object]
    ) -> Result:
        """Returns `reduce({name: result})`, in the order of `items`; calls `done` with each item as it ends.

        Job, items and results must pickle. The first error of a job stops all and is raised here; so does Ctrl-C, at once. Raises
        ChildProcessError, which names the item, if its worker was lost too often.
        """
        ...


def mot_protocol(dataset_protocol: ScoringProtocol) -> MotProtocol:
    """Returns the protocol if it is one of MOTChallenge's, which score one class; raises ValueError for any other."""
    if dataset_protocol in ("mot15", "mot17", "mot20"):
        return dataset_protocol
    raise ValueError(f"only the protocols of one class can be searched and compared, mot15, mot17 and mot20: got {dataset_protocol}")


def tracker_inputs(tracker: Tracker) -> frozenset[str]:
    """Returns the keywords that a tracker's `update` takes account of, of `camera_motion`, `features` and `dt`.

    They are its attribute `inputs` if it has one, else the parameters of `update`. `dt` counts for a tracker with an attribute
    `supports_dt`: if that is false, for how long it remembers tracks only.
    """
    declared = getattr(tracker, "inputs", None)
    known = frozenset(signature(tracker.update).parameters if declared is None else declared) - {"dt"}
    return known | {"dt"} if hasattr(tracker, "supports_dt") else known


def recorded_detector(detector: Detector) -> SequenceDetector:
    """Returns a detector that is asked by sequence; raises ValueError for a network, whose detections must be recorded first."""
    if isinstance(detector, SequenceDetector):
        return detector
    raise ValueError(
        f"{type(detector).__name__} is a network: record its detections first (tools/track.py keeps them in <out>/detections), "
        "then give detector=recorded detector.folder=DIR"
    )
