"""What training costs beyond the network: loading, the step around forward and backward, label assignment.

    OMP_NUM_THREADS=1 python benchmarks/training.py [frames=DIR]

Loading: images a second of one core, 800x1440 mosaic and mixup, beside the `yolox` package's own loader on the same frames (generated ones,
or the JPEG files below `frames`). Step: our whole step (targets, losses, moving average, checks) over bare forward, loss, backward and
optimizer on the same tensors. Assignment: how much memory 500 boxes in an 800x1440 image add at most. What is compared runs in turns; the
median of the ratios is printed with their range.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from statistics import median

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from bytetrack.data.augment import Augmentation, AugmentedImages, Sample
from bytetrack.data.image_set import load_coco
from bytetrack.detection.network import build_network
from bytetrack.detection.settings import SIZES
from bytetrack.io.coco import write_coco
from bytetrack.runtime.memory import keep_freed_memory
from bytetrack.training.assignment import Grid, SimOTA
from bytetrack.training.losses import YoloxLoss
from bytetrack.training.optimisation import MovingAverage, Optimisation
from bytetrack.video.read import read_image

HEIGHT, WIDTH = 800, 1440
ROUNDS = 4


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def ratios(first: Callable[[], object], second: Callable[[], object], rounds: int = ROUNDS) -> tuple[list[float], float, float]:
    """Time of `first` over that of `second` in each of some rounds, and the median seconds of both; each runs once before."""
    first(), second()
    times = [(seconds(first), seconds(second)) for _ in range(rounds)]
    return [a / b for a, b in times], median(a for a, _ in times), median(b for _, b in times)


def shown(values: list[float]) -> str:
    return f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def dataset(folder: Path, frames: Path | None) -> Path:
    """A COCO file of a dozen 1920x1080 JPEG frames with 30 boxes each, laid out as the package's loader wants it."""
    (folder / "annotations").mkdir(parents=True)
    (folder / "images").mkdir()
    rng = np.random.default_rng(0)
    images, annotations = [], []
    sources = sorted(frames.rglob("*.jpg"))[:12] if frames else [None] * 12
    for number, source in enumerate(sources):
        image = read_image(source) if source else cv2.resize(rng.integers(0, 255, (135, 240, 3)).astype(np.uint8), (1920, 1080))
        cv2.imwrite(str(folder / "images" / f"{number}.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, 95])
        images.append({"id": number, "file_name": f"{number}.jpg", "width": image.shape[1], "height": image.shape[0]})
        for x, y, w in zip(rng.uniform(0, 1700, 30), rng.uniform(0, 800, 30), rng.uniform(20, 100, 30), strict=True):
            box = {"bbox": [x, y, w, 2.5 * w], "area": 2.5 * w * w, "iscrowd": 0}
            annotations.append({"id": len(annotations) + 1, "image_id": number, "category_id": 1, **box})
    path = folder / "annotations" / "frames.json"
    write_coco(path, {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}], "videos": []})
    return path


def loading(path: Path, images: int = 12) -> tuple[list[float], float, float]:
    from yolox.data import MosaicDetection, TrainTransform
    from yolox.data.datasets import CocoDataset

    cv2.setNumThreads(1)
    ours = AugmentedImages(load_coco(path, path.parent.parent / "images"), read_image, Augmentation(mixup_scale=(0.5, 1.5)))
    with redirect_stdout(StringIO()):
        plain = CocoDataset(str(path.parent.parent), path.name, "images", (HEIGHT, WIDTH))
    theirs = MosaicDetection(plain, (HEIGHT, WIDTH), preproc=TrainTransform(max_labels=1000), mosaic_scale=(0.1, 2.0))
    rounds = iter(range(10**6))

    def their_images() -> None:
        random.seed(next(rounds))
        for index in range(images):
            theirs[index % len(theirs)]

    def our_images() -> None:
        epoch = next(rounds)
        for index in range(images):
            ours[Sample(epoch, index % len(ours), HEIGHT, WIDTH, True)]

    faster, their_seconds, our_seconds = ratios(their_images, our_images)
    return faster, images / our_seconds, images / their_seconds


def _load(path: Path, kept: bool, queue: multiprocessing.Queue[float]) -> None:
    """In its own process: CPU milliseconds an image, the least of three rounds of 24."""
    cv2.setNumThreads(1)
    if kept:
        keep_freed_memory()
    ours = AugmentedImages(load_coco(path, path.parent.parent / "images"), read_image, Augmentation(mixup_scale=(0.5, 1.5)))
    rounds = []
    for epoch in (99, 0, 0, 0):  # the first round is for what is only done once
        began = time.process_time()
        for index in range(24):
            ours[Sample(epoch + index // 12, index % 12, HEIGHT, WIDTH, True)]
        rounds.append((time.process_time() - began) / 24 * 1e3)
    queue.put(min(rounds[1:]))


def loading_cpu(path: Path, kept: bool) -> float:
    """CPU milliseconds an image of a loading process, which keeps the memory it frees, and of one that does not."""
    context = multiprocessing.get_context("spawn")
    queue: multiprocessing.Queue[float] = context.Queue()
    process = context.Process(target=_load, args=(path, kept, queue))
    process.start()
    result = queue.get()
    process.join()
    return result


def step(device: torch.device, size: str, height: int, width: int, batch: int) -> tuple[list[float], float, float]:
    recipe, loss = Optimisation(), YoloxLoss()
    network = build_network(*SIZES[size]).to(device, memory_format=torch.channels_last).train()
    optimizer, average = recipe.build(network), MovingAverage(network, 0.9998, 2000)
    rng = np.random.default_rng(0)
    pixels = torch.from_numpy(rng.integers(0, 255, (batch, height, width, 3)).astype(np.uint8))
    boxes = np.zeros((batch, 60, 5), np.float32)
    boxes[..., 1], boxes[..., 2] = rng.uniform(0, width, (batch, 60)), rng.uniform(0, height, (batch, 60))
    boxes[..., 3], boxes[..., 4] = 30, 70
    targets = torch.from_numpy(boxes)
    ready, ready_targets = pixels.permute(0, 3, 1, 2).float().to(device, memory_format=torch.channels_last), targets.to(device)

    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize()

    def bare() -> None:
        loss(network(ready), ready_targets, height, width).total.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        wait()

    def whole() -> None:
        images = pixels.to(device).permute(0, 3, 1, 2).float().contiguous(memory_format=torch.channels_last)
        losses = torch.stack(loss(network(images), targets.to(device), height, width))
        losses.detach().isfinite().all()
        losses[0].backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        average.update(1000)
        wait()

    return ratios(whole, bare)


def _resident(field: str) -> float:
    """MiB of `VmRSS` (now) or `VmHWM` (at most since the last reset), as Linux says of this process."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(field))) / 1024


def _assign(boxes: int, max_pairs: int, queue: multiprocessing.Queue[float]) -> None:
    """In its own process: the memory in MiB that one assignment adds at most."""
    grid = Grid.of(HEIGHT, WIDTH)
    cells = len(grid.stride)
    generator = torch.Generator().manual_seed(0)
    predicted = torch.cat((grid.centers, grid.stride[:, None].repeat(1, 2) * 4), 1)[None]
    scores, targets = torch.randn(1, cells, generator=generator), torch.zeros(1, boxes, 5)
    targets[..., 1:3] = torch.rand(1, boxes, 2, generator=generator) * torch.tensor([WIDTH, HEIGHT])
    targets[..., 3], targets[..., 4] = 60, 150
    rule = SimOTA(max_pairs=max_pairs)
    rule(predicted, scores, scores[..., None], targets[:, :2], grid)  # what the first call alone needs
    before = _resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # resets VmHWM
    rule(predicted, scores, scores[..., None], targets, grid)
    queue.put(_resident("VmHWM") - before)


def assignment_memory(boxes: int, max_pairs: int) -> float:
    context = multiprocessing.get_context("spawn")
    queue: multiprocessing.Queue[float] = context.Queue()
    process = context.Process(target=_assign, args=(boxes, max_pairs, queue))
    process.start()
    result = queue.get()
    process.join()
    return result


def main() -> None:
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    frames = next((Path(a.removeprefix("frames=")) for a in sys.argv[1:] if a.startswith("frames=")), None)
    table = Table(title=f"training, {torch.get_num_threads()} thread(s), torch {torch.__version__}", title_justify="left")
    for column in ("what", "ours", "other", "ratio: median (range)"):
        table.add_column(column)
    with tempfile.TemporaryDirectory() as folder:
        path = dataset(Path(folder) / "data", frames)
        faster, mine, their = loading(path)
        each = [(loading_cpu(path, True), loading_cpu(path, False)) for _ in range(ROUNDS)]
    table.add_row("loading 800x1440, images/s a core; other: yolox package", f"{mine:.1f}", f"{their:.1f}", shown(faster))
    kept, freed = (median(values) for values in zip(*each, strict=True))
    row = f"{kept:.1f}", f"{freed:.1f}", shown([a / b for a, b in each])
    table.add_row("loading 800x1440, CPU ms an image; other: freed memory goes back to the system", *row)
    slower, whole, bare = step(torch.device("cpu"), "nano", 416, 416, 4)
    table.add_row("step, nano 416, batch 4, ms; other: bare", f"{1e3 * whole:.0f}", f"{1e3 * bare:.0f}", shown(slower))
    slower, whole, bare = step(torch.device("cpu"), "s", 416, 416, 4)
    table.add_row("step, s 416, batch 4, ms; other: bare", f"{1e3 * whole:.0f}", f"{1e3 * bare:.0f}", shown(slower))
    if torch.cuda.is_available():
        slower, whole, bare = step(torch.device("cuda"), "s", 800, 1440, 8)
        table.add_row("step on the GPU, s 800x1440, batch 8, ms; other: bare", f"{1e3 * whole:.0f}", f"{1e3 * bare:.0f}", shown(slower))
    if Path("/proc/self/clear_refs").exists():
        bounded, free = assignment_memory(500, 2_000_000), assignment_memory(500, 10**12)
        row = (f"{bounded:.0f}", f"{free:.0f}", f"{bounded / free:.2f}")
        table.add_row("assignment 800x1440, 500 boxes, peak MiB; other: all pairs at once", *row)
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
