"""Raw datasets to COCO documents; what was published comes out to the last id, and nothing is written into a dataset."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bytetrack.data.converters import Bdd100k, CocoFile, CrowdHuman, LabelsWithIds, convert
from bytetrack.data.datasets import MotChallenge
from bytetrack.data.image_set import load_coco
from bytetrack.errors import FormatError, MissingDataError
from bytetrack.io.coco import write_coco


def image(path: Path, width: int = 8, height: int = 6) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, height)).save(path)
    return path


def text(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def mot17(root: Path, half: Any = None) -> dict[str, Any]:
    return convert(MotChallenge(root, "train", half, "*-FRCNN", "mot17"))


def sequence(folder: Path, length: int, truth: str | None = None, **info: Any) -> Path:
    fields = {"seqLength": length, "frameRate": 10, "imWidth": 64, "imHeight": 48} | info
    text(folder / "seqinfo.ini", "[Sequence]\n" + "".join(f"{key}={value}\n" for key, value in fields.items()))
    text(folder / "det" / "det.txt", "")
    if truth is not None:
        text(folder / "gt" / "gt.txt", truth)
    return folder


class TestMot:
    def test_val_half_equals_the_published_document_in_full(self, mot17_dir: Path, data_dir: Path) -> None:
        with gzip.open(data_dir / "expected" / "mot17_val_half_coco.json.gz") as stream:
            published = json.load(stream)
        ours = mot17(mot17_dir, "val")
        for part in ("videos", "categories", "images", "annotations"):
            assert ours[part] == published[part], part
        assert ours["info"]["root"] == str((mot17_dir / "train").resolve())

    def test_the_halves_are_the_whole_cut_in_two(self, mot17_dir: Path) -> None:
        whole, train, val = (mot17(mot17_dir, half) for half in (None, "train", "val"))
        frames = {
            half: [sum(i["video_id"] == v["id"] for i in document["images"]) for v in document["videos"]]
            for half, document in (("train", train), ("val", val))
        }
        assert frames == {"train": [301, 526, 419, 263, 328, 451, 376], "val": [299, 524, 418, 262, 326, 449, 374]}
        by_id = {record["id"]: record for record in train["images"] + val["images"]}
        assert sorted(by_id) == [record["id"] for record in whole["images"]] == list(range(1, 5317))
        assert all(by_id[record["id"]]["file_name"] == record["file_name"] for record in whole["images"])

        def boxes(document: dict[str, Any]) -> list[tuple[Any, ...]]:
            return [(box["image_id"], *box["bbox"]) for box in document["annotations"]]

        assert sorted(boxes(whole)) == sorted(boxes(train) + boxes(val))
        assert len(whole["annotations"]) == 112_297
        assert len({box["track_id"] for box in whole["annotations"]}) == 546

    def test_rows_that_do_not_count_and_other_classes_are_left_out(self, tmp_path: Path) -> None:
        rows = ["1,1,-5,2,30,40,1,1,0.1", "1,2,3,4,5,6,0,1,1", "1,3,3,4,5,6,1,7,1", "2,4,3,4,5,6,1,1,1"]
        sequence(tmp_path / "S", 3, "\n".join(rows))
        pedestrians = convert(MotChallenge(tmp_path, protocol="mot17"))
        assert [(box["id"], box["image_id"], box["track_id"]) for box in pedestrians["annotations"]] == [(1, 1, 1), (4, 2, 2)]
        assert pedestrians["annotations"][0]["bbox"] == [-5, 2, 30, 40]
        assert [box["id"] for box in convert(MotChallenge(tmp_path, protocol="mot15"))["annotations"]] == [1, 3, 4]

    def test_a_test_set_has_images_only(self, tmp_path: Path) -> None:
        sequence(tmp_path / "S", 2)
        document = convert(MotChallenge(tmp_path))
        assert (len(document["images"]), document["annotations"]) == (2, [])
        assert document["images"][0]["file_name"] == "S/img1/000001.jpg"

    def test_images_are_named_as_they_are_in_the_folder(self, tmp_path: Path) -> None:
        folder = sequence(tmp_path / "dance", 2, "1,1,1,1,2,2,1,1,1\n2,1,1,1,2,2,1,1,1", imExt=".jpg") / "img1"
        image(folder / "00000001.png")
        dataset = MotChallenge(tmp_path)
        with pytest.raises(MissingDataError, match=r"img1: no image of frame 2, of dance's 2; skip_missing=true"):
            convert(dataset)
        rest = convert(dataset, skip_missing=True)
        assert [i["file_name"] for i in rest["images"]] == ["dance/img1/00000001.png"]
        assert [box["image_id"] for box in rest["annotations"]] == [1]
        assert rest["info"]["left_out"] == [{"kind": "missing image", "where": f"{folder}: no image of frame 2, of dance's 2"}]
        image(folder / "00000002.PNG")
        assert [i["file_name"] for i in convert(dataset)["images"]] == ["dance/img1/00000001.png", "dance/img1/00000002.PNG"]

    def test_names_are_said_to_be_guessed_if_there_are_no_images(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        (sequence(tmp_path / "S", 2) / "img1").mkdir()
        assert convert(MotChallenge(tmp_path))["images"][1]["file_name"] == "S/img1/000002.jpg"
        assert "1 of 1 sequences have no images (S): they are named <sequence>/img1/000001.jpg and so on" in caplog.text

    def test_without_seqinfo_the_image_headers_say_the_size(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        for number in (1, 2, 4):
            image(tmp_path / "S" / "img1" / f"{number:06d}.png", 20, 10)
        text(tmp_path / "S" / "gt" / "gt.txt", "4,1,1,1,2,2,1,1,1")
        document = convert(MotChallenge(tmp_path), skip_missing=True)
        assert [(i["file_name"], i["width"], i["height"]) for i in document["images"]][2] == ("S/img1/000004.png", 20, 10)
        assert document["annotations"][0]["image_id"] == document["images"][2]["id"] == 4
        assert "no seqinfo.ini; taken as 4 frames of 20x10 pixels at 30 a second" in caplog.text
        assert convert(MotChallenge(tmp_path / "S"), skip_missing=True)["images"] == document["images"]

    def test_without_seqinfo_a_video_says_its_size_rate_and_length(self, data_dir: Path, tmp_path: Path) -> None:
        (tmp_path / "S" / "gt").mkdir(parents=True)
        shutil.copyfile(data_dir / "PETS09-S2L1" / "vtest.avi", tmp_path / "S" / "v.avi")
        [sequence] = MotChallenge(tmp_path).sequences()
        assert (sequence.length, sequence.width, sequence.height, sequence.frame_rate) == (795, 768, 576, 10)
        (tmp_path / "S" / "v.avi").write_bytes(b"?")
        with pytest.raises(FormatError, match=r"v\.avi: cannot be opened as a video"):
            MotChallenge(tmp_path).sequences()

    def test_a_video_is_a_legal_image_source(self, data_dir: Path, tmp_path: Path) -> None:
        document = convert(MotChallenge(data_dir / "PETS09-S2L1"))
        write_coco(tmp_path / "pets.json", document)
        images = load_coco(tmp_path / "pets.json")
        assert len(images) == 795
        assert images.source(122) == (data_dir.resolve() / "PETS09-S2L1" / "vtest.avi", 123)
        truth = np.loadtxt(data_dir / "PETS09-S2L1" / "gt" / "gt.txt", delimiter=",")
        assert len(images.xyxy) == (truth[:, 6] != 0).sum() == 4476
        first = truth[(truth[:, 0] == 123) & (truth[:, 6] != 0)]
        np.testing.assert_allclose(np.sort(images.xyxy[images.rows(122)][:, 0]), np.sort(first[:, 2]))


class TestCrowdHuman:
    @pytest.fixture
    def real(self, data_dir: Path, tmp_path: Path) -> Path:
        """The four real records with images of made-up sizes."""
        source = data_dir / "crowdhuman" / "four_real_records.odgt"
        shutil.copy(source, tmp_path / "annotation_val.odgt")
        for line in source.read_text().splitlines():
            image(tmp_path / "CrowdHuman_val" / "Images" / f"{json.loads(line)['ID']}.jpg", 1600, 900)
        return tmp_path

    def test_real_records_convert(self, real: Path, data_dir: Path) -> None:
        records = [json.loads(line) for line in (data_dir / "crowdhuman" / "four_real_records.odgt").read_text().splitlines()]
        document = CrowdHuman(real).to_coco()
        assert [i["file_name"] for i in document["images"]] == [f"CrowdHuman_val/Images/{record['ID']}.jpg" for record in records]
        assert {(i["width"], i["height"]) for i in document["images"]} == {(1600, 900)}
        boxes = [box for record in records for box in record["gtboxes"]]
        assert [box["bbox"] for box in document["annotations"]] == [box["fbox"] for box in boxes]
        assert [box["iscrowd"] for box in document["annotations"]] == [int(box["tag"] == "mask") for box in boxes]
        assert sum(box["iscrowd"] for box in document["annotations"]) >= 1

    def test_boxes_beyond_the_image_stay_amodal(self, real: Path) -> None:
        assert [-120, 158, 552, 1596] in [box["bbox"] for box in CrowdHuman(real).to_coco()["annotations"]]

    def test_a_person_marked_ignore_is_crowd_and_missing_keys_mean_nothing(self, tmp_path: Path) -> None:
        image(tmp_path / "x.jpg")
        boxes = [
            {"tag": "person", "fbox": [1, 2, 3, 4], "extra": {"ignore": 1}},
            {"fbox": [1, 2, 3, 4]},
            {"fbox": [1, 2, 3, 4], "extra": {}},
        ]
        text(tmp_path / "a.odgt", json.dumps({"ID": "x", "gtboxes": boxes}) + "\n\n" + json.dumps({"ID": "x"}))
        document = CrowdHuman(tmp_path).to_coco()
        assert [box["iscrowd"] for box in document["annotations"]] == [1, 0, 0]
        assert len(document["images"]) == 2

    def test_a_missing_image_stops_or_is_left_out_as_wished(self, real: Path) -> None:
        next((real / "CrowdHuman_val").rglob("*.jpg")).unlink()
        broken = next((real / "CrowdHuman_val").rglob("*.jpg"))
        with pytest.raises(MissingDataError, match=r"annotation_val\.odgt:\d: no image .*, 3 are there; skip_missing=true"):
            CrowdHuman(real).to_coco()
        broken.write_bytes(b"not an image")
        document = CrowdHuman(real).to_coco(skip_missing=True)
        assert len(document["images"]) == 2
        assert {left["kind"] for left in document["info"]["left_out"]} == {"missing image", "unreadable image"}

    def test_wrong_lines_are_named(self, tmp_path: Path) -> None:
        image(tmp_path / "x.jpg")
        for line in ("{", "[]", '{"gtboxes": []}', '{"ID": "x", "gtboxes": [{"vbox": [1, 2, 3, 4]}]}', '{"ID": "x", "gtboxes": [1]}'):
            text(tmp_path / "a.odgt", '{"ID": "x"}\n' + line)
            with pytest.raises(FormatError, match=r"a\.odgt:2: expected"):
                CrowdHuman(tmp_path).to_coco()
        with pytest.raises(MissingDataError, match=r"no annotations 'b\.odgt' in .* it holds a\.odgt"):
            CrowdHuman(tmp_path, "b.odgt").to_coco()


class TestLabelsWithIds:
    def test_fractions_become_amodal_pixels(self, tmp_path: Path) -> None:
        image(tmp_path / "images" / "train" / "bonn" / "a.png", 200, 100)
        text(tmp_path / "labels_with_ids" / "train" / "bonn" / "a.txt", "0 -1 0.5 0.5 0.25 0.5\n0 7 0.0 0.5 0.25 0.5\n")
        text(tmp_path / "labels_with_ids" / "val" / "bonn" / "b.txt", "0 1 0.5 0.5 0.25 0.5\n")
        document = LabelsWithIds(tmp_path, "labels_with_ids/train/").to_coco()
        assert [i["file_name"] for i in document["images"]] == ["images/train/bonn/a.png"]
        assert [box["bbox"] for box in document["annotations"]] == [[75, 25, 50, 50], [-25, 25, 50, 50]]
        assert [box.get("track_id") for box in document["annotations"]] == [None, 1]
        assert document["videos"] == []

    def test_image_folders_can_be_sequences(self, tmp_path: Path) -> None:
        for folder in ("eth01", "eth02"):
            for name in ("000000", "000001"):
                image(tmp_path / folder / "images" / f"{name}.png")
                text(tmp_path / folder / "labels_with_ids" / f"{name}.txt", "0 3 0.5 0.5 0.1 0.1")
        document = LabelsWithIds(tmp_path, sequences=True).to_coco()
        assert [video["file_name"] for video in document["videos"]] == ["eth01", "eth02"]
        assert [(i["video_id"], i["frame_id"]) for i in document["images"]] == [(1, 1), (1, 2), (2, 1), (2, 2)]
        assert [box["track_id"] for box in document["annotations"]] == [1, 1, 2, 2]

    def test_wrong_lines_and_missing_images_are_named(self, tmp_path: Path) -> None:
        label = text(tmp_path / "labels_with_ids" / "a.txt", "0 1 0.5 0.5 0.1\n")
        with pytest.raises(MissingDataError, match=r"a\.txt: no image of that name in images/"):
            LabelsWithIds(tmp_path).to_coco()
        image(tmp_path / "images" / "a.jpg")
        for line in (
            "0 1 0.5 0.5 0.1",
            "0 0.5 0.5 0.2 0.2 7",
            "0.5 1 0.5 0.5 0.1 0.1",
            "0 x 0.5 0.5 0.1 0.1",
            "0 1 0.5 nan 0.1 0.1",
            "0 1 0.5 0.5 0.1 0.1 9",
        ):
            label.write_text("0 1 0.5 0.5 0.1 0.1\n" + line)
            with pytest.raises(FormatError, match=r"a\.txt:2: expected 6 columns"):
                LabelsWithIds(tmp_path).to_coco()
        label.write_text("0 1 20 10 8 6")
        with pytest.raises(FormatError, match=r"a\.txt:1: expected cx cy w h as fractions of the image, got pixels"):
            LabelsWithIds(tmp_path).to_coco()

    def test_one_identity_of_two_classes_is_two_and_classes_that_become_one_are_said(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        image(tmp_path / "images" / "a.png")
        text(tmp_path / "labels_with_ids" / "a.txt", "0 1 0.5 0.5 0.1 0.1\n3 1 0.2 0.2 0.1 0.1\n")
        document = LabelsWithIds(tmp_path).to_coco()
        assert [box["track_id"] for box in document["annotations"]] == [1, 2]
        assert "boxes of classes 0, 3 are all taken as pedestrians" in caplog.text


class TestBdd100k:
    @staticmethod
    def frame(index: int, *labels: dict[str, Any]) -> dict[str, Any]:
        return {"name": f"v-{index + 1:07d}.jpg", "videoName": "v", "frameIndex": index, "labels": list(labels)}

    @staticmethod
    def label(identity: str, category: str = "car", **attributes: bool) -> dict[str, Any]:
        return {"id": identity, "category": category, "attributes": attributes, "box2d": {"x1": 1, "y1": 2, "x2": 4.5, "y2": 6}}

    def test_frames_tracks_and_classes(self, tmp_path: Path) -> None:
        image(tmp_path / "images" / "track" / "train" / "v" / "v-0000001.jpg", 128, 72)
        image(tmp_path / "images" / "track" / "train" / "v" / "v-0000002.jpg", 128, 72)
        frames = [
            self.frame(1, self.label("a"), {"id": "lane", "category": "lane"}),
            self.frame(0, self.label("a", crowd=True), self.label("b", "other person"), self.label("c", "bicycle")),
        ]
        text(tmp_path / "labels" / "box_track_20" / "train" / "v.json", json.dumps(frames))
        document = Bdd100k(tmp_path).to_coco()
        assert [(i["file_name"], i["frame_id"], i["width"]) for i in document["images"]] == [
            ("images/track/train/v/v-0000001.jpg", 1, 128),
            ("images/track/train/v/v-0000002.jpg", 2, 128),
        ]
        names = {category["id"]: category["name"] for category in document["categories"]}
        assert [(names[b["category_id"]], b["track_id"], b["iscrowd"]) for b in document["annotations"]] == [
            ("car", 1, 1),
            ("pedestrian", 2, 1),
            ("bicycle", 3, 0),
            ("car", 1, 0),
        ]
        assert document["annotations"][0]["bbox"] == [1, 2, 3.5, 4]

    def test_ids_that_count_within_each_class_are_tracks_of_their_own(self, tmp_path: Path) -> None:
        frames = [self.frame(k, self.label("1"), self.label("1", "pedestrian"), self.label("1", "other vehicle")) for k in range(2)]
        changing = [self.frame(0, self.label("1")), self.frame(1, self.label("1", "truck"))]
        for name, content in (("a", frames), ("b", changing)):
            text(tmp_path / name / "l" / "v.json", json.dumps([frame | {"size": {"width": 9, "height": 9}} for frame in content]))
        [own, same] = [Bdd100k(tmp_path / name, labels="l").to_coco()["annotations"] for name in "ab"]
        assert [box["track_id"] for box in own] == [1, 2, 3, 1, 2, 3]
        assert [box["track_id"] for box in same] == [1, 1]  # one object, which two frames call differently

    def test_sizes_in_the_labels_need_no_image(self, tmp_path: Path) -> None:
        frames = [self.frame(0) | {"size": {"width": 1280, "height": 720}}]
        text(tmp_path / "labels" / "box_track_20" / "train" / "v.json", json.dumps({"frames": frames}))
        assert Bdd100k(tmp_path).to_coco()["images"][0]["height"] == 720

    def test_unknown_classes_and_wrong_files_are_named(self, tmp_path: Path) -> None:
        image(tmp_path / "images" / "track" / "train" / "v" / "v-0000001.jpg")
        path = text(tmp_path / "labels" / "box_track_20" / "train" / "v.json", json.dumps([self.frame(0, self.label("a", "ufo"))]))
        with pytest.raises(FormatError, match=r"v-0000001\.jpg: no class 'ufo' in BDD100K MOT"):
            Bdd100k(tmp_path).to_coco()
        for content in ("{", '{"a": 1}', "[3]"):
            path.write_text(content)
            with pytest.raises(FormatError, match=r"v\.json: expected"):
                Bdd100k(tmp_path).to_coco()


class TestCocoFile:
    def test_real_images_are_found_and_classes_renamed(self, data_dir: Path) -> None:
        source = json.loads((data_dir / "coco" / "test_coco.json").read_text())
        document = CocoFile(data_dir / "coco", classes={"pedestrian": ["person"]}).to_coco()
        assert document["categories"] == [{"id": 1, "name": "pedestrian"}]
        assert [box["bbox"] for box in document["annotations"]] == [box["bbox"] for box in source["annotations"]]
        assert [i["file_name"] for i in document["images"]] == [i["file_name"] for i in source["images"]]

    def test_sizes_that_lack_come_from_the_headers(self, data_dir: Path, tmp_path: Path) -> None:
        shutil.copytree(data_dir / "coco", tmp_path / "images")
        source = json.loads((tmp_path / "images" / "test_coco.json").read_text())
        sizes = [(i.pop("width"), i.pop("height")) for i in source["images"]]
        text(tmp_path / "annotations" / "instances_mine.json", json.dumps(source))
        document = CocoFile(tmp_path).to_coco()
        assert [(i["width"], i["height"]) for i in document["images"]] == sizes
        assert document["images"][0]["file_name"] == "images/000000000785.jpg"
        (tmp_path / "images" / "000000000785.jpg").unlink()
        rest = CocoFile(tmp_path, images="images").to_coco(skip_missing=True)
        assert len(rest["images"]) == 3
        assert {box["image_id"] for box in rest["annotations"]} <= {i["id"] for i in rest["images"]}

    def test_what_cannot_be_guessed_is_asked_for(self, tmp_path: Path) -> None:
        with pytest.raises(MissingDataError, match=r"expected one json file in .*, found none: choose with dataset\.annotations="):
            CocoFile(tmp_path).to_coco()
        records = {"images": [{"id": 1, "file_name": "x.jpg", "width": 1, "height": 1}], "categories": [{"id": 3, "name": "cat"}]}
        text(tmp_path / "a.json", json.dumps(records))
        with pytest.raises(MissingDataError, match=r"no image 'x\.jpg' in .* give dataset\.images="):
            CocoFile(tmp_path).to_coco()
        with pytest.raises(FormatError, match="no category for class 'dog'; found cat"):
            CocoFile(tmp_path, images=".", classes={"dog": ["dog"]}).to_coco()


def test_nothing_is_written_into_a_dataset(tmp_path: Path) -> None:
    sequence(tmp_path / "mot" / "S", 4, "1,1,1,1,2,2,1,1,1\n3,1,1,1,2,2,1,1,1")
    image(tmp_path / "ch" / "x.jpg")
    text(tmp_path / "ch" / "a.odgt", '{"ID": "x"}')
    image(tmp_path / "jde" / "images" / "x.jpg")
    text(tmp_path / "jde" / "labels_with_ids" / "x.txt", "")

    def state() -> list[tuple[str, int]]:
        return sorted((str(path), path.stat().st_mtime_ns) for path in tmp_path.rglob("*"))

    before = state()
    for dataset in (MotChallenge(tmp_path / "mot", half="val"), CrowdHuman(tmp_path / "ch"), LabelsWithIds(tmp_path / "jde")):
        assert convert(dataset)["images"]
    assert state() == before
