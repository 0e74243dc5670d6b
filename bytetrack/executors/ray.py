"""Runs jobs on a Ray cluster: an existing one, or one that is started on this machine."""

from __future__ import annotations

import logging
import os
import platform
from collections import deque
from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

from bytetrack.checks import check_count
from bytetrack.errors import MissingDataError, first_line
from bytetrack.interfaces import Item
from bytetrack.runtime.pool import cores
from bytetrack.runtime.signals import handling

__all__ = ["Ray"]

log = logging.getLogger(__name__)
Result = TypeVar("Result")
OBJECT_STORE = 2**28  # bytes, of a cluster started here: results are small


class Ray:
    """Runs jobs on a Ray cluster, whose nodes must have this package and see the same files under the same paths.

    Args:
        address: None starts a cluster on this machine for the lifetime of this process; `auto` or `HOST:PORT` joins an existing one.
        workers: Maximum number of concurrent jobs; None: as many as fit, one per core on a cluster started here.
        retries: Number of retries of a job whose worker or node died.
        cpus: CPUs that a job reserves.
        gpus: GPUs that a job reserves; a fraction is allowed.
    """

    elsewhere = True

    def __init__(
        self, address: str | None = None, workers: int | None = None, retries: int = 2, cpus: float = 1.0, gpus: float = 0.0
    ) -> None:
        check_count("workers", workers, 1, "as many as there is room for")
        check_count("retries", retries, 0)
        for name, value in (("cpus", cpus), ("gpus", gpus)):
            if not isinstance(value, (int, float)) or value < 0:
                raise ValueError(f"{name} must be a number, at least 0: got {value!r}")
        self.address, self.workers, self.retries, self.cpus, self.gpus = address, workers, retries, cpus, gpus

    def run(
        self, job: Callable[[Any], Any], items: list[Any], reduce: Callable[[dict[str, Any]], Result], done: Callable[[Any], object]
    ) -> Result:
        """See `Executor.run`."""
        ray = self._connected()
        task = ray.remote(num_cpus=self.cpus, num_gpus=self.gpus, max_retries=self.retries)(_away)
        waiting, running, results = deque(sorted(items, key=lambda item: -item.length)), dict[Any, Item](), {}
        try:
            while waiting or running:
                while waiting and (self.workers is None or len(running) < self.workers):
                    item = waiting.popleft()
                    running[task.remote(job, item, os.getcwd())] = item
                for reference in ray.wait(list(running), num_returns=1)[0]:
                    item = running.pop(reference)
                    results[item.name] = self._result(ray, reference, item.name)
                    done(item)
            in_order = {item.name: results[item.name] for item in items}
            summary: Result = self._result(ray, task.remote(reduce, in_order, os.getcwd()), "scores")
            return summary
        finally:
            for reference in running:
                ray.cancel(reference, force=True)

    def _result(self, ray: Any, reference: Any, name: str) -> Any:
        """Returns the result of a task and repeats its log; raises its error, or ChildProcessError if its worker was lost too often."""
        try:
            result, said = ray.get(reference)
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except ray.exceptions.RayError as error:
            raise ChildProcessError(f"{name}: its worker was lost {self.retries + 1} times ({first_line(error)})") from None
        for level, line in said:
            log.log(level, "%s", line)
        return result

    def _connected(self) -> Any:
        """Returns the module `ray`, connected to the cluster; to the one that the caller has joined already, if any."""
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            ray: Any = import_module("ray")
        except ModuleNotFoundError:
            raise ModuleNotFoundError("executor=ray needs Ray: pip install ray") from None
        if ray.is_initialized():
            return ray
        own: dict[str, Any] = {"num_cpus": self.workers or cores(), "object_store_memory": OBJECT_STORE, "include_dashboard": False}
        own["_node_ip_address"] = "127.0.0.1"
        try:
            with handling():  # Ray puts its own handlers in place of ours
                ray.init(self.address or "local", log_to_driver=False, logging_level=logging.ERROR, **({} if self.address else own))
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise ConnectionError(f"no Ray cluster at executor.address={self.address}: {first_line(error)}") from None
        total = ray.cluster_resources()
        for resource, asked in (("CPU", self.cpus), ("GPU", self.gpus)):
            if asked > total.get(resource, 0):
                log.warning("a job needs %g %s, the cluster has %g: waiting for more nodes", asked, resource, total.get(resource, 0))
        return ray


def _away(job: Callable[[Any], Any], item: Any, folder: str) -> tuple[Any, list[tuple[int, str]]]:
    """Does the job on another machine, in the folder that relative paths mean; what it logs comes back with its result."""
    try:
        os.chdir(folder)
    except OSError:
        raise MissingDataError(f"{platform.node()} has no folder {folder}: all nodes must see the same files") from None
    kept, package = _Kept(), logging.getLogger("bytetrack")
    package.addHandler(kept)
    package.setLevel(logging.INFO)
    try:
        return job(item), kept.said
    finally:
        package.removeHandler(kept)


class _Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.said: list[tuple[int, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append((record.levelno, record.getMessage()))
