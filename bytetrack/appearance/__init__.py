"""Embedders: compute one appearance feature for each box of an image."""

from bytetrack.appearance.crops import NoEmbedder
from bytetrack.appearance.histogram import Histogram
from bytetrack.appearance.onnx import OnnxEmbedder

__all__ = ["Histogram", "NoEmbedder", "OnnxEmbedder"]
