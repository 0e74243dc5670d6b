"""Jobs that other processes can import."""

from __future__ import annotations

import logging
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from bytetrack import Sequence


def items(*lengths: int) -> list[Sequence]:
    """Sequences `a`, `b`, … of these lengths."""
    return [Sequence(chr(ord("a") + place), length, 30, 9, 9) for place, length in enumerate(lengths)]


def fast(item: Sequence) -> int:
    """Leaves at once."""
    return item.length


def as_dict(results: dict[str, int]) -> dict[str, int]:
    """What was found, where it can be compared."""
    return results


@dataclass(frozen=True)
class Mortal:
    """Kills its own process on the item `victim` the first `deaths` times; says how long each item is."""

    folder: Path
    victim: str
    deaths: int
    seconds: float = 0.0

    def __call__(self, item: Sequence) -> int:
        with (self.folder / f"{item.name}.tries").open("a", encoding="utf-8") as file:
            file.write("x")
        time.sleep(self.seconds)
        if item.name == self.victim and len((self.folder / f"{item.name}.tries").read_text()) <= self.deaths:
            os.kill(os.getpid(), signal.SIGKILL)
        logging.getLogger("bytetrack").warning("done with %s", item.name)
        return item.length


def wrong(item: Sequence) -> int:
    """A user's mistake in one item."""
    if item.name == "b":
        raise ValueError("b.txt:3: expected numbers, got 'x'")
    return item.length
