"""Turns a network's output into detections, by torch: class choice, score threshold, non-maximum suppression, image's pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import accumulate, pairwise

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torchvision.ops import batched_nms, nms, roi_align

from bytetrack.detection.described import COLUMNS, SAMPLES, SMALL
from bytetrack.detection.grid import decode
from bytetrack.detection.settings import LAYERS, PostprocessSettings
from bytetrack.structures import Detections

__all__ = ["decode_boxes", "describe_by_torch", "select", "suppress_together"]

MOST_TOGETHER = 20_000
"""Boxes of a batch that are suppressed in one call, which takes memory by the square of their number (50 MB)."""

REACH = 2.0**20
"""Pixels from the origin at which `suppress_together` cuts boxes off."""


def select(
    output: Tensor, grid: Tensor, stride: Tensor, ratios: Sequence[float], settings: PostprocessSettings, logits: bool = True
) -> list[Detections]:
    """Returns the detections of each image, best first, of a network's output (B, A, 5 + C) in any precision.

    `grid` and `stride` are the `anchors` of the input size, `ratios` the letterbox ratio of each image: boxes are divided by it, and
    never clipped. Boxes too large for float32 are removed. If `logits`, scores are before the sigmoid. The host waits for a GPU four
    times, however many images there are. ValueError if the output is not a number.
    """
    rows = _rows(output, grid, stride, settings, logits).cpu().double().numpy()
    if (rows[:, 5] != rows[:, 5]).any():
        raise settings.not_a_number()
    found = []
    for number, ratio in enumerate(ratios):
        own = rows[rows[:, 0] == number][: settings.max_detections]
        found.append(Detections(own[:, 1:5] / ratio, own[:, 5], None if settings.single else own[:, 6].astype("int64")))
    return found


def _rows(output: Tensor, grid: Tensor, stride: Tensor, settings: PostprocessSettings, logits: bool) -> Tensor:
    """Returns the boxes that stay of all images, best first in each: image, xyxy in input pixels, score, class (n, 7).

    If a score is NaN, some row's is."""
    objectness = _probability(output[..., 4], logits)
    image, anchor = (~(objectness < settings.min_score)).nonzero(as_tuple=True)  # no class can raise a score
    likely = output[image, anchor]
    score, class_id = (objectness[image, anchor, None] * _probability(likely[:, 5:], logits)).max(dim=1)
    boxes = decode_boxes(likely, grid[anchor], stride[anchor])
    keep = (score >= settings.min_score) & boxes.isfinite().all(dim=1)
    if settings.class_ids is not None:
        keep &= _table(settings.class_ids, output.shape[-1] - 5, output.device)[class_id]
    kept = (keep | score.isnan()).nonzero()[:, 0]
    image, class_id, boxes, score = image[kept], class_id[kept], boxes[kept], score[kept]
    if _together(boxes):
        stay = suppress_together(boxes, score, image * (output.shape[-1] - 5) + class_id, settings.nms_iou)
    else:
        ends = [0, *accumulate(torch.bincount(image, minlength=len(output)).tolist())]
        parts = [slice(*ends_of) for ends_of in pairwise(ends)]
        stay = torch.cat([part.start + batched_nms(boxes[part], score[part], class_id[part], settings.nms_iou) for part in parts])
    return torch.cat([image[:, None].float(), boxes, score[:, None], class_id[:, None].float()], dim=1)[stay]


def decode_boxes(logits: Tensor, grid: Tensor, stride: Tensor) -> Tensor:
    """Returns boxes xyxy in input pixels, float32 (..., A, 4), of logits (..., A, 5 + C), whatever their precision."""
    centre, size = decode(logits[..., :4].float(), grid, stride[:, None])
    return torch.cat([centre - size / 2, centre + size / 2], dim=-1)


def _probability(values: Tensor, logits: bool) -> Tensor:
    return values.float().sigmoid() if logits else values.float()


def _together(boxes: Tensor) -> bool:
    """Returns True if one call suppresses all images: a GPU is waited for once then, a CPU compares fewer pairs image by image."""
    return boxes.is_cuda and len(boxes) <= MOST_TOGETHER


def suppress_together(boxes: Tensor, score: Tensor, group: Tensor, nms_iou: float) -> Tensor:
    """Returns the rows that stay, best first, of boxes (n, 4) that suppress each other within a `group` (n,) only; one call.

    Each group is moved to a place of its own, as `batched_nms` does; but in float64, which holds a place among 2,000 groups and a box's
    sides to 1e-6 pixels, and by a fixed distance: a box without bounds takes no precision from the others.
    """
    apart = boxes.double().clamp(-REACH, REACH) + 2 * REACH * group[:, None]
    rows: Tensor = nms(apart, score.double(), nms_iou)
    return rows


@lru_cache(maxsize=16)
def _table(class_ids: tuple[int, ...], num_classes: int, device: torch.device) -> Tensor:
    """Returns bool (C,) on `device`, made once: True for the class numbers in `class_ids`."""
    with torch.inference_mode(False):
        return torch.tensor([number in class_ids for number in range(num_classes)], device=device)


def describe_by_torch(layers: Mapping[str, Tensor], boxes: Sequence[npt.NDArray[np.float64]], rows: int) -> list[npt.NDArray[np.float32]]:
    """Returns features (n, d) of each image's boxes (n, 4) in input pixels, of layers (B, C, H, W) by name, see `DetectorEmbedder`."""
    device = next(iter(layers.values())).device
    places = [torch.from_numpy(own).to(device, torch.float32) for own in boxes]
    image = torch.repeat_interleave(torch.tensor([len(own) for own in boxes], device=device))
    parts = []
    for name, layer in layers.items():
        layer = layer.float().contiguous()
        cells = roi_align(layer, places, (rows, COLUMNS), 1 / LAYERS[name], SAMPLES, aligned=True).mean(dim=3)
        mean, deviation = layer.mean(dim=(2, 3))[image, :, None], layer.std(dim=(2, 3), correction=0)[image, :, None]
        parts.append(_of_length_1(((cells - mean) / (deviation + SMALL)).transpose(1, 2).flatten(1)))
    table = _of_length_1(torch.cat(parts, dim=1)).cpu().numpy()
    ends = [0, *accumulate(len(own) for own in boxes)]
    return [table[first:last] for first, last in pairwise(ends)]


def _of_length_1(features: Tensor) -> Tensor:
    length: Tensor = features.norm(dim=1, keepdim=True)
    return features / length.clamp(min=SMALL)
