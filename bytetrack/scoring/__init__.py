"""Scores tracks against ground truth with both common protocols: arrays in, numbers out.

`trackeval` is the official one (HOTA, CLEAR and Identity with the benchmark's preprocessing); `motmetrics` is the paper's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from bytetrack.interfaces import MotProtocol, ScoringProtocol
from bytetrack.io.mot import PEDESTRIAN
from bytetrack.names import first_unnamed, shortened
from bytetrack.scoring.classes import Rules, evaluate_classes, offset_by_class, rules_for
from bytetrack.scoring.metrics import TOTAL
from bytetrack.structures import Annotations, Trajectories

if TYPE_CHECKING:
    from bytetrack.scoring import official, paper

__all__ = ["SequenceScores", "check_classes", "score_sequence", "summarise"]


@dataclass(frozen=True, slots=True)
class SequenceScores:
    """Holds the counts of both protocols for one sequence, from which sequences can be combined exactly.

    If several classes are scored, `official` is their average, `by_class` are the classes, and `empty_classes` is True if classes without
    boxes count in the average.
    """

    official: official.Result
    paper: paper.Result
    by_class: Mapping[str, Any] | None = None
    empty_classes: bool = True


def score_sequence(
    annotations: Annotations, trajectories: Trajectories, length: int, protocol: ScoringProtocol, class_names: Sequence[str] = ()
) -> SequenceScores:
    """Scores one sequence of `length` frames with both protocols; raises ValueError if TrackEval refuses the data.

    Frames and (id, frame) pairs are checked by the readers (`bytetrack.io`). With `class_names`, by number, each class is scored
    separately; without them results with several classes are refused, because MOTChallenge's protocols score pedestrians only.
    """
    from bytetrack.scoring import official, paper

    rules = rules_for(protocol, class_names)
    check_classes(trajectories.class_id if len(trajectories) else np.empty(0, np.int64), protocol, class_names, "the results have")
    if rules is not None:
        check_classes(annotations.class_id, protocol, class_names, "the ground truth has")
        return _by_class(annotations, trajectories, length, rules)
    benchmark = cast(MotProtocol, protocol)
    return SequenceScores(official.evaluate(annotations, trajectories, length, benchmark), paper.evaluate(annotations, trajectories))


def _by_class(annotations: Annotations, trajectories: Trajectories, length: int, rules: Rules) -> SequenceScores:
    """Scores every class apart; motmetrics on what the rules score, with boxes of different classes never meeting."""
    from bytetrack.scoring import official, paper

    if trajectories.class_id is None:
        only = next(iter(rules.classes.values()))
        trajectories = replace(trajectories, class_id=np.full(len(trajectories), only, np.int64))
    kinds = np.asarray(trajectories.class_id)
    by_class = evaluate_classes(annotations, trajectories, length, rules, official.METRICS)
    considered = annotations.considered & np.isin(annotations.class_id, list(rules.classes.values()))
    truth = replace(annotations, tlwh=offset_by_class(annotations, annotations.class_id), considered=considered)
    found = replace(trajectories, tlwh=offset_by_class(trajectories, kinds))
    average = official.combine_classes(by_class, rules.empty_classes)
    return SequenceScores(average, paper.evaluate(truth, found), by_class, rules.empty_classes)


def check_classes(class_id: npt.NDArray[np.int64] | None, protocol: str, class_names: Sequence[str], what: str) -> None:
    """Raises a ValueError that begins with `what` if the dataset cannot score the classes of some boxes (None: boxes without a class).

    If it scores several classes, each box must have a class in `class_names` (by number). If it scores one, all boxes must be of one class,
    MOTChallenge's pedestrian (0 or 1).
    """
    rules = rules_for(protocol, class_names)
    if rules is not None and class_id is None:
        if len(rules.classes) > 1:
            raise ValueError(
                f"{what} no class, and the dataset scores {', '.join(rules.classes)}: name the class of every box in the eighth column "
                "(detector.class_names has it read)"
            )
        return
    kinds = [] if class_id is None else np.unique(class_id).tolist()
    if rules is None and (len(kinds) > 1 or (kinds and kinds[0] > PEDESTRIAN)):
        shown = shortened(kinds, 6, count=False)
        raise ValueError(
            f"{what} classes {shown}, and the dataset names none: dataset.class_names=[NAME,NAME,...], by number from 0, none for those "
            "that are not scored, scores each class; or keep boxes of one class only"
        )
    unnamed = first_unnamed(kinds, class_names)
    if rules is not None and class_names and unnamed is not None:
        raise ValueError(
            f"{what} class {unnamed}, and the dataset's class_names are {', '.join(class_names[:9])} (0 to {len(class_names) - 1})"
        )


def summarise(scores: Mapping[str, SequenceScores]) -> dict[str, dict[str, dict[str, Any]]]:
    """Returns scores.json: `{"trackeval": {"COMBINED": {...}, sequence: {...}}, "motmetrics": {"OVERALL": {...}, ...}}`, in percent."""
    from bytetrack.scoring import official, paper

    by_official = {name: score.official for name, score in scores.items()}
    by_paper = {name: score.paper for name, score in scores.items()}
    combined = official.combine(by_official)
    classes: dict[str, dict[str, Any]] = {}
    kinds = [score.by_class for score in scores.values() if score.by_class is not None]
    if kinds:
        each = {kind: {name: score.by_class[kind] for name, score in scores.items() if score.by_class} for kind in kinds[0]}
        over_sequences = {kind: official.combine(results) for kind, results in each.items()}
        combined = official.combine_classes(over_sequences, all(score.empty_classes for score in scores.values()))
        for kind, results in each.items():
            by_sequence = {name: official.figures(result) for name, result in results.items()}
            classes[kind] = {TOTAL["trackeval"]: official.figures(over_sequences[kind]), **by_sequence}
    return {
        "trackeval": {
            TOTAL["trackeval"]: official.figures(combined),
            **{name: official.figures(result) for name, result in by_official.items()},
        },
        "motmetrics": {
            TOTAL["motmetrics"]: paper.figures(paper.combine(by_paper)),
            **{name: paper.figures(result) for name, result in by_paper.items()},
        },
        **({"classes": classes} if classes else {}),
    }
