"""Intervals by resampling sequences (Efron 1979): how far the figures vary between videos of the kind."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Values

import numpy as np
import numpy.typing as npt

from bytetrack.scoring import fast

__all__ = ["draw_weights", "interval", "sequence_order"]

Floats = npt.NDArray[np.float64]


def draw_weights(n_sequences: int, draws: int, seed: int) -> Floats:
    """Draws how often every sequence is in every resample, (draws, n_sequences)."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(n_sequences, np.full(n_sequences, 1 / n_sequences), size=draws).astype(np.float64)


def interval(values: Floats, level: float = 0.95) -> tuple[float, float]:
    """Returns the percentile interval of `level`."""
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def sequence_order(runs: Values[Mapping[str, fast.Result]]) -> list[str]:
    """Returns the sequences that all runs have, in the first one's order."""
    return [name for name in runs[0] if all(name in run for run in runs)]
