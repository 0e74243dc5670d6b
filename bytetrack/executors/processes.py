"""Runs jobs in processes of this machine."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from bytetrack.checks import check_count
from bytetrack.interfaces import Item
from bytetrack.runtime.pool import cores, process_pool, submit, terminate_workers

__all__ = ["Processes"]

log = logging.getLogger(__name__)
Result = TypeVar("Result")
PRELOADED = ["bytetrack.pipeline", "bytetrack.scoring.official", "bytetrack.scoring.paper", "bytetrack.tracking"]


class Processes:
    """Runs jobs in processes of this machine.

    If a worker dies (killed, out of memory), the jobs that were running are retried, each alone. A job that fails more than `retries` times
    in this way ends the run.

    Args:
        workers: Number of processes; None: one per core; 1: this process only.
        retries: Number of retries of a job whose worker died.
    """

    elsewhere = False

    def __init__(self, workers: int | None = None, retries: int = 1) -> None:
        check_count("workers", workers, 1, "one a core")
        check_count("retries", retries, 0)
        self.workers, self.retries = workers, retries

    def run(
        self, job: Callable[[Any], Any], items: list[Any], reduce: Callable[[dict[str, Any]], Result], done: Callable[[Any], object]
    ) -> Result:
        """See `Executor.run`."""
        results: dict[str, Any] = {}

        def keep(item: Item, result: Any) -> None:
            results[item.name] = result
            done(item)

        workers = min(self.workers or cores(), len(items))
        if workers <= 1:
            for item in items:
                keep(item, job(item))
            return reduce(results)
        losses: Counter[str] = Counter()
        waiting: list[Item] = sorted(items, key=lambda item: -item.length)
        while True:
            suspects = [item for item in waiting if losses[item.name]]
            group, most = (suspects[:1], 1) if suspects else (waiting, workers)
            with process_pool(most, PRELOADED) as pool:
                self._blame(_round(pool, job, group, most, keep), losses)
                waiting = [item for item in waiting if item.name not in results]
                if not waiting:
                    return _reduced(pool, reduce, {item.name: results[item.name] for item in items})

    def _blame(self, lost: list[Item], losses: Counter[str]) -> None:
        """Counts a loss against each of `lost`; ChildProcessError for those that have had their last chance."""
        losses.update(item.name for item in lost)
        given_up = [item.name for item in lost if losses[item.name] > self.retries]
        if given_up:
            times = f"{losses[given_up[0]]} times" if self.retries else "once"
            raise ChildProcessError(f"{', '.join(given_up)}: the worker process ended abruptly {times} (killed, or out of memory?)")
        if lost:
            names = ", ".join(item.name for item in lost)
            log.warning("a worker process ended abruptly (killed, or out of memory?): %s again, one at a time", names)


def _round(
    pool: ProcessPoolExecutor, job: Callable[[Any], Any], items: Sequence[Item], workers: int, keep: Callable[[Item, Any], None]
) -> list[Item]:
    """Runs the job on all items, `workers` at a time, or until a worker is lost: then those that were running, one of which was its."""
    waiting, running = deque(items), dict[Future[Any], Item]()
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                future = submit(pool, job, waiting[0])
                running[future] = waiting.popleft()
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                keep(running[future], future.result())
                del running[future]
    except BrokenProcessPool:
        terminate_workers()  # the pool ends those that it knew when it broke, and would wait for ever for one that `submit` was starting
        return list(running.values()) or [waiting[0]]
    return []


def _reduced(pool: ProcessPoolExecutor, reduce: Callable[[dict[str, Any]], Result], results: dict[str, Any]) -> Result:
    try:
        summary: Result = submit(pool, reduce, results).result()  # there, because what it needs is loaded there
        return summary
    except BrokenProcessPool:
        raise ChildProcessError("the worker process that put the results together ended abruptly (killed, or out of memory?)") from None
