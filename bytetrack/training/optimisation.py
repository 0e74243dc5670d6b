"""SGD as YOLOX has it, or AdamW: parameter groups, learning rate as a function of the step, and the moving average of the weights."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import torch
from torch import nn

__all__ = ["MovingAverage", "Optimisation"]

OPTIMIZERS = ("sgd", "adamw")


@dataclass(frozen=True, slots=True)
class Optimisation:
    """How weights move. The defaults are the published recipe.

    `optimizer`: `sgd` with Nesterov's momentum, or `adamw` (Loshchilov and Hutter, 2019; `momentum` is its first beta, the second 0.999),
    which learns more in few steps from nothing, at smaller rates and with a larger `weight_decay`. `learning_rate` is that of a batch of
    64 images and scales with the batch. It rises as the square of the step over `warmup_epochs`, falls along a cosine to `final_factor`
    of itself and stays there for the epochs without augmentation. `weight_decay` acts on convolution weights only. `ema_decay` is the
    moving average's after many steps, reached with time constant `ema_steps`. `freeze_batch_norm` keeps BatchNorm's statistics (its
    scale and shift still learn), for fine-tuning on few images.
    """

    optimizer: str = "sgd"
    learning_rate: float = 1e-3
    momentum: float = 0.9
    weight_decay: float = 5e-4
    warmup_epochs: float = 1.0
    final_factor: float = 0.05
    ema_decay: float = 0.9998
    ema_steps: int = 2000
    freeze_batch_norm: bool = False

    def __post_init__(self) -> None:
        if self.optimizer not in OPTIMIZERS:
            raise ValueError(f"optimizer must be {' or '.join(OPTIMIZERS)}: got {self.optimizer!r}")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate must be positive: got {self.learning_rate}")
        for name in ("momentum", "ema_decay"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must lie in [0, 1): got {getattr(self, name)}")
        if not 0 <= self.final_factor <= 1:
            raise ValueError(f"final_factor must lie in [0, 1]: got {self.final_factor}")
        if self.weight_decay < 0 or self.warmup_epochs < 0 or self.ema_steps < 1:
            raise ValueError(
                "weight_decay and warmup_epochs must not be negative, ema_steps at least 1: "
                f"got {self.weight_decay}, {self.warmup_epochs}, {self.ema_steps}"
            )

    def build(self, network: nn.Module) -> torch.optim.Optimizer:
        """The optimizer over all parameters; weight decay on weights of convolutions alone."""
        decayed = [module.weight for module in network.modules() if isinstance(module, nn.Conv2d)]
        chosen = {id(weight) for weight in decayed}
        others = [parameter for parameter in network.parameters() if id(parameter) not in chosen]
        groups = [{"params": decayed, "weight_decay": self.weight_decay}, {"params": others, "weight_decay": 0.0}]
        if self.optimizer == "adamw":
            return torch.optim.AdamW(groups, lr=self.learning_rate, betas=(self.momentum, 0.999), fused=True)
        return torch.optim.SGD(groups, lr=self.learning_rate, momentum=self.momentum, nesterov=self.momentum > 0, fused=True)

    def rate(self, step: int, steps_per_epoch: int, epochs: int, tail_epochs: int, batch_size: int) -> float:
        """The learning rate at `step` (from 0) of `epochs`, the last `tail_epochs` of which are without augmentation."""
        top = self.learning_rate * batch_size / 64
        floor = self.final_factor * top
        warm = self.warmup_epochs * steps_per_epoch
        end = max((epochs - tail_epochs) * steps_per_epoch, warm + 1)
        if step < warm:
            return top * ((step + 1) / warm) ** 2 if warm >= 1 else top
        if step >= end:
            return floor
        return floor + 0.5 * (top - floor) * (1 + math.cos(math.pi * (step - warm) / (end - warm)))


class MovingAverage:
    """`network`, an evaluation-mode copy whose weights and statistics follow the trained network's with decay
    `decay` (1 - exp(-n / `steps`)) at the n-th update."""

    def __init__(self, network: nn.Module, decay: float, steps: int) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay = decay
        self.steps = steps
        self.updates = 0

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Takes one more step of `network` into account."""
        self.updates += 1
        share = 1 - self.decay * (1 - math.exp(-self.updates / self.steps))
        means, values = self.network.state_dict().values(), network.state_dict().values()
        floating = [(mean, value) for mean, value in zip(means, values, strict=True) if mean.dtype.is_floating_point]
        torch._foreach_lerp_([mean for mean, _ in floating], [value for _, value in floating], share)
        for mean, value in zip(means, values, strict=True):
            if not mean.dtype.is_floating_point:
                mean.copy_(value)
