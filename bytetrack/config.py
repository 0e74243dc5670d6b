"""The one place that knows Hydra: where configs live, how a verb starts, how a node becomes an object.

A verb (`tools/track.py`) is one function of the composed config, decorated with `verb`. `python tools/track.py ...`,
`bytetrack track ...` and, after `pip install` of a wheel, the latter from anywhere are the same call.
"""

from __future__ import annotations

import logging
import os
import re
import runpy
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from traceback import walk_tb
from typing import Any

import bytetrack
from bytetrack import __version__
from bytetrack.replacing import replace_text
from bytetrack.signals import ended_by_signals

__all__ = ["build", "compose", "console", "home", "in_quotes", "out_folder", "plain", "run_verb", "save", "verb"]

OPTIMIZERS = r"torch\.optim\.(lr_scheduler\.)?[A-Z]\w*"
GUARDED = ("hydra.callbacks", "hydra.job_logging", "hydra.hydra_logging", "hydra.job.env_set")  # by which a config could run anything
PACKAGES = ("numpy", "scipy", "numba", "torch", "torchvision", "trackeval", "motmetrics", "opencv-python", "onnxruntime")
READERS = {"yaml", "omegaconf", "hydra", "antlr4"}
LONGEST_LINE = 600  # characters of an error
SECRETS = {  # pattern: what stands for it in files and messages
    r"(?<=://)[^/\s]*@": "***@",
    r"(?<=://)([^\s?'\"]+)\?[^\s'\"]+": r"\1?***",
    r"(?<=\btoken=)[^\s,}]+": "***",
}

QUOTING = """In a shell, quote lists and braces, "lines=[[0,9,9,9,gate]]", and what holds spaces or signs twice: "source='a (1).mp4'\""""

log = logging.getLogger("bytetrack")


def home() -> Path:
    """The folder that holds `configs/`, `exps/` and `tools/`: this package in a wheel, its parent in a checkout."""
    package = Path(__file__).resolve().parent
    return package if (package / "configs").is_dir() else package.parent


def compose(name: str, overrides: Sequence[str] = ()) -> Any:
    """The config of verb `name` with command-line `overrides`, as the verb itself would see it."""
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir

    _register_recipes(name, overrides)
    with initialize_config_dir(str(home() / "configs"), version_base="1.3"):
        return hydra_compose(name, list(overrides))


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


def out_folder(out: str | None, verb_name: str) -> Path:
    """The run's output folder: `out` as given, else a new `runs/<verb>/<date>_<time>`; made if need be."""
    folder = Path(out).expanduser() if out else Path("runs") / verb_name / time.strftime("%Y-%m-%d_%H-%M-%S")
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=out is not None)
            return folder
        except FileExistsError:  # another run of the same second, as in a sweep
            if out is not None:
                raise
            folder = folder.with_name(f"{folder.name}_")


def save(config: Any, out: Path) -> None:
    """`out/config.yaml`: the resolved config, with package versions, git revision and the command that made it."""
    from omegaconf import OmegaConf

    made_by = {
        "command": " ".join(["bytetrack", Path(sys.argv[0]).stem, *(_public(a) for a in sys.argv[1:])]),
        "date": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "git_revision": _git_revision(),
        "versions": {"bytetrack": __version__, "python": sys.version.split()[0], **_versions()},
    }
    plain_settings: Any = _public(OmegaConf.to_container(config, resolve=True))
    document = OmegaConf.create({**plain_settings, "made_by": made_by})
    replace_text(out / "config.yaml", OmegaConf.to_yaml(document))


def _public(value: Any) -> Any:
    """`value` (text, or a container of it) with `***` for user and password in addresses, their queries, and tokens."""
    if isinstance(value, dict):
        return {key: "***" if key == "token" and item is not None else _public(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_public(item) for item in value]
    if not isinstance(value, str):
        return value
    for secret, mark in SECRETS.items():
        value = re.sub(secret, mark, value)
    return value


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _git_revision() -> str:
    if not (home() / ".git").exists():  # installed: git would find whatever repository the environment lies in
        return "unknown"
    try:
        git = ["git", "-C", str(home()), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
        return subprocess.run(git, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def verb(name: str) -> Callable[[Callable[[Any], None]], Callable[[], None]]:
    """Makes `task(config)` a command whose defaults are `configs/<name>.yaml` and whose arguments are Hydra overrides.

    A mistake of the user's (ValueError, OSError, a missing package) ends it with one line and exit status 1; Ctrl-C with 130,
    SIGTERM with 143.
    """

    def decorate(task: Callable[[Any], None]) -> Callable[[], None]:
        def run() -> None:
            complete = os.environ.get("HYDRA_FULL_ERROR") == "1"

            def guarded(config: Any) -> None:
                logging.getLogger("bytetrack").setLevel(logging.INFO)
                with _explained(complete), ended_by_signals():  # here, too: a launcher may call it in another process
                    task(config)

            with _explained(complete), ended_by_signals():
                import hydra

                sys.argv[1:] = map(_quoted, sys.argv[1:])
                os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises its errors, which are explained here, in place of printing them
                _register_recipes(name, sys.argv[1:])
                _refuse_foreign_hydra(name, sys.argv[1:])
                guarded.__module__, guarded.__qualname__ = "__main__", name
                hydra.main(version_base="1.3", config_path=str(home() / "configs"), config_name=name)(guarded)()

        return run

    return decorate


@contextmanager
def _explained(complete: bool) -> Iterator[None]:
    """What a user can cause ends the process with one line; the rest is a bug, and shows its traceback; `complete` shows all."""
    try:
        yield
    except BrokenPipeError:  # whoever read the output has gone, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except KeyboardInterrupt:
        sys.stderr.write("stopped by Ctrl-C\n")
        sys.exit(130)
    except Exception as error:
        line = None if complete else _explanation(error)
        if line is None:
            raise
        sys.stderr.write(f"error: {line}\n")
        sys.exit(1)


def _explanation(error: Exception) -> str | None:
    """One line for what a user can cause, None for a bug."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError  # type: ignore[import-untyped, unused-ignore]

    if isinstance(error, (ValueError, OSError, MemoryError, ModuleNotFoundError, HydraException, OmegaConfBaseException, YAMLError)):
        return _one_line(error)
    if not isinstance(error, RecursionError):
        return None
    last = list(walk_tb(error.__traceback__))[-20:]
    if READERS & {frame.f_globals.get("__name__", "").split(".")[0] for frame, _ in last}:
        return "a config file or an argument is nested too deeply to be read"
    return None


def _one_line(error: Exception) -> str:
    from hydra.errors import OverrideParseException
    from omegaconf.errors import MissingMandatoryValue

    if isinstance(error, MissingMandatoryValue):
        return f"{error.full_key} must be given: {error.full_key}=..."
    text = _public(str(error))
    if isinstance(error, OverrideParseException) and "=" in error.override:  # Hydra does not say of which setting
        text = f"{error.override.partition('=')[0]}: {text.split('See https://hydra.cc')[0].strip()}. {QUOTING}"
    if text.startswith("Could not override"):
        text = text.splitlines()[0] + " There is no such setting; --help shows all"
    for noise in ("Config search path:", "See https://hydra.cc"):
        text = text.split(noise)[0]
    text = " ".join(text.split()) or ("out of memory" if isinstance(error, MemoryError) else type(error).__name__)
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[:LONGEST_LINE])  # a name may hold what steers a terminal
    return shown[:LONGEST_LINE] + " …" * (len(text) > LONGEST_LINE)


def in_quotes(text: str) -> str:
    """`text` as Hydra's grammar writes a string; backslashes count only before a quotation mark."""
    return "'" + re.sub(r"(\\*)('|$)", lambda found: 2 * found[1] + found[2].replace("'", "\\'"), text) + "'"


def _quoted(argument: str) -> str:
    """`argument`, its value in quotes where it names a file or folder whose spaces, signs or letters Hydra's grammar does not take."""
    key, _, value = argument.partition("=")
    if re.fullmatch(r"[\w./:~+-]*", value, re.ASCII):
        return argument
    with suppress(OSError, RuntimeError):  # too long for a name, or ~somebody
        if Path(value).expanduser().exists():
            return f"{key}={in_quotes(value)}"
    return argument


def _register_recipes(name: str, arguments: Sequence[str]) -> None:
    """Makes `exps/*.yaml` Hydra's group `exps`, where an argument or the verb's own config asks for it.

    A search path would need their parent, and then every folder beside them (`runs/`, `out/`) would be a group, which
    `out=...` could no longer set.
    """
    own = (home() / "configs" / f"{name}.yaml").read_text(encoding="utf-8")
    if not any("exps" in text for text in (*arguments, own)):
        return
    from hydra.core.config_store import ConfigStore
    from omegaconf import OmegaConf

    paths = {path.stem: path for path in sorted((home() / "exps").glob("*.yaml"))}
    asked, listed = set(paths), {"--help", "-h"} & set(arguments) and not any("exps" in text for text in arguments)
    if listed:  # only their names are shown, and Hydra copies what is stored a hundred times: 1 s
        asked = _named(re.findall(r"- exps: *(\w+)", own), paths)
    for stem, path in paths.items():
        node: Any = OmegaConf.load(path) if stem in asked else {}
        ConfigStore.instance().store(name=stem, group="exps", node=node, package="_global_")


def _named(stems: list[str], paths: dict[str, Path]) -> set[str]:
    """These recipes and those that they build on."""
    bases = [word for stem in stems for word in re.findall(r"\w+", paths[stem].read_text(encoding="utf-8")) if word in paths]
    return set(stems) if set(bases) <= set(stems) else _named(sorted({*stems, *bases}), paths)


def _refuse_foreign_hydra(name: str, arguments: Sequence[str]) -> None:
    """ValueError where arguments, or files they bring in, set what Hydra itself would run: callbacks, loggers, the environment.

    Composing costs a tenth of a second, so it is done only where something but our own files could say anything of Hydra.
    """
    if not any(a.startswith(("-c", "--c")) or any(word in a for word in ("hydra", "exps", "..", "@")) for a in arguments):
        return
    from hydra._internal.utils import get_args_parser
    from hydra.core.global_hydra import GlobalHydra
    from hydra.types import RunMode

    given, _ = get_args_parser().parse_known_args(list(arguments))
    if given.config_path or given.config_name:
        raise ValueError("--config-path and --config-name would take the place of the verb's own settings: use --config-dir")
    overrides = list(given.overrides)
    if given.config_dir and any(override.lstrip("+").startswith("hydra.searchpath") for override in overrides):
        raise ValueError("give --config-dir or hydra.searchpath, not both")
    if given.config_dir:
        overrides.append(f"hydra.searchpath=[file://{Path(given.config_dir).absolute()}]")

    def composed(words: list[str]) -> dict[str, Any]:
        from hydra import initialize_config_dir

        with initialize_config_dir(str(home() / "configs"), version_base="1.3"):
            loader = GlobalHydra.instance().config_loader()  # not `compose`, which calls the callbacks
            config = loader.load_configuration(name, words, run_mode=RunMode.MULTIRUN)
        for part in ("hydra.launcher", "hydra.sweeper"):
            if not str(OmegaConf.select(config, part)["_target_"]).startswith(("hydra.", "hydra_plugins.")):
                raise ValueError(f"{part} must be one of Hydra's or of its plugins")
        return {path: OmegaConf.to_container(OmegaConf.select(config, path), resolve=False) for path in GUARDED}

    from omegaconf import OmegaConf

    own, asked = composed([]), composed(overrides)
    changed = [path for path in GUARDED if own[path] != asked[path]]
    if changed:
        raise ValueError(f"{changed[0]} cannot be set: what Hydra runs, logs to and exports is fixed in configs/base.yaml")


def console() -> None:
    """`bytetrack <verb> ...`: runs `tools/<verb>.py` with the other arguments."""
    verbs = sorted(path.stem for path in (home() / "tools").glob("*.py") if not path.stem.startswith("_"))
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name == "--version":
        sys.stdout.write(f"bytetrack {__version__}\n")
        return
    if name not in verbs:
        wants_help = name in ("", "-h", "--help")
        (sys.stdout if wants_help else sys.stderr).write(
            ("" if wants_help else f"error: no verb {name!r}. ")
            + f"usage: bytetrack <verb> [key=value ...], verbs: {', '.join(verbs)}; `bytetrack <verb> --help` explains each\n"
        )
        sys.exit(0 if wants_help else 2)
    run_verb(name, sys.argv[2:])


def run_verb(name: str, arguments: Sequence[str]) -> None:
    """Runs `tools/<name>.py` with `arguments` in this process, as the command line would."""
    script = home() / "tools" / f"{name}.py"
    sys.argv = [str(script), *arguments]
    runpy.run_path(str(script), run_name="__main__")
