"""Reads the run folders of `tools/track.py` and `tools/score.py` back: scores, tracks, and how to run them again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bytetrack.errors import FormatError, MissingDataError
from bytetrack.interfaces import Dataset, mot_protocol
from bytetrack.io.formats import read_annotations
from bytetrack.io.mot import read_trajectories
from bytetrack.pipeline import TrackerFactory, camera_motion_for
from bytetrack.report.analysis import SequenceMatch, match_sequence
from bytetrack.report.run_files import read_config, read_scores
from bytetrack.report.switches import Switch, find_switches
from bytetrack.scoring import fast
from bytetrack.scoring.metrics import TOTAL
from bytetrack.structures import Sequence
from bytetrack.tuning.replay import Replay, WorkerPool

__all__ = ["ScoredRun", "read_run", "replayed"]

log = logging.getLogger(__name__)
CLOSE = 1e-6  # between scores.json and the tracks beside it


@dataclass
class ScoredRun:
    """One run: `official` is scores.json's TrackEval part; the rest is computed from its tracks, by sequence."""

    key: str
    folder: Path
    config: dict[str, Any]
    dataset: Dataset
    official: dict[str, dict[str, Any]]
    results: dict[str, fast.Result] = field(default_factory=dict)
    matches: dict[str, SequenceMatch] = field(default_factory=dict)
    switches: dict[str, list[Switch]] = field(default_factory=dict)
    sequences: dict[str, Sequence] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The folder's name, short enough for a table."""
        return self.folder.resolve().name


def read_run(key: str, folder: Path, build: Callable[[Any], Any], root: Path | None = None) -> ScoredRun:
    """Reads a run folder's scores and tracks; `root` replaces the dataset.root of its config.yaml.

    MissingDataError where something is not there, FormatError if it cannot be read; a warning where the tracks were changed
    after they were scored.
    """
    folder = folder.expanduser()
    for name in ("scores.json", "config.yaml"):
        if not (folder / name).is_file():
            raise MissingDataError(f"{key}={folder}: no {name} there: give the folder of a run of tools/track.py or tools/score.py")
    try:
        official, config = read_scores(folder)["trackeval"], read_config(folder)
        node = {**config["dataset"], **({} if root is None else {"root": str(root)})}
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{key}={folder}: scores.json or config.yaml is not what a run writes ({error!r}): run it again") from None
    run = ScoredRun(key, folder, config, build(node), official)
    for sequence in run.dataset.sequences():
        path = folder / "tracks" / f"{sequence.name}.txt"
        if sequence.ground_truth is None or not path.is_file():
            continue
        if sequence.class_names:
            raise ValueError(
                f"comparing supports a single class only, but {sequence.name} has several: dataset.class_names=null in {folder}/config.yaml"
            )
        truth, tracks = read_annotations(sequence), read_trajectories(path, sequence.length)
        run.sequences[sequence.name] = sequence
        protocol = mot_protocol(run.dataset.protocol)
        run.results[sequence.name] = fast.evaluate(fast.prepare(truth, sequence.length, protocol), tracks)
        run.matches[sequence.name] = match_sequence(truth, tracks, sequence.length, protocol)
        run.switches[sequence.name] = find_switches(run.matches[sequence.name], sequence.name)
    if not run.results:
        raise MissingDataError(f"{key}={folder}: no tracks of a sequence with ground truth in {folder / 'tracks'}")
    if not any(result["Count"]["GT_Dets"] for result in run.results.values()):
        raise ValueError(f"{key}={folder}: no box to score in the ground truth of {', '.join(run.results)}: nothing can be compared")
    _warn_if_changed(run)
    return run


def _warn_if_changed(run: ScoredRun) -> None:
    scored = run.official.get(TOTAL["trackeval"], {})
    if set(run.results) == set(run.official) - {TOTAL["trackeval"]}:
        now = fast.figures(run.results)
        if any(abs(scored[name] - now[name]) > CLOSE for name in now if scored.get(name) is not None):
            log.warning("%s: the tracks have changed since scores.json was written: score the run again (tools/score.py)", run.folder)


def replayed(
    run: ScoredRun, build: Callable[[Any], Any], copies: int, seed: int, workers: int | None, names: list[str]
) -> list[dict[str, fast.Result]]:
    """Runs the run's tracker on jittered copies 1..`copies` of its detections; ValueError or OSError if that cannot be done."""
    config = run.config
    if "tracker" not in config or "detector" not in config:
        raise ValueError("its config.yaml names no tracker and detector")
    filters: Mapping[str, Any] = {key: config.get(key) for key in ("min_box_area", "max_aspect_ratio")}
    sequences = [run.sequences[name] for name in names]
    special = config.get("per_sequence") or {}
    source = build(config["camera_motion"]) if config.get("camera_motion") else None
    camera = source and camera_motion_for(source, TrackerFactory(build, config["tracker"], special), sequences, run.folder)
    replay = Replay(sequences, build(config["detector"]), run.dataset.protocol, seed=seed, camera_motion=camera, **filters)
    with WorkerPool(replay, build, special, workers) as pool:
        pool.check(config["tracker"])
        return pool.copies(config["tracker"], range(1, copies + 1))
