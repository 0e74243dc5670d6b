"""Hides what CUDA, MPS and the CPU do each in their own way: streams, copies and memory that is full."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

__all__ = ["on_stream", "out_of_memory", "pick_device", "release", "to_device", "use_threads"]


def pick_device(name: str) -> str:
    """Returns the device `name`, or for `auto` CUDA, else MPS, else the CPU. ValueError if it is not there."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return next(kind for kind, available in there.items() if available)
    if not there.get(name.split(":")[0], False):
        raise ValueError(f"device {name!r} is not available: found {', '.join(kind for kind, available in there.items() if available)}")
    return name


def use_threads(threads: int) -> None:
    """Lets torch use so many cores of the CPU, 0 for as many as it does; asked before it is told, as telling costs time."""
    if threads not in (0, torch.get_num_threads()):
        torch.set_num_threads(threads)


def out_of_memory(error: BaseException) -> bool:
    """Returns True for an error of a device without free memory; MPS and the CPU have no type of their own for it."""
    told = isinstance(error, RuntimeError) and any(part in str(error) for part in ("out of memory", "DefaultCPUAllocator"))
    return isinstance(error, torch.OutOfMemoryError) or told


def release(device: torch.device) -> None:
    """Gives back what the allocator keeps for later; call it outside of the `except` block, whose error holds tensors."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def on_stream(stream: torch.cuda.Stream | None) -> AbstractContextManager[Any]:
    """Returns a context in which `stream` is CUDA's current one, without any asking nothing: torch would ask MPS for what it lacks."""
    return nullcontext() if stream is None else torch.cuda.stream(stream)


def to_device(tensor: torch.Tensor, device: torch.device | str) -> torch.Tensor:
    """Sends `tensor` to `device`; to CUDA from pinned memory it is under way on return. Elsewhere the copy may not outlive its source."""
    return tensor.to(device, non_blocking=torch.device(device).type == "cuda")
