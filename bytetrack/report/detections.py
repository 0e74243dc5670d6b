"""Charts detection scores before and after matching, with the tracker's thresholds, and tells why nothing was tracked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bytetrack.report.analysis import SequenceMatch
from bytetrack.report.html.charts import histogram
from bytetrack.score_counts import ScoreCounts

__all__ = ["detection_scores"]

MEANING = {
    "low_score": "From it up, detections are offered to tracks that are left over.",
    "high_score": "From it up, detections are associated first.",
    "new_track_score": "A detection that no track takes needs it to start one.",
}


def detection_scores(counts: Mapping[str, ScoreCounts], matches: Mapping[str, SequenceMatch], sequences: int) -> dict[str, Any] | None:
    """Returns the chart over all sequences, what to read in it, and by name why a sequence has no tracks; None if nothing was counted.

    `counts` are of those of the `sequences` that have them. A threshold that differs between sequences is drawn once for every value.
    """
    if not counts:
        return None
    every = np.sum([found.detections for found in counts.values()], axis=0).tolist()
    tracked = np.sum([found.tracked for found in counts.values()], axis=0).tolist()
    marks = {mark: None for found in counts.values() for mark in found.thresholds.items()}
    series = {("all detections", "truth"): every, ("of them in tracks", "c0"): tracked}
    share = f"{sum(tracked):,} of {sum(every):,} detections ({100 * sum(tracked) / max(1, sum(every)):.1f} %)"
    note = f"{share} are part of output tracks. Thresholds far from all scores were set for another detector."
    if len(counts) < sequences:
        note += f" Known of {len(counts)} of {sequences} sequences."
    return {
        "chart": histogram("Before and after matching", series, list(marks), "score", "detections (square-root scale)"),
        "note": note,
        "thresholds": {name: meaning for name, meaning in MEANING.items() if any(name == mark for mark, _ in marks)},
        "nothing": {name: found.nothing for name, found in counts.items() if found.nothing and not _has_tracks(matches.get(name))},
    }


def _has_tracks(match: SequenceMatch | None) -> bool:
    """Tells if the sequence has tracks after all, added after tracking."""
    return match is not None and len(match.pred_id) > 0
