"""Augmentation: boxes follow their pixels, and every image is a function of (seed, epoch, index) alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bytetrack.data.augment import Augmentation, AugmentedImages, Sample, distort, generator, reduction, warp_boxes
from bytetrack.data.image_set import ImageSet

Image = npt.NDArray[np.uint8]
PLAIN = Augmentation(mosaic=0, mixup=0, distort=0, flip=0)
STILL = {"mixup": 0.0, "distort": 0.0}


def image_set(sizes: list[tuple[int, int]], boxes: list[list[list[float]]], crowd: list[int] | None = None) -> ImageSet:
    """Images of `sizes` (width, height) named 0, 1, … with their boxes xyxy."""
    n = len(sizes)
    rows = np.array([box for image in boxes for box in image], dtype=np.float64).reshape(-1, 4)
    zeros = np.zeros(n, np.int64)
    return ImageSet(
        root=Path(),
        files=[str(i) for i in range(n)],
        names=["thing"],
        sequences=[],
        width=np.array([s[0] for s in sizes]),
        height=np.array([s[1] for s in sizes]),
        image_id=np.arange(1, n + 1),
        sequence=zeros - 1,
        frame_id=zeros,
        offsets=np.cumsum([0, *map(len, boxes)]),
        xyxy=rows,
        category=np.zeros(len(rows), np.int64),
        track_id=np.full(len(rows), -1),
        crowd=np.isin(np.arange(len(rows)), crowd or []),
    )


class Painted:
    """Reads made-up images: black, their boxes filled with white; keeps a list of what was read."""

    def __init__(self, images: ImageSet) -> None:
        self.images = images
        self.read: list[tuple[int, int]] = []

    def __call__(self, path: str, reduce: int) -> Image:
        index = int(Path(path).name)
        self.read.append((index, reduce))
        image = np.zeros((int(self.images.height[index]), int(self.images.width[index]), 3), np.uint8)
        for x1, y1, x2, y2 in self.images.xyxy[self.images.rows(index)]:
            image[max(int(y1), 0) : int(y2), max(int(x1), 0) : int(x2)] = 255
        size = (-(-image.shape[1] // reduce), -(-image.shape[0] // reduce))
        return image if reduce == 1 else np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def dataset(images: ImageSet, augmentation: Augmentation, seed: int = 0) -> AugmentedImages:
    return AugmentedImages(images, Painted(images), augmentation, seed)


def corners(targets: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    targets = targets.astype(np.float64)
    return np.concatenate([targets[:, 1:3] - targets[:, 3:] / 2, targets[:, 1:3] + targets[:, 3:] / 2], axis=1)


ONE = image_set([(200, 120)], [[[60, 30, 90, 100]]])
MANY = image_set([(200, 120), (90, 160), (64, 64), (400, 200)], [[[60, 30, 90, 100]], [[20, 20, 60, 140]], [[10, 10, 50, 50]], []])


def test_without_augmentation_an_image_of_the_right_size_is_itself() -> None:
    image, targets = dataset(ONE, PLAIN)[Sample(0, 0, 120, 200, False)]
    assert np.array_equal(image, Painted(ONE)("0", 1))
    assert targets.tolist() == [[0, 75, 65, 30, 70]]
    assert targets.dtype == np.float32


def test_another_size_is_letterboxed_to_the_top_left_with_grey_below() -> None:
    image, targets = dataset(ONE, PLAIN)[Sample(0, 0, 96, 100, False)]  # scale 1/2
    assert targets.tolist() == [[0, 37.5, 32.5, 15, 35]]
    assert (image[60:] == 114).all()
    assert (image[17:48, 32:43] == 255).all()


def test_a_flip_mirrors_image_and_boxes() -> None:
    straight, _ = dataset(ONE, PLAIN)[Sample(0, 0, 120, 200, False)]
    flipped, targets = dataset(ONE, Augmentation(mosaic=0, mixup=0, distort=0, flip=1))[Sample(0, 0, 120, 200, False)]
    assert np.array_equal(flipped, straight[:, ::-1])
    assert targets.tolist() == [[0, 125, 65, 30, 70]]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 100_000), index=st.integers(0, 3))
def test_boxes_follow_their_pixels_through_mosaic_scale_shift_and_flip(seed: int, index: int) -> None:
    sample = Sample(1, index, 160, 224, True)
    image, targets = dataset(MANY, Augmentation(degrees=0, shear=0, **STILL), seed)[sample]
    white = image[..., 0] > 186  # between the boxes' 255 and the padding's 114: half covered
    covered = np.zeros_like(white)
    for x1, y1, x2, y2 in corners(targets):
        covered[max(int(y1) - 2, 0) : max(int(y2) + 3, 0), max(int(x1) - 2, 0) : max(int(x2) + 3, 0)] = True
    for x1, y1, x2, y2 in corners(dataset(MANY, Augmentation(degrees=0, shear=0, min_visible=0.5, **STILL), seed)[sample][1]):
        inner = white[max(int(y1) + 3, 0) : max(int(y2) - 3, 0), max(int(x1) + 3, 0) : max(int(x2) - 3, 0)]
        assert inner.size == 0 or inner.mean() > 0.2
    assert not (white & ~covered).any()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 100_000))
def test_rotated_and_sheared_boxes_still_hold_their_pixels(seed: int) -> None:
    image, targets = dataset(MANY, Augmentation(perspective=1e-4, **STILL), seed)[Sample(0, 0, 160, 224, True)]
    white = image[..., 0] > 186
    for x1, y1, x2, y2 in corners(targets):
        white[max(int(y1) - 2, 0) : max(int(y2) + 3, 0), max(int(x1) - 2, 0) : max(int(x2) + 3, 0)] = False
    assert not white.any()


def test_a_box_beyond_the_border_stays_whole_unless_clipped() -> None:
    images = image_set([(200, 120)], [[[-40, 30, 20, 100], [150, 10, 260, 150]]])
    _, targets = dataset(images, PLAIN)[Sample(0, 0, 120, 200, False)]
    assert corners(targets).tolist() == [[-40, 30, 20, 100], [150, 10, 260, 150]]
    _, targets = dataset(images, Augmentation(mosaic=0, mixup=0, distort=0, flip=0, clip=True))[Sample(0, 0, 120, 200, False)]
    assert corners(targets).tolist() == [[0, 30, 20, 100], [150, 10, 200, 120]]


def test_boxes_outside_crowds_slivers_and_the_hardly_visible_are_dropped() -> None:
    images = image_set(
        [(200, 120)], [[[-50, 0, 0, 50], [210, 10, 230, 90], [10, 10, 50, 90], [60, 10, 60.5, 90], [-90, 10, 10, 90]]], crowd=[2]
    )
    _, targets = dataset(images, PLAIN)[Sample(0, 0, 120, 200, False)]
    assert corners(targets).tolist() == [[-90, 10, 10, 90]]
    strict = Augmentation(mosaic=0, mixup=0, distort=0, flip=0, min_visible=0.11)  # a tenth of the last one shows
    assert len(dataset(images, strict)[Sample(0, 0, 120, 200, False)][1]) == 0


def test_crowds_are_targets_of_no_class_where_they_are_asked_for() -> None:
    images = image_set([(200, 120)], [[[10, 10, 50, 90], [60, 10, 90, 90]]], crowd=[1])
    _, targets = AugmentedImages(images, Painted(images), PLAIN, crowd=True)[Sample(0, 0, 120, 200, False)]
    assert targets.tolist() == [[0, 30, 50, 40, 80], [-1, 75, 50, 30, 80]]


def test_the_same_seed_epoch_and_index_give_the_same_image_anywhere() -> None:
    sample = Sample(3, 1, 160, 224, True)
    first, second = dataset(MANY, Augmentation(), 7), dataset(MANY, Augmentation(), 7)
    for other in range(3):
        second[Sample(3, other, 160, 224, True)]  # what was drawn before does not matter
    assert np.array_equal(first[sample][0], second[sample][0])
    assert np.array_equal(first[sample][1], second[sample][1])
    for changed in (sample._replace(epoch=4), sample._replace(image=2)):
        assert not np.array_equal(first[sample][0], first[changed][0])
    assert not np.array_equal(first[sample][0], dataset(MANY, Augmentation(), 8)[sample][0])


def test_mixup_halves_both_images_and_keeps_the_boxes_of_both() -> None:
    settings = Augmentation(mosaic=1, mixup=1, degrees=0, shear=0, translate=0, scale=(1, 1), mixup_scale=(1, 1), distort=0, flip=0)
    alone = dataset(ONE, Augmentation(**{**_fields(settings), "mixup": 0.0}))
    mixed = dataset(ONE, settings)
    for epoch in range(8):
        sample = Sample(epoch, 0, 120, 200, True)
        (one, boxes), (two, more) = alone[sample], mixed[sample]
        if len(boxes):
            assert len(more) == len(boxes) + 1
            assert two.max() <= 255
            second = 2 * two.astype(int) - one
            assert np.abs(second[:30] - 0).max() <= 1  # above the box the second image is black
    assert len(more)


def _fields(settings: Augmentation) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in Augmentation.__dataclass_fields__}


def test_tiles_out_of_sight_are_not_read_and_small_ones_are_read_reduced() -> None:
    big = image_set([(1600, 960)] * 4, [[[100, 100, 500, 700]]] * 4)
    far = dataset(big, Augmentation(scale=(0.1, 0.1), **STILL))
    far[Sample(0, 0, 160, 256, True)]
    assert [reduce for _, reduce in far.read.read] == [8] * 4  # type: ignore[attr-defined]
    near = dataset(big, Augmentation(scale=(2, 2), **STILL))
    for epoch in range(20):
        near[Sample(epoch, 0, 160, 256, True)]
    assert len(near.read.read) < 4 * 20  # type: ignore[attr-defined]


@pytest.mark.parametrize(("scale", "expected"), [(2, 1), (1, 1), (0.51, 1), (0.5, 2), (0.25, 4), (0.13, 4), (0.125, 8), (0.01, 8)])
def test_an_image_is_reduced_only_as_far_as_nothing_is_enlarged(scale: float, expected: int) -> None:
    assert reduction(scale) == expected


def test_a_stored_smaller_copy_gives_the_same_geometry() -> None:
    images = image_set([(400, 240)], [[[120, 60, 180, 200]]])
    stored = cv2.resize(Painted(images)("0", 1), (200, 120), interpolation=cv2.INTER_AREA)
    cached = AugmentedImages(images, Painted(images), PLAIN, cached=lambda index: np.asarray(stored, np.uint8))
    image, targets = cached[Sample(0, 0, 120, 200, False)]
    assert corners(targets).tolist() == [[60, 30, 90, 100]]
    assert np.array_equal(image, stored)
    assert not cached.read.read  # type: ignore[attr-defined]


def test_photometric_distortion_stays_in_its_ranges_and_changes_nothing_at_strength_zero() -> None:
    grey = np.full((4, 4, 3), 100, np.uint8)
    values = []
    for seed in range(200):
        image = grey.copy()
        distort(image, generator(seed))
        assert (image == image[0, 0, 0]).all()  # grey has neither hue nor saturation
        values.append(int(image[0, 0, 0]))
    assert min(values) >= round((100 - 32) * 0.5) - 1
    assert max(values) <= round((100 + 32) * 1.5) + 1
    assert len(set(values)) > 50
    coloured = np.random.default_rng(0).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    image = coloured.copy()
    distort(image, generator(1), 0.0)
    assert np.abs(image.astype(int) - coloured).max() <= 6  # the way to HSV and back, in eight bits


def test_warped_boxes_are_the_bounds_of_their_corners() -> None:
    quarter = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    assert warp_boxes(np.array([[1.0, 2.0, 4.0, 8.0]]), quarter).tolist() == [[-8, 1, -2, 4]]


@pytest.mark.parametrize("bad", [{"mosaic": 1.5}, {"scale": (0, 2)}, {"scale": (2, 1)}, {"degrees": -1}, {"flip": -0.1}])
def test_settings_out_of_range_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        Augmentation(**bad)


def test_a_dataset_without_images_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one image"):
        dataset(image_set([], []), PLAIN)
