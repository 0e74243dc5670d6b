"""SimOTA label assignment for a whole padded batch at once: assigns boxes to grid cells.

Source: Ge et al., YOLOX, 2021, section 2.1 ("SimOTA"); clamping the centre to the image is ByteTrack's (section 4.1: boxes are not
clipped). Memory is bounded for any number of boxes: only cells near a box become candidates, and pairs of boxes and candidates are
processed in chunks. The host waits for the device once per batch (for the number of candidates), never per image.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bytetrack.checks import check_count, check_flag, check_positive, check_reals, check_whole
from bytetrack.detection.grid import STRIDES, anchors

__all__ = ["Assignment", "Grid", "SimOTA", "cells_within", "paired_iou", "pairwise_iou"]


PAIRS_ON_CPU, PAIRS_ON_GPU = 2_000_000, 16_000_000
"""Bytes that stay in a CPU's caches; on a GPU half a GiB, so that a crowd takes few calls."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Holds the cells of all feature levels, finest first, row by row: A cells over an image of `height` x `width` pixels.

    `centers` (A, 2) are the cells' centres in pixels, `stride` (A,) their size; `levels` are (rows, columns, stride).
    """

    height: int
    width: int
    levels: tuple[tuple[int, int, int], ...]
    centers: Tensor
    stride: Tensor

    @classmethod
    def of(cls, height: int, width: int, device: torch.device | str = "cpu") -> Grid:
        """Returns the grid of an image; raises ValueError if a side is not a multiple of the coarsest stride."""
        cell, stride = anchors(height, width, device)
        levels = tuple((height // s, width // s, s) for s in STRIDES)
        return cls(height, width, levels, (cell + 0.5) * stride[:, None], stride)


@dataclass(frozen=True, slots=True)
class Assignment:
    """The targets of A cells of B images: `foreground` (B, A) bool, `target` (B, A) row of the image's boxes (0 for
    background) and `iou` (B, A), the overlap of the cell's predicted box with it (0 for background)."""

    foreground: Tensor
    target: Tensor
    iou: Tensor


@dataclass(frozen=True, slots=True)
class _Candidates:
    """The cells near some box, packed to the left: `cell` (B, n) indices, `real` (B, n) False for padding, and their predictions."""

    cell: Tensor
    real: Tensor
    centers: Tensor
    stride: Tensor
    boxes: Tensor
    background_cost: Tensor
    class_cost: Tensor


class SimOTA:
    """Assigns boxes to cells by cost = class + `iou_weight` (-log IoU) + `outside_cost` if the cell is not near the box's centre.

    A box takes its k candidates with the lowest cost; k is the sum of its `top_k` largest IoUs, at least 1. A cell that several boxes
    take is assigned to the one with the lowest cost. The `yolox` package uses `center_radius=1.5, inside_box=False, clamp_centers=False`.

    Args:
        center_radius: A cell is near if it is within this many strides of the box's centre,
        inside_box: and inside the box.
        clamp_centers: Clamps the box's centre to the image.
        top_k: Number of IoUs in the sum.
        iou_weight: Weight of the IoU cost.
        outside_cost: Added cost of cells that are not near.
        max_pairs: Maximum number of (box, candidate) pairs in memory; None: by device.
    """

    def __init__(
        self,
        center_radius: float = 2.5,
        inside_box: bool = True,
        clamp_centers: bool = True,
        top_k: int = 10,
        iou_weight: float = 3.0,
        outside_cost: float = 1e5,
        max_pairs: int | None = None,
    ) -> None:
        check_positive("center_radius", center_radius)
        check_reals(0, 1e30, iou_weight=iou_weight, outside_cost=outside_cost)
        check_whole("top_k", top_k, 1)
        check_count("max_pairs", max_pairs, 1, none="what suits the device")
        check_flag("inside_box", inside_box)
        check_flag("clamp_centers", clamp_centers)
        self.center_radius = center_radius
        self.inside_box = inside_box
        self.clamp_centers = clamp_centers
        self.top_k = top_k
        self.iou_weight = iou_weight
        self.outside_cost = outside_cost
        self.max_pairs = max_pairs

    @torch.no_grad()
    def __call__(self, boxes: Tensor, objectness: Tensor, classes: Tensor, targets: Tensor, grid: Grid) -> Assignment:
        """Assigns `targets` (B, G, 5): class, centre x, centre y, width, height in pixels. Rows of width 0 or class < 0 take no cell.

        `boxes` (B, A, 4) are predictions as centre and size in pixels, `objectness` (B, A) and `classes` (B, A, C) logits.
        """
        targets = targets.float()
        valid = (targets[..., 3] > 0) & (targets[..., 0] >= 0)
        found = self._candidates(boxes.float(), objectness.float(), classes.float(), targets, valid, grid)
        batch, cells = boxes.shape[:2]
        foreground = torch.zeros(batch, cells, dtype=torch.bool, device=boxes.device)
        target = torch.zeros(batch, cells, dtype=torch.int64, device=boxes.device)
        overlaps = torch.zeros(batch, cells, device=boxes.device)
        if found.cell.shape[1]:
            taken, row = self._match(found, targets, valid, grid)
            overlap = paired_iou(found.boxes, targets[..., 1:].gather(1, row[..., None].expand(-1, -1, 4))) * taken
            # Padding repeats cell 0, so add: padded entries are all zero.
            foreground |= torch.zeros_like(target).scatter_add_(1, found.cell, taken.long()) > 0
            target.scatter_add_(1, found.cell, row * taken)
            overlaps.scatter_add_(1, found.cell, overlap)
        return Assignment(foreground, target, overlaps)

    def _centers(self, targets: Tensor, grid: Grid) -> Tensor:
        if not self.clamp_centers:
            return targets[..., 1:3]
        return torch.stack((targets[..., 1].clamp(0, grid.width), targets[..., 2].clamp(0, grid.height)), -1)

    def _candidates(self, boxes: Tensor, objectness: Tensor, classes: Tensor, targets: Tensor, valid: Tensor, grid: Grid) -> _Candidates:
        """Collects the cells that lie near any box of their image, with what their cost needs."""
        near = self._near_any(targets, valid, grid)
        count = near.sum(1)
        width = int(count.max()) if near.numel() else 0
        slot = torch.where(near, near.cumsum(1) - 1, width)
        cell = torch.zeros(len(near), width + 1, dtype=torch.int64, device=near.device)
        cell.scatter_(1, slot, torch.arange(near.shape[1], device=near.device).expand_as(slot))
        cell = cell[:, :width]
        real = torch.arange(width, device=near.device) < count[:, None]
        cell = cell * real
        log_objectness = torch.nn.functional.logsigmoid(objectness.gather(1, cell))[..., None]
        log_class = torch.nn.functional.logsigmoid(classes.gather(1, cell[..., None].expand(-1, -1, classes.shape[2])))
        log_p = (0.5 * (log_class + log_objectness)).clamp(min=-100)
        log_not_p = torch.log1p(-log_p.exp()).clamp(min=-100)
        return _Candidates(
            cell=cell,
            real=real,
            centers=grid.centers[cell],
            stride=grid.stride[cell],
            boxes=boxes.gather(1, cell[..., None].expand(-1, -1, 4)),
            background_cost=-log_not_p.sum(2),
            class_cost=(log_not_p - log_p).transpose(1, 2).contiguous(),
        )

    def _near_any(self, targets: Tensor, valid: Tensor, grid: Grid) -> Tensor:
        """Returns (B, A) bool: inside any box (with `inside_box`) or within the centre radius of any."""
        radius = torch.full_like(targets[..., 3:5], self.center_radius)
        near = cells_within(grid, self._centers(targets, grid), radius, valid, in_strides=True)
        return near | cells_within(grid, targets[..., 1:3], targets[..., 3:5] / 2, valid) if self.inside_box else near

    def _match(self, found: _Candidates, targets: Tensor, valid: Tensor, grid: Grid) -> tuple[Tensor, Tensor]:
        """Returns which candidates are taken (B, n) bool, and by which row of the targets (B, n)."""
        batch, width = found.cell.shape
        boxes = targets.shape[1]
        wanted = torch.zeros(batch, width, dtype=torch.int64, device=targets.device)
        only = torch.zeros_like(wanted)
        cheapest = torch.full((batch, width), torch.inf, device=targets.device)
        owner = torch.zeros_like(wanted)
        most = self.max_pairs or (PAIRS_ON_GPU if targets.is_cuda else PAIRS_ON_CPU)
        step = max(1, most // max(1, batch * width))
        k = min(self.top_k, width)
        for start in range(0, boxes, step):
            chunk = slice(start, start + step)
            cost, overlap = self._cost(found, targets[:, chunk], valid[:, chunk], grid)
            amount = overlap.topk(k, dim=2).values.sum(2).int().clamp(min=1)
            lowest = cost.topk(k, dim=2, largest=False)
            chosen = (torch.arange(k, device=cost.device) < amount[..., None]) & lowest.values.isfinite()
            rows = torch.arange(start, start + cost.shape[1], device=cost.device)[:, None] * chosen
            wanted.scatter_add_(1, lowest.indices.flatten(1), chosen.long().flatten(1))
            only.scatter_add_(1, lowest.indices.flatten(1), rows.flatten(1))
            value, row = cost.min(1)
            owner = torch.where(value < cheapest, row + start, owner)
            cheapest = torch.minimum(value, cheapest)
        return wanted > 0, torch.where(wanted == 1, only, owner) * (wanted > 0)

    def _cost(self, found: _Candidates, targets: Tensor, valid: Tensor, grid: Grid) -> tuple[Tensor, Tensor]:
        """Returns cost and IoU (B, g, n) of some boxes against all candidates; padding costs infinity and overlaps nothing."""
        real = found.real[:, None] & valid[..., None]
        overlap = pairwise_iou(targets[..., 1:], found.boxes) * real
        labels = targets[..., :1].long().clamp(0, found.class_cost.shape[1] - 1)
        cost = found.class_cost.gather(1, labels.expand(-1, -1, found.cell.shape[1])) + found.background_cost[:, None]
        cost -= self.iou_weight * (overlap + 1e-8).log()
        offset = (found.centers[:, None] - self._centers(targets, grid)[:, :, None]).abs()
        near = (offset.amax(3) < self.center_radius * found.stride[:, None]) & real
        if self.inside_box:
            near &= ((found.centers[:, None] - targets[:, :, None, 1:3]).abs() < targets[:, :, None, 3:5] / 2).all(3)
        cost += self.outside_cost * ~near
        return cost.masked_fill_(~real, torch.inf), overlap


def cells_within(grid: Grid, centers: Tensor, reach: Tensor, chosen: Tensor, in_strides: bool = False) -> Tensor:
    """Returns (B, A) bool: whose centre lies less than `reach` (B, G, 2) from any of the `centers` (B, G, 2) that is `chosen` (B, G).

    `reach` is in pixels, or in cells of each level. Around a centre lies a rectangle of cells, so its mask is an outer product of a
    column and a row mask, and the union over centres a matrix product.
    """
    masks = []
    for rows, columns, stride in grid.levels:
        x = (torch.arange(columns, device=centers.device) + 0.5) * stride
        y = (torch.arange(rows, device=centers.device) + 0.5) * stride
        most = reach * stride if in_strides else reach
        in_x = ((x - centers[..., :1]).abs() < most[..., :1]) & chosen[..., None]
        in_y = (y - centers[..., 1:]).abs() < most[..., 1:]
        masks.append((torch.bmm(in_y.float().transpose(1, 2), in_x.float()) > 0).flatten(1))
    return torch.cat(masks, 1)


def paired_iou(first: Tensor, second: Tensor) -> Tensor:
    """Returns the IoU (...,) of boxes (..., 4) with boxes (..., 4) row by row, both as centre and size.

    Its gradient is that of the recorded trainings to the last bit: `pairwise_iou` would add its parts in another order.
    """
    size = (
        torch.minimum(first[..., :2] + first[..., 2:] / 2, second[..., :2] + second[..., 2:] / 2)
        - torch.maximum(first[..., :2] - first[..., 2:] / 2, second[..., :2] - second[..., 2:] / 2)
    ).clamp(min=0)
    overlap = _area(size)
    return overlap / (_area(first[..., 2:]) + _area(second[..., 2:]) - overlap + 1e-16)


def pairwise_iou(first: Tensor, second: Tensor) -> Tensor:
    """Returns the IoU (B, g, n) of boxes (B, g, 4) with (B, n, 4), as centre and size, by coordinate to save memory."""
    overlap: Tensor | None = None
    for axis in (0, 1):
        a, b = first[..., axis, None], second[..., None, :, axis]
        half_a, half_b = first[..., axis + 2, None] / 2, second[..., None, :, axis + 2] / 2
        side = (torch.minimum(a + half_a, b + half_b) - torch.maximum(a - half_a, b - half_b)).clamp_(min=0)
        overlap = side if overlap is None else overlap.mul_(side)
    assert overlap is not None
    union = _area(first[..., 2:])[..., None] + _area(second[..., 2:])[..., None, :] - overlap
    return overlap / (union + 1e-16)


def _area(size: Tensor) -> Tensor:
    """Returns width times height; the gradient of `prod` would ask the device for zeros."""
    return size[..., 0] * size[..., 1]
