"""KITTI tracking text: `<sequence>.txt` each, columns separated by spaces.

`frame id type truncated occluded alpha left top right bottom h w l x y z rotation_y score`: frames and ids from 0 (here they count
from 1), type a class name without spaces (written with `_` for them), and what only 3-D knows as the benchmark's "not known"
(-1, -10, -1000). Label files lack the score: 1. Rows of type DontCare or id -1 are passed over. Boxes to 0.0001 pixels, scores to
0.000001.
"""

from __future__ import annotations

from pathlib import Path

from bytetrack.data.formats.result import Names, Result, Rows, corners, decimal, from_corners, sequence_name
from bytetrack.data.formats.text import read_lines, whole
from bytetrack.errors import FormatError
from bytetrack.runtime.atomic import replace_text

__all__ = ["read_kitti", "write_kitti"]


def read_kitti(path: Path, names: Names) -> Result:
    """One file; FormatError names the line."""
    rows = Rows()
    known = {name.replace(" ", "_"): name for name in names.known.values()}
    for where, line in read_lines(path):
        fields = line.split()
        if len(fields) not in (17, 18):
            raise FormatError(f"{where}: expected KITTI's 17 columns, or 18 with a score, got {len(fields)}: {line.strip()[:80]!r}")
        track_id = whole(fields[1], where, "id")
        if track_id < 0 or fields[2] == "DontCare":
            continue
        try:
            numbers = [float(value) for value in (*fields[6:10], *fields[17:])]
        except ValueError:
            raise FormatError(f"{where}: expected numbers for the box and the score, got {line.strip()[:80]!r}") from None
        label = names.check(known.get(fields[2], fields[2]), where)
        frame_id = whole(fields[0], where, "frame") + 1
        rows.add(where, frame_id, track_id + 1, from_corners(numbers[:4]), numbers[4] if len(numbers) > 4 else 1.0, label)
    ids, class_names = names.resolve(rows.labels())
    return rows.result(sequence_name(path), ids, class_names)


def write_kitti(result: Result, path: Path) -> None:
    lines = []
    for frame_id, track_id, tlwh, score, class_id in result.rows():
        if track_id < 1:
            raise ValueError(f"{result.name}: ids must count from 1 to be written as KITTI's from 0, got {track_id}")
        kind = "_".join(result.label(class_id).split())
        box = " ".join(corners(tlwh))
        lines.append(f"{frame_id - 1} {track_id - 1} {kind} -1 -1 -10 {box} -1 -1 -1 -1000 -1000 -1000 -10 {decimal(score, 6)}\n")
    replace_text(path, "".join(lines))
