"""The paper's protocol: py-motmetrics at IoU 0.5 on every ground truth box whose conf is 1, distractors not forgiven.

It is the one behind the 76.6 MOTA of the paper's ablation, about one point below TrackEval on the same result files.
"""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from bytetrack.boxes import iou, xyxy_from_tlwh
from bytetrack.scoring.metrics import PAPER, values
from bytetrack.structures import Annotations, Trajectories

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import motmetrics

__all__ = ["Result", "combine", "evaluate", "figures"]

Result = dict[str, float]  # motmetrics' own names

LARGEST_DISTANCE = 0.5  # 1 - IoU
NEEDED = [metric.source for metric in PAPER if isinstance(metric.source, str)] + ["motp", "num_detections", "idtp", "idfp", "idfn"]
HOST = motmetrics.metrics.create()


def evaluate(annotations: Annotations, trajectories: Trajectories) -> Result:
    """Computes motmetrics' figures of one sequence, ratios as fractions: NaN for 0 / 0, -inf for the MOTA of false positives alone."""
    accumulator = motmetrics.MOTAccumulator()
    truth = annotations[annotations.considered]
    gt_xyxy, xyxy = xyxy_from_tlwh(truth.tlwh), xyxy_from_tlwh(trajectories.tlwh)
    last = int(max(truth.frame_id.max(initial=0), trajectories.frame_id.max(initial=0)))
    with _quiet():
        for frame_id, (gt, pred) in enumerate(zip(truth.by_frame(last), trajectories.by_frame(last), strict=True), 1):
            if gt.start == gt.stop and pred.start == pred.stop:
                continue
            distance = 1 - iou(gt_xyxy[gt], xyxy[pred])
            distance[distance > LARGEST_DISTANCE] = np.nan
            accumulator.update(truth.track_id[gt], trajectories.track_id[pred], distance, frameid=frame_id)
        found = HOST.compute(accumulator, metrics=NEEDED, return_dataframe=False)
    return {name: float(value) for name, value in found.items()}


def combine(results: Mapping[str, Result]) -> Result:
    """Combines sequences into motmetrics' OVERALL: sums first, ratios last."""
    weighed = [{**result, "motp": result["motp"] if result["num_detections"] else 0.0} for result in results.values()]  # 0 * NaN is NaN
    with _quiet():
        found = HOST.compute_overall(weighed, metrics=NEEDED, return_dataframe=False)
    return {name: float(value) for name, value in found.items()}


def figures(result: Result) -> dict[str, Any]:
    """Computes the metrics of the table from motmetrics' own; None if there is nothing to divide by."""
    found = values(result, [metric for metric in PAPER if metric.unit != "count"])
    return {
        **{key: value if math.isfinite(value) else None for key, value in found.items()},
        **{metric.key: int(metric.value(result)) for metric in PAPER if metric.unit == "count"},
    }


@contextlib.contextmanager
def _quiet() -> Any:
    """Silences pandas' warnings, and chooses scipy's assignment whatever else is installed."""
    with warnings.catch_warnings(), motmetrics.lap.set_default_solver("scipy"), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield
