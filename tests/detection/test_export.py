"""What is exported gives what torch gives, says of itself what it is, and is not written where it does not."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bytetrack.boxes import iou, letterbox_ratio
from bytetrack.detection import export as export_module
from bytetrack.detection.export import export, export_file, random_images
from bytetrack.detection.graphs import frames_graph
from bytetrack.detection.grid import anchor_grid, anchors
from bytetrack.detection.inference import Underway
from bytetrack.detection.metadata import About
from bytetrack.detection.network import build_network
from bytetrack.detection.onnx import Onnx, bound
from bytetrack.detection.postprocess import select
from bytetrack.detection.postprocess_numpy import select_anchors, suppress
from bytetrack.detection.preprocess import (
    Placement,
    letterbox_batch,
    network_input,
    normalise,
    scale_frames,
    send_frames,
)
from bytetrack.detection.settings import CONVENTIONS, SIZES, PostprocessSettings
from bytetrack.detection.yolox import Yolox
from bytetrack.errors import FormatError, MissingDataError
from bytetrack.structures import Detections

if not all(find_spec(package) for package in ("onnx", "onnxscript", "onnxruntime")):  # to import them takes a second
    pytest.skip("needs pip install '.[onnx]'", allow_module_level=True)


LIVELY = (0.33, 0.125, False)
"""Depth, width, depthwise: with whole convolutions there are fewer layers to export."""
INSIDE: dict[str, dict[str, Any]] = {"raw": {"decode": False}, "decoded": {}, "nms": {"nms": True, "min_score": 0.1, "nms_iou": 0.5}}


@pytest.fixture(scope="session")
def lively(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of ours, untrained, of two classes and its own input size, that finds things everywhere."""
    torch.manual_seed(3)
    network = build_network(*LIVELY, 2)
    network.head.initialize_biases(0.5)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        pixels = network_input(random_images((64, 96), 8), (64, 96), "rgb_imagenet")
        network(torch.from_numpy(pixels))  # gives its BatchNorms statistics of such images
    for layers, std in ((network.head.cls_preds, 0.03), (network.head.obj_preds, 0.03), (network.head.reg_preds, 0.005)):
        for layer in layers:
            torch.nn.init.normal_(layer.weight, std=std)
    path = tmp_path_factory.mktemp("lively") / "lively.pth"
    about = {"class_names": ["person", "big, red bus"], "convention": "rgb_imagenet", "input_size": [64, 96]}
    torch.save({"model": network.state_dict(), "detector": about}, path)
    return path


def torch_finds(weights: Path, images: list[np.ndarray], **settings: Any) -> list[Detections]:
    given = {"classes": None, "input_size": (64, 96), "min_score": 0.1, "nms_iou": 0.5, "max_detections": 1000, **settings}
    return Yolox(weights, *LIVELY, device="cpu", **given).detect(images)


def assert_same(first: list[Detections], second: list[Detections]) -> None:
    assert sum(map(len, first)) > 20
    for a, b in zip(first, second, strict=True):
        assert len(a) == len(b)
        assert np.allclose(a.score, b.score, atol=1e-3)
        rows = np.lexsort((a.xyxy[:, 0].round(1), a.score.round(2))), np.lexsort((b.xyxy[:, 0].round(1), b.score.round(2)))
        assert np.allclose(a.xyxy.sum(), b.xyxy.sum(), rtol=1e-3)
        assert a.class_id is not None
        assert b.class_id is not None
        assert sorted(a.class_id[rows[0]]) == sorted(b.class_id[rows[1]])


TRACED: dict[Any, Any] = {}
trace = export_module._onnx_model


def traced_once(module: export_module.ExportedNetwork, *shape: Any) -> Any:
    """As `trace`, which takes seconds, without doing it twice for the same network and shape."""
    weights = sum(float(parameter.double().sum()) for parameter in module.parameters())
    same = weights, module.decoded, module.dtype, module.layered is None, *shape
    if same not in TRACED:
        TRACED[same] = trace(module, *shape)
    copy = type(TRACED[same])()
    copy.CopyFrom(TRACED[same])
    return copy


@pytest.fixture(autouse=True, scope="module")
def each_trace_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export_module, "_onnx_model", traced_once)
        yield


@pytest.fixture(scope="session")
def exported(lively: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """`exported(kind)`: the file of `lively` with that kind of output, made once; nothing else is in its folder."""

    @cache
    def make(kind: str) -> Path:
        path = tmp_path_factory.mktemp(kind) / "file.onnx"
        export(lively, path, **INSIDE[kind])
        return path

    return make


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["raw", "decoded", "nms"])
def test_all_kinds_of_output_are_read_back_by_the_detector_alone(lively: Path, exported: Callable[[str], Path], kind: str) -> None:
    file, images = exported(kind), random_images((80, 60), 3)
    setting = {} if kind == "nms" else {"min_score": 0.1, "nms_iou": 0.5}
    detector = Onnx(file, classes=None, **setting)
    assert detector.class_names == ["person", "big, red bus"]
    assert_same(detector.detect(images), torch_finds(lively, images))
    assert [path.name for path in file.parent.iterdir()] == ["file.onnx"]
    buses = Onnx(file, classes=["big, red bus"], **setting).detect(images)
    assert sum(map(len, buses)) == sum(int((d.class_id == 1).sum()) for d in torch_finds(lively, images) if d.class_id is not None)


@pytest.mark.slow
def test_settings_that_contradict_the_suppression_inside_are_refused(exported: Callable[[str], Path]) -> None:
    file, images = exported("nms"), random_images((64, 96), 1)
    refused = {
        "min_score": (0.05, "no boxes below the score 0.1"),
        "nms_iou": (0.7, "nms_iou 0.5"),
        "max_detections": (1001, "max_detections 1000"),
    }
    for name, (value, told) in {**refused, "convention": ("bgr255", "convention rgb_imagenet")}.items():
        setting: dict[str, Any] = {name: value}
        with pytest.raises(ValueError, match=told):
            Onnx(file, **setting).detect(images)
    found = Onnx(file, min_score=0.11, max_detections=5, classes=None).detect(images)[0]
    assert len(found) == 5
    assert (np.diff(found.score) <= 0).all()


@pytest.mark.slow
def test_an_open_size_and_a_fixed_batch(lively: Path, tmp_path: Path) -> None:
    export(lively, tmp_path / "open.onnx", dynamic_size=True, batch=2)
    images = random_images((96, 128), 3)  # the last batch is not full
    chosen = {"min_score": 0.1, "nms_iou": 0.5, "classes": None}
    for size in ((96, 128), (64, 96)):
        found = Onnx(tmp_path / "open.onnx", input_size=size, **chosen).detect(images)
        assert_same(found, torch_finds(lively, images, input_size=size))
    assert_same(Onnx(tmp_path / "open.onnx", **chosen).detect(images), torch_finds(lively, images))  # its own size


@pytest.mark.slow
def test_nano_is_torchs_nano_on_real_images(nano: Path, coco_images: list[np.ndarray], data_dir: Path, tmp_path: Path) -> None:
    difference = export(nano, tmp_path / "nano.onnx", nms=True, images=coco_images)
    assert difference.score < 1e-3
    assert difference.box < 0.05
    torches = Yolox(nano, *SIZES["nano"], input_size=(416, 416), classes=None, device="cpu").detect(coco_images)
    assert_same(Onnx(tmp_path / "nano.onnx", classes=None).detect(coco_images), torches)


def assert_near(first: list[Detections], second: list[Detections], box: float, score: float) -> None:
    """Every box of the first has one of the second's beside it."""
    assert sum(map(len, first)) > 10
    for a, b in zip(first, second, strict=True):
        assert len(a) == len(b)
        beside = (np.abs(a.xyxy[:, None] - b.xyxy).max(axis=2) <= box) & (np.abs(a.score[:, None] - b.score) <= score)
        assert beside.any(axis=1).all()


@pytest.fixture(scope="session")
def takes_frames(nano: Path, tmp_path_factory: pytest.TempPathFactory, coco_images: list[np.ndarray]) -> Path:
    path = tmp_path_factory.mktemp("frames") / "nano.onnx"
    export(nano, path, input_size=(256, 320), preprocess=True, images=coco_images)
    return path


def on_the_device(detector: Yolox, images: list[np.ndarray]) -> list[Detections]:
    """As a GPU would find them: torch scales."""
    inference = detector._inference
    pixels = [scale_frames(send_frames([image], "cpu"), inference.size, inference.convention) for image in images]
    ratios = [letterbox_ratio(image.shape, inference.size) for image in images]
    with torch.inference_mode():
        return [inference.collect(inference.launch(Underway([one], [ratio])))[0] for one, ratio in zip(pixels, ratios, strict=True)]


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("fixed", [False, True])
def test_frames_become_in_the_graph_what_torch_makes_of_them(coco_images: list[np.ndarray], convention: str, fixed: bool) -> None:
    import onnxruntime

    for image, size in zip(coco_images, ((256, 320), (416, 416), (96, 64), (448, 640)), strict=True):
        shape = (image.shape[0], image.shape[1])
        graph = frames_graph(About(convention=convention, input_size=list(size)), None, shape if fixed else None)
        frames = np.stack([image, image[::-1]])
        (got,) = onnxruntime.InferenceSession(graph.SerializeToString()).run(None, {"frames": frames})
        expected = scale_frames(send_frames(list(frames), "cpu"), size, convention).numpy()
        level = max(CONVENTIONS[convention].scale)
        assert np.abs(got - expected).max() <= 1.01 * level
        assert (np.abs(got - expected) > 0.5 * level).mean() < 5e-4  # where a half is rounded


@pytest.mark.slow
def test_a_file_that_takes_frames_finds_what_torch_finds_on_real_images(
    takes_frames: Path, nano: Path, coco_images: list[np.ndarray]
) -> None:
    images = [*coco_images, coco_images[0]]  # of several sizes, two of them in one batch with others between
    torches = Yolox(nano, *SIZES["nano"], input_size=(256, 320), min_score=0.05, device="cpu")
    found = Onnx(takes_frames, min_score=0.05, batch_size=4).detect(images)
    assert_near(on_the_device(torches, images), found, box=1.0, score=0.01)
    by_opencv = torches.detect(images)  # whose scaling is up to a grey level off
    for one, other in zip(by_opencv, found, strict=True):
        sure = one.xyxy[one.score > 0.3]
        assert (iou(sure, other.xyxy).max(axis=1, initial=0) > 0.9).all()


def test_a_binding_to_a_device_gives_what_a_plain_run_gives(coco_images: list[np.ndarray]) -> None:
    import onnxruntime

    graph = frames_graph(About(convention="rgb_imagenet", input_size=[64, 96]), None, None)
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    run, source = bound(session, "cpu"), session.get_inputs()[0].name
    for image in (*coco_images, coco_images[0]):
        for batch in (image[None].copy(), np.stack([image, image[::-1]])):
            expected = session.run(None, {source: batch})[0]
            assert np.array_equal(run(batch), expected)


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({"dynamic_size": True}, "preprocess=true is for .onnx files of one input size"),
        ({"frame_size": [100]}, r"frame_size must be \[height, width\] in pixels"),
        ({"frame_size": [80, 60], "preprocess": False}, "beside preprocess=true"),
    ],
)
def test_what_frames_cannot_go_with_is_refused_at_once(lively: Path, tmp_path: Path, setting: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        export(lively, tmp_path / "file.onnx", **{"preprocess": True, **setting})


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["raw", "nms"])
def test_frames_of_a_fixed_size_and_number_go_in_with_any_kind_of_output(lively: Path, tmp_path: Path, kind: str) -> None:
    export(lively, tmp_path / "file.onnx", preprocess=True, frame_size=[81, 61], batch=2, **INSIDE[kind])
    images = [np.ascontiguousarray(image[:81, :61]) for image in random_images((96, 64), 3)]
    setting = {} if kind == "nms" else {"min_score": 0.1, "nms_iou": 0.5}
    given = {"classes": None, "input_size": (64, 96), "min_score": 0.1, "nms_iou": 0.5, "max_detections": 1000}
    torches = on_the_device(Yolox(lively, *LIVELY, device="cpu", **given), images)
    found = Onnx(tmp_path / "file.onnx", classes=None, **setting).detect(images)
    assert_near(torches, found, box=1.0, score=0.01)
    with pytest.raises(ValueError, match=r"takes frames of \(81, 61\) only, got \(82, 61\): export with another frame_size"):
        Onnx(tmp_path / "file.onnx", classes=None, **setting).detect([np.zeros((82, 61, 3), np.uint8)])


@pytest.mark.slow
def test_a_file_that_is_not_as_torch_is_not_written(lively: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(export_module.TOLERANCE, "fp32", (0.0, 0.0))
    with pytest.raises(FormatError, match=r"ONNX: scores differ from torch's by .*: not written"):
        export(lively, tmp_path / "file.onnx", **INSIDE["raw"])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({"nms": True, "decode": False}, "nms=true needs decoded boxes"),
        ({"precision": "bf16"}, "precision must be fp32 or fp16"),
        ({"input_size": [100, 100]}, "multiples of 32"),
        ({"format": "openvino"}, r"out must end in .onnx \(onnx\) or .xml \(openvino\)"),
        ({"batch": 0}, "batch_size must be"),
        ({"convention": "bgr255"}, "was trained with convention rgb_imagenet"),
    ],
)
def test_settings_that_do_not_fit_are_refused_at_once(lively: Path, tmp_path: Path, setting: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        export(lively, tmp_path / "file.onnx", **setting)
    assert not list(tmp_path.iterdir())


def test_a_folder_without_images_is_named(lively: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match=r"no image found there"):
        export_file(images=str(tmp_path), weights=lively, out=tmp_path / "file.onnx")


def test_the_onnx_detector_never_imports_torch(data_dir: Path) -> None:
    import subprocess

    program = (
        "import sys, numpy as np; from bytetrack.detection.onnx import Onnx; "
        f"Onnx({str(data_dir / 'weights' / 'yolox_nano.onnx')!r}).detect([np.zeros((90, 120, 3), np.uint8)]); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 150), st.integers(2, 150), st.sampled_from([(32, 32), (64, 96), (96, 64)]), st.sampled_from(sorted(CONVENTIONS)))
def test_the_input_without_torch_is_that_with_torch(height: int, width: int, size: tuple[int, int], convention: str) -> None:
    images = [np.random.default_rng(height).integers(0, 256, shape, dtype=np.uint8) for shape in ((height, width, 3), (width, height, 3))]
    expected = normalise(letterbox_batch(images, size), convention).numpy()
    assert np.allclose(network_input(images, size, convention), expected, atol=1e-6)


def test_anchors_without_torch_are_those_with_torch() -> None:
    for ours, torchs in zip(anchor_grid(64, 160), anchors(64, 160), strict=True):
        assert np.array_equal(ours, torchs.numpy().reshape(len(ours), -1))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.01, 0.3, 1.0]), st.sampled_from([0.0, 0.3, 0.7, 1.0]), st.sampled_from([None, (1,)])
)
def test_selecting_without_torch_is_selecting_with_torch(seed: int, min_score: float, nms_iou: float, class_ids: Any) -> None:
    rng = np.random.default_rng(seed)
    grid, stride = anchor_grid(64, 96)
    output = np.hstack([rng.normal(0, 1.5, (len(grid), 4)), rng.random((len(grid), 4))]).astype(np.float32)
    chosen = PostprocessSettings(min_score, nms_iou, 30, class_ids, single=False)
    tensors = (torch.from_numpy(output[None]), torch.from_numpy(grid), torch.from_numpy(stride[:, 0]))
    (expected,) = select(*tensors, [0.5], chosen, logits=False)
    found = select_anchors(output, grid, stride, Placement(0.5, 0.5), chosen)
    assert np.allclose(found.score, expected.score, atol=1e-7)
    assert np.allclose(found.xyxy, expected.xyxy, rtol=1e-5, atol=1e-3)
    assert np.array_equal(found.class_id, expected.class_id)


def test_suppression_keeps_boxes_of_other_classes_scores_of_zero_and_the_better_of_two() -> None:
    xyxy = np.array([[0, 0, 10, 10], [0, 0, 10, 11], [0, 0, 10, 10], [-50, -50, 1e20, 1e20], [300, 0, 310, 10]], dtype=float)
    score, class_id = np.array([0.5, 0.9, 0.4, 0.8, 0.0]), np.array([0, 0, 1, 1, 1])
    assert suppress(xyxy, score, class_id, 0.7).tolist() == [1, 3, 2, 4]
    assert suppress(np.empty((0, 4)), np.empty(0), np.empty(0, np.int64), 0.7).tolist() == []


@pytest.mark.slow
def test_a_decoded_file_that_says_nothing_is_known_by_its_looks(lively: Path, exported: Callable[[str], Path], tmp_path: Path) -> None:
    import onnx

    model = onnx.load(exported("decoded"))
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "bare.onnx")
    images, chosen = random_images((64, 96), 2), {"min_score": 0.1, "nms_iou": 0.5, "classes": None}
    assert_same(Onnx(tmp_path / "bare.onnx", convention="rgb_imagenet", **chosen).detect(images), torch_finds(lively, images))
    onnx.helper.set_model_props(model, {"output": "boxes"})
    onnx.save(model, tmp_path / "odd.onnx")
    with pytest.raises(FormatError, match="expected metadata output to be raw, decoded, detections"):
        Onnx(tmp_path / "odd.onnx").detect(images)
