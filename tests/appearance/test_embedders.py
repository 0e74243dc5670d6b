"""Features of crops: of colour histograms, and of a network in an ONNX file."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from bytetrack.appearance import Histogram, OnnxEmbedder
from bytetrack.errors import FormatError, MissingDataError

BOXES = np.array([[10.0, 10.0, 50.0, 110.0], [100.0, 10.0, 140.0, 110.0], [200.0, 10.0, 240.0, 110.0], [500.0, 0.0, 540.0, 90.0]])


def street() -> np.ndarray:
    """Three people on grey: blue over green twice, green over blue once; the fourth box lies outside."""
    image = np.full((120, 260, 3), 128, np.uint8)
    blue, green = (200, 60, 40), (40, 160, 40)
    for left, upper, lower in ((10, blue, green), (100, blue, green), (200, green, blue)):
        image[10:60, left : left + 40], image[60:110, left : left + 40] = upper, lower
    return image


def test_the_same_clothes_are_near_and_the_same_colours_in_another_order_are_not() -> None:
    features = Histogram().embed(street(), BOXES, np.array([0.9, 0.9, 0.9, 0.9]))
    assert features.dtype == np.float32
    assert np.linalg.norm(features, axis=1) == pytest.approx([1, 1, 1, 0], abs=1e-6)
    assert features[0] @ features[1] == pytest.approx(1.0)
    assert features[0] @ features[2] == pytest.approx(1 / 7, abs=0.02)  # the whole box is one stripe of seven that agree


def test_brightness_changes_greys_only_and_low_scores_are_not_looked_at() -> None:
    embedder = Histogram()
    bright, dark = embedder.embed(street(), BOXES[:1], np.ones(1)), embedder.embed((street() * 0.7).astype(np.uint8), BOXES[:1], np.ones(1))
    assert (bright @ dark.T).item() > 0.95
    assert not embedder.embed(street(), BOXES[:1], np.array([0.05])).any()
    assert embedder.embed(street(), np.empty((0, 4)), np.empty(0)).shape == (0, 224)


def test_a_key_names_the_settings_and_wrong_ones_are_refused() -> None:
    assert Histogram().key() == Histogram().key() != Histogram(hues=6).key()
    with pytest.raises(ValueError, match="stripes must be a whole number from 1 to 32: got 0"):
        Histogram(stripes=0)
    with pytest.raises(ValueError, match="min_score must be a number in"):
        Histogram(min_score=2)


def mean_colour(path: Path, batch: int | str) -> Path:
    """A network whose feature is the mean of red, green and blue."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    node = helper.make_node("GlobalAveragePool", ["images"], ["features"])
    images = helper.make_tensor_value_info("images", kind, [batch, 3, 64, 32])
    features = helper.make_tensor_value_info("features", kind, [batch, 3, 1, 1])
    model = helper.make_model(helper.make_graph([node], "mean", [images], [features]), opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("batch", ["n", 2])
def test_a_network_says_the_features(tmp_path: Path, batch: int | str) -> None:
    embedder = OnnxEmbedder(mean_colour(tmp_path / "mean.onnx", batch), mean=[0, 0, 0], std=[1, 1, 1], batch_size=2)
    features = pickle.loads(pickle.dumps(embedder)).embed(street(), BOXES, np.ones(4))
    red = np.array([(40 + 40) / 2, (60 + 160) / 2, (200 + 40) / 2])
    assert features[0] == pytest.approx(red / np.linalg.norm(red), abs=0.01)
    assert not features[3].any()


def test_what_is_no_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match=r"no file .*embedder.weights"):
        OnnxEmbedder(tmp_path / "none.onnx")
    pytest.importorskip("onnxruntime")
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(FormatError, match="onnxruntime cannot load it"):
        OnnxEmbedder(tmp_path / "text.onnx").embed(street(), BOXES, np.ones(4))
