"""Geometry of the pages' small SVG charts: numbers in, positions out; the macro `plot` draws them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from collections.abc import Sequence as Values
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

__all__ = ["Bar", "Chart", "Line", "Mark", "Point", "bars", "histogram", "lines", "scatter"]

WIDTH, HEIGHT = 500.0, 270.0
LEFT, RIGHT, TOP, BOTTOM = 42.0, 12.0, 12.0, 40.0
MARK_ROW = 14.0
CURVE_DOT = 2.4
MARK_FLIPS = 0.72  # beyond it a name would not fit between its line and the right edge


@dataclass(frozen=True, slots=True)
class Point:
    """A dot at `x`, `y` (in the plot's own units until it is placed) with its style and tooltip."""

    x: float
    y: float
    style: str
    tip: str
    size: float = 2.6


@dataclass(frozen=True, slots=True)
class Line:
    """A polyline through positions."""

    style: str
    positions: list[tuple[float, float]]

    @property
    def path(self) -> str:
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in self.positions)


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar with its tooltip."""

    x: float
    y: float
    width: float
    height: float
    style: str
    tip: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A vertical line from `y` down, named beside its upper end; `anchor` (start, end) says on which side."""

    x: float
    y: float
    name: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart: ticks are (position, label), `legend` is (name, style). Later points, bars and lines lie on top."""

    title: str
    x_title: str
    y_title: str
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    lines: list[Line] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    legend: list[tuple[str, str]] = field(default_factory=list)
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP
    bottom: float = HEIGHT - BOTTOM
    note: str = ""


def lines(
    title: str,
    x: Values[float],
    series: Mapping[tuple[str, str], Values[float]],
    x_title: str,
    y_title: str,
    small: bool = False,
) -> Chart:
    """Draws curves over a common `x`; `series` maps (name, style) to values, on a y axis from 0 to 100 per cent."""
    width, height = (300.0, 190.0) if small else (WIDTH, HEIGHT)
    left, right, top, bottom = LEFT - 6 * small, width - RIGHT, TOP, height - BOTTOM

    def place(value_x: float, value_y: float) -> tuple[float, float]:
        across = left + (value_x - x[0]) / ((x[-1] - x[0]) or 1) * (right - left)
        return across, bottom - value_y / 100 * (bottom - top)

    drawn = [Line(style, [place(a, b) for a, b in zip(x, values, strict=True)]) for (_, style), values in series.items()]
    points = [
        Point(*place(a, b), style, f"{name} {b:.1f} at {x_title.split(' (')[0]} {a:.2f}", CURVE_DOT)
        for (name, style), values in series.items()
        for a, b in zip(x, values, strict=True)
    ]
    step = max(1, round(len(x) / 5))
    x_ticks = [(place(a, 0)[0], f"{a:.2f}") for a in x[::step]]
    y_ticks = [(place(x[0], v)[1], f"{v}") for v in (range(0, 101, 25) if small else range(0, 101, 20))]
    return Chart(title, x_title, y_title, x_ticks, y_ticks, drawn, points, [], [], list(series), width, height, left, right, top, bottom)


def bars(
    title: str,
    labels: list[str],
    series: Mapping[tuple[str, str], npt.ArrayLike],
    x_title: str,
    y_title: str,
    stacked: bool = False,
    percent: bool = False,
) -> Chart:
    """Draws grouped (or stacked) bars, one group a label; `series` maps (name, style) to one value a label (NaN: no bar).

    Empty groups at both ends are left out.
    """
    table = np.array([np.asarray(column, dtype=np.float64) for column in series.values()])
    used = np.flatnonzero((~np.isnan(table) & (percent | (table != 0))).any(axis=0))
    shown = slice(int(used[0]), int(used[-1]) + 1) if len(used) else slice(None)
    labels, table = labels[shown], table[:, shown]
    top_value = 100.0 if percent else _round_up(float(np.nanmax(table.sum(axis=0) if stacked else table)))
    left, right, top, bottom = LEFT, WIDTH - RIGHT, TOP, HEIGHT - BOTTOM
    group = (right - left) / len(labels)
    width = group * 0.72 / (1 if stacked else len(series))
    drawn = []
    for order, ((name, style), column) in enumerate(zip(series, table, strict=True)):
        for i in np.flatnonzero(~np.isnan(column)).tolist():
            height = column[i] / top_value * (bottom - top)
            below = table[:order, i].sum() / top_value * (bottom - top) if stacked else 0.0
            x = left + group * (i + 0.14) + (0 if stacked else order * width)
            figure = f"{column[i]:.1f} %" if percent else f"{column[i]:.0f}"
            tip = f"{name}, {x_title.split(' (')[0]} {labels[i]}: {figure}"
            drawn.append(Bar(x, bottom - below - height, width, height, style, tip))
    x_ticks = [(left + group * (i + 0.5), label) for i, label in enumerate(labels)]
    y_ticks = [(bottom - f * (bottom - top), f"{top_value * f:g}") for f in (0, 0.25, 0.5, 0.75, 1)]
    return Chart(title, x_title, y_title, x_ticks, y_ticks, [], [], drawn, [], list(series) if len(series) > 1 else [])


def histogram(
    title: str, series: Mapping[tuple[str, str], Values[int]], marks: Values[tuple[str, float]], x_title: str, y_title: str
) -> Chart:
    """Draws counts in equal bins from 0 to 1 on a square-root scale, on which a bin of 100 is seen beside one of 10,000.

    A later series stands in front of those that it is a part of. `marks` are (name, x), each named in a row of its own above the bars.
    """
    table = np.array(list(series.values()))
    top_value = _round_up(float(table.max()))
    height, top = HEIGHT + MARK_ROW * len(marks), TOP + MARK_ROW * len(marks)
    left, right, bottom = LEFT + 16, WIDTH - RIGHT, height - BOTTOM
    width = (right - left) / table.shape[1]

    def rise(count: float) -> float:
        return math.sqrt(count / top_value) * (bottom - top)

    drawn = [
        Bar(
            left + width * (i + 0.06),
            bottom - rise(count),
            width * 0.88,
            rise(count),
            style,
            _bin_tip(name, x_title, i, len(column), count),
        )
        for (name, style), column in zip(series, table.tolist(), strict=True)
        for i, count in enumerate(column)
        if count
    ]
    named = [
        Mark(left + x * (right - left), TOP + MARK_ROW * row, f"{name} {x:g}", "start" if x <= MARK_FLIPS else "end")
        for row, (name, x) in enumerate(sorted(marks, key=lambda mark: mark[1]))
    ]
    x_ticks = [(left + tenth / 10 * (right - left), f"{tenth / 10:g}") for tenth in range(11)]
    y_ticks = [(bottom - rise(count), _short(count)) for count in (top_value * f for f in (0, 0.05, 0.25, 0.5, 1)) if count == int(count)]
    return Chart(
        title, x_title, y_title, x_ticks, y_ticks, [], [], drawn, named, list(series), height=height, left=left, top=top, bottom=bottom
    )


def scatter(
    title: str,
    x_title: str,
    y_title: str,
    points: list[Point],
    line: Values[tuple[float, float]] = (),
    note: str = "",
    x_labels: Values[str] = (),
) -> Chart:
    """Draws points on axes that hold the bulk of them: the lowest tenth in y may lie on the lower edge.

    `x_labels` names whole numbers from 0 on the x axis, for choices.
    """
    left, right, bottom = LEFT + 6, WIDTH - RIGHT, HEIGHT - BOTTOM
    x = np.array([point.x for point in points] or [0.0])
    y = np.array([point.y for point in points] or [0.0])
    low_x, high_x = (-0.5, len(x_labels) - 0.5) if x_labels else _padded(float(x.min()), float(x.max()))
    low_y, high_y = _padded(float(np.quantile(y, 0.1) - 0.05 * np.ptp(y)) if len(y) > 20 else float(y.min()), float(y.max()))

    def place(a: float, b: float) -> tuple[float, float]:
        clipped = min(max(b, low_y), high_y)
        return left + (a - low_x) / (high_x - low_x) * (right - left), bottom - (clipped - low_y) / (high_y - low_y) * (bottom - TOP)

    drawn = [Point(*place(point.x, point.y), point.style, point.tip, point.size) for point in points]
    ticks = [(float(k), label) for k, label in enumerate(x_labels)] if x_labels else _ticks(low_x, high_x)
    course = [Line("c0", [place(*dot) for dot in line])] if line else []
    x_ticks = [(place(value, low_y)[0], label) for value, label in ticks]
    y_ticks = [(place(low_x, value)[1], label) for value, label in _ticks(low_y, high_y)]
    return Chart(title, x_title, y_title, x_ticks, y_ticks, course, drawn, left=left, note=note)


def _padded(low: float, high: float) -> tuple[float, float]:
    room = 0.04 * (high - low) or max(abs(high) * 0.01, 0.5)
    return low - room, high + room


def _ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Returns about five round numbers in between, with their labels."""
    raw = (high - low) / 5
    scale = 10.0 ** np.floor(np.log10(raw))
    step = next(factor * scale for factor in (1, 2, 5, 10) if factor * scale >= raw)
    first = int(np.ceil(low / step))
    decimals = max(0, -int(np.floor(np.log10(step))))
    return [(k * step, f"{k * step:.{decimals}f}") for k in range(first, int(np.floor(high / step)) + 1)]


def _bin_tip(name: str, x_title: str, i: int, bins: int, count: int) -> str:
    return f"{name}, {x_title} {i / bins:.2f}–{(i + 1) / bins:.2f}: {count:,}"


def _short(count: float) -> str:
    """Formats a count in few characters: 500, 10k, 1.2M."""
    return f"{count:g}" if count < 1e3 else f"{count / 1e3:g}k" if count < 1e6 else f"{count / 1e6:g}M"


def _round_up(value: float) -> float:
    """Returns the next of 4, 8, 20, 40, 80, 200 …: quarters are whole numbers."""
    scale = 1.0
    while True:
        for factor in (4, 8, 12, 20, 32):
            if value <= factor * scale:
                return factor * scale
        scale *= 10
