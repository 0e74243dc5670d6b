"""What every worker process does first."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading

__all__ = ["begin"]


def begin() -> None:
    """In a worker: Ctrl-C, which the terminal sends to every process, ends it without a word, and so does its parent's end.

    Python's pools wait for ever for a parent that was killed.
    """
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    threading.Thread(target=_end_with_parent, name="bytetrack-parent", daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
