"""The progress bar of every verb, on the terminal's error stream."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from bytetrack.runtime.showing import open_console

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["ProgressBar", "progress_bar", "with_progress"]

Item = TypeVar("Item")
REFRESH = 0.1  # seconds between two updates of `with_progress`, whose items may be many and short


class ProgressBar:
    """A bar that `progress_bar` shows. `visible` is False if standard error is no terminal."""

    def __init__(self, progress: Progress, title: str, total: float | None, done: float, unit: str) -> None:
        self._progress, self._title = progress, title
        self._task: TaskID = progress.add_task(title, total=total, completed=int(done), unit=unit)
        self.visible = not progress.disable

    def advance(self, count: float = 1, label: str = "") -> None:
        """Adds `count` to what is done, and shows `label` after the title."""
        if self.visible:
            self._progress.update(self._task, advance=count, description=f"{self._title} {label}".strip())

    def update(
        self, done: float | None = None, total: float | None = None, description: str | None = None, unit: str | None = None
    ) -> None:
        """Sets what is done, the total, the text before the bar and the text after the count; None leaves each as it is."""
        fields = {} if unit is None else {"unit": unit}
        self._progress.update(self._task, completed=done, total=total, description=description, **fields)  # type: ignore[arg-type]


@contextmanager
def progress_bar(
    title: str,
    total: float | None = None,
    unit: str = "",
    *,
    done: float = 0,
    in_bytes: bool = False,
    speed: bool = False,
    remaining: bool = True,
    visible: bool = True,
) -> Iterator[ProgressBar]:
    """Shows a progress bar on a terminal, and removes it at the end of the block.

    Args:
        title: Text before the bar.
        total: What there is to do, None if unknown.
        unit: Text after the count.
        done: What is done already.
        in_bytes: Show sizes instead of counts.
        speed: Show how much is done in a second.
        remaining: Show the time left; if False, the time spent.
        visible: If False, show nothing.
    """
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    console = open_console(stderr=True)
    columns = [TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn() if in_bytes else MofNCompleteColumn()]
    if speed:
        columns.append(TransferSpeedColumn() if in_bytes else TextColumn("{task.speed:.1f}/s"))
    columns += [TextColumn("{task.fields[unit]}", markup=False), TimeRemainingColumn() if remaining else TimeElapsedColumn()]
    with Progress(*columns, console=console, transient=True, disable=not (visible and console.is_terminal)) as progress:
        yield ProgressBar(progress, title, total, done, unit)


def with_progress(items: Iterable[Item], title: str, total: int | None = None) -> Iterator[Item]:
    """Yields the items and shows a progress bar meanwhile; `total` is their number if they have no length."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    with progress_bar(title, total) as bar:
        waiting, shown = 0, time.monotonic()
        for item in items:
            yield item
            waiting += 1
            if bar.visible and time.monotonic() - shown >= REFRESH:
                bar.advance(waiting)
                waiting, shown = 0, time.monotonic()
