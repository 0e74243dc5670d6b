"""Searches, evaluates, and writes the settings, the report, and the runs before and after (`tools/tune.py`)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped, unused-ignore]

from bytetrack import pipeline
from bytetrack.executors import Processes
from bytetrack.interfaces import CameraMotion, Dataset, SequenceDetector
from bytetrack.report import write_report
from bytetrack.runtime.atomic import json_text, replace_text
from bytetrack.scoring.metrics import TOTAL, shown_in
from bytetrack.tuning.evaluation import Evaluation, as_json, evaluate
from bytetrack.tuning.replay import Replay, WorkerPool
from bytetrack.tuning.report import write_tune_report
from bytetrack.tuning.search import SearchPlan, importances, search

__all__ = ["tune"]

log = logging.getLogger(__name__)
Build = Callable[[dict[str, Any]], Any]
Save = Callable[[dict[str, Any], Path], None]


def tune(
    plan: SearchPlan,
    dataset: Dataset,
    detector: SequenceDetector,
    filters: Mapping[str, Any],
    build: Build,
    save: Save,
    out: Path,
    fresh: int = 8,
    workers: int | None = None,
    per_sequence: Mapping[str, Mapping[str, Any]] | None = None,
    what: Mapping[str, Any] | None = None,
    camera_motion: CameraMotion | None = None,
) -> Evaluation:
    """Searches, then writes `out`/configs/tracker/tuned.yaml, tune.json, tune.html and the run folders default/ and tuned/.

    `filters` are min_box_area and max_aspect_ratio; `save(tracker settings, folder)` writes a run's config.yaml; `what` describes
    data and detections, so that a search is not resumed on others.
    """
    sequences = pipeline.sequences_of(dataset)
    names = [sequence.name for sequence in sequences]
    factory = pipeline.TrackerFactory(build, dict(plan.settings), per_sequence or {})
    factory.name_unmatched(sequences)
    camera = None if camera_motion is None else pipeline.camera_motion_for(camera_motion, factory, sequences, out)
    replay = Replay(sequences, detector, dataset.protocol, seed=plan.seed, camera_motion=camera, **filters)
    if not any(replay.truth(name).n_boxes for name in names):
        raise ValueError(f"no box to score in the ground truth of {', '.join(names)}: nothing can be tuned")
    started = time.perf_counter()
    with WorkerPool(replay, build, per_sequence, workers) as pool:
        trials = search(plan, pool, names, {**(what or {}), **filters}, out)
        seconds = time.perf_counter() - started
        evaluation = evaluate(plan, trials, pool, names, fresh)
    log.info("%d trials (%d pruned) in %.0f s", len(trials), sum(trial.pruned for trial in trials), seconds)
    weights = importances(plan, out)
    _write_settings(evaluation, plan, out)
    replace_text(out / "tune.json", json_text(as_json(evaluation, weights, trials), indent=1) + "\n")
    scores = {}
    for name, settings in (("default", dict(plan.settings)), ("tuned", evaluation.settings)):
        folder = out / name
        factory = pipeline.TrackerFactory(build, settings, per_sequence or {})
        tracks = folder / "tracks"
        job = pipeline.TrackJob(detector, factory, tracks, dataset.protocol, **filters, camera_motion=camera, classes=replay.classes)
        folder.mkdir(exist_ok=True)
        scores[name] = pipeline.score_sequences(job, sequences, folder, Processes(workers))
        save(settings, folder)
        write_report(folder, dataset, None if name == "default" else out / "default")
    write_tune_report(
        out, plan, evaluation, trials, weights, {name: (s or {})["trackeval"][TOTAL["trackeval"]] for name, s in scores.items()}
    )
    return evaluation


def _write_settings(evaluation: Evaluation, plan: SearchPlan, out: Path) -> None:
    fresh = {name: found for name, _, found in evaluation.rows}
    objective = "+".join(plan.objective)
    header = [
        f"# {plan.settings.get('_target_')} tuned for {objective}: trial {evaluation.best.number} of {plan.trials}.",
        f"# {objective} {evaluation.gain:+.2f} ± {evaluation.gain_se:.2f} on jittered copies the search has not seen"
        + ("." if evaluation.left_out_gain is None else f", {evaluation.left_out_gain:+.2f} on sequences that had no part in the choice."),
        f"# Use it: --config-dir={out / 'configs'} tracker=tuned",
    ]
    shown = ", ".join(f"{m.key} {m.text(fresh['tuned'].mean[m.key])}" for m in shown_in("highlight", "trackeval"))
    header.insert(1, f"# Mean over those copies: {shown}.")
    text = yaml.safe_dump(evaluation.settings, sort_keys=False, allow_unicode=True)
    replace_text(out / "configs" / "tracker" / "tuned.yaml", "\n".join(header) + "\n" + text)
