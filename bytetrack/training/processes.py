"""One process among those `torchrun` started, or the only one."""

from __future__ import annotations

import atexit
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

__all__ = ["AnotherFailed", "ProcessGroup", "mean_over_processes", "processes"]

STEP, EVALUATION = timedelta(minutes=10), timedelta(hours=2)
"""Time a process waits for the others: in a step, and where one may have work of its own (evaluating, storing images)."""


class AnotherFailed(Exception):
    """Another process met an error and says so itself; this one ends too."""


@dataclass(frozen=True, slots=True)
class ProcessGroup:
    """This process is number `rank` of `world`, `local` of the `machine` on its machine; rank 0 speaks and writes.

    `patient` is the group that waits for long; it runs on the CPU, so that no GPU's clock counts meanwhile.
    """

    rank: int = 0
    local: int = 0
    world: int = 1
    machine: int = 1
    patient: Any = None

    @property
    def first(self) -> bool:
        return self.rank == 0

    def mean(self, values: Tensor) -> Tensor:
        """Returns the mean of `values` over all processes."""
        return mean_over_processes(values.detach(), self.world)

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Gives all processes' `tensors` their mean, in one exchange."""
        if self.world == 1 or not tensors:
            return
        together = self.mean(torch.cat([tensor.detach().flatten() for tensor in tensors]))
        for tensor, part in zip(tensors, torch.split(together, [tensor.numel() for tensor in tensors]), strict=True):
            tensor.detach().copy_(part.view_as(tensor))

    def largest(self, value: int, device: torch.device) -> int:
        """Returns the largest `value` of any process."""
        if self.world == 1:
            return value
        flag = torch.tensor(value, device=device)
        dist.all_reduce(flag, op=dist.ReduceOp.MAX)
        return int(flag)

    def gather(self, value: Any) -> list[Any]:
        """Returns every process's `value`, in the order of ranks, to every process; it must pickle. Waits for long."""
        if self.world == 1:
            return [value]
        values: list[Any] = [None] * self.world
        dist.all_gather_object(values, value, group=self.patient)
        return values

    def from_first(self, value: Any) -> Any:
        """Returns rank 0's `value`, whatever this process passes. Waits for long."""
        if self.world == 1:
            return value
        holder = [value]
        dist.broadcast_object_list(holder, src=0, group=self.patient)
        return holder[0]


def mean_over_processes(values: Tensor, world: int | None = None) -> Tensor:
    """Returns the mean of `values` over `world` processes, None for those of the distributed run; `values` themselves of one alone."""
    if world is None:
        world = dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1
    if world == 1:
        return values
    total = values.clone()
    dist.all_reduce(total)
    return total / world


@contextmanager
def processes(device: str) -> Iterator[ProcessGroup]:
    """Joins the processes that `torchrun` announces in the environment (gloo on the CPU, NCCL on CUDA), and leaves at the end.

    After an error this process ends without asking the others, who may wait for it elsewhere: its error goes on, to be told, and the
    interpreter then ends at once. What a process meets only because another one has ended is SystemExit(1), without a word.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield ProcessGroup()
        return
    rank, local, machine = (
        int(os.environ.get(name, other)) for name, other in (("RANK", 0), ("LOCAL_RANK", 0), ("LOCAL_WORLD_SIZE", world))
    )
    card = torch.device("cuda", local) if device.startswith("cuda") else None
    if card is not None:
        torch.cuda.set_device(card)
    dist.init_process_group("nccl" if card else "gloo", timeout=STEP, device_id=card)
    here = ProcessGroup(rank, local, world, machine, dist.new_group(backend="gloo", timeout=EVALUATION))
    try:
        yield here
    except SystemExit:  # by which all end together
        dist.destroy_process_group()
        raise
    except BaseException as error:
        atexit.register(os._exit, 130 if isinstance(error, KeyboardInterrupt) else 1)
        if _is_of_another(error):
            time.sleep(2)  # so that torchrun hears first of the process that knows why
            raise SystemExit(1) from None
        _tell_torchrun(error)
        raise
    dist.destroy_process_group()


def _is_of_another(error: BaseException) -> bool:
    """Returns True if another process that ended is the cause."""
    if isinstance(error, (AnotherFailed, ConnectionError, dist.DistError)):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error) for word in ("Connection closed by peer", "Connection reset by peer"))


def _tell_torchrun(error: BaseException) -> None:
    """Leaves the reason where torchrun looks for it: its summary, the last thing of all, then has it in one line."""
    path = os.environ.get("TORCHELASTIC_ERROR_FILE")
    if path:
        reason = {"message": f"{type(error).__name__}: {error}", "extraInfo": {"timestamp": str(int(time.time()))}}
        Path(path).write_text(json.dumps({"message": reason}), encoding="utf-8")
