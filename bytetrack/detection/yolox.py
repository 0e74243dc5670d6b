"""YOLOX as a detector: weights and settings in, detections out. Nothing heavy is imported or read before the first image."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bytetrack.errors import MissingDataError
from bytetrack.structures import Detections

if TYPE_CHECKING:
    from typing import Self

    from bytetrack.detection.inference import Inference

__all__ = ["Yolox"]

NAMES = ("bgr255", "rgb_imagenet")
"""The keys of `preprocess.CONVENTIONS`, without OpenCV."""

DRIVERS = ("nvidia*", "nvhost*", "nvmap", "dxg", "kfd")
"""Under /dev, of CUDA on a computer, on a Jetson and under WSL, and of ROCm."""

Image = npt.NDArray[np.uint8]


class Yolox:
    """YOLOX with the weights in a file; `detect` is the whole of its use.

    `weights`: an official `.pth`, a published ByteTrack `.pth.tar` or a checkpoint of ours. `depth`, `width`, `depthwise`: the size, as
    trained. `input_size` (height, width): multiples of 32. `convention`: `bgr255` or `rgb_imagenet`; None takes the file's own, or
    what its statistics show. `classes`: names or ids to keep, None for all; a file of one class needs no choice. `min_score`,
    `nms_iou`, `max_detections`: see `Selection`. `precision`: `fp32` (never TF32), `fp16`, `bf16`, or `auto`, which is fp16 on CUDA and
    fp32 elsewhere; boxes are decoded in float32 always. `device`: `auto` is CUDA, else MPS, else CPU. `compile`: True has torch compile
    the network at the first batch (minutes, once), `graphs` also replays it as one CUDA graph; a batch that is not full is filled then.

    ValueError for a setting out of its range, MissingDataError for a missing file; at the first image, FormatError where the file does
    not fit the size and ValueError where it contradicts the convention or has no such class.
    """

    threads = 0  # of the CPU, for one call; 0: torch's choice

    def __init__(
        self,
        weights: str | Path,
        depth: float = 1.33,
        width: float = 1.25,
        depthwise: bool = False,
        input_size: Sequence[int] = (800, 1440),
        convention: str | None = None,
        classes: Sequence[str | int] | None = ("person",),
        min_score: float = 0.01,
        nms_iou: float = 0.7,
        max_detections: int = 1000,
        batch_size: int = 4,
        precision: str = "auto",
        device: str = "auto",
        compile: bool | str = False,
    ) -> None:
        self.weights = Path(weights)
        self.depth, self.width, self.depthwise = depth, width, depthwise
        self.input_size = check_input_size(input_size)
        self.convention = check_convention(convention)
        self.classes = list(classes) if classes is not None else None
        self.min_score, self.nms_iou, self.max_detections = min_score, nms_iou, max_detections
        self.batch_size, self.precision, self.device, self.compile = batch_size, precision, device, compile
        check_settings(min_score, nms_iou, max_detections, batch_size)
        for name, value in (("depth", depth), ("width", width)):
            if not isinstance(value, (int, float)) or value <= 0:
                raise ValueError(f"{name} must be a positive number: got {value!r}")
        if precision not in ("auto", "fp32", "fp16", "bf16"):
            raise ValueError(f"precision must be auto, fp32, fp16 or bf16: got {precision!r}")
        if compile not in (False, True, "graphs"):
            raise ValueError(f"compile must be true, false or graphs: got {compile!r}")
        if not self.weights.is_file():
            raise MissingDataError(f"no weights at '{weights}': set detector.weights to a .pth, .pth.tar or checkpoint file")

    def key(self) -> str:
        """A name for everything that decides what is found: hash of the weights' bytes and of the settings.

        Not of `device`, `batch_size` and `compile`, which at most decide last bits."""
        names = (
            "depth",
            "width",
            "depthwise",
            "input_size",
            "convention",
            "classes",
            "min_score",
            "nms_iou",
            "max_detections",
        )
        settings = {name: getattr(self, name) for name in names} | {"precision": self.used_precision}
        return settings_key("yolox", self.weights, settings)

    @cached_property
    def used_precision(self) -> str:
        """`precision`, or what `auto` means on the machine that asks first: there and wherever this detector is sent to."""
        if self.precision != "auto":
            return self.precision
        return "fp16" if _device_is_cuda(self.device) else "fp32"

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """Detections of each image, uint8 (H, W, 3) BGR of any size, in its own pixels, best first; any number of images."""
        groups = (images[first : first + self.batch_size] for first in range(0, len(images), self.batch_size))
        return [found for group in self.detect_batches(groups) for found in group]

    def detect_batches(self, batches: Iterable[Sequence[Image]]) -> Iterator[list[Detections]]:
        """`detect` of each batch, in order; a GPU looks at one while the next is prepared and the last collected."""
        return self._inference.batches(batches)

    @property
    def class_names(self) -> list[str] | None:
        """What the file's classes are called, by number, where that is known; FormatError."""
        from bytetrack.detection.classes import own_names
        from bytetrack.detection.network import read_checkpoint

        checkpoint = read_checkpoint(self.weights)
        return own_names(checkpoint.class_names, checkpoint.num_classes)

    @property
    def on_cpu(self) -> bool:
        """Whether it runs on the cores that everything else needs too, as many of them as it finds good."""
        from bytetrack.detection.inference import pick_device

        return self.threads == 0 and pick_device(self.device) == "cpu"

    def shared(self, callers: int, threads: int) -> Self:
        """The same detector, for so many threads that call it at once: each call uses `threads` cores of the CPU."""
        twin = copy(self)
        twin.__dict__.pop("_inference", None)
        twin.threads = threads
        return twin

    @cached_property
    def _inference(self) -> Inference:
        from bytetrack.detection.inference import Inference

        return Inference(self)


def _device_is_cuda(name: str) -> bool:
    """Whether the device `name` is a CUDA one; torch is asked only for `auto`, and only where the files of some GPU's driver are."""
    if name != "auto":
        return name.startswith("cuda")
    if sys.platform == "linux" and not any(next(Path("/dev").glob(pattern), None) for pattern in DRIVERS):
        return False
    from bytetrack.detection.inference import pick_device

    return pick_device(name) == "cuda"


def check_input_size(size: Sequence[int]) -> tuple[int, int]:
    """(height, width) as two ints; ValueError unless they are positive multiples of 32."""
    sides = list(size) if isinstance(size, Sequence) else [size]
    if len(sides) != 2 or any(not isinstance(side, int) or side <= 0 or side % 32 for side in sides):
        raise ValueError(f"input_size must be [height, width], multiples of 32: got {size}")
    return sides[0], sides[1]


def check_convention(name: str | None) -> str | None:
    """`name` itself; ValueError unless it is one of `NAMES` or None."""
    if name is not None and name not in NAMES:
        raise ValueError(f"convention must be {' or '.join(NAMES)}, or null for the file's own: got {name!r}")
    return name


def check_settings(min_score: float, nms_iou: float, max_detections: int, batch_size: int) -> None:
    """ValueError for a setting, common to all networks, that is no number or out of its range."""
    for name, value in (("min_score", min_score), ("nms_iou", nms_iou)):
        if not isinstance(value, (int, float)) or not 0 <= value <= 1:
            raise ValueError(f"{name} must lie in [0, 1]: got {value!r}")
    for name, value in (("max_detections", max_detections), ("batch_size", batch_size)):
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} must be a whole number, at least 1: got {value!r}")


def settings_key(kind: str, weights: Path, settings: dict[str, Any]) -> str:
    """16 hex digits that change with `kind`, the bytes of `weights` or any of `settings`."""
    stat = weights.stat()
    document = json.dumps([kind, _file_hash(weights, stat.st_mtime_ns, stat.st_size), settings], sort_keys=True)
    return hashlib.sha256(document.encode()).hexdigest()[:16]


@lru_cache(maxsize=16)
def _file_hash(path: Path, changed: int, size: int) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
