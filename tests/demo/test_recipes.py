"""The demo's recipes compose, and what their pages say of the drawn scenes is so."""

from __future__ import annotations

import csv
import runpy
from pathlib import Path

import pytest

from bytetrack.config import build, compose, home, plain
from tests.demo.films import Run, write_detections, write_video

LANES = "lines=[[640,145,640,235,west 1],[640,235,640,325,west 2],[640,445,640,355,east 1],[640,535,640,445,east 2]]"


@pytest.mark.parametrize("recipe", ["demo_traffic", "demo_sports"])
def test_a_recipe_changes_the_demos_tracker(recipe: str) -> None:
    config, usual = compose("demo", [f"experiment={recipe}"]), compose("demo")
    assert plain(config.tracker) != plain(usual.tracker)
    assert set(plain(config)) == set(plain(usual))
    build(config.tracker)


def test_the_traffic_recipe_takes_vehicles_of_any_shape() -> None:
    config = compose("demo", ["experiment=demo_traffic"])
    assert plain(config.detector.classes) == ["car", "bus", "truck", "motorcycle"]
    assert config.max_aspect_ratio is None


@pytest.mark.parametrize("recipe", ["demo_traffic", "demo_sports"])
def test_a_recipe_follows_and_counts_and_leaves_whole_files(recipe: str, tmp_path: Path, run: Run) -> None:
    write_video(tmp_path / "walk.mp4", 30)
    write_detections(tmp_path / "detections", "walk", 30)
    left = run(tmp_path / "walk.mp4", f"experiment={recipe}", "lines=[[96,0,96,119,gate]]")
    left.check_agreement(30)
    assert left.summary["identities"] == 2
    one_each_way = left.summary["counts"]["lines"]["gate"]
    assert [sum(one_each_way[way].values()) for way in ("in", "out")] == [1, 1]
    assert len((left.folder / "walk.events.csv").read_text().splitlines()) == 3


@pytest.mark.slow
def test_the_counts_on_the_traffic_page_are_those_of_its_command(tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "detections"
    folder.mkdir()
    runpy.run_path(str(home() / "docs" / "images" / "scenes.py"))["traffic"](folder)
    left = run(folder / "traffic.mp4", "experiment=demo_traffic", "detector=recorded", f"detector.folder={folder}", LANES)
    counted = {name: line["in"]["object"] for name, line in left.summary["counts"]["lines"].items()}
    assert counted == {"west 1": 9, "west 2": 10, "east 1": 10, "east 2": 8}
    assert not any(line["out"] for line in left.summary["counts"]["lines"].values())
    assert left.summary["identities"] == 55
    crossings = [row["name"] for row in csv.DictReader((left.folder / "traffic.events.csv").open()) if row["kind"] == "cross"]
    assert {name: crossings.count(name) for name in counted} == counted
    left.check_agreement(300)
    plainly = run(folder / "traffic.mp4", "detector=recorded", f"detector.folder={folder}", "video=null")
    assert plainly.summary["identities"] == 70


@pytest.mark.slow
def test_the_identities_on_the_sports_page_are_those_of_its_command(tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "detections"
    folder.mkdir()
    runpy.run_path(str(home() / "docs" / "images" / "scenes.py"))["pitch"](folder)
    recorded = ("detector=recorded", f"detector.folder={folder}", "video=null")
    assert run(folder / "pitch.mp4", "experiment=demo_sports", *recorded).summary["identities"] == 31
    assert run(folder / "pitch.mp4", *recorded).summary["identities"] == 106
