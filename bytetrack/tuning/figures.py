"""The few figures that a search or a comparison looks at, from the fast scorer's results; percentages and counts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bytetrack.scoring import fast

__all__ = ["COUNTS", "LOWER_IS_BETTER", "PERCENTAGES", "combined", "figures", "objective_of", "parse_objective"]

PERCENTAGES = ("HOTA", "DetA", "AssA", "MOTA", "IDF1")
COUNTS = ("IDSW", "FP", "FN", "Frag")
LOWER_IS_BETTER = COUNTS


def figures(result: fast.Result) -> dict[str, float]:
    """HOTA, DetA, AssA, MOTA, IDF1 in percent; IDSW, FP, FN, Frag as counts."""
    hota, clear = result["HOTA"], result["CLEAR"]
    shares = {name: 100 * float(np.mean(hota[name])) for name in ("HOTA", "DetA", "AssA")}
    shares |= {"MOTA": 100 * float(clear["MOTA"]), "IDF1": 100 * float(result["Identity"]["IDF1"])}
    counts = {"IDSW": "IDSW", "FP": "CLR_FP", "FN": "CLR_FN", "Frag": "Frag"}
    return shares | {name: float(clear[theirs]) for name, theirs in counts.items()}


def combined(results: Mapping[str, fast.Result]) -> dict[str, float]:
    """The figures of several sequences together."""
    return figures(fast.combine(results))


def parse_objective(text: str) -> tuple[str, ...]:
    """The percentages of which the objective is the mean: `HOTA`, or several as `HOTA+IDF1`; ValueError for others."""
    names = tuple(part.strip() for part in str(text).split("+"))
    wrong = [name for name in names if name not in PERCENTAGES]
    if wrong:
        raise ValueError(f"objective must be one of {', '.join(PERCENTAGES)}, or several joined by +: got {text!r}")
    return names


def objective_of(found: Mapping[str, float], objective: tuple[str, ...]) -> float:
    """The mean of the objective's percentages."""
    return sum(found[name] for name in objective) / len(objective)
