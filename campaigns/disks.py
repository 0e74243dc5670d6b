"""Verbs whose disk is full after some bytes, or read-only: `python campaigns/disks.py` (needs the right to mount a tmpfs).

Of each: exit status 1 and one line that names a file, nothing half under a final name, an earlier run's results as they were; and
when there is room again, the same command ends as an undisturbed one.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

from campaigns import left_behind, small_jobs  # noqa: E402
from campaigns.commands import forks  # noqa: E402
from campaigns.kills import LONGEST, Started  # noqa: E402

ROOM = 64 << 20  # bytes of the disk
SHARES = (0.0, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98)  # of what a verb writes, that there is room for


@contextmanager
def disk(place: Path) -> Iterator[Path]:
    """A file system of its own at `place`; PermissionError where this may not be mounted."""
    place.mkdir(parents=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(place)], capture_output=True, text=True)
    if done.returncode:
        raise PermissionError(f"cannot mount a tmpfs: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def filled(place: Path, room: int) -> None:
    """Leaves `room` bytes on the disk."""
    free = os.statvfs(place).f_bavail * os.statvfs(place).f_frsize
    with (place / "filler").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(free - room, 1))


class Trials:
    """One verb on disks that end early."""

    def __init__(self, job: small_jobs.Job, folder: Path) -> None:
        self.job, self.folder = job, folder
        self.context = forks()
        self.wrong: list[str] = []
        self.disks = 0
        job.make(folder)
        (folder / "whole").mkdir()
        self._run(folder / "whole", (0,), "an undisturbed run")
        if job.earlier:
            (folder / "earlier").mkdir()
            self._run(folder / "earlier", (0,), "an earlier run", *job.earlier)
        self.bytes = sum(-(-path.stat().st_size // 4096) * 4096 for path in (folder / "whole" / "out").rglob("*") if path.is_file())

    def _run(self, place: Path, expected: tuple[int, ...], what: str, *more: str) -> None:
        arguments = [*self.job.arguments(self.folder, random.Random(0)), "out=out", *more]
        process = Started(self.context, self.job.tool, arguments, place)
        code, said = process.wait(LONGEST), process.said().strip().splitlines()
        if code not in expected:
            self.wrong.append(f"{what}: exit {code}, expected one of {expected}\n" + "\n".join(said[-12:]))
        elif code and (len([line for line in said if line.startswith("error: ")]) != 1 or any("Traceback" in line for line in said)):
            self.wrong.append(f"{what}: not one line\n" + "\n".join(said[-25:]))

    def full(self, share: float, earlier: bool) -> None:
        """Room for `share` of what the verb writes, perhaps beside an earlier run, whose files make room when they are replaced."""
        place = self.folder / f"full{share}{earlier}"
        self.disks += 1
        with disk(place / "out") as out:
            if earlier:
                shutil.copytree(self.folder / "earlier" / "out", out, dirs_exist_ok=True)
            filled(out, int(share * self.bytes))
            self._run(place, (1, 0) if earlier else (1,), f"room for {share:.0%} of {self.bytes} bytes")
            self._intact(out, f"room for {share:.0%}")
            (out / "filler").unlink()
            self._run(place, (0,), f"after room for {share:.0%}")
            if problem := left_behind.difference(out, self.folder / "whole" / "out"):
                self.wrong.append(f"ends otherwise after room for {share:.0%}: {problem}")

    def read_only(self) -> None:
        """An earlier run on a disk that cannot be written."""
        place = self.folder / "read_only"
        self.disks += 1
        with disk(place / "out") as out:
            if self.job.earlier:
                shutil.copytree(self.folder / "earlier" / "out", out, dirs_exist_ok=True)
            before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
            subprocess.run(["mount", "-o", "remount,ro", str(out)], check=True)
            self._run(place, (1,), "a read-only disk")
            if before != {path: path.stat().st_mtime_ns for path in out.rglob("*")}:
                self.wrong.append("a read-only disk was written")

    def _intact(self, out: Path, what: str) -> None:
        (out / "filler").rename(out / ".filler.tmp")
        if problem := left_behind.problem(out, self.folder / "whole" / "out", self.folder / "earlier" / "out"):
            self.wrong.append(f"{what}: {problem}")
        (out / ".filler.tmp").rename(out / "filler")


def trials(name: str, shares: tuple[float, ...] = SHARES) -> tuple[int, list[str]]:
    """The number of disks for the verb of that name, and what went wrong on them."""
    with tempfile.TemporaryDirectory(prefix="disks_") as temporary:
        of_verb = Trials(small_jobs.JOBS[name], Path(temporary))
        for share in shares:
            for earlier in (False, True)[: 1 + bool(of_verb.job.earlier)]:
                of_verb.full(share, earlier)
        of_verb.read_only()
    return of_verb.disks, of_verb.wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--verb", choices=[*small_jobs.JOBS], help="one of them; all without it")
    given = parser.parse_args()
    failures = 0
    for name in [given.verb] if given.verb else [*small_jobs.JOBS]:
        disks, wrong = trials(name)
        print(f"{name:9} disks {disks:3}, wrong {len(wrong)}", flush=True)
        for failure in wrong:
            print(f"  {failure}", flush=True)
        failures += len(wrong)
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
