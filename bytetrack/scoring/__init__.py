"""Scores of tracks against ground truth, arrays in and numbers out, by both protocols in use.

`trackeval` is the official one (HOTA, CLEAR and Identity with the benchmark's preprocessing); `motmetrics` is the paper's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from bytetrack.structures import Annotations, Trajectories

if TYPE_CHECKING:
    from bytetrack.scoring import official, paper

__all__ = ["SequenceScores", "score_sequence", "summarise"]


@dataclass(frozen=True, slots=True)
class SequenceScores:
    """What both protocols counted in one sequence: sums enough to combine sequences exactly."""

    official: official.Result
    paper: paper.Result


def score_sequence(
    annotations: Annotations, trajectories: Trajectories, length: int, protocol: Literal["mot15", "mot17", "mot20"]
) -> SequenceScores:
    """Both protocols' counts for one sequence of `length` frames; ValueError where TrackEval refuses the data.

    Frames and (id, frame) pairs are the readers' to check (`bytetrack.data.mot`). Results of a class above 1 are refused: both
    protocols know pedestrians only.
    """
    from bytetrack.scoring import official, paper

    return SequenceScores(official.evaluate(annotations, trajectories, length, protocol), paper.evaluate(annotations, trajectories))


def summarise(scores: Mapping[str, SequenceScores]) -> dict[str, dict[str, dict[str, Any]]]:
    """scores.json: `{"trackeval": {"COMBINED": {...}, sequence: {...}}, "motmetrics": {"OVERALL": {...}, ...}}`, in percent."""
    from bytetrack.scoring import official, paper

    by_official = {name: score.official for name, score in scores.items()}
    by_paper = {name: score.paper for name, score in scores.items()}
    return {
        "trackeval": {
            "COMBINED": official.figures(official.combine(by_official)),
            **{name: official.figures(result) for name, result in by_official.items()},
        },
        "motmetrics": {
            "OVERALL": paper.figures(paper.combine(by_paper)),
            **{name: paper.figures(result) for name, result in by_paper.items()},
        },
    }
