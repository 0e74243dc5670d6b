"""SimOTA on hand-worked cases, against a plain image-by-image reference, and under the package's rule."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from bytetrack.training.assignment import Grid, SimOTA, paired_iou

GRID = Grid.of(64, 96)


def scene(seed: int, batch: int, boxes: int, classes: int, grid: Grid = GRID) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Random predictions around their cells, and targets of which some leave the image; image i has i rows of padding."""
    generator = torch.Generator().manual_seed(seed)
    cells = len(grid.stride)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator)

    size = torch.exp(1.5 * torch.randn(batch, cells, 2, generator=generator)).clamp(0.3, 8) * grid.stride[:, None]
    predicted = torch.cat((grid.centers + (uniform(batch, cells, 2) - 0.5) * 2 * grid.stride[:, None], size), -1)
    targets = torch.zeros(batch, boxes, 5)
    targets[..., 0] = torch.randint(classes, (batch, boxes), generator=generator)
    targets[..., 1:3] = uniform(batch, boxes, 2) * torch.tensor([grid.width + 20, grid.height + 20]) - 10
    targets[..., 3:] = uniform(batch, boxes, 2) * 50 + 2
    for image in range(batch):
        targets[image, max(boxes - image, 0) :] = 0
    return (
        predicted,
        2 * torch.randn(batch, cells, generator=generator),
        2 * torch.randn(batch, cells, classes, generator=generator),
        targets,
    )


def reference(
    rule: SimOTA, boxes: Tensor, objectness: Tensor, classes: Tensor, targets: Tensor, grid: Grid
) -> dict[int, tuple[int, float]]:
    """Cell -> (target, IoU) of one image, one box and one cell at a time, straight from the paper."""
    truth = [t.tolist() for t in targets if t[3] > 0]

    def middle(box: list[float]) -> tuple[float, float]:
        x, y = box[1], box[2]
        return (min(max(x, 0), grid.width), min(max(y, 0), grid.height)) if rule.clamp_centers else (x, y)

    def in_center(box: list[float], cell: int) -> bool:
        (x, y), (cx, cy) = middle(box), grid.centers[cell].tolist()
        return max(abs(cx - x), abs(cy - y)) < rule.center_radius * float(grid.stride[cell])

    def in_box(box: list[float], cell: int) -> bool:
        cx, cy = grid.centers[cell].tolist()
        return abs(cx - box[1]) < box[3] / 2 and abs(cy - box[2]) < box[4] / 2

    def near(box: list[float], cell: int) -> tuple[bool, bool]:
        center = in_center(box, cell)
        return (center or in_box(box, cell), center and in_box(box, cell)) if rule.inside_box else (center, center)

    cells = [c for c in range(len(grid.stride)) if any(near(box, c)[0] for box in truth)]
    p = (classes.sigmoid() * objectness.sigmoid()[:, None]).sqrt()
    cost, iou = {}, {}
    for g, box in enumerate(truth):
        for c in cells:
            iou[g, c] = float(paired_iou(torch.tensor(box[1:]), boxes[c]))
            cls = sum(-math.log(p[c, k] if k == int(box[0]) else 1 - p[c, k]) for k in range(classes.shape[1]))
            cost[g, c] = cls - rule.iou_weight * math.log(iou[g, c] + 1e-8) + (0 if near(box, c)[1] else rule.outside_cost)
    wanted: dict[int, list[int]] = {}
    for g in range(len(truth)):
        k = max(1, int(sum(sorted((iou[g, c] for c in cells), reverse=True)[: rule.top_k])))
        for c in sorted(cells, key=lambda c: cost[g, c])[:k]:
            wanted.setdefault(c, []).append(g)
    owner = {c: g[0] if len(g) == 1 else min(range(len(truth)), key=lambda g: cost[g, c]) for c, g in wanted.items()}
    return {c: (g, iou[g, c]) for c, g in owner.items()}


@pytest.mark.parametrize(
    "rule",
    [SimOTA(outside_cost=100), SimOTA(1.5, False, False, outside_cost=100), SimOTA(outside_cost=100, max_pairs=50), SimOTA(top_k=3)],
)
@pytest.mark.parametrize("seed", range(3))
def test_batched_assignment_equals_the_paper_cell_by_cell(rule: SimOTA, seed: int) -> None:
    predicted, objectness, classes, targets = scene(seed, batch=3, boxes=5, classes=2)
    found = rule(predicted, objectness, classes, targets, GRID)
    for image in range(3):
        expected = reference(rule, predicted[image], objectness[image], classes[image], targets[image], GRID)
        assert found.foreground[image].nonzero().flatten().tolist() == sorted(expected)
        for cell, (target, iou) in expected.items():
            assert int(found.target[image, cell]) == target
            assert float(found.iou[image, cell]) == pytest.approx(iou, abs=1e-5)


def test_a_perfect_prediction_takes_exactly_its_cell() -> None:
    predicted, objectness, classes = (
        torch.zeros(1, len(GRID.stride), 4),
        torch.zeros(1, len(GRID.stride)),
        torch.zeros(1, len(GRID.stride), 1),
    )
    predicted[..., :2], predicted[..., 2:] = -1000.0, 1.0
    cell = 3 * 12 + 5  # row 3, column 5 of the 8-pixel level
    predicted[0, cell] = torch.tensor([44.0, 28.0, 16.0, 24.0])
    found = SimOTA()(predicted, objectness, classes, torch.tensor([[[0, 44.0, 28.0, 16.0, 24.0]]]), GRID)
    assert found.foreground[0].nonzero().flatten().tolist() == [cell]  # k = int(1.0 + 0 + …) = 1
    assert float(found.iou[0, cell]) == pytest.approx(1.0)


def test_a_box_takes_as_many_cells_as_its_ten_best_overlaps_sum_to() -> None:
    cells = len(GRID.stride)
    predicted = torch.tensor([48.0, 32.0, 32.0, 32.0]).expand(1, cells, 4)  # every cell predicts the box itself
    found = SimOTA()(predicted, torch.zeros(1, cells), torch.zeros(1, cells, 1), torch.tensor([[[0, 48.0, 32.0, 32.0, 32.0]]]), GRID)
    assert int(found.foreground.sum()) == 10
    half = torch.tensor([48.0, 32.0, 32.0, 16.0]).expand(1, cells, 4)  # IoU 1/2 each: k = 5
    found = SimOTA()(half, torch.zeros(1, cells), torch.zeros(1, cells, 1), torch.tensor([[[0, 48.0, 32.0, 32.0, 32.0]]]), GRID)
    assert int(found.foreground.sum()) == 5


def test_a_box_whose_centre_lies_outside_the_image_learns_only_with_the_clamped_centre() -> None:
    predicted, objectness, classes, _ = scene(0, 1, 1, 1)
    left = torch.tensor([[[0, -40.0, 32.0, 120.0, 20.0]]])  # 20 of its 120 pixels are visible
    paper = SimOTA()(predicted, objectness, classes, left, GRID)
    inside = GRID.centers[paper.foreground[0]]
    assert len(inside)
    assert (inside[:, 0] < 20).all()
    package = SimOTA(center_radius=1.5, inside_box=False, clamp_centers=False)(predicted, objectness, classes, left, GRID)
    assert not package.foreground.any()


def test_a_target_of_no_class_takes_no_cell() -> None:
    predicted, objectness, classes, targets = scene(3, 2, 5, 2)
    unknown, padding = targets.clone(), targets.clone()
    unknown[:, 0, 0] = -1
    padding[:, 0] = 0
    with_unknown, without = (SimOTA()(predicted, objectness, classes, rows, GRID) for rows in (unknown, padding))
    assert torch.equal(with_unknown.foreground, without.foreground)
    assert torch.equal(with_unknown.target, without.target)
    assert not torch.equal(without.foreground, SimOTA()(predicted, objectness, classes, targets, GRID).foreground)


def test_images_without_boxes_and_batches_without_any_are_background() -> None:
    predicted, objectness, classes, targets = scene(1, 2, 4, 1)
    targets[1] = 0
    found = SimOTA()(predicted, objectness, classes, targets, GRID)
    assert found.foreground[0].any()
    assert not found.foreground[1].any()
    for nothing in (torch.zeros(2, 4, 5), torch.zeros(2, 0, 5)):
        assert not SimOTA()(predicted, objectness, classes, nothing, GRID).foreground.any()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), chunk=st.integers(1, 2000), padding=st.integers(0, 3))
def test_neither_chunks_nor_padding_nor_batching_change_an_assignment(seed: int, chunk: int, padding: int) -> None:
    predicted, objectness, classes, targets = scene(seed, 2, 6, 2)
    whole = SimOTA()(predicted, objectness, classes, targets, GRID)
    padded = torch.cat((targets, torch.zeros(2, padding, 5)), 1)
    for image in range(2):
        one = slice(image, image + 1)
        alone = SimOTA(max_pairs=chunk)(predicted[one], objectness[one], classes[one], padded[one], GRID)
        assert torch.equal(alone.foreground[0], whole.foreground[image])
        assert torch.equal(alone.target[0], whole.target[image])
        assert torch.allclose(alone.iou[0], whole.iou[image], atol=1e-6)


def test_five_hundred_boxes_in_a_wide_image_never_hold_more_pairs_than_allowed() -> None:
    grid = Grid.of(800, 1440)
    predicted, objectness, classes, targets = scene(0, 1, 500, 1, grid)
    seen = []

    class Watched(SimOTA):
        def _cost(self, *args: object) -> tuple[Tensor, Tensor]:
            cost, iou = super()._cost(*args)
            seen.append(cost.numel())
            return cost, iou

    found = Watched(max_pairs=1_000_000)(predicted, objectness, classes, targets, grid)
    assert max(seen) <= 1_000_000
    assert len(seen) > 1
    assert found.foreground.sum() >= 250


@pytest.mark.parametrize("bad", [{"center_radius": 0}, {"top_k": 0}, {"top_k": "many"}, {"max_pairs": 0}, {"inside_box": "no"}])
def test_parameters_that_assign_nothing_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"^{next(iter(bad))} must be"):
        SimOTA(**bad)
