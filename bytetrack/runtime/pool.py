"""Pools of worker processes that end with their parent, and at once after an error."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

from bytetrack.runtime.signals import end_at_once

__all__ = ["cores", "end_with_parent", "process_pool", "start_worker", "submit", "terminate_workers", "with_shared"]

PATIENCE = 5.0  # seconds that a terminated worker has to end


def cores() -> int:
    """Returns how many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def process_pool(workers: int, preload: Sequence[str] = (), shared: tuple[object, ...] = ()) -> Iterator[ProcessPoolExecutor]:
    """Opens a pool of processes; an error in the block terminates them.

    Args:
        workers: Number of processes.
        preload: Modules that a server process imports before the workers are forked from it, where the system can fork.
        shared: Values that every worker gets once, for jobs submitted through `with_shared`.
    """
    forks = preload and "forkserver" in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if forks else "spawn")
    if forks:
        context.set_forkserver_preload(list(preload))
    pool = ProcessPoolExecutor(workers, context, initializer=start_worker, initargs=shared)
    try:
        yield pool
    except BaseException:
        terminate_workers()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def submit(pool: ProcessPoolExecutor, job: Callable[..., Any], *arguments: Any) -> Future[Any]:
    """Calls `pool.submit`; raises BrokenProcessPool also if the server process that workers are forked from was killed, or if the pool
    breaks while it starts a worker.
    """
    try:
        return pool.submit(job, *arguments)
    except (EOFError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None and not isinstance(error, ConnectionError):
            raise  # the system's: too many processes, too little memory
        raise BrokenProcessPool(str(error)) from error


def terminate_workers() -> None:
    """Terminates the child processes of this one and waits for them: one that is only starting must find what is shared with it."""
    workers = multiprocessing.active_children()
    for process in workers:
        process.terminate()
    for process in workers:
        process.join(PATIENCE)


def with_shared(job: Callable[..., Any], *arguments: Any) -> Any:
    """Calls, in a worker, `job` with the pool's `shared` values before `arguments`."""
    return job(*_SHARED, *arguments)


_SHARED: list[object] = []
"""The values that a worker process got when it started; empty in any other process."""


def start_worker(*shared: object) -> None:
    """Prepares a worker process: Ctrl-C, which the terminal sends to every process, ends it silently, and so does its parent's end."""
    end_at_once()
    end_with_parent()
    _SHARED[:] = shared


def end_with_parent() -> None:
    """Ends this process as soon as the one that started it has ended, however it did.

    Python's own pools wait forever for a parent that was killed. So do torch's loading processes where a server forks them, as Python
    does from 3.14 on: they compare the number of their parent, which is the server's, and the server lives as long as they do.
    """
    threading.Thread(target=_wait_for_parent, name="bytetrack-parent", daemon=True).start()


def _wait_for_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
