"""Kinds of files that are met less often: other pictures, camera motion, OpenVINO's pairs, checkpoints in the middle of training."""

from __future__ import annotations

import copy
import io
import random
import tempfile
from contextlib import redirect_stdout
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import damage
import good_files as good
import numpy as np
import readers
from readers import Kind, sane

from bytetrack.structures import Sequence, SequenceDetections


def camera_motion(folder: Path, out: Path) -> None:
    from bytetrack.video.camera_motion import Recorded

    nothing = SequenceDetections(np.empty((0, 4)), np.empty(0), np.zeros(good.FRAMES + 1, np.int64))
    found = Recorded(folder / "motion").of_sequence(Sequence("A", good.FRAMES, 30, good.WIDTH, good.HEIGHT), nothing)
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


SHAPE: dict[str, Any] = {"depth": good.DEPTH, "width": good.CHANNELS, "depthwise": True, "input_size": (64, 64)}


def train(folder: Path, epochs: int) -> None:
    from bytetrack.training.trainer import Trainer

    data = [{"path": str(folder / "small.json")}]
    plain: dict[str, Any] = {"multiscale": None, "precision": "fp32", "device": "cpu", "workers": 0, "log_interval": 99}
    with redirect_stdout(io.StringIO()):
        Trainer(data, max_epochs=epochs, no_aug_epochs=1, batch_size=2, **plain).fit(folder / "run", **SHAPE)


@lru_cache(maxsize=1)
def training_set() -> dict[str, bytes]:
    import small_jobs

    with tempfile.TemporaryDirectory() as temporary:
        small_jobs.coco(Path(temporary))
        return {path.name: path.read_bytes() for path in Path(temporary).iterdir()}


@lru_cache(maxsize=1)
def half_trained() -> dict[str, Any]:
    """The checkpoint after one of two epochs."""
    import torch

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        good.write(folder, training_set())
        train(folder, 1)
        content: dict[str, Any] = torch.load(folder / "run" / "last.pth", weights_only=True)
    content["settings"]["train"]["max_epochs"] = 2
    content["settings"]["train"]["data"] = [{"path": "small.json"}]
    return content


def go_on(folder: Path, out: Path) -> None:
    """Training resumed from the file, for the epoch that is left."""
    import os

    before = os.getcwd()
    os.chdir(folder)
    try:
        train(Path(), 2)
    finally:
        os.chdir(before)


def inside_training(rng: random.Random, _: bytes) -> bytes:
    """Another value somewhere in optimizer, schedule, history or random state; the network itself stays."""
    import torch

    content = copy.deepcopy(half_trained())
    values = [*damage.VALUES, torch.zeros(0), torch.zeros(3), torch.full((4, 3, 3, 3), float("nan")), torch.zeros(2, dtype=torch.int64)]
    part = rng.choice(["optimizer", "optimizer", "scaler", "updates", "step", "history", "epoch_loss", "random", "settings"])
    changed = damage.replaced(rng, {part: content[part]}, values)
    return good.saved({**content, **changed})


def rarer_kinds() -> list[Kind]:
    pictures = [
        Kind(ending[1:], 100, f"a{ending}", partial(good.picture, ending), damage.BINARY, partial(readers.picture, name=f"a{ending}"))
        for ending in (".tif", ".webp", ".bmp")
    ]
    motion = Kind("camera motion", 200, "motion/A.txt", affines, damage.fields("\t"), camera_motion, line=True)
    resumed = Kind(
        "resumed training",
        100,
        "run/last.pth",
        lambda: good.saved(half_trained()),
        [*damage.BINARY[:4], *[inside_training] * 12],
        go_on,
        training_set(),
        words=("last.pth",),
    )
    try:
        xml, numbers = openvino_pair()
    except ModuleNotFoundError:
        return [*pictures, motion, resumed]
    pair = {"network.xml": xml, "network.bin": numbers}
    text = damage.fields('"')
    return [
        *pictures,
        motion,
        Kind("openvino xml", 100, "network.xml", lambda: xml, text, openvino, pair),
        Kind("openvino bin", 60, "network.bin", lambda: numbers, damage.BINARY, openvino, pair, words=("network.xml",)),
        resumed,
    ]
