"""Every sequence of a dataset through a job, many at a time; the scores of all, written and shown."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from bytetrack.interfaces import CocoSource, Dataset, Executor, HasSequences
from bytetrack.pipeline.run_folder import forget_scores
from bytetrack.runtime.atomic import json_text, replace_text
from bytetrack.runtime.progress import progress_bar
from bytetrack.runtime.showing import open_console
from bytetrack.scoring import SequenceScores, summarise
from bytetrack.scoring.metrics import TOTAL, Scorer, shown_in
from bytetrack.structures import Sequence

__all__ = ["map_sequences", "report_results", "score_sequences", "scores_of", "sequences_of", "write_scores"]

log = logging.getLogger(__name__)
Result = TypeVar("Result")


def sequences_of(dataset: Dataset | CocoSource) -> list[Sequence]:
    """Returns the dataset's sequences; raises ValueError for one of single images, which only trains detectors."""
    if not isinstance(dataset, HasSequences):
        raise ValueError(f"{type(dataset).__name__} has images but no sequences: it trains detectors, nothing in it can be tracked")
    return dataset.sequences()


def score_sequences(
    job: Callable[[Sequence], SequenceScores | None], sequences: list[Sequence], out: Path, executor: Executor
) -> dict[str, dict[str, dict[str, Any]]] | None:
    """Runs the job on every sequence, writes `out`/scores.json and returns its content; None if there is no ground truth."""
    scores = scores_of(job, sequences, executor)
    write_scores(scores, out)
    return scores


def scores_of(
    job: Callable[[Sequence], SequenceScores | None], sequences: list[Sequence], executor: Executor
) -> dict[str, dict[str, dict[str, Any]]] | None:
    """Runs the job on every sequence and returns the content of scores.json; None if there is no ground truth."""
    scores = map_sequences(job, sequences, executor, _summary)
    without = [sequence.name for sequence in sequences if sequence.ground_truth is None]
    if without:
        log.warning("no ground truth, so not scored: %s", ", ".join(without))
    if scores is not None:
        _warn_of_nothing(scores)
    return scores


def write_scores(scores: Mapping[str, Any] | None, out: Path) -> None:
    """Writes `out`/scores.json in place of an earlier one, of which the report goes too; None: there are no scores."""
    forget_scores(out)
    if scores is not None:
        replace_text(out / "scores.json", json_text(scores, indent=1) + "\n")


def _warn_of_nothing(scores: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
    """Names the sequences, and the classes, whose ground truth has no box to score."""
    if empty := [name for name, row in scores["trackeval"].items() if name != TOTAL["trackeval"] and not row["gt_boxes"]]:
        log.warning("no box to score in the ground truth (empty, or conf 0 throughout); only false positives count: %s", ", ".join(empty))
    if absent := [name for name, rows in scores.get("classes", {}).items() if not rows[TOTAL["trackeval"]]["gt_boxes"]]:
        log.warning("classes without a box in the ground truth (0 in the average over classes, or excluded): %s", ", ".join(absent))


def _summary(results: dict[str, SequenceScores | None]) -> dict[str, dict[str, dict[str, Any]]] | None:
    scored = {name: result for name, result in results.items() if result is not None}
    return summarise(scored) if scored else None


def map_sequences(
    job: Callable[[Sequence], Any], sequences: list[Sequence], executor: Executor, reduce: Callable[[dict[str, Any]], Result]
) -> Result:
    """Runs `job` on every sequence, with a progress bar, and returns `reduce` of the results by name. See `Executor.run`."""
    with progress_bar("", len(sequences), "sequences") as bar:
        return executor.run(job, sequences, reduce, lambda sequence: bar.advance(1, sequence.name))


def report_results(scores: dict[str, dict[str, dict[str, Any]]] | None, dataset: Dataset, out: Path, compare: Path | None) -> None:
    """Writes the report, shows the scores and says where everything is."""
    console = open_console()
    if scores is not None:
        from bytetrack.report import write_report

        write_report(out, dataset, compare)
        for table in _tables(scores, dataset.protocol):
            console.print(table)
    for name, what in (("tracks", "tracks"), ("scores.json", "scores"), ("report.html", "report"), ("config.yaml", "settings")):
        if (out / name).exists():
            console.print(f"{what:9}{out / name}", soft_wrap=True)


def _tables(scores: Mapping[str, Mapping[str, Mapping[str, Any]]], protocol: str) -> list[Any]:
    """Makes both protocols' tables for the console, sequences first, all together last."""
    from rich.table import Table

    official = "average over classes" if scores.get("classes") else "official"
    titles: dict[Scorer, str] = {
        "trackeval": f"TrackEval, {official} ({protocol} rules)",
        "motmetrics": "motmetrics, the paper's protocol",
    }
    tables = []
    for scorer, title in titles.items():
        columns, together = shown_in("console", scorer), TOTAL[scorer]
        table = Table(title=title, title_justify="left")
        table.add_column("sequence")
        for column in columns:
            table.add_column(column.key, justify="right")
        for name in [*(name for name in scores[scorer] if name != together), together]:
            cells = [column.text(scores[scorer][name][column.key]) for column in columns]
            table.add_row("all sequences" if name == together else name, *cells, style="bold" if name == together else "")
        tables.append(table)
    return [*tables, *_class_table(scores.get("classes", {}))]


def _class_table(classes: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> list[Any]:
    """Makes the table of every class over all sequences, if there are several: TrackEval's table above is their average."""
    from rich.table import Table

    columns, together = shown_in("console", "trackeval"), TOTAL["trackeval"]
    table = Table("class", *(column.key for column in columns), title="TrackEval, class by class", title_justify="left")
    for name, scores in classes.items():
        table.add_row(name, *(column.text(scores[together][column.key]) for column in columns))
    return [table] if classes else []
