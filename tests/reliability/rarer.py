"""Kinds of files that are met less often: other pictures, camera motion, OpenVINO's pairs, checkpoints in the middle of training."""

from __future__ import annotations

import tempfile
from functools import lru_cache, partial
from pathlib import Path

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


def rarer_kinds() -> list[Kind]:
    pictures = [
        Kind(ending[1:], 100, f"a{ending}", partial(good.picture, ending), damage.BINARY, partial(readers.picture, name=f"a{ending}"))
        for ending in (".tif", ".webp", ".bmp")
    ]
    motion = Kind("camera motion", 200, "motion/A.txt", affines, damage.fields("\t"), camera_motion, line=True)
    try:
        xml, numbers = openvino_pair()
    except ModuleNotFoundError:
        return [*pictures, motion]
    pair = {"network.xml": xml, "network.bin": numbers}
    text = damage.fields('"')
    return [
        *pictures,
        motion,
        Kind("openvino xml", 100, "network.xml", lambda: xml, text, openvino, pair),
        Kind("openvino bin", 60, "network.bin", lambda: numbers, damage.BINARY, openvino, pair, words=("network.xml",)),
    ]
