"""Simulates detections from ground truth, to try trackers without a network. Scores on them say nothing about a real detector."""

from __future__ import annotations

import logging
import zlib

import numpy as np
import numpy.typing as npt

from bytetrack.boxes import xywh_from_tlwh, xyxy_from_xywh
from bytetrack.errors import MissingDataError
from bytetrack.io.mot import PEDESTRIAN, VISIBILITY
from bytetrack.io.table import CLASS, FRAME, SCORE, TLWH, read_table
from bytetrack.structures import Detections, Sequence, SequenceDetections

__all__ = ["Simulated"]

log = logging.getLogger(__name__)


class Simulated:
    """Returns boxes near the true ones. With decreasing visibility the score falls, and misses and errors increase.

    A person of visibility v is missed with probability `miss` + (1 - `miss`) exp(-v / 0.08). Otherwise the score has mean 0.1 + 0.82 v^0.75
    and standard deviation `score_noise`, and the error of centre and size has standard deviation `jitter` (2 - v) of the size. There are
    `false_positives` false boxes per frame on average, with scores of 0.1 … 0.7, mostly low.

    The boxes of a frame depend on `seed`, the sequence's name and the frame's number in the whole sequence, so a half has the same boxes.
    """

    def __init__(
        self, seed: int = 1, miss: float = 0.01, jitter: float = 0.03, score_noise: float = 0.08, false_positives: float = 0.6
    ) -> None:
        if seed < 0 or not 0 <= miss <= 1 or min(jitter, score_noise, false_positives) < 0:
            raise ValueError(
                "simulated needs seed >= 0, miss in [0, 1] and jitter, score_noise, false_positives >= 0: "
                f"got {seed}, {miss}, {jitter}, {score_noise}, {false_positives}"
            )
        self.seed, self.miss, self.jitter, self.score_noise, self.false_positives = seed, miss, jitter, score_noise, false_positives

    def detect_sequence(self, sequence: Sequence) -> SequenceDetections:
        """Simulates the boxes of the sequence's frames; raises MissingDataError without ground truth, FormatError if it is invalid."""
        if sequence.ground_truth is None:
            raise MissingDataError(f"{sequence.name} has no gt/gt.txt to simulate detections from: give detector=recorded or a network")
        log.info("%s: detections simulated from its ground truth, not detected in its images", sequence.name)
        table = read_table(sequence.ground_truth, range(7, 11), "9 columns frame,id,left,top,width,height,conf,class,visibility")
        table.refuse_bad_boxes(sequence.last_frame)
        rows = table.values
        has_class = rows.shape[1] in (8, 9)  # MOT15's ten columns have neither class nor visibility
        rows = rows[(rows[:, SCORE] != 0) & (rows[:, CLASS] == PEDESTRIAN if has_class else True)]
        visibility = rows[:, VISIBILITY] if rows.shape[1] == 9 else np.ones(len(rows))
        xywh = xywh_from_tlwh(rows[:, TLWH])
        frames = []
        for frame_id in map(sequence.number_of, range(1, sequence.length + 1)):
            rng = np.random.default_rng((self.seed, zlib.crc32(sequence.name.encode()), frame_id))
            here = rows[:, FRAME] == frame_id
            frames.append(self._frame(rng, xywh[here], visibility[here], xywh, (sequence.width, sequence.height)))
        return SequenceDetections.from_frames(frames)

    def _frame(
        self,
        rng: np.random.Generator,
        xywh: npt.NDArray[np.float64],
        visibility: npt.NDArray[np.float64],
        anybody: npt.NDArray[np.float64],
        size: tuple[int, int],
    ) -> Detections:
        missed = self.miss + (1 - self.miss) * np.exp(-visibility / 0.08)
        found = rng.random(len(xywh)) >= missed
        seen, boxes = visibility[found], xywh[found].copy()
        score = 0.1 + 0.82 * seen**0.75 + self.score_noise * rng.standard_normal(len(seen))
        error = self.jitter * (2 - seen)[:, None] * rng.standard_normal((len(seen), 4))
        boxes[:, :2] += error[:, :2] * boxes[:, 2:]
        boxes[:, 2:] *= np.exp(error[:, 2:])
        count = int(rng.poisson(self.false_positives)) if len(anybody) else 0
        ghosts = anybody[rng.integers(len(anybody), size=count)].copy() if count else np.empty((0, 4))
        ghosts[:, 0] = rng.uniform(0, size[0], count)
        ghosts[:, 1] += 0.1 * ghosts[:, 3] * rng.standard_normal(count)
        scores = np.concatenate([score, 0.1 + 0.6 * rng.beta(1, 2.5, count)]).clip(0.01, 1)
        return Detections(xyxy_from_xywh(np.concatenate([boxes, ghosts])), scores)
