"""Batches of augmented images: which images, in which size, is a function of the step, so that training resumes anywhere."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from bytetrack.boxes import letterbox_ratio
from bytetrack.data.augment import AugmentedImages, Sample, generator
from bytetrack.data.image_set import ImageSet, load_coco, mix
from bytetrack.interfaces import Image
from bytetrack.runtime.memory import keep_freed_memory
from bytetrack.runtime.pool import cores, end_with_parent
from bytetrack.runtime.signals import ignore_signals
from bytetrack.video.read import read_image

__all__ = ["Batch", "BatchPlan", "StoredImages", "batches", "labelled", "loading_processes", "mixture", "shares"]

PATIENCE = 900  # seconds without a batch

log = logging.getLogger(__name__)


def labelled(entries: Sequence[Mapping[str, Any]], setting: str) -> ImageSet:
    """Loads and joins the COCO files that `setting` lists; ValueError unless some box counts, a warning for a class without boxes."""
    return mixture(entries, setting)[0]


def mixture(entries: Sequence[Mapping[str, Any]], setting: str) -> tuple[ImageSet, tuple[tuple[int, float], ...] | None]:
    """Returns `labelled`, with the number of images and the `weight` of each file; None if all weigh the same."""
    files = [load_coco(**{key: value for key, value in entry.items() if key != "weight"}) for entry in entries]
    images = mix(files)
    boxes = np.bincount(images.category[~images.crowd], minlength=len(images.names))
    if not boxes.any():
        paths = ", ".join(str(entry["path"]) for entry in entries)
        advice = "train.val=[] trains without evaluation" if setting == "train.val" else "there is nothing to learn from"
        raise ValueError(f"{setting}: no box in {len(images)} images of {paths} (classes {', '.join(images.names)}): {advice}")
    if without := [name for name, count in zip(images.names, boxes.tolist(), strict=True) if not count]:
        log.warning("%s: no box of %s: the figures are those of the other classes", setting, ", ".join(without))
    weights = [float(entry.get("weight", 1)) for entry in entries]
    return images, None if len(set(weights)) == 1 else tuple(zip(map(len, files), weights, strict=True))


@dataclass(frozen=True, slots=True)
class Batch:
    """`images` uint8 (B, H, W, 3) BGR, `targets` float32 (B, G, 5) (class, centre, size; zero rows are padding), `samples` their origin."""

    images: Tensor
    targets: Tensor
    samples: list[Sample]

    def pin_memory(self) -> Batch:
        return Batch(self.images.pin_memory(), self.targets.pin_memory(), self.samples)

    def pieces(self, count: int) -> list[Batch]:
        """Splits the batch into at most so many pieces."""
        size = -(-len(self.samples) // count)
        starts = range(0, len(self.samples), size)
        return [Batch(self.images[s : s + size], self.targets[s : s + size], self.samples[s : s + size]) for s in starts]


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """Which samples make the batch of a step: everything here depends on `seed` and the step alone.

    Of each `batch_size` images of a step, process `rank` of `world` takes every `world`-th, in `parts` one after the other, of which each
    takes every `parts`-th again: one process with eight parts trains on the images of eight processes. Every `interval` steps one of the
    sizes `multiscale` (lowest, highest height in units of 32 pixels, the width in proportion) is drawn, None for `height` x `width` always.
    The last `tail_epochs` of `epochs` are without mosaic. The `skipped` steps (from 0) have no images. `mixture` has of each dataset
    its number of images and how often each of them is drawn, relative to the others'; None for once an epoch each.
    """

    images: int
    batch_size: int
    height: int
    width: int
    epochs: int
    tail_epochs: int
    multiscale: tuple[int, int] | None = None
    interval: int = 10
    seed: int = 0
    rank: int = 0
    world: int = 1
    parts: int = 1
    skipped: frozenset[int] = frozenset()
    mixture: tuple[tuple[int, float], ...] | None = None

    @property
    def part_size(self) -> int:
        """Number of images that are trained on at a time."""
        return self.batch_size // self.world // self.parts

    @property
    def steps_per_epoch(self) -> int:
        """Number of whole batches in an epoch; a dataset smaller than a batch is repeated within it."""
        return max(self.images // self.batch_size, 1)

    @property
    def steps(self) -> int:
        return self.epochs * self.steps_per_epoch

    def augmented(self, step: int) -> bool:
        """Returns True if images of this step are mosaics; the epochs after those have the L1 loss."""
        return step < (self.epochs - self.tail_epochs) * self.steps_per_epoch

    def size(self, step: int) -> tuple[int, int]:
        """Returns height and width of the images of this step."""
        if self.multiscale is None or step < self.interval:
            return self.height, self.width
        units = int(generator(self.seed, 1, step // self.interval).integers(self.multiscale[0], self.multiscale[1] + 1))
        return self._of(units)

    def _of(self, units: int) -> tuple[int, int]:
        return 32 * units, 32 * int(units * self.width / self.height)

    def largest(self) -> tuple[int, int]:
        """Returns height and width of the largest images of any step."""
        own = self.height, self.width
        return own if self.multiscale is None else max(own, self._of(self.multiscale[1]))

    def order(self, epoch: int) -> npt.NDArray[np.int64]:
        """Returns the images of an epoch, shuffled, as many as its batches take."""
        rng = generator(self.seed, 2, epoch)
        order = rng.permutation(self.images)
        if self.mixture is not None:  # each image as often as its share says, the fraction that is left by lot
            edges = np.floor(np.cumsum(self.images * shares(self.mixture)[order]) + rng.random()).astype(np.int64)
            order = rng.permutation(np.repeat(order, np.diff(edges, prepend=0)))
        return np.resize(order, self.steps_per_epoch * self.batch_size)

    def samples(self, step: int) -> list[Sample]:
        """Returns the samples of this process at `step`."""
        if step in self.skipped:
            return []
        epoch, within = divmod(step, self.steps_per_epoch)
        chosen = self.order(epoch)[within * self.batch_size : (within + 1) * self.batch_size][self.rank :: self.world]
        return [Sample(epoch, int(image), *self.size(step), self.augmented(step)) for image in chosen]


def shares(mixture: tuple[tuple[int, float], ...]) -> npt.NDArray[np.float64]:
    """Returns the probability of each image of datasets of (images, weight of each): they sum to 1.

    >>> shares(((2, 1.0), (1, 2.0))).tolist()
    [0.25, 0.25, 0.5]
    """
    weights = np.repeat([weight for _, weight in mixture], [images for images, _ in mixture])
    return np.asarray(weights / weights.sum(), dtype=np.float64)


class StoredImages:
    """Letterboxed copies of a dataset's images in one file, made at first use and shared by all processes.

    The file lies in `folder` and is opened again by a later run over the same images at the same size. OSError where the disk has no
    room for it: the file is sparse, and a disk that fills while it is mapped ends the process without a word.
    """

    def __init__(self, folder: Path, images: ImageSet, height: int, width: int) -> None:
        self.images = images
        ratios = [letterbox_ratio((h, w), (height, width)) for h, w in zip(images.height.tolist(), images.width.tolist(), strict=True)]
        self.sizes = [
            (max(int(h * min(r, 1)), 1), max(int(w * min(r, 1)), 1))
            for h, w, r in zip(images.height.tolist(), images.width.tolist(), ratios, strict=True)
        ]
        self.starts = np.concatenate([[0], np.cumsum([3 * h * w for h, w in self.sizes])])
        self._made_by = (folder, images, height, width)
        folder.mkdir(parents=True, exist_ok=True)
        self._check_disk(folder / f"pixels_{height}x{width}.bin")
        self.pixels = _mapped(folder / f"pixels_{height}x{width}.bin", int(self.starts[-1]))
        self.done = _mapped(folder / f"done_{height}x{width}.bin", len(images))

    def _check_disk(self, path: Path) -> None:
        taken = 512 * path.stat().st_blocks if path.is_file() and hasattr(os, "statvfs") else 0
        needed, free = int(self.starts[-1]) - taken, shutil.disk_usage(path.parent).free
        if needed > free:
            raise OSError(
                f"{path.parent}: storing {len(self.images)} images takes {needed / 2**30:.1f} GiB, {free / 2**30:.1f} are free: "
                "set train.cache=false, or out on another disk"
            )

    def __reduce__(self) -> tuple[type[StoredImages], tuple[Path, ImageSet, int, int]]:
        """Opens the files again in another process."""
        return StoredImages, self._made_by

    def fill(self, each: Callable[[int], None] = lambda done: None) -> None:
        """Stores every image that is not yet there, in order, which is how a video is read fastest; `each` hears how many are done."""
        for index in np.flatnonzero(self.done == 0).tolist():
            self(index)
            each(index + 1)

    def __call__(self, index: int) -> Image:
        """Returns image `index`, at the size that fits the letterbox (never enlarged)."""
        height, width = self.sizes[index]
        place = self.pixels[self.starts[index] : self.starts[index + 1]].reshape(height, width, 3)
        if not self.done[index]:
            image = read_image(str(self.images.root / self.images.files[index]))
            place[:] = image if image.shape == place.shape else cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
            self.done[index] = 1
        return place


def _mapped(path: Path, size: int) -> npt.NDArray[np.uint8]:
    fits = path.is_file() and path.stat().st_size == size
    return np.memmap(path, np.uint8, "r+" if fits else "w+", shape=(size,))


def collate(samples: list[tuple[Image, npt.NDArray[np.float32]]]) -> tuple[Tensor, Tensor]:
    """Stacks images in one tensor, targets padded with zero rows to the longest."""
    if not samples:
        return torch.empty(0, 0, 0, 3, dtype=torch.uint8), torch.empty(0, 0, 5)
    longest = max(len(targets) for _, targets in samples)
    padded = np.zeros((len(samples), longest, 5), np.float32)
    for row, (_, targets) in zip(padded, samples, strict=True):
        row[: len(targets)] = targets
    return torch.from_numpy(np.stack([image for image, _ in samples])), torch.from_numpy(padded)


class _Parts(torch.utils.data.Dataset[Batch]):
    """The parts of all steps' batches, in order, as a dataset: a worker makes a whole part."""

    def __init__(self, images: AugmentedImages, plan: BatchPlan) -> None:
        self.images = images
        self.plan = plan

    def __getitem__(self, number: int) -> Batch:
        step, part = divmod(number, self.plan.parts)
        samples = self.plan.samples(step)[part :: self.plan.parts]
        return Batch(*collate([self.images[sample] for sample in samples]), samples)


def loading_processes(setting: int | str, on_cpu: bool, machine: int) -> int:
    """Returns how many processes load images for this one of a machine's `machine` training processes.

    A number is kept, but for more than there are cores; `auto` is its share of the cores but one, up to 14, or up to 4 if training
    runs on the cores too.
    """
    if isinstance(setting, int):
        return min(setting, cores())
    return min(4, cores()) if on_cpu else max(1, min(14, cores() // machine - 1))


def batches(
    images: AugmentedImages,
    plan: BatchPlan,
    start: int,
    workers: int,
    pin: bool,
    prefetch: int = 4,
    waiting: Callable[[float], None] = lambda seconds: None,
) -> Iterator[Batch]:
    """Yields the batches of steps `start` … `plan.steps` - 1, part by part, made ahead by `workers` processes (0: in this one).

    Which of them makes a batch changes nothing in it; each holds up to `prefetch` ready. `waiting` hears every second how long a batch
    has been waited for, and may raise. What reading an image raises passes, from whatever process; ChildProcessError where no batch
    comes in `PATIENCE` seconds.
    """
    loader: DataLoader[Batch] = DataLoader(
        _Parts(images, plan),
        batch_size=None,
        sampler=range(start * plan.parts, plan.steps * plan.parts),
        num_workers=workers,
        pin_memory=pin,
        prefetch_factor=prefetch if workers else None,
        worker_init_fn=_worker if workers else None,
        generator=torch.Generator(),  # else it would draw from, and change, the global one
        timeout=1 if workers else 0,
    )
    coming = iter(loader)
    failure: OSError | ValueError | None = None
    while True:
        try:
            batch = _next(coming, waiting)
        except StopIteration:
            return
        except (OSError, ValueError) as error:
            message = str(error)
            if not message.startswith("Caught "):
                raise
            failure = type(error)(message.strip().splitlines()[-1].split(": ", 1)[-1])  # torch sends a traceback as text
        if failure is not None:
            del coming  # nothing refers to it then, which ends its processes; they would keep this one from ending
            raise failure
        yield batch


def _next(coming: Iterator[Batch], waiting: Callable[[float], None]) -> Batch:
    """Returns the next batch; calls `waiting` between seconds of waiting for it."""
    began = time.monotonic()
    while True:
        try:
            return next(coming)
        except RuntimeError as error:
            if "timed out" not in str(error):
                raise
        seconds = time.monotonic() - began
        waiting(seconds)
        if seconds > PATIENCE:
            raise ChildProcessError(
                f"no batch in {PATIENCE // 60} minutes from the loading processes: look at their messages above (is /dev/shm full? in a "
                "container, docker run --ipc=host) and at the disk; the same command resumes from the last checkpoint"
            )


def _worker(_: int) -> None:
    """Sets up a loading process: one OpenCV thread, memory kept, signals left to the process that trains, with which it ends."""
    cv2.setNumThreads(1)
    keep_freed_memory()
    ignore_signals()
    end_with_parent()
