"""What people look like: an image and boxes in, one feature a box out."""

from bytetrack.appearance.histogram import Histogram
from bytetrack.appearance.none import NoEmbedder
from bytetrack.appearance.onnx import OnnxEmbedder

__all__ = ["Histogram", "NoEmbedder", "OnnxEmbedder"]
