"""Pictures of two sizes in one sequence are named, once, by whatever reads them."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from bytetrack.data.converters import convert
from bytetrack.data.datasets import MotChallenge
from bytetrack.pipeline.detect import images_of
from bytetrack.video import read
from campaigns import good_files as good


@pytest.fixture
def dataset(tmp_path: Path) -> MotChallenge:
    """A sequence of six frames, the fourth and fifth of which are smaller than they are said to be."""
    import cv2

    pictures = {f"img1/{frame:06d}.jpg": good.picture(".jpg", frame) for frame in range(1, good.FRAMES + 1)}
    good.write(tmp_path / "A", {"gt/gt.txt": good.ground_truth(), "seqinfo.ini": good.SEQINFO.encode(), **pictures})
    for frame in (4, 5):
        path = tmp_path / "A" / "img1" / f"{frame:06d}.jpg"
        image = cv2.imread(str(path))
        assert image is not None
        cv2.imwrite(str(path), image[:32, :48])
    return MotChallenge(tmp_path)


def test_detection_names_the_first_frame_of_another_size(dataset: MotChallenge, caplog: pytest.LogCaptureFixture) -> None:
    (sequence,) = dataset.sequences()
    assert [image.shape[:2] for image in images_of(sequence)] == [(64, 96)] * 3 + [(32, 48)] * 2 + [(64, 96)]
    (told,) = [record.getMessage() for record in caplog.records]
    assert told.startswith(f"{sequence.image_path(4)}: 48 x 32 pixels, the frames before it 96 x 64: ")


def test_the_first_is_named_although_a_later_one_is_read_sooner(
    dataset: MotChallenge, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_image = read.read_image

    def fourth_last(path: Path) -> npt.NDArray[np.uint8]:
        if path.stem == "000004":
            time.sleep(0.1)
        return read_image(path)

    monkeypatch.setattr(read, "read_image", fourth_last)
    test_detection_names_the_first_frame_of_another_size(dataset, caplog)


def test_prepare_names_the_first_frame_of_another_size_without_being_asked_to_check(
    dataset: MotChallenge, caplog: pytest.LogCaptureFixture
) -> None:
    assert len(convert(dataset)["images"]) == good.FRAMES
    (told,) = [record.getMessage() for record in caplog.records]
    assert told.startswith(f"{dataset.sequences()[0].image_path(4)}: 48 x 32 pixels, but A should have 96 x 64, ")


def test_one_size_is_no_word_worth(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pictures = {f"img1/{frame:06d}.jpg": good.picture(".jpg", frame) for frame in range(1, good.FRAMES + 1)}
    good.write(tmp_path / "A", {"gt/gt.txt": good.ground_truth(), "seqinfo.ini": good.SEQINFO.encode(), **pictures})
    convert(MotChallenge(tmp_path))
    list(images_of(MotChallenge(tmp_path).sequences()[0]))
    assert not caplog.records
