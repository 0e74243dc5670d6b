"""Exports a YOLOX checkpoint for other runtimes; the file is compared with torch before it gets its name."""

from __future__ import annotations

import itertools
import logging
import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from bytetrack.checks import check_flag
from bytetrack.detection.classes import own_names
from bytetrack.detection.exported import ExportedDetector
from bytetrack.detection.graphs import with_frames, with_nms
from bytetrack.detection.grid import anchors, decode
from bytetrack.detection.inference import DTYPES, pick_convention, prepared_network
from bytetrack.detection.metadata import About
from bytetrack.detection.network import LayeredNetwork, Network, build_network, load_weights, read_checkpoint
from bytetrack.detection.postprocess_numpy import select_anchors
from bytetrack.detection.preprocess import network_input, place, scale_frames, send_frames
from bytetrack.detection.settings import LAYERS, DetectorSettings, LayerSettings, PostprocessSettings, check_convention, check_input_size
from bytetrack.errors import FormatError, MissingDataError
from bytetrack.listing import IMAGE_ENDINGS, files_below
from bytetrack.runtime.atomic import folder_beside

__all__ = ["FORMATS", "Difference", "ExportedNetwork", "export", "export_file"]

log = logging.getLogger(__name__)

FORMATS = {"onnx": ".onnx", "openvino": ".xml"}
OPSET = 18
TOLERANCE = {"fp32": (1e-3, 0.1), "fp16": (0.05, 4.0)}
"""Largest difference from torch in score and, in input pixels, in a box's side: beyond it no file is written. Where the file letterboxes,
a pixel in ten thousand is rounded to the other grey level, and fp16's hold."""


class ExportedNetwork(nn.Module):
    """Wraps a `Network` as the file contains it: scores past the sigmoid, boxes decoded or not, always float32.

    With `layers` those that describe boxes are outputs, too.
    """

    def __init__(self, network: Network, dtype: torch.dtype, decoded: bool, layers: bool = False) -> None:
        super().__init__()
        self.network, self.dtype, self.decoded = network, dtype, decoded
        self.layered = LayeredNetwork(network, tuple(LAYERS)) if layers else None

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Returns (B, A, 5 + C), see `metadata.KINDS`, of images (B, 3, H, W); then the layers (B, C, H, W), if asked for."""
        if self.layered is None:
            return self._output(self.network(images.to(self.dtype)).float(), images)
        logits, *layers = self.layered(images.to(self.dtype))
        return self._output(logits.float(), images), *(layer.float() for layer in layers)

    def _output(self, logits: Tensor, images: Tensor) -> Tensor:
        scores = logits[..., 4:].sigmoid()
        if not self.decoded:
            return torch.cat([logits[..., :4], scores], dim=-1)
        grid, stride = anchors(images.shape[2], images.shape[3])
        return torch.cat([*decode(logits[..., :4], grid, stride[:, None]), scores], dim=-1)


@dataclass(frozen=True)
class Difference:
    """Holds the largest differences from torch: of scores, and of box sides in input pixels."""

    score: float
    box: float


def export(
    weights: str | Path,
    out: str | Path,
    format: str | None = None,
    input_size: Sequence[int] | None = None,
    dynamic_size: bool = False,
    batch: int | None = None,
    decode: bool = True,
    nms: bool = False,
    min_score: float = 0.01,
    nms_iou: float = 0.7,
    max_detections: int = 1000,
    convention: str | None = None,
    precision: str = "fp32",
    preprocess: bool = False,
    frame_size: Sequence[int] | None = None,
    layers: bool = False,
    images: Sequence[npt.NDArray[np.uint8]] | None = None,
) -> Difference:
    """Writes the YOLOX in `weights` to `out`, checked on `images` (None: random ones), and returns how far from torch it is.

    `format`: onnx or openvino, None by the ending of `out`. `input_size` (height, width): None is the checkpoint's own or the usual one of
    its size. `dynamic_size` leaves it open (multiples of 32), `batch` None the batch. `decode`: boxes in pixels; `nms`: suppressed too, by
    `min_score`, `nms_iou` and at most `max_detections` of a class. `precision`: fp32 or fp16 (images and boxes stay float32).
    `preprocess`: the file (ONNX only) takes frames as they are, of `frame_size` (height, width) or any, and letterboxes them itself.
    `layers`: those of `settings.LAYERS` are outputs, too (ONNX only), by which embedder=detector describes boxes.

    ValueError for settings that do not fit, FormatError where the file's results are not torch's: then nothing is written.
    """
    out = Path(out)
    kind = _format(format, out)
    inside = {"min_score": min_score, "nms_iou": nms_iou, "max_detections": max_detections}
    DetectorSettings(batch_size=1 if batch is None else batch, **inside)  # type: ignore[arg-type]
    _refuse_contradictions(kind, dynamic_size, decode, nms, precision, preprocess, frame_size)
    check_flag("layers", layers)
    if layers and kind != "onnx":
        raise ValueError(f"layers=true is for .onnx files: got out={out}")
    checkpoint = read_checkpoint(weights)
    network = build_network(*checkpoint.size, checkpoint.num_classes)
    load_weights(network, checkpoint)
    size = check_input_size(input_size or checkpoint.usual_size)
    about = About(
        output="detections" if nms else "decoded" if decode else "raw",
        convention=pick_convention(check_convention(convention), checkpoint),
        class_names=own_names(checkpoint.class_names, checkpoint.num_classes),
        num_classes=checkpoint.num_classes,
        input_size=list(size),
        input="frames" if preprocess else None,
        **(inside if nms else {}),  # type: ignore[arg-type]
    )
    module = ExportedNetwork(prepared_network(network, DTYPES[precision]), DTYPES[precision], decode, layers).eval()
    frames = None if frame_size is None else (frame_size[0], frame_size[1])
    pictures = list(images) if images is not None else random_images(frames or size)
    if frames is not None and not all(picture.shape[:2] == frames for picture in pictures):
        raise ValueError(f"frame_size={list(frames)}: the images to check on must be of that size, got {pictures[0].shape[:2]}")
    model = _onnx_model(module, size, batch, dynamic_size)
    if preprocess:
        model = with_frames(model, about, batch, frames)
    return _write_checked(model, module, about, pictures, kind, out, precision)


def _refuse_contradictions(
    kind: str, dynamic_size: bool, decode: bool, nms: bool, precision: str, preprocess: bool, frame_size: Sequence[int] | None
) -> None:
    """Raises ValueError for settings that contradict each other or cannot be."""
    if nms and not decode:
        raise ValueError("nms=true needs decoded boxes: leave decode=true")
    if preprocess and (dynamic_size or kind != "onnx"):
        raise ValueError("preprocess=true is for .onnx files of one input size: leave dynamic_size=false, or preprocess=false")
    if frame_size is not None and (not preprocess or len(frame_size) != 2 or not all(isinstance(n, int) and n > 0 for n in frame_size)):
        raise ValueError(f"frame_size must be [height, width] in pixels, beside preprocess=true: got {frame_size}")
    if precision not in TOLERANCE:
        raise ValueError(f"precision must be {' or '.join(TOLERANCE)}: got {precision!r} (bf16: detector=openvino runs fp32 files so)")


def _write_checked(
    model: Any, module: nn.Module, about: About, pictures: Sequence[Any], kind: str, out: Path, precision: str
) -> Difference:
    """Writes `model` to `out` once its results are those of torch's `module` on `pictures`; returns how far from torch it is."""
    tolerance = TOLERANCE["fp16" if about.input == "frames" else precision]
    with folder_beside(out) as folder, torch.inference_mode():
        written = [_write(model, about, folder / f"dense{FORMATS[kind]}", precision, dense=True)]
        difference = _compare(_described(_detector(kind, written[0]), module), module, pictures, about, tolerance)
        if about.output == "detections":
            written.append(_write(model, about, folder / f"nms{FORMATS[kind]}", precision))
            _compare_detections(_detector(kind, written[1]), module, pictures, about, tolerance)
        for part in sorted(written[-1].parent.glob(f"{written[-1].stem}.*")):  # .bin before .xml
            os.replace(part, out.with_suffix(part.suffix))
    return difference


def _format(name: str | None, out: Path) -> str:
    by_ending = {ending: kind for kind, ending in FORMATS.items()}
    kind = name or by_ending.get(out.suffix.lower())
    if kind not in FORMATS or out.suffix.lower() != FORMATS[kind]:
        raise ValueError(f"out must end in {' or '.join(f'{end} ({kind})' for kind, end in FORMATS.items())}: got out={out}, format={name}")
    return kind


def random_images(size: tuple[int, int], count: int = 4) -> list[npt.NDArray[np.uint8]]:
    """Returns coarse coloured noise, the same every time."""
    coarse = np.random.default_rng(0).integers(0, 256, (count, -(-size[0] // 16), -(-size[1] // 16), 3), dtype=np.uint8)
    return list(coarse.repeat(16, axis=1).repeat(16, axis=2)[:, : size[0], : size[1]])


def _onnx_model(module: ExportedNetwork, size: tuple[int, int], batch: int | None, dynamic_size: bool) -> Any:
    try:
        import onnx
        import onnxscript  # noqa: F401
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"export needs {error.name}: pip install onnx onnxscript onnxruntime") from None
    axes: dict[int, Any] = {} if batch else {0: torch.export.Dim("batch")}
    if dynamic_size:
        axes |= {2: 32 * torch.export.Dim("rows"), 3: 32 * torch.export.Dim("columns")}
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module,
            (torch.zeros(batch or 2, 3, *size),),
            input_names=["images"],
            output_names=["output", *(LAYERS if module.layered else ())],
            dynamic_shapes={"images": axes},
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    model = cast("Any", program).model_proto
    for part in (*model.graph.node, *model.graph.value_info, *model.graph.initializer, model.graph):
        del part.metadata_props[:]  # the exporter's notes on every node
    onnx.checker.check_model(model)
    return model


def _write(model: Any, about: About, path: Path, precision: str, dense: bool = False) -> Path:
    """Writes `model`, with the suppression if `about` says so and not `dense`, as the file `path`."""
    import onnx

    said = about
    if about.output == "detections" and dense:
        said = replace(about, output="decoded", min_score=None, nms_iou=None, max_detections=None)
    elif about.output == "detections":
        model = with_nms(model, about)
    whole = onnx.ModelProto()
    whole.CopyFrom(model)
    onnx.helper.set_model_props(whole, said.properties())
    whole.producer_name = "bytetrack"
    target = path.with_suffix(".onnx")
    onnx.save(whole, target)
    if path.suffix == ".xml":
        from bytetrack.detection.openvino import convert

        convert(target, path, said, precision == "fp16")
        target.unlink()
    return path


def _detector(kind: str, path: Path) -> ExportedDetector:
    if kind == "onnx":
        from bytetrack.detection.onnx import Onnx as Detector
    else:
        from bytetrack.detection.openvino import OpenVino as Detector  # type: ignore[assignment]
    return Detector(path, classes=None)


def _described(detector: ExportedDetector, module: nn.Module) -> ExportedDetector:
    """Returns the detector, which hands out all layers if the network does."""
    return detector if module.layered is None else detector.describing(LayerSettings(tuple(LAYERS), 1))


def _input(pictures: Sequence[Any], about: About) -> Any:
    """Returns the pictures as torch's network gets them: letterboxed as the file does it, or as its caller does."""
    size, convention = cast("tuple[int, int]", tuple(about.input_size or ())), str(about.convention)
    if about.input == "frames":
        return scale_frames(send_frames(pictures, "cpu"), size, convention).contiguous().numpy()
    return network_input(pictures, size, convention)


def _compare(
    detector: ExportedDetector, module: Callable[[Tensor], Any], pictures: Sequence[Any], about: About, tolerance: tuple[float, float]
) -> Difference:
    """Returns the largest differences in score, and in the boxes of the 100 best anchors of each image; FormatError beyond `tolerance`."""
    model = detector.open()
    fixed, worst = model.image.shape[0], Difference(0.0, 0.0)
    if fixed is not None:
        groups = [[picture] * fixed for picture in pictures]
    elif about.input == "frames":
        groups = [[picture] * 2 for picture in pictures] + [[pictures[0]]]
    else:
        groups = [list(pictures[:1]), list(pictures)]
    for group in groups:
        pixels = _input(group, about)
        found, output = module(torch.from_numpy(pixels)), model.run(np.stack(group) if about.input == "frames" else pixels)
        own, *layers = (found,) if isinstance(found, Tensor) else found
        expected, got = own.numpy(), output["output"]
        _compare_layers(detector.name, [layer.numpy() for layer in layers], [output[name] for name in LAYERS if layers], tolerance[0])
        if got.shape != expected.shape:
            raise FormatError(f"{detector.name}: expected an output of shape {expected.shape} like torch's, got {got.shape}: not written")
        best = np.argsort(-expected[..., 4], axis=1)[:, :100, None]
        scale = 1.0 if module.decoded else 32.0  # type: ignore[attr-defined]
        boxes = np.abs(np.take_along_axis(got, best, 1) - np.take_along_axis(expected, best, 1))[..., :4].max() * scale
        worst = Difference(max(worst.score, float(np.abs(got - expected)[..., 4:].max())), max(worst.box, float(boxes)))
    if not (worst.score <= tolerance[0] and worst.box <= tolerance[1]):
        told = f"scores differ from torch's by {worst.score:.2g}, boxes by {worst.box:.2g} pixels"
        raise FormatError(f"{detector.name}: {told}, allowed are {tolerance[0]:g} and {tolerance[1]:g}: not written")
    return worst


def _compare_layers(name: str, expected: Sequence[Any], got: Sequence[Any], tolerance: float) -> None:
    """Raises FormatError unless the layers are those of torch: by at most `tolerance` in the mean, in standard deviations."""
    for layer, own, other in zip(LAYERS, expected, got, strict=False):
        if other.shape != own.shape or not np.abs(other - own).mean() <= tolerance * max(own.std(), 1e-6):
            raise FormatError(f"{name}: expected the layer {layer} of shape {own.shape} to be torch's, got another: not written")


def _compare_detections(
    detector: ExportedDetector, module: nn.Module, images: Sequence[Any], about: About, tolerance: tuple[float, float]
) -> None:
    """Raises FormatError unless the file suppresses as we do; one box in a hundred may fall on the other side of a threshold."""
    settings = PostprocessSettings(about.min_score or 0.0, about.nms_iou or 0.7, about.max_detections or 1000, None, single=False)
    loaded = detector.load()
    size = cast("tuple[int, int]", tuple(about.input_size or ()))
    lost = total = 0
    for image in images:
        pixels = torch.from_numpy(_input([image], about))
        placement = place(image.shape, size)
        ratio = placement.x_scale
        found = module(pixels)
        output = found if isinstance(found, Tensor) else found[0]
        expected = select_anchors(output[0].numpy(), None, None, placement, settings)
        (got,) = loaded([image])
        total += len(expected)
        lost += abs(len(got) - len(expected))
        for box, score in zip(expected.xyxy * ratio, expected.score, strict=True):
            near = (np.abs(got.xyxy * ratio - box).max(axis=1, initial=0) <= tolerance[1]) & (np.abs(got.score - score) <= tolerance[0])
            lost += not near.any()
    if lost > 0.01 * total:
        raise FormatError(f"{detector.name}: {lost} of {total} suppressed boxes are not torch's: not written")
    log.info("suppression: %d of %d boxes as torch has them", total - lost, total)


def export_file(images: str | None = None, **settings: Any) -> None:
    """Exports as `export` does, checks on a folder of images, and logs the result. MissingDataError if the folder holds no image."""
    found = _images(Path(images)) if images else None
    difference = export(images=found, **settings)
    out = Path(settings["out"])
    parts = (out.with_suffix(".bin"), out) if out.suffix.lower() == ".xml" else (out,)  # OpenVINO writes two files
    sizes = " + ".join(f"{part.name} {part.stat().st_size / 1e6:.1f} MB" for part in parts)
    log.info(
        "%s: checked against torch on %s: scores differ by at most %.1e, boxes by %.1e pixels",
        sizes,
        f"{len(found)} images of {images}" if found else "random images",
        difference.score,
        difference.box,
    )


def _images(folder: Path, most: int = 16) -> list[npt.NDArray[np.uint8]]:
    import cv2

    paths = list(itertools.islice(files_below(folder, IMAGE_ENDINGS), most))
    as_stored = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    found = [image for path in paths if (image := cv2.imread(str(path), as_stored)) is not None]
    if not found:
        raise MissingDataError(f"images={folder}: no image found there: give a folder of images, or null for random ones")
    return cast("list[npt.NDArray[np.uint8]]", found)
