"""Learning rate, parameter groups and the moving average."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
import torch

from bytetrack.detection.network import build_network
from bytetrack.training.optimisation import MovingAverage, Optimisation

PAPER = Optimisation()


def rate(step: int, settings: Optimisation = PAPER, batch: int = 48) -> float:
    return settings.rate(step, steps_per_epoch=100, epochs=80, tail_epochs=10, batch_size=batch)


def test_the_published_schedule_at_its_landmarks() -> None:
    top = 0.001 / 64 * 48
    assert rate(0) == 0
    assert rate(50) == pytest.approx(top / 4)  # half way up a square
    assert rate(99) == pytest.approx(top * 0.99**2)
    assert rate(100) == pytest.approx(top)
    middle = (100 + 7000) // 2
    assert rate(middle) == pytest.approx((top + 0.05 * top) / 2)
    assert rate(7000) == rate(7999) == pytest.approx(0.05 * top)


def test_the_rate_falls_steadily_between_warm_up_and_tail() -> None:
    rates = [rate(step) for step in range(100, 7001)]
    assert all(a >= b for a, b in pairwise(rates))
    assert rate(300, batch=96) == pytest.approx(2 * rate(300))


def test_without_warm_up_the_first_step_has_the_full_rate() -> None:
    assert rate(0, Optimisation(warmup_epochs=0), 64) == pytest.approx(1e-3)


def test_weight_decay_acts_on_convolution_weights_only() -> None:
    network = build_network(0.33, 0.0625, True)
    optimizer = PAPER.build(network)
    decayed, others = optimizer.param_groups
    assert (decayed["weight_decay"], others["weight_decay"]) == (5e-4, 0)
    assert all(parameter.ndim == 4 for parameter in decayed["params"])
    assert all(parameter.ndim == 1 for parameter in others["params"])
    assert len(decayed["params"]) + len(others["params"]) == len(list(network.parameters()))
    assert decayed["nesterov"]


def test_adamw_steps_by_sign_and_decays_weights_apart_from_gradients() -> None:
    network = torch.nn.Conv2d(1, 1, 1)
    with torch.no_grad():
        network.weight.fill_(2.0)
        network.bias.fill_(2.0)
    optimizer = Optimisation(optimizer="adamw", learning_rate=0.1, weight_decay=0.5).build(network)
    network.weight.grad, network.bias.grad = torch.full_like(network.weight, 30.0), torch.full_like(network.bias, -0.3)
    optimizer.step()
    assert network.weight.item() == pytest.approx(2 * (1 - 0.1 * 0.5) - 0.1)  # the first step is lr x sign(gradient)
    assert network.bias.item() == pytest.approx(2 + 0.1)


def test_the_moving_average_follows_its_formula() -> None:
    layer = torch.nn.BatchNorm1d(1)
    average = MovingAverage(layer, decay=0.9, steps=2)
    expected = 1.0
    for n in (1, 2, 3):
        with torch.no_grad():
            layer.weight.fill_(10.0 * n)
        layer.num_batches_tracked.add_(1)
        average.update(n)
        decay = 0.9 * (1 - math.exp(-n / 2))
        expected = decay * expected + (1 - decay) * 10.0 * n
        assert float(average.network.weight) == pytest.approx(expected)
    assert int(average.network.num_batches_tracked) == 3
    assert not average.network.training


@pytest.mark.parametrize(
    "bad",
    [
        {"learning_rate": 0},
        {"momentum": 1},
        {"final_factor": 2},
        {"ema_steps": 0},
        {"weight_decay": -1},
        {"optimizer": "adam"},
        {"clip_norm": "x"},
        {"freeze_batch_norm": 2},
    ],
)
def test_settings_out_of_range_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        Optimisation(**bad)
