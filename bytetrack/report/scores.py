"""The numbers of a report: headline, per-sequence table, what costs MOTA, HOTA over alpha, comparison with an earlier run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bytetrack.report.analysis import SequenceMatch
from bytetrack.report.charts import Chart, lines
from bytetrack.report.switches import Switch
from bytetrack.structures import Sequence

__all__ = ["alpha_charts", "class_table", "comparison", "facts", "headline", "losses", "sequence_table", "settings"]

Scores = dict[str, dict[str, dict[str, Any]]]
ALPHAS = [round(0.05 * i, 2) for i in range(1, 20)]
LOWER_IS_BETTER = {"IDSW", "IDs", "FP", "FN", "Frag", "ML"}
MEANING = {
    "HOTA": "Higher order tracking accuracy: the geometric mean of detection and association accuracy, averaged over 19 overlap thresholds",
    "DetA": "Detection accuracy: shared boxes over all boxes, TP / (TP + FN + FP), averaged over the thresholds",
    "AssA": "Association accuracy: for every shared box, how much of its two tracks agrees, averaged over the thresholds",
    "MOTA": "1 − (misses + false positives + id switches) / ground-truth boxes, at overlap 0.5",
    "IDF1": "F1 of boxes under the best one-to-one assignment of predicted to true identities",
    "IDSW": "Id switches: a person matched to another id than when last matched",
    "IDs": "Id switches as motmetrics counts them",
    "Frag": "Fragmentations: a tracked person is lost and found again",
    "FP": "False positives: predicted boxes on nobody",
    "FN": "Misses: people without a predicted box",
    "MT": "Mostly tracked: people covered in more than 80 % of their frames",
    "ML": "Mostly lost: people covered in less than 20 % of their frames",
    "frames": "Length of the sequence",
    "people": "Identities in the ground truth",
}
OFFICIAL = ["HOTA", "DetA", "AssA", "MOTA", "IDF1", "IDSW", "FP", "FN"]
PAPER = ["MOTA", "IDF1", "IDs", "FP", "FN"]
TABLE = [("trackeval", m) for m in ["HOTA", "DetA", "AssA", "MOTA", "IDF1", "IDSW", "Frag", "MT", "ML", "FP", "FN"]]
TABLE += [("motmetrics", m) for m in ["MOTA", "IDF1", "IDs"]]
TOTAL = {"trackeval": "COMBINED", "motmetrics": "OVERALL"}


def _value(scores: Scores, protocol: str, name: str, metric: str) -> float | None:
    value = scores.get(protocol, {}).get(name, {}).get(metric)
    return float(value) if isinstance(value, int | float) else None


def _shown(value: float | None, metric: str) -> str:
    if value is None:
        return "–"
    return f"{value:.2f}" if metric in ("HOTA", "DetA", "AssA", "MOTA", "IDF1") else f"{value:,.0f}"


def signed(difference: float, metric: str) -> str:
    """A difference with its sign, as many decimals as the metric has."""
    text = _shown(abs(difference), metric)
    return ("±" if float(text.replace(",", "")) == 0 else "+" if difference > 0 else "−") + text


def _judged(this: float | None, earlier: float | None, metric: str) -> dict[str, str] | None:
    """A difference as text and as `better`, `worse` or `same`."""
    if this is None or earlier is None:
        return None
    text = signed(this - earlier, metric)
    gain = (earlier - this) if metric in LOWER_IS_BETTER else (this - earlier)
    return {"text": text, "verdict": "same" if text.startswith("±") else "better" if gain > 0 else "worse"}


def headline(scores: Scores, earlier: Scores | None = None) -> list[dict[str, Any]]:
    """The overall figures of both protocols, with the difference to `earlier`."""
    found = []
    for protocol, metrics in (("trackeval", OFFICIAL), ("motmetrics", PAPER)):
        cells = []
        for metric in metrics:
            value = _value(scores, protocol, TOTAL[protocol], metric)
            before = None if earlier is None else _value(earlier, protocol, TOTAL[protocol], metric)
            if value is not None:
                change = _judged(value, before, metric)
                cells.append({"metric": metric, "value": _shown(value, metric), "meaning": MEANING[metric], "change": change})
        if cells:
            found.append({"protocol": protocol, "cells": cells})
    return found


def class_table(scores: Scores) -> list[dict[str, Any]]:
    """Returns the official figures of every class over all sequences; empty where there is one class."""
    return [
        {
            "name": name,
            "cells": [{"metric": m, "value": _shown(_value(scores["classes"], name, TOTAL["trackeval"], m), m)} for m in OFFICIAL],
        }
        for name in scores.get("classes", {})
    ]


def sequence_table(scores: Scores, matches: dict[str, SequenceMatch]) -> dict[str, Any]:
    """One row a sequence and one for all; a cell's `shade` runs from -1 (worst sequence) to 1 (best), counts per ground-truth box."""
    columns = [(p, m) for p, m in TABLE if any(_value(scores, p, name, m) is not None for name in scores.get(p, {}))]
    names = [name for name in scores.get("trackeval", scores.get("motmetrics", {})) if name not in TOTAL.values()]
    rows: list[dict[str, Any]] = [{"name": name, "frames": None, "people": None, "cells": []} for name in [*names, "all sequences"]]
    for row in rows[:-1]:
        if row["name"] in matches:
            row |= {"frames": matches[row["name"]].length, "people": len(set(matches[row["name"]].gt_id.tolist()))}
    rows[-1] |= {"frames": sum(r["frames"] or 0 for r in rows[:-1]), "people": sum(r["people"] or 0 for r in rows[:-1])}
    for protocol, metric in columns:
        values = [_value(scores, protocol, name, metric) for name in names]
        shades = _shades([_rate(v, metric, matches.get(n)) for v, n in zip(values, names, strict=True)], metric)
        for row, value, shade in zip(rows, [*values, _value(scores, protocol, TOTAL[protocol], metric)], [*shades, 0.0], strict=True):
            row["cells"].append({"text": _shown(value, metric), "value": value, "shade": shade, "protocol": protocol})
    return {"columns": [{"protocol": p, "metric": m, "meaning": MEANING[m]} for p, m in columns], "rows": rows[:-1], "total": rows[-1]}


def _rate(value: float | None, metric: str, match: SequenceMatch | None) -> float | None:
    counts = value is not None and match is not None and metric in LOWER_IS_BETTER | {"MT"}
    if not counts or value is None or match is None:
        return value
    people = metric in ("MT", "ML")
    return value / max(1, len(set(match.gt_id.tolist())) if people else len(match.gt_id))


def _shades(values: list[float | None], metric: str) -> list[float]:
    known = [v for v in values if v is not None]
    if len(known) < 3 or max(known) == min(known):
        return [0.0] * len(values)
    sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
    return [0.0 if v is None else round(sign * (2 * (v - min(known)) / (max(known) - min(known)) - 1), 3) for v in values]


def losses(matches: dict[str, SequenceMatch], switches: dict[str, list[Switch]]) -> list[dict[str, Any]]:
    """What keeps every sequence's MOTA from 100: misses, false positives and id switches in per cent of its ground-truth boxes."""
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
    """HOTA, DetA and AssA over the overlap threshold, all sequences first; empty where the scores hold no such curves."""
    charts = []
    table = scores.get("trackeval", {})
    for name in sorted(table, key=lambda n: n != "COMBINED") if len(table) > 2 else ["COMBINED"]:
        if curves := _curves(table.get(name, {}), (("DetA", "c1"), ("AssA", "c2"), ("HOTA", "c0"))):
            title = "HOTA, DetA and AssA" if name == "COMBINED" else name
            charts.append(
                lines(title, ALPHAS, curves, "α (overlap threshold)", "%" if name == "COMBINED" else "", small=name != "COMBINED")
            )
    parts = _curves(table.get("COMBINED", {}), (("DetRe", "c1"), ("DetPr", "c1 thin"), ("AssRe", "c2"), ("AssPr", "c2 thin")))
    if charts and parts:
        charts.insert(1, lines("Recall and precision", ALPHAS, parts, "α (overlap threshold)", "%"))
    return charts


def _curves(scores: dict[str, Any], wanted: tuple[tuple[str, str], ...]) -> dict[tuple[str, str], list[float]]:
    over_alpha = scores.get("per_alpha") or {}
    lists = {(metric, style): over_alpha.get(metric) for metric, style in wanted}
    return {key: [float(v) for v in values] for key, values in lists.items() if isinstance(values, list) and len(values) == len(ALPHAS)}


def comparison(scores: Scores, earlier: Scores, folder: Path, config: dict[str, Any]) -> dict[str, Any]:
    """Differences this run − earlier run, per metric and sequence (those both have)."""
    metrics = ["HOTA", "DetA", "AssA", "MOTA", "IDF1", "IDSW", "FP", "FN"]
    rows = []
    before, now = earlier.get("trackeval", {}), scores.get("trackeval", {})
    for name in [*(n for n in now if n != "COMBINED"), "COMBINED"]:
        if name in now and name in before:
            pairs = [(m, _value(scores, "trackeval", name, m), _value(earlier, "trackeval", name, m)) for m in metrics]
            cells = [{"change": _judged(a, b, m), "tip": f"{m}: {_shown(b, m)} → {_shown(a, m)}"} for m, a, b in pairs]
            rows.append({"name": "all sequences" if name == "COMBINED" else name, "total": name == "COMBINED", "cells": cells})
    made_by = config.get("made_by") or {}
    same = {n for n in now} == {n for n in before}
    return {"folder": str(folder), "metrics": metrics, "rows": rows, "made_by": made_by, "settings": settings(config), "same": same}


def facts(sequences: list[Sequence], matches: dict[str, SequenceMatch], protocol: str, half: str | None) -> dict[str, Any]:
    """What the run was on; `half` is `train`, `val` or None, of every sequence."""
    return {
        "sequences": len(sequences),
        "frames": sum(sequence.length for sequence in sequences),
        "people": sum(len(np.unique(match.gt_id)) for match in matches.values()),
        "boxes": sum(len(match.gt_id) for match in matches.values()),
        "half": half,
        "protocol": protocol,
        "unlabelled": [s.name for s in sequences if s.ground_truth is None or (s.name in matches and not len(matches[s.name].gt_id))],
    }


def settings(config: dict[str, Any]) -> dict[str, dict[str, str]]:
    """The config by group (tracker, detector, dataset, …), its nested keys joined by dots."""
    groups: dict[str, dict[str, str]] = {}
    for key, node in config.items():
        if key in ("made_by", "hydra"):
            continue
        if isinstance(node, dict):
            groups[str(key)] = dict(_flat(node))
        else:
            groups.setdefault("run", {})[str(key)] = _text(node)
    return groups


def _flat(node: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    found = []
    for key, value in node.items():
        if isinstance(value, dict) and value:
            found += _flat(value, f"{prefix}{key}.")
        else:
            found.append((f"{prefix}{key}", _text(value)))
    return found


def _text(value: Any) -> str:
    return "–" if value is None or value == {} else str(value).lower() if isinstance(value, bool) else str(value)
