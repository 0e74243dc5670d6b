"""What CLEAR sees in one sequence: which identity each predicted box was matched to, and where ids switch.

The matching is TrackEval's (Bernardin and Stiefelhagen's CLEAR MOT with TrackEval's tie rules): first the predictions that lie on
distractors are dropped, then every frame is matched at IoU >= 0.5 so that pairs of the previous frame are continued first and the
summed IoU is largest second. Its FP, FN, IDSW and Frag are TrackEval's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from bytetrack.boxes import iou, xyxy_from_tlwh
from bytetrack.scoring.classes import RULES, laid_apart, rules_for
from bytetrack.structures import Annotations, Trajectories

__all__ = ["Run", "SequenceMatch", "match_sequence"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PEDESTRIAN = 1
DISTRACTORS = {"mot15": (), "mot17": (2, 7, 8, 12), "mot20": (2, 6, 7, 8, 12)}
MIN_IOU = 0.5 - float(np.finfo(float).eps)


@dataclass(frozen=True, slots=True)
class Run:
    """Frames `start` … `start + length - 1` in which one identity is matched to `pred_id` without a change (-1: missed)."""

    start: int
    length: int
    pred_id: int

    @property
    def end(self) -> int:
        """The last frame."""
        return self.start + self.length - 1


@dataclass(frozen=True, eq=False, slots=True)
class SequenceMatch:
    """A sequence after matching; N ground-truth boxes ordered by identity then frame, M predicted boxes ordered by frame.

    `gt_id`, `gt_frame` (N,); `gt_pred` (N,) the matched predicted id, -1 for a miss; `gt_tlwh` (N, 4); `visibility` (N,).
    `pred_id`, `pred_frame` (M,); `pred_gt` (M,) the matched identity, -1 for a false positive; `pred_tlwh` (M, 4). Predictions on
    distractors are not among them. `length` is the number of frames.
    """

    length: int
    gt_id: Ints
    gt_frame: Ints
    gt_pred: Ints
    gt_tlwh: Floats
    visibility: Floats
    pred_id: Ints
    pred_frame: Ints
    pred_gt: Ints
    pred_tlwh: Floats

    @property
    def false_positives(self) -> Ints:
        """Predicted boxes without an identity, per frame, (length,)."""
        return np.bincount(self.pred_frame[self.pred_gt < 0] - 1, minlength=self.length)[: self.length]

    @property
    def misses(self) -> Ints:
        """Ground-truth boxes without a prediction, per frame, (length,)."""
        return np.bincount(self.gt_frame[self.gt_pred < 0] - 1, minlength=self.length)[: self.length]

    @property
    def fragments(self) -> int:
        """How often a tracked identity is lost and found again: CLEAR's Frag.

        As in TrackEval, frames without any ground truth or any prediction do not interrupt.
        """
        both = np.intersect1d(self.gt_frame, self.pred_frame)
        tracked = self.gt_pred >= 0
        order = np.searchsorted(both, self.gt_frame[tracked])
        identity = self.gt_id[tracked]
        return int(np.sum((np.diff(identity) == 0) & (np.diff(order) != 1)))

    def identities(self) -> Iterator[tuple[int, slice]]:
        """Every identity with its rows."""
        ids, starts = np.unique(self.gt_id, return_index=True)
        edges = pairwise([*starts.tolist(), len(self.gt_id)])
        return ((identity, slice(a, b)) for identity, (a, b) in zip(ids.tolist(), edges, strict=True))

    def runs(self) -> dict[int, list[Run]]:
        """Every identity's frames, cut where the matched id changes or the identity leaves the ground truth."""
        found = {}
        for identity, rows in self.identities():
            frame, pred = self.gt_frame[rows], self.gt_pred[rows]
            cuts = np.flatnonzero((np.diff(frame) != 1) | (np.diff(pred) != 0)) + 1
            starts, ends = [0, *cuts.tolist()], [*cuts.tolist(), len(frame)]
            found[identity] = [Run(int(frame[a]), b - a, int(pred[a])) for a, b in zip(starts, ends, strict=True)]
        return found


def match_sequence(
    truth: Annotations, result: Trajectories, length: int, protocol: str = "mot17", class_names: Iterable[str] = ()
) -> SequenceMatch:
    """Matches a result with the ground truth, frames 1 … `length`.

    `protocol` (`mot15`, `mot17`, `mot20`) says which classes are distractors; those of several classes, and `class_names` by number,
    match every class apart, and here forgive nothing. ValueError for another.
    """
    if protocol not in DISTRACTORS and protocol not in RULES:
        raise ValueError(f"protocol must be one of {', '.join((*DISTRACTORS, *RULES))}: got {protocol!r}")
    rules = rules_for(protocol, list(class_names))
    if rules is not None:
        scored = truth.considered & np.isin(truth.class_id, list(rules.classes.values()))
        gt_tlwh, pred_tlwh = laid_apart(truth, truth.class_id), laid_apart(result, _classes(result))
    else:
        scored = truth.considered & ((truth.class_id == PEDESTRIAN) | (protocol == "mot15"))
        gt_tlwh, pred_tlwh = truth.tlwh, result.tlwh
    forgiven = DISTRACTORS.get(protocol, ()) if rules is None else ()
    distracting = np.isin(truth.class_id, forgiven)
    gt_rows, pred_rows = _rows_by_frame(truth.frame_id, length), _rows_by_frame(result.frame_id, length)
    gt_xyxy, pred_xyxy = xyxy_from_tlwh(gt_tlwh), xyxy_from_tlwh(pred_tlwh)
    gt_pred, pred_gt = np.full(len(truth), -1), np.full(len(result), -1)
    kept = np.zeros(len(result), bool)
    previous: dict[int, int] = {}
    for gt, pred in zip(gt_rows, pred_rows, strict=True):
        similarity = iou(gt_xyxy[gt], pred_xyxy[pred])
        keep = np.ones(len(pred), bool)
        if forgiven:
            rows, columns = _assign(np.where(similarity < MIN_IOU, 0.0, similarity))
            keep[columns[distracting[gt[rows]]]] = False
        similarity, gt, pred = similarity[scored[gt]][:, keep], gt[scored[gt]], pred[keep]
        kept[pred] = True
        if not similarity.size:
            continue
        continued = np.array([previous.get(int(i), -1) for i in truth.track_id[gt]])[:, None] == result.track_id[pred]
        rows, columns = _assign(np.where(similarity < MIN_IOU, 0.0, 1000.0 * continued + similarity))
        gt_pred[gt[rows]] = result.track_id[pred[columns]]
        pred_gt[pred[columns]] = truth.track_id[gt[rows]]
        previous = dict(zip(truth.track_id[gt[rows]].tolist(), result.track_id[pred[columns]].tolist(), strict=True))
    order = np.lexsort((truth.frame_id, truth.track_id))
    order = order[(scored & (truth.frame_id <= length))[order]]
    return SequenceMatch(
        length,
        truth.track_id[order],
        truth.frame_id[order],
        gt_pred[order],
        truth.tlwh[order],
        truth.visibility[order],
        result.track_id[kept],
        result.frame_id[kept],
        pred_gt[kept],
        result.tlwh[kept],
    )


def _classes(result: Trajectories) -> Ints:
    return np.zeros(len(result), np.int64) if result.class_id is None else result.class_id


def _rows_by_frame(frame_id: Ints, length: int) -> list[Ints]:
    order = np.argsort(frame_id, kind="stable")
    return np.split(order, np.searchsorted(frame_id[order], np.arange(1, length + 2)))[1:-1]


def _assign(score: Floats) -> tuple[Ints, Ints]:
    """Pairs (rows, columns) with the largest summed score; pairs of score 0 are left out."""
    rows, columns = linear_sum_assignment(-score)
    real = score[rows, columns] > np.finfo(float).eps
    return rows[real], columns[real]
