"""A bar on the terminal's error stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["bar"]


@contextmanager
def bar(title: str, unit: str, total: int) -> Iterator[Callable[..., None]]:
    """A progress bar: call what it gives with how many `unit` are done now, and on what. Shown on a terminal only, gone at the end."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn(unit), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=total)

        def advance(done: int, what: str = "") -> None:
            progress.update(task, advance=done, description=f"{title} {what}".strip())

        yield advance
