"""Rules of benchmarks with several classes: every class is scored apart, as TrackEval's own datasets do it.

KITTI: Geiger et al., CVPR 2012, by TrackEval's Kitti2DBox. BDD100K: Yu et al., CVPR 2020, by its BDD100K. VisDrone: Zhu et al., TPAMI
2021, whose regions to ignore work like BDD100K's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from bytetrack.boxes import area, intersection, iou, xyxy_from_tlwh
from bytetrack.io import bdd100k, kitti, visdrone
from bytetrack.io.result import REGION
from bytetrack.structures import NOT_SCORED, Annotations, Trajectories

__all__ = ["RULES", "Rules", "evaluate_classes", "offset_by_class", "plain_rules", "rows_that_count", "rules_for"]

EPSILON = np.finfo(float).eps
APART = 1e7  # pixels

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Rules:
    """`classes`: what is scored, name and number. `forgiven`: classes whose boxes forgive results of a class. `min_height`: results that
    no box of the ground truth claims must be higher than that, pixels. `forgiving`: boxes that are not scored, and regions (class 0),
    forgive results on them. `empty_classes`: a class without any box counts in the average over classes."""

    classes: dict[str, int]
    forgiven: dict[str, tuple[int, ...]] = field(default_factory=dict)
    min_height: float | None = None
    forgiving: bool = True
    empty_classes: bool = True


def _numbered(names: Sequence[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(names, start=1)}


KITTI = _numbered(kitti.CLASSES)
RULES = {
    "kitti": Rules({name: KITTI[name] for name in ("car", "pedestrian")}, {"car": (KITTI["van"],), "pedestrian": (KITTI["person"],)}, 25.0),
    "bdd100k": Rules(_numbered(bdd100k.CLASSES)),
    "visdrone": Rules(_numbered(visdrone.CLASSES)),
}


def plain_rules(class_names: Sequence[str]) -> Rules:
    """Returns the rules of a dataset that only names its classes, by number: each is scored as MOT15 scores its one class."""
    classes = {name: number for number, name in enumerate(class_names) if name != NOT_SCORED}
    return Rules(classes, forgiving=False, empty_classes=False)


def rules_for(protocol: str, class_names: Sequence[str]) -> Rules | None:
    """Returns the rules by which classes are scored apart; None if there is only one class."""
    return RULES.get(protocol) or (plain_rules(class_names) if class_names else None)


def evaluate_classes(
    annotations: Annotations, trajectories: Trajectories, length: int, rules: Rules, metrics: dict[str, Any]
) -> dict[str, dict[str, dict[str, Any]]]:
    """Computes TrackEval's result fields of every class in one sequence."""
    if not rules.forgiving:
        annotations = annotations[annotations.considered]
    found = {}
    for name in rules.classes:
        data = _prepared(annotations, trajectories, length, rules, name)
        found[name] = {key: metric.eval_sequence(data) for key, metric in metrics.items()}
    return found


def offset_by_class(boxes: Any, class_id: npt.NDArray[np.int64]) -> Floats:
    """Shifts boxes by their class so that boxes of different classes never meet."""
    tlwh: Floats = boxes.tlwh.copy()
    tlwh[:, 0] += APART * class_id
    return tlwh


def rows_that_count(
    annotations: Annotations, trajectories: Trajectories, length: int, rules: Rules, name: str
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Returns the rows of the ground truth and of the results, by frame, on which class `name` is scored: those forgiven are left out."""
    if not rules.forgiving:
        annotations = annotations[annotations.considered]
    frames = list(_frames(annotations, trajectories, length, rules, name))
    none = np.empty(0, np.int64)
    return np.concatenate([none, *(gt for gt, _, _ in frames)]), np.concatenate([none, *(rows for _, rows, _ in frames)])


def _frames(
    annotations: Annotations, trajectories: Trajectories, length: int, rules: Rules, name: str
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Floats]]:
    """Yields, for every frame, the rows of the ground truth and of the results that count for one class, and their IoU."""
    number = rules.classes[name]
    concerned = np.isin(annotations.class_id, (number, *rules.forgiven.get(name, ())))
    scored = (annotations.class_id == number) & annotations.considered
    results = np.zeros(len(trajectories), bool) if trajectories.class_id is None else trajectories.class_id == number
    gt_box, box = xyxy_from_tlwh(annotations.tlwh), xyxy_from_tlwh(trajectories.tlwh)
    ignored = rules.forgiving & (annotations.class_id == REGION)
    for truth_rows, result_rows in zip(annotations.by_frame(length), trajectories.by_frame(length), strict=True):
        gt, regions = (truth_rows.start + np.flatnonzero(mask[truth_rows]) for mask in (concerned, ignored))
        rows = result_rows.start + np.flatnonzero(results[result_rows])
        overlap = iou(gt_box[gt], box[rows])
        kept = _kept(overlap, scored[gt], box[rows], gt_box[regions], rules.min_height)
        yield gt[scored[gt]], rows[kept], overlap[scored[gt]][:, kept]


def _prepared(annotations: Annotations, trajectories: Trajectories, length: int, rules: Rules, name: str) -> dict[str, Any]:
    """Returns one class's data as TrackEval's metrics take it, without results that are forgiven and ground truth that is not scored."""
    frames: dict[str, list[Any]] = {"gt_ids": [], "tracker_ids": [], "similarity_scores": []}
    for gt, rows, overlap in _frames(annotations, trajectories, length, rules, name):
        frames["gt_ids"].append(annotations.track_id[gt])
        frames["tracker_ids"].append(trajectories.track_id[rows])
        frames["similarity_scores"].append(overlap)
    data: dict[str, Any] = {"num_timesteps": length, **frames}
    for side, count in (("gt", "num_gt"), ("tracker", "num_tracker")):
        every = np.concatenate([np.empty(0, np.int64), *frames[f"{side}_ids"]])
        unique = np.unique(every)
        data[f"{side}_ids"] = [np.searchsorted(unique, ids) for ids in frames[f"{side}_ids"]]
        data |= {f"{count}_dets": len(every), f"{count}_ids": len(unique)}
    return data


def _kept(overlap: Floats, scored: npt.NDArray[np.bool_], box: Floats, regions: Floats, min_height: float | None) -> npt.NDArray[np.bool_]:
    """Tells which results of a frame count: not those on boxes that are not scored, nor unmatched ones that are small or in a region."""
    kept = np.ones(len(box), bool)
    close = np.where(overlap < 0.5 - EPSILON, 0.0, overlap)
    rows, columns = linear_sum_assignment(-close)
    claimed = close[rows, columns] > EPSILON
    rows, columns = rows[claimed], columns[claimed]
    free = np.ones(len(box), bool)
    free[columns] = False
    kept[columns[~scored[rows]]] = False
    ignored = (_shared(box, regions) > 0.5 + EPSILON).any(axis=1)
    if min_height is not None:
        ignored |= box[:, 3] - box[:, 1] <= min_height + EPSILON
    return kept & ~(free & ignored)


def _shared(box: Floats, regions: Floats) -> Floats:
    """Computes the part of each box that lies in each region."""
    shared, own = intersection(box, regions), area(box)[:, None]
    return np.divide(shared, own, out=np.zeros_like(shared), where=own > EPSILON)
