"""Shared parts of other libraries' torch detectors: settings, batches, choice of classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from bytetrack.detection.classes import choose
from bytetrack.detection.detector import NetworkDetector
from bytetrack.detection.settings import DetectorSettings
from bytetrack.detection.stream import groups_of
from bytetrack.interfaces import Image
from bytetrack.structures import Detections

__all__ = ["LibraryDetector", "LoadedLibrary"]


class LoadedLibrary:
    """A network in memory: `find` maps RGB images to detections with the network's class numbers, `names` are theirs."""

    def __init__(self, find: Callable[[list[Image]], list[Detections]], names: list[str], settings: DetectorSettings, where: str) -> None:
        self.find, self.names = find, names
        class_ids = choose(settings.classes, len(names), names, where)
        self.postprocess = settings.postprocess(len(names), class_ids, where)

    def __call__(self, images: Sequence[Image]) -> list[Detections]:
        from bytetrack.detection.postprocess_numpy import select_boxes
        from bytetrack.detection.preprocess import Placement, check_image

        for image in images:
            check_image(image)
        found = []
        for one in self.find([np.ascontiguousarray(image[..., ::-1]) for image in images]):
            classes = np.zeros(len(one), np.int64) if one.class_id is None else one.class_id
            found.append(select_boxes(one.xyxy, one.score, classes, Placement(1, 1), self.postprocess, suppressed=True))
        return found


class LibraryDetector(NetworkDetector[DetectorSettings]):
    """Detects with another library's network, which a subclass loads at the first image."""

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """Returns detections of each image, uint8 (H, W, 3) BGR of any size, in its own pixels, best first; any number of images."""
        import torch

        from bytetrack.detection.device import use_threads

        use_threads(self.settings.threads)
        with torch.inference_mode():
            return [found for group in groups_of(images, self.batch_size) for found in self._loaded(group)]

    @property
    def class_names(self) -> list[str]:
        """Names of the network's classes, by number."""
        return self._loaded.names

    @cached_property
    def _loaded(self) -> LoadedLibrary:
        return self.load()

    def load(self) -> LoadedLibrary:
        """Returns the network in memory."""
        raise NotImplementedError
