"""The groups of a verb and their choices: what its `--help` lists, and what it takes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from bytetrack.config.composing import compose
from bytetrack.config.places import home

__all__ = ["choices_of", "foreign_keys", "help_text", "refuse_other_choices", "verbs_with"]

SEQUENCES = r"bytetrack\.data\.(datasets\.|kitti_visdrone\.|converters\.Bdd100k)"  # of sequences; others are images, for training
NETWORK = r"bytetrack\.detection\.(yolox|onnx|openvino)\."
TAKES: dict[str, dict[str, str | None]] = {  # verb, group: the `_target_`s that serve there; None: settings only, no choice
    "demo": {"detector": r"bytetrack\.demo\.|bytetrack\.detection\.recorded\.Recorded|" + NETWORK},
    "draw": {"dataset": SEQUENCES},
    "quickstart": {"dataset": None, "detector": None, "simulated": None, "tracker": None, "train": None, "exps": None},
    "refine": {"dataset": SEQUENCES, "detector": r"bytetrack\.detection\.(recorded|simulated)\."},
    "score": {"dataset": SEQUENCES},
    "track": {"dataset": SEQUENCES, "detector": r"bytetrack\.detection\."},
    "train": {"detector": r"bytetrack\.detection\.yolox\.", "dataset": None, "tracker": None},
    "tune": {"dataset": r"bytetrack\.data\.datasets\.", "detector": r"bytetrack\.detection\.(recorded|simulated)\."},
}


@lru_cache
def choices_of(verb: str) -> dict[str, list[str]]:
    """The groups that `verb` has, and of each the choices that serve in it; recipes are the group `exps`."""
    own = _groups(verb)
    takes = {**dict.fromkeys([*own, "exps"], ""), **TAKES.get(verb, {})}
    chosen = {group: _serving(group, target) for group in own if (target := takes[group]) is not None}
    recipes = [path.stem for path in sorted((home() / "exps").glob("*.yaml")) if _recipe_serves(path, own, chosen)]
    return {**chosen, **({"exps": recipes} if recipes and takes["exps"] is not None else {})}


def refuse_other_choices(verb: str, arguments: Sequence[str]) -> None:
    """ValueError for a choice from `configs/` that does not serve in `verb`, be it an argument or a recipe's."""
    found = [re.fullmatch(r"\+?(\w+)='?([\w.-]+)'?", word) for word in arguments]
    given = {match[1]: match[2] for match in found if match}
    recipe = home() / "exps" / f"{given.get('exps')}.yaml"
    own, choices = _groups(verb), choices_of(verb)
    asked = _asked(recipe) if recipe.is_file() else {}
    if foreign := [group for group in asked if group not in own]:
        serving = [other for other in verbs_with("exps") if recipe.stem in choices_of(other)["exps"]]
        raise ValueError(f"recipe {recipe.stem} is for {' and '.join(serving)}: {verb} has no {foreign[0]}")
    for group, choice in {**asked, **given}.items():
        if choice in choices.get(group, ()) or not (home() / "configs" / group / f"{choice}.yaml").is_file():  # people's own are theirs
            continue
        if group in choices:
            raise ValueError(f"{group}={choice} does not serve in {verb}, which takes {', '.join(choices[group])}")
        if group in given and choice != own.get(group, choice):
            raise ValueError(f"{verb} takes no other {group} than {own[group]}, whose settings can be changed: {group}.NAME=VALUE")


def verbs_with(setting: str) -> list[str]:
    """The verbs that have the setting or group `setting`, by name."""
    verbs = sorted(path.stem for path in (home() / "tools").glob("*.py"))
    return [verb for verb in verbs if setting in _file(verb) or setting in choices_of(verb)]


def help_text(verb: str, overrides: Sequence[str]) -> str:
    """What `--help` shows: the verb's own words, its groups, and its settings as `overrides` leave them."""
    from omegaconf import OmegaConf

    header = _file(verb)["hydra"]["help"]["header"]
    listed = "".join(f"{group}: {', '.join(names)}\n" for group, names in choices_of(verb).items())
    groups = f"Groups and their choices, group=choice{' (+exps=NAME)' * ('exps' in choices_of(verb))}:\n\n{listed}\n" if listed else ""
    return f"{header}\n{groups}Settings, as they are with the arguments given here:\n\n{OmegaConf.to_yaml(compose(verb, overrides))}"


def foreign_keys(verb: str, node: Mapping[str, Any]) -> list[str]:
    """The settings in a composed config (plain, unresolved) that `verb` does not have, and no other refers to: its own, not its groups'."""
    own, groups, text = _file(verb), _groups(verb), str(node)
    parts: list[tuple[str, Any, Mapping[str, Any]]] = [("", node, {**own, **groups})]
    parts += [(f"{key}.", node.get(key), part) for key, part in own.items() if isinstance(part, dict) and key not in groups]
    there = [(prefix + key, key in known) for prefix, found, known in parts if isinstance(found, Mapping) for key in found]
    return [name for name, known in there if not known and f"${{{name}" not in text]


def _file(verb: str) -> dict[str, Any]:
    """What `configs/<verb>.yaml` says."""
    import yaml  # type: ignore[import-untyped, unused-ignore]

    content: dict[str, Any] = yaml.safe_load((home() / "configs" / f"{verb}.yaml").read_text(encoding="utf-8"))
    return content


def _groups(verb: str) -> dict[str, str]:
    """The groups in the defaults list of `configs/<verb>.yaml`, by the place that they fill, and what is chosen there."""
    entries = [next(iter(entry.items())) for entry in _file(verb)["defaults"] if not isinstance(entry, str)]
    return {key.removeprefix("optional ").rpartition("@")[2]: str(choice) for key, choice in entries}


def _serving(group: str, target: str) -> list[str]:
    folder = home() / "configs" / group
    return [path.stem for path in sorted(folder.glob("*.yaml")) if re.match(target, _target(path))]


def _target(path: Path) -> str:
    """The `_target_` of a group's file, or of the one that it builds on."""
    text = path.read_text(encoding="utf-8")
    if found := re.search(r"^_target_: *([\w.]+)", text, re.MULTILINE):
        return found[1]
    base = re.search(r"^defaults: *\[(\w+)", text, re.MULTILINE)
    return _target(path.with_stem(base[1])) if base else ""


def _recipe_serves(path: Path, groups: Mapping[str, str], choices: Mapping[str, Sequence[str]]) -> bool:
    """Whether all that a recipe chooses is there to be chosen."""
    asked = _asked(path)
    return bool(asked) and all(group in groups and choice in choices.get(group, (choice,)) for group, choice in asked.items())


def _asked(recipe: Path) -> dict[str, str]:
    """The choices that a recipe makes, with those of the recipe that it builds on."""
    text = recipe.read_text(encoding="utf-8")
    bases = [recipe.with_stem(stem) for stem in re.findall(r"^  - (\w+)$", text, re.MULTILINE)]
    inherited = [_asked(base) for base in bases if base.is_file()]
    return {**{group: choice for one in inherited for group, choice in one.items()}, **dict(re.findall(r"- override /(\w+): (\w+)", text))}
