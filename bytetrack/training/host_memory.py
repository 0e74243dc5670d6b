"""The memory of a CPU, asked for before training: a system ends what takes more than there is, without a word."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import torch

__all__ = ["available", "kept_for_backward"]


def available() -> float:
    """Bytes that this process may still take, of the machine and of its container; infinite where the system does not say."""
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
    """Bytes that a forward pass keeps for its backward pass."""
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
