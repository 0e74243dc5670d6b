"""Whole training runs of the smallest network: they learn, stop, go on bit-exactly, and never spoil what was saved."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bytetrack.data.augment import Augmentation
from bytetrack.detection.inference import pick_precision
from bytetrack.detection.network import build_network, load_weights
from bytetrack.errors import FormatError
from bytetrack.structures import Detections
from bytetrack.training import NetworkSettings, Recipe, checkpoint, train
from bytetrack.training.evaluation import Evaluation
from bytetrack.training.loader import labelled
from bytetrack.training.loop import TrainingLoop
from bytetrack.training.losses import YoloxLoss
from bytetrack.training.optimisation import Optimisation

Make = Callable[..., Recipe]


class Killed(BaseException):
    """Stands for the power failing: nothing catches it."""


def content(out: Path, name: str = "last.pth") -> dict[str, Any]:
    return checkpoint.read(out / name)


def assert_same_run(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Parameters, averages, momentum, schedule and history, to the last bit."""
    for name in ("model", "raw_model"):
        assert one[name].keys() == other[name].keys()
        assert all(torch.equal(one[name][key], other[name][key]) for key in one[name])
    for key, state in one["optimizer"]["state"].items():
        assert all(torch.equal(value, other["optimizer"]["state"][key][name]) for name, value in state.items())
    for name in ("step", "updates", "history", "settings", "detector", "epoch_loss"):
        assert one[name] == other[name]


@pytest.fixture(scope="module")
def whole(trainer: Make, tiny: NetworkSettings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nothing interrupted."""
    out = tmp_path_factory.mktemp("whole")
    train(trainer(), tiny, out)
    return out


def break_at(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, call: int, after: bool = False) -> None:
    """Makes the `call`-th call of a method (from 0) the end of the process, before or `after` its work."""
    original, calls = getattr(owner, name), iter(range(10**6))

    def broken(*args: Any, **kwargs: Any) -> Any:
        here = next(calls) == call
        if here and not after:
            raise Killed
        result = original(*args, **kwargs)
        if here:
            raise Killed
        return result

    monkeypatch.setattr(owner, name, broken)


KILLS: list[tuple[Any, str, int, bool]] = [
    (TrainingLoop, "_step", 0, True),  # the first step
    (TrainingLoop, "_step", 2, True),  # the middle of the second epoch
    (TrainingLoop, "_step", 3, True),  # the last step with mosaic
    (TrainingLoop, "_step", 4, True),  # the first without
    (TrainingLoop, "_step", 7, True),  # the last step
    (TrainingLoop, "_forward", 5, False),  # inside a step
    (Evaluation, "detect", 0, False),  # before an evaluation
    (Evaluation, "score", 0, False),  # during one
    (Evaluation, "score", 2, True),  # after the last one, before it is saved
    (checkpoint, "write", 0, False),  # before the first checkpoint
    (checkpoint, "write", 2, True),  # between two
    (checkpoint, "write", 3, True),
]


@pytest.mark.slow
@pytest.mark.parametrize(("owner", "name", "call", "after"), KILLS)
def test_a_killed_run_ends_as_if_it_had_not_been(
    trainer: Make,
    tiny: NetworkSettings,
    whole: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    owner: Any,
    name: str,
    call: int,
    after: bool,
) -> None:
    with monkeypatch.context() as patch:
        break_at(patch, owner, name, call, after)
        with pytest.raises(Killed):
            train(trainer(), tiny, tmp_path)
    train(trainer(), tiny, tmp_path)
    for file in ("last.pth", "best.pth"):
        assert_same_run(content(tmp_path, file), content(whole, file))
    assert not list(tmp_path.glob(".*.tmp"))


@pytest.mark.slow
def test_a_killed_run_of_adamw_ends_as_if_it_had_not_been(
    trainer: Make, tiny: NetworkSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: dict[str, Any] = {
        "optimisation": Optimisation(optimizer="adamw", learning_rate=0.01),
        "val": [],
        "max_epochs": 2,
        "no_aug_epochs": 1,
    }
    train(trainer(**settings), tiny, tmp_path / "whole")
    with monkeypatch.context() as patch:
        break_at(patch, TrainingLoop, "_step", 2, True)
        with pytest.raises(Killed):
            train(trainer(**settings), tiny, tmp_path / "killed")
    train(trainer(**settings), tiny, tmp_path / "killed")
    whole = content(tmp_path / "whole")
    assert whole["optimizer"]["state"][0].keys() == {"step", "exp_avg", "exp_avg_sq"}
    assert_same_run(content(tmp_path / "killed"), whole)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize("step", [0, 2, 5])
def test_a_signal_ends_a_run_after_the_step_with_everything_saved(
    trainer: Make, tiny: NetworkSettings, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: int, step: int
) -> None:
    original = TrainingLoop._forward

    def interrupted(run: TrainingLoop, *args: Any) -> torch.Tensor:
        if run.step == step:
            os.kill(os.getpid(), number)
        return original(run, *args)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingLoop, "_forward", interrupted)
        with pytest.raises(SystemExit) as exit_:
            train(trainer(), tiny, tmp_path)
    assert exit_.value.code == code
    assert content(tmp_path)["step"] == step + 1
    train(trainer(), tiny, tmp_path)
    assert_same_run(content(tmp_path), content(whole))


@pytest.mark.slow
def test_a_signal_during_an_evaluation_ends_it_at_once(
    trainer: Make, tiny: NetworkSettings, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Evaluation._batches

    def interrupted(evaluation: Evaluation, chosen: range) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        return original(evaluation, chosen)

    with monkeypatch.context() as patch:
        patch.setattr(Evaluation, "_batches", interrupted)
        with pytest.raises(SystemExit):
            train(trainer(), tiny, tmp_path)
    assert (content(tmp_path)["step"], content(tmp_path)["history"]) == (4, [])
    train(trainer(), tiny, tmp_path)
    assert_same_run(content(tmp_path), content(whole))


def test_a_finished_run_is_not_trained_again(trainer: Make, tiny: NetworkSettings, whole: Path) -> None:
    before = (whole / "last.pth").stat().st_mtime_ns
    assert train(trainer(), tiny, whole)["epoch"] in (2, 3, 4)
    assert (whole / "last.pth").stat().st_mtime_ns == before


def test_evaluations_come_at_the_interval_and_in_every_epoch_of_the_tail(whole: Path) -> None:
    assert [row["epoch"] for row in content(whole)["history"]] == [2, 3, 4]
    best = max(row["AP"] for row in content(whole)["history"])
    assert content(whole, "best.pth")["history"][-1]["AP"] == best


def test_the_loss_of_an_epoch_is_the_mean_of_all_its_steps_logged_or_not(
    trainer: Make, tiny: NetworkSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = TrainingLoop._forward
    monkeypatch.setattr(TrainingLoop, "_forward", lambda run, *batch: 0 * forward(run, *batch) + run.step)  # the loss of step n is n
    train(trainer(max_epochs=2, no_aug_epochs=0, eval_interval=1, log_interval=100), tiny, tmp_path)
    assert [row["loss"] for row in content(tmp_path)["history"]] == [0.5, 2.5]  # steps 0, 1 and 2, 3; none is the hundredth


def unlabelled(coco_file: Path, folder: Path, change: Callable[[dict[str, Any]], object]) -> str:
    """A changed copy of the tiny dataset's file, beside whose images it need not lie."""
    document = json.loads(coco_file.read_text())
    document["info"] = {"root": str(coco_file.parent)}
    change(document)
    (folder / "changed.json").write_text(json.dumps(document))
    return str(folder / "changed.json")


@pytest.mark.parametrize("setting", ["data", "val"])
@pytest.mark.parametrize("kind", ["none", "crowd"])
def test_data_without_a_box_are_refused_before_training(
    trainer: Make, tiny: NetworkSettings, coco_file: Path, tmp_path: Path, setting: str, kind: str
) -> None:
    def change(document: dict[str, Any]) -> None:
        crowd = [{**box, "iscrowd": 1} for box in document["annotations"]]
        document["annotations"] = crowd if kind == "crowd" else []

    path = unlabelled(coco_file, tmp_path, change)
    with pytest.raises(ValueError, match=rf"train\.{setting}: no box in 9 images of .*changed\.json \(classes thing\)"):
        train(trainer(**{setting: [{"path": path}]}), tiny, tmp_path / "out")
    assert not list((tmp_path / "out").glob("*.pth"))


def test_a_class_without_boxes_is_named(coco_file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = unlabelled(coco_file, tmp_path, lambda document: document["categories"].append({"id": 2, "name": "bus"}))
    with caplog.at_level("WARNING", "bytetrack"):
        assert labelled([{"path": path}], "train.data").names == ["thing", "bus"]
    assert "train.data: no box of bus" in caplog.text


def test_a_checkpoint_is_a_weight_file_that_knows_itself(whole: Path) -> None:
    network = build_network(0.33, 0.0625, True)
    found = load_weights(network, whole / "best.pth")
    assert (found.convention, found.class_names, found.input_size, found.num_classes) == ("bgr255", ["thing"], (64, 96), 1)
    assert torch.equal(network.state_dict()["head.obj_preds.0.weight"], content(whole, "best.pth")["model"]["head.obj_preds.0.weight"])


def test_tensorboard_has_losses_rate_ap_and_pictures(whole: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (file,) = whole.glob("events.out.tfevents.*")
    events = EventAccumulator(str(file))
    events.Reload()
    tags = events.Tags()
    assert {"loss/total", "loss/box", "loss/l1", "schedule/learning_rate", "ap/AP", "ap/AP50", "speed/images_per_second"} <= set(
        tags["scalars"]
    )
    assert {"images/training_batch", "images/evaluation_0"} <= set(tags["images"])
    assert [event.step for event in events.Scalars("loss/total")] == list(range(1, 9))
    l1 = [event.value for event in events.Scalars("loss/l1")]
    assert l1[:4] == [0] * 4
    assert min(l1[4:]) > 0


def test_other_settings_do_not_go_on_where_a_run_stopped(trainer: Make, tiny: NetworkSettings, whole: Path) -> None:
    with pytest.raises(ValueError, match=r"run with other settings \(train\.batch_size 4 -> 3\): set another out"):
        train(trainer(batch_size=3), tiny, whole)
    train(trainer(workers=1, log_interval=5, device="auto" if not torch.cuda.is_available() else "cpu"), tiny, whole)


def test_a_broken_checkpoint_says_so(trainer: Make, tiny: NetworkSettings, tmp_path: Path) -> None:
    (tmp_path / "last.pth").write_bytes(b"PK\x03\x04 torn")
    with pytest.raises(FormatError, match=r"last\.pth: not a checkpoint to resume from"):
        train(trainer(), tiny, tmp_path)


def test_a_run_without_momentum_goes_on_though_its_optimizer_remembers_nothing(
    trainer: Make, tiny: NetworkSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Optimisation(momentum=0.0)
    with monkeypatch.context() as patch:
        break_at(patch, TrainingLoop, "_step", 4, after=True)
        with pytest.raises(Killed):
            train(trainer(optimisation=plain), tiny, tmp_path)
    assert not any(content(tmp_path)["optimizer"]["state"].values())
    train(trainer(optimisation=plain), tiny, tmp_path)


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_good_checkpoint(
    trainer: Make, tiny: NetworkSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = TrainingLoop._forward

    def poisoned(run: TrainingLoop, *args: Any) -> torch.Tensor:
        losses = original(run, *args)
        return losses * float("nan") if run.step == 5 else losses

    monkeypatch.setattr(TrainingLoop, "_forward", poisoned)
    with pytest.raises(ValueError, match=r"not finite at step 6 \(total nan.*on images .*\.png.*nothing was saved since"):
        train(trainer(), tiny, tmp_path)
    saved = content(tmp_path)
    assert saved["step"] == 4
    assert all(value.isfinite().all() for value in saved["raw_model"].values())


def test_fine_tuning_from_classes_of_a_checkpoint_keeps_their_layers(
    trainer: Make, tiny: NetworkSettings, whole: Path, tmp_path: Path
) -> None:
    still = Optimisation(learning_rate=1e-12, weight_decay=0, freeze_batch_norm=True)
    train(trainer(weights=str(whole / "best.pth"), weight_classes=[0], max_epochs=1, no_aug_epochs=0, optimisation=still), tiny, tmp_path)
    before, after = content(whole, "best.pth")["model"], content(tmp_path)["raw_model"]
    assert all(torch.allclose(before[key], after[key], atol=1e-6) for key in before if "num_batches" not in key)


def test_what_the_starting_weights_see_and_no_label_says_is_left_out_of_the_loss(
    trainer: Make, tiny: NetworkSettings, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[float] = []

    def detect(self: Evaluation, *_: Any, **__: Any) -> list[Detections]:
        seen.append(self.min_score)
        labels = [self.images.xyxy[self.images.rows(i)] for i in range(len(self.images))]
        return [Detections(np.concatenate([rows[:1], [[112.0, 72, 160, 120]]]), [0.9, 0.9]) for rows in labels]

    classes: list[float] = []
    losses = YoloxLoss.__call__

    def spied(self: YoloxLoss, raw: Any, targets: torch.Tensor, *rest: Any) -> Any:
        classes.extend(targets[..., 0][targets[..., 3] > 0].tolist())
        return losses(self, raw, targets, *rest)

    monkeypatch.setattr(Evaluation, "detect", detect)
    monkeypatch.setattr(YoloxLoss, "__call__", spied)
    caplog.set_level("INFO", logger="bytetrack")
    plain = Augmentation(mosaic=0, mixup=0, scale=(0.9, 0.9))
    few = {"max_epochs": 1, "no_aug_epochs": 0, "eval_interval": 0, "augmentation": plain}
    train(trainer(weights=str(whole / "best.pth"), ignore_seen=0.4, **few), tiny, tmp_path)
    assert seen == [0.4]
    assert "9 boxes beside 27 labels are neither object nor background" in caplog.text  # those on a label are none
    assert set(classes) == {0, -1}


def test_l1_can_come_from_the_first_step(trainer: Make, tiny: NetworkSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[bool] = []
    losses = YoloxLoss.__call__

    def spied(self: YoloxLoss, raw: Any, targets: Any, height: int, width: int, l1: bool) -> Any:
        told.append(l1)
        return losses(self, raw, targets, height, width, l1)

    monkeypatch.setattr(YoloxLoss, "__call__", spied)
    train(trainer(max_epochs=1, no_aug_epochs=0, eval_interval=0, l1_always=True), tiny, tmp_path / "always")
    train(trainer(max_epochs=1, no_aug_epochs=0, eval_interval=0), tiny, tmp_path / "published")
    assert told == [True, True, False, False]


@pytest.mark.slow
def test_a_network_learns_its_few_images_by_heart(trainer: Make, tiny: NetworkSettings, tmp_path: Path) -> None:
    plain = Augmentation(mosaic=0, mixup=0, distort=0, degrees=0, shear=0, translate=0, scale=(1, 1))
    settings = Optimisation(learning_rate=0.2, ema_decay=0.9, ema_steps=10)
    run = trainer(max_epochs=150, eval_interval=50, no_aug_epochs=0, multiscale=None, augmentation=plain, optimisation=settings, cache=True)
    best = train(run, replace(tiny, width=0.25), tmp_path)
    assert best["AP50"] > 0.6  # some rectangles cover others
    assert not (tmp_path / "cache").exists()


def test_fewer_epochs_than_those_without_mosaic_are_all_without(trainer: Make, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "bytetrack"):
        assert trainer(max_epochs=2, no_aug_epochs=5).no_aug_epochs == 2
    assert "no_aug_epochs=5 is more than max_epochs: all 2 epochs are without mosaic" in caplog.text


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"data": []}, "data must list at least one COCO file"),
        ({"max_epochs": 0}, "max_epochs must be at least 1"),
        ({"no_aug_epochs": -1}, "no_aug_epochs must not be negative"),
        ({"precision": "fp8"}, "precision must be auto, fp32, fp16, bf16"),
        ({"multiscale": (3, 2)}, "multiscale must be a range"),
        ({"weight_classes": [0]}, "set weights too"),
        ({"ignore_seen": 0.3}, "ignore_seen must be a score"),
        ({"convention": "rgb"}, "convention must be"),
        ({"seed": "abc"}, "seed must be a whole number: got 'abc'"),
        ({"checkpoint_minutes": "abc"}, "checkpoint_minutes must be a number: got 'abc'"),
        ({"cache": "maybe"}, "cache must be true or false: got 'maybe'"),
        ({"profile": True}, "profile must be a whole number: got True"),
        ({"multiscale": [3]}, r"multiscale must be a list \(each: a whole number; 2 of them\) or null: got \[3\]"),
        ({"skip_steps": 5}, r"skip_steps must be a list \(each: a whole number\): got 5"),
        ({"class_weights": ["a"]}, "class_weights must be a list"),
        ({"data": "a.json"}, "data must be a list"),
        ({"data": [{"path": "a.json", "wieght": 3}]}, "a dataset of data has path, root, classes, weight: got wieght"),
        ({"val": [{"path": "a.json", "weight": 3}]}, "a dataset of val has path, root, classes: got weight"),
        (
            {"data": [{"path": "a.json", "classes": "person"}]},
            "the classes of a dataset must be a list, or a mapping",
        ),
        ({"data": [{"path": "a.json", "weight": "x"}]}, "the weight of a dataset must be a positive number: got 'x'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(trainer: Make, bad: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        trainer(**bad)


@pytest.mark.parametrize(("useless", "told"), [({"freeze": "stem"}, "random numbers"), ({"patience": 2, "val": []}, "is not evaluated")])
def test_settings_that_do_nothing_good_are_told(
    trainer: Make, useless: dict[str, Any], told: str, caplog: pytest.LogCaptureFixture
) -> None:
    trainer(**useless)
    assert told in caplog.text


def test_half_precision_floats_need_a_gpu(trainer: Make, tiny: NetworkSettings, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="fp16 needs a CUDA GPU, this is cpu"):
        train(trainer(precision="fp16"), tiny, tmp_path)


def test_the_precision_left_to_the_device_is_recorded_and_a_resumed_run_says_where_it_is_another(
    trainer: Make, tiny: NetworkSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="bytetrack")
    settings: dict[str, Any] = {"precision": "auto", "device": "cpu", "max_epochs": 1, "no_aug_epochs": 1, "val": []}
    monkeypatch.setattr("bytetrack.detection.inference._cpu_multiplies_bf16", lambda: True)
    train(trainer(**settings), tiny, tmp_path)
    assert content(tmp_path)["settings"]["train"]["precision"] == "bf16"
    monkeypatch.setattr("bytetrack.detection.inference._cpu_multiplies_bf16", lambda: False)
    train(trainer(**{**settings, "max_epochs": 2}), tiny, tmp_path)
    assert caplog.messages[-1].endswith("resumed with changed settings: train.max_epochs 1 -> 2; train.precision bf16 -> fp32")
    assert content(tmp_path)["settings"]["train"]["precision"] == "fp32"


def test_automatic_precision_is_the_published_one_on_cuda_and_never_fp16_elsewhere() -> None:
    assert pick_precision("auto", "cuda:1") == "fp16"
    assert pick_precision("auto", "mps") == "fp32"
    assert pick_precision("auto", "cpu") in ("bf16", "fp32")
    assert pick_precision("fp32", "cuda") == "fp32"


def test_bfloat16_trains_on_the_cpu(trainer: Make, tiny: NetworkSettings, tmp_path: Path) -> None:
    train(trainer(precision="bf16", max_epochs=1, no_aug_epochs=1, val=[]), tiny, tmp_path)
    assert content(tmp_path)["step"] == 2
    assert not (tmp_path / "best.pth").exists()


def test_evaluations_that_are_left_count_the_interval_and_the_tail() -> None:
    recipe = Recipe([{"path": "a.json"}], [{"path": "b.json"}], max_epochs=10, no_aug_epochs=2, eval_interval=4)
    assert [recipe.evaluations_after(epoch) for epoch in (0, 4, 8, 9, 10)] == [4, 3, 2, 1, 0]  # after epochs 4, 8, 9 and 10
    assert Recipe([{"path": "a.json"}], max_epochs=10).evaluations_after(0) == 0
