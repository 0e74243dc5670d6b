"""Losses of the steps since the last look, which is what makes the host wait for the device; all processes decide together."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from bytetrack.data.augment import Sample
from bytetrack.training.processes import AnotherFailed, ProcessGroup

__all__ = ["NAMES", "SeenLosses"]

NAMES = ("total", "box", "objectness", "classes", "l1", "foreground")


class SeenLosses:
    """Keeps the losses (as `NAMES`) and samples of steps until `check` looks at them."""

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
        values = ", ".join(f"{name} {value:.4g}" for name, value in zip(NAMES[:-1], losses.tolist(), strict=False))
        files = ", ".join(dict.fromkeys(self.files[sample.image] for sample in samples))
        raise ValueError(
            f"the loss is not finite at step {step + 1} ({values}) on images {files}: nothing was saved since; try a lower "
            f"learning_rate{self.advice}, look at those images' boxes, or go on without them: train.skip_steps=[{step + 1}]"
        )


def joined(losses: Sequence[torch.Tensor]) -> torch.Tensor:
    """Joins the losses (as `NAMES`) of the parts of a batch to those of the whole: sums over cells divided by the number of all."""
    if len(losses) == 1:
        return losses[0]
    together = torch.stack(list(losses))
    cells = together[:, -1:]
    sums = (together[:, :-1] * cells.clamp(min=1)).sum(0)
    count = cells.sum(0)
    return torch.cat([sums / count.clamp(min=1), count])
