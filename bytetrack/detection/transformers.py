"""Detectors of Hugging Face transformers, from a local folder; nothing is downloaded."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from bytetrack.adapters import from_transformers
from bytetrack.detection.library import LibraryDetector, LoadedLibrary
from bytetrack.detection.settings import DetectorSettings
from bytetrack.errors import FormatError, MissingDataError, first_line
from bytetrack.interfaces import Image
from bytetrack.runtime.fingerprint import file_digest, fingerprint
from bytetrack.structures import Detections

__all__ = ["Transformers"]

log = logging.getLogger(__name__)

PARTS = ("*.json", "*.safetensors", "*.bin")
"""Files of a model's folder that decide what it finds."""


class Transformers(LibraryDetector):
    """Detects with a model of `AutoModelForObjectDetection` in a folder (DETR, RT-DETR, D-FINE, YOLOS, …), in float32.

    Raises MissingDataError for a missing folder; at the first image, ModuleNotFoundError without transformers, FormatError for a folder
    of another model.

    Args:
        model: A folder written by `save_pretrained` or `hf download NAME --local-dir FOLDER`.
        classes: Names or numbers to keep, None for all.
        class_names: Names of the classes by number; None: the model's.
        min_score: Minimum score.
        max_detections: Maximum number of detections per image.
        batch_size: Images per batch.
        device: `auto` is CUDA, else MPS, else CPU.
    """

    def __init__(
        self,
        model: str | Path,
        classes: Sequence[str | int] | None = ("person",),
        class_names: Sequence[str] | str | None = None,
        min_score: float = 0.05,
        max_detections: int = 300,
        batch_size: int = 4,
        device: str = "auto",
    ) -> None:
        settings = DetectorSettings.of(
            classes,
            class_names,
            min_score=min_score,
            max_detections=max_detections,
            batch_size=batch_size,
            device=device,
        )
        super().__init__(Path(model), settings)
        if not (self.weights / "config.json").is_file():
            raise MissingDataError(
                f"no model in the folder '{model}' (config.json): nothing is downloaded here, "
                "'hf download NAME --local-dir FOLDER' does it: set detector.model to that folder"
            )

    def key(self) -> str:
        """Returns a key of everything that affects the detections."""
        files = sorted(path for part in PARTS for path in self.weights.glob(part))
        return fingerprint(["transformers", [(path.name, file_digest(path)) for path in files], self.settings.deciding()])

    def load(self) -> LoadedLibrary:
        try:
            transformers: Any = import_module("transformers")
        except ModuleNotFoundError:
            raise ModuleNotFoundError("detector=transformers needs transformers: pip install transformers") from None
        from bytetrack.detection.device import pick_device

        where = str(self.weights)
        try:
            processor: Any = transformers.AutoImageProcessor.from_pretrained(where, local_files_only=True)
            network: Any = transformers.AutoModelForObjectDetection.from_pretrained(where, local_files_only=True)
        except (OSError, ValueError, KeyError) as error:
            raise FormatError(f"{where}: transformers cannot load a detector from it ({first_line(error)})") from error
        device, settings, labels = pick_device(self.settings.device), self.settings, network.config.id2label
        names = list(settings.class_names or (str(labels.get(number, number)) for number in range(max(labels) + 1)))
        network.eval().to(device)

        def find(images: list[Image]) -> list[Detections]:
            outputs = network(**processor(images=images, return_tensors="pt").to(device))
            sizes = [image.shape[:2] for image in images]
            found = processor.post_process_object_detection(outputs, threshold=settings.min_score, target_sizes=sizes)
            return [from_transformers(one) for one in found]

        log.info("%s: %s, %d classes, %s", where, type(network).__name__, len(names), device)
        return LoadedLibrary(find, names, settings, where)
