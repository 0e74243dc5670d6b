"""`exps/experiment/mot17_published.yaml` against the published code's own numbers and formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bytetrack.config import build, compose
from bytetrack.data.augment import Augmentation, AugmentedImages, Sample, distort, distort_float, generator
from bytetrack.training.recipe import Recipe
from tests.data.test_augment import MANY, ONE, Painted


def published_rate(iteration: int, per_epoch: int) -> float:
    """YOLOX's `yolox_warm_cos_lr` as yolox_x_ablation calls it: 80 epochs, one to warm up from 0, ten at the end at 5 %, batch 48."""
    top, total, warm, tail = 0.001 / 64 * 48, 80 * per_epoch, per_epoch, 10 * per_epoch
    if iteration <= warm:
        return top * (iteration / warm) ** 2
    if iteration >= total - tail:
        return 0.05 * top
    return 0.05 * top + 0.5 * 0.95 * top * (1 + math.cos(math.pi * (iteration - warm) / (total - warm - tail)))


@pytest.mark.parametrize("per_epoch", [459, 608])
@pytest.mark.parametrize("recipe", ["mot17_published", "mot17_ablation"])
def test_the_rate_is_the_published_one_in_every_step_of_eighty_epochs(recipe: str, per_epoch: int) -> None:
    trainer: Recipe = build(compose("train", [f"experiment={recipe}"]).train)
    ours = [trainer.optimisation.rate(s, per_epoch, trainer.max_epochs, trainer.no_aug_epochs, 48) for s in range(80 * per_epoch)]
    assert np.allclose(ours, [published_rate(step, per_epoch) for step in range(80 * per_epoch)], rtol=1e-9, atol=0)


def test_every_value_is_as_the_published_code_had_it() -> None:
    trainer: Recipe = build(compose("train", ["experiment=mot17_published"]).train)
    augmentation = trainer.augmentation
    assert (trainer.max_epochs, trainer.no_aug_epochs, trainer.batch_size, trainer.best_by) == (80, 11, 48, "AP50")
    assert (trainer.convention, trainer.weights) == ("rgb_imagenet", "weights/yolox_x_0.1.0.pth")
    assert list(augmentation.mixup_scale) == [0.5, 1.5]
    assert (augmentation.mosaic_min_side, augmentation.mixup_min_side, augmentation.min_side, augmentation.max_aspect) == (2, 5, 1, 20)
    assert (augmentation.mixup_pad, augmentation.mixup_empty, augmentation.distort_as) == (0, False, "float32")
    assert trainer.optimisation.floor_epochs == 10
    assert build(compose("train", ["experiment=mot20_x"]).train).augmentation.min_visible == 0.2


def test_where_the_image_that_mixup_lays_over_ends_it_is_black_as_published() -> None:
    still = {"degrees": 0.0, "translate": 0.0, "scale": (1.0, 1.0), "shear": 0.0, "distort": 0.0, "flip": 0.0, "mosaic": 0.0}
    corner = {}
    for pad in (0, 114):
        settings = Augmentation(**still, mixup=1.0, mixup_scale=(0.5, 0.5), mixup_pad=pad)
        image, _ = AugmentedImages(ONE, Painted(ONE), settings)[Sample(0, 0, 120, 200, True)]
        corner[pad] = int(image[-1, 0, 0])  # the overlay, flipped or not, ends half way down; the image below is black there
    assert corner == {0: 0, 114: 57}


def test_an_image_without_boxes_of_its_own_is_not_laid_over_as_published() -> None:
    small = {"mosaic": 0.0, "flip": 0.0, "distort": 0.0, "mixup_min_side": 1000.0, "scale": (1.0, 1.0), "degrees": 0.0, "shear": 0.0}
    images = {}
    for empty in (True, False):
        settings = Augmentation(**small, translate=0.0, mixup_empty=empty)
        images[empty], targets = AugmentedImages(ONE, Painted(ONE), settings)[Sample(0, 0, 120, 200, True)]
        assert len(targets) == 1
    assert images[False][60, 75, 0] == 255
    assert not np.array_equal(images[True], images[False])


def test_small_and_long_boxes_are_dropped_where_each_setting_says() -> None:
    def sides(**settings: float) -> np.ndarray:
        data = AugmentedImages(MANY, Painted(MANY), Augmentation(mixup=0.0, distort=0.0, degrees=0.0, shear=0.0, **settings))
        return np.concatenate([data[Sample(epoch, index, 128, 192, True)][1][:, 3:] for epoch in range(6) for index in range(4)])

    everything, large, square = sides(), sides(mosaic_min_side=20), sides(max_aspect=2)
    assert everything.min() < 20 <= large.min()
    assert len(large) == (everything.min(axis=1) >= 20).sum()
    assert (square.max(axis=1) / square.min(axis=1)).max() < 2 < (everything.max(axis=1) / everything.min(axis=1)).max()


def test_colours_are_distorted_as_opencv_s_float_hue_has_it() -> None:
    blue = np.full((2, 2, 3), (200, 40, 40), np.uint8)  # hue 240 of 360
    seen = set()
    for number in range(200):
        image, rng = blue.copy(), generator(number)
        chosen = generator(number).random(4) < 0.5
        distort_float(image, rng, 1.0)
        if chosen.tolist() == [False, False, True, False]:
            seen.add(tuple(int(v > 120) for v in image[0, 0]))  # 240 folds to 60: yellow
        if not chosen.any():
            assert np.array_equal(image, blue)
    assert seen == {(0, 1, 1)}
    image = blue.copy()
    distort(image, generator(3), 0.0)
    assert np.array_equal(image, blue)
