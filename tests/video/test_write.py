"""Videos that play: H.264, yuv420p, index first, every frame there."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from bytetrack.video.write import VideoWriter


def plain(value: int, height: int = 64, width: int = 96) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def decoded(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]


def write(path: Path, values: list[int], rate: float | Fraction = 25) -> Path:
    with VideoWriter(path, rate) as video:
        for value in values:
            video.write(plain(value))
    return path


def test_every_frame_is_there_in_its_order_and_place(tmp_path: Path) -> None:
    values = [10 * i for i in range(25)] * 3
    images = decoded(write(tmp_path / "plain.mp4", values))
    assert [image.shape for image in images] == [(64, 96, 3)] * 75
    assert np.abs(np.array([image.mean() for image in images]) - values).max() < 4
    assert [path.name for path in tmp_path.iterdir()] == ["plain.mp4"]


def test_browsers_can_play_it(tmp_path: Path) -> None:
    path = write(tmp_path / "plain.mp4", [100] * 10)
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    assert b"moof" not in data
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")


def test_colours_survive(tmp_path: Path) -> None:
    image = plain(0)
    image[:, :48], image[:, 48:] = (200, 60, 30), (40, 180, 90)
    with VideoWriter(tmp_path / "colours.mp4", 25, crf=10) as video:
        video.write(image)
    back = decoded(tmp_path / "colours.mp4")[0]
    np.testing.assert_allclose(back[32, 20], (200, 60, 30), atol=6)
    np.testing.assert_allclose(back[32, 76], (40, 180, 90), atol=6)


@pytest.mark.parametrize(
    ("rate", "exact"),
    [(7, Fraction(7)), (29.97, Fraction(30000, 1001)), (Fraction(24000, 1001), Fraction(24000, 1001)), (12.5, Fraction(25, 2))],
)
def test_the_frame_rate_is_kept_exactly(tmp_path: Path, rate: float, exact: Fraction) -> None:
    with av.open(str(write(tmp_path / "rate.mp4", [0] * 20, rate))) as container:
        stream = container.streams.video[0]
        assert stream.average_rate == exact
        assert float(stream.duration * stream.time_base) == pytest.approx(float(20 / exact), abs=1e-3)


def test_an_odd_size_gets_one_more_row_and_column(tmp_path: Path) -> None:
    image = plain(50, 75, 101)
    with VideoWriter(tmp_path / "odd.mp4", 25) as video:
        video.write(image)
    assert decoded(tmp_path / "odd.mp4")[0].shape == (76, 102, 3)
    assert image.shape == (75, 101, 3)


def test_what_was_written_before_an_error_is_a_whole_file(tmp_path: Path) -> None:
    def falls() -> None:
        with VideoWriter(tmp_path / "cut.mp4", 25) as video:
            for value in range(30):
                video.write(plain(value * 8))
            raise RuntimeError("camera fell")

    with pytest.raises(RuntimeError, match="camera fell"):
        falls()
    assert len(decoded(tmp_path / "cut.mp4")) == 30


def test_a_video_being_written_never_stands_under_its_name(tmp_path: Path) -> None:
    write(tmp_path / "again.mp4", [0] * 5)
    with VideoWriter(tmp_path / "again.mp4", 25) as video:
        for _ in range(9):
            video.write(plain(255))
        assert len(decoded(tmp_path / "again.mp4")) == 5
    assert len(decoded(tmp_path / "again.mp4")) == 9


def test_a_killed_process_leaves_all_but_its_last_seconds(tmp_path: Path) -> None:
    code = (
        "import numpy as np, sys, time; from bytetrack.video.write import VideoWriter\n"
        f"video = VideoWriter({str(tmp_path / 'killed.mp4')!r}, 25, flush_every=1)\n"
        "for i in range(150): video.write(np.full((64, 96, 3), i, np.uint8))\n"
        "print('written', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
    assert not (tmp_path / "killed.mp4").exists()
    left = decoded(tmp_path / "killed.part.mp4")
    assert 100 <= len(left) < 150


def test_no_frame_no_file(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "none.mp4", 25) as video:
        video.close()
    assert list(tmp_path.iterdir()) == []


def test_mistakes_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"written as \.mp4: got 'film\.avi'"):
        VideoWriter(tmp_path / "film.avi", 25)
    with pytest.raises(ValueError, match="frame_rate must lie in"):
        VideoWriter(tmp_path / "film.mp4", 0)
    with VideoWriter(tmp_path / "film.mp4", 25) as video:
        video.write(plain(0))
        with pytest.raises(ValueError, match="frame 2 is 96 x 32, the first was"):
            video.write(plain(0, height=32))
