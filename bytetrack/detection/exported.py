"""A YOLOX in a file that some runtime calls: what the file says of itself, and a detector made of it. Never imports torch."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bytetrack.detection.classes import choose, own_names
from bytetrack.detection.detector import NetworkDetector
from bytetrack.detection.grid import anchor_grid
from bytetrack.detection.settings import CONVENTIONS, MAX_DETECTIONS, DetectorSettings, PostprocessSettings, check_input_size, settings_key
from bytetrack.errors import FormatError, MissingDataError
from bytetrack.structures import PAD, Detections

if TYPE_CHECKING:
    from typing import Self

__all__ = ["KINDS", "About", "ExportedDetector", "Loaded", "Model"]

log = logging.getLogger(__name__)

Floats = npt.NDArray[np.floating[Any]]
Image = npt.NDArray[np.uint8]

KINDS = {
    "raw": "(B, A, 5 + C): dx, dy, log w, log h in strides, objectness, class scores; as YOLOX's own exporter",
    "decoded": "(B, A, 5 + C): centre x, centre y, width, height in input pixels, objectness, class scores",
    "detections": "(n, 7): image, left, top, right, bottom in input pixels, score, class; best first",
}
"""The outputs an exported file can have."""

INPUTS = {
    "images": "float (B, 3, H, W), letterboxed, in the file's convention",
    "frames": "uint8 (B, H, W, 3): frames as they are, BGR, those of a batch of one size",
}
"""The inputs an exported file can have."""

MOST_PIXELS = 2**26
"""Of a network's input: 8192 x 8192."""

MAX_LOG_SIZE = 20.0
"""No box is exp(20) strides wide: wider numbers are pixels already."""


@dataclass(frozen=True)
class About:
    """What an exported file says of itself, in its metadata; None where it says nothing.

    `output`: one of `KINDS`; `input`: one of `INPUTS`, None is `images`. `min_score`, `nms_iou`, `max_detections`: of the suppression
    inside, if any.
    """

    output: str | None = None
    convention: str | None = None
    class_names: list[str] | None = None
    num_classes: int | None = None
    input_size: list[int] | None = None
    min_score: float | None = None
    nms_iou: float | None = None
    max_detections: int | None = None
    input: str | None = None

    @classmethod
    def read(cls, properties: Mapping[str, str], where: str) -> About:
        """From the metadata of the file `where`, which may hold other keys too; FormatError for values that cannot be."""
        found = {name: _parsed(properties[name]) for name in cls.__dataclass_fields__ if properties.get(name)}
        names = found.get("class_names")
        if isinstance(names, str):  # other exporters' way
            found["class_names"] = names.split(",")
        about = cls(**found)
        if about.class_names is not None and not (
            isinstance(about.class_names, list) and all(isinstance(n, str) for n in about.class_names)
        ):
            raise FormatError(f"{where}: expected metadata class_names to be a list of names, got {about.class_names!r}")
        if about.convention is not None and about.convention not in CONVENTIONS:
            raise FormatError(f"{where}: expected metadata convention to be {' or '.join(CONVENTIONS)}, got {about.convention!r}")
        if about.output not in (None, *KINDS) or (about.output == "detections" and not isinstance(about.num_classes, int)):
            raise FormatError(f"{where}: expected metadata output to be {', '.join(KINDS)}, with num_classes, got {about.output!r}")
        if about.input not in (None, *INPUTS):
            raise FormatError(f"{where}: expected metadata input to be {' or '.join(INPUTS)}, got {about.input!r}")
        return about

    def properties(self) -> dict[str, str]:
        """As text by key, for the file."""
        return {name: v if isinstance(v, str) else json.dumps(v) for name, v in asdict(self).items() if v is not None}


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


class Model(NamedTuple):
    """A loaded file: its call, the shapes of input and output (None for an open side), the input's type, its metadata."""

    run: Callable[[npt.NDArray[Any]], Floats]
    input_shape: tuple[int | None, ...]
    output_shape: tuple[int | None, ...]
    dtype: type[np.number[Any]]
    properties: Mapping[str, str]
    runtime: str


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
        """Returns a name for everything that decides which boxes are found: hash of the file's bytes and of the settings."""
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

    @property
    def class_names(self) -> list[str] | None:
        """Names of the file's classes, by number, if known."""
        return self._loaded.class_names

    def decided(self) -> dict[str, Any]:
        """Returns the settings that the file decides, with its values: the size that its input is fixed to, else its metadata's."""
        model = self.open()
        about = About.read(model.properties, str(self.weights))
        sides = [side for side in model.input_shape[2:] if side is not None and about.input != "frames"]
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


class Loaded:
    """A loaded file, called on at most `batch` images; `where` is its name in messages."""

    def __init__(self, settings: DetectorSettings, model: Model, where: str) -> None:
        self.where, self.model, self.about = where, model, About.read(model.properties, where)
        rows = 2 if self.about.output == "detections" else 3
        self.frames = self.about.input == "frames"
        channels = model.input_shape[3 if self.frames else 1 :][:1]
        if len(model.input_shape) != 4 or channels not in ((3,), (None,)) or len(model.output_shape) != rows:
            got = f"{_shown(model.input_shape)} to {_shown(model.output_shape)}"
            raise FormatError(f"{where}: expected a YOLOX, images (B, 3, H, W) to (B, A, 5 + C): got {got}")
        if self.frames != (model.dtype == np.uint8):
            raise FormatError(f"{where}: expected uint8 for metadata input=frames and floats for others, got {model.dtype.__name__}")
        fixed = model.input_shape[0]
        self.batch, self.padded = fixed or settings.batch_size, fixed is not None
        sides = tuple(self.about.input_size or ()) if self.frames else model.input_shape[2:]
        if len(sides) != 2:
            raise FormatError(f"{where}: expected metadata input_size [height, width], got {self.about.input_size}")
        self.size = _size(sides, settings.input_size, self.about.input_size, where)
        self.convention = _agreed("convention", self.about.convention, settings.convention, where) or "bgr255"
        if min(self.size) < 1 or self.size[0] * self.size[1] > MOST_PIXELS:
            raise FormatError(f"{where}: expected pictures of at most {MOST_PIXELS} pixels, the file takes {self.size[0]}x{self.size[1]}")
        self.grid, self.stride = anchor_grid(*self.size)
        self._own = threading.local()  # each thread's input, kept: fresh memory costs as much as filling it
        self.kind, self.num_classes = self._probe(where)
        self.class_names = own_names(self.about.class_names, self.num_classes)
        self.postprocess = self._postprocess(settings)

    def announce(self) -> None:
        """Logs which file runs how."""
        log.info("%s: %s, %d classes, %dx%d, %s", self.where, self.model.runtime, self.num_classes, *self.size, self.convention)

    def _probe(self, where: str) -> tuple[str, int]:
        """Returns the output's kind and the number of classes: the metadata's, else inferred from the output on a blank image."""
        kind, classes = self.about.output, self.about.num_classes
        if kind is not None and classes is not None:
            return kind, classes
        output = self._run([np.full((*self.size, 3), PAD, np.uint8)])
        if output.shape[1] != len(self.grid) or output.shape[2] < 6:
            raise FormatError(f"{where}: expected a YOLOX's output (B, {len(self.grid)}, 5 + C), got {_shown(output.shape)}")
        guess = "decoded" if output[..., 2:4].max() > MAX_LOG_SIZE else "raw"
        return kind or guess, output.shape[2] - 5

    def _postprocess(self, settings: DetectorSettings) -> PostprocessSettings:
        """Returns the settings by which boxes are chosen; ValueError for those that contradict the suppression inside the file."""
        own, where = self.about, self.where
        class_ids = choose(settings.classes, self.num_classes, own.class_names, where)
        if self.kind != "detections":
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
        if not self.frames:
            return self._detect(images)
        return [found for _, run in groupby(images, key=lambda image: image.shape) for found in self._detect(list(run))]

    def _detect(self, images: Sequence[Image]) -> list[Detections]:
        from bytetrack.detection.postprocess_numpy import select_anchors, select_rows
        from bytetrack.detection.preprocess import letterbox_ratio

        output = self._run(images)
        ratios = [letterbox_ratio(image.shape, self.size) for image in images]
        if self.kind == "detections":
            return [select_rows(output[output[:, 0] == row, 1:], ratio, self.postprocess) for row, ratio in enumerate(ratios)]
        if output.shape[1] != len(self.grid):
            raise FormatError(
                f"{self.where}: expected {len(self.grid)} anchors for {self.size[0]}x{self.size[1]}, the file gives {output.shape[1]}"
            )
        grid, stride = (self.grid, self.stride) if self.kind == "raw" else (None, None)
        return [select_anchors(output[row], grid, stride, ratio, self.postprocess) for row, ratio in enumerate(ratios)]

    def _run(self, images: Sequence[Image]) -> Floats:
        """The file's output for at most `batch` images; a file of fixed batch gets the last image repeated."""
        from bytetrack.detection.preprocess import check_image, network_input

        sides = images[0].shape if self.frames else (3, *self.size)
        shape = (self.batch if self.padded else len(images), *sides)
        pixels: npt.NDArray[Any] | None = getattr(self._own, "pixels", None)
        if pixels is None or pixels.shape != shape:
            try:
                pixels = self._own.pixels = np.empty(shape, self.model.dtype)
            except (MemoryError, ValueError):
                raise FormatError(f"{self.where}: no memory holds its input {_shown(shape)}") from None
        if self.frames:
            fixed = self.model.input_shape[1:3]
            for image, row in zip(images, pixels, strict=False):
                check_image(image)
                if fixed not in ((None, None), image.shape[:2]):
                    raise ValueError(
                        f"{self.where}: takes frames of {_shown(fixed)} only, got {image.shape[:2]}: export with another frame_size"
                    )
                row[...] = image
        else:
            network_input(images, self.size, self.convention, out=pixels[: len(images)])
        pixels[len(images) :] = pixels[len(images) - 1]
        return self.model.run(pixels)


def _shown(shape: Sequence[int | None]) -> str:
    return f"({', '.join('?' if side is None else str(side) for side in shape)})"


def _size(shape: Sequence[int | None], setting: tuple[int, int] | None, own: Sequence[int] | None, where: str) -> tuple[int, int]:
    """Height and width of the input: the file's where fixed, else the setting, else what it was exported for."""
    height, width = shape
    if height is not None and width is not None:
        if setting not in (None, (height, width)):
            raise ValueError(f"{where}: takes images of {height}x{width} only: leave detector.input_size null")
        return height, width
    if setting is None and own is None:
        raise ValueError(f"{where}: takes images of any size: set detector.input_size to [height, width]")
    return setting or check_input_size(own or ())


def _agreed(name: str, own: Any, setting: Any, where: str) -> Any:
    """The file's value or the setting's; ValueError where both are there and differ."""
    if own is not None and setting not in (None, own):
        raise ValueError(f"{where}: was exported with {name} {own}, got {setting}: set detector.{name}={own}")
    return own if setting is None else setting
