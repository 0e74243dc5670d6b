"""Reads the metadata of an exported file: our own, and the keys that other exporters write."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bytetrack.detection.settings import CONVENTIONS
from bytetrack.errors import FormatError

__all__ = ["FOREIGN", "INPUTS", "KINDS", "About"]

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

NUMBERS = {"num_classes": (int,), "max_detections": (int,), "min_score": (int, float), "nms_iou": (int, float)}
"""Fields that are numbers, and the types that JSON gives them."""

FOREIGN = ("names", "imgsz", "task")
"""Keys of other exporters: class names by number, the input's size, and what the network is for."""


@dataclass(frozen=True)
class About:
    """The metadata of an exported file; None for what it does not state.

    `output`: one of `KINDS`; `input`: one of `INPUTS`, None is `images`. `min_score`, `nms_iou`, `max_detections`: of the suppression
    inside, if any. `task`: of a foreign file, `detect` if it finds boxes.
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
    task: str | None = None

    @classmethod
    def read(cls, properties: Mapping[str, str], where: str) -> About:
        """Reads the metadata of the file `where`, which may hold other keys too; FormatError for values that cannot be."""
        found = {name: _parsed(properties[name]) for name in cls.__dataclass_fields__ if properties.get(name)}
        names = found.get("class_names")
        if isinstance(names, str):  # other exporters' way
            found["class_names"] = names.split(",")
        about = cls(**{**_foreign(properties), **found})
        if about.class_names is not None and not (
            isinstance(about.class_names, list) and all(isinstance(n, str) for n in about.class_names)
        ):
            raise FormatError(f"{where}: expected metadata class_names to be a list of names, got {about.class_names!r}")
        if about.convention not in (None, *CONVENTIONS):
            raise FormatError(f"{where}: expected metadata convention to be {' or '.join(CONVENTIONS)}, got {about.convention!r}")
        if about.output not in (None, *KINDS) or (about.output == "detections" and not isinstance(about.num_classes, int)):
            raise FormatError(f"{where}: expected metadata output to be {', '.join(KINDS)}, with num_classes, got {about.output!r}")
        if about.input not in (None, *INPUTS):
            raise FormatError(f"{where}: expected metadata input to be {' or '.join(INPUTS)}, got {about.input!r}")
        about._check_numbers(where)
        return about

    def _check_numbers(self, where: str) -> None:
        """Raises FormatError for a number that is none, or is below 0, and for an input size that is not two whole numbers."""
        for name, kinds in NUMBERS.items():
            value = getattr(self, name)
            if value is not None and not (type(value) in kinds and value >= 0):
                raise FormatError(f"{where}: expected metadata {name} to be a number from 0, got {value!r}")
        size = self.input_size
        if size is not None and not (isinstance(size, list) and len(size) == 2 and all(type(side) is int for side in size)):
            raise FormatError(f"{where}: expected metadata input_size [height, width], got {size!r}")

    def properties(self) -> dict[str, str]:
        """Returns it as text by key, for the file."""
        return {name: v if isinstance(v, str) else json.dumps(v) for name, v in asdict(self).items() if v is not None}


def _foreign(properties: Mapping[str, str]) -> dict[str, Any]:
    """Returns what the keys `FOREIGN` state, by our names; values that cannot be are passed over."""
    names, size = (_literal(properties.get(key, "")) for key in ("names", "imgsz"))
    found: dict[str, Any] = {"task": properties.get("task") or None}
    if isinstance(names, dict) and names and all(isinstance(number, int) and 0 <= number < 10 * len(names) for number in names):
        found["class_names"] = [str(names.get(number, number)) for number in range(max(names) + 1)]
    elif isinstance(names, list) and names:
        found["class_names"] = [str(name) for name in names]
    sides = [size, size] if isinstance(size, int) else list(size) if isinstance(size, (list, tuple)) else []
    if len(sides) == 2 and all(isinstance(side, int) and side > 0 for side in sides):
        found["input_size"] = sides
    return found


def _literal(text: str) -> Any:
    """Returns the Python literal in `text`, None if it is none."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
