"""Adapters against the real libraries where they are installed, else against their documented shapes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bytetrack import ByteTracker, Tracks
from bytetrack.adapters import from_dict, from_supervision, from_torchvision, from_transformers, from_ultralytics, to_supervision

BOXES = np.array([[10.0, 20, 30, 60], [40, 20, 80, 90]])
SCORES, CLASSES = np.array([0.75, 0.5]), np.array([2, 0])
EXAMPLES = sorted((Path(__file__).resolve().parent.parent / "docs" / "examples").glob("*.py"))


def assert_same(detections: Any, classes: bool = True) -> None:
    np.testing.assert_array_equal(detections.xyxy, BOXES)
    np.testing.assert_array_equal(detections.score, SCORES)
    if classes:
        np.testing.assert_array_equal(detections.class_id, CLASSES)
        assert detections.class_id.dtype == np.int64
    else:
        assert detections.class_id is None


@pytest.mark.parametrize(
    "keys", [("xyxy", "score", "class_id"), ("boxes", "scores", "labels"), ("bboxes", "conf", "cls"), ("boxes", "confidence", "classes")]
)
def test_plain_dicts_are_read_under_their_usual_names(keys: tuple[str, str, str]) -> None:
    assert_same(from_dict(dict(zip(keys, (BOXES.tolist(), SCORES.tolist(), CLASSES.tolist()), strict=True))))
    assert_same(from_dict(dict(zip(keys[:2], (BOXES, SCORES), strict=True))), classes=False)


def test_nothing_found_is_an_empty_frame() -> None:
    found = from_dict({"boxes": [], "scores": [], "labels": []})
    assert found.xyxy.shape == (0, 4)
    assert found.class_id is not None
    assert found.class_id.shape == (0,)


def test_the_source_is_never_changed_nor_shared() -> None:
    boxes = BOXES.copy()
    found = from_dict({"boxes": boxes, "scores": SCORES})
    boxes += 1
    assert_same(found, classes=False)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: from_dict({"boxes": BOXES}), "expected scores under one of score, scores, confidence, conf, got the keys boxes"),
        (lambda: from_dict([{"boxes": BOXES}]), r"got list: give its item for one image: \[0\] of 1"),
        (lambda: from_dict({"boxes": BOXES, "scores": [1.0]}), r"score must have shape \(2,\)"),
        (lambda: from_transformers({"boxes": BOXES / 100, "scores": SCORES}), "target_sizes"),
        (lambda: from_supervision(BOXES), "expected supervision.Detections, got ndarray without xyxy, confidence, class_id"),
        (lambda: from_ultralytics([1]), r"expected the Results of one image \(results\[0\]\)"),
    ],
)
def test_mistakes_are_named_in_one_line(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("attribute", ["boxes", "obb"])
def test_ultralytics_results_are_read_by_their_documented_shapes(attribute: str) -> None:
    torch = pytest.importorskip("torch")
    found = SimpleNamespace(xyxy=torch.tensor(BOXES).float(), conf=torch.tensor(SCORES).float(), cls=torch.tensor(CLASSES).float())
    result = SimpleNamespace(**{"boxes": None, "obb": None, attribute: found})
    assert_same(from_ultralytics(result))


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64"])
def test_tensors_of_any_precision_that_need_gradients_become_arrays(dtype: str) -> None:
    torch = pytest.importorskip("torch")
    boxes = torch.tensor(BOXES, dtype=getattr(torch, dtype), requires_grad=True)
    assert_same(from_torchvision({"boxes": boxes, "scores": torch.tensor(SCORES), "labels": torch.tensor(CLASSES)}))


def test_a_real_torchvision_detector_is_read() -> None:
    torch = pytest.importorskip("torch")
    detection = pytest.importorskip("torchvision.models.detection")
    torch.manual_seed(0)
    model = detection.ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=91, detections_per_img=7).eval()
    with torch.inference_mode():
        output = model([torch.rand(3, 200, 300)])[0]
    found = from_torchvision(output)
    assert len(found) == 7
    np.testing.assert_array_equal(found.xyxy, output["boxes"].double().numpy())
    np.testing.assert_array_equal(found.class_id, output["labels"].numpy())


def test_a_real_transformers_detector_is_read() -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.YolosConfig(
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        image_size=[64, 96],
        num_detection_tokens=6,
        num_labels=3,
    )
    with torch.inference_mode():
        outputs = transformers.YolosForObjectDetection(config).eval()(torch.rand(1, 3, 64, 96))
    processor = transformers.YolosImageProcessor()
    pixels = processor.post_process_object_detection(outputs, threshold=0.0, target_sizes=[(480, 640)])[0]
    found = from_transformers(pixels)
    assert len(found) == 6
    np.testing.assert_array_equal(found.xyxy, pixels["boxes"].double().numpy())
    with pytest.raises(ValueError, match="target_sizes"):
        from_transformers(processor.post_process_object_detection(outputs, threshold=0.0)[0])


def test_supervision_goes_in_and_comes_back_with_ids() -> None:
    sv = pytest.importorskip("supervision")
    source = sv.Detections(xyxy=BOXES, confidence=SCORES, class_id=CLASSES)
    assert_same(from_supervision(source))
    assert from_supervision(sv.Detections(xyxy=BOXES)).score.tolist() == [1, 1]
    assert len(from_supervision(sv.Detections.empty())) == 0
    back = to_supervision(ByteTracker(high_score=0.3, new_track_score=0.3).update(from_supervision(source)))
    assert sorted(back.tracker_id.tolist()) == [1, 2]
    assert sorted(back.class_id.tolist()) == [0, 2]
    np.testing.assert_allclose(back.xyxy[np.argsort(back.xyxy[:, 0])], BOXES)


def test_masks_and_data_come_back_by_detection_index() -> None:
    sv = pytest.importorskip("supervision")
    masks = np.zeros((2, 100, 100), bool)
    masks[1, 20:90, 40:80] = True
    source = sv.Detections(xyxy=BOXES, confidence=SCORES, class_id=CLASSES, mask=masks, data={"name": np.array(["a", "b"])})
    tracks = Tracks(BOXES[[1, 0, 0]] + 1, np.array([7, 8, 9]), SCORES[[1, 0, 0]], CLASSES[[1, 0, 0]], np.array([1, 0, -1]))
    back = to_supervision(tracks, source)
    assert back.tracker_id.tolist() == [7, 8]
    assert back.data["name"].tolist() == ["b", "a"]
    assert back.mask.sum(axis=(1, 2)).tolist() == [2800, 0]
    np.testing.assert_array_equal(back.xyxy, BOXES[[1, 0]] + 1)
    np.testing.assert_array_equal(source.xyxy, BOXES)
    assert source.tracker_id is None


@pytest.mark.parametrize(
    "path", [pytest.param(p, marks=[pytest.mark.slow] * ("torchvision" in p.name)) for p in EXAMPLES], ids=lambda p: p.name
)
def test_every_example_runs_and_is_short(path: Path) -> None:
    code = path.read_text(encoding="utf-8")
    assert len(code.splitlines()) < 40
    for library in ("supervision", "transformers", "torchvision"):
        if f"from {library}" in code or f"import {library}" in code:
            pytest.importorskip(library)
    run = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith(("frame", "0."))
