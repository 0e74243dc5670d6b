"""Searches with Optuna's TPE and pruning over replays. The search is on disk after every step and resumed by the same call.

Trials are asked for one after the other, each by a sampler seeded with (seed, number of finished trials), and their jobs run in
parallel: the same seed gives the same trials whatever the number of workers and however often the search was interrupted.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bytetrack.checks import check_whole
from bytetrack.runtime.atomic import replace_bytes
from bytetrack.runtime.progress import progress_bar
from bytetrack.scoring import fast
from bytetrack.scoring.metrics import shown_in
from bytetrack.tuning.bootstrap import deviation, estimate
from bytetrack.tuning.replay import WorkerPool
from bytetrack.tuning.space import Dimension, current, with_values

__all__ = ["SearchPlan", "Trial", "importances", "objective_of", "parse_objective", "search"]

log = logging.getLogger(__name__)
STARTUP_TRIALS = 20  # drawn at random before TPE has something to learn from; and none of them is pruned
FIRST_COPIES = 2  # scored before it is decided whether the others are worth it


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """The task of a search: values of `dimensions` of `settings` that maximise the mean `objective` over copies 0..`copies`."""

    settings: Mapping[str, Any]
    dimensions: list[Dimension]
    objective: tuple[str, ...]
    trials: int
    copies: int = 5
    seed: int = 0
    prune: bool = True

    def __post_init__(self) -> None:
        for name, low in (("trials", 1), ("copies", 0), ("seed", 0)):
            check_whole(name, getattr(self, name), low)

    @property
    def steps(self) -> list[range]:
        """The copies scored before and after the decision to go on."""
        first = min(FIRST_COPIES, self.copies + 1)
        return [part for part in (range(first), range(first, self.copies + 1)) if len(part)]


@dataclass(frozen=True, slots=True)
class Trial:
    """A finished trial: its parameters and, unless `pruned`, mean figures over the copies, the objective's `sd` over them, and the
    objective `without` each sequence."""

    number: int
    params: dict[str, Any]
    pruned: bool
    value: float | None
    figures: dict[str, float]
    sd: float
    without: dict[str, float]


def parse_objective(text: str) -> tuple[str, ...]:
    """Returns the percentages whose mean is the objective: of `HOTA` one, of `HOTA+IDF1` two; ValueError for other metrics."""
    names = tuple(part.strip() for part in str(text).split("+"))
    known = [metric.key for metric in shown_in("comparison", "trackeval") if metric.unit == "percent"]
    if any(name not in known for name in names):
        raise ValueError(f"objective must be one of {', '.join(known)}, or several joined by +: got {text!r}")
    return names


def objective_of(found: Mapping[str, float], objective: tuple[str, ...]) -> float:
    """Computes the mean of the objective's percentages."""
    return sum(found[name] for name in objective) / len(objective)


def search(plan: SearchPlan, pool: WorkerPool, names: list[str], what: Mapping[str, Any], out: Path) -> list[Trial]:
    """Runs trials until `plan.trials` are finished, and returns all, in order; the first has the settings as they are.

    `names` are the sequences, `what` describes everything that a trial's value depends on beside the plan: ValueError where
    `out`/study.journal holds a study of something else. Ctrl-C loses the trial under way and nothing else.
    """
    study = _study(plan, what, out)
    from optuna.trial import TrialState

    pool.check(plan.settings)
    done = len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED)))
    if done:
        log.info("%s: continuing after %d trials", out / "study.journal", done)
    with progress_bar("trials", plan.trials, done=done) as bar:
        for index in range(done, plan.trials):
            _run_trial(study, plan, pool, names, index)
            bar.advance(1, _best_line(study, plan))
    finished = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))[: plan.trials]
    return [_trial(number, trial) for number, trial in enumerate(finished)]


def _study(plan: SearchPlan, what: Mapping[str, Any], out: Path) -> Any:
    try:
        import optuna
    except ModuleNotFoundError:
        raise ModuleNotFoundError("tuning needs Optuna: pip install optuna") from None
    from optuna.trial import TrialState

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    path = out / "study.journal"
    _drop_half_line(path)
    for lock in out.glob(f"{path.name}.lock*"):  # left by a run that was killed, perhaps while it let go of it
        lock.unlink(missing_ok=True)
    study = optuna.create_study(
        storage=_storage(path),
        study_name="tune",
        direction="maximize",
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS) if plan.prune else optuna.pruners.NopPruner(),
    )
    described = _described(plan, what)
    before = study.user_attrs.setdefault("what", described)
    different = sorted(key for key in described.keys() | before.keys() if described.get(key) != before.get(key))
    if different:
        key = different[0]
        raise ValueError(
            f"{path} holds a search with another {key}: {_short(before.get(key))} there, {_short(described.get(key))} now; "
            "set another out, or the same settings to resume it"
        )
    study.set_user_attr("what", described)
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)  # under way when a run was stopped: it is asked for again
    return study


def _described(plan: SearchPlan, what: Mapping[str, Any]) -> dict[str, Any]:
    space = {d.name: [d.low, d.high, d.step, d.log, list(d.choices)] for d in plan.dimensions}
    own = {"tracker": plan.settings, "space": space, "objective": "+".join(plan.objective)}
    described: dict[str, Any] = json.loads(
        json.dumps({**own, "copies": plan.copies, "seed": plan.seed, "prune": plan.prune, **what}, default=str)
    )
    return described


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) < 120 else f"{text[:117]}..."


def _drop_half_line(path: Path) -> None:
    """Removes an incomplete last line that a killed run left."""
    if path.is_file() and (content := path.read_bytes()) and not content.endswith(b"\n"):
        replace_bytes(path, content[: content.rfind(b"\n") + 1])


def _run_trial(study: Any, plan: SearchPlan, pool: WorkerPool, names: list[str], index: int) -> None:
    """Runs one trial from asking to telling; the first has the values of the settings if the space contains them."""
    import optuna

    seed = int(np.random.SeedSequence([plan.seed, index]).generate_state(1)[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that multivariate TPE is experimental
        study.sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP_TRIALS, multivariate=True)
        if index == 0 and not study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.WAITING,)):
            now = current(plan.settings, plan.dimensions)
            if all(dimension.contains(now[dimension.name]) for dimension in plan.dimensions):
                study.enqueue_trial(now)
            else:
                log.warning("the tracker's own settings lie outside the search space, so no trial has them: %s", now)
        trial = study.ask()
        params = {dimension.name: dimension.suggest(trial) for dimension in plan.dimensions}
    settings = with_values(plan.settings, params)
    try:
        pool.check(settings)
    except ValueError:  # the settings contradict each other: as bad as a trial can be
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        return
    copies: list[dict[str, fast.Result]] = []
    for step, numbers in enumerate(plan.steps):
        copies += pool.copies(settings, numbers)
        values = [objective_of(fast.figures(results), plan.objective) for results in copies]
        trial.report(float(np.mean(values)), step)
        if len(copies) <= plan.copies and trial.should_prune():
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            return
    for key, value in _attributes(copies, values, plan.objective, names).items():
        trial.set_user_attr(key, value)
    study.tell(trial, float(np.mean(values)))


def _attributes(copies: list[dict[str, fast.Result]], values: list[float], objective: tuple[str, ...], names: list[str]) -> dict[str, Any]:
    found = [fast.figures(results) for results in copies]
    without = {}
    if len(names) > 1:
        for name in names:
            others = [fast.figures({key: result for key, result in results.items() if key != name}) for results in copies]
            without[name] = float(np.mean([objective_of(figures, objective) for figures in others]))
    return {"figures": estimate(found).mean, "sd": deviation(values), "without": without}


def _trial(number: int, trial: Any) -> Trial:
    attributes, pruned = trial.user_attrs, trial.state.name == "PRUNED"  # to which Optuna gives their last mean as value
    return Trial(
        number,
        {name: round(value, 6) if isinstance(value, float) else value for name, value in trial.params.items()},  # as they were tried
        pruned,
        None if pruned else trial.value,
        attributes.get("figures", {}),
        attributes.get("sd", 0.0),
        attributes.get("without", {}),
    )


def importances(plan: SearchPlan, out: Path) -> dict[str, float]:
    """Computes how much of what separates good trials from the others each setting explains, in [0, 1], largest first.

    PED-ANOVA (Watanabe, Bansal and Hutter, IJCAI 2023); empty if there are too few trials to say.
    """
    import optuna

    study = optuna.load_study(study_name="tune", storage=_storage(out / "study.journal"))
    if len(study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))) < STARTUP_TRIALS or len(plan.dimensions) < 2:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
        try:
            return dict(optuna.importance.get_param_importances(study, evaluator=evaluator))
        except (RuntimeError, ValueError):  # all trials alike
            return {}


def _storage(path: Path) -> Any:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    return JournalStorage(JournalFileBackend(str(path), JournalFileOpenLock(str(path))))


def _best_line(study: Any, plan: SearchPlan) -> str:
    import optuna

    complete = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
    best = max((trial.value for trial in complete), default=None)
    return "" if best is None else f"best {'+'.join(plan.objective)} {best:.2f}"
