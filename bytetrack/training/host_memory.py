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
        limit, taken = (Path("/sys/fs/cgroup", name).read_text(encoding="ascii").strip() for name in ("memory.max", "memory.current"))
        return min(free, float(limit) - float(taken)) if limit != "max" else free
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
