"""Streams that misbehave: a camera that is killed and comes back, hangs, or stays away; and no password anywhere."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bytetrack.config import compose, home, save
from bytetrack.demo.run import Demo
from bytetrack.errors import MissingDataError
from bytetrack.structures import Detections
from tests.demo.cameras import QUICK, Camera, OneBox, RtspCamera, frames_in, kill_again_and_again
from tests.demo.films import Left, Run, write_video


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[Camera]:
    camera = Camera(tmp_path)
    yield camera
    camera.kill()


@pytest.fixture
def rtsp(tmp_path: Path) -> Iterator[Callable[..., RtspCamera]]:
    started: list[RtspCamera] = []

    def call(*more: str) -> RtspCamera:
        started.append(RtspCamera(tmp_path, *more))
        return started[-1]

    yield call
    for one in started:
        one.kill()


def check_survival(camera: Camera, demo: Demo) -> None:
    kill_again_and_again(camera, demo, 20)
    assert demo.run() == 0
    left = Left(demo.outputs.folder, demo.source.name)
    left.check_agreement(len(left.lines))
    assert demo.source.reopened >= 20  # type: ignore[attr-defined]
    ids = [track["id"] for line in left.lines for track in line["tracks"]]
    assert ids == sorted(ids), "after a restart only new ids"
    assert left.summary["restarts"] >= 20
    assert left.summary["identities"] == len(set(ids)) >= 21


@pytest.mark.slow
def test_a_camera_killed_twenty_times_is_survived_twenty_times_and_no_id_comes_back(camera: Camera, assembled: Callable[..., Demo]) -> None:
    check_survival(camera, assembled(camera.address("live.mjpg"), *QUICK, "tracker.max_lost_frames=3", detector=OneBox()))


@pytest.mark.slow
def test_an_rtsp_camera_killed_twenty_times_is_survived_twenty_times_and_no_id_comes_back(
    rtsp: Callable[..., RtspCamera], assembled: Callable[..., Demo]
) -> None:
    camera = rtsp()
    check_survival(camera, assembled(camera.address("live"), *QUICK, "tracker.max_lost_frames=3", detector=OneBox()))


@pytest.mark.slow
def test_an_rtsp_camera_with_a_password_is_tracked_and_the_password_is_nowhere(
    rtsp: Callable[..., RtspCamera], run: Run, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    camera = rtsp("user:SECRET")
    caplog.set_level("INFO", logger="bytetrack")
    left = run(camera.address("live", "user:SECRET@"), *QUICK, "max_frames=10", detector=OneBox())
    left.check_agreement(10)
    with pytest.raises(MissingDataError, match=r"rtsp://127.0.0.1:\d+/live cannot be opened within 2 s") as refused:
        run(camera.address("live", "user:WRONG@"), *QUICK, detector=OneBox())
    texts = [path.name + path.read_text(errors="replace") for path in left.folder.iterdir()]
    for text in [*texts, "".join(capfd.readouterr()), caplog.text, str(refused.value)]:
        assert "SECRET" not in text
        assert "WRONG" not in text
    assert left.name == "127.0.0.1_live"


@pytest.mark.slow
def test_no_password_is_in_any_log_or_file(tmp_path: Path, camera: Camera) -> None:
    address = camera.address("live.mjpg?key=HIDDEN").replace("http://", "http://user:SECRET@")
    tool = [sys.executable, str(home() / "tools" / "demo.py")]
    command = [*tool, f"source='{address}'", f"out={tmp_path / 'out'}", *QUICK]
    command += [f"weights={tmp_path / 'tiny.onnx'}", "max_frames=10"]
    (tmp_path / "tiny.onnx").write_bytes(b"not a network")
    failed = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert failed.returncode == 1
    (tmp_path / "saved").mkdir()
    save(compose("demo", [f"source='{address}'"]), tmp_path / "saved")
    gone = address.replace(str(camera.port), "9")
    refused = subprocess.run([*tool, f"source='{gone}'", *command[3:]], capture_output=True, text=True, timeout=100)
    mistyped = subprocess.run([*tool, f"source={address}]["], capture_output=True, text=True, timeout=100)
    texts = [process.stdout + process.stderr for process in (failed, refused, mistyped)]
    texts += [path.read_text() for folder in ("out", "saved") for path in (tmp_path / folder).glob("*.*")]
    assert len(texts) >= 4
    for text in texts:
        assert "SECRET" not in text
        assert "HIDDEN" not in text
    assert "127.0.0.1" in texts[-1]


def test_the_outputs_of_a_stream_with_a_password_do_not_name_it(
    tmp_path: Path, camera: Camera, run: Run, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    address = camera.address("live.mjpg?key=HIDDEN").replace("http://", "http://user:SECRET@")
    caplog.set_level("INFO", logger="bytetrack")
    left = run(address, *QUICK, "max_frames=10", detector=OneBox())
    left.check_agreement(10)
    printed = "".join(capfd.readouterr())
    texts = [path.name + path.read_text(errors="replace") for path in left.folder.iterdir()]
    for text in [*texts, printed, caplog.text]:
        assert "SECRET" not in text
        assert "HIDDEN" not in text
    assert left.name == "127.0.0.1_live.mjpg"


def test_a_camera_that_hangs_is_opened_again(camera: Camera, run: Run) -> None:
    left = run(camera.address("hang"), "stream.timeout=1", "stream.longest_pause=0.1", "max_frames=2", detector=OneBox())
    assert len(left.lines) == 2


def test_a_camera_that_stays_away_ends_the_run_with_everything_kept(camera: Camera, assembled: Callable[..., Demo], tmp_path: Path) -> None:
    settings = ("stream.timeout=1", "stream.give_up_after=1", "stream.longest_pause=0.1")
    demo = assembled(camera.address("live.mjpg"), *settings, detector=OneBox())
    rows = demo.outputs.folder / f"{demo.source.name}.jsonl"

    def unplug() -> None:
        while frames_in(rows) < 5:
            time.sleep(0.02)
        camera.kill()

    threading.Thread(target=unplug, daemon=True).start()
    assert demo.run() == 0
    left = Left(tmp_path / "out", demo.source.name)
    assert len(left.lines) >= 5
    left.check_agreement(len(left.lines))


def test_stopping_does_not_wait_for_a_camera_that_is_away(camera: Camera, assembled: Callable[..., Demo]) -> None:
    demo = assembled(camera.address("live.mjpg"), "stream.timeout=1", "stream.give_up_after=600", detector=OneBox())
    rows = demo.outputs.folder / f"{demo.source.name}.jsonl"

    def unplug_and_stop() -> None:
        while frames_in(rows) < 3:
            time.sleep(0.02)
        camera.kill()
        time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=unplug_and_stop, daemon=True).start()
    started = time.monotonic()
    assert demo.run() == 130
    assert time.monotonic() - started < 60, "not the 600 s that a lost camera is waited for"


def test_a_film_behind_an_address_loses_no_frame(camera: Camera, run: Run, tmp_path: Path) -> None:
    write_video(camera.film, 60)

    class Slow(OneBox):
        def detect(self, images: list[Any]) -> list[Detections]:
            time.sleep(0.005)
            return super().detect(images)

    left = run(camera.address("film.mp4"), detector=Slow())
    left.check_agreement(60)
    assert left.summary["dropped"] == 0
    assert [line["time"] for line in left.lines] == pytest.approx(np.arange(60) / 25, abs=0.0011)
