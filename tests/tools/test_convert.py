"""`tools/convert.py` as a user calls it, and the submission archive."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from bytetrack import FormatError, MissingDataError
from bytetrack.data.convert import convert, read_results
from tests.conftest import Verb

ROW = "1,1,10.0,20.0,30.0,60.0,0.9,-1,-1,-1\n"


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """A benchmark of two sequences, three detectors each, ten frames."""
    for name in (f"MOT17-{scene}-{detector}" for scene in ("01", "03") for detector in ("DPM", "FRCNN", "SDP")):
        folder = tmp_path / "test" / name
        folder.mkdir(parents=True)
        text = f"[Sequence]\nname={name}\nimDir=img1\nframeRate=30\nseqLength=10\nimWidth=64\nimHeight=48\nimExt=.jpg\n"
        (folder / "seqinfo.ini").write_text(text)
    return tmp_path / "test"


@pytest.fixture
def tracks(tmp_path: Path) -> Path:
    folder = tmp_path / "run" / "tracks"
    folder.mkdir(parents=True)
    for scene in ("01", "03"):
        (folder / f"MOT17-{scene}-FRCNN.txt").write_text(ROW)
    return folder


def test_the_command_converts_a_run_folder_and_says_what_it_did(verb_here: Verb, tracks: Path, dataset: Path, tmp_path: Path) -> None:
    settings = [f"input={tracks.parent}", "to=coco_vid", f"out={tmp_path / 'all.json'}", f"root={dataset}", "classes=[person]"]
    run = verb_here("convert", *settings)
    assert run.returncode == 0, run.stderr
    assert "mot → coco_vid: 2 sequences, 2 identities, 2 boxes" in run.stderr
    first, second = read_results(tmp_path / "all.json")
    assert (first.name, second.name) == ("MOT17-01-FRCNN", "MOT17-03-FRCNN")
    assert (first.length, first.width, first.height, first.frame_rate) == (10, 64, 48, 30)
    assert dict(first.class_names) == {0: "person"}


def test_the_command_ends_with_one_line_and_status_one_on_a_mistake(verb_here: Verb, tracks: Path, tmp_path: Path) -> None:
    (tracks / "MOT17-03-FRCNN.txt").write_text("1,2,3\n")
    run = verb_here("convert", f"input={tracks}", "to=kitti", f"out={tmp_path / 'out'}")
    assert run.returncode == 1
    assert run.stderr.startswith("error: ")
    assert "MOT17-03-FRCNN.txt:1: expected 10 columns" in run.stderr
    assert run.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_the_submission_holds_every_sequence_at_its_root(tracks: Path, dataset: Path, tmp_path: Path) -> None:
    (path,) = convert(tracks, "mot_submission", tmp_path / "byte.zip", root=dataset, same_for_all_detectors=True)
    with zipfile.ZipFile(path) as archive:
        names = [f"MOT17-{scene}-{detector}.txt" for scene in ("01", "03") for detector in ("DPM", "FRCNN", "SDP")]
        assert archive.namelist() == names
        assert {archive.read(name).decode() for name in names} == {ROW}
    again = path.read_bytes()
    convert(tracks, "mot_submission", tmp_path / "byte.zip", root=dataset, same_for_all_detectors=True)
    assert path.read_bytes() == again


def test_a_dataset_of_one_detectors_folders_gives_the_names_of_all_three(
    tracks: Path, dataset: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for folder in dataset.iterdir():
        if not folder.name.endswith("FRCNN"):
            shutil.rmtree(folder)
    (path,) = convert(tracks, "mot_submission", tmp_path / "byte.zip", root=dataset, same_for_all_detectors=True)
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == [f"MOT17-{scene}-{detector}.txt" for scene in ("01", "03") for detector in ("DPM", "FRCNN", "SDP")]
    assert "MOT17 has 7 sequences in this set, root lacks 06, 07, 08, 12, 14: an archive without them is refused there" in caplog.text
    with pytest.raises(ValueError, match=r"no result for MOT17-01-DPM, .* \(4 of 6\): same_for_all_detectors=true"):
        convert(tracks, "mot_submission", tmp_path / "byte.zip", root=dataset)
    (tracks / "MOT17-01-SDP.txt").write_text(ROW + "2" + ROW[1:])
    with pytest.raises(ValueError, match="takes one result for three, but MOT17-01-FRCNN and MOT17-01-SDP differ"):
        convert(tracks, "mot_submission", tmp_path / "byte.zip", root=dataset, same_for_all_detectors=True)


def test_a_submission_that_is_not_whole_is_refused_and_not_written(tracks: Path, dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "byte.zip"
    with pytest.raises(ValueError, match=r"no result for MOT17-01-DPM, .* \(4 of 6\): same_for_all_detectors=true"):
        convert(tracks, "mot_submission", out, root=dataset)
    (tracks / "MOT17-99-SDP.txt").write_text(ROW)
    with pytest.raises(ValueError, match="the dataset has no sequence 'MOT17-99-SDP'"):
        convert(tracks, "mot_submission", out, root=dataset, same_for_all_detectors=True)
    (tracks / "MOT17-99-SDP.txt").unlink()
    (tracks / "MOT17-01-FRCNN.txt").write_text("11" + ROW[1:])
    with pytest.raises(FormatError, match=r"MOT17-01-FRCNN: expected frames within 1\.\.10, got 11"):
        convert(tracks, "mot_submission", out, root=dataset, same_for_all_detectors=True)
    (tracks / "MOT17-01-FRCNN.txt").write_text(ROW.replace("1,1,", "1,0,"))
    with pytest.raises(ValueError, match="ids must count from 1 in a submission, got 0"):
        convert(tracks, "mot_submission", out, root=dataset, same_for_all_detectors=True)
    assert not out.exists()


def test_mistakes_are_named_before_anything_is_written(tracks: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(ValueError, match=r"to must be one of mot, kitti, .*: got 'yolo'"):
        convert(tracks, "yolo", out)
    with pytest.raises(ValueError, match="from must be one of"):
        convert(tracks, "mot", out, source_format="yolo")
    with pytest.raises(ValueError, match=r"coco_vid needs the image size of MOT17-01-FRCNN: give root=DIR .* or size=\[WIDTH,HEIGHT\]"):
        convert(tracks, "coco_vid", out)
    with pytest.raises(ValueError, match=r"size must be \[WIDTH,HEIGHT\]"):
        convert(tracks, "coco_vid", out, size=[640])
    with pytest.raises(ValueError, match="one file a sequence: out must be a folder for 2 sequences"):
        convert(tracks, "kitti", tmp_path / "all.txt")
    with pytest.raises(ValueError, match="out must not be the input"):
        convert(tracks, "mot", tracks)
    with pytest.raises(ValueError, match="needs root=DIR"):
        convert(tracks, "mot_submission", out)
    with pytest.raises(MissingDataError, match="no file or folder"):
        convert(tmp_path / "nowhere", "mot", out)
    (tracks / "odd.csv").write_text("frame\n")
    with pytest.raises(FormatError, match=r"MOT17-01-FRCNN.txt looks like mot, odd.csv like csv: set from=mot or from=csv"):
        convert(tracks, "csv", out)
    assert not out.exists()


def test_one_class_names_boxes_that_have_none(tracks: Path, tmp_path: Path) -> None:
    (path,) = convert(tracks / "MOT17-01-FRCNN.txt", "kitti", tmp_path / "0000.txt", classes=["Pedestrian"])
    assert path.read_text().startswith("0 0 Pedestrian -1 -1 -10 10 20 40 80 ")
