"""Progress bars: on a terminal only, and never in the way of what they count."""

from __future__ import annotations

import pytest

from bytetrack.runtime.progress import progress_bar, with_progress


def test_without_a_terminal_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("reading", 3, "frames") as bar:
        assert not bar.visible
        bar.advance(1, "A")
        bar.update(2, 4, "writing", "lines")
    assert list(with_progress(iter("abc"), "letters", 3)) == ["a", "b", "c"]
    assert capsys.readouterr() == ("", "")


def test_a_terminal_shows_title_count_unit_and_label(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    with progress_bar("reading", 3, "frames") as bar:
        assert bar.visible
        bar.advance(2, "[/A]")
    shown = capsys.readouterr().err
    assert "reading [/A]" in shown
    assert "2/3" in shown
    assert "frames" in shown
