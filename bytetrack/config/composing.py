"""The config of a verb: its file in `configs/`, the recipes of `exps/`, and the words of a command line."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from bytetrack.config.arguments import readable, settled
from bytetrack.config.places import home

__all__ = ["compose", "register_recipes", "settled_config"]


def compose(verb: str, overrides: Sequence[str] = ()) -> Any:
    """The config of `verb` with command-line `overrides`, as the verb itself would see it."""
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir

    register_recipes(verb, overrides)
    with initialize_config_dir(str(home() / "configs"), version_base="1.3"):
        return settled_config(verb, hydra_compose(verb, readable(verb, overrides)))


def settled_config(verb: str, config: Any) -> Any:
    """A composed config whose paths and names are as a verb wants them: see `settled`."""
    from omegaconf import OmegaConf

    node = OmegaConf.create(settled(verb, OmegaConf.to_container(config, resolve=False)))
    OmegaConf.set_struct(node, True)
    return node


def register_recipes(verb: str, arguments: Sequence[str]) -> None:
    """Makes `exps/*.yaml` Hydra's group `exps`, where an argument or the verb's own config asks for it.

    A search path would need their parent, and then every folder beside them (`runs/`, `out/`) would be a group, which
    `out=...` could no longer set.
    """
    own = (home() / "configs" / f"{verb}.yaml").read_text(encoding="utf-8")
    if not any("exps" in text for text in (*arguments, own)):
        return
    from hydra.core.config_store import ConfigStore

    for path in (home() / "exps").glob("*.yaml"):
        ConfigStore.instance().store(name=path.stem, group="exps", node=_recipe(path), package="_global_")


@lru_cache
def _recipe(path: Path) -> Any:
    from omegaconf import OmegaConf

    return OmegaConf.load(path)
