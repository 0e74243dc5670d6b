"""A dataset with classes of one's own, by command."""

from __future__ import annotations

import json
from pathlib import Path

from tests.data.test_own_classes import NAMES, PEOPLE_AND_CARS, dataset
from tests.tools.conftest import Verb


def test_own_classes_by_one_command(tmp_path: Path, verb_here: Verb) -> None:
    dataset(tmp_path)
    (tmp_path / "det").mkdir()
    boxes = [line.split(",") for line in PEOPLE_AND_CARS.splitlines()]
    (tmp_path / "det" / "s.txt").write_text("".join(f"{f},-1,{x},{y},{w},{h},0.9,{c}\n" for f, _, x, y, w, h, _, c, _ in boxes))
    names = f"[{','.join(NAMES)}]"
    common = ["dataset=motchallenge", f"dataset.root={tmp_path / 'd'}", f"detector.folder={tmp_path / 'det'}", "out=o", "workers=1"]
    refused = verb_here("track", *common, f"detector.class_names={names}")
    assert refused.returncode == 1
    assert "s: the detections have classes 1, 3, and the dataset names none: dataset.class_names=" in refused.stderr
    done = verb_here("track", *common, f"detector.class_names={names}", f"dataset.class_names={names}")
    assert done.returncode == 0, done.stderr
    found = json.loads(Path("o/scores.json").read_text())["classes"]
    assert [found[name]["COMBINED"]["MOTA"] for name in ("person", "car")] == [100, 100]
    assert "TrackEval, class by class" in done.stdout
    assert "<h3>By class</h3>" in Path("o/report.html").read_text()
