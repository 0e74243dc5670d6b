"""Intervals by resampling sequences (Efron 1979): what the figures might have been on other videos of the kind."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Values

import numpy as np
import numpy.typing as npt

from bytetrack.scoring import fast

__all__ = ["draw_weights", "interval", "resampled", "sequence_order"]

Floats = npt.NDArray[np.float64]


def draw_weights(n_sequences: int, draws: int, seed: int) -> Floats:
    """How often every sequence is drawn in every resample, (draws, n_sequences)."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(n_sequences, np.full(n_sequences, 1 / n_sequences), size=draws).astype(np.float64)


def resampled(results: Values[fast.Result], weights: Floats) -> dict[str, Floats]:
    """The combined figures of every resample, (draws,) each: sums weighted first, ratios last, as `fast.combine` does.

    `results` are one a sequence, in the order of the weights' columns.
    """

    def hota(field: str) -> Floats:
        return np.asarray(weights @ np.array([result["HOTA"][field] for result in results], dtype=np.float64))

    def count(metric: str, field: str) -> Floats:
        return np.asarray(weights @ np.array([float(result[metric][field]) for result in results]))

    true, missed, false = hota("HOTA_TP"), hota("HOTA_FN"), hota("HOTA_FP")
    detection = true / np.maximum(1, true + missed + false)
    associated = weights @ np.array([result["HOTA"]["AssA"] * result["HOTA"]["HOTA_TP"] for result in results])
    association = associated / np.maximum(1, true)
    fp, fn, switches, found = (count("CLEAR", field) for field in ("CLR_FP", "CLR_FN", "IDSW", "CLR_TP"))
    id_true, id_missed, id_false = (count("Identity", field) for field in ("IDTP", "IDFN", "IDFP"))
    return {
        "HOTA": 100 * np.sqrt(detection * association).mean(axis=1),
        "DetA": 100 * detection.mean(axis=1),
        "AssA": 100 * association.mean(axis=1),
        "MOTA": 100 * (found - fp - switches) / np.maximum(1, found + fn),
        "IDF1": 100 * id_true / np.maximum(1, id_true + 0.5 * id_false + 0.5 * id_missed),
        "IDSW": switches,
        "FP": fp,
        "FN": fn,
        "Frag": count("CLEAR", "Frag"),
    }


def interval(values: Floats, level: float = 0.95) -> tuple[float, float]:
    """The percentile interval of `level`."""
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def sequence_order(runs: Values[Mapping[str, fast.Result]]) -> list[str]:
    """The sequences that all runs have, in the first one's order."""
    return [name for name in runs[0] if all(name in run for run in runs)]
