"""The demo from end to end: what comes in must come out, in every file, whatever the source is like."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from bytetrack.demo.overlay import Painter
from bytetrack.errors import FormatError, MissingDataError
from bytetrack.structures import Tracks
from tests.demo.films import Left, Run, picture, write_detections, write_images, write_video


def test_all_files_end_with_the_last_frame_and_say_the_same(tmp_path: Path, run: Run) -> None:
    write_detections(tmp_path / "detections", "walk", 30)
    left = run(write_video(tmp_path / "walk.mp4", 30))
    left.check_agreement(30)
    assert left.status == 0
    assert sorted(path.name for path in left.folder.iterdir()) == ["config.yaml", "summary.json", "walk.jsonl", "walk.mp4", "walk.txt"]
    assert {row[1] for row in left.rows} == {1, 2}
    assert len(left.rows) == 60
    assert left.rows[-2][:6] == pytest.approx([30, 1, 10 + 4 * 29, 20, 20, 40], abs=0.5)
    assert left.lines[-1]["tracks"][0]["class"] == "person"
    assert left.summary["identities"] == 2
    assert left.summary["stages"]["encode"]["items"] == 30
    assert {"read", "detect", "track", "draw", "encode"} == set(left.summary["stages"])


def test_the_video_plays_in_browsers_at_the_frame_rate_of_the_source(tmp_path: Path, run: Run) -> None:
    write_detections(tmp_path / "detections", "walk", 20)
    left = run(write_video(tmp_path / "walk.mp4", 20, rate=Fraction(30000, 1001)))
    with av.open(str(left.video)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert stream.average_rate == Fraction(30000, 1001)
    data = left.video.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("codec", ["aac", "pcm_s16le"])
def test_the_sound_is_kept_as_far_as_there_are_frames(tmp_path: Path, run: Run, codec: str) -> None:
    write_detections(tmp_path / "detections", "walk", 50)
    source = write_video(tmp_path / ("walk.mp4" if codec == "aac" else "walk.mkv"), 50, tone=codec)
    left = run(source, "max_frames=25")
    left.check_agreement(25)
    with av.open(str(left.video)) as container:
        sound = np.concatenate([frame.to_ndarray().mean(0) for frame in container.decode(audio=0)])
        assert container.streams.audio[0].codec_context.name == "aac"
    assert len(sound) / 44100 == pytest.approx(1.0, abs=0.1)
    loudest = np.abs(np.fft.rfft(sound)).argmax() * 44100 / len(sound)
    assert loudest == pytest.approx(440, abs=3)


@pytest.mark.parametrize("codec", ["aac", "ac3", "mp2"])
def test_damaged_sound_does_not_cost_the_picture(tmp_path: Path, run: Run, codec: str) -> None:
    write_detections(tmp_path / "detections", "noisy", 100)
    source = write_video(tmp_path / "noisy.ts", 100, tone=codec)
    rng, data = np.random.default_rng(1), bytearray(source.read_bytes())
    for place in rng.integers(2000, len(data) - 2000, 30):
        data[place : place + 150] = rng.bytes(150)
    source.write_bytes(data)
    left = run(source)
    assert len(left.lines) > 50
    left.check_agreement(len(left.lines))
    with av.open(str(left.video)) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) > 44100, "what is whole of the sound is kept"


def test_a_source_that_is_gone_at_the_end_costs_its_sound_only(tmp_path: Path, assembled: Any, caplog: pytest.LogCaptureFixture) -> None:
    write_detections(tmp_path / "detections", "usb", 20)
    demo = assembled(write_video(tmp_path / "usb.mp4", 20, tone="aac"))
    (tmp_path / "usb.mp4").unlink()
    demo.run()
    Left(demo.outputs.folder, "usb").check_agreement(20)
    assert "usb.mp4: its sound is omitted" in caplog.text


def test_frames_that_come_at_uneven_times_keep_them(tmp_path: Path, run: Run) -> None:
    times = np.cumsum([0.0, *np.random.default_rng(3).choice([0.02, 0.04, 0.2], 19)]).round(3).tolist()
    write_detections(tmp_path / "detections", "phone", 20)
    left = run(write_video(tmp_path / "phone.mp4", 20, times=times))
    assert [line["time"] for line in left.lines] == pytest.approx(times, abs=0.0011)
    assert left.times() == pytest.approx(times, abs=0.0011)


@pytest.mark.parametrize("size", [(193, 121), (192, 121), (37, 51)])
def test_odd_sizes_get_one_more_row_or_column(tmp_path: Path, run: Run, size: tuple[int, int]) -> None:
    write_images(tmp_path / "odd", (picture(n, *size) for n in range(5)))
    write_detections(tmp_path / "detections", "odd", 5)
    left = run(tmp_path / "odd", "draw.legend=false")
    left.check_agreement(5)
    assert left.images()[0].shape[:2] == (size[1] + size[1] % 2, size[0] + size[0] % 2)


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_telephones_video_stands_upright(tmp_path: Path, run: Run, rotation: int) -> None:
    (tmp_path / "detections").mkdir()
    (tmp_path / "detections" / "upright.txt").write_text("")
    source = write_video(tmp_path / "upright.mp4", 5, rotation=rotation)
    left = run(source, "draw.legend=false")
    turned = left.images()[0]
    assert turned.shape[:2] == ((120, 192) if rotation == 180 else (192, 120))
    expected = np.rot90(picture(0), rotation // 90)  # counter-clockwise, as the display matrix says
    assert np.abs(expected.astype(int) - turned).mean() < 10
    assert np.abs(np.rot90(expected, 2).astype(int) - turned).mean() > 10
    with av.open(str(left.video)) as container:
        assert next(container.decode(video=0)).rotation == 0, "and no player turns it again"


def test_a_header_that_lies_about_the_number_of_frames_loses_none(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "liar.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (192, 120))
    for number in range(20):
        writer.write(picture(number))
    writer.release()
    data = bytearray(path.read_bytes())
    avih, strh = data.index(b"avih"), data.index(b"strh")
    data[avih + 8 + 16 : avih + 8 + 20] = data[strh + 8 + 32 : strh + 8 + 36] = (7).to_bytes(4, "little")
    path.write_bytes(data)
    write_detections(tmp_path / "detections", "liar", 20)
    left = run(path)
    left.check_agreement(20)
    assert len(left.rows) == 40


def test_a_video_without_frames_is_one_clear_line(tmp_path: Path, run: Run) -> None:
    writer = cv2.VideoWriter(str(tmp_path / "empty.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 64))
    writer.release()
    write_detections(tmp_path / "detections", "empty", 1)
    with pytest.raises(FormatError, match=r"empty.avi: (no frame can be decoded|cannot be opened as a video)"):
        run(tmp_path / "empty.avi")
    assert not (tmp_path / "out" / "empty.mp4").exists()


def test_a_truncated_video_is_tracked_as_far_as_it_goes(tmp_path: Path, run: Run, caplog: pytest.LogCaptureFixture) -> None:
    source = write_video(tmp_path / "cut.mkv", 60)
    source.write_bytes(source.read_bytes()[: source.stat().st_size * 2 // 3])
    write_detections(tmp_path / "detections", "cut", 60)
    left = run(source)
    frames = len(left.lines)
    assert 10 < frames < 60
    left.check_agreement(frames)


def test_corruption_in_the_middle_does_not_end_the_run(tmp_path: Path, run: Run) -> None:
    source = write_video(tmp_path / "noisy.mp4", 80)
    data = bytearray(source.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 300] = np.random.default_rng(0).bytes(300)
    source.write_bytes(data)
    write_detections(tmp_path / "detections", "noisy", 80)
    left = run(source)
    assert len(left.lines) >= 60
    left.check_agreement(len(left.lines))


def test_a_new_size_starts_tracking_anew_and_no_id_comes_back(tmp_path: Path, run: Run) -> None:
    sizes = [(192, 120)] * 5 + [(240, 200)] * 5 + [(192, 120)] * 5
    write_images(tmp_path / "sizes", (picture(n, *size) for n, size in enumerate(sizes)))
    write_detections(tmp_path / "detections", "sizes", 15)
    left = run(tmp_path / "sizes")
    left.check_agreement(15)
    ids = [{track["id"] for track in line["tracks"]} for line in left.lines]
    assert ids == [{1, 2}] * 5 + [{3, 4}] * 5 + [{5, 6}] * 5
    assert left.summary["restarts"] == 2
    assert {image.shape for image in left.images()} == {(120, 192, 3)}


def test_a_new_size_inside_a_video_file_is_scaled_to_the_first_and_tracking_goes_on(tmp_path: Path, run: Run) -> None:
    write_detections(tmp_path / "detections", "call", 30)
    parts = [write_video(tmp_path / f"{n}.ts", 10, size=size).read_bytes() for n, size in enumerate([(192, 120), (96, 60), (192, 120)])]
    (tmp_path / "call.ts").write_bytes(b"".join(parts))
    left = run(tmp_path / "call.ts")
    left.check_agreement(30)
    assert left.summary["restarts"] == 0
    assert {image.shape for image in left.images()} == {(120, 192, 3)}


def test_a_source_that_breaks_midway_leaves_what_was_done(tmp_path: Path, run: Run) -> None:
    folder = write_images(tmp_path / "frames", (picture(n) for n in range(10)))
    (folder / "000007.png").write_bytes(b"\x89PNG broken")
    write_detections(tmp_path / "detections", "frames", 10)
    with pytest.raises(FormatError, match=r"000007.png: "):
        run(folder)
    Left(tmp_path / "out", "frames").check_agreement(6)


def test_nothing_that_is_read_is_overwritten(tmp_path: Path, run: Run) -> None:
    source = write_video(tmp_path / "walk.mp4", 3)
    write_detections(tmp_path / "detections", "walk", 3)
    with pytest.raises(ValueError, match=r"the video would overwrite its source .*walk.mp4: set another out"):
        run(source, out=tmp_path)
    with pytest.raises(ValueError, match=r"the rows would overwrite the detections .*walk.txt: set another out"):
        run(source, out=tmp_path / "detections")
    assert (tmp_path / "detections" / "walk.txt").read_text().count("\n") == 6


def test_crossings_and_visits_are_counted_and_written(tmp_path: Path, run: Run) -> None:
    write_detections(tmp_path / "detections", "walk", 32)
    source = write_video(tmp_path / "walk.mp4", 32)
    left = run(source, "lines=[[80,0,80,120,gate]]", "zones={right:[[90,0],[192,0],[192,120],[90,120]]}")
    assert left.summary["counts"]["lines"] == {"gate": {"in": {"person": 1}, "out": {"person": 1}}}
    events = (left.folder / "walk.events.csv").read_text().splitlines()
    kinds = sorted(line.split(",")[0] for line in events[1:])
    assert kinds == ["appear", "cross", "cross", "enter", "exit", "vanish"]
    assert [event["kind"] for line in left.lines for event in line["events"]].count("cross") == 2
    assert left.lines[-1]["counts"]["lines"] == left.summary["counts"]["lines"]


def test_speed_and_distance_come_with_a_homography_only(tmp_path: Path, run: Run) -> None:
    write_detections(tmp_path / "detections", "walk", 30)
    source = write_video(tmp_path / "walk.mp4", 30)
    assert "speed" not in run(source).lines[-1]["tracks"][0]
    walker = run(source, "homography=[[0.05,0,0],[0,0.05,0],[0,0,1]]").lines[-1]["tracks"][0]
    assert walker["speed"] == pytest.approx(4 * 25 * 0.05, rel=0.05), "4 pixels a frame, 25 frames a second, 5 cm a pixel"
    assert walker["distance"] == pytest.approx(4 * 29 * 0.05, abs=0.6)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("lines=[[1,2,3]]", r"lines\[0\] must be \[x1, y1, x2, y2, name\]"),
        ("lines=[[1,2,1,2,a]]", "needs two different points"),
        ("zones={a:[[1,2],[3,4]]}", "at least three points"),
        ("homography=[[1,0],[0,1]]", "homography must be an invertible 3x3"),
        ("max_frames=0", "max_frames must be at least 1"),
        ("draw.blur=faces", "draw.blur must be people, heads or null"),
        ("video.crf=99", "crf"),
        ("video.preset=quick", "preset"),
        ("tracker.match_cost=3", "match_cost"),
        ("show=true", "needs a screen"),
        ("serve=true page.host=0.0.0.0", "token"),
        ("stream.timeout=0", "must be above 0 seconds"),
    ],
)
def test_a_wrong_setting_is_one_line_and_nothing_is_written(
    tmp_path: Path, run: Run, setting: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    write_detections(tmp_path / "detections", "walk", 3)
    with pytest.raises(ValueError, match=message) as caught:
        run(write_video(tmp_path / "walk.mp4", 3), *setting.split())
    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "out").glob("walk*"))


def test_recorded_detections_that_are_not_there_are_named(tmp_path: Path, run: Run) -> None:
    with pytest.raises(MissingDataError, match=r"detector.folder must hold walk.txt"):
        run(write_video(tmp_path / "walk.mp4", 3))


def test_recorded_classes_are_named_chosen_and_kept(tmp_path: Path, run: Run) -> None:
    path = write_detections(tmp_path / "detections", "walk", 6) / "walk.txt"
    lines = [line.split(",")[:7] for line in path.read_text().splitlines()]
    path.write_text("".join(",".join([*line, str(2 * (number % 2)), "-1,-1"]) + "\n" for number, line in enumerate(lines)))
    film = write_video(tmp_path / "walk.mp4", 6)
    both = run(film, "detector.class_names=coco", "classes=all", "lines=[[80,0,80,120,gate]]")
    assert [track["class"] for track in both.lines[-1]["tracks"]] == ["person", "car"]
    assert {row[7] for row in both.rows} == {0, 2}
    cars = run(film, "detector.class_names=coco", "classes=[car]")
    assert [track["class"] for track in cars.lines[-1]["tracks"]] == ["car"]
    assert [track["class"] for track in run(film, "classes=[boat]").lines[-1]["tracks"]] == ["boat", "boat"]
    assert [track["class"] for track in run(film, "classes=all").lines[-1]["tracks"]] == ["object", "object"]
    with pytest.raises(ValueError, match="walk: no class 'unicorn' among its 80"):
        run(film, "detector.class_names=coco", "classes=[unicorn]")


def test_low_scores_and_no_detections_are_fine(tmp_path: Path, run: Run) -> None:
    write_detections(tmp_path / "detections", "walk", 12, score=0.2)
    left = run(write_video(tmp_path / "walk.mp4", 12), "video=null")
    assert left.rows == []
    assert [line["tracks"] for line in left.lines] == [[]] * 12
    assert left.summary["video"] is None
    assert not left.video.exists()


def test_blurred_people_cannot_be_seen_even_where_they_are_not_tracked(tmp_path: Path, run: Run) -> None:
    write_detections(tmp_path / "detections", "walk", 8, score=0.3)  # too low to start a track
    pattern = np.random.default_rng(1).integers(0, 255, (40, 20, 3), np.uint8)

    def with_faces(number: int) -> np.ndarray:
        image = np.full((120, 192, 3), 90, np.uint8)
        image[20:60, 10 + 4 * number : 30 + 4 * number] = pattern
        return image

    write_images(tmp_path / "walk", (with_faces(n) for n in range(8)))
    sharp, blurred = (
        run(tmp_path / "walk", f"draw.blur={blur}", "draw.legend=false", "video.crf=5", out=tmp_path / blur) for blur in ("null", "people")
    )
    assert sharp.rows == blurred.rows == []
    for before, after in zip(sharp.images(), blurred.images(), strict=True):
        assert cv2.Laplacian(after, cv2.CV_64F).var() < 0.05 * cv2.Laplacian(before, cv2.CV_64F).var()


def test_blur_leaves_what_is_no_person_sharp() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (240, 320, 3), np.uint8)
    boxes = np.array([[10.0, 10, 60, 110], [100, 10, 200, 110]])
    tracks = Tracks(boxes, np.array([1, 2]), np.array([0.9, 0.9]), np.array([0, 1]), np.array([0, 1]))
    for names, blurred in ((["person", "car"], [True, False]), (["bus", "car"], [True, True])):
        painter = Painter(names, 0.5, trail=0, legend=False, blur="people")
        drawn = painter(image.copy(), tracks, {})
        inside = [drawn[30:100, x : x + 30].std() < 0.7 * image[30:100, x : x + 30].std() for x in (20, 130)]
        assert inside == blurred


def test_every_feature_of_the_drawing_runs_at_once(tmp_path: Path, run: Run) -> None:
    write_detections(tmp_path / "detections", "walk", 10)
    drawn = ["draw.scores=true", "draw.classes=true", "draw.heat=true", "draw.blur=heads", "draw.lost=true", "draw.trail=5"]
    left = run(write_video(tmp_path / "walk.mp4", 10), *drawn, "lines=[[80,0,80,120,gate]]", "zones={a:[[0,0],[90,0],[90,90]]}")
    left.check_agreement(10)


def test_the_summary_and_the_settings_are_valid_documents(tmp_path: Path, run: Run) -> None:
    write_detections(tmp_path / "detections", "walk", 4)
    left = run(write_video(tmp_path / "walk.mp4", 4), "page.token=a-secret-of-mine")
    assert json.loads((left.folder / "summary.json").read_text())["dropped"] == 0
    settings = (left.folder / "config.yaml").read_text()
    assert "detector" in settings
    assert "a-secret-of-mine" not in settings


@pytest.mark.slow
def test_the_first_command_of_the_readme_gives_a_video_and_counts(tmp_path: Path, data_dir: Path, run: Run) -> None:
    weights = data_dir / "weights" / "yolox_nano.onnx"
    source = data_dir / "PETS09-S2L1" / "vtest.avi"
    left = run(source, f"weights={weights}", "max_frames=120", "lines=[[300,200,300,560,gate]]")
    left.check_agreement(120)
    assert left.lines[-1]["tracks"][0]["class"] == "person"
    assert 5 <= left.summary["identities"] <= 40
    assert set(left.summary["counts"]["lines"]["gate"]) == {"in", "out"}
