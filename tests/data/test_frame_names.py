"""Which file holds which frame: every name here is one that people's tools write."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from bytetrack.data.convert import convert as convert_results
from bytetrack.data.converters import Bdd100k, convert
from bytetrack.data.datasets import MotChallenge
from bytetrack.data.frame_names import frame_names
from bytetrack.data.kitti_visdrone import Kitti, VisDrone
from bytetrack.errors import FormatError, MissingDataError
from bytetrack.structures import Sequence


def folder_of(tmp_path: Path, *names: str) -> Path:
    folder = tmp_path / "img1"
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).touch()
    return folder


def labels(tmp_path: Path, *frames: int) -> Path:
    path = tmp_path / "gt.txt"
    path.write_text("".join(f"{frame},1,1,1,2,2,1,1,1\n" for frame in frames))
    return path


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("1.jpg", "2.jpg", "10.jpg", *(f"{n}.jpg" for n in range(3, 10))), tuple(f"{n}.jpg" for n in range(1, 11))),
        (("0001.jpg", "0002.jpg"), ("0001.jpg", "0002.jpg")),
        (("frame_000001.jpg", "frame_000002.jpg"), ("frame_000001.jpg", "frame_000002.jpg")),
        (("cam2_2024_0001_rgb.png", "cam2_2024_0002_rgb.png"), ("cam2_2024_0001_rgb.png", "cam2_2024_0002_rgb.png")),
        (("IMG_0001.JPG", "IMG_0002.JPG"), ("IMG_0001.JPG", "IMG_0002.JPG")),
        (("000000.jpg", "000001.jpg"), ("000000.jpg", "000001.jpg")),
        (("000001_0033.jpg", "000002_0067.jpg", "000003_0100.jpg"), ("000001_0033.jpg", "000002_0067.jpg", "000003_0100.jpg")),
        (("1403636579.png", "1403637079.png", "1403637579.png"), ("1403636579.png", "1403637079.png", "1403637579.png")),
        (("000001.jpg", "000002.jpg", "000004.jpg"), ("000001.jpg", "000002.jpg", None, "000004.jpg")),
        (("000101.jpg", "000102.jpg"), ("000101.jpg", "000102.jpg")),
        (("000001.jpg", "000002.png"), ("000001.jpg", "000002.png")),
        (("000001.jpg", "000001.txt", "._000001.jpg", "Thumbs.db", ".DS_Store"), ("000001.jpg",)),
        (("000001.jpg", "000002.jpg", "preview.jpg"), ("000001.jpg", "000002.jpg")),
        (("000001.jpg", "000001_mask.png"), ("000001.jpg",)),
        (("morning.jpg", "evening.jpg"), ("evening.jpg", "morning.jpg")),
        (("a_1_1.jpg", "a_1_2.jpg", "a_2_1.jpg"), ("a_1_1.jpg", "a_1_2.jpg", "a_2_1.jpg")),
        ((), ()),
    ],
)
def test_frames_are_found_by_the_numbers_in_names(tmp_path: Path, names: tuple[str, ...], expected: tuple[str | None, ...]) -> None:
    assert frame_names(folder_of(tmp_path, *names)) == expected


def test_what_is_not_counted_from_one_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    frame_names(folder_of(tmp_path / "zero", "000000.jpg", "000001.jpg"))
    assert "its images are numbered from 0: frame 1 is 000000.jpg" in caplog.text
    frame_names(folder_of(tmp_path / "stamps", "1403636579.png", "1403637079.png"))
    assert "are not frame numbers: read one after the other, frame 1 is 1403636579.png" in caplog.text
    frame_names(folder_of(tmp_path / "more", "1.jpg", "2.jpg", "cover.jpg"))
    assert "1 images with other names are ignored, for instance cover.jpg" in caplog.text


def test_the_length_says_which_frames_lack_an_image(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "000101.jpg", "000102.jpg")
    assert frame_names(folder, length=102)[99:] == (None, "000101.jpg", "000102.jpg")
    assert frame_names(folder, length=2) == ("000101.jpg", "000102.jpg")
    (folder / "000000.jpg").touch()
    with pytest.raises(FormatError, match=r"expected 102 images as seqinfo\.ini says, got 0 to 102"):
        frame_names(folder, length=102)


def test_annotations_say_what_numbers_from_beyond_one_count(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "000101.jpg", "000102.jpg")
    assert frame_names(folder, labels=labels(tmp_path, 1, 2)) == ("000101.jpg", "000102.jpg")
    with pytest.raises(FormatError, match=r"counted from 1, got images numbered from 101 and the same numbers in .*gt\.txt"):
        frame_names(folder, labels=labels(tmp_path, 101, 102))


def test_every_third_frame_is_counted_as_the_annotations_count_it(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "000001.jpg", "000004.jpg", "000007.jpg", "000010.jpg")
    assert frame_names(folder, labels=labels(tmp_path, 1, 2)) == ("000001.jpg", "000004.jpg", "000007.jpg", "000010.jpg")
    assert frame_names(folder, labels=labels(tmp_path, 1, 7))[:4] == ("000001.jpg", None, None, "000004.jpg")


def test_two_endings_of_a_number_are_told_apart_by_seqinfo_and_two_images_are_refused(tmp_path: Path) -> None:
    both = folder_of(tmp_path / "both", "1.jpg", "2.jpg", "1.png", "2.png")
    assert frame_names(both, ending=".png") == ("1.png", "2.png")
    with pytest.raises(FormatError, match=r"expected one image a frame, got 01\.jpg and 1\.jpg"):
        frame_names(folder_of(tmp_path / "twice", "1.jpg", "01.jpg", "2.jpg"))


def test_a_sequence_says_which_frame_has_no_image() -> None:
    gap = Sequence("s", 3, 25, 9, 9, images=Path("s"), image_names=("a1.png", None, "a3.png"))
    assert gap.image_path(3) == Path("s/a3.png")
    with pytest.raises(MissingDataError, match="s: no image of frame 2, only of 2 others"):
        gap.image_path(2)


def own(root: Path, names: tuple[str, ...], info: bool = True) -> Path:
    folder = root / "s1"
    (folder / "img1").mkdir(parents=True)
    (folder / "gt").mkdir()
    (folder / "gt" / "gt.txt").write_text("".join(f"{frame},1,1,1,2,2,1,1,1\n" for frame in range(1, len(names) + 1)))
    for name in names:
        Image.new("RGB", (8, 6)).save(folder / "img1" / name)
    if info:
        ini = f"[Sequence]\nframeRate=10\nseqLength={len(names)}\nimWidth=8\nimHeight=6\nimExt=.jpg\n"
        (folder / "seqinfo.ini").write_text(ini)
    return root


@pytest.mark.parametrize("info", [True, False])
@pytest.mark.parametrize("names", [("frame_1.PNG", "frame_2.PNG"), ("0000.jpeg", "0001.jpeg"), ("7.bmp", "8.bmp")])
def test_prepare_and_convert_write_the_names_that_exist(tmp_path: Path, names: tuple[str, ...], info: bool) -> None:
    root = own(tmp_path / "d", names, info)
    assert [Path(image["file_name"]).name for image in convert(MotChallenge(root))["images"]] == list(names)
    result = tmp_path / "s1.txt"
    result.write_text("1,1,1,1,2,2,0.9,-1,-1,-1\n")
    convert_results(result, "coco_vid", tmp_path / "o.json", root=root)
    assert [image["file_name"] for image in json.loads((tmp_path / "o.json").read_text())["images"]] == [f"s1/img1/{n}" for n in names]


def test_images_are_found_in_the_only_folder_that_has_some(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    own(tmp_path, ("1.jpg", "2.jpg"))
    (tmp_path / "s1" / "img1").rename(tmp_path / "s1" / "frames")
    [sequence] = MotChallenge(tmp_path).sequences()
    assert sequence.image_path(2) == tmp_path / "s1" / "frames" / "2.jpg"
    assert "no folder img1; images are taken from" in caplog.text


def test_kitti_counts_from_0_and_visdrone_from_1_whatever_the_ending(tmp_path: Path) -> None:
    for folder, names in (("training/image_02/0000", ("000000.JPG", "000001.JPG")), ("sequences/a", ("0000001.png", "0000003.png"))):
        (tmp_path / folder).mkdir(parents=True)
        for name in names:
            Image.new("RGB", (8, 6)).save(tmp_path / folder / name)
        (tmp_path / folder / f"._{names[0]}").touch()
    [kitti] = Kitti(tmp_path).sequences()
    assert (kitti.length, kitti.image_path(1).name) == (2, "000000.JPG")
    [drone] = VisDrone(tmp_path).sequences()
    assert (drone.length, drone.image_names) == (3, ("0000001.png", None, "0000003.png"))


def test_bdd100k_images_are_those_of_the_labels_whatever_the_ending(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    frames = [{"name": f"v-{k}.jpg", "videoName": "v", "frameIndex": k, "labels": []} for k in range(2)]
    (tmp_path / "labels" / "v.json").write_text(json.dumps(frames))
    (tmp_path / "labels" / "._v.json").write_bytes(b"\0\5")
    (tmp_path / "images" / "v").mkdir(parents=True)
    Image.new("RGB", (8, 6)).save(tmp_path / "images" / "v" / "v-0.PNG")
    dataset = Bdd100k(tmp_path, "labels", "images")
    [sequence] = dataset.sequences()
    assert (sequence.width, sequence.image_names) == (8, ("v-0.PNG", None))
    with pytest.raises(MissingDataError, match=r"no image .*v-1\.jpg; skip_missing=true"):
        dataset.to_coco()
    assert [image["file_name"] for image in dataset.to_coco(skip_missing=True)["images"]] == ["images/v/v-0.PNG"]


def test_frames_beyond_the_end_of_a_video_are_not_named(tmp_path: Path, data_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    shutil.copytree(data_dir / "PETS09-S2L1", tmp_path / "P", copy_function=shutil.copyfile)
    info = (tmp_path / "P" / "seqinfo.ini").read_text()
    (tmp_path / "P" / "seqinfo.ini").write_text(info.replace("795", "800").replace("576", "480"))
    with pytest.raises(MissingDataError, match=r"vtest\.avi: no frame 796, of P's 800: it ends before; skip_missing=true"):
        convert(MotChallenge(tmp_path))
    assert len(convert(MotChallenge(tmp_path), skip_missing=True)["images"]) == 795
    assert "vtest.avi: 768 x 576 pixels, but P should have 768 x 480" in caplog.text
    (tmp_path / "P" / "vtest.avi").write_text("no film")
    with pytest.raises(FormatError, match="cannot be opened as a video"):
        convert(MotChallenge(tmp_path))


def test_a_sequence_folder_may_hold_only_a_video(tmp_path: Path, data_dir: Path) -> None:
    (tmp_path / "monday").mkdir()
    (tmp_path / "monday" / "clip.avi").symlink_to(data_dir / "PETS09-S2L1" / "vtest.avi")
    (tmp_path / "monday" / "._clip.avi").touch()
    for root in (tmp_path, tmp_path / "monday"):
        [sequence] = MotChallenge(root).sequences()
        assert (sequence.name, sequence.length, sequence.images) == ("monday", 795, tmp_path / "monday" / "clip.avi")
    assert convert(MotChallenge(tmp_path))["images"][1]["file_name"] == "monday/clip.avi#000002"


@pytest.mark.parametrize(
    "names",
    [
        ["10-59-58.jpg", "10-59-59.jpg", "11-00-00.jpg", "11-00-01.jpg"],
        ["20240131_235958.jpg", "20240131_235959.jpg", "20240201_000000.jpg"],
        ["10-59-58-933.jpg", "10-59-59-000.jpg", "10-59-59-066.jpg"],
        ["10-58-41.jpg", "10-59-30.jpg", "11-00-12.jpg"],
        [f"09-{30 + k // 60}-{k % 60:02d}.jpg" for k in range(30, 90)],
    ],
)
def test_names_that_are_times_come_in_the_order_of_the_clock(tmp_path: Path, names: list[str], caplog: pytest.LogCaptureFixture) -> None:
    assert frame_names(folder_of(tmp_path, *reversed(names))) == tuple(names)
    assert f"the numbers of its images are times: taken in the order of their names, frame 1 is {names[0]}" in caplog.text


def test_a_counter_behind_other_numbers_counts(tmp_path: Path) -> None:
    names = ["837_frame0001.jpg", "12_frame0002.jpg", "9999_frame0003.jpg", "5_frame0004.jpg"]
    assert frame_names(folder_of(tmp_path, *names)) == tuple(names)
