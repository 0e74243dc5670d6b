"""Three stages side by side: one batch prepared, one with the device, one collected; the results are those of one after the other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bytetrack.detection import inference as module
from bytetrack.detection import postprocess
from bytetrack.detection.batching import detect_streams
from bytetrack.detection.inference import Inference
from bytetrack.detection.preprocess import send_frames as send
from bytetrack.detection.settings import SIZES
from bytetrack.detection.stream import overlapped
from bytetrack.detection.yolox import Yolox
from bytetrack.structures import Detections, Sequence
from tests.waits import Waits

Image = np.ndarray


def test_what_is_overlapped_comes_in_order_and_runs_side_by_side() -> None:
    """Each stage of an item ends only when the stage before has begun the next item: in turn it would wait for ever."""
    begun = {(stage, item): threading.Event() for stage in ("prepare", "launch") for item in range(6)}

    def prepare(item: int) -> int:
        begun["prepare", item].set()
        return item * 10

    def launch(ready: int) -> int:
        begun["launch", ready // 10].set()
        assert ready == 40 or begun["prepare", ready // 10 + 1].wait(10)
        return ready + 1

    def collect(launched: int) -> int:
        assert launched == 41 or begun["launch", launched // 10 + 1].wait(10)
        return launched

    assert list(overlapped(range(5), prepare, launch, collect)) == [1, 11, 21, 31, 41]


@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_an_error_comes_out_after_the_results_before_it_and_leaves_no_thread(stage: int) -> None:
    def fails(number: int) -> Any:
        def call(item: int) -> int:
            if item == 3 and number == stage:
                raise OSError("the disk went")
            return item

        return call

    threads = threading.active_count()
    results = overlapped(map(fails(0), range(9)), fails(1), fails(2), fails(3))
    assert [next(results), next(results), next(results)] == [0, 1, 2]
    with pytest.raises(OSError, match="the disk went"):
        next(results)
    assert threading.active_count() == threads


def test_no_more_than_four_items_are_ahead_of_the_reader_and_who_leaves_early_leaves_no_thread() -> None:
    threads, made = threading.active_count(), list[int]()

    def items() -> Iterator[int]:
        for item in range(1000):
            made.append(item)
            yield item

    results = overlapped(items(), int, int, int)
    for number, _ in zip(range(50), results, strict=False):
        assert len(made) <= number + 6  # being read, prepared, waiting, launched twice
    results.close()  # type: ignore[attr-defined]
    assert threading.active_count() == threads


@pytest.fixture
def detector(nano: Path) -> Yolox:
    """On the CPU, but as on CUDA: stages side by side."""
    yolox = Yolox(nano, *SIZES["nano"], input_size=(128, 160), device="cpu", min_score=0.05, batch_size=3)
    yolox._inference.side_by_side = True
    return yolox


def assert_equal(first: list[Detections], second: list[Detections]) -> None:
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one.xyxy, other.xyxy)
        assert np.array_equal(one.score, other.score)


def test_detecting_side_by_side_is_detecting_one_after_the_other(detector: Yolox, nano: Path, coco_images: list[Image]) -> None:
    in_turn = Yolox(nano, *SIZES["nano"], input_size=(128, 160), device="cpu", min_score=0.05, batch_size=3)
    images = coco_images * 3
    found = detector.detect(images)
    assert sum(map(len, found)) > 10
    assert_equal(found, in_turn.detect(images))


def test_streams_share_batches_side_by_side_too(detector: Yolox, coco_images: list[Image]) -> None:
    def streams() -> Iterator[tuple[Sequence, Iterator[Image]]]:
        for name, images in (("a", coco_images), ("b", coco_images[:1]), ("c", coco_images[2:])):
            yield Sequence(name, len(images), 25, 8, 8), iter(images)

    threads = threading.active_count()
    found = {sequence.name: detections.score.tolist() for sequence, detections in detect_streams(detector, streams(), 2)}
    detector._inference.side_by_side = False
    assert found == {sequence.name: detections.score.tolist() for sequence, detections in detect_streams(detector, streams(), 2)}
    assert list(found) == ["b", "a", "c"]
    assert threading.active_count() == threads


def test_where_memory_does_not_hold_three_batches_they_go_one_after_the_other_and_none_is_lost(
    detector: Yolox, coco_images: list[Image], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    images = coco_images * 3
    expected = detector.detect(images)
    launch, calls = Inference.launch, list[int]()

    def full(self: Inference, prepared: Any) -> Any:
        calls.append(len(prepared.ratios))
        if len(calls) in (2, 3):  # the second batch beside the first, then alone: halved
            raise torch.OutOfMemoryError("CUDA out of memory")
        return launch(self, prepared)

    monkeypatch.setattr(Inference, "launch", full)
    assert all(len(one) == len(other) for one, other in zip(detector.detect(images), expected, strict=True))
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "out of memory on cpu: continuing with one batch at a time instead of three",
        "out of memory on cpu: continuing with detector.batch_size=1 instead of 3",
    ]
    assert not detector._inference.side_by_side


def test_a_batch_of_eight_makes_the_host_wait_for_a_gpu_at_most_five_times(
    nano: Path, coco_images: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The way of a GPU, on a device that only goes by another name; 85 to 93 waits before."""
    monkeypatch.setattr(postprocess, "_together", lambda boxes: True)
    detector = Yolox(nano, *SIZES["nano"], input_size=(128, 160), device="cpu", classes=["person", "car"], min_score=0.05, batch_size=8)
    inference = detector._inference
    inference.convention = "rgb_imagenet"  # ByteTrack's own: more to compute
    inference.device = Elsewhere("cpu")
    monkeypatch.setattr(module, "send_frames", lambda images, device: send(images, "cpu"))
    images = [coco_images[0]] * 6 + coco_images[1:3]  # of three shapes
    inference(images)
    with Waits() as waits:
        inference(images)
    assert sum(waits.lines.values()) + 1 <= 5, waits.lines  # and the copy of the boxes


def as_eager(network: Any, calls: list[int], **how: Any) -> Any:
    """Stands in for `torch.compile`."""

    def run(images: torch.Tensor) -> Any:
        calls.append(len(images))
        return network(images)

    return run


def test_a_compiled_network_sees_full_batches_only_and_finds_the_same(
    nano: Path, coco_images: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = list[int]()
    monkeypatch.setattr(torch, "compile", lambda network, **how: as_eager(network, calls))
    eager, filled = (
        Yolox(nano, *SIZES["nano"], input_size=(128, 160), device="cpu", min_score=0.05, batch_size=3, compile=how) for how in (False, True)
    )
    for one, other in zip(filled.detect(coco_images), eager.detect(coco_images), strict=True):  # a batch of another size rounds otherwise
        assert np.allclose(one.xyxy, other.xyxy, atol=1e-3)
        assert np.allclose(one.score, other.score, atol=1e-5)
    assert calls == [3, 3]
    assert filled.key() == eager.key()


def test_what_cannot_be_compiled_says_so_in_one_line(nano: Path, coco_images: list[Image], monkeypatch: pytest.MonkeyPatch) -> None:
    from torch._dynamo.exc import TorchDynamoException

    def no_compiler(images: torch.Tensor) -> Any:
        raise TorchDynamoException("no C++ compiler\nand a page more")

    settings: dict[str, Any] = {**SIZES["nano"]._asdict(), "input_size": (64, 96), "device": "cpu"}
    with pytest.raises(ValueError, match="compile=graphs needs a CUDA GPU, this is cpu: choose true or false"):
        Yolox(nano, **settings, compile="graphs").detect(coco_images)
    with pytest.raises(ValueError, match="compile must be true, false or graphs: got 'max'"):
        Yolox(nano, **settings, compile="max")
    monkeypatch.setattr(torch, "compile", lambda network, **how: no_compiler)
    with pytest.raises(ValueError, match=r"^torch cannot compile the network here \(no C\+\+ compiler\): set detector\.compile=false$"):
        Yolox(nano, **settings, compile=True).detect(coco_images[:1])


@pytest.mark.slow
def test_a_network_compiled_by_torch_finds_the_same(nano: Path, coco_images: list[Image]) -> None:
    settings: dict[str, Any] = {**SIZES["nano"]._asdict(), "input_size": (128, 160), "device": "cpu", "min_score": 0.05, "batch_size": 3}
    for one, other in zip(*(Yolox(nano, **settings, compile=how).detect(coco_images) for how in (False, True)), strict=True):
        assert np.allclose(one.xyxy, other.xyxy, atol=0.01)
        assert np.allclose(one.score, other.score, atol=1e-4)


class Elsewhere(str):
    """A name that is not the CPU's."""

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = str.__hash__
