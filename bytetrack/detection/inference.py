"""Runs a YOLOX: loaded, fused, on its device, in its precision."""

from __future__ import annotations

import logging
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from bytetrack.boxes import letterbox_ratio
from bytetrack.detection.classes import choose
from bytetrack.detection.device import on_stream, out_of_memory, pick_device, release, use_threads
from bytetrack.detection.grid import anchors
from bytetrack.detection.network import Checkpoint, LayeredNetwork, Network, build_network, load_weights, read_checkpoint
from bytetrack.detection.postprocess import describe_by_torch, select
from bytetrack.detection.preprocess import guess_convention, letterbox_batch, normalise, scale_frames, send_frames
from bytetrack.detection.settings import YoloxSettings
from bytetrack.detection.stream import overlapped
from bytetrack.errors import first_line
from bytetrack.interfaces import Image
from bytetrack.structures import DescribedDetections, Detections

__all__ = ["Inference", "fuse", "pick_convention", "pick_precision", "prepared_network", "without_tf32"]

log = logging.getLogger(__name__)

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


class Inference:
    """Calls the YOLOX in the file `weights` on batches of images; `settings.precision` is fp32, fp16 or bf16."""

    def __init__(self, settings: YoloxSettings, weights: Path) -> None:
        self.device = pick_device(settings.device)
        self.dtype, self.described = DTYPES[settings.precision], settings.described
        if settings.compile == "graphs" and not self.device.startswith("cuda"):
            raise ValueError(f"detector.compile=graphs needs a CUDA GPU, this is {self.device}: choose true or false")
        if self.dtype == torch.float16 and self.device == "cpu":
            raise ValueError("precision fp16 needs a GPU: choose bf16 or fp32 on the CPU")
        if self.described and settings.compile:
            raise ValueError("embedder=detector reads layers that a compiled network does not show: set detector.compile=false")
        self.most = sys.maxsize  # images at a time that the device's memory holds, as far as is known
        self.side_by_side = self.device.startswith("cuda")  # on a CPU the stages would only take the cores from each other
        self.sending, self.selecting = (torch.cuda.Stream(self.device) if self.side_by_side else None for _ in range(2))  # type: ignore[no-untyped-call]
        checkpoint = read_checkpoint(weights)
        self.size, self.threads = settings.input_size or checkpoint.usual_size, settings.threads
        self.convention = _convention(settings, checkpoint)
        _warn_of_another_size(self.size, checkpoint)
        source, num_classes = str(weights), checkpoint.num_classes
        class_ids = choose(settings.classes, num_classes, checkpoint.class_names, source)
        self.postprocess = settings.postprocess(num_classes, class_ids, source)
        network = build_network(*settings.size, num_classes)
        load_weights(network, checkpoint)
        whole = prepared_network(network, self.dtype).to(self.device).to(memory_format=torch.channels_last)
        self.network: nn.Module = whole
        if settings.compile:
            self.network = Compiled(whole, settings.compile, settings.batch_size)
        elif self.described:
            self.network = LayeredNetwork(whole, self.described.layers)
        self.grid, self.stride = anchors(*self.size, device=self.device)
        told = (checkpoint.size_name, num_classes, self.convention, settings.precision, self.device)
        log.info("%s: YOLOX %s, %d classes, %s, %s, %s", weights, *told)

    def batches(self, groups: Iterable[Sequence[Image]]) -> Iterator[list[Detections]]:
        """Yields the detections of each group's images, in order; on CUDA one group is sent while the network runs on the one before and
        the detections of the one before that are collected. If its memory does not hold so much, groups go one by one, halved if need be.
        """
        coming, begun = iter(groups), deque[Sequence[Image]]()

        def start(images: Sequence[Image]) -> Underway:
            begun.append(images)
            return self.prepare(images)

        if self.side_by_side:
            try:
                for found in overlapped(coming, start, self.launch, self.collect):
                    begun.popleft()
                    yield found
            except torch.OutOfMemoryError:
                self.side_by_side = False
                log.warning("out of memory on %s: continuing with one batch at a time instead of three", self.device)
        for images in chain(begun, coming):
            yield self.in_batches(images, len(images))

    def in_batches(self, images: Sequence[Image], size: int) -> list[Detections]:
        """Returns detections of each image, `size` at a time; half as many from there on if the device's memory does not hold them.

        MemoryError if it does not hold one.
        """
        found: list[Detections] = []
        while len(found) < len(images):
            at_once = min(size, self.most)
            try:
                found += self(images[len(found) : len(found) + at_once])
                continue
            except RuntimeError as error:
                if not out_of_memory(error):  # the memory is free only outside of this block
                    raise
            if at_once == 1:
                height, width = self.size
                raise MemoryError(f"out of memory on {self.device} with one image of {height} x {width}: set a smaller detector.input_size")
            self.most = at_once // 2
            release(torch.device(self.device))
            log.warning("out of memory on %s: continuing with detector.batch_size=%d instead of %d", self.device, self.most, at_once)
        return found

    def __call__(self, images: Sequence[Image]) -> list[Detections]:
        return self.collect(self.launch(self.prepare(images)))

    @torch.inference_mode()
    def prepare(self, images: Sequence[Image]) -> Underway:
        """Returns the images as the network's input on a CPU; elsewhere as they are, on their way to the device."""
        use_threads(self.threads)
        ratios = [letterbox_ratio(image.shape, self.size) for image in images]
        if self.device == "cpu":
            return Underway([normalise(letterbox_batch(images, self.size), self.convention).to(self.dtype)], ratios)
        with on_stream(self.sending):
            return Underway(send_frames(images, self.device), ratios, self._mark())

    @torch.inference_mode()
    def launch(self, prepared: Underway) -> Underway:
        """Returns the network's output; on a GPU it is queued, not computed, on return."""
        frames = prepared.received()
        batch = frames[0] if self.device == "cpu" else scale_frames(frames, self.size, self.convention, self.dtype)
        with without_tf32():
            output = self.network(batch)
            return Underway([output] if self.described is None else list(output), prepared.ratios, self._mark())

    @torch.inference_mode()
    def collect(self, launched: Underway) -> list[Detections]:
        """Returns the detections once the output is there: on a GPU by its own stream, past later launches."""
        with on_stream(self.selecting):
            output, *layers = launched.received()
            found = select(output, self.grid, self.stride, launched.ratios, self.postprocess)
            if self.described is None:
                return found
            boxes = [detections.xyxy * ratio for detections, ratio in zip(found, launched.ratios, strict=True)]
            features = describe_by_torch(dict(zip(self.described.layers, layers, strict=True)), boxes, self.described.rows)
            return [DescribedDetections(detections, own) for detections, own in zip(found, features, strict=True)]

    def _mark(self) -> torch.cuda.Event | None:
        return torch.cuda.current_stream(self.device).record_event() if self.sending else None


class Underway(NamedTuple):
    """Tensors of a batch, once the device is past `mark` (None: now), and the letterbox ratio of each image."""

    tensors: list[Tensor]
    ratios: list[float]
    mark: torch.cuda.Event | None = None

    def received(self) -> list[Tensor]:
        """Returns the tensors, for the current stream, which waits for them; the host does not."""
        if self.mark is not None:
            current = torch.cuda.current_stream(self.tensors[0].device)
            current.wait_event(self.mark)
            for tensor in self.tensors:
                tensor.record_stream(current)
        return self.tensors


@contextmanager
def without_tf32() -> Iterator[None]:
    """Keeps convolutions of float32 numbers float32 on CUDA; by default torch lets them be TF32 (10 bits of fraction in place of 23)."""
    allowed = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = allowed


def pick_precision(name: str, device: str) -> str:
    """Returns the precision for training `name`, or for `auto` on a kind of device: fp16 on CUDA, bf16 on a CPU with such
    instructions (AVX512-BF16 or AMX), else fp32 (on MPS too, where neither was measured)."""
    if name != "auto":
        return name
    if device.startswith("cuda"):
        return "fp16"
    return "bf16" if device == "cpu" and _cpu_multiplies_bf16() else "fp32"


def _cpu_multiplies_bf16() -> bool:
    asked = (getattr(torch.cpu, name, lambda: False) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return any(bool(ask()) for ask in asked)


def _convention(settings: YoloxSettings, checkpoint: Checkpoint) -> str:
    """Returns the input convention to use; a warning if the setting contradicts the checkpoint."""
    if checkpoint.convention is None or settings.convention in (None, checkpoint.convention):
        return pick_convention(settings.convention, checkpoint)
    told = (checkpoint.path, checkpoint.convention, settings.convention)
    log.warning("%s was trained with convention %s, detector.convention is %s: expect poor boxes", *told)
    return str(settings.convention)


def _warn_of_another_size(size: tuple[int, int], checkpoint: Checkpoint) -> None:
    """Logs a warning if `size` is not the input size that the checkpoint was trained at."""
    if checkpoint.input_size not in (None, size):
        (own_height, own_width), (height, width) = checkpoint.input_size, size
        log.warning(
            "%s was trained at %d x %d, detector.input_size is %d x %d: use detector.input_size=[%d,%d]",
            checkpoint.path, own_height, own_width, height, width, own_height, own_width,
        )  # fmt: skip


def pick_convention(setting: str | None, checkpoint: Checkpoint) -> str:
    """Returns the input convention to use: the setting, which must not contradict what the weights state or show.

    ValueError where a file that names its convention is given another; a warning where only its statistics say otherwise.
    """
    if checkpoint.convention is not None:
        if setting not in (None, checkpoint.convention):
            raise ValueError(f"{checkpoint.path}: was trained with convention {checkpoint.convention}, detector.convention is {setting}")
        return checkpoint.convention
    shown = guess_convention(checkpoint.model)
    if setting is not None and shown not in (None, setting):
        log.warning("%s: its statistics look like %s, detector.convention is %s: expect poor boxes", checkpoint.path, shown, setting)
    return setting or shown or "bgr255"


def prepared_network(network: Network, dtype: torch.dtype) -> Network:
    """Prepares `network` for inference: folds BatchNorm into the convolutions; body in `dtype`, last layers (logits) in float32."""
    body: Any = fuse(network.eval()).to(dtype).backbone.backbone
    body.dark5[1] = PoolingPyramid(body.dark5[1])
    head: Any = network.head
    for layer in (*head.cls_preds, *head.reg_preds, *head.obj_preds):
        layer.float()
        layer.register_forward_pre_hook(_in_float32)
    return network


class Compiled(nn.Module):
    """Has torch compile a network for full batches of `size`; smaller ones are filled with their last image, which is cut off again.

    `how` is True, or `graphs`: then calls are replayed as one CUDA graph, whose output is copied out of the graph's own memory.
    """

    def __init__(self, network: Network, how: bool | str, size: int) -> None:
        super().__init__()
        self.graphs, self.size = how == "graphs", size
        self.run = torch.compile(network, dynamic=False, mode="reduce-overhead" if self.graphs else "default")

    def forward(self, images: Tensor) -> Tensor:
        """Returns the network's output. ValueError if torch cannot compile it here."""
        from torch._dynamo.exc import TorchDynamoException

        count = len(images)
        if count < self.size:
            images = torch.cat([images, images[-1:].expand(self.size - count, -1, -1, -1)]).contiguous(memory_format=torch.channels_last)
        try:
            logits: Tensor = self.run(images)
        except TorchDynamoException as error:
            raise ValueError(f"torch cannot compile the network here ({first_line(error)}): set detector.compile=false") from error
        return (logits.clone() if self.graphs else logits)[:count]


class PoolingPyramid(nn.Module):
    """YOLOX's spatial pyramid with its maxima over 5, 9 and 13 pixels as one, two and three pools of 5: equal, and cheaper."""

    def __init__(self, pyramid: Any) -> None:
        super().__init__()
        self.conv1, self.conv2, self.pool = pyramid.conv1, pyramid.conv2, pyramid.m[0]

    def forward(self, features: Tensor) -> Tensor:
        levels = [self.conv1(features)]
        for _ in range(3):
            levels.append(self.pool(levels[-1]))
        return cast("Tensor", self.conv2(torch.cat(levels, dim=1)))


def _in_float32(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(x.float() for x in inputs)


def fuse(network: Network) -> Network:
    """Folds every BatchNorm of an evaluation-mode `network` into the convolution before it, in place; the function stays the same."""
    for module in list(network.modules()):
        if isinstance(getattr(module, "bn", None), nn.BatchNorm2d):
            block: Any = module
            block.conv, block.bn = fuse_conv_bn_eval(block.conv, block.bn), nn.Identity()
    return network
