"""ONNX Runtime gives what torch gives, and says what is wrong with a file or a setting."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bytetrack.detection.network import Network, build_network
from bytetrack.detection.onnx import Onnx
from bytetrack.detection.yolox import Yolox
from bytetrack.errors import FormatError, MissingDataError

pytest.importorskip("onnxruntime", reason="needs onnxruntime: pip install onnxruntime")


@pytest.fixture(scope="session")
def nano_onnx(data_dir: Path) -> Path:
    return data_dir / "weights" / "yolox_nano.onnx"


class Exported(nn.Module):
    """As YOLOX's exporter leaves a network: scores past the sigmoid, boxes not decoded."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        logits = self.network(images)
        return torch.cat([logits[..., :4], logits[..., 4:].sigmoid()], dim=-1)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An untrained network of one class that fires all the same, as weights and as ONNX that leaves batch and size open."""
    folder = tmp_path_factory.mktemp("small")
    torch.manual_seed(0)
    network = build_network(0.33, 0.0625)
    network.head.initialize_biases(0.5)
    for layer in network.head.reg_preds:
        nn.init.normal_(layer.weight, std=0.01)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        network(torch.rand(4, 3, 128, 160) * 255)  # gives its BatchNorms statistics
    torch.save({"model": network.state_dict()}, folder / "small.pth")
    axes = {"images": {0: "batch", 2: "height", 3: "width"}, "output": {0: "batch", 1: "anchors"}}
    torch.onnx.export(
        Exported(network.eval()), (torch.zeros(2, 3, 64, 96),), str(folder / "small.onnx"), input_names=["images"],
        output_names=["output"], dynamic_axes=axes, dynamo=False,
    )  # fmt: skip
    return folder / "small.pth", folder / "small.onnx"


def assert_same(first: list[Any], second: list[Any], score: float = 1e-5) -> None:
    for a, b in zip(first, second, strict=True):
        assert np.allclose(a.xyxy, b.xyxy, atol=5e-3)
        assert np.allclose(a.score, b.score, atol=score)
        assert (a.class_id is None) == (b.class_id is None)


@pytest.mark.parametrize("classes", [["person"], None])
def test_onnx_finds_what_torch_finds(nano: Path, nano_onnx: Path, coco_images: list[np.ndarray], classes: Any) -> None:
    torches = Yolox(nano, 0.33, 0.25, True, (416, 416), classes=classes, device="cpu").detect(coco_images)
    found = Onnx(nano_onnx, classes=classes).detect(coco_images)  # a file of batch 1
    assert sum(map(len, found)) >= 50
    assert_same(found, torches)


def test_a_file_of_open_sizes_takes_batches_of_any_size(small: tuple[Path, Path], coco_images: list[np.ndarray]) -> None:
    settings = {"input_size": (128, 160), "min_score": 0.3, "nms_iou": 0.5, "batch_size": 3}
    found = Onnx(small[1], **settings).detect(coco_images)
    assert sum(map(len, found)) > 0
    assert_same(found, Yolox(small[0], 0.33, 0.0625, device="cpu", **settings).detect(coco_images), score=1e-4)
    with pytest.raises(ValueError, match=r"takes images of any size: set detector.input_size"):
        Onnx(small[1]).detect(coco_images)


def test_a_detector_whose_file_is_loaded_can_be_sent_to_other_processes(nano_onnx: Path) -> None:
    detector = Onnx(nano_onnx)
    assert (detector.class_names or [""])[2] == "car"
    assert pickle.loads(pickle.dumps(detector)).key() == detector.key()
    assert detector.shared(2, 1).settings.announced


def test_an_input_size_that_contradicts_the_file_is_refused(nano_onnx: Path, coco_images: list[np.ndarray]) -> None:
    with pytest.raises(ValueError, match=r"takes images of 416x416 only: leave detector.input_size null"):
        Onnx(nano_onnx, input_size=(448, 608)).detect(coco_images)
    assert len(Onnx(nano_onnx, input_size=(416, 416)).detect(coco_images[:1])) == 1


def test_the_convention_in_a_files_metadata_counts(nano_onnx: Path, coco_images: list[np.ndarray], tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    model = onnx.load(nano_onnx)
    onnx.helper.set_model_props(model, {"convention": "rgb_imagenet", "class_names": ",".join(["person", *map(str, range(79))])})
    onnx.save(model, tmp_path / "own.onnx")
    named = Onnx(nano_onnx, convention="rgb_imagenet").detect(coco_images)
    assert_same(Onnx(tmp_path / "own.onnx").detect(coco_images), named)
    with pytest.raises(ValueError, match=r"was exported with convention rgb_imagenet, got bgr255: set detector\.convention=rgb_imagenet"):
        Onnx(tmp_path / "own.onnx", convention="bgr255").detect(coco_images)
    with pytest.raises(ValueError, match="no class 'car'"):
        Onnx(tmp_path / "own.onnx", classes=["car"]).detect(coco_images)


def test_without_onnxruntime_one_line_says_what_to_install(
    nano_onnx: Path, coco_images: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModuleNotFoundError, match=r"detector=onnx needs onnxruntime: pip install onnxruntime"):
        Onnx(nano_onnx).detect(coco_images)


def test_a_provider_that_is_not_installed_is_named(nano_onnx: Path, coco_images: list[np.ndarray]) -> None:
    with pytest.raises(ValueError, match=r"TensorrtExecutionProvider not in this onnxruntime, found .*CPUExecutionProvider"):
        Onnx(nano_onnx, providers=["tensorrt", "cpu"]).detect(coco_images)


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_provider_that_cannot_start_is_named(nano_onnx: Path, coco_images: list[np.ndarray], monkeypatch: pytest.MonkeyPatch) -> None:
    both = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: both)
    with pytest.raises(ValueError, match=r"CUDAExecutionProvider cannot start, left are CPUExecutionProvider"):
        Onnx(nano_onnx, providers=["cuda", "cpu"]).detect(coco_images)


def test_files_that_are_no_yolox_are_refused(
    nano_onnx: Path, coco_images: list[np.ndarray], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cut.onnx").write_bytes(nano_onnx.read_bytes()[:2000])
    with pytest.raises(FormatError, match=r"cut.onnx: onnxruntime cannot load it"):
        Onnx(tmp_path / "cut.onnx").detect(coco_images)
    assert "EP Error" not in "".join(capfd.readouterr()), "ONNX Runtime's own fallback talks on stdout"
    with pytest.raises(MissingDataError, match="no ONNX file at"):
        Onnx(tmp_path / "absent.onnx")


@pytest.mark.parametrize("settings", [{"providers": []}, {"threads": -1}, {"convention": "rgb"}, {"min_score": 2}, {"input_size": [416]}])
def test_settings_out_of_their_range_are_refused_at_once(nano_onnx: Path, settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"expected at least one provider|threads|convention|min_score|input_size"):
        Onnx(nano_onnx, **settings)


def test_the_key_changes_with_whatever_changes_the_boxes(nano_onnx: Path) -> None:
    base = Onnx(nano_onnx).key()
    assert Onnx(nano_onnx, batch_size=1, threads=1).key() == base
    changes: list[dict[str, Any]] = [{"classes": None}, {"min_score": 0.1}, {"nms_iou": 0.6}, {"convention": "bgr255"}]
    assert len({Onnx(nano_onnx, **change).key() for change in changes} | {base}) == len(changes) + 1
