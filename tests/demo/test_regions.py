"""Regions that are looked at or left out: who stands where, and what follows in the demo."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from bytetrack import Detections
from bytetrack.counting import Regions
from bytetrack.demo.frames import Shot
from bytetrack.demo.run import Demo
from tests.demo.films import Run, picture, write_detections, write_images

SQUARE = [[10, 10], [50, 10], [50, 50], [10, 50]]
UPPER = "regions.look_at={upper:[[0,0],[192,0],[192,80],[0,80]]}"  # where the first square walks: its feet are at 60, the other's at 100
BOTH = 20


def standing(*feet: tuple[float, float]) -> npt.NDArray[np.float64]:
    """Boxes with these foot points."""
    return np.array([[x - 4, y - 12, x + 4, y] for x, y in feet], float).reshape(-1, 4)


@pytest.mark.parametrize("corner", range(4))
def test_who_stands_on_a_border_is_looked_at_from_either_side(corner: int) -> None:
    square = SQUARE[corner:] + SQUARE[:corner]
    on_it = standing((10, 30), (50, 30), (30, 10), (30, 50), (10, 10), (50, 50))
    assert Regions(look_at={"a": square}).contain(on_it).all()
    assert Regions(leave_out={"a": square}).contain(on_it).all()
    near = standing((9.99, 30), (50.01, 30), (30, 9.99), (30, 50.01))
    assert not Regions(look_at={"a": square}).contain(near).any()
    assert Regions(leave_out={"a": square}).contain(near).all()
    within = standing((10.01, 30), (49.99, 30), (30, 10.01), (30, 49.99))
    assert Regions(look_at={"a": square}).contain(within).all()
    assert not Regions(leave_out={"a": square}).contain(within).any()


def test_several_regions_add_up_and_what_is_left_out_is_left_out() -> None:
    other = [[100, 10], [140, 10], [140, 50], [100, 50]]
    hole = [[20, 20], [40, 20], [40, 40], [20, 40]]
    feet = standing((15, 15), (120, 30), (30, 30), (75, 30))
    assert Regions(look_at={"a": SQUARE, "b": other}).contain(feet).tolist() == [True, True, True, False]
    assert Regions(look_at={"a": SQUARE, "b": other}, leave_out={"c": hole}).contain(feet).tolist() == [True, True, False, False]
    assert Regions(leave_out={"c": hole}).contain(feet).tolist() == [True, True, False, True]
    assert Regions().contain(feet).all()
    assert not Regions()
    assert Regions(look_at={"a": SQUARE}).contain(np.empty((0, 4))).shape == (0,)


def test_a_dent_is_outside() -> None:
    arrow = [[0, 0], [100, 50], [0, 100], [50, 50]]
    assert Regions(look_at={"a": arrow}).contain(standing((75, 50), (25, 50))).tolist() == [True, False]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"look_at": {"a": [[0, 0], [9, 9]]}}, r"^regions\.look_at\['a'\] must be at least three points \[\[x, y\], \.\.\.\]: got .*$"),
        ({"leave_out": {"a": [[0, 0], [9, 9], [18, 18]]}}, r"^regions\.leave_out\['a'\] has no area: its points lie on one line$"),
        ({"leave_out": {"a": "left"}}, r"^regions\.leave_out\['a'\] must be at least three points .*: got 'left'$"),
        ({"look_at": {"a": [[0, 0], [9, float("nan")], [9, 0]]}}, r"^regions\.look_at\['a'\] must be at least three points .*$"),
        ({"look_at": SQUARE}, r"^regions\.look_at must be polygons by name, \{name: \[\[x, y\], \.\.\.\]\}: got .*$"),
    ],
)
def test_what_is_no_region_is_refused_in_one_line(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Regions(**given)


def test_regions_off_the_picture_are_named_with_what_follows() -> None:
    regions = Regions({"pitch": [[900, 0], [990, 0], [990, 90]]}, {"screen": [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]})
    assert regions.misplaced(640, 360) == [
        "region 'pitch' lies outside the picture (640x360), so nothing is tracked there: coordinates are pixels",
        "region 'screen' lies within one pixel of the picture (640x360), so it excludes nothing: coordinates are pixels",
    ]
    assert Regions({"pitch": SQUARE}, {"screen": SQUARE}).misplaced(640, 360) == []


def test_only_those_inside_are_tracked_and_counted(tmp_path: Path, run: Run) -> None:
    write_detections(tmp_path / "detections", "walk", BOTH)
    source = write_images(tmp_path / "walk", [picture(f) for f in range(BOTH)])
    left = run(source, UPPER, "lines=[[60,0,60,120,gate],[120,0,120,120,exit]]", "video=null")
    assert {(track["id"], track["tlwh"][1]) for line in left.lines for track in line["tracks"]} == {(1, 20.0)}
    assert left.summary["counts"]["lines"]["gate"]["in"] | left.summary["counts"]["lines"]["gate"]["out"] == {"person": 1}
    assert left.summary["counts"]["lines"]["exit"] == {"in": {}, "out": {}}, "the other square crosses this one"
    assert left.summary["outside_regions"] == BOTH
    beside = run(source, UPPER.replace("look_at", "leave_out"), "video=null", "every=2", out=tmp_path / "beside")
    assert {track["tlwh"][1] for line in beside.lines for track in line["tracks"]} == {60.0}
    assert beside.summary["outside_regions"] == BOTH / 2, "of the frames that the detector looked at"


def test_tracks_point_to_the_rows_of_all_detections(tmp_path: Path, assembled: Callable[..., Demo]) -> None:
    (tmp_path / "detections").mkdir()
    rows = [f"{f + 1},-1,{x},{y},20,40,0.9,-1,-1,-1\n" for f in range(4) for x, y in ((100, 70), (10, 20), (60, 75), (150, 25))]
    (tmp_path / "detections" / "four.txt").write_text("".join(rows))
    pipeline = assembled(write_images(tmp_path / "four", [picture(0)] * 4), UPPER, "video=null").frames
    for frame in pipeline.frames():
        shot = pipeline.follow(pipeline.find(pipeline.shot(Shot, frame)))
        assert len(shot.detections) == 4, "blur must see them all"
        assert sorted(shot.tracks.detection_index.tolist()) == [1, 3]
        assert np.allclose(shot.tracks.xyxy, shot.detections.xyxy[shot.tracks.detection_index])


def test_a_track_without_a_detection_points_to_none_where_nobody_stands_inside(tmp_path: Path, assembled: Callable[..., Demo]) -> None:
    """byte_plus shows for a few frames who is covered."""
    (tmp_path / "detections").mkdir()
    rows = [f"{f + 1},-1,{10 if f < 6 else 300},20,20,40,0.9,-1,-1,-1\n" for f in range(9)]
    (tmp_path / "detections" / "gone.txt").write_text("".join(rows))
    source = write_images(tmp_path / "gone", [picture(0, 400)] * 9)
    pipeline = assembled(source, "video=null", "tracker=byte_plus", "regions.look_at={left:[[0,0],[90,0],[90,90],[0,90]]}").frames
    shots = [pipeline.follow(pipeline.find(pipeline.shot(Shot, frame))) for frame in pipeline.frames()]
    assert [len(shot.tracked) for shot in shots] == [1] * 6 + [0] * 3
    assert all((shot.tracks.detection_index == -1).all() for shot in shots[6:])


class Described:
    """Makes a feature of each box, and remembers of which."""

    def __init__(self) -> None:
        self.boxes: list[Any] = []

    def key(self) -> str:
        return "described"

    def embed(self, image: Any, xyxy: Any, score: Any) -> Any:
        self.boxes.append(xyxy.tolist())
        return np.ones((len(xyxy), 2), np.float32)


def test_features_are_made_of_those_inside_alone(tmp_path: Path, assembled: Callable[..., Demo]) -> None:
    write_detections(tmp_path / "detections", "walk", 2)
    demo = assembled(write_images(tmp_path / "walk", [picture(f) for f in range(2)]), UPPER, "video=null", "tracker=deepsort")
    described = Described()
    demo.frames.embed = described.embed
    demo.run()
    assert described.boxes == [[[10.0, 20, 30, 60]], [[14.0, 20, 34, 60]]]


def test_blur_covers_those_outside_too(tmp_path: Path, run: Run) -> None:
    """Stripes, blurred, are grey."""
    stripes = np.tile(np.array([0, 255], np.uint8).repeat(2), 48)[None, :, None].repeat(120, axis=0).repeat(3, axis=2)
    write_detections(tmp_path / "detections", "walk", 3)
    source = write_images(tmp_path / "walk", [stripes.copy() for _ in range(3)])
    plain = "draw.legend=false", "draw.trail=0", "video.crf=0"
    image = run(source, UPPER, "draw.blur=people", *plain).images()[0].astype(int)
    contrast = np.abs(np.diff(image[82:98], axis=1)).mean(axis=(0, 2))
    assert contrast[100:130].mean() > 60, "nobody is there: stripes, a little darker"
    assert contrast[154:166].mean() < 20, "the square that is not tracked"


def test_what_is_not_looked_at_is_a_little_darker(tmp_path: Path, run: Run) -> None:
    write_detections(tmp_path / "detections", "walk", 2)
    source = write_images(tmp_path / "walk", [np.full((120, 192, 3), 200, np.uint8)] * 2)
    image = run(source, UPPER, "draw.legend=false", "video.crf=0").images()[0].astype(int)
    assert image[10:15, 100:150].mean() == pytest.approx(200, abs=4)
    assert image[100:115, 20:60].mean() == pytest.approx(140, abs=4)


def test_a_region_off_the_picture_and_one_without_anybody_are_warned_of(tmp_path: Path, run: Run, caplog: pytest.LogCaptureFixture) -> None:
    write_detections(tmp_path / "detections", "walk", 5)
    source = write_images(tmp_path / "walk", [picture(f) for f in range(5)])
    with caplog.at_level(logging.WARNING):
        run(source, "regions.look_at={away:[[500,500],[600,500],[600,600]]}", "video=null")
    assert "walk: region 'away' lies outside the picture (192x120), so nothing is tracked there: coordinates are pixels" in caplog.text
    assert "walk: none of the 10 boxes is inside the tracked regions: see regions" in caplog.text


def test_camera_motion_hides_everybody_who_moves(tmp_path: Path, assembled: Callable[..., Demo]) -> None:
    write_detections(tmp_path / "detections", "walk", 3)
    demo = assembled(write_images(tmp_path / "walk", [picture(f) for f in range(3)]), UPPER, "video=null", "tracker=botsort")
    seen: list[Detections] = []
    demo.frames.camera = lambda image, detections: seen.append(detections)
    for frame in demo.frames.frames():
        demo.frames.move(demo.frames.find(demo.frames.shot(Shot, frame)))
    assert [len(found) for found in seen] == [2, 2, 2]
