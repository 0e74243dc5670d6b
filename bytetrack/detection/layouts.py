"""Recognises and reads the outputs that people export detectors with (`settings.LAYOUTS`). NumPy and OpenCV, no torch."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bytetrack.boxes import xyxy_from_xywh
from bytetrack.detection.classes import COCO
from bytetrack.detection.grid import anchor_grid
from bytetrack.detection.postprocess_numpy import select_anchors, select_boxes
from bytetrack.detection.preprocess import Placement
from bytetrack.detection.settings import PostprocessSettings
from bytetrack.errors import FormatError
from bytetrack.structures import Detections

__all__ = ["Outputs", "Reading", "as_told", "find_roles", "read", "recognise"]

Array = npt.NDArray[Any]
Outputs = Mapping[str, Array]

STRIDES = {"usual": (8, 16, 32), "with 64": (8, 16, 32, 64), "with 4": (4, 8, 16, 32)}
"""The anchor grids of YOLO networks."""

MAX_LOG_SIZE = 20.0
"""No box is exp(20) strides wide: wider numbers are pixels already."""

MAX_FRACTION = 2.0
"""No box is twice as wide as the image: wider numbers are pixels."""


class Reading(NamedTuple):
    """The reading of a file's outputs.

    `layout` is one of `LAYOUTS`; `roles` are the outputs' names by their roles. `kind`: a YOLOX's `raw` boxes are decoded here, others
    are `decoded`. `num_classes`: None if the outputs do not tell; columns beyond it are none. `fractions`: boxes are fractions of the
    input, not pixels. `batched`: outputs are by image, else those of one image.
    """

    layout: str
    roles: Mapping[str, str]
    num_classes: int | None = None
    kind: str = "decoded"
    fractions: bool = False
    batched: bool = True


def recognise(outputs: Outputs, size: tuple[int, int] | None, names: int | None) -> Reading | None:
    """Returns how to read the `outputs` of a blank image, None if that cannot be told.

    `size` is the input's height and width, `names` the number of classes that are named, if known.
    """
    for layout in ("torchvision", "rtdetr", "detr"):
        roles = find_roles(layout, outputs)
        if roles is not None:
            softmax = layout == "detr" and _has_no_object(roles["logits"], outputs[roles["logits"]].shape[2], names)
            return _described("detr_softmax" if softmax else layout, roles, outputs, names)
    outputs = {name: output for name, output in outputs.items() if output.ndim != 5}  # YOLOv5 gives raw maps, too
    if len(outputs) != 1 or size is None:
        return None
    ((name, output),) = outputs.items()
    single = _of_one_output(output.shape, size, names)
    return None if single is None else _described(single, {"output": name}, outputs, names)


def _has_no_object(name: str, columns: int, names: int | None) -> bool:
    """Returns True for logits whose last column is softmax's no object: COCO's 91 numbers and it, or the named classes and it where they
    are called logits (RF-DETR's background column, by sigmoid, stands in `labels`)."""
    return columns == 92 or (names is not None and columns == names + 1 and _called(name, "logit"))


def _of_one_output(shape: tuple[int, ...], size: tuple[int, int], names: int | None) -> str | None:
    """Returns the layout of one output of `shape` for an input of `size`; `names` is the number of classes that are named."""
    if len(shape) == 2:
        return "yolov10" if shape[1] == 6 else None
    if len(shape) != 3:
        return None
    cells = {name: sum((size[0] // stride) * (size[1] // stride) for stride in strides) for name, strides in STRIDES.items()}
    rows, columns = shape[1:]
    if rows in cells.values() and columns == 4 + (names or (len(COCO) if columns > 5 else 1)):
        return "yolov8"  # not transposed
    if rows == cells["usual"] and columns >= 6:
        return "yolox"
    if rows in (3 * cells["usual"], 3 * cells["with 64"]) and columns >= 6:
        return "yolov5"
    if columns in cells.values() and 5 <= rows < columns:
        return "yolov8"
    return "yolov10" if columns == 6 and rows not in cells.values() else None


def find_roles(layout: str, outputs: Outputs) -> dict[str, str] | None:
    """Returns the names of the outputs that play the roles of `layout`, None if one is missing."""
    if layout in ("torchvision", "rtdetr"):
        return _triple(outputs, 2 if layout == "torchvision" else 3)
    if layout in ("detr", "detr_softmax"):
        return _boxes_and_logits(outputs)
    for name, output in outputs.items():
        if layout == "yolov10":
            fits = output.ndim in (2, 3) and output.shape[-1] == 6
        else:
            fits = output.ndim == 3 and (layout == "yolov8" or not _is_wide(output))
        if fits:
            return {"output": name}
    return None


def _is_wide(output: Array) -> bool:
    """Returns True for anchors in columns."""
    return bool(output.shape[-2] < output.shape[-1])


def _triple(outputs: Outputs, dimensions: int) -> dict[str, str] | None:
    """Returns which outputs are boxes, labels and scores, by their shapes, their types and, for two of one type, their names."""
    for boxes, output in outputs.items():
        if output.ndim != dimensions or output.shape[-1] != 4:
            continue
        beside = {name: other for name, other in outputs.items() if name != boxes and other.shape == output.shape[:-1]}
        labels = [name for name, other in beside.items() if other.dtype.kind in "iu"] or [n for n in beside if _called(n, "label", "class")]
        scores = [name for name, other in beside.items() if other.dtype.kind == "f" and name not in labels]
        if len(labels) == 1 and len(scores) == 1:
            return {"boxes": boxes, "labels": labels[0], "scores": scores[0]}
    return None


def _boxes_and_logits(outputs: Outputs) -> dict[str, str] | None:
    """Returns which outputs are boxes and logits: by their names, for three classes and a background are four numbers too."""
    usual = next((name for name in ("logits", "pred_logits") if name in outputs and "pred_boxes" in outputs), None)
    if usual is not None:  # beside them transformers gives those of its encoder
        outputs = {name: outputs[name] for name in ("pred_boxes", usual)}
    fours = [name for name, output in outputs.items() if output.ndim == 3 and output.shape[-1] == 4]
    boxes = [name for name in fours if _called(name, "box", "dets")] if len(fours) > 1 else fours
    if len(boxes) != 1:
        return None
    shape = outputs[boxes[0]].shape
    logits = [name for name, output in outputs.items() if name != boxes[0] and output.ndim == 3 and output.shape[:2] == shape[:2]]
    named = [name for name in logits if _called(name, "logit", "label", "score", "class")] or logits
    return {"boxes": boxes[0], "logits": named[0]} if len(named) == 1 else None


def _called(name: str, *words: str) -> bool:
    return any(word in name.lower() for word in words)


def _described(layout: str, roles: dict[str, str], outputs: Outputs, names: int | None) -> Reading | None:
    """Returns the reading of a layout: number of classes and kind of boxes as the outputs of a blank image show them."""
    if layout in ("torchvision", "yolov10"):
        return Reading(layout, roles, batched=layout == "yolov10" and outputs[roles["output"]].ndim == 3)
    if layout == "rtdetr":
        return Reading(layout, roles, fractions=_are_fractions(outputs[roles["boxes"]]))
    if layout in ("detr", "detr_softmax"):
        columns = outputs[roles["logits"]].shape[2]
        if not _are_fractions(outputs[roles["boxes"]]):
            return None
        background = layout == "detr_softmax" or (names is not None and columns == names + 1)
        return Reading(layout, roles, columns - background, fractions=True)
    shape = outputs[roles["output"]].shape
    if layout == "yolov8":
        output = outputs[roles["output"]]
        raw = not _is_wide(output) and output[..., 2:4].min() < 0  # a YOLOX's logarithms
        return None if raw else Reading(layout, roles, min(shape[1:]) - 4)
    raw = layout == "yolox" and outputs[roles["output"]][..., 2:4].max() <= MAX_LOG_SIZE
    return Reading(layout, roles, shape[2] - 5, "raw" if raw else "decoded")


def as_told(layout: str, outputs: Outputs, size: tuple[int, int] | None, names: int | None) -> Reading | None:
    """Returns how to read the `outputs` of a blank image by `layout`, None if they do not have it; more columns than names are left."""
    roles = find_roles(layout, outputs)
    reading = None if roles is None else _described(layout, roles, outputs, names)
    if reading is None or (layout == "yolox" and size and outputs[reading.roles["output"]].shape[1] != len(_anchors(size)[0])):
        return None
    if layout in ("yolov5", "yolov8") and names is not None and (reading.num_classes or 0) > names:
        return reading._replace(num_classes=names)
    return reading


def _are_fractions(boxes: Array) -> bool:
    return bool(np.abs(boxes).max(initial=0) <= MAX_FRACTION)


def read(
    reading: Reading, outputs: Outputs, row: int, size: tuple[int, int], place: Placement, settings: PostprocessSettings
) -> Detections:
    """Returns the detections of image `row` of a batch, best first, in the pixels of the image, which lies at `place` in the input."""
    found = {role: outputs[name] for role, name in reading.roles.items()}
    if reading.batched:
        found = {role: output[row] for role, output in found.items()}
    if reading.layout in ("yolox", "yolov5"):
        output = found["output"][:, : 5 + (reading.num_classes or 0)]
        if reading.layout == "yolox" and len(output) != len(_anchors(size)[0]):
            expected = f"{len(_anchors(size)[0])} anchors for {size[0]}x{size[1]}"
            raise FormatError(f"{settings.source}: expected {expected}, the file gives {len(output)}")
        grid, stride = _anchors(size) if reading.kind == "raw" else (None, None)
        return select_anchors(output, grid, stride, place, settings)
    if reading.layout == "yolov8":
        rows = found["output"].T if _is_wide(found["output"]) else found["output"]
        scores = rows[:, 4 : 4 + (reading.num_classes or 0)]
        class_id = scores.argmax(axis=1)
        xyxy, score = xyxy_from_xywh(rows[:, :4]), scores[np.arange(len(scores)), class_id]
    elif reading.layout == "yolov10":
        rows = found["output"]
        xyxy, score, class_id = rows[:, :4], rows[:, 4], rows[:, 5].astype(np.int64)
    elif reading.layout in ("detr", "detr_softmax"):
        score, class_id = _best_class(found["logits"].astype(np.float64), reading)
        xyxy = xyxy_from_xywh(found["boxes"])
    else:
        xyxy, score, class_id = found["boxes"], found["scores"], found["labels"].astype(np.int64)
    if reading.fractions:
        xyxy = xyxy * np.array((size[1], size[0]) * 2, dtype=np.float64)
    return select_boxes(xyxy, score, class_id, place, settings, suppressed=reading.layout != "yolov8")


@lru_cache(maxsize=8)
def _anchors(size: tuple[int, int]) -> tuple[Array, Array]:
    return anchor_grid(*size)


def _best_class(logits: Array, reading: Reading) -> tuple[Array, Array]:
    """Returns the score and the number of the best class of every query's logits (n, C)."""
    with np.errstate(over="ignore"):
        if reading.layout == "detr_softmax":
            likely = np.exp(logits - logits.max(axis=1, keepdims=True))
            scores = likely / likely.sum(axis=1, keepdims=True)
        else:
            scores = 1 / (1 + np.exp(-logits))
    scores = scores[:, : reading.num_classes]
    class_id = scores.argmax(axis=1)
    return scores[np.arange(len(scores)), class_id], class_id
