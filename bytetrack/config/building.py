"""Builds the object that a config node describes."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import bytetrack
from bytetrack.config.places import home
from bytetrack.errors import first_line

__all__ = ["build", "build_untrusted", "plain"]

OPTIMIZERS = r"torch\.optim\.(lr_scheduler\.)?[A-Z]\w*"


def build(node: Any, **extra: Any) -> Any:
    """Returns the object that a config node describes: calls `_target_` with the node's other keys and `extra`.

    The node comes from the user's command line or config folder: any `_target_` is called. For nodes from other people's files use
    `build_untrusted`. Lists and dicts are passed as plain Python ones. Raises ValueError for an unknown class or setting; the constructor's
    own errors are passed on.
    """
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    try:
        return instantiate(node, _convert_="all", **extra)
    except InstantiationException as error:
        if isinstance(error.__cause__, TypeError) or type(error.__cause__) is ImportError:  # no such setting, no such class
            part = re.search(r"^full_key: (.+)$", str(error), re.MULTILINE)
            raise ValueError(_reason(error.__cause__, part[1] if part else "")) from error.__cause__
        raise error.__cause__ or ValueError(first_line(error)) from None


def build_untrusted(node: Any, **extra: Any) -> Any:
    """Does the same as `build` for a node that may come from someone else, such as a run folder's config.yaml.

    Raises ValueError, before anything is imported or called, if a `_target_` is neither used in `configs/`, nor exported by
    `import bytetrack`, nor in torch.optim: other functions of the package write files or run commands.
    """
    from omegaconf import OmegaConf

    for target in _targets(OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node):
        if not _is_allowed(str(target)):
            raise ValueError(
                f"config.yaml names _target_ {target!r}, outside bytetrack.* as in configs/, and torch.optim.*: "
                "with trust=true it is called, for runs of your own only"
            )
    return build(node, **extra)


def _reason(error: BaseException, part: str) -> str:
    """Returns the text of an error in `part` of the config; for an unknown class or setting one line that says what to do."""
    text = str(error)
    if unknown := re.fullmatch(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'", text):
        remedy = f": if a recipe sets it, remove it by ~{part}.{unknown[2]}" if part else ""
        return f"{unknown[1]} has no setting {unknown[2]!r}{remedy}"
    target = re.match(r"Error loading '([^']+)'", text)
    if target and (module := re.search(r"that module '([^']+)' is installed", text)):
        where = "its file must lie in the folder of --config-dir, or in one of PYTHONPATH"
        return f"_target_ {target[1]!r}: there is no module {module[1]!r}; {where}"
    if target and (owner := re.search(r"that '([^']+)' is importable from module '([^']+)'", text)):
        return f"_target_ {target[1]!r}: module {owner[2]!r} has no {owner[1]!r}"
    return text


def plain(node: Any) -> Any:
    """Returns a config node as plain Python dicts and lists, resolved; `build` takes either."""
    from omegaconf import OmegaConf

    return OmegaConf.to_container(node, resolve=True, throw_on_missing=True) if OmegaConf.is_config(node) else node


def _is_allowed(target: str) -> bool:
    """Returns if the config of somebody else may call `target`."""
    return target in _own_targets() or bool(re.fullmatch(OPTIMIZERS, target))


@lru_cache(maxsize=1)
def _own_targets() -> frozenset[str]:
    """Returns every `_target_` that `configs/` names, and the classes that `import bytetrack` offers."""
    texts = [path.read_text(encoding="utf-8") for path in (home() / "configs").rglob("*.yaml")]
    named = [target for text in texts for target in re.findall(r"_target_: *([\w.]+)", text)]
    return frozenset([*named, *(f"bytetrack.{name}" for name in bytetrack.__all__ if name[0].isupper())])


def _targets(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return ([node["_target_"]] if "_target_" in node else []) + [t for value in node.values() for t in _targets(value)]
    if isinstance(node, list):
        return [t for value in node for t in _targets(value)]
    return []
