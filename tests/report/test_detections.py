"""The histogram of detection scores: hand-worked bars, thresholds by name, and nothing where nothing was counted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bytetrack.report import write_report
from bytetrack.report.detections import detection_scores
from bytetrack.report.html.charts import histogram
from bytetrack.score_counts import BINS, ScoreCounts, write_counts
from tests.report.report_scenes import Toy

THRESHOLDS = {"low_score": 0.1, "high_score": 0.6, "new_track_score": 0.7}


def counts(every: dict[int, int], tracked: dict[int, int], thresholds: dict[str, float], nothing: str | None = None) -> ScoreCounts:
    before, after = ([of.get(place, 0) for place in range(BINS)] for of in (every, tracked))
    return ScoreCounts(before, after, thresholds, nothing)


def section(html: str) -> str | None:
    found = re.search(r'<section id="detections">.*?</section>', html, re.DOTALL)
    return found and found[0]


def test_bars_rise_with_the_root_of_their_counts_and_lines_stand_at_the_thresholds() -> None:
    chart = histogram(
        "t", {("all", "truth"): [16, 0, 4, 1], ("in tracks", "c0"): [0, 0, 4, 0]}, [("high", 0.5), ("low", 0.0)], "score", "n"
    )
    span = chart.bottom - chart.top
    assert [bar.height / span for bar in chart.bars] == pytest.approx([(16 / 20) ** 0.5, (4 / 20) ** 0.5, (1 / 20) ** 0.5, (4 / 20) ** 0.5])
    assert chart.bars[0].tip == "all, score 0.00–0.25: 16"
    assert [(mark.name, mark.x) for mark in chart.marks] == [("low 0", chart.left), ("high 0.5", (chart.left + chart.right) / 2)]
    assert chart.marks[0].y < chart.marks[1].y < chart.top
    assert [label for _, label in chart.y_ticks] == ["0", "1", "5", "10", "20"]


def test_no_detections_at_all_make_an_empty_chart() -> None:
    found = detection_scores({"A": counts({}, {}, {}, "no box was detected")}, {}, 1)
    assert found is not None
    assert (found["chart"].bars, found["nothing"]) == ([], {"A": "no box was detected"})


def test_sequences_are_added_up_and_their_own_thresholds_drawn() -> None:
    one, two = counts({5: 3, 40: 2}, {40: 2}, THRESHOLDS), counts({40: 5}, {40: 4}, THRESHOLDS | {"high_score": 0.65})
    found = detection_scores({"A": one, "B": two}, {}, 3)
    assert found is not None
    assert [bar.tip for bar in found["chart"].bars] == [
        "all detections, score 0.10–0.12: 3",
        "all detections, score 0.80–0.82: 7",
        "of them in tracks, score 0.80–0.82: 6",
    ]
    assert [mark.name for mark in found["chart"].marks] == ["low_score 0.1", "high_score 0.6", "high_score 0.65", "new_track_score 0.7"]
    assert found["note"].startswith("6 of 10 detections (60.0 %) are part of output tracks")
    assert found["note"].endswith("Known of 2 of 3 sequences.")


def test_the_report_names_the_thresholds_in_the_picture(toy_run: tuple[Path, Toy]) -> None:
    run, dataset = toy_run
    assert section(write_report(run, dataset).read_text()) is None  # tracks of which nothing was counted
    write_counts(run, "alpha", counts({45: 9}, {45: 8}, THRESHOLDS))
    part = section(write_report(run, dataset).read_text())
    assert part is not None
    svg = re.search(r"<svg.*?</svg>", part, re.DOTALL)
    assert svg is not None
    assert re.findall(r"mark-name[^>]*>([^<]*)<", svg[0]) == ["low_score 0.1", "high_score 0.6", "new_track_score 0.7"]
    assert svg[0].count('class="mark"') == 3
    assert "Known of 1 of 3 sequences." in part


def test_a_reason_is_told_only_of_a_sequence_without_tracks(toy_run: tuple[Path, Toy]) -> None:
    run, dataset = toy_run
    for name in ("alpha", "beta"):
        write_counts(run, name, counts({}, {}, {}, f"nothing in <{name}>"))
    (run / "tracks" / "beta.txt").write_text("")
    part = section(write_report(run, dataset).read_text())
    assert part is not None
    assert "<b>beta</b>: nothing in &lt;beta&gt;." in part
    assert "alpha" not in part
