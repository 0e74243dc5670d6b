"""Detects with YOLOX: weights and settings in, detections out. Heavy packages and files are loaded at the first image."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from bytetrack.detection.detector import NetworkDetector
from bytetrack.detection.settings import LayerSettings, Size, YoloxSettings, settings_key
from bytetrack.detection.stream import groups_of
from bytetrack.errors import MissingDataError
from bytetrack.interfaces import Image
from bytetrack.structures import Detections

if TYPE_CHECKING:
    from typing import Self

    from bytetrack.detection.inference import Inference

__all__ = ["Yolox"]

DRIVERS = ("nvidia*", "nvhost*", "nvmap", "dxg", "kfd")
"""Under /dev, of CUDA on a computer, on a Jetson and under WSL, and of ROCm."""


class Yolox(NetworkDetector[YoloxSettings]):
    """Detects with YOLOX, whose weights are in a file; call `detect`.

    Raises ValueError for a setting out of range, MissingDataError for a missing file; at the first image, FormatError if the file does
    not fit the size and ValueError if it contradicts the convention or lacks a class.

    Args:
        weights: An official `.pth`, a published ByteTrack `.pth.tar` or a checkpoint of ours.
        depth: Multiplier of the network's depth, as trained.
        width: Multiplier of its width, as trained.
        depthwise: True for nano.
        input_size: Height and width, multiples of 32.
        convention: `bgr255` or `rgb_imagenet`; None: the file's, or derived from its statistics.
        classes: Names or numbers to keep, None for all; ignored if the file has a single class.
        min_score: See `PostprocessSettings`.
        nms_iou: The same.
        max_detections: The same.
        batch_size: Images per batch.
        precision: `fp32` (never TF32), `fp16`, `bf16`, or `auto`: fp16 on CUDA, else fp32. Boxes are always decoded in float32.
        device: `auto` is CUDA, else MPS, else CPU.
        compile: True: torch.compile at the first batch (takes minutes, once); `graphs`: with CUDA graphs, incomplete batches are padded.
    """

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
        settings = YoloxSettings.of(
            classes,
            input_size=input_size,
            convention=convention,
            min_score=min_score,
            nms_iou=nms_iou,
            max_detections=max_detections,
            batch_size=batch_size,
            precision=precision,
            device=device,
            size=Size(depth, width, depthwise),
            compile=compile,
        )
        super().__init__(Path(weights), settings)
        if not self.weights.is_file():
            raise MissingDataError(f"no weights at '{weights}': set detector.weights to a .pth, .pth.tar or checkpoint file")

    def key(self) -> str:
        """Returns a key of everything that affects the detections: a hash of the weights' bytes and of the settings.

        `device`, `batch_size` and `compile` are excluded, because they change at most the last bits.
        """
        return settings_key("yolox", self.weights, self.settings.deciding() | {"precision": self.used_precision})

    @cached_property
    def used_precision(self) -> str:
        """`precision`; `auto` is resolved on the machine that asks first, and stays the same wherever the detector is sent."""
        if self.settings.precision != "auto":
            return self.settings.precision
        return "fp16" if _device_is_cuda(self.settings.device) else "fp32"

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """Returns the detections of each image, uint8 (H, W, 3) BGR of any size, in its own pixels, best first; any number of images."""
        return [found for group in self.detect_batches(groups_of(images, self.batch_size)) for found in group]

    def detect_batches(self, batches: Iterable[Sequence[Image]]) -> Iterator[list[Detections]]:
        """Yields `detect` of each batch, in order; on a GPU the next batch is prepared and the previous one collected in parallel."""
        return self._inference.batches(batches)

    def describing(self, layers: LayerSettings) -> Self:
        """Returns the same detector with features from layers of its network: its results are `DescribedDetections`."""
        return self._with(described=layers)

    @property
    def class_names(self) -> list[str] | None:
        """Names of the file's classes, by number, if known; raises FormatError."""
        from bytetrack.detection.classes import own_names
        from bytetrack.detection.network import read_checkpoint

        checkpoint = read_checkpoint(self.weights)
        return own_names(checkpoint.class_names, checkpoint.num_classes)

    @cached_property
    def _inference(self) -> Inference:
        from bytetrack.detection.inference import Inference

        return Inference(replace(self.settings, precision=self.used_precision), self.weights)


def _device_is_cuda(name: str) -> bool:
    """Returns True if the device `name` is a CUDA one; asks torch only for `auto`, and only if the files of some GPU's driver exist."""
    if name != "auto":
        return name.startswith("cuda")
    if sys.platform == "linux" and not any(next(Path("/dev").glob(pattern), None) for pattern in DRIVERS):
        return False
    from bytetrack.detection.device import pick_device

    return pick_device(name) == "cuda"
