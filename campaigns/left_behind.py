"""What a run left in its folder, beside what an uninterrupted one leaves: whole files, and the same ones."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

TEMPORARY = re.compile(r"\..*\.tmp")
MOVING = re.compile(
    rb"\d{4}-\d\d-\d\d[ T]\d\d:\d\d|"
    rb"git.revision[^\n]*|date(: |</dt><dd>)[^\n<]*|<span>made</span>[^<]*|workers(</code></td><td>|[:=] ?)\d"
)
VARYING = ("study.journal", "summary.json", "metrics.csv", "stdout", "stderr")  # with dates and durations
LOCK = "study.journal.lock"  # how the names of Optuna's locks begin: the same command removes what a killed run left


def files(out: Path) -> dict[str, Path]:
    """Every file under its final name, but for TensorBoard's, which are journals with a checksum a record."""
    found = {str(path.relative_to(out)): path for path in sorted(out.rglob("*")) if path.is_file()}
    return {name: path for name, path in found.items() if not TEMPORARY.fullmatch(path.name) and ".tfevents." not in name}


def content(path: Path) -> Any:
    """Returns what is in a file, without dates and folders."""
    if path.suffix == ".pth":
        return checkpoint(path)
    if path.suffix == ".npz":
        import numpy as np

        return {name: array.tobytes() for name, array in np.load(path).items()}
    return MOVING.sub(b"", path.read_bytes())


def checkpoint(path: Path) -> Any:
    """A training checkpoint as plain values; it must be one to go on from."""
    from bytetrack.training.checkpoint import read

    return plain({key: value for key, value in read(path).items() if key != "random"})


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    return value.numpy().tobytes() if hasattr(value, "numpy") else value


def problem(out: Path, whole: Path, earlier: Path) -> str | None:
    """Returns what is wrong with the files that an interrupted run left: half a file, a file of no run, scores of other tracks."""
    there = files(out)
    runs = [run for run in (whole, earlier) if run.is_dir()]
    kinds: dict[str, set[int]] = {}
    for name, path in there.items():
        if path.name in VARYING or path.name.startswith(LOCK) or path.name.endswith(".part.mp4"):
            continue
        if path.parent == out and begins(path, whole / name):
            continue
        if "/detections/" in f"/{name}" and path.suffix == ".json":
            continue
        if path.name == "last.pth" or path.suffix == ".pth":
            try:
                checkpoint(path)
            except ValueError as error:
                return f"{name} cannot be loaded: {error}"
            continue
        of = {number for number, run in enumerate(runs) if (run / name).is_file() and content(run / name) == content(path)}
        if not of:
            return f"{name} is neither of this run nor of the earlier one ({path.stat().st_size} bytes)"
        kinds[name] = of
    return mixed(kinds)


def begins(path: Path, whole: Path) -> bool:
    """Returns True if a demo's rows are the first of those that an uninterrupted one writes."""
    return path.suffix in (".txt", ".jsonl") and whole.is_file() and whole.read_bytes().startswith(path.read_bytes())


def mixed(kinds: dict[str, set[int]]) -> str | None:
    """Scores of one run beside tracks of the other."""
    for name in ("scores.json", "report.html"):
        for other, of in kinds.items():
            if name in kinds and other.startswith("tracks/") and not of & kinds[name]:
                return f"{name} stands beside {other} of another run"
    return None


def difference(out: Path, whole: Path) -> str | None:
    """Returns how the files in `out` differ from an uninterrupted run's."""
    one, other = files(out), files(whole)
    if one.keys() != other.keys():
        return f"files {sorted(one.keys() ^ other.keys())}"
    changed = [name for name, path in one.items() if path.name not in VARYING and content(path) != content(other[name])]
    if changed:
        return f"{', '.join(changed)} differ"
    hidden = [path.name for path in out.rglob("*") if TEMPORARY.fullmatch(path.name)]
    return f"left {', '.join(hidden)}" if hidden else None
