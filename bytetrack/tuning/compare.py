"""Compares several runs with the first, with intervals, and shows where they differ (`tools/compare.py`)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bytetrack.report.html.page import write_page
from bytetrack.report.panels import panels
from bytetrack.report.settings import differing_settings
from bytetrack.report.switches import KINDS, SAME_FRAMES, changes, worst
from bytetrack.runtime.atomic import json_text, replace_text
from bytetrack.runtime.showing import open_console
from bytetrack.scoring import fast
from bytetrack.scoring.metrics import COMPARED, TOTAL, Metric, metric, shown_in, values
from bytetrack.tuning.bootstrap import deviation, draw_weights, estimate, interval, sequence_order
from bytetrack.tuning.runs import ScoredRun, read_run, replayed

__all__ = ["Difference", "compare", "show"]

log = logging.getLogger(__name__)
SHOWN = shown_in("comparison", "trackeval")
DRAWS, CARDS, LISTED = 10_000, 6, 15
FEW = 5  # sequences below which resampling them says little


@dataclass(frozen=True, slots=True)
class Difference:
    """A run's figure minus the first run's: `value`, the 95 % interval over resampled sequences, and over jittered copies the mean
    of the paired differences with its standard error (None where the runs could not be replayed)."""

    metric: str
    value: float
    low: float
    high: float
    jitter: float | None = None
    jitter_error: float | None = None

    @property
    def verdict(self) -> str:
        """`better` or `worse` if the interval leaves out 0, else `same`."""
        return metric("trackeval", self.metric).verdict(self.value, (self.low, self.high))


def compare(
    folders: dict[str, Path],
    build: Callable[[Any], Any],
    out: Path,
    copies: int = 8,
    seed: int = 0,
    workers: int | None = None,
    root: Path | None = None,
) -> dict[str, Any]:
    """Writes `out`/compare.json and compare.html about the runs in `folders`, the first being what the others are compared with.

    ValueError for fewer than two runs, or runs without a sequence in common. Returns what compare.json holds.
    """
    if len(folders) < 2:
        raise ValueError("at least two runs are needed: runs=[A,B], each a folder that tools/track.py or tools/score.py wrote")
    runs = [read_run(key, folder, build, root) for key, folder in folders.items()]
    names = sequence_order([run.results for run in runs])
    if not names:
        raise ValueError(f"the runs have no sequence in common: {', '.join(f'{run.key} has {next(iter(run.results))}, …' for run in runs)}")
    left_out = sorted({name for run in runs for name in run.results} - set(names))
    if left_out:
        log.warning("not in every run, so excluded: %s", ", ".join(left_out))
    jitter = _jitter(runs, build, copies, seed, workers, names) if copies else {}
    weights = draw_weights(len(names), DRAWS, seed)
    samples = {run.key: fast.figures({name: run.results[name] for name in names}, weights) for run in runs}
    now = {run.key: fast.figures({name: run.results[name] for name in names}) for run in runs}
    first = runs[0]
    differences = {run.key: _differences(run.key, first.key, now, samples, jitter) for run in runs[1:]}
    estimates = {key: estimate(found) for key, found in jitter.items()}
    document = {
        "runs": {run.key: str(run.folder) for run in runs},
        "sequences": names,
        "figures": now,
        "official": {run.key: run.official.get(TOTAL["trackeval"], {}) | {"per_alpha": None} for run in runs},
        "differences": {key: {d.metric: _as_json(d) for d in found} for key, found in differences.items()},
        "by_sequence": {run.key: {name: values(run.results[name]) for name in names} for run in runs},
        "jittered": {run: {key: [e.mean[key], e.sd[key]] for key in e.mean} for run, e in estimates.items()},
    }
    replace_text(out / "compare.json", json_text(document, indent=1) + "\n")
    _write_report(out, runs, names, now, differences, jitter)
    return document


def _as_json(difference: Difference) -> dict[str, Any]:
    return {
        "value": difference.value,
        "interval": [difference.low, difference.high],
        "jitter": difference.jitter,
        "jitter_standard_error": difference.jitter_error,
    }


def _jitter(
    runs: list[ScoredRun], build: Callable[[Any], Any], copies: int, seed: int, workers: int | None, names: list[str]
) -> dict[str, list[dict[str, float]]]:
    """Replays the runs that can be, and computes the combined figures of every jittered copy."""
    found = {}
    for run in runs:
        try:
            log.info("%s: replaying %d jittered copies of its detections ...", run.key, copies)
            results: list[dict[str, fast.Result]] = replayed(run, build, copies, seed, workers, names)
            found[run.key] = [fast.figures(result) for result in results]
        except (ValueError, OSError, KeyError) as error:
            log.warning("%s=%s is not replayed with jitter: %s", run.key, run.folder, error)
    return found


def _differences(
    key: str, first: str, now: dict[str, dict[str, float]], samples: dict[str, Any], jitter: dict[str, list[dict[str, float]]]
) -> list[Difference]:
    rows = []
    for column in COMPARED:
        low, high = interval(samples[key][column.key] - samples[first][column.key])
        paired, error = None, None
        if key in jitter and first in jitter:
            steps = [there[column.key] - here[column.key] for there, here in zip(jitter[key], jitter[first], strict=True)]
            paired, error = float(np.mean(steps)), deviation(steps) / len(steps) ** 0.5
        rows.append(Difference(column.key, now[key][column.key] - now[first][column.key], low, high, paired, error))
    return rows


def _changes(first: ScoredRun, run: ScoredRun, names: list[str]) -> dict[str, Any]:
    """Returns where a run differs from the first in id switches: counts by sequence, the worst of both, pictures of the worst."""
    rows, new, gone = changes(run.switches, {name: first.switches[name] for name in names})
    cards = [
        (title, s, panels(s, of.matches[s.sequence], of.sequences[s.sequence]))
        for title, of, found in (("gone", first, gone), ("new", run, new))
        for s in worst(found, CARDS // 2)
    ]
    return {"rows": rows, "new": worst(new, LISTED), "gone": worst(gone, LISTED), "cards": cards}


def _write_report(
    out: Path,
    runs: list[ScoredRun],
    names: list[str],
    now: dict[str, dict[str, float]],
    differences: dict[str, list[Difference]],
    jitter: dict[str, list[dict[str, float]]],
) -> None:
    first = runs[0]
    by_sequence = [
        {"name": name, "figures": {run.key: values(run.results[name]) for run in runs}, "frames": first.sequences[name].length}
        for name in names
    ]
    write_page(
        out / "compare.html",
        "bytetrack.tuning",
        "compare.html",
        title=" · ".join(f"{run.key} {run.name}" for run in runs),
        kind="Comparison of runs",
        runs=runs,
        first=first,
        others=runs[1:],
        now=now,
        differences=differences,
        metrics=SHOWN,
        by_sequence=by_sequence,
        few=len(names) < FEW,
        jitter={key: estimate(found) for key, found in jitter.items()},
        copies=max((len(found) for found in jitter.values()), default=0),
        draws=DRAWS,
        settings=differing_settings([run.config for run in runs]),
        changes={run.key: _changes(first, run, names) for run in runs[1:]},
        kinds=KINDS,
        same_frames=SAME_FRAMES,
    )


def show(document: dict[str, Any], out: Path) -> None:
    """Prints every run's figures, and differences to the first with their intervals."""
    from rich.table import Table

    console = open_console()
    first = next(iter(document["runs"]))
    table = Table(
        title=f"{len(document['sequences'])} sequences; differences to {first} [95 % over resampled sequences]", title_justify="left"
    )
    table.add_column("run", no_wrap=True)
    for column in SHOWN:
        table.add_column(column.key, justify="right", no_wrap=True)
    for key, folder in document["runs"].items():
        table.add_row(f"{key} {Path(folder).name}", *(m.text(document["figures"][key][m.key]) for m in SHOWN), style="bold")
        if key == first:
            continue
        found = document["differences"][key]
        table.add_row(f"  minus {first}", *(_signed(m, found[m.key]["value"]) for m in SHOWN))
        table.add_row("  95 % from", *(_signed(m, found[m.key]["interval"][0]) for m in SHOWN), style="dim")
        table.add_row("  95 % to", *(_signed(m, found[m.key]["interval"][1]) for m in SHOWN), style="dim")
        if all(found[m.key]["jitter"] is not None for m in SHOWN):
            table.add_row("  jittered mean", *(_signed(m, found[m.key]["jitter"]) for m in SHOWN))
            table.add_row("  ± std. error", *(m.text(found[m.key]["jitter_standard_error"]) for m in SHOWN), style="dim")
    console.print(table)
    console.print(f"report   {out / 'compare.html'}", soft_wrap=True)


def _signed(metric: Metric, difference: float) -> str:
    """Formats a difference; those of counts, which may be means, with a decimal."""
    return f"{difference:+.{max(1, metric.decimals)}f}"
