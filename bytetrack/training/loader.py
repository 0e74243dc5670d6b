"""Batches of augmented images: which images, in which size, is a function of the step, so that training resumes anywhere."""

from __future__ import annotations

import logging
import signal
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

from bytetrack.data.augment import AugmentedImages, Sample, generator
from bytetrack.data.coco import ImageSet, load_coco, mix
from bytetrack.detection.preprocess import letterbox_ratio
from bytetrack.executors.plan import cores
from bytetrack.video.read import read_image

__all__ = ["Batch", "Plan", "StoredImages", "batches", "labelled"]

log = logging.getLogger("bytetrack")
Image = npt.NDArray[np.uint8]


def labelled(entries: Sequence[Mapping[str, Any]], setting: str) -> ImageSet:
    """Loads and joins the COCO files that `setting` lists; ValueError unless some box counts, a warning for a class without boxes."""
    images = mix([load_coco(**entry) for entry in entries])
    boxes = np.bincount(images.category[~images.crowd], minlength=len(images.names))
    if not boxes.any():
        files = ", ".join(str(entry["path"]) for entry in entries)
        advice = "train.val=[] trains without evaluation" if setting == "train.val" else "there is nothing to learn from"
        raise ValueError(f"{setting}: no box in {len(images)} images of {files} (classes {', '.join(images.names)}): {advice}")
    if without := [name for name, count in zip(images.names, boxes.tolist(), strict=True) if not count]:
        log.warning("%s: no box of %s: the figures are those of the other classes", setting, ", ".join(without))
    return images


@dataclass(frozen=True, slots=True)
class Batch:
    """`images` uint8 (B, H, W, 3) BGR, `targets` float32 (B, G, 5) (class, centre, size; zero rows are padding), `samples` their origin."""

    images: Tensor
    targets: Tensor
    samples: list[Sample]

    def pin_memory(self) -> Batch:
        return Batch(self.images.pin_memory(), self.targets.pin_memory(), self.samples)


@dataclass(frozen=True, slots=True)
class Plan:
    """Which samples make the batch of a step: everything here depends on `seed` and the step alone.

    Of each `batch_size` images of a step, process `rank` of `world` takes every `world`-th. Every `interval` steps one of the sizes
    `multiscale` (lowest, highest height in units of 32 pixels, the width in proportion) is drawn, None for `height` x `width` always.
    The last `tail_epochs` of `epochs` are without mosaic.
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

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches in an epoch; a dataset smaller than a batch is repeated within it."""
        return max(self.images // self.batch_size, 1)

    @property
    def steps(self) -> int:
        return self.epochs * self.steps_per_epoch

    def augmented(self, step: int) -> bool:
        """Whether images of this step are mosaics; the epochs that follow have the L1 loss."""
        return step < (self.epochs - self.tail_epochs) * self.steps_per_epoch

    def size(self, step: int) -> tuple[int, int]:
        """Height and width of the images of this step."""
        if self.multiscale is None or step < self.interval:
            return self.height, self.width
        units = int(generator(self.seed, 1, step // self.interval).integers(self.multiscale[0], self.multiscale[1] + 1))
        return self._of(units)

    def _of(self, units: int) -> tuple[int, int]:
        return 32 * units, 32 * int(units * self.width / self.height)

    def largest(self) -> tuple[int, int]:
        """Height and width of the largest images of any step."""
        own = self.height, self.width
        return own if self.multiscale is None else max(own, self._of(self.multiscale[1]))

    def order(self, epoch: int) -> npt.NDArray[np.int64]:
        """The images of an epoch, shuffled, as many as its batches take."""
        order = generator(self.seed, 2, epoch).permutation(self.images)
        return np.resize(order, self.steps_per_epoch * self.batch_size)

    def samples(self, step: int) -> list[Sample]:
        """What this process trains on at `step`."""
        epoch, within = divmod(step, self.steps_per_epoch)
        chosen = self.order(epoch)[within * self.batch_size : (within + 1) * self.batch_size][self.rank :: self.world]
        return [Sample(epoch, int(image), *self.size(step), self.augmented(step)) for image in chosen]


class StoredImages:
    """Letterboxed copies of a dataset's images in one file, made at first use and shared by all processes.

    The file lies in `folder` and is opened again by a later run over the same images at the same size.
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
        self.pixels = _mapped(folder / f"pixels_{height}x{width}.bin", int(self.starts[-1]))
        self.done = _mapped(folder / f"done_{height}x{width}.bin", len(images))

    def __reduce__(self) -> tuple[type[StoredImages], tuple[Path, ImageSet, int, int]]:
        """In another process the files are opened again."""
        return StoredImages, self._made_by

    def fill(self, each: Callable[[int], None] = lambda done: None) -> None:
        """Stores every image that is not yet there, in order, which is how a video is read fastest; `each` hears how many are done."""
        for index in np.flatnonzero(self.done == 0).tolist():
            self(index)
            each(index + 1)

    def __call__(self, index: int) -> Image:
        """Image `index`, at the size that fits the letterbox (never enlarged)."""
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
    """Images in one tensor, targets padded with zero rows to the longest."""
    longest = max(len(targets) for _, targets in samples)
    padded = np.zeros((len(samples), longest, 5), np.float32)
    for row, (_, targets) in zip(padded, samples, strict=True):
        row[: len(targets)] = targets
    return torch.from_numpy(np.stack([image for image, _ in samples])), torch.from_numpy(padded)


class _Batches(torch.utils.data.Dataset[Batch]):
    """The batch of a step, as a dataset: a worker makes a whole batch."""

    def __init__(self, images: AugmentedImages, plan: Plan) -> None:
        self.images = images
        self.plan = plan

    def __getitem__(self, step: int) -> Batch:
        samples = self.plan.samples(step)
        return Batch(*collate([self.images[sample] for sample in samples]), samples)


def batches(images: AugmentedImages, plan: Plan, start: int, workers: int, pin: bool) -> Iterator[Batch]:
    """The batches of steps `start` … `plan.steps` - 1, made ahead by `workers` processes (0: in this one, when asked for).

    Not more than there are cores; which of them makes a batch changes nothing in it.
    What reading an image raises passes, from whatever process.
    """
    workers = min(workers, cores())
    loader: DataLoader[Batch] = DataLoader(
        _Batches(images, plan),
        batch_size=None,
        sampler=range(start, plan.steps),
        num_workers=workers,
        pin_memory=pin,
        prefetch_factor=4 if workers else None,
        worker_init_fn=_worker if workers else None,
        generator=torch.Generator(),  # else it would draw from, and change, the global one
    )
    coming = iter(loader)
    failure: OSError | ValueError | None = None
    while True:
        try:
            batch = next(coming)
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


def _worker(_: int) -> None:
    """In a loading process: one thread of OpenCV's, and signals are for the process that trains (whose end it notices)."""
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
