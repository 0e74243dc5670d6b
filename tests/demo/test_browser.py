"""The live page in a real headless browser, and beside viewers who never read."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from bytetrack.demo.run import Demo
from tests.demo.chromium import Chromium
from tests.demo.films import Left, picture, write_detections, write_images

SETTINGS = ("serve=true", "page.port=0", "show=false", "lines=[[80,0,80,120,gate]]", "zones={everywhere:[[0,0],[192,0],[192,120],[0,120]]}")


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chromium]:
    browser = Chromium(tmp_path / "profile")
    yield browser
    browser.close()


def endless(tmp_path: Path, frames: int) -> Path:
    folder = write_images(tmp_path / "endless", (picture(n) for n in range(30)))
    for number in range(31, frames + 1):
        os.link(folder / f"{(number - 1) % 30 + 1:06d}.png", folder / f"{number:06d}.png")
    write_detections(tmp_path / "detections", "endless", 30)
    path = tmp_path / "detections" / "endless.txt"
    path.write_text(path.read_text() + "".join(f"{f},-1,50,50,20,40,0.9,-1,-1,-1\n" for f in range(31, frames + 1)))
    return folder


@pytest.mark.slow
def test_the_page_shows_the_picture_and_the_counts_and_stops_the_run(
    tmp_path: Path, assembled: Callable[..., Demo], browser: Chromium
) -> None:
    demo = assembled(endless(tmp_path, 40_000), *SETTINGS)
    track = demo.stages[1]
    step = track.step
    track.step = lambda shot: time.sleep(0.01) or step(shot)
    status: list[int] = []
    runner = threading.Thread(target=lambda: status.append(demo.run()), daemon=True)
    runner.start()
    assert demo.page is not None
    browser.open(demo.page.address)
    browser.wait_for("document.body?.dataset.live === 'yes'")
    assert browser.wait_for("document.getElementById('picture').naturalWidth") == 192
    frame = "Number(document.getElementById('state').textContent.match(/frame (\\d+)/)?.[1] ?? 0)"
    first = browser.wait_for(frame)
    browser.wait_for(f"{frame} > {first + 5}")
    browser.wait_for("document.getElementById('now').textContent === '1'")
    counts = browser.evaluate("document.getElementById('counts').innerText")
    assert "gate in\t1" in counts
    assert "everywhere now\t1" in counts
    speed = browser.evaluate("document.getElementById('speed').innerText")
    for name in ("frames per second", "dropped", "read", "detect", "track", "draw", "encode"):
        assert name in speed
    browser.screenshot(tmp_path / "page.png")
    image = cv2.imread(str(tmp_path / "page.png"))
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 50
    assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
    browser.evaluate("document.getElementById('stop').click()")
    runner.join(timeout=60)
    assert status == [0]
    browser.wait_for("document.getElementById('state').textContent === 'ended'")
    assert browser.evaluate("document.getElementById('stop').disabled")
    assert not [text for text in browser.complaints if "ERR_" not in text], "only the end of the server is complained of"
    left = Left(tmp_path / "out", "endless")
    left.check_agreement(len(left.lines))


def test_viewers_who_never_read_do_not_hold_up_the_tracker(tmp_path: Path, assembled: Callable[..., Demo]) -> None:
    folder = endless(tmp_path, 400)
    demo = assembled(folder, *SETTINGS)
    assert demo.page is not None
    viewers = []
    for _ in range(5):
        viewer = socket.create_connection(("127.0.0.1", demo.page.port))
        viewer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        viewer.sendall(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        viewers.append(viewer)
    try:
        assert demo.run() == 0
    finally:
        for viewer in viewers:
            viewer.close()
    Left(tmp_path / "out", "endless").check_agreement(400)
    started = time.perf_counter()
    for _ in range(1000):
        demo.page.publish(picture(0), {})
    assert time.perf_counter() - started < 60, "leaving a picture costs microseconds, whoever looks"
