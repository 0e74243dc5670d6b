"""Frames that the detector leaves out: what is tracked, predicted, counted, drawn and written with `every=N`."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bytetrack
from bytetrack import Detections, Tracks
from bytetrack.config import build, compose, plain
from bytetrack.demo.between import Between, DetectionSchedule, chained
from bytetrack.demo.frames import FramePipeline, Shot, join
from bytetrack.demo.multi_source import build_demos
from bytetrack.demo.overlay import Painter
from bytetrack.demo.run import Demo
from bytetrack.demo.settings import DemoSettings
from bytetrack.io.mot import read_trajectories
from bytetrack.structures import FILLED
from bytetrack.tracking import tracker_classes
from bytetrack.video.draw import FILLED_MARK
from bytetrack.video.source import Frame, Live, Waits
from tests.demo.films import RATE, WALKERS, Left, Run, picture, write_detections, write_images, write_video

GREY = np.full((120, 192, 3), 90, np.uint8)


class Film:
    """Frames at the given times, all grey; `gaps` by frame number, from 1."""

    live, dropped, path, name = False, 0, None, "film"

    def __init__(self, times: list[float], rate: float = RATE, gaps: dict[int, float] | None = None) -> None:
        self.times, self.frame_rate, self.gaps, self.length = times, rate, gaps or {}, len(times)

    def __iter__(self) -> Iterator[Frame]:
        for number, moment in enumerate(self.times, 1):
            yield Frame(number, moment, GREY, self.gaps.get(number, 0.0))

    def close(self) -> None:
        pass


class Walker:
    """Sees one box, `speed` pixels a second to the right; remembers at which frames it was asked to look."""

    class_names = ("person",)

    def __init__(self, film: Film, speed: float = 50.0) -> None:
        self.film, self.speed = film, speed

    def detect_sequence(self, sequence: Any) -> Any:
        boxes = [Detections([[10 + self.speed * time, 20, 30 + self.speed * time, 60]], [0.9]) for time in self.film.times]
        return bytetrack.SequenceDetections.from_frames(boxes)


class Listener:
    """Outputs its detections as tracks 1, 2, …; remembers what it was told besides."""

    supports_dt = True
    inputs = ("camera_motion",)

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def update(self, detections: Detections, **told: Any) -> Tracks:
        self.told.append(told)
        number = np.arange(len(detections))
        return Tracks(detections.xyxy, number + 1, detections.score, None, number)


def followed(pipeline: FramePipeline) -> list[Shot]:
    return [pipeline.follow(pipeline.move(pipeline.find(pipeline.shot(Shot, frame)))) for frame in pipeline.frames()]


def noisy(folder: Path, name: str, frames: int, every: int = 1) -> None:
    """Both squares with a little noise, one of them gone for a while; every `every`-th frame of the same film."""
    rng = np.random.default_rng(4)
    folder.mkdir(exist_ok=True)
    rows = []
    for frame in range(frames):
        for number, (left, top, speed) in enumerate(WALKERS):
            x, y, score = left + speed * frame + rng.normal(), top + rng.normal(), 0.4 if rng.random() < 0.2 else rng.uniform(0.8, 0.95)
            if frame % every == 0 and not (number and 12 <= frame < 18):
                rows.append(f"{frame // every + 1},-1,{x:.2f},{y:.2f},20,40,{score:.2f},-1,-1,-1\n")
    (folder / f"{name}.txt").write_text("".join(rows))


@pytest.mark.parametrize("tracker", tracker_classes())
def test_frames_looked_at_are_those_of_the_thinned_film_to_the_bit(tmp_path: Path, assembled: Callable[..., Demo], tracker: str) -> None:
    noisy(tmp_path / "detections", "all", 40)
    noisy(tmp_path / "detections", "few", 40, every=3)
    whole = write_images(tmp_path / "all", [picture(f) for f in range(40)])
    few = write_images(tmp_path / "few", [picture(f) for f in range(0, 40, 3)])
    common = f"tracker={tracker}", "video=null"
    shots = followed(assembled(whole, *common, "every=3", "stream.frame_rate=30").frames)
    thinned = followed(assembled(few, *common, "stream.frame_rate=10").frames)
    looked = [shot for shot in shots if not shot.predicted]
    assert [shot.frame.frame_id for shot in looked] == list(range(1, 41, 3))
    for one, other in zip(looked, thinned, strict=True):
        assert np.array_equal(one.tracks.xyxy, other.tracks.xyxy)
        assert np.array_equal(one.tracks.track_id, other.tracks.track_id)
        assert np.array_equal(one.tracks.detection_index, other.tracks.detection_index)
    assert any(len(shot.tracks) for shot in thinned)


def test_every_frame_is_looked_at_by_default(tmp_path: Path, run: Run) -> None:
    write_detections(tmp_path / "detections", "walk", 6)
    left = run(write_images(tmp_path / "walk", [picture(f) for f in range(6)]), "video=null")
    assert "predicted" not in (left.folder / "walk.jsonl").read_text()
    assert left.summary["detected"] == left.summary["frames"] == 6


def test_predicted_boxes_say_so_in_every_file_and_go_on_as_they_went(tmp_path: Path, run: Run) -> None:
    write_detections(tmp_path / "detections", "walk", 29)
    left = run(write_video(tmp_path / "walk.mp4", 29), "every=3")
    left.check_agreement(29)
    for line in left.lines:
        predicted = (line["frame"] - 1) % 3 != 0
        assert [track.get("predicted", False) for track in line["tracks"]] == [predicted] * 2
        for track, (x, y, speed) in zip(line["tracks"], WALKERS, strict=True):
            if line["frame"] > 18:  # a filter has caught up with the speed by then
                assert track["tlwh"] == pytest.approx([x + speed * (line["frame"] - 1), y, 20, 40], abs=1.0)
    rows = read_trajectories(left.folder / "walk.txt")
    assert np.array_equal(rows.score == FILLED, (rows.frame_id - 1) % 3 != 0)
    summary = left.summary
    assert (summary["frames"], summary["detected"], summary["identities"]) == (29, 10, 2)
    items = {name: stage["items"] for name, stage in summary["stages"].items()}
    assert items == {"read": 29, "detect": 10, "track": 10, "draw": 29, "encode": 29}, "frames left out cost nothing, and count for nothing"


def test_crossings_and_visits_are_those_of_all_frames_at_the_time_of_the_path(tmp_path: Path, run: Run) -> None:
    write_detections(tmp_path / "detections", "walk", 40)
    source = write_images(tmp_path / "walk", [picture(f) for f in range(40)])
    counted = "lines=[[80,0,80,120,gate]]", "zones={yard:[[60,0],[110,0],[110,120],[60,120]]}", "video=null"
    runs = {every: run(source, *counted, f"every={every}", out=tmp_path / str(every)) for every in (1, 3)}
    all_frames, few = (
        [line.split(",") for line in (left.folder / "walk.events.csv").read_text().splitlines()[1:]] for left in runs.values()
    )
    assert [row[:6] for row in all_frames] == [row[:6] for row in few]
    assert len(few) == 6, "both cross the line, enter the zone and leave it"
    for one, other in zip(all_frames, few, strict=True):
        assert (int(other[6]) - 1) % 3 == 0, "found in a frame that was looked at"
        assert 0 <= int(other[6]) - int(one[6]) <= 2
        assert float(other[7]) == pytest.approx(float(one[7]), abs=2 / RATE if other[0] != "cross" else 0.02)
    for place in (1, 3):
        last = {every: runs[every].summary["counts"] for every in runs}
        assert last[1]["lines"] == last[3]["lines"], place
    between = [line for line in runs[3].lines if (line["frame"] - 1) % 3]
    assert all(line["events"] == [] for line in between)
    assert all(line["counts"] == runs[3].lines[(line["frame"] - 1) // 3 * 3]["counts"] for line in between)


def test_uneven_times_reach_the_tracker_and_the_prediction() -> None:
    times = np.cumsum([0.0, *np.random.default_rng(3).choice([0.04, 0.08, 0.3], 29)]).tolist()
    film = Film(times)
    listener = Listener()
    shots = followed(join(film, Walker(film), lambda settings: listener, {}, every=3))
    passed = np.diff(times[::3]) * RATE / 3  # in frames of the thinned film
    told = [told.get("dt", 1.0) for told in listener.told]
    assert told == pytest.approx([1.0, *passed], abs=0.011)
    lefts = [shot.tracks.xyxy[0, 0] for shot in shots]
    assert lefts[3:] == pytest.approx([10 + 50.0 * time for time in times[3:]]), "50 pixels a second, however many frames that takes"


def test_the_trackers_memory_counts_seconds(tmp_path: Path, assembled: Callable[..., Demo]) -> None:
    write_detections(tmp_path / "detections", "walk", 9)
    source = write_images(tmp_path / "walk", [picture(f) for f in range(9)])
    assert assembled(source, "every=3", "stream.frame_rate=30").frames.settings["frame_rate"] == 10
    assert assembled(source, "every=3", "tracker.frame_rate=24", "stream.frame_rate=30").frames.settings["frame_rate"] == 24


def test_a_long_gap_and_a_new_size_are_looked_at_at_once() -> None:
    detects = DetectionSchedule(4, memory=1.0)
    large = np.zeros((8, 8, 3), np.uint8)
    frames = [(1, GREY, 0.0), (2, GREY, 0.0), (3, GREY, 0.5), (4, GREY, 1.5), (5, GREY, 0.0), (6, large, 0.0), (7, large, 0.0)]
    looked = [number for number, image, gap in frames if detects(Frame(number, number / 25, image, gap))]
    assert looked == [1, 4, 6]
    assert [detects(Frame(number, number / 25, large)) for number in range(8, 15)] == [False, False, True, False, False, False, True]


def test_tracking_starts_anew_after_a_gap_between_two_detected_frames() -> None:
    film = Film([n / RATE + (9.0 if n >= 5 else 0.0) for n in range(9)], gaps={6: 9.0})
    pipeline = join(film, Walker(film), lambda settings: Listener(), {"max_lost_frames": 30}, every=4)
    shots = followed(pipeline)
    assert [shot.frame.frame_id for shot in shots if not shot.predicted] == [1, 5, 6]
    assert [shot.tracks.track_id.tolist() for shot in shots[4:]] == [[1], [2], [2], [2], [2]]
    assert pipeline.tracker.restarts == 1
    assert np.ptp([shot.tracks.xyxy[0, 0] for shot in shots[5:]]) == 0, "a new track stands still before it is seen a second time"


def test_predicted_boxes_move_with_the_camera_and_the_tracker_is_told_its_whole_motion() -> None:
    """A camera that turns, comes nearer and pans; what is filmed stands still."""
    film, step = Film([n / RATE for n in range(10)]), np.array([[1.01, -0.02, 3.0], [0.02, 1.01, -2.0]])
    place = [np.array([[40.0, 30, 60, 70]])]
    for _ in range(9):
        middle = (place[-1][:, :2] + place[-1][:, 2:]) / 2 @ step[:, :2].T + step[:, 2]
        half = (place[-1][:, 2:] - place[-1][:, :2]) / 2 * np.sqrt(np.linalg.det(step[:, :2]))
        place.append(np.hstack([middle - half, middle + half]))

    class Camera:
        def of_stream(self) -> Callable[..., Any]:
            left = iter([None, *[step] * 9])
            return lambda image, detections: next(left)

    class Seen(Walker):
        def detect_sequence(self, sequence: Any) -> Any:
            return bytetrack.SequenceDetections.from_frames([Detections(box, [0.9]) for box in place])

    listener = Listener()
    shots = followed(join(film, Seen(film), lambda settings: listener, {}, camera_motion=Camera(), every=3))
    whole = chained(chained(step, step), step)
    assert "camera_motion" not in listener.told[0]
    assert np.allclose([told["camera_motion"] for told in listener.told[1:]], whole)
    assert np.allclose([shot.tracks.xyxy for shot in shots], place)


def test_a_box_never_turns_inside_out_nor_runs_away() -> None:
    between, one = Between(), np.array([1])
    between.see(Tracks(np.array([[0.0, 0, 40, 80]]), one, np.ones(1), None, np.zeros(1, np.int64)), 0.0, None)
    between.see(Tracks(np.array([[30.0, 0, 40, 20]]), one, np.ones(1), None, np.zeros(1, np.int64)), 0.2, None)
    (left, top, right, bottom), *_ = between.at(0.6, None).xyxy.tolist()
    assert (right - left, bottom - top) == (5, 10)
    assert np.array_equal(between.at(1.2, None).xyxy, between.at(50.0, None).xyxy), "a pause in the film"
    assert np.array_equal(between.at(0.1, None).xyxy, between.at(0.2, None).xyxy), "a clock that goes back stands still"


class Asked:
    """Counts the images that it is given, by any thread."""

    batch_size = 1
    class_names = ("person",)

    def __init__(self) -> None:
        self.pictures: list[int] = []

    def detect(self, images: list[Any]) -> list[Detections]:
        self.pictures += [int(image[0, 0, 0]) for image in images]
        return [Detections([[10.0, 20, 30, 60]], [0.9], [0]) for _ in images]


def test_the_detector_sees_no_picture_that_is_left_out(tmp_path: Path, run: Run) -> None:
    source, asked = write_images(tmp_path / "dark", [np.full((60, 80, 3), 10 * n, np.uint8) for n in range(8)]), Asked()
    left = run(source, "every=3", "max_frames=7", "video=null", detector=asked)
    assert sorted(asked.pictures) == [0, 30, 60]
    assert [line["frame"] for line in left.lines] == list(range(1, 8))


def test_each_of_several_sources_counts_its_own_frames(tmp_path: Path) -> None:
    sources = [str(write_images(tmp_path / name, [GREY] * frames)) for name, frames in (("a", 5), ("b", 8))]
    config = compose("demo", ["show=false", "video=null", "every=3"])
    settings = DemoSettings.read(lambda name: plain(config[name]))
    assert build_demos(Asked(), build, plain(config.tracker), settings, sources, tmp_path / "out").run() == 0
    found = {name: Left(tmp_path / "out" / name, name) for name in "ab"}
    assert {name: [left.summary["frames"], left.summary["detected"]] for name, left in found.items()} == {"a": [5, 2], "b": [8, 3]}
    for left in found.values():
        assert [bool(line["tracks"][0].get("predicted")) for line in left.lines[:5]] == [False, True, True, False, True]


class Capture:
    """A camera of 100 pictures a second, as OpenCV opens it."""

    def read(self) -> tuple[bool, Any]:
        time.sleep(0.01)
        return True, GREY.copy()

    def get(self, _: int) -> float:
        return 100.0

    def release(self) -> None:
        pass


def test_a_camera_is_looked_at_every_nth_of_the_frames_that_it_gives() -> None:
    stop = threading.Event()
    camera = Live("camera", "camera", Capture, None, Waits(1, 0.5, 1), stop)
    listener = Listener()
    try:
        shots = followed(join(camera, Asked(), lambda settings: listener, {}, every=4, max_frames=9, stop=stop))
    finally:
        camera.close()
    assert [shot.predicted for shot in shots] == [False, True, True, True] * 2 + [False]
    looked = [shot.frame.time for shot in shots if not shot.predicted]
    told = [told.get("dt", 1.0) for told in listener.told[1:]]
    assert told == pytest.approx(np.diff(looked) * 100 / 4, abs=0.02)


def test_from_python_a_frame_that_is_left_out_says_so() -> None:
    asked = Asked()
    images = [np.full((60, 80, 3), 10 * n, np.uint8) for n in range(7)]
    frames = list(bytetrack.track(images, asked, "byte", every=3, min_box_area=None))
    assert [frame.predicted for frame in frames] == [False, True, True, False, True, True, False]
    assert [len(frame.detections) for frame in frames] == [1, 0, 0, 1, 0, 0, 1]
    assert [frame.tracks.detection_index.tolist() for frame in frames] == [[0], [-1], [-1], [0], [-1], [-1], [0]]
    assert asked.pictures == [0, 30, 60]


def test_blur_covers_whom_the_detector_saw_last_as_far_as_one_walks() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
    nobody = Tracks(np.empty((0, 4)), np.empty(0, np.int64), np.empty(0), None, np.empty(0, np.int64))
    untracked = Detections([[100.0, 50, 140, 150]], [0.2])
    painter = Painter(["person"], 0.6, legend=False, trail=0, blur="people", every=3)
    looked = painter(noise.copy(), nobody, {}, None, untracked)
    later = painter(noise.copy(), nobody, {}, None, untracked, since=0.2)
    changed = [np.flatnonzero((picture != noise).any(axis=(0, 2))) for picture in (looked, later)]
    spans = [(int(columns.min()), int(columns.max())) for columns in changed]
    assert spans == [(96, 143), (72, 167)], "a tenth of the width, and 3 widths a second"


def test_heads_stay_blurred_where_they_were_and_all_around() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
    nobody = Tracks(np.empty((0, 4)), np.empty(0, np.int64), np.empty(0), None, np.empty(0, np.int64))
    untracked = Detections([[100.0, 50, 140, 150]], [0.2])
    painter = Painter(["person"], 0.6, legend=False, trail=0, blur="heads", every=3)
    for since, spread in ((None, 0), (0.1, 12), (0.5, 60)):
        changed = (painter(noise.copy(), nobody, {}, None, untracked, since=since) != noise).any(axis=2)
        head = changed[max(0, 40 - spread) : 70 + spread, 96 - spread : 144 + spread]
        assert head.mean() > 0.99, "a fifth of the box, a tenth around it, and 3 widths a second around that"
        assert changed.sum() == head.sum()


def test_blur_with_frames_left_out_warns_of_whom_nobody_saw(tmp_path: Path, assembled: Callable[..., Demo], caplog: Any) -> None:
    write_detections(tmp_path / "detections", "walk", 3)
    source = write_images(tmp_path / "walk", [picture(f) for f in range(3)])
    with caplog.at_level(logging.WARNING):
        assembled(source, "draw.blur=heads", "video=null")
        assert "draw.blur" not in caplog.text
        assembled(source, "draw.blur=heads", "video=null", "every=2")
    assert "draw.blur with every=2: who enters the image between two detected frames" in caplog.text


def test_rows_that_no_detection_is_behind_are_drawn_thin_and_not_as_kept_by_a_low_score() -> None:
    image, rows = np.full((320, 320, 3), 128, np.uint8), (np.array([[100.0, 100.0, 200.0, 280.0]]), np.array([1]))
    sure, filled = (Tracks(*rows, np.array([score]), None, np.array([-1])) for score in (0.9, FILLED))
    plain, thin = (Painter(["person"], 0.6, legend=False)(image.copy(), tracks, {}) for tracks in (sure, filled))
    inked = [int((picture[140:280] != 128).any(axis=2).sum()) for picture in (plain, thin)]
    assert 0 < inked[1] < 0.7 * inked[0]
    meant: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bytetrack.demo.overlay.draw_legend", lambda image, lines, marks, out: meant.extend(marks))
        Painter(["person"], 0.6)(image.copy(), filled, {})
    assert meant == [FILLED_MARK]


def test_predicted_boxes_are_drawn_thin_and_the_legend_explains_them() -> None:
    tracks = Tracks(np.array([[60.0, 60, 200, 300]]), np.array([3]), np.array([0.9]), None, np.array([-1]))
    image = np.full((480, 640, 3), 128, np.uint8)
    plain, thin = (Painter(["person"], 0.6, legend=False)(image.copy(), tracks, {}, since=since) for since in (None, 0.1))
    inked = [int((picture[100:280] != 128).any(axis=2).sum()) for picture in (plain, thin)]
    assert inked[1] == 2 * 180 < inked[0] / 2
    usual, explained = (Painter(["person"], 0.6, trail=0, every=every)(image.copy(), tracks, {}) for every in (1, 3))
    assert (explained != 128).any(axis=2).sum() > (usual != 128).any(axis=2).sum()


def test_the_page_says_that_a_picture_is_predicted(tmp_path: Path, assembled: Callable[..., Demo]) -> None:
    write_detections(tmp_path / "detections", "walk", 4)
    demo = assembled(write_images(tmp_path / "walk", [picture(f) for f in range(4)]), "every=2", "video=null")
    told: list[dict[str, Any]] = []
    publish = demo._publish
    demo._publish = lambda shot: (publish(shot), told.append(demo._status(shot)))[0]  # type: ignore[method-assign]
    demo.run()
    assert [status["predicted"] for status in told] == [False, True, False, True]
    json.dumps(told)


@pytest.mark.parametrize("wrong", [0, -1, 2.5, True, "x"])
def test_a_step_that_is_no_whole_number_is_refused_in_one_line(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"^every must be a whole number from 1 up: got .*$"):
        DemoSettings(every=wrong)
    with pytest.raises(ValueError, match=r"^every must be a whole number from 1 up: got .*$"):
        bytetrack.track([GREY], Asked(), every=wrong)
