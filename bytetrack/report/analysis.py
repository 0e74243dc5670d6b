"""Reads CLEAR's matches of one sequence: the identity that each predicted box is matched to, and where ids switch.

The matches are those of the scorer in memory (`scoring.fast`), which are TrackEval's: FP, FN, IDSW and Frag counted here are too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import cast

import numpy as np
import numpy.typing as npt

from bytetrack.checks import check_choice
from bytetrack.interfaces import MotProtocol
from bytetrack.scoring.classes import RULES, offset_by_class, rules_for
from bytetrack.scoring.fast import DISTRACTORS, match, prepare
from bytetrack.structures import Annotations, Trajectories

__all__ = ["SequenceMatch", "Span", "match_sequence"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Span:
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
        """Counts predicted boxes without an identity, per frame, (length,)."""
        return np.bincount(self.pred_frame[self.pred_gt < 0] - 1, minlength=self.length)[: self.length]

    @property
    def misses(self) -> Ints:
        """Counts ground-truth boxes without a prediction, per frame, (length,)."""
        return np.bincount(self.gt_frame[self.gt_pred < 0] - 1, minlength=self.length)[: self.length]

    @property
    def fragments(self) -> int:
        """Counts how often a tracked identity is lost and found again: CLEAR's Frag.

        As in TrackEval, frames without any ground truth or any prediction do not interrupt.
        """
        both = np.intersect1d(self.gt_frame, self.pred_frame)
        tracked = self.gt_pred >= 0
        order = np.searchsorted(both, self.gt_frame[tracked])
        identity = self.gt_id[tracked]
        return int(np.sum((np.diff(identity) == 0) & (np.diff(order) != 1)))

    def identities(self) -> Iterator[tuple[int, slice]]:
        """Yields every identity with its rows."""
        ids, starts = np.unique(self.gt_id, return_index=True)
        edges = pairwise([*starts.tolist(), len(self.gt_id)])
        return ((identity, slice(a, b)) for identity, (a, b) in zip(ids.tolist(), edges, strict=True))

    def runs(self) -> dict[int, list[Span]]:
        """Cuts every identity's frames where the matched id changes or the identity leaves the ground truth."""
        found = {}
        for identity, rows in self.identities():
            frame, pred = self.gt_frame[rows], self.gt_pred[rows]
            cuts = np.flatnonzero((np.diff(frame) != 1) | (np.diff(pred) != 0)) + 1
            starts, ends = [0, *cuts.tolist()], [*cuts.tolist(), len(frame)]
            found[identity] = [Span(int(frame[a]), b - a, int(pred[a])) for a, b in zip(starts, ends, strict=True)]
        return found


def match_sequence(
    truth: Annotations, result: Trajectories, length: int, protocol: str = "mot17", class_names: Iterable[str] = ()
) -> SequenceMatch:
    """Matches a result with the ground truth, frames 1 … `length`.

    `protocol` (`mot15`, `mot17`, `mot20`) controls which classes are distractors. Protocols of several classes, and `class_names` by
    number, match every class apart, and here forgive nothing. ValueError for another protocol.
    """
    check_choice("protocol", protocol, (*DISTRACTORS, *RULES))
    rules = rules_for(protocol, list(class_names))
    if rules is None:
        prepared = prepare(truth, length, cast("MotProtocol", protocol))
        partner, kept = match(prepared, result)
    else:  # as MOT15 matches its one class
        considered = truth.considered & np.isin(truth.class_id, list(rules.classes.values()))
        prepared = prepare(replace(truth, tlwh=offset_by_class(truth, truth.class_id), considered=considered), length, "mot15")
        partner, kept = match(prepared, replace(result, tlwh=offset_by_class(result, _classes(result))))
    gt_pred, pred_gt = np.full(len(partner), -1), np.full(len(result), -1)
    matched = np.flatnonzero(partner >= 0)
    gt_pred[matched] = result.track_id[partner[matched]]
    pred_gt[partner[matched]] = truth.track_id[matched]
    scored = np.flatnonzero(prepared.truth.identity >= 0)
    order = scored[np.lexsort((truth.frame_id[scored], truth.track_id[scored]))]
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
