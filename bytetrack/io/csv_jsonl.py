"""CSV and JSON Lines: the two formats for people's own scripts. Every number is written in full: nothing is rounded.

CSV is one file of any number of sequences, under the header `sequence,frame,track_id,left,top,width,height,score,class_id,class`;
frames from 1, boxes in pixels, the last two columns empty where there is no class. Read, the columns may stand in any order, more
of them may be there, and `sequence`, `score`, `class_id` and `class` may be missing. Semicolons and tabs may separate them, as
spreadsheets write them; then a decimal comma is read too. Names of columns may have capitals, and spaces about them.

JSON Lines is one file a sequence, one object a frame, frames without boxes too:
`{"frame": 1, "time": 0.0, "tracks": [{"id": 7, "tlwh": [left, top, width, height], "score": 0.9, "class_id": 0, "class": "person"}]}`;
`time` in seconds where the frame rate is known, no `class_id` and `class` if there is no class. Other keys are passed over.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bytetrack.errors import FormatError
from bytetrack.io.result import Names, Result, Rows, sequence_name
from bytetrack.io.text import read_lines, read_text, whole
from bytetrack.runtime.atomic import json_text, replace_text

__all__ = ["frame_object", "read_csv", "read_jsonl", "write_csv", "write_jsonl"]

HEADER = ["sequence", "frame", "track_id", "left", "top", "width", "height", "score", "class_id", "class"]
NEEDED = HEADER[1:7]
DELIMITERS = ",;\t"  # what spreadsheets separate columns by, the first if there is none


def read_csv(path: Path, names: Names) -> list[Result]:
    """Reads all sequences of the file, by name; FormatError names the line."""
    text = read_text(path)
    delimiter = max(DELIMITERS, key=text.partition("\n")[0].count)
    table = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    columns = [str(name).strip().lower() for name in table.fieldnames or ()]
    table.fieldnames = columns
    if missing := [column for column in NEEDED if column not in columns]:
        raise FormatError(f"{path}:1: expected a header with {', '.join(NEEDED)}, got no {', '.join(missing)}")
    if twice := [column for column in HEADER if columns.count(column) > 1]:
        raise FormatError(f"{path}:1: expected every column once, got {twice[0]} again")
    sequences: dict[str, Rows] = {}
    classes = _Classes(names)
    try:
        for record in table:
            where = f"{path}:{table.line_num}"
            if None in record or None in record.values():
                raise FormatError(f"{where}: expected {len(table.fieldnames or ())} columns as in the header, got another number")
            try:
                box = [_decimal(record[side], delimiter) for side in NEEDED[2:]]
                score = _decimal(record.get("score") or "1", delimiter)
            except ValueError:
                raise FormatError(f"{where}: expected numbers for the box and the score, got {list(record.values())}") from None
            class_id = whole(record["class_id"], where, "class_id") if record.get("class_id") else None
            rows = sequences.setdefault(record.get("sequence") or sequence_name(path), Rows())
            label = classes.label(class_id, record.get("class") or None, where)
            rows.add(where, whole(record["frame"], where, "frame"), whole(record["track_id"], where, "track_id"), box, score, label)
    except csv.Error as error:
        raise FormatError(f"{path}:{table.line_num}: {error}") from None
    return classes.results(sequences or {sequence_name(path): Rows()})


def _decimal(text: str, delimiter: str) -> float:
    """Converts a number, with a decimal comma where commas do not separate columns."""
    return float(text if delimiter == "," else text.replace(",", "."))


def write_csv(results: Sequence[Result], path: Path) -> None:
    buffer = io.StringIO(newline="")
    table = csv.writer(buffer, lineterminator="\n")
    table.writerow(HEADER)
    for result in results:
        for frame_id, track_id, tlwh, score, class_id in result.rows():
            label = ["", ""] if class_id is None else [class_id, result.class_names.get(class_id, "")]
            table.writerow([result.name, frame_id, track_id, *tlwh, score, *label])
    replace_text(path, buffer.getvalue())


def read_jsonl(path: Path, names: Names) -> Result:
    """Reads one file; FormatError names the line."""
    rows, classes, length, times = Rows(), _Classes(names), 0, []
    for where, line in read_lines(path):
        try:
            frame = json.loads(line)
            frame_id, tracks = whole(str(frame["frame"]), where, "frame"), list(frame["tracks"])
            length = max(length, frame_id)
            times.append((frame_id, float(frame["time"]) if frame.get("time") is not None else None))
            for track in tracks:
                box, score = [float(value) for value in track["tlwh"]], float(track.get("score", 1.0))
                if len(box) != 4 or not isinstance(track["tlwh"], list):
                    raise ValueError
                label = classes.label(track.get("class_id"), track.get("class"), where)
                rows.add(where, frame_id, whole(str(track["id"]), where, "id"), box, score, label)
        except FormatError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise FormatError(
                f'{where}: expected {{"frame": 1, "tracks": [{{"id": 7, "tlwh": [l, t, w, h]}}]}}, got {line[:80]!r}'
            ) from None
    return classes.results({sequence_name(path): rows}, length, _frame_rate(times))[0]


def write_jsonl(result: Result, path: Path) -> None:
    result.refuse_endless("jsonl")
    tracks: list[list[dict[str, Any]]] = [[] for _ in range(result.length)]
    for frame_id, track_id, tlwh, score, class_id in result.rows():
        track: dict[str, Any] = {"id": track_id, "tlwh": tlwh, "score": score}
        if class_id is not None:
            track["class_id"] = class_id
            if class_id in result.class_names:
                track["class"] = result.class_names[class_id]
        tracks[frame_id - 1].append(track)
    rate = result.frame_rate
    lines = [json_text(frame_object(k + 1, k / rate if rate else None, found), ensure_ascii=False) for k, found in enumerate(tracks)]
    replace_text(path, "".join(f"{line}\n" for line in lines))


def frame_object(frame_id: int, time: float | None, tracks: Iterable[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """Makes one line's object; `more` may add what a reader here passes over, for instance counts."""
    return {"frame": frame_id, **({} if time is None else {"time": round(time, 6)}), "tracks": list(tracks), **more}


class _Classes:
    """Class ids and names that come side by side, each optional."""

    def __init__(self, names: Names) -> None:
        self.names, self.found = names, dict(names.known)

    def label(self, class_id: Any, name: Any, where: str) -> str | int | None:
        if class_id is None:
            return None if name is None else self.names.check(str(name), where)
        if not isinstance(class_id, int) or isinstance(class_id, bool) or class_id < 0:
            raise FormatError(f"{where}: expected a class_id from 0, got {class_id!r}")
        if name is not None and not self.names.closed and self.found.setdefault(class_id, str(name)) != name:
            raise FormatError(f"{where}: expected one name a class, got {name!r} for class {class_id}, before {self.found[class_id]!r}")
        return class_id

    def results(self, sequences: dict[str, Rows], length: int = 0, frame_rate: float | None = None) -> list[Result]:
        labels = {label for rows in sequences.values() for label in rows.labels()}
        ids, class_names = Names(self.found).resolve(labels)
        return [sequences[name].result(name, ids, class_names, length, frame_rate=frame_rate) for name in sorted(sequences)]


def _frame_rate(times: list[tuple[int, float | None]]) -> float | None:
    """Computes the frame rate from the first and the last frame with a time; None without two."""
    known = [(frame_id, time) for frame_id, time in times if time is not None]
    if len(known) < 2 or known[-1][1] <= known[0][1] or known[-1][0] <= known[0][0]:
        return None
    return round((known[-1][0] - known[0][0]) / (known[-1][1] - known[0][1]), 3)
