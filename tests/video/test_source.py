"""Sources: files give every frame, live ones the newest; a lost one comes back."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from bytetrack.errors import FormatError, MissingDataError
from bytetrack.listing import VIDEO_ENDINGS, listed
from bytetrack.video.source import Live, VideoFile, Waits, is_camera, open_source, redacted, refuse_missing


def picture(value: int, size: tuple[int, int] = (48, 64)) -> Any:
    return np.full((*size, 3), value, np.uint8)


def write_images(folder: Path, names: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for value, name in enumerate(names):
        cv2.imwrite(str(folder / name), picture(10 * value))


def test_a_folder_gives_its_images_in_natural_order(tmp_path: Path) -> None:
    write_images(tmp_path, ["2.png", "10.png", "1.png"])
    (tmp_path / "notes.txt").write_text("not an image")
    frames = list(open_source(str(tmp_path), frame_rate=10))
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [20, 0, 10]
    assert [frame.frame_id for frame in frames] == [1, 2, 3]
    assert [frame.time for frame in frames] == pytest.approx([0, 0.1, 0.2])


def test_a_pattern_gives_the_images_it_matches(tmp_path: Path) -> None:
    write_images(tmp_path, ["a1.png", "a2.png", "b1.png"])
    assert len(list(open_source(f"{tmp_path}/a*.png"))) == 2


def test_a_video_gives_every_frame_with_its_time(data_dir: Path) -> None:
    source = open_source(str(data_dir / "PETS09-S2L1" / "vtest.avi"))
    frames = [(frame.frame_id, frame.time) for frame in source]
    assert len(frames) == source.length == 795
    assert [number for number, _ in frames] == list(range(1, 796))
    assert np.diff([moment for _, moment in frames]) == pytest.approx(np.full(794, 1 / source.frame_rate))


def test_a_truncated_video_gives_the_frames_it_has(data_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole = (data_dir / "PETS09-S2L1" / "vtest.avi").read_bytes()
    (tmp_path / "cut.avi").write_bytes(whole[: len(whole) // 3])
    assert 50 < len(list(VideoFile(tmp_path / "cut.avi"))) < 795


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nothing.mp4", "no source 'nothing.mp4'"),
        ("97", "camera 97 cannot be opened"),
        ("rtsp://user:secret@127.0.0.1:9/cam", "rtsp://127.0.0.1:9/cam cannot be opened"),
        ("nothing/*.jpg", "no image matches"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(spec: str, message: str) -> None:
    with pytest.raises(MissingDataError, match=message.replace("*", r"\*")) as caught:
        open_source(spec, timeout=1)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_text_file_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_text("hello")
    with pytest.raises(FormatError, match=r"notes.mp4: cannot be opened as a video"):
        open_source(str(tmp_path / "notes.mp4"))


def test_an_empty_folder_says_what_it_looked_for(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match="expected files ending in"):
        open_source(str(tmp_path))


def test_addresses_lose_their_credentials() -> None:
    assert redacted("rtsp://user:pa:ss@cam.local:554/live?key=1") == "rtsp://cam.local:554/live"
    assert redacted("/home/me/video.mp4") == "/home/me/video.mp4"


class Capture:
    """A camera that gives `count` pictures, one every `interval` seconds, and then fails."""

    def __init__(self, count: int, interval: float = 0.0) -> None:
        self.left, self.interval = count, interval

    def read(self) -> tuple[bool, Any]:
        time.sleep(self.interval)
        self.left -= 1
        return (True, picture(self.left % 250)) if self.left >= 0 else (False, None)

    def get(self, _: int) -> float:
        return 100.0

    def release(self) -> None:
        pass


def live(captures: list[Capture | None], give_up_after: float = 0.3) -> Live:
    queue: list[Any] = list(captures)
    return Live("cam", "camera", lambda: queue.pop(0) if queue else None, None, Waits(1.0, give_up_after, 0.1))


def test_a_live_source_drops_the_oldest_and_counts_it() -> None:
    source = live([Capture(100, 0.002)])
    seen = []
    for frame in source:
        seen.append(frame.frame_id)
        time.sleep(0.01)
    assert seen == list(range(1, len(seen) + 1))
    assert source.dropped == 100 - len(seen)
    assert source.dropped > 30


@pytest.mark.slow
def test_a_lost_source_comes_back_twenty_times_and_says_how_long_it_was_away() -> None:
    source = live([Capture(3, 0.01), *(capture for _ in range(20) for capture in (None, Capture(3, 0.01)))], give_up_after=1.5)
    frames = list(source)
    assert source.reopened == 20
    assert sum(frame.gap > 0.08 for frame in frames) >= 20  # a tenth of a second before every attempt
    assert [frame.frame_id for frame in frames] == list(range(1, len(frames) + 1))


def test_a_source_that_stays_away_ends() -> None:
    assert len(list(live([Capture(5, 0.01)]))) >= 1


def test_closing_ends_the_iteration() -> None:
    source = live([Capture(10**9, 0.005)])
    for frame in source:
        if frame.frame_id == 5:
            source.close()
    assert frame.frame_id <= 7


def test_a_number_in_text_is_a_folder_of_that_name_before_it_is_a_camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert is_camera("0")
    assert is_camera("12")
    assert not is_camera("0001")  # a camera's number has no leading 0
    assert not is_camera("20240115")
    (tmp_path / "0").mkdir()
    assert not is_camera("0")
    assert is_camera(0)


def test_a_folder_whose_name_is_a_number_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "7").mkdir()
    cv2.imwrite("7/1.png", np.zeros((8, 8, 3), np.uint8))
    source = open_source("7")
    assert (source.name, source.length, source.live) == ("7", 1, False)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("strret.mp4", r"no source 'strret.mp4': did you mean 'street.mp4'\? give a camera number"),
        ("0001", "no source '0001': give a camera number"),
        ("none/*.jpg", r"no source 'none/\*.jpg'"),
        (987, "no camera 987, and no file or folder of that name"),
    ],
)
def test_a_source_that_is_missing_is_named_before_anything_is_decoded(
    spec: str | int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "street.mp4").touch()
    with pytest.raises(MissingDataError, match=message):
        refuse_missing(spec)
    refuse_missing("*.mp4")
    refuse_missing("rtsp://nobody/here")


def test_a_source_that_holds_no_frames_is_refused_as_early_as_one_that_is_missing(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.mp4").write_text("no film")
    with pytest.raises(MissingDataError, match="no images in folder"):
        refuse_missing(str(tmp_path / "empty"))
    with pytest.raises(FormatError, match="cannot be opened as a video"):
        refuse_missing(str(tmp_path / "notes.mp4"))
    (tmp_path / "notes.mp4").rename(tmp_path / "empty" / "notes.mp4")
    with pytest.raises(FormatError, match="cannot be opened as a video"):
        refuse_missing(str(tmp_path / "empty"))


def test_importing_the_sources_changes_nothing_and_opening_a_stream_silences_what_would_show_its_password(tmp_path: Path) -> None:
    program = f"""
import os, cv2
before = dict(os.environ), cv2.utils.logging.getLogLevel()
from bytetrack.video import source
assert (dict(os.environ), cv2.utils.logging.getLogLevel()) == before
try:
    source.open_source("rtsp://user:secret@127.0.0.1:9/{tmp_path.name}", timeout=0.2, give_up_after=0.2)
except FileNotFoundError as error:
    print(error)
"""
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert "rtsp://127.0.0.1:9" in found.stdout, found.stderr
    assert "secret" not in found.stdout + found.stderr


def test_a_film_in_a_file_of_images_is_refused_and_never_its_first_picture(tmp_path: Path) -> None:
    first, *more = (Image.fromarray(picture(40 * k)) for k in range(3))
    for name in ("a.webp", "a.png", "a.tif"):
        first.save(tmp_path / name, save_all=True, append_images=more)
        for look in (refuse_missing, open_source):
            with pytest.raises(FormatError, match=f"{name}: holds several pictures, of which only the first would be read"):
                look(str(tmp_path / name))
        first.save(tmp_path / name)
        assert len(list(open_source(str(tmp_path / name)))) == 1


def test_in_a_folder_pages_beyond_the_first_are_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first, second = (Image.fromarray(picture(40 * k)) for k in range(2))
    for name in ("1.tif", "2.tif"):
        first.save(tmp_path / name, save_all=True, append_images=[second])
    assert [int(frame.image[0, 0, 0]) for frame in open_source(str(tmp_path))] == [0, 0]
    assert caplog.text.count("of its several pictures (pages, or an animation) the first is read") == 1


def test_a_tiff_with_a_smaller_copy_of_itself_is_one_picture(tmp_path: Path) -> None:
    pages = [Image.fromarray(picture(9)), Image.fromarray(picture(9, (24, 32)))]
    pages[1].encoderinfo = {"tiffinfo": {254: 1}}
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    assert len(list(open_source(str(tmp_path / "a.tif")))) == 1


@pytest.mark.parametrize("ending", ["m4v", "wmv", "mpg", "MTS", "flv", "gif"])
def test_a_folder_may_hold_a_video_of_any_ending(tmp_path: Path, ending: str) -> None:
    (tmp_path / f"a.{ending}").touch()
    assert [path.name for path in listed(tmp_path, VIDEO_ENDINGS)] == [f"a.{ending}"]


def test_the_address_of_a_file_is_the_file(tmp_path: Path) -> None:
    write_images(tmp_path / "a b", ["1.png", "2.png"])
    address = (tmp_path / "a b").as_uri()
    assert "%20" in address
    refuse_missing(address)
    assert not open_source(address).live


def test_patterns_of_other_programs_and_of_videos_are_answered(tmp_path: Path) -> None:
    write_images(tmp_path, ["000001.png"])
    (tmp_path / "a.mp4").touch()
    for look in (refuse_missing, open_source):
        with pytest.raises(MissingDataError, match=r"a pattern of images is written with a star: source='.*/\*\.png'"):
            look(f"{tmp_path}/%06d.png")
    with pytest.raises(MissingDataError, match=r"no image matches '.*\*\.mp4'; videos are given by name, several as source=\[a\.mp4\]"):
        open_source(f"{tmp_path}/*.mp4")
