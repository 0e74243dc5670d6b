"""From a network's output to detections: class choice, score threshold, non-maximum suppression, back to the image's pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise

import torch
from torch import Tensor
from torchvision.ops import batched_nms, nms

from bytetrack.detection.network import decode
from bytetrack.structures import Detections

__all__ = ["Selection", "suppress_together"]

MOST_TOGETHER = 20_000
"""Boxes of a batch that are suppressed in one call, which takes memory by the square of their number (50 MB)."""

REACH = 2.0**20
"""No box reaches further than so many pixels from the origin, as far as `suppress_together` sees."""


@dataclass(frozen=True)
class Selection:
    """Which anchors become detections.

    An anchor gets its best class among all the network knows. It stays if that class is in `class_ids` (None: all) and its score,
    objectness times class, is at least `min_score`. `nms_iou` is the overlap beyond which the lower of two boxes of one class goes; at
    most `max_detections` stay in an image. `single` leaves class ids out of the result. `logits`: the output is before the sigmoid.
    `source` is what a message calls the network.
    """

    min_score: float
    nms_iou: float
    max_detections: int
    class_ids: tuple[int, ...] | None = None
    single: bool = True
    logits: bool = True
    source: str = "the network"

    def __call__(self, output: Tensor, grid: Tensor, stride: Tensor, ratios: Sequence[float]) -> list[Detections]:
        """Detections, best first, of a network's output (B, A, 5 + C) in any precision, with the `anchors` of its input size.

        `ratios` has the letterbox ratio of each image: boxes are divided by it, and never clipped. Boxes too large for float32 go.
        The host waits for a GPU four times, however many images there are. ValueError where the output is not a number.
        """
        rows = self._rows(output, grid, stride).cpu().double().numpy()
        if (rows[:, 5] != rows[:, 5]).any():
            raise ValueError(f"{self.source}'s output is not a number (NaN): broken weights, or a precision too low for them (try fp32)")
        found = []
        for number, ratio in enumerate(ratios):
            own = rows[rows[:, 0] == number][: self.max_detections]
            found.append(Detections(own[:, 1:5] / ratio, own[:, 5], None if self.single else own[:, 6].astype("int64")))
        return found

    def _rows(self, output: Tensor, grid: Tensor, stride: Tensor) -> Tensor:
        """What stays of all images, best first in each: image, xyxy in input pixels, score, class (n, 7); some row where a score is NaN."""
        objectness = self._probability(output[..., 4])
        image, anchor = (~(objectness < self.min_score)).nonzero(as_tuple=True)  # no class can raise a score
        likely = output[image, anchor]
        score, class_id = (objectness[image, anchor, None] * self._probability(likely[:, 5:])).max(dim=1)
        boxes = decode(likely, grid[anchor], stride[anchor])
        keep = (score >= self.min_score) & boxes.isfinite().all(dim=1)
        if self.class_ids is not None:
            keep &= _table(self.class_ids, output.shape[-1] - 5, output.device)[class_id]
        kept = (keep | score.isnan()).nonzero()[:, 0]
        image, class_id, boxes, score = image[kept], class_id[kept], boxes[kept], score[kept]
        if _together(boxes):
            stay = suppress_together(boxes, score, image * (output.shape[-1] - 5) + class_id, self.nms_iou)
        else:
            ends = [0, *accumulate(torch.bincount(image, minlength=len(output)).tolist())]
            parts = [slice(*ends_of) for ends_of in pairwise(ends)]
            stay = torch.cat([part.start + batched_nms(boxes[part], score[part], class_id[part], self.nms_iou) for part in parts])
        return torch.cat([image[:, None].float(), boxes, score[:, None], class_id[:, None].float()], dim=1)[stay]

    def _probability(self, values: Tensor) -> Tensor:
        return values.float().sigmoid() if self.logits else values.float()


def _together(boxes: Tensor) -> bool:
    """Whether to suppress all images in one call: a GPU is waited for once then, a CPU compares fewer pairs image by image."""
    return boxes.is_cuda and len(boxes) <= MOST_TOGETHER


def suppress_together(boxes: Tensor, score: Tensor, group: Tensor, nms_iou: float) -> Tensor:
    """Rows that stay, best first, of boxes (n, 4) that suppress each other within a `group` (n,) only: in one call, a wait for all groups.

    Each group is moved to a place of its own, as `batched_nms` does; but in float64, which holds a place among 2,000 groups and a box's
    sides to 1e-6 pixels, and by a fixed distance: a box without bounds takes no precision from the others.
    """
    apart = boxes.double().clamp(-REACH, REACH) + 2 * REACH * group[:, None]
    rows: Tensor = nms(apart, score.double(), nms_iou)
    return rows


@lru_cache(maxsize=16)
def _table(class_ids: tuple[int, ...], num_classes: int, device: torch.device) -> Tensor:
    """By class number, whether it is in `class_ids`: bool (C,) on `device`, made once."""
    with torch.inference_mode(False):
        return torch.tensor([number in class_ids for number in range(num_classes)], device=device)
