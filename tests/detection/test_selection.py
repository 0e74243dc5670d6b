"""A batch's boxes are those of its images one by one, and a GPU is waited for a few times, however many they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision.ops import batched_nms

from bytetrack.detection import postprocess
from bytetrack.detection.grid import anchors
from bytetrack.detection.postprocess import decode_boxes, select, suppress_together
from bytetrack.detection.settings import PostprocessSettings
from bytetrack.structures import Detections
from tests.waits import Waits

SIZE = (96, 160)


def one_by_one(settings: PostprocessSettings, output: Tensor, ratios: list[float]) -> list[Detections]:
    """The reference: an image at a time, every step written out."""
    found = []
    for logits, ratio in zip(output.float(), ratios, strict=True):
        scores = logits[:, 4:5].sigmoid() * logits[:, 5:].sigmoid()
        score, class_id = scores.max(dim=1)
        boxes = decode_boxes(logits, *anchors(*SIZE))
        keep = (score >= settings.min_score) & boxes.isfinite().all(dim=1)
        if settings.class_ids is not None:
            keep &= torch.isin(class_id, torch.tensor(settings.class_ids))
        boxes, score, class_id = boxes[keep], score[keep], class_id[keep]
        kept = batched_nms(boxes, score, class_id, settings.nms_iou)[: settings.max_detections]
        rows = boxes[kept].double().numpy() / ratio
        found.append(Detections(rows, score[kept].double().numpy(), None if settings.single else class_id[kept].numpy()))
    return found


def logits(classes: int, images: int = 8, seed: int = 0) -> Tensor:
    """A dense crowd: some hundred candidates an image, of which the last shows nothing."""
    grid, _ = anchors(*SIZE)
    values = torch.randn(images, 5 + classes, len(grid), generator=torch.Generator().manual_seed(seed)).permute(0, 2, 1)
    values[..., 2:4] = values[..., 2:4] / 3 + 1.5
    values[-1, :, 4] = -20
    return values


def assert_equal(first: list[Detections], second: list[Detections]) -> None:
    for one, other in zip(first, second, strict=True):
        assert np.allclose(one.xyxy, other.xyxy, rtol=1e-6)
        assert np.allclose(one.score, other.score, rtol=1e-6)
        assert (one.class_id is None) == (other.class_id is None)
        assert one.class_id is None or np.array_equal(one.class_id, other.class_id)


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize(
    ("classes", "settings"),
    [
        (1, {}),
        (1, {"max_detections": 5}),
        (80, {"single": False}),
        (80, {"single": False, "class_ids": (0, 2, 7), "max_detections": 3}),
        (80, {"class_ids": (79,), "nms_iou": 0.3}),
    ],
)
def test_a_batchs_boxes_are_those_of_its_images_one_by_one(
    monkeypatch: pytest.MonkeyPatch, classes: int, settings: dict[str, Any], together: bool
) -> None:
    monkeypatch.setattr(postprocess, "_together", lambda boxes: together)
    chosen = PostprocessSettings(**{"min_score": 0.1, "nms_iou": 0.7, "max_detections": 1000, **settings})
    output, ratios = logits(classes), [0.5, 0.7, 1.0, 2.0, 0.1, 0.3, 0.9, 1.0]
    found = select(output, *anchors(*SIZE), ratios, chosen)
    expected = one_by_one(chosen, output, ratios)
    assert_equal(found, expected)
    assert sum(map(len, found)) > 10
    assert len(found[-1]) == 0
    assert max(map(len, found)) <= chosen.max_detections


@pytest.mark.parametrize("together", [False, True])
def test_a_batch_of_which_one_number_is_none_is_refused_whole(monkeypatch: pytest.MonkeyPatch, together: bool) -> None:
    monkeypatch.setattr(postprocess, "_together", lambda boxes: together)
    chosen, output = PostprocessSettings(0.1, 0.7, 10, (1,), source="weights.pth"), logits(2)
    for column in (4, 6):  # objectness, and a class's score, which compares as no score at all
        broken = output.clone()
        broken[3, 7] = torch.tensor([0.0, 0, 0, 0, 5, 5, 5])
        broken[3, 7, column] = float("nan")
        with pytest.raises(ValueError, match=r"^weights.pth's output is not a number \(NaN\)"):
            select(broken, *anchors(*SIZE), [1.0] * 8, chosen)


def test_a_box_without_bounds_takes_no_precision_from_those_of_other_images() -> None:
    """Offsets by the largest coordinate, in float32, would make all of the second image's boxes one."""
    boxes = torch.tensor([[0, 0, 1e30, 1e30], [0, 0, 10, 10], [5, 0, 15, 10], [0.5, 0, 10.5, 10]])
    score, image = torch.tensor([0.9, 0.8, 0.7, 0.6]), torch.tensor([0, 1600, 1600, 1600])
    assert suppress_together(boxes, score, image, 0.7).tolist() == [0, 1, 2]  # overlaps of 1/3 and of 19/21


def test_selecting_from_eight_images_waits_for_the_device_four_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postprocess, "_together", lambda boxes: True)
    chosen, (grid, stride) = PostprocessSettings(0.1, 0.7, 1000, (0, 5), single=False), anchors(*SIZE)
    output = logits(80)
    select(output, grid, stride, [1.0] * 8, chosen)  # makes what is kept
    with Waits() as waits:
        select(output, grid, stride, [1.0] * 8, chosen)
    assert sum(waits.lines.values()) + 1 == 4, waits.lines  # and the copy to the host


def test_more_boxes_than_memory_should_hold_the_pairs_of_are_suppressed_image_by_image() -> None:
    boxes = torch.empty(postprocess.MOST_TOGETHER + 1, 4, device="meta")
    assert not postprocess._together(boxes)
