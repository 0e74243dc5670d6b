"""How often a step makes the host wait for the device: each time costs a GPU the work it could have done meanwhile."""

from __future__ import annotations

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from bytetrack.detection.preprocess import normalise
from bytetrack.training.assignment import Grid, SimOTA
from bytetrack.training.losses import YoloxLoss
from tests.training.test_assignment import scene

WAITS = ("aten::_local_scalar_dense", "aten::nonzero", "aten::masked_select", "aten::lift_fresh", "aten::repeat_interleave")
"""A number for the host, a size for the host, a tensor of the host's numbers."""


@pytest.mark.parametrize("l1", [False, True])
@pytest.mark.parametrize("max_pairs", [None, 2_000])  # in one go, and in many chunks, as a crowd is
def test_a_step_makes_the_host_wait_at_most_twice(max_pairs: int | None, l1: bool) -> None:
    grid = Grid.of(96, 160)
    *_, targets = scene(0, batch=2, boxes=40, classes=1, grid=grid)
    raw = torch.randn(2, len(grid.stride), 6, generator=torch.Generator().manual_seed(0)).requires_grad_()
    loss, pixels = YoloxLoss(SimOTA(max_pairs=max_pairs)), torch.zeros(2, 3, 96, 160)
    loss(raw, targets, 96, 160, l1)  # the first call makes what is kept
    normalise(pixels, "rgb_imagenet")
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        normalise(pixels, "rgb_imagenet")
        loss(raw, targets, 96, 160, l1).total.backward()
    counts = {event.key: event.count for event in seen.key_averages() if event.key in WAITS}
    assert counts == {"aten::_local_scalar_dense": 1, "aten::nonzero": 1}
