"""The zip archive of MOT text files that motchallenge.net takes."""

from __future__ import annotations

import io
import logging
import re
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bytetrack.io.mot import read_trajectories, write_trajectories
from bytetrack.io.result import Result
from bytetrack.io.zip_members import zipped
from bytetrack.names import shortened
from bytetrack.runtime.atomic import replace_bytes

__all__ = ["write_submission"]

log = logging.getLogger(__name__)

MOT17 = re.compile("(MOT17-[0-9]{2})-(DPM|FRCNN|SDP)")
BENCHMARKS = {  # the sequences that an archive for it must hold, by their numbers: training, test
    "MOT16": ((2, 4, 5, 9, 10, 11, 13), (1, 3, 6, 7, 8, 12, 14)),
    "MOT17": ((2, 4, 5, 9, 10, 11, 13), (1, 3, 6, 7, 8, 12, 14)),
    "MOT20": ((1, 2, 3, 5), (4, 6, 7, 8)),
}


def write_submission(results: Sequence[Result], path: Path, lengths: Mapping[str, int], same_for_all_detectors: bool = False) -> None:
    """Writes the archive for motchallenge.net: `<sequence>.txt` at its root for exactly the sequences of `lengths` (frames of each).

    ValueError names sequences that are missing or unknown, boxes beyond a sequence's end, ids below 1. MOT17 has every sequence
    three times, once for each public detector, also where the dataset's folder holds one of them only: `same_for_all_detectors` writes
    a private detector's result for all three. The archive is opened again and compared before it gets its name.
    """
    found = {result.name: result for result in results}
    lengths = _for_all_detectors(lengths)
    if same_for_all_detectors:
        found |= _same_for_all(found, lengths)
    if missing := sorted(set(lengths) - set(found)):
        hint = "same_for_all_detectors=true takes one detector's for all three" if MOT17.fullmatch(missing[0]) else "all must be there"
        raise ValueError(f"no result for {shortened(missing, 5, count=False)} ({len(missing)} of {len(lengths)}): {hint}")
    if unknown := sorted(set(found) - set(lengths)):
        raise ValueError(f"the dataset has no sequence {unknown[0]!r}; it has {', '.join(sorted(lengths)[:4])}, … ({len(lengths)})")
    _warn_of_incomplete_set(set(lengths))
    members = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, length in sorted(lengths.items()):
            t = found[name].trajectories
            if len(t) and t.frame_id.max() > length:
                raise ValueError(f"{name} has {length} frames, its result a box in frame {t.frame_id.max()}")
            if len(t) and t.track_id.min() < 1:
                raise ValueError(f"{name}: ids must count from 1 in a submission, got {t.track_id.min()}")
            file = Path(folder) / f"{name}.txt"
            write_trajectories(file, replace(t, class_id=None))
            read_trajectories(file, length)
            members[file.name] = file.read_bytes()
    content = zipped(members)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if archive.testzip() is not None or sorted(archive.namelist()) != [f"{name}.txt" for name in sorted(lengths)]:
            raise RuntimeError("the archive does not hold what was written into it")
    replace_bytes(path, content)


def _for_all_detectors(lengths: Mapping[str, int]) -> dict[str, int]:
    """Returns the sequences with MOT17's for all three public detectors, which are of the same length."""
    whole = dict(lengths)
    for name, length in lengths.items():
        if match := MOT17.fullmatch(name):
            whole |= {other: whole.get(other, length) for other in (f"{match[1]}-{detector}" for detector in ("DPM", "FRCNN", "SDP"))}
    return whole


def _same_for_all(found: Mapping[str, Result], lengths: Mapping[str, int]) -> dict[str, Result]:
    """Returns the results of a private detector for the other detectors of its scene; ValueError where a scene has two different ones."""
    of_scene: dict[str, Result] = {}
    for name, result in found.items():
        other = of_scene.setdefault(name.rsplit("-", 1)[0], result)
        if not np.array_equal(other.trajectories.tlwh, result.trajectories.tlwh):
            raise ValueError(
                f"same_for_all_detectors takes one result for three, but {other.name} and {name} differ: give one, or all three"
            )
    scenes = {name: name.rsplit("-", 1)[0] for name in lengths if name not in found and MOT17.fullmatch(name)}
    return {name: of_scene[scene] for name, scene in scenes.items() if scene in of_scene}


def _warn_of_incomplete_set(names: set[str]) -> None:
    """Warns where sequences of a known benchmark are neither its whole training nor its whole test set."""
    for benchmark, parts in BENCHMARKS.items():
        numbers = {int(name[6:8]) for name in names if re.match(f"{benchmark}-[0-9]{{2}}", name)}
        if numbers and not any(numbers == set(part) for part in parts):
            nearest = max(parts, key=lambda part: len(numbers & set(part)))
            lacking = ", ".join(f"{number:02d}" for number in sorted(set(nearest) - numbers))
            log.warning(
                "%s has %d sequences in this set, root lacks %s: an archive without them is refused there", benchmark, len(nearest), lacking
            )
