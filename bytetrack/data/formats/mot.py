"""MOTChallenge text: `<sequence>.txt` each, and the zip archive of them that motchallenge.net takes.

Columns `frame,id,left,top,width,height,score,class,-1,-1`, frames and ids from 1, class -1 where there is none. Boxes are written
to 0.1 pixels, scores to 0.01. Ground truth (`gt/gt.txt`, eight or nine columns) is read too: conf is the score, the classes are the
benchmark's.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bytetrack.data.formats.archive import zipped
from bytetrack.data.formats.result import Result, sequence_name
from bytetrack.data.formats.text import read_lines
from bytetrack.data.mot import read_trajectories, write_trajectories
from bytetrack.replacing import replace_bytes

__all__ = ["MOT_CLASSES", "read_mot", "write_mot", "write_submission"]

MOT_CLASSES = {
    **{1: "pedestrian", 2: "person on vehicle", 3: "car", 4: "bicycle", 5: "motorbike", 6: "non motorized vehicle"},
    **{7: "static person", 8: "distractor", 9: "occluder", 10: "occluder on the ground", 11: "occluder full", 12: "reflection"},
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
    three times, once for each public detector: `same_for_all_detectors` writes a private detector's result for all three.
    The archive is opened again and compared before it gets its name.
    """
    found = {result.name: result for result in results}
    if same_for_all_detectors:
        scene = {name.rsplit("-", 1)[0]: result for name, result in found.items()}
        found |= {name: scene[name.rsplit("-", 1)[0]] for name in lengths if name not in found and name.rsplit("-", 1)[0] in scene}
    if missing := sorted(set(lengths) - set(found)):
        hint = "same_for_all_detectors=true takes one detector's for all three" if missing[0].startswith("MOT17") else "all must be there"
        raise ValueError(
            f"no result for {', '.join(missing[:5])}{', …' if len(missing) > 5 else ''} ({len(missing)} of {len(lengths)}): {hint}"
        )
    if unknown := sorted(set(found) - set(lengths)):
        raise ValueError(f"the dataset has no sequence {unknown[0]!r}; it has {', '.join(sorted(lengths)[:4])}, … ({len(lengths)})")
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
