"""The scores that `bytetrack.evaluate` returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bytetrack.runtime.showing import html_table, pandas

__all__ = ["Scores"]

Figures = Mapping[str, Any]
SHOWN = ("HOTA", "DetA", "AssA", "MOTA", "IDF1", "IDSW", "FP", "FN")


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
        self.combined: Figures = content["trackeval"]["COMBINED"]
        self.sequences: dict[str, Figures] = {name: row for name, row in content["trackeval"].items() if name != "COMBINED"}
        self.paper: Figures = content["motmetrics"]["OVERALL"]
        self.classes: dict[str, Figures] = {name: rows["COMBINED"] for name, rows in content.get("classes", {}).items()}

    def to_pandas(self) -> Any:
        """Returns a pandas DataFrame of TrackEval's scores, one row per sequence; the last row, COMBINED, is all sequences together."""
        rows = {**self.sequences, "COMBINED": self.combined}
        figures = {name: {key: value for key, value in row.items() if key != "per_alpha"} for name, row in rows.items()}
        return pandas("Scores.to_pandas").DataFrame.from_dict(figures, orient="index")

    def __repr__(self) -> str:
        figures = ", ".join(f"{name} {_text(self.combined[name])}" for name in ("HOTA", "MOTA", "IDF1", "IDSW"))
        return f"Scores({len(self.sequences)} sequence{'s' * (len(self.sequences) != 1)}: {figures})"

    def _repr_html_(self) -> str:
        rows = {**self.sequences, "all sequences": self.combined}
        return html_table("TrackEval", ("sequence", *SHOWN), [[name, *(_text(row[key]) for key in SHOWN)] for name, row in rows.items()])


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}" if isinstance(value, float) else str(value)
