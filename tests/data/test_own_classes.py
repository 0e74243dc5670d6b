"""Several classes of one's own: ids that count within each, every class scored apart, and one line where that cannot be."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from bytetrack.data.check import check
from bytetrack.data.convert import read_results
from bytetrack.data.converters import convert
from bytetrack.data.datasets import MotChallenge
from bytetrack.data.image_set import load_coco
from bytetrack.data.kitti_visdrone import Kitti
from bytetrack.errors import FormatError
from bytetrack.io import kitti, read_annotations, read_detections, read_trajectories, visdrone
from bytetrack.io.coco import write_coco
from bytetrack.pipeline.jobs import ScoreJob
from bytetrack.scoring import summarise

NAMES = ["none", "person", "bike", "car"]
KITTI_REST = " -1 -1 -1 -1000 -1000 -1000 -10 0.9"
PEOPLE_AND_CARS = "".join(f"{f},1,{10 * f},0,20,40,1,1,1\n{f},2,{300 - 9 * f},100,60,40,1,3,1\n" for f in range(1, 6))


def dataset(root: Path, truth: str = PEOPLE_AND_CARS, **settings: Any) -> MotChallenge:
    folder = root / "d" / "s"
    (folder / "gt").mkdir(parents=True, exist_ok=True)
    (folder / "gt" / "gt.txt").write_text(truth)
    (folder / "seqinfo.ini").write_text("[Sequence]\nframeRate=10\nseqLength=5\nimWidth=400\nimHeight=200\n")
    return MotChallenge(root / "d", **settings)


def result(root: Path, people: int = 5, cars: int = 5, car: int = 3) -> Path:
    """Perfect results of both classes for so many frames, ids 1 in each class."""
    rows = [f"{f},1,{10 * f},0,20,40,0.9,1,-1,-1" for f in range(1, people + 1)]
    rows += [f"{f},1,{300 - 9 * f},100,60,40,0.9,{car},-1,-1" for f in range(1, cars + 1)]
    (root / "r").mkdir(exist_ok=True)
    (root / "r" / "s.txt").write_text("\n".join(rows))
    return root / "r"


def scores(root: Path, data: MotChallenge) -> dict[str, Any]:
    [sequence] = data.sequences()
    scored = ScoreJob(root / "r", data.protocol)(sequence)
    assert scored is not None
    return summarise({"s": scored})


def test_ids_that_count_within_each_class_are_identities_of_their_own(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    found = read_trajectories(result(tmp_path) / "s.txt")
    assert found.class_id is not None
    assert sorted(set(zip(found.track_id.tolist(), found.class_id.tolist(), strict=True))) == [(1, 1), (2, 3)]
    assert "ids count within each class: they are renumbered" in caplog.text
    read_trajectories(tmp_path / "r" / "s.txt")
    shutil.copy(tmp_path / "r" / "s.txt", tmp_path / "s.txt")
    read_trajectories(tmp_path / "s.txt")  # a run's copy
    assert caplog.text.count("ids count within each class") == 1
    truth = tmp_path / "gt.txt"
    truth.write_text("1,7,0,0,9,9,1,1,1\n1,7,50,0,9,9,1,2,1\n2,7,0,0,9,9,1,1,1")
    assert read_annotations(truth).track_id.tolist() == [1, 2, 1]
    truth.write_text("1,7,0,0,9,9,1,1,1\n1,7,50,0,9,9,1,1,1")
    with pytest.raises(FormatError, match=r"gt\.txt:2: expected every id once in a frame and class"):
        read_annotations(truth)


@pytest.mark.parametrize(
    ("read", "line"),
    [
        (kitti.read_labels, "{frame} 7 {kind} 0 0 -10 {left} 0 {right} 9 1 1 1 1 1 1 0"),
        (visdrone.read_labels, "{frame},7,{left},0,9,9,1,{number},0,0"),
    ],
)
def test_ground_truth_of_several_classes_may_count_ids_within_each(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, read: Any, line: str
) -> None:
    kinds = (("Car", 4, 0), ("Pedestrian", 1, 50))
    lines = [line.format(frame=1, kind=kind, number=number, left=left, right=left + 9) for kind, number, left in kinds]
    (tmp_path / "gt.txt").write_text("\n".join(lines))
    found = read(tmp_path / "gt.txt")
    assert len(set(found.track_id.tolist())) == 2
    assert "gt.txt: ids count within each class: they are renumbered" in caplog.text
    (tmp_path / "gt.txt").write_text("\n".join([*lines, lines[0]]))
    with pytest.raises(FormatError, match=r"gt\.txt: expected every id once in a frame and class, got one twice in frame [12] "):
        read(tmp_path / "gt.txt")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", f"0 0 Car -1 -1 -10 0 0 9 9{KITTI_REST}\n0 0 Cyclist -1 -1 -10 50 0 59 9{KITTI_REST}\n"),
        ("a.csv", "frame,track_id,left,top,width,height,class\n1,1,0,0,9,9,Car\n1,1,50,0,9,9,Cyclist\n"),
        ("a.jsonl", '{"frame": 1, "tracks": [{"id": 1, "tlwh": [0,0,9,9], "class_id": 0}, {"id": 1, "tlwh": [50,0,9,9], "class_id": 1}]}'),
    ],
)
def test_every_format_reads_ids_that_count_within_each_class(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    [found] = read_results(tmp_path / name)
    assert found.trajectories.track_id.tolist() == [1, 2]
    assert found.trajectories.tlwh[:, 0].tolist() == [0, 50]
    assert found.trajectories.class_id is not None
    assert found.trajectories.class_id.tolist() == [0, 1]


def test_every_class_is_scored_apart_and_their_average_leaves_out_those_without_boxes(tmp_path: Path) -> None:
    data = dataset(tmp_path, class_names=NAMES)
    result(tmp_path, people=5, cars=2)
    found = scores(tmp_path, data)
    assert list(found["classes"]) == ["person", "bike", "car"]
    person, bike, car = (found["classes"][name]["COMBINED"] for name in ("person", "bike", "car"))
    assert (person["HOTA"], person["MOTA"], person["IDF1"]) == (100, 100, 100)
    assert (car["FN"], car["FP"], car["MOTA"], car["IDF1"]) == (3, 0, 40, pytest.approx(100 * 4 / 7))
    assert (bike["gt_boxes"], bike["boxes"]) == (0, 0)
    average = found["trackeval"]["COMBINED"]
    assert average["MOTA"] == pytest.approx((100 + 40) / 2)
    assert average["HOTA"] == pytest.approx((person["HOTA"] + car["HOTA"]) / 2)
    assert found["motmetrics"]["OVERALL"]["FN"] == 3


def test_one_named_class_is_scored_as_without_a_name(tmp_path: Path) -> None:
    truth = "".join(f"{f},1,{10 * f},0,20,40,{int(f < 5)},1,1\n" for f in range(1, 6))
    result(tmp_path, cars=0)
    named, plain = (scores(tmp_path, dataset(tmp_path, truth, class_names=names)) for names in (["none", "person"], None))
    assert named["trackeval"] == plain["trackeval"]
    assert plain["trackeval"]["COMBINED"]["FP"] == 1  # on the box that does not count, as MOT15 has it
    (tmp_path / "r" / "s.txt").write_text((tmp_path / "r" / "s.txt").read_text().replace(",0.9,1,", ",0.9,-1,"))
    assert scores(tmp_path, dataset(tmp_path, truth, class_names=["none", "person"]))["trackeval"] == plain["trackeval"]


def test_classes_may_count_from_0(tmp_path: Path) -> None:
    data = dataset(tmp_path, PEOPLE_AND_CARS.replace(",1,1,1", ",1,0,1").replace(",1,3,1", ",1,1,1"), class_names=["person", "car"])
    result(tmp_path, car=1)
    (tmp_path / "r" / "s.txt").write_text((tmp_path / "r" / "s.txt").read_text().replace("20,40,0.9,1,", "20,40,0.9,0,"))
    assert {name: found["COMBINED"]["MOTA"] for name, found in scores(tmp_path, data)["classes"].items()} == {"person": 100, "car": 100}


def test_what_cannot_be_scored_says_how(tmp_path: Path) -> None:
    result(tmp_path)
    with pytest.raises(ValueError, match=r"the results have classes 1, 3, and the dataset names none: dataset\.class_names=\[NAME"):
        scores(tmp_path, dataset(tmp_path))
    result(tmp_path, car=7)
    with pytest.raises(ValueError, match=r"the results have class 7, and the dataset's class_names are none, person, bike, car \(0 to 3\)"):
        scores(tmp_path, dataset(tmp_path, class_names=NAMES))
    result(tmp_path, cars=0)
    with pytest.raises(ValueError, match=r"the ground truth has class 3, and the dataset's class_names are none, person"):
        scores(tmp_path, dataset(tmp_path, class_names=["none", "person"]))


@pytest.mark.parametrize(
    ("names", "expected"),
    [([None, "a", "none", "b"], ("none", "a", "none", "b")), ({1: "a", 3: "b"}, ("none", "a", "none", "b")), (None, ()), ([], ())],
)
def test_classes_are_named_by_number(names: Any, expected: tuple[str, ...]) -> None:
    assert MotChallenge("x", class_names=names).class_names == expected


@pytest.mark.parametrize("names", [["a", "a"], ["none"], "coco", {-1: "a"}, {"x": "a"}, 5])
def test_names_that_cannot_be_are_refused(names: Any) -> None:
    with pytest.raises(ValueError, match=r"class_names must .*: got"):
        MotChallenge("x", class_names=names)


def test_own_classes_have_no_distractors() -> None:
    with pytest.raises(ValueError, match="class_names needs protocol=mot15, as mot17 scores pedestrians only"):
        MotChallenge("x", class_names=NAMES, protocol="mot17")
    assert Kitti.class_names[1] == "car"


def test_every_named_class_becomes_a_category(tmp_path: Path) -> None:
    data = dataset(tmp_path, class_names=NAMES)
    write_coco(tmp_path / "x.json", convert(data))
    images = load_coco(tmp_path / "x.json")
    assert images.names == ["person", "bike", "car"]
    assert images.category.tolist() == [0, 2] * 5
    assert check(data, images=False)[0].errors == 0
    with pytest.raises(FormatError, match=r"gt\.txt: class 3 is not among dataset\.class_names, 0 to 1 \(none, person\)"):
        convert(dataset(tmp_path, class_names=["none", "person"]))


def test_a_class_column_that_is_not_read_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "s.txt"
    path.write_text("1,-1,0,0,9,9,0.9,0\n1,-1,0,0,9,9,0.9,2")
    assert read_detections(path, 1, 1).class_id is None
    assert "classes 0, 2 in its eighth column are ignored: set detector.class_names=" in caplog.text
    caplog.clear()
    path.write_text("1,-1,0,0,9,9,0.9,1\n1,-1,0,0,9,9,0.9,1")
    read_detections(path, 1, 1)
    assert not caplog.text
