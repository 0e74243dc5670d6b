"""The script for a GPU runs from end to end where there is none."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.mark.slow
def test_the_script_for_a_gpu_runs_on_a_cpu_and_writes_its_figures(tmp_path: Path) -> None:
    command = [sys.executable, "benchmarks/gpu.py", "--smoke", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    figures = json.loads((tmp_path / "gpu.json").read_text())
    assert done.returncode == 0, done.stderr[-2000:]
    assert not [name for name, value in figures.items() if str(value).startswith("failed")]
    assert {"matmul, TFLOP/s", "waits in a batch of eight", "detect, batch 8", "a video from file to boxes, frames/s"} <= set(figures)
    here, there, overlap = figures["parity of boxes, cpu fp32: the CPU's, the device's, mean IoU"]
    assert (here, overlap) == (there, 1.0)
