"""Computes features of boxes from layers of the detector's own network, pooled over each box. Imports neither torch nor a runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from bytetrack.checks import check_whole
from bytetrack.detection.settings import LAYERS, LayerSettings
from bytetrack.runtime.fingerprint import fingerprint

__all__ = ["COLUMNS", "SAMPLES", "SMALL", "DetectorEmbedder", "describe"]

Array = npt.NDArray[Any]

COLUMNS = 2  # cells of a box from left to right, whose mean is taken: people turn
SAMPLES = 2  # points of a cell in each direction
SMALL = 1e-6  # a deviation or a length that counts as none


class DetectorEmbedder:
    """Lets the detector compute features of its boxes from layers of its own network: no further weights, no second pass over the image.

    Each channel of a layer is standardised over the image, which removes what all positions have in common, and pooled over each box by
    RoIAlign (He et al., Mask R-CNN, ICCV 2017). The part of each layer has length 1, and so has the whole feature. Raises ValueError for an
    unknown layer or an invalid number of rows.

    Args:
        layers: Of `LAYERS`: `c2` to `c5` of the backbone, at strides of 4 to 32 pixels, `p3` to `p5` of the feature pyramid. Lower layers
            represent colours; upper layers hardly distinguish people.
        rows: Number of cells per box, from top to bottom; each has its own part of the feature.
    """

    def __init__(self, layers: Sequence[str] = ("c2", "c3"), rows: int = 4) -> None:
        self.layers, self.rows = tuple(layers), rows
        if not self.layers or len(set(self.layers)) < len(self.layers) or not set(self.layers) <= set(LAYERS):
            raise ValueError(f"layers must be some of {', '.join(LAYERS)}, each once: got {list(layers)}")
        check_whole("rows", rows, 1, 32)

    @property
    def settings(self) -> LayerSettings:
        """The settings that a detector takes."""
        return LayerSettings(self.layers, self.rows)

    def key(self) -> str:
        """Returns the embedder and its settings as a folder name."""
        return f"detector-{fingerprint(self.settings._asdict(), digits=12)}"


def describe(layers: Mapping[str, Array], xyxy: npt.NDArray[np.floating[Any]], rows: int) -> npt.NDArray[np.float32]:
    """Returns features (n, d) of boxes (n, 4) in input pixels, of one image's layers (C, H, W) by name: `describe_by_torch` without torch.

    >>> describe({"c2": np.arange(32.0).reshape(2, 4, 4)}, np.array([[0.0, 0.0, 8.0, 8.0]]), 1).round(2)
    array([[-0.71, -0.71]], dtype=float32)
    """
    parts = []
    for name, layer in layers.items():
        cells = _aligned(layer.astype(np.float32), xyxy / LAYERS[name], rows)
        mean, deviation = layer.mean(axis=(1, 2), dtype=np.float32), layer.std(axis=(1, 2), dtype=np.float32)
        parts.append(_of_length_1(((cells - mean) / (deviation + SMALL)).reshape(len(xyxy), rows * len(layer))))
    return _of_length_1(np.concatenate(parts, axis=1)).astype(np.float32)


def _of_length_1(features: Array) -> Array:
    return np.asarray(features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), SMALL))


def _aligned(layer: Array, boxes: npt.NDArray[np.float64], rows: int) -> Array:
    """Returns the mean of the cells of each row (n, rows, C) of a layer (C, H, W) over boxes (n, 4) in its own cells.

    What bilinear samples add up to is a product of weights along both sides: a row of the table for each row of cells, one for all columns.
    """
    vertical = _weights(boxes[:, 1], boxes[:, 3], rows, layer.shape[1])
    across = _weights(boxes[:, 0], boxes[:, 2], COLUMNS, layer.shape[2]).mean(axis=1)
    found = np.zeros((len(boxes), rows, len(layer)), np.float32)
    for i in range(len(boxes)):
        y, x = np.flatnonzero(vertical[i].any(axis=0)), np.flatnonzero(across[i])
        if len(y) and len(x):
            part = layer[:, y[0] : y[-1] + 1, x[0] : x[-1] + 1] @ across[i, x[0] : x[-1] + 1]
            found[i] = vertical[i, :, y[0] : y[-1] + 1] @ part.T
    return found


def _weights(begin: Array, end: Array, cells: int, size: int) -> npt.NDArray[np.float32]:
    """Returns the weights (n, cells, size) of a side's places in the mean of the samples of each cell, as RoIAlign has them (aligned)."""
    steps = (np.arange(cells * SAMPLES) + 0.5) / (cells * SAMPLES)
    places = begin[:, None] - 0.5 + (end - begin)[:, None] * steps
    inside = (places >= -1.0) & (places <= size)
    places = places.clip(0, size - 1)
    low = np.minimum(places.astype(np.int64), max(size - 2, 0))
    part = places - low
    weights = np.zeros((len(begin), cells * SAMPLES, size), np.float32)
    box, sample = np.indices(places.shape)
    np.add.at(weights, (box, sample, low), (1 - part) * inside)
    np.add.at(weights, (box, sample, np.minimum(low + 1, size - 1)), part * inside)
    return np.asarray(weights.reshape(len(begin), cells, SAMPLES, size).mean(axis=2))
