"""Steps that overflow, steps in parts, gradients cut: what one step of the optimizer must do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from bytetrack.detection.device import out_of_memory
from bytetrack.training import NetworkSettings, Recipe, checkpoint, train
from bytetrack.training.bookkeeping import joined
from bytetrack.training.device_memory import largest_that_fits, parts_that_fit
from bytetrack.training.loop import TrainingLoop
from bytetrack.training.optimisation import Optimisation, start_momentum
from bytetrack.training.processes import ProcessGroup

Make = Callable[..., Recipe]
SIZE = 4096


def litter() -> None:
    """Leaves freed blocks of a parameter's size with something in them, as any allocator does."""
    del [torch.full((SIZE, 1, 1, 1), 12345.0) for _ in range(50)][:]


def five_steps(optimizer: torch.optim.Optimizer, layer: torch.nn.Module, resume: Callable[[], None] = lambda: None) -> torch.Tensor:
    """The weight after five steps through a scaler, of which the first and the third overflow."""
    scaler = torch.amp.GradScaler("cpu")
    for step in range(5):
        litter()
        loss = (layer.weight * torch.linspace(0.01, 1, SIZE).reshape_as(layer.weight)).sum() * (float("inf") if step in (0, 2) else 1.0)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad(set_to_none=True)
        if step == 0:
            resume()
    return layer.weight.detach().clone()


def layer() -> torch.nn.Conv2d:
    convolution = torch.nn.Conv2d(1, SIZE, 1, bias=False)
    torch.nn.init.ones_(convolution.weight)
    return convolution


@pytest.mark.parametrize("resumed", [False, True])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_an_overflow_in_the_first_step_leaves_the_following_ones_those_of_the_plain_optimizer_to_the_bit(
    optimizer: str, resumed: bool
) -> None:
    settings = Optimisation(optimizer=optimizer, learning_rate=0.1)
    ours, theirs = layer(), layer()
    fused = settings.build(ours)
    if optimizer == "sgd":
        plain: torch.optim.Optimizer = torch.optim.SGD(theirs.parameters(), 0.1, 0.9, weight_decay=5e-4, nesterov=True, foreach=False)
    else:
        plain = torch.optim.AdamW(theirs.parameters(), 0.1, (0.9, 0.999), weight_decay=5e-4, fused=True)

    def resume() -> None:
        if resumed:
            fused.load_state_dict(fused.state_dict())
            start_momentum(fused)

    assert torch.equal(five_steps(fused, ours, resume), five_steps(plain, theirs))


def test_a_checkpoint_from_before_the_first_step_goes_on_with_momentum_of_zero() -> None:
    network = layer()
    optimizer = Optimisation().build(network)
    optimizer.load_state_dict({"state": {}, "param_groups": optimizer.state_dict()["param_groups"]})  # as earlier versions wrote it
    start_momentum(optimizer)
    assert torch.equal(optimizer.state[network.weight]["momentum_buffer"], torch.zeros_like(network.weight))


def weights_after(trainer: Recipe, tiny: NetworkSettings, out: Path) -> dict[str, torch.Tensor]:
    train(trainer, tiny, out)
    found: dict[str, torch.Tensor] = checkpoint.read(out / "last.pth")["raw_model"]
    return found


@pytest.mark.slow
def test_a_batch_in_parts_is_the_batch_where_batch_norm_is_frozen(trainer: Make, tiny: NetworkSettings, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"val": [], "max_epochs": 2, "no_aug_epochs": 1}
    settings["optimisation"] = Optimisation(learning_rate=0.1, warmup_epochs=0, freeze_batch_norm=True, clip_norm=5.0)
    whole = weights_after(trainer(**settings), tiny, tmp_path / "whole")
    parts = weights_after(trainer(**settings, accumulate=4), tiny, tmp_path / "parts")
    start = TrainingLoop(trainer(**settings), tiny, tmp_path, ProcessGroup(), "cpu").network.state_dict()
    for key, value in whole.items():
        assert torch.allclose(value.float(), parts[key].float(), rtol=1e-4, atol=1e-6), key
    assert any(not torch.allclose(value.float(), start[key].float(), rtol=1e-3) for key, value in whole.items())
    rows = [checkpoint.read(tmp_path / name / "last.pth")["epoch_loss"] for name in ("whole", "parts")]
    assert rows[0] == [pytest.approx(rows[1][0], rel=1e-5), 2]


def test_the_losses_of_parts_are_joined_as_sums_over_the_number_of_all_cells() -> None:
    whole = joined([torch.tensor([2.0, 2.0, 10.0]), torch.tensor([8.0, 1.0, 5.0]), torch.tensor([3.0, 0.0, 0.0])])
    assert whole.tolist() == pytest.approx([(20 + 40 + 3) / 15, 25 / 15, 15])


def test_parts_that_the_images_cannot_be_shared_among_are_refused(trainer: Make, tiny: NetworkSettings, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="accumulate must divide a process's 4 images: got 3"):
        train(trainer(accumulate=3), tiny, tmp_path)


def test_gradients_are_shortened_to_the_norm_that_is_set() -> None:
    network = layer()
    network.weight.grad = torch.full_like(network.weight, 3.0)  # its norm is 3 x 64
    Optimisation(clip_norm=2.0).clip(network)
    assert float(network.weight.grad.norm()) == pytest.approx(2, rel=1e-4)
    network.weight.grad.fill_(3.0)
    Optimisation().clip(network)
    assert float(network.weight.grad.norm()) == pytest.approx(192)


def test_the_rate_follows_the_batch_in_proportion_for_sgd_and_not_for_adamw() -> None:
    def rate(settings: Optimisation, batch: int) -> float:
        return settings.rate(100, 100, 80, 10, batch)

    assert rate(Optimisation(learning_rate=1.0), 16) == 16 / 64
    assert rate(Optimisation(optimizer="adamw", learning_rate=1.0), 16) == 1
    assert rate(Optimisation(learning_rate=1.0, scaling="sqrt"), 16) == 0.5
    with pytest.raises(ValueError, match="scaling must be linear, sqrt, none"):
        Optimisation(scaling="square")


def test_memory_is_tried_with_half_as_many_images_until_it_holds_them() -> None:
    tried = []

    def attempt(images: int) -> None:
        tried.append(images)
        if images > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")

    assert largest_that_fits(attempt, 6, torch.device("cpu")) == 1
    assert tried == [6, 3, 1]
    assert largest_that_fits(attempt, 2, torch.device("cpu")) == 2
    assert parts_that_fit(6, 2) == 3
    assert parts_that_fit(6, 4) == 2
    assert out_of_memory(RuntimeError("MPS backend out of memory (MPS allocated: 8 GB)"))
    assert not out_of_memory(RuntimeError("shapes differ"))
    with pytest.raises(RuntimeError) as full:
        torch.empty(10**15)
    assert out_of_memory(full.value)
    with pytest.raises(RuntimeError, match="shapes"):
        largest_that_fits(lambda images: (_ for _ in ()).throw(RuntimeError("shapes differ")), 6, torch.device("cpu"))


def test_a_gpu_that_does_not_hold_the_largest_images_is_known_before_the_first_step(
    trainer: Make, tiny: NetworkSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = TrainingLoop(trainer(), tiny, tmp_path, ProcessGroup(), "cpu")
    before = {key: value.clone() for key, value in run.network.state_dict().items()}
    run._check_device_memory(*run.plan.largest())
    assert all(torch.equal(value, before[key]) for key, value in run.network.state_dict().items())
    assert all(parameter.grad is None for parameter in run.network.parameters())
    whole = TrainingLoop._attempt

    def attempt(self: TrainingLoop, images: int, height: int, width: int) -> None:
        if images > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        whole(self, images, height, width)

    monkeypatch.setattr(TrainingLoop, "_attempt", attempt)
    with pytest.raises(MemoryError, match=r"^training on 4 images of 96 x 128 at a time does not fit on cpu: set train\.accumulate=4, "):
        run._check_device_memory(*run.plan.largest())
