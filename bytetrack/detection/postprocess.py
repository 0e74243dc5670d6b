"""From a network's output to detections: class choice, score threshold, non-maximum suppression, back to the image's pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.ops import batched_nms

from bytetrack.structures import Detections

__all__ = ["Selection"]


@dataclass(frozen=True)
class Selection:
    """Which boxes become detections.

    A box gets its best class among all the network knows. It stays if that class is in `class_ids` (None: all) and its score, objectness
    times class, is at least `min_score`. `nms_iou` is the overlap beyond which the lower of two boxes of one class goes; at most
    `max_detections` stay in an image. `single` leaves class ids out of the result.
    """

    min_score: float
    nms_iou: float
    max_detections: int
    class_ids: tuple[int, ...] | None
    single: bool

    def __call__(self, boxes: Tensor, scores: Tensor, ratios: Sequence[float]) -> list[Detections]:
        """Detections, best first, of boxes xyxy (B, A, 4) in input pixels and scores (B, A, C), both float32, on any device.

        `ratios` has the letterbox ratio of each image: boxes are divided by it, and never clipped.
        """
        best, class_id = scores.max(dim=2)
        keep = best >= self.min_score
        if self.class_ids is not None and scores.shape[2] > 1:
            keep &= torch.isin(class_id, torch.tensor(self.class_ids, device=class_id.device))
        return [
            self._suppress(boxes[row, keep[row]], best[row, keep[row]], class_id[row, keep[row]], ratio) for row, ratio in enumerate(ratios)
        ]

    def _suppress(self, boxes: Tensor, score: Tensor, class_id: Tensor, ratio: float) -> Detections:
        kept = batched_nms(boxes, score, class_id, self.nms_iou)[: self.max_detections]
        found = torch.cat([boxes[kept], score[kept, None], class_id[kept, None].float()], dim=1).cpu().double().numpy()
        return Detections(found[:, :4] / ratio, found[:, 4], None if self.single else found[:, 5].astype("int64"))
