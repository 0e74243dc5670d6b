"""Packs the boxes of a sequence for the page's player: 16-bit numbers in base64, every n-th frame if there are many boxes."""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from bytetrack.report.analysis import SequenceMatch
from bytetrack.structures import Sequence

__all__ = ["scene", "scene_step"]

MOST_BOXES = 140_000  # 16 characters each
Ints = npt.NDArray[np.int64]


def scene_step(matches: list[SequenceMatch]) -> int:
    """Returns how many frames apart the shown frames must be for a report to stay small."""
    boxes = sum(len(match.pred_id) + int(np.sum(match.gt_pred < 0)) for match in matches)
    return max(1, math.ceil(boxes / MOST_BOXES))


def scene(match: SequenceMatch, sequence: Sequence, step: int) -> dict[str, Any]:
    """Packs predicted boxes and missed people of frames 1, 1 + step, …

    `boxes` holds x, y, width, height, index into `ids`, identity (0; -1: none), of `counts` boxes a frame, one frame after another.
    """
    ids, index = np.unique(match.pred_id, return_inverse=True)
    missed = match.gt_pred < 0
    return {
        "width": sequence.width,
        "height": sequence.height,
        "rate": sequence.frame_rate,
        "step": step,
        "ids": ids.tolist(),
        "pred": _packed(match.pred_frame, match.pred_tlwh, index, np.where(match.pred_gt < 0, -1, 0), match.length, step),
        "miss": _packed(match.gt_frame[missed], match.gt_tlwh[missed], -np.ones(missed.sum()), np.zeros(missed.sum()), match.length, step),
    }


def _packed(
    frame: Ints, tlwh: npt.NDArray[np.float64], index: npt.NDArray[Any], identity: npt.NDArray[Any], length: int, step: int
) -> dict[str, Any]:
    order = np.argsort(frame, kind="stable")
    order = order[(frame[order] - 1) % step == 0]
    columns = np.column_stack([tlwh[order].round(), index[order], identity[order]])
    packed = np.clip(columns, -(2**15), 2**15 - 1).astype("<i2").tobytes()
    counts = np.bincount((frame[order] - 1) // step, minlength=(length - 1) // step + 1)
    return {"boxes": base64.b64encode(packed).decode(), "counts": counts.tolist()}
