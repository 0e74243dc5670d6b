"""Several sources at once through one detector."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from bytetrack import ByteTracker, Detections, FormatError
from bytetrack.config import compose, plain
from bytetrack.demo.multi_source import MultiSourceDemo, build_demos
from bytetrack.demo.settings import DemoSettings

PARTS = ("stream", "lines", "zones", "homography", "draw", "show", "serve", "page", "max_frames", "min_box_area", "max_aspect_ratio")


class Bright:
    """Finds one person in each picture, as far from the left as the picture is bright."""

    batch_size = 4
    class_names = ("person",)

    def __init__(self) -> None:
        self.most = 0

    def detect(self, images: list[np.ndarray]) -> list[Detections]:
        self.most = max(self.most, len(images))
        return [Detections([[left := float(image.mean() // 10), 5, left + 20, 55]], [0.9], [0]) for image in images]


def pictures(folder: Path, bright: int, number: int) -> str:
    folder.mkdir(parents=True)
    for place in range(number):
        cv2.imwrite(str(folder / f"{place:03d}.png"), np.full((60, 80, 3), bright, np.uint8))
    return str(folder)


def several(out: Path, detector: Any, sources: Any, **settings: Any) -> MultiSourceDemo:
    config = compose("demo", ["show=false"])
    values = {name: plain(config[name]) for name in PARTS} | {"video": None} | settings
    made = build_demos(
        detector, lambda s: ByteTracker(frame_rate=s["frame_rate"]), {"frame_rate": None}, DemoSettings(**values), sources, out
    )
    assert isinstance(made, MultiSourceDemo)
    return made


def test_each_source_has_its_own_tracker_and_folder_and_gets_its_own_boxes(tmp_path: Path) -> None:
    sources = [pictures(tmp_path / "a" / "cam", 100, 6), pictures(tmp_path / "b" / "cam", 200, 9), pictures(tmp_path / "door", 50, 3)]
    assert several(tmp_path / "out", Bright(), sources).run() == 0
    found = {path.parent.name: path.read_text().splitlines() for path in (tmp_path / "out").glob("*/*.txt")}
    assert {name: [len(rows), rows[-1]] for name, rows in found.items()} == {
        "cam": [6, "6,1,10.0,5.0,20.0,50.0,0.9,0,-1,-1"],
        "cam_2": [9, "9,1,20.0,5.0,20.0,50.0,0.9,0,-1,-1"],
        "door": [3, "3,1,5.0,5.0,20.0,50.0,0.9,0,-1,-1"],
    }


def test_a_source_that_breaks_does_not_stop_the_others_and_is_named(tmp_path: Path) -> None:
    good, bad = pictures(tmp_path / "good", 100, 8), pictures(tmp_path / "bad", 100, 3)
    (tmp_path / "bad" / "001.png").write_bytes(b"no picture")
    with pytest.raises(FormatError, match=r"bad/001\.png: cannot be decoded"):
        several(tmp_path / "out", Bright(), [bad, good]).run()
    assert len((tmp_path / "out" / "good" / "good.txt").read_text().splitlines()) == 8
    assert len((tmp_path / "out" / "bad" / "bad.txt").read_text().splitlines()) == 1


def test_a_page_and_an_empty_list_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="source names no source"):
        several(tmp_path / "out", Bright(), [])
    with pytest.raises(ValueError, match="serve=true takes one source, got 2"):
        several(tmp_path / "out", Bright(), ["a", "b"], serve=True)
