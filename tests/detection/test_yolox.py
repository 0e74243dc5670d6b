"""The detector: real weights on real images, and every way to ask for something else."""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pytest
import torch

from bytetrack.boxes import iou
from bytetrack.detection.classes import COCO, choose
from bytetrack.detection.device import pick_device, to_device
from bytetrack.detection.inference import fuse, prepared_network
from bytetrack.detection.network import build_network, load_weights, read_checkpoint
from bytetrack.detection.postprocess import select
from bytetrack.detection.settings import CONVENTIONS, SIZES, PostprocessSettings
from bytetrack.detection.yolox import Yolox
from bytetrack.errors import FormatError, MissingDataError
from bytetrack.scoring.detection import average_precision
from bytetrack.structures import Detections

NANO: dict[str, Any] = {**SIZES["nano"]._asdict(), "input_size": (416, 416), "device": "cpu"}


def same(first: Detections, second: Detections, tolerance: float = 1e-3) -> bool:
    return len(first) == len(second) and bool(np.abs(first.xyxy - second.xyxy).max(initial=0) < tolerance)


def test_people_are_found_where_they_are(nano: Path, coco_images: list[np.ndarray], coco_people: Any) -> None:
    boxes, areas = coco_people
    found = Yolox(nano, **NANO).detect(coco_images)
    score = average_precision(boxes, found, areas=areas)
    assert score["AP"] > 0.42  # measured: 0.449, and 0.593 at IoU 0.5
    assert score["AP50"] > 0.57
    for image in found:
        assert (image.score >= 0.01).all()
        assert (np.diff(image.score) <= 0).all()
        assert image.class_id is None


def test_the_wrong_convention_is_warned_of_and_finds_next_to_nothing(
    nano: Path, coco_images: list[np.ndarray], coco_people: Any, caplog: pytest.LogCaptureFixture
) -> None:
    found = Yolox(nano, **NANO, convention="rgb_imagenet").detect(coco_images)
    assert average_precision(coco_people[0], found)["AP"] < 0.1
    assert "look like bgr255, detector.convention is rgb_imagenet" in caplog.text


def test_weights_of_the_other_convention_are_recognised_and_find_the_same(
    nano: Path, coco_images: list[np.ndarray], tmp_path: Path
) -> None:
    """The COCO weights rewritten for RGB in ImageNet's units; only the padding outside the image differs then."""
    model = read_checkpoint(nano).model
    weight = model["backbone.backbone.stem.conv.conv.weight"].reshape(16, 4, 3, 3, 3).flip(2)  # 4 pixels of a block, 3 channels
    scale = torch.tensor([1 / s for s in CONVENTIONS["rgb_imagenet"].scale])[:, None, None]
    offset = torch.tensor([-t / s for s, t in zip(*CONVENTIONS["rgb_imagenet"][1:], strict=True)])[:, None, None]  # pixel of input 0
    model["backbone.backbone.stem.conv.conv.weight"] = (weight * scale).reshape(16, 12, 3, 3)
    model["backbone.backbone.stem.conv.bn.running_mean"] = model["backbone.backbone.stem.conv.bn.running_mean"] - (weight * offset).sum(
        dim=(1, 2, 3, 4)
    )
    torch.save({"model": model}, tmp_path / "rgb.pth")
    before, after = (Yolox(path, **NANO).detect(coco_images) for path in (nano, tmp_path / "rgb.pth"))
    for first, second in zip(before, after, strict=True):
        sure = first.xyxy[first.score > 0.5]
        assert len(sure) == (second.score > 0.5).sum()
        assert (iou(sure, second.xyxy[second.score > 0.5]).max(axis=1, initial=0) > 0.9).all()


def own_checkpoint(nano: Path, path: Path, **about: Any) -> Path:
    torch.save({"model": read_checkpoint(nano).model, "detector": about}, path)
    return path


def test_a_convention_that_contradicts_the_checkpoint_is_warned_of(
    nano: Path, coco_images: list[np.ndarray], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    weights = own_checkpoint(nano, tmp_path / "own.pth", convention="bgr255")
    found = Yolox(weights, **NANO, convention="rgb_imagenet").detect(coco_images)
    assert all(same(a, b) for a, b in zip(found, Yolox(nano, **NANO, convention="rgb_imagenet").detect(coco_images), strict=True))
    assert "own.pth was trained with convention bgr255, detector.convention is rgb_imagenet: expect poor boxes" in caplog.text


def test_a_checkpoints_own_convention_is_taken(nano: Path, coco_images: list[np.ndarray], tmp_path: Path) -> None:
    weights = own_checkpoint(nano, tmp_path / "own.pth", convention="rgb_imagenet")
    named = Yolox(nano, **NANO, convention="rgb_imagenet").detect(coco_images)
    assert all(same(a, b) for a, b in zip(Yolox(weights, **NANO).detect(coco_images), named, strict=True))


def test_another_input_size_than_the_checkpoints_is_warned_of(nano: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    weights, image = own_checkpoint(nano, tmp_path / "own.pth", input_size=[64, 96]), np.zeros((64, 96, 3), np.uint8)
    with caplog.at_level("WARNING", "bytetrack"):
        Yolox(weights, **{**NANO, "input_size": (64, 96)}).detect([image])
        assert "was trained at" not in caplog.text
        Yolox(weights, **{**NANO, "input_size": (96, 96)}).detect([image])
    assert "own.pth was trained at 64 x 96, detector.input_size is 96 x 96: use detector.input_size=[64,96]" in caplog.text


def test_batched_equals_single(nano: Path, coco_images: list[np.ndarray]) -> None:
    detector = Yolox(nano, **NANO, batch_size=3)
    single = [detector.detect([image])[0] for image in coco_images]
    assert all(same(a, b) for a, b in zip(detector.detect(coco_images), single, strict=True))
    assert detector.detect([]) == []


def test_classes_choose_by_name_or_number(nano: Path, coco_images: list[np.ndarray]) -> None:
    everything = Yolox(nano, **NANO, classes=None).detect(coco_images)
    assert {COCO[c] for c in everything[1].class_id[:2]} == {"person", "car"}
    some = Yolox(nano, **NANO, classes=["person", 2]).detect(coco_images)
    people = Yolox(nano, **NANO).detect(coco_images)
    for full, two, one in zip(everything, some, people, strict=True):
        assert full.class_id is not None
        assert two.class_id is not None
        assert same(two, full[np.isin(full.class_id, [0, 2])])
        assert same(one, full[full.class_id == 0])


def test_a_network_of_one_class_needs_no_choice() -> None:
    assert choose(["person"], 1, ["pig"], "w") is None


@pytest.mark.parametrize(
    ("wanted", "classes", "names", "message"),
    [
        (["humans"], 80, None, r"w: no class 'humans' among its 80 \(person, bicycle, .*…\): did you mean person\?"),
        ([80], 80, None, "no class 80"),
        (["person"], 3, None, "numbers only, the file names none"),
        (["person"], 2, ["pedestrian", "rider"], r"\(pedestrian, rider\)"),
        ([], 80, None, "classes is empty"),
    ],
)
def test_classes_that_are_not_there_are_refused(wanted: list[Any], classes: int, names: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        choose(wanted, classes, names, "w")


def test_fusing_and_cascading_leave_the_function_as_it_is(nano: Path) -> None:
    network = build_network(*SIZES["nano"], num_classes=80).eval()
    load_weights(network, nano)
    images = torch.rand(1, 3, 96, 128, generator=torch.Generator().manual_seed(1)) * 255
    with torch.no_grad():
        before, ready = network(images), prepared_network(network, torch.float32)
        assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in ready.modules())
        assert torch.allclose(ready(images), before, atol=1e-3)
    assert fuse(ready) is ready


def test_bf16_finds_the_same_people(nano: Path, coco_images: list[np.ndarray]) -> None:
    full, half = (Yolox(nano, **NANO, precision=precision).detect(coco_images) for precision in ("fp32", "bf16"))
    for first, second in zip(full, half, strict=True):
        sure = first.xyxy[first.score > 0.5]
        assert (iou(sure, second.xyxy).max(axis=1, initial=0) > 0.9).all()


def output(*anchors: tuple[float, ...]) -> torch.Tensor:
    """Anchors (x, y, w, h, objectness, classes…) of stride 1 at the origin, as a network of probabilities would give them."""
    rows = torch.tensor(anchors, dtype=torch.float32)
    rows[:, 2:4] = rows[:, 2:4].log()
    return rows[None]


def choice(rows: torch.Tensor, **settings: Any) -> Detections:
    chosen = PostprocessSettings(**{"min_score": 0.1, "nms_iou": 0.5, "max_detections": 9, **settings})
    return select(rows, torch.zeros(rows.shape[1], 2), torch.ones(rows.shape[1]), [0.5], chosen, logits=False)[0]


def test_overlapping_boxes_of_one_class_leave_the_best() -> None:
    rows = output((10, 10, 20, 20, 0.5, 1), (10, 10, 20, 18, 1, 0.75), (30, 10, 20, 20, 0.25, 0.5), (30, 10, 20, 20, 0.2, 0.4))
    found = choice(rows)  # 0.08 is below 0.1, 0.5 overlaps 0.75 by 0.9
    assert found.score.tolist() == pytest.approx([0.75, 0.125])
    assert np.allclose(found.xyxy, [[0, 2, 40, 38], [40, 0, 80, 40]], atol=1e-4)  # twice the input's pixels


def test_boxes_beyond_the_image_are_not_clipped() -> None:
    assert np.allclose(choice(output((0, 0, 20, 20, 1, 1))).xyxy, [[-20, -20, 20, 20]], atol=1e-4)


def test_boxes_of_different_classes_do_not_suppress_each_other_and_a_box_is_its_best_class() -> None:
    rows = output((10, 10, 20, 20, 1, 0.5, 0.25), (10, 10, 20, 20, 1, 0.25, 0.75))
    found = choice(rows, single=False)
    assert (found.class_id.tolist(), found.score.tolist()) == ([1, 0], [0.75, 0.5])
    assert choice(rows, class_ids=(0,)).score.tolist() == [0.5]
    assert choice(rows, max_detections=1).score.tolist() == [0.75]


def test_no_boxes_have_a_shape_too() -> None:
    found = choice(output((10, 10, 20, 20, 0.05, 1)), single=False)
    assert (found.xyxy.shape, found.class_id.shape) == ((0, 4), (0,))


def test_a_network_gone_wrong_is_not_taken_for_an_empty_street() -> None:
    rows = output((10, 10, 20, 20, 1, 1), (10, 10, 20, 20, 1, 1))
    rows[0, 0, 2] = 100  # its exponential is beyond float32
    assert len(choice(rows)) == 1
    rows[0, 0, 4] = float("nan")
    with pytest.raises(ValueError, match=r"output is not a number \(NaN\)"):
        choice(rows)


def test_the_key_changes_with_whatever_changes_the_boxes(nano: Path, tmp_path: Path) -> None:
    base = Yolox(nano, **NANO).key()
    assert Yolox(nano, **NANO).key() == base
    assert Yolox(nano, **{**NANO, "device": "auto"}, batch_size=7).key() == base
    changed: list[dict[str, Any]] = [
        {"input_size": [448, 608]}, {"convention": "bgr255"}, {"classes": None}, {"min_score": 0.1}, {"nms_iou": 0.6},
        {"max_detections": 5}, {"precision": "bf16"}, {"depth": 0.67},
    ]  # fmt: skip
    keys = {Yolox(nano, **{**NANO, **change}).key() for change in changed}
    other = tmp_path / "yolox_nano.pth"
    shutil.copyfile(nano, other)
    assert Yolox(other, **NANO).key() == base  # where the file lies does not matter, what it holds does
    with other.open("ab") as file:
        file.write(b"\0")
    assert len(keys | {base, Yolox(other, **NANO).key()}) == len(changed) + 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"input_size": (800, 1400)}, r"input_size must be \[height, width\], multiples of 32: got \(800, 1400\)"),
        ({"input_size": 640}, "input_size must be"),
        ({"min_score": 1.5}, r"min_score must be a number in \[0, 1\]: got 1.5"),
        ({"nms_iou": -0.1}, r"nms_iou must be a number in \[0, 1\]"),
        ({"min_score": "high"}, r"min_score must be a number in \[0, 1\]: got 'high'"),
        ({"max_detections": 0}, "max_detections must be a whole number from 1 up: got 0"),
        ({"batch_size": 2.5}, "batch_size must be a whole number"),
        ({"depth": "x"}, "depth must be a positive number: got 'x'"),
        ({"precision": "int8"}, "precision must be auto, fp32, fp16 or bf16: got 'int8'"),
        ({"convention": "rgb"}, "convention must be bgr255, rgb_imagenet, .*, or null"),
    ],
)
def test_settings_out_of_their_range_are_refused_at_once(nano: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Yolox(nano, **{**NANO, **settings})


def test_what_this_machine_cannot_do_is_refused(nano: Path, coco_images: list[np.ndarray]) -> None:
    with pytest.raises(ValueError, match="fp16 needs a GPU"):
        Yolox(nano, **NANO, precision="fp16").detect(coco_images)
    with pytest.raises(ValueError, match=r"device 'tpu' is not available: found .*cpu"):
        pick_device("tpu")
    with pytest.raises(FormatError, match="holds YOLOX nano"):
        Yolox(nano, **{**NANO, **SIZES["s"]._asdict()}).detect(coco_images)
    with pytest.raises(MissingDataError, match=r"no weights at 'absent\.pth': set detector\.weights"):
        Yolox("absent.pth")


def test_the_precision_left_to_the_device_is_fp16_on_cuda_alone_and_part_of_the_key(nano: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def on(device: str, precision: str = "auto") -> Yolox:
        return Yolox(nano, **{**NANO, "device": device}, precision=precision)

    assert [on(device).used_precision for device in ("cpu", "mps", "cuda", "cuda:1")] == ["fp32", "fp32", "fp16", "fp16"]
    assert (on("cpu").key(), on("cuda").key()) == (on("cpu", "fp32").key(), on("cpu", "fp16").key())
    here = on("auto")
    assert here.used_precision == "fp32"
    monkeypatch.setattr("bytetrack.detection.yolox.DRIVERS", ("null",))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert on("auto").used_precision == "fp16"
    assert here.used_precision == "fp32", "a detector finds elsewhere what its key says"


def test_fp32_is_never_tf32(nano: Path, coco_images: list[np.ndarray]) -> None:
    detector = Yolox(nano, **NANO)
    allowed: list[bool] = []
    network = detector._inference.network
    network.register_forward_pre_hook(lambda *_: allowed.append(torch.backends.cudnn.allow_tf32))
    detector.detect(coco_images[:1])
    assert (allowed, torch.backends.cudnn.allow_tf32) == ([False], True)


def test_a_computer_that_has_mps_detects_too(nano: Path, coco_images: list[np.ndarray], monkeypatch: pytest.MonkeyPatch) -> None:
    """torch asks `torch.mps`, wherever there is one, for functions that only `torch.cuda` has."""
    detector = Yolox(nano, *SIZES["nano"], input_size=(128, 160), device="cpu")
    expected = detector.detect(coco_images)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert [found.score.tolist() for found in detector.detect(coco_images)] == [found.score.tolist() for found in expected]


@pytest.mark.parametrize(("device", "under_way"), [("cuda:1", True), ("mps", False), ("cpu", False)])
def test_only_cuda_copies_while_the_host_goes_on(device: str, under_way: bool) -> None:
    """A copy to MPS that is under way reads memory which may be another's by then."""
    tensor = MagicMock()
    to_device(tensor, device)
    tensor.to.assert_called_once_with(device, non_blocking=under_way)


def test_making_a_detector_and_its_key_loads_neither_torch_nor_opencv(nano: Path) -> None:
    probe = (
        f"import sys; from bytetrack.detection.yolox import Yolox; Yolox({str(nano)!r}).key(); print({{'torch', 'cv2'}} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout.strip() == "set()"


def test_the_first_image_says_what_was_loaded(nano: Path, coco_images: list[np.ndarray], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "bytetrack"):
        Yolox(nano, **NANO).detect(coco_images[:1])
    assert "YOLOX nano, 80 classes, bgr255, fp32, cpu" in caplog.text
