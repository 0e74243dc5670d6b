"""Converts other libraries' detections to `Detections`, and tracks to supervision, without importing these libraries.

Each function takes a library's result for one image. Tensors of any device and precision are converted to arrays. Rows keep their
order, so `tracks.detection_index` also indexes the source: masks, keypoints and names can be carried over.

    results = model(image)                          # any library
    tracks = tracker.update(from_torchvision(results[0]))
    masks = results[0]["masks"][tracks.detection_index]
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from bytetrack.boxes import are_fractions, tlwh_from_xyxy
from bytetrack.score_scale import ROUNDING
from bytetrack.structures import Detections, Tracks

__all__ = ["from_dict", "from_supervision", "from_torchvision", "from_transformers", "from_ultralytics", "to_supervision"]

NAMES = {
    "boxes": ("xyxy", "boxes", "bboxes"),
    "scores": ("score", "scores", "confidence", "conf"),
    "classes": ("class_id", "classes", "class_ids", "labels", "cls"),
}


def from_dict(detections: Mapping[str, Any]) -> Detections:
    """Converts a dict of arrays, lists or tensors to `Detections`.

    Boxes (n, 4) are left, top, right, bottom in pixels under `xyxy`, `boxes` or `bboxes`; scores (n,) are under `score`, `scores`,
    `confidence` or `conf`; optional class numbers (n,) are under `class_id`, `class_ids`, `classes`, `labels` or `cls`. Raises ValueError
    that names a missing key.

    >>> from_dict({"boxes": [[10, 20, 30, 60]], "scores": [0.9], "labels": [1]}).class_id
    array([1])
    """
    if not isinstance(detections, Mapping):
        hint = f"give its item for one image: [0] of {len(detections)}" if isinstance(detections, list | tuple) else "give a dict"
        raise ValueError(f"expected a dict with boxes and scores of one image, got {type(detections).__name__}: {hint}")
    found = {what: next((detections[name] for name in names if detections.get(name) is not None), None) for what, names in NAMES.items()}
    for what in ("boxes", "scores"):
        if found[what] is None:
            raise ValueError(f"expected {what} under one of {', '.join(NAMES[what])}, got the keys {', '.join(map(str, detections))}")
    return _detections(_array(found["boxes"]), _array(found["scores"]), _classes(found["classes"]))


def from_torchvision(output: Mapping[str, Any]) -> Detections:
    """Converts one image's output of a torchvision detection model (`boxes`, `labels`, `scores`) to `Detections`."""
    return from_dict(output)


def from_transformers(output: Mapping[str, Any]) -> Detections:
    """Converts one image's result of `image_processor.post_process_object_detection(outputs, threshold, target_sizes)` to `Detections`.

    Pass `target_sizes`; without it boxes are fractions of the image. Pass a low threshold (0.1), because BYTE uses low scores too. Class
    numbers refer to `model.config.id2label`.
    """
    return from_dict(output)


def from_supervision(detections: Any) -> Detections:
    """Converts `supervision.Detections` to `Detections`: `xyxy`, `confidence` (1 if it is None), `class_id`."""
    _expect(detections, ("xyxy", "confidence", "class_id"), "supervision.Detections")
    xyxy = _array(detections.xyxy)
    score = np.ones(len(xyxy)) if detections.confidence is None else _array(detections.confidence)
    return _detections(xyxy, score, _classes(detections.class_id))


def from_ultralytics(result: Any) -> Detections:
    """Converts one image's `Results` to `Detections`: `result.boxes`, else `result.obb`, with `xyxy` (n, 4), `conf` (n,), `cls` (n,).

    Run the model with a low `conf` (0.1), because BYTE uses low scores too.
    """
    found = getattr(result, "boxes", None)
    boxes: Any = getattr(result, "obb", None) if found is None else found
    _expect(boxes, ("xyxy", "conf", "cls"), "the Results of one image (results[0]) with boxes")
    return _detections(_array(boxes.xyxy), _array(boxes.conf), _classes(boxes.cls))


def to_supervision(tracks: Tracks, source: Any = None) -> Any:
    """Converts tracks to `supervision.Detections` with `tracker_id`, for that library's annotators and zones.

    If the frame's own `supervision.Detections` are passed as `source`, masks and data are carried over by `detection_index`. Identities
    without a detection in this frame are then omitted.
    """
    supervision = import_module("supervision")

    if source is None:
        return supervision.Detections(
            xyxy=tracks.xyxy.copy(),
            confidence=tracks.score.copy(),
            class_id=None if tracks.class_id is None else tracks.class_id.copy(),
            tracker_id=tracks.track_id.copy(),
        )
    matched = tracks.detection_index >= 0
    found = source[tracks.detection_index[matched]]
    found.xyxy, found.tracker_id = tracks.xyxy[matched], tracks.track_id[matched]
    return found


def _expect(thing: Any, attributes: tuple[str, ...], what: str) -> None:
    missing = [name for name in attributes if not hasattr(thing, name)]
    if missing:
        raise ValueError(f"expected {what}, got {type(thing).__name__} without {', '.join(missing)}")


def _detections(xyxy: npt.NDArray[np.float64], score: npt.NDArray[np.float64], class_id: npt.NDArray[np.int64] | None) -> Detections:
    """Returns `Detections` of scores that may lie a rounding beyond [0, 1]; ValueError for boxes that are fractions of the image."""
    if xyxy.ndim == 2 and xyxy.shape[1] == 4 and are_fractions(tlwh_from_xyxy(xyxy)):
        raise ValueError(
            "boxes look like fractions of the image, pixels are expected: multiply them by its width and height "
            "(transformers: give post_process_object_detection target_sizes=[(height, width)])"
        )
    rounded = (score >= -ROUNDING) & (score <= 1 + ROUNDING)
    return Detections(xyxy, np.where(rounded, score.clip(0, 1), score), class_id)


def _array(values: Any) -> npt.NDArray[np.float64]:
    """Returns a float64 array of an array, a list or a tensor (which may need gradients, be on a GPU, or be of half precision)."""
    if hasattr(values, "detach"):
        values = values.detach().cpu().double().numpy()
    return np.array(values, dtype=np.float64)


def _classes(values: Any) -> npt.NDArray[np.int64] | None:
    return None if values is None else _array(values).astype(np.int64)
