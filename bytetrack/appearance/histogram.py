"""Appearance features without a network: colour histograms of a crop at several heights."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from bytetrack.appearance.crops import CropEmbedder, Features, Image
from bytetrack.checks import check_whole

__all__ = ["Histogram"]

WIDTH, HEIGHT = 32, 64  # pixels that a crop is brought to
FIRST_COLOURED = 40  # saturation from which a pixel has a hue, of 255


class Histogram(CropEmbedder):
    """Computes colour histograms of stripes of the box, as in spatial pyramids (Lazebnik et al., CVPR 2006).

    Features are square roots of the frequencies, so their cosine is the Bhattacharyya coefficient. Pixels near the middle column have a
    larger weight, because the background is at the sides. Raises ValueError for an argument out of range.

    Args:
        stripes: Number of stripes from head to feet, besides the whole box.
        hues: Hue bins of coloured pixels, for each of two saturation ranges.
        greys: Brightness bins of the other pixels.
        min_score: Detections below it get no features.
    """

    def __init__(self, stripes: int = 6, hues: int = 12, greys: int = 8, min_score: float = 0.1) -> None:
        super().__init__(min_score)
        for name, value, most in (("stripes", stripes, 32), ("hues", hues, 180), ("greys", greys, 256)):
            check_whole(name, value, 1, most)
        self.stripes, self.hues, self.greys = stripes, hues, greys

    def _features(self, crops: list[Image]) -> Features:
        n_bins = 2 * self.hues + self.greys
        features = np.zeros((len(crops), (self.stripes + 1) * n_bins), np.float32)
        stripe = np.arange(HEIGHT) * self.stripes // HEIGHT
        across = np.exp(-0.5 * ((np.arange(WIDTH) - (WIDTH - 1) / 2) / (WIDTH / 4)) ** 2)
        weights = np.broadcast_to(across, (HEIGHT, WIDTH)).ravel()
        for row, image in enumerate(crops):
            place = self._bins(cv2.resize(image, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)) + n_bins * stripe[:, None]
            counts = np.bincount(place.ravel(), weights, self.stripes * n_bins).reshape(self.stripes, n_bins)
            parts = np.vstack([counts / counts.sum(axis=1, keepdims=True), counts.sum(axis=0) / counts.sum()])
            features[row] = np.sqrt(parts).ravel()
        return features

    def _bins(self, image: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
        """Returns the bin of every pixel."""
        hue, saturation, value = cv2.split(cv2.cvtColor(np.asarray(image, np.uint8), cv2.COLOR_BGR2HSV))
        coloured = (saturation >= FIRST_COLOURED) & (value >= FIRST_COLOURED)
        strong = saturation >= 2 * FIRST_COLOURED + 16
        by_hue = hue.astype(np.int64) * self.hues // 180 + self.hues * strong
        return np.where(coloured, by_hue, 2 * self.hues + value.astype(np.int64) * self.greys // 256)
