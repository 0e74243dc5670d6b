"""What every executor is, and what it is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

__all__ = ["Executor", "Item"]

Result = TypeVar("Result")


class Item(Protocol):
    """What a job works on: a `Sequence`, or a piece of one. Names differ; the longest starts first."""

    @property
    def name(self) -> str: ...
    @property
    def length(self) -> int: ...


class Executor(Protocol):
    """Runs a job on every item, many at a time; a job that is lost with its worker is run again.

    `elsewhere`: whether jobs may run on other machines, which must see the same files.
    """

    elsewhere: bool

    def run(
        self, job: Callable[[Any], Any], items: list[Any], reduce: Callable[[dict[str, Any]], Result], done: Callable[[Any], object]
    ) -> Result:
        """`reduce` of what `job` says of every item by name, in the order of `items`; `done` hears of each item as it ends.

        Job, items and results must pickle. The first error of a job stops all and is raised here; so does Ctrl-C, at once.
        ChildProcessError, which names the item, where its worker was lost too often.
        """
        ...
