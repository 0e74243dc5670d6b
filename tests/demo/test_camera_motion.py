"""Camera motion in the demo: the estimate as frames come, what it brings on a known pan, and trackers that take none."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from bytetrack import ByteTracker, Detections, Sequence, SequenceDetections
from bytetrack.boxes import tlwh_from_xyxy, xyxy_from_tlwh
from bytetrack.config import compose, plain
from bytetrack.demo.multi_source import build_demos
from bytetrack.demo.run import Demo
from bytetrack.demo.settings import DemoSettings
from bytetrack.io import read_annotations
from bytetrack.io.mot import read_detections, read_trajectories
from bytetrack.scoring import fast
from bytetrack.video.camera_motion import EstimatedMotion
from tests.demo.films import Run, write_images
from tests.video.test_camera_motion import texture

Floats = npt.NDArray[np.float64]
WINDOW = (400, 320)  # of the still camera's 768 x 576
TRACKER = "tracker=botsort"


class Pan:
    """A window that moves over the first frames of a still camera's video, with its detections and ground truth."""

    def __init__(self, pets: Path, length: int = 100) -> None:
        moment = np.arange(length)
        path = np.column_stack([184 + 184 * np.sin(moment / 6), 128 + 90 * np.sin(moment / 4)])
        self.length, self.corners = length, path.round()
        shifts = -np.diff(self.corners, axis=0, prepend=self.corners[:1])
        self.affines = np.array([[[1, 0, x], [0, 1, y]] for x, y in shifts])
        capture = cv2.VideoCapture(str(pets / "vtest.avi"))
        self.images = [self.view(np.asarray(capture.read()[1], np.uint8), place) for place in range(length)]
        found = read_detections(pets / "det" / "det.txt", 1, length)
        self.detections = [self.moved(found.frame(place + 1), place) for place in range(length)]
        sequence = Sequence("pan", length, 7, *WINDOW, ground_truth=pets / "gt" / "gt.txt")
        truth = read_annotations(sequence)
        truth = truth[truth.frame_id <= length]
        truth = replace(truth, tlwh=truth.tlwh - np.pad(self.corners[truth.frame_id - 1], ((0, 0), (0, 2))))
        self.truth = fast.prepare(truth[self.seen(xyxy_from_tlwh(truth.tlwh))], length, "mot15")

    def view(self, image: npt.NDArray[np.uint8], place: int) -> npt.NDArray[np.uint8]:
        left, top = self.corners[place].astype(int)
        return image[top : top + WINDOW[1], left : left + WINDOW[0]]

    def seen(self, xyxy: Floats) -> npt.NDArray[np.bool_]:
        middle = (xyxy[:, :2] + xyxy[:, 2:]) / 2
        return np.asarray(((middle > 0) & (middle < WINDOW)).all(axis=1))

    def moved(self, found: Detections, place: int) -> Detections:
        xyxy = found.xyxy - np.tile(self.corners[place], 2)
        inside = self.seen(xyxy)
        return Detections(xyxy[inside], found.score[inside])

    def write(self, folder: Path) -> Path:
        (folder / "detections").mkdir()
        rows = [
            f"{place + 1},-1,{','.join(f'{value:.2f}' for value in box)},{score},-1,-1,-1\n"
            for place, found in enumerate(self.detections)
            for box, score in zip(tlwh_from_xyxy(found.xyxy).tolist(), found.score.tolist(), strict=True)
        ]
        (folder / "detections" / "pan.txt").write_text("".join(rows))
        return write_images(folder / "pan", self.images)

    def hota(self, rows: Path) -> float:
        return float(100 * fast.evaluate(self.truth, read_trajectories(rows))["HOTA"]["HOTA"].mean())


class Known:
    """The true motion, frame after frame."""

    def __init__(self, affines: Floats) -> None:
        self.affines = affines

    def of_stream(self) -> Callable[[Any, Detections], Floats | None]:
        left = iter([None, *self.affines[1:]])
        return lambda image, detections: next(left)


def test_tracks_with_the_estimate_score_as_with_the_true_motion(
    data_dir: Path, tmp_path: Path, run: Run, assembled: Callable[..., Demo]
) -> None:
    """A window that pans by up to 31 and 22 pixels a frame over a real video: what the demo writes, against the ground truth."""
    pets = data_dir / "PETS09-S2L1"
    if not (pets / "vtest.avi").is_file():
        pytest.skip(f"no video of PETS09 in {pets}")
    pan = Pan(pets)
    source, common = pan.write(tmp_path), (TRACKER, "video=null", "stream.frame_rate=7", "min_box_area=null")
    scores = {}
    for motion in ("none", "estimated"):
        left = run(source, *common, f"camera_motion={motion}", out=tmp_path / motion)
        scores[motion] = pan.hota(left.folder / "pan.txt")
    demo = assembled(source, *common, out=tmp_path / "true", camera_motion=Known(pan.affines))
    demo.run()
    scores["true"] = pan.hota(tmp_path / "true" / "pan.txt")
    assert abs(scores["estimated"] - scores["true"]) < 1, scores
    assert scores["estimated"] > scores["none"] + 10, scores


def test_a_stream_is_given_the_same_estimate_as_a_sequence(tmp_path: Path, assembled: Callable[..., Demo]) -> None:
    world = texture(300, 400)
    images = [world[50 + k : 250 + k, 100 - 3 * k : 340 - 3 * k] for k in range(6)]
    boxes = [Detections([[20.0 + k, 30, 60 + k, 120]], [0.9]) for k in range(6)]
    (tmp_path / "detections").mkdir()
    (tmp_path / "detections" / "pan.txt").write_text("".join(f"{k + 1},-1,{20 + k},30,40,90,0.9,-1,-1,-1\n" for k in range(6)))
    demo = assembled(write_images(tmp_path / "pan", images), TRACKER, "camera_motion=estimated", "video=null")
    given: list[Any] = []
    follow = demo.frames.follow
    demo.frames.follow = lambda shot: given.append(shot.camera_motion) or follow(shot)  # type: ignore[method-assign]
    demo.run()
    offline = list(EstimatedMotion().between(iter(images), SequenceDetections.from_frames(boxes)))
    assert given[0] is None
    assert np.array_equal(given[1:], offline)
    assert np.abs(np.array(offline) - [[1, 0, 3], [0, 1, -1]]).max() < 0.1
    assert "camera" in demo.outputs.folder.joinpath("summary.json").read_text()


def test_a_new_picture_size_gives_no_motion() -> None:
    stream = EstimatedMotion().of_stream()
    assert stream(texture(90, 120), Detections.empty()) is None
    assert stream(texture(120, 90), Detections.empty()) is None
    assert stream(texture(120, 90), Detections.empty()) is not None


class Nobody:
    class_names = ("person",)

    def detect(self, images: list[Any]) -> list[Detections]:
        return [Detections.empty() for _ in images]


def test_a_tracker_that_takes_no_camera_motion_says_so_once_for_all_sources(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = compose("demo", ["show=false", "video=null"])
    settings = DemoSettings.read(lambda name: plain(config[name]))
    sources = [str(write_images(tmp_path / name, [texture(60, 80)] * 3)) for name in ("a", "b")]
    with caplog.at_level(logging.WARNING):
        several = build_demos(
            Nobody(), lambda s: ByteTracker(), {"frame_rate": None}, settings, sources, tmp_path / "out", camera_motion=EstimatedMotion()
        )
        several.run()
    said = [record.getMessage() for record in caplog.records if "camera" in record.getMessage()]
    assert said == ["ByteTracker takes no account of camera motion: camera_motion is ignored"]


def test_recorded_motion_is_refused_in_one_line(tmp_path: Path, assembled: Callable[..., Demo]) -> None:
    write_images(tmp_path / "pan", [texture(60, 80)] * 2)
    (tmp_path / "detections").mkdir()
    (tmp_path / "detections" / "pan.txt").write_text("")
    with pytest.raises(ValueError, match="camera_motion must be none or estimated for frames as they come: got RecordedMotion"):
        assembled(tmp_path / "pan", TRACKER, "camera_motion=recorded", f"camera_motion.folder={tmp_path}")
