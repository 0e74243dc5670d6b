"""`tools/track.py` while its processes are killed, or its folders vanish: `python campaigns/pulled_away.py`.

It ends as undisturbed, or with exit status 1 and one line; what lies under a final name is whole; and the same command, with everything
back in its place, ends with the files of an undisturbed run.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from campaigns import small_jobs
from campaigns.kills import COLD, LONGEST, Campaign, Started


def recorded(folder: Path) -> None:
    """The small dataset, and its detections once more in a folder of their own."""
    small_jobs.dataset(folder)
    (folder / "boxes").mkdir()
    for name in small_jobs.SEQUENCES:
        shutil.copy(folder / "data" / name / "det" / "det.txt", folder / "boxes" / f"{name}.txt")


def from_boxes(folder: Path) -> list[str]:
    return [*small_jobs.mot(folder), "detector=recorded", f"detector.folder={folder / 'boxes'}"]


TWO = ("workers=2",)
JOBS = {
    "track": small_jobs.Job("track", "track", small_jobs.dataset, small_jobs.JOBS["track"].settings, workers=TWO),
    "detect": small_jobs.Job("detect", "track", small_jobs.pictures, small_jobs.JOBS["detect"].settings, workers=TWO),
    "recorded": small_jobs.Job("recorded", "track", recorded, from_boxes, workers=TWO),
}
FOLDERS = {"track": ("data", "data/B", "data/B/gt"), "detect": ("data", "data/B", "data/B/img1"), "recorded": ("boxes", "data")}


def descendants(process: int) -> list[int]:
    """The processes that it has started, and they, as /proc has them."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it has ended
    found, before = {process}, 0
    while len(found) > before:
        before = len(found)
        found |= {pid for pid, parent in parents.items() if parent in found}
    return sorted(found - {process})


class Disturbed(Campaign):
    """`act(process)` in the middle of runs, and what it gives, called when they have ended."""

    act: Callable[[Started], Callable[[], None] | None]
    ends: Counter[int | None]

    def _struck(self, out: Path) -> bool:
        cold = self.rng.randrange(COLD) == 0
        process = Started(self.context, self.job.tool, self._arguments(), out, cold)
        code = process.wait(self.rng.uniform(0.1, 1) * self.seconds[cold])
        undo = self.act(process) if code is None else None
        code = process.wait(LONGEST) if code is None else code
        if undo is not None:
            undo()
            self.board.struck += 1
            self.board.cold += cold
            self.ends[code] += 1
        said = process.said()
        lines = [line for line in said.splitlines() if line.startswith("error: ")]
        if code not in (0, 1) or "Traceback" in said or (code == 1 and len(lines) != 1):
            self._fail(f"exit {code}", out)
            process.send(signal.SIGKILL)
        return code == 0


class Killed(Disturbed):
    """One of its processes, whichever."""

    def act(self, process: Started) -> Callable[[], None] | None:
        below = descendants(process.pid)
        if not below:
            return None
        try:
            os.kill(self.rng.choice(below), signal.SIGKILL)
        except ProcessLookupError:
            return None
        return lambda: None


class Vanished(Disturbed):
    """A folder that it reads from."""

    def act(self, process: Started) -> Callable[[], None] | None:
        folder = self.folder / self.rng.choice(FOLDERS[self.job.name])
        away = folder.with_name(f"{folder.name} away")
        folder.rename(away)

        def back() -> None:
            away.rename(folder)

        return back


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20, help="disturbances of each kind to each of three jobs")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    wrong = 0
    for kind in (Killed, Vanished):
        for name, job in JOBS.items():
            started = time.monotonic()
            with tempfile.TemporaryDirectory(prefix="pulled_away_") as temporary:
                campaign = kind(job, kind.__name__, Path(temporary), given.seed)
                campaign.ends = Counter()
                board = campaign.run(given.runs)
            ends = ", ".join(f"exit {code} {count} times" for code, count in sorted(campaign.ends.items()))
            seconds = time.monotonic() - started
            wrong += board.tell(f"{name:9}{kind.__name__:9} {board.struck} ({ends}), wrong {len(board.failures)}, {seconds:.0f} s")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
