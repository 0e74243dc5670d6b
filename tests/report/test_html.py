"""The kit of the HTML pages: one skeleton, one set of macros, one look; data that cannot end a script."""

from __future__ import annotations

from pathlib import Path

import bytetrack
from bytetrack.report.html.charts import Point, scatter
from bytetrack.report.html.page import write_page

ROOM = Path(bytetrack.__file__).parent


def test_only_the_kit_holds_skeletons_macros_and_drawings() -> None:
    pages = [*(ROOM / "report").glob("*.html"), *(ROOM / "tuning").glob("*.html")]
    assert {path.name for path in pages} == {"report.html", "compare.html", "tune.html"}
    for path in pages:
        text = path.read_text(encoding="utf-8")
        assert text.startswith('{% extends "page.html" %}'), path
        assert not [part for part in ("<!doctype", "<svg", "{% macro", "<style") if part in text.lower()], path


def test_data_and_names_stay_text(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    write_page(page, "bytetrack.tuning", "page.html", {"timelines": [], "name": "</script>"}, title="<b>", kind="A page")
    html = page.read_text(encoding="utf-8")
    assert "<title>&lt;b&gt; · a page</title>" in html
    assert '"name":"\\u003c/script\\u003e"' in html
    assert html.count("</script>") == 2


def test_a_scatter_holds_the_bulk_and_puts_the_lowest_on_the_edge() -> None:
    chart = scatter("t", "x", "y", [Point(k, 0.0 if k == 0 else 50.0 + k, "c0", "") for k in range(40)], line=[(0, 51), (39, 89)])
    assert max(point.y for point in chart.points) == chart.points[0].y == chart.bottom
    assert all(chart.left <= point.x <= chart.right and chart.top <= point.y for point in chart.points)
    assert len(chart.lines[0].positions) == 2
