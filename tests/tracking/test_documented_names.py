"""The tables that map papers to code name functions, settings and files that exist."""

from __future__ import annotations

import re
from inspect import getsource
from pathlib import Path

import pytest

from bytetrack.config import home
from bytetrack.runtime.compilation import as_python
from bytetrack.tracking.trackers.byte import byte_update

TRACKING = home() / "bytetrack" / "tracking"
PAGES = [home() / "docs" / "paper.md", *sorted(path for path in (home() / "docs" / "trackers").glob("*.md") if path.stem != "study")]
NAME = re.compile(r"`([a-z]\w*[a-z\d])(?:\(.*?\))?`")
FILE = re.compile(r"`((?:\w+/)*\w+\.py)`")


def cells_of(page: Path) -> list[str]:
    """The last cell of every row of a page's tables."""
    lines = page.read_text(encoding="utf-8").splitlines()
    return [line.split("|")[-2] for line in lines if line.startswith("| ") and line.count("|") > 2]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_table_names_what_exists(page: Path) -> None:
    words = {word for path in TRACKING.rglob("*.py") for word in re.findall(r"\w+", path.read_text(encoding="utf-8"))}
    words |= {word for path in (home() / "configs").rglob("*.yaml") for word in re.findall(r"\w+", path.read_text(encoding="utf-8"))}
    cells = cells_of(page)
    names = {name for cell in cells for name in NAME.findall(cell)}
    files = {name for cell in cells for name in FILE.findall(cell)}
    assert sorted(names - words) == []
    assert sorted(name for name in files if not any((folder / name).is_file() for folder in (TRACKING, home()))) == []


def test_the_table_of_algorithm_1_names_what_byte_update_calls_in_its_order() -> None:
    called = re.findall(r"\b([a-z]\w+)\(", getsource(as_python(byte_update)))
    heading, *cells = cells_of(home() / "docs" / "paper.md")
    assert "byte_update" in heading
    assert len(cells) == 8
    place = 0
    for cell in cells:
        first, *others = NAME.findall(cell)
        assert first in called[place:], f"{first} is not called there"
        place = called.index(first, place)
        assert set(others) <= set(called)
