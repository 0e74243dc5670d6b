"""Takes a detector's settings from its checkpoint: they outrank config files, and the command line outranks them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bytetrack.config.building import build, plain

if TYPE_CHECKING:
    from bytetrack.detection.network import Checkpoint

__all__ = ["as_trained", "checkpoint_of"]

log = logging.getLogger(__name__)

YOLOX = "bytetrack.detection.yolox.Yolox"
EXPORTED = ("bytetrack.detection.onnx.Onnx", "bytetrack.detection.openvino.OpenVino")


def as_trained(config: Any, given: Sequence[str]) -> Any:
    """Returns `config` with the detector's settings that its weights file decides (`decided`), but for those among the overrides `given`.

    A log line says which, a warning where the size that `given` chooses (`detector=yolox_x`) is another. What contradicts the file in
    `given` stays: the detector warns of it, or refuses what cannot be. FormatError for a file that is none of weights; one that is not
    there is left to the detector.
    """
    from omegaconf import OmegaConf

    weights = OmegaConf.select(config, "detector.weights", throw_on_missing=False)
    if config.detector.get("_target_") == YOLOX and weights and not Path(weights).is_file():
        weights = _by_name(str(weights))
        config = OmegaConf.merge(config, {"detector": {"weights": weights}})
    if config.detector.get("_target_") not in (YOLOX, *EXPORTED) or not weights or not Path(weights).is_file():
        return config
    detector, named = plain(config.detector), {word.lstrip("+").partition("=")[0] for word in given}
    own = _decided(detector)
    taken = {name: value for name, value in own.items() if f"detector.{name}" not in named and value != detector[name]}
    if taken:
        level = logging.WARNING if "detector" in named and "depth" in taken else logging.INFO
        shown = ", ".join(f"{name} {_shown(value)} (not the config's {_shown(detector[name])})" for name, value in taken.items())
        log.log(level, "%s decides: %s; detector.NAME=VALUE on the command line sets another", weights, shown)
    return OmegaConf.merge(config, {"detector": taken})


def _decided(detector: dict[str, Any]) -> dict[str, Any]:
    """Returns the settings that a detector's weights file decides; an exported one is opened only if there is something to replace."""
    if detector["_target_"] in EXPORTED:
        unsaid = {"input_size": None, "convention": None}
        return build({**detector, **unsaid}).decided() if any(detector[name] for name in unsaid) else {}
    from bytetrack.detection.settings import Size

    return checkpoint_of(detector["weights"]).decided(Size(*(detector[name] for name in Size._fields)), detector["classes"])


def checkpoint_of(weights: str | Path) -> Checkpoint:
    """Reads a weight file; one that is called as a published checkpoint has the input that this was trained with. FormatError."""
    from bytetrack.data.published import CONVENTION, published_in
    from bytetrack.detection.network import read_checkpoint

    checkpoint, published = read_checkpoint(weights), published_in(weights)
    return checkpoint if published is None else checkpoint.as_published(published.size, published.input_size, CONVENTION)


def _by_name(weights: str) -> str:
    """Returns the file of the published checkpoint called `weights`; what is none stays as it is. MissingDataError if it is not here."""
    from bytetrack.data.published import PUBLISHED, published_file

    return str(published_file(weights)) if weights in PUBLISHED else weights


def _shown(value: Any) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value).replace(" ", "")
