"""COCO files as people's tools write them: read right, or refused in one line, never with boxes lost on the way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bytetrack.data.converters import CocoFile
from bytetrack.data.image_set import load_coco
from bytetrack.data.prepare import prepare
from bytetrack.errors import FormatError, MissingDataError

PERSON = [{"id": 1, "name": "person"}]


def box(**changes: Any) -> dict[str, Any]:
    return {"id": 1, "image_id": 0, "category_id": 1, "bbox": [1, 1, 3, 4], "iscrowd": 0, **changes}


@pytest.fixture
def made(tmp_path: Path) -> Any:
    """`made(annotations, categories, image)`: what training reads of a file prepared from these, in a folder with `a/0.jpg`."""
    (tmp_path / "d" / "a").mkdir(parents=True)
    Image.new("RGB", (16, 12)).save(tmp_path / "d" / "a" / "0.jpg")

    def make(
        annotations: list[dict[str, Any]],
        categories: Any = PERSON,
        image: dict[str, Any] | None = None,
        classes: dict[str, list[str]] | None = None,
        encoding: str = "utf-8",
    ) -> Any:
        images = [{"id": 0, "file_name": "a/0.jpg", "width": 16, "height": 12} | (image or {})]
        content = json.dumps({"images": images, "annotations": annotations, "categories": categories}, indent=1)
        (tmp_path / "d" / "x.json").write_text(content.replace("\n", "\r\n"), encoding=encoding)
        prepare(CocoFile(tmp_path / "d", classes=classes), tmp_path / "out" / "x.json")
        return load_coco(tmp_path / "out" / "x.json")

    return make


@pytest.mark.parametrize(
    ("annotation", "categories", "message"),
    [
        (
            box(category_id=0),
            PERSON,
            r"d/x\.json: annotations\[0\] has category_id 0, which is not among categories \(1 person\), as 1 of 1",
        ),
        (box(category_id=1), [], r"category_id 1, which is not among categories \(none\)"),
        ({k: v for k, v in box().items() if k != "category_id"}, PERSON, r"annotations\[0\] needs 'category_id', a whole number: got None"),
        ({k: v for k, v in box().items() if k != "bbox"}, PERSON, r"annotations\[0\] needs 'bbox', four finite numbers"),
        (box(bbox=[1, 1, float("nan"), 4]), PERSON, r"annotations\[0\] needs 'bbox', four finite numbers"),
        (box(image_id=7), PERSON, r"annotations\[0\] has image_id 7, which is not among images"),
        (box(image_id="0"), PERSON, r"annotations\[0\] needs 'image_id', a whole number: got '0'"),
        (box(), [{"id": 1}], r"categories need an id each, and a name: categories\[0\] has none"),
        (box(), [*PERSON, {"id": 1, "name": "car"}], "categories need an id each, and a name: an id repeats"),
        (box(), [*PERSON, {"id": 2, "name": "person"}], "two categories are called 'person'"),
    ],
)
def test_what_training_would_refuse_is_not_written(made: Any, tmp_path: Path, annotation: Any, categories: Any, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        made([annotation], categories)
    assert not (tmp_path / "out").exists()


def test_corners_in_place_of_sizes_are_refused_by_the_size_of_each_boxs_own_image(made: Any) -> None:
    corners = [box(id=k, bbox=[6 + k / 10, 4, 12 + k / 10, 10]) for k in range(30)]
    with pytest.raises(FormatError, match=r"got right and bottom edges, as \[6.0, 4, 12.0, 10\]: subtract left and top"):
        made(corners)


def test_an_image_of_another_size_than_stated_is_named_without_being_asked_to_check(
    made: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made([box()])
    assert "it should have" not in caplog.text
    made_again = json.loads((tmp_path / "d" / "x.json").read_text())
    made_again["images"][0] |= {"width": 12, "height": 16}  # as a viewer that follows EXIF shows it
    (tmp_path / "d" / "x.json").write_text(json.dumps(made_again))
    prepare(CocoFile(tmp_path / "d"), tmp_path / "x.json")
    assert "0.jpg: 16 x 12 pixels, but it should have 12 x 16, to which its boxes refer" in caplog.text


def test_a_category_without_boxes_and_without_a_name_is_refused(made: Any) -> None:
    with pytest.raises(FormatError, match=r"categories\[1\] has none"):
        made([box()], [*PERSON, {"id": 2}])


def test_a_path_from_the_root_on_and_a_whole_one_name_the_same_image(made: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made([box()])
    content = json.loads((tmp_path / "d" / "x.json").read_text())
    content["images"][0]["file_name"] = str(tmp_path / "d" / "a" / "0.jpg")
    (tmp_path / "d" / "x.json").write_text(json.dumps(content))
    monkeypatch.chdir(tmp_path)
    assert CocoFile("d").to_coco()["images"][0]["file_name"] == "a/0.jpg"


def test_an_unlisted_category_is_refused_also_where_classes_are_chosen(made: Any) -> None:
    with pytest.raises(FormatError, match=r"annotations\[1\] needs 'category_id'"):
        made([box(), box(id=2, category_id=9)], classes={"pedestrian": ["person"]})


def test_image_ids_that_repeat_are_refused(made: Any, tmp_path: Path) -> None:
    made([box()])
    content = json.loads((tmp_path / "d" / "x.json").read_text())
    (tmp_path / "d" / "x.json").write_text(json.dumps(content | {"images": content["images"] * 2}))
    with pytest.raises(FormatError, match="image ids must be unique: 0 repeats"):
        prepare(CocoFile(tmp_path / "d"), tmp_path / "x.json")


def test_a_category_that_only_groups_others_is_left_out_and_another_without_boxes_is_named(
    made: Any, caplog: pytest.LogCaptureFixture
) -> None:
    roboflow = [{"id": 0, "name": "people", "supercategory": "none"}, {"id": 1, "name": "person", "supercategory": "people"}]
    assert made([box()], roboflow).names == ["person"]
    assert "dropped, because it has no boxes and only groups other categories: people (1)" in caplog.text
    assert made([box()], [*PERSON, {"id": 2, "name": "car"}]).names == ["person", "car"]
    assert "no box of car (1); dataset.classes=" in caplog.text
    assert made([], roboflow).names == ["people", "person"]


def test_categories_of_one_name_are_one_class_if_chosen_so(made: Any) -> None:
    twice = [*PERSON, {"id": 5, "name": "person"}]
    assert made([box(), box(id=2, category_id=5)], twice, classes={"person": ["person"]}).category.tolist() == [0, 0]


@pytest.mark.parametrize(("flag", "crowd"), [(False, False), (True, True), (0, False), (None, False)])
def test_crowd_may_be_said_as_true_and_false(made: Any, flag: Any, crowd: bool) -> None:
    assert made([box(iscrowd=flag)]).crowd.tolist() == [crowd]


def test_ids_may_be_floats_with_gaps_and_the_file_may_come_from_windows(made: Any) -> None:
    images = made([box(category_id=90.0, image_id=0.0)], [{"id": 90, "name": "b"}, {"id": 3, "name": "a"}], encoding="utf-8-sig")
    assert (images.names, images.category.tolist()) == (["a", "b"], [1])


def test_boxes_without_area_are_counted_when_the_file_is_made(made: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert len(made([box(), box(id=2, bbox=[1, 1, 0, 4]), box(id=3, bbox=[1, 1, -2, 4])]).xyxy) == 1
    assert "2 of 3 boxes have no area and are dropped" in caplog.text


@pytest.mark.parametrize("name", ["a\\0.jpg", "a/0.JPG", "a\\0.png", "./a/0.jpg"])
def test_images_are_found_as_they_are_named_on_disk(made: Any, tmp_path: Path, name: str) -> None:
    images = made([box()], image={"file_name": name})
    assert images.source(0) == (tmp_path / "d" / "a" / "0.jpg", None)


def test_an_own_file_with_backslashes_is_read_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    Image.new("RGB", (16, 12)).save(tmp_path / "a" / "0.jpg")
    content = {"images": [{"id": 0, "file_name": "a\\0.jpg", "width": 16, "height": 12}], "annotations": [], "categories": PERSON}
    (tmp_path / "x.json").write_text(json.dumps(content))
    assert load_coco(tmp_path / "x.json").source(0)[0] == tmp_path / "a" / "0.jpg"
    (tmp_path / "a\\0.jpg").touch()
    assert load_coco(tmp_path / "x.json").source(0)[0] == tmp_path / "a\\0.jpg"


def test_a_missing_image_is_found_out_without_the_check(made: Any, tmp_path: Path) -> None:
    made([box()])
    content = json.loads((tmp_path / "d" / "x.json").read_text())
    more = [{"id": 1, "file_name": "a/1.jpg", "width": 16, "height": 12}]
    (tmp_path / "d" / "x.json").write_text(json.dumps(content | {"images": content["images"] + more}))
    with pytest.raises(MissingDataError, match=r"no image .*a/1\.jpg; skip_missing=true"):
        CocoFile(tmp_path / "d").to_coco()
    assert [image["id"] for image in CocoFile(tmp_path / "d").to_coco(skip_missing=True)["images"]] == [0]


def test_a_frame_of_a_video_is_an_image(made: Any, tmp_path: Path) -> None:
    (tmp_path / "d" / "a" / "v.avi").touch()
    assert made([box()], image={"file_name": "a\\v.avi#000012"}).source(0) == (tmp_path / "d" / "a" / "v.avi", 12)
    np.testing.assert_array_equal(made([box()], image={"file_name": "a/v.avi#000012"}).xyxy, [[1, 1, 4, 5]])


@pytest.mark.parametrize("classes", [["person"], {"person": "person"}, {"person": ["person"]}])
def test_classes_are_chosen_by_a_list_or_renamed(made: Any, classes: Any) -> None:
    found = made([box(), box(id=2, category_id=2)], [*PERSON, {"id": 2, "name": "car"}], classes=classes)
    assert (found.names, len(found.xyxy)) == (["person"], 1)


@pytest.mark.parametrize("classes", ["person", 3, []])
def test_classes_that_name_none_are_a_value_error(made: Any, classes: Any) -> None:
    with pytest.raises(ValueError, match=r"classes must be \[NAME, \.\.\.\], or"):
        made([box()], classes=classes)


def test_few_boxes_that_look_like_corners_are_warned_of(made: Any, caplog: pytest.LogCaptureFixture) -> None:
    found = made([box(bbox=[9, 6, 14, 11])])
    assert found.xyxy.tolist() == [[9, 6, 23, 17]]
    assert "look like left, top, right, bottom" in caplog.text
