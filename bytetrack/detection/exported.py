"""Detects with a file that some runtime calls. Never imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bytetrack.detection.classes import names_of
from bytetrack.detection.detector import NetworkDetector
from bytetrack.detection.loaded import Loaded, Model
from bytetrack.detection.metadata import About
from bytetrack.detection.settings import DetectorSettings, LayerSettings, check_input_size, settings_key
from bytetrack.errors import MissingDataError
from bytetrack.structures import Detections

if TYPE_CHECKING:
    from typing import Self

__all__ = ["ExportedDetector", "exported_settings"]

Image = npt.NDArray[np.uint8]


def exported_settings(
    input_size: Sequence[int] | None, classes: Sequence[str | int] | None, class_names: Sequence[str] | str | None, **given: Any
) -> DetectorSettings:
    """Returns the settings of an exported file's detector as its constructor takes them; ValueError for one out of its range."""
    names = names_of(class_names)
    return DetectorSettings(
        input_size=None if input_size is None else check_input_size(input_size, multiple=1),
        classes=None if classes is None else tuple(classes),
        class_names=None if names is None else tuple(names),
        **given,
    )


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
        found: list[Detections] = []
        for first in range(0, len(images), self._loaded.batch):
            found += self._loaded(images[first : first + self._loaded.batch])
        return found

    @property
    def on_cpu(self) -> bool:
        """True if it runs on all the cores, which everything else needs too."""
        return self.settings.threads == 0

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
