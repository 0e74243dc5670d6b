"""Settings that users of a training framework look for: what each does, and what a run that stopped may go on with."""

from __future__ import annotations

import copy
import csv
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pytest
import torch

from bytetrack.detection.network import build_network, load_weights
from bytetrack.training import NetworkSettings, Recipe, checkpoint, resuming, train
from bytetrack.training.evaluation import Evaluation, evaluation_dtype
from bytetrack.training.host_memory import prefetch_that_fits
from bytetrack.training.loader import BatchPlan, StoredImages, loading_processes
from bytetrack.training.loop import TrainingLoop
from bytetrack.training.losses import YoloxLoss
from bytetrack.training.monitor import Monitor
from bytetrack.training.processes import ProcessGroup
from bytetrack.training.profiling import profiled
from bytetrack.training.sinks import check_logger

Make = Callable[..., Recipe]
SHAPE = (0.33, 0.0625, True)


@pytest.fixture(scope="module")
def whole(trainer: Make, tiny: NetworkSettings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of four epochs of two steps."""
    out = tmp_path_factory.mktemp("whole")
    train(trainer(profile=2, best="weights"), tiny, out)
    return out


# ---- going on


@pytest.mark.slow
def test_a_run_goes_on_with_another_batch_at_the_same_place_in_its_schedule_where_the_switch_says_so(
    trainer: Make, tiny: NetworkSettings, whole: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / "out"
    shutil.copytree(whole, out)
    caplog.set_level("INFO", logger="bytetrack")
    with pytest.raises(
        ValueError, match=r"batch_size 4 -> 3\): set another out, or remove it, or train\.resume=changed to go on with them"
    ):
        train(trainer(batch_size=3, max_epochs=5), tiny, out)
    train(trainer(batch_size=3, max_epochs=5, val=[], resume="changed"), tiny, out)
    assert f"{out / 'last.pth'}: resumed after step 12 of 15" in caplog.messages  # 4 epochs of 3 steps
    assert "train.max_epochs 4 -> 5; train.batch_size 4 -> 3" in next(line for line in caplog.messages if "resumed with" in line)
    assert checkpoint.read(out / "last.pth")["step"] == 15
    with pytest.raises(ValueError, match=r"has 5\.0 epochs behind it, max_epochs is 4: set more, or another out"):
        train(trainer(batch_size=3, val=[], resume="changed"), tiny, out)


def test_settings_that_an_earlier_version_did_not_record_are_those_it_had(trainer: Make, whole: Path) -> None:
    before = checkpoint.read(whole / "last.pth")["settings"]
    now = copy.deepcopy(before)
    for name in ("accumulate", "freeze", "class_weights", "best_by", "patience", "compile", "cache", "skip_steps"):
        del before["train"][name]
    for name in ("mixup_pad", "distort_as", "max_aspect"):
        del before["train"]["augmentation"][name]
    before["train"]["assignment"]["max_pairs"] = 2_000_000
    assert resuming.changes(whole, before, now, False) == []
    del before["train"]["optimisation"]["scaling"]  # which was linear, for AdamW too
    adamw = {"optimizer": "adamw", "scaling": "none"}
    before["train"]["optimisation"]["optimizer"] = "adamw"
    now["train"]["optimisation"].update(adamw)
    with pytest.raises(ValueError, match="scaling linear -> none"):
        resuming.changes(whole, before, now, False)


def test_data_may_move_but_not_change(whole: Path) -> None:
    before = checkpoint.read(whole / "last.pth")["settings"]
    now = copy.deepcopy(before)
    now["train"]["data"][0] = {"path": "/elsewhere/tiny.json", "root": "/elsewhere"}
    assert len(resuming.changes(whole, before, now, False)) == 1
    now["train"]["data"][0]["classes"] = ["person"]
    with pytest.raises(ValueError, match=r"train\.data"):
        resuming.changes(whole, before, now, False)


def test_a_step_whose_loss_is_not_finite_can_be_left_out(
    trainer: Make, tiny: NetworkSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = TrainingLoop._forward

    def poisoned(run: TrainingLoop, *args: Any) -> torch.Tensor:
        return original(run, *args) * (float("nan") if run.step == 5 else 1)

    monkeypatch.setattr(TrainingLoop, "_forward", poisoned)
    with pytest.raises(ValueError, match=r"not finite at step 6 .* or go on without them: train\.skip_steps=\[6\]"):
        train(trainer(val=[]), tiny, tmp_path)
    with pytest.raises(ValueError, match=r"skip_steps must be steps of the run, which has 8: got \[9\]"):
        train(trainer(val=[], skip_steps=[6, 9]), tiny, tmp_path)
    train(trainer(val=[], skip_steps=[6]), tiny, tmp_path)
    assert checkpoint.read(tmp_path / "last.pth")["step"] == 8


# ---- what is written


def test_metrics_are_a_table_beside_the_checkpoint_and_those_after_it_are_dropped_on_resume(whole: Path, tmp_path: Path) -> None:
    rows = list(csv.DictReader((whole / "metrics.csv").open()))
    assert [int(row["step"]) for row in rows] == list(range(1, 9))
    assert float(rows[0]["loss/total"]) > 0
    assert [row["ap/AP"] != "" for row in rows] == [False, False, False, True, False, True, False, True]
    assert 0 <= float(rows[-1]["speed/data_wait"]) <= 1
    shutil.copy(whole / "metrics.csv", tmp_path)
    with Monitor(tmp_path, 3, 8, logger="csv") as monitor:
        monitor.scalars({"loss/total": 7.0}, 4)
    again = list(csv.DictReader((tmp_path / "metrics.csv").open()))
    assert [row["loss/total"] for row in again] == [*(row["loss/total"] for row in rows[:3]), "7"]


def test_steps_are_traced_and_the_best_weights_alone_are_a_detectors(whole: Path) -> None:
    assert json.loads((whole / "trace.json").read_text())["traceEvents"]
    assert "optimizer" not in torch.load(whole / "best.pth", weights_only=True)
    assert (whole / "best.pth").stat().st_size < 0.5 * (whole / "last.pth").stat().st_size
    assert load_weights(build_network(*SHAPE), whole / "best.pth").convention == "bgr255"


def test_a_run_too_short_to_be_traced_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with profiled(tmp_path / "trace.json", 5) as step:
        step()
    assert "train.profile=5: nothing is traced" in caplog.text
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_a_tracking_service_gets_figures_and_pictures_and_goes_on_with_its_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = MagicMock()
    service.init.return_value.id = service.start_run.return_value.info.run_id = "seven"
    monkeypatch.setitem(sys.modules, name, service)
    for start in (0, 5):
        with Monitor(tmp_path, start, 10, logger=name) as monitor:
            monitor.settings({"a": 1})
            monitor.scalars({"loss/total": 2.5}, start + 1)
            monitor.compared({"batch_size": 4}, {"AP": 0.5})
            for sink in monitor.sinks:
                sink.pictures("images/some", [np.zeros((2, 2, 3), np.uint8)], start + 1)
    calls = str(service.mock_calls)
    assert "'loss/total': 2.5}, step=6" in calls
    assert ("id='seven'" if name == "wandb" else "run_id='seven'") in calls
    assert (tmp_path / f"{name}_run.txt").read_text() == "seven"


def test_a_tracking_service_that_does_not_begin_is_one_line_and_one_that_fails_later_leaves_the_run_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    service = MagicMock()
    monkeypatch.setitem(sys.modules, "mlflow", service)
    service.start_run.side_effect = RuntimeError("no server at http://localhost:5\nTraceback")
    with Monitor(tmp_path, 0, 10, logger="mlflow") as monitor:
        with pytest.raises(OSError, match=r"^train\.logger=mlflow cannot start \(no server at http://localhost:5\): choose tensorboard"):
            monitor.settings({"a": 1})
        service.start_run.side_effect = None
        service.log_metrics.side_effect = RuntimeError("connection lost")
        for step in (1, 2):
            monitor.scalars({"loss/total": 2.5}, step)
    assert caplog.messages == ["train.logger=mlflow fails (connection lost): training continues, metrics.csv has every value"]
    assert len((tmp_path / "metrics.csv").read_text().splitlines()) == 3


def test_what_mlflow_knows_and_may_not_change_is_a_tag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service = MagicMock()
    service.get_run.return_value.data.params = {"max_epochs": "2", "batch_size": "4"}
    monkeypatch.setitem(sys.modules, "mlflow", service)
    with Monitor(tmp_path, 0, 10, logger="mlflow") as monitor:
        monitor.compared({"max_epochs": 3, "batch_size": 4, "patience": 1}, {"AP": 0.5})
    service.log_params.assert_called_once_with({"patience": 1})
    service.set_tags.assert_called_once_with({"now.max_epochs": 3})


def test_a_logger_whose_package_is_absent_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bytetrack.training.sinks.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"^train\.logger=mlflow needs the package mlflow: pip install mlflow, or choose"):
        check_logger("mlflow")
    check_logger("csv")


# ---- what is learned


def test_a_run_ends_after_as_many_evaluations_without_a_better_one_as_its_patience(
    trainer: Make, tiny: NetworkSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("AP", "AP50", "AP75", "AR100")
    monkeypatch.setattr(Evaluation, "score", lambda self, found: dict.fromkeys(names, 0.25))
    stubborn = trainer(patience=1, max_epochs=8, eval_interval=1)
    train(stubborn, tiny, tmp_path)
    assert [row["epoch"] for row in checkpoint.read(tmp_path / "last.pth")["history"]] == [1, 2]
    train(stubborn, tiny, tmp_path)
    assert checkpoint.read(tmp_path / "last.pth")["step"] == 4


@pytest.mark.parametrize("freeze", ["stem", "backbone"])
def test_frozen_layers_and_their_statistics_stay_and_the_head_learns(
    trainer: Make, tiny: NetworkSettings, tmp_path: Path, freeze: str
) -> None:
    settings = {"freeze": freeze, "val": [], "max_epochs": 2, "no_aug_epochs": 1}
    before = TrainingLoop(trainer(**settings), tiny, tmp_path, ProcessGroup(), "cpu").network.state_dict()
    train(trainer(**settings), tiny, tmp_path)
    after = checkpoint.read(tmp_path / "last.pth")["raw_model"]
    changed = {key for key, value in before.items() if not torch.equal(value, after[key])}
    assert not any(key.startswith(("backbone.backbone.stem", "backbone.backbone.dark2")) for key in changed)
    assert any(key.startswith("backbone.backbone.dark5") for key in changed) == (freeze == "stem")
    assert any(key.startswith("head.") for key in changed)


def test_images_of_a_dataset_are_drawn_as_often_as_its_weight_says() -> None:
    plan = BatchPlan(30, 3, 64, 96, 100, 0, mixture=((10, 4.0), (20, 0.5)))  # shares 4/5 and 1/5: 2.4 times and 0.3 times an epoch
    counts = np.sum([np.bincount(plan.order(epoch), minlength=30) for epoch in range(100)], axis=0)
    assert counts.sum() == 3000
    assert counts[:10] == pytest.approx([240] * 10, abs=25)
    assert counts[10:] == pytest.approx([30] * 20, abs=20)
    assert set(np.bincount(plan.order(0), minlength=30)[:10]) <= {2, 3}
    assert plan.order(3).tolist() == plan.order(3).tolist() != plan.order(4).tolist()


def test_class_weights_multiply_the_class_loss_of_the_cells_that_learn_the_class(
    trainer: Make, tiny: NetworkSettings, tmp_path: Path
) -> None:
    raw = torch.zeros(1, 126, 7)
    targets = torch.tensor([[[0, 24.0, 24, 16, 16], [1, 72.0, 40, 16, 16]]])
    plain, first, both = (YoloxLoss(class_weights=w)(raw, targets, 64, 96) for w in (None, [3.0, 1.0], [3.0, 3.0]))
    assert float(both.classes) == pytest.approx(3 * float(plain.classes))
    assert float(plain.classes) < float(first.classes) < float(both.classes)
    assert float(first.box) == float(plain.box)
    with pytest.raises(ValueError, match="class_weights must be one for each of thing"):
        train(trainer(class_weights=[1, 2]), tiny, tmp_path)


@pytest.mark.slow
def test_a_compiled_network_learns_the_same(trainer: Make, tiny: NetworkSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled, whole = [], torch.compile
    monkeypatch.setattr(torch, "compile", lambda model, **how: compiled.append(how) or whole(model, backend="aot_eager", **how))
    few = {"val": [], "max_epochs": 1, "no_aug_epochs": 0}
    for name, compile_ in (("plain", False), ("compiled", True)):
        train(trainer(**few, compile=compile_), tiny, tmp_path / name)
    one, other = (checkpoint.read(tmp_path / name / "last.pth")["raw_model"] for name in ("plain", "compiled"))
    assert compiled == [{"dynamic": False}]
    assert all(torch.allclose(one[key].float(), other[key].float(), rtol=1e-3, atol=1e-5) for key in one)


# ---- memory, processes, precision


def test_batches_on_their_way_fit_into_shared_memory_or_the_flag_is_named() -> None:
    megabyte = 2**20
    assert prefetch_that_fits(20 * megabyte, 4, 8, 8 * 17 * 20 * megabyte) == 4
    assert prefetch_that_fits(20 * megabyte, 4, 8, 8 * 9 * 20 * megabyte) == 2
    assert prefetch_that_fits(20 * megabyte, 0, 1, 0) == 4  # without loading processes nothing passes through it
    with pytest.raises(
        MemoryError, match=r"4 loading processes need 100 MiB of /dev/shm .* 64 are free: .* --ipc=host .* train\.workers=2$"
    ):
        prefetch_that_fits(20 * megabyte, 4, 1, 64 * megabyte)


def test_loading_processes_share_the_cores_with_the_other_training_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bytetrack.training.loader.cores", lambda: 64)
    assert [loading_processes("auto", False, machine) for machine in (1, 8, 64)] == [14, 7, 1]
    assert loading_processes("auto", True, 1) == 4
    assert loading_processes(100, False, 1) == 64


def test_stored_images_that_the_disk_cannot_hold_are_refused(coco_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bytetrack.data.image_set import load_coco

    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=9 * 64 * 96 * 3 - 1))
    with pytest.raises(OSError, match=r"storing 9 images takes 0\.0 GiB, 0\.0 are free: set train\.cache=false"):
        StoredImages(tmp_path, load_coco(coco_file), 64, 96)


def test_bfloat16_is_never_what_boxes_are_judged_in() -> None:
    assert evaluation_dtype("fp16", "cuda") == torch.float16
    assert evaluation_dtype("bf16", "cuda") == evaluation_dtype("fp32", "cuda") == evaluation_dtype("bf16", "cpu") == torch.float32


def test_an_evaluation_takes_fewer_images_at_a_time_where_memory_holds_no_more(coco_file: Path) -> None:
    from bytetrack.data.image_set import load_coco

    sizes, network = [], build_network(*SHAPE).eval()

    def limited(pixels: torch.Tensor) -> Any:
        sizes.append(len(pixels))
        if len(pixels) > 2:
            raise RuntimeError("MPS backend out of memory (MPS allocated: 8 GB)")
        return network(pixels)

    look = Evaluation(load_coco(coco_file), 64, 96, "bgr255")
    assert len(look.detect(limited, torch.device("cpu"))) == 9
    assert sizes == [4, 2, 2, 2, 2, 1]
    assert look.most_boxes == 100


def test_processes_give_batch_norm_statistics_their_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.distributed.all_reduce", lambda values: values.add_(torch.tensor([3.0, 5.0, 7.0])))
    tensors = [torch.tensor([1.0]), torch.tensor([[1.0, 1.0]])]
    ProcessGroup(world=2).average(tensors)
    assert [tensor.tolist() for tensor in tensors] == [[2.0], [[3.0, 4.0]]]
