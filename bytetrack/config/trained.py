"""What a checkpoint says of itself comes before what stands in config files, and after what the command line says."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bytetrack.config.building import plain

__all__ = ["as_trained"]

log = logging.getLogger("bytetrack")

TARGET = "bytetrack.detection.yolox.Yolox"


def as_trained(config: Any, given: Sequence[str]) -> Any:
    """`config` with the detector's settings that its checkpoint decides (`Checkpoint.decided`), but for those among the overrides `given`.

    A log line says which, a warning where the size that `given` chooses (`detector=yolox_x`) is another. What contradicts the file in
    `given` stays: the detector warns of it, or refuses what cannot be. FormatError for a file that is no checkpoint; one that is not
    there is left to the detector.
    """
    from omegaconf import OmegaConf

    weights = OmegaConf.select(config, "detector.weights", throw_on_missing=False)
    if config.detector.get("_target_") != TARGET or not weights or not Path(weights).is_file():
        return config
    from bytetrack.detection.network import Size, read_checkpoint

    detector, named = plain(config.detector), {word.lstrip("+").partition("=")[0] for word in given}
    own = read_checkpoint(weights).decided(Size(*(detector[name] for name in Size._fields)), detector["classes"])
    taken = {name: value for name, value in own.items() if f"detector.{name}" not in named and value != detector[name]}
    if taken:
        level = logging.WARNING if "detector" in named and taken.keys() & set(Size._fields) else logging.INFO
        shown = ", ".join(f"{name} {_shown(value)} (not the config's {_shown(detector[name])})" for name, value in taken.items())
        log.log(level, "%s decides: %s; detector.NAME=VALUE on the command line sets another", weights, shown)
    return OmegaConf.merge(config, {"detector": taken})


def _shown(value: Any) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value).replace(" ", "")
