"""Evaluates what a search found on copies that it has not seen, and on sequences that had no part in the choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bytetrack.scoring import fast
from bytetrack.tuning.bootstrap import Estimate, deviation, estimate
from bytetrack.tuning.replay import WorkerPool
from bytetrack.tuning.search import SearchPlan, Trial, objective_of
from bytetrack.tuning.space import with_values

__all__ = ["Evaluation", "as_json", "best_trial", "evaluate"]

Copies = list[dict[str, fast.Result]]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """`rows`: name, what it is, and its estimate; `gain` and `gain_se`: the best trial's mean gain in the objective over the settings as
    they were, on fresh copies, and its standard error; `left_out`: per sequence the trial chosen without it and the objective there,
    before and after; `fresh` is the number of those copies."""

    best: Trial
    settings: dict[str, Any]
    rows: list[tuple[str, str, Estimate]]
    gain: float
    gain_se: float
    left_out_gain: float | None
    left_out: list[dict[str, Any]]
    fresh: int


def best_trial(trials: list[Trial]) -> Trial:
    """Returns the trial of the largest value, the first of several; ValueError if none was scored to the end."""
    complete = [trial for trial in trials if trial.value is not None]
    if not complete:
        raise ValueError("no trial was scored to the end: every one was pruned or had settings that contradict each other; widen the space")
    return max(complete, key=lambda trial: (trial.value, -trial.number))


def _estimate(copies: Copies) -> Estimate:
    """Returns the estimate of the combined figures of copies."""
    return estimate([fast.figures(results) for results in copies])


def evaluate(plan: SearchPlan, trials: list[Trial], pool: WorkerPool, names: list[str], fresh: int) -> Evaluation:
    """Scores the best trial beside the settings as they were, on `fresh` copies after those of the search, and leaving one sequence out.

    Leaving out: for every sequence, the trial with the best objective on the others is scored on it. The trials themselves come
    from a search that saw all sequences: only the choice is blind.
    """
    best = best_trial(trials)
    numbers = range(plan.copies + 1, plan.copies + 1 + fresh) if fresh else range(plan.copies + 1)
    tuned_settings = with_values(plan.settings, best.params)
    default, tuned = pool.copies(plan.settings, numbers), pool.copies(tuned_settings, numbers)
    before, after = (np.array([objective_of(fast.figures(results), plan.objective) for results in copies]) for copies in (default, tuned))
    rows = [("default", "the settings as they are", _estimate(default)), ("tuned", "the winner", _estimate(tuned))]
    left_out, blind = _leave_one_out(plan, trials, pool, names, numbers, default, tuned)
    blind_gain = None
    if blind:
        rows.append(("left out", "every sequence with settings chosen on the others", _estimate(blind)))
        blind_gain = float(np.mean([objective_of(fast.figures(results), plan.objective) for results in blind]) - before.mean())
    error = deviation(after - before) / len(after) ** 0.5
    return Evaluation(best, tuned_settings, rows, float((after - before).mean()), error, blind_gain, left_out, len(numbers))


def _leave_one_out(
    plan: SearchPlan, trials: list[Trial], pool: WorkerPool, names: list[str], numbers: range, default: Copies, tuned: Copies
) -> tuple[list[dict[str, Any]], Copies]:
    candidates = [trial for trial in trials if trial.without]
    if len(names) < 2 or not candidates:
        return [], []
    chosen = {name: max(candidates, key=lambda trial: (trial.without[name], -trial.number)) for name in names}
    rows, blind = [], [dict[str, fast.Result]() for _ in numbers]
    for name, trial in chosen.items():
        results = pool.scores(with_values(plan.settings, trial.params), [(name, number) for number in numbers])
        for copy, result in zip(blind, results, strict=True):
            copy[name] = result
        row = {"sequence": name, "trial": trial.number, "params": trial.params}
        for key, copies in (("default", default), ("left out", blind), ("tuned", tuned)):
            row[key] = _alone(copies, name, plan.objective)
        rows.append(row)
    return rows, blind


def _alone(copies: Copies, name: str, objective: tuple[str, ...]) -> float:
    return float(np.mean([objective_of(fast.figures({name: results[name]}), objective) for results in copies]))


def as_json(evaluation: Evaluation, importances: Mapping[str, float], trials: list[Trial]) -> dict[str, Any]:
    """Returns the content of tune.json: all numbers of the report."""
    return {
        "best": {"trial": evaluation.best.number, "params": evaluation.best.params, "search_value": evaluation.best.value},
        "gain_on_fresh_copies": {"mean": evaluation.gain, "standard_error": evaluation.gain_se},
        "gain_left_out": evaluation.left_out_gain,
        "figures": {name: {"what": what, "mean": found.mean, "sd": found.sd} for name, what, found in evaluation.rows},
        "left_out": evaluation.left_out,
        "importances": dict(importances),
        "trials": [
            {"number": t.number, "params": t.params, "pruned": t.pruned, "value": t.value, "sd": t.sd, "figures": t.figures} for t in trials
        ],
    }
