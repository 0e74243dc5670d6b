"""Turns images into a network's input: a fit (letterbox: top left, padded with 114), then an input convention (see `settings`)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from bytetrack.boxes import letterbox_ratio
from bytetrack.checks import check_choice
from bytetrack.detection.settings import CONVENTIONS, Convention
from bytetrack.interfaces import Image
from bytetrack.structures import PAD

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = [
    "HALF",
    "Placement",
    "check_image",
    "fitted_size",
    "guess_convention",
    "letterbox",
    "letterbox_batch",
    "network_input",
    "normalise",
    "place",
    "scale_frames",
    "scaled_size",
    "send_frames",
]

HALF = 0.501
"""Added before rounding down after torch or ONNX Runtime scaled: float32 leaves exact halves, usual here, a little less or more."""


def check_image(image: npt.NDArray[np.generic]) -> None:
    """Raises ValueError unless `image` is uint8 of shape (H, W, 3)."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(f"images must be uint8 arrays (H, W, 3) in BGR order: got {image.dtype} {image.shape}")


class Placement(NamedTuple):
    """The place of an image in a network's input: input pixel = image pixel * scale + offset, in x and in y."""

    x_scale: float
    y_scale: float
    left: int = 0
    top: int = 0

    def to_image(self, xyxy: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.floating[Any]]:
        """Returns boxes (n, 4) of input pixels in pixels of the image, not clipped."""
        if self.x_scale == self.y_scale and not (self.left or self.top):
            return np.asarray(xyxy / self.x_scale)
        offset, scale = (self.left, self.top) * 2, (self.x_scale, self.y_scale) * 2
        return np.asarray((xyxy.astype(np.float64) - offset) / scale)

    def to_input(self, xyxy: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.floating[Any]]:
        """Returns boxes (n, 4) of the image in input pixels."""
        return np.asarray(xyxy * ((self.x_scale, self.y_scale) * 2) + ((self.left, self.top) * 2))


def place(shape: tuple[int, ...], size: tuple[int, int], fit: str = "letterbox") -> Placement:
    """Returns the place of an image of `shape` (H, W, …) in an input of `size` (height, width), by a way of `FITS`.

    >>> place((100, 200), (64, 64), "letterbox_centre")
    Placement(x_scale=0.32, y_scale=0.32, left=0, top=16)
    """
    if fit == "stretch":
        return Placement(size[1] / shape[1], size[0] / shape[0])
    ratio = letterbox_ratio(shape, size)
    if fit != "letterbox_centre":
        return Placement(ratio, ratio)
    height, width = fitted_size(shape, size, fit)
    return Placement(ratio, ratio, (size[1] - width) // 2, (size[0] - height) // 2)


def fitted_size(shape: tuple[int, ...], size: tuple[int, int], fit: str) -> tuple[int, int]:
    """Returns height and width of an image of `shape` (H, W, …) within an input of `size`."""
    if fit == "letterbox":
        return scaled_size(shape, size)
    if fit == "letterbox_centre":
        ratio = letterbox_ratio(shape, size)
        return max(round(shape[0] * ratio), 1), max(round(shape[1] * ratio), 1)
    return size


def scaled_size(shape: tuple[int, ...], size: tuple[int, int]) -> tuple[int, int]:
    """Returns height and width of an image of `shape` (H, W, …) within an input of `size`."""
    ratio = letterbox_ratio(shape, size)
    return max(int(shape[0] * ratio), 1), max(int(shape[1] * ratio), 1)


def letterbox(image: Image, size: tuple[int, int], out: Image | None = None) -> Image:
    """Scales `image` (H, W, 3) by OpenCV into the top left of `size` (height, width), the rest `PAD`; into `out` if given."""
    check_image(image)
    canvas = np.empty((*size, 3), dtype=np.uint8) if out is None else out
    height, width = scaled_size(image.shape, size)
    canvas[height:], canvas[:height, width:] = PAD, PAD
    if (height, width) == image.shape[:2]:
        canvas[:height, :width] = image
    else:
        canvas[:height, :width] = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    return canvas


def network_input(
    images: Sequence[Image],
    size: tuple[int, int],
    convention: str,
    out: npt.NDArray[np.floating[Any]] | None = None,
    fit: str = "letterbox",
) -> npt.NDArray[np.floating[Any]]:
    """Returns the input of a network of `convention` for `images`: (B, 3, height, width), float32 or written into `out`.

    `fit` is one of `FITS`; by letterbox, equal to `normalise(letterbox_batch(...))`, without torch. ValueError for an unknown
    `convention`.
    """
    rule = _rule(convention)
    batch = np.empty((len(images), 3, *size), dtype=np.float32) if out is None else out
    for image, planes in zip(images, batch, strict=True):
        check_image(image)
        (height, width), (_, _, left, top) = fitted_size(image.shape, size, fit), place(image.shape, size, fit)
        bottom, right = top + height, left + width
        if (height, width) != image.shape[:2]:
            image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
        channels = cv2.split(image)
        for channel, plane in enumerate(planes):
            scale, shift = np.float32(rule.scale[channel]), np.float32(rule.shift[channel])
            pixels = channels[2 - channel if rule.rgb else channel]
            grey = PAD * scale + shift
            plane[:top], plane[bottom:], plane[top:bottom, :left], plane[top:bottom, right:] = grey, grey, grey, grey
            plane[top:bottom, left:right] = pixels if rule.is_identity else pixels * scale + shift
    return batch


def letterbox_batch(images: Sequence[Image], size: tuple[int, int], device: str = "cpu") -> Tensor:
    """Letterboxes `images` to float32 (B, 3, height, width) on `device`, BGR 0 … 255 in whole numbers, channels last in memory.

    On the CPU OpenCV scales, elsewhere torch: uint8 frames travel, and the result is OpenCV's to one grey level.
    """
    import torch

    if torch.device(device).type != "cpu":
        return scale_frames(send_frames(images, device), size)
    canvas = np.empty((len(images), *size, 3), dtype=np.uint8)
    for image, out in zip(images, canvas, strict=True):
        letterbox(image, size, out)
    return torch.from_numpy(canvas).permute(0, 3, 1, 2).float()


def send_frames(images: Sequence[Image], device: str) -> list[Tensor]:
    """Sends `images` to `device` as uint8 (n, H, W, 3) for each run of one shape; to CUDA from pinned memory, under way on return."""
    import torch

    from bytetrack.detection.device import to_device

    for image in images:
        check_image(image)
    frames = []
    for shape, run in groupby(images, key=lambda image: image.shape):
        same = list(run)
        buffer = torch.empty((len(same), *shape), dtype=torch.uint8, pin_memory=device.startswith("cuda"))
        np.stack(same, out=buffer.numpy())
        frames.append(to_device(buffer, device))  # torch keeps a pinned buffer, for the next batch, until it has been read
    return frames


def scale_frames(frames: Sequence[Tensor], size: tuple[int, int], convention: str = "bgr255", dtype: torch.dtype | None = None) -> Tensor:
    """Returns a network's input (B, 3, height, width) of `send_frames`, on their device: letterboxed, normalised, `dtype` (None: float32).

    Scaled as `cv2.resize(..., INTER_LINEAR)` does: no antialias, half pixel centres, halves rounded up. Nothing in it waits for the device.
    """
    import torch

    rule, device = _rule(convention), frames[0].device
    scale, shift = _constants(convention, device, torch.float32)
    batch = torch.empty((sum(map(len, frames)), *size, 3), dtype=dtype, device=device).permute(0, 3, 1, 2)
    for rows, run in zip(torch.split(batch, [len(run) for run in frames]), frames, strict=True):
        pixels, (height, width) = run.permute(0, 3, 1, 2).float(), scaled_size(run.shape[1:], size)
        if (height, width) != run.shape[1:3]:
            pixels = torch.nn.functional.interpolate(pixels, size=(height, width), mode="bilinear", align_corners=False).add_(HALF).floor_()
        if rule.rgb:
            pixels = pixels.flip(1)
        rows[:, :, :height, :width] = pixels if rule.is_identity else torch.addcmul(shift, pixels, scale)
        rows[:, :, height:] = rows[:, :, :height, width:] = scale * PAD + shift
    return batch


def normalise(batch: Tensor, convention: str) -> Tensor:
    """Returns the network's input (B, 3, H, W) of BGR pixels 0 … 255 (B, 3, H, W). ValueError for an unknown `convention`."""
    rule = _rule(convention)
    if rule.is_identity:
        return batch
    if rule.rgb:
        batch = batch.flip(1)
    scale, shift = _constants(convention, batch.device, batch.dtype)
    return batch * scale + shift


@lru_cache(maxsize=16)
def _constants(convention: str, device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Makes scale and shift (3, 1, 1) of a convention once: a number on its way to a device makes the host wait."""
    import torch

    with torch.inference_mode(False):  # training uses them too
        scale, shift = (torch.tensor(values, device=device, dtype=dtype)[:, None, None] for values in _rule(convention)[1:])
    return scale, shift


def _rule(convention: str) -> Convention:
    check_choice("convention", convention, tuple(CONVENTIONS))
    return CONVENTIONS[convention]


def guess_convention(model: dict[str, Tensor]) -> str | None:
    """Returns the convention of the pixels that YOLOX weights were trained on; None if their first BatchNorm has no statistics of its own.

    A stem channel's standard deviation, divided by the norm of its kernel, is near that of the pixels it was trained on: about 60
    for 0 … 255 (median over channels of the COCO weights: 62), 57 times less in ImageNet's units. The line is their geometric middle.
    """
    weight, variance = model["backbone.backbone.stem.conv.conv.weight"].double(), model.get("backbone.backbone.stem.conv.bn.running_var")
    if variance is None or bool((variance == 1).all()):
        return None
    input_std = (variance.double().sqrt() / weight.flatten(1).norm(dim=1).clamp(min=1e-9)).median()
    return "bgr255" if float(input_std) > 8.0 else "rgb_imagenet"
