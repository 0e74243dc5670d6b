"""Writes HTML pages: one self-contained file each, from the template of a room and the skeleton, style and script of all pages."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from bytetrack.runtime.atomic import json_text, replace_text

__all__ = ["write_page"]

NO_TIMELINES = {"timelines": list[Any]()}
KIT = resources.files("bytetrack.report.html")


def write_page(path: Path, room: str, template: str, data: Mapping[str, Any] = NO_TIMELINES, **context: Any) -> None:
    """Writes a page, atomically.

    Args:
        path: The file.
        room: The package that contains the template, e.g. `bytetrack.tuning`.
        template: The template's name. It extends `page.html` and imports its macros from `macros.html`.
        data: What `page.js` draws, embedded as JSON.
        context: The template's variables; `title` and `kind` name the page.
    """
    embedded = json_text(data, separators=(",", ":"), ensure_ascii=True).replace("<", "\\u003c").replace(">", "\\u003e")
    style, script = ((KIT / f"page.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    html = _environment(room).get_template(template).render(**context, data=Markup(embedded), style=Markup(style), script=Markup(script))
    replace_text(path, html)


@lru_cache
def _environment(room: str) -> jinja2.Environment:
    """Returns the environment that compiles a room's templates, each once: a compilation takes longer than a page."""
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: _template(name, resources.files(room), KIT)),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["moment"] = lambda date: str(date).replace("T", " ")[:16]
    return environment


def _template(name: str, *folders: Any) -> str | None:
    """Returns the text of a template from the first folder that has it."""
    return next(((folder / name).read_text(encoding="utf-8") for folder in folders if (folder / name).is_file()), None)
