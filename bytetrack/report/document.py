"""Writes `report.html`: a self-contained file about one run folder, optionally compared with an earlier run."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped, unused-ignore]

from bytetrack.errors import MissingDataError
from bytetrack.interfaces import Dataset
from bytetrack.io.formats import read_annotations
from bytetrack.io.mot import read_trajectories
from bytetrack.report import scores as tables
from bytetrack.report.analysis import SequenceMatch, match_sequence
from bytetrack.report.detections import detection_scores
from bytetrack.report.html.page import write_page
from bytetrack.report.panels import panels
from bytetrack.report.run_files import read_config, read_scores
from bytetrack.report.scene import scene, scene_step
from bytetrack.report.settings import differing_settings, settings
from bytetrack.report.statistics import distributions
from bytetrack.report.switches import KINDS, SAME_FRAMES, Switch, changes, find_switches, worst
from bytetrack.report.timeline import timeline
from bytetrack.score_counts import read_counts
from bytetrack.structures import Sequence

__all__ = ["write_report"]

log = logging.getLogger(__name__)
WORST_SHOWN = 12
CHANGES_SHOWN = 10


def write_report(run: Path, dataset: Dataset, compare: Path | None = None) -> Path:
    """Writes `run/report.html` from `run/tracks`, `run/scores.json`, `run/config.yaml` and `run/detection_scores`; returns its path.

    `dataset` has `sequences()` and `protocol`. `compare` is the folder of an earlier run on the same sequences; sequences that it lacks are
    excluded from the comparison. Raises MissingDataError if tracks or scores are missing, FormatError if they cannot be read.
    """
    run = Path(run)
    sequences = {sequence.name: sequence for sequence in dataset.sequences()}
    matches, switches = _analyse(run, sequences, dataset.protocol)
    scores = read_scores(run)
    config = read_config(run)
    context: dict[str, Any] = {
        "title": run.resolve().name,
        "kind": "Multi-object tracking report",
        "made": config.get("made_by") or {},
        "config": config,
        "config_text": yaml.safe_dump(config, sort_keys=False, allow_unicode=True) if config else "",
        "settings": settings(config),
        "facts": tables.facts(list(sequences.values()), matches, dataset.protocol, getattr(dataset, "half", None)),
        "headline": tables.headline(scores),
        "table": tables.sequence_table(scores, matches),
        "classes": tables.class_table(scores),
        "losses": tables.losses(matches, switches),
        "alpha": tables.alpha_charts(scores),
        "kinds": KINDS,
        "same_frames": SAME_FRAMES,
        "comparison": None,
    }
    earlier: dict[str, SequenceMatch] = {}
    gone: dict[str, list[Switch]] = {}
    if compare is not None:
        there = {name: sequence for name, sequence in sequences.items() if _tracks(Path(compare), name).is_file()}
        earlier, earlier_switches = _analyse(Path(compare), there, dataset.protocol)
        before = read_scores(Path(compare))
        context["headline"] = tables.headline(scores, before)
        their_config = read_config(Path(compare))
        context["comparison"] = tables.comparison(scores, before, Path(compare), their_config)
        context["comparison"]["differing"] = differing_settings([their_config, config]) if their_config else []
        rows, new, lost = changes(switches, earlier_switches)
        context["changes"] = {"rows": rows, "new": worst(new, CHANGES_SHOWN), "gone": worst(lost, CHANGES_SHOWN)}
        gone = {name: [switch for switch in lost if switch.sequence == name] for name in earlier_switches}
    shown = worst([s for found in switches.values() for s in found], WORST_SHOWN)
    context["cards"] = [(s, panels(s, matches[s.sequence], sequences[s.sequence])) for s in shown]
    context["offsets"] = {name: sequence.first_frame - 1 for name, sequence in sequences.items()}
    context["distributions"] = distributions(list(matches.values()), list(earlier.values())) if matches else []
    context["timelines"] = _timelines(matches, switches)
    counts = {name: found for name in sequences if (found := read_counts(run, name)) is not None}
    context["detections"] = detection_scores(counts, matches, len(sequences))
    step = scene_step(list(matches.values()))
    data = [
        timeline(name, match, switches[name], gone.get(name, []), sequences[name]) | {"scene": scene(match, sequences[name], step)}
        for name, match in matches.items()
    ]
    path = run / "report.html"
    write_page(path, "bytetrack.report", "report.html", {"timelines": data}, **context)
    log.info("report: %s (%.1f MB)", path, path.stat().st_size / 1e6)
    return path


def _analyse(run: Path, sequences: dict[str, Sequence], protocol: str) -> tuple[dict[str, SequenceMatch], dict[str, list[Switch]]]:
    """Matches every sequence that has ground truth, and finds its id switches."""
    matches = {}
    for name, sequence in sequences.items():
        if sequence.ground_truth is not None:
            path = _tracks(run, name)
            if not path.is_file():
                raise MissingDataError(f"{path}: not found: the report needs the tracks of every sequence; track or score the run first")
            truth = read_annotations(sequence)
            found = read_trajectories(path, sequence.length)
            matches[name] = match_sequence(truth, found, sequence.length, protocol, sequence.class_names)
    return matches, {name: find_switches(match, name) for name, match in matches.items()}


def _timelines(matches: dict[str, SequenceMatch], switches: dict[str, list[Switch]]) -> list[dict[str, Any]]:
    """Returns the headings of the time lines; only the one with most switches is open at first."""
    busiest = max(matches, key=lambda name: len(switches[name]), default=None)
    return [
        {"name": name, "length": match.length, "switches": len(switches[name]), "fragments": match.fragments, "open": name == busiest}
        for name, match in matches.items()
    ]


def _tracks(run: Path, name: str) -> Path:
    return run / "tracks" / f"{name}.txt"
