"""Gives every job of a sweep (`-m`) its own folder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bytetrack.config.arguments import ITEM, own_options

__all__ = ["job_number", "own_out", "separate_jobs", "sweep_folder"]

NUMBER = "${hydra:job.num}"
OWN_FILES = {"prepare": {"dataset"}}  # verb: the settings by which its jobs write files of other names into one folder
FILES = ("convert", "export")  # verbs whose `out` may be a file


def separate_jobs(verb: str, words: Sequence[str]) -> list[str]:
    """Returns a command line in which no two jobs of a sweep have the same `out`, by the job's number where need be.

    `words` are as Hydra reads them. An `out` that names every swept setting (`out=runs/${tracker.low_score}`), or the job's number,
    or is the only thing swept, is left as it is.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser

    from bytetrack.config.choices import own_settings

    given = own_options(words)
    if not (given.multirun or "hydra.mode=MULTIRUN" in given.overrides):
        return list(words)
    default, place = own_settings(verb).get("out"), next((n for n, word in enumerate(words) if re.match(r"\+{0,2}out=", word)), None)
    if place is None and default in (None, "???"):
        return list(words)
    if place is None:
        words, place = [*words, f"out={default}"], len(words)
    key, _, text = words[place].partition("=")
    found = OverridesParser.create().parse_overrides(given.overrides)
    swept = {override.key_or_group for override in found if override.is_sweep_override()}
    by_others = any(re.match(r"\+{0,2}hydra[./]sweeper", word) for word in given.overrides)
    if not by_others and _is_unique(verb, text, swept, given.overrides):
        return list(words)
    if re.fullmatch(r"\w+\s*\(.*\)", text, re.DOTALL):
        raise ValueError(f"{key}={text} is swept together with other settings: list the folders, {key}=A,B")
    return [*words[:place], f"{key}={','.join(_numbered(verb, item) for item in ITEM.findall(text))}", *words[place + 1 :]]


def _is_unique(verb: str, text: str, swept: set[str], overrides: Sequence[str]) -> bool:
    """Returns if every job of a sweep over the settings `swept` has another folder, or file, where `out` is `text`."""
    if re.search(r"\$\{hydra[:.]job\.(num|id)\}", text):
        return True
    if swept == {"out"}:
        items = [item.strip().strip("'\"") for item in ITEM.findall(text)]
        return len(set(items)) == len(items)
    if swept <= OWN_FILES.get(verb, set()) and not any(word.startswith("name=") for word in overrides):
        return True
    named = {setting for setting in swept if re.search(rf"(\$\{{|\bchoices\.){re.escape(setting)}\}}", text)}
    return bool(swept) and named == swept


def _numbered(verb: str, item: str) -> str:
    """Returns a path, in quotes for Hydra or not, with the number of the job as its last folder."""
    quote = item[-1] if item[-1:] in ("'", '"') else ""
    text = item[: len(item) - len(quote)]
    if verb in FILES and (name := re.search(r"[^/\\'\"]+\.\w+$", text)):
        return f"{text[: name.start()]}{NUMBER}/{name[0]}{quote}"
    return f"{text.rstrip('/')}/{NUMBER}{quote}"


def job_number() -> str | None:
    """Returns the number of this job in its sweep, None outside of sweeps."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    if not HydraConfig.initialized() or HydraConfig.get().mode != RunMode.MULTIRUN:
        return None
    return str(HydraConfig.get().sweep.subdir)


def sweep_folder() -> Path:
    """Returns the folder of the sweep that this job belongs to."""
    from hydra.core.hydra_config import HydraConfig

    return Path(HydraConfig.get().sweep.dir)


def own_out(verb: str, config: Any, given: Sequence[str]) -> Any:
    """Sets the `out` that a recipe names to the job's own folder in it, or to a file in that; one among the overrides `given` is left."""
    out, number = config.get("out"), job_number()
    if out is None or number is None or any(word.lstrip("+").startswith("out=") for word in given):
        return config
    path = Path(str(out))
    config.out = str(path.parent / number / path.name if verb in FILES and path.suffix else path / number)
    return config
