"""Appearance features from a re-identification network in an ONNX file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from bytetrack.appearance.crops import CropEmbedder, Features, Image
from bytetrack.checks import check_whole
from bytetrack.errors import FormatError, MissingDataError
from bytetrack.onnx_sessions import failure, open_session

__all__ = ["OnnxEmbedder"]


class OnnxEmbedder(CropEmbedder):
    """Computes features of crops with an ONNX file that has one input (n, 3, height, width) and one output (n, d).

    Raises ValueError for a setting out of range, MissingDataError for a missing file; at the first image, ModuleNotFoundError without
    onnxruntime, FormatError for a file of another form.

    Args:
        weights: The .onnx file.
        size: Height and width of the input, if the file's are dynamic.
        mean: Mean of red, green, blue in [0, 1]; the default is ImageNet's, which most such networks use.
        std: Standard deviation of red, green, blue.
        batch_size: Crops per batch, if the file's batch size is dynamic.
        threads: CPU threads; 0: automatic.
        min_score: Detections below it get no features.
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
        """Returns the key of the settings and the file's size, so that another file of the same name has another key."""
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
                raise failure(self.weights, "run", error) from error
            parts.append(np.asarray(output, np.float32).reshape(len(batch), -1)[: len(crops[begin : begin + size])])
        features = np.concatenate(parts)
        if not np.isfinite(features).all():
            raise FormatError(f"{self.weights}: its features are not finite: is the input what it expects (size, mean, std)?")
        return features

    def _open(self) -> Any:
        if self._session is None:
            self._session = open_session(self.weights, "embedder=onnx", self.threads)
            shape = self._session.get_inputs()[0].shape
            if len(self._session.get_inputs()) != 1 or len(shape) != 4 or (shape[1] not in (3, None) and not isinstance(shape[1], str)):
                raise FormatError(f"{self.weights}: expected one input (n, 3, height, width), got {shape}")
        return self._session
