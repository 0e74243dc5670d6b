"""A YOLOX in a file that some runtime calls: what the file says of itself, and a detector made of it. Never imports torch."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bytetrack.detection.classes import choose, own_names
from bytetrack.detection.yolox import NAMES as CONVENTIONS
from bytetrack.detection.yolox import check_convention, check_input_size, check_settings, settings_key
from bytetrack.errors import FormatError, MissingDataError
from bytetrack.structures import Detections

if TYPE_CHECKING:
    from typing import Self

    from bytetrack.detection.select import Limits

__all__ = ["KINDS", "About", "ExportedDetector", "Model"]

log = logging.getLogger("bytetrack")

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


class ExportedDetector:
    """What the detectors of exported files share: settings, key, batches; a subclass says how to open the file.

    Settings that are None are the file's own, where it says, else those of `Yolox`.
    """

    name = "exported"

    def __init__(
        self,
        weights: str | Path,
        input_size: Sequence[int] | None,
        convention: str | None,
        classes: Sequence[str | int] | None,
        min_score: float | None,
        nms_iou: float | None,
        max_detections: int | None,
        batch_size: int,
        threads: int,
    ) -> None:
        self.weights = Path(weights)
        self.input_size = check_input_size(input_size) if input_size is not None else None
        self.convention = check_convention(convention)
        self.classes = list(classes) if classes is not None else None
        self.min_score, self.nms_iou, self.max_detections = min_score, nms_iou, max_detections
        self.batch_size, self.threads = batch_size, threads
        check_settings(
            0.01 if min_score is None else min_score,
            0.7 if nms_iou is None else nms_iou,
            1000 if max_detections is None else max_detections,
            batch_size,
        )
        if not isinstance(threads, int) or threads < 0:
            raise ValueError(f"threads must be a whole number, 0 for the runtime's own choice: got {threads!r}")
        if not self.weights.is_file():
            raise MissingDataError(f"no {self.name} file at '{weights}': set detector.weights to one, made by tools/export.py")

    def key(self) -> str:
        """A name for everything that decides what is found: hash of the file's bytes and of the settings (not of threads or batch)."""
        names = ("input_size", "convention", "classes", "min_score", "nms_iou", "max_detections")
        return settings_key(type(self).__name__.lower(), self.weights, {name: getattr(self, name) for name in names} | self._decides())

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """Detections of each image, uint8 (H, W, 3) BGR of any size, in its own pixels, best first; any number of images."""
        found: list[Detections] = []
        for first in range(0, len(images), self._loaded.batch):
            found += self._loaded(images[first : first + self._loaded.batch])
        return found

    callers = 1
    told = False  # whether the log says already what the file is

    @property
    def on_cpu(self) -> bool:
        """Whether it runs on the cores that everything else needs too, as many of them as it finds good."""
        return self.threads == 0

    def shared(self, callers: int, threads: int) -> Self:
        """The same detector, for so many threads that call it at once: each call uses `threads` cores of the CPU."""
        twin = copy(self)
        twin.told = "_loaded" in vars(self)
        twin.callers, twin.threads = callers, threads
        return twin

    def __getstate__(self) -> dict[str, Any]:
        """Without what is loaded: a copy, or another process, loads the file itself."""
        return {name: value for name, value in vars(self).items() if name != "_loaded"}

    @property
    def class_names(self) -> list[str] | None:
        """What the file's classes are called, by number, where that is known."""
        return self._loaded.class_names

    def decided(self) -> dict[str, Any]:
        """The settings that the file decides, with its values: the size that its input is fixed to, else what its metadata say."""
        model = self._open()
        about = About.read(model.properties, str(self.weights))
        sides = [side for side in model.input_shape[2:] if side is not None and about.input != "frames"]
        own = {"input_size": sides if len(sides) == 2 else about.input_size, "convention": about.convention}
        return {name: value for name, value in own.items() if value is not None}

    @cached_property
    def _loaded(self) -> _Loaded:
        return _Loaded(self, self._open())

    def _open(self) -> Model:
        raise NotImplementedError

    def _decides(self) -> dict[str, Any]:
        return {}


class _Loaded:
    """A loaded file, called on at most `batch` images."""

    def __init__(self, detector: ExportedDetector, model: Model) -> None:
        from bytetrack.detection.select import anchor_grid

        where = str(detector.weights)
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
        self.batch, self.padded = fixed or detector.batch_size, fixed is not None
        sides = tuple(self.about.input_size or ()) if self.frames else model.input_shape[2:]
        if len(sides) != 2:
            raise FormatError(f"{where}: expected metadata input_size [height, width], got {self.about.input_size}")
        self.size = _size(sides, detector.input_size, self.about.input_size, where)
        self.convention = _agreed("convention", self.about.convention, detector.convention, where) or "bgr255"
        if min(self.size) < 1 or self.size[0] * self.size[1] > MOST_PIXELS:
            raise FormatError(f"{where}: expected pictures of at most {MOST_PIXELS} pixels, the file takes {self.size[0]}x{self.size[1]}")
        self.grid, self.stride = anchor_grid(*self.size)
        self._own = threading.local()  # each thread's input, kept: fresh memory costs as much as filling it
        self.kind, classes = self._probe(where)
        self.class_names = own_names(self.about.class_names, classes)
        self.limits = self._limits(detector, classes, where)
        if not detector.told:
            log.info("%s: %s, %d classes, %dx%d, %s", where, model.runtime, classes, *self.size, self.convention)

    def _probe(self, where: str) -> tuple[str, int]:
        """The kind of output and the number of classes; where the file does not say, from what it makes of an empty picture."""
        kind, classes = self.about.output, self.about.num_classes
        if kind is not None and classes is not None:
            return kind, classes
        output = self._run([np.full((*self.size, 3), 114, np.uint8)])
        if output.shape[1] != len(self.grid) or output.shape[2] < 6:
            raise FormatError(f"{where}: expected a YOLOX's output (B, {len(self.grid)}, 5 + C), got {_shown(output.shape)}")
        looks = "decoded" if output[..., 2:4].max() > MAX_LOG_SIZE else "raw"
        return kind or looks, output.shape[2] - 5

    def _limits(self, detector: ExportedDetector, num_classes: int, where: str) -> Limits:
        from bytetrack.detection.select import Limits

        class_ids = choose(detector.classes, num_classes, self.about.class_names, where)
        single = num_classes == 1 or (class_ids is not None and len(class_ids) == 1)
        own = self.about
        inside = self.kind == "detections"
        least, overlap, most = own.min_score or 0.0, own.nms_iou, own.max_detections or 1000
        if inside and detector.min_score is not None and detector.min_score < least:
            got = f"got min_score={detector.min_score}: set detector.min_score to {least:g} or more"
            raise ValueError(f"{where}: holds no boxes below the score {least:g} it was exported with, {got}")
        if inside and detector.max_detections is not None and detector.max_detections > most:
            raise ValueError(f"{where}: was exported with max_detections {most}, got max_detections={detector.max_detections}")
        return Limits(
            (least if inside else 0.01) if detector.min_score is None else detector.min_score,
            (_agreed("nms_iou", overlap, detector.nms_iou, where) if inside else detector.nms_iou) or 0.7,
            (most if inside else 1000) if detector.max_detections is None else detector.max_detections,
            class_ids,
            single,
            where,
        )

    def __call__(self, images: Sequence[Image]) -> list[Detections]:
        if not self.frames:
            return self._detect(images)
        return [found for _, run in groupby(images, key=lambda image: image.shape) for found in self._detect(list(run))]

    def _detect(self, images: Sequence[Image]) -> list[Detections]:
        from bytetrack.detection.preprocess import letterbox_ratio

        output = self._run(images)
        ratios = [letterbox_ratio(image.shape, self.size) for image in images]
        if self.kind == "detections":
            return [self.limits.of_rows(output[output[:, 0] == row, 1:], ratio) for row, ratio in enumerate(ratios)]
        if output.shape[1] != len(self.grid):
            raise FormatError(
                f"{self.where}: expected {len(self.grid)} anchors for {self.size[0]}x{self.size[1]}, the file gives {output.shape[1]}"
            )
        grid, stride = (self.grid, self.stride) if self.kind == "raw" else (None, None)
        return [self.limits.of_anchors(output[row], grid, stride, ratio) for row, ratio in enumerate(ratios)]

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
