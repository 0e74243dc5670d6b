"""SGD as in YOLOX, or AdamW: parameter groups, the learning rate as a function of the step, and the moving average of the weights."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from bytetrack.checks import check_fields, check_not_negative, check_positive, check_real, check_whole

__all__ = ["MovingAverage", "Optimisation", "frozen_part", "start_momentum"]

OPTIMIZERS = ("sgd", "adamw")
SCALINGS = ("linear", "sqrt", "none")


@dataclass(frozen=True, slots=True)
class Optimisation:
    """Configures optimizer, learning rate schedule and moving average. The defaults are the published recipe's.

    The rate rises from 0 with the square of the step over `warmup_epochs`, falls along a cosine to `final_factor` of itself, and stays
    there for the last `floor_epochs`.

    Args:
        optimizer: `sgd` with Nesterov momentum, or `adamw` (Loshchilov and Hutter, 2019), which learns more in few steps from random
            weights, with smaller rates and a larger `weight_decay`.
        learning_rate: Learning rate for a batch of 64 images.
        scaling: Scaling with the batch size: `linear`, `sqrt` or `none`; None: linear for SGD (Goyal et al., 2017), none for AdamW, whose
            step size does not depend on the gradient's size.
        momentum: Momentum of SGD, or AdamW's first beta (the second is 0.999).
        weight_decay: Weight decay of convolution weights; other parameters have none.
        warmup_epochs: Epochs of warm-up.
        final_factor: Final learning rate, relative to the highest.
        floor_epochs: Last epochs at the final rate; None: the epochs without augmentation.
        clip_norm: Maximum norm of the gradients, over all parameters; None: off.
        ema_decay: Decay of the moving average after many steps.
        ema_steps: Time constant with which the decay is reached.
        freeze_batch_norm: Freezes BatchNorm's statistics (scale and shift are still trained), for fine-tuning on few images.
    """

    optimizer: str = "sgd"
    learning_rate: float = 1e-3
    scaling: str | None = None
    momentum: float = 0.9
    weight_decay: float = 5e-4
    warmup_epochs: float = 1.0
    final_factor: float = 0.05
    floor_epochs: int | None = None
    clip_norm: float | None = None
    ema_decay: float = 0.9998
    ema_steps: int = 2000
    freeze_batch_norm: bool = False

    def __post_init__(self) -> None:
        check_fields(self)
        if self.optimizer not in OPTIMIZERS:
            raise ValueError(f"optimizer must be {' or '.join(OPTIMIZERS)}: got {self.optimizer!r}")
        if self.scaling is None:
            object.__setattr__(self, "scaling", "linear" if self.optimizer == "sgd" else "none")
        if self.scaling not in SCALINGS:
            raise ValueError(f"scaling must be {', '.join(SCALINGS)}, or null for what suits the optimizer: got {self.scaling!r}")
        if self.clip_norm is not None:
            check_positive("clip_norm", self.clip_norm)
        check_not_negative(floor_epochs=self.floor_epochs or 0, weight_decay=self.weight_decay, warmup_epochs=self.warmup_epochs)
        check_positive("learning_rate", self.learning_rate)
        for name in ("momentum", "ema_decay"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must lie in [0, 1): got {getattr(self, name)}")
        check_real("final_factor", self.final_factor, 0, 1)
        check_whole("ema_steps", self.ema_steps, 1)

    def build(self, network: nn.Module) -> torch.optim.Optimizer:
        """Builds the optimizer over all trainable parameters; only convolution weights have weight decay."""
        learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
        convolutions = {id(module.weight) for module in network.modules() if isinstance(module, nn.Conv2d)}
        decayed = [parameter for parameter in learning if id(parameter) in convolutions]
        others = [parameter for parameter in learning if id(parameter) not in convolutions]
        groups = [{"params": decayed, "weight_decay": self.weight_decay}, {"params": others, "weight_decay": 0.0}]
        if self.optimizer == "adamw":
            return torch.optim.AdamW(groups, lr=self.learning_rate, betas=(self.momentum, 0.999), fused=True)
        optimizer = torch.optim.SGD(groups, lr=self.learning_rate, momentum=self.momentum, nesterov=self.momentum > 0, fused=True)
        start_momentum(optimizer)
        return optimizer

    def clip(self, network: nn.Module) -> None:
        """Clips the gradients, which must not be scaled, to `clip_norm`."""
        if self.clip_norm is not None:
            nn.utils.clip_grad_norm_(network.parameters(), self.clip_norm)

    def rate(self, step: int, steps_per_epoch: int, epochs: int, tail_epochs: int, batch_size: int) -> float:
        """Returns the learning rate at `step` (from 0) of `epochs`, of which the last `tail_epochs` have no augmentation."""
        share = batch_size / 64
        top = self.learning_rate * {"linear": share, "sqrt": math.sqrt(share)}.get(str(self.scaling), 1.0)
        floor = self.final_factor * top
        warm = self.warmup_epochs * steps_per_epoch
        last = tail_epochs if self.floor_epochs is None else self.floor_epochs
        end = max((epochs - last) * steps_per_epoch, warm + 1)
        if step < warm:
            return top * (step / warm) ** 2 if warm >= 1 else top
        if step >= end:
            return floor
        return floor + 0.5 * (top - floor) * (1 + math.cos(math.pi * (step - warm) / (end - warm)))


def start_momentum(optimizer: torch.optim.Optimizer) -> None:
    """Sets a momentum of zero for each parameter of an SGD optimizer that has none yet.

    The fused step allocates the momentum uninitialised, and leaves it so if the first step is skipped, as fp16's first step usually is: the
    previous content of the memory would then change the weights. The first step from zero equals the gradient, as it does without momentum.
    """
    for group in optimizer.param_groups:
        for parameter in group["params"] if group.get("momentum") else ():
            optimizer.state[parameter].setdefault("momentum_buffer", torch.zeros_like(parameter))


def frozen_part(network: nn.Module, freeze: str | None) -> list[nn.Module]:
    """Returns the modules that `freeze` names: `stem` (with the first stage) or `backbone`; none for None."""
    if freeze is None:
        return []
    darknet: Any = network.backbone.backbone  # type: ignore[union-attr]
    return [darknet] if freeze == "backbone" else [darknet.stem, darknet.dark2]


class MovingAverage:
    """`network`, an evaluation-mode copy whose weights and statistics follow those of the network that it was made of with decay
    `decay` (1 - exp(-n / `steps`)) after its n-th step.

    torch's `AveragedModel` gathers its tensors anew at each update, and asks the device for its count of updates, for which the host waits.
    """

    def __init__(self, network: nn.Module, decay: float, steps: int) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay = decay
        self.steps = steps
        # Loading and training change tensors in place, so these lists stay good; gathering them takes as long as ten updates.
        self._means, self._values, self._counts, self._counted = [], [], [], []  # type: ignore[var-annotated]
        for mean, value in zip(_tensors(self.network), _tensors(network), strict=True):
            floating = mean.dtype.is_floating_point
            (self._means if floating else self._counts).append(mean)
            (self._values if floating else self._counted).append(value)

    @torch.no_grad()
    def update(self, n: int) -> None:
        """Updates the average with the network's weights after its `n`-th step, from 1."""
        share = 1 - self.decay * (1 - math.exp(-n / self.steps))
        torch._foreach_lerp_(self._means, self._values, share)
        if self._counts:
            torch._foreach_copy_(self._counts, self._counted)


def _tensors(network: nn.Module) -> list[torch.Tensor]:
    return [*network.parameters(), *network.buffers()]
