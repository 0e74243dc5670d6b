"""Networks of torchvision and transformers, untrained and made here, find as detectors what they find by themselves."""

from __future__ import annotations

import pickle
import sys
import urllib.error
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models.detection import ssdlite320_mobilenet_v3_large

from bytetrack.detection.torchvision import Torchvision
from bytetrack.detection.transformers import Transformers
from bytetrack.errors import FormatError, MissingDataError

NAMES = ["background", "person", "dog", "cow"]


def pictures() -> list[np.ndarray]:
    """Soft coloured noise of two shapes."""
    rng = np.random.default_rng(5)
    return [cv2.GaussianBlur(rng.integers(0, 256, shape, dtype=np.uint8), (9, 9), 0) for shape in ((90, 100, 3), (50, 120, 3))]


def as_tensor(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(picture[..., ::-1].copy()).permute(2, 0, 1) / 255


@pytest.fixture(scope="module")
def ssd(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, nn.Module]:
    """Weights of a small network of torchvision's, and the network."""
    torch.manual_seed(0)
    limits = {"score_thresh": 0.2, "detections_per_img": 20, "nms_thresh": 0.5}
    network = ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=len(NAMES), **limits).eval()
    path = tmp_path_factory.mktemp("ssd") / "ssd.pth"
    torch.save(network.state_dict(), path)
    return path, network


def own(path: Path, **changed: Any) -> Torchvision:
    given = {"classes": None, "class_names": NAMES, "min_score": 0.2, "max_detections": 20, "device": "cpu", **changed}
    return Torchvision("ssdlite320_mobilenet_v3_large", path, **given)


def test_torchvisions_network_finds_what_it_finds_by_itself(ssd: tuple[Path, nn.Module]) -> None:
    detector = own(ssd[0])
    with torch.inference_mode():
        expected = ssd[1]([as_tensor(picture) for picture in pictures()])
    for found, one in zip(detector.detect(pictures()), expected, strict=True):
        assert len(found) == len(one["boxes"]) > 3
        assert np.allclose(found.xyxy, one["boxes"].numpy(), atol=1e-3)
        assert found.class_id is not None
        assert found.class_id.tolist() == one["labels"].tolist()
    assert detector.class_names == NAMES
    assert pickle.loads(pickle.dumps(detector)).key() == detector.key() != own(ssd[0], min_score=0.4).key()
    assert detector.shared(2, 1).settings.threads == 1


def test_classes_of_torchvisions_network_are_chosen_by_name(ssd: tuple[Path, nn.Module]) -> None:
    everything, dogs = (own(ssd[0], classes=classes).detect(pictures()) for classes in (None, ["dog"]))
    for full, some in zip(everything, dogs, strict=True):
        assert full.class_id is not None
        assert len(some) == (full.class_id == 2).sum()
        assert some.class_id is None
    with pytest.raises(ValueError, match="torchvision's ssdlite320_mobilenet_v3_large: no class 'cat' among its 4"):
        own(ssd[0], classes=["cat"]).detect(pictures())


def test_names_that_torchvision_does_not_have_and_other_weights_are_one_line(ssd: tuple[Path, nn.Module], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"torchvision has no detector 'fasterrcnn_resnet50': did you mean fasterrcnn_resnet50_fpn"):
        Torchvision("fasterrcnn_resnet50").key()
    with pytest.raises(ValueError, match=r"has no weights 'BEST': choose COCO_V1"):
        Torchvision("ssdlite320_mobilenet_v3_large", "BEST").key()
    with pytest.raises(MissingDataError, match=r"no weights at 'absent\.pth'"):
        Torchvision("ssdlite320_mobilenet_v3_large", "absent.pth")
    with pytest.raises(FormatError, match=r"ssd\.pth: not a state_dict of this network with its number of classes"):
        own(ssd[0], class_names=NAMES[:2]).detect(pictures())
    torch.save({"other": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(FormatError, match=r"parameters are missing or unknown"):
        own(tmp_path / "other.pth").detect(pictures())


def test_weights_that_cannot_be_fetched_say_where_to_put_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def unreachable(*_: Any, **__: Any) -> None:
        raise urllib.error.URLError("no network")

    monkeypatch.setattr("torch.hub.download_url_to_file", unreachable)
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path))
    detector = Torchvision("ssdlite320_mobilenet_v3_large", device="cpu")
    assert detector.key() == Torchvision("ssdlite320_mobilenet_v3_large", "COCO_V1").key()
    with pytest.raises(
        MissingDataError, match=rf"are not at {tmp_path}/checkpoints/ssdlite.*\.pth and cannot be downloaded .*: put https://"
    ):
        detector.detect(pictures())


def test_a_folder_without_a_model_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MissingDataError, match=r"nothing is downloaded here, 'hf download NAME --local-dir FOLDER' does it"):
        Transformers(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ModuleNotFoundError, match="detector=transformers needs transformers: pip install transformers"):
        Transformers(tmp_path).detect(pictures())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small untrained detector of transformers."""
    transformers = pytest.importorskip("transformers", reason="needs transformers")
    torch.manual_seed(0)
    config = transformers.YolosConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, image_size=[64, 96], num_detection_tokens=6,
        id2label={0: "person", 1: "dog", 2: "cow"}, label2id={"person": 0, "dog": 1, "cow": 2},
    )  # fmt: skip
    transformers.YolosForObjectDetection(config).save_pretrained(tmp_path)
    transformers.YolosImageProcessor(size={"height": 64, "width": 96}).save_pretrained(tmp_path)
    return tmp_path


def test_a_network_of_transformers_finds_what_it_finds_by_itself(folder: Path) -> None:
    transformers = pytest.importorskip("transformers")

    detector = Transformers(folder, classes=None, min_score=0.0, device="cpu")
    network, processor = (kind.from_pretrained(folder) for kind in (transformers.YolosForObjectDetection, transformers.AutoImageProcessor))
    for picture, found in zip(pictures(), detector.detect(pictures()), strict=True):
        with torch.inference_mode():
            outputs = network.eval()(**processor(images=[picture[..., ::-1].copy()], return_tensors="pt"))
        (own,) = processor.post_process_object_detection(outputs, threshold=0.0, target_sizes=[picture.shape[:2]])
        order = np.argsort(-own["scores"].numpy(), kind="stable")
        assert len(found) == 6
        assert np.allclose(found.xyxy, own["boxes"].numpy()[order], atol=1.0)
        assert np.allclose(found.score, own["scores"].numpy()[order], atol=1e-3)
    assert detector.class_names == ["person", "dog", "cow"]
    assert pickle.loads(pickle.dumps(detector)).key() == detector.key() != Transformers(folder, classes=None).key()


def test_a_folder_of_another_model_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="needs transformers")
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(FormatError, match="transformers cannot load a detector from it"):
        Transformers(tmp_path).detect(pictures())
