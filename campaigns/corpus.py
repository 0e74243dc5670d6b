"""Thousands of broken files, made from good ones by a seed, each given to what would read it: `python campaigns/corpus.py`.

Of every file: it is read, with sane values, or refused in one line that names it; no other error, nothing slower than ten seconds,
nothing half-written, nothing of an earlier run overwritten.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

from campaigns import damage, good_files  # noqa: E402
from campaigns.readers import Kind, kinds  # noqa: E402

LIMIT = 10.0  # seconds of the processor, which a busy machine does not change
WAITING = 6  # times as long it may take by the clock
KEPT = b"of an earlier run\n"
WHOLE = r"UTF-8|no box in frames|empty|inflate|no readable|no file|given again|expected every sequence once|not well-formed|of frames"
WHOLE += "|are missing|has a box in frame|at timestep|ha(s|ve) class"  # the latter three name the frame or the class


class TooLong(BaseException):
    """Interrupts a reader after `LIMIT`."""


@dataclass
class Outcome:
    """The outcome of one broken file: `read`, `refused`, or what must not happen."""

    kind: str
    number: int
    damage: str
    verdict: str
    message: str
    seconds: float


@dataclass
class Board:
    """All outcomes, counted."""

    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def failures(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.verdict not in ("read", "refused")]

    def __str__(self) -> str:
        lines = [f"{'kind':26}{'files':>7}{'read':>7}{'refused':>9}{'wrong':>7}{'slowest s':>11}"]
        names = dict.fromkeys(outcome.kind for outcome in self.outcomes)
        lines += [_row(name, [outcome for outcome in self.outcomes if outcome.kind == name]) for name in names]
        return "\n".join([*lines, _row("all", self.outcomes)])


def _row(name: str, outcomes: Sequence[Outcome]) -> str:
    counts = Counter(outcome.verdict for outcome in outcomes)
    wrong = len(outcomes) - counts["read"] - counts["refused"]
    return f"{name:26}{len(outcomes):7}{counts['read']:7}{counts['refused']:9}{wrong:7}{max(o.seconds for o in outcomes):11.2f}"


def broken(kind: Kind, number: int, seed: int = 0) -> tuple[str, bytes]:
    """The damage's name and the content of broken file `number` of `kind`; every damage comes before any comes twice."""
    rng = random.Random(f"{seed} {kind.name} {number}")
    others = [other for other in kinds() if other.name != kind.name]
    if number % 12 == 11:
        return "another kind's content", rng.choice(others).make()
    chosen = kind.damages[number % len(kind.damages)] if number < len(kind.damages) else rng.choice(kind.damages)
    content = chosen(rng, kind.make())
    if rng.random() < 0.1 and chosen not in damage.HARMLESS and content:
        again = rng.choice(damage.ANY)
        return f"{chosen.__name__}, {again.__name__}", again(rng, content)
    return chosen.__name__, content


def run(fraction: float = 1.0, only: str | None = None, seed: int = 0, number: int | None = None, share: tuple[int, int] = (1, 1)) -> Board:
    """Gives a `fraction` of the corpus to its readers; of that, share k of n: every n-th file of each kind."""
    board = Board()
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as temporary, _quiet():
        for kind in kinds():
            if only is not None and only not in kind.name:
                continue
            folder = Path(temporary, kind.name.replace(" ", "_"))
            good_files.write(folder, {**kind.others, kind.file: kind.make()})
            problem = _judge(kind, folder, "good", kind.make(), -1)
            if problem.verdict != "read":
                board.outcomes.append(problem)
            files = range(share[0] - 1, max(1, round(kind.count * fraction)), share[1])
            for k in files if number is None else [number]:
                board.outcomes.append(_judge(kind, folder, *broken(kind, k, seed), k))
            shutil.rmtree(folder)
    logging.disable(logging.NOTSET)
    return board


def _judge(kind: Kind, folder: Path, damaged: str, content: bytes, number: int) -> Outcome:
    path, out = folder / kind.file, folder / "out"
    path.write_bytes(content)
    shutil.rmtree(out, ignore_errors=True)
    kept = [out / "prepared.json", out / "config.yaml", out / "tracks" / "A.txt", out / "filled" / "A.txt", out / "run" / "report.html"]
    kept += [out / "converted" / name for name in ("A.txt", "tracks.csv", "A.jsonl")]
    good_files.write(folder, {str(file.relative_to(folder)): KEPT for file in kept})
    if damaged == "good":  # a first reading may compile kernels, which is no reading
        _verdict(kind, folder, folder / "before", limit=600)
    started = time.monotonic()
    verdict, message = _verdict(kind, folder, out)
    seconds = time.monotonic() - started
    if verdict in ("read", "refused"):
        verdict = _left_behind(kind, path, content, out, verdict) or verdict
    if damaged in {function.__name__ for function in damage.HARMLESS} and verdict == "refused" and kind.name not in BINARY_AFTER_ALL:
        verdict = "harmless, but refused"
    return Outcome(kind.name, number, damaged, verdict, message, seconds)


BINARY_AFTER_ALL = ("overrides",)  # a byte order mark on the command line is no setting


def _verdict(kind: Kind, folder: Path, out: Path, limit: float = LIMIT) -> tuple[str, str]:
    from bytetrack.config.explaining import explained, one_line

    def too_long(*_: object) -> None:
        raise TooLong

    timers = {signal.SIGPROF: (signal.ITIMER_PROF, limit), signal.SIGALRM: (signal.ITIMER_REAL, WAITING * limit)}
    before = {number: signal.signal(number, too_long) for number in timers}
    for timer, seconds in timers.values():
        signal.setitimer(timer, seconds)
    caught: BaseException | None = None
    try:
        with explained("doctor", False):
            try:
                kind.read(folder, out)
            except BaseException as error:
                caught = error
                raise
    except TooLong:
        return f"longer than {limit:g} s", traceback.format_exc(limit=-3)
    except AssertionError as error:
        return "not sane", str(error)
    except SystemExit as end:
        if end.code != 1 or caught is None:
            return f"exit {end.code}", ""
        message = one_line("doctor", caught)
        return _clear(kind, folder, message) or "refused", message
    except BaseException as error:
        return f"traceback of {type(error).__name__}", traceback.format_exc(limit=-4)
    finally:
        for number, (timer, _) in timers.items():
            signal.setitimer(timer, 0)
            signal.signal(number, before[number])
    return "read", ""


def _clear(kind: Kind, folder: Path, message: str) -> str | None:
    """Returns what is wrong with a message: not one line, no file named, no line named."""
    name = Path(kind.file).name
    if "\n" in message or len(message) > 1000 or not message.isprintable():
        return "not one printable line"
    if "*" in kind.words:
        return None
    if name not in message and not any(word in message for word in kind.words):
        return "file not named"
    if kind.line and not re.search(re.escape(name) + r"(/[\w/.]+)?:\d+", message) and not re.search(WHOLE, message):
        return "line not named"
    return None


def _left_behind(kind: Kind, path: Path, content: bytes, out: Path, verdict: str) -> str | None:
    if path.read_bytes() != content:
        return "the input was changed"
    for file in (file for file in out.rglob("*") if file.is_file()):
        if "tmp" in file.name or "part" in file.name:
            return f"left {file.name}"
        if file.stat().st_size == 0 and verdict == "refused" and file.parent.name != "run":
            return f"left {file.name} empty"
    return None


@contextmanager
def _quiet() -> Iterator[None]:
    """stderr of C libraries goes nowhere."""
    sys.stderr.flush()
    before, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(before, 2)
        os.close(before)
        os.close(nowhere)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fraction", type=float, default=1.0, help="of the corpus")
    parser.add_argument("--only", help="kinds whose name has this in it")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--share", default="1/1", metavar="K/N", help="every N-th file of each kind, from the K-th")
    parser.add_argument("--number", type=int, help="one file of a kind, with its traceback")
    parser.add_argument("--show", type=int, default=15, help="failures to show")
    given = parser.parse_args()
    names = [kind.name for kind in kinds()]
    if given.only is not None and not any(given.only in name for name in names):
        parser.error(f"--only: no kind's name has {given.only!r} in it; there are {', '.join(names)}")
    started = time.monotonic()
    k, n = map(int, given.share.split("/"))
    board = run(given.fraction, given.only, given.seed, given.number, (k, n))
    print(board)
    print(f"{time.monotonic() - started:.0f} s")
    seen: Counter[tuple[str, str]] = Counter()
    for failure in board.failures:
        key = (failure.kind, failure.verdict)
        seen[key] += 1
        if seen[key] <= given.show:
            print(f"\n{failure.kind} {failure.number} ({failure.damage}): {failure.verdict}\n{failure.message[-1500:]}")
    sys.exit(bool(board.failures))


if __name__ == "__main__":
    main()
