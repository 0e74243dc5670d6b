"""Shows a training run: progress and one table in the console, everything else in the sinks."""

from __future__ import annotations

import json
import logging
import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from bytetrack.boxes import xyxy_from_xywh
from bytetrack.interfaces import Image
from bytetrack.runtime.progress import progress_bar
from bytetrack.scoring.detection import HEADLINE
from bytetrack.scoring.metrics import TOTAL
from bytetrack.structures import Detections
from bytetrack.training.evaluation import Evaluation, true_boxes
from bytetrack.training.loader import Batch
from bytetrack.training.sinks import Metrics, Sink, open_sink
from bytetrack.video.read import read_image

__all__ = ["Monitor", "draw_boxes", "summary_table"]

log = logging.getLogger(__name__)

TRUE, FOUND = (80, 220, 80), (60, 120, 255)
WARM_UP = 10  # steps that say nothing of the pace
FAR = 1e6  # pixels: a box beyond is drawn to there


class Monitor:
    """Progress bar, `metrics.csv` and the sink `logger` of one run; `active=False` (all but the first process) does nothing.

    Without a terminal a log line every `log_seconds` takes the bar's place. `start` and `steps` are steps of the whole run.
    The time left is at the pace of the last few minutes, the first steps left out, so that neither storing images nor a machine that
    became busy distorts it; `beside` is the work that is left after a step beside the steps, evaluations, in steps.
    """

    def __init__(
        self,
        folder: Path,
        start: int,
        steps: int,
        active: bool = True,
        logger: str = "tensorboard",
        log_seconds: float = 30.0,
        beside: Callable[[int], float] = lambda step: 0.0,
    ) -> None:
        self.active = active
        self.folder = folder
        self.start, self.step, self.steps = start, start, steps
        self.log_seconds, self.beside = log_seconds, beside
        self._logger = logger
        self._opened: list[Sink] = []
        self._closing = ExitStack()
        self._told = time.monotonic()
        self._marks: deque[tuple[float, int]] = deque(maxlen=6)  # when which step was done, of the last few minutes

    def __enter__(self) -> Monitor:
        bar = progress_bar("training", self.steps, done=self.start, remaining=False, visible=self.active)
        self._bar = self._closing.enter_context(bar)
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()
        for sink in self._opened:
            sink.close()

    @property
    def sinks(self) -> list[Sink]:
        """The sinks, opened at first use; none in all processes but the first."""
        if self.active and not self._opened:
            self._opened = [Metrics(self.folder, self.start), open_sink(self._logger, self.folder, self.start)]
        return self._opened

    def advance(self, step: int, epoch: int, losses: Mapping[str, float] | None = None) -> None:
        """Notes that `step` steps are done, in the bar or, from time to time, in the log."""
        self.step = step
        if not self.active:
            return
        words = f"epoch {epoch + 1}" + ("" if losses is None else f", loss {losses['total']:.2f}")
        left, now = self._left(step), time.monotonic()
        self._bar.update(step, description=words if losses else None, unit=left)
        if not self._bar.visible and losses is not None and left and now - self._told >= self.log_seconds:
            self._told = now
            log.info("step %d of %d, %s, %s", step, self.steps, words, left)

    def _left(self, step: int) -> str:
        """Returns the time left after `step` in words, none before there is a pace."""
        now = time.monotonic()
        if not self._marks and step < self.start + WARM_UP:
            return ""
        if not self._marks or now - self._marks[-1][0] >= self.log_seconds:
            self._marks.append((now, step))
        before, done = self._marks[0]
        return clock((now - before) / (step - done) * (self.steps - step + self.beside(step))) + " left" if step > done else ""

    def say(self, message: str, *arguments: object) -> None:
        """Logs a line, from the first process only."""
        if self.active:
            log.info(message, *arguments)

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        for sink in self.sinks:
            sink.scalars(values, step)

    def batch(self, batch: Batch, step: int, limit: int = 8) -> None:
        """Writes the augmented images of a batch with their boxes: the first thing to look at."""
        if not self.active:
            return
        pictures = []
        for image, targets in zip(batch.images[:limit].numpy(), batch.targets[:limit].numpy(), strict=True):
            xyxy = xyxy_from_xywh(targets[targets[:, 3] > 0, 1:])
            pictures.append(shown(draw_boxes(image.copy(), xyxy, TRUE)))
        for sink in self.sinks:
            sink.pictures("images/training_batch", pictures, step)

    def evaluated(self, evaluation: Evaluation, found: list[Detections], scores: dict[str, float], epoch: int, step: int) -> None:
        """Reports an evaluation: figures, overall and by sequence, and some images with the detections."""
        if not self.active:
            return
        self.say("epoch %d: AP50:95 %.1f, AP50 %.1f", epoch, 100 * scores["AP"], 100 * scores["AP50"])
        self.scalars({f"ap/{name}": value for name, value in scores.items() if value >= 0}, step)
        images = evaluation.images
        if len(images.sequences) > 1:
            by_sequence = evaluation.score_by_sequence(found)
            known = {name: row["AP"] for name, row in by_sequence.items() if name != TOTAL["trackeval"] and row["AP"] >= 0}
            self.scalars({f"ap_by_sequence/{name}": value for name, value in known.items()}, step)
        chosen = np.linspace(0, len(images) - 1, min(4, len(images))).astype(int).tolist()
        pictures = [read_image(str(images.root / images.files[i])) for i in chosen]
        truth = true_boxes(images)
        self.predictions(pictures, [truth[i] for i in chosen], [found[i] for i in chosen], step)

    def predictions(self, images: list[Image], true: list[Detections], found: list[Detections], step: int, min_score: float = 0.3) -> None:
        """Draws evaluation images with true boxes (green) and found ones (orange) of at least `min_score`."""
        if not self.active:
            return
        for number, (image, truth, boxes) in enumerate(zip(images, true, found, strict=True)):
            picture = draw_boxes(draw_boxes(image.copy(), truth.xyxy, TRUE), boxes.xyxy[boxes.score >= min_score], FOUND)
            for sink in self.sinks:
                sink.pictures(f"images/evaluation_{number}", [shown(picture)], step)

    def settings(self, settings: Mapping[str, Any]) -> None:
        """Writes the run's settings as text."""
        for sink in self.sinks:
            sink.settings(json.dumps(settings, indent=1, default=str), self.start)

    def compared(self, values: Mapping[str, float | str | bool], scores: Mapping[str, float]) -> None:
        """Writes the numbers that runs are compared by, with their results."""
        for sink in self.sinks:
            sink.compared(values, scores)


def shown(image: Image, width: int = 640) -> Image:
    """Returns `image` in RGB, no wider than `width`."""
    scale = min(1.0, width / image.shape[1])
    size = (int(image.shape[1] * scale), int(image.shape[0] * scale))
    return np.asarray(cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB), np.uint8)


def draw_boxes(image: Image, xyxy: npt.NDArray[Any], colour: tuple[int, int, int]) -> Image:
    """Draws the outlines of the boxes into `image` and returns it."""
    thickness = max(1, round(image.shape[1] / 640))
    for x1, y1, x2, y2 in np.round(xyxy.clip(-FAR, FAR)).astype(int).tolist():
        cv2.rectangle(image, (x1, y1), (x2, y2), colour, thickness)
    return image


def clock(seconds: float) -> str:
    """Formats a duration as hours, minutes and seconds.

    >>> clock(3723)
    '1:02:03'
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def summary_table(out: Path, history: list[dict[str, float]], seconds: float, images: int, best_by: str = "AP", waited: float = 0.0) -> Any:
    """Makes the table at the end (rich): every evaluation, the best one marked, and where files are; a line without an evaluation.

    `waited` are the seconds without a batch to train on.
    """
    from rich.table import Table

    took = "resumed at its end"
    if seconds > 0 and images:
        took = f"{clock(seconds)}, {images / seconds:.1f} images/s, {100 * waited / seconds:.0f} % of it waiting for data"
    if not history:
        return f"trained in {took}; not evaluated; in {out}: last.pth"
    table = Table(title=f"trained in {took}", title_justify="left", caption=f"in {out}: best.pth, last.pth", caption_justify="left")
    for name in ("epoch", "loss", "AP50:95", *HEADLINE[1:]):
        table.add_column(name, justify="right")
    best = max(row[best_by] for row in history)
    for row in history:
        cells = [f"{100 * row[name]:.1f}" for name in HEADLINE]
        table.add_row(
            f"{row['epoch']:.0f}",
            "–" if math.isnan(row["loss"]) else f"{row['loss']:.2f}",
            *cells,
            style="bold" if row[best_by] == best else "",
        )
    return table
