"""Network cameras of their own processes, which can be killed and started again at the same address, and what watches them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from bytetrack.demo.run import Demo
from bytetrack.structures import Detections
from tests.demo.films import picture

QUICK = ("stream.timeout=2", "stream.give_up_after=20", "stream.longest_pause=0.1", "stream.frame_rate=25")


class OneBox:
    """A detector that always sees one person in the same place."""

    class_names = ("person",)

    def detect(self, images: list[Any]) -> list[Detections]:
        return [Detections(np.array([[10.0, 20.0, 30.0, 60.0]]), np.array([0.9])) for _ in images]


class Camera:
    """MJPEG over http: `camera.py`."""

    scheme, script = "http", "camera.py"

    def __init__(self, folder: Path, *more: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.film = folder / "film.mp4"
        self._arguments = [str(self.port), str(self.record(folder)), *more]
        self.start()

    def record(self, folder: Path) -> Path:
        """The file that it shows."""
        cv2.imwrite(str(folder / "camera.jpg"), picture(0))
        return folder / "camera.jpg"

    def start(self) -> None:
        command = [sys.executable, "-S", str(Path(__file__).with_name(self.script)), *self._arguments]
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

    def address(self, path: str, credentials: str = "") -> str:
        return f"{self.scheme}://{credentials}127.0.0.1:{self.port}/{path}"


class RtspCamera(Camera):
    """H.264 over RTSP: `rtsp_camera.py`."""

    scheme, script = "rtsp", "rtsp_camera.py"

    def record(self, folder: Path) -> Path:
        codec: Any = av.CodecContext.create("libx264", "w")
        codec.width, codec.height, codec.pix_fmt = 192, 120, "yuv420p"
        codec.time_base, codec.options = Fraction(1, 25), {"preset": "ultrafast", "tune": "zerolatency"}
        images = [av.VideoFrame.from_ndarray(picture(number), format="bgr24") for number in range(25)]
        (folder / "camera.h264").write_bytes(b"".join(bytes(packet) for image in [*images, None] for packet in codec.encode(image)))
        return folder / "camera.h264"


def frames_in(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.is_file() else 0


def kill_again_and_again(camera: Camera, demo: Demo, times: int) -> threading.Thread:
    """A thread that kills the camera so often, each time after four more frames, starts it again, and then stops the demo."""
    rows = demo.outputs.folder / f"{demo.source.name}.jsonl"

    def four_more() -> None:
        seen, deadline = frames_in(rows), time.monotonic() + 20
        while frames_in(rows) < seen + 4 and time.monotonic() < deadline:
            time.sleep(0.02)

    def torment() -> None:
        try:
            for _ in range(times):
                four_more()
                camera.kill()
                time.sleep(0.15)
                camera.start()
            four_more()
        finally:
            demo.stop.set()

    thread = threading.Thread(target=torment, daemon=True)
    thread.start()
    return thread
