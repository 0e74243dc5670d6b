"""The end of a search, on the console."""

from __future__ import annotations

from pathlib import Path

import pytest

from bytetrack.tuning.evaluation import Evaluation
from bytetrack.tuning.report import show
from bytetrack.tuning.search import Trial


def test_the_command_that_compares_is_printed_with_its_brackets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    best = Trial(0, {"match_cost": 0.8}, False, 50.0, {}, 0.0, {})
    show(Evaluation(best, {}, [], 0.5, 0.1, None, [], 2), tmp_path)
    assert f"bytetrack compare runs=[{tmp_path / 'default'},{tmp_path / 'tuned'}]" in capsys.readouterr().out
