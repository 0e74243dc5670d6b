"""Memory that is not there, processes that are killed, data that vanish: one clear line, and what was saved stays."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import torch

from bytetrack.detection.inference import Inference
from bytetrack.detection.yolox import Yolox
from bytetrack.structures import Detections
from bytetrack.training import NetworkSettings, Recipe, checkpoint, train
from bytetrack.training.host_memory import available, kept_for_backward
from bytetrack.training.loop import TrainingLoop
from bytetrack.training.processes import ProcessGroup
from campaigns import good_files as good
from campaigns import small_jobs

SHAPE: dict[str, Any] = {"depth": good.DEPTH, "width": good.CHANNELS, "depthwise": True, "input_size": (64, 64)}


OF_CUDA = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
OF_MPS = RuntimeError("MPS backend out of memory (MPS allocated: 8.00 GB, other allocations: 1.00 GB, max allowed: 9.07 GB).")


def holds(images: int, calls: list[int], error: RuntimeError = OF_CUDA) -> Callable[[Inference, Sequence[Any]], list[Detections]]:
    """`Inference.__call__` on a device whose memory holds so many images."""
    whole = Inference.__call__

    def call(self: Inference, batch: Sequence[Any]) -> list[Detections]:
        calls.append(len(batch))
        if len(batch) > images:
            raise error
        return whole(self, batch)

    return call


@pytest.fixture
def detector(tmp_path: Path) -> Yolox:
    good.write(tmp_path, {"weights.pth": good.checkpoint()})
    return Yolox(tmp_path / "weights.pth", **SHAPE, classes=None, device="cpu", batch_size=7)


@pytest.mark.parametrize("error", [OF_CUDA, OF_MPS], ids=["cuda", "mps"])
def test_a_batch_that_memory_does_not_hold_is_halved_with_a_word(
    error: RuntimeError, detector: Yolox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    images = list(np.random.default_rng(0).integers(0, 255, (9, 64, 64, 3)).astype(np.uint8))
    expected = detector.detect(images)
    calls: list[int] = []
    monkeypatch.setattr(Inference, "__call__", holds(2, calls, error))
    caplog.set_level("WARNING")
    found = detector.detect(images)
    assert calls == [7, 3, 1, *[1] * 8]
    assert [len(one) for one in found] == [len(one) for one in expected]
    assert all(np.allclose(one.xyxy, other.xyxy, atol=1e-3) for one, other in zip(found, expected, strict=True))
    assert [record.getMessage() for record in caplog.records] == [
        "out of memory on cpu: continuing with detector.batch_size=3 instead of 7",
        "out of memory on cpu: continuing with detector.batch_size=1 instead of 3",
    ]


def test_one_image_that_memory_does_not_hold_names_the_setting(detector: Yolox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Inference, "__call__", holds(0, []))
    with pytest.raises(MemoryError, match=r"^out of memory on cpu with one image of 64 x 64: set a smaller detector\.input_size$"):
        detector.detect([np.zeros((64, 64, 3), np.uint8)])


@pytest.fixture
def trainer(tmp_path: Path) -> Callable[..., Recipe]:
    small_jobs.coco(tmp_path)

    def make(workers: int = 0) -> Recipe:
        data = [{"path": str(tmp_path / "small.json")}]
        return Recipe(data, max_epochs=4, no_aug_epochs=2, batch_size=2, multiscale=None, precision="fp32", device="cpu", workers=workers)

    return make


def fit(trainer: Recipe, out: Path) -> None:
    train(trainer, NetworkSettings(**SHAPE), out)


def in_step(number: int, act: Callable[[], None]) -> Callable[..., Any]:
    """`TrainingLoop._forward` that calls `act` before that step."""
    whole = TrainingLoop._forward

    def forward(self: TrainingLoop, *arguments: Any) -> Any:
        if self.step == number:
            act()
        return whole(self, *arguments)

    return forward


def no_memory() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory.")


def end_loaders() -> None:
    for process in multiprocessing.active_children():
        process.kill()
        process.join()


def test_a_step_that_memory_does_not_hold_is_taken_in_parts_and_of_one_image_says_what_to_set(
    trainer: Callable[..., Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING")
    whole = TrainingLoop._forward

    def small(run: TrainingLoop, model: Any, batch: Any) -> Any:
        if run.step >= 4 and len(batch.samples) > 1:
            no_memory()
        return whole(run, model, batch)

    monkeypatch.setattr(TrainingLoop, "_forward", small)
    fit(trainer(), tmp_path / "parts")
    assert checkpoint.read(tmp_path / "parts" / "last.pth")["step"] == 12
    assert [record.getMessage() for record in caplog.records] == ["out of memory on cpu at step 5: continuing as with train.accumulate=2"]
    monkeypatch.setattr(TrainingLoop, "_forward", whole)
    monkeypatch.setattr(TrainingLoop, "_forward", in_step(4, no_memory))
    with pytest.raises(MemoryError, match=r"^out of memory on cpu at step 5, 1 image of 64 x 64 at a time: set a smaller detector\.input"):
        fit(trainer(), tmp_path / "out")
    assert checkpoint.read(tmp_path / "out" / "last.pth")["step"] == 3


def test_training_that_a_cpu_will_not_hold_ends_before_the_first_step_and_names_a_batch_size(
    trainer: Callable[..., Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bytetrack.training.learning.available", lambda: 0.0)
    with pytest.raises(MemoryError, match=r"^training on 2 images of 64 x 64 takes 0\.0 GiB, 0\.0 are free: set a smaller") as caught:
        fit(trainer(), tmp_path / "out")
    assert not (tmp_path / "out" / "last.pth").exists()
    assert "\n" not in str(caught.value)
    monkeypatch.setattr("bytetrack.training.learning.available", lambda: 1.0)
    monkeypatch.setattr("bytetrack.training.learning.kept_for_backward", lambda forward: 0.75)
    with pytest.raises(MemoryError, match=r"set train\.batch_size=1, a smaller"):
        fit(trainer(), tmp_path / "out")


class Elsewhere(ProcessGroup):
    """The others run on another machine and are not asked."""

    def gather(self, value: Any) -> list[Any]:
        return [value] * self.world

    def from_first(self, value: Any) -> Any:
        return value


def test_a_machine_among_several_must_hold_its_share_only(
    trainer: Callable[..., Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bytetrack.training.launch.processes", lambda device: nullcontext(Elsewhere(world=2, machine=1)))
    monkeypatch.setattr("bytetrack.training.learning.kept_for_backward", lambda forward: 0.75)
    monkeypatch.setattr("bytetrack.training.learning.available", lambda: 0.5)
    with pytest.raises(MemoryError, match=r"^training on 1 images of 64 x 64"):
        fit(trainer(), tmp_path / "out")
    monkeypatch.setattr("bytetrack.training.learning.available", lambda: 1.0)
    monkeypatch.setattr(torch.nn.parallel, "DistributedDataParallel", reached := Mock(side_effect=KeyError("passed")))
    with pytest.raises(KeyError, match="passed"):
        fit(trainer(), tmp_path / "out")
    reached.assert_called_once()


def test_what_a_forward_pass_keeps_is_counted_once_for_every_storage() -> None:
    weight = torch.ones(1000, requires_grad=True)

    def forward() -> torch.Tensor:
        once = weight.exp()  # keeps its result, 4,000 bytes
        return (once * once[:]).sin().sum()  # the product keeps the same storage twice, the sine its argument

    assert kept_for_backward(forward) == 8000
    assert 0 < available() < 2**60


@pytest.mark.slow
def test_a_killed_loading_process_ends_training_in_one_line_and_the_same_command_goes_on(
    trainer: Callable[..., Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(TrainingLoop, "_forward", in_step(4, end_loaders))
        with pytest.raises(ChildProcessError, match=r"^a loading process ended abruptly in step \d+ .* resumes from the last checkpoint"):
            fit(trainer(workers=1), tmp_path / "out")
    assert checkpoint.read(tmp_path / "out" / "last.pth")["step"] == 3
    fit(trainer(workers=1), tmp_path / "out")
    fit(trainer(), tmp_path / "whole")
    one, other = (checkpoint.read(tmp_path / name / "last.pth")["raw_model"] for name in ("out", "whole"))
    assert all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("workers", [0, 1])
def test_images_that_vanish_during_training_are_named(
    trainer: Callable[..., Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    def vanish() -> None:
        for path in tmp_path.glob("*.png"):
            path.unlink()

    monkeypatch.setattr(TrainingLoop, "_forward", in_step(3, vanish))
    with pytest.raises(OSError, match=r"\.png") as caught:
        fit(trainer(workers), tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert checkpoint.read(tmp_path / "out" / "last.pth")["step"] in (3, 6)  # a loading process is some batches ahead
