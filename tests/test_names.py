"""The name that somebody may have meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from bytetrack.data.kitti_visdrone import Kitti
from bytetrack.detection.classes import COCO, choose
from bytetrack.errors import MissingDataError
from bytetrack.names import nearest


@pytest.mark.parametrize(("name", "meant"), [("WALK", "walk.mp4"), ("wlak.mp4", "walk.mp4"), ("zzz", None), ("", None)])
def test_the_nearest_begins_alike_or_is_spelled_alike(name: str, meant: str | None) -> None:
    assert nearest(name, ["run.mp4", "walk.mp4", "walk2.mp4"]) == meant


@pytest.mark.parametrize(("item", "meant"), [("people", "person"), ("Car", "car"), ("TRUKC", "truck"), ("motorbike", "motorcycle")])
def test_classes_that_coco_calls_otherwise_are_suggested(item: str, meant: str) -> None:
    with pytest.raises(ValueError, match=rf"did you mean {meant}\?"):
        choose([item], 80, COCO, "yolox.pth")


def test_a_pattern_without_a_match_lists_what_there_is(tmp_path: Path) -> None:
    for name in ("0001", "0002", "0003", "0010"):
        (tmp_path / "training" / "image_02" / name).mkdir(parents=True)
    with pytest.raises(MissingDataError, match=r"matches '00010'; did you mean 0010\? found 0001, 0002, 0003, … \(4\)"):
        Kitti(tmp_path, pattern="00010").sequences()
