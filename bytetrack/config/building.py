"""From a config node to the object that it describes; only what is allowed is called."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from typing import Any

import bytetrack
from bytetrack.config.places import home

__all__ = ["build", "plain"]

OPTIMIZERS = r"torch\.optim\.(lr_scheduler\.)?[A-Z]\w*"


def build(node: Any, **extra: Any) -> Any:
    """The object that a config node describes: `_target_` called with the node's other keys and `extra`.

    Lists and dicts arrive as plain Python ones. ValueError where `_target_` lies outside the allow-list (what `configs/` names, the
    classes that `import bytetrack` offers, torch.optim's, and the comma-separated modules of the environment variable
    BYTETRACK_TRUST); the constructor's own errors pass through as they are.
    """
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate
    from omegaconf import OmegaConf

    for target in _targets(OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node):
        if not _is_allowed(str(target)):
            raise ValueError(
                f"config names _target_ {target!r}, outside bytetrack.* as in configs/, and torch.optim.*: "
                "if you trust it, set BYTETRACK_TRUST to its top module"
            )
    try:
        return instantiate(node, _convert_="all", **extra)
    except InstantiationException as error:
        if isinstance(error.__cause__, TypeError) or type(error.__cause__) is ImportError:  # no such setting, no such class
            raise ValueError(str(error.__cause__)) from error.__cause__
        raise error.__cause__ or ValueError(str(error).splitlines()[0]) from None


def plain(node: Any) -> Any:
    """A config node as plain Python dicts and lists, resolved; `build` takes either."""
    from omegaconf import OmegaConf

    return OmegaConf.to_container(node, resolve=True, throw_on_missing=True) if OmegaConf.is_config(node) else node


def _is_allowed(target: str) -> bool:
    """Whether a config may call `target`: not any function of the package, some of which write files or run other verbs."""
    if target in _own_targets() or re.fullmatch(OPTIMIZERS, target):
        return True
    trusted = [name.strip() for name in os.environ.get("BYTETRACK_TRUST", "").split(",") if name.strip()]
    if not any(target.startswith(f"{name}.") for name in trusted):
        return False
    from hydra.utils import get_object

    try:
        home_module = str(getattr(get_object(target), "__module__", ""))  # not `os` in `trusted.os.system`
    except (ImportError, ValueError) as error:
        raise ValueError(str(error)) from None
    return any(home_module == name or home_module.startswith(f"{name}.") for name in trusted)


@lru_cache(maxsize=1)
def _own_targets() -> frozenset[str]:
    """Every `_target_` that `configs/` names, and the classes that `import bytetrack` offers."""
    texts = [path.read_text(encoding="utf-8") for path in (home() / "configs").rglob("*.yaml")]
    named = [target for text in texts for target in re.findall(r"_target_: *([\w.]+)", text)]
    return frozenset([*named, *(f"bytetrack.{name}" for name in bytetrack.__all__ if name[0].isupper())])


def _targets(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return ([node["_target_"]] if "_target_" in node else []) + [t for value in node.values() for t in _targets(value)]
    if isinstance(node, list):
        return [t for value in node for t in _targets(value)]
    return []
