"""What a detector's own layers say of its boxes: the same with torch and without, through stores, tools and other processes."""

from __future__ import annotations

import pickle
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from bytetrack.detection.described import DetectorEmbedder, describe
from bytetrack.detection.exported import ExportedDetector
from bytetrack.detection.network import LayeredNetwork, build_network
from bytetrack.detection.onnx import Onnx
from bytetrack.detection.postprocess import describe_by_torch
from bytetrack.detection.preprocess import place
from bytetrack.detection.settings import LAYERS, SIZES
from bytetrack.detection.store import DetectionStore
from bytetrack.detection.yolox import Yolox
from bytetrack.pipeline import ClassMatch, described_by
from bytetrack.structures import DescribedDetections, Detections, Sequence, SequenceDetections
from bytetrack.tracking.trackers.byte import ByteTracker
from bytetrack.tracking.trackers.byte_plus import BytePlus

Boxes = npt.NDArray[np.float64]


def nano_detector(nano: Path, **settings: Any) -> Yolox:
    return Yolox(nano, *SIZES["nano"], input_size=(256, 320), min_score=0.3, device="cpu", **settings)


def all_features(found: list[Detections]) -> npt.NDArray[np.float32]:
    assert all(isinstance(one, DescribedDetections) for one in found)
    return np.concatenate([one.features for one in found if isinstance(one, DescribedDetections)])


@pytest.mark.parametrize("seed", range(5))
def test_pooling_without_torch_is_pooling_with_torch(seed: int) -> None:
    rng = np.random.default_rng(seed)
    layers = {"c2": rng.normal(size=(2, 6, 24, 32)), "c3": rng.normal(size=(2, 5, 12, 16)), "p5": rng.normal(size=(2, 3, 3, 4))}
    layers = {name: layer.astype(np.float32) for name, layer in layers.items()}
    corner, size = rng.uniform(-60, 140, (2, 9, 2)), np.exp(rng.uniform(-3, 5, (2, 9, 2)))
    boxes = [np.hstack([corner[k], corner[k] + size[k]]) for k in range(2)]
    expected = describe_by_torch({name: torch.from_numpy(layer) for name, layer in layers.items()}, boxes, rows=3)
    for k in range(2):
        got = describe({name: layer[k] for name, layer in layers.items()}, boxes[k], rows=3)
        assert got.dtype == expected[k].dtype == np.float32
        assert np.allclose(got, expected[k], atol=1e-4)
        assert np.linalg.norm(got, axis=1) == pytest.approx(1, abs=1e-4)


def test_no_box_has_no_feature() -> None:
    layer = np.ones((6, 24, 32), np.float32)
    assert describe({"c2": layer}, np.empty((0, 4)), 4).shape == (0, 24)
    (of_none, of_one) = describe_by_torch({"c2": torch.ones(2, 6, 24, 32)}, [np.empty((0, 4)), np.array([[0.0, 0.0, 20.0, 40.0]])], 4)
    assert (of_none.shape, of_one.shape) == ((0, 24), (1, 24))


def test_every_layer_has_its_stride_and_the_output_stays_what_it_was() -> None:
    network = build_network(0.33, 0.125).eval()
    images = torch.rand(2, 3, 64, 96) * 255
    with torch.inference_mode():
        expected = network(images)
        output, *layers = LayeredNetwork(network, tuple(LAYERS))(images)
    assert torch.equal(output, expected)
    for (name, stride), layer in zip(LAYERS.items(), layers, strict=True):
        assert layer.shape[2:] == (64 // stride, 96 // stride), name


def test_a_detector_that_describes_finds_the_same_boxes_in_batches_and_alone(nano: Path, coco_images: list[np.ndarray]) -> None:
    plain, embedder = nano_detector(nano), DetectorEmbedder()
    describing = described_by(plain, embedder, BytePlus())
    assert isinstance(describing, Yolox)
    assert describing.key() != plain.key() != described_by(plain, DetectorEmbedder(rows=2), BytePlus()).key()
    boxes, found = plain.detect(coco_images), describing.detect(coco_images)
    for one, other in zip(boxes, found, strict=True):
        assert np.array_equal(one.xyxy, other.xyxy)
    features = all_features(found)
    assert features.shape == (sum(map(len, boxes)), 4 * (32 + 64))
    assert np.linalg.norm(features, axis=1) == pytest.approx(1, abs=1e-5)
    alone = all_features([one for image in coco_images for one in describing.detect([image])])
    assert np.allclose(alone, features, atol=1e-4)


def test_what_does_not_fit_is_refused_in_one_line(nano: Path, coco_images: list[np.ndarray], data_dir: Path) -> None:
    with pytest.raises(ValueError, match=r"layers must be some of c2, c3, c4, c5, p3, p4, p5, each once: got \['c1'\]"):
        DetectorEmbedder(layers=["c1"])
    with pytest.raises(ValueError, match="rows"):
        DetectorEmbedder(rows=0)
    compiled = described_by(nano_detector(nano, compile=True), DetectorEmbedder(), BytePlus())
    with pytest.raises(ValueError, match=r"set detector\.compile=false"):
        compiled.detect(coco_images[:1])
    without = described_by(Onnx(data_dir / "weights" / "yolox_nano.onnx"), DetectorEmbedder(), BytePlus())
    with pytest.raises(ValueError, match=r"expected the layers c2, c3 among its outputs .* layers=true"):
        without.detect(coco_images[:1])

    class Recorded:
        def detect_sequence(self, sequence: Sequence) -> SequenceDetections:
            raise AssertionError

    with pytest.raises(ValueError, match="embedder=detector takes the features of a YOLOX, and Recorded has none"):
        described_by(Recorded(), DetectorEmbedder(), BytePlus())


def test_a_tracker_without_features_leaves_the_detector_alone(nano: Path) -> None:
    detector = nano_detector(nano)
    assert described_by(detector, DetectorEmbedder(), ByteTracker()) is detector
    assert described_by(detector, None, BytePlus()) is detector


def described(n: int, d: int = 3, seed: int = 0) -> DescribedDetections:
    rng = np.random.default_rng(seed)
    found = Detections(rng.random((n, 4)), rng.random(n), np.arange(n))
    return DescribedDetections(found, rng.normal(size=(n, d)))


def test_features_go_with_their_boxes() -> None:
    found = described(4)
    for copy in (pickle.loads(pickle.dumps(found)), found[np.arange(4)]):
        assert np.array_equal(copy.features, found.features)
        assert np.array_equal(copy.xyxy, found.xyxy)
    assert np.array_equal(found[np.array([2, 0])].features, found.features[[2, 0]])
    with pytest.raises(ValueError, match=r"features must have shape \(4, d\)"):
        DescribedDetections(found, np.ones((3, 2)))


def test_features_are_stored_cut_and_renumbered_with_their_boxes(tmp_path: Path) -> None:
    frames = [described(3, seed=1), Detections.empty(), described(2, seed=2)]
    whole = SequenceDetections.from_frames(frames)
    assert whole.features is not None
    sequence, store = Sequence("S", 3, 25, 10, 10), DetectionStore(tmp_path, "key")
    store.save(sequence, whole)
    kept = store.detect_sequence(sequence)
    assert kept.features is not None
    assert kept.features.dtype == np.float32
    assert np.allclose(kept.features, whole.features, atol=2e-3)
    last = kept.frame(3)
    assert isinstance(last, DescribedDetections)
    assert np.allclose(last.features, frames[2].features, atol=2e-3)  # type: ignore[attr-defined]
    renumbered = ClassMatch(("a", "b", "c"), (-1, 5, -1)).renumbered("S", whole)
    assert renumbered.features is not None
    assert np.array_equal(renumbered.features, whole.features[[1, 4]])
    assert SequenceDetections.from_frames([frames[0], Detections(frames[0].xyxy, frames[0].score)]).features is None


@pytest.mark.skipif(not all(find_spec(name) for name in ("onnx", "onnxscript", "onnxruntime")), reason="needs pip install '.[onnx]'")
@pytest.mark.slow
@pytest.mark.parametrize("inside", [{}, {"nms": True, "min_score": 0.3}], ids=["decoded", "nms"])
def test_an_exported_file_describes_as_torch_does(
    nano: Path, coco_images: list[np.ndarray], tmp_path: Path, inside: dict[str, Any]
) -> None:
    from bytetrack.detection.export import export

    export(nano, tmp_path / "file.onnx", input_size=(256, 320), layers=True, images=coco_images, **inside)
    embedder, plain = DetectorEmbedder(layers=["c2", "p4"]), Onnx(tmp_path / "file.onnx", min_score=0.3)
    exported, by_torch = (described_by(one, embedder, BytePlus()) for one in (plain, nano_detector(nano)))
    assert isinstance(exported, ExportedDetector)
    assert isinstance(by_torch, Yolox)
    images = [*coco_images, coco_images[0][:200]]
    got, expected = exported.detect(images), by_torch.detect(images)
    assert sum(map(len, got)) > 3
    for one, other in zip(got, expected, strict=True):
        assert np.allclose(one.xyxy, other.xyxy, atol=0.1)
    assert np.allclose(all_features(got), all_features(expected), atol=0.01)
    assert not isinstance(plain.detect(images[:1])[0], DescribedDetections)  # a file with layers, whose layers nobody asks for
    assert set(plain.open().outputs).isdisjoint(LAYERS)


@pytest.mark.parametrize("fit", ["letterbox", "letterbox_centre", "stretch"])
def test_boxes_go_into_the_input_as_they_come_out_of_it(fit: str) -> None:
    boxes = np.array([[10.0, 20.0, 60.0, 80.0]])
    placement = place((100, 150), (96, 96), fit)
    assert np.allclose(placement.to_image(placement.to_input(boxes)), boxes)
