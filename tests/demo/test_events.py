"""The demo posts what it counts: the same events as in its csv file."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.demo.films import Run, write_detections, write_video
from tests.test_webhook import Receiver, receiver

__all__ = ["receiver"]
LINES = "lines=[[100,0,100,120,gate]]"
ZONES = "zones={door:[[20,0],[90,0],[90,119],[20,119]]}"


def test_crossings_and_visits_are_posted_as_they_are_in_the_csv_file(run: Run, tmp_path: Path, receiver: Receiver) -> None:
    film = write_video(tmp_path / "walk.mp4", 30)
    write_detections(tmp_path / "detections", "walk", 30)
    left = run(film, LINES, ZONES, "video=null", f"events.url={receiver.url}", "events.token=secret")
    with (left.folder / "walk.events.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["kind"], row["name"], row["track_id"], row["frame_id"]) for row in rows] == [
        (event["kind"], event["name"], str(event["track_id"]), str(event["frame_id"])) for event in receiver.accepted()
    ]
    assert {row["kind"] for row in rows} >= {"cross", "enter"}
    assert left.summary["posted"] == {"sent": len(rows), "lost": 0}
    config = (left.folder / "config.yaml").read_text()
    assert "secret" not in config
    assert "room=1" not in config


def test_a_receiver_that_is_gone_costs_events_and_nothing_else(run: Run, tmp_path: Path) -> None:
    film = write_video(tmp_path / "walk.mp4", 30)
    write_detections(tmp_path / "detections", "walk", 30)
    left = run(film, LINES, "video=null", "events.url='http://localhost:9/'", "events.finish_within=0.2")
    assert left.status == 0
    assert left.summary["posted"]["sent"] == 0 < left.summary["posted"]["lost"]
    assert len(left.lines) == 30


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ((LINES, "events.url=https://hooks.example.com/a"), r"events.hosts=\[hooks.example.com\] allows it"),
        ((LINES, "events.url=http://hooks.example.com/a", "events.hosts=[hooks.example.com]"), "must be https"),
        (("events.url=http://localhost:9/",), "lines and zones count, and there are none"),
    ],
)
def test_a_wrong_address_is_refused_before_anything_is_written(
    assembled: Callable[..., Any], tmp_path: Path, settings: tuple[str, ...], message: str
) -> None:
    film = write_video(tmp_path / "walk.mp4", 3)
    write_detections(tmp_path / "detections", "walk", 3)
    with pytest.raises(ValueError, match=message):
        assembled(film, *settings)
    assert not list((tmp_path / "out").glob("*.txt"))
