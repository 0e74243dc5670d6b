"""Gives each verb the part of a recipe that it has settings for: `score` scores on a recipe's dataset, `demo` takes its detector."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bytetrack.config.arguments import in_quotes
from bytetrack.config.choices import asked_by, choices_of, given_choices, groups_of, own_settings
from bytetrack.config.files import bases_of, content_of
from bytetrack.config.places import EXPERIMENT, group_folder

__all__ = ["with_part_of_recipe"]

log = logging.getLogger(__name__)


def with_part_of_recipe(verb: str, arguments: Sequence[str]) -> list[str]:
    """Replaces `experiment=NAME` by the settings in that recipe that `verb` has too, if it lacks others; logs which those are.

    A recipe that serves as a whole stays for Hydra to compose. Arguments have precedence over the recipe; of a group for which they make
    another choice, nothing is taken from it. ValueError if the verb has nothing that the recipe sets.
    """
    chosen = [match[1] for word in arguments if (match := re.fullmatch(rf"{EXPERIMENT}='?([\w.-]+)'?", word))]
    path = group_folder(EXPERIMENT) / f"{chosen[0]}.yaml" if len(chosen) == 1 else None
    own, choices = groups_of(verb), choices_of(verb)
    if path is None or not path.is_file() or path.stem in choices.get(EXPERIMENT, ()) or own[EXPERIMENT] != "None":
        return list(arguments)
    given = given_choices(arguments)
    asked, content = asked_by(path), _content(path)
    content.pop("recipe", None)  # a name for the run
    served = {g: choice for g, choice in asked.items() if choice in choices.get(g, ()) and given.get(g, choice) == choice}
    part = [f"{group}={choice}" for group, choice in served.items() if group not in given]
    settings = {key: value for key, value in content.items() if key in served or (key in own_settings(verb) and key not in own)}
    if not part and not settings:
        raise ValueError(f"recipe {path.stem} sets {', '.join(sorted({*asked, *content}))}: {verb} has none of these")
    for key, value in settings.items():
        part += _leaves(key, value, path.stem) if key in served else [f"{key}={_written(value, path.stem)}"]
    rest = [key for key in dict.fromkeys([*asked, *content]) if key not in served and key not in settings]
    log.warning("of recipe %s, %s uses %s, not %s", path.stem, verb, ", ".join(dict.fromkeys([*served, *settings])), ", ".join(rest))
    return [*part, *(word for word in arguments if not word.startswith(f"{EXPERIMENT}="))]


def _content(recipe: Path) -> dict[str, Any]:
    """Returns the settings of a recipe, with those of the recipes that it builds on."""
    content = dict(content_of(recipe))
    content.pop("defaults", None)
    for base in reversed(bases_of(recipe)):
        content = _merged(_content(base), content)
    return content


def _merged(base: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    both = {key: _merged(base[key], more[key]) for key in base.keys() & more.keys() if isinstance(base[key], dict) and more[key]}
    return {**base, **more, **both}


def _leaves(key: str, value: Any, name: str) -> Iterator[str]:
    """Yields an override for every setting below `key`."""
    if not isinstance(value, dict):
        yield f"{key}={_written(value, name)}"
        return
    for part, inner in value.items():
        yield from _leaves(f"{key}.{part}", inner, name)


def _written(value: Any, name: str) -> str:
    """Returns a value as Hydra's grammar writes it; `${recipe}` becomes the recipe's name."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_written(inner, name)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_written(inner, name) for inner in value) + "]"
    if isinstance(value, str):
        return in_quotes(value.replace("${recipe}", name))
    return "null" if value is None else str(value).lower()  # a number or a switch
