"""Explains words that a verb does not know by those that were probably meant."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from bytetrack.config.arguments import options_of
from bytetrack.config.choices import choices_of, foreign_keys, verbs_with
from bytetrack.config.composing import compose
from bytetrack.config.places import EXPERIMENT, group_folder
from bytetrack.listing import VIDEO_ENDINGS
from bytetrack.names import similar

__all__ = ["hint_for_a_choice", "hint_for_a_setting", "refuse_other_forms", "refuse_unknown_settings"]

HABITS = {  # what other programs call it: what it may be here
    "batch": ("train.batch_size", "detector.batch_size"),
    "conf": ("detector.min_score",),
    "conf_thres": ("detector.min_score",),
    "confidence": ("detector.min_score",),
    "data": ("train.data", "dataset.root"),
    "epochs": ("train.max_epochs",),
    "fps": ("stream.frame_rate", "frame_rate"),
    "gt": ("dataset.root",),
    "img": ("detector.input_size", "input_size"),
    "imgsz": ("detector.input_size", "input_size"),
    "iou": ("detector.nms_iou", "nms_iou"),
    "lr": ("train.optimisation.learning_rate",),
    "lr0": ("train.optimisation.learning_rate",),
    "match_thresh": ("tracker.match_cost",),
    "model": ("weights", "detector.weights", "train.weights"),
    "output": ("out",),
    "project": ("out",),
    "save_dir": ("out",),
    "track_buffer": ("tracker.max_lost_frames",),
    "track_thresh": ("tracker.high_score",),
}
ELSEWHERE = "for a video use tools/demo.py source=FILE"


def hint_for_a_setting(verb: str, key: str, arguments: Sequence[str]) -> str:
    """Returns the error text for the unknown setting `key`, with the nearest that exist."""
    group = group_folder(key).is_dir()
    here, elsewhere = _settings(verb, arguments), verbs_with(key)
    if key == EXPERIMENT:
        return "a recipe sets the whole config: `# @package _global_` must be the first line of its file"
    if verb == "track" and key == "source":
        return f"{verb} has no setting 'source': it tracks a dataset; {ELSEWHERE}"
    if parts := [name for name in here if name.rpartition(".")[0] == key]:
        return f"{key} has no such part: set {' or '.join(parts)}. --help shows all"
    near = [] if group else meant(key, {**here, **dict.fromkeys(choices_of(verb))})
    guess = f"did you mean {' or '.join(near)}? " if near else ""
    others = f"it exists in {', '.join(f'tools/{other}.py' for other in elsewhere)}. " if elsewhere and not near else ""
    return f"{verb} has no {'group' if group else 'setting'} {key!r}: {guess or others or 'nothing similar exists. '}--help shows all"


def hint_for_a_choice(verb: str, group: str, choice: str, found: Sequence[str]) -> str:
    """Returns the error text for a choice that `group` does not have among those `found`, the user's own included."""
    serving = choices_of(verb).get(group, [])
    names = [name for name in found if name in serving or not (group_folder(group) / f"{name}.yaml").is_file()]
    near = _begun(choice, names) or similar(choice.casefold(), names)
    guess = f"did you mean {' or '.join(f'{group}={name}' for name in near[:3])}? " if near else ""
    if group == "dataset" and Path(choice).is_dir():
        guess = f"a folder is dataset=motchallenge dataset.root={choice}, or another dataset's. "
    shown = f"Choices: {', '.join(names)}" if names else f"{verb} has no choices of it"
    return f"no {group}={choice} in {verb}: {guess}{shown}"


def _begun(choice: str, names: Sequence[str]) -> list[str]:
    """Returns the names that begin with `choice`, else the longest that it begins with; signs and upper case do not count."""
    plain = {name: re.sub(r"\W|_", "", name.casefold()) for name in (choice, *names)}
    longer = [name for name in names if plain[name].startswith(plain[choice])]
    return longer or sorted((name for name in names if plain[choice].startswith(plain[name])), key=len)[-1:]


def meant(key: str, settings: Mapping[str, Any]) -> list[str]:
    """Returns at most three of `settings` that `key` may stand for: by habit, as the end of a longer name, or spelled alike."""
    stem, leaf = key.rpartition(".")[0], key.rpartition(".")[2]
    habits = [name for name in HABITS.get(leaf, ()) if name in settings]
    if habits:
        return habits[:1]
    same = [name for name in settings if name.rpartition(".")[2] == leaf]
    close = similar(key, settings, 3, 0.75)
    beside = [name.rpartition(".")[2] for name in settings if stem and name.rpartition(".")[0] == stem]
    own = [f"{stem}.{name}" for name in similar(leaf, beside, 2)]
    if not (own or close):
        leaves = {name.rpartition(".")[2]: name for name in reversed(list(settings))}
        close = [leaves[name] for name in similar(leaf, leaves, 2, 0.75)]
    return list(dict.fromkeys([*own, *same, *close]))[:3]


def refuse_other_forms(verb: str, arguments: Sequence[str]) -> None:
    """Raises ValueError for words that are no settings, as `--source x` and `video.mp4`, and for settings under their former names."""
    options, words = options_of(), iter(enumerate(arguments))
    for place, word in words:
        name, equals, value = word.partition("=")
        if verb == "compare" and len(name) == 1 and equals:
            given = [word.partition("=") for word in arguments]
            folders = ",".join(folder for key, _, folder in given if len(key) == 1)
            raise ValueError(f"runs is a list: runs=[{folders}], not {' '.join(w for w in arguments if w[1:2] == '=')}")
        if name.lstrip("+") in ("exps", f"+{EXPERIMENT}") and equals:
            raise ValueError(f"select a recipe by {EXPERIMENT}={value or 'NAME'}, not {name}={value}")
        if name in options or sum(option.startswith(name) for option in options if name.startswith("--")) == 1:
            if options.get(name, True) and not equals:  # its value is the next word
                next(words, None)
        elif word.startswith("-"):
            value = value if equals else next(iter(arguments[place + 1 : place + 2]), "")
            raise ValueError(f"there is no option {name}: {_as_setting(verb, name.lstrip('-').replace('-', '_'), value)}")
        elif not equals and not word.startswith("~"):
            behind = next((other for other in arguments[place + 1 :] if other != "="), None)
            shown = f"{word}={behind}" if behind and word in _settings(verb, ()) else _main(verb, word)
            raise ValueError(f"{word!r} is not a setting: settings are written name=value, {shown}")


def refuse_unknown_settings(verb: str, config: Any, arguments: Sequence[str]) -> None:
    """Raises ValueError for a setting in `config` that the verb does not have: one added with a plus, or a recipe's that no verb has."""
    from omegaconf import OmegaConf

    for name in foreign_keys(verb, cast(dict[str, Any], OmegaConf.to_container(config, resolve=False))):
        added = any(word.lstrip("+").startswith(f"{name}=") for word in arguments)
        if added or not verbs_with(name):
            raise ValueError(hint_for_a_setting(verb, name, arguments))


def _as_setting(verb: str, name: str, value: str) -> str:
    settings = _settings(verb, ())
    if verb == "track" and name in ("source", "video"):
        return ELSEWHERE
    found = [name] if name in settings else meant(name, settings)
    if not found:
        return "settings are written name=value, and --help shows all"
    shown = "[HEIGHT,WIDTH]" if found[0].endswith("input_size") else value if value and "=" not in value else "..."
    return f"settings are written name=value, {found[0]}={shown}"


def _main(verb: str, word: str) -> str:
    """Returns what a bare word probably means: the verb's first setting that must be given, its source, or its dataset."""
    settings = _settings(verb, ())
    if verb in ("track", "score") and word.lower().endswith(VIDEO_ENDINGS):
        return ELSEWHERE
    if verb == "doctor":
        return f"{'video' if word.lower().endswith(VIDEO_ENDINGS) else 'checkpoint'}={word}"
    if word in choices_of(verb).get(EXPERIMENT, ()):
        return f"{EXPERIMENT}={word}"
    needed = [name for name in settings if "." not in name and settings[name] == "???"]
    key = needed[0] if needed else "source" if "source" in settings else "dataset.root" if "dataset.root" in settings else "out"
    return f"{key}={word}" if (verb, key) != ("compare", "runs") else f"{key}=[{word},...]"


def _settings(verb: str, arguments: Sequence[str]) -> dict[str, Any]:
    """Returns every setting of a verb by its full name, unresolved; with the groups that `arguments` choose."""
    chosen = tuple(word for word in arguments if word.lstrip("+").partition("=")[0] in choices_of(verb))
    try:
        return _composed(verb, chosen)
    except Exception:  # a choice that there is not: it is not what is explained here
        return _composed(verb, ())


@lru_cache
def _composed(verb: str, chosen: tuple[str, ...]) -> dict[str, Any]:
    from omegaconf import OmegaConf

    return dict(_flat(OmegaConf.to_container(compose(verb, chosen), resolve=False)))


def _flat(node: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        name = f"{prefix}.{key}" if prefix else str(key)
        yield name, value
        if isinstance(value, dict):
            yield from _flat(value, name)
