"""The base class of embedders that use the crop of each box."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt

from bytetrack.checks import check_real
from bytetrack.interfaces import Features, Image
from bytetrack.runtime.fingerprint import fingerprint, public_settings

__all__ = ["CropEmbedder", "Features", "Image", "NoEmbedder", "crop"]


class NoEmbedder:
    """Disables appearance: trackers receive no features."""


class CropEmbedder(ABC):
    """Computes a feature for each box from its crop; detections below `min_score` are skipped, and their features are zero."""

    def __init__(self, min_score: float) -> None:
        check_real("min_score", min_score, 0, 1)
        self.min_score = min_score

    def embed(self, image: Image, xyxy: npt.NDArray[np.float64], score: npt.NDArray[np.float64]) -> Features:
        """Returns features (n, d) of length 1 of boxes (n, 4) in an image (H, W, 3) BGR.

        They are zero for scores below `min_score` and for boxes outside the image.
        """
        crops = [crop(image, box) if value >= self.min_score else None for box, value in zip(xyxy, score, strict=True)]
        seen = [row for row, part in enumerate(crops) if part is not None]
        found = self._features([part for part in crops if part is not None])
        features = np.zeros((len(xyxy), found.shape[1]), np.float32)
        length = np.linalg.norm(found, axis=1, keepdims=True)
        features[seen] = np.divide(found, length, out=np.zeros_like(found), where=length > 0)
        return features

    def key(self) -> str:
        """Returns the embedder and its settings as a folder name."""
        return f"{type(self).__name__.lower()}-{fingerprint(public_settings(self), digits=12)}"

    @abstractmethod
    def _features(self, crops: list[Image]) -> Features:
        """Returns features (n, d), of any length, of n crops; d is known without any."""


def crop(image: Image, box: npt.NDArray[np.float64]) -> Image | None:
    """Returns the pixels of `image` inside the box (4,), None if there are none."""
    height, width = image.shape[:2]
    left, top = np.floor(np.clip(box[:2], 0, (width, height))).astype(int)
    right, bottom = np.ceil(np.clip(box[2:], 0, (width, height))).astype(int)
    return image[top:bottom, left:right] if right - left >= 2 and bottom - top >= 2 else None
