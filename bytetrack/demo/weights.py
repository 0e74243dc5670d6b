"""Creates a detector from a name or a file."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bytetrack.detection.classes import named
from bytetrack.detection.stream import detect_batches
from bytetrack.errors import MissingDataError

__all__ = ["ByName", "chosen", "detector_from"]

log = logging.getLogger(__name__)


def detector_from(
    weights: str | Path,
    classes: Sequence[str | int] | str | None,
    input_size: Sequence[int] | None = None,
    min_score: float = 0.1,
    nms_iou: float = 0.7,
    precision: str = "auto",
    device: str = "auto",
    providers: Sequence[str] = ("cpu",),
    compile: bool | str = False,
    layout: str | None = None,
    class_names: Sequence[str] | str | None = None,
) -> ByName:
    """Returns a detector by the name of its weights or by a file (.pth, .pth.tar, .onnx, .xml).

    Official names (`yolox_nano` … `yolox_x`) are downloaded once; published ones (`bytetrack_x_mot17`, …) must be downloaded by hand. The
    size of the network is read from the file. Raises MissingDataError, which says where to save a file that cannot be downloaded.

    Args:
        weights: A name or a file.
        classes: Names or numbers; `all` or None for all; ignored if the file has a single class.
        input_size: Height and width; None: the checkpoint's, 800 x 1440 or 608 x 1088 for published ByteTrack weights, 416 x 416 or
            640 x 640 for COCO weights.
        min_score: Minimum score of a detection.
        nms_iou: IoU above which the lower-scoring of two boxes of a class is removed.
        precision: Precision of torch or OpenVINO.
        device: Device of torch or OpenVINO.
        providers: ONNX Runtime's providers.
        compile: Compiles a torch network, see `Yolox`.
        layout: Layout of an exported file's outputs, see `Onnx`.
        class_names: Class names of an exported file, see `Onnx`.
    """
    wanted = chosen(classes)
    path = _file(str(weights))
    shared: dict[str, Any] = {"weights": path, "classes": wanted, "min_score": min_score, "nms_iou": nms_iou, "batch_size": 1}
    exported: dict[str, Any] = {"input_size": input_size, "layout": layout, "class_names": class_names}
    if path.suffix.lower() == ".onnx":
        from bytetrack.detection.onnx import Onnx

        onnx = Onnx(**shared, **exported, providers=providers)
        return ByName(onnx, named(onnx.class_names, wanted))
    if path.suffix.lower() == ".xml":
        from bytetrack.detection.openvino import OpenVino

        precision = "fp32" if precision == "auto" else precision
        openvino = OpenVino(**shared, **exported, precision=precision, device="CPU" if device == "auto" else device.upper())
        return ByName(openvino, named(openvino.class_names, wanted))
    from bytetrack.config.trained import checkpoint_of
    from bytetrack.detection.yolox import Yolox

    checkpoint = checkpoint_of(path)
    yolox = Yolox(
        **shared,
        **checkpoint.size._asdict(),
        input_size=input_size or checkpoint.usual_size,
        convention=checkpoint.convention,
        precision=precision,
        device=device,
        compile=compile,
    )
    return ByName(yolox, named(checkpoint.class_names, wanted))


def chosen(classes: Sequence[str | int] | str | None) -> Sequence[str | int] | None:
    """Returns the setting as a list of names or numbers, None for all; also accepts a single name and `all`."""
    if classes is None or classes == "all" or list(classes) == ["all"]:
        return None
    return [classes] if isinstance(classes, str) else classes


class ByName:
    """Wraps a network and names the classes of its detections: `class_names[class_id]`, or the only class if ids are None."""

    def __init__(self, network: Any, class_names: Sequence[str]) -> None:
        self.network, self.class_names = network, list(class_names)

    @property
    def on_cpu(self) -> bool:
        """See the network."""
        return bool(self.network.on_cpu)

    def shared(self, callers: int, threads: int) -> ByName:
        """See the network."""
        return ByName(self.network.shared(callers, threads), self.class_names)

    def describing(self, layers: Any) -> ByName:
        """See the network."""
        return ByName(self.network.describing(layers), self.class_names)

    def detect(self, images: Sequence[Any]) -> Any:
        """See the network."""
        return self.network.detect(images)

    def detect_batches(self, batches: Iterable[list[Any]]) -> Any:
        """See the network."""
        return detect_batches(self.network, batches)

    def key(self) -> str:
        """See the network."""
        return str(self.network.key())


def _file(weights: str) -> Path:
    """Returns the file of weights that are named, or are a file; MissingDataError."""
    from bytetrack.data.download import WEIGHTS, fetch_weights
    from bytetrack.data.published import PUBLISHED, published_file
    from bytetrack.runtime.user_cache import user_cache_folder

    path = Path(weights).expanduser()
    if path.is_file():
        return path
    if weights in PUBLISHED:
        return published_file(weights)
    if weights not in WEIGHTS:
        names = ", ".join((*WEIGHTS, *PUBLISHED))
        raise MissingDataError(f"no weights '{weights}': expected a .pth, .pth.tar, .onnx or .xml file, or a name: {names}")
    if not (user_cache_folder() / f"{weights}.pth").is_file():
        log.info("fetching %s from %s", weights, WEIGHTS[weights].url)
    try:
        return fetch_weights(weights)
    except OSError as error:
        place = user_cache_folder() / f"{weights}.pth"
        raise MissingDataError(
            f"{weights} is not at {place} and cannot be downloaded ({error}): put {WEIGHTS[weights].url} there, or give weights=FILE"
        ) from None
