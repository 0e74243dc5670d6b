"""The loss on hand-worked outputs, and against the package's head under its own assignment rule."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from bytetrack.detection.grid import anchors
from bytetrack.training.assignment import SimOTA
from bytetrack.training.losses import YoloxLoss

HEIGHT, WIDTH = 64, 96
CELLS = 96 + 24 + 6


def random_raw(seed: int, batch: int, classes: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    raw = torch.randn(batch, CELLS, 5 + classes, generator=generator)
    targets = torch.zeros(batch, 6, 5)
    for image in range(batch):
        n = 4 - image
        targets[image, :n, 0] = torch.randint(classes, (n,), generator=generator)
        targets[image, :n, 1:3] = torch.rand(n, 2, generator=generator) * torch.tensor([WIDTH, HEIGHT])
        targets[image, :n, 3:] = torch.rand(n, 2, generator=generator) * 40 + 8
    return raw, targets


@pytest.mark.filterwarnings("ignore:.*torch.cuda.amp.autocast:FutureWarning")
@pytest.mark.parametrize("l1", [False, True])
@pytest.mark.parametrize("classes", [1, 3])
@pytest.mark.parametrize("seed", range(4))
def test_losses_equal_the_packages_head_under_its_rule(seed: int, classes: int, l1: bool) -> None:
    from yolox.models import YoloxHead

    raw, targets = random_raw(seed, 3, classes)
    head = YoloxHead(classes, width=0.25)
    head.use_l1 = l1
    grid, stride = anchors(HEIGHT, WIDTH)
    decoded = raw.clone()
    decoded[..., :2] = (raw[..., :2] + grid) * stride[:, None]
    decoded[..., 2:4] = raw[..., 2:4].exp() * stride[:, None]
    theirs = head.get_losses(None, [grid[None, :, 0]], [grid[None, :, 1]], [stride[None]], targets, decoded, [raw[..., :4]], torch.float32)
    rule = SimOTA(center_radius=1.5, inside_box=False, clamp_centers=False, outside_cost=1e6)
    ours = YoloxLoss(rule)(raw, targets, HEIGHT, WIDTH, l1)
    for mine, their in zip((ours.total, ours.box, ours.objectness, ours.classes, ours.l1), theirs[:5], strict=True):
        assert float(mine) == pytest.approx(float(their), rel=1e-5)
    assert float(ours.foreground) == pytest.approx(float(theirs[5]) * 9)  # 4 + 3 + 2 boxes


def test_one_cell_with_a_known_box_has_the_loss_worked_by_hand() -> None:
    raw = torch.full((1, CELLS, 6), -1000.0)
    raw[..., :4] = 0.0
    raw[..., 2:4] = math.log(1e-3)
    cell = 3 * 12 + 5  # centre (44, 28), stride 8
    raw[0, cell] = torch.tensor([0.5, 0.5, math.log(2), math.log(3), 0.0, 0.0])  # box (44, 28, 16, 24), scores 1/2
    losses = YoloxLoss()(raw, torch.tensor([[[0, 44.0, 28.0, 16.0, 12.0]]]), HEIGHT, WIDTH, l1=True)  # IoU 1/2
    assert float(losses.foreground) == 1
    assert float(losses.box) == pytest.approx(5 * (1 - 1 / 4), rel=1e-5)
    assert float(losses.objectness) == pytest.approx(math.log(2), rel=1e-5)
    assert float(losses.classes) == pytest.approx(math.log(2), rel=1e-5)  # BCE of logit 0 is log 2 whatever the target
    assert float(losses.l1) == pytest.approx(math.log(2), rel=1e-5)  # log(3) against log(1.5)
    assert float(losses.total) == pytest.approx(5 * 3 / 4 + 3 * math.log(2), rel=1e-5)


def test_cells_inside_a_target_of_no_class_have_no_objectness_loss_unless_they_learn_another() -> None:
    raw = torch.zeros(1, CELLS, 6)
    unknown = [-1, 48.0, 32.0, 33.0, 33.0]  # 31.5 to 64.5 by 15.5 to 48.5: 16 cells of stride 8, 4 of stride 16, 2 of stride 32
    losses = YoloxLoss()(raw, torch.tensor([[unknown]]), HEIGHT, WIDTH)
    inside = 16 + 4 + 2
    assert losses.total.item() == losses.objectness.item() == pytest.approx((CELLS - inside) * math.log(2), rel=1e-5)
    known = [0, 44.0, 28.0, 8.0, 8.0]
    alone = YoloxLoss()(raw, torch.tensor([[known]]), HEIGHT, WIDTH)
    both = YoloxLoss()(raw, torch.tensor([[unknown, known]]), HEIGHT, WIDTH)
    assert (both.box, both.classes, both.foreground) == (alone.box, alone.classes, alone.foreground)
    learning = both.foreground.item()
    assert both.objectness.item() * learning == pytest.approx((CELLS - inside + learning) * math.log(2), rel=1e-5)


def test_an_image_without_boxes_has_only_the_objectness_loss() -> None:
    raw = torch.zeros(1, CELLS, 6, requires_grad=True)
    losses = YoloxLoss()(raw, torch.zeros(1, 0, 5), HEIGHT, WIDTH, l1=True)
    assert losses.total.item() == losses.objectness.item() == pytest.approx(CELLS * math.log(2), rel=1e-5)
    losses.total.backward()
    assert raw.grad is not None
    assert raw.grad.isfinite().all()


def test_half_precision_outputs_are_judged_in_float32() -> None:
    raw, targets = random_raw(0, 2, 1)
    raw = raw.bfloat16().float()
    with torch.autocast("cpu", torch.bfloat16):
        half = YoloxLoss()(raw.bfloat16(), targets, HEIGHT, WIDTH, True)
    full = YoloxLoss()(raw, targets, HEIGHT, WIDTH, True)
    assert half.total.dtype == torch.float32
    assert float(half.total) == float(full.total)


def test_gradients_equal_finite_differences_where_the_assignment_stands_still() -> None:
    raw, targets = random_raw(3, 1, 1)
    raw.requires_grad_()
    loss = YoloxLoss()
    loss(raw, targets, HEIGHT, WIDTH, True).total.backward()
    assert raw.grad is not None
    direction = raw.grad / raw.grad.norm()
    with torch.no_grad():
        up, down = (float(loss(raw + s * 1e-3 * direction, targets, HEIGHT, WIDTH, True).total) for s in (1, -1))
    assert (up - down) / 2e-3 == pytest.approx(float(raw.grad.norm()), rel=2e-2)


def test_outputs_of_another_image_size_are_refused() -> None:
    with pytest.raises(ValueError, match="has 126 cells: got 100 raw outputs"):
        YoloxLoss()(torch.zeros(1, 100, 6), torch.zeros(1, 0, 5), HEIGHT, WIDTH)
