"""The base of detectors made of a network: a file of weights, one settings value, calls from several threads."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from bytetrack.detection.settings import DetectorSettings

if TYPE_CHECKING:
    from typing import Self

__all__ = ["NetworkDetector"]

Settings = TypeVar("Settings", bound=DetectorSettings)
LOADED = ("_loaded", "_inference")
"""Attributes that hold a network in memory."""


class NetworkDetector(Generic[Settings]):
    """Detects with the network in the file `weights`, by frozen `settings`. Loads it at the first image."""

    def __init__(self, weights: Path, settings: Settings) -> None:
        self.weights, self.settings = weights.expanduser(), settings

    @property
    def batch_size(self) -> int:
        """Images per batch."""
        return self.settings.batch_size

    @property
    def classes(self) -> tuple[str | int, ...] | None:
        """Names or numbers of the classes to find, None for all."""
        return self.settings.classes

    @property
    def on_cpu(self) -> bool:
        """True if it runs on all the cores, which everything else needs too."""
        from bytetrack.detection.device import pick_device

        return self.settings.threads == 0 and pick_device(self.settings.device) == "cpu"

    def shared(self, callers: int, threads: int) -> Self:
        """Returns the same detector for `callers` threads that call it at once: each call uses `threads` cores of the CPU."""
        return self._with(callers=callers, threads=threads)

    def _with(self, **changed: Any) -> Self:
        """Returns a detector of the same file with other settings; it loads the file itself."""
        twin = copy(self)
        twin.settings = replace(self.settings, **changed)
        return twin

    def __getstate__(self) -> dict[str, Any]:
        """Returns the state without what is loaded: a copy, or another process, loads the file itself."""
        return {name: value for name, value in vars(self).items() if name not in LOADED}
