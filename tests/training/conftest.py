"""A dataset of a few small images and the smallest network, so that whole training runs take seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from bytetrack.data.augment import Augmentation
from bytetrack.io.coco import write_coco
from bytetrack.training import NetworkSettings, Recipe
from bytetrack.training.optimisation import Optimisation


@pytest.fixture(scope="session")
def tiny() -> NetworkSettings:
    """A network of 0.06 M parameters."""
    return NetworkSettings(0.33, 0.0625, True, (64, 96))


@pytest.fixture(scope="session")
def coco_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine images of 120 x 80 pixels with bright rectangles on noise, and their boxes."""
    folder = tmp_path_factory.mktemp("tiny")
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for number in range(1, 10):
        image = rng.integers(0, 60, (80, 120, 3)).astype(np.uint8)
        for _ in range(3):
            (w, h), (x, y) = rng.integers(12, 40, 2), rng.integers(-5, 70, 2)
            image[max(y, 0) : y + h, max(x, 0) : x + w] = 220
            box = {"bbox": [int(x), int(y), int(w), int(h)], "area": int(w * h), "iscrowd": 0, "track_id": -1}
            annotations.append({"id": len(annotations) + 1, "image_id": number, "category_id": 1, **box})
        cv2.imwrite(str(folder / f"{number}.png"), image)
        images.append({"id": number, "file_name": f"{number}.png", "width": 120, "height": 80})
    categories = [{"id": 1, "name": "thing"}]
    write_coco(folder / "tiny.json", {"images": images, "annotations": annotations, "categories": categories, "videos": []})
    return folder / "tiny.json"


@pytest.fixture(scope="session")
def trainer(coco_file: Path) -> Callable[..., Recipe]:
    """`trainer(**settings)`: four epochs of two steps on the tiny dataset, the last two without mosaic, evaluated after 2, 3 and 4."""
    torch.set_num_threads(1)

    def make(**settings: Any) -> Recipe:
        usual: dict[str, Any] = {
            "data": [{"path": str(coco_file)}],
            "val": [{"path": str(coco_file)}],
            "max_epochs": 4,
            "no_aug_epochs": 2,
            "batch_size": 4,
            "multiscale": (2, 3),
            "multiscale_interval": 2,
            "precision": "fp32",
            "device": "cpu",
            "workers": 0,
            "eval_interval": 2,
            "log_interval": 1,
            "augmentation": Augmentation(),
            "optimisation": Optimisation(learning_rate=0.1, ema_steps=4),
        }
        return Recipe(**{**usual, **settings})

    return make
