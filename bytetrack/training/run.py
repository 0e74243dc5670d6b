"""One process's share of a training run: its network, its place in the schedule, and the loop."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from bytetrack import boxes as box_ops
from bytetrack.data.augment import AugmentedImages, Sample
from bytetrack.detection.inference import DTYPES, pick_convention, pick_precision
from bytetrack.detection.network import Checkpoint, build_network, load_weights
from bytetrack.detection.preprocess import normalise
from bytetrack.errors import FormatError
from bytetrack.training import checkpoint
from bytetrack.training.evaluation import Evaluation, true_boxes
from bytetrack.training.host_memory import available, kept_for_backward
from bytetrack.training.loader import Batch, Plan, StoredImages, batches, labelled
from bytetrack.training.losses import YoloxLoss
from bytetrack.training.monitor import Monitor, memory
from bytetrack.training.optimisation import MovingAverage
from bytetrack.training.processes import Processes
from bytetrack.video.read import read_image

if TYPE_CHECKING:
    from bytetrack.training.trainer import Trainer

__all__ = ["Run"]

log = logging.getLogger("bytetrack")


class Run:
    """The state of training between two steps: network, optimizer, moving average, `step` (done so far), `history` of evaluations."""

    def __init__(
        self,
        recipe: Trainer,
        out: Path,
        here: Processes,
        device: str,
        shape: tuple[float, float, bool],
        size: tuple[int, int],
        test: dict[str, Any],
    ) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.out, self.here = recipe, out, here
        self.device = torch.device(f"cuda:{here.local}" if device == "cuda" and here.world > 1 else device)
        self.images = labelled(recipe.data, "train.data")
        self.size = size
        self.precision = pick_precision(recipe.precision, self.device.type)
        self.network = build_network(*shape, num_classes=len(self.images.names))
        self.convention = self._initial_weights()
        self.network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if recipe.ignore_seen is not None:
            self.images = self.images.with_crowd(self._seen(recipe.ignore_seen, test))
        self.optimizer = recipe.optimisation.build(self.network)
        self.average = MovingAverage(self.network, recipe.optimisation.ema_decay, recipe.optimisation.ema_steps)
        # fp16 alone needs its gradients scaled.
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.precision == "fp16")
        self.loss = YoloxLoss(recipe.assignment)
        self.plan = Plan(
            len(self.images),
            recipe.batch_size,
            *size,
            recipe.max_epochs,
            recipe.no_aug_epochs,
            recipe.multiscale,
            recipe.multiscale_interval,
            recipe.seed,
            here.rank,
            here.world,
        )
        self.evaluation = self._evaluation(test)
        self.step = 0
        self.history: list[dict[str, float]] = []
        self.epoch_loss: list[Any] = [0.0, 0]  # the sum over the epoch's steps so far, which stays on the device, and their number
        self.about = {
            "depth": shape[0],
            "width": shape[1],
            "depthwise": shape[2],
            "num_classes": len(self.images.names),
            "class_names": list(self.images.names),
            "convention": self.convention,
            "input_size": list(size),
        }
        self._pending: list[tuple[int, torch.Tensor, list[Sample]]] = []
        self._saved = time.monotonic()
        self._resume()

    # ---- beginning

    def _initial_weights(self) -> str:
        """Loads the weights to start from; the input convention to train in."""
        recipe = self.recipe
        if recipe.weights is None:
            return recipe.convention or "bgr255"
        found: Checkpoint = load_weights(self.network, recipe.weights, recipe.weight_classes)
        return pick_convention(recipe.convention, found)

    def _seen(self, score: float, test: dict[str, Any]) -> list[npt.NDArray[np.float64]]:
        """Of each training image, the boxes that the starting weights find with at least `score` where no label is."""
        self.network.eval()
        if self.here.first:
            log.info("looking at the %d training images with %s, for people without a label", len(self.images), self.recipe.weights)
        look = Evaluation(self.images, *self.size, self.convention, **{**test, "min_score": score})
        rank, world = self.here.rank, self.here.world
        shares = self.here.gather(look.detect(self.network, self.device, part=slice(rank, None, world)))
        together = [shares[index % world][index // world] for index in range(len(self.images))]
        labels = [self.images.xyxy[self.images.rows(index)] for index in range(len(self.images))]
        seen = [found.xyxy[box_ops.iou(found.xyxy, of).max(axis=1, initial=0) < 0.3] for found, of in zip(together, labels, strict=True)]
        if self.here.first:
            log.info("%d boxes beside %d labels are neither object nor background", sum(map(len, seen)), len(self.images.xyxy))
        return seen

    def _evaluation(self, test: dict[str, Any]) -> Evaluation | None:
        if not self.recipe.val or not self.recipe.eval_interval:
            return None
        images = labelled(self.recipe.val, "train.val")
        if images.names != self.images.names:
            raise ValueError(f"val must have the classes of data: got {images.names} for {self.images.names}; choose with `classes`")
        return Evaluation(images, *self.size, self.convention, **test, clip=self.recipe.augmentation.clip)

    def settings(self) -> dict[str, Any]:
        """What must be the same for a run to be resumed; the precision is the one used, whatever chose it."""
        train = {**self.recipe.settings(), "precision": self.precision}
        return {"train": train, "detector": self.about, "images": len(self.images), "boxes": len(self.images.xyxy)}

    def _resume(self) -> None:
        path = self.out / "last.pth"
        content = self.here.from_first(checkpoint.read(path) if self.here.first and path.is_file() else None)
        if content is None:
            return
        changed = checkpoint.differences(content["settings"], self.settings())
        if changed:
            more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
            raise ValueError(f"{path} is of a run with other settings ({'; '.join(changed[:3])}{more}): set another out, or remove it")
        parameters = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
        checkpoint.check(path, content, self._content(), parameters, self.plan.steps)
        self.network.load_state_dict(content["raw_model"])
        self.average.network.load_state_dict(content["model"])
        self.average.updates = content["updates"]
        self.optimizer.load_state_dict(content["optimizer"])
        self.scaler.load_state_dict(content["scaler"])
        self.step, self.history, self.epoch_loss = content["step"], content["history"], content["epoch_loss"]
        try:
            torch.set_rng_state(content["random"]["cpu"])
            if self.device.type == "cuda" and content["random"]["cuda"] is not None:
                torch.cuda.set_rng_state(content["random"]["cuda"], self.device)
        except (TypeError, KeyError, RuntimeError) as error:
            raise FormatError(f"{path}: damaged, its random state is none ({error}): remove it or set another out") from None
        if self.here.first:
            log.info("%s: resumed after step %d of %d", path, self.step, self.plan.steps)

    # ---- saving

    def save(self, name: str = "last.pth") -> None:
        """Writes the checkpoint `name`, from the first process; ValueError, and nothing is written, if a loss was not finite."""
        self._check_losses()
        self._saved = time.monotonic()
        if not self.here.first:
            return
        checkpoint.write(self.out / name, self._content())

    def _content(self) -> dict[str, Any]:
        """What training goes on from."""
        return {
            "model": self.average.network.state_dict(),
            "raw_model": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "updates": self.average.updates,
            "step": self.step,
            "epoch": self.step // self.plan.steps_per_epoch,
            "history": self.history,
            "epoch_loss": [float(self.epoch_loss[0]), self.epoch_loss[1]],
            "random": {
                "cpu": torch.get_rng_state(),
                "cuda": torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None,
            },
            "detector": self.about,
            "settings": self.settings(),
        }

    # ---- the loop

    def train(self) -> None:
        """Runs the steps that are left. SystemExit(128 + signal) after Ctrl-C or SIGTERM, with everything saved.

        MemoryError and ChildProcessError where the device's memory or a loading process ends; what was saved before is as it was.
        """
        try:
            self._train()
        except torch.OutOfMemoryError:
            height, width = self.plan.size(self.step)
            half = self.recipe.batch_size // 2
            advice = f"train.batch_size={half}" if half else "a smaller detector.input_size or train.multiscale"
            shares = f" in {self.here.world} processes" if self.here.world > 1 else ""
            raise MemoryError(
                f"out of memory on {self.device} at step {self.step + 1}, {self.recipe.batch_size} images of {height} x {width}{shares}: "
                f"set {advice}, with another out or without {self.out / 'last.pth'}"
            ) from None
        except RuntimeError as error:
            if "DataLoader worker" not in str(error):
                raise
            raise ChildProcessError(
                f"a loading process ended abruptly in step {self.step + 1} (out of memory?): the same command goes on from the last "
                f"checkpoint, with train.workers={self.recipe.workers // 2} in less memory"
            ) from None

    def _train(self) -> None:
        cv2.setNumThreads(1)
        monitored = Monitor(self.out, self.step, self.plan.steps, self.here.first, beside=self._evaluations_left)
        with monitored as monitor, checkpoint.Interruption.watched() as watch:
            if self.step == 0:
                monitor.settings(self.settings())
            if self.step < self.plan.steps or self.evaluation is not None:  # a finished run's file stays as it is
                self._end_of_epoch(monitor, watch)  # an evaluation that a run was stopped in
            if self.step == self.plan.steps:
                return
            if self.device.type == "cpu":
                self._check_memory()
            model: nn.Module = self.network
            if self.here.world > 1:
                model = nn.parallel.DistributedDataParallel(model, [self.device.index] if self.device.type == "cuda" else None)
            source = batches(self._dataset(monitor, watch), self.plan, self.step, self.recipe.workers, self.device.type == "cuda")
            clock, images = time.monotonic(), 0
            self.network.train()
            self._freeze()
            for batch in source:
                self._step(model, batch, monitor)
                images += self.recipe.batch_size
                if self.step % self.recipe.log_interval == 0:
                    now = time.monotonic()
                    monitor.scalars({"speed/images_per_second": images / (now - clock), **memory(self.device)}, self.step)
                    clock, images = now, 0
                if self.step % self.plan.steps_per_epoch == 0:
                    self._end_of_epoch(monitor, watch)
                    clock = time.monotonic()
                self._stop_if_asked(watch, monitor)
                if time.monotonic() - self._saved > 60 * self.recipe.checkpoint_minutes:
                    self.save()
            if self.history:
                monitor.hyper_parameters(self._hyper_parameters(), {"AP": max(row["AP"] for row in self.history)})

    def _evaluations_left(self, step: int) -> float:
        """What the evaluations after `step` cost, in steps: an image that is only looked at is a third of one that is learned from."""
        images = len(self.evaluation.images) if self.evaluation is not None else 0
        return self.recipe.evaluations_after(step // self.plan.steps_per_epoch) * images / (3 * self.recipe.batch_size)

    def _check_memory(self) -> None:
        """MemoryError before the first step where this machine's memory will not hold its share of a batch of the largest images."""
        height, width = self.plan.largest()
        pixels = torch.zeros(1, 3, height, width).contiguous(memory_format=torch.channels_last)
        self.network.eval()  # BatchNorm's statistics stay as they are
        images = self.recipe.batch_size * self.here.machine // self.here.world
        needed = images * kept_for_backward(lambda: self._logits(self.network, pixels))
        free = available()
        if needed > free:
            fitting = int(0.8 * self.recipe.batch_size * free / needed)  # the rest is for what comes with it
            raise MemoryError(
                f"training on {images} images of {height} x {width} takes {needed / 2**30:.1f} GiB, {free / 2**30:.1f} are "
                f"free: set {f'train.batch_size={fitting}, ' if fitting else ''}a smaller detector.input_size (and train.multiscale, null "
                "for always this size) or a smaller detector"
            )

    def _freeze(self) -> None:
        """Keeps BatchNorm's statistics as they are, if the recipe says so."""
        if self.recipe.optimisation.freeze_batch_norm:
            for module in self.network.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()

    def _dataset(self, monitor: Monitor, watch: checkpoint.Interruption) -> AugmentedImages:
        stored = None
        if self.recipe.cache:
            stored = StoredImages(self.out / "cache", self.images, *self.size)
            if self.here.first and not stored.done.all():
                monitor.say("storing %d letterboxed images in %s while training", len(self.images), self.out / "cache")
                stored.fill(lambda _: self._stop_if_asked(watch, monitor) if self.here.world == 1 else None)
            self.here.gather(None)  # the others wait for the first
        crowd = self.recipe.ignore_crowd or self.recipe.ignore_seen is not None
        return AugmentedImages(self.images, read_image, self.recipe.augmentation, self.recipe.seed, stored, crowd)

    def _step(self, model: nn.Module, batch: Batch, monitor: Monitor) -> None:
        recipe, step = self.recipe, self.step
        rate = recipe.optimisation.rate(step, self.plan.steps_per_epoch, recipe.max_epochs, recipe.no_aug_epochs, recipe.batch_size)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        losses = self._forward(model, batch)
        self._pending.append((step, losses.detach(), batch.samples))
        if self.device.type == "cpu":
            self._check_losses()
        self.scaler.scale(losses[0]).backward()  # type: ignore[no-untyped-call]
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        self.average.update(self.network)
        self.step += 1
        self._note(batch, losses.detach(), rate, monitor)

    def _forward(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        """The losses of a batch in one tensor: total, box, objectness, classes, L1, foreground."""
        height, width = batch.images.shape[1:3]
        pixels = batch.images.to(self.device, non_blocking=True).permute(0, 3, 1, 2).float()
        pixels = normalise(pixels, self.convention).contiguous(memory_format=torch.channels_last)
        targets = batch.targets.to(self.device, non_blocking=True)
        raw = self._logits(model, pixels)
        l1 = self.recipe.l1_always or not self.plan.augmented(self.step)
        return torch.stack(list(self.loss(raw, targets, height, width, l1).as_dict().values()))

    def _logits(self, model: nn.Module, pixels: torch.Tensor) -> torch.Tensor:
        dtype = DTYPES[self.precision]
        with torch.autocast(self.device.type, dtype, enabled=dtype != torch.float32):
            logits: torch.Tensor = model(pixels)
        return logits

    def _note(self, batch: Batch, losses: torch.Tensor, rate: float, monitor: Monitor) -> None:
        """Tells the monitor what happened in the step just done, now and then in detail."""
        epoch = (self.step - 1) // self.plan.steps_per_epoch
        losses = self.here.mean(losses)
        self.epoch_loss = [self.epoch_loss[0] + losses[0], self.epoch_loss[1] + 1]
        if self.step == 1 or (not self.plan.augmented(self.step - 1) and self.plan.augmented(self.step - 2)):
            monitor.batch(batch, self.step)
        if self.step % self.recipe.log_interval and self.step != self.plan.steps:
            monitor.advance(self.step, epoch)
            return
        self._check_losses()
        names = ("total", "box", "objectness", "classes", "l1", "foreground")
        values = dict(zip(names, losses.tolist(), strict=True))
        monitor.advance(self.step, epoch, values)
        monitor.scalars({f"loss/{name}": value for name, value in values.items()}, self.step)
        monitor.scalars({"schedule/learning_rate": rate, "schedule/epoch": self.step / self.plan.steps_per_epoch}, self.step)

    def _check_losses(self) -> None:
        """ValueError with iteration, losses and images if one of the steps since the last look had a loss that is not finite."""
        pending, self._pending = self._pending, []
        if not pending or bool(torch.stack([losses for _, losses, _ in pending]).isfinite().all()):
            return
        step, losses, samples = next(entry for entry in pending if not bool(entry[1].isfinite().all()))
        names = ("total", "box", "objectness", "classes", "l1")
        values = ", ".join(f"{name} {value:.4g}" for name, value in zip(names, losses.tolist(), strict=False))
        files = ", ".join(dict.fromkeys(self.images.files[sample.image] for sample in samples))
        raise ValueError(
            f"the loss is not finite at step {step + 1} ({values}) on images {files}: nothing was saved since; try a lower "
            f"learning_rate{' or bf16' if self.precision == 'fp16' else ''}, and look at those images' boxes"
        )

    # ---- the end of an epoch

    def _end_of_epoch(self, monitor: Monitor, watch: checkpoint.Interruption) -> None:
        """Saves, evaluates if it is time and was not done, and saves again."""
        epoch = self.step // self.plan.steps_per_epoch
        if self.step % self.plan.steps_per_epoch or not self.step or any(row["epoch"] == epoch for row in self.history):
            return
        self.save()
        if self.evaluation is None or not self.recipe.evaluates(epoch):
            self.epoch_loss = [0.0, 0]
            return
        rank, world = self.here.rank, self.here.world
        dtype = DTYPES[self.precision] if self.device.type == "cuda" else torch.float32

        def each(_: int) -> None:
            if watch.signal and world == 1:
                self._stop_if_asked(watch, monitor)

        found = self.evaluation.detect(self.average.network, self.device, dtype, slice(rank, None, world), each)
        shares = self.here.gather(found)
        together = [shares[index % world][index // world] for index in range(len(self.evaluation.images))]
        scores = self.evaluation.score(together)
        total, steps = self.epoch_loss
        mean = float(total) / steps if steps else float("nan")  # an older version's checkpoint may know of none
        best = max((row["AP"] for row in self.history), default=-2.0)
        self.history.append({"epoch": float(epoch), "step": float(self.step), "loss": mean, **scores})
        self.epoch_loss = [0.0, 0]
        self._show(together, scores, epoch, monitor)
        if scores["AP"] > best:
            self.save("best.pth")
        self.save()

    def _show(self, found: list[Any], scores: dict[str, float], epoch: int, monitor: Monitor) -> None:
        assert self.evaluation is not None
        if not self.here.first:
            return
        monitor.say("epoch %d: AP50:95 %.1f, AP50 %.1f", epoch, 100 * scores["AP"], 100 * scores["AP50"])
        monitor.scalars({f"ap/{name}": value for name, value in scores.items() if value >= 0}, self.step)
        images = self.evaluation.images
        if len(images.sequences) > 1:
            by_sequence = self.evaluation.score_by_sequence(found)
            known = {name: row["AP"] for name, row in by_sequence.items() if name != "COMBINED" and row["AP"] >= 0}
            monitor.scalars({f"ap_by_sequence/{name}": value for name, value in known.items()}, self.step)
        chosen = [int(i) for i in torch.linspace(0, len(images) - 1, min(4, len(images)))]
        pictures = [read_image(str(images.root / images.files[i])) for i in chosen]
        truth = true_boxes(images)
        monitor.predictions(pictures, [truth[i] for i in chosen], [found[i] for i in chosen], self.step)

    def _stop_if_asked(self, watch: checkpoint.Interruption, monitor: Monitor) -> None:
        """Saves and exits if a signal came, to any process (asked every tenth step where asking costs a synchronisation)."""
        if self.here.world > 1 and self.device.type == "cuda" and self.step % 10:
            return
        number = self.here.largest(watch.signal, self.device)
        if number:
            if not (self.out / "last.pth").is_file() or self.step % self.plan.steps_per_epoch:
                self.save()
            monitor.say("stopped by signal %d after step %d of %d: the same command goes on from there", number, self.step, self.plan.steps)
            raise SystemExit(128 + number)

    def _hyper_parameters(self) -> dict[str, float | str | bool]:
        """The settings that are single values, by name."""
        flat: dict[str, float | str | bool] = {}
        for name, value in self.settings()["train"].items():
            entries = value.items() if isinstance(value, dict) else [("", value)]
            flat.update({f"{name}.{key}".rstrip("."): entry for key, entry in entries if isinstance(entry, (bool, int, float, str))})
        return flat
