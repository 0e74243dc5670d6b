"""However a demo ends, its files are whole up to the last frame: signals, a kill, a source that never comes back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from bytetrack.config import home
from tests.demo.films import Left, picture, write_images


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """A folder of very many images."""
    folder = write_images(tmp_path / "endless", [picture(0)])
    for number in range(2, 30_000):
        os.link(folder / "000001.png", folder / f"{number:06d}.png")
    (tmp_path / "endless.txt").write_text("1,-1,10,20,20,40,0.9,-1,-1,-1\n")
    return folder


@pytest.fixture
def started(endless: Path) -> Iterator[subprocess.Popen[str]]:
    out = endless.parent / "out"
    command = [sys.executable, str(home() / "tools" / "demo.py"), f"source={endless}", "detector=recorded", f"out={out}"]
    process = subprocess.Popen(
        [*command, f"detector.folder={endless.parent}", "video.flush_every=0.2"], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


def wait_for_frames(out: Path, process: subprocess.Popen[str], frames: int) -> None:
    path, deadline = out / "endless.jsonl", time.monotonic() + 120
    while not (path.is_file() and path.read_bytes().count(b"\n") >= frames):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "frames", "status"),
    [(signal.SIGINT, 1, 130), (signal.SIGINT, 250, 130), (signal.SIGTERM, 2, 143), (signal.SIGTERM, 120, 143)],
)
def test_a_signal_ends_it_with_whole_files(started: subprocess.Popen[str], tmp_path: Path, number: int, frames: int, status: int) -> None:
    wait_for_frames(tmp_path / "out", started, frames)
    started.send_signal(number)
    _, errors = started.communicate(timeout=60)
    assert started.returncode == status
    assert "stopping: finishing the frames in flight" in errors
    assert "Traceback" not in errors
    left = Left(tmp_path / "out", "endless")
    assert len(left.lines) >= frames
    left.check_agreement(len(left.lines))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_before_the_first_frame_ends_it_too(started: subprocess.Popen[str], tmp_path: Path, number: int) -> None:
    time.sleep(0.7)
    started.send_signal(number)
    _, errors = started.communicate(timeout=60)
    assert started.returncode in (128 + number, -number)  # the latter before Python listens
    assert "Traceback" not in errors or "KeyboardInterrupt" in errors  # while Python itself still starts


@pytest.mark.slow
def test_a_killed_process_leaves_rows_and_a_video_that_plays(started: subprocess.Popen[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    wait_for_frames(out, started, 300)
    started.kill()
    started.wait(timeout=30)
    lines = (out / "endless.jsonl").read_text().splitlines()
    assert len(lines) >= 300
    with av.open(str(out / "endless.part.mp4")) as container:
        assert len(lines) - 120 <= sum(1 for _ in container.decode(video=0)) <= len(lines) + 10
    assert not (out / "summary.json").exists()


@pytest.mark.slow
def test_a_signal_that_comes_twice_in_a_row_is_one(started: subprocess.Popen[str], tmp_path: Path) -> None:
    wait_for_frames(tmp_path / "out", started, 20)
    for _ in range(2):  # as `timeout` does
        started.send_signal(signal.SIGINT)
        time.sleep(0.02)
    started.communicate(timeout=60)
    assert started.returncode == 130
    left = Left(tmp_path / "out", "endless")
    left.check_agreement(len(left.lines))


@pytest.mark.slow
def test_a_second_ctrl_c_ends_it_at_once(started: subprocess.Popen[str], tmp_path: Path) -> None:
    wait_for_frames(tmp_path / "out", started, 5)
    started.send_signal(signal.SIGINT)
    time.sleep(0.6)
    started.send_signal(signal.SIGTERM)
    started.communicate(timeout=30)
    assert started.returncode in (130, 143, -signal.SIGTERM)  # the last where it had ended already
