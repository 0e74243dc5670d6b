"""One process's share of a training run: its network, its place in the schedule, and the loop."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import torch
from torch import nn

from bytetrack.data.augment import AugmentedImages
from bytetrack.detection.device import out_of_memory
from bytetrack.errors import FormatError
from bytetrack.names import counted
from bytetrack.runtime.signals import Interruption
from bytetrack.training import checkpoint, resuming
from bytetrack.training.bookkeeping import Pace
from bytetrack.training.device_memory import parts_that_fit, peak
from bytetrack.training.evaluation import Evaluation, evaluation_dtype, unlabelled
from bytetrack.training.host_memory import prefetch_that_fits, shared_memory
from bytetrack.training.learning import Learner
from bytetrack.training.loader import Batch, BatchPlan, StoredImages, batches, labelled, loading_processes, mixture, shares
from bytetrack.training.losses import Losses
from bytetrack.training.monitor import Monitor
from bytetrack.training.optimisation import start_momentum
from bytetrack.training.processes import ProcessGroup
from bytetrack.training.profiling import profiled
from bytetrack.training.recipe import NetworkSettings, Recipe
from bytetrack.video.read import read_image

__all__ = ["TrainingLoop"]

log = logging.getLogger(__name__)

PATIENCE_WITH_SIGNALS = 10.0  # seconds: a process that is told to end, and has no batch for so long, no longer asks the others


class TrainingLoop(Learner):
    """The state of training between two steps: network, optimizer, moving average, `step` (done so far), `history` of evaluations."""

    def __init__(self, recipe: Recipe, network: NetworkSettings, out: Path, here: ProcessGroup, device: str) -> None:
        place = torch.device(f"cuda:{here.local}" if device.startswith("cuda") and here.world > 1 else device)
        self.images, weights = mixture(recipe.data, "train.data")
        self.out, self.size = out, network.size
        plan = BatchPlan(
            images=len(self.images),
            batch_size=recipe.batch_size,
            height=self.size[0],
            width=self.size[1],
            epochs=recipe.max_epochs,
            tail_epochs=recipe.no_aug_epochs,
            multiscale=recipe.multiscale,
            interval=recipe.multiscale_interval,
            seed=recipe.seed,
            rank=here.rank,
            world=here.world,
            parts=recipe.accumulate,
            skipped=frozenset(step - 1 for step in recipe.skip_steps),
            mixture=weights,
        )
        super().__init__(recipe, plan, here, place, network.shape, self.images)
        if recipe.ignore_seen is not None:
            search = Evaluation(self.images, *self.size, self.convention, **{**network.selection, "min_score": recipe.ignore_seen})
            self.images = self.images.with_crowd(unlabelled(search, self.network, self.device, here))
        if beyond := [step for step in recipe.skip_steps if step > self.plan.steps]:
            raise ValueError(f"skip_steps must be steps of the run, which has {self.plan.steps}: got {beyond}")
        self.workers = loading_processes(recipe.workers, self.device.type == "cpu", here.machine)
        self.evaluation = self._evaluation(network.selection)
        self.waited = 0.0  # seconds for batches
        self.history: list[dict[str, float]] = []
        self.epoch_loss: list[Any] = [0.0, 0]  # the sum over the epoch's steps so far, which stays on the device, and their number
        self.about = {
            "depth": network.depth,
            "width": network.width,
            "depthwise": network.depthwise,
            "num_classes": len(self.images.names),
            "class_names": list(self.images.names),
            "convention": self.convention,
            "input_size": list(self.size),
        }
        self._saved = time.monotonic()
        self._resume()

    # ---- beginning

    def _evaluation(self, selection: dict[str, Any]) -> Evaluation | None:
        if not self.recipe.val or not self.recipe.eval_interval:
            return None
        images = labelled(self.recipe.val, "train.val")
        if images.names != self.images.names:
            raise ValueError(f"val must have the classes of data: got {images.names} for {self.images.names}; choose with `classes`")
        return Evaluation(images, *self.size, self.convention, **selection, clip=self.recipe.augmentation.clip)

    def settings(self) -> dict[str, Any]:
        """Returns the settings that a resumed run is compared by; the precision is the one used, whatever chose it."""
        train = {**self.recipe.settings(), "precision": self.precision}
        return {"train": train, "detector": self.about, "images": len(self.images), "boxes": len(self.images.xyxy)}

    def _resume(self) -> None:
        path = self.out / "last.pth"
        if all(self.here.gather(path.is_file())):
            content = checkpoint.read(path)  # each for itself, rather than a gigabyte through the network
        else:
            content = self.here.from_first(checkpoint.read(path) if self.here.first and path.is_file() else None)
        if content is None:
            return
        changed = resuming.changes(path, content["settings"], self.settings(), self.recipe.resume == "changed")
        checkpoint.check(path, content, self._content(), self.optimizer)
        self.network.load_state_dict(content["raw_model"])
        self.average.network.load_state_dict(content["model"])
        self.optimizer.load_state_dict(content["optimizer"])
        start_momentum(self.optimizer)
        if content["scaler"] and self.scaler.is_enabled():
            self.scaler.load_state_dict(content["scaler"])
        self.step = resuming.step_now(path, content, self.recipe, self.plan.steps_per_epoch)
        self.history, self.epoch_loss = content["history"], content["epoch_loss"]
        try:
            torch.set_rng_state(content["random"]["cpu"])
            if self.device.type == "cuda" and content["random"]["cuda"] is not None:
                torch.cuda.set_rng_state(content["random"]["cuda"], self.device)
        except (TypeError, KeyError, RuntimeError) as error:
            raise FormatError(f"{path}: damaged, its random state is invalid ({error}): remove it or set another out") from None
        if self.here.first:
            log.info("%s: resumed after step %d of %d", path, self.step, self.plan.steps)
            if changed:
                log.info("%s: resumed with changed settings: %s", path, "; ".join(changed))

    # ---- saving

    def save(self, name: str = "last.pth") -> None:
        """Writes the checkpoint `name`, from the first process; ValueError, and nothing is written, if a loss was not finite.

        All processes call it together: BatchNorm's statistics, which are each one's own, become their mean.
        """
        self.seen.check()
        self._saved = time.monotonic()
        if self.here.world > 1:
            networks = (self.network, self.average.network)
            statistics = [buffer for network in networks for buffer in network.buffers() if buffer.dtype.is_floating_point]
            self.epoch_loss[0] = torch.as_tensor(self.epoch_loss[0], device=self.device).reshape(1)
            self.here.average([*statistics, self.epoch_loss[0]])
        if not self.here.first:
            return
        content = self._content()
        if name == "best.pth" and self.recipe.best == "weights":
            content = {key: content[key] for key in ("model", "detector", "settings", "step", "epoch", "history")}
        checkpoint.write(self.out / name, content)

    def _content(self) -> dict[str, Any]:
        """Returns the content of a checkpoint."""
        return {
            "model": self.average.network.state_dict(),
            "raw_model": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "updates": self.step,
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
        except RuntimeError as error:
            if out_of_memory(error):
                raise MemoryError(self._no_memory()) from None
            if "DataLoader worker" not in str(error):
                raise
            raise ChildProcessError(
                f"a loading process ended abruptly in step {self.step + 1} (out of memory?): the same command resumes from the last "
                f"checkpoint, with train.workers={self.workers // 2} in less memory"
            ) from None

    def _no_memory(self) -> str:
        """Returns the message for a step that does not fit into the device's memory."""
        height, width = self.plan.size(self.step)
        images = -(-self.plan.part_size // self.pieces)
        told = (
            f"out of memory on {self.device} at step {self.step + 1}, {counted(images, 'image', 'images')} of {height} x {width} at a time"
        )
        if images == 1:
            return f"{told}: set a smaller detector.input_size or train.multiscale, and another out"
        parts = parts_that_fit(self.plan.part_size, images // 2) * self.plan.parts
        return f"{told}: the same command with train.accumulate={parts} resumes from the last checkpoint, with the same batch in more parts"

    def _train(self) -> None:
        cv2.setNumThreads(1)
        monitored = Monitor(self.out, self.step, self.plan.steps, self.here.first, self.recipe.logger, beside=self._evaluations_left)
        with monitored as monitor, Interruption.watched() as watch:
            if self.step == 0:
                monitor.settings(self.settings())
            if self.step < self.plan.steps or self.evaluation is not None:  # a finished run's file stays as it is
                self._end_of_epoch(monitor, watch)  # an evaluation that a run was stopped in
            if self._is_done(monitor):
                return
            self._check_memory()
            model = self._prepared()
            with profiled(self.out / "trace.json", self.recipe.profile if self.here.first else 0) as profile:
                pace = Pace(self.waited)
                for parts in self._parts(monitor, watch):
                    self._step(model, parts, monitor)
                    profile()
                    pace.images += self.recipe.batch_size
                    if self.step % self.recipe.log_interval == 0:
                        monitor.scalars({**pace.figures(self.waited), **peak(self.device)}, self.step)
                        pace = Pace(self.waited)
                    if self.step % self.plan.steps_per_epoch == 0:
                        self._end_of_epoch(monitor, watch)
                        pace = Pace(self.waited)
                    self._pause(watch, monitor)
                    if self._is_done(monitor):
                        break
            if self.history:
                monitor.compared(flat(self.settings()["train"]), {"AP": max(row["AP"] for row in self.history)})

    def _evaluations_left(self, step: int) -> float:
        """Returns the time of the evaluations after `step`, in steps: evaluating an image takes a third of training on it."""
        images = len(self.evaluation.images) if self.evaluation is not None else 0
        return self.recipe.evaluations_after(step // self.plan.steps_per_epoch) * images / (3 * self.recipe.batch_size)

    def _is_done(self, monitor: Monitor) -> bool:
        if self.step < self.plan.steps and not self.recipe.patience_ended(self.history):
            return False
        if self.step < self.plan.steps:
            monitor.say("stopped after epoch %d: no better %s in %d evaluations", self.history[-1]["epoch"], self.recipe.best_by,
                        self.recipe.patience)  # fmt: skip
        return True

    def _parts(self, monitor: Monitor, watch: Interruption) -> Iterator[tuple[Batch, ...]]:
        """Yields the batches of the remaining steps, each in its parts; adds the seconds of waiting for them to `waited`."""
        free = min(self.here.gather(shared_memory()))
        height, width = self.plan.largest()
        batch = self.plan.part_size * 3 * height * width
        prefetch = prefetch_that_fits(batch, self.workers, self.here.machine, free)
        if prefetch < 4:
            monitor.say("/dev/shm has %d MiB free: %d batches in place of 4 are made ahead by each loading process", free / 2**20, prefetch)

        def waiting(seconds: float) -> None:
            if watch.signal and self.here.world == 1:
                self._stop(watch.signal, monitor)
            if watch.signal and seconds > PATIENCE_WITH_SIGNALS:  # the others wait somewhere else
                raise KeyboardInterrupt

        images = self._dataset(monitor, watch)
        source = batches(images, self.plan, self.step, self.workers, self.device.type == "cuda", prefetch, waiting)
        while True:
            began = time.monotonic()
            parts = tuple(islice(source, self.plan.parts))
            self.waited += time.monotonic() - began
            if not parts:
                return
            yield parts

    def _dataset(self, monitor: Monitor, watch: Interruption) -> AugmentedImages:
        stored = None
        if self.recipe.cache:
            stored = StoredImages(self.out / "cache", self.images, *self.size)
            if self.here.first and not stored.done.all():
                monitor.say("storing %d letterboxed images in %s while training", len(self.images), self.out / "cache")
                stored.fill(lambda _: self._stop(watch.signal, monitor) if watch.signal and self.here.world == 1 else None)
            self.here.gather(None)  # the others wait for the first
        crowd = self.recipe.ignore_crowd or self.recipe.ignore_seen is not None
        drawn = None if self.plan.mixture is None else shares(self.plan.mixture)
        return AugmentedImages(self.images, read_image, self.recipe.augmentation, self.recipe.seed, stored, crowd, drawn)

    def _step(self, model: nn.Module, parts: Sequence[Batch], monitor: Monitor) -> None:
        if not parts[0].samples:
            self.step += 1
            monitor.say("step %d: skipped (train.skip_steps)", self.step)
            return
        recipe, step = self.recipe, self.step
        rate = recipe.optimisation.rate(step, self.plan.steps_per_epoch, recipe.max_epochs, recipe.no_aug_epochs, recipe.batch_size)
        losses = self.learn(model, parts, rate)
        self.step += 1
        self._note(parts[0], losses, rate, monitor)

    def _note(self, batch: Batch, losses: torch.Tensor, rate: float, monitor: Monitor) -> None:
        """Reports the last step to the monitor, every `log_interval` steps in detail."""
        epoch = (self.step - 1) // self.plan.steps_per_epoch
        self.epoch_loss = [self.epoch_loss[0] + losses[0], self.epoch_loss[1] + 1]
        if self.step == 1 or (not self.plan.augmented(self.step - 1) and self.plan.augmented(self.step - 2)):
            monitor.batch(batch, self.step)
        if self.step % self.recipe.log_interval and self.step != self.plan.steps:
            monitor.advance(self.step, epoch)
            return
        self.seen.check()
        values = dict(zip(Losses._fields, self.here.mean(losses).tolist(), strict=True))
        monitor.advance(self.step, epoch, values)
        monitor.scalars({f"loss/{name}": value for name, value in values.items()}, self.step)
        monitor.scalars({"schedule/learning_rate": rate, "schedule/epoch": self.step / self.plan.steps_per_epoch}, self.step)

    # ---- the end of an epoch, and of the run

    def _end_of_epoch(self, monitor: Monitor, watch: Interruption) -> None:
        """Saves, evaluates if it is time and was not done, and saves again."""
        epoch = self.step // self.plan.steps_per_epoch
        if self.step % self.plan.steps_per_epoch or not self.step or any(row["epoch"] == epoch for row in self.history):
            return
        self.save()
        if self.evaluation is None or not self.recipe.evaluates(epoch):
            self.epoch_loss = [0.0, 0]
            return
        rank, world = self.here.rank, self.here.world

        def each(_: int) -> None:
            if watch.signal and world == 1:
                self._stop(watch.signal, monitor)

        dtype = evaluation_dtype(self.precision, self.device.type)
        found = self.evaluation.detect(self.average.network, self.device, dtype, slice(rank, None, world), each)
        together = self.evaluation.in_order(self.here.gather(found))
        scores = self.evaluation.score(together)
        total, steps = self.epoch_loss
        mean = float(total) / steps if steps else float("nan")  # an older version's checkpoint may know of none
        by = self.recipe.best_by
        best = max((row[by] for row in self.history), default=-2.0)
        self.history.append({"epoch": float(epoch), "step": float(self.step), "loss": mean, **scores})
        self.epoch_loss = [0.0, 0]
        monitor.evaluated(self.evaluation, together, scores, epoch, self.step)
        if scores[by] > best:
            self.save("best.pth")
        self.save()

    def _pause(self, watch: Interruption, monitor: Monitor) -> None:
        """Saves if it is time; stops if a signal came, to any process (asked every tenth step where asking costs a synchronisation)."""
        if self.here.world > 1 and self.device.type == "cuda" and self.step % 10:
            return
        due = self.here.first and time.monotonic() - self._saved > 60 * self.recipe.checkpoint_minutes
        asked = self.here.largest(watch.signal + 256 * due, self.device)  # one process's clock decides
        if asked % 256:
            self._stop(asked % 256, monitor)
        if asked:
            self.save()

    def _stop(self, number: int, monitor: Monitor) -> None:
        """Saves what is not saved and ends as the signal of that `number` ends a process."""
        if not (self.out / "last.pth").is_file() or self.step % self.plan.steps_per_epoch:
            self.save()
        monitor.say("stopped by signal %d after step %d of %d: the same command resumes from there", number, self.step, self.plan.steps)
        raise SystemExit(128 + number)


def flat(settings: dict[str, Any]) -> dict[str, float | str | bool]:
    """Returns the settings that are single values, by name."""
    found: dict[str, float | str | bool] = {}
    for name, value in settings.items():
        entries = value.items() if isinstance(value, dict) else [("", value)]
        found.update({f"{name}.{key}".rstrip("."): entry for key, entry in entries if isinstance(entry, (bool, int, float, str))})
    return found
