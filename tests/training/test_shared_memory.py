"""A /dev/shm too small for the batches, and batches that do not come: no run hangs."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bytetrack.data.augment import AugmentedImages
from bytetrack.training import NetworkSettings, Recipe, checkpoint, train

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("unshare") is None or os.geteuid() != 0, reason="mounting needs root and unshare")
def test_a_container_with_a_small_shared_memory_is_refused_with_the_flag_that_helps(coco_file: Path, tmp_path: Path) -> None:
    entry = f"[{{path: {coco_file}}}]"
    settings = [
        "detector=yolox_nano",
        "detector.width=0.0625",
        "detector.input_size=[64,96]",
        "train.multiscale=null",
        "train.batch_size=4",
    ]
    settings += ["train.max_epochs=1", "train.no_aug_epochs=0", "train.workers=1", "train.device=cpu", f"'train.data={entry}'", "out=out"]
    mount = "mount -t tmpfs -o size=128k tmpfs /dev/shm || exit 77"
    command = f"{mount}; timeout 120 {sys.executable} {ROOT / 'tools' / 'train.py'} {' '.join(settings)}"
    done = subprocess.run(["unshare", "-m", "sh", "-c", command], capture_output=True, text=True, cwd=tmp_path)
    if done.returncode == 77:
        pytest.skip(f"no mount: {done.stderr}")
    assert done.returncode == 1, done.stderr
    assert "/dev/shm" in done.stderr.splitlines()[-1]
    assert "docker run --ipc=host" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_signal_ends_a_run_that_waits_for_a_batch(
    trainer: Callable[..., Recipe], tiny: NetworkSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AugmentedImages, "__getitem__", lambda self, sample: time.sleep(6))  # in the loading process
    threading.Timer(1.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
    with pytest.raises(SystemExit) as end:
        train(trainer(workers=1, val=[]), tiny, tmp_path)
    assert end.value.code == 143
    assert checkpoint.read(tmp_path / "last.pth")["step"] == 0
