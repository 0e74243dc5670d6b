"""Features from a network for re-identification in an ONNX file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from bytetrack.appearance.crops import CropEmbedder, Features, Image
from bytetrack.checks import check_whole
from bytetrack.errors import FormatError, MissingDataError

__all__ = ["OnnxEmbedder"]


class OnnxEmbedder(CropEmbedder):
    """Features of crops from an ONNX file: one input (n, 3, height, width), one output (n, d).

    - `weights`: the file. `size`: height and width of its input, where the file leaves them open.
    - `mean`, `std`: of red, green, blue in [0, 1], taken off and divided by (ImageNet's, as most such networks have it).
    - `batch_size`: crops at a time, where the file leaves it open. `threads`: of the CPU, 0 for ONNX Runtime's own choice.
    - `min_score`: detections below it are not looked at.

    ValueError for a setting out of its range, MissingDataError for a missing file; at the first image, ModuleNotFoundError without
    onnxruntime, FormatError for a file that is no such network.
    """

    def __init__(
        self,
        weights: str | Path,
        size: Sequence[int] = (256, 128),
        mean: Sequence[float] = (0.485, 0.456, 0.406),
        std: Sequence[float] = (0.229, 0.224, 0.225),
        batch_size: int = 32,
        threads: int = 0,
        min_score: float = 0.1,
    ) -> None:
        super().__init__(min_score)
        self.weights = Path(weights).expanduser()
        if not self.weights.is_file():
            raise MissingDataError(f"no file {str(self.weights)!r}: embedder.weights must name an .onnx file")
        self.size, self.mean, self.std = [int(side) for side in size], [float(m) for m in mean], [float(s) for s in std]
        if len(self.size) != 2 or min(self.size) < 1 or len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise ValueError(f"size must be height and width, mean and std three numbers, std above 0: got {size}, {mean}, {std}")
        check_whole("batch_size", batch_size, 1)
        self.batch_size, self.threads = batch_size, threads
        self._session: Any = None

    def key(self) -> str:
        """Returns the settings' key, with the size of the file: another file of the same name gives another key."""
        return f"{super().key()}-{self.weights.stat().st_size}"

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_session": None}

    def _features(self, crops: list[Image]) -> Features:
        session = self._open()
        source = session.get_inputs()[0]
        fixed = source.shape[0] if isinstance(source.shape[0], int) else None
        height, width = (own if isinstance(own, int) else side for own, side in zip(source.shape[2:], self.size, strict=True))
        size = fixed or self.batch_size
        parts = []
        for begin in range(0, max(len(crops), 1), size):
            batch = np.zeros((fixed or max(len(crops[begin : begin + size]), 1), 3, height, width), np.float32)
            for place, image in enumerate(crops[begin : begin + size]):
                rgb = cv2.cvtColor(cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR), cv2.COLOR_BGR2RGB)
                batch[place] = ((rgb / 255.0 - self.mean) / self.std).transpose(2, 0, 1)
            try:
                output = session.run([session.get_outputs()[0].name], {source.name: batch})[0]
            except Exception as error:  # onnxruntime's errors share no base but Exception
                raise FormatError(f"{self.weights}: onnxruntime cannot run it ({str(error).splitlines()[0][:200]})") from error
            parts.append(np.asarray(output, np.float32).reshape(len(batch), -1)[: len(crops[begin : begin + size])])
        features = np.concatenate(parts)
        if not np.isfinite(features).all():
            raise FormatError(f"{self.weights}: its features are not finite: is the input what it expects (size, mean, std)?")
        return features

    def _open(self) -> Any:
        if self._session is None:
            try:
                import onnxruntime
            except ModuleNotFoundError:
                raise ModuleNotFoundError("embedder=onnx needs onnxruntime: pip install onnxruntime") from None
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = self.threads
            try:
                providers = ["CPUExecutionProvider"]
                self._session = onnxruntime.InferenceSession(str(self.weights), options, providers=providers, enable_fallback=0)
            except Exception as error:
                raise FormatError(f"{self.weights}: onnxruntime cannot load it ({str(error).splitlines()[0][:200]})") from error
            shape = self._session.get_inputs()[0].shape
            if len(self._session.get_inputs()) != 1 or len(shape) != 4 or (shape[1] not in (3, None) and not isinstance(shape[1], str)):
                raise FormatError(f"{self.weights}: expected one input (n, 3, height, width), got {shape}")
        return self._session
