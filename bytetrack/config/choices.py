"""Lists the groups of a verb and their choices, for its `--help`, and refuses the choices that do not serve in it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from bytetrack.config.composing import compose
from bytetrack.config.files import bases_of, content_of, target_of
from bytetrack.config.places import EXPERIMENT, group_folder, home, verbs

__all__ = [
    "asked_by",
    "choices_of",
    "foreign_keys",
    "given_choices",
    "groups_of",
    "help_text",
    "own_settings",
    "refuse_other_choices",
    "verbs_with",
]

SEQUENCES = r"bytetrack\.data\.(datasets\.|kitti_visdrone\.|hieve\.|converters\.Bdd100k)"  # of sequences; others are images, for training
NETWORK = r"bytetrack\.detection\.(yolox|onnx|openvino|torchvision|transformers)\."
TAKES: dict[str, dict[str, str | None]] = {  # verb, group: the `_target_`s that serve there; None: settings only, no choice
    "demo": {
        "camera_motion": r"bytetrack\.video\.camera_motion\.(No|Estimated)Motion",
        "detector": r"bytetrack\.demo\.|bytetrack\.detection\.recorded\.Recorded|" + NETWORK,
    },
    "draw": {"dataset": SEQUENCES},
    "quickstart": {"dataset": None, "detector": None, "simulated": None, "tracker": None, "train": None, "experiment": None},
    "refine": {"dataset": SEQUENCES, "detector": r"bytetrack\.detection\.(recorded|simulated)\."},
    "score": {"dataset": SEQUENCES},
    "track": {"dataset": SEQUENCES, "detector": r"bytetrack\.detection\."},
    "train": {"detector": r"bytetrack\.detection\.yolox\.", "dataset": None, "tracker": None},
    "tune": {"dataset": r"bytetrack\.data\.(datasets|hieve)\.", "detector": r"bytetrack\.detection\.(recorded|simulated)\."},
}

FORMER = {
    "tracker": {"byte_plus_tuned": "tracker=byte_plus, one preset for every dataset (docs/trackers/byte_plus.md)"}
}  # what to use instead


@lru_cache
def choices_of(verb: str) -> dict[str, list[str]]:
    """Returns the groups of `verb`, each with the shipped choices that serve in it; `experiment`, the recipes, is the last."""
    own = groups_of(verb)
    takes = {**dict.fromkeys(own, ""), **TAKES.get(verb, {})}
    chosen = {group: _serving(group, target) for group in own if group != EXPERIMENT and (target := takes[group]) is not None}
    recipes = [path.stem for path in sorted(group_folder(EXPERIMENT).glob("*.yaml")) if _recipe_serves(path, own, chosen)]
    return {**chosen, **({EXPERIMENT: recipes} if recipes and takes[EXPERIMENT] is not None else {})}


def refuse_other_choices(verb: str, arguments: Sequence[str]) -> None:
    """Raises ValueError for a shipped choice in `arguments` that does not serve in `verb`."""
    own, choices = groups_of(verb), choices_of(verb)
    for group, choice in given_choices(arguments).items():
        if choice in FORMER.get(group, {}) and not (group_folder(group) / f"{choice}.yaml").is_file():
            raise ValueError(f"{group}={choice} has been removed: use {FORMER[group][choice]}")
        if choice in choices.get(group, ()) or not (group_folder(group) / f"{choice}.yaml").is_file():  # the user's own choice
            continue
        if group in choices and group != EXPERIMENT:
            raise ValueError(f"{group}={choice} cannot be used in {verb}; choices: {', '.join(choices[group])}")
        if (group in TAKES.get(verb, {}) or group != EXPERIMENT) and choice != own.get(group, choice):
            raise ValueError(f"{verb} always uses {group}={own[group]}; change its settings by {group}.NAME=VALUE")


def given_choices(arguments: Sequence[str]) -> dict[str, str]:
    """Returns the words of the form name=choice, which choose in a group if there is one of that name."""
    found = [re.fullmatch(r"\+?(\w+)='?([\w.-]+)'?", word) for word in arguments]
    return {match[1]: match[2] for match in found if match}


def verbs_with(setting: str) -> list[str]:
    """Returns the names of the verbs that have the setting or group `setting`."""
    return [verb for verb in verbs() if setting in own_settings(verb) or setting in choices_of(verb)]


def help_text(verb: str, overrides: Sequence[str]) -> str:
    """Returns the text of `--help`: the verb's own words, its groups, and its settings as `overrides` leave them."""
    from omegaconf import OmegaConf

    header = own_settings(verb)["hydra"]["help"]["header"]
    listed = "".join(f"{group}: {', '.join(names)}\n" for group, names in choices_of(verb).items())
    groups = f"Groups and their choices, group=choice:\n\n{listed}\n" if listed else ""
    return f"{header}\n{groups}Settings, with the given arguments:\n\n{OmegaConf.to_yaml(compose(verb, overrides))}"


def foreign_keys(verb: str, node: Mapping[str, Any]) -> list[str]:
    """Returns the settings in a composed config (plain, unresolved) that `verb` does not have and no other setting refers to.

    Only the verb's own settings are looked at, not those of its groups.
    """
    own, groups, text = own_settings(verb), groups_of(verb), str(node)
    groups.pop(EXPERIMENT, None)  # a recipe sets the whole config: with a part of that name it lacks the line that says so
    parts: list[tuple[str, Any, Mapping[str, Any]]] = [("", node, {**own, **groups})]
    parts += [(f"{key}.", node.get(key), part) for key, part in own.items() if isinstance(part, dict) and key not in groups]
    there = [(prefix + key, key in known) for prefix, found, known in parts if isinstance(found, Mapping) for key in found]
    return [name for name, known in there if not known and f"${{{name}" not in text]


def own_settings(verb: str) -> dict[str, Any]:
    """Returns the content of `configs/<verb>.yaml`."""
    return content_of(home() / "configs" / f"{verb}.yaml")


def groups_of(verb: str) -> dict[str, str]:
    """Returns the groups in the defaults list of `configs/<verb>.yaml`, by the part of the config that they fill, with their choices."""
    return {key.removeprefix("optional ").rpartition("@")[2]: choice for key, choice in _choices_in(own_settings(verb))}


def _choices_in(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Returns (group, choice) of every entry of a file's defaults list that has both."""
    return [(key, str(choice)) for entry in content.get("defaults", ()) if isinstance(entry, dict) for key, choice in entry.items()]


def _serving(group: str, target: str) -> list[str]:
    return [path.stem for path in sorted(group_folder(group).glob("*.yaml")) if re.match(target, target_of(path))]


def _recipe_serves(path: Path, groups: Mapping[str, str], choices: Mapping[str, Sequence[str]]) -> bool:
    """Returns if everything that a recipe chooses can be chosen."""
    asked = asked_by(path)
    return bool(asked) and all(group in groups and choice in choices.get(group, (choice,)) for group, choice in asked.items())


def asked_by(recipe: Path) -> dict[str, str]:
    """Returns the choices that a recipe makes, with those of the recipe that it builds on."""
    content = content_of(recipe)
    inherited = [asked_by(base) for base in bases_of(recipe)]
    own = {key.removeprefix("override /"): choice for key, choice in _choices_in(content) if key.startswith("override /")}
    return {**{group: choice for one in inherited for group, choice in one.items()}, **own}
