"""The YOLOX training loss on a head's raw output, in float32 whatever the network ran in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from bytetrack.detection.grid import decode
from bytetrack.training.assignment import Grid, SimOTA, cells_within, paired_iou
from bytetrack.training.processes import mean_over_processes

__all__ = ["Losses", "YoloxLoss"]


class Losses(NamedTuple):
    """Scalars, each already weighted and divided by the number of foreground cells; `total` is what is minimised.

    `foreground` is that number (the mean over processes in distributed training); where it is 0, they are divided by 1.
    """

    total: Tensor
    box: Tensor
    objectness: Tensor
    classes: Tensor
    l1: Tensor
    foreground: Tensor


class YoloxLoss:
    """`box_weight` (1 - IoU^2) + objectness BCE + class BCE against the IoU + optionally L1, over the cells SimOTA assigns.

    `class_weights`, one a class, multiply the class loss of the cells that learn it; None for 1 each.
    Source: YOLOX's head as published (Ge et al., 2021).
    """

    def __init__(self, assignment: SimOTA | None = None, box_weight: float = 5.0, class_weights: Sequence[float] | None = None) -> None:
        self.assignment = assignment or SimOTA()
        self.box_weight = box_weight
        self.class_weights = None if class_weights is None else torch.tensor(class_weights)
        self._grids: dict[tuple[int, int, torch.device], Grid] = {}

    def __call__(self, raw: Tensor, targets: Tensor, height: int, width: int, l1: bool = False) -> Losses:
        """Computes the losses of `raw` (B, A, 5 + C) against `targets` (B, G, 5), an image being `height` x `width` pixels.

        A cell's raw output is offset x, y in strides, log width, log height in strides, objectness logit, class logits.
        A target is class, centre x, centre y, width, height in pixels; rows of width 0 are padding. Cells inside a target of class < 0
        that learn no other one have no objectness loss: what is there is neither object nor background.
        """
        with torch.autocast(raw.device.type, enabled=False):
            return self._losses(raw.float(), targets.float(), self._grid(height, width, raw.device), l1)

    def _grid(self, height: int, width: int, device: torch.device) -> Grid:
        key = (height, width, device)
        if key not in self._grids:
            self._grids[key] = Grid.of(height, width, device)
        return self._grids[key]

    def _losses(self, raw: Tensor, targets: Tensor, grid: Grid, l1: bool) -> Losses:
        if raw.shape[1] != len(grid.stride):
            raise ValueError(f"an image of {grid.height}x{grid.width} pixels has {len(grid.stride)} cells: got {raw.shape[1]} raw outputs")
        stride = grid.stride[:, None]
        boxes = torch.cat(decode(raw[..., :4], grid.centers / stride - 0.5, stride), -1)
        found = self.assignment(boxes.detach(), raw[..., 4].detach(), raw[..., 5:].detach(), targets, grid)
        image, cell = found.foreground.nonzero(as_tuple=True)
        foreground = mean_over_processes(found.foreground.sum().float())  # by which the averaged gradient is that of one process
        count = foreground.clamp(min=1)
        truth = targets[image, found.target[image, cell]]
        overlap = paired_iou(boxes[image, cell], truth[:, 1:])
        box = self.box_weight * (1 - overlap**2).sum() / count
        unknown = cells_within(grid, targets[..., 1:3], targets[..., 3:] / 2, targets[..., 0] < 0) & ~found.foreground
        objectness = F.binary_cross_entropy_with_logits(raw[..., 4], found.foreground.float(), (~unknown).float(), reduction="sum") / count
        labels = (truth[:, :1] == torch.arange(raw.shape[2] - 5, device=raw.device)) * found.iou[image, cell, None]
        classes = F.binary_cross_entropy_with_logits(raw[image, cell, 5:], labels, self._weights(truth), reduction="sum") / count
        distance = raw.new_zeros(())
        if l1:
            size = grid.stride[cell, None]
            goal = torch.cat((truth[:, 1:3] / size - grid.centers[cell] / size + 0.5, (truth[:, 3:] / size + 1e-8).log()), 1)
            distance = F.l1_loss(raw[image, cell, :4], goal, reduction="sum") / count
        return Losses(box + objectness + classes + distance, box, objectness, classes, distance, foreground)

    def _weights(self, truth: Tensor) -> Tensor | None:
        """Returns the class loss's weight (n, 1) of each cell that learns a row of `truth` (n, 5)."""
        if self.class_weights is None:
            return None
        self.class_weights = self.class_weights.to(truth.device)
        return self.class_weights[truth[:, 0].long(), None]
