"""Compares trajectories with the detections: undoes the tracker's smoothing, and extends tracks by detections that it left unused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from bytetrack.boxes import iou, tlwh_from_xywh, tlwh_from_xyxy, warp, xyxy_from_tlwh
from bytetrack.checks import check_real, check_whole
from bytetrack.refining.context import SequenceContext, Trajectory, join, split
from bytetrack.refining.linking import straight_end
from bytetrack.structures import Detections, Trajectories

__all__ = ["Extend", "Remeasure"]

Floats = npt.NDArray[np.float64]
SAME_SCORE = 0.0051  # result files round scores to 0.01
FOR_SAME_SCORE = 0.5  # what an equal score is worth, as IoU


class Remeasure:
    """Replaces each box and score by its detection, which undoes the tracker's filter.

    In each frame, boxes and detections with a score of at least `min_score` are assigned by IoU, which must be at least `min_overlap`; an
    equal score adds 0.5. Boxes without a detection are not changed.
    """

    USES_DETECTIONS = True

    def __init__(self, min_overlap: float = 0.5, min_score: float = 0.1) -> None:
        check_real("min_overlap", min_overlap, 1e-6, 1)
        check_real("min_score", min_score, 0, 1)
        self.min_overlap, self.min_score = min_overlap, min_score

    def __call__(self, trajectories: Trajectories, context: SequenceContext) -> Trajectories:
        """Returns the trajectories with their boxes where they were detected."""
        detections = context.detections
        if detections is None:
            return trajectories
        tlwh, score = trajectories.tlwh.copy(), trajectories.score.copy()
        for here, every in zip(trajectories.by_frame(len(detections)), detections, strict=True):
            found = _sure(every, self.min_score)
            if here.start == here.stop or not len(found):
                continue
            overlap = iou(xyxy_from_tlwh(tlwh[here]), found.xyxy)
            same = np.abs(score[here, None] - found.score[None]) <= SAME_SCORE
            overlap *= _same_class(None if trajectories.class_id is None else trajectories.class_id[here], found)
            rows, columns = linear_sum_assignment(np.where(overlap >= self.min_overlap, overlap + FOR_SAME_SCORE * same, 0), maximize=True)
            kept = overlap[rows, columns] >= self.min_overlap
            tlwh[here.start + rows[kept]] = tlwh_from_xyxy(found.xyxy[columns[kept]])
            score[here.start + rows[kept]] = found.score[columns[kept]]
        return replace(trajectories, tlwh=tlwh, score=score)


class Extend:
    """Extends trajectories of at least three boxes at both ends while detections lie on their predicted path.

    Frame by frame from an end, it takes the detection with the largest IoU with the box that a straight line through the last boxes
    predicts (camera motion removed). Long trajectories come first. Without detections nothing changes.

    Args:
        min_score: Minimum score of a detection.
        min_overlap: Minimum IoU with the predicted box.
        max_shared: Maximum IoU of a detection with another trajectory.
        max_frames: Maximum extension at each end.
        fit: Number of boxes that the straight line is fitted to.
    """

    USES_DETECTIONS = True

    def __init__(
        self, min_score: float = 0.4, min_overlap: float = 0.5, max_shared: float = 0.5, max_frames: int = 30, fit: int = 6
    ) -> None:
        check_real("min_score", min_score, 0, 1)
        check_real("min_overlap", min_overlap, 1e-6, 1)
        check_real("max_shared", max_shared, 0, 1)
        check_whole("max_frames", max_frames, 0)
        check_whole("fit", fit, 2)
        self.min_score, self.min_overlap, self.max_shared = min_score, min_overlap, max_shared
        self.max_frames, self.fit = max_frames, fit

    def __call__(self, trajectories: Trajectories, context: SequenceContext) -> Trajectories:
        """Returns the trajectories, some of them longer."""
        if context.detections is None:
            return trajectories
        parts = split(trajectories)
        boxes: dict[int, list[Floats]] = {}
        for part in parts:
            for frame_id, box in zip(part.frame_id.tolist(), xyxy_from_tlwh(part.tlwh), strict=True):
                boxes.setdefault(frame_id, []).append(box)
        for place in sorted(range(len(parts)), key=lambda k: (-len(parts[k]), k)):
            for later in (False, True):
                for _ in range(self.max_frames if len(parts[place]) > 2 else 0):
                    longer = self._one_more(parts[place], later, boxes, context)
                    if longer is None:
                        break
                    parts[place] = longer
        return join(parts)

    def _one_more(self, part: Trajectory, later: bool, boxes: dict[int, list[Floats]], context: SequenceContext) -> Trajectory | None:
        """Adds the box of one more frame to a trajectory; None if there is none. `boxes` are those of all, by frame."""
        detections = context.detections
        end = straight_end(part, self.fit, context, later)
        frame_id = end.frame_id + (1 if later else -1)
        if detections is None or not 1 <= frame_id <= len(detections):
            return None
        found = _sure(detections.frame(frame_id), self.min_score)
        if not len(found):
            return None
        ahead = end.xywh + (frame_id - end.frame_id) * np.r_[end.velocity, 0, 0]
        expected = xyxy_from_tlwh(tlwh_from_xywh(warp(context.motion(end.frame_id, frame_id)[-1:], ahead[None])))
        overlap = iou(expected, found.xyxy)[0]
        if frame_id in boxes:
            overlap[iou(found.xyxy, np.array(boxes[frame_id])).max(axis=1) > self.max_shared] = 0
        overlap *= _same_class(None if part.class_id is None else part.class_id[:1], found)[0]
        best = int(overlap.argmax())
        if overlap[best] < self.min_overlap:
            return None
        boxes.setdefault(frame_id, []).append(found.xyxy[best])
        kind = None if part.kind is None else np.array([part.kind])
        return part.joined(
            Trajectory(part.track_id, np.array([frame_id]), tlwh_from_xyxy(found.xyxy[best : best + 1]), found.score[best : best + 1], kind)
        )


def _sure(found: Detections, min_score: float) -> Detections:
    return found[found.score >= min_score]


def _same_class(class_id: npt.NDArray[np.int64] | None, found: Detections) -> npt.NDArray[np.bool_]:
    """Tells which of n boxes and m detections are of one class (n, m); all (1, m) if one side has no classes."""
    if class_id is None or found.class_id is None:
        return np.ones((1, len(found)), dtype=bool)
    return np.asarray(class_id[:, None] == found.class_id[None])
