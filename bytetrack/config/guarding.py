"""What a config may not set: that which Hydra itself would run, and numbers that are none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bytetrack.config.places import home

__all__ = ["refuse_foreign_hydra", "refuse_not_finite"]

GUARDED = ("hydra.callbacks", "hydra.job_logging", "hydra.hydra_logging", "hydra.job.env_set")  # by which a config could run anything


def refuse_foreign_hydra(name: str, arguments: Sequence[str]) -> None:
    """ValueError where arguments, or files they bring in, set what Hydra itself would run: callbacks, loggers, the environment.

    Composing costs a tenth of a second, so it is done only where something but our own files could say anything of Hydra.
    """
    if not any(a.startswith(("-c", "--c")) or any(word in a for word in ("hydra", "experiment", "..", "@")) for a in arguments):
        return
    from hydra._internal.utils import get_args_parser
    from hydra.core.global_hydra import GlobalHydra
    from hydra.types import RunMode

    given, _ = get_args_parser().parse_known_args(list(arguments))
    if given.config_path or given.config_name:
        raise ValueError("--config-path and --config-name would take the place of the verb's own settings: use --config-dir")
    overrides = list(given.overrides)
    if given.config_dir and any(override.lstrip("+").startswith("hydra.searchpath") for override in overrides):
        raise ValueError("give --config-dir or hydra.searchpath, not both")
    if given.config_dir:
        overrides.append(f"hydra.searchpath=[file://{Path(given.config_dir).absolute()}]")

    def composed(words: list[str]) -> dict[str, Any]:
        from hydra import initialize_config_dir

        with initialize_config_dir(str(home() / "configs"), version_base="1.3"):
            loader = GlobalHydra.instance().config_loader()  # not `compose`, which calls the callbacks
            config = loader.load_configuration(name, words, run_mode=RunMode.MULTIRUN)
        for part in ("hydra.launcher", "hydra.sweeper"):
            if not str(OmegaConf.select(config, part)["_target_"]).startswith(("hydra.", "hydra_plugins.")):
                raise ValueError(f"{part} must be one of Hydra's or of its plugins")
        return {path: OmegaConf.to_container(OmegaConf.select(config, path), resolve=False) for path in GUARDED}

    from omegaconf import OmegaConf

    own, asked = composed([]), composed(overrides)
    changed = [path for path in GUARDED if own[path] != asked[path]]
    if changed:
        raise ValueError(f"{changed[0]} cannot be set: what Hydra runs, logs to and exports is fixed in configs/base.yaml")


def refuse_not_finite(node: Any, name: str = "") -> None:
    """ValueError for a setting, or an item of one, that is NaN or infinite: comparisons with NaN fail in silence."""
    from omegaconf import OmegaConf

    value: Any = OmegaConf.to_container(node) if OmegaConf.is_config(node) else node
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number: got {value} (null stands for no limit, where a setting has none)")
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        refuse_not_finite(item, f"{name}.{key}".lstrip("."))
