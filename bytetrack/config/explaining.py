"""Shows errors that a user can cause in one line."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from traceback import walk_tb

from bytetrack.config.hints import hint_for_a_choice, hint_for_a_setting
from bytetrack.config.saving import public
from bytetrack.runtime.missing import explain_missing

__all__ = ["explained", "one_line"]

READERS = {"yaml", "omegaconf", "hydra", "antlr4"}
LONGEST_LINE = 600  # characters of an error
QUOTING = """In a shell, quote lists and braces, "lines=[[0,9,9,9,gate]]", and what holds spaces or signs twice: "classes=['a (1)']\""""


@contextmanager
def explained(verb: str, complete: bool) -> Iterator[None]:
    """Ends the process with one line for an error that a user can cause; a bug shows its traceback, and every error if `complete`."""
    try:
        yield
    except BrokenPipeError:  # whoever read the output has gone, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except KeyboardInterrupt:
        sys.stderr.write("stopped by Ctrl-C\n")
        sys.exit(130)
    except Exception as error:
        line = None if complete else _explanation(verb, error)
        if line is None:
            raise
        sys.stderr.write(f"error: {line}\n")
        sys.exit(1)


def _explanation(verb: str, error: Exception) -> str | None:
    """Returns one line for what a user can cause, None for a bug."""
    if isinstance(error, ModuleNotFoundError) and error.name:  # perhaps Hydra itself
        return explain_missing(verb, error)
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError  # type: ignore[import-untyped, unused-ignore]

    if isinstance(error, (ValueError, OSError, MemoryError, ModuleNotFoundError, HydraException, OmegaConfBaseException, YAMLError)):
        return one_line(verb, error)
    if not isinstance(error, RecursionError):
        return None
    last = list(walk_tb(error.__traceback__))[-20:]
    if READERS & {frame.f_globals.get("__name__", "").split(".")[0] for frame, _ in last}:
        return "a config file or an argument is nested too deeply to be read"
    return None


def one_line(verb: str, error: Exception) -> str:
    """Returns `error` as the one line that a user of `verb` is shown."""
    from hydra.errors import OverrideParseException
    from omegaconf.errors import MissingMandatoryValue

    if isinstance(error, MissingMandatoryValue):
        return f"{error.full_key} must be given: {error.full_key}=..."
    text = public(str(error))
    if isinstance(error, OverrideParseException) and "=" in error.override:  # Hydra does not say of which setting
        text = f"{error.override.partition('=')[0]}: {text.split('See https://hydra.cc')[0].strip()}. {QUOTING}"
    if several := re.match(r"Ambiguous value for argument '([\w.]+)=(-?\d+),(\d+)'", text):
        key, whole, part = several.groups()
        text = f"{key} is given two values, {whole} and {part}: a decimal point is {key}={whole}.{part}, a list {key}=[{whole},{part}]"
    if unknown := re.match(r"Could not override '([^']+)'", text):
        text = hint_for_a_setting(verb, unknown[1], sys.argv[1:])
    if unknown := re.search(r"Could not find '(\w+)/([^']+)'\s+Available options in '\w+':(.*?)(Config search path|$)", text, re.DOTALL):
        text = hint_for_a_choice(verb, unknown[1], unknown[2], unknown[3].split())
    for noise in ("Config search path:", "See https://hydra.cc"):
        text = text.split(noise)[0]
    text = " ".join(text.split()) or ("out of memory" if isinstance(error, MemoryError) else type(error).__name__)
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[:LONGEST_LINE])  # a name may hold what steers a terminal
    return shown[:LONGEST_LINE] + " …" * (len(text) > LONGEST_LINE)
