"""Folders in the MOTChallenge layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bytetrack import FormatError, MissingDataError, Sequence, SequenceDetections
from bytetrack.data.datasets import MotChallenge, half_of
from bytetrack.detection.recorded import Recorded
from bytetrack.io import read_annotations
from bytetrack.video.camera_motion import RecordedMotion

INFO = "[Sequence]\nname=x\nimDir=img1\nframeRate=25\nseqLength=10\nimWidth=640\nimHeight=480\nimExt=.png\n"


def make(folder: Path, info: str | None = INFO) -> Path:
    (folder / "gt").mkdir(parents=True)
    (folder / "gt" / "gt.txt").write_text("")
    if info is not None:
        (folder / "seqinfo.ini").write_text(info)
    return folder


def test_the_halves_of_mot17_are_the_published_ones(mot17_dir: Path) -> None:
    lengths = {
        half: [sequence.length for sequence in MotChallenge(mot17_dir, "train", half, "*-FRCNN").sequences()] for half in ("train", "val")
    }
    assert lengths["train"] == [301, 526, 419, 263, 328, 451, 376]
    assert lengths["val"] == [299, 524, 418, 262, 326, 449, 374]
    assert sum(lengths["val"]) == 2652


@given(st.integers(2, 5000))
def test_the_halves_partition_a_sequence(length: int) -> None:
    whole = Sequence("a", length, 30, 9, 9, last_frame=length)
    train = half_of(whole, "train")
    if length == 2:
        assert train.length == 2
        return
    val = half_of(whole, "val")
    assert (train.first_frame, val.first_frame) == (1, train.length + 1)
    assert train.length + val.length == length
    assert 1 <= train.length - val.length <= 2
    assert val.last_frame == length


def test_a_sequence_too_short_for_a_half_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="a has 2 frames: too few for a val half"):
        half_of(Sequence("a", 2, 30, 9, 9), "val")


def test_a_sequence_says_what_its_seqinfo_says(tmp_path: Path) -> None:
    folder = make(tmp_path / "train" / "S1")
    (sequence,) = MotChallenge(tmp_path, "train").sequences()
    assert (sequence.name, sequence.length, sequence.frame_rate, sequence.width, sequence.height) == ("S1", 10, 25.0, 640, 480)
    assert sequence.ground_truth == folder / "gt" / "gt.txt"
    assert (sequence.public_detections, sequence.images) == (None, None)
    (folder / "img1").mkdir()
    (sequence,) = MotChallenge(tmp_path, "train").sequences()
    assert sequence.image_path(3) == folder / "img1" / "000003.png"


def test_a_root_that_is_one_sequence_gives_it_its_own_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "A")
    (tmp_path / "link").symlink_to(tmp_path / "A")
    monkeypatch.chdir(tmp_path / "A")
    assert [MotChallenge(root).sequences()[0].name for root in (".", "../A", tmp_path / "link")] == ["A", "A", "link"]


def test_a_root_may_be_one_sequence_or_hold_them(tmp_path: Path) -> None:
    make(tmp_path / "B")
    make(tmp_path / "A")
    (tmp_path / "annotations").mkdir()
    assert [sequence.name for sequence in MotChallenge(tmp_path).sequences()] == ["A", "B"]
    assert [sequence.name for sequence in MotChallenge(tmp_path / "A").sequences()] == ["A"]
    assert [sequence.name for sequence in MotChallenge(tmp_path, pattern="B*").sequences()] == ["B"]


def test_a_video_beside_the_ground_truth_stands_for_missing_images(data_dir: Path, tmp_path: Path) -> None:
    (sequence,) = MotChallenge(data_dir / "PETS09-S2L1").sequences()
    assert sequence.name == "PETS09-S2L1"
    assert sequence.images is not None
    assert sequence.images.name == "vtest.avi"
    assert (sequence.length, sequence.frame_rate) == (795, 7)
    folder = make(tmp_path / "S")
    for name in ("a.mp4", "b.mp4"):
        (folder / name).touch()
    assert MotChallenge(folder).sequences()[0].images is None


def test_what_is_missing_is_said_with_what_was_found(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match=r"no folder '.*/train': dataset\.root must be the folder that holds train/"):
        MotChallenge(tmp_path, "train").sequences()
    with pytest.raises(MissingDataError, match=r"matches '\*'; it holds no folder with seqinfo\.ini"):
        MotChallenge(tmp_path).sequences()
    for name in ("MOT17-02", "MOT17-04", "MOT17-05", "MOT17-09"):
        make(tmp_path / "train" / name)
    with pytest.raises(MissingDataError) as caught:
        MotChallenge(tmp_path, "train", pattern="MOT17-99-*").sequences()
    assert str(caught.value) == (
        f"no sequence in '{tmp_path}/train' matches 'MOT17-99-*'; did you mean MOT17-09? found MOT17-02, MOT17-04, MOT17-05, … (4)"
    )


@pytest.mark.parametrize(
    ("info", "message"),
    [
        (None, "no file '.*seqinfo.ini': write one"),
        ("", r"expected a section \[Sequence\]"),
        ("seqLength=3\n", r"expected a section \[Sequence\]"),
        (INFO.replace("seqLength=10\n", ""), "expected seqLength=<positive whole number>, got no such line"),
        (INFO.replace("=10", "=ten"), "expected seqLength=<positive whole number>, got seqLength=ten"),
        (INFO.replace("=10", "=10.5"), "expected seqLength=<positive whole number>, got seqLength=10.5"),
        (INFO.replace("=25", "=0"), "expected frameRate=<positive number>, got frameRate=0"),
        (INFO.replace("=640", "=-640"), "expected imWidth=<positive whole number>, got imWidth=-640"),
    ],
)
def test_a_wrong_seqinfo_is_named(tmp_path: Path, info: str | None, message: str) -> None:
    make(tmp_path / "S1", info)
    with pytest.raises((FormatError, MissingDataError), match=message):
        MotChallenge(tmp_path).sequences()


def test_a_seqinfo_with_byte_order_mark_and_crlf_is_read(tmp_path: Path) -> None:
    make(tmp_path / "S1", "\ufeff" + INFO.replace("\n", "\r\n").replace("=25", "=29.97"))
    assert MotChallenge(tmp_path).sequences()[0].frame_rate == 29.97


@pytest.mark.parametrize(("name", "value"), [("half", "first"), ("protocol", "mot16")])
def test_an_argument_that_is_no_choice_is_a_value_error(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be .*got '{value}'"):
        MotChallenge("x", **{name: value})


def test_a_thinned_sequence_keeps_every_so_many_th_frame_everywhere(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    (folder / "gt").mkdir(parents=True)
    (folder / "seqinfo.ini").write_text("[Sequence]\nframeRate=30\nseqLength=10\nimWidth=9\nimHeight=9\n")
    (folder / "gt" / "gt.txt").write_text("".join(f"{frame},1,{frame},0,5,5,1,1,1\n" for frame in range(1, 11)))
    (tmp_path / "a.txt").write_text("".join(f"{frame},-1,{frame},0,5,5,0.9,-1,-1,-1\n" for frame in range(1, 11)))
    (tmp_path / "gmc.txt").write_text("".join(f"{frame} 1 0 {frame} 0 1 0\n" for frame in range(10)))
    (thin,) = MotChallenge(tmp_path, pattern="a", every=3).sequences()
    assert (thin.length, thin.frame_rate) == (4, 10.0)
    assert read_annotations(thin).frame_id.tolist() == [1, 2, 3, 4]
    assert read_annotations(thin).tlwh[:, 0].tolist() == [1, 4, 7, 10]
    found = Recorded(tmp_path).detect_sequence(thin)
    assert found.xyxy[:, 0].tolist() == [1, 4, 7, 10]
    assert found.offsets.tolist() == [0, 1, 2, 3, 4]
    (tmp_path / "a.txt").write_text((tmp_path / "gmc.txt").read_text())
    affines = RecordedMotion(tmp_path).of_sequence(thin, found)
    assert affines[:, 0, 2].tolist() == [0, 1 + 2 + 3, 4 + 5 + 6, 7 + 8 + 9]
    (half,) = MotChallenge(tmp_path, pattern="a", half="val", every=2).sequences()
    assert [half.number_of(frame_id) for frame_id in range(1, half.length + 1)] == [7, 9]
    with pytest.raises(ValueError, match="every must be a whole number from 1 up: got 0"):
        MotChallenge(tmp_path, every=0)


def test_what_happens_between_thinned_frames_is_one_after_the_other(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    steps = np.eye(2, 3) + 0.1 * rng.normal(size=(5, 2, 3))
    (tmp_path / "a.txt").write_text("".join(f"{k} " + " ".join(map(str, step.ravel().tolist())) + "\n" for k, step in enumerate(steps)))
    thin = Sequence("a", 3, 15, 9, 9, every=2)
    affines = RecordedMotion(tmp_path).of_sequence(thin, SequenceDetections.from_frames([]))
    full = [np.vstack([step, [0, 0, 1]]) for step in steps]
    assert affines[1] == pytest.approx((full[2] @ full[1])[:2])
    assert affines[2] == pytest.approx((full[4] @ full[3])[:2])
