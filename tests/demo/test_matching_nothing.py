"""Settings of the demo that match nothing: what somebody asked for and the run cannot have is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bytetrack.demo.run import Demo
from bytetrack.pipeline.nothing import no_box_of
from bytetrack.structures import Detections
from tests.demo.films import Run, picture, write_detections, write_images


def test_lines_and_zones_off_the_picture_are_named_with_its_size(tmp_path: Path, run: Run, caplog: pytest.LogCaptureFixture) -> None:
    write_detections(tmp_path / "detections", "yard", 3)
    images = write_images(tmp_path / "yard", (picture(n) for n in range(3)))
    run(images, "lines=[[0,60,192,60,gate],[0,400,300,400,street]]", "zones={door: [[500,10],[600,10],[600,90]]}", "video=null")
    assert "yard: line 'street' lies outside the picture (192x120), so nothing is counted there: coordinates are pixels" in caplog.text
    assert caplog.text.count("zone 'door' lies outside the picture (192x120)") == 1
    assert "'gate'" not in caplog.text


class Network:
    """Finds a person in every frame, where zebras are looked for too."""

    class_names = ("person", "zebra")
    classes = ("person", "zebra")

    def __init__(self, boxes: int) -> None:
        self.boxes = boxes

    def detect(self, images: list[object]) -> list[Detections]:
        box = np.array([[10.0, 20.0, 30.0, 60.0]])
        return [Detections(np.repeat(box, self.boxes, 0), np.full(self.boxes, 0.9), np.zeros(self.boxes, np.int64)) for _ in images]


@pytest.mark.parametrize(("boxes", "message"), [(1, "yard: no box is of class zebra; found person 3"), (0, "class person or zebra")])
def test_a_class_that_no_box_had_is_named_at_the_end(
    tmp_path: Path, assembled: Callable[..., Demo], caplog: pytest.LogCaptureFixture, boxes: int, message: str
) -> None:
    images = write_images(tmp_path / "yard", (picture(n) for n in range(3)))
    settings = ("detector=by_name", "weights=none.pth", "classes=[person,zebra]", "video=null")
    assembled(images, *settings, detector=Network(boxes)).run()
    assert message in caplog.text


def test_of_recorded_boxes_all_classes_are_counted(tmp_path: Path, run: Run, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "detections").mkdir()
    rows = ("1,-1,10,20,20,40,0.9,0,-1,-1", "2,-1,14,20,20,40,0.9,0,-1,-1", "2,-1,90,20,9,9,0.9,2,-1,-1")
    (tmp_path / "detections" / "yard.txt").write_text("\n".join(rows))
    images = write_images(tmp_path / "yard", (picture(n) for n in range(3)))
    run(images, "classes=[person,zebra]", "detector.class_names=[person,zebra,car]", "video=null")
    assert "yard: no box is of class zebra; found person 2, car 1" in caplog.text


def test_recorded_boxes_without_a_class_are_said_to_be_all_kept(tmp_path: Path, run: Run, caplog: pytest.LogCaptureFixture) -> None:
    write_detections(tmp_path / "detections", "yard", 3)
    images = write_images(tmp_path / "yard", (picture(n) for n in range(3)))
    run(images, "classes=[zebra]", "detector.class_names=coco", "video=null")
    assert "yard: its boxes have no class in the eighth column, so all are kept, whatever classes says" in caplog.text


def test_classes_that_have_boxes_are_not_mentioned() -> None:
    assert no_box_of(["person", "car"], {"person": 1, "car": 2}) == ""
