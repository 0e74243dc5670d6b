"""A scored run folder to report on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.report.report_scenes import CONFIG, Toy, four_people, write_scores


@pytest.fixture
def toy_run(tmp_path: Path) -> tuple[Path, Toy]:
    """A scored run folder of three sequences (the third: nobody is confused) and its dataset."""
    run = tmp_path / "a_run"
    perfect = four_people()
    perfect.result = [(frame, person, x) for frame, person, x in perfect.truth]
    short = four_people()
    short.result = [row for row in short.result if row[0] <= 8]
    scenes = {"alpha": four_people(), "beta": short, "gamma": perfect}
    dataset = Toy([scene.write(tmp_path / "data", run, name) for name, scene in scenes.items()])
    write_scores(run, dataset)
    (run / "config.yaml").write_text(CONFIG)
    return run, dataset
