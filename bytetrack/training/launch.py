"""Trains a YOLOX detector by a recipe, on any device, in any number of processes, and resumes where it stopped."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from bytetrack.detection.device import pick_device
from bytetrack.runtime.new_folders import make_folder
from bytetrack.runtime.showing import open_console
from bytetrack.training.loop import TrainingLoop
from bytetrack.training.monitor import summary_table
from bytetrack.training.processes import processes
from bytetrack.training.recipe import NetworkSettings, Recipe
from bytetrack.training.sinks import check_logger

__all__ = ["train"]


def train(recipe: Recipe, network: NetworkSettings, out: str | Path, accepted: Callable[[], object] = lambda: None) -> dict[str, float]:
    """Trains to the end, resuming from `out`/last.pth if it exists, and returns the metrics of the best evaluation (empty if none).

    Writes `last.pth`, `best.pth`, `metrics.csv` and the logger's files to `out`. Ctrl-C and SIGTERM save after the current step and exit
    with 130 and 143. Raises ValueError if `out` contains a run with other settings, or if the loss is not finite (nothing is saved then);
    errors of `load_coco` and `load_weights` are passed on. The first process calls `accepted` after settings, data, weights and the resumed
    state have been checked, and before anything is written.
    """
    out, device = Path(out), _device_of(recipe)
    check_logger(recipe.logger)
    with processes(device) as here:
        if recipe.batch_size % here.world:
            raise ValueError(f"batch_size must be a multiple of the number of processes: got {recipe.batch_size} for {here.world}")
        if recipe.batch_size // here.world % recipe.accumulate:
            raise ValueError(f"accumulate must divide a process's {recipe.batch_size // here.world} images: got {recipe.accumulate}")
        make_folder(out)
        loop = TrainingLoop(recipe, network, out, here, device)
        if here.first:
            accepted()
        began, first = time.monotonic(), loop.step
        loop.train()
        if here.first:
            shutil.rmtree(out / "cache", ignore_errors=True)
            images = (loop.step - first) * recipe.batch_size
            open_console().print(summary_table(out, loop.history, time.monotonic() - began, images, recipe.best_by, loop.waited))
    return max(loop.history, key=lambda row: row[recipe.best_by], default={})


def _device_of(recipe: Recipe) -> str:
    device = pick_device(recipe.device)
    if recipe.precision == "fp16" and not device.startswith("cuda"):
        raise ValueError(f"precision fp16 needs a CUDA GPU, this is {device}: choose train.precision=auto, bf16 or fp32")
    return device
