"""The checked settings of a training run, as recorded in a checkpoint."""

from __future__ import annotations

import dataclasses
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bytetrack.checks import check_count, check_fields, check_not_negative, check_positive
from bytetrack.data.augment import Augmentation
from bytetrack.detection.settings import check_convention, check_input_size
from bytetrack.training.assignment import SimOTA
from bytetrack.training.optimisation import Optimisation

__all__ = ["NetworkSettings", "Recipe"]

log = logging.getLogger(__name__)

FREE = ("device", "workers", "log_interval", "checkpoint_minutes", "logger", "profile", "resume", "best")
"""Settings that a checkpoint does not record: none of them changes a result on the CPU."""
OF_VAL = ("path", "root", "classes")
OF_DATA = (*OF_VAL, "weight")
"""Keys of an entry of `train.val` and of `train.data`."""
CHOICES = {
    "precision": ("auto", "fp32", "fp16", "bf16"),
    "freeze": (None, "stem", "backbone"),
    "best_by": ("AP", "AP50"),
    "best": ("full", "weights"),
    "resume": ("same", "changed"),
    "logger": ("tensorboard", "csv", "wandb", "mlflow"),
}


@dataclass(frozen=True)
class NetworkSettings:
    """Holds the shape of a network, its input size, and the selection of boxes in evaluations, named as in a detector's settings.

    Raises ValueError if `input_size` is not two multiples of 32.
    """

    depth: float
    width: float
    depthwise: bool = False
    input_size: Sequence[int] = (800, 1440)
    nms_iou: float = 0.7
    min_score: float = 0.01
    max_detections: int = 1000

    def __post_init__(self) -> None:
        check_fields(self)
        object.__setattr__(self, "input_size", check_input_size(self.input_size))

    @classmethod
    def of_detector(cls, settings: Mapping[str, Any]) -> NetworkSettings:
        """Returns those of a detector's settings that concern training.

        >>> NetworkSettings.of_detector({"depth": 0.33, "width": 0.25, "depthwise": True, "weights": "a.pth"})
        NetworkSettings(depth=0.33, width=0.25, depthwise=True, input_size=(800, 1440), nms_iou=0.7, min_score=0.01, max_detections=1000)
        """
        return cls(**{field.name: settings[field.name] for field in dataclasses.fields(cls) if field.name in settings})

    @property
    def shape(self) -> tuple[float, float, bool]:
        """Arguments of `build_network`."""
        return self.depth, self.width, self.depthwise

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the input."""
        height, width = self.input_size
        return height, width

    @property
    def selection(self) -> dict[str, Any]:
        """Settings of the selection of boxes in evaluations."""
        return {"nms_iou": self.nms_iou, "min_score": self.min_score, "max_detections": self.max_detections}


@dataclass(frozen=True)
class Recipe:
    """Holds the settings of a training run. The defaults are the ByteTrack paper's, for one class and a batch of 48.

    Evaluation runs every `eval_interval` epochs and after each of the last `no_aug_epochs`. A checkpoint is written after every epoch, and
    every `checkpoint_minutes`.

    Args:
        data: COCO files to train on: mappings with `path` and optionally `root` and `classes`, as in `load_coco`, and `weight`, how often
            each image of the file is sampled relative to others (1).
        val: COCO files to evaluate on.
        weights: Initial weights; None: random.
        weight_classes: Class layers of `weights` to keep ([0]: COCO's person); otherwise they are reinitialised if the number of classes
            differs.
        convention: Convention of the input; None: that of the weights, else `bgr255`.
        max_epochs: Number of epochs.
        no_aug_epochs: Number of last epochs without mosaic and mixup, and with the L1 loss.
        batch_size: Total batch size over all processes.
        accumulate: Number of parts in which each process processes its share of the batch, to use less memory.
        multiscale: Range of heights in units of 32 pixels; None: always the detector's size.
        multiscale_interval: Number of steps after which a new height is sampled.
        l1_always: Uses the L1 loss from the first step.
        ignore_crowd: Cells inside crowd boxes are not background.
        ignore_seen: A score: the same inside unlabelled boxes (IoU with each label under 0.3) that the initial weights detect with at
            least this score.
        class_weights: One weight per class for the classification loss.
        freeze: Freezes the `stem` (with the first stage) or the whole `backbone`.
        augmentation: See `Augmentation`.
        assignment: See `SimOTA`.
        optimisation: See `Optimisation`.
        precision: Precision of the network's layers; `auto`: chosen by `pick_precision`. Losses and weights are always float32.
        compile: Uses torch.compile.
        device: `auto` is CUDA, else MPS, else CPU.
        workers: Loading processes per training process; `auto`: by the number of cores and processes.
        seed: Seed of the order of images and of the augmentation.
        cache: Caches letterboxed images in the run folder during training.
        eval_interval: Epochs between evaluations; 0: never.
        best_by: Metric that selects `best.pth`.
        best: `full`, or `weights`: `best.pth` without the training state.
        patience: Stops after this many evaluations without improvement; 0: never.
        resume: `changed` allows to resume with another batch size, learning rate or order of images.
        skip_steps: Steps to skip, numbered from 1 as in messages.
        log_interval: Steps between log entries.
        logger: Where values are logged.
        profile: Number of steps to trace.
        checkpoint_minutes: Maximum minutes between checkpoints.
    """

    data: Sequence[Mapping[str, Any]]
    val: Sequence[Mapping[str, Any]] = ()
    weights: str | None = None
    weight_classes: Sequence[int] | None = None
    convention: str | None = None
    max_epochs: int = 80
    no_aug_epochs: int = 10
    batch_size: int = 48
    accumulate: int = 1
    multiscale: tuple[int, int] | None = (18, 32)
    multiscale_interval: int = 10
    l1_always: bool = False
    ignore_crowd: bool = False
    ignore_seen: float | None = None
    class_weights: Sequence[float] | None = None
    freeze: str | None = None
    augmentation: Augmentation = None  # type: ignore[assignment]  # None stands for its defaults, as in the config
    assignment: SimOTA = None  # type: ignore[assignment]
    optimisation: Optimisation = None  # type: ignore[assignment]
    precision: str = "auto"
    compile: bool = False
    device: str = "auto"
    workers: int | str = "auto"
    seed: int = 0
    cache: bool = False
    eval_interval: int = 5
    best_by: str = "AP"
    best: str = "full"
    patience: int = 0
    resume: str = "same"
    skip_steps: Sequence[int] = ()
    log_interval: int = 10
    logger: str = "tensorboard"
    profile: int = 0
    checkpoint_minutes: float = 10.0

    def __post_init__(self) -> None:
        check_fields(self, *CHOICES)
        if self.no_aug_epochs > self.max_epochs:
            log.info("no_aug_epochs=%d is more than max_epochs: all %d epochs are without mosaic", self.no_aug_epochs, self.max_epochs)
        given = {
            "no_aug_epochs": min(self.no_aug_epochs, self.max_epochs),
            "data": [dict(entry) for entry in self.data],
            "val": [dict(entry) for entry in self.val],
            "weight_classes": _as_list(self.weight_classes),
            "class_weights": _as_list(self.class_weights),
            "skip_steps": sorted(self.skip_steps),
            "multiscale": None if self.multiscale is None else tuple(self.multiscale),
            "augmentation": self.augmentation or Augmentation(),
            "assignment": self.assignment or SimOTA(),
            "optimisation": self.optimisation or Optimisation(),
        }
        for name, value in given.items():
            object.__setattr__(self, name, value)
        check_convention(self.convention)
        self._check_numbers()
        self._check_choices()
        if self.freeze is not None and self.weights is None:
            log.warning("freeze=%s without weights freezes random numbers", self.freeze)
        if self.patience and (not self.val or not self.eval_interval):
            log.warning("patience=%d has no effect: without val or with eval_interval=0 the run is not evaluated", self.patience)

    def _check_numbers(self) -> None:
        if not self.data or any("path" not in entry for entry in (*self.data, *self.val)):
            raise ValueError("data must list at least one COCO file, [{path: FILE, root: FOLDER}], and so must val if it is given")
        for entry, known in [*((entry, OF_DATA) for entry in self.data), *((entry, OF_VAL) for entry in self.val)]:
            if other := [str(key) for key in entry if key not in known]:
                raise ValueError(f"a dataset of {'data' if known is OF_DATA else 'val'} has {', '.join(known)}: got {', '.join(other)}")
            check_positive("the weight of a dataset", entry.get("weight", 1))
            if not isinstance(entry.get("classes", []), (list, tuple, Mapping, type(None))):
                raise ValueError(f"the classes of a dataset must be a list, or a mapping to lists: got {entry['classes']!r}")
        for name in ("max_epochs", "batch_size", "accumulate", "multiscale_interval", "log_interval"):
            check_count(name, getattr(self, name), 1)
        check_not_negative(**{name: getattr(self, name) for name in ("no_aug_epochs", "eval_interval", "seed", "patience", "profile")})
        if self.workers != "auto" and (not isinstance(self.workers, int) or self.workers < 0):
            raise ValueError(f"workers must be a number of processes, or auto: got {self.workers}")
        if self.multiscale is not None and not 1 <= self.multiscale[0] <= self.multiscale[1]:
            raise ValueError(f"multiscale must be a range of heights in units of 32 pixels, lower first: got {self.multiscale}")
        if any(step < 1 for step in self.skip_steps):
            raise ValueError(f"skip_steps count from 1: got {self.skip_steps}")
        if self.class_weights is not None and any(not weight > 0 for weight in self.class_weights):
            raise ValueError(f"class_weights must be positive: got {self.class_weights}")

    def _check_choices(self) -> None:
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                shown = ", ".join("null" if choice is None else choice for choice in choices)
                raise ValueError(f"{name} must be {shown}: got {getattr(self, name)!r}")
        if self.ignore_seen is not None and (self.weights is None or not 0 < self.ignore_seen < 1):
            raise ValueError(
                f"ignore_seen must be a score in (0, 1), of boxes of the starting weights (set weights): got {self.ignore_seen}"
            )
        if self.weight_classes is not None and self.weights is None:
            raise ValueError("weight_classes choose rows of a weight file: set weights too")

    def settings(self) -> dict[str, Any]:
        """Returns all settings as plain values, for a checkpoint and for the comparison with it."""
        plain = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name not in FREE}
        plain["augmentation"] = dataclasses.asdict(self.augmentation)
        plain["optimisation"] = dataclasses.asdict(self.optimisation)
        plain["assignment"] = {name: value for name, value in vars(self.assignment).items() if name != "max_pairs"}  # memory alone
        return {name: _plain(value) for name, value in plain.items()}

    def evaluates(self, epoch: int) -> bool:
        """Returns True if epoch number `epoch` (from 1) ends with an evaluation."""
        if not self.val or self.eval_interval == 0:
            return False
        tail = epoch > self.max_epochs - self.no_aug_epochs
        return tail or epoch % self.eval_interval == 0 or epoch == self.max_epochs

    def evaluations_after(self, epoch: int) -> int:
        """Returns how many epochs after epoch `epoch` end with an evaluation."""
        return sum(self.evaluates(later) for later in range(epoch + 1, self.max_epochs + 1))

    def patience_ended(self, history: Sequence[Mapping[str, float]]) -> bool:
        """Returns True if the last `patience` evaluations were no better than an earlier one."""
        figures = [row[self.best_by] for row in history]
        return 0 < self.patience < len(figures) and len(figures) - 1 - figures.index(max(figures)) >= self.patience


def _as_list(values: Sequence[Any] | None) -> list[Any] | None:
    return None if values is None else list(values)


def _plain(value: Any) -> Any:
    """Turns tuples into lists and paths into text, so that what is written and read again compares equal."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return str(value) if isinstance(value, Path) else value
