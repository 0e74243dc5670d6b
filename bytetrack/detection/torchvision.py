"""Detectors of torchvision, with its weights or your own."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bytetrack.adapters import from_torchvision
from bytetrack.detection.classes import COCO91
from bytetrack.detection.library import LibraryDetector, LoadedLibrary
from bytetrack.detection.settings import DetectorSettings
from bytetrack.errors import FormatError, MissingDataError, first_line
from bytetrack.interfaces import Image
from bytetrack.names import nearest
from bytetrack.runtime.fingerprint import file_digest, fingerprint
from bytetrack.structures import Detections

__all__ = ["Torchvision"]

log = logging.getLogger(__name__)


class Torchvision(LibraryDetector):
    """Detects with a network of `torchvision.models.detection`, in float32.

    Raises ValueError for a setting out of range or an unknown name; at the first image, MissingDataError for weights
    that cannot be downloaded, FormatError for a file of other weights.

    Args:
        model: The network's name, as `fasterrcnn_resnet50_fpn_v2`.
        weights: `DEFAULT` or another of torchvision's names, downloaded once; or a file with a state_dict.
        classes: Names or numbers to keep, None for all.
        class_names: Names of the classes by number, 0 is the background; None: torchvision's, or COCO's for a file.
        min_score: Minimum score.
        nms_iou: IoU above which the lower-scoring of two boxes of a class is removed.
        max_detections: Maximum number of detections per image.
        batch_size: Images per batch.
        device: `auto` is CUDA, else MPS, else CPU.
    """

    def __init__(
        self,
        model: str,
        weights: str | Path = "DEFAULT",
        classes: Sequence[str | int] | None = ("person",),
        class_names: Sequence[str] | str | None = None,
        min_score: float = 0.05,
        nms_iou: float = 0.5,
        max_detections: int = 100,
        batch_size: int = 4,
        device: str = "auto",
    ) -> None:
        settings = DetectorSettings.of(
            classes,
            class_names,
            min_score=min_score,
            nms_iou=nms_iou,
            max_detections=max_detections,
            batch_size=batch_size,
            device=device,
        )
        super().__init__(Path(weights), settings)
        self.model = model
        if self.weights.suffix and not self.weights.is_file():
            raise MissingDataError(f"no weights at '{weights}': set detector.weights to a file of a state_dict, or to DEFAULT")

    def key(self) -> str:
        """Returns a key of everything that affects the detections."""
        weights = file_digest(self.weights) if self.weights.is_file() else self._named().name
        return fingerprint(["torchvision", self.model, weights, self.settings.deciding()])

    def load(self) -> LoadedLibrary:
        import torch
        from torchvision.models import get_model

        from bytetrack.detection.device import pick_device

        settings, own = self.settings, self.weights.is_file()
        limits = {"score_thresh": settings.min_score, "nms_thresh": settings.nms_iou, "detections_per_img": settings.max_detections}
        given: dict[str, Any] = {f"box_{name}" if "rcnn" in self.model else name: value for name, value in limits.items()}
        if own:
            self._check_model()
            names = list(settings.class_names or COCO91)
            network = get_model(self.model, weights=None, weights_backbone=None, num_classes=len(names), **given)
            _load(network, self.weights)
        else:
            chosen = self._named()
            names = list(settings.class_names or chosen.meta["categories"])
            network = self._fetched(chosen, given)
        device = pick_device(settings.device)
        network.eval().to(device)

        def find(images: list[Image]) -> list[Detections]:
            tensors = [torch.from_numpy(image).to(device).permute(2, 0, 1).float() / 255 for image in images]
            return [from_torchvision(found) for found in network(tensors)]

        where = f"torchvision's {self.model}"
        log.info("%s: weights %s, %d classes, %s", where, self.weights if own else chosen, len(names), device)
        return LoadedLibrary(find, names, settings, where)

    def _check_model(self) -> None:
        """Raises ValueError unless torchvision has a detector of that name."""
        from torchvision.models import detection, list_models

        known = list_models(module=detection)
        if self.model not in known:
            near = nearest(self.model, known)
            hint = f"did you mean {near}?" if near else f"choose one of {', '.join(known)}"
            raise ValueError(f"torchvision has no detector {self.model!r}: {hint}")

    def _named(self) -> Any:
        """Returns torchvision's description of the weights; ValueError for a name that it does not have."""
        from torchvision.models import get_model_weights

        self._check_model()
        known = get_model_weights(self.model)
        if str(self.weights) not in known.__members__:
            names = ", ".join(known.__members__)
            raise ValueError(f"torchvision's {self.model} has no weights {str(self.weights)!r}: choose {names}, or a file of a state_dict")
        return known[str(self.weights)]

    def _fetched(self, chosen: Any, given: dict[str, Any]) -> Any:
        """Returns the network with torchvision's weights, which are fetched once; MissingDataError if they cannot be."""
        import torch
        from torchvision.models import get_model

        place = Path(torch.hub.get_dir()) / "checkpoints" / Path(chosen.url).name
        if not place.is_file():
            log.info("fetching %s", chosen.url)
        try:
            return get_model(self.model, weights=chosen, weights_backbone=None, **given)
        except OSError as error:
            raise MissingDataError(
                f"{self.model}: its weights are not at {place} and cannot be downloaded ({error}): put {chosen.url} there"
            ) from None


def _load(network: Any, path: Path) -> None:
    """Loads the state_dict in a file, which runs no code; FormatError if it is of another network."""
    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        wrong = network.load_state_dict(content.get("model", content), strict=False)
    except Exception as error:  # torch raises what pickle, zipfile or its own reader raise
        raise FormatError(f"{path}: not a state_dict of this network with its number of classes ({first_line(error)})") from error
    missing = [name for name in wrong.missing_keys if not name.endswith("num_batches_tracked")]
    if missing or wrong.unexpected_keys:
        first = (missing + wrong.unexpected_keys)[0]
        raise FormatError(f"{path}: {len(missing) + len(wrong.unexpected_keys)} parameters are missing or unknown, the first {first!r}")
