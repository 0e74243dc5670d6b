"""The console: names are printed as they are, and tables in a file are not cut."""

from __future__ import annotations

import pytest
from rich.table import Table

from bytetrack.runtime.showing import WIDTH, open_console


def test_names_that_look_like_markup_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    console, table = open_console(), Table("[/run]", title=":fire:")
    table.add_row("[red]a")
    console.print(table)
    console.print("runs=[/work/a,/work/b]")
    shown = capsys.readouterr().out
    for text in ("[/run]", ":fire:", "[red]a", "runs=[/work/a,/work/b]"):
        assert text in shown


def test_a_table_that_goes_to_a_file_has_room(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    table = Table("name")
    table.add_row("n" * (WIDTH - 10))
    open_console(stderr=True).print(table)
    assert "n" * (WIDTH - 10) in capsys.readouterr().err
