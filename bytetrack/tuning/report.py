"""Writes tune.html: what a search found, what mattered, and how far to trust it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bytetrack.report.html.charts import Chart, Point, scatter
from bytetrack.report.html.page import write_page
from bytetrack.runtime.showing import open_console
from bytetrack.scoring.metrics import metric, shown_in
from bytetrack.tuning.evaluation import Evaluation
from bytetrack.tuning.search import SearchPlan, Trial
from bytetrack.tuning.space import Dimension, current

__all__ = ["pareto", "show", "write_tune_report"]

SHOWN = shown_in("comparison", "trackeval")
PAIRS = (("DetA", "AssA"), ("MOTA", "IDF1"), ("IDSW", "HOTA"), ("FP", "FN"))


def write_tune_report(
    out: Path,
    plan: SearchPlan,
    evaluation: Evaluation,
    trials: list[Trial],
    importances: Mapping[str, float],
    official: Mapping[str, Mapping[str, Any]],
) -> None:
    """Writes `out`/tune.html; `official` are TrackEval's combined figures of the `default` and the `tuned` settings."""
    before, largest = current(plan.settings, plan.dimensions), max(importances.values(), default=0.0) or 1.0
    settings = [
        {"name": name, "before": before[name], "after": evaluation.best.params[name], "importance": importances.get(name, 0.0)}
        for name in sorted(before, key=lambda name: -importances.get(name, 0.0))
    ]
    write_page(
        out / "tune.html",
        "bytetrack.tuning",
        "tune.html",
        title=out.resolve().name,
        kind="Tuning report",
        tracker=str(plan.settings.get("_target_", "")).rpartition(".")[2],
        objective="+".join(plan.objective),
        verdict=metric("trackeval", plan.objective[0]).verdict,
        trials=len(trials),
        pruned=sum(trial.pruned for trial in trials),
        copies=plan.copies + 1,
        fresh=evaluation.fresh,
        gain=evaluation.gain,
        gain_se=evaluation.gain_se,
        left_out_gain=evaluation.left_out_gain,
        search_value=evaluation.best.value,
        official=official,
        rows=evaluation.rows,
        metrics=SHOWN,
        highlights=shown_in("highlight", "trackeval"),
        left_out=evaluation.left_out,
        best=evaluation.best.number,
        importance=bool(importances),
        settings=[row | {"share": row["importance"] / largest} for row in settings],
        out=out,
        course=[_course(plan, trials)],
        trade_offs=[_trade_off(trials, evaluation.best, *pair) for pair in PAIRS],
        slices=[_slice(plan, dimension, trials, evaluation.best) for dimension in plan.dimensions],
    )


def _tip(trial: Trial) -> str:
    value = "pruned" if trial.value is None else f"{trial.value:.2f} ± {trial.sd:.2f}"
    return f"trial {trial.number}: {value} · " + ", ".join(f"{key} {value}" for key, value in trial.params.items())


def _scored(trials: list[Trial]) -> list[Trial]:
    return [trial for trial in trials if trial.value is not None]


def _course(plan: SearchPlan, trials: list[Trial]) -> Chart:
    """Charts every trial's value, and the best so far."""
    points: list[Point] = []
    line: list[tuple[float, float]] = []
    best = -np.inf
    for trial in _scored(trials):
        value = trial.value or 0.0
        points.append(Point(trial.number, value, "truth", _tip(trial)))
        if value > best:
            line += [(float(trial.number), best), (float(trial.number), value)] if line else [(float(trial.number), value)]
            best = value
    line.append((float(len(trials) - 1), best))
    note = "Grey: the mean over the copies, which trials share. Line: the best so far. Pruned trials are not drawn."
    return scatter("Course", "trial", "+".join(plan.objective), points, line, note)


def pareto(trials: list[Trial], x: str, y: str) -> list[Trial]:
    """Returns the trials than which none is at least as good in both figures and better in one."""
    sign = {name: -1.0 if metric("trackeval", name).better == "lower" else 1.0 for name in (x, y)}
    ordered = sorted(trials, key=lambda t: (-sign[x] * t.figures[x], -sign[y] * t.figures[y]))
    front: list[Trial] = []
    for trial in ordered:
        if not front or sign[y] * trial.figures[y] > sign[y] * front[-1].figures[y]:
            front.append(trial)
    return front


def _trade_off(trials: list[Trial], best: Trial, x: str, y: str) -> Chart:
    scored = [trial for trial in trials if trial.figures]
    front = {trial.number for trial in pareto(scored, x, y)}
    points = [
        Point(trial.figures[x], trial.figures[y], "c0" if trial.number in front else "truth", f"{_pair(trial, x, y)} · {_tip(trial)}")
        for trial in sorted(scored, key=lambda trial: trial.number in front)
    ]
    marked = [(trial, style) for trial, style in ((trials[0], "c1"), (best, "bad")) if trial.figures]
    points += [Point(t.figures[x], t.figures[y], style, f"{_pair(t, x, y)} · {_tip(t)}", 5.0) for t, style in marked]
    return scatter(f"{x} and {y}", x, y, points)


def _pair(trial: Trial, x: str, y: str) -> str:
    return ", ".join(f"{name} {metric('trackeval', name).text(trial.figures[name])}" for name in (x, y))


def _slice(plan: SearchPlan, dimension: Dimension, trials: list[Trial], best: Trial) -> Chart:
    def position(value: Any) -> float:
        return float(dimension.choices.index(value)) if dimension.choices else float(value)

    points = [
        Point(position(t.params[dimension.name]), t.value or 0.0, "bad" if t is best else "truth", _tip(t), 5.0 if t is best else 2.6)
        for t in sorted(_scored(trials), key=lambda t: t is best)
    ]
    labels = [str(choice).lower() for choice in dimension.choices]
    return scatter(dimension.name, dimension.name, "+".join(plan.objective), points, x_labels=labels)


def show(evaluation: Evaluation, out: Path) -> None:
    """Prints what was found, and where everything is."""
    from rich.table import Table

    console = open_console()
    table = Table(title=f"means over {evaluation.fresh} jittered copies the search has not seen", title_justify="left")
    table.add_column("settings")
    for column in SHOWN:
        table.add_column(column.key, justify="right")
    for row, _, found in evaluation.rows:
        table.add_row(row, *(column.text(found.mean[column.key]) for column in SHOWN))
    console.print(table)
    changed = ", ".join(f"{key}={value}" for key, value in evaluation.best.params.items())
    blind = "" if evaluation.left_out_gain is None else f", {evaluation.left_out_gain:+.2f} on sequences that had no part in the choice"
    console.print(f"gain     {evaluation.gain:+.2f} ± {evaluation.gain_se:.2f} (standard error){blind}", soft_wrap=True)
    console.print(f"best     {changed}", soft_wrap=True)
    console.print(f"report   {out / 'tune.html'}", soft_wrap=True)
    console.print(f"use it   --config-dir={out / 'configs'} tracker=tuned", soft_wrap=True)
    console.print(f"compare  bytetrack compare runs=[{out / 'default'},{out / 'tuned'}]", soft_wrap=True)
