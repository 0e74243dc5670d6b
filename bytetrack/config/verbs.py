"""Starts verbs: `python tools/track.py ...`, `bytetrack track ...`."""

from __future__ import annotations

import logging
import os
import re
import runpy
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bytetrack import __version__
from bytetrack.config.places import home, verbs
from bytetrack.runtime.new_folders import taking_back_empty_folders
from bytetrack.runtime.signals import ended_by_signals

__all__ = ["console", "run_verb", "verb"]

USING = ("demo", "track")
"""The verbs that use a detector as it was trained; the others train it, or take none of YOLOX's own files."""


def verb(name: str) -> Callable[[Callable[[Any], None]], Callable[[], None]]:
    """Makes `task(config)` a command whose defaults are `configs/<name>.yaml` and whose arguments are Hydra overrides.

    A mistake of the user's (ValueError, OSError, a missing package) ends it with one line and exit status 1; Ctrl-C with 130,
    SIGTERM with 143.
    """

    def decorate(task: Callable[[Any], None]) -> Callable[[], None]:
        def run() -> None:
            from bytetrack.config.explaining import explained

            complete = os.environ.get("HYDRA_FULL_ERROR") == "1"

            def guarded(config: Any) -> None:
                from hydra.core.hydra_config import HydraConfig

                from bytetrack.config.composing import settled_config
                from bytetrack.config.guarding import refuse_not_finite
                from bytetrack.config.hints import refuse_unknown_settings
                from bytetrack.config.sweeps import own_out
                from bytetrack.config.trained import as_trained

                logging.getLogger("bytetrack").setLevel(logging.INFO)
                # explained here, too: a launcher may call it in another process
                with explained(name, complete), ended_by_signals(), taking_back_empty_folders():
                    refuse_not_finite(config)
                    refuse_unknown_settings(name, config, sys.argv[1:])
                    given = HydraConfig.get().overrides.task
                    settled = own_out(name, settled_config(name, config), given)
                    task(as_trained(settled, given) if name in USING else settled)

            with explained(name, complete), ended_by_signals():
                sys.argv[1:] = _arguments(name, sys.argv[1:])
                os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises its errors, which are explained here, in place of printing them
                if {"--help", "-h"} & set(sys.argv):
                    sys.stdout.write(_help(name, sys.argv[1:]))
                    return
                import hydra

                guarded.__module__, guarded.__qualname__ = "__main__", name
                hydra.main(version_base="1.3", config_path=str(home() / "configs"), config_name=name)(guarded)()

        return run

    return decorate


def _arguments(name: str, words: Sequence[str]) -> list[str]:
    """Returns the command line as Hydra is to see it; raises ValueError for words that no verb takes."""
    from bytetrack.config.arguments import readable
    from bytetrack.config.choices import refuse_other_choices
    from bytetrack.config.composing import add_recipes, add_spaces
    from bytetrack.config.guarding import take_config_dir
    from bytetrack.config.hints import refuse_other_forms
    from bytetrack.config.recipes import with_part_of_recipe
    from bytetrack.config.sweeps import separate_jobs

    if foreign := next((word for word in words if not _is_unicode(word)), None):
        raise ValueError(f"{foreign!a} is not UTF-8, and its name could not be written to any file: rename it")
    refuse_other_forms(name, words)
    arguments = with_part_of_recipe(name, readable(name, words))
    refuse_other_choices(name, arguments)
    add_recipes()
    add_spaces(name)
    take_config_dir(arguments)
    return separate_jobs(name, arguments)


def _is_unicode(word: str) -> bool:
    """Returns False for a word of the command line with bytes that are not of the system's encoding, as names on old disks have them."""
    return not any(0xD800 <= ord(character) <= 0xDFFF for character in word)


def _help(name: str, words: list[str]) -> str:
    from bytetrack.config.arguments import own_options
    from bytetrack.config.choices import help_text

    given = own_options(words)
    folder = [f"hydra.searchpath=[file://{Path(given.config_dir).absolute()}]"] if given.config_dir else []
    return help_text(name, [*given.overrides, *folder])


def console() -> None:
    """Runs `bytetrack <verb> ...`: `tools/<verb>.py` with the other arguments."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name == "--version":
        sys.stdout.write(f"bytetrack {__version__}\n")
        return
    if not re.fullmatch(r"[a-z]+", name) or not (home() / "tools" / f"{name}.py").is_file():
        wants_help = name in ("", "-h", "--help")
        (sys.stdout if wants_help else sys.stderr).write(
            ("" if wants_help else f"error: no verb {name!r}. ")
            + f"usage: bytetrack <verb> [key=value ...], verbs: {', '.join(verbs())}; `bytetrack <verb> --help` explains each\n"
        )
        sys.exit(0 if wants_help else 2)
    run_verb(name, sys.argv[2:])


def run_verb(name: str, arguments: Sequence[str]) -> None:
    """Runs `tools/<name>.py` with `arguments` in this process, as the command line would."""
    script = home() / "tools" / f"{name}.py"
    sys.argv = [str(script), *arguments]
    runpy.run_path(str(script), run_name="__main__")
