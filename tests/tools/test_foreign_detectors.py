"""A detector of somebody else's in the verbs: tracked with by one command, its classes matched by name."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from tests.conftest import Verb
from tests.detection.test_layouts import SIZE, Yolov8, exported
from tests.tools.test_choices import torchvision_file


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Six frames of soft coloured noise that moves to the right."""
    noise = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (64, 160, 3), dtype=np.uint8), (15, 15), 0)
    (tmp_path / "film").mkdir()
    for frame in range(6):
        cv2.imwrite(str(tmp_path / "film" / f"{frame:03d}.png"), noise[:, 2 * frame : 96 + 2 * frame])
    return tmp_path / "film"


def network(path: Path) -> Path:
    """A YOLOv8 by its outputs, with names in its metadata as such exporters write them."""
    small = Yolov8(2)
    for level in small.cells.levels:
        nn.init.normal_(level.weight, std=0.2)
    return exported(small, path, ["output0"], names="{0: 'person', 1: 'dog'}", stride="32", imgsz=str(list(SIZE)), task="detect")


def test_a_foreign_onnx_detector_tracks_a_video_by_one_command(verb_here: Verb, film: Path, tmp_path: Path) -> None:
    weights = network(tmp_path / "their.onnx")
    words = ["detector=onnx", f"detector.weights={weights}", "detector.classes=null", f"source={film}", "video=null", "out=run"]
    process = verb_here("demo", *words)
    assert process.returncode in (0, None), process.stderr
    assert "layout yolov8, letterbox_centre, 2 classes, 64x96, rgb_unit" in process.stderr
    assert json.loads(Path("run/summary.json").read_text())["identities"] > 0
    frames = [json.loads(line) for line in Path("run/film.jsonl").read_text().splitlines()]
    assert {track["class"] for frame in frames for track in frame["tracks"]} <= {"person", "dog"}


def test_the_demo_takes_such_a_file_as_its_weights_too(verb_here: Verb, film: Path, tmp_path: Path) -> None:
    process = verb_here("demo", f"weights={network(tmp_path / 'their.onnx')}", f"source={film}", "video=null", "out=run")
    assert process.returncode in (0, None), process.stderr
    assert json.loads(Path("run/summary.json").read_text())["frames"] == 6


def test_a_dataset_is_tracked_with_torchvisions_detector(verb_here: Verb, tiny: Path, film: Path) -> None:
    (tiny / "train" / "A" / "gt" / "gt.txt").unlink()
    (tiny / "train" / "A" / "img1").mkdir()
    for number, path in enumerate(sorted(film.glob("*.png")), 1):
        cv2.imwrite(str(tiny / "train" / "A" / "img1" / f"{number:06d}.jpg"), np.asarray(cv2.imread(str(path))))
    torch.manual_seed(0)
    words = ["detector=torchvision", "detector.model=ssdlite320_mobilenet_v3_large", f"detector.weights={torchvision_file(tiny)}"]
    words += ["detector.class_names=[background,person]", f"dataset.root={tiny}", "dataset.subset=train", "dataset.pattern=A"]
    process = verb_here("track", *words, "tracker.high_score=0.2", "tracker.low_score=0.1", "workers=1", "out=run")
    assert process.returncode in (0, None), process.stderr
    assert Path("run/tracks/A.txt").is_file()
    assert "torchvision's ssdlite320_mobilenet_v3_large: weights" in process.stderr
