"""Two processes of gloo on the CPU train as one with the whole batch: same losses, same parameters, within float tolerance.

BatchNorm is frozen here: its statistics are those of a process's own images, which differ by design.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from bytetrack.training import checkpoint
from tests.conftest import Verb

ROOT = Path(__file__).resolve().parents[2]


def settings(coco_file: Path, out: Path, *overrides: str) -> list[str]:
    entry = f"[{{path: {coco_file}}}]"
    return [
        f"out={out}",
        f"train.data={entry}",
        f"train.val={entry}",
        "detector=yolox_nano",
        "detector.width=0.0625",
        "detector.input_size=[64,96]",
        "train.multiscale=[2,3]",
        "train.multiscale_interval=2",
        "train.batch_size=4",
        "train.max_epochs=3",
        "train.no_aug_epochs=1",
        "train.eval_interval=2",
        "train.log_interval=1",
        "train.workers=0",
        "train.precision=fp32",
        "train.device=cpu",
        "train.optimisation.freeze_batch_norm=true",
        "train.optimisation.learning_rate=0.02",
        *overrides,
    ]


def train(coco_file: Path, out: Path, *overrides: str, script: Path = ROOT / "tools" / "train.py") -> subprocess.CompletedProcess[str]:
    """Trains with two processes, as torchrun starts them."""
    launch = ["-m", "torch.distributed.run", "--nproc_per_node=2", "--standalone", str(script)]
    command = [sys.executable, *launch, *settings(coco_file, out, *overrides)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=out.parent)


@pytest.mark.slow
def test_two_processes_give_the_losses_of_one_with_the_doubled_batch(verb_here: Verb, coco_file: Path, tmp_path: Path) -> None:
    assert verb_here("train", *settings(coco_file, tmp_path / "alone")).returncode == 0
    done = train(coco_file, tmp_path / "both")
    assert done.returncode == 0, done.stderr
    assert "deprecated" not in done.stderr
    alone, both = (checkpoint.read(tmp_path / name / "last.pth") for name in ("alone", "both"))
    assert alone["step"] == both["step"] == 6
    for one, two in zip(alone["history"], both["history"], strict=True):
        assert two["loss"] == pytest.approx(one["loss"], rel=1e-4)
        assert two["AP"] == pytest.approx(one["AP"], abs=1e-3)
    for key, value in alone["raw_model"].items():
        assert torch.allclose(value.float(), both["raw_model"][key].float(), rtol=1e-3, atol=1e-5), key


@pytest.mark.slow
def test_a_batch_that_processes_cannot_share_is_refused(coco_file: Path, tmp_path: Path) -> None:
    done = train(coco_file, tmp_path / "out", "train.batch_size=3")
    assert done.returncode != 0
    assert "batch_size must be a multiple of the number of processes: got 3 for 2" in done.stderr


@pytest.mark.slow
def test_processes_take_their_shares_in_parts_and_one_goes_on_alone(verb_here: Verb, coco_file: Path, tmp_path: Path) -> None:
    both = train(coco_file, tmp_path / "both", "train.accumulate=2", "train.max_epochs=2", "train.no_aug_epochs=0")
    assert both.returncode == 0, both.stderr
    assert checkpoint.read(tmp_path / "both" / "last.pth")["step"] == 4
    on = verb_here("train", *settings(coco_file, tmp_path / "both", "train.accumulate=4", "train.resume=changed"))
    assert on.returncode == 0, on.stderr
    assert "resumed with changed settings" in on.stderr
    assert checkpoint.read(tmp_path / "both" / "last.pth")["step"] == 6


FAILING = """
import os, pathlib, runpy, sys, time
from bytetrack.training.loop import TrainingLoop

original = TrainingLoop._forward

def failing(run, *arguments):
    losses = original(run, *arguments)
    if os.environ["RANK"] == "1" and run.step == 3:
        pathlib.Path({when!r}).write_text(str(time.time()))
        if os.environ["FAILS"] == "error":
            raise ValueError("the second process has had enough")
        losses = losses * float("nan")
    return losses

TrainingLoop._forward = failing
sys.argv[0] = {train!r}
runpy.run_path({train!r}, run_name="__main__")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fails", "line"), [("error", "error: the second process has had enough"), ("nan", "error: the loss is not finite at step 4 ")]
)
def test_a_process_that_fails_ends_all_within_seconds_and_has_the_last_word(
    coco_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str, line: str
) -> None:
    script = tmp_path / "failing.py"
    script.write_text(FAILING.format(train=str(ROOT / "tools" / "train.py"), when=str(tmp_path / "when")))
    monkeypatch.setenv("FAILS", fails)
    done = train(coco_file, tmp_path / "out", script=script)
    assert done.returncode != 0
    assert time.time() - float((tmp_path / "when").read_text()) < 30
    lines = done.stderr.splitlines()
    end = next(number for number, text in enumerate(lines) if "torch/distributed/elastic" in text or "elastic/multiprocessing" in text)
    words = [text for text in lines[:end] if text.strip()]
    assert words[-1].startswith(line), done.stderr
    assert not any("Traceback" in text for text in words)
    assert line.removeprefix("error: ") in done.stderr.split("Root Cause")[1]
    assert checkpoint.read(tmp_path / "out" / "last.pth")["step"] == 2
