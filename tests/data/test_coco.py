"""COCO files as arrays: what training reads."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bytetrack.data.image_set import load_coco, mix
from bytetrack.errors import FormatError, MissingDataError
from bytetrack.io.coco import split_frame, write_coco


def document(**changes: Any) -> dict[str, Any]:
    """Two frames of one video and a still image; the annotations stand in no order."""
    return {
        "images": [
            {"id": 7, "file_name": "a/000001.jpg", "width": 64, "height": 48, "video_id": 3, "frame_id": 1},
            {"id": 5, "file_name": "a/000002.jpg", "width": 64, "height": 48, "video_id": 3, "frame_id": 2},
            {"id": 9, "file_name": "still.jpg", "width": 20, "height": 30},
        ],
        "annotations": [
            {"id": 1, "image_id": 5, "category_id": 2, "bbox": [-4, 10, 20, 30], "track_id": 1, "iscrowd": 0},
            {"id": 2, "image_id": 7, "category_id": 2, "bbox": [0, 0.5, 2, 3], "track_id": 1, "iscrowd": 0},
            {"id": 3, "image_id": 9, "category_id": 4, "bbox": [1, 2, 3, 4], "iscrowd": 1},
            {"id": 4, "image_id": 5, "category_id": 4, "bbox": [1, 1, 5, 5], "track_id": 2},
        ],
        "categories": [{"id": 4, "name": "car"}, {"id": 2, "name": "person"}],
        "videos": [{"id": 3, "file_name": "a"}],
        **changes,
    }


def written(folder: Path, **changes: Any) -> Path:
    write_coco(folder / "set.json", document(**changes))
    return folder / "set.json"


def test_boxes_come_back_image_after_image_and_may_leave_the_image(tmp_path: Path) -> None:
    images = load_coco(written(tmp_path))
    assert images.files == ["a/000001.jpg", "a/000002.jpg", "still.jpg"]
    assert images.offsets.tolist() == [0, 1, 3, 4]
    assert images.xyxy[images.rows(1)].tolist() == [[-4, 10, 16, 40], [1, 1, 6, 6]]
    assert images.names == ["person", "car"]
    assert images.category.tolist() == [0, 0, 1, 1]
    assert images.track_id.tolist() == [1, 1, 2, -1]
    assert images.crowd.tolist() == [False, False, False, True]
    assert (images.sequences, images.sequence.tolist(), images.frame_id.tolist()) == (["a"], [0, 0, -1], [1, 2, 0])
    assert images.image_id.tolist() == [7, 5, 9]


def test_the_root_is_the_given_one_else_the_files_own_else_its_folder(tmp_path: Path) -> None:
    assert load_coco(written(tmp_path, info={"root": "/elsewhere"}), root="/given").root == Path("/given")
    assert load_coco(written(tmp_path, info={"root": "/elsewhere"})).source(2) == (Path("/elsewhere/still.jpg"), None)
    assert load_coco(written(tmp_path)).root == tmp_path


def test_classes_are_chosen_and_joined_by_name(tmp_path: Path) -> None:
    path = written(tmp_path)
    assert load_coco(path, classes=["car"]).xyxy.tolist() == [[1, 1, 6, 6], [1, 2, 4, 6]]
    joined = load_coco(path, classes={"thing": ["person", "car"]})
    assert (joined.names, joined.category.tolist()) == (["thing"], [0, 0, 0, 0])
    with pytest.raises(FormatError, match="no category dog for class 'dog'; found car, person"):
        load_coco(path, classes=["dog"])


def test_mixing_renumbers_ids_so_that_none_collide(tmp_path: Path) -> None:
    first = load_coco(written(tmp_path), root="/one")
    both = mix([first, load_coco(written(tmp_path), root="/two")])
    assert both.image_id.tolist() == [1, 2, 3, 4, 5, 6]
    assert [str(both.source(i)[0]) for i in (2, 5)] == ["/one/still.jpg", "/two/still.jpg"]
    assert both.offsets.tolist() == [0, 1, 3, 4, 5, 7, 8]
    assert both.track_id.tolist() == [1, 1, 2, -1, 3, 3, 4, -1]
    assert both.sequence.tolist() == [0, 0, -1, 1, 1, -1]
    np.testing.assert_array_equal(both.xyxy[both.rows(4)], first.xyxy[first.rows(1)])


def test_mixing_different_classes_says_how_to_rename_them(tmp_path: Path) -> None:
    path = written(tmp_path)
    with pytest.raises(ValueError, match=r"same classes: got \['person'\] and \['car'\]"):
        mix([load_coco(path, classes=["person"]), load_coco(path, classes=["car"])])
    with pytest.raises(ValueError, match="at least one dataset"):
        mix([])


def test_taking_images_takes_their_boxes_along(tmp_path: Path) -> None:
    images = load_coco(written(tmp_path))
    chosen = images.take([2, 1])
    assert chosen.files == ["still.jpg", "a/000002.jpg"]
    assert chosen.xyxy[chosen.rows(1)].tolist() == images.xyxy[images.rows(1)].tolist()
    assert len(images.take([])) == 0


def test_more_crowds_come_after_the_boxes_of_their_image(tmp_path: Path) -> None:
    images = load_coco(written(tmp_path))
    more = images.with_crowd([np.empty((0, 4)), np.array([[1.0, 2, 3, 4], [5, 6, 7, 8]]), np.array([[0.0, 0, 1, 1]])])
    assert more.offsets.tolist() == [0, 1, 5, 7]
    assert more.xyxy[more.rows(1)].tolist() == [[-4, 10, 16, 40], [1, 1, 6, 6], [1, 2, 3, 4], [5, 6, 7, 8]]
    assert more.crowd.tolist() == [False, False, False, True, True, True, True]
    assert more.track_id.tolist() == [1, 1, 2, -1, -1, -1, -1]
    assert len(more.category) == 7


def test_a_frame_of_a_video_is_named_after_a_hash() -> None:
    assert split_frame("x/v.avi#000012") == ("x/v.avi", 12)
    assert split_frame("odd#name.jpg") == ("odd#name.jpg", None)
    assert split_frame("v.avi#²") == ("v.avi#²", None)


def test_boxes_without_area_are_left_out_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    annotations = [{"image_id": 7, "category_id": 2, "bbox": [1, 1, width, 3]} for width in (0, -2, 4)]
    assert load_coco(written(tmp_path, annotations=annotations)).xyxy.tolist() == [[1, 1, 5, 4]]
    assert "2 of 3 boxes have no area" in caplog.text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": [{"id": 1}]}, r"images\[0\] needs 'file_name'"),
        (
            {"images": [{"id": 1, "file_name": "a", "width": 0, "height": 3}], "annotations": []},
            r"images\[0\] needs 'width'.* at least 1: got 0",
        ),
        ({"images": [{"id": "x", "file_name": "a", "width": 2, "height": 3}]}, r"images\[0\] needs 'id'.*'x'"),
        ({"images": [{"id": 1, "file_name": "a", "width": 2, "height": 3}] * 2}, "image ids must be unique: 1 repeats"),
        ({"annotations": [{"image_id": 1, "category_id": 2, "bbox": [1, 2, 3, 4]}]}, r"annotations\[0\] has image_id 1"),
        ({"annotations": [{"image_id": 7, "category_id": 1, "bbox": [1, 2, 3, 4]}]}, r"annotations\[0\] has category_id 1"),
        ({"annotations": [{"image_id": 7, "category_id": 2, "bbox": [1, 2, 3]}]}, r"annotations\[0\] needs 'bbox'.*\[1, 2, 3\]"),
        ({"annotations": [{"image_id": 7, "category_id": 2}]}, r"annotations\[0\] needs 'bbox'.*None"),
        ({"images": 4}, "list of records 'images'"),
        ({"images": [], "annotations": [{"image_id": 7, "category_id": 2, "bbox": [1, 2, 3, 4]}]}, r"annotations\[0\] has image_id 7"),
        ({"categories": 3}, "list of records 'categories'"),
    ],
)
def test_a_wrong_record_is_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(FormatError, match=message):
        load_coco(written(tmp_path, **changes))


def test_not_json_and_not_there_are_different_errors(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(FormatError, match="COCO json document"):
        load_coco(tmp_path / "bad.json")
    (tmp_path / "bad.json.gz").write_bytes(b"no gzip")
    with pytest.raises(FormatError, match="COCO json document"):
        load_coco(tmp_path / "bad.json.gz")
    with pytest.raises(MissingDataError, match=r"tools/prepare\.py"):
        load_coco(tmp_path / "none.json")


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = written(tmp_path)
    with pytest.raises(ValueError, match="not finite"):
        write_coco(path, {"images": float("nan")})
    assert json.loads(path.read_text()) == document()
    assert [file.name for file in tmp_path.iterdir()] == ["set.json"]


def test_the_published_val_half_reads_whole(data_dir: Path) -> None:
    path = data_dir / "expected" / "mot17_val_half_coco.json.gz"
    with gzip.open(path) as stream:
        published = json.load(stream)
    images = load_coco(path)
    assert (len(images), len(images.xyxy), len(images.sequences)) == (2652, 53890, 7)
    first = [a["bbox"] for a in published["annotations"] if a["image_id"] == published["images"][0]["id"]]
    tlwh = images.xyxy[images.rows(0)] - np.tile(images.xyxy[images.rows(0)][:, :2], (1, 2)) * [0, 0, 1, 1]
    np.testing.assert_array_equal(tlwh, first)


def test_load_coco_is_found_in_its_former_place() -> None:
    from bytetrack.data.coco import load_coco as former

    assert former is load_coco
