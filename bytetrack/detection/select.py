"""From an exported network's output to detections, as `postprocess.Selection` does, without torch: NumPy, and OpenCV's suppression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from bytetrack.boxes import tlwh_from_xyxy, xyxy_from_xywh
from bytetrack.structures import Detections

__all__ = ["Limits", "anchor_grid", "suppress"]

Floats = npt.NDArray[np.floating[Any]]
STRIDES = (8, 16, 32)


def anchor_grid(height: int, width: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """As `network.anchors`: cell (column, row) of every anchor, float32 (A, 2), and its stride in pixels, float32 (A, 1)."""
    grids = [np.indices((height // stride, width // stride)).reshape(2, -1)[::-1].T for stride in STRIDES]
    stride = np.repeat(np.array(STRIDES, dtype=np.float32), [len(grid) for grid in grids])
    return np.concatenate(grids).astype(np.float32), stride[:, None]


def suppress(xyxy: Floats, score: Floats, class_id: npt.NDArray[np.int64], nms_iou: float) -> npt.NDArray[np.int64]:
    """Rows that stay, best first, when of two boxes of one class that overlap by more than `nms_iou` the lower one goes."""
    nms: Any = cv2.dnn.NMSBoxes  # whose stub knows lists only; and it drops scores of 0, hence ranks
    order = np.argsort(-score, kind="stable")
    tlwh, classes = tlwh_from_xyxy(xyxy)[order], class_id[order]
    kept: list[int] = []
    for number in np.unique(classes):
        rows = np.flatnonzero(classes == number)
        kept.extend(rows[np.asarray(nms(tlwh[rows], np.arange(len(rows), 0.0, -1.0), 0.0, nms_iou), dtype=np.int64).ravel()])
    return order[np.sort(np.array(kept, dtype=np.int64))]


@dataclass(frozen=True)
class Limits:
    """Which boxes become detections; the fields as in `postprocess.Selection`."""

    min_score: float
    nms_iou: float
    max_detections: int
    class_ids: tuple[int, ...] | None = None
    single: bool = True
    source: str = "the network"

    def of_anchors(self, output: Floats, grid: Floats | None, stride: Floats | None, ratio: float) -> Detections:
        """Detections, best first, of one image's output (A, 5 + C), scores past the sigmoid; without `grid`, boxes are decoded already.

        ValueError where the output is not a number.
        """
        objectness = output[:, 4].copy()  # close together: it is read twice
        if np.isnan(objectness.sum()):
            raise ValueError(f"{self.source}'s output is not a number (NaN): broken weights, or a precision too low for them (try fp32)")
        likely = np.flatnonzero(objectness >= self.min_score)  # no class can raise a score
        rows = output[likely].astype(np.float32, copy=False)
        scores = rows[:, 4:5] * rows[:, 5:]
        class_id = scores.argmax(axis=1)
        score = scores[np.arange(len(rows)), class_id]
        keep = self._wanted(score, class_id)
        rows, score, class_id, likely = rows[keep], score[keep], class_id[keep], likely[keep]
        with np.errstate(over="ignore", invalid="ignore"):
            xywh = rows[:, :4]
            if grid is not None and stride is not None:
                xywh = np.hstack([(xywh[:, :2] + grid[likely]) * stride[likely], np.exp(xywh[:, 2:]) * stride[likely]])
            xyxy = xyxy_from_xywh(xywh)
        finite = np.isfinite(xyxy).all(axis=1)
        xyxy, score, class_id = xyxy[finite], score[finite], class_id[finite]
        kept = suppress(xyxy, score, class_id, self.nms_iou)[: self.max_detections]
        return Detections(xyxy[kept] / ratio, score[kept], None if self.single else class_id[kept])

    def of_rows(self, rows: Floats, ratio: float) -> Detections:
        """Detections, best first, of one image's rows (n, 6): xyxy, score, class; of a network that has suppressed already."""
        score, class_id = rows[:, 4], rows[:, 5].astype(np.int64)
        kept = np.flatnonzero(self._wanted(score, class_id))
        kept = kept[np.argsort(-score[kept], kind="stable")][: self.max_detections]
        return Detections(
            rows[kept, :4].astype(np.float64) / ratio, score[kept].astype(np.float64), None if self.single else class_id[kept]
        )

    def _wanted(self, score: Floats, class_id: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        keep: npt.NDArray[np.bool_] = score >= self.min_score
        if self.class_ids is None:
            return keep
        wanted: npt.NDArray[np.bool_] = (class_id[:, None] == np.array(self.class_ids)).any(axis=1)  # np.isin takes longer
        return keep & wanted
