"""From a network's output to detections: class choice, score threshold, non-maximum suppression, back to the image's pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.ops import batched_nms

from bytetrack.detection.network import decode
from bytetrack.structures import Detections

__all__ = ["Selection"]


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
        ValueError where the output is not a number.
        """
        objectness = self._probability(output[..., 4])
        if bool(objectness.isnan().any()):
            raise ValueError(f"{self.source}'s output is not a number (NaN): broken weights, or a precision too low for them (try fp32)")
        found = []
        for row, ratio in enumerate(ratios):
            likely = objectness[row] >= self.min_score  # no class can raise a score
            found.append(self._one(output[row, likely], objectness[row, likely], grid[likely], stride[likely], ratio))
        return found

    def _probability(self, values: Tensor) -> Tensor:
        return values.float().sigmoid() if self.logits else values.float()

    def _one(self, output: Tensor, objectness: Tensor, grid: Tensor, stride: Tensor, ratio: float) -> Detections:
        score, class_id = (objectness[:, None] * self._probability(output[:, 5:])).max(dim=1)
        keep = score >= self.min_score
        if self.class_ids is not None:
            keep &= torch.isin(class_id, torch.tensor(self.class_ids, device=class_id.device))
        boxes = decode(output, grid, stride)
        keep &= boxes.isfinite().all(dim=1)
        boxes, score, class_id = boxes[keep], score[keep], class_id[keep]
        kept = batched_nms(boxes, score, class_id, self.nms_iou)[: self.max_detections]
        rows = torch.cat([boxes[kept], score[kept, None], class_id[kept, None].float()], dim=1).cpu().double().numpy()
        return Detections(rows[:, :4] / ratio, rows[:, 4], None if self.single else rows[:, 5].astype("int64"))
