"""Turns a network's output into detections, as `postprocess` does, without torch: NumPy, and OpenCV's suppression."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from bytetrack.boxes import tlwh_from_xyxy, xyxy_from_xywh
from bytetrack.detection.grid import decode
from bytetrack.detection.preprocess import Placement
from bytetrack.detection.settings import PostprocessSettings
from bytetrack.structures import Detections

__all__ = ["select_anchors", "select_boxes", "suppress"]

Floats = npt.NDArray[np.floating[Any]]


def select_anchors(
    output: Floats, grid: Floats | None, stride: Floats | None, place: Placement, settings: PostprocessSettings
) -> Detections:
    """Returns the detections, best first, of one image's output (A, 5 + C), scores past the sigmoid.

    Without `grid`, boxes are decoded already. ValueError if the output is not a number.
    """
    objectness = output[:, 4].copy()  # close together: it is read twice
    if np.isnan(objectness.sum()):
        raise settings.not_a_number()
    likely = np.flatnonzero(objectness >= settings.min_score)  # no class can raise a score
    rows = output[likely].astype(np.float32, copy=False)
    scores = rows[:, 4:5] * rows[:, 5:]
    class_id = scores.argmax(axis=1)
    score = scores[np.arange(len(rows)), class_id]
    keep = _wanted(score, class_id, settings)
    rows, score, class_id, likely = rows[keep], score[keep], class_id[keep], likely[keep]
    with np.errstate(over="ignore", invalid="ignore"):
        xywh = rows[:, :4]
        if grid is not None and stride is not None:
            xywh = np.hstack(decode(xywh, grid[likely], stride[likely]))
        xyxy = xyxy_from_xywh(xywh)
    return _best(xyxy, score, class_id, place, settings, suppressed=False)


def select_boxes(
    xyxy: Floats, score: Floats, class_id: npt.NDArray[np.integer[Any]], place: Placement, settings: PostprocessSettings, suppressed: bool
) -> Detections:
    """Returns the detections, best first, of one image's boxes (n, 4) in input pixels, `suppressed` by the network itself or not.

    ValueError if a score is not a number.
    """
    if np.isnan(score.sum()):
        raise settings.not_a_number()
    kept = np.flatnonzero(_wanted(score, class_id, settings))
    return _best(xyxy[kept].astype(np.float64), score[kept], class_id[kept].astype(np.int64), place, settings, suppressed)


def _best(
    xyxy: Floats, score: Floats, class_id: npt.NDArray[np.int64], place: Placement, settings: PostprocessSettings, suppressed: bool
) -> Detections:
    finite = np.isfinite(xyxy).all(axis=1)
    xyxy, score, class_id = xyxy[finite], score[finite], class_id[finite]
    kept = np.argsort(-score, kind="stable") if suppressed else suppress(xyxy, score, class_id, settings.nms_iou)
    kept = kept[: settings.max_detections]
    return Detections(place.to_image(xyxy[kept]), score[kept].astype(np.float64), None if settings.single else class_id[kept])


def suppress(xyxy: Floats, score: Floats, class_id: npt.NDArray[np.int64], nms_iou: float) -> npt.NDArray[np.int64]:
    """Returns the rows that stay, best first, if of two boxes of one class that overlap by more than `nms_iou` the lower is removed."""
    nms: Any = cv2.dnn.NMSBoxes  # whose stub knows lists only; and it drops scores of 0, hence ranks
    order = np.argsort(-score, kind="stable")
    tlwh, classes = tlwh_from_xyxy(xyxy)[order], class_id[order]
    kept: list[int] = []
    for number in np.unique(classes):
        rows = np.flatnonzero(classes == number)
        kept.extend(rows[np.asarray(nms(tlwh[rows], np.arange(len(rows), 0.0, -1.0), 0.0, nms_iou), dtype=np.int64).ravel()])
    return order[np.sort(np.array(kept, dtype=np.int64))]


def _wanted(score: Floats, class_id: npt.NDArray[np.integer[Any]], settings: PostprocessSettings) -> npt.NDArray[np.bool_]:
    keep: npt.NDArray[np.bool_] = score >= settings.min_score
    if settings.class_ids is None:
        return keep
    wanted: npt.NDArray[np.bool_] = (class_id[:, None] == np.array(settings.class_ids)).any(axis=1)  # np.isin takes longer
    return keep & wanted
