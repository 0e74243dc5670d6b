"""Frames by number are the frames that decoding from the start gives."""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from bytetrack.data.check import _image_problem
from bytetrack.data.image_files import image_size
from bytetrack.errors import FormatError, MissingDataError
from bytetrack.structures import Sequence
from bytetrack.video.read import Video, frames, read_image
from bytetrack.video.source import open_source


def coded(number: int) -> np.ndarray:
    """A 64 x 96 picture that shows `number` as nine black or white bars, so that lossy coding cannot hide it."""
    return (
        np.repeat([255 * (number >> bit & 1) for bit in range(9)] + [0] * 3, 8).astype(np.uint8)[None, :, None].repeat(64, 0).repeat(3, 2)
    )


def number_of(image: np.ndarray) -> int:
    return sum(int(image[:, 8 * bit : 8 * bit + 8].mean() > 127) << bit for bit in range(9))


def make_video(path: Path, length: int = 200, constant: bool = True) -> Path:
    steps = random.Random(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"bf": "3", "g": "48"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        time = 0
        for number in range(1, length + 1):
            frame = av.VideoFrame.from_ndarray(coded(number), "bgr24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            time += 40 if constant else steps.randint(15, 80)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("constant", [True, False], ids=["constant frame rate", "variable frame rate"])
def test_any_order_of_reading_gives_the_frame_of_that_number(tmp_path: Path, constant: bool) -> None:
    video = Video(make_video(tmp_path / "coded.mp4", constant=constant))
    order = random.Random(1)
    wanted = [1, 2, 200, 3, 199, *(order.randint(1, 200) for _ in range(40)), *range(90, 110)]
    assert [number_of(video.read(number)) for number in wanted] == wanted
    assert (video.width, video.height) == (96, 64)


def test_a_frame_of_a_video_has_a_path_of_its_own(tmp_path: Path) -> None:
    path = make_video(tmp_path / "coded.mp4", length=30)
    half = Sequence("coded", 10, 25, 96, 64, first_frame=21, images=path)
    assert [number_of(image) for image in frames(half)] == list(range(21, 31))
    assert [number_of(image) for image in frames(half, start=8)] == [28, 29, 30]
    assert half.image_path(3) == tmp_path / "coded.mp4#000023"
    assert number_of(read_image(half.image_path(3))) == 23
    assert read_image(half.image_path(3), reduce=4).shape == (16, 24, 3)


def test_a_folder_is_read_from_its_first_frame(tmp_path: Path) -> None:
    for number in range(1, 9):
        cv2.imwrite(str(tmp_path / f"{number:06d}.png"), coded(number))
    half = Sequence("coded", 4, 25, 96, 64, first_frame=5, images=tmp_path, image_ext=".png")
    assert [number_of(image) for image in frames(half)] == [5, 6, 7, 8]
    np.testing.assert_array_equal(read_image(half.image_path(1)), coded(5))


def test_a_reduced_image_has_the_size_rounded_up(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "odd.jpg"), np.zeros((75, 101, 3), np.uint8))
    assert [read_image(tmp_path / "odd.jpg", reduce).shape[:2] for reduce in (1, 2, 4, 8)] == [(75, 101), (38, 51), (19, 26), (10, 13)]
    with pytest.raises(ValueError, match="reduce must be 1, 2, 4 or 8: got 3"):
        read_image(tmp_path / "odd.jpg", 3)


def test_what_cannot_be_read_is_named_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.avi").write_text("not a video")
    path = make_video(tmp_path / "short.mp4", length=5)
    with pytest.raises(MissingDataError, match=r"no image file .*gone\.jpg"):
        read_image(tmp_path / "gone.jpg")
    with pytest.raises(FormatError, match=r"empty\.jpg: cannot be decoded as an image \(0 bytes\)"):
        read_image(tmp_path / "empty.jpg")
    Image.fromarray(np.full((8, 8), 0.5, np.float32)).save(tmp_path / "float.tif")
    with pytest.raises(FormatError, match=r"float\.tif: has pixels of 32 bits, or signed ones, expected 8 or 16 bits"):
        read_image(tmp_path / "float.tif")
    with pytest.raises(MissingDataError, match=r"no video file .*gone\.avi to read frame 000007 of"):
        read_image(tmp_path / "gone.avi#000007")
    with pytest.raises(FormatError, match=r"text\.avi: cannot be opened as a video"):
        read_image(tmp_path / "text.avi#000001")
    with pytest.raises(FormatError, match=r"short\.mp4: no frame 6 \(from 1\): decoding ends after frame 5"):
        list(frames(Sequence("short", 9, 25, 96, 64, images=path)))
    with pytest.raises(MissingDataError, match="has no images"):
        next(frames(Sequence("text only", 9, 25, 96, 64)))


def test_every_frame_of_the_real_video_is_read(data_dir: Path) -> None:
    path = data_dir / "PETS09-S2L1" / "vtest.avi"
    sequence = Sequence("PETS09-S2L1", 795, 7, 768, 576, images=path)
    forward = {number: image for number, image in enumerate(frames(sequence, start=700), 700) if number in (700, 750, 795)}
    assert len(forward) == 3
    for number in (795, 700, 750):
        np.testing.assert_array_equal(read_image(sequence.image_path(number)), forward[number])


def turned(path: Path, orientation: int = 6) -> Path:
    """A picture of 20 x 12 pixels, black on the left, that EXIF asks to turn."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = np.zeros((12, 20, 3), np.uint8)
    pixels[:, 10:] = 255
    Image.fromarray(pixels).save(path, exif=exif.tobytes(), **({"lossless": True} if path.suffix == ".webp" else {}))
    return path


@pytest.mark.parametrize("ending", [".jpg", ".png", ".webp"])
def test_exif_turns_no_picture_and_no_size(tmp_path: Path, caplog: pytest.LogCaptureFixture, ending: str) -> None:
    path = turned(tmp_path / f"a{ending}")
    assert [read_image(path, reduce).shape for reduce in (1, 2)] == [(12, 20, 3), (6, 10, 3)]
    assert read_image(path)[:, :8].max() < 20
    assert image_size(path) == (20, 12)
    assert next(iter(open_source(str(tmp_path)))).image.shape == (12, 20, 3)
    assert [finding.kind for finding in [_image_problem(path, (20, 12), True)] if finding] == ["image with an EXIF rotation"]
    assert [record.message.split(": ")[1][:28] for record in caplog.records] == ["images have an EXIF rotation"]  # once a folder


def test_a_picture_that_exif_leaves_as_it_is_says_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    read_image(turned(tmp_path / "a.jpg", 1))
    assert not caplog.records


@pytest.mark.parametrize("ending", [".png", ".tif"])
@pytest.mark.parametrize(("largest", "divided_by"), [(4095, 16), (16_383, 64), (65_535, 256), (200, 1), (900, 4)])
def test_sixteen_bits_are_divided_by_what_the_folder_uses(tmp_path: Path, ending: str, largest: int, divided_by: int) -> None:
    dark = np.full((6, 8), largest // 5, np.uint16)
    bright = np.full((6, 8), largest, np.uint16)
    for name, pixels in {"1": dark, "2": bright}.items():
        cv2.imwrite(str(tmp_path / f"{name}{ending}"), pixels)
    assert read_image(tmp_path / f"1{ending}").max() == largest // 5 // divided_by  # by the same number as the brighter one
    assert read_image(tmp_path / f"2{ending}").min() == largest // divided_by
    assert read_image(tmp_path / f"2{ending}").shape == (6, 8, 3)


def test_a_picture_that_uses_more_bits_than_the_sample_is_divided_by_its_own(tmp_path: Path) -> None:
    for number in range(40):
        cv2.imwrite(str(tmp_path / f"{number:03d}.png"), np.full((2, 2), 40_000 if number == 1 else 1000, np.uint16))
    assert [int(read_image(tmp_path / f"{number:03d}.png")[0, 0, 0]) for number in (0, 1, 2)] == [250, 156, 250]
