"""Small networks, exported as people export theirs: the detector finds what the network itself finds, and refuses what it cannot read."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchvision.models.detection import RetinaNet
from torchvision.models.detection.rpn import AnchorGenerator
from torchvision.ops import batched_nms, box_convert

from bytetrack.detection.classes import COCO, COCO91
from bytetrack.detection.grid import anchors
from bytetrack.detection.onnx import Onnx
from bytetrack.detection.settings import LAYOUTS
from bytetrack.errors import FormatError
from bytetrack.structures import Detections
from tests.conftest import ROOT

onnx = pytest.importorskip("onnx", reason="needs onnx")
pytest.importorskip("onnxruntime", reason="needs onnxruntime")

SIZE = (64, 96)
ALL: dict[str, Any] = {"classes": None, "min_score": 0.2, "nms_iou": 0.5}
IMAGENET = (torch.tensor([0.485, 0.456, 0.406])[:, None, None], torch.tensor([0.229, 0.224, 0.225])[:, None, None])


def pictures() -> list[np.ndarray]:
    """Soft coloured noise of two shapes, neither the input's."""
    rng = np.random.default_rng(5)
    return [cv2.GaussianBlur(rng.integers(0, 256, shape, dtype=np.uint8), (9, 9), 0) for shape in ((90, 100, 3), (50, 120, 3))]


class Cells(nn.Module):
    """`columns` numbers (B, A, columns) of every cell of three levels, which vary with the image."""

    def __init__(self, columns: int) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.levels = nn.ModuleList(nn.Conv2d(3, columns, stride, stride) for stride in (8, 16, 32))
        for level in self.levels:
            nn.init.normal_(level.weight, std=0.6)

    def forward(self, images: Tensor) -> Tensor:
        return torch.cat([level(images).flatten(2) for level in self.levels], dim=2).permute(0, 2, 1)


class Yolo(nn.Module):
    """Centre, size in pixels, scores; `per_cell` anchors a cell, with objectness if `objectness`."""

    def __init__(self, classes: int, per_cell: int = 1, objectness: bool = False) -> None:
        super().__init__()
        self.columns, self.per_cell = 4 + objectness + classes, per_cell
        self.cells = Cells(self.columns * per_cell)

    def forward(self, images: Tensor) -> Tensor:
        values = self.cells(images).reshape(images.shape[0], -1, self.columns)
        grid, stride = (part.repeat_interleave(self.per_cell, 0) for part in anchors(*SIZE))
        centre = (grid + 0.5 + 0.4 * values[..., :2].tanh()) * stride[:, None]
        size = (0.3 * values[..., 2:4]).exp() * stride[:, None] * 1.5
        return torch.cat([centre, size, values[..., 4:].sigmoid()], dim=-1)


class Yolov8(Yolo):
    """(B, 4 + C, A)."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images).permute(0, 2, 1)


class EndToEnd(Yolo):
    """The twenty best as rows (B, 20, 6): corners, score, class."""

    def forward(self, images: Tensor) -> Tensor:
        boxes = super().forward(images)
        score, label = boxes[..., 4:].max(-1)
        best, order = score.topk(20)
        corners = torch.cat([boxes[..., :2] - boxes[..., 2:4] / 2, boxes[..., :2] + boxes[..., 2:4] / 2], -1)
        picked = corners.gather(1, order[..., None].expand(-1, -1, 4))
        return torch.cat([picked, best[..., None], label.gather(1, order)[..., None].float()], -1)


class Detr(nn.Module):
    """Twelve queries: logits (B, 12, C), boxes (B, 12, 4) as fractions."""

    def __init__(self, columns: int) -> None:
        super().__init__()
        torch.manual_seed(4)
        self.columns, self.head = columns, nn.Linear(3 * 24, 12 * (columns + 4))
        nn.init.normal_(self.head.weight, std=0.5)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        pooled = nn.functional.avg_pool2d(images, 16).flatten(1)  # 4 x 6 places
        values = self.head(pooled).reshape(-1, 12, self.columns + 4)
        boxes = torch.cat([values[..., :2].sigmoid() * 0.6 + 0.2, values[..., 2:4].sigmoid() * 0.2 + 0.1], -1)
        return values[..., 4:], boxes


class RtDetr(Detr):
    """Post-processed: labels, boxes in pixels of `orig_target_sizes` (width, height), scores."""

    def forward(self, images: Tensor, orig_target_sizes: Tensor | None = None) -> tuple[Tensor, ...]:  # type: ignore[override]
        logits, boxes = super().forward(images)
        scores, labels = logits.sigmoid().max(-1)
        corners = torch.cat([boxes[..., :2] - boxes[..., 2:] / 2, boxes[..., :2] + boxes[..., 2:] / 2], -1)
        if orig_target_sizes is not None:
            corners = corners * orig_target_sizes.repeat(1, 2)[:, None]
        return labels, corners, scores


def exported(
    network: nn.Module,
    path: Path,
    outputs: list[str],
    inputs: tuple[Any, ...] | None = None,
    called: tuple[str, ...] = ("images",),
    free_batch: bool = False,
    **about: str,
) -> Path:
    """The network as an ONNX file with the metadata `about`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        given = inputs or (torch.zeros(1, 3, *SIZE),)
        names: dict[str, Any] = {"input_names": list(called), "output_names": outputs}
        axes = {called[0]: {0: "batch"}} if free_batch else None
        torch.onnx.export(network.eval(), given, str(path), **names, dynamic_axes=axes, dynamo=False, opset_version=17)
    model = onnx.load(path)
    onnx.helper.set_model_props(model, about)
    onnx.save(model, path)
    return path


def letterboxed(image: np.ndarray) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """The image in the middle of the input, grey around, RGB in [0, 1]; and the way back for corners."""
    ratio = min(SIZE[0] / image.shape[0], SIZE[1] / image.shape[1])
    height, width = round(image.shape[0] * ratio), round(image.shape[1] * ratio)
    top, left = (SIZE[0] - height) // 2, (SIZE[1] - width) // 2
    canvas = np.full((*SIZE, 3), 114, np.uint8)
    canvas[top : top + height, left : left + width] = cv2.resize(image, (width, height))
    offset = torch.tensor([left, top, left, top])
    return torch.from_numpy(canvas[..., ::-1].copy()).permute(2, 0, 1)[None] / 255, lambda xyxy: (xyxy.double() - offset) / ratio


def stretched(image: np.ndarray) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """The image over the whole input, RGB in [0, 1]; and the way back for corners that are fractions."""
    pixels = cv2.resize(image, (SIZE[1], SIZE[0]))[..., ::-1].copy()
    sides = torch.tensor([image.shape[1], image.shape[0]] * 2)
    return torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255, lambda xyxy: xyxy.double() * sides


def suppressed(xyxy: Tensor, scores: Tensor, back: Callable[[Tensor], Tensor]) -> tuple[np.ndarray, ...]:
    """What the network finds: the best class of each box, above 0.2, after non-maximum suppression by torchvision."""
    score, label = scores.max(-1)
    kept = score >= 0.2
    xyxy, score, label = xyxy[kept], score[kept], label[kept]
    rows = batched_nms(xyxy, score, label, 0.5)
    return back(xyxy[rows]).numpy(), score[rows].numpy(), label[rows].numpy()


def chosen(xyxy: Tensor, score: Tensor, label: Tensor, back: Callable[[Tensor], Tensor]) -> tuple[np.ndarray, ...]:
    """What the network finds that needs no suppression: above 0.2, best first."""
    order = score.argsort(descending=True)
    order = order[score[order] >= 0.2]
    return back(xyxy[order]).numpy(), score[order].numpy(), label[order].numpy()


def assert_found(found: list[Detections], expected: list[tuple[np.ndarray, ...]]) -> None:
    for one, (xyxy, score, label) in zip(found, expected, strict=True):
        assert len(one) == len(xyxy) > 3
        assert np.allclose(one.xyxy, xyxy, atol=1e-2)
        assert np.allclose(one.score, score, atol=1e-4)
        assert one.class_id is not None
        assert one.class_id.tolist() == label.tolist()
    assert len({number for *_, label in expected for number in label.tolist()}) > 1


@torch.no_grad()
def of_yolo(network: nn.Module, image: np.ndarray, objectness: bool = False) -> tuple[np.ndarray, ...]:
    pixels, back = letterboxed(image)
    rows = Yolo.forward(network, pixels)[0]
    scores = rows[:, 4:5] * rows[:, 5:] if objectness else rows[:, 4:]
    return suppressed(box_convert(rows[:, :4], "cxcywh", "xyxy"), scores, back)


def test_boxes_objectness_and_classes_of_three_anchors_a_cell_are_read_as_yolov5(tmp_path: Path) -> None:
    network = Yolo(3, per_cell=3, objectness=True)
    detector = Onnx(exported(network, tmp_path / "v5.onnx", ["output"], names="{0: 'a', 1: 'b', 2: 'c'}"), **ALL)
    assert_found(detector.detect(pictures()), [of_yolo(network, image, objectness=True) for image in pictures()])
    assert detector.class_names == ["a", "b", "c"]


def test_transposed_boxes_and_classes_are_read_as_yolov8_with_the_names_and_size_of_the_metadata(tmp_path: Path) -> None:
    network = Yolov8(3)
    about = {"names": "{0: 'person', 1: 'dog', 2: 'sea lion'}", "imgsz": "[64, 96]", "stride": "32", "task": "detect"}
    path = exported(network, tmp_path / "v8.onnx", ["output0"], **about)
    detector = Onnx(path, **ALL)
    expected = [of_yolo(network, image) for image in pictures()]
    assert_found(detector.detect(pictures()), expected)
    assert (detector.class_names, detector.decided()["input_size"]) == (["person", "dog", "sea lion"], [64, 96])
    (lions, *_) = Onnx(path, **{**ALL, "classes": ["sea lion"]}).detect(pictures())
    assert len(lions) == (expected[0][2] == 2).sum()
    with pytest.raises(ValueError, match=r"no class 'cat' among its 3 \(person, dog, sea lion\)"):
        Onnx(path, **{**ALL, "classes": ["cat"]}).detect(pictures())


@pytest.mark.parametrize(("classes", "names"), [(3, "['a', 'b', 'c']"), (1, ""), (80, "")])
def test_a_yolov8_that_is_not_transposed_is_told_from_a_yolox_by_its_number_of_classes(tmp_path: Path, classes: int, names: str) -> None:
    wide, tall = (exported(kind(classes), tmp_path / f"{kind.__name__}.onnx", ["output0"], names=names) for kind in (Yolov8, Yolo))
    for told in (None, "yolov8"):
        detectors = [Onnx(path, layout=told, **ALL) for path in (wide, tall)]
        for one, other in zip(*(detector.detect(pictures()) for detector in detectors), strict=True):
            assert np.array_equal(one.xyxy, other.xyxy)
            assert np.array_equal(one.score, other.score)
            assert len(one) > 3
        assert detectors[0].class_names == detectors[1].class_names


def test_yolov5s_raw_maps_beside_its_boxes_are_passed_over(tmp_path: Path) -> None:
    class WithMaps(Yolo):
        def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
            return super().forward(images), images.reshape(1, 3, 1, *SIZE)

    network = WithMaps(3, per_cell=3, objectness=True)
    detector = Onnx(exported(network, tmp_path / "v5.onnx", ["output", "map"], names="['a', 'b', 'c']"), **ALL)
    assert_found(detector.detect(pictures()), [of_yolo(network, image, objectness=True) for image in pictures()])


class OfOne(Yolov8):
    """Traced for one image: two are refused inside."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images).reshape(1, self.columns, 126)


class FirstOnly(EndToEnd):
    """Finds the boxes of the first image of a batch alone, as suppression inside a file may."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images)[:1]


@pytest.mark.parametrize(("one", "several"), [(OfOne, Yolov8), (FirstOnly, EndToEnd)])
def test_a_file_that_says_its_batch_is_open_and_takes_one_image_is_asked_image_by_image(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], one: type[Yolo], several: type[Yolo]
) -> None:
    files = [exported(kind(3), tmp_path / f"{kind.__name__}.onnx", ["output0"], free_batch=True) for kind in (one, several)]
    for mine, whole in zip(*(Onnx(file, **ALL).detect(pictures()) for file in files), strict=True):
        assert np.array_equal(mine.xyxy, whole.xyxy)
        assert len(mine) > 3
    assert "onnxruntime" not in capfd.readouterr().err
    pytest.importorskip("openvino", reason="needs openvino")
    from bytetrack.detection.openvino import OpenVino

    assert [len(found) for found in OpenVino(files[0], **ALL).detect(pictures())] == [
        len(found) for found in Onnx(files[0], **ALL).detect(pictures())
    ]


def test_openvino_reads_the_same_layouts_and_names(tmp_path: Path) -> None:
    pytest.importorskip("openvino", reason="needs openvino")
    from bytetrack.detection.openvino import OpenVino

    network = Yolov8(3)
    detector = OpenVino(exported(network, tmp_path / "v8.onnx", ["output0"], names="{0: 'x', 1: 'y', 2: 'z'}"), **ALL)
    assert_found(detector.detect(pictures()), [of_yolo(network, image) for image in pictures()])
    assert detector.class_names == ["x", "y", "z"]
    several = OpenVino(exported(Detr(3), tmp_path / "detr.onnx", ["logits", "pred_boxes"]), **ALL)
    assert_found(several.detect(pictures()), [of_detr(Detr(3), image) for image in pictures()])


def test_rows_that_the_network_suppressed_are_read_as_yolov10_and_need_names_only_to_be_chosen_by_name(tmp_path: Path) -> None:
    network, expected = EndToEnd(3), []
    path = exported(network, tmp_path / "v10.onnx", ["output0"])
    for image in pictures():
        pixels, back = letterboxed(image)
        rows = network(pixels)[0].detach()
        expected.append(chosen(rows[:, :4], rows[:, 4], rows[:, 5].long(), back))
    assert_found(Onnx(path, **ALL).detect(pictures()), expected)
    with pytest.raises(ValueError, match=r"names no classes, got classes=\['person'\]: set class_names to coco, coco91 or a list"):
        Onnx(path).detect(pictures())
    (dogs, *_) = Onnx(path, **{**ALL, "classes": ["dog"], "class_names": ["cat", "dog", "cow"]}).detect(pictures())
    assert len(dogs) == (expected[0][2] == 1).sum()


def test_rows_of_one_image_without_a_batch_are_asked_for_image_by_image(tmp_path: Path) -> None:
    class Flat(EndToEnd):
        def forward(self, images: Tensor) -> Tensor:
            return super().forward(images)[0]

    files = [exported(kind(3), tmp_path / f"{kind.__name__}.onnx", ["output0"], free_batch=True) for kind in (Flat, EndToEnd)]
    for one, other in zip(*(Onnx(file, **ALL).detect(pictures()) for file in files), strict=True):
        assert np.array_equal(one.xyxy, other.xyxy)
        assert len(one) > 3


@torch.no_grad()
def of_detr(network: Detr, image: np.ndarray, softmax: bool = False, imagenet: bool = False, columns: int = 3) -> tuple[np.ndarray, ...]:
    pixels, back = stretched(image)
    logits, boxes = Detr.forward(network, (pixels - IMAGENET[0]) / IMAGENET[1] if imagenet else pixels)
    score, label = (logits.softmax(-1) if softmax else logits.sigmoid())[0, :, :columns].max(-1)
    return chosen(box_convert(boxes[0], "cxcywh", "xyxy"), score, label, back)


def test_logits_and_boxes_as_fractions_are_read_as_detr(tmp_path: Path) -> None:
    path = exported(Detr(3), tmp_path / "detr.onnx", ["logits", "pred_boxes"])
    assert_found(Onnx(path, **ALL).detect(pictures()), [of_detr(Detr(3), image) for image in pictures()])


def test_with_softmax_the_last_class_is_no_object(tmp_path: Path) -> None:
    path = exported(Detr(4), tmp_path / "detr.onnx", ["logits", "pred_boxes"])
    found = Onnx(path, layout="detr_softmax", **ALL).detect(pictures())
    assert_found(found, [of_detr(Detr(4), image, softmax=True, imagenet=True) for image in pictures()])


def test_the_boxes_and_logits_of_an_encoder_beside_them_are_passed_over(tmp_path: Path) -> None:
    class WithEncoder(Detr):
        def forward(self, images: Tensor) -> tuple[Tensor, ...]:  # type: ignore[override]
            logits, boxes = super().forward(images)
            return logits, boxes, boxes.flip(1), logits.flip(1)

    path = exported(WithEncoder(3), tmp_path / "detr.onnx", ["logits", "pred_boxes", "enc_topk_bboxes", "enc_topk_logits"])
    assert_found(Onnx(path, **ALL).detect(pictures()), [of_detr(Detr(3), image) for image in pictures()])


def test_named_classes_and_one_more_among_logits_are_read_by_softmax(tmp_path: Path) -> None:
    path = exported(Detr(4), tmp_path / "detr.onnx", ["logits", "pred_boxes"], names="{0: 'a', 1: 'b', 2: 'c'}")
    found = Onnx(path, **ALL).detect(pictures())
    assert_found(found, [of_detr(Detr(4), image, softmax=True, imagenet=True) for image in pictures()])


def test_a_detr_of_one_class_needs_no_names(tmp_path: Path) -> None:
    path = exported(Detr(1), tmp_path / "detr.onnx", ["logits", "pred_boxes"])
    assert [len(found) for found in Onnx(path, min_score=0.2).detect(pictures())] == [
        len(of_detr(Detr(1), image, columns=1)[0]) for image in pictures()
    ]


def test_three_classes_and_a_background_beside_boxes_are_told_apart_by_the_outputs_names(tmp_path: Path) -> None:
    path = exported(Detr(4), tmp_path / "rf.onnx", ["labels", "dets"])
    settings: dict[str, Any] = {**ALL, "convention": "rgb_imagenet", "class_names": ["a", "b", "c"]}
    assert_found(Onnx(path, **settings).detect(pictures()), [of_detr(Detr(4), image, imagenet=True) for image in pictures()])
    with pytest.raises(FormatError, match="expected a layout that is known"):
        Onnx(exported(Detr(4), tmp_path / "odd.onnx", ["first", "second"]), **settings).detect(pictures())


@pytest.mark.parametrize("sizes", [True, False])
def test_labels_boxes_and_scores_are_read_as_rtdetr_with_the_images_sizes_or_as_fractions(tmp_path: Path, sizes: bool) -> None:
    network, expected = RtDetr(3), []
    given = (torch.zeros(1, 3, *SIZE), torch.tensor([[96, 64]])) if sizes else None
    names = ("images", "orig_target_sizes") if sizes else ("images",)
    path = exported(network, tmp_path / "rt.onnx", ["labels", "boxes", "scores"], given, names)
    for image in pictures():
        pixels, back = stretched(image)
        labels, boxes, scores = (part[0].detach() for part in network(pixels))
        expected.append(chosen(boxes, scores, labels, back))
    assert_found(Onnx(path, **ALL).detect(pictures()), expected)


def test_boxes_labels_and_scores_of_torchvisions_own_network_come_out_of_frames_as_they_are(tmp_path: Path) -> None:
    torch.manual_seed(1)
    body: Any = nn.Sequential(nn.Conv2d(3, 8, 3, 8, 1), nn.ReLU())
    body.out_channels = 8
    anchor = AnchorGenerator(((16, 32),), ((1.0,),))
    limits = {"min_size": 96, "max_size": 160, "score_thresh": 0.2, "detections_per_img": 15, "topk_candidates": 60}
    network = RetinaNet(body, num_classes=4, anchor_generator=anchor, **limits).eval()
    for layer in [module for module in network.head.modules() if isinstance(module, nn.Conv2d)]:
        nn.init.kaiming_normal_(layer.weight)
        nn.init.zeros_(layer.bias)
    path, image = tmp_path / "tv.onnx", torch.rand(3, 90, 120)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network, ([image],), str(path), input_names=["image"], output_names=["boxes", "scores", "labels"],
            dynamic_axes={"image": {1: "height", 2: "width"}}, dynamo=False, opset_version=17,
        )  # fmt: skip
    expected = []
    for picture in pictures():
        with torch.no_grad():
            own = network([torch.from_numpy(picture[..., ::-1].copy()).permute(2, 0, 1) / 255])[0]
        expected.append((own["boxes"].numpy(), own["scores"].numpy(), own["labels"].numpy()))
    for found, (xyxy, score, label) in zip(Onnx(path, **ALL).detect(pictures()), expected, strict=True):
        assert len(found) == len(xyxy) > 3
        assert np.allclose(found.score, score, atol=1e-3)
        assert np.allclose(found.xyxy, xyxy, atol=0.05)
        assert found.class_id is not None
        assert found.class_id.tolist() == label.tolist()


def test_a_yolox_is_still_one_and_its_layout_may_be_named(data_dir: Path) -> None:
    path, image = data_dir / "weights" / "yolox_nano.onnx", pictures()[:1]
    (one,), (other,) = Onnx(path).detect(image), Onnx(path, layout="yolox").detect(image)
    assert np.array_equal(one.xyxy, other.xyxy)
    with pytest.raises(FormatError, match=r"expected layout yolov8, .*, got inputs .* outputs .*: set detector\.layout"):
        Onnx(path, layout="yolov8").detect(image)


def test_what_is_not_recognised_is_refused_with_what_was_seen(tmp_path: Path) -> None:
    class Odd(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return images[:, :, :7, :9].flatten(2)

    seen = r"inputs pixels \(1, 3, 64, 96\) float32; outputs thing \(1, 3, 63\) float32"
    path = exported(Odd(), tmp_path / "odd.onnx", ["thing"], called=("pixels",))
    with pytest.raises(
        FormatError, match=rf"odd\.onnx: expected a layout that is known, got {seen}: set detector\.layout to one of yolox, "
    ):
        Onnx(path, **ALL).detect(pictures())


def test_a_network_for_masks_or_poses_is_refused_unless_its_layout_is_named(tmp_path: Path) -> None:
    network = Yolov8(3)
    path = exported(network, tmp_path / "pose.onnx", ["output0"], task="pose", names="{0: 'person', 1: 'dog'}")
    with pytest.raises(FormatError, match="a network for pose, expected one for detect"):
        Onnx(path, **ALL).detect(pictures())
    unsaid = exported(network, tmp_path / "more.onnx", ["output0"], names="{0: 'person', 1: 'dog'}")
    with pytest.raises(FormatError, match=r"2 classes are named and its outputs hold 3: .* detector\.layout=yolov8 reads the named ones"):
        Onnx(unsaid, **ALL).detect(pictures())
    found = Onnx(path, layout="yolov8", **ALL).detect(pictures())
    assert {number for one in found if one.class_id is not None for number in one.class_id.tolist()} == {0, 1}


def test_another_input_beside_the_images_is_refused(tmp_path: Path) -> None:
    class Masked(nn.Module):
        def forward(self, images: Tensor, mask: Tensor) -> Tensor:
            return images * mask

    given = (torch.zeros(1, 3, *SIZE), torch.ones(1, 1, *SIZE))
    path = exported(Masked(), tmp_path / "masked.onnx", ["output"], given, ("images", "pixel_mask"))
    with pytest.raises(FormatError, match=r"expected images, and beside them at most their sizes .*pixel_mask \(1, 1, 64, 96\)"):
        Onnx(path, **ALL).detect(pictures())


def test_fit_and_convention_may_be_set(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = exported(Detr(3), tmp_path / "detr.onnx", ["logits", "pred_boxes"])
    with caplog.at_level(logging.INFO, "bytetrack"):
        stretch, letterbox = (Onnx(path, fit=fit, **ALL).detect(pictures()) for fit in ("stretch", "letterbox_centre"))
    assert "layout detr, stretch, 3 classes, 64x96, rgb_unit" in caplog.text
    assert not np.array_equal(stretch[0].score, letterbox[0].score)
    with pytest.raises(ValueError, match="layout must be one of yolox, yolov5"):
        Onnx(path, layout="yolo")
    with pytest.raises(ValueError, match="fit must be one of letterbox, "):
        Onnx(path, fit="crop")
    keys = {Onnx(path, **change).key() for change in ({}, {"fit": "stretch"}, {"layout": "detr"}, {"class_names": "coco"})}
    assert len(keys) == 4


def test_cocos_classes_by_category_id_are_its_eighty_with_gaps() -> None:
    assert len(COCO91) == 91
    assert [name for name in COCO91 if name != "N/A"] == list(COCO)
    assert (COCO91[1], COCO91[3], COCO91[90]) == ("person", "car", "toothbrush")
    assert set(LAYOUTS) == {"yolox", "yolov5", "yolov8", "yolov10", "detr", "detr_softmax", "rtdetr", "torchvision"}


def test_the_documentation_lists_every_layout_with_its_usual_input() -> None:
    page = (ROOT / "docs" / "own_detector.md").read_text(encoding="utf-8")
    rows = {match[1]: match[2] for match in re.finditer(r"^\| `(\w+)` \| .*? \| (`\w+`, .*?) \| ", page, flags=re.MULTILINE)}
    assert list(rows) == list(LAYOUTS)
    for name, layout in LAYOUTS.items():
        assert f"`{layout.convention}`" in rows[name]
        assert f"`{layout.fit}`" in rows[name]
