"""The memory of the machine, asked for before training: what takes more than there is ends or hangs without a word."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path

import torch

__all__ = ["available", "kept_for_backward", "prefetch_that_fits", "shared_memory"]


def available() -> float:
    """Returns how many bytes this process may still take, of the machine and of its container; infinite where the system does not say."""
    free = math.inf
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines())
        free = 1024.0 * int(lines["MemAvailable"].split()[0])
        limit, taken, stat = (Path("/sys/fs/cgroup", f"memory.{name}").read_text(encoding="ascii") for name in ("max", "current", "stat"))
        if limit.strip() == "max":
            return free
        counts = dict(line.split() for line in stat.splitlines())
        cached = int(counts["active_file"]) + int(counts["inactive_file"])  # files that were read: given up when memory is asked for
        return min(free, int(limit) - int(taken) + cached)
    except (OSError, KeyError, ValueError):
        return free


def kept_for_backward(forward: Callable[[], torch.Tensor]) -> int:
    """Returns how many bytes a forward pass keeps for its backward pass."""
    kept: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        result = forward()  # held until all is counted, so that no two tensors have one address
    total = sum(kept.values())
    del result
    return total


def shared_memory() -> float:
    """Returns how many bytes are free in /dev/shm, through which loading processes hand over batches; infinite where there is none."""
    try:
        found = os.statvfs("/dev/shm")
    except (OSError, AttributeError):  # AttributeError: Windows
        return math.inf
    return float(found.f_bavail * found.f_frsize)


def prefetch_that_fits(batch: int, workers: int, processes: int, free: float, wanted: int = 4) -> int:
    """Returns how many batches of so many bytes each of the `workers` of each of a machine's `processes` may hold ready in `free` bytes of
    /dev/shm, at most `wanted`. MemoryError where it is not one."""
    if not workers or math.isinf(free):
        return wanted
    places = int(free / processes / batch) - 1  # one is being trained on
    if places < workers:
        needed = processes * (workers + 1) * batch
        fewer = max(places, 0)
        raise MemoryError(
            f"{workers} loading processes need {needed / 2**20:.0f} MiB of /dev/shm for batches of {batch / 2**20:.1f} MiB, "
            f"{free / 2**20:.0f} are free: in a container, docker run --ipc=host (or --shm-size); or train.workers={fewer}"
        )
    return min(wanted, places // workers)
