"""A search space: for every setting of a tracker that is searched, its range or its choices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Dimension", "current", "read_space", "with_values"]

Value = float | int | str | bool | None


@dataclass(frozen=True, slots=True)
class Dimension:
    """`low` to `high` in steps of `step` (whole numbers where both are), on a logarithmic scale if `log`; or one of `choices`."""

    name: str
    low: float | None = None
    high: float | None = None
    step: float | None = None
    log: bool = False
    choices: tuple[Value, ...] = ()

    @property
    def whole(self) -> bool:
        return isinstance(self.low, int) and isinstance(self.high, int)

    def contains(self, value: Any) -> bool:
        """Tells if the search could arrive at `value`."""
        if self.choices:
            return value in self.choices
        if self.low is None or self.high is None or isinstance(value, bool) or not isinstance(value, int | float):
            return False
        steps = 0.0 if self.step is None else (value - self.low) / self.step
        return self.low <= value <= self.high and abs(steps - round(steps)) < 1e-6

    def suggest(self, trial: Any) -> Value:
        """Asks an Optuna trial for a value; numbers are rounded to six decimals."""
        value: Value
        if self.choices:
            value = trial.suggest_categorical(self.name, list(self.choices))
        elif self.whole:
            value = int(trial.suggest_int(self.name, self.low, self.high, step=int(self.step or 1), log=self.log))
        else:
            value = round(float(trial.suggest_float(self.name, self.low, self.high, step=self.step, log=self.log)), 6)
        return value


def read_space(node: Mapping[str, Any] | None, settings: Mapping[str, Any]) -> list[Dimension]:
    """Reads the dimensions of a config node `{setting: {low:, high:[, step:, log:]} or {choices: [...]}}`; None leaves a setting out.

    `settings` are the tracker's: ValueError for a name they do not have (dots reach into nested ones), and for a wrong range.
    """
    dimensions = [_dimension(str(name), entry) for name, entry in (node or {}).items() if entry is not None]
    if not dimensions:
        raise ValueError("no search space: the tracker's class has no search_space; give +space.SETTING='{low: 0.4, high: 0.8}'")
    for dimension in dimensions:
        _get(settings, dimension.name)
    return dimensions


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _dimension(name: str, entry: Any) -> Dimension:
    expected = "expected {low: NUMBER, high: NUMBER[, step: NUMBER][, log: true]} or {choices: [...]}"
    if not isinstance(entry, Mapping) or set(entry) - {"low", "high", "step", "log", "choices"}:
        raise ValueError(f"space.{name}: {expected}, got {entry!r}")
    if "choices" in entry:
        if len(entry) > 1 or not isinstance(entry["choices"], list) or len(entry["choices"]) < 2:
            raise ValueError(f"space.{name}: expected {{choices: [at least two]}} and nothing else, got {dict(entry)!r}")
        return Dimension(name, choices=tuple(entry["choices"]))
    low: Any = entry.get("low")
    high: Any = entry.get("high")
    step: Any = entry.get("step")
    log = bool(entry.get("log", False))
    if not (_is_number(low) and _is_number(high) and low < high and (step is None or 0 < step <= high - low)):
        raise ValueError(f"space.{name}: {expected} with low < high, got {dict(entry)!r}")
    if log and (low <= 0 or step is not None):
        raise ValueError(f"space.{name}: a logarithmic range starts above 0 and has no step, got {dict(entry)!r}")
    return Dimension(name, low, high, step, log)


def _get(settings: Mapping[str, Any], name: str) -> Any:
    node: Any = settings
    for part in name.split("."):
        if not isinstance(node, Mapping) or part not in node:
            raise ValueError(f"space.{name}: the tracker has no such setting; it has {', '.join(k for k in settings if k != '_target_')}")
        node = node[part]
    return node


def with_values(settings: Mapping[str, Any], values: Mapping[str, Value]) -> dict[str, Any]:
    """Returns a copy of the tracker's settings with `values` in their places.

    >>> with_values({"a": 1, "b": {"c": 2}}, {"b.c": 3})
    {'a': 1, 'b': {'c': 3}}
    """
    found = dict(settings)
    for name, value in values.items():
        head, _, rest = name.partition(".")
        found[head] = with_values(found[head], {rest: value}) if rest else value
    return found


def current(settings: Mapping[str, Any], dimensions: list[Dimension]) -> dict[str, Any]:
    """Returns the values that the settings have in the dimensions' places."""
    return {dimension.name: _get(settings, dimension.name) for dimension in dimensions}
