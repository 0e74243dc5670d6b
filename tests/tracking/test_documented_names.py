"""The tables that map papers to code name functions, settings and files that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bytetrack.config import home

TRACKING = home() / "bytetrack" / "tracking"
PAGES = [home() / "docs" / "paper.md", *sorted(path for path in (home() / "docs" / "trackers").glob("*.md") if path.stem != "study")]
NAME = re.compile(r"`([a-z]\w*[a-z\d])(?:\(.*?\))?`")
FILE = re.compile(r"`((?:\w+/)*\w+\.py)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_table_names_what_exists(page: Path) -> None:
    words = {word for path in TRACKING.rglob("*.py") for word in re.findall(r"\w+", path.read_text(encoding="utf-8"))}
    words |= {word for path in (home() / "configs").rglob("*.yaml") for word in re.findall(r"\w+", path.read_text(encoding="utf-8"))}
    cells = [row.split("|")[-2] for row in page.read_text(encoding="utf-8").splitlines() if row.startswith("| ") and row.count("|") > 2]
    names = {name for cell in cells for name in NAME.findall(cell)}
    files = {name for cell in cells for name in FILE.findall(cell)}
    assert sorted(names - words) == []
    assert sorted(name for name in files if not any((folder / name).is_file() for folder in (TRACKING, home()))) == []
