"""Weights that say how they were trained are used so, whatever recipes and configs have; what the command line says stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import yaml

from bytetrack.detection.network import build_network
from bytetrack.detection.settings import Size
from bytetrack.detection.yolox import Yolox
from campaigns import good_files as good
from tests.conftest import Verb

SIZE = Size(0.33, 0.0625, depthwise=True)
ABOUT = {**SIZE._asdict(), "class_names": ["pig", "cow"], "convention": "rgb_imagenet", "input_size": [64, 96]}


@pytest.fixture
def pictures(tiny: Path) -> Path:
    """One sequence of the tiny dataset with its pictures, and without ground truth: nothing is scored."""
    (tiny / "train" / "A" / "gt" / "gt.txt").unlink()
    (tiny / "train" / "A" / "img1").mkdir()
    for frame in range(1, 7):
        picture = np.random.default_rng(frame).integers(0, 255, (100, 200, 3), np.uint8)
        cv2.imwrite(str(tiny / "train" / "A" / "img1" / f"{frame:06d}.jpg"), picture)
    return tiny


def weights(folder: Path, **about: Any) -> Path:
    torch.manual_seed(0)
    torch.save({"model": build_network(*SIZE, num_classes=2).state_dict(), "detector": about}, folder / "own.pth")
    return folder / "own.pth"


def tracked(verb_here: Verb, root: Path, *words: str, file: str = "own.pth") -> tuple[dict[str, Any], list[str], str]:
    """The detector's settings of the run, the keys that its detections are kept under, and what it said."""
    given = [f"dataset.root={root}", "dataset.subset=train", "dataset.pattern=A", f"detector.weights={root / file}"]
    process = verb_here("track", *words, *given, "detector.min_score=0.5", "workers=1", "out=run")
    assert process.returncode in (0, None), process.stderr
    keys = [path.name for path in Path("run/detections").iterdir()]
    return yaml.safe_load(Path("run/config.yaml").read_text())["detector"], keys, process.stderr


def test_a_checkpoint_is_tracked_with_as_it_was_trained_whatever_the_recipe_has(pictures: Path, verb_here: Verb) -> None:
    path = weights(pictures, **ABOUT)
    settings, keys, said = tracked(verb_here, pictures, "experiment=mine", "dataset.half=null")
    assert {name: settings[name] for name in ABOUT if name in settings} == {k: v for k, v in ABOUT.items() if k != "class_names"}
    assert settings["classes"] is None
    trained = Yolox(path, *SIZE, input_size=(64, 96), convention="rgb_imagenet", classes=None, min_score=0.5)
    assert keys == [trained.key()]
    assert "own.pth decides: input_size [64,96] (not the config's [608,1088]), " in said
    assert "classes null (not the config's ['person'])" in said
    assert "was trained" not in said


def test_the_command_lines_settings_stay_and_are_warned_of(pictures: Path, verb_here: Verb) -> None:
    path = weights(pictures, **ABOUT)
    words = ("detector.input_size=[96,96]", "++detector.convention=bgr255", "detector.classes=[pig]")
    settings, keys, said = tracked(verb_here, pictures, "experiment=mine", "dataset.half=null", *words)
    assert (settings["input_size"], settings["convention"], settings["classes"]) == ([96, 96], "bgr255", ["pig"])
    assert keys == [Yolox(path, *SIZE, input_size=(96, 96), convention="bgr255", classes=["pig"], min_score=0.5).key()]
    assert "own.pth was trained at 64 x 96, detector.input_size is 96 x 96" in said
    assert "own.pth was trained with convention rgb_imagenet, detector.convention is bgr255: expect poor boxes" in said


def test_a_convention_in_a_config_of_ones_own_gives_way(pictures: Path, verb_here: Verb, tmp_path: Path) -> None:
    weights(pictures, **ABOUT)
    (tmp_path / "own" / "detector").mkdir(parents=True)
    text = "defaults: [yolox_nano, _self_]\nconvention: bgr255\ninput_size: [96, 96]\nclasses: [cow]\n"
    (tmp_path / "own" / "detector" / "farm.yaml").write_text(text)
    settings, _, said = tracked(verb_here, pictures, f"--config-dir={tmp_path / 'own'}", "dataset=motchallenge", "detector=farm")
    assert (settings["input_size"], settings["convention"], settings["classes"]) == ([64, 96], "rgb_imagenet", ["cow"])
    assert "convention rgb_imagenet (not the config's bgr255)" in said


def test_weights_that_say_nothing_leave_the_configs_values(pictures: Path, verb_here: Verb) -> None:
    path = weights(pictures)
    words = ("detector=yolox_nano", "detector.width=0.0625", "detector.input_size=[64,64]", "detector.classes=null")
    settings, keys, said = tracked(verb_here, pictures, "dataset=motchallenge", *words)
    assert (settings["depth"], settings["input_size"], settings["convention"]) == (0.33, [64, 64], None)
    assert keys == [Yolox(path, *SIZE, input_size=(64, 64), classes=None, min_score=0.5).key()]
    assert "decides" not in said


def test_an_exported_file_is_used_at_its_size_whatever_the_recipe_has(pictures: Path, verb_here: Verb) -> None:
    pytest.importorskip("onnxruntime")
    (pictures / "own.onnx").write_bytes(good.onnx_file())
    settings, _, said = tracked(verb_here, pictures, "experiment=mine", "detector=onnx", "dataset.half=null", file="own.onnx")
    assert settings["input_size"] == [64, 64]
    assert "own.onnx decides: input_size [64,64] (not the config's [608,1088])" in said
