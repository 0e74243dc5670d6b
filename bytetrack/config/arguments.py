"""Reads the words of a command line: paths and names are text, whatever Hydra's grammar would make of them.

Hydra reads `out=2024_01_15` as a number, `out=null` as nothing and does not take `out=~/runs` at all. Settings that hold a path or
a name are therefore quoted before Hydra sees them, and looked at once more when all files are merged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from bytetrack.config.files import content_of
from bytetrack.config.places import group_folder, home

__all__ = ["ITEM", "in_quotes", "is_text", "options_of", "own_options", "readable", "settled"]

PATHS = {"annotations", "checkpoint", "compare", "detections", "features", "folder", "images", "input", "name", "out", "path", "recipe"}
PATHS |= {"model", "root", "source", "subset", "tracks", "video", "weights", "weights_folder"}
NAMES = {"address", "format", "from", "host", "mirror", "pattern", "to", "token", "url"}  # text in which ~ is a letter
OTHERWISE = {"demo": {"video"}, "draw": {"video"}, "prepare": {"images"}, "quickstart": {"video"}}  # these are switches or groups there
NAMED = {"leave_out", "look_at", "per_sequence", "zones"}  # their keys are names of the user's, and text
FREE = NAMED | {"class_names", "classes", "lines", "runs"}  # of these, too, or numbers
WITH_NAMES = FREE - {"runs"} | {"regions"}  # hold names among brackets
SEVERAL = {("demo", "source"), ("compare", "runs")}  # lists of paths; or paths by names of the user's
SETTING = re.compile(r"(\+{0,2})([\w.]+)=(.*)", re.DOTALL)
BLANK = "\\ "  # 2024_01_15 is a number to Hydra's grammar, with an escaped blank behind it is text
PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")  # a key that Hydra's grammar takes as it is
COUNT = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")  # a number and nobody's name
QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""", re.DOTALL)
SWEEP = re.compile(r"\w+\s*\(.*\)", re.DOTALL)  # choice(a,b), range(1,9), glob(*)
PAIR = re.compile(rf"\s*({QUOTED.pattern}|[^:]+?)\s*:(.*)", re.DOTALL)  # a name and its path
ITEM = re.compile(rf"(?:{QUOTED.pattern}|[^,])+", re.DOTALL)  # an item of a list or sweep
WORD = re.compile(rf"(\s*(?:{QUOTED.pattern})\s*|(?:\\.|[^][{{}},:\\])+)(:)?", re.DOTALL)  # among brackets; the colon of a key


def is_text(verb: str, key: str) -> bool:
    """Returns if the setting `key` of `verb` holds a path or a name, or several."""
    leaf = key.rpartition(".")[2]
    return (verb, key) in SEVERAL or (leaf in PATHS | NAMES and key not in OTHERWISE.get(verb, ()))


def takes_null(verb: str, key: str) -> bool:
    """Returns if `null` means "none" for a setting, which it does where a file in configs/ gives it that value."""
    group, _, rest = key.partition(".")
    places = [(home() / "configs" / f"{verb}.yaml", key)]
    places += [(path, rest) for path in (home() / "configs" / group).glob("*.yaml") if rest]
    return any(_null_in(path, name) for path, name in places)


def readable(verb: str, arguments: Sequence[str]) -> list[str]:
    """Returns `arguments` as Hydra understands them: quoted where they hold a path, a name or the choice of a group.

    What stands in quotes already is left. Raises ValueError for a path or name that is empty.
    """
    sweeps = any(word in ("-m", "--multirun") for word in arguments)
    return [_readable(verb, word, sweeps) for word in arguments]


def _readable(verb: str, word: str, sweeps: bool) -> str:
    if word.startswith(("--config-dir=~", "-cd=~")):
        option, _, folder = word.partition("=")
        return f"{option}={_at_home(option, folder)}"
    found = SETTING.fullmatch(word)
    if found is None:
        return word
    plus, key, value = found.groups()
    there = _exists(value)
    leaf = key.rpartition(".")[2]
    if leaf in WITH_NAMES and value[:1] in ("[", "{") and "${" not in value:
        of_keys = leaf in NAMED or leaf == "regions"
        return f"{plus}{key}={WORD.sub(lambda word: _named(word[1], word[2], of_keys), value)}"
    if not is_text(verb, key):
        choice = group_folder(key).is_dir()
        number = re.fullmatch(r"[\d.][\w.]*", value)  # of a file of one's own that is called 2024_01_15.yaml
        quoted = number if choice else there and not re.fullmatch(r"[\w./:~+-]*", value, re.ASCII)
        return f"{plus}{key}={in_quotes(value)}" if quoted else word
    if not value:
        raise ValueError(f"{key} is empty: is a variable of the shell not set? For the current folder write {key}=.")
    if value.lower() == "null" and takes_null(verb, key):
        return word
    if there:
        return f"{plus}{key}={in_quotes(value.replace('${', chr(92) + '${'))}"
    if (verb, key) in SEVERAL and value[0] + value[-1] == "[]":
        return f"{plus}{key}=[{','.join(_each(value[1:-1]))}]"
    if (verb, key) in SEVERAL and (named := re.fullmatch(r"\{(.+:.+)\}", value, re.DOTALL)):
        pairs = [found for item in ITEM.findall(named[1]) if (found := PAIR.fullmatch(item))]
        return f"{plus}{key}={{{','.join(f'{_as_key(pair[1])}: {next(_each(pair[2]))}' for pair in pairs)}}}"
    if sweeps:
        return word if SWEEP.fullmatch(value) else f"{plus}{key}={','.join(_each(value))}"
    return word if QUOTED.fullmatch(value) else f"{plus}{key}={in_quotes(value)}"


def _named(word: str, colon: str | None, of_keys: bool) -> str:
    """Returns a word among brackets so that a name is one, as 1e3, null and Tür are: all keys if `of_keys`, else all but plain numbers."""
    bare = word.strip()
    if colon and bare:
        return f"{word[: word.index(bare)]}{_as_key(bare, of_keys)}:"
    left = of_keys or not bare or "\\" in bare or QUOTED.fullmatch(bare) or COUNT.fullmatch(bare)
    return word + (colon or "") if left else word.replace(bare, in_quotes(bare))


def _as_key(name: str, text: bool = True) -> str:
    """Returns a name as Hydra's grammar takes a key, which cannot be quoted; `_spelled` undoes it."""
    bare = re.sub(r"\\(.)", r"\1", name[1:-1], flags=re.DOTALL) if QUOTED.fullmatch(name) else name
    keeps = (PLAIN.fullmatch(bare) and bare.lower() not in ("true", "false", "null", "nan", "inf")) or (not text and COUNT.fullmatch(bare))
    return bare if keeps else quote(bare, safe="") + BLANK


def _each(items: str) -> Iterator[str]:
    """Yields the items of a list or a sweep, each in quotes."""
    for item in ITEM.findall(items):
        yield item if QUOTED.fullmatch(item.strip()) else in_quotes(item.strip())


def in_quotes(text: str) -> str:
    """Returns `text` as Hydra's grammar writes a string; backslashes count only before a quotation mark."""
    return "'" + re.sub(r"(\\*)('|$)", lambda found: 2 * found[1] + found[2].replace("'", "\\'"), text) + "'"


def settled(verb: str, node: Any, prefix: str = "") -> Any:
    """Returns a composed config (plain, unresolved) with `~` as the home folder in every path.

    Raises ValueError for a path or name that is a number or a truth value, as a YAML file makes of 2024_01_15 or true without quotes.
    """
    if isinstance(node, dict) and (verb, prefix) in SEVERAL:
        return {_name_of(name): settled(verb, path, prefix) for name, path in node.items()}
    if isinstance(node, dict):
        return {
            k: _spelled(v, k in NAMED)
            if k in FREE and (verb, k) not in SEVERAL
            else settled(verb, v, f"{prefix}.{k}" if prefix else str(k))
            for k, v in node.items()
        }
    if isinstance(node, list):
        return [settled(verb, item, prefix) for item in node]
    if not is_text(verb, prefix):
        return node
    if isinstance(node, bool | int | float) and not (prefix == "source" and type(node) is int):  # a camera
        raise ValueError(f"{prefix} must be text, but a file or list contains {node!r}: put it in quotes there")
    path = isinstance(node, str) and prefix.rpartition(".")[2] not in NAMES
    return _at_home(prefix, node) if path else node


def _spelled(node: Any, text: bool) -> Any:
    """Returns `node` with its keys as the user spelled them; as `text`, or numbers as they are."""
    if not isinstance(node, dict):
        return node
    return {_name_of(key) if text or isinstance(key, str) else key: value for key, value in node.items()}


def _name_of(key: object) -> str:
    """Returns the name that `_as_key` wrote: one that ends in a blank stands for other signs."""
    return unquote(str(key).rstrip()) if str(key).endswith(" ") else str(key)


def _at_home(key: str, text: str) -> str:
    """Returns `text` with a leading `~` or `~user` as the home folder; a file of such a name keeps it, except `~` alone."""
    first = re.split(r"[/\\]", text, maxsplit=1)[0]
    if not first.startswith("~") or (first != "~" and _exists(f"./{text}", Path)):
        return text
    try:
        return str(Path(text).expanduser())
    except RuntimeError:
        raise ValueError(f"{key}: no home folder is known for {first}; for a file or folder of that name write ./{text}") from None


def _exists(text: str, path: Callable[[str], Path] = lambda text: Path(text).expanduser()) -> bool:
    with suppress(OSError, RuntimeError, ValueError):  # too long for a name, ~somebody, a null byte
        return path(text).exists()
    return False


def _null_in(path: Path, key: str) -> bool:
    """Returns if the file at `path` gives the setting `key` the value null."""
    node: Any = content_of(path) if path.is_file() else None
    *groups, leaf = key.split(".")
    for group in groups:
        node = node.get(group) if isinstance(node, dict) else None
    return isinstance(node, dict) and leaf in node and node[leaf] is None


def own_options(words: Sequence[str]) -> Any:
    """Returns Hydra's own options among `words`, as its parser has them, and the other words as `overrides`."""
    from hydra._internal.utils import get_args_parser

    return get_args_parser().parse_known_args(list(words))[0]


@lru_cache(maxsize=1)
def options_of() -> dict[str, bool]:
    """Returns Hydra's own options; True for those that a word follows."""
    from hydra._internal.utils import get_args_parser

    return {option: action.nargs is None for action in get_args_parser()._actions for option in action.option_strings}
