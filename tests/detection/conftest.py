"""The weights and the four annotated images every detector is tried on."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from bytetrack.boxes import xyxy_from_tlwh
from bytetrack.structures import Detections


@pytest.fixture(scope="session")
def nano(data_dir: Path) -> Path:
    """YOLOX-Nano with COCO's 80 classes."""
    return data_dir / "weights" / "yolox_nano.pth"


@pytest.fixture(scope="session")
def coco_images(data_dir: Path) -> list[np.ndarray]:
    """Four images of COCO val."""
    return [np.asarray(cv2.imread(str(path))) for path in sorted((data_dir / "coco").glob("*.jpg"))]


@pytest.fixture(scope="session")
def coco_people(data_dir: Path) -> tuple[list[Detections], list[np.ndarray]]:
    """The people in them, and their areas as COCO has them (of the mask)."""
    document = json.loads((data_dir / "coco" / "test_coco.json").read_text())
    boxes, areas = [], []
    for image in sorted(document["images"], key=lambda image: str(image["file_name"])):
        people = [a for a in document["annotations"] if a["image_id"] == image["id"]]
        boxes.append(Detections(xyxy_from_tlwh([a["bbox"] for a in people]), np.ones(len(people))))
        areas.append(np.array([a["area"] for a in people]))
    return boxes, areas
