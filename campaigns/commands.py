"""Broken files through the real command line, each verb in a process of its own, forked from one that has imported everything.

`python campaigns/commands.py` prints the score.
"""

from __future__ import annotations

import os
import runpy
import sys
import tempfile
import time
from collections import Counter
from multiprocessing import forkserver, get_context
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from campaigns import good_files as good
from campaigns.corpus import LIMIT, Outcome, broken
from campaigns.readers import Kind, kinds

TOOLS = Path(__file__).resolve().parents[1] / "tools"
IMPORTED = ["bytetrack.config", "bytetrack.quickstart", "bytetrack.tuning.run", "bytetrack.data.prepare", "bytetrack.data.convert"]
IMPORTED += ["bytetrack.demo.build", "bytetrack.training.processes", "bytetrack.scoring.official", "bytetrack.detection.onnx"]
IMPORTED += ["hydra.main", "hydra._internal.hydra", "jinja2", "motmetrics", "numba", "optuna", "trackeval", "yolox"]
IMPORTED += ["campaigns.commands", "campaigns.small_jobs"]
STARTED: list[int] = []  # the servers that `forks` started
MOT = ["dataset=motchallenge", "dataset.root=data", "workers=1", "out=out"]
VERBS: dict[str, tuple[str, list[str]]] = {
    "ground truth": ("track", [*MOT, "detector=public"]),
    "detections": ("track", [*MOT, "detector=public"]),
    "seqinfo.ini": ("track", [*MOT, "detector=public"]),
    "result, scored": ("score", [*MOT, "tracks=tracks"]),
    "result, converted": ("convert", ["input=A.txt", "to=jsonl", "out=out"]),
    "csv, converted": ("convert", ["input=a.csv", "to=mot", "out=out"]),
    "cvat xml, converted": ("convert", ["input=A.xml", "to=mot", "out=out"]),
    "cvat zip, converted": ("convert", ["input=A.zip", "to=mot", "out=out"]),
    "COCO json": ("prepare", ["dataset=coco", "dataset.root=.", "dataset.annotations=a.json", "dataset.images=images", "out=out"]),
    "odgt": ("prepare", ["dataset=crowdhuman", "dataset.root=.", "out=out"]),
    "jpg": ("demo", ["source=a.jpg", "weights=good.onnx", "classes=all", "out=out", "video=null"]),
    "checkpoint": ("doctor", ["checkpoint=weights.pth"]),
    "onnx": ("demo", ["source=good.jpg", "weights=network.onnx", "classes=all", "out=out", "video=null"]),
    "yaml config": ("track", ["--config-dir=configs", *MOT, "detector=public", "+mine=x"]),
}
VERBS["mp4"] = ("demo", [*VERBS["jpg"][1][1:], "source=a.mp4"])


def forks() -> ForkServerContext:
    """Where processes are forked from one that has imported everything: what a verb imports takes twice the time of its work.

    A process has one such server: another, which earlier tests in this process have started and which has imported less, is ended.
    """
    server: Any = forkserver._forkserver
    if server._forkserver_pid is None or server._forkserver_pid not in STARTED:
        server._stop()
        server.set_forkserver_preload(IMPORTED)
        server.ensure_running()
        STARTED.append(server._forkserver_pid)
    return get_context("forkserver")


def verb(name: str, arguments: list[str], folder: str) -> None:
    """Runs in the forked process: the verb as its file, output in files."""
    os.chdir(folder)
    for number, file in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", encoding="utf-8") for number in (1, 2))
    os.environ["HYDRA_FULL_ERROR"] = "0"
    sys.argv = [str(TOOLS / f"{name}.py"), *arguments]
    code = 0
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 70
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def run(folder: Path, files: int, fresh: int = 5) -> list[Outcome]:
    """`files` broken files of all kinds in turn; the first `fresh` in a new Python instead of a fork."""
    context, outcomes = forks(), []
    chosen = [kind for kind in kinds() if kind.name in VERBS]
    for k in range(files):
        kind = chosen[k % len(chosen)]
        place = folder / str(k)
        damaged, content = broken(kind, k // len(chosen) * 3 + 1)
        extra = {"good.onnx": good.onnx_file(), "good.jpg": good.picture(".jpg")} if VERBS[kind.name][0] == "demo" else {}
        good.write(place, {**kind.others, **extra, kind.file: content})
        outcomes.append(_judged(context, kind, place, damaged, k, k < fresh))
    return outcomes


def _judged(context: ForkServerContext, kind: Kind, place: Path, damaged: str, number: int, fresh: bool) -> Outcome:
    name, arguments = VERBS[kind.name]
    started = time.monotonic()
    code: int | None
    if fresh:
        code = os.spawnv(os.P_WAIT, sys.executable, [sys.executable, __file__, "--verb", str(place), name, *arguments])
    else:
        process = context.Process(target=verb, args=(name, arguments, str(place)))
        process.start()
        process.join(12 * LIMIT)
        code = process.exitcode
        process.kill()
    said = (place / "stderr").read_text(encoding="utf-8", errors="replace").strip().splitlines()
    errors = [line for line in said if line.startswith("error: ")]
    if code == 0 and not any("Traceback" in line for line in said):
        verdict = "read"
    elif code == 1 and (len(errors) == 1 or name == "doctor") and not any("Traceback" in line for line in said):
        verdict = "refused"
    else:
        verdict = f"exit {code}"
    return Outcome(kind.name, number, damaged, verdict, "\n".join(said[-6:]), time.monotonic() - started)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--verb"]:
        verb(sys.argv[3], sys.argv[4:], sys.argv[2])
    with tempfile.TemporaryDirectory() as temporary:
        found = run(Path(temporary), int((sys.argv[1:] or ["100"])[0]))
    print(Counter(outcome.verdict for outcome in found), f"slowest {max(outcome.seconds for outcome in found):.1f} s")
    for outcome in found:
        if outcome.verdict not in ("read", "refused"):
            print(outcome)
