"""The memory of a GPU: whether a batch fits, and what to do where one does not."""

from __future__ import annotations

from collections.abc import Callable

import torch

from bytetrack.detection.device import out_of_memory, release

__all__ = ["largest_that_fits", "parts_that_fit", "peak"]


def largest_that_fits(attempt: Callable[[int], object], images: int, device: torch.device) -> int:
    """Tries `images`, half of it, a quarter … and returns the first for which `attempt` does not run out of memory; 0 for none."""
    while images:
        try:
            attempt(images)
            return images
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
        release(device)
        images //= 2
    return 0


def parts_that_fit(images: int, fitting: int) -> int:
    """Returns the number of equal parts into which to split `images` so that a part is at most `fitting`."""
    return next(parts for parts in range(1, images + 1) if images % parts == 0 and images // parts <= fitting)


def peak(device: torch.device) -> dict[str, float]:
    """Returns peak GPU memory so far in GiB, nothing on other devices."""
    return {"speed/gpu_memory_gib": torch.cuda.max_memory_allocated(device) / 2**30} if device.type == "cuda" else {}
