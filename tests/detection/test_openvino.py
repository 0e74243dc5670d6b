"""OpenVINO gives what torch gives, in bfloat16 nearly so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bytetrack.boxes import iou
from bytetrack.detection.export import export
from bytetrack.detection.openvino import OpenVino
from bytetrack.detection.settings import SIZES
from bytetrack.detection.yolox import Yolox
from bytetrack.errors import FormatError, MissingDataError
from bytetrack.structures import Detections

openvino = pytest.importorskip("openvino", reason="needs openvino: pip install openvino")


@pytest.fixture(scope="session")
def nano_onnx(data_dir: Path) -> Path:
    return data_dir / "weights" / "yolox_nano.onnx"


def missed(expected: list[Detections], found: list[Detections], overlap: float, score: float) -> int:
    """How many boxes of `expected` have no one in `found` that overlaps so much and scores so nearly the same."""
    count = 0
    for a, b in zip(expected, found, strict=True):
        near = (iou(a.xyxy, b.xyxy) >= overlap) & (np.abs(a.score[:, None] - b.score) <= score)
        count += int((~near.any(axis=1)).sum())
    return count


@pytest.mark.parametrize(("precision", "overlap", "score", "allowed"), [("fp32", 0.999, 1e-3, 0), ("bf16", 0.9, 0.05, 2)])
def test_openvino_finds_what_torch_finds(
    nano: Path, nano_onnx: Path, coco_images: list[np.ndarray], precision: str, overlap: float, score: float, allowed: int
) -> None:
    if precision.upper() not in ("FP32", *openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")):
        pytest.skip(f"this CPU has no {precision}")
    torches = Yolox(nano, *SIZES["nano"], (416, 416), min_score=0.1, device="cpu").detect(coco_images)
    found = OpenVino(nano_onnx, precision, min_score=0.1).detect(coco_images)
    assert sum(map(len, torches)) == 16
    assert missed(torches, found, overlap, score) <= allowed
    assert missed(found, torches, overlap, score) <= allowed


@pytest.mark.slow
def test_openvinos_own_file_carries_its_description(nano: Path, coco_images: list[np.ndarray], tmp_path: Path) -> None:
    export(nano, tmp_path / "nano.xml", nms=True, min_score=0.1, images=coco_images)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["nano.bin", "nano.xml"]
    detector = OpenVino(tmp_path / "nano.xml")
    torches = Yolox(nano, *SIZES["nano"], (416, 416), min_score=0.1, device="cpu").detect(coco_images)
    assert missed(torches, detector.detect(coco_images), 0.999, 1e-3) == 0
    assert (detector.class_names or [""])[0] == "person"
    with pytest.raises(ValueError, match=r"no boxes below the score 0.1"):
        OpenVino(tmp_path / "nano.xml", min_score=0.05).detect(coco_images)
    before = detector.key()
    (tmp_path / "nano.bin").write_bytes(b"other weights")
    assert OpenVino(tmp_path / "nano.xml").key() != before
    (tmp_path / "nano.bin").unlink()
    with pytest.raises(MissingDataError, match="files come in pairs"):
        OpenVino(tmp_path / "nano.xml")


def test_what_is_not_there_is_named(
    nano_onnx: Path, coco_images: list[np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="precision must be fp32, bf16, fp16: got 'f32'"):
        OpenVino(nano_onnx, "f32")
    with pytest.raises(ValueError, match=r"device 'NPU' is not available: found .*CPU"):
        OpenVino(nano_onnx, device="NPU").detect(coco_images)
    (tmp_path / "cut.onnx").write_bytes(nano_onnx.read_bytes()[:2000])
    with pytest.raises(FormatError, match=r"cut.onnx: OpenVINO cannot load it"):
        OpenVino(tmp_path / "cut.onnx").detect(coco_images)
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install openvino"):
        OpenVino(nano_onnx).detect(coco_images)


SEVERAL = """
import os, signal, sys
import numpy as np
from bytetrack.detection.openvino import OpenVino
from bytetrack.errors import FormatError

refused = []
for _ in range(3):
    try:
        OpenVino(sys.argv[1]).detect([np.zeros((8, 8, 3), np.uint8)])
    except FormatError as error:
        refused.append(error)
while refused:
    del refused[0]  # the first goes first
signal.signal(signal.SIGUSR1, lambda *_: print("heard"))
os.kill(os.getpid(), signal.SIGUSR1)
"""


def test_a_signal_after_several_networks_is_heard(tmp_path: Path) -> None:
    """On CPUs with AMX, OpenVINO exchanges the stack on which signals are handled."""
    (tmp_path / "empty.onnx").touch()
    process = subprocess.run([sys.executable, "-c", SEVERAL, str(tmp_path / "empty.onnx")], capture_output=True, text=True)
    assert (process.returncode, process.stdout) == (0, "heard\n"), process.stderr
