"""Counts the detections of a sequence by score, and those of them that are in tracks.

The tracking counts them, a run folder keeps them in `detection_scores/<sequence>.json`, the report draws them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from bytetrack.errors import FormatError
from bytetrack.runtime.atomic import json_text, replace_text
from bytetrack.structures import SequenceDetections, Tracks

__all__ = ["BINS", "ScoreCounts", "count_scores", "counts_path", "read_counts", "thresholds_of", "write_counts"]

BINS = 50
THRESHOLDS = ("low_score", "high_score", "new_track_score")


@dataclass(frozen=True, slots=True)
class ScoreCounts:
    """The detections of one sequence, by score: `BINS` equal bins from 0 to 1, each from its lower end up, the last with 1.

    `detections`: all of them; `tracked`: those that the tracker gave to a track it put out in that frame, before boxes are dropped by
    size or shape. `thresholds`: the tracker's, by name. `nothing`: why the sequence has no track, None where it has.
    """

    detections: list[int]
    tracked: list[int]
    thresholds: dict[str, float] = field(default_factory=dict)
    nothing: str | None = None


def count_scores(detections: SequenceDetections, tracks: list[Tracks]) -> tuple[list[int], list[int]]:
    """Counts all detections and those in `tracks` (one `Tracks` a frame) by score; scores outside [0, 1] are in no bin.

    ValueError where a `detection_index` is no row of its frame.
    """
    tracked = np.zeros(len(detections.score), bool)
    for frame, (found, (start, end)) in enumerate(zip(tracks, pairwise(detections.offsets.tolist()), strict=True), start=1):
        rows = found.detection_index[found.detection_index >= 0]
        if rows.max(initial=-1) >= end - start:
            raise ValueError(f"frame {frame}: detection_index must lie below {end - start}, the number of its detections: got {rows.max()}")
        tracked[start + rows] = True
    edges = np.arange(BINS + 1) / BINS
    every, among = (np.histogram(score, edges)[0].tolist() for score in (detections.score, detections.score[tracked]))
    return every, among


def thresholds_of(settings: Mapping[str, Any]) -> dict[str, float]:
    """Returns those of a tracker's settings that scores are compared with, as far as they lie in [0, 1].

    >>> thresholds_of({"match_cost": 0.9, "high_score": 0.6, "low_score": None})
    {'high_score': 0.6}
    """
    return {name: float(settings[name]) for name in THRESHOLDS if _is_score(settings.get(name))}


def _is_score(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value <= 1


def counts_path(run: Path, name: str) -> Path:
    """Returns the file of the sequence `name` in the folder of a run."""
    return run / "detection_scores" / f"{name}.json"


def write_counts(run: Path, name: str, counts: ScoreCounts) -> None:
    """Writes the file of the sequence `name` in the folder of a run."""
    replace_text(counts_path(run, name), json_text(asdict(counts)) + "\n")


def read_counts(run: Path, name: str) -> ScoreCounts | None:
    """Reads what `write_counts` wrote; None if there is no such file, FormatError if it is something else."""
    path = counts_path(run, name)
    if not path.is_file():
        return None
    try:
        counts = ScoreCounts(**json.loads(path.read_bytes()))
        _check(counts)
    except (TypeError, ValueError, AttributeError, RecursionError) as error:
        got = error if type(error) is ValueError else "something else"
        raise FormatError(f"{path}: expected counts of scores, got {got}: track again, or remove the file") from None
    return counts


def _check(counts: ScoreCounts) -> None:
    """Raises ValueError if the counts are not such as `count_scores` gives."""
    for column in (counts.detections, counts.tracked):
        if len(column) != BINS or not all(type(count) is int and count >= 0 for count in column):
            raise ValueError(f"no {BINS} whole numbers from 0 up")
    if any(part > whole for part, whole in zip(counts.tracked, counts.detections, strict=True)):
        raise ValueError("more detections in tracks than there are")
    if not all(map(_is_score, counts.thresholds.values())):
        raise ValueError(f"thresholds outside [0, 1] ({str(counts.thresholds)[:60]})")
    if not isinstance(counts.nothing, str | None):
        raise ValueError(f"a reason that is no text ({str(counts.nothing)[:60]})")
