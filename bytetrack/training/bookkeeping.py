"""Keeps a run's losses until they are read, which makes the host wait for the device, and measures its pace."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch

from bytetrack.data.augment import Sample
from bytetrack.training.losses import Losses
from bytetrack.training.processes import AnotherFailed, ProcessGroup

__all__ = ["Pace", "SeenLosses", "joined"]


class Pace:
    """Counts the `images` trained on from its making on; `waited` are the seconds of waiting for batches until then."""

    def __init__(self, waited: float) -> None:
        self.images = 0
        self._began, self._waited = time.monotonic(), waited

    def figures(self, waited: float) -> dict[str, float]:
        """Returns images a second and the part of the time spent waiting for batches; `waited` are the seconds of that until now."""
        seconds = max(time.monotonic() - self._began, 1e-9)
        return {"speed/images_per_second": self.images / seconds, "speed/data_wait": (waited - self._waited) / seconds}


class SeenLosses:
    """Keeps the losses (as `Losses`) and samples of steps until `check` looks at them; all processes decide together."""

    def __init__(self, here: ProcessGroup, device: torch.device, files: Sequence[str], advice: str) -> None:
        self.here, self.device, self.files, self.advice = here, device, files, advice
        self._seen: list[tuple[int, torch.Tensor, list[Sample]]] = []

    def add(self, step: int, losses: torch.Tensor, samples: list[Sample]) -> None:
        self._seen.append((step, losses.detach(), samples))

    def forget(self, step: int) -> None:
        """Drops what was noted of `step`, which begins again."""
        self._seen = [entry for entry in self._seen if entry[0] != step]

    def check(self) -> None:
        """Raises ValueError with step, losses and images if one was not finite since the last check; AnotherFailed if elsewhere."""
        seen, self._seen = self._seen, []
        good = not seen or bool(torch.stack([losses for _, losses, _ in seen]).isfinite().all())
        if not self.here.largest(int(not good), self.device):
            return
        if good:
            raise AnotherFailed
        step, losses, samples = next(entry for entry in seen if not bool(entry[1].isfinite().all()))
        values = ", ".join(f"{name} {value:.4g}" for name, value in zip(Losses._fields[:-1], losses.tolist(), strict=False))
        files = ", ".join(dict.fromkeys(self.files[sample.image] for sample in samples))
        raise ValueError(
            f"the loss is not finite at step {step + 1} ({values}) on images {files}: nothing was saved since; try a lower "
            f"learning_rate{self.advice}, look at those images' boxes, or go on without them: train.skip_steps=[{step + 1}]"
        )


def joined(losses: Sequence[torch.Tensor]) -> torch.Tensor:
    """Joins the losses (as `Losses`) of the parts of a batch to those of the whole: sums over cells divided by the number of all."""
    if len(losses) == 1:
        return losses[0]
    together = torch.stack(list(losses))
    cells = together[:, -1:]
    sums = (together[:, :-1] * cells.clamp(min=1)).sum(0)
    count = cells.sum(0)
    return torch.cat([sums / count.clamp(min=1), count])
