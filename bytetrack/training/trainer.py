"""Trains a YOLOX detector: one call of `Trainer.fit`, on any device, in any number of processes, from wherever it stopped."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from bytetrack.detection.settings import check_input_size
from bytetrack.training.recipe import Recipe

__all__ = ["Trainer"]


class Trainer(Recipe):
    """A recipe that can be followed: its settings are `Recipe`'s, `fit` is the whole of its use."""

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

        The other arguments are the detector's, at test time. Writes `last.pth`, `best.pth`, `metrics.csv` and what the logger writes to
        `out`. Ctrl-C and SIGTERM save after the step and exit with 130 and 143. ValueError where `out` holds a run with other settings
        or the loss is not finite (nothing is saved then); what `load_coco` and `load_weights` raise passes.
        """
        from bytetrack.training.monitor import summary_table
        from bytetrack.training.processes import processes
        from bytetrack.training.run import Run
        from bytetrack.training.sinks import check_logger

        out = Path(out)
        size, device = check_input_size(input_size), self._device()
        test = {"nms_iou": nms_iou, "min_score": min_score, "max_detections": max_detections}
        check_logger(self.logger)
        with processes(device) as here:
            if self.batch_size % here.world:
                raise ValueError(f"batch_size must be a multiple of the number of processes: got {self.batch_size} for {here.world}")
            if self.batch_size // here.world % self.accumulate:
                raise ValueError(f"accumulate must divide a process's {self.batch_size // here.world} images: got {self.accumulate}")
            out.mkdir(parents=True, exist_ok=True)
            run = Run(self, out, here, device, (depth, width, depthwise), size, test)
            began, first = time.monotonic(), run.step
            run.train()
            if here.first:
                from rich.console import Console

                shutil.rmtree(out / "cache", ignore_errors=True)
                images = (run.step - first) * self.batch_size
                Console().print(summary_table(out, run.history, time.monotonic() - began, images, self.best_by, run.waited))
        return max(run.history, key=lambda row: row[self.best_by], default={})

    def _device(self) -> str:
        from bytetrack.detection.inference import pick_device

        device = pick_device(self.device)
        if self.precision == "fp16" and not device.startswith("cuda"):
            raise ValueError(f"precision fp16 needs a CUDA GPU, this is {device}: choose train.precision=auto, bf16 or fp32")
        return device
