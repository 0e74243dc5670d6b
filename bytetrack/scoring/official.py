"""The official figures: TrackEval's own metrics, fed with arrays instead of files (bit-equal to its file route).

HOTA: Luiten et al., IJCV 2021. CLEAR: Bernardin and Stiefelhagen 2008. Identity: Ristani et al. 2016.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from bytetrack.interfaces import MotProtocol
from bytetrack.scoring.metrics import OFFICIAL, values
from bytetrack.structures import Annotations, Trajectories

with contextlib.redirect_stdout(io.StringIO()):  # it reports missing optional datasets when imported
    from trackeval.datasets import MotChallenge2DBox
    from trackeval.metrics import CLEAR, HOTA, Count, Identity
    from trackeval.utils import TrackEvalException

__all__ = ["Result", "combine", "combine_classes", "evaluate", "figures"]

Result = dict[str, dict[str, Any]]  # metric, then field, as TrackEval names them

METRICS = {"HOTA": HOTA(), "CLEAR": CLEAR({"PRINT_CONFIG": False}), "Identity": Identity({"PRINT_CONFIG": False}), "Count": Count()}


def evaluate(annotations: Annotations, trajectories: Trajectories, length: int, protocol: MotProtocol) -> Result:
    """Computes TrackEval's result fields for one sequence of `length` frames, the ground truth prepared by the rules of `protocol`.

    ValueError where TrackEval refuses the data: a class it does not know, a result of a class other than pedestrian.
    """
    dataset = _dataset(protocol)
    foreign = np.setdiff1d(annotations.class_id, dataset.valid_class_numbers)
    if len(foreign) and protocol != "mot15":
        raise ValueError(
            f"the ground truth has class {foreign[0]}, and {protocol} knows 1 (pedestrian) to {len(dataset.valid_class_numbers)}: "
            "dataset.protocol=mot15 looks at no class"
        )
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            data = dataset.get_preprocessed_seq_data(_raw(dataset, annotations, trajectories, length), "pedestrian")
    except TrackEvalException as error:
        raise ValueError(f"TrackEval: {error}") from None
    return {name: metric.eval_sequence(data) for name, metric in METRICS.items()}


def combine(results: Mapping[str, Result]) -> Result:
    """Combines sequences into TrackEval's COMBINED_SEQ: sums first, ratios last."""
    combined = {name: metric.combine_sequences({key: result[name] for key, result in results.items()}) for name, metric in METRICS.items()}
    combined["Count"]["Frames"] = sum(result["Count"]["Frames"] for result in results.values())  # which TrackEval leaves out
    return combined


def combine_classes(results: Mapping[str, Result], empty_classes: bool = True) -> Result:
    """Averages classes as TrackEval does: counts summed, ratios averaged; without `empty_classes` only over those that have a box."""
    if not empty_classes:
        results = {kind: result for kind, result in results.items() if result["Count"]["Dets"] + result["Count"]["GT_Dets"]} or results
    averaged = {
        name: metric.combine_classes_class_averaged({key: result[name] for key, result in results.items()})
        for name, metric in METRICS.items()
    }
    averaged["Count"]["Frames"] = max(result["Count"]["Frames"] for result in results.values())
    return averaged


def figures(result: Result) -> dict[str, Any]:
    """Computes the metrics of the table from TrackEval's fields, and under `per_alpha` the curves over HOTA's 19 thresholds in percent.

    All but counts are None if no box of the ground truth is scored: TrackEval then has 0 for a sequence, but a MOTA of -2000 for 20
    false positives of all sequences together.
    """
    labelled = bool(result["Count"]["GT_Dets"])
    alpha = METRICS["HOTA"].array_labels
    curves = {metric.key: metric.over_alpha(result).tolist() for metric in OFFICIAL if metric.curve}
    return {
        **{key: value if labelled else None for key, value in values(result, [m for m in OFFICIAL if m.unit != "count"]).items()},
        **{metric.key: int(metric.value(result)) for metric in OFFICIAL if metric.unit == "count"},
        "per_alpha": {"alpha": np.round(alpha, 2).tolist(), **curves} if labelled else None,
    }


def _dataset(protocol: MotProtocol) -> Any:
    """Builds TrackEval's pedestrian dataset without its folders: only what its preprocessing reads."""
    dataset = MotChallenge2DBox.__new__(MotChallenge2DBox)
    dataset.benchmark = protocol.upper()
    dataset.do_preproc = True  # it skips MOT15 by name
    names = ["pedestrian", "person_on_vehicle", "car", "bicycle", "motorbike", "non_mot_vehicle", "static_person"]
    names += ["distractor", "occluder", "occluder_on_ground", "occluder_full", "reflection", "crowd"]
    dataset.class_name_to_class_id = {name: number for number, name in enumerate(names, start=1)}
    dataset.valid_class_numbers = list(dataset.class_name_to_class_id.values())
    return dataset


def _raw(dataset: Any, annotations: Annotations, trajectories: Trajectories, length: int) -> dict[str, Any]:
    """Returns what TrackEval reads from the two files, by frame; ids by rank, since it makes tables as long as the largest id."""
    gt, pred = annotations.by_frame(length), trajectories.by_frame(length)
    classes = np.ones(len(trajectories), np.int64) if trajectories.class_id is None else trajectories.class_id
    gt_ids, tracker_ids = (np.unique(ids, return_inverse=True)[1] for ids in (annotations.track_id, trajectories.track_id))
    gt_dets, tracker_dets = [annotations.tlwh[rows] for rows in gt], [trajectories.tlwh[rows] for rows in pred]
    return {
        "seq": "",
        "num_timesteps": length,
        "gt_ids": [gt_ids[rows] for rows in gt],
        "gt_classes": [annotations.class_id[rows] for rows in gt],
        "gt_dets": gt_dets,
        "gt_extras": [{"zero_marked": annotations.considered[rows].astype(np.int64)} for rows in gt],
        "gt_crowd_ignore_regions": [np.empty((0, 4))] * length,
        "tracker_ids": [tracker_ids[rows] for rows in pred],
        "tracker_classes": [classes[rows] for rows in pred],
        "tracker_confidences": [trajectories.score[rows] for rows in pred],
        "tracker_dets": tracker_dets,
        "similarity_scores": [dataset._calculate_similarities(a, b) for a, b in zip(gt_dets, tracker_dets, strict=True)],
    }
