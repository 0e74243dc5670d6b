"""Trains a YOLOX detector: one call of `Trainer.fit`, on any device, in any number of processes, from wherever it stopped."""

from __future__ import annotations

import dataclasses
import logging
import math
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bytetrack.data.augment import Augmentation
from bytetrack.detection.yolox import check_convention, check_input_size
from bytetrack.training.assignment import SimOTA
from bytetrack.training.optimisation import Optimisation

__all__ = ["Trainer"]

log = logging.getLogger("bytetrack")

PRECISIONS = ("auto", "fp32", "fp16", "bf16")
FREE = ("device", "workers", "cache", "log_interval", "checkpoint_minutes")
"""What may differ between a run and the one it resumes: nothing that changes a result on the CPU."""


class Trainer:
    """The recipe. Its defaults are the ByteTrack paper's, for one class and a batch of 48.

    `data` and `val` list COCO files: mappings with `path` and perhaps `root` and `classes`, as `load_coco` has them; mixed.
    `weights`: a file to start from (None: from nothing); its class layers are cut to `weight_classes` ([0]: COCO's person), else they
    start anew where the number of classes differs. `convention` of the input: None as the weights have it, `bgr255` without any.
    `batch_size` counts all processes. The last `no_aug_epochs` of `max_epochs` are without mosaic and mixup and with the L1 loss.
    `multiscale`: every `multiscale_interval` steps a height between these two, in units of 32 pixels; None for the detector's size
    always. `l1_always` has the L1 loss from the first step. `ignore_crowd`: inside crowd boxes nothing counts as background; with
    `ignore_seen`, a score, nor does it inside the boxes that the starting weights find with at least that score where no label is (IoU
    with each under 0.3). Evaluation every `eval_interval` epochs and every one of the last `no_aug_epochs`; 0 for never. `cache` stores
    letterboxed images in the run folder meanwhile. A checkpoint is written every epoch and every `checkpoint_minutes`. `precision` of
    the network's layers: `auto` is what `pick_precision` finds for the device; losses and weights are float32 always.
    """

    def __init__(
        self,
        data: Sequence[Mapping[str, Any]],
        val: Sequence[Mapping[str, Any]] = (),
        weights: str | None = None,
        weight_classes: Sequence[int] | None = None,
        convention: str | None = None,
        max_epochs: int = 80,
        no_aug_epochs: int = 10,
        batch_size: int = 48,
        multiscale: Sequence[int] | None = (18, 32),
        multiscale_interval: int = 10,
        l1_always: bool = False,
        ignore_crowd: bool = False,
        ignore_seen: float | None = None,
        augmentation: Augmentation | None = None,
        assignment: SimOTA | None = None,
        optimisation: Optimisation | None = None,
        precision: str = "auto",
        device: str = "auto",
        workers: int = 4,
        seed: int = 0,
        cache: bool = False,
        eval_interval: int = 5,
        log_interval: int = 10,
        checkpoint_minutes: float = 10.0,
    ) -> None:
        self.data, self.val = [dict(entry) for entry in data], [dict(entry) for entry in val]
        self.weights, self.weight_classes = weights, list(weight_classes) if weight_classes is not None else None
        self.convention = check_convention(convention)
        self.max_epochs, self.no_aug_epochs, self.batch_size = max_epochs, no_aug_epochs, batch_size
        self.multiscale = (int(multiscale[0]), int(multiscale[1])) if multiscale is not None else None
        self.multiscale_interval, self.l1_always = multiscale_interval, l1_always
        self.ignore_crowd, self.ignore_seen = ignore_crowd, ignore_seen
        self.augmentation = augmentation or Augmentation()
        self.assignment = assignment or SimOTA()
        self.optimisation = optimisation or Optimisation()
        self.precision, self.device, self.workers, self.seed, self.cache = precision, device, workers, seed, cache
        self.eval_interval, self.log_interval, self.checkpoint_minutes = eval_interval, log_interval, checkpoint_minutes
        self._check()

    def _check(self) -> None:
        if not self.data or any("path" not in entry for entry in (*self.data, *self.val)):
            raise ValueError("data must list at least one COCO file, [{path: FILE, root: FOLDER}], and so must val if it is given")
        for name in ("max_epochs", "batch_size", "multiscale_interval", "log_interval"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1: got {getattr(self, name)}")
        for name in ("no_aug_epochs", "workers", "eval_interval", "seed"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative: got {getattr(self, name)}")
        if self.no_aug_epochs > self.max_epochs:
            raise ValueError(f"no_aug_epochs must be at most max_epochs: got {self.no_aug_epochs} of {self.max_epochs}")
        if self.multiscale is not None and not 1 <= self.multiscale[0] <= self.multiscale[1]:
            raise ValueError(f"multiscale must be a range of heights in units of 32 pixels, lower first: got {self.multiscale}")
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision must be {', '.join(PRECISIONS)}: got {self.precision!r}")
        if self.ignore_seen is not None and (self.weights is None or not 0 < self.ignore_seen < 1):
            raise ValueError(
                f"ignore_seen must be a score in (0, 1), of boxes of the starting weights (set weights): got {self.ignore_seen}"
            )
        if self.weight_classes is not None and self.weights is None:
            raise ValueError("weight_classes choose rows of a weight file: set weights too")

    def settings(self) -> dict[str, Any]:
        """Every setting as plain values, for a checkpoint and for the comparison with it."""
        plain = {name: value for name, value in vars(self).items() if name not in FREE}
        plain["augmentation"] = dataclasses.asdict(self.augmentation)
        plain["optimisation"] = dataclasses.asdict(self.optimisation)
        plain["assignment"] = dict(vars(self.assignment))
        return {name: _plain(value) for name, value in plain.items()}

    def evaluates(self, epoch: int) -> bool:
        """Whether epoch number `epoch` (from 1) ends with an evaluation."""
        if not self.val or self.eval_interval == 0:
            return False
        tail = epoch > self.max_epochs - self.no_aug_epochs
        return tail or epoch % self.eval_interval == 0 or epoch == self.max_epochs

    def evaluations_after(self, epoch: int) -> int:
        """How many epochs after number `epoch` end with an evaluation."""
        return sum(self.evaluates(later) for later in range(epoch + 1, self.max_epochs + 1))

    def fit(
        self,
        out: str | Path,
        depth: float,
        width: float,
        depthwise: bool = False,
        input_size: Sequence[int] = (800, 1440),
        nms_iou: float = 0.7,
        min_score: float = 0.01,
        max_detections: int = 1000,
    ) -> dict[str, float]:
        """Trains to the end, from `out`/last.pth if it is there, and returns the best evaluation's figures (empty without any).

        The other arguments are the detector's, at test time. Writes `last.pth`, `best.pth` (highest AP50:95) and TensorBoard files to
        `out`. Ctrl-C and SIGTERM save after the step and exit with 130 and 143. ValueError where `out` holds a run with other settings
        or the loss is not finite (nothing is saved then); what `load_coco` and `load_weights` raise passes.
        """
        from bytetrack.training.processes import processes
        from bytetrack.training.run import Run

        out = Path(out)
        size = check_input_size(input_size)
        test = {"nms_iou": nms_iou, "min_score": min_score, "max_detections": max_detections}
        with processes(self._device()) as here:
            if self.batch_size % here.world:
                raise ValueError(f"batch_size must be a multiple of the number of processes: got {self.batch_size} for {here.world}")
            out.mkdir(parents=True, exist_ok=True)
            run = Run(self, out, here, self._device(), (depth, width, depthwise), size, test)
            began, first = time.monotonic(), run.step
            run.train()
            if here.first:
                self._finish(out, run.history, time.monotonic() - began, (run.step - first) * self.batch_size)
        return max(run.history, key=lambda row: row["AP"], default={})

    def _device(self) -> str:
        from bytetrack.detection.inference import pick_device

        device = pick_device(self.device)
        if self.precision == "fp16" and not device.startswith("cuda"):
            raise ValueError(f"precision fp16 needs a CUDA GPU, this is {device}: choose train.precision=auto, bf16 or fp32")
        return device

    def _finish(self, out: Path, history: list[dict[str, float]], seconds: float, images: int) -> None:
        from rich.console import Console

        from bytetrack.training.monitor import summary_table

        shutil.rmtree(out / "cache", ignore_errors=True)
        Console().print(summary_table(out, history, seconds, images))


def _plain(value: Any) -> Any:
    """Tuples as lists and paths as text, so that what is written and read again compares equal."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return str(value) if isinstance(value, Path) else value
