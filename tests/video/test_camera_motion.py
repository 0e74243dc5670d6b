"""Camera motion: files of it, and its estimate on scenes whose motion is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from bytetrack import Detections, FormatError, MissingDataError, Sequence, SequenceDetections
from bytetrack.io.camera_motion import read_camera_motion, write_camera_motion
from bytetrack.video.camera_motion import EstimatedMotion, NoMotion, RecordedMotion, motion_between

Floats = npt.NDArray[np.float64]
STILL = np.eye(2, 3)


def affine(angle: float, scale: float, x: float, y: float) -> Floats:
    """Turn by `angle` (radians) and scale about the image's middle (480, 270), then shift."""
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = np.array([480.0, 270.0])
    return np.column_stack([turn, middle - turn @ middle + [x, y]])


def texture(height: int, width: int, seed: int = 1) -> npt.NDArray[np.uint8]:
    """Blurred noise: corners everywhere."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    blurred = cv2.GaussianBlur(noise, (0, 0), 3)
    return np.asarray(cv2.normalize(blurred, blurred.copy(), 0, 255, cv2.NORM_MINMAX), dtype=np.uint8)


def gray(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), dtype=np.uint8)


def farthest(found: Floats, true: Floats, width: int, height: int) -> float:
    """The largest distance, over the image's corners, between where two affines take them."""
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], dtype=np.float64)
    return float(np.hypot(*(corners @ (found - true).T).T).max())


MOTIONS = [affine(0, 1, 7.3, -2.6), affine(0.02, 1, 0, 0), affine(0, 1.03, 0, 0), affine(-0.015, 0.985, -18.4, 9.1), affine(0, 1, 0, 0)]


@pytest.mark.parametrize("motion", MOTIONS, ids=["shift", "turn", "zoom", "all", "none"])
@pytest.mark.parametrize("width", [960, 640, 480])
def test_a_known_motion_is_found_to_half_a_pixel(motion: Floats, width: int) -> None:
    """In the pixels of the full image, at its very corners; a third of it are people who move otherwise."""
    earlier = texture(540, 960)
    later = cv2.warpAffine(earlier, motion, (960, 540), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    people = texture(540, 320, seed=2)
    boxes = []
    for left in (40, 400, 700):
        earlier[100:500, left : left + 100] = people[100:500, :100]
        later[110:510, left + 25 : left + 125] = people[100:500, :100]
        boxes.append([left, 100, left + 100, 500])
    detections = [Detections(boxes, [0.9] * 3), Detections.empty()]
    found = next(iter(EstimatedMotion(width=width).between(iter([earlier, later]), SequenceDetections.from_frames(detections))))
    assert farthest(found, motion, 960, 540) < 0.5


def test_images_without_corners_say_nothing() -> None:
    flat = np.full((200, 300), 90, np.uint8)
    assert motion_between(flat, flat, np.empty((0, 4))) is None
    everywhere = np.array([[-10.0, -10.0, 400.0, 400.0]])
    image = gray(texture(200, 300))
    assert motion_between(image, image, everywhere) is None
    found = list(
        EstimatedMotion().between(
            iter([texture(90, 90), np.zeros((90, 90, 3), np.uint8)]), SequenceDetections.from_frames([Detections.empty()] * 2)
        )
    )
    assert np.array_equal(found, [STILL])


def panned(folder: Path, n_frames: int) -> tuple[Sequence, Floats]:
    """A sequence of images of a camera that pans by (3, -1) pixels a frame, and its affines."""
    world = texture(300, 400)
    for frame_id in range(1, n_frames + 1):
        view = world[50 + frame_id : 250 + frame_id, 100 - 3 * frame_id : 340 - 3 * frame_id]
        cv2.imwrite(str(folder / f"{frame_id:06d}.png"), view)
    affines = np.array([STILL, *[[[1, 0, 3], [0, 1, -1]]] * (n_frames - 1)], dtype=np.float64)
    return Sequence("pan", n_frames, 30, 240, 200, images=folder, image_ext=".png", last_frame=n_frames), affines


def test_a_sequence_is_estimated_once_and_then_read(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    sequence, affines = panned(images, 6)
    nothing = SequenceDetections.from_frames([Detections.empty()] * 6)
    source = EstimatedMotion(folder=tmp_path / "kept")
    found = source.of_sequence(sequence, nothing)
    assert np.abs(found - affines).max() < 0.1
    for path in images.iterdir():
        path.unlink()
    assert np.abs(source.of_sequence(sequence, nothing) - found).max() < 1e-6
    kept = next((tmp_path / "kept").glob("*/pan.txt"))
    second_half = replace(sequence, first_frame=4, length=3)
    recorded = RecordedMotion(kept.parent).of_sequence(second_half, nothing)
    assert np.array_equal(recorded[0], STILL)
    assert np.abs(recorded[1:] - found[4:]).max() < 1e-6
    other = SequenceDetections.from_frames([Detections([[0, 0, 50, 50]], [0.9])] * 6)
    with pytest.raises(MissingDataError, match="no image file"):
        source.of_sequence(sequence, other)  # other detections hide other corners: not the kept estimate


def test_a_half_gets_the_lines_of_its_own_frames(tmp_path: Path) -> None:
    shifts = [[[1, 0, frame], [0, 1, 0]] for frame in range(10)]
    write_camera_motion(tmp_path / "A.txt", np.array(shifts, dtype=np.float64))
    # Frames 6..10 from 1 are lines 5..9 from 0; what leads into frame 6 is of no use to a tracker that starts there.
    found = read_camera_motion(tmp_path / "A.txt", first_frame=6, length=5)
    assert found[:, 0, 2].tolist() == [0, 6, 7, 8, 9]
    assert read_camera_motion(tmp_path / "A.txt")[:, 0, 2].tolist() == list(range(10))


def test_real_files_are_read(data_dir: Path) -> None:
    found = read_camera_motion(data_dir / "gmc" / "MOT17-13-FRCNN.txt")
    assert found.shape == (750, 2, 3)
    assert found[1].tolist() == [[1.003663, -0.009575, 2.760864], [0.009575, 1.003663, -17.971558]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 1 0 0 0 1 0\n2 1 0 0 0 1 0\n", r"expected frames 0\.\.2 .*1 of them are missing, the first is 1"),
        ("0 1 0 0 0 1 0\n1 1 0 0\n", r"A\.txt:2: expected 7 columns"),
        ("0 1 0 0 0 1 0\n0 1 0 0 0 1 0\n", r"A\.txt:2: expected every frame once"),
        ("0 1 0 0 0 -1 0\n", r"A\.txt:1: expected an affine a b c d e f that neither mirrors nor collapses"),
        ("0 1 0 nan 0 1 0\n", r"A\.txt:1: expected finite numbers"),
        ("0.5 1 0 0 0 1 0\n", r"A\.txt:1: expected a whole frame number from 0"),
        ("", r"expected frames 0\.\.2 .*3 of them are missing|missing, the first is"),
    ],
)
def test_a_wrong_file_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "A.txt").write_text(text)
    with pytest.raises(FormatError, match=message):
        read_camera_motion(tmp_path / "A.txt", 1, 3)


def test_missing_files_folders_and_images_are_named(tmp_path: Path) -> None:
    sequence, nothing = Sequence("A", 3, 30, 100, 100), SequenceDetections.from_frames([Detections.empty()] * 3)
    with pytest.raises(MissingDataError, match=r"camera_motion\.folder must hold A\.txt"):
        RecordedMotion(tmp_path / "nowhere").of_sequence(sequence, nothing)
    with pytest.raises(MissingDataError, match=r"A\.txt"):
        RecordedMotion(tmp_path).of_sequence(sequence, nothing)
    with pytest.raises(MissingDataError, match="A has no images to estimate camera motion from"):
        EstimatedMotion().of_sequence(sequence, nothing)
    assert NoMotion().of_sequence(sequence, nothing) is None


@pytest.mark.parametrize("wrong", [{"width": 0}, {"n_corners": 3.5}, {"tolerance": 0}, {"corner_distance": True}, {"min_score": -1}])
def test_settings_out_of_range_are_named(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        EstimatedMotion(**wrong)
