"""A network that learns: what one step does with a batch, on any device, alone or with other processes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import nullcontext
from inspect import signature
from typing import Any

import torch
from torch import nn

from bytetrack.data.image_set import ImageSet
from bytetrack.detection.device import out_of_memory, release, to_device
from bytetrack.detection.inference import DTYPES, pick_convention, pick_precision
from bytetrack.detection.network import Checkpoint, build_network, load_weights
from bytetrack.detection.preprocess import normalise
from bytetrack.training.bookkeeping import SeenLosses, joined
from bytetrack.training.device_memory import largest_that_fits, parts_that_fit
from bytetrack.training.host_memory import available, kept_for_backward
from bytetrack.training.loader import Batch, BatchPlan
from bytetrack.training.losses import YoloxLoss
from bytetrack.training.optimisation import MovingAverage, frozen_part
from bytetrack.training.processes import ProcessGroup
from bytetrack.training.recipe import Recipe

__all__ = ["Learner"]

log = logging.getLogger(__name__)


class Learner:
    """Network of `shape`, optimizer, moving average and loss of `recipe`, on `device`, for the classes of `images`.

    `step` is the number of steps done, of those that `plan` has; `seen` the losses that nobody has looked at yet.
    """

    def __init__(
        self,
        recipe: Recipe,
        plan: BatchPlan,
        here: ProcessGroup,
        device: torch.device,
        shape: tuple[float, float, bool],
        images: ImageSet,
    ) -> None:
        torch.manual_seed(recipe.seed)
        names = images.names
        self.recipe, self.plan, self.here, self.device = recipe, plan, here, device
        self.precision = pick_precision(recipe.precision, device.type)
        self.network = build_network(*shape, num_classes=len(names))
        self.convention = self._initial_weights()
        self.network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        frozen = frozen_part(self.network, recipe.freeze)
        for module in frozen:
            module.requires_grad_(False)
        self._still = [*frozen, *([self.network] if recipe.optimisation.freeze_batch_norm else [])]
        self.optimizer = recipe.optimisation.build(self.network)
        self.average = MovingAverage(self.network, recipe.optimisation.ema_decay, recipe.optimisation.ema_steps)
        for module in self.network.modules():
            if isinstance(module, nn.SiLU):
                module.inplace = False  # in place, its input would be copied first, for the backward pass
        # fp16 alone needs its gradients scaled.
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.precision == "fp16")
        if recipe.class_weights is not None and len(recipe.class_weights) != len(names):
            raise ValueError(f"class_weights must be one for each of {', '.join(names)}: got {recipe.class_weights}")
        self.loss = YoloxLoss(recipe.assignment, class_weights=recipe.class_weights)
        self.seen = SeenLosses(here, device, images.files, " or bf16" if self.precision == "fp16" else "")
        self.pieces = 1  # in how many pieces a part is trained on, where it turns out too large for the device's memory
        self.step = 0

    def _initial_weights(self) -> str:
        """Loads the weights to start from; returns the input convention to train in."""
        recipe = self.recipe
        if recipe.weights is None:
            return recipe.convention or "bgr255"
        found: Checkpoint = load_weights(self.network, recipe.weights, recipe.weight_classes)
        return pick_convention(recipe.convention, found)

    def _check_memory(self) -> None:
        """Raises MemoryError before the first step if a batch of the largest images does not fit: a machine's memory, or a GPU's."""
        height, width = self.plan.largest()
        if self.device.type == "cuda":
            self._check_device_memory(height, width)
        if self.device.type != "cpu":
            return
        pixels = torch.zeros(1, 3, height, width).contiguous(memory_format=torch.channels_last)
        self.network.eval()  # BatchNorm's statistics stay as they are
        images = self.plan.part_size * self.here.machine
        needed = images * kept_for_backward(lambda: self._logits(self.network, pixels))
        free = available()
        if needed > free:
            fitting = int(0.8 * self.recipe.batch_size * free / needed)  # the rest is for what comes with it
            raise MemoryError(
                f"training on {images} images of {height} x {width} takes {needed / 2**30:.1f} GiB, {free / 2**30:.1f} are "
                f"free: set {f'train.batch_size={fitting}, ' if fitting else ''}a smaller detector.input_size (and train.multiscale, null "
                "for always this size) or a smaller detector; train.accumulate takes the batch in parts"
            )

    def _check_device_memory(self, height: int, width: int) -> None:
        """Runs a forward and backward pass of the largest images, which also has the allocator find its largest blocks first."""
        images = self.plan.part_size
        buffers = [buffer.clone() for buffer in self.network.buffers()]
        fitting = min(self.here.gather(largest_that_fits(lambda n: self._attempt(n, height, width), images, self.device)))
        self.optimizer.zero_grad(set_to_none=True)
        for buffer, before in zip(self.network.buffers(), buffers, strict=True):
            buffer.copy_(before)
        if fitting == images:
            return
        told = f"training on {images} images of {height} x {width} at a time does not fit on {self.device}"
        if not fitting:
            raise MemoryError(f"{told}, nor does one: set a smaller detector.input_size (and train.multiscale) or a smaller detector")
        parts = parts_that_fit(images, fitting) * self.plan.parts
        raise MemoryError(f"{told}: set train.accumulate={parts}, the same batch of {self.recipe.batch_size} in more parts")

    def _attempt(self, images: int, height: int, width: int) -> None:
        """Runs a forward and backward pass of `images` grey images."""
        self.network.train()
        pixels = torch.zeros(images, 3, height, width, device=self.device).contiguous(memory_format=torch.channels_last)
        self.scaler.scale(self._logits(self.network, pixels).float().mean()).backward()  # type: ignore[no-untyped-call]

    def _prepared(self) -> nn.Module:
        """Returns the network as the loop calls it: compiled, if so wished, and joined with the other processes'."""
        model: nn.Module = self.network
        if self.recipe.compile:
            torch._dynamo.config.recompile_limit = 64  # a compilation for each size of multi-scale training
            model = torch.compile(model, dynamic=False)  # type: ignore[assignment]
        if self.here.world > 1:
            model = _distributed(model, self.device)
        self.network.train()
        for still in self._still:
            for module in still.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return model

    def learn(self, model: nn.Module, parts: Sequence[Batch], rate: float) -> torch.Tensor:
        """Takes a step of the optimizer on a batch in its parts; returns the losses, as `Losses`."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        losses = self._gradients(model, parts)
        if self.recipe.optimisation.clip_norm is not None:
            self.scaler.unscale_(self.optimizer)
            self.recipe.optimisation.clip(self.network)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        self.average.update(self.step + 1)
        return losses

    def _gradients(self, model: nn.Module, parts: Sequence[Batch]) -> torch.Tensor:
        """Leaves the gradients of a batch in the parameters; returns its losses. One that does not fit is taken in pieces from then on.

        BatchNorm has then seen the first pieces twice: as much as one step's statistics count.
        """
        while True:
            pieces = [piece for part in parts for piece in part.pieces(self.pieces)]
            try:
                return self._of_pieces(model, pieces)
            except RuntimeError as error:
                if not out_of_memory(error) or self.here.world > 1 or len(pieces[0].samples) == 1:
                    raise
            release(self.device)  # out of the block above, where the error holds what is to be given back
            self.optimizer.zero_grad(set_to_none=True)
            self.seen.forget(self.step)
            self.pieces *= 2
            told = self.plan.parts * self.pieces
            log.warning("out of memory on %s at step %d: continuing as with train.accumulate=%d", self.device, self.step + 1, told)

    def _of_pieces(self, model: nn.Module, pieces: Sequence[Batch]) -> torch.Tensor:
        losses: list[torch.Tensor] = []
        for number, piece in enumerate(pieces, start=1):
            joint = isinstance(model, nn.parallel.DistributedDataParallel)
            with model.no_sync() if joint and number < len(pieces) else nullcontext():  # type: ignore[operator]
                found = self._forward(model, piece)
                self.seen.add(self.step, found, piece.samples)
                losses.append(found.detach())
                if self.device.type == "cpu":
                    self.seen.check()
                share = losses[-1][-1].clamp(min=1) / losses[0][-1].clamp(min=1)  # each piece's sums over the first one's number of cells
                self.scaler.scale(found[0] if number == 1 else found[0] * share).backward()  # type: ignore[no-untyped-call]
        together = joined(losses)
        if len(losses) > 1:
            gradients = [parameter.grad for parameter in self.network.parameters() if parameter.grad is not None]
            torch._foreach_mul_(gradients, losses[0][-1].clamp(min=1) / together[-1].clamp(min=1))
        return together

    def _forward(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        """Returns the losses of a batch in one tensor, as `Losses`."""
        height, width = batch.images.shape[1:3]
        pixels = to_device(batch.images, self.device).permute(0, 3, 1, 2).float()
        pixels = normalise(pixels, self.convention).contiguous(memory_format=torch.channels_last)
        targets = to_device(batch.targets, self.device)
        raw = self._logits(model, pixels)
        l1 = self.recipe.l1_always or not self.plan.augmented(self.step)
        return torch.stack(self.loss(raw, targets, height, width, l1))

    def _logits(self, model: nn.Module, pixels: torch.Tensor) -> torch.Tensor:
        dtype = DTYPES[self.precision]
        with torch.autocast(self.device.type, dtype, enabled=dtype != torch.float32):
            logits: torch.Tensor = model(pixels)
        return logits


def _distributed(model: nn.Module, device: torch.device) -> nn.Module:
    """Returns `model` joined with the other processes'; each BatchNorm has its own statistics, as published, until `save`."""
    wrapper = nn.parallel.DistributedDataParallel
    kept = "forward_sync_buffers" if "forward_sync_buffers" in signature(wrapper).parameters else "broadcast_buffers"  # before torch 2.14
    settings: dict[str, Any] = {kept: False, "gradient_as_bucket_view": True}
    return wrapper(model, [device.index] if device.type == "cuda" else None, **settings)
