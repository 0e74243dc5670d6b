"""Detects with a file that some runtime calls. Never imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bytetrack.detection.detector import NetworkDetector
from bytetrack.detection.loaded import Loaded, Model
from bytetrack.detection.metadata import About
from bytetrack.detection.settings import DetectorSettings, LayerSettings, settings_key
from bytetrack.detection.stream import groups_of
from bytetrack.errors import MissingDataError
from bytetrack.interfaces import Image
from bytetrack.structures import Detections

if TYPE_CHECKING:
    from typing import Self

__all__ = ["ExportedDetector"]


class ExportedDetector(NetworkDetector[DetectorSettings]):
    """Detects with an exported file; a subclass opens it by its runtime.

    Settings that are None are the file's own, else those of `Yolox`.
    """

    name = "exported"

    def __init__(self, weights: str | Path, settings: DetectorSettings) -> None:
        super().__init__(Path(weights), settings)
        if not self.weights.is_file():
            raise MissingDataError(f"no {self.name} file at '{weights}': set detector.weights to one, made by tools/export.py")

    def key(self) -> str:
        """Returns a key of everything that affects the detections: a hash of the file's bytes and of the settings."""
        return settings_key(type(self).__name__.lower(), self.weights, self.settings.deciding() | self._decides())

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """Returns detections of each image, uint8 (H, W, 3) BGR of any size, in its own pixels, best first; any number of images."""
        return [found for group in groups_of(images, self._loaded.batch) for found in self._loaded(group)]

    @property
    def on_cpu(self) -> bool:
        return self.settings.threads == 0  # of a runtime that runs on the CPU, unless a subclass knows more

    def shared(self, callers: int, threads: int) -> Self:
        announced = self.settings.announced or "_loaded" in vars(self)
        return self._with(callers=callers, threads=threads, announced=announced)

    def describing(self, layers: LayerSettings) -> Self:
        """Returns the same detector, whose detections are described by layers of its network: `DescribedDetections`."""
        return self._with(described=layers)

    @property
    def class_names(self) -> list[str] | None:
        """Names of the file's classes, by number, if known."""
        return self._loaded.class_names

    def decided(self) -> dict[str, Any]:
        """Returns the settings that the file decides, with its values: the size that its input is fixed to, else its metadata's."""
        model = self.open()
        about = About.read(model.properties, str(self.weights))
        sides = [] if about.input == "frames" else [side for side in model.image.shape[-2:] if side is not None]
        own = {"input_size": sides if len(sides) == 2 else about.input_size, "convention": about.convention}
        return {name: value for name, value in own.items() if value is not None}

    @cached_property
    def _loaded(self) -> Loaded:
        loaded = self.load()
        if not self.settings.announced:
            loaded.announce()
        return loaded

    def load(self) -> Loaded:
        """Returns the file as a function of images; the log does not hear of it."""
        return Loaded(self.settings, self.open(), str(self.weights))

    def open(self) -> Model:
        """Returns the file as its runtime loads it; FormatError if it cannot."""
        raise NotImplementedError

    def _decides(self) -> dict[str, Any]:
        return {}
