"""HiEve and SoccerNet in the form that their sites describe."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import bytetrack
from bytetrack.config.named import make, settings_of
from bytetrack.data.hieve import HiEve
from bytetrack.errors import FormatError, MissingDataError
from bytetrack.io.formats import read_annotations
from tests.demo.films import WALKERS, write_video


def hieve(root: Path, frames: int = 6, videos: bool = True) -> Path:
    """`root`/train with one sequence of two squares, one of which is flagged 0 in the last frame."""
    (root / "train" / "labels" / "track1").mkdir(parents=True)
    rows = [
        f"{f},{i},{x + v * f},{y},20,40,{int(f < frames - 1 or i == 0)},-1,-1,-1\n"
        for f in range(frames)
        for i, (x, y, v) in enumerate(WALKERS)
    ]
    (root / "train" / "labels" / "track1" / "1.txt").write_text("".join(rows))
    if videos:
        write_video(root / "train" / "videos" / "1.mp4", frames)
    return root


def test_hieves_frames_become_those_from_1_and_flag_0_is_not_scored(tmp_path: Path) -> None:
    (sequence,) = HiEve(hieve(tmp_path)).sequences()
    assert (sequence.name, sequence.length, sequence.frame_rate, sequence.width, sequence.height) == ("1", 6, 25, 192, 120)
    assert str(sequence.image_path(1)).endswith("videos/1.mp4#000001")
    truth = read_annotations(sequence)
    assert truth.frame_id.tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6]
    assert truth.considered.tolist() == [True] * 11 + [False]
    assert truth.tlwh[2].tolist() == [14, 20, 20, 40]


def test_hieve_is_read_without_its_videos_and_thinned(tmp_path: Path) -> None:
    hieve(tmp_path, frames=7, videos=False)
    (sequence,) = HiEve(tmp_path / "train", subset=None, every=3).sequences()
    assert (sequence.length, sequence.frame_rate, sequence.images) == (3, 25 / 3, None)
    assert read_annotations(sequence).tlwh[::2, 0].tolist() == [10, 22, 34]


def test_hieve_is_tracked_and_scored(verb_here, tmp_path: Path) -> None:
    hieve(tmp_path)
    (tmp_path / "found").mkdir()
    boxes = [f"{f + 1},-1,{x + v * f},{y},20,40,0.9,-1,-1,-1\n" for f in range(6) for x, y, v in WALKERS]
    (tmp_path / "found" / "1.txt").write_text("".join(boxes))
    detector = ("detector=recorded", f"detector.folder={tmp_path}/found")
    process = verb_here("track", "dataset=hieve_train", f"dataset.root={tmp_path}", *detector, "out=run", "workers=1")
    assert process.returncode == 0, process.stderr
    scores = json.loads((tmp_path / "working" / "run" / "scores.json").read_text())["trackeval"]["COMBINED"]
    assert (scores["FN"], scores["FP"], scores["IDSW"]) == (0, 1, 0)  # the box of flag 0 forgives nothing


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("-1,1,0,0,5,5,1,-1,-1,-1", r"1\.txt:13: expected a frame from 0, got '-1,1"),
        ("6,1,0,0,5,5,1,-1,-1,-1", r"1\.txt:13: expected a frame within the sequence's 0\.\.5"),
        ("5,1,0,0,5,5,1,-1,-1,-1", r"1\.txt:13: expected every id once in a frame"),
        ("5,7,0,0,5,5", "columns"),
    ],
)
def test_a_wrong_line_of_hieve_is_named(tmp_path: Path, line: str, message: str) -> None:
    (sequence,) = HiEve(hieve(tmp_path)).sequences()
    with (tmp_path / "train" / "labels" / "track1" / "1.txt").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(FormatError, match=message):
        read_annotations(sequence)


def test_a_folder_without_hieve_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match=r"no sequence in .*videos' or labels/track1 matches '\*'; is dataset.root right"):
        HiEve(tmp_path).sequences()
    with pytest.raises(MissingDataError, match=r"found 1 \(1\)"):
        HiEve(hieve(tmp_path), pattern="2").sequences()


def test_soccernet_is_a_config_of_motchallenges_folders(tmp_path: Path) -> None:
    folder = tmp_path / "train" / "SNMOT-060"
    (folder / "gt").mkdir(parents=True)
    (folder / "seqinfo.ini").write_text(
        "[Sequence]\nname=SNMOT-060\nimDir=img1\nframeRate=25\nseqLength=5\nimWidth=1920\nimHeight=1080\nimExt=.jpg\n"
    )
    (folder / "gameinfo.ini").write_text(
        "[Sequence]\nname=SNMOT-060\nnum_tracklets=2\ntrackletID_1= player team left;10\ntrackletID_2= ball;1\n"
    )
    rows = "".join(f"{f},1,{900 + f},500,40,90,1,-1,-1,-1\n{f},2,{700 + 3 * f},560,9,9,1,-1,-1,-1\n" for f in range(1, 6))
    (folder / "gt" / "gt.txt").write_text(rows)
    (sequence,) = make(settings_of("dataset", "soccernet_train", root=tmp_path)).sequences()
    assert (sequence.length, sequence.frame_rate, sequence.width) == (5, 25, 1920)
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "SNMOT-060.txt").write_text(rows)
    assert bytetrack.evaluate(tmp_path / "results", "soccernet_train", tmp_path).combined["HOTA"] == 100
