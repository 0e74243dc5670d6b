"""The scores that `bytetrack.evaluate` returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bytetrack.names import counted
from bytetrack.runtime.showing import html_table, pandas
from bytetrack.scoring.metrics import TOTAL, shown_in

__all__ = ["Scores"]

Figures = Mapping[str, Any]
ALL, OF_PAPER = TOTAL["trackeval"], TOTAL["motmetrics"]


class Scores:
    """Holds the content of scores.json, in percent and in counts: `scores.combined["HOTA"]`.

    A score is None if no box of the ground truth is scored.

    Attributes:
        combined: TrackEval's scores of all sequences together.
        sequences: TrackEval's scores of each sequence, by name.
        paper: motmetrics' scores of all sequences together, the paper's protocol.
        classes: TrackEval's scores of each class over all sequences, if there are several.
    """

    def __init__(self, content: Mapping[str, Mapping[str, Figures]]) -> None:
        self.content = content
        self.combined: Figures = content["trackeval"][ALL]
        self.sequences: dict[str, Figures] = {name: row for name, row in content["trackeval"].items() if name != ALL}
        self.paper: Figures = content["motmetrics"][OF_PAPER]
        self.classes: dict[str, Figures] = {name: rows[ALL] for name, rows in content.get("classes", {}).items()}

    def to_pandas(self) -> Any:
        """Returns a pandas DataFrame of TrackEval's scores, one row per sequence; the last row, COMBINED, is all sequences together."""
        rows = {**self.sequences, ALL: self.combined}
        figures = {name: {key: value for key, value in row.items() if key != "per_alpha"} for name, row in rows.items()}
        return pandas("Scores.to_pandas").DataFrame.from_dict(figures, orient="index")

    def __repr__(self) -> str:
        figures = ", ".join(f"{metric.key} {metric.text(self.combined[metric.key])}" for metric in shown_in("highlight", "trackeval"))
        return f"Scores({counted(len(self.sequences), 'sequence', 'sequences')}: {figures})"

    def _repr_html_(self) -> str:
        rows, columns = {**self.sequences, "all sequences": self.combined}, shown_in("console", "trackeval")
        cells = [[name, *(metric.text(row[metric.key]) for metric in columns)] for name, row in rows.items()]
        return html_table("TrackEval", ("sequence", *(metric.key for metric in columns)), cells)
