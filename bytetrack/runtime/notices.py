"""Warnings that are said once a process, although several steps of a command read the same file."""

from __future__ import annotations

import logging
import multiprocessing

__all__ = ["forget_notices", "warn_once"]

_SAID: set[tuple[object, ...]] = set()
"""The warnings of this process: logger, message, and what it is about."""


def warn_once(log: logging.Logger, message: str, *arguments: object, about: object = None, in_workers: bool = True) -> None:
    """Logs a warning, the first time that a process has it to say.

    Args:
        log: Logger of the module that found it.
        message: Text with %-signs for `arguments`.
        arguments: Values of the text.
        about: Tells what the warning is about, if that is less than the `arguments`: hashable.
        in_workers: False: a worker process says nothing, since the process that started it reads the same file.
    """
    key = (log.name, message, arguments if about is None else about)
    if key in _SAID or not (in_workers or multiprocessing.parent_process() is None):
        return
    _SAID.add(key)
    log.warning(message, *arguments)


def forget_notices() -> None:
    """Lets every warning be said again, as in a new process."""
    _SAID.clear()
