"""`tools/train.py` as a user runs it, and every recipe in exps/experiment/."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from bytetrack.config import build, compose, home
from bytetrack.config.hints import refuse_unknown_settings
from bytetrack.config.places import EXPERIMENT, group_folder
from bytetrack.io.coco import write_coco
from bytetrack.training import Recipe, checkpoint
from tests.conftest import Verb

RECIPES = sorted(path.stem for path in group_folder(EXPERIMENT).glob("*.yaml") if "tools/train.py" in path.read_text(encoding="utf-8"))
PUBLISHED = {
    "mot17_ablation": (1.25, [800, 1440], (18, 32), 2),
    "mot17_x": (1.25, [800, 1440], (18, 32), 4),
    "mot17_l": (1.0, [800, 1440], (18, 32), 4),
    "mot17_m": (0.75, [800, 1440], (18, 32), 4),
    "mot17_s": (0.5, [608, 1088], (12, 26), 4),
    "mot17_tiny": (0.375, [608, 1088], (12, 26), 4),
    "mot17_nano": (0.25, [608, 1088], (12, 26), 4),
    "mot20_x": (1.25, [896, 1600], (20, 36), 2),
    "crowdhuman_x": (1.25, [800, 1440], (18, 32), 1),
}


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_builds_for_training_and_for_tracking(recipe: str) -> None:
    config = compose("train", [f"experiment={recipe}"])
    trainer = build(config.train)
    assert isinstance(trainer, Recipe)
    tracking = compose("track", [f"experiment={recipe}"])
    assert config.recipe == tracking.recipe == recipe
    for verb, whole in (("train", config), ("track", tracking)):
        refuse_unknown_settings(verb, whole, ())
    assert tracking.detector == config.detector
    assert Path(str(tracking.detector.weights)).parts[:3] == ("runs", "train", recipe)
    build(tracking.tracker)
    build(tracking.dataset)
    for settings in (tracking.per_sequence or {}).values():
        build({**tracking.tracker, **settings})


@pytest.mark.parametrize("recipe", sorted(PUBLISHED))
def test_a_published_recipe_has_its_published_numbers(recipe: str) -> None:
    config = compose("train", [f"experiment={recipe}"])
    trainer = build(config.train)
    width, size, multiscale, datasets = PUBLISHED[recipe]
    assert (config.detector.width, list(config.detector.input_size), trainer.multiscale, len(trainer.data)) == (
        width,
        size,
        multiscale,
        datasets,
    )
    assert config.detector.depthwise == (recipe == "mot17_nano")
    assert (trainer.batch_size, trainer.max_epochs, trainer.no_aug_epochs, trainer.eval_interval) == (48, 80, 10, 5)
    assert trainer.augmentation.clip == (recipe == "mot20_x")
    assert list(trainer.augmentation.scale) == ([0.5, 1.5] if recipe in ("mot17_tiny", "mot17_nano") else [0.1, 2.0])


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_says_what_it_needs_and_what_it_gives(recipe: str) -> None:
    header = (group_folder(EXPERIMENT) / f"{recipe}.yaml").read_text(encoding="utf-8").split("defaults:")[0]
    assert header.startswith("# @package _global_\n# ")
    for word in ("Train:", "Track:", "Data:", "GPU hours:", "Expected:"):
        assert f"# {word}" in header, word
    assert f"tools/train.py experiment={recipe}" in header
    assert f"tools/track.py experiment={recipe}" in header


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A COCO file of six images of noise with one box each."""
    folder = tmp_path_factory.mktemp("small")
    rng = np.random.default_rng(0)
    for number in range(6):
        cv2.imwrite(str(folder / f"{number}.png"), rng.integers(0, 255, (64, 96, 3)).astype(np.uint8))
    images = [{"id": n + 1, "file_name": f"{n}.png", "width": 96, "height": 64} for n in range(6)]
    boxes = [{"id": n + 1, "image_id": n + 1, "category_id": 1, "bbox": [20, 10, 30, 40], "iscrowd": 0} for n in range(6)]
    document = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "thing"}], "videos": []}
    write_coco(folder / "small.json", document)
    return folder / "small.json"


def command(small: Path, out: Path, *more: str) -> list[str]:
    entry = f"[{{path: {small}}}]"
    return [
        sys.executable,
        str(home() / "tools" / "train.py"),
        f"out={out}",
        f"train.data={entry}",
        f"train.val={entry}",
        "detector=yolox_nano",
        "detector.width=0.0625",
        "detector.input_size=[64,96]",
        *("train.multiscale=null", "train.batch_size=2", "train.max_epochs=4", "train.no_aug_epochs=2", "train.eval_interval=4"),
        *("train.workers=1", "train.precision=fp32", "train.device=cpu", "train.log_interval=1"),
        *more,
    ]


@pytest.mark.slow
def test_training_killed_and_terminated_from_outside_goes_on_to_the_same_parameters(verb_here: Verb, small: Path, tmp_path: Path) -> None:
    whole = verb_here("train", *command(small, tmp_path / "whole")[2:])
    assert whole.returncode == 0, whole.stderr
    assert "AP50:95" in whole.stdout
    out = tmp_path / "broken"
    for number, expected in ((signal.SIGKILL, -9), (signal.SIGTERM, 143), (signal.SIGINT, 130)):
        process = subprocess.Popen(command(small, out), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        before = (out / "last.pth").stat().st_mtime_ns if (out / "last.pth").exists() else 0
        while process.poll() is None and not ((out / "last.pth").exists() and (out / "last.pth").stat().st_mtime_ns > before):
            time.sleep(0.02)
        process.send_signal(number)
        _, errors = process.communicate(timeout=120)
        assert process.returncode in (expected, 0), errors
    assert verb_here("train", *command(small, out)[2:]).returncode == 0
    one, other = checkpoint.read(tmp_path / "whole" / "last.pth"), checkpoint.read(out / "last.pth")
    assert one["history"] == other["history"]
    assert all(torch.equal(one["raw_model"][key], other["raw_model"][key]) for key in one["raw_model"])


def test_a_missing_annotation_file_is_one_line(verb_here: Verb, tmp_path: Path) -> None:
    done = verb_here("train", *command(tmp_path / "none.json", tmp_path / "out")[2:])
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith(f"error: no annotation file {tmp_path}/none.json")


def test_without_data_the_missing_setting_is_named(verb_here: Verb, tmp_path: Path) -> None:
    done = verb_here("train", f"out={tmp_path}")
    assert done.returncode == 1
    assert "train.data" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_run_that_is_not_gone_on_with_keeps_the_record_of_its_settings(verb_here: Verb, small: Path, tmp_path: Path) -> None:
    words = command(small, tmp_path / "out", "train.max_epochs=1", "train.val=[]")[2:]
    assert verb_here("train", *words).returncode == 0
    kept = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir() if path.is_file()}
    refused = verb_here("train", *words, "train.batch_size=4")
    assert refused.returncode == 1
    assert "train.batch_size 2 -> 4" in refused.stderr
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir() if path.is_file()} == kept
