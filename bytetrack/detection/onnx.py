"""YOLOX through ONNX Runtime: one file, any of its providers, the same detections as torch."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bytetrack.detection.classes import choose
from bytetrack.detection.yolox import check_convention, check_input_size, check_settings, settings_key
from bytetrack.errors import FormatError, MissingDataError
from bytetrack.structures import Detections

__all__ = ["PROVIDERS", "Onnx"]

log = logging.getLogger("bytetrack")

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
}
TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


class Onnx:
    """A YOLOX exported to ONNX as its own exporter does it: images (B, 3, H, W) in, (B, A, 5 + C) out, scores past the sigmoid, boxes
    not decoded.

    `providers`: of `PROVIDERS`, tried in this order by ONNX Runtime for every node, or its own names. `input_size` (height, width):
    None takes the file's, which it must not contradict. `convention`: None takes the file's metadata (our exports carry it), else
    `bgr255`. `batch_size` matters where the file's batch is free. `threads`: of the CPU provider, 0 for its own choice. The rest as
    for `Yolox`.

    ValueError for a setting out of its range, MissingDataError for a missing file; at the first image, ModuleNotFoundError without
    onnxruntime, FormatError for a file that is not such a YOLOX, ValueError where a setting contradicts the file.
    """

    def __init__(
        self,
        weights: str | Path,
        providers: Sequence[str] = ("cpu",),
        input_size: Sequence[int] | None = None,
        convention: str | None = None,
        classes: Sequence[str | int] | None = ("person",),
        min_score: float = 0.01,
        nms_iou: float = 0.7,
        max_detections: int = 1000,
        batch_size: int = 4,
        threads: int = 0,
    ) -> None:
        self.weights = Path(weights)
        self.providers = list(providers)
        self.input_size = check_input_size(input_size) if input_size is not None else None
        self.convention = check_convention(convention)
        self.classes = list(classes) if classes is not None else None
        self.min_score, self.nms_iou, self.max_detections = min_score, nms_iou, max_detections
        self.batch_size, self.threads = batch_size, threads
        check_settings(min_score, nms_iou, max_detections, batch_size)
        if not self.providers or not isinstance(threads, int) or threads < 0:
            raise ValueError(f"expected at least one provider and threads >= 0: got {self.providers}, {threads}")
        if not self.weights.is_file():
            raise MissingDataError(f"no ONNX file at '{weights}': set detector.weights to one")

    def key(self) -> str:
        """A name for everything that decides what is found: hash of the file's bytes and of the settings (not of providers or batch)."""
        names = ("input_size", "convention", "classes", "min_score", "nms_iou", "max_detections")
        return settings_key("onnx", self.weights, {name: getattr(self, name) for name in names})

    def detect(self, images: Sequence[npt.NDArray[np.uint8]]) -> list[Detections]:
        """Detections of each image, uint8 (H, W, 3) BGR of any size, in its own pixels, best first; any number of images."""
        found: list[Detections] = []
        for first in range(0, len(images), self._session.batch):
            found += self._session(images[first : first + self._session.batch])
        return found

    @property
    def class_names(self) -> list[str] | None:
        """What the file's classes are called, by number, where it says so."""
        return self._session.class_names

    @cached_property
    def _session(self) -> _Session:
        return _Session(self)


class _Session:
    """The loaded file, called on at most `batch` images."""

    def __init__(self, detector: Onnx) -> None:
        from bytetrack.detection.network import anchors
        from bytetrack.detection.postprocess import Selection

        self.session = _open(detector)
        where, source, target = str(detector.weights), self.session.get_inputs()[0], self.session.get_outputs()[0]
        about = self.session.get_modelmeta().custom_metadata_map
        if source.type not in TYPES or len(source.shape) != 4 or len(target.shape) != 3:
            raise FormatError(f"{where}: expected a YOLOX, images (B, 3, H, W) to (B, A, 5 + C): got {source.shape} to {target.shape}")
        self.input, self.dtype = source.name, TYPES[source.type]
        fixed = source.shape[0] if isinstance(source.shape[0], int) else None
        self.batch, self.padded = fixed or detector.batch_size, fixed is not None
        self.size = _size(source.shape[2:], detector.input_size, where)
        self.convention = _convention(about.get("convention"), detector.convention, where)
        self.grid, self.stride = anchors(*self.size)
        columns = target.shape[2] if isinstance(target.shape[2], int) else self._run(np.zeros((1, *self.size, 3), np.uint8)).shape[2]
        names = about["class_names"].split(",") if about.get("class_names") else None
        self.class_names = names
        class_ids = choose(detector.classes, columns - 5, names, where)
        single = columns == 6 or (class_ids is not None and len(class_ids) == 1)
        self.select = Selection(detector.min_score, detector.nms_iou, detector.max_detections, class_ids, single, logits=False)
        log.info(
            "%s: ONNX, %d classes, %dx%d, %s, %s", where, columns - 5, *self.size, self.convention, ", ".join(self.session.get_providers())
        )

    def __call__(self, images: Sequence[npt.NDArray[np.uint8]]) -> list[Detections]:
        import torch

        from bytetrack.detection.preprocess import letterbox, letterbox_ratio

        pixels = np.stack([letterbox(image, self.size) for image in images])
        output = torch.from_numpy(self._run(pixels))
        if output.shape[1] != len(self.grid):
            raise FormatError(f"expected {len(self.grid)} anchors for {self.size[0]}x{self.size[1]}, the file gives {output.shape[1]}")
        return self.select(output, self.grid, self.stride, [letterbox_ratio(image.shape, self.size) for image in images])

    def _run(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.floating[Any]]:
        """Output (B, A, 5 + C) of letterboxed BGR pixels (B, H, W, 3); a file of fixed batch gets the last image repeated."""
        import torch

        from bytetrack.detection.preprocess import normalise

        missing = self.batch - len(pixels) if self.padded else 0
        full = np.concatenate([pixels, np.repeat(pixels[-1:], missing, axis=0)]) if missing else pixels
        batch = normalise(torch.from_numpy(full).permute(0, 3, 1, 2).float(), self.convention)
        feed = np.ascontiguousarray(batch.numpy().astype(self.dtype, copy=False))
        output: npt.NDArray[np.floating[Any]] = self.session.run(None, {self.input: feed})[0]
        return output[: len(pixels)]


def _open(detector: Onnx) -> Any:
    try:
        import onnxruntime
    except ModuleNotFoundError:
        raise ModuleNotFoundError("detector=onnx needs onnxruntime: pip install 'bytetrack[onnx]'") from None
    names = [PROVIDERS.get(name, name) for name in detector.providers]
    there = onnxruntime.get_available_providers()
    absent = [name for name in names if name not in there]
    if absent:
        raise ValueError(f"providers: {', '.join(absent)} not in this onnxruntime, found {', '.join(there)}: install its package")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = detector.threads
    try:
        return onnxruntime.InferenceSession(str(detector.weights), options, providers=names)
    except Exception as error:  # onnxruntime's errors share no base but Exception
        raise FormatError(f"{detector.weights}: onnxruntime cannot load it ({str(error).splitlines()[0]})") from error


def _size(own: Sequence[Any], setting: tuple[int, int] | None, where: str) -> tuple[int, int]:
    """Height and width of the input: the file's where fixed, else the setting."""
    if all(isinstance(side, int) for side in own):
        if setting not in (None, tuple(own)):
            raise ValueError(f"{where}: takes images of {own[0]}x{own[1]} only: leave detector.input_size null")
        return int(own[0]), int(own[1])
    if setting is None:
        raise ValueError(f"{where}: takes images of any size: set detector.input_size to [height, width]")
    return setting


def _convention(own: str | None, setting: str | None, where: str) -> str:
    if own is not None and setting not in (None, own):
        raise ValueError(f"{where}: was exported with convention {own}, detector.convention is {setting}")
    return setting or own or "bgr255"
