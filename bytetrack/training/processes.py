"""One process among those `torchrun` started, or the only one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

__all__ = ["Processes", "processes"]


@dataclass(frozen=True, slots=True)
class Processes:
    """This process is number `rank` of `world`, `local` of the `machine` on its machine; rank 0 speaks and writes."""

    rank: int = 0
    local: int = 0
    world: int = 1
    machine: int = 1

    @property
    def first(self) -> bool:
        return self.rank == 0

    def mean(self, values: Tensor) -> Tensor:
        """The mean of `values` over all processes."""
        if self.world > 1:
            values = values.detach().clone()
            dist.all_reduce(values)
            values /= self.world
        return values

    def largest(self, value: int, device: torch.device) -> int:
        """The largest `value` of any process."""
        if self.world == 1:
            return value
        flag = torch.tensor(value, device=device)
        dist.all_reduce(flag, op=dist.ReduceOp.MAX)
        return int(flag)

    def gather(self, value: Any) -> list[Any]:
        """Every process's `value`, in the order of ranks, in every process; it must pickle."""
        if self.world == 1:
            return [value]
        values: list[Any] = [None] * self.world
        dist.all_gather_object(values, value)
        return values

    def from_first(self, value: Any) -> Any:
        """Rank 0's `value`, whatever this process passes."""
        if self.world == 1:
            return value
        holder = [value]
        dist.broadcast_object_list(holder, src=0)
        return holder[0]


@contextmanager
def processes(device: str) -> Iterator[Processes]:
    """Joins the processes that `torchrun` announces in the environment (gloo on the CPU, NCCL on CUDA), and leaves at the end."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield Processes()
        return
    local, machine = (int(os.environ.get(f"LOCAL_{name}", default)) for name, default in (("RANK", 0), ("WORLD_SIZE", world)))
    here = Processes(int(os.environ["RANK"]), local, world, machine)
    cuda = device.startswith("cuda")
    if cuda:
        torch.cuda.set_device(here.local)
    dist.init_process_group("nccl" if cuda else "gloo", timeout=timedelta(hours=2))
    try:
        yield here
    finally:
        dist.destroy_process_group()
