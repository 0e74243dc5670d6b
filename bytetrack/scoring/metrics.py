"""The table of metrics: what each is, where it comes from, which direction is better, and where it is shown.

scores.json, the tables on the console, reports, comparisons and tuning all read it: a new metric, or a new column, is one entry here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np

__all__ = ["COMPARED", "METRICS", "OFFICIAL", "PAPER", "TOTAL", "Metric", "Scorer", "Verdict", "metric", "shown_in", "values"]

Scorer = Literal["trackeval", "motmetrics"]
Place = Literal["console", "report", "sequences", "comparison", "highlight"]
Verdict = Literal["better", "worse", "same"]
Result = Mapping[str, Any]  # TrackEval's fields by group, or motmetrics' by name

SUMMARY: tuple[Place, ...] = ("console", "report", "sequences", "comparison")
EVERYWHERE: tuple[Place, ...] = (*SUMMARY, "highlight")
TOTAL: dict[Scorer, str] = {"trackeval": "COMBINED", "motmetrics": "OVERALL"}
"""The row of scores.json with all sequences together."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure of one scorer.

    Args:
        scorer: `trackeval`, the official evaluation, or `motmetrics`, that of the paper's tables.
        key: Its name in scores.json and in column headings, unique within its scorer.
        source: The field of the scorer's result, TrackEval's as `GROUP.FIELD`; or a function of the result (of one sequence, of all
            together, or of many resamples at once: fields are then arrays).
        title: Its name in words.
        meaning: Its definition, shown as a tooltip.
        better: `higher` or `lower`; None if neither is better.
        unit: `percent` (of a fraction), `count` (a whole number), or `rate` (any other number).
        curve: Controls whether the source is a curve over HOTA's 19 overlap thresholds, whose mean is the figure.
        per: The number of ground-truth items that a count is divided by to compare sequences: `box` or `person`.
        shown: The places that show it: `console` (tables of tracking, scoring, the quickstart and notebooks), `report` (its headline and
            classes), `sequences` (its table by sequence), `comparison` (of runs, and of settings in tuning), `highlight` (the headline of
            tuning and of `Scores`).
    """

    scorer: Scorer
    key: str
    source: str | Callable[[Result], Any]
    title: str
    meaning: str = ""
    better: Literal["higher", "lower"] | None = None
    unit: Literal["percent", "count", "rate"] = "percent"
    curve: bool = False
    per: Literal["box", "person"] | None = None
    shown: tuple[Place, ...] = ()

    def over_alpha(self, result: Result) -> Any:
        """Returns the figure before its mean over HOTA's thresholds is taken; in percent, as everywhere."""
        found: Any = result
        if callable(self.source):
            found = self.source(result)
        else:
            for part in self.source.split("."):
                found = found[part]
        return 100 * np.asarray(found) if self.unit == "percent" else found

    def value(self, result: Result) -> Any:
        """Returns the figure of a result: a number, or one a resample."""
        found = self.over_alpha(result)
        return found.mean(axis=-1) if self.curve else found

    @property
    def decimals(self) -> int:
        """The number of decimals that it is shown with."""
        return 0 if self.unit == "count" else 2

    @property
    def description(self) -> str:
        """The title and the meaning in one line."""
        return f"{self.title}: {self.meaning}" if self.meaning else self.title

    def text(self, value: float | None, sign: bool = False) -> str:
        """Formats a value, or with `sign` a difference; a dash for none.

        >>> metric("trackeval", "MOTA").text(77.8125), metric("trackeval", "IDSW").text(-3, sign=True)
        ('77.81', '-3')
        """
        return "-" if value is None else f"{value:{'+' if sign else ''}.{self.decimals}f}"

    def verdict(self, difference: float, interval: tuple[float, float] | None = None) -> Verdict:
        """Judges a difference by the metric's direction: `same` if its interval contains 0 or, without one, if it is shown as 0.

        >>> metric("trackeval", "IDSW").verdict(-3), metric("trackeval", "HOTA").verdict(0.004)
        ('better', 'same')
        """
        same = round(difference, self.decimals) == 0 if interval is None else interval[0] <= 0 <= interval[1]
        if same or self.better is None:
            return "same"
        return "better" if (difference > 0) == (self.better == "higher") else "worse"


_official = partial(Metric, "trackeval")
_paper = partial(Metric, "motmetrics")

# fmt: off
METRICS: tuple[Metric, ...] = (
    _official("HOTA", "HOTA.HOTA", "Higher order tracking accuracy",
              "the geometric mean of detection and association accuracy, averaged over 19 overlap thresholds",
              "higher", curve=True, shown=EVERYWHERE),
    _official("DetA", "HOTA.DetA", "Detection accuracy", "shared boxes over all boxes, TP / (TP + FN + FP), averaged over the thresholds",
              "higher", curve=True, shown=SUMMARY),
    _official("AssA", "HOTA.AssA", "Association accuracy",
              "for every shared box, how much of its two tracks agrees, averaged over the thresholds",
              "higher", curve=True, shown=SUMMARY),
    _official("DetRe", "HOTA.DetRe", "Detection recall", "TP / (TP + FN), averaged over the thresholds", "higher", curve=True),
    _official("DetPr", "HOTA.DetPr", "Detection precision", "TP / (TP + FP), averaged over the thresholds", "higher", curve=True),
    _official("AssRe", "HOTA.AssRe", "Association recall", "for every shared box, how much of its true track is found under its id",
              "higher", curve=True),
    _official("AssPr", "HOTA.AssPr", "Association precision", "for every shared box, how much of its predicted track is its person's",
              "higher", curve=True),
    _official("LocA", "HOTA.LocA", "Localisation accuracy", "the mean IoU of shared boxes, averaged over the thresholds",
              "higher", curve=True),
    _official("MOTA", "CLEAR.MOTA", "Multiple object tracking accuracy",
              "1 − (misses + false positives + id switches) / ground-truth boxes, at overlap 0.5", "higher", shown=EVERYWHERE),
    _official("MOTP", "CLEAR.MOTP", "Multiple object tracking precision", "the mean IoU of matches, at overlap 0.5", "higher"),
    _official("Recall", "CLEAR.CLR_Re", "Recall", "TP / (TP + FN), at overlap 0.5", "higher"),
    _official("Precision", "CLEAR.CLR_Pr", "Precision", "TP / (TP + FP), at overlap 0.5", "higher"),
    _official("IDF1", "Identity.IDF1", "Identity F1", "F1 of boxes under the best one-to-one assignment of predicted to true identities",
              "higher", shown=EVERYWHERE),
    _official("IDP", "Identity.IDP", "Identity precision", "IDTP / (IDTP + IDFP)", "higher"),
    _official("IDR", "Identity.IDR", "Identity recall", "IDTP / (IDTP + IDFN)", "higher"),
    _official("IDSW", "CLEAR.IDSW", "Id switches", "a person is matched to another id than when last matched",
              "lower", "count", per="box", shown=EVERYWHERE),
    _official("TP", "CLEAR.CLR_TP", "True positives", "people with a predicted box", "higher", "count", per="box"),
    _official("FP", "CLEAR.CLR_FP", "False positives", "predicted boxes without a person", "lower", "count", per="box", shown=SUMMARY),
    _official("FN", "CLEAR.CLR_FN", "Misses", "people without a predicted box", "lower", "count", per="box", shown=SUMMARY),
    _official("MT", "CLEAR.MT", "Mostly tracked", "people covered in more than 80 % of their frames",
              "higher", "count", per="person", shown=("sequences",)),
    _official("PT", "CLEAR.PT", "Partially tracked", "people covered in 20 to 80 % of their frames", unit="count"),
    _official("ML", "CLEAR.ML", "Mostly lost", "people covered in less than 20 % of their frames",
              "lower", "count", per="person", shown=("sequences",)),
    _official("Frag", "CLEAR.Frag", "Fragmentations", "a tracked person is lost and found again",
              "lower", "count", per="box", shown=("sequences",)),
    _official("IDTP", "Identity.IDTP", "Identity true positives", "boxes of the identity assigned to them", "higher", "count", per="box"),
    _official("IDFP", "Identity.IDFP", "Identity false positives", "predicted boxes of no assigned identity", "lower", "count", per="box"),
    _official("IDFN", "Identity.IDFN", "Identity misses", "ground-truth boxes of no assigned identity", "lower", "count", per="box"),
    _official("boxes", "Count.Dets", "Predicted boxes", unit="count"),
    _official("gt_boxes", "Count.GT_Dets", "Ground-truth boxes", unit="count"),
    _official("tracks", "Count.IDs", "Predicted identities", unit="count"),
    _official("gt_tracks", "Count.GT_IDs", "Ground-truth identities", unit="count"),
    _official("frames", "Count.Frames", "Frames", unit="count"),
    _paper("MOTA", "mota", "Multiple object tracking accuracy",
           "1 − (misses + false positives + id switches) / ground-truth boxes, at overlap 0.5", "higher", shown=SUMMARY),
    _paper("IDF1", "idf1", "Identity F1", "F1 of boxes under the best one-to-one assignment of predicted to true identities",
           "higher", shown=SUMMARY),
    _paper("IDP", "idp", "Identity precision", "IDTP / (IDTP + IDFP)", "higher"),
    _paper("IDR", "idr", "Identity recall", "IDTP / (IDTP + IDFN)", "higher"),
    _paper("Recall", "recall", "Recall", "TP / (TP + FN), at overlap 0.5", "higher"),
    _paper("Precision", "precision", "Precision", "TP / (TP + FP), at overlap 0.5", "higher"),
    _paper("MOTP", lambda result: 1 - result["motp"], "Multiple object tracking precision", "the mean IoU of matches, at overlap 0.5",
           "higher"),
    _paper("IDs", "num_switches", "Id switches", "as motmetrics counts them", "lower", "count", per="box", shown=SUMMARY),
    _paper("FP", "num_false_positives", "False positives", "predicted boxes without a person, including those on distractors",
           "lower", "count", per="box", shown=("console", "report")),
    _paper("FN", "num_misses", "Misses", "people without a predicted box", "lower", "count", per="box", shown=("console", "report")),
    _paper("MT", "mostly_tracked", "Mostly tracked", "people covered in at least 80 % of their frames",
           "higher", "count", per="person", shown=("console",)),
    _paper("PT", "partially_tracked", "Partially tracked", "people covered in 20 to 80 % of their frames", unit="count"),
    _paper("ML", "mostly_lost", "Mostly lost", "people covered in less than 20 % of their frames",
           "lower", "count", per="person", shown=("console",)),
    _paper("Frag", "num_fragmentations", "Fragmentations", "a tracked person is lost and found again",
           "lower", "count", per="box", shown=("console",)),
    _paper("gt_tracks", "num_unique_objects", "Ground-truth identities", unit="count"),
    _paper("gt_boxes", "num_objects", "Ground-truth boxes", unit="count"),
    _paper("boxes", "num_predictions", "Predicted boxes", unit="count"),
)
# fmt: on
OFFICIAL = tuple(row for row in METRICS if row.scorer == "trackeval")
PAPER = tuple(row for row in METRICS if row.scorer == "motmetrics")
COMPARED = tuple(row for row in OFFICIAL if row.better is not None)
"""The metrics that replays and comparisons of runs compute: TrackEval's, in memory."""


def metric(scorer: Scorer, key: str) -> Metric:
    """Returns the entry of one metric; KeyError if there is none."""
    for row in METRICS:
        if (row.scorer, row.key) == (scorer, key):
            return row
    raise KeyError(f"{scorer} has no metric {key!r}: METRICS in bytetrack/scoring/metrics.py is the list")


def shown_in(place: Place, scorer: Scorer) -> tuple[Metric, ...]:
    """Returns the metrics of a scorer that a place shows, in the order of the table."""
    return tuple(row for row in METRICS if row.scorer == scorer and place in row.shown)


def values(result: Result, metrics: Iterable[Metric] = COMPARED) -> dict[str, Any]:
    """Computes metrics of one scorer from its result fields, by key: floats, or arrays of one a resample."""
    found = {row.key: row.value(result) for row in metrics}
    return {key: float(value) if np.ndim(value) == 0 else value for key, value in found.items()}
