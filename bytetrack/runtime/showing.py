"""Shows values: as tables in HTML for notebooks and in pandas where it is installed, and as text on the console."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib import import_module
from typing import TYPE_CHECKING, Any

from bytetrack.runtime.missing import explain_missing

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["MOST_ROWS", "html_table", "open_console", "pandas"]

MOST_ROWS = 20
WIDTH = 200
"""The characters a line of a table has at most where it goes to a file or a pipe, which have no edge."""


def html_table(caption: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], total: int | None = None) -> str:
    """Returns an HTML table of `rows`, numbers to the right; `total` is how many rows there are, if these are the first of them.

    >>> html_table("2 boxes", ["id"], [["1"]], total=2)
    '<table><caption>2 boxes</caption><thead><tr><th>id</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table><p>1 more</p>'
    """
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    more = (len(rows) if total is None else total) - len(rows)
    return (
        f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        f"{f'<p>{more:,} more</p>' if more else ''}"
    )


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return f"<td>{escape(value)}</td>"
    text = f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    return f'<td style="text-align:right">{text}</td>'


def open_console(stderr: bool = False) -> Console:
    """Opens the console, which prints text as it is: names of files may hold [brackets] or :colons:, which Rich would interpret."""
    from rich.console import Console

    console = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = WIDTH
    return console


def pandas(what: str) -> Any:
    """Returns the module pandas; ModuleNotFoundError, which says that `what` needs it, if it is not installed."""
    try:
        return import_module("pandas")
    except ModuleNotFoundError as error:
        if error.name != "pandas":
            raise
        raise ModuleNotFoundError(explain_missing(what, error), name="pandas") from None
