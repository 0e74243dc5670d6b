"""Pages in the look of a run's report: its style and script, one template each, and scatter plots."""

from __future__ import annotations

from collections.abc import Sequence as Values
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup

from bytetrack.runtime.atomic import replace_text

__all__ = ["Point", "Scatter", "scatter", "write_page"]

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 500.0, 270.0, 48.0, 488.0, 12.0, 230.0


@dataclass(frozen=True, slots=True)
class Point:
    """A dot at `x`, `y` (in the plot's own units until it is placed) with its style and tooltip."""

    x: float
    y: float
    style: str
    tip: str
    size: float = 2.6


@dataclass(frozen=True, slots=True)
class Scatter:
    """A scatter plot; ticks are (position, label), `line` an optional polyline of positions."""

    title: str
    x_title: str
    y_title: str
    points: list[Point]
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    line: str = ""
    note: str = ""


def scatter(
    title: str,
    x_title: str,
    y_title: str,
    points: list[Point],
    line: Values[tuple[float, float]] = (),
    note: str = "",
    x_labels: Values[str] = (),
) -> Scatter:
    """Points (later ones on top) on axes that hold the bulk of them: the lowest tenth in y may lie on the lower edge.

    `x_labels` names whole numbers from 0 on the x axis, for choices.
    """
    x = np.array([point.x for point in points] or [0.0])
    y = np.array([point.y for point in points] or [0.0])
    low_x, high_x = (-0.5, len(x_labels) - 0.5) if x_labels else _padded(float(x.min()), float(x.max()))
    low_y, high_y = _padded(float(np.quantile(y, 0.1) - 0.05 * np.ptp(y)) if len(y) > 20 else float(y.min()), float(y.max()))

    def place(a: float, b: float) -> tuple[float, float]:
        clipped = min(max(b, low_y), high_y)
        return LEFT + (a - low_x) / (high_x - low_x) * (RIGHT - LEFT), BOTTOM - (clipped - low_y) / (high_y - low_y) * (BOTTOM - TOP)

    drawn = [Point(*place(point.x, point.y), point.style, point.tip, point.size) for point in points]
    ticks = [(float(k), label) for k, label in enumerate(x_labels)] if x_labels else _ticks(low_x, high_x)
    path = " ".join(f"{a:.1f},{b:.1f}" for a, b in (place(*dot) for dot in line))
    x_ticks = [(place(value, low_y)[0], label) for value, label in ticks]
    y_ticks = [(place(low_x, value)[1], label) for value, label in _ticks(low_y, high_y)]
    return Scatter(title, x_title, y_title, drawn, x_ticks, y_ticks, path, note)


def _padded(low: float, high: float) -> tuple[float, float]:
    room = 0.04 * (high - low) or max(abs(high) * 0.01, 0.5)
    return low - room, high + room


def _ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Round numbers between, about five."""
    raw = (high - low) / 5
    scale = 10.0 ** np.floor(np.log10(raw))
    step = next(factor * scale for factor in (1, 2, 5, 10) if factor * scale >= raw)
    first = int(np.ceil(low / step))
    decimals = max(0, -int(np.floor(np.log10(step))))
    return [(k * step, f"{k * step:.{decimals}f}") for k in range(first, int(np.floor(high / step)) + 1)]


def write_page(path: Path, template: str, **context: Any) -> None:
    """Writes `template` (a file of this room) as one self-contained HTML file, atomically."""
    report, own = resources.files("bytetrack.report"), resources.files("bytetrack.tuning")
    loader = jinja2.FunctionLoader(lambda name: (own / name).read_text(encoding="utf-8"))
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    style, script = ((report / f"report.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    html = environment.get_template(template).render(**context, style=Markup(style), script=Markup(script))
    replace_text(path, html)
