"""Refuses options and numbers that no verb takes, and lets configs name the user's own classes."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bytetrack.config.arguments import own_options

__all__ = ["refuse_not_finite", "take_config_dir"]


def take_config_dir(arguments: Sequence[str]) -> None:
    """Makes the modules in the folder of `--config-dir` importable, behind all others: a config there may name classes of its own.

    Raises ValueError for `--config-path` and `--config-name`.
    """
    if not any(word.startswith(("-c", "--c")) for word in arguments):
        return
    given = own_options(arguments)
    if given.config_path or given.config_name:
        raise ValueError("--config-path and --config-name would take the place of the verb's own settings: use --config-dir")
    folder = str(Path(given.config_dir or ".").absolute())
    if given.config_dir and folder not in sys.path:
        sys.path.append(folder)


def refuse_not_finite(node: Any, name: str = "") -> None:
    """Raises ValueError for a setting, or an item of one, that is NaN or infinite: comparisons with NaN fail silently."""
    from omegaconf import OmegaConf

    value: Any = OmegaConf.to_container(node) if OmegaConf.is_config(node) else node
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number: got {value} (null stands for no limit, where a setting has none)")
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        refuse_not_finite(item, f"{name}.{key}".lstrip("."))
