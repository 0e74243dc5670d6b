"""The dataset check: every mistake planted here is found, and nothing is repaired."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bytetrack.data.check import check, check_document, check_ground_truth
from bytetrack.data.converters import CocoFile, CrowdHuman
from bytetrack.data.datasets import MotChallenge
from bytetrack.data.prepare import prepare_checked
from bytetrack.errors import FormatError

GOOD = [f"{frame},{identity},4,5,20,30,1,1,1" for identity in (1, 2) for frame in range(1, 5)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A sequence of four frames without a mistake."""
    folder = tmp_path / "S"
    (folder / "gt").mkdir(parents=True)
    (folder / "img1").mkdir()
    (folder / "gt" / "gt.txt").write_text("\n".join(GOOD))
    (folder / "seqinfo.ini").write_text("[Sequence]\nseqLength=4\nframeRate=10\nimWidth=64\nimHeight=48\n")
    for frame in range(1, 5):
        Image.radial_gradient("L").resize((64, 48)).save(folder / "img1" / f"{frame:06d}.jpg")
    return tmp_path


def kinds(root: Path, **options: Any) -> dict[str, int]:
    report, _ = check(MotChallenge(root), **options)
    found: dict[str, int] = {}
    for finding in report.findings:
        found[finding.kind] = found.get(finding.kind, 0) + 1
    return found


def test_a_good_dataset_has_no_findings(root: Path) -> None:
    assert kinds(root, decode=True) == {}


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("5,1,4,5,20,30,1,1,1", "annotation beyond the sequence"),
        ("0,1,4,5,20,30,1,1,1", "annotation beyond the sequence"),
        ("4,2,9,9,20,30,1,1,1", "id twice in a frame"),
        ("4,3,4,5,-20,30,1,1,1", "box without area"),
        ("4,3,4,5,20", "wrong number of columns"),
        ("4,3,4,5,20,x,1,1,1", "not a number"),
        ("4,3,4,5,20,inf,1,1,1", "number that is not finite"),
    ],
)
def test_a_wrong_ground_truth_line_is_found_with_its_number(root: Path, line: str, kind: str) -> None:
    (root / "S" / "gt" / "gt.txt").write_text("\n".join([*GOOD, line]))
    [finding] = check_ground_truth(MotChallenge(root).sequences()[0])
    assert (finding.level, finding.kind) == ("error", kind)
    assert finding.where.endswith(f"gt.txt:{len(GOOD) + 1}")
    assert kinds(root) == {kind: 1}


def test_boxes_without_area_and_outside_the_image_are_found(root: Path) -> None:
    (root / "S" / "gt" / "gt.txt").write_text("\n".join([*GOOD, "4,3,4,5,0,30,1,1,1", "4,4,64,5,9,9,1,1,1", "4,5,-9,-9,10,10,1,1,1"]))
    assert kinds(root) == {"box without area": 1, "box wholly outside the image": 1}


def test_every_broken_image_is_found(root: Path) -> None:
    images = root / "S" / "img1"
    (images / "000001.jpg").unlink()
    content = (images / "000002.jpg").read_bytes()
    (images / "000002.jpg").write_bytes(content[: len(content) // 2])
    (images / "000003.jpg").write_bytes(b"")
    Image.new("RGB", (32, 24)).save(images / "000004.jpg")
    assert kinds(root) == {"missing image": 1, "truncated image": 1, "unreadable image": 1, "image of another size": 1}


def test_damage_in_the_middle_is_found_by_decoding(root: Path) -> None:
    path = root / "S" / "img1" / "000002.png"
    (root / "S" / "seqinfo.ini").write_text("[Sequence]\nseqLength=4\nframeRate=10\nimWidth=64\nimHeight=48\nimExt=.png\n")
    for frame in range(1, 5):
        Image.effect_noise((64, 48), 90).save(path.with_name(f"{frame:06d}.png"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)
    assert kinds(root) == {}
    assert kinds(root, decode=True) == {"unreadable image": 1}


def test_more_images_than_the_sequence_says_is_a_warning(root: Path) -> None:
    shutil.copy(root / "S" / "img1" / "000001.jpg", root / "S" / "img1" / "000005.jpg")
    report, _ = check(MotChallenge(root))
    assert [(finding.level, finding.kind) for finding in report.findings] == [("warning", "images beyond the sequence")]
    assert report.errors == 0


def test_an_image_folder_that_is_not_there_is_one_finding(root: Path) -> None:
    shutil.rmtree(root / "S" / "img1")
    report, _ = check(MotChallenge(root))
    assert [(finding.kind, finding.detail) for finding in report.findings] == [("missing image folder", "4 images")]
    assert kinds(root, images=False) == {}


def test_frames_without_a_box_are_counted_by_sequence(root: Path) -> None:
    (root / "S" / "gt" / "gt.txt").write_text("1,1,4,5,20,30,1,1,1")
    report, _ = check(MotChallenge(root))
    assert [(f.level, f.kind, f.where, f.detail) for f in report.findings] == [("warning", "frames without a box", "S", "3 of 4")]


def test_ids_twice_and_annotations_of_nothing_are_found() -> None:
    document = {
        "images": [{"id": 1, "file_name": "a", "width": 9, "height": 9}, {"id": 1, "file_name": "a", "width": 9, "height": 9}],
        "categories": [{"id": 1, "name": "x"}],
        "annotations": [
            {"id": 5, "image_id": 1, "category_id": 1, "bbox": [1, 1, 2, 2], "track_id": 3},
            {"id": 5, "image_id": 1, "category_id": 1, "bbox": [1, 1, 2, 2], "track_id": 3},
            {"id": 6, "image_id": 2, "category_id": 1, "bbox": [1, 1, 2, 2]},
            {"id": 7, "image_id": 1, "category_id": 2, "bbox": [1, 1, 2, 2]},
            {"id": 8, "image_id": 1, "category_id": 1, "bbox": [1, 1, 2]},
            {"id": 9, "image_id": 1, "category_id": 1, "bbox": [1, 1, float("nan"), 2]},
        ],
    }
    assert sorted(finding.kind for finding in check_document(document)) == [
        "annotation id twice",
        "annotation of no category",
        "annotation of no image",
        "box that is not four numbers",
        "box that is not four numbers",
        "file twice",
        "image id twice",
        "track id twice in an image",
    ]


def test_images_that_a_converter_cannot_read_are_errors_unless_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.odgt").write_text('{"ID": "x"}\n{"ID": "y"}')
    (tmp_path / "x.jpg").write_bytes(b"?")
    report, _ = check(CrowdHuman(tmp_path))
    assert [(f.level, f.kind) for f in report.findings] == [("error", "unreadable image"), ("error", "missing image")]
    report, document = check(CrowdHuman(tmp_path), skip_missing=True)
    assert (report.errors, document["images"]) == (0, [])


def test_real_datasets_pass(data_dir: Path) -> None:
    for dataset in (MotChallenge(data_dir / "PETS09-S2L1"), CocoFile(data_dir / "coco")):
        report, _ = check(dataset, decode=True)
        assert (report.errors, report.images > 0, report.boxes > 0) == (0, True, True)


def test_a_video_that_is_too_short_or_of_another_size_is_found(data_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(data_dir / "PETS09-S2L1", tmp_path / "P", copy_function=shutil.copyfile)
    info = (tmp_path / "P" / "seqinfo.ini").read_text()
    (tmp_path / "P" / "seqinfo.ini").write_text(info.replace("795", "800").replace("576", "480"))
    report, _ = check(MotChallenge(tmp_path))
    assert {finding.kind for finding in report.findings if finding.level == "error"} == {"video of another size", "missing image"}


def test_the_report_lists_everything_and_repairs_nothing(root: Path, tmp_path: Path) -> None:
    truth = root / "S" / "gt" / "gt.txt"
    truth.write_text("\n".join([*GOOD, "9,1,4,5,20,30,1,1,1"]))
    before = truth.read_bytes()
    with pytest.raises(FormatError, match=r"1 errors in the dataset, all of them in .*s_check\.json; s\.json is not written"):
        prepare_checked(MotChallenge(root), tmp_path / "out" / "s.json")
    report = json.loads((tmp_path / "out" / "s_check.json").read_text())
    assert report["counts"] == {"error: annotation beyond the sequence": 1}
    assert report["findings"][0]["detail"] == "9,1,4,5,20,30,1,1,1"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["s_check.json"]
    assert truth.read_bytes() == before
    truth.write_text("\n".join(GOOD))
    prepare_checked(MotChallenge(root), tmp_path / "out" / "s.json")
    assert len(json.loads((tmp_path / "out" / "s.json").read_text())["annotations"]) == len(GOOD)
