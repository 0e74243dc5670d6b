"""Streams that misbehave: a camera that is killed and comes back, hangs, or stays away; and no password anywhere."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from films import Left, Run, picture, write_video

from bytetrack.config import compose, home, save
from bytetrack.demo.run import Demo
from bytetrack.structures import Detections


class OneBox:
    """A detector that always sees one person in the same place."""

    class_names = ("person",)

    def detect(self, images: list[Any]) -> list[Detections]:
        return [Detections(np.array([[10.0, 20.0, 30.0, 60.0]]), np.array([0.9])) for _ in images]


class Camera:
    """A network camera of its own process, which can be killed and started again at the same address."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.jpeg = folder / "camera.jpg"
        cv2.imwrite(str(self.jpeg), picture(0))
        self.film = folder / "film.mp4"
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-S", str(Path(__file__).with_name("camera.py")), str(self.port), str(self.jpeg)]
        self.process = subprocess.Popen(command, env={**os.environ, "FILM": str(self.film)})
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def address(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}"


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[Camera]:
    camera = Camera(tmp_path)
    yield camera
    camera.kill()


def frames_in(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.is_file() else 0


QUICK = ("stream.timeout=2", "stream.give_up_after=20", "stream.longest_pause=0.1", "stream.frame_rate=25")


@pytest.mark.slow
def test_a_camera_killed_twenty_times_is_survived_twenty_times_and_no_id_comes_back(
    tmp_path: Path, camera: Camera, assembled: Callable[..., Demo]
) -> None:
    demo = assembled(camera.address("live.mjpg"), *QUICK, "tracker.max_lost_frames=3", detector=OneBox())
    rows = demo.outputs.folder / f"{demo.source.name}.jsonl"

    def torment() -> None:
        try:
            for _ in range(20):
                seen, deadline = frames_in(rows), time.monotonic() + 20
                while frames_in(rows) < seen + 4 and time.monotonic() < deadline:
                    time.sleep(0.02)
                camera.kill()
                time.sleep(0.15)
                camera.start()
            seen, deadline = frames_in(rows), time.monotonic() + 20
            while frames_in(rows) < seen + 4 and time.monotonic() < deadline:
                time.sleep(0.02)
        finally:
            demo.stop.set()

    threading.Thread(target=torment, daemon=True).start()
    assert demo.run() == 0
    left = Left(tmp_path / "out", demo.source.name)
    left.check_agreement(len(left.lines))
    assert demo.source.reopened >= 20  # type: ignore[attr-defined]
    ids = [track["id"] for line in left.lines for track in line["tracks"]]
    assert ids == sorted(ids), "after a restart only new ids"
    assert left.summary["restarts"] >= 20
    assert left.summary["identities"] == len(set(ids)) >= 21


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
