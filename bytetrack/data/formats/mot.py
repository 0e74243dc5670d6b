"""MOTChallenge text: `<sequence>.txt` each, and the zip archive of them that motchallenge.net takes.

Columns `frame,id,left,top,width,height,score,class,-1,-1`, frames and ids from 1, class -1 where there is none. Boxes are written
to 0.1 pixels, scores to 0.01. Ground truth (`gt/gt.txt`, eight or nine columns) is read too: conf is the score, the classes are the
benchmark's.
"""

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

from bytetrack.data.formats.archive import zipped
from bytetrack.data.formats.result import Result, sequence_name
from bytetrack.data.formats.text import read_lines
from bytetrack.data.mot import read_trajectories, write_trajectories
from bytetrack.runtime.atomic import replace_bytes

__all__ = ["MOT_CLASSES", "read_mot", "write_mot", "write_submission"]

log = logging.getLogger("bytetrack")

MOT_CLASSES = {
    **{1: "pedestrian", 2: "person on vehicle", 3: "car", 4: "bicycle", 5: "motorbike", 6: "non motorized vehicle"},
    **{7: "static person", 8: "distractor", 9: "occluder", 10: "occluder on the ground", 11: "occluder full", 12: "reflection"},
}


MOT17 = re.compile("(MOT17-[0-9]{2})-(DPM|FRCNN|SDP)")
BENCHMARKS = {  # the sequences that an archive for it must hold, by their numbers: training, test
    "MOT16": ((2, 4, 5, 9, 10, 11, 13), (1, 3, 6, 7, 8, 12, 14)),
    "MOT17": ((2, 4, 5, 9, 10, 11, 13), (1, 3, 6, 7, 8, 12, 14)),
    "MOT20": ((1, 2, 3, 5), (4, 6, 7, 8)),
}


def read_mot(path: Path, classes: Mapping[int, str] | None = None) -> Result:
    """One file; FormatError names the line."""
    trajectories = read_trajectories(path)
    first = next((line for _, line in read_lines(path)), "")
    is_ground_truth = len(first.split(",")) in (8, 9)
    names = classes or (MOT_CLASSES if is_ground_truth and trajectories.class_id is not None else {})
    return Result(sequence_name(path), trajectories, int(trajectories.frame_id.max(initial=0)), class_names=dict(names))


def write_mot(result: Result, path: Path) -> None:
    write_trajectories(path, result.trajectories)


def write_submission(results: Sequence[Result], path: Path, lengths: Mapping[str, int], same_for_all_detectors: bool = False) -> None:
    """The archive for motchallenge.net: `<sequence>.txt` at its root for exactly the sequences of `lengths` (frames of each).

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
        raise ValueError(
            f"no result for {', '.join(missing[:5])}{', …' if len(missing) > 5 else ''} ({len(missing)} of {len(lengths)}): {hint}"
        )
    if unknown := sorted(set(found) - set(lengths)):
        raise ValueError(f"the dataset has no sequence {unknown[0]!r}; it has {', '.join(sorted(lengths)[:4])}, … ({len(lengths)})")
    _say_what_lacks(set(lengths))
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


def _say_what_lacks(names: set[str]) -> None:
    """Warns where sequences of a known benchmark are neither its whole training nor its whole test set."""
    for benchmark, parts in BENCHMARKS.items():
        numbers = {int(name[6:8]) for name in names if re.match(f"{benchmark}-[0-9]{{2}}", name)}
        if numbers and not any(numbers == set(part) for part in parts):
            nearest = max(parts, key=lambda part: len(numbers & set(part)))
            lacking = ", ".join(f"{number:02d}" for number in sorted(set(nearest) - numbers))
            log.warning(
                "%s has %d sequences in this set, root lacks %s: an archive without them is refused there", benchmark, len(nearest), lacking
            )
