"""The YOLOX network (Ge et al., "YOLOX: Exceeding YOLO series in 2021", arXiv:2107.08430) as raw logits, and its weight files.

The layers come from the `yolox` package, so that state_dict keys are those of the official releases and of the published ByteTrack
checkpoints. Loss, decoding and everything else is ours.

A network maps images (B, 3, H, W), H and W multiples of 32, to logits (B, A, 5 + C): four box values, objectness, C classes, for the
A = HW/64 + HW/256 + HW/1024 anchors of strides 8, 16, 32, level after level, each row by row. `grid.anchors` gives their cells and
strides, `grid.decode` the boxes.
"""

from __future__ import annotations

import logging
import math
import re
import threading
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from bytetrack.detection.classes import MOST_CLASSES
from bytetrack.detection.settings import SIZES, Size, check_convention, check_input_size
from bytetrack.errors import FormatError, MissingDataError
from bytetrack.names import shortened

__all__ = ["Checkpoint", "LayeredNetwork", "Network", "build_network", "load_weights", "read_checkpoint"]

log = logging.getLogger(__name__)

CHANNELS = (256, 512, 1024)
PRIOR = 0.01
"""Objectness and class scores before training: the bias is -log((1 - PRIOR) / PRIOR)."""


class Network(nn.Module):
    """YOLOX: CSP-Darknet, PA-FPN and the decoupled head; parameters `backbone.*` and `head.*` as in the official releases."""

    def __init__(self, depth: float, width: float, depthwise: bool = False, num_classes: int = 1) -> None:
        super().__init__()
        from yolox.models import YoloPafpn, YoloxHead

        self.size = Size(depth, width, depthwise)
        self.num_classes = num_classes
        self.backbone = YoloPafpn(depth, width, in_channels=CHANNELS, depthwise=depthwise)
        self.head = YoloxHead(num_classes, width, in_channels=CHANNELS, depthwise=depthwise)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eps, module.momentum = 1e-3, 0.03
        self.head.initialize_biases(PRIOR)

    def forward(self, images: Tensor) -> Tensor:
        """Returns logits (B, A, 5 + C) of `images` (B, 3, H, W): box (dx, dy, log w, log h in strides), objectness, classes."""
        levels = [self._level(k, features) for k, features in enumerate(self.backbone(images))]
        return torch.cat(levels, dim=2).permute(0, 2, 1)

    def _level(self, k: int, features: Tensor) -> Tensor:
        head = self.head
        stem = head.stems[k](features)
        box_features = head.reg_convs[k](stem)
        classes = head.cls_preds[k](head.cls_convs[k](stem))
        level = torch.cat([head.reg_preds[k](box_features), head.obj_preds[k](box_features), classes], dim=1)
        return level.flatten(start_dim=2)


class LayeredNetwork(nn.Module):
    """A `Network` that returns its logits and, beside them, some of its layers (B, C, H, W), named as in `settings.LAYERS`."""

    def __init__(self, network: Network, layers: Sequence[str]) -> None:
        super().__init__()
        self.network, self.layers = network, tuple(layers)
        self._seen = threading.local()  # several threads may call it at once
        backbone: Any = network.backbone.backbone
        backbone.out_features = tuple(f"dark{k}" for k in range(2, 6))
        backbone.register_forward_hook(self._note_backbone)
        network.backbone.register_forward_hook(self._note_pyramid)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Returns logits (B, A, 5 + C), then the layers."""
        logits = self.network(images)
        return logits, *(self._seen.layers[name] for name in self.layers)

    def _note_backbone(self, _: nn.Module, __: Any, output: dict[str, Tensor]) -> None:
        self._seen.layers = {f"c{k}": output[f"dark{k}"] for k in range(2, 6)}

    def _note_pyramid(self, _: nn.Module, __: Any, output: Sequence[Tensor]) -> None:
        self._seen.layers |= {f"p{k}": level for k, level in enumerate(output, 3)}


def build_network(depth: float, width: float, depthwise: bool = False, num_classes: int = 1) -> Network:
    """Returns an untrained network, in training mode; ValueError for sizes that make no network.

    >>> sum(p.numel() for p in build_network(*SIZES["nano"]).parameters())
    896754
    """
    if not (depth > 0 and width * 16 >= 1 and num_classes >= 1):
        raise ValueError(f"depth must be positive, width at least 1/16, num_classes at least 1: got {depth}, {width}, {num_classes}")
    return Network(depth, width, depthwise, num_classes)


@dataclass(frozen=True)
class Checkpoint:
    """Holds a weight file: the parameters, and the description that the file contains (None if it contains none, as official files)."""

    path: Path
    model: dict[str, Tensor] = field(repr=False)
    num_classes: int
    class_names: list[str] | None = None
    convention: str | None = None
    input_size: tuple[int, int] | None = None
    own_size: Size | None = None

    @property
    def shape(self) -> tuple[int, int, bool]:
        """Stem channels, bottlenecks of the first stage, depthwise: what two networks must share to share weights."""
        return _shape(self.model)

    @property
    def size_name(self) -> str:
        """nano, tiny, s, m, l or x; "of no standard size" for others."""
        return {_shape_of(size): name for name, size in SIZES.items()}.get(self.shape, "of no standard size")

    @property
    def size(self) -> Size:
        """Depth and width of a network that takes these parameters; those of no standard size are read off the first layers, where
        the file does not say them."""
        channels, bottlenecks, depthwise = self.shape
        return self.own_size or SIZES.get(self.size_name, Size(bottlenecks / 3, channels / 64, depthwise))

    def decided(self, size: Size, classes: Sequence[str | int] | None) -> dict[str, Any]:
        """Returns the settings of a `Yolox` that the file decides, with its values: its own description, its size if `size` is of another
        shape, and all of its classes if none of `classes` is among the names that it gives them."""
        own: dict[str, Any] = {"input_size": self.input_size and list(self.input_size), "convention": self.convention}
        if self.own_size or _shape_of(size) != self.shape:
            own |= self.size._asdict()
        decided = {name: value for name, value in own.items() if value is not None}
        known = {*(self.class_names or ()), *range(self.num_classes)}
        return decided | ({"classes": None} if self.class_names and not known & set(classes or known) else {})

    def as_published(self, size_name: str, input_size: tuple[int, int], convention: str) -> Checkpoint:
        """Returns the checkpoint with the input that its publishers trained it with; FormatError if it holds another network."""
        if (self.size_name, self.num_classes) != (size_name, 1):
            got = f"YOLOX {self.size_name} of {self.num_classes} classes"
            raise FormatError(
                f"{self.path}: expected the published YOLOX {size_name} of one class, got {got}: download it again, or rename it"
            )
        return replace(self, input_size=self.input_size or input_size, convention=self.convention or convention)

    @property
    def usual_size(self) -> tuple[int, int]:
        """Height and width to run it at: its own where it says so, else those of published ByteTrack (one class) or COCO weights."""
        if self.input_size is not None:
            return self.input_size
        if self.num_classes == 1:
            return (608, 1088) if self.size_name in ("nano", "tiny", "s") else (800, 1440)
        return (416, 416) if self.size_name in ("nano", "tiny") else (640, 640)


def _shape_of(size: Size) -> tuple[int, int, bool]:
    """Returns `Checkpoint.shape` of a network of that size."""
    return int(size.width * 64), max(round(size.depth * 3), 1), size.depthwise


def _shape(model: dict[str, Tensor]) -> tuple[int, int, bool]:
    stage = "backbone.backbone.dark2."
    blocks = {key.split(".")[5] for key in model if key.startswith(f"{stage}1.m.")}
    return len(model["backbone.backbone.stem.conv.conv.weight"]), len(blocks), f"{stage}0.dconv.conv.weight" in model


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Reads the weight file at `path`: official YOLOX `.pth`, published ByteTrack `.pth.tar`, our checkpoints, a bare state_dict.

    Always `weights_only=True`: beyond tensors only NumPy scalars are let in (the best AP that trainers leave in such files), so
    no code of the file runs. MissingDataError if there is no file, FormatError where it holds no YOLOX weights.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingDataError(f"no weights at '{path}': expected a .pth, .pth.tar or checkpoint of ours")
    if path.suffix.lower() == ".onnx":
        raise FormatError(f"{path}: an ONNX file, which runs by detector=onnx")
    try:
        with torch.serialization.safe_globals(_numpy_scalars()):
            content: Any = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except Exception as error:  # torch raises what pickle, zipfile or its own reader raise
        named = re.search(r"GLOBAL (\S+)", str(error))
        why = f"it names {named[1]}" if named else "truncated, or no weights at all?"
        raise FormatError(f"{path}: not a file of weights that loads without running code: {why}") from error
    state = content.get("model", content) if isinstance(content, dict) else None
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise FormatError(f"{path}: expected a state_dict under the key 'model', got {_what(content)}")
    state = {key.removeprefix("module."): _own(value) for key, value in state.items()}
    if "head.cls_preds.0.weight" not in state or "backbone.backbone.stem.conv.conv.weight" not in state:
        raise FormatError(f"{path}: expected YOLOX parameters (backbone.*, head.cls_preds.*), got {_what(state)}")
    head, stem = state["head.cls_preds.0.weight"], state["backbone.backbone.stem.conv.conv.weight"]
    if head.ndim != 4 or stem.ndim != 4 or not 1 <= len(head) <= MOST_CLASSES:
        raise FormatError(f"{path}: expected convolutions for 1 to {MOST_CLASSES} classes, got {tuple(head.shape)} and {tuple(stem.shape)}")
    try:
        return Checkpoint(path, state, len(head), **_about(content.get("detector") or {}, len(head), _shape(state)))
    except (TypeError, ValueError, KeyError, AttributeError, RuntimeError, OverflowError):
        raise FormatError(f"{path}: what it says of itself under the key 'detector' cannot be: {str(content['detector'])[:80]}") from None


def _own(mapped: Tensor) -> Tensor:
    """Copies a tensor of a mapped file into memory: all else in the file (optimizer, other weights) is never read, and the file may be
    replaced. One that claims more than its storage holds stays as it is, and will fit no network."""
    return mapped.clone() if mapped.nbytes <= mapped.untyped_storage().nbytes() else mapped


def _about(said: dict[str, Any], num_classes: int, shape: tuple[int, int, bool]) -> dict[str, Any]:
    """Returns names, convention and sizes as a file of ours states them; raises an error of any kind for what it would never state."""
    names, convention, size = (said.get(key) for key in ("class_names", "convention", "input_size"))
    if names is not None and (len(names) != num_classes or not all(isinstance(name, str) for name in names)):
        raise ValueError("class_names")
    height_width = check_input_size([int(side) for side in size]) if size else None
    own = Size(float(said["depth"]), float(said["width"]), bool(said["depthwise"])) if "depth" in said else None
    if own is not None and _shape_of(own) != shape:
        raise ValueError("depth, width, depthwise")
    about = {"class_names": names and list(names), "convention": check_convention(convention)}
    return {**about, "input_size": height_width, "own_size": own}


def _what(content: Any) -> str:
    if not isinstance(content, dict):
        return type(content).__name__
    keys = [str(key) for key in content]
    return f"keys {shortened(keys, 4, count=False)}"


def _numpy_scalars() -> list[Any]:
    import numpy as np

    scalar = np.float64(0).__reduce__()[0]
    kinds = (np.float64, np.float32, np.int64, np.int32, np.bool_)
    names = [(scalar, f"{module}.multiarray.scalar") for module in ("numpy.core", "numpy._core")]
    return [np.dtype, *names, *(type(np.dtype(kind)) for kind in kinds)]


def load_weights(network: Network, weights: str | Path | Checkpoint, classes: Sequence[int] | None = None) -> Checkpoint:
    """Copies `weights`, a file or a checkpoint already read, into `network` and returns what the file says of itself.

    Where the number of classes differs, the class layers are re-initialised (with the prior bias) and this is logged; or, given
    `classes`, the file's rows of those class ids are taken (`[0]`: the person layer of COCO weights). FormatError for any other
    mismatch, and for what `read_checkpoint` refuses.
    """
    checkpoint = weights if isinstance(weights, Checkpoint) else read_checkpoint(weights)
    model = dict(checkpoint.model)
    if classes is not None:
        if len(classes) != network.num_classes or not all(0 <= c < checkpoint.num_classes for c in classes):
            told = f"{network.num_classes} of its {checkpoint.num_classes} classes"
            raise ValueError(f"{checkpoint.path}: expected the numbers (from 0) of {told}, got classes={list(classes)}")
        model.update({key: value[list(classes)] for key, value in model.items() if key.startswith("head.cls_preds.")})
    elif checkpoint.num_classes != network.num_classes:
        own = network.state_dict()
        model.update({key: _fresh(own[key]) for key in model if key.startswith("head.cls_preds.") and key in own})
        log.info(
            "%s has %d classes, the network %d: its class layers are reinitialised, all others are loaded",
            checkpoint.path,
            checkpoint.num_classes,
            network.num_classes,
        )
    _check(network, checkpoint, model)
    network.load_state_dict(model)
    return checkpoint


def _fresh(parameter: Tensor) -> Tensor:
    """Returns a class layer's weight as torch initialises it, or its bias at the prior."""
    if parameter.ndim == 1:
        return torch.full_like(parameter, -math.log((1 - PRIOR) / PRIOR))
    return nn.init.kaiming_uniform_(torch.empty_like(parameter), a=math.sqrt(5))


def _check(network: Network, checkpoint: Checkpoint, model: dict[str, Tensor]) -> None:
    own = cast("dict[str, Tensor]", network.state_dict())
    wrong = [key for key in own if key not in model or model[key].shape != own[key].shape] + [key for key in model if key not in own]
    if not wrong:
        return
    if _shape(own) != checkpoint.shape:
        size = network.size
        raise FormatError(
            f"{checkpoint.path}: holds YOLOX {checkpoint.size_name}, expected weights for depth {size.depth}, width {size.width}"
            f"{', depthwise' if size.depthwise else ''}: choose detector=yolox_{{{','.join(SIZES)}}} to fit the file"
        )
    raise FormatError(f"{checkpoint.path}: {len(wrong)} parameters are missing, unknown or of another shape, the first {wrong[0]!r}")
