"""The distributions of a report: track lengths, gaps, and what is found at which visibility and size."""

from __future__ import annotations

import itertools
from collections.abc import Sequence as Values

import numpy as np
import numpy.typing as npt

from bytetrack.report.analysis import SequenceMatch
from bytetrack.report.html.charts import Chart, bars

__all__ = ["distributions"]

Floats = npt.NDArray[np.float64]
LENGTHS = [1, 3, 10, 30, 100, 300, 1000]
GAPS = [1, 2, 4, 8, 16, 32, 64]
VISIBILITY = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
HEIGHTS = [0, 50, 75, 100, 150, 200, 300, 500]


def distributions(matches: list[SequenceMatch], earlier: list[SequenceMatch]) -> list[tuple[Chart, str]]:
    """Charts all sequences together, each chart with a sentence; `earlier` (or empty) are those of the run to compare with."""
    if not sum(len(match.gt_id) for match in matches):
        return []
    charts = [_recall_by_visibility(matches, earlier), _recall_by_height(matches, earlier), _lengths(matches, earlier), _gaps(matches)]
    return [chart for chart in charts if chart is not None]


def _recall(matches: list[SequenceMatch], values: list[Floats], edges: Values[float]) -> Floats:
    """Computes the per cent of ground-truth boxes that are matched, per bin; NaN for an empty bin."""
    value, found = np.concatenate(values), np.concatenate([m.gt_pred >= 0 for m in matches])
    bins = np.searchsorted(edges, value, side="right") - 1
    total = np.bincount(bins, minlength=len(edges)).astype(np.float64)
    hits = np.bincount(bins, weights=found, minlength=len(edges))
    return np.asarray(np.divide(100 * hits, total, out=np.full(len(edges), np.nan), where=total > 0))


def _series(this: npt.ArrayLike, earlier: npt.ArrayLike | None) -> dict[tuple[str, str], npt.ArrayLike]:
    return {("this run", "c0"): this} | ({} if earlier is None else {("earlier run", "past"): earlier})


def _recall_by_visibility(matches: list[SequenceMatch], earlier: list[SequenceMatch]) -> tuple[Chart, str] | None:
    visibility = [m.visibility for m in matches]
    if np.ptp(np.concatenate(visibility)) == 0:
        return None
    past = _recall(earlier, [m.visibility for m in earlier], VISIBILITY) if earlier else None
    labels = [f"{low:.1f}" for low in VISIBILITY]
    chart = bars(
        "Found, by visibility",
        labels,
        _series(_recall(matches, visibility, VISIBILITY), past),
        "visibility (bin from)",
        "% found",
        percent=True,
    )
    return chart, (
        "Share of ground-truth boxes that a track covers, by how much of the person is visible: "
        "what low-score boxes recover shows on the left."
    )


def _recall_by_height(matches: list[SequenceMatch], earlier: list[SequenceMatch]) -> tuple[Chart, str]:
    past = _recall(earlier, [m.gt_tlwh[:, 3] for m in earlier], HEIGHTS) if earlier else None
    this = _recall(matches, [m.gt_tlwh[:, 3] for m in matches], HEIGHTS)
    labels = [*(f"{a}–{b}" for a, b in itertools.pairwise(HEIGHTS)), f"{HEIGHTS[-1]}+"]
    chart = bars("Found, by size", labels, _series(this, past), "height (pixels)", "% found", percent=True)
    return chart, "Share of ground-truth boxes that a track covers, by the box's height: small people are far away."


def _lengths(matches: list[SequenceMatch], earlier: list[SequenceMatch]) -> tuple[Chart, str]:
    def histogram(ids: list[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
        length = np.concatenate([np.unique(column, return_counts=True)[1] for column in ids])
        return np.bincount(np.searchsorted(LENGTHS, length, side="right") - 1, minlength=len(LENGTHS))

    series: dict[tuple[str, str], npt.ArrayLike] = {
        ("ground truth", "truth"): histogram([m.gt_id for m in matches]),
        ("this run", "c0"): histogram([m.pred_id for m in matches]),
    }
    if earlier:
        series["earlier run", "past"] = histogram([m.pred_id for m in earlier])
    labels = [*(f"{a}–{b - 1}" for a, b in itertools.pairwise(LENGTHS)), f"{LENGTHS[-1]}+"]
    return bars("Track lengths", labels, series, "length (frames)", "tracks"), (
        "How many tracks have how many boxes. More short tracks than the ground truth has means broken or false ones."
    )


def _gaps(matches: list[SequenceMatch]) -> tuple[Chart, str]:
    kept, lost = np.zeros(len(GAPS)), np.zeros(len(GAPS))
    for match in matches:
        tracked = match.gt_pred >= 0
        identity, frame, pred = match.gt_id[tracked], match.gt_frame[tracked], match.gt_pred[tracked]
        gap = np.diff(frame) - 1
        broken = (np.diff(identity) == 0) & (gap > 0)
        bins = np.searchsorted(GAPS, gap[broken], side="right") - 1
        same = np.diff(pred)[broken] == 0
        kept += np.bincount(bins[same], minlength=len(GAPS))
        lost += np.bincount(bins[~same], minlength=len(GAPS))
    labels = [*(f"{a}–{b - 1}" if b - 1 > a else f"{a}" for a, b in itertools.pairwise(GAPS)), f"{GAPS[-1]}+"]
    chart = bars(
        "Gaps, and whether the id survives",
        labels,
        {("same id", "c2"): kept, ("another id", "bad"): lost},
        "gap (frames)",
        "gaps",
        stacked=True,
    )
    return chart, (
        "Frames between losing a person and finding them again. "
        "The gap at which ids stop surviving is what max_lost_frames and the motion model decide."
    )
