"""Result files drawn over frames, as `tools/draw.py` does it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bytetrack.data.datasets import MotChallenge
from bytetrack.demo.draw_results import clips, redraw
from bytetrack.errors import FormatError, MissingDataError
from tests.demo.films import WALKERS, Left, picture, write_images, write_video

PLAIN = {"trail": 0, "legend": False}
SHARP = {"crf": 5, "flush_every": 0.5}


def write_tracks(path: Path, frames: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [f"{f + 1},{i},{x + v * f},{y},20,40,0.9,-1,-1,-1\n" for f in range(frames) for i, (x, y, v) in enumerate(WALKERS, 1)]
    path.write_text("".join(rows))
    return path


def draw(out: Path, *arguments: object, **settings: object) -> Left:
    redraw(clips(*arguments), out, {**PLAIN, **settings}, 0.6, ["object"], SHARP)
    return Left(out, next(out.glob("*.mp4")).stem)


def test_a_result_file_is_drawn_over_every_frame_of_a_video(tmp_path: Path) -> None:
    tracks = write_tracks(tmp_path / "result.txt", 20)
    left = draw(tmp_path / "out", tracks, str(write_video(tmp_path / "walk.mp4", 25)), None)
    images = left.images()
    assert len(images) == 25
    for number in (0, 10, 19):
        x = 10 + 4 * number
        edge = np.abs(images[number].astype(int) - picture(number))[22:58, x - 2 : x + 1]
        assert edge.mean() > 30, "the box's left edge"
    assert np.abs(images[22].astype(int) - picture(22)).mean() < 10, "nothing is drawn where the file has no boxes"


def test_a_sequences_images_are_drawn_under_its_own_name(tmp_path: Path) -> None:
    write_images(tmp_path / "root" / "A-01" / "img1", (picture(n) for n in range(6)))
    write_tracks(tmp_path / "run" / "tracks" / "A-01.txt", 6)
    left = draw(tmp_path / "out", tmp_path / "run", str(tmp_path / "root" / "A-01" / "img1"), None, 12.5)
    assert left.name == "A-01"
    assert left.times() == pytest.approx(np.arange(6) / 12.5)


def test_every_sequence_of_a_dataset_is_drawn(tmp_path: Path) -> None:
    for name in ("A", "B"):
        folder = tmp_path / "root" / "train" / name
        write_images(folder / "img1", (picture(n) for n in range(4)))
        (folder / "seqinfo.ini").write_text("[Sequence]\nframeRate=10\nseqLength=4\nimWidth=192\nimHeight=120\nimDir=img1\nimExt=.png\n")
        write_tracks(tmp_path / "run" / "tracks" / f"{name}.txt", 4)
    dataset = MotChallenge(str(tmp_path / "root"), "train")
    paths = redraw(clips(tmp_path / "run", None, dataset), tmp_path / "out", PLAIN, 0.6, ["object"], SHARP)
    assert [path.name for path in paths] == ["A.mp4", "B.mp4"]
    assert len(Left(tmp_path / "out", "B").times()) == 4


def test_what_does_not_belong_together_is_said_in_one_line(tmp_path: Path) -> None:
    tracks = write_tracks(tmp_path / "result.txt", 3)
    video = str(write_video(tmp_path / "walk.mp4", 5))
    with pytest.raises(ValueError, match="give either source"):
        clips(tracks, None, None)
    with pytest.raises(MissingDataError):
        draw(tmp_path / "out", tmp_path / "none.txt", video, None)
    with pytest.raises(ValueError, match="the video would overwrite its source"):
        draw(tmp_path, tracks, video, None)
    tracks.write_text("900,1,10,20,20,40,0.9,-1,-1,-1\n")
    with pytest.raises(FormatError, match=r"no box in frames 1..5 of walk, only up to 900: is it another video's"):
        draw(tmp_path / "out", tracks, video, None)
