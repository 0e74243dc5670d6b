"""Counts on the CPU what would make the host wait for a GPU."""

from __future__ import annotations

import traceback
from collections import Counter
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = ["Waits"]

ASKS = ("_local_scalar_dense", "nonzero", "masked_select", "_unique", "lift_fresh", "repeat_interleave.Tensor", "torchvision.nms")
"""Operators whose result's size or value the host has to know, or which copy Python's numbers to the device and wait."""


class Waits(TorchDispatchMode):
    """A context in which `lines` counts the waits by operator and line of `bytetrack`.

    A GPU's copies to the host are not seen on a CPU, where they are none: count `.cpu()` beside it. Nor is what autograd asks in its own
    threads.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lines: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = str(func)
        if any(part in name for part in ASKS) or (name.startswith("aten.index") and _by_mask(args)):
            ours = [frame for frame in traceback.extract_stack() if "/bytetrack/" in frame.filename]
            self.lines[f"{name} at {ours[-1].filename.rsplit('/', 1)[-1]}:{ours[-1].lineno}" if ours else name] += 1
        return func(*args, **(kwargs or {}))


def _by_mask(args: Any) -> bool:
    """Whether an indexing is by a mask of booleans, which asks for their number."""
    indices = args[1] if len(args) > 1 and isinstance(args[1], (list, tuple)) else ()
    return any(isinstance(index, torch.Tensor) and index.dtype in (torch.bool, torch.uint8) for index in indices)
