"""Keeps the former place of `load_coco`, for programs that import it from here; it lies in `bytetrack.data.image_set`."""

from bytetrack.data.image_set import load_coco

__all__ = ["load_coco"]
