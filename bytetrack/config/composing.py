"""Composes the config of a verb from its file in `configs/`, the recipes in `exps/`, and the words of a command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bytetrack.config.arguments import readable, settled
from bytetrack.config.files import target_of
from bytetrack.config.places import SPACE, group_folder, home

__all__ = ["add_recipes", "add_spaces", "compose", "settled_config"]


def compose(verb: str, overrides: Sequence[str] = ()) -> Any:
    """Returns the config of `verb` with command-line `overrides`, as the verb itself receives it."""
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir

    add_recipes()
    add_spaces(verb)
    with initialize_config_dir(str(home() / "configs"), version_base="1.3"):
        return settled_config(verb, hydra_compose(verb, readable(verb, overrides)))


def settled_config(verb: str, config: Any) -> Any:
    """Returns a composed config with its paths and names as a verb expects them: see `settled`."""
    from omegaconf import OmegaConf

    node = OmegaConf.create(settled(verb, OmegaConf.to_container(config, resolve=False)))
    OmegaConf.set_struct(node, True)
    return node


def add_recipes() -> None:
    """Puts `exps/` on Hydra's search path, so that its folder `experiment` is a group.

    Only that folder is added, by a plugin of this process: the configs that Hydra finds beside it, such as `runs/` of the current
    folder, would otherwise be groups, which `out=...` could no longer set.
    """
    from hydra.core.config_search_path import ConfigSearchPath
    from hydra.core.plugins import Plugins
    from hydra.plugins.search_path_plugin import SearchPathPlugin

    class Recipes(SearchPathPlugin):  # type: ignore[misc, unused-ignore]
        def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
            search_path.append("bytetrack", f"file://{home() / 'exps'}")

    plugins = Plugins.instance()
    if not any(plugin.__qualname__ == Recipes.__qualname__ for plugin in plugins.discover(SearchPathPlugin)):
        plugins.register(Recipes)


def add_spaces(verb: str) -> None:
    """Stores the search spaces of the trackers' classes for `tune`, as choices of the group `space`."""
    if verb != "tune":
        return
    from hydra.core.config_store import ConfigStore

    from bytetrack.tracking import CLASSES

    for path in group_folder(SPACE).glob("*.yaml"):
        ConfigStore.instance().store(group=SPACE, name=path.stem, node=CLASSES[target_of(path).rpartition(".")[2]].search_space)
