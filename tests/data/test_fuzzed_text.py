"""Text readers given lines of anything: read with sane numbers, or refused in one line; never another error."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bytetrack.data.convert import read_results
from bytetrack.errors import FormatError
from bytetrack.io import read_annotations, read_detections, read_trajectories
from bytetrack.io.camera_motion import read_camera_motion

NUMBERS = [
    "0",
    "1",
    "2",
    "-1",
    "3.5",
    "1e3",
    "1e400",
    "nan",
    "-inf",
    "",
    "x",
    "1_0",
    "0x1",
    "１",
    "9" * 25,
    "\x00",
    " 1 ",
    '"1"',
    "\ufeff1",
]
FIELD = st.sampled_from(NUMBERS) | st.integers().map(str) | st.floats().map(str) | st.text(max_size=3)


def lines(separator: str, columns: int) -> st.SearchStrategy[bytes]:
    """Files of a few lines of about so many fields, most of which are numbers; sometimes any bytes."""
    good = st.tuples(st.integers(1, 5), st.integers(1, 9), *[st.integers(0, 50)] * (columns - 2)).map(lambda row: [str(v) for v in row])
    row = st.one_of(good, good, st.lists(FIELD, max_size=columns + 2)).map(separator.join)
    text = st.tuples(st.lists(row, max_size=6), st.sampled_from(["\n", "\r\n", "\r", "\n\n"])).map(
        lambda pair: pair[1].join(pair[0]).encode()
    )
    return st.one_of(text, text, text, st.binary(max_size=40))


READERS: dict[str, tuple[str, int, Callable[[Path], Any]]] = {
    "ground truth": (",", 9, read_annotations),
    "results": (",", 10, lambda path: read_trajectories(path, 5)),
    "detections": (",", 10, lambda path: read_detections(path, 1, 5)),
    "camera motion": ("\t", 7, lambda path: read_camera_motion(path, 1, 5)),
    "kitti": (" ", 18, lambda path: read_results(path, "kitti")),
    "json lines": (":", 6, lambda path: read_results(path, "jsonl")),
}


def numbers(found: Any) -> list[np.ndarray[Any, Any]]:
    fields = [found] if isinstance(found, np.ndarray) else [getattr(found, name, None) for name in ("tlwh", "xyxy", "score")]
    return [field for field in fields if isinstance(field, np.ndarray)]


@pytest.mark.parametrize("name", READERS)
def test_lines_of_anything_are_read_or_refused(name: str) -> None:
    separator, columns, reader = READERS[name]

    @settings(max_examples=150, deadline=None)
    @given(lines(separator, columns))
    def one(content: bytes) -> None:
        path = Path(folder, "a.txt")
        path.write_bytes(content)
        try:
            found = reader(path)
        except FormatError as error:
            said.append(str(error).replace(str(path), "FILE"))
            return
        assert all(np.isfinite(values).all() for values in numbers(found))

    said: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        one()
    assert all(message.startswith("FILE") and len(message.splitlines()) == 1 for message in said)
    assert said
