"""A loaded file as a function of images: finds out what it takes and gives, and calls it. Never imports torch."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bytetrack.detection.classes import COCO91, choose, own_names
from bytetrack.detection.described import describe
from bytetrack.detection.layouts import Outputs, Reading, as_told, read, recognise
from bytetrack.detection.metadata import About
from bytetrack.detection.postprocess_numpy import select_boxes
from bytetrack.detection.preprocess import Placement, check_image, network_input, place
from bytetrack.detection.settings import LAYERS, LAYOUTS, MAX_DETECTIONS, DetectorSettings, PostprocessSettings, check_input_size
from bytetrack.errors import FormatError
from bytetrack.interfaces import Image
from bytetrack.structures import PAD, DescribedDetections, Detections

__all__ = ["Loaded", "Model", "Port"]

log = logging.getLogger(__name__)

Array = npt.NDArray[Any]

MOST_PIXELS = 2**26
"""Of a network's input: 8192 x 8192."""

BLANK = (320, 320)
"""Height and width of the blank image for a file that takes images of any size."""


class Port(NamedTuple):
    """An input or output of a file: its shape (None for an open side) and NumPy's name of its type."""

    shape: tuple[int | None, ...]
    type: str


class Model(NamedTuple):
    """A file as its runtime loads it: `run` takes the images and the other inputs by name, and returns the outputs by name."""

    run: Callable[..., dict[str, Array]]
    inputs: Mapping[str, Port]
    outputs: Mapping[str, Port]
    properties: Mapping[str, str]
    runtime: str

    @property
    def image(self) -> Port:
        """The first input, which takes the images."""
        return next(iter(self.inputs.values()))

    def described(self) -> str:
        """Returns its inputs and outputs as text."""
        parts = [f"{kind} {_ports(ports)}" for kind, ports in (("inputs", self.inputs), ("outputs", self.outputs))]
        return "; ".join(parts)


class Loaded:
    """A loaded file, called on at most `batch` images; `where` is its name in messages.

    `size` is the input's height and width, None if frames go in as they are. ValueError if a setting contradicts the file,
    FormatError for a file that no layout fits.
    """

    def __init__(self, settings: DetectorSettings, model: Model, where: str) -> None:
        self.where, self.model, self.about = where, model, About.read(model.properties, where)
        self.frames, self.described = self.about.input == "frames", settings.described
        self._refuse_other_inputs()
        self._refuse_missing_layers()
        fixed = model.image.shape[0] if len(model.image.shape) == 4 else 1
        self.batch, self.padded = fixed or settings.batch_size, fixed is not None
        self.size = self._input_size(settings)
        names = settings.class_names or self.about.class_names
        self._own = threading.local()  # each thread's input, kept: fresh memory costs as much as filling it
        self.convention, self.fit = settings.convention or self.about.convention or "bgr255", "letterbox" if self.size else "none"
        self.reading = self._known(settings) or self._probed(settings, None if names is None else len(names))
        usual = LAYOUTS[self.reading.layout]
        self.convention = _agreed("convention", self.about.convention, settings.convention, where) or usual.convention
        self.fit = "none" if self.size is None else settings.fit or usual.fit
        if not self.reading.batched:
            self.batch = 1
        self.num_classes = self.reading.num_classes or (None if names is None else len(names))
        self.class_names = list(names) if names else self._usual_names()
        self.postprocess = self._postprocess(settings)

    def _refuse_other_inputs(self) -> None:
        """Raises FormatError unless the file takes images, and beside them at most their sizes."""
        image, others = self.model.image, list(self.model.inputs.items())[1:]
        shape = image.shape[3:] if self.frames else image.shape[-3:-2]
        if len(image.shape) not in (3, 4) or shape[:1] not in ((3,), (None,)) or (self.frames and len(image.shape) == 3):
            raise FormatError(f"{self.where}: expected images (B, 3, H, W) as its first input, got {self.model.described()}")
        if self.frames != (image.type == "uint8"):
            raise FormatError(f"{self.where}: expected uint8 for metadata input=frames and floats for others, got {image.type}")
        if len(others) > 1 or any("size" not in name.lower() or len(port.shape) != 2 for name, port in others):
            raise FormatError(
                f"{self.where}: expected images, and beside them at most their sizes (B, 2), got {self.model.described()}: "
                "export it without the other inputs"
            )

    def _refuse_missing_layers(self) -> None:
        """Raises ValueError unless the file has the layers that describe boxes, if these are asked for."""
        missing = [name for name in (self.described.layers if self.described else ()) if name not in self.model.outputs]
        if missing:
            raise ValueError(
                f"{self.where}: expected the layers {', '.join(missing)} among its outputs for embedder=detector, got "
                f"{', '.join(self.model.outputs)}: export it again by tools/export.py with layers=true"
            )

    def _input_size(self, settings: DetectorSettings) -> tuple[int, int] | None:
        """Returns height and width of the input: the file's if fixed, else the setting, else what it was exported for."""
        own, where = self.about.input_size, self.where
        sides = tuple(own or ()) if self.frames else self.model.image.shape[-2:]
        if len(sides) != 2:
            raise FormatError(f"{where}: expected metadata input_size [height, width], got {own}")
        height, width = sides
        if height is None or width is None:
            if settings.input_size is None and own is None:
                if settings.fit == "none" or "torchvision" in (settings.layout, self._looks_static()):
                    return None
                raise ValueError(f"{where}: takes images of any size: set detector.input_size to [height, width]")
            height, width = settings.input_size or check_input_size(own or (), multiple=1)
        elif settings.input_size not in (None, (height, width)):
            raise ValueError(f"{where}: takes images of {height}x{width} only: leave detector.input_size null")
        if min(height, width) < 1 or height * width > MOST_PIXELS:
            raise FormatError(f"{where}: expected pictures of at most {MOST_PIXELS} pixels, the file takes {height}x{width}")
        return height, width

    def _looks_static(self) -> str | None:
        """Returns `torchvision` if the shapes alone show it: boxes (n, 4) beside labels and scores (n,)."""
        shapes = [port.shape for port in self.model.outputs.values()]
        boxes = any(len(shape) == 2 and shape[1] == 4 for shape in shapes)
        return "torchvision" if boxes and sum(len(shape) == 1 for shape in shapes) >= 2 else None

    def _known(self, settings: DetectorSettings) -> Reading | None:
        """Returns the reading that the file's own metadata state, if they do."""
        kind, classes = self.about.output, self.about.num_classes
        dimensions = 2 if kind == "detections" else 3
        if kind is None:
            return None
        name, port = next((name, port) for name, port in self.model.outputs.items() if name not in LAYERS)
        if len(port.shape) != dimensions or len(self.model.image.shape) != 4 or settings.layout not in (None, "yolox"):
            raise FormatError(f"{self.where}: expected a YOLOX with the output {kind} as its metadata state, got {self.model.described()}")
        if classes is None:
            return None
        return Reading("yolox", {"output": name}, classes, kind)

    def _probed(self, settings: DetectorSettings, names: int | None) -> Reading:
        """Returns how to read the file's outputs, as they are for a blank image; FormatError if that cannot be told."""
        if self.about.task not in (None, "detect") and settings.layout is None:
            raise FormatError(f"{self.where}: a network for {self.about.task}, expected one for detect: export a detector")
        blank = np.full((*(self.size or BLANK), 3), PAD, np.uint8)
        outputs = self._run([blank])
        if settings.layout is not None:
            reading = as_told(settings.layout, outputs, self.size, names)
        else:
            reading = recognise(outputs, self.size, names)
        if reading is None:
            given = f"layout {settings.layout}, {LAYOUTS[settings.layout].outputs}" if settings.layout else "a layout that is known"
            raise FormatError(
                f"{self.where}: expected {given}, got {self.model.described()}: set detector.layout to one of {', '.join(LAYOUTS)} "
                "(docs/own_detector.md)"
            )
        if names is not None and reading.num_classes not in (None, names):
            raise FormatError(
                f"{self.where}: {names} classes are named and its outputs hold {reading.num_classes}: set detector.class_names; "
                f"for masks or poses, detector.layout={reading.layout} reads the named ones"
            )
        if self.batch > 1 and not self.padded and not self._takes_two(blank, reading):
            self.batch = 1
        return reading._replace(kind=self.about.output or reading.kind)

    def _takes_two(self, blank: Image, reading: Reading) -> bool:
        """Returns False for a file that leaves the batch open by its shapes alone: it fails on two images, or finds one's boxes."""
        try:
            outputs = self._run([blank, blank])
        except FormatError:
            return False
        return all(len(outputs[name]) == 2 for name in reading.roles.values())

    def _usual_names(self) -> list[str] | None:
        by_id = self.reading.layout not in ("yolox", "yolov5", "yolov8", "yolov10") and self.num_classes == len(COCO91)
        return list(COCO91) if by_id else own_names(None, self.num_classes)

    @property
    def output(self) -> str:
        """The kind of a YOLOX's output, else the layout."""
        return self.reading.kind if self.reading.layout == "yolox" else self.reading.layout

    @property
    def shown_size(self) -> str:
        """The input's height and width as text."""
        return "x".join(map(str, self.size)) if self.size else "any size"

    def announce(self) -> None:
        """Logs which file runs how."""
        size, classes = self.shown_size, self.num_classes or "unknown"
        layout = "" if self.reading.layout == "yolox" else f" layout {self.reading.layout}, {self.fit},"
        log.info("%s: %s,%s %s classes, %s, %s", self.where, self.model.runtime, layout, classes, size, self.convention)

    def _postprocess(self, settings: DetectorSettings) -> PostprocessSettings:
        """Returns the settings by which boxes are chosen; ValueError for those that contradict the suppression inside the file."""
        own, where = self.about, self.where
        class_ids = choose(settings.classes, self.num_classes, self.class_names, where)
        if self.reading.kind != "detections":
            return settings.postprocess(self.num_classes, class_ids, where)
        least, most = own.min_score or 0.0, own.max_detections or MAX_DETECTIONS
        if settings.min_score is not None and settings.min_score < least:
            got = f"got min_score={settings.min_score}: set detector.min_score to {least:g} or more"
            raise ValueError(f"{where}: holds no boxes below the score {least:g} it was exported with, {got}")
        if settings.max_detections is not None and settings.max_detections > most:
            raise ValueError(f"{where}: was exported with max_detections {most}, got max_detections={settings.max_detections}")
        _agreed("nms_iou", own.nms_iou, settings.nms_iou, where)
        return settings.postprocess(self.num_classes, class_ids, where, min_score=least, nms_iou=own.nms_iou, max_detections=most)

    def __call__(self, images: Sequence[Image]) -> list[Detections]:
        if self.size is not None and not self.frames:
            return self._detect(images)
        return [found for _, run in groupby(images, key=lambda image: image.shape) for found in self._detect(list(run))]

    def _detect(self, images: Sequence[Image]) -> list[Detections]:
        outputs = self._run(images)
        size = self.size or (images[0].shape[0], images[0].shape[1])
        places = [place(image.shape, size, self.fit) for image in images]
        if self.reading.kind == "detections":
            rows = outputs[self.reading.roles["output"]]
            found = [self._of_own_rows(rows[rows[:, 0] == number], place) for number, place in enumerate(places)]
        else:
            found = [read(self.reading, outputs, number, size, place, self.postprocess) for number, place in enumerate(places)]
        if self.described is None:
            return found
        layers, rows_of_cells = self.described
        return [
            DescribedDetections(one, describe({name: outputs[name][i] for name in layers}, place.to_input(one.xyxy), rows_of_cells))
            for i, (one, place) in enumerate(zip(found, places, strict=True))
        ]

    def _of_own_rows(self, rows: Array, place: Placement) -> Detections:
        """Returns the detections of rows (n, 7) of one image: image, xyxy, score, class."""
        return select_boxes(rows[:, 1:5], rows[:, 5], rows[:, 6].astype(np.int64), place, self.postprocess, suppressed=True)

    def _run(self, images: Sequence[Image]) -> Outputs:
        """Returns the file's outputs for at most `batch` images; a file of fixed batch gets the last image repeated."""
        size = self.size or (images[0].shape[0], images[0].shape[1])
        count = self.batch if self.padded else len(images)
        pixels = self._room((count, *(images[0].shape if self.frames else (3, *size))))
        if self.frames:
            fixed = self.model.image.shape[1:3]
            for image, row in zip(images, pixels, strict=False):
                check_image(image)
                if fixed not in ((None, None), image.shape[:2]):
                    raise ValueError(
                        f"{self.where}: takes frames of {_shown(fixed)} only, got {image.shape[:2]}: export with another frame_size"
                    )
                row[...] = image
        else:
            network_input(images, size, self.convention, out=pixels[: len(images)], fit=self.fit)
        pixels[len(images) :] = pixels[len(images) - 1]
        sizes = {name: np.tile((size[1], size[0]), (count, 1)).astype(port.type) for name, port in list(self.model.inputs.items())[1:]}
        return self.model.run(pixels if len(self.model.image.shape) == 4 else pixels[0], **sizes)

    def _room(self, shape: tuple[int, ...]) -> Array:
        """Returns this thread's memory for an input of `shape`."""
        pixels: Array | None = getattr(self._own, "pixels", None)
        if pixels is None or pixels.shape != shape:
            try:
                pixels = self._own.pixels = np.empty(shape, self.model.image.type)
            except (MemoryError, ValueError):
                raise FormatError(f"{self.where}: no memory holds its input {_shown(shape)}") from None
        return pixels


def _ports(ports: Mapping[str, Port]) -> str:
    return ", ".join(f"{name} {_shown(port.shape)} {port.type}" for name, port in ports.items())


def _shown(shape: Sequence[int | None]) -> str:
    return f"({', '.join('?' if side is None else str(side) for side in shape)})"


def _agreed(name: str, own: Any, setting: Any, where: str) -> Any:
    """Returns the file's value or the setting's; ValueError if both are there and differ."""
    if own is not None and setting not in (None, own):
        raise ValueError(f"{where}: was exported with {name} {own}, got {setting}: set detector.{name}={own}")
    return own if setting is None else setting
