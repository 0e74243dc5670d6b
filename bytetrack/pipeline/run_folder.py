"""Finds, checks and rewrites folders of result files."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bytetrack.errors import MissingDataError
from bytetrack.io.mot import read_trajectories, write_trajectories
from bytetrack.listing import listed
from bytetrack.runtime.atomic import replacing
from bytetrack.score_counts import counts_path
from bytetrack.structures import Sequence, Trajectories

__all__ = ["earlier_run", "forget_scores", "refuse_same_folder", "replacing_tracks", "result_folder", "rewrite_trajectories"]

log = logging.getLogger(__name__)


def result_folder(folder: Path, sequences: list[Sequence] | None = None) -> Path:
    """Returns the folder of <sequence>.txt files: `folder`, or `folder`/tracks if that is a run's.

    MissingDataError where it has none, or none for some of `sequences`; a warning names files of none of them.
    """
    folder = folder.expanduser()
    folder = folder / "tracks" if (folder / "tracks").is_dir() else folder
    there = {path.stem for path in listed(folder, (".txt",))} if folder.is_dir() else set()
    if not there:
        raise MissingDataError(f"no result file in {str(folder)!r}: tracks must name the folder that holds <sequence>.txt")
    if sequences is None:
        return folder
    names = {sequence.name for sequence in sequences}
    if names - there:
        lacking = ", ".join(sorted(names - there))
        raise MissingDataError(f"{folder} lacks {lacking} ({len(names - there)} of {len(names)} result files): nothing was scored")
    if there - names:
        log.warning("%s: not scored, as the dataset has no such sequence: %s", folder, ", ".join(sorted(there - names)))
    return folder


def earlier_run(folder: str | Path | None) -> Path | None:
    """Returns the run folder to compare with, if any; MissingDataError if it holds no scores."""
    run = None if folder is None else Path(folder).expanduser()
    if run is not None and not (run / "scores.json").is_file():
        raise MissingDataError(f"no scores.json in {str(run)!r}: compare must name the folder of an earlier run")
    return run


def rewrite_trajectories(source: Path, target: Path, change: Callable[[Trajectories], Trajectories]) -> None:
    """Writes what `change` makes of every result file in `source` to the file of the same name in `target`, boxes with all digits."""
    refuse_same_folder(source, target)
    before = after = 0
    paths = listed(source, (".txt",))
    for path in paths:
        trajectories = read_trajectories(path)
        changed = change(trajectories)
        counts_path(target.parent, path.stem).unlink(missing_ok=True)  # of the tracks that are replaced
        write_trajectories(target / path.name, changed, decimals=None)
        before, after = before + len(trajectories), after + len(changed)
    log.info("%d sequences, %d boxes before, %d after: %s", len(paths), before, after, target)


def refuse_same_folder(source: Path, target: Path) -> None:
    """Raises ValueError if the result files that are read would be overwritten."""
    if source.resolve() == target.resolve():
        raise ValueError(f"out would overwrite the tracks it reads ({source}): set another out")


@contextmanager
def replacing_tracks(path: Path) -> Iterator[Path]:
    """Yields a temporary file that takes the place of a run's result file at `path`; what is known of the earlier one goes just before."""
    with replacing(path) as temporary:
        yield temporary
        forget_scores(path.parent.parent, path.stem)


def forget_scores(run: Path, sequence: str | None = None) -> None:
    """Removes an earlier run's scores and report, and the counts of the `sequence` that changes.

    Whoever changes its tracks does so first: a mistake before that costs nothing.
    """
    for name in ("scores.json", "report.html"):
        (run / name).unlink(missing_ok=True)
    if sequence is not None:
        counts_path(run, sequence).unlink(missing_ok=True)
