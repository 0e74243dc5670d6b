"""The official figures: TrackEval's own metrics, fed with arrays instead of files (bit-equal to its file route).

HOTA: Luiten et al., IJCV 2021. CLEAR: Bernardin and Stiefelhagen 2008. Identity: Ristani et al. 2016.
"""

from __future__ import annotations

import contextlib
import io
import itertools
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from bytetrack.structures import Annotations, Trajectories

with contextlib.redirect_stdout(io.StringIO()):  # it reports missing optional datasets when imported
    from trackeval.datasets import MotChallenge2DBox
    from trackeval.metrics import CLEAR, HOTA, Count, Identity
    from trackeval.utils import TrackEvalException

__all__ = ["Protocol", "Result", "combine", "combine_classes", "evaluate", "figures"]

Protocol = Literal["mot15", "mot17", "mot20"]
Result = dict[str, dict[str, Any]]  # metric, then field, as TrackEval names them

METRICS = {"HOTA": HOTA(), "CLEAR": CLEAR({"PRINT_CONFIG": False}), "Identity": Identity({"PRINT_CONFIG": False}), "Count": Count()}
OVER_ALPHA = ("HOTA", "DetA", "AssA", "DetRe", "DetPr", "AssRe", "AssPr", "LocA")
PERCENTAGES = {
    "CLEAR": {"MOTA": "MOTA", "MOTP": "MOTP", "Recall": "CLR_Re", "Precision": "CLR_Pr"},
    "Identity": {k: k for k in ("IDF1", "IDP", "IDR")},
}
COUNTS = {
    "CLEAR": {"IDSW": "IDSW", "TP": "CLR_TP", "FP": "CLR_FP", "FN": "CLR_FN", "MT": "MT", "PT": "PT", "ML": "ML", "Frag": "Frag"},
    "Identity": {k: k for k in ("IDTP", "IDFP", "IDFN")},
    "Count": {"boxes": "Dets", "gt_boxes": "GT_Dets", "tracks": "IDs", "gt_tracks": "GT_IDs", "frames": "Frames"},
}


def evaluate(annotations: Annotations, trajectories: Trajectories, length: int, protocol: Protocol) -> Result:
    """TrackEval's result fields for one sequence of `length` frames, the ground truth prepared as `protocol` has it.

    ValueError where TrackEval refuses the data: a class it does not know, a result of a class other than pedestrian.
    """
    dataset = _dataset(protocol)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            data = dataset.get_preprocessed_seq_data(_raw(dataset, annotations, trajectories, length), "pedestrian")
    except TrackEvalException as error:
        raise ValueError(f"TrackEval: {error}") from None
    return {name: metric.eval_sequence(data) for name, metric in METRICS.items()}


def combine(results: Mapping[str, Result]) -> Result:
    """TrackEval's COMBINED_SEQ: sums first, ratios last."""
    combined = {name: metric.combine_sequences({key: result[name] for key, result in results.items()}) for name, metric in METRICS.items()}
    combined["Count"]["Frames"] = sum(result["Count"]["Frames"] for result in results.values())  # which TrackEval leaves out
    return combined


def combine_classes(results: Mapping[str, Result], empty_classes: bool = True) -> Result:
    """TrackEval's average over classes: counts summed, ratios averaged; without `empty_classes` only over those that have a box."""
    if not empty_classes:
        results = {kind: result for kind, result in results.items() if result["Count"]["Dets"] + result["Count"]["GT_Dets"]} or results
    averaged = {
        name: metric.combine_classes_class_averaged({key: result[name] for key, result in results.items()})
        for name, metric in METRICS.items()
    }
    averaged["Count"]["Frames"] = max(result["Count"]["Frames"] for result in results.values())
    return averaged


def figures(result: Result) -> dict[str, Any]:
    """The published figures, percentages and counts, and under `per_alpha` HOTA's 19 values each in percent.

    Percentages and `per_alpha` are None where no box of the ground truth is scored: TrackEval then says 0 for a sequence, but a MOTA of
    -2000 for 20 false positives of all sequences together.
    """
    hota = {name: 100 * np.asarray(result["HOTA"][name]) for name in OVER_ALPHA}
    alpha = {"alpha": np.round(METRICS["HOTA"].array_labels, 2).tolist(), **{name: values.tolist() for name, values in hota.items()}}
    percent = {name: float(values.mean()) for name, values in hota.items()}
    percent |= {ours: 100 * float(result[metric][name]) for metric, names in PERCENTAGES.items() for ours, name in names.items()}
    return {
        **(percent if result["Count"]["GT_Dets"] else dict.fromkeys(percent)),
        **{ours: int(result[metric][name]) for metric, names in COUNTS.items() for ours, name in names.items()},
        "per_alpha": alpha if result["Count"]["GT_Dets"] else None,
    }


def _dataset(protocol: Protocol) -> Any:
    """TrackEval's pedestrian dataset without its folders: only what its preprocessing reads."""
    dataset = MotChallenge2DBox.__new__(MotChallenge2DBox)
    dataset.benchmark = protocol.upper()
    dataset.do_preproc = True  # it skips MOT15 by name
    names = ["pedestrian", "person_on_vehicle", "car", "bicycle", "motorbike", "non_mot_vehicle", "static_person"]
    names += ["distractor", "occluder", "occluder_on_ground", "occluder_full", "reflection", "crowd"]
    dataset.class_name_to_class_id = {name: number for number, name in enumerate(names, start=1)}
    dataset.valid_class_numbers = list(dataset.class_name_to_class_id.values())
    return dataset


def _raw(dataset: Any, annotations: Annotations, trajectories: Trajectories, length: int) -> dict[str, Any]:
    """What TrackEval reads from the two files, frame by frame; ids by rank, since it makes tables as long as the largest id."""
    gt = _frames(annotations.frame_id, length)
    pred = _frames(trajectories.frame_id, length)
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


def _frames(frame_id: npt.NDArray[np.int64], length: int) -> list[slice]:
    """Rows of frames 1..length, of rows ordered by frame."""
    ends = np.searchsorted(frame_id, np.arange(length + 1), side="right").tolist()
    return [slice(start, stop) for start, stop in itertools.pairwise(ends)]
