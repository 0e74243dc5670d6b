"""YOLOX's anchors: strides, the grid of cells, and boxes from a network's numbers, for torch and for NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["STRIDES", "anchor_grid", "anchors", "decode"]

STRIDES = (8, 16, 32)
"""Pixels of the input per cell, level by level."""

Numbers = TypeVar("Numbers", npt.NDArray[np.floating[Any]], "Tensor")


def anchors(height: int, width: int, device: torch.device | str | None = None) -> tuple[Tensor, Tensor]:
    """Returns every anchor's cell (column, row), float32 (A, 2), and its stride in pixels, float32 (A,), in the order of the logits.

    The anchor's centre is (grid + 0.5) * stride. ValueError if `height` or `width` is not a multiple of 32.
    """
    import torch

    if height % STRIDES[-1] or width % STRIDES[-1] or height <= 0 or width <= 0:
        raise ValueError(f"input size must be multiples of {STRIDES[-1]}: got {height}x{width} (height x width)")
    grids, strides = [], []
    for stride in STRIDES:
        rows, columns = torch.meshgrid(
            torch.arange(height // stride, dtype=torch.float32, device=device),
            torch.arange(width // stride, dtype=torch.float32, device=device),
            indexing="ij",
        )
        grids.append(torch.stack([columns, rows], dim=-1).reshape(-1, 2))
        strides.append(torch.full((grids[-1].shape[0],), float(stride), device=device))
    return torch.cat(grids), torch.cat(strides)


def anchor_grid(height: int, width: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Returns `anchors` without torch: cells, float32 (A, 2), and strides, float32 (A, 1)."""
    grids = [np.indices((height // stride, width // stride)).reshape(2, -1)[::-1].T for stride in STRIDES]
    stride = np.repeat(np.array(STRIDES, dtype=np.float32), [len(grid) for grid in grids])
    return np.concatenate(grids).astype(np.float32), stride[:, None]


def decode(values: Numbers, grid: Numbers, stride: Numbers) -> tuple[Numbers, Numbers]:
    """Returns centres (..., A, 2) and sizes (..., A, 2) in input pixels of a network's box values (..., A, 4).

    `values` are dx, dy, log width, log height in strides; `grid` (A, 2) and `stride` (A, 1) belong to their anchors.
    """
    sizes: Any = np.exp(values[..., 2:4]) if isinstance(values, np.ndarray) else values[..., 2:4].exp()
    return (values[..., :2] + grid) * stride, sizes * stride
