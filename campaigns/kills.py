"""Verbs killed at random instants: what they leave, and whether the same command then ends as if nothing had been.

`python campaigns/kills.py --verb track --runs 200` sends SIGKILL, `--signal TERM` or `--signal INT` the others. Without
`--verb` all verbs take their turn. After every signal what lies under a final name is whole, and either of the run or of an earlier
one; after one to six of them the same command ends with the files of an uninterrupted run, and leaves nothing temporary.

A process is forked from one that has imported everything, so that instants fall into the work; one in twelve is a new Python.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

from campaigns import left_behind, small_jobs  # noqa: E402
from campaigns.commands import TOOLS, forks, verb  # noqa: E402

SIGNALS = {"KILL": signal.SIGKILL, "TERM": signal.SIGTERM, "INT": signal.SIGINT}
LONGEST = 600.0  # seconds a run may take
COLD = 12  # one in so many is a new Python


@dataclass
class Board:
    """The outcomes of the signals sent to one verb."""

    verb: str
    signal: str
    struck: int = 0  # signals that came while it ran
    cold: int = 0  # of them in a new Python
    ended: int = 0  # runs carried to their end afterwards
    failures: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.verb:9} SIG{self.signal:5} struck {self.struck:4} ({self.cold} of them new Pythons), "
            f"ended as uninterrupted {self.ended:4}, wrong {len(self.failures)}"
        )

    def tell(self, line: str) -> int:
        """Prints the line and the first failures; how many there are."""
        print(line, flush=True)
        for failure in self.failures[:5]:
            print(f"  {failure}", flush=True)
        return len(self.failures)


class Started:
    """A verb that runs, forked or as a new Python; its output lies in `folder`/stderr."""

    def __init__(self, context: ForkServerContext, name: str, arguments: list[str], folder: Path, cold: bool = False) -> None:
        self.folder = folder
        self._process: Any
        (folder / "stderr").unlink(missing_ok=True)
        if cold:
            with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
                command = [sys.executable, str(TOOLS / f"{name}.py"), *arguments]
                self._process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=err)
        else:
            self._process = context.Process(target=verb, args=(name, arguments, str(folder)))
            self._process.start()

    @property
    def pid(self) -> int:
        number: int = self._process.pid
        return number

    def wait(self, seconds: float) -> int | None:
        """Its exit status (minus the signal that ended it), None if it runs after `seconds`."""
        if isinstance(self._process, subprocess.Popen):
            try:
                return self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                return None
        self._process.join(seconds)
        code: int | None = self._process.exitcode
        return code

    def send(self, number: int) -> bool:
        """Returns True if it was still there."""
        try:
            os.kill(self._process.pid, number)
        except ProcessLookupError:
            return False
        return True

    def began(self) -> bool:
        """Returns True if the verb did: before that, Ctrl-C ends Python in its own way."""
        return (self.folder / "stderr").exists() and "Fatal Python error: init" not in self.said()

    def said(self) -> str:
        path = self.folder / "stderr"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


class Campaign:
    """`struck` signals of one kind to one verb."""

    def __init__(self, job: small_jobs.Job, kind: str, folder: Path, seed: int) -> None:
        self.job, self.kind, self.folder = job, kind, folder
        self.rng = random.Random(f"{seed} {job.name} {kind}")
        self.board = Board(job.name, kind)
        self.context = forks()
        job.make(folder)
        slow, _, quick = (self._whole(folder / name, cold=cold) for name, cold in (("whole", True), ("again", False), ("last", False)))
        self.seconds = {True: slow, False: quick}  # of an uninterrupted run, in a new Python or not
        self._same(folder / "again", "a second uninterrupted run")

    def run(self, signals: int) -> Board:
        """Sends that many; what is wrong is noted, and the campaign goes on."""
        trial = 0
        while self.board.struck < signals and len(self.board.failures) < 20:
            self._trial(self.folder / f"trial{trial}", min(self.rng.randint(1, 6), signals - self.board.struck))
            trial += 1
        return self.board

    def _arguments(self) -> list[str]:
        return [*self.job.arguments(self.folder, self.rng), "out=out"]

    def _whole(self, out: Path, cold: bool = False) -> float:
        out.mkdir()
        started = time.monotonic()
        process = Started(self.context, self.job.tool, self._arguments(), out, cold)
        if (code := process.wait(LONGEST)) != 0:
            raise RuntimeError(f"{self.job.name} does not run: {code}\n{process.said()[-2000:]}")
        return time.monotonic() - started

    def _trial(self, out: Path, signals: int) -> None:
        out.mkdir()
        earlier = self.job.earlier and self.rng.random() < 0.4
        if earlier:
            self._earlier(out)
        try:
            ended = False
            for _ in range(signals):
                ended = self._struck(out)
                if problem := left_behind.problem(out / "out", self.folder / "whole" / "out", self.folder / "earlier" / "out"):
                    self._fail(f"after the signal: {problem}", out)
                    return
                if ended:
                    break
            self._ended(out, ended)
        finally:
            shutil.rmtree(out, ignore_errors=True)

    def _earlier(self, out: Path) -> None:
        """Puts what another run left into the output folder."""
        kept = self.folder / "earlier"
        if not kept.exists():
            kept.mkdir()
            process = Started(self.context, self.job.tool, [*self._arguments(), *self.job.earlier], kept)
            if process.wait(LONGEST) != 0:
                raise RuntimeError(process.said())
        shutil.copytree(kept / "out", out / "out")

    def _struck(self, out: Path) -> bool:
        """Starts the verb and sends a signal at some instant; whether it had ended before."""
        cold = self.rng.randrange(COLD) == 0
        began = time.monotonic()
        process = Started(self.context, self.job.tool, self._arguments(), out, cold)
        code = process.wait(self.rng.uniform(0, 1.02) * self.seconds[cold])
        if code is None and process.send(SIGNALS[self.kind]):
            self.board.struck += 1
            self.board.cold += cold
            code = process.wait(LONGEST)
            self._check_end(process, code, cold, out)
            return code == 0
        if (code := process.wait(LONGEST)) != 0:
            self._fail(f"exit {code} before any signal", out)
        self.seconds[cold] = time.monotonic() - began  # as busy as the machine is by now
        return True

    def _check_end(self, process: Started, code: int | None, cold: bool, out: Path) -> None:
        number = SIGNALS[self.kind]
        if code is None:
            self._fail(f"runs on after SIG{self.kind}", out)
            process.send(signal.SIGKILL)
        elif self.kind == "KILL":
            if code not in (-number, 0):
                self._fail(f"exit {code}", out)
        elif code not in (128 + number, 0, -number) and process.began():
            self._fail(f"exit {code} after SIG{self.kind}", out)
        elif "Traceback" in process.said() and not (cold and code != 128 + number):
            self._fail(f"a traceback after SIG{self.kind}", out)

    def _ended(self, out: Path, ended: bool) -> None:
        if not ended or self.rng.random() < 0.3:
            process = Started(self.context, self.job.tool, self._arguments(), out)
            if (code := process.wait(LONGEST)) != 0:
                self._fail(f"exit {code} of the same command afterwards", out)
                return
        self.board.ended += self._same(out, "the same command")

    def _same(self, out: Path, what: str) -> bool:
        if problem := left_behind.difference(out / "out", self.folder / "whole" / "out"):
            self._fail(f"{what} ends otherwise: {problem}", out)
        return not problem

    def _fail(self, what: str, out: Path) -> None:
        said = (out / "stderr").read_text(encoding="utf-8", errors="replace")[-1500:] if (out / "stderr").exists() else ""
        self.board.failures.append(f"{what}\n{said}")


def campaign(name: str, kind: str = "KILL", signals: int = 8, seed: int = 0) -> Board:
    """`signals` signals of a kind to the verb of that name, in a folder that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="kills_") as temporary:
        return Campaign(small_jobs.JOBS[name], kind, Path(temporary), seed).run(signals)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--verb", choices=[*small_jobs.JOBS], help="one of them; all without it")
    parser.add_argument("--runs", type=int, default=200, help="signals that have to strike")
    parser.add_argument("--signal", choices=[*SIGNALS], default="KILL")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    wrong = 0
    for name in [given.verb] if given.verb else [*small_jobs.JOBS]:
        started = time.monotonic()
        board = campaign(name, given.signal, given.runs, given.seed)
        wrong += board.tell(f"{board}, {time.monotonic() - started:.0f} s")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
