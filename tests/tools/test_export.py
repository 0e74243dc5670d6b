"""`tools/export.py` as a user calls it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tools.one_line import failed

Verb = Callable[..., "subprocess.CompletedProcess[str]"]


def test_mistakes_are_one_line(verb_here: Verb) -> None:
    assert failed(verb_here("export", "weights=nowhere.pth", "out=x.onnx")).startswith("no weights at 'nowhere.pth'")
    assert "out must end in .onnx" in failed(verb_here("export", "weights=nowhere.pth", "out=x.engine"))


@pytest.mark.slow
def test_an_exported_file_tells_how_far_from_torch_it_is(verb: Verb, data_dir: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason="needs pip install onnx onnxscript onnxruntime")
    weights = data_dir / "weights" / "yolox_nano.pth"
    run = verb("export", f"weights={weights}", f"out={tmp_path / 'a' / 'nano.onnx'}", f"images={data_dir / 'coco'}", "nms=true")
    assert run.returncode == 0, run.stderr
    assert "checked against torch on 4 images" in run.stderr
    assert "boxes as torch has them" in run.stderr
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["nano.onnx"]
