"""A trace of some steps, to be looked at in chrome://tracing or Perfetto."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile, schedule

__all__ = ["profiled"]

log = logging.getLogger(__name__)


@contextmanager
def profiled(path: Path, steps: int) -> Iterator[Callable[[], None]]:
    """Yields a function to call after every step; traces `steps` of them into `path`, after one to warm up and one for the profiler."""
    if not steps:
        yield lambda: None
        return
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if torch.cuda.is_available() else [])]
    plan = schedule(wait=1, warmup=1, active=steps, repeat=1)
    traced = []

    def write(done: profile) -> None:
        done.export_chrome_trace(str(path))
        traced.append(path)

    with profile(activities=activities, schedule=plan, on_trace_ready=write) as running:
        yield running.step
    if not traced:
        log.warning("train.profile=%d: nothing is traced, the run ended within the two steps that the profiler needs first", steps)
