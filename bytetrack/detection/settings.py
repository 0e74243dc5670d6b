"""Settings that all detectors made of a network share: input conventions, checks, frozen values. Knows neither torch nor OpenCV.

A convention is the meaning of the pixels of a network's input. With the wrong one a network still finds boxes, only fewer and worse:
YOLOX's classic silent failure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from bytetrack.checks import check_choice, check_positive, check_real, check_whole
from bytetrack.detection.classes import names_of
from bytetrack.runtime.fingerprint import file_digest, fingerprint

if TYPE_CHECKING:
    from typing import Self

__all__ = [
    "CONVENTIONS",
    "FITS",
    "LAYERS",
    "LAYOUTS",
    "SIZES",
    "Convention",
    "DetectorSettings",
    "LayerSettings",
    "Layout",
    "PostprocessSettings",
    "Size",
    "YoloxSettings",
    "check_convention",
    "check_input_size",
    "settings_key",
]

MIN_SCORE, NMS_IOU, MAX_DETECTIONS = 0.01, 0.7, 1000
"""Of a detector whose settings and whose file leave them open."""

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Convention(NamedTuple):
    """Channel order, and input = pixel * scale + shift per channel (in that order), pixel in 0 … 255."""

    rgb: bool
    scale: tuple[float, float, float]
    shift: tuple[float, float, float]

    @property
    def is_identity(self) -> bool:
        """True if the input is the image's own numbers in their own order."""
        return self == (False, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))


CONVENTIONS = {
    "bgr255": Convention(False, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)),  # YOLOX since 0.1.1
    "rgb_imagenet": Convention(  # YOLOX 0.1.0 and all published ByteTrack weights
        True,
        (1 / 255 / IMAGENET_STD[0], 1 / 255 / IMAGENET_STD[1], 1 / 255 / IMAGENET_STD[2]),
        (-IMAGENET_MEAN[0] / IMAGENET_STD[0], -IMAGENET_MEAN[1] / IMAGENET_STD[1], -IMAGENET_MEAN[2] / IMAGENET_STD[2]),
    ),
    "rgb_unit": Convention(True, (1 / 255, 1 / 255, 1 / 255), (0.0, 0.0, 0.0)),  # YOLOv5 and its successors, RT-DETR, torchvision
    "rgb255": Convention(True, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)),
}
"""The input conventions by name."""

FITS = {
    "letterbox": "scaled with its proportions into the top left, the rest grey 114",
    "letterbox_centre": "the same in the middle",
    "stretch": "scaled to the whole input, its proportions lost",
    "none": "as it is: the network takes frames of any size",
}
"""The ways of a frame into a network's input, by name."""


class Layout(NamedTuple):
    """A layout of an exported file's outputs, and how such networks usually take their input; see `layouts.py`."""

    outputs: str
    convention: str
    fit: str


LAYOUTS = {
    "yolox": Layout("(B, A, 5 + C): box, objectness, class scores of each anchor, boxes in pixels or not decoded", "bgr255", "letterbox"),
    "yolov5": Layout("(B, 3 A, 5 + C): centre, size in pixels, objectness, class scores", "rgb_unit", "letterbox_centre"),
    "yolov8": Layout("(B, 4 + C, A) or (B, A, 4 + C): centre, size in pixels, class scores", "rgb_unit", "letterbox_centre"),
    "yolov10": Layout("(B, n, 6) or (n, 6): left, top, right, bottom in pixels, score, class", "rgb_unit", "letterbox_centre"),
    "detr": Layout("boxes (B, n, 4): centre, size as fractions; logits (B, n, C), by sigmoid", "rgb_unit", "stretch"),
    "detr_softmax": Layout("the same, logits (B, n, C + 1) by softmax, the last for no object", "rgb_imagenet", "stretch"),
    "rtdetr": Layout("labels (B, n), boxes (B, n, 4): left, top, right, bottom, scores (B, n)", "rgb_unit", "stretch"),
    "torchvision": Layout("boxes (n, 4): left, top, right, bottom in pixels, labels (n,), scores (n,)", "rgb_unit", "letterbox"),
}
"""The layouts of outputs that exported files may have, by name. A is the number of cells of an anchor grid."""


LAYERS = {"c2": 4, "c3": 8, "c4": 16, "c5": 32, "p3": 8, "p4": 16, "p5": 32}
"""The layers of a YOLOX that can describe boxes, with their strides in input pixels: the backbone's, and those of the pyramid behind it."""


class LayerSettings(NamedTuple):
    """The layers that describe boxes (`described.DetectorEmbedder`), and the cells of a box from top to bottom."""

    layers: tuple[str, ...]
    rows: int


class Size(NamedTuple):
    """The size of a YOLOX: multipliers of depth and of width, and depthwise convolutions (nano only)."""

    depth: float
    width: float
    depthwise: bool = False


SIZES = {
    "nano": Size(0.33, 0.25, True),
    "tiny": Size(0.33, 0.375),
    "s": Size(0.33, 0.50),
    "m": Size(0.67, 0.75),
    "l": Size(1.0, 1.0),
    "x": Size(1.33, 1.25),
}


@dataclass(frozen=True)
class PostprocessSettings:
    """Settings by which a network's boxes become detections.

    Args:
        min_score: Minimum score, objectness times class score.
        nms_iou: IoU above which the lower-scoring of two boxes of a class is removed.
        max_detections: Maximum number of detections per image.
        class_ids: Classes to keep, None for all. A box has its best class among all classes of the network.
        single: Omits class ids from the detections.
        source: The network's name in messages.
    """

    min_score: float = MIN_SCORE
    nms_iou: float = NMS_IOU
    max_detections: int = MAX_DETECTIONS
    class_ids: tuple[int, ...] | None = None
    single: bool = True
    source: str = "the network"

    def not_a_number(self) -> ValueError:
        """Returns the error for an output that holds NaN."""
        return ValueError(f"{self.source}'s output is not a number (NaN): broken weights, or a precision too low for them (try fp32)")


@dataclass(frozen=True)
class DetectorSettings:
    """Settings of a detector made of a network; None leaves a value to the file of weights.

    ValueError for a value out of its range.

    Args:
        input_size: Height and width of the network's input, multiples of `SIDES`.
        convention: One of `CONVENTIONS`.
        classes: Names or numbers of the classes to find, None for all.
        min_score: See `PostprocessSettings`.
        nms_iou: The same.
        max_detections: The same.
        batch_size: Images per batch.
        precision: Precision of the network.
        device: Where the network runs.
        threads: CPU threads per call; 0: automatic.
        callers: Number of threads that call the detector concurrently.
        announced: The file has already been described in the log.
        layout: One of `LAYOUTS`, the layout of an exported file's outputs.
        fit: One of `FITS`, how a frame is fitted into the input.
        class_names: Names of the classes by number, if the file states none.
        described: Layers from which features are computed; None: no features.
    """

    SIDES: ClassVar[int] = 1

    input_size: tuple[int, int] | None = None
    convention: str | None = None
    classes: tuple[str | int, ...] | None = ("person",)
    min_score: float | None = None
    nms_iou: float | None = None
    max_detections: int | None = None
    batch_size: int = 4
    precision: str = "fp32"
    device: str = "cpu"
    threads: int = 0
    callers: int = 1
    announced: bool = False
    layout: str | None = None
    fit: str | None = None
    class_names: tuple[str, ...] | None = None
    described: LayerSettings | None = None

    def __post_init__(self) -> None:
        check_convention(self.convention)
        for name, choices in (("layout", LAYOUTS), ("fit", FITS)):
            if getattr(self, name) is not None:
                check_choice(name, getattr(self, name), tuple(choices))
        for name in ("min_score", "nms_iou"):
            if getattr(self, name) is not None:
                check_real(name, getattr(self, name), 0, 1)
        if self.max_detections is not None:
            check_whole("max_detections", self.max_detections, 1)
        check_whole("batch_size", self.batch_size, 1)
        check_whole("threads", self.threads, 0)

    @classmethod
    def of(
        cls,
        classes: Sequence[str | int] | None,
        class_names: Sequence[str] | str | None = None,
        input_size: Sequence[int] | None = None,
        **given: Any,
    ) -> Self:
        """Returns the settings of a detector's constructor, which takes lists, and `coco` or `coco91` for names. ValueError as above."""
        names = names_of(class_names)
        return cls(
            input_size=None if input_size is None else check_input_size(input_size, cls.SIDES),
            classes=None if classes is None else tuple(classes),
            class_names=None if names is None else tuple(names),
            **given,
        )

    def deciding(self) -> dict[str, Any]:
        """Returns the settings that decide which boxes are found, by name: not those of speed."""
        names = ("input_size", "convention", "classes", "min_score", "nms_iou", "max_detections")
        absent = ("layout", "fit", "class_names", "described")  # from the keys of older versions
        later = {name: getattr(self, name) for name in absent}
        return {name: getattr(self, name) for name in names} | {name: value for name, value in later.items() if value is not None}

    def postprocess(self, num_classes: int | None, class_ids: tuple[int, ...] | None, source: str, **own: Any) -> PostprocessSettings:
        """Returns the settings of post-processing: these, else the file's `own`, else the defaults."""
        limits = {name: getattr(self, name) for name in ("min_score", "nms_iou", "max_detections")}
        chosen = {name: own.get(name) if value is None else value for name, value in limits.items()}
        single = num_classes == 1 or (class_ids is not None and len(class_ids) == 1)
        given = {name: value for name, value in chosen.items() if value is not None}
        return PostprocessSettings(**given, class_ids=class_ids, single=single, source=source)


@dataclass(frozen=True)
class YoloxSettings(DetectorSettings):
    """Settings of a YOLOX that torch runs: `size` of the network, and `compile`, True or `graphs`, to have torch compile it."""

    SIDES: ClassVar[int] = 32

    size: Size = SIZES["x"]
    compile: bool | str = False

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("depth", "width"):
            check_positive(name, getattr(self.size, name))
        if self.precision not in ("auto", "fp32", "fp16", "bf16"):
            raise ValueError(f"precision must be auto, fp32, fp16 or bf16: got {self.precision!r}")
        if self.compile not in (False, True, "graphs"):
            raise ValueError(f"compile must be true, false or graphs: got {self.compile!r}")

    def deciding(self) -> dict[str, Any]:
        return {**self.size._asdict(), **super().deciding()}


def check_input_size(size: Sequence[int], multiple: int = 32) -> tuple[int, int]:
    """Returns (height, width) as two ints; ValueError unless they are positive multiples of `multiple`."""
    sides = list(size) if isinstance(size, Sequence) else [size]
    if len(sides) != 2 or any(not isinstance(side, int) or side <= 0 or side % multiple for side in sides):
        of = f", multiples of {multiple}" if multiple > 1 else ""
        raise ValueError(f"input_size must be [height, width]{of}: got {size}")
    return sides[0], sides[1]


def check_convention(name: str | None) -> str | None:
    """Returns `name`; ValueError unless it is None or one of `CONVENTIONS`."""
    if name is not None and name not in CONVENTIONS:
        raise ValueError(f"convention must be {', '.join(CONVENTIONS)}, or null for the file's own: got {name!r}")
    return name


def settings_key(kind: str, weights: Path, settings: dict[str, Any]) -> str:
    """Returns 16 hex digits that change with `kind`, the bytes of `weights` or any of `settings`."""
    return fingerprint([kind, file_digest(weights), settings])
