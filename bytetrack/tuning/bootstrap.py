"""How far figures vary: between videos of the kind, by resampling sequences (Efron 1979), and between jittered copies."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Values
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bytetrack.scoring import fast

__all__ = ["Estimate", "deviation", "draw_weights", "estimate", "interval", "sequence_order"]

Floats = npt.NDArray[np.float64]


def draw_weights(n_sequences: int, draws: int, seed: int) -> Floats:
    """Draws how often every sequence is in every resample, (draws, n_sequences)."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(n_sequences, np.full(n_sequences, 1 / n_sequences), size=draws).astype(np.float64)


def interval(values: Floats, level: float = 0.95) -> tuple[float, float]:
    """Returns the percentile interval of `level`."""
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Means of all figures over copies, and their standard deviations."""

    mean: dict[str, float]
    sd: dict[str, float]


def estimate(found: Values[Mapping[str, float]]) -> Estimate:
    """Returns the estimate of the figures of several copies."""
    columns = {key: [figures[key] for figures in found] for key in found[0]}
    return Estimate({key: float(np.mean(values)) for key, values in columns.items()}, {k: deviation(v) for k, v in columns.items()})


def deviation(values: Values[float] | Floats) -> float:
    """Returns the standard deviation of the population that values (n,) are drawn from; 0 of a single one."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def sequence_order(runs: Values[Mapping[str, fast.Result]]) -> list[str]:
    """Returns the sequences that all runs have, in the first one's order."""
    return [name for name in runs[0] if all(name in run for run in runs)]
