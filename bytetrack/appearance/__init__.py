"""Embedders: an image and boxes in, one feature vector for each box out."""

from bytetrack.appearance.crops import NoEmbedder
from bytetrack.appearance.histogram import Histogram
from bytetrack.appearance.onnx import OnnxEmbedder

__all__ = ["Histogram", "NoEmbedder", "OnnxEmbedder"]
