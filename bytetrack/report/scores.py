"""The numbers of a report: headline, per-sequence table, what costs MOTA, HOTA over alpha, comparison with an earlier run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bytetrack.report.analysis import SequenceMatch
from bytetrack.report.html.charts import Chart, lines
from bytetrack.report.switches import Switch
from bytetrack.scoring import fast
from bytetrack.scoring.metrics import TOTAL, Metric, Scorer, shown_in
from bytetrack.structures import Sequence

__all__ = ["alpha_charts", "class_table", "comparison", "facts", "headline", "losses", "sequence_table"]

Scores = dict[str, dict[str, dict[str, Any]]]
ALPHAS = fast.ALPHAS.round(2).tolist()
ALL = TOTAL["trackeval"]
SCORERS: tuple[Scorer, ...] = ("trackeval", "motmetrics")


def _value(scores: Scores, metric: Metric, name: str) -> float | None:
    value = scores.get(metric.scorer, {}).get(name, {}).get(metric.key)
    return float(value) if isinstance(value, int | float) else None


def _total(scores: Scores, metric: Metric) -> float | None:
    return _value(scores, metric, TOTAL[metric.scorer])


def _shown(value: float | None, metric: Metric) -> str:
    return "–" if value is None else f"{value:,.{metric.decimals}f}"


def signed(difference: float, metric: Metric) -> str:
    """Formats a difference with its sign, and as many decimals as the metric has."""
    text = _shown(abs(difference), metric)
    return ("±" if float(text.replace(",", "")) == 0 else "+" if difference > 0 else "−") + text


def _change(this: float | None, earlier: float | None, metric: Metric) -> dict[str, str] | None:
    """Returns a difference as text and as `better`, `worse` or `same`; None if a side is missing."""
    if this is None or earlier is None:
        return None
    return {"text": signed(this - earlier, metric), "verdict": metric.verdict(this - earlier)}


def headline(scores: Scores, earlier: Scores | None = None) -> list[dict[str, Any]]:
    """Returns the overall figures of both scorers, with the difference to `earlier`."""
    found = []
    for scorer in SCORERS:
        cells = []
        for metric in shown_in("report", scorer):
            value = _total(scores, metric)
            if value is not None:
                change = _change(value, None if earlier is None else _total(earlier, metric), metric)
                cells.append({"metric": metric.key, "value": _shown(value, metric), "meaning": metric.description, "change": change})
        if cells:
            found.append({"protocol": scorer, "cells": cells})
    return found


def class_table(scores: Scores) -> list[dict[str, Any]]:
    """Returns the official figures of every class over all sequences; empty if there is one class."""
    columns = shown_in("report", "trackeval")
    rows = []
    for name, by_sequence in scores.get("classes", {}).items():
        of_class: Scores = {"trackeval": by_sequence}
        rows.append({"name": name, "cells": [{"metric": m.key, "value": _shown(_total(of_class, m), m)} for m in columns]})
    return rows


def sequence_table(scores: Scores, matches: dict[str, SequenceMatch]) -> dict[str, Any]:
    """Returns one row a sequence and one for all; a cell's `shade` runs from -1 (worst sequence) to 1 (best), counts per true box."""
    columns = [m for scorer in SCORERS for m in shown_in("sequences", scorer)]
    columns = [m for m in columns if any(_value(scores, m, name) is not None for name in scores.get(m.scorer, {}))]
    names = [name for name in scores.get("trackeval", scores.get("motmetrics", {})) if name not in TOTAL.values()]
    rows: list[dict[str, Any]] = [{"name": name, "frames": None, "people": None, "cells": []} for name in [*names, "all sequences"]]
    for row in rows[:-1]:
        if row["name"] in matches:
            row |= {"frames": matches[row["name"]].length, "people": len(set(matches[row["name"]].gt_id.tolist()))}
    rows[-1] |= {"frames": sum(r["frames"] or 0 for r in rows[:-1]), "people": sum(r["people"] or 0 for r in rows[:-1])}
    for metric in columns:
        values = [_value(scores, metric, name) for name in names]
        shades = _shades([_rate(v, metric, matches.get(n)) for v, n in zip(values, names, strict=True)], metric)
        for row, value, shade in zip(rows, [*values, _total(scores, metric)], [*shades, 0.0], strict=True):
            row["cells"].append({"text": _shown(value, metric), "value": value, "shade": shade, "protocol": metric.scorer})
    headings = [{"protocol": m.scorer, "metric": m.key, "meaning": m.description} for m in columns]
    return {"columns": headings, "rows": rows[:-1], "total": rows[-1]}


def _rate(value: float | None, metric: Metric, match: SequenceMatch | None) -> float | None:
    """Divides a count by the sequence's true boxes or people."""
    if value is None or match is None or metric.per is None:
        return value
    return value / max(1, len(set(match.gt_id.tolist())) if metric.per == "person" else len(match.gt_id))


def _shades(values: list[float | None], metric: Metric) -> list[float]:
    known = [v for v in values if v is not None]
    if len(known) < 3 or max(known) == min(known) or metric.better is None:
        return [0.0] * len(values)
    sign = -1.0 if metric.better == "lower" else 1.0
    return [0.0 if v is None else round(sign * (2 * (v - min(known)) / (max(known) - min(known)) - 1), 3) for v in values]


def losses(matches: dict[str, SequenceMatch], switches: dict[str, list[Switch]]) -> list[dict[str, Any]]:
    """Splits what keeps every sequence's MOTA from 100: misses, false positives and id switches, in per cent of its true boxes."""
    rows: list[dict[str, Any]] = []
    for name, match in matches.items():
        boxes = len(match.gt_id)
        if not boxes:
            continue
        counts = [("misses", "bad", int(match.misses.sum())), ("false positives", "c1", int(match.false_positives.sum()))]
        counts.append(("id switches", "ink", len(switches[name])))
        rows.append({"name": name, "boxes": boxes, "parts": [(label, style, n, 100 * n / boxes) for label, style, n in counts]})
    widest = max((sum(part[3] for part in row["parts"]) for row in rows), default=1.0) or 1.0
    return [row | {"scale": 100 / widest, "loss": sum(part[3] for part in row["parts"])} for row in rows]


def alpha_charts(scores: Scores) -> list[Chart]:
    """Charts HOTA, DetA and AssA over the overlap threshold, all sequences first; empty if the scores hold no such curves."""
    charts = []
    table = scores.get("trackeval", {})
    for name in sorted(table, key=lambda n: n != ALL) if len(table) > 2 else [ALL]:
        if curves := _curves(table.get(name, {}), (("DetA", "c1"), ("AssA", "c2"), ("HOTA", "c0"))):
            title = "HOTA, DetA and AssA" if name == ALL else name
            charts.append(lines(title, ALPHAS, curves, "α (overlap threshold)", "%" if name == ALL else "", small=name != ALL))
    parts = _curves(table.get(ALL, {}), (("DetRe", "c1"), ("DetPr", "c1 thin"), ("AssRe", "c2"), ("AssPr", "c2 thin")))
    if charts and parts:
        charts.insert(1, lines("Recall and precision", ALPHAS, parts, "α (overlap threshold)", "%"))
    return charts


def _curves(scores: dict[str, Any], wanted: tuple[tuple[str, str], ...]) -> dict[tuple[str, str], list[float]]:
    over_alpha = scores.get("per_alpha") or {}
    lists = {(metric, style): over_alpha.get(metric) for metric, style in wanted}
    return {key: [float(v) for v in values] for key, values in lists.items() if isinstance(values, list) and len(values) == len(ALPHAS)}


def comparison(scores: Scores, earlier: Scores, folder: Path, config: dict[str, Any]) -> dict[str, Any]:
    """Returns the differences this run − earlier run, per metric and sequence (those that both have)."""
    metrics, total = shown_in("comparison", "trackeval"), TOTAL["trackeval"]
    rows = []
    before, now = earlier.get("trackeval", {}), scores.get("trackeval", {})
    for name in [*(n for n in now if n != total), total]:
        if name in now and name in before:
            pairs = [(m, _value(scores, m, name), _value(earlier, m, name)) for m in metrics]
            cells = [{"change": _change(a, b, m), "tip": f"{m.key}: {_shown(b, m)} → {_shown(a, m)}"} for m, a, b in pairs]
            rows.append({"name": "all sequences" if name == total else name, "total": name == total, "cells": cells})
    return {
        "folder": str(folder),
        "metrics": [m.key for m in metrics],
        "rows": rows,
        "made_by": config.get("made_by") or {},
        "same": set(now) == set(before),
    }


def facts(sequences: list[Sequence], matches: dict[str, SequenceMatch], protocol: str, half: str | None) -> dict[str, Any]:
    """Counts what the run was on; `half` is `train`, `val` or None, of every sequence."""
    return {
        "sequences": len(sequences),
        "frames": sum(sequence.length for sequence in sequences),
        "people": sum(len(np.unique(match.gt_id)) for match in matches.values()),
        "boxes": sum(len(match.gt_id) for match in matches.values()),
        "half": half,
        "protocol": protocol,
        "unlabelled": [s.name for s in sequences if s.ground_truth is None or (s.name in matches and not len(matches[s.name].gt_id))],
    }
