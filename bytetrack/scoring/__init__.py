"""Scores of tracks against ground truth, arrays in and numbers out, by both protocols in use.

`trackeval` is the official one (HOTA, CLEAR and Identity with the benchmark's preprocessing); `motmetrics` is the paper's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from bytetrack.scoring.classes import RULES, Rules, evaluate_classes, laid_apart
from bytetrack.structures import Annotations, Trajectories

if TYPE_CHECKING:
    from bytetrack.scoring import official, paper

__all__ = ["Protocol", "SequenceScores", "score_sequence", "summarise"]


Protocol = Literal["mot15", "mot17", "mot20", "kitti", "bdd100k", "visdrone"]


@dataclass(frozen=True, slots=True)
class SequenceScores:
    """What both protocols counted in one sequence: sums enough to combine sequences exactly.

    Where a protocol scores several classes, `official` is their average, `by_class` each.
    """

    official: official.Result
    paper: paper.Result
    by_class: Mapping[str, Any] | None = None


def score_sequence(annotations: Annotations, trajectories: Trajectories, length: int, protocol: Protocol) -> SequenceScores:
    """Both protocols' counts for one sequence of `length` frames; ValueError where TrackEval refuses the data.

    Frames and (id, frame) pairs are the readers' to check (`bytetrack.data.mot`). Results of a class above 1 are refused: both
    protocols know pedestrians only.
    """
    from bytetrack.scoring import official, paper

    if protocol in RULES:
        return _by_class(annotations, trajectories, length, RULES[protocol])
    benchmark = cast("official.Protocol", protocol)
    return SequenceScores(official.evaluate(annotations, trajectories, length, benchmark), paper.evaluate(annotations, trajectories))


def _by_class(annotations: Annotations, trajectories: Trajectories, length: int, rules: Rules) -> SequenceScores:
    """Every class apart; motmetrics on what the rules score, boxes of different classes never meeting."""
    from bytetrack.scoring import official, paper

    by_class = evaluate_classes(annotations, trajectories, length, rules, official.METRICS)
    kinds = np.empty(0, np.int64) if trajectories.class_id is None else trajectories.class_id
    considered = annotations.considered & np.isin(annotations.class_id, list(rules.classes.values()))
    truth = replace(annotations, tlwh=laid_apart(annotations, annotations.class_id), considered=considered)
    found = replace(trajectories, tlwh=laid_apart(trajectories, kinds))
    return SequenceScores(official.combine_classes(by_class), paper.evaluate(truth, found), by_class)


def summarise(scores: Mapping[str, SequenceScores]) -> dict[str, dict[str, dict[str, Any]]]:
    """scores.json: `{"trackeval": {"COMBINED": {...}, sequence: {...}}, "motmetrics": {"OVERALL": {...}, ...}}`, in percent."""
    from bytetrack.scoring import official, paper

    by_official = {name: score.official for name, score in scores.items()}
    by_paper = {name: score.paper for name, score in scores.items()}
    combined = official.combine(by_official)
    classes: dict[str, dict[str, Any]] = {}
    kinds = [score.by_class for score in scores.values() if score.by_class is not None]
    if kinds:
        each = {kind: {name: score.by_class[kind] for name, score in scores.items() if score.by_class} for kind in kinds[0]}
        over_sequences = {kind: official.combine(results) for kind, results in each.items()}
        combined = official.combine_classes(over_sequences)
        for kind, results in each.items():
            by_sequence = {name: official.figures(result) for name, result in results.items()}
            classes[kind] = {"COMBINED": official.figures(over_sequences[kind]), **by_sequence}
    return {
        "trackeval": {
            "COMBINED": official.figures(combined),
            **{name: official.figures(result) for name, result in by_official.items()},
        },
        "motmetrics": {
            "OVERALL": paper.figures(paper.combine(by_paper)),
            **{name: paper.figures(result) for name, result in by_paper.items()},
        },
        **({"classes": classes} if classes else {}),
    }
