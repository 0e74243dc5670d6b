"""Values as tables: HTML for notebooks, and pandas where it is installed."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib import import_module
from typing import Any

from bytetrack.runtime.missing import explain_missing

__all__ = ["MOST_ROWS", "html_table", "pandas", "some"]

MOST_ROWS = 20
NUMBERS = 8  # shown in a line


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


def some(numbers: Sequence[int]) -> str:
    """Writes the first numbers of a list.

    >>> some(range(1, 12))
    '1, 2, 3, 4, 5, 6, 7, 8, …'
    """
    return ", ".join(map(str, numbers[:NUMBERS])) + (", …" if len(numbers) > NUMBERS else "")


def pandas(what: str) -> Any:
    """Returns the module pandas; ModuleNotFoundError, which says that `what` needs it, if it is not installed."""
    try:
        return import_module("pandas")
    except ModuleNotFoundError as error:
        if error.name != "pandas":
            raise
        raise ModuleNotFoundError(explain_missing(what, error), name="pandas") from None
