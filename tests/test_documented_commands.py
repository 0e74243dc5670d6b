"""Every command on the pages is run as it is written, page by page, in a folder with a little of all that they name.

Each runs in a process that is forked from one which has imported everything, in a session of its own, with its output in files: what
outlasts its time is ended with all that it started.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from bytetrack.config import compose
from campaigns import good_files as good
from campaigns.commands import forks, verb
from tests.test_docs import PAGES, ROOT

SECONDS = 240.0  # that a command may take, on a busy machine
COMMAND = re.compile(r"(?:[A-Z_]+=\S+ )*(?:python|make|pip|bytetrack|torchrun|docker|tensorboard|sbatch) ")
LEFT_OUT = {  # commands in which this is found are not run, since …
    "^make ": "CI runs the targets themselves",
    "-m venv": "CI makes its own environment",
    "pip install": "CI installs; docs/install.md has tables of what was tried",
    "^docker ": "a container of its own: the workflow builds and runs it",
    "^torchrun ": "several GPUs: tests/training/test_distributed.py starts processes so",
    "^sbatch ": "a cluster",
    "^tensorboard ": "a server",
    "weights_folder=": "downloads weights",
    "download=true": "downloads a dataset",
    "rtsp://": "a camera: tests/demo/test_streams.py has some",
    r"^python tracking\.py": "the webcam",
    r"tools/demo\.py$": "the webcam",
    "executor=ray": "a cluster: tests/executors/test_ray.py has one",
    r"providers=\[tensorrt": "an NVIDIA GPU",
    r"providers=\[coreml": "macOS",
    "… ": "not whole",
    "runs/low/": "what a command before it, which is not whole, writes",
    "--config-dir=mine": "a class of the reader's own: tests/tracking/test_own_tracker.py has one",
    r"docs/images/scenes\.py": "half a minute each: tests/demo/test_recipes.py makes them",
    "/tmp/scenes": "made by docs/images/scenes.py",
    "experiment=mot17_nano": "annotations of four datasets: tests/tools/test_train.py builds the recipe",
    r"their\.onnx|r[tf]detr\.onnx": "other people's networks: tests/detection/test_layouts.py makes such files",
    "detector=torchvision|detector=transformers|bytetrack_[sx]_mot17": "downloads a network",
    r"events\.url=": "a server to post to: tests/demo/test_events.py has one",
    r"-m bytetrack\.tracking": "`make install` runs it",
    r"benchmarks/gpu\.py": "tests/test_gpu_script.py runs it",
}
TINY = ["detector.depth=0.33", "detector.width=0.0625", "detector.depthwise=true", "detector.input_size=[64,96]"]
SMALLER = {  # settings that make a verb's work small, in place of the command's own
    "train": [*TINY, "train.multiscale=null", "train.batch_size=8", "train.max_epochs=1", "train.workers=0", "train.device=cpu"],
    "quickstart": ["scenes.sequences=1", "scenes.length=24", "video=false"],
    "tune": ["trials=2", "copies=1", "fresh_copies=1"],
}
BEFORE = {  # what other pages' commands make
    "docs/training.md": [
        "python tools/prepare.py dataset=motchallenge dataset.root=mine dataset.half=train name=mine_train",
        "python tools/prepare.py dataset=motchallenge dataset.root=mine dataset.half=val name=mine_val",
    ]
}


def written(page: Path) -> list[str]:
    """The commands of a page, as its blocks of code have them."""
    text = re.sub(r"\\\n\s*", "", page.read_text(encoding="utf-8"))
    lines = [line.strip() for line in text.splitlines() if line.startswith(("    ", "\t"))]
    for fenced in re.findall(r"^```(?:sh|bash|console)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        lines += fenced.splitlines()
    return [re.sub(r"\s+# .*", "", line) for line in lines if COMMAND.match(line)]


def reason(command: str) -> str | None:
    """Why it is not run, None if it is."""
    return next((why for part, why in LEFT_OUT.items() if re.search(part, command)), None)


COMMANDS = {str(page.relative_to(ROOT)): written(page) for page in PAGES}
RUN = {page: [command for command in commands if reason(command) is None] for page, commands in COMMANDS.items()}


@dataclass(frozen=True)
class Ended:
    """The exit status of a command, None if it took too long, and what it printed."""

    status: int | None
    said: str


def words_of(command: str, folder: Path) -> tuple[str, list[str]]:
    """Its verb, and its words with little to do; what stands in /data is in `folder`."""
    _, script, *words = (
        shlex.split(command, comments=True) if command.startswith("python") else ["", *shlex.split(command, comments=True)[1:]]
    )
    name = Path(script).stem
    words = [word.replace("/data/", f"{folder}/") for word in words]
    more = [*SMALLER.get(name, []), *(["workers=1"] if "workers" in compose(name) else [])]
    if name == "demo":
        weights = [word for word in words if word.startswith("weights=")] or ["weights=yolox_s"]
        more += ["max_frames=3", *(re.sub("yolox_s$", "weights/yolox_s.pth", word) for word in weights)]
    set_here = {word.partition("=")[0] for word in more}
    return name, [*(word for word in words if word.partition("=")[0] not in set_here), *more]


def in_a_session(name: str, words: list[str], folder: str) -> None:
    os.setsid()
    verb(name, words, folder)


@pytest.fixture(scope="module")
def run() -> Callable[[str, Path], Ended]:
    context = forks()

    def call(command: str, folder: Path) -> Ended:
        process = context.Process(target=in_a_session, args=(*words_of(command, folder), str(folder)))
        process.start()
        try:
            process.join(SECONDS)
            status = process.exitcode
        finally:
            if process.pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)  # it, and what it left running
            process.kill()
            process.join()
        said = [(folder / name).read_text(encoding="utf-8", errors="replace") for name in ("stdout", "stderr") if (folder / name).exists()]
        return Ended(status, "\n".join(said))

    return call


@pytest.fixture(scope="module")
def things(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What commands name: datasets of six frames, detections, tracks, networks, films."""
    root = tmp_path_factory.mktemp("things")
    pictures = {f: good.picture(".jpg", f) for f in range(1, good.FRAMES + 1)}
    sequence = {"gt/gt.txt": good.ground_truth(), "det/det.txt": good.detections(), "seqinfo.ini": good.SEQINFO.encode()}
    sequence |= {f"img1/{f:06d}.jpg": picture for f, picture in pictures.items()}
    real = ("MOT17/train/MOT17-02-FRCNN", "datasets/MOT17/train/MOT17-02-FRCNN", "datasets/MOT17/test/MOT17-01-FRCNN")
    for place in (*real, "mine/A", "PETS09-S2L1"):
        good.write(
            root / place, {**sequence, "seqinfo.ini": sequence["seqinfo.ini"].replace(b"name=A", f"name={Path(place).name}".encode())}
        )
    for subset in ("train", "val"):
        good.write(root / "datasets/CrowdHuman", {f"annotation_{subset}.odgt": good.odgt()})
        good.write(root / "datasets/bdd100k/labels/box_track_20" / subset, {"v.json": good.scalabel()})
        good.write(root / "datasets/bdd100k/images/track" / subset / "v", {f"{f:06d}.jpg": p for f, p in pictures.items()})
    good.write(root / "datasets/CrowdHuman/Images", {f"{f:06d}.jpg": p for f, p in pictures.items()})
    good.write(root / "datasets/coco/val2017", {f"{f:06d}.jpg": p for f, p in pictures.items()})
    labels = good.rows("{f0} {i} Pedestrian 0 0 -10 {x} {y} {r} {b} -1 -1 -1 -1000 -1000 -1000 -10")
    good.write(root / "datasets/KITTI/training", {"label_02/0000.txt": labels})
    good.write(root / "datasets/KITTI/training/image_02/0000", {f"{f - 1:06d}.jpg": p for f, p in pictures.items()})
    motion = "".join(f"{f} 1 0 0 0 1 0\n" for f in range(good.FRAMES)).encode()
    of_a_class = good.rows("{f},-1,{x},{y},{w},{h},0.9,1,-1,-1")
    for name in ("MOT17-02-FRCNN", "MOT17-01-FRCNN", "A"):
        good.write(root, {f"GMC/{name}.txt": motion, f"DETECTIONS/{name}.txt": of_a_class, f"boxes/{name}.txt": good.detections()})
    shutil.copytree(root / "boxes", root / "detections")
    good.write(root, {"DETECTIONS/0000.txt": good.rows("{f},-1,{x},{y},{w},{h},0.9,4,-1,-1"), "annotations.xml": good.cvat_xml()})
    good.write(root, {"DIR/v.txt": good.rows("{f},{i},{x},{y},{w},{h},0.9,3,-1,-1"), "runs/byte/tracks/MOT17-02-FRCNN.txt": good.result()})
    good.write(root / "mine", {"my.json": good.coco(), **{f"{f:06d}.jpg": p for f, p in pictures.items()}})
    good.write(root, {f"{name}.mp4": good.film(".mp4") for name in ("street", "match", "road", "handheld")})
    networks(root)
    return root


def networks(root: Path) -> None:
    """The smallest YOLOX as everybody's weights: COCO's as they are fetched, and trained ones of one class."""
    from bytetrack.detection.network import build_network

    state = build_network(good.DEPTH, good.CHANNELS, True, 80).state_dict()
    fetched = good.saved(
        {"model": state, "detector": {"depth": good.DEPTH, "width": good.CHANNELS, "depthwise": True, "input_size": [64, 96]}}
    )
    good.write(root, {f"weights/yolox_{size}.pth": fetched for size in ("x", "s", "nano")})
    trained = (
        "best.pth",
        "yolox_nano.pth",
        "yolox_s.pth",
        "bytetrack_ablation.pth.tar",
        "runs/train/mot17_ablation/best.pth",
        "runs/train/quickstart/best.pth",
    )
    good.write(root, dict.fromkeys(trained, good.checkpoint()))
    good.write(root, {f"yolox_{size}.onnx": good.onnx_file() for size in ("nano", "s", "x")})


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page, commands in RUN.items() if commands])
def test_every_command_of_a_page_runs_as_it_is_written(page: str, run: Callable[[str, Path], Ended], things: Path, tmp_path: Path) -> None:
    folder = tmp_path / "here"
    shutil.copytree(things, folder)
    failed = []
    for command in [*BEFORE.get(page, []), *RUN[page]]:
        for last in folder.glob("runs/train/*/last.pth"):  # a page's trainings of one recipe are choices, none goes on with another's
            last.unlink()
        ended = run(command, folder)
        if ended.status != 0:
            failed.append(f"{command}\n  -> {ended.status}: {ended.said[-800:]}")
    assert not failed, "\n".join(failed)


def test_most_commands_are_run_and_every_reason_to_leave_one_out_is_needed() -> None:
    assert sum(map(len, RUN.values())) > 45
    every = [command for commands in COMMANDS.values() for command in commands]
    assert not [part for part in LEFT_OUT if not any(re.search(part, command) for command in every)]
