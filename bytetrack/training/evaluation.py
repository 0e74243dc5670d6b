"""Evaluates a network on annotated images: COCO's average precision, overall and by sequence."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from bytetrack import boxes
from bytetrack.data.image_set import ImageSet
from bytetrack.detection.grid import anchors
from bytetrack.detection.postprocess import select
from bytetrack.detection.preprocess import letterbox_batch, normalise
from bytetrack.detection.settings import PostprocessSettings
from bytetrack.interfaces import Image
from bytetrack.scoring.detection import average_precision, average_precision_by_sequence
from bytetrack.structures import Detections
from bytetrack.training.device_memory import largest_that_fits
from bytetrack.training.processes import ProcessGroup
from bytetrack.video.read import read_image

__all__ = ["Evaluation", "evaluation_dtype", "true_boxes", "unlabelled"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Evaluation:
    """Detects on `images` (letterboxed to `height` x `width`, in the network's `convention`) and compares with their boxes.

    Boxes are compared amodal, as they come; `clip` cuts both sides to the image, for networks trained on clipped boxes.
    """

    images: ImageSet
    height: int
    width: int
    convention: str
    min_score: float = 0.01
    nms_iou: float = 0.7
    max_detections: int = 1000
    batch_size: int = 4
    clip: bool = False

    @torch.no_grad()
    def detect(
        self,
        network: nn.Module,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
        part: slice = slice(None),
        each: Callable[[int], None] = lambda done: None,
    ) -> list[Detections]:
        """Returns the detections of `network` (in evaluation mode) in each image of `part`; calls `each` with the number of images done."""
        grid, stride = anchors(self.height, self.width, device)
        single = len(self.images.names) == 1
        settings = PostprocessSettings(self.min_score, self.nms_iou, self.max_detections, None, single)
        found: list[Detections] = []

        def select_from(batch: list[Image]) -> list[Detections]:
            pixels = normalise(letterbox_batch(batch, (self.height, self.width), str(device)), self.convention)
            with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
                logits = network(pixels.contiguous(memory_format=torch.channels_last))
            ratios = [boxes.letterbox_ratio(image.shape, (self.height, self.width)) for image in batch]
            return select(logits, grid, stride, ratios, settings)

        most = self.batch_size  # images at a time that the device's memory holds, as far as is known
        for batch in self._batches(range(len(self.images))[part]):
            done = 0
            while done < len(batch):
                here = batch[done : done + most]
                fitting = largest_that_fits(lambda images, here=here: found.extend(select_from(here[:images])), len(here), device)  # type: ignore[misc]
                if not fitting:
                    raise MemoryError(f"out of memory on {device}, evaluating one image of {self.height} x {self.width}")
                if fitting < len(here):
                    most = fitting
                done += fitting
            each(len(found))
        return found

    def in_order(self, parts: list[list[Detections]]) -> list[Detections]:
        """Merges the detections of all images, of which part i holds every `len(parts)`-th from the i-th on."""
        return [parts[index % len(parts)][index // len(parts)] for index in range(len(self.images))]

    def _batches(self, chosen: range) -> Iterator[list[Image]]:
        """Yields the images in batches; a thread decodes the next one meanwhile."""

        def load(indices: range) -> list[Image]:
            return [read_image(str(self.images.root / self.images.files[index])) for index in indices]

        starts = range(0, len(chosen), self.batch_size)
        with ThreadPoolExecutor(1) as pool:
            waiting = [pool.submit(load, chosen[start : start + self.batch_size]) for start in starts[:1]]
            for start in starts:
                batch = waiting.pop().result()
                following = chosen[start + self.batch_size : start + 2 * self.batch_size]
                if following:
                    waiting.append(pool.submit(load, following))
                yield batch

    def score(self, found: list[Detections]) -> dict[str, float]:
        """Returns COCO's twelve figures of detections on all images, in [0, 1] (-1 if there is nothing to find)."""
        return average_precision(
            true_boxes(self.images), found, ignored=self._crowds(), sizes=self._sizes(), max_detections=(1, 10, self.most_boxes)
        )

    @property
    def most_boxes(self) -> int:
        """Returns how many boxes of an image are evaluated: COCO's 100, or 500 in crowds."""
        return 100 if np.diff(self.images.offsets).max(initial=0) <= 100 else 500

    def score_by_sequence(self, found: list[Detections]) -> dict[str, dict[str, float]]:
        """Scores each sequence of the images, by name, and all together under COMBINED."""
        truth, crowds, sizes = true_boxes(self.images), self._crowds(), self._sizes()
        names = [self.images.sequences[s] if s >= 0 else "still images" for s in self.images.sequence.tolist()]
        rows = {name: [i for i, other in enumerate(names) if other == name] for name in dict.fromkeys(names)}
        pick: dict[str, Any] = {"ignored": {name: [crowds[i] for i in of] for name, of in rows.items()}}
        pick["max_detections"] = (1, 10, self.most_boxes)
        if sizes is not None:
            pick["sizes"] = {name: [sizes[i] for i in of] for name, of in rows.items()}
        return average_precision_by_sequence(
            {name: [truth[i] for i in of] for name, of in rows.items()}, {name: [found[i] for i in of] for name, of in rows.items()}, **pick
        )

    def _crowds(self) -> list[np.ndarray[tuple[int], np.dtype[np.bool_]]]:
        return [self.images.crowd[self.images.rows(index)] for index in range(len(self.images))]

    def _sizes(self) -> list[tuple[int, int]] | None:
        return list(zip(self.images.width.tolist(), self.images.height.tolist(), strict=True)) if self.clip else None


def evaluation_dtype(precision: str, device: str) -> torch.dtype:
    """Returns the type in which a network that trains in `precision` is evaluated: float16 on GPUs, else float32.

    bfloat16 moves boxes by a fortieth of their size (mean IoU 0.974), float16 by a three-hundredth, and only GPUs are faster for it.
    """
    return torch.float16 if precision == "fp16" and device == "cuda" else torch.float32


def unlabelled(search: Evaluation, network: nn.Module, device: torch.device, here: ProcessGroup) -> list[npt.NDArray[np.float64]]:
    """Returns, for each image of `search`, the boxes that `network` finds where no label is (IoU with each under 0.3)."""
    images = search.images
    if here.first:
        log.info("running the initial weights on the %d training images, to find unlabelled people", len(images))
    found = search.in_order(here.gather(search.detect(network.eval(), device, part=slice(here.rank, None, here.world))))
    labels = [images.xyxy[images.rows(index)] for index in range(len(images))]
    seen = [one.xyxy[boxes.iou(one.xyxy, of).max(axis=1, initial=0) < 0.3] for one, of in zip(found, labels, strict=True)]
    if here.first:
        log.info("%d boxes beside %d labels are neither object nor background", sum(map(len, seen)), len(images.xyxy))
    return seen


def true_boxes(images: ImageSet) -> list[Detections]:
    """Returns the boxes of each image, as detections of score 1."""
    rows = [images.rows(index) for index in range(len(images))]
    return [Detections(images.xyxy[row], np.ones(row.stop - row.start), images.category[row]) for row in rows]
