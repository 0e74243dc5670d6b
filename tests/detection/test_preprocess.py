"""What the network gets to see."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bytetrack.boxes import letterbox_ratio
from bytetrack.detection.network import build_network, read_checkpoint
from bytetrack.detection.preprocess import (
    guess_convention,
    letterbox,
    letterbox_batch,
    normalise,
    scale_frames,
    send_frames,
)
from bytetrack.detection.settings import CONVENTIONS, SIZES, check_convention
from tests.waits import Waits


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return np.asarray(cv2.GaussianBlur(coarse, (5, 5), 0), dtype=np.uint8)


def on_the_device(images: list[np.ndarray], size: tuple[int, int]) -> np.ndarray:
    """Letterboxed (B, H, W, 3) as a GPU does it."""
    return scale_frames(send_frames(images, "cpu"), size).permute(0, 2, 3, 1).numpy()


def test_a_letterbox_keeps_the_image_top_left_and_pads_with_114() -> None:
    image = noise(60, 100)
    box = letterbox(image, (64, 64))  # ratio 0.64: 38 x 64
    assert letterbox_ratio(image.shape, (64, 64)) == 0.64
    assert (box[38:] == 114).all()
    assert np.array_equal(box[:38], cv2.resize(image, (64, 38), interpolation=cv2.INTER_LINEAR))


def test_an_image_of_the_inputs_size_passes_unchanged() -> None:
    image = noise(64, 96)
    assert np.array_equal(letterbox(image, (64, 96)), image)
    assert np.array_equal(on_the_device([image], (64, 96))[0], image)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 200), st.integers(2, 200), st.sampled_from([(32, 32), (64, 96), (96, 64), (160, 224)]), st.integers(0, 9))
def test_scaling_on_the_device_is_opencvs_to_one_grey_level(height: int, width: int, size: tuple[int, int], seed: int) -> None:
    image = noise(height, width, seed)
    scaled = on_the_device([image], size)[0]
    assert np.abs(scaled - letterbox(image, size).astype(float)).max() <= 1
    assert np.array_equal(scaled, np.round(scaled))


def test_a_batch_holds_images_of_different_sizes() -> None:
    images = [noise(60, 100), noise(100, 60), noise(64, 64), noise(60, 100, 1)]
    batch = letterbox_batch(images, (64, 64))
    assert batch.dtype == torch.float32
    assert batch.is_contiguous(memory_format=torch.channels_last)
    for image, row in zip(images, batch, strict=True):
        assert np.array_equal(row.permute(1, 2, 0).numpy(), letterbox(image, (64, 64)))


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_a_device_letterboxes_and_normalises_images_of_different_sizes_in_one_go(convention: str) -> None:
    images = [noise(60, 100), noise(30, 50), noise(30, 50, 1), noise(64, 64), noise(60, 100, 1)]
    at_once = scale_frames(send_frames(images, "cpu"), (64, 64), convention)
    in_steps = normalise(torch.from_numpy(on_the_device(images, (64, 64))).permute(0, 3, 1, 2), convention)
    assert torch.allclose(at_once, in_steps, atol=1e-6)
    assert at_once.is_contiguous(memory_format=torch.channels_last)
    half = scale_frames(send_frames(images, "cpu"), (64, 64), convention, torch.float16)
    assert torch.equal(half, at_once.half())


def test_conventions_on_a_hand_worked_pixel() -> None:
    blue_green_red = torch.tensor([0.0, 51.0, 255.0])[None, :, None, None]
    assert normalise(blue_green_red, "bgr255").flatten().tolist() == [0, 51, 255]
    red_green_blue = [(1 - 0.485) / 0.229, (0.2 - 0.456) / 0.224, (0 - 0.406) / 0.225]
    assert normalise(blue_green_red, "rgb_imagenet").flatten().tolist() == pytest.approx(red_green_blue, abs=1e-6)
    with pytest.raises(ValueError, match="convention must be one of bgr255, rgb_imagenet"):
        normalise(blue_green_red, "rgb")


def test_normalising_a_second_time_makes_no_constants() -> None:
    batch = torch.zeros(1, 3, 2, 2)
    first = normalise(batch, "rgb_imagenet")
    with Waits() as waits:
        assert torch.equal(normalise(batch, "rgb_imagenet"), first)
    assert not waits.lines


def test_the_settings_names_are_the_conventions() -> None:
    assert [check_convention(name) for name in CONVENTIONS] == list(CONVENTIONS)


def test_the_convention_shows_in_the_weights(data_dir: Path) -> None:
    model = read_checkpoint(data_dir / "weights" / "yolox_nano.pth").model
    assert guess_convention(model) == "bgr255"
    weight = model["backbone.backbone.stem.conv.conv.weight"]
    scale = torch.tensor([1 / scale for scale in CONVENTIONS["rgb_imagenet"].scale]).repeat(4)[:, None, None]
    assert guess_convention({**model, "backbone.backbone.stem.conv.conv.weight": weight * scale}) == "rgb_imagenet"


def test_untrained_or_folded_weights_show_no_convention() -> None:
    assert guess_convention(build_network(*SIZES["nano"]).state_dict()) is None


@pytest.mark.parametrize(
    "image", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8)]
)
def test_what_is_no_image_is_refused(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"images must be uint8 arrays \(H, W, 3\)"):
        letterbox(image, (32, 32))
    with pytest.raises(ValueError, match=r"images must be uint8 arrays \(H, W, 3\)"):
        send_frames([image], "cpu")
