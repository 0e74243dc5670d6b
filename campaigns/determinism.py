"""The same bits again: `python campaigns/determinism.py [--runs 10]`, each run a new Python.

Tracking, scoring, preparing, converting and training on the CPU are run ten times, then with 1 and 4 workers, then with 1, 2 and 8
threads; what they write is compared byte by byte, without dates and durations.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from campaigns import left_behind, small_jobs
from campaigns.commands import TOOLS

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
VERBS = {
    "track": ("workers", (1, 4)),
    "detect": ("workers", (1, 4)),
    "score": ("workers", (1, 4)),
    "tune": ("workers", (1, 4)),
    "prepare": ("workers", (1, 4)),
    "convert": (None, ()),
    "train": ("train.workers", (0, 4)),
}


def run(job: small_jobs.Job, folder: Path, name: str, threads: int, more: list[str]) -> Path:
    """The output folder of a run in a new Python with so many threads."""
    place = folder / name
    place.mkdir()
    environment = os.environ | dict.fromkeys(THREADS, str(threads))
    arguments = [*job.settings(folder), *more, "out=out"]
    command = [sys.executable, str(TOOLS / f"{job.tool}.py"), *arguments]
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr[-1000:]}")
    return place / "out"


def differences(name: str, runs: int) -> tuple[int, list[str]]:
    """The number of runs of a verb that were compared with the first, and where they differ."""
    setting, counts = VERBS[name]
    job = small_jobs.JOBS[name]
    chosen = [] if setting is None else [f"{setting}={counts[0]}"]
    variants = [(f"run {k + 1}", 1, chosen) for k in range(runs)]
    variants += [(f"{setting}={count}", 1, [f"{setting}={count}"]) for count in counts[1:]]
    variants += [(f"{threads} threads", threads, chosen) for threads in (2, 8)]
    with tempfile.TemporaryDirectory(prefix="same_") as temporary:
        folder = Path(temporary)
        job.make(folder)
        outs = [(what, run(job, folder, str(k), threads, more)) for k, (what, threads, more) in enumerate(variants)]
        first = outs[0][1]
        return len(outs) - 1, [f"{what}: {problem}" for what, out in outs[1:] if (problem := left_behind.difference(out, first))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--verb", choices=[*VERBS], help="one of them; all without it")
    parser.add_argument("--runs", type=int, default=10)
    given = parser.parse_args()
    wrong = 0
    for name in [given.verb] if given.verb else [*VERBS]:
        compared, found = differences(name, given.runs)
        print(f"{name:9} {compared} runs as the first but for {len(found)}", flush=True)
        for line in found:
            print(f"  {line}", flush=True)
        wrong += len(found)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
