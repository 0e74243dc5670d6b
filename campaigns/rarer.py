"""Kinds of files that are met less often: other pictures, camera motion, OpenVINO's pairs, checkpoints in the middle of training."""

from __future__ import annotations

import contextlib
import copy
import io
import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from bytetrack.structures import Sequence, SequenceDetections
from campaigns import damage, readers, small_jobs
from campaigns import good_files as good
from campaigns.readers import Kind, sane


def camera_motion(folder: Path, out: Path) -> None:
    from bytetrack.video.camera_motion import RecordedMotion

    nothing = SequenceDetections(np.empty((0, 4)), np.empty(0), np.zeros(good.FRAMES + 1, np.int64))
    found = RecordedMotion(folder / "motion").of_sequence(Sequence("A", good.FRAMES, 30, good.WIDTH, good.HEIGHT), nothing)
    sane(found.shape == (good.FRAMES, 2, 3) and np.isfinite(found).all())


def affines() -> bytes:
    return "".join(f"{frame}\t1.0\t0.01\t{frame}.5\t-0.01\t1.0\t-0.25\n" for frame in range(good.FRAMES)).encode()


@lru_cache(maxsize=1)
def openvino_pair() -> tuple[bytes, bytes]:
    import openvino

    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary, "network.xml")
        Path(temporary, "network.onnx").write_bytes(good.onnx_file())
        model = openvino.convert_model(path.with_suffix(".onnx"))
        for key, value in {"output": "raw", "num_classes": "1", "class_names": '["person"]', "convention": "bgr255"}.items():
            model.set_rt_info(value, ["bytetrack", key])
        openvino.save_model(model, path, compress_to_fp16=False)
        return path.read_bytes(), path.with_suffix(".bin").read_bytes()


def openvino(folder: Path, out: Path) -> None:
    from bytetrack.detection.openvino import OpenVino

    detector = OpenVino(folder / "network.xml", classes=None, threads=1)
    for found in detector.detect([np.zeros((64, 64, 3), np.uint8)]):
        sane(found.xyxy.shape[1:] == (4,))


# ---- training, stopped after the first of two steps


@contextlib.contextmanager
def inside(folder: Path) -> Iterator[None]:
    before = os.getcwd()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        os.chdir(before)


def train(out: Path) -> None:
    from bytetrack import training
    from bytetrack.training.optimisation import Optimisation

    small = [{"path": "small.json"}]
    step = {"max_epochs": 2, "no_aug_epochs": 2, "batch_size": 6, "multiscale": None, "optimisation": Optimisation("adamw")}
    recipe = training.Recipe(small, small, **step, precision="fp32", device="cpu", workers=0)
    training.train(recipe, training.NetworkSettings(good.DEPTH, good.CHANNELS, True, (64, 64)), out)


@lru_cache(maxsize=1)
def training_files() -> dict[str, bytes]:
    """The images that are learned from, their labels, and `last.pth` after the first step and its evaluation."""
    from bytetrack.training.loop import TrainingLoop

    whole = TrainingLoop._step

    def stopped(run: TrainingLoop, *arguments: Any) -> None:
        if run.step:
            raise InterruptedError
        whole(run, *arguments)

    with tempfile.TemporaryDirectory() as temporary, inside(Path(temporary)):
        small_jobs.coco(Path())
        with contextlib.suppress(InterruptedError), mock.patch.object(TrainingLoop, "_step", stopped):
            train(Path("run"))
        return {str(path): path.read_bytes() for path in (Path("small.json"), Path("run/last.pth"), *Path().glob("*.png"))}


@lru_cache(maxsize=1)
def training_content() -> dict[str, Any]:
    import torch

    content: dict[str, Any] = torch.load(io.BytesIO(training_files()["run/last.pth"]), weights_only=True)
    return content


def state_changed(rng: random.Random, _: bytes) -> bytes:
    """One value of optimizer, moving average, schedule or history that is another, or of another shape or type."""
    import torch

    content = copy.deepcopy(training_content())
    key = rng.choice([*["optimizer"] * 6, *content])
    around: Any = content
    place: tuple[Any, ...] = (key, *rng.choice([(), *damage.places(content[key])]))
    for step in place[:-1]:
        around = around[step]
    before = around[place[-1]]
    others: list[Any] = [*damage.VALUES, torch.zeros(3), torch.tensor(1.5), torch.zeros(2, dtype=torch.int64), content["raw_model"]]
    if isinstance(before, torch.Tensor) and rng.random() < 0.8:
        others = [before.flatten()[:-1], before[None], *map(before.to, (torch.float64, torch.float16, torch.int64, torch.complex64))]
        others += [before * float("nan"), before - float("inf"), -before, before * 1e30]
    around[place[-1]] = rng.choice(others)
    if rng.random() < 0.1:
        del around[place[-1]]
    return good.saved(content)


def gone_on_from(folder: Path, out: Path) -> None:
    run = out / "run"
    run.mkdir(parents=True, exist_ok=True)
    shutil.copy(folder / "last.pth", run / "last.pth")
    with inside(folder):
        try:
            train(run)
        except ValueError as error:
            sane((run / "last.pth").read_bytes() == (folder / "last.pth").read_bytes())
            sane("not finite" in str(error) or "last.pth" in str(error))
            raise


def training() -> Kind:
    files = training_files()
    others = {name: content for name, content in files.items() if not name.startswith("run/")}
    words = ("the loss is not finite",)
    return Kind("training gone on from", 20, "last.pth", lambda: files["run/last.pth"], [state_changed], gone_on_from, others, words=words)


def rarer_kinds() -> list[Kind]:
    pictures = [
        Kind(ending[1:], 100, f"a{ending}", partial(good.picture, ending), damage.BINARY, partial(readers.picture, name=f"a{ending}"))
        for ending in (".tif", ".webp", ".bmp")
    ]
    motion = Kind("camera motion", 200, "motion/A.txt", affines, damage.fields("\t"), camera_motion, line=True)
    try:
        xml, numbers = openvino_pair()
    except ModuleNotFoundError:
        return [*pictures, motion, training()]
    pair = {"network.xml": xml, "network.bin": numbers}
    text = damage.fields('"')
    return [
        *pictures,
        motion,
        training(),
        Kind("openvino xml", 100, "network.xml", lambda: xml, text, openvino, pair),
        Kind("openvino bin", 60, "network.bin", lambda: numbers, damage.BINARY, openvino, pair, words=("network.xml",)),
    ]
