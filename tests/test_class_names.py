"""Two lists of class numbers, a detector's and a dataset's: names say which is which, and nothing is scored as what it is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bytetrack import Sequence, SequenceDetections
from bytetrack.data.kitti_visdrone import Kitti, VisDrone
from bytetrack.detection.classes import COCO
from bytetrack.detection.recorded import Recorded
from bytetrack.detection.yolox import Yolox
from bytetrack.io import read_trajectories
from bytetrack.pipeline import ClassMatch, TrackerFactory, TrackJob, class_match_for
from bytetrack.tuning.replay import Replay
from tests.data.test_own_classes import NAMES
from tests.test_pipeline import build_echo, make_sequences

MOT = Sequence("s", length=5, frame_rate=10, width=400, height=200)
KITTI = replace(MOT, class_names=Kitti.class_names)


class Network:
    """What is asked of a network before it runs."""

    def __init__(self, class_names: Any, classes: Any = None) -> None:
        self.class_names, self.classes = class_names, classes


def match(names: Any, protocol: str = "kitti", sequence: Sequence = KITTI, classes: Any = None) -> dict[str, int] | None:
    found = class_match_for(Network(names, classes), protocol, [sequence])
    return None if found is None else {name: number for name, number in zip(found.names, found.numbers, strict=True) if number >= 0}


def own(*names: str) -> Sequence:
    return replace(MOT, class_names=names)


def boxes(*kinds: int) -> SequenceDetections:
    """A frame with a box of each class, 10, 20, … wide, and an empty one."""
    xyxy = np.array([[0.0, 0, 10 * (row + 1), 40] for row in range(len(kinds))])
    return SequenceDetections(xyxy, np.full(len(kinds), 0.9), np.array([0, len(kinds), len(kinds)]), np.array(kinds))


@pytest.mark.parametrize("names", [COCO, ["Pedestrian", "Car"], ["none", "car", "van", "truck", "pedestrian"]])
def test_names_give_a_detectors_classes_the_datasets_numbers(names: Any) -> None:
    assert sorted((match(names) or {}).values()) == [1, 4]  # KITTI's car and pedestrian


def test_a_person_is_kittis_pedestrian_unless_the_detector_tells_them_apart() -> None:
    assert match(["person", "car"]) == {"person": 4, "car": 1}
    assert match(["person", "pedestrian"]) == {"pedestrian": 4}


def test_case_spaces_hyphens_and_underscores_do_not_count() -> None:
    visdrone = replace(MOT, class_names=VisDrone.class_names)
    assert match(["Awning_Tricycle", "awning tricycle", "PEOPLE"], "visdrone", visdrone) == {
        "Awning_Tricycle": 8,
        "awning tricycle": 8,
        "PEOPLE": 2,
    }


def test_older_names_of_bdd100k_are_its_newer_ones_there_only() -> None:
    assert match(["person", "bike", "motor"], "bdd100k", replace(MOT, class_names=("none",))) == {"person": 1, "bike": 8, "motor": 7}
    assert match(["person", "bike"], "mot15", own("none", "pedestrian", "bicycle")) == {"person": 1}


def test_a_network_trained_on_the_datasets_categories_agrees_by_name() -> None:
    assert match(["person", "bike", "car"], "mot15", own(*NAMES)) == {"person": 1, "bike": 2, "car": 3}


def test_lists_without_a_common_name_are_refused_with_both(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ValueError, match="the detector finds cat, none, the dataset scores car, pedestrian: no name is in both lists"):
        match(["cat", "none"])
    with pytest.raises(ValueError, match=r"finds person, bicycle, .*, … \(80\), the dataset scores helicopter: "):
        match(COCO, "mot15", own("none", "helicopter"))
    with pytest.raises(ValueError, match="the detector finds cat, dog, the dataset scores car, pedestrian"):
        match(COCO, classes=["cat", "dog"])
    assert match(["Car"]) == {"Car": 1}
    assert "scored classes that the detector does not return, by their names: pedestrian" in caplog.text


def test_without_names_numbers_are_the_datasets() -> None:
    assert match(None) is None
    assert class_match_for(object(), "kitti", [KITTI]) is None
    assert match(COCO, "mot15", MOT) is None
    assert class_match_for(Network(COCO), "kitti", []) is None


def test_boxes_of_other_classes_are_left_out_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    numbers = ClassMatch(("person", "cat", "car", "dog"), (4, -1, 1, -1))
    found = numbers.renumbered("0001", boxes(1, 0, 3, 2, 1))
    assert (found.class_id if found.class_id is None else found.class_id.tolist()) == [4, 1]
    assert (found.xyxy[:, 2].tolist(), found.offsets.tolist()) == ([20, 40], [0, 2, 2])
    assert "0001: boxes of classes that the dataset does not score are dropped: cat 2, dog 1" in caplog.text
    with pytest.raises(ValueError, match="0001: the detections have class 4, and the detector's class_names are person, cat, car, dog"):
        numbers.renumbered("0001", boxes(0, 4))


def test_boxes_without_a_class_are_of_the_only_one_the_detector_knows() -> None:
    unnamed = replace(boxes(0, 0), class_id=None)
    one = class_match_for(Network(COCO, ["car"]), "kitti", [KITTI])
    assert one is not None
    found = one.renumbered("s", unnamed).class_id
    assert (None if found is None else found.tolist()) == [1, 1]
    assert ClassMatch(("car", "person"), (1, 4)).renumbered("s", unnamed) is unnamed


def test_only_people_are_tracked_where_pedestrians_are_scored(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    [sequence] = make_sequences(tmp_path, [3])
    rows = "".join(f"{frame},-1,1,0,20,40,0.9,2\n{frame},-1,50,0,20,40,0.8,0\n" for frame in (1, 2, 3))
    (tmp_path / "S.txt").write_text(rows)
    detector = Recorded(tmp_path, class_names="coco")
    classes = class_match_for(detector, "mot17", [sequence])
    job = TrackJob(detector, TrackerFactory(build_echo, {}), tmp_path / "tracks", "mot17", classes=classes)
    scores = job(sequence)
    assert scores is not None
    assert read_trajectories(tmp_path / "tracks" / "S.txt", 3).tlwh[:, 0].tolist() == [50, 50, 50]
    assert "S: boxes of classes that the dataset does not score are dropped: car 3" in caplog.text
    assert [frame.xyxy[:, 0].tolist() for frame in Replay([sequence], detector, "mot17").frames("S", 0)] == [[50]] * 3
    with pytest.raises(ValueError, match="the detector finds car, truck, the dataset scores pedestrian"):
        class_match_for(Recorded(tmp_path, class_names=["car", "truck"]), "mot17", [sequence])


def test_the_one_class_of_a_detector_is_taken_for_the_one_that_is_scored_with_a_word(caplog: pytest.LogCaptureFixture) -> None:
    assert match(COCO, "mot17", MOT, ["person"]) is None
    assert match(["Person"], "mot17", MOT) is None
    assert not caplog.records
    assert match(["car"], "mot17", MOT) is None
    assert "mot17 scores pedestrians, and the detector calls its boxes car: they are taken for pedestrians" in caplog.text


def test_a_network_is_called_by_its_file_and_80_classes_by_cocos_names(tmp_path: Path) -> None:
    said = {"class_names": ["person", "bike", "car"], "convention": "bgr255", "input_size": [64, 64]}
    for name, classes, about in (("own", 3, said), ("silent", 3, None), ("official", 80, None)):
        shapes = {"head.cls_preds.0.weight": (classes, 8, 1, 1), "backbone.backbone.stem.conv.conv.weight": (8, 12, 3, 3)}
        torch.save({"model": {key: torch.zeros(shape) for key, shape in shapes.items()}, "detector": about}, tmp_path / f"{name}.pth")
    names = [Yolox(tmp_path / f"{name}.pth", 0.33, 0.125, True).class_names for name in ("own", "silent", "official")]
    assert names == [["person", "bike", "car"], None, list(COCO)]
