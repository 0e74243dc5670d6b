"""Length, rate and seeking follow the time stamps of the packets, whatever the header says."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from bytetrack.data.check import _video_problem
from bytetrack.data.datasets import MotChallenge
from bytetrack.errors import FormatError
from bytetrack.timeline import decodable, timeline
from bytetrack.video.read import Video, pictures
from bytetrack.video.source import open_source
from tests.video.films import EVEN, PAUSED, TWO_RATES, film
from tests.video.test_read import number_of

B = {"bf": "3", "g": "25"}
FILMS: dict[str, dict[str, Any]] = {
    "pause.mkv": {"times": PAUSED, "options": B},
    "pause.mp4": {"times": PAUSED, "options": B},
    "two_rates.mp4": {"times": TWO_RATES, "options": {"bf": "3"}},
    "two_rates.wmv": {"times": TWO_RATES, "codec": "wmv2", "rate": 60},
    "starts_late.ts": {"times": [5000 + time for time in EVEN], "options": B},
    "b_frames.ts": {"options": B},
    "open_gop.mkv": {"options": {"x264-params": "open-gop=1:keyint=20:bframes=3"}},
    "refreshed.mp4": {"options": {"x264-params": "intra-refresh=1:keyint=20:bframes=2"}},
    "b_frames.avi": {"codec": "mpeg4", "options": {"bf": "2", "g": "12"}},
    "order_of_coding.avi": {"options": {"bf": "3"}},  # its packets' stamps are those of decoding
    "no_stamps.h264": {"options": B, "form": "h264"},
    "mpeg2.mpg": {"codec": "mpeg2video", "options": {"bf": "2", "g": "12"}},
    "hidden_frames.webm": {"codec": "libvpx-vp9", "options": {"auto-alt-ref": "1", "lag-in-frames": "16", "g": "30", "cpu-used": "8"}},
    "stills.avi": {"codec": "mjpeg", "pixels": "yuvj420p"},
    "moving.gif": {"codec": "gif", "pixels": "rgb8", "times": EVEN[:40]},
}


@pytest.mark.parametrize("name", FILMS)
def test_any_frame_read_by_number_is_that_of_decoding_from_the_start(tmp_path: Path, name: str) -> None:
    path = film(tmp_path / name, **FILMS[name])
    shown = [image for _, image in pictures(path)]
    n = len(FILMS[name].get("times", EVEN))
    video, order = Video(path), random.Random(0)
    assert [number_of(image) for image in shown] == list(range(1, n + 1))
    assert video.length == decodable(path) == n
    for number in [n, 1, *(order.randint(1, n) for _ in range(30))]:
        np.testing.assert_array_equal(video.read(number), shown[number - 1])


@pytest.mark.parametrize(("times", "rate"), [(EVEN, 25), (PAUSED, 1000 / 33), (TWO_RATES, 1000 / 17)])
def test_the_rate_is_that_at_which_frames_come(tmp_path: Path, times: list[int], rate: float) -> None:
    found = timeline(film(tmp_path / "a.mp4", times))
    assert found.rate == pytest.approx(rate)
    assert found.seconds == pytest.approx(np.array(times) / 1000)


def test_a_stated_rate_near_the_measured_one_is_exact(tmp_path: Path) -> None:
    assert timeline(film(tmp_path / "a.mkv", [round(1000 / 30 * number) for number in range(50)], rate=30)).rate == 30


def test_a_cut_transport_stream_begins_with_its_first_whole_picture(tmp_path: Path) -> None:
    whole = film(tmp_path / "whole.ts", options={"bf": "2", "g": "30"}).read_bytes()
    (tmp_path / "cut.ts").write_bytes(whole[len(whole) // 5 // 188 * 188 :])
    video, shown = Video(tmp_path / "cut.ts"), [number_of(image) for _, image in pictures(tmp_path / "cut.ts")]
    assert shown[-1] == 100
    assert video.length == len(shown) < 100
    assert [number_of(video.read(number)) for number in (len(shown), 1, len(shown) // 2)] == [100, shown[0], shown[len(shown) // 2 - 1]]


def test_of_a_truncated_film_the_frames_that_can_be_decoded_count(tmp_path: Path) -> None:
    whole = film(tmp_path / "whole.mkv", options=B).read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[: len(whole) * 2 // 3])
    shown = [number_of(image) for _, image in pictures(tmp_path / "cut.mkv")]
    video = Video(tmp_path / "cut.mkv")
    assert 40 < video.length == len(shown) < 100
    assert [number_of(video.read(number)) for number in range(1, len(shown) + 1)] == shown


def test_two_recordings_in_one_file_are_read_one_after_the_other(tmp_path: Path) -> None:
    once = film(tmp_path / "once.ts", options=B).read_bytes()
    (tmp_path / "twice.ts").write_bytes(once + once)
    video = Video(tmp_path / "twice.ts")
    assert video.length == 200
    assert [number_of(video.read(number)) for number in (150, 1, 101, 200)] == [50, 1, 1, 100]


def damaged(path: Path) -> Path:
    """A film of which frame 250 of 300 cannot be decoded, as nothing but decoding shows."""
    film(path, [40 * number for number in range(300)], codec="mjpeg", pixels="yuvj420p")
    content = bytearray(path.read_bytes())
    place = -1
    for _ in range(250):
        place = content.index(b"\xff\xd8\xff", place + 1)
    end = content.index(b"\xff\xd8\xff", place + 1)
    content[place : end - 100] = bytes(end - 100 - place)
    path.write_bytes(content)
    return path


def test_a_frame_that_cannot_be_decoded_is_refused_and_those_after_it_keep_their_numbers(tmp_path: Path) -> None:
    video = Video(damaged(tmp_path / "a.avi"))
    assert number_of(video.read(300)) == 300
    with pytest.raises(FormatError, match=r"a\.avi: frame 250 of 300, shown at 9\.960 s, cannot be decoded: the file is damaged there"):
        video.read(250)
    assert number_of(video.read(251)) == 251
    last = {"width": 96, "height": 64, "frame": 300}
    assert [finding.kind for finding in _video_problem(tmp_path / "a.avi", last, decode=True)] == ["damaged video"]
    assert not list(_video_problem(tmp_path / "a.avi", last, decode=False))


@pytest.mark.parametrize(("name", "rate"), [("more", 30), ("less", 10)])
def test_a_sequence_without_seqinfo_has_the_frames_of_its_video(tmp_path: Path, name: str, rate: int) -> None:
    (tmp_path / name).mkdir()
    film(tmp_path / name / "clip.mkv", TWO_RATES, rate=rate)
    sequence = MotChallenge(tmp_path).sequences()[0]
    assert (sequence.length, sequence.width, sequence.height) == (90, 96, 64)
    assert sequence.frame_rate == pytest.approx(1000 / 17, abs=0.01)


@pytest.mark.parametrize("turned", [90, 180, 270])
def test_a_turned_film_has_one_size_and_one_picture_everywhere(tmp_path: Path, turned: int) -> None:
    (tmp_path / "s").mkdir()
    path, upright = film(tmp_path / "s" / "clip.mp4", EVEN[:5], turned=turned), film(tmp_path / "upright.mp4", EVEN[:5])
    expected = np.rot90(next(pictures(upright))[1], turned // 90)
    video, sequence, source = Video(path), MotChallenge(tmp_path).sequences()[0], open_source(str(path))
    for image in (video.read(1), next(iter(source)).image):
        np.testing.assert_array_equal(image, expected)
    assert (video.width, video.height) == (sequence.width, sequence.height) == expected.shape[1::-1]
    size = {"width": sequence.width, "height": sequence.height, "frame": 5}
    assert not list(_video_problem(path, size, decode=True))


@pytest.mark.parametrize(("largest", "refused"), [(4095, True), (65_535, False)])
def test_a_thermal_film_is_refused_not_black(tmp_path: Path, largest: int, refused: bool) -> None:
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "gray16le"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((64, 96), largest, np.uint16), "gray16le")))
        container.mux(stream.encode(None))
    for read in (Video, lambda path: list(open_source(str(path)))):
        if refused:
            with pytest.raises(FormatError, match=r"a\.mkv: pictures of 16 bits, of which 12 are used, would be black"):
                read(tmp_path / "a.mkv")
        else:
            read(tmp_path / "a.mkv")


@pytest.mark.parametrize("name", ["10:30.mp4", "a%03d.mp4", "it's #1.mp4", "[x],y.mp4", "-v.mp4", 'say "so".mp4', "a b?.mp4", "é|ü.mp4"])
def test_a_name_is_a_name_to_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    film(Path("plain.mp4"), EVEN[:3]).rename(name)
    assert [number_of(frame.image) for frame in open_source(name)] == [1, 2, 3]
    assert number_of(Video(name).read(2)) == 2


def test_a_folder_named_by_a_number_is_no_camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("42").mkdir()
    film(Path("42/clip.mp4"), EVEN[:3])
    source = open_source("42")
    assert (source.name, len(list(source))) == ("42", 3)


def test_the_rate_of_two_gaps_far_apart_is_that_of_the_shorter(tmp_path: Path) -> None:
    assert timeline(film(tmp_path / "a.mkv", [0, 33, 5000])).rate == pytest.approx(1000 / 33, rel=0.02)


def test_frames_of_one_time_stamp_share_the_time_until_the_next(tmp_path: Path) -> None:
    path = film(tmp_path / "twice.mkv", [66 * (k // 2) for k in range(40)], codec="ffv1", pixels="bgr0", rate=30)
    source = open_source(str(path))
    times = [frame.time for frame in source]
    assert source.frame_rate == pytest.approx(30, rel=0.02)
    assert times[-1] == pytest.approx(39 / 30, abs=0.05)


def test_two_files_put_together_keep_their_rate(tmp_path: Path) -> None:
    path = film(tmp_path / "one.ts", form="mpegts")
    path.write_bytes(2 * path.read_bytes())
    source = open_source(str(path))
    assert (source.length, source.frame_rate) == (200, 25)


def test_the_second_film_of_a_file_is_said_not_to_be_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with av.open(str(tmp_path / "two.mp4"), "w") as container:
        streams = [container.add_stream("libx264", rate=25) for _ in range(2)]
        for stream, (width, height) in zip(streams, ((96, 64), (192, 128)), strict=True):
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for stream in streams:
            container.mux(stream.encode(av.VideoFrame(stream.width, stream.height, "yuv420p")))
            container.mux(stream.encode(None))
    assert timeline(tmp_path / "two.mp4").size == (96, 64)
    assert caplog.text.count("it holds several films, as of several cameras; the first (96 x 64) is read") == 1
