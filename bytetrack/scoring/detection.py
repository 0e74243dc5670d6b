"""Scores detections on their own: COCO's average precision, of arrays.

Boxes are compared as they come, amodal ones beyond the image's edge too: ground truth and detections must be of one kind. Given the
images' sizes, both are cut to the image first, which is fair to a detector that saw clipped labels or amodal ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from bytetrack import boxes
from bytetrack.scoring.metrics import TOTAL
from bytetrack.structures import Detections

__all__ = ["HEADLINE", "STATS", "average_precision", "average_precision_by_sequence"]

Floats = npt.NDArray[np.float64]

STATS = ("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large", "AR1", "AR10", "AR100", "AR_small", "AR_medium", "AR_large")
"""COCO's twelve: AP is the mean over IoU 0.50, 0.55 … 0.95; AR is at most recall with that many boxes an image (the last of
`max_detections` in name only: AR100)."""

HEADLINE = ("AP", "AP50", "AP75", "AR100")
"""Those that tables and logs of a training run show."""


def average_precision(
    ground_truth: Sequence[Detections],
    detections: Sequence[Detections],
    *,
    ignored: Sequence[npt.NDArray[np.bool_]] | None = None,
    areas: Sequence[Floats] | None = None,
    sizes: Sequence[tuple[int, int]] | None = None,
    max_detections: tuple[int, int, int] = (1, 10, 100),
) -> dict[str, float]:
    """Computes COCO's twelve figures (`STATS`, in [0, 1], -1 if there is nothing to find), one entry an image in every argument.

    `ground_truth` holds true boxes and classes (its scores are not used); a missing `class_id` is class 0 on either side. `ignored`
    marks true boxes that count neither way (COCO's crowd). `areas` decide small, medium and large, the boxes' own by default.
    `sizes` (width, height) cuts both sides to the image. At most `max_detections[2]` boxes an image are looked at, the best ones.
    Source: faster-coco-eval, whose figures equal pycocotools'.

    >>> box = Detections([[0, 0, 40, 80]], [0.9])
    >>> average_precision([box], [box])["AP"]
    1.0
    """
    lengths = {len(entries) for entries in (ground_truth, detections, ignored, areas, sizes) if entries is not None}
    if len(lengths) > 1:
        raise ValueError(f"expected one entry an image in every argument: got {len(ground_truth)} true, {len(detections)} detected")
    from faster_coco_eval import COCO, COCOeval_faster

    if sizes is not None:
        ground_truth, detections = _clipped(ground_truth, sizes), _clipped(detections, sizes)
    classes = sorted({int(c) for frame in (*ground_truth, *detections) for c in _classes(frame)} or {0})
    evaluation = COCOeval_faster(
        COCO(_dataset(ground_truth, classes, ignored, areas)),
        COCO(_dataset(detections, classes, None, None)),
        iouType="bbox",
        print_function=_quiet,
    )
    evaluation.params.maxDets = list(max_detections)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return {name: float(value) for name, value in zip(STATS, evaluation.stats, strict=False)}


def average_precision_by_sequence(
    ground_truth: Mapping[str, Sequence[Detections]], detections: Mapping[str, Sequence[Detections]], **settings: Any
) -> dict[str, dict[str, float]]:
    """Computes `average_precision` of each sequence and, under `COMBINED`, of all their images together (not the sequences' mean).

    Both map a sequence's name to its frames; `settings` are passed on, those that hold an entry an image as such mappings too.
    """
    per_image = {name: value for name, value in settings.items() if isinstance(value, Mapping)}
    shared = {name: value for name, value in settings.items() if name not in per_image}
    scores = {
        name: average_precision(frames, detections[name], **shared, **{key: value[name] for key, value in per_image.items()})
        for name, frames in ground_truth.items()
    }
    together: dict[str, Any] = {key: [entry for name in ground_truth for entry in value[name]] for key, value in per_image.items()}
    scores[TOTAL["trackeval"]] = average_precision(
        [frame for frames in ground_truth.values() for frame in frames],
        [frame for name in ground_truth for frame in detections[name]],
        **shared,
        **together,
    )
    return scores


def _quiet(*_: object) -> None:
    """Replaces the library's own log lines."""


def _clipped(frames: Sequence[Detections], sizes: Sequence[tuple[int, int]]) -> list[Detections]:
    return [Detections(boxes.clip(frame.xyxy, *size), frame.score, frame.class_id) for frame, size in zip(frames, sizes, strict=True)]


def _classes(frame: Detections) -> npt.NDArray[np.int64]:
    return np.zeros(len(frame), dtype=np.int64) if frame.class_id is None else frame.class_id


def _dataset(
    frames: Sequence[Detections],
    classes: Sequence[int],
    ignored: Sequence[npt.NDArray[np.bool_]] | None,
    areas: Sequence[Floats] | None,
) -> dict[str, Any]:
    """Returns the frames as COCO's dictionary; images and annotations count from 1 (pycocotools takes annotation 0 for none)."""
    annotations: list[dict[str, Any]] = []
    for number, frame in enumerate(frames):
        tlwh = boxes.tlwh_from_xyxy(frame.xyxy)
        area = tlwh[:, 2] * tlwh[:, 3] if areas is None else areas[number]
        crowd = np.zeros(len(frame), dtype=bool) if ignored is None else ignored[number]
        annotations += [  # a list, not a generator: the ids need the length before
            {"id": len(annotations) + row, "image_id": number + 1, "category_id": c, "bbox": b, "score": s, "area": a, "iscrowd": i}
            for row, (c, b, s, a, i) in enumerate(
                zip(_classes(frame).tolist(), tlwh.tolist(), frame.score.tolist(), area.tolist(), crowd.astype(int).tolist(), strict=True),
                1,
            )
        ]
    images = [{"id": number + 1} for number in range(len(frames))]
    return {"images": images, "annotations": annotations, "categories": [{"id": c, "name": str(c)} for c in classes]}
