"""TrackEval's figures in memory, for searches that score thousands of results: equal to it field by field, ties included.

`official` stays the source of every figure that is reported; here the ground truth is prepared once (`prepare`), and every result
then costs a few milliseconds a sequence (`evaluate`). Tests hold the two side by side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from bytetrack.checks import check_choice
from bytetrack.interfaces import MotProtocol
from bytetrack.io.mot import PEDESTRIAN
from bytetrack.scoring import metrics
from bytetrack.scoring.assignment import NONE, solver
from bytetrack.scoring.kernels import CLR_FN, CLR_FP, CLR_TP, IDSW, MOTP_SUM, Boxes, Truth, Work, count_pairs, match_for_hota
from bytetrack.structures import Annotations, Trajectories

__all__ = ["DISTRACTORS", "PreparedTruth", "Result", "combine", "evaluate", "figures", "match", "prepare"]

Result = dict[str, dict[str, Any]]  # metric, then field, as TrackEval names them: what `official.evaluate` returns
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ALPHAS = np.arange(0.05, 0.99, 0.05)
CLASSES = 13
DISTRACTORS = {"mot15": (), "mot17": (2, 7, 8, 12), "mot20": (2, 6, 7, 8, 12)}
SUMMED = {"CLEAR": ("CLR_TP", "CLR_FN", "CLR_FP", "IDSW", "MT", "PT", "ML", "Frag", "CLR_Frames", "MOTP_sum"),
          "Identity": ("IDTP", "IDFN", "IDFP"), "Count": ("Dets", "GT_Dets", "IDs", "GT_IDs", "Frames")}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PreparedTruth:
    """A sequence's ground truth, ready for results: `n_identities` are scored, in `n_boxes` boxes of `length` frames."""

    length: int
    truth: Truth
    n_identities: int
    n_boxes: int
    largest_frame: int
    forgive: bool


def prepare(annotations: Annotations, length: int, protocol: MotProtocol) -> PreparedTruth:
    """Prepares the ground truth for `evaluate`; ValueError for a class or a protocol TrackEval does not know."""
    check_choice("protocol", protocol, tuple(DISTRACTORS))
    classed = protocol != "mot15"
    first = annotations.offsets(length)
    inside = slice(int(first[-1]))
    classes, ids = annotations.class_id[inside], annotations.track_id[inside]
    if classed and len(classes) and (classes.min() < 1 or classes.max() > CLASSES):
        raise ValueError(f"ground truth classes must lie in 1..{CLASSES} under {protocol}'s rules: got {np.unique(classes).tolist()}")
    scored = annotations.considered[inside] & ((classes == PEDESTRIAN) | (not classed))
    identity = np.full(len(ids), NONE)
    unique, identity[scored] = np.unique(ids[scored], return_inverse=True)
    distractor = np.isin(classes, DISTRACTORS[protocol]).astype(np.int64)
    truth = Truth(_corners(annotations.tlwh[inside]), first, identity, distractor)
    return PreparedTruth(length, truth, len(unique), int(scored.sum()), int(np.diff(first).max(initial=0)), bool(distractor.any()))


def evaluate(prepared: PreparedTruth, trajectories: Trajectories) -> Result:
    """Returns what `official.evaluate` returns for the same data; ValueError for a result of a class other than pedestrian."""
    if trajectories.class_id is not None and trajectories.class_id.max(initial=1) > PEDESTRIAN:
        raise ValueError(f"results must be of class {PEDESTRIAN} (pedestrian): got class {trajectories.class_id.max()}")
    walk = _first_walk(prepared, trajectories)
    n_boxes, n_ids = int(walk.counts.sum()), int(np.count_nonzero(walk.counts))
    counted = {"Dets": n_boxes, "GT_Dets": prepared.n_boxes, "IDs": n_ids, "GT_IDs": prepared.n_identities, "Frames": prepared.length}
    if n_boxes == 0 or prepared.n_boxes == 0:
        return {**_of_nothing(n_boxes, prepared.n_boxes, prepared.n_identities), "Count": counted}
    return {
        "HOTA": _hota(prepared, walk),
        "CLEAR": _clear(walk.sums, walk.gt_counts, walk.by_identity[3], walk.by_identity[4], prepared.length),
        "Identity": _identity(walk.together, prepared.n_boxes, n_boxes),
        "Count": counted,
    }


def match(prepared: PreparedTruth, trajectories: Trajectories) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Returns CLEAR's matches: per row of the ground truth that of the result, -1 for none; and which rows of the result are scored.

    Rows beyond the prepared length are matched to nothing; those on distractors are not scored.
    """
    walk = _first_walk(prepared, trajectories)
    scored = np.zeros(len(trajectories), bool)
    scored[: len(walk.boxes.kept)] = walk.boxes.kept
    return walk.partner, scored


class FirstWalk(NamedTuple):
    """The results of `count_pairs`; see there."""

    boxes: Boxes
    alignment: Floats
    together: Ints
    gt_counts: Ints
    counts: Ints
    by_identity: Ints
    partner: Ints
    sums: Floats
    work: Work


def _first_walk(prepared: PreparedTruth, trajectories: Trajectories) -> FirstWalk:
    first = trajectories.offsets(prepared.length)
    inside = slice(int(first[-1]))
    unique, identity = np.unique(trajectories.track_id[inside], return_inverse=True)
    boxes = Boxes(_corners(trajectories.tlwh[inside]), first, identity.astype(np.int64), np.ones(len(identity), np.int64))
    shape = (prepared.n_identities, len(unique))
    alignment, together = np.zeros(shape), np.zeros(shape, np.int64)
    gt_count, count = (np.zeros(n, np.int64) for n in shape)
    by_identity, sums = np.empty((5, shape[0]), np.int64), np.zeros(5)
    partner, work = np.empty(len(prepared.truth.box), np.int64), _work(prepared.largest_frame, int(np.diff(first).max(initial=0)))
    found = FirstWalk(boxes, alignment, together, gt_count, count, by_identity, partner, sums, work)
    count_pairs(prepared.truth, boxes, prepared.forgive, *found[1:])
    return found


def combine(results: Mapping[str, Result], weights: Floats | None = None) -> Result:
    """Combines sequences as `official.combine` does: sums first, ratios last.

    `weights` (draws, sequences) combine them many times, each sequence as often as its weight: every field gains a first axis (draws,).
    """
    all_of = {metric: [result[metric] for result in results.values()] for metric in ("HOTA", "CLEAR", "Identity", "Count")}

    def total(values: list[Any]) -> Any:
        return sum(values) if weights is None else weights @ np.array(values, np.float64)

    summed: Result = {metric: {key: total([r[key] for r in all_of[metric]]) for key in keys} for metric, keys in SUMMED.items()}
    hota = {key: total([r[key] for r in all_of["HOTA"]]) for key in ("HOTA_TP", "HOTA_FN", "HOTA_FP")}
    weight = np.maximum(1, hota["HOTA_TP"])
    means = {key: total([r[key] * r["HOTA_TP"] for r in all_of["HOTA"]]) / weight for key in ("AssA", "AssRe", "AssPr")}
    located = total([r["LocA"] * r["HOTA_TP"] for r in all_of["HOTA"]])
    return {
        "HOTA": _hota_ratios({**hota, **means, "LocA": _at_least(located) / _at_least(hota["HOTA_TP"])}),
        "CLEAR": _clear_ratios(summed["CLEAR"]),
        "Identity": _identity_ratios(summed["Identity"]),
        "Count": summed["Count"],
    }


def figures(results: Mapping[str, Result], weights: Floats | None = None) -> dict[str, Any]:
    """Computes the compared metrics (`metrics.COMPARED`) of several sequences together, by key; `weights` as in `combine`."""
    return metrics.values(combine(results, weights))


def _corners(tlwh: Floats) -> Floats:
    """Computes corners and area (n, 5) from left, top, width, height as TrackEval does."""
    corners = np.empty((len(tlwh), 5))
    corners[:, :2], corners[:, 2:4] = tlwh[:, :2], tlwh[:, :2] + tlwh[:, 2:]
    corners[:, 4] = (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])
    return corners


def _work(n: int, m: int) -> Work:
    rows, size = np.empty((2, max(n, m, 1)), np.int64), max(n * m, 1)
    similarity, cost = np.empty((2, size))
    sums = np.empty((2, max(n, m, len(ALPHAS))))
    return Work(rows[0], rows[1], similarity, cost, sums[0], sums[1], solver(max(n, m, 1)))


def _hota(prepared: PreparedTruth, walk: FirstWalk) -> dict[str, Any]:
    """Computes HOTA's fields: the second walk, then association per pair of identities."""
    alignment, gt_count, count = walk.alignment, walk.gt_counts, walk.counts
    g, t = np.nonzero(alignment)
    pair = np.full(alignment.shape, NONE)
    pair[g, t] = np.arange(len(g))
    both = gt_count[g] + count[t]
    alignment[g, t] /= both - alignment[g, t]
    counts, by_pair = np.zeros((4, len(ALPHAS))), np.zeros((len(g), len(ALPHAS)))
    match_for_hota(prepared.truth, walk.boxes, alignment, pair, ALPHAS, counts, by_pair, walk.work)
    matches = np.cumsum(by_pair[:, ::-1], axis=1)[:, ::-1]
    true, missed, false, located = counts
    weight = np.maximum(1, true)
    fields = {
        "HOTA_TP": true,
        "HOTA_FN": missed,
        "HOTA_FP": false,
        "AssA": (matches * matches / np.maximum(1, both[:, None] - matches)).sum(axis=0) / weight,
        "AssRe": (matches * matches / np.maximum(1, gt_count[g])[:, None]).sum(axis=0) / weight,
        "AssPr": (matches * matches / np.maximum(1, count[t])[:, None]).sum(axis=0) / weight,
        "LocA": _at_least(located) / _at_least(true),
    }
    return _hota_ratios(fields)


def _at_least(values: Floats) -> Floats:
    return np.maximum(1e-10, values)


def _at_least_one(count: Any) -> Any:
    return np.maximum(1.0, count)


def _hota_ratios(fields: dict[str, Any]) -> dict[str, Any]:
    true, missed, false = fields["HOTA_TP"], fields["HOTA_FN"], fields["HOTA_FP"]
    recall, precision = true / np.maximum(1, true + missed), true / np.maximum(1, true + false)
    detection = true / np.maximum(1, true + missed + false)
    fields |= {"DetRe": recall, "DetPr": precision, "DetA": detection}
    fields |= {"HOTA": np.sqrt(detection * fields["AssA"]), "OWTA": np.sqrt(recall * fields["AssA"])}
    hota, located = fields["HOTA"][..., 0], fields["LocA"][..., 0]
    return {**fields, "HOTA(0)": hota, "LocA(0)": located, "HOTALocA(0)": hota * located}


def _clear(sums: Floats, gt_count: Ints, matched: Ints, runs: Ints, length: int) -> dict[str, Any]:
    """Computes CLEAR's fields from its sums and, per identity, its boxes, matched boxes, and how often it was found."""
    ratio = matched / gt_count
    mostly = int((ratio > 0.8).sum())
    partly = int((ratio >= 0.2).sum()) - mostly
    fields = {
        "CLR_TP": int(sums[CLR_TP]),
        "CLR_FN": int(sums[CLR_FN]),
        "CLR_FP": int(sums[CLR_FP]),
        "IDSW": int(sums[IDSW]),
        "MT": mostly,
        "PT": partly,
        "ML": len(ratio) - mostly - partly,
        "Frag": int((runs[runs > 0] - 1).sum()),
        "CLR_Frames": length,
        "MOTP_sum": float(sums[MOTP_SUM]),
    }
    return _clear_ratios(fields)


def _clear_ratios(fields: dict[str, Any]) -> dict[str, Any]:
    true, missed, false, switches = (fields[key] for key in ("CLR_TP", "CLR_FN", "CLR_FP", "IDSW"))
    people, boxes = _at_least_one(fields["MT"] + fields["PT"] + fields["ML"]), _at_least_one(true + missed)
    return {
        **fields,
        "MTR": fields["MT"] / people,
        "MLR": fields["ML"] / people,
        "PTR": fields["PT"] / people,
        "CLR_Re": true / boxes,
        "CLR_Pr": true / _at_least_one(true + false),
        "MODA": (true - false) / boxes,
        "MOTA": (true - false - switches) / boxes,
        "MOTP": fields["MOTP_sum"] / _at_least_one(true),
        "sMOTA": (fields["MOTP_sum"] - false - switches) / boxes,
        "CLR_F1": true / _at_least_one(true + 0.5 * missed + 0.5 * false),
        "FP_per_frame": false / _at_least_one(fields["CLR_Frames"]),
        "MOTAL": (true - false - np.log10(_at_least_one(switches))) / boxes,
    }


def _identity(together: Ints, n_gt: int, n: int) -> dict[str, Any]:
    """Computes Identity's fields: pairs of identities that share the most boxes."""
    shared = int(together[linear_sum_assignment(together, maximize=True)].sum())
    return _identity_ratios({"IDTP": shared, "IDFN": n_gt - shared, "IDFP": n - shared})


def _identity_ratios(fields: dict[str, Any]) -> dict[str, Any]:
    true, missed, false = fields["IDTP"], fields["IDFN"], fields["IDFP"]
    ratios = {"IDR": true / _at_least_one(true + missed), "IDP": true / _at_least_one(true + false)}
    return {**fields, **ratios, "IDF1": true / _at_least_one(true + 0.5 * false + 0.5 * missed)}


def _of_nothing(n: int, n_gt: int, people: int) -> Result:
    """Returns TrackEval's fields if one side has no boxes: zeros but for these."""
    zeros = {key: np.zeros(len(ALPHAS)) for key in ("HOTA_TP", "HOTA_FN", "HOTA_FP", "AssA", "AssRe", "AssPr")}
    hota = _hota_ratios({**zeros, "LocA": np.ones(len(ALPHAS))}) | {"HOTALocA(0)": 0.0}
    hota |= {"HOTA_FN": np.full(len(ALPHAS), float(n_gt))} if n == 0 else {"HOTA_FP": np.full(len(ALPHAS), float(n))}
    clear = _clear_ratios(dict.fromkeys(SUMMED["CLEAR"], 0))
    clear |= {"CLR_FN": n_gt, "ML": people} if n == 0 else {"CLR_FP": n}
    clear |= {"MLR": 1.0}
    identity = _identity_ratios(dict.fromkeys(SUMMED["Identity"], 0))
    identity |= {"IDFN": n_gt} if n == 0 else {"IDFP": n}
    return {"HOTA": hota, "CLEAR": clear, "Identity": identity}
