"""A dataset with classes of one's own, by command."""

from __future__ import annotations

import json
from pathlib import Path

from tests.conftest import Verb
from tests.data.test_own_classes import NAMES, PEOPLE_AND_CARS, dataset


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


def test_the_verb_scores_other_numbers_of_the_same_names_alike(tmp_path: Path, verb_here: Verb) -> None:
    dataset(tmp_path)
    (tmp_path / "det").mkdir()
    rows = [line.split(",") for line in PEOPLE_AND_CARS.splitlines()]
    number = {"1": 0, "3": 2}  # COCO's person and car
    found = "".join(f"{f},-1,{x},{y},{w},{h},0.9,{number[c]}\n" for f, _, x, y, w, h, _, c, _ in rows)
    (tmp_path / "det" / "s.txt").write_text(found + "1,-1,50,50,30,30,0.9,16\n")
    common = ["dataset=motchallenge", f"dataset.root={tmp_path / 'd'}", f"detector.folder={tmp_path / 'det'}", "out=o", "workers=1"]
    refused = verb_here("track", *common, "detector.class_names=coco", "dataset.class_names=[none,plane]")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "no name is in both lists" in refused.stderr
    assert not Path("o/tracks").exists()
    done = verb_here("track", *common, "detector.class_names=coco", f"dataset.class_names=[{','.join(NAMES)}]")
    assert done.returncode == 0, done.stderr
    scored = json.loads(Path("o/scores.json").read_text())["classes"]
    assert [scored[name]["COMBINED"]["MOTA"] for name in ("person", "car")] == [100, 100]
    assert "s: boxes of classes that the dataset does not score are dropped: dog 1" in done.stderr
    assert {line.split(",")[7] for line in Path("o/tracks/s.txt").read_text().splitlines()} == {"1", "3"}
