"""The table of metrics: one entry each, computed from either result, and the only list of metrics in the package."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

import bytetrack
from bytetrack.scoring import fast, official, paper, score_sequence, summarise
from bytetrack.scoring.metrics import COMPARED, METRICS, OFFICIAL, PAPER, Metric, metric, shown_in, values
from tests.scoring.small_scenes import LENGTH, random_scene


def test_scores_json_holds_every_metric_of_the_table_and_nothing_else() -> None:
    scores = summarise({"one": score_sequence(*random_scene(0), LENGTH, "mot17")})
    assert set(scores["trackeval"]["COMBINED"]) == {row.key for row in OFFICIAL} | {"per_alpha"}
    assert set(scores["motmetrics"]["OVERALL"]) == {row.key for row in PAPER}
    assert set(scores["trackeval"]["one"]["per_alpha"]) == {row.key for row in OFFICIAL if row.curve} | {"alpha"}


def test_a_key_stands_once_for_each_scorer() -> None:
    keys = [(row.scorer, row.key) for row in METRICS]
    assert len(keys) == len(set(keys))


def test_the_compared_metrics_in_memory_are_those_of_scores_json() -> None:
    annotations, tracks = random_scene(1)
    in_memory = values(fast.evaluate(fast.prepare(annotations, LENGTH, "mot17"), tracks))
    written = official.figures(official.evaluate(annotations, tracks, LENGTH, "mot17"))
    assert in_memory == pytest.approx({row.key: written[row.key] for row in COMPARED})


def test_paper_and_official_figures_are_numbers_of_their_unit() -> None:
    annotations, tracks = random_scene(2)
    for rows, found in (
        (OFFICIAL, official.figures(official.evaluate(annotations, tracks, LENGTH, "mot17"))),
        (PAPER, paper.figures(paper.evaluate(annotations, tracks))),
    ):
        for row in rows:
            assert isinstance(found[row.key], int if row.unit == "count" else float), row.key


def test_less_is_better_of_errors_and_more_of_accuracies() -> None:
    assert [metric("trackeval", key).verdict(1.0) for key in ("IDSW", "FP", "FN", "Frag", "ML")] == ["worse"] * 5
    assert [metric("motmetrics", key).verdict(-1.0) for key in ("IDs", "FP", "FN", "Frag", "ML")] == ["better"] * 5
    assert [metric("trackeval", key).verdict(1.0) for key in ("HOTA", "MOTA", "MT")] == ["better"] * 3
    assert metric("trackeval", "tracks").verdict(5.0) == "same"


def test_an_interval_decides_in_place_of_rounding() -> None:
    hota = metric("trackeval", "HOTA")
    assert (hota.verdict(0.003), hota.verdict(0.003, (0.001, 0.004)), hota.verdict(1.0, (-0.1, 2.0))) == ("same", "better", "same")


def test_a_metric_may_be_a_formula_and_resampled_with_the_others() -> None:
    per_frame = Metric("trackeval", "FPF", lambda r: r["CLEAR"]["CLR_FP"] / r["Count"]["Frames"], "False positives a frame", unit="rate")
    results = {}
    for seed in range(3):
        annotations, tracks = random_scene(seed)
        results[str(seed)] = fast.evaluate(fast.prepare(annotations, LENGTH, "mot17"), tracks)
    drawn = fast.combine(results, np.array([[1.0, 1.0, 1.0], [0.0, 3.0, 0.0]]))
    together = values(fast.combine(results), [per_frame])["FPF"]
    alone = results["1"]["CLEAR"]["CLR_FP"] / LENGTH
    assert values(drawn, [per_frame])["FPF"] == pytest.approx([together, alone])
    assert per_frame.text(together) == f"{together:.2f}"


def test_an_unknown_metric_is_named() -> None:
    with pytest.raises(KeyError, match="motmetrics has no metric 'HOTA'"):
        metric("motmetrics", "HOTA")


def test_every_table_shows_something() -> None:
    for place in ("console", "report", "sequences", "comparison", "highlight"):
        assert shown_in(place, "trackeval"), place


def test_no_other_file_holds_a_list_of_metrics() -> None:
    keys = {row.key for row in METRICS}
    package = Path(bytetrack.__file__).parent
    for path in package.rglob("*.py"):
        if path.parent.name == "scoring":  # the scorers' own field names
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Tuple | ast.List | ast.Set):
                found = [item.value for item in node.elts if isinstance(item, ast.Constant) and item.value in keys]
                assert len(found) < 3, f"{path.relative_to(package)}:{node.lineno} lists {found}: read bytetrack/scoring/metrics.py"
