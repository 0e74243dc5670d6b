"""A detector from a name or a file, and its classes."""

from __future__ import annotations

import functools
import hashlib
import http.server
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from bytetrack.config import compose
from bytetrack.config.trained import as_trained
from bytetrack.data import download
from bytetrack.demo.weights import detector_from
from bytetrack.detection.network import build_network
from bytetrack.detection.settings import SIZES
from bytetrack.errors import FormatError, MissingDataError
from bytetrack.video.read import read_image


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BYTETRACK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(download, "FIRST_PAUSE", 0.0)
    return tmp_path / "cache"


@pytest.fixture
def mirror(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A server of the weights on this machine; what it was asked for."""
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, form: str, *values: object) -> None:
            asked.append(self.path)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(data_dir / "weights")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("BYTETRACK_MIRROR", f"http://127.0.0.1:{server.server_port}")
    content = (data_dir / "weights" / "yolox_nano.pth").read_bytes()
    known = download.Remote(download.WEIGHTS["yolox_nano"].url, len(content), hashlib.sha256(content).hexdigest())
    monkeypatch.setitem(download.WEIGHTS, "yolox_nano", known)
    yield asked
    server.shutdown()
    server.server_close()


def test_a_name_that_is_neither_cached_nor_to_be_fetched_says_where_to_put_the_file(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BYTETRACK_MIRROR", "http://127.0.0.1:9")
    with pytest.raises(MissingDataError) as caught:
        detector_from("yolox_nano", ["person"])
    message = str(caught.value)
    assert f"yolox_nano is not at {cache / 'yolox_nano.pth'} and cannot be downloaded" in message
    assert f"put {download.WEIGHTS['yolox_nano'].url} there, or give weights=FILE" in message
    assert "\n" not in message


@pytest.mark.slow
def test_weights_are_fetched_once_and_then_taken_from_the_cache(cache: Path, mirror: list[str], data_dir: Path) -> None:
    images = [read_image(sorted((data_dir / "coco").rglob("*.jpg"))[0])]
    for _ in range(2):
        boxes = detector_from("yolox_nano", ["person"]).detect(images)[0]
    assert mirror == ["/yolox_nano.pth"]
    assert (cache / "yolox_nano.pth").is_file()
    expected = detector_from(data_dir / "weights" / "yolox_nano.pth", ["person"]).detect(images)[0]
    assert np.array_equal(boxes.xyxy, expected.xyxy)


def test_another_name_or_path_is_refused_with_what_there_is(cache: Path) -> None:
    with pytest.raises(
        MissingDataError, match=r"no weights 'yolox_q': expected a .pth, .pth.tar, .onnx or .xml file, or a name: yolox_nano, "
    ):
        detector_from("yolox_q", None)


@pytest.mark.parametrize("name", ["yolox_nano.onnx", pytest.param("yolox_nano.pth", marks=pytest.mark.slow)])
def test_classes_are_chosen_by_name_and_named_in_what_comes_out(data_dir: Path, name: str) -> None:
    weights = data_dir / "weights" / name
    image = read_image(data_dir / "frames" / "MOT17-04-FRCNN" / "img1" / "000001.jpg")
    people, some, everything = (detector_from(weights, classes) for classes in (["person"], ["person", "handbag"], "all"))
    assert people.class_names == ["person"]
    assert some.class_names[26] == everything.class_names[26] == "handbag"
    one, two, all_of_them = (detector.detect([image])[0] for detector in (people, some, everything))
    assert one.class_id is None
    assert two.class_id is not None
    assert set(two.class_id.tolist()) <= {0, 26}
    assert int((two.class_id == 0).sum()) == len(one) > 3
    assert len(all_of_them) >= len(two)
    assert len(detector_from(weights, "person").detect([image])[0]) == len(one)


@pytest.mark.parametrize("name", ["yolox_nano.onnx", "yolox_nano.pth"])
def test_a_class_that_is_not_there_is_one_line(data_dir: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no class 'unicorn' among its 80") as caught:
        detector_from(data_dir / "weights" / name, ["unicorn"]).detect([np.zeros((64, 64, 3), np.uint8)])
    assert "\n" not in str(caught.value)


def test_a_misspelt_class_gets_a_suggestion(data_dir: Path) -> None:
    with pytest.raises(ValueError, match=r"no class 'persn' among its 80 .*: did you mean person\?"):
        detector_from(data_dir / "weights" / "yolox_nano.onnx", ["persn"]).detect([np.zeros((64, 64, 3), np.uint8)])


def as_openvino(onnx: Path, folder: Path) -> Path:
    pytest.importorskip("openvino", reason="needs openvino: pip install openvino")
    from bytetrack.detection.metadata import About
    from bytetrack.detection.openvino import convert

    convert(onnx, folder / "nano.xml", About(output="raw", num_classes=80), half=False)
    return folder / "nano.xml"


def test_an_openvino_file_finds_what_its_onnx_file_finds(data_dir: Path, tmp_path: Path) -> None:
    onnx = data_dir / "weights" / "yolox_nano.onnx"
    image = read_image(data_dir / "frames" / "MOT17-04-FRCNN" / "img1" / "000001.jpg")
    found, expected = (detector_from(weights, ["person", "handbag"]) for weights in (as_openvino(onnx, tmp_path), onnx))
    assert found.class_names == expected.class_names
    assert np.allclose(found.detect([image])[0].xyxy, expected.detect([image])[0].xyxy, atol=0.05)


@pytest.mark.parametrize("name", ["yolox_nano.onnx", "nano.xml", pytest.param("yolox_nano.pth", marks=pytest.mark.slow)])
def test_a_shared_detector_finds_the_same_for_callers_at_once(data_dir: Path, tmp_path: Path, name: str) -> None:
    weights = as_openvino(data_dir / "weights" / "yolox_nano.onnx", tmp_path) if name == "nano.xml" else data_dir / "weights" / name
    images = [read_image(path) for path in sorted((data_dir / "frames" / "MOT17-04-FRCNN" / "img1").glob("*.jpg"))]
    detector = detector_from(weights, "all")
    assert detector.on_cpu
    expected = [detector.detect([image])[0] for image in images]
    shared = detector.shared(3, 1)
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda image: shared.detect([image])[0], images))
    for one, other in zip(found, expected, strict=True):
        assert np.allclose(one.xyxy, other.xyxy, atol=0.05)
        assert np.array_equal(one.class_id, other.class_id)


@pytest.mark.slow
def test_a_checkpoint_of_one_class_needs_no_choice(data_dir: Path, tmp_path: Path) -> None:
    import torch

    model = torch.load(data_dir / "weights" / "yolox_nano.pth", weights_only=True)["model"]
    model = {key: value[:1] if "cls_preds" in key else value for key, value in model.items()}
    torch.save({"model": model}, tmp_path / "mine.pth.tar")
    detector = detector_from(tmp_path / "mine.pth.tar", ["car"], input_size=(416, 416))
    assert detector.class_names == ["car"]
    found = detector.detect([read_image(data_dir / "frames" / "MOT17-04-FRCNN" / "img1" / "000001.jpg")])[0]
    assert found.class_id is None
    assert len(found) > 3


@pytest.mark.parametrize("size", [(1 / 3, 0.125, False), (2 / 3, 0.1875, True)])
def test_a_network_of_no_standard_size_runs_from_its_file_alone(tmp_path: Path, size: tuple[float, float, bool]) -> None:
    about = {"class_names": ["person"], "convention": "bgr255", "input_size": [64, 96]}
    torch.save({"model": build_network(*size).state_dict(), "detector": about}, tmp_path / "own.pth")
    detector = detector_from(tmp_path / "own.pth", None, min_score=0.0)
    assert detector.class_names == ["person"]
    found = detector.detect([np.zeros((64, 96, 3), np.uint8)])
    assert len(found) == 1
    assert len(found[0])


def published(path: Path, size: str, classes: int = 1) -> Path:
    """A file as the authors of ByteTrack publish them, untrained: it states nothing of itself."""
    torch.save({"model": build_network(*SIZES[size], num_classes=classes).state_dict(), "optimizer": {}, "start_epoch": 80}, path)
    return path


def test_a_published_checkpoint_by_name_brings_its_size_its_input_and_its_convention(cache: Path) -> None:
    with pytest.raises(MissingDataError, match=r"bytetrack_nano_mot17 is not at .*bytetrack_nano_mot17\.pth\.tar: .* in a browser and put"):
        detector_from("bytetrack_nano_mot17", ["person"])
    cache.mkdir()
    published(cache / "bytetrack_nano_mot17.pth.tar", "nano")
    settings = detector_from("bytetrack_nano_mot17", ["person"]).network.settings
    assert (settings.size, settings.input_size, settings.convention) == (SIZES["nano"], (608, 1088), "rgb_imagenet")
    published(cache / "bytetrack_tiny_mot17.pth.tar", "nano")
    with pytest.raises(FormatError, match="expected the published YOLOX tiny of one class, got YOLOX nano of 1 classes: download it again"):
        detector_from("bytetrack_tiny_mot17", ["person"])


def test_track_takes_the_name_of_a_published_checkpoint_too(cache: Path) -> None:
    chosen = ["detector=yolox_x", "detector.weights=bytetrack_nano_mot17"]
    with pytest.raises(MissingDataError, match="bytetrack_nano_mot17 is not at"):
        as_trained(compose("track", chosen), chosen)
    cache.mkdir()
    path = published(cache / "bytetrack_nano_mot17.pth.tar", "nano")
    detector = as_trained(compose("track", chosen), chosen).detector
    assert (detector.weights, detector.depthwise, detector.width) == (str(path), True, 0.25)
    assert (list(detector.input_size), detector.convention) == ([608, 1088], "rgb_imagenet")


def test_a_foreign_file_that_names_no_classes_takes_those_that_are_given(tmp_path: Path) -> None:
    from tests.detection.test_layouts import EndToEnd, exported

    path, image = exported(EndToEnd(3), tmp_path / "their.onnx", ["output0"]), np.full((64, 96, 3), 90, np.uint8)
    with pytest.raises(ValueError, match=r"names no classes, got classes=\['dog'\]: set class_names to coco, coco91 or a list of names"):
        detector_from(path, ["dog"])
    detector = detector_from(path, ["cat", "dog"], class_names=["cat", "dog", "cow"])
    assert detector.class_names == ["cat", "dog", "cow"]
    (found,) = detector.detect([image])
    assert found.class_id is not None
    assert set(found.class_id.tolist()) <= {0, 1}
