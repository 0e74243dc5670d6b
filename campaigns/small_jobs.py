"""Every verb that makes something, with so little to do that it takes about a second."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from campaigns import good_files as good

LENGTH, PEOPLE = 40, 5
SEQUENCES = "ABCD"
IMAGES = 12


@dataclass(frozen=True)
class Job:
    """A verb's `tool`, its inputs, made in a folder, and its arguments but for `out`.

    `earlier`: arguments that make an earlier run with another result, over which this one may be started.
    """

    name: str
    tool: str
    make: Callable[[Path], None]
    settings: Callable[[Path], list[str]]
    earlier: tuple[str, ...] = ()
    workers: tuple[str, ...] = ()

    def arguments(self, folder: Path, rng: random.Random | None = None) -> list[str]:
        """Its arguments; a number of workers that changes nothing in the result, drawn where there is a choice."""
        chosen = [] if not self.workers else [self.workers[0] if rng is None else rng.choice(self.workers)]
        return [*self.settings(folder), *chosen]


def dataset(folder: Path) -> None:
    """Four sequences with ground truth, detections and results of five people who walk and are missed now and then."""
    rng = np.random.default_rng(0)
    for name in SEQUENCES:
        start, speed = rng.uniform(10, 400, (PEOPLE, 2)), rng.uniform(-2, 2, (PEOPLE, 2))
        truth, found = [], []
        for frame in range(1, LENGTH + 1):
            for person in range(PEOPLE):
                x, y = (start[person] + frame * speed[person]).round(1).tolist()
                truth.append(f"{frame},{person + 1},{x},{y},30,70,1,1,1\n")
                if rng.random() < 0.9:
                    found.append(f"{frame},-1,{x + rng.normal():.1f},{y + rng.normal():.1f},30,70,{rng.uniform(0.3, 1):.2f},-1,-1,-1\n")
        text = f"[Sequence]\nname={name}\nimDir=img1\nframeRate=30\nseqLength={LENGTH}\nimWidth=500\nimHeight=500\nimExt=.jpg\n"
        files = {"seqinfo.ini": text, "gt/gt.txt": "".join(truth), "det/det.txt": "".join(found)}
        good.write(folder / "data" / name, {file: content.encode() for file, content in files.items()})
        good.write(folder / "results", {f"{name}.txt": "".join(truth).encode()})


def pictures(folder: Path) -> None:
    """One sequence of tiny pictures, and a network to look at them."""
    for name in "AB":
        images = {f"img1/{f:06d}.jpg": good.picture(".jpg", f) for f in range(1, good.FRAMES + 1)}
        files = {"seqinfo.ini": good.SEQINFO.replace("name=A", f"name={name}").encode(), "gt/gt.txt": good.ground_truth()}
        good.write(folder / "data" / name, {**files, **images})
    good.write(folder, {"network.onnx": good.onnx_file()})


def coco(folder: Path) -> None:
    """A COCO file of six images of noise, one box each."""
    import cv2

    from bytetrack.io.coco import write_coco

    rng = np.random.default_rng(0)
    for number in range(6):
        cv2.imwrite(str(folder / f"{number}.png"), rng.integers(0, 255, (64, 96, 3)).astype(np.uint8))
    images = [{"id": n + 1, "file_name": f"{n}.png", "width": 96, "height": 64} for n in range(6)]
    boxes = [{"id": n + 1, "image_id": n + 1, "category_id": 1, "bbox": [20, 10, 30, 40], "iscrowd": 0} for n in range(6)]
    document = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "thing"}], "videos": []}
    write_coco(folder / "small.json", document)


def crowd(folder: Path) -> None:
    """CrowdHuman's form: 180 tiny pictures and their boxes."""
    line = good.odgt().decode().splitlines()[0]
    lines = [line.replace('"000001"', f'"{k:06d}"') for k in range(1, 181)]
    picture = good.picture(".jpg")
    good.write(folder, {"annotation_train.odgt": ("\n".join(lines) + "\n").encode()})
    good.write(folder / "Images", {f"{k:06d}.jpg": picture for k in range(1, 181)})


def film(folder: Path) -> None:
    """A film, and a network to look at it."""
    good.write(folder, {"film.mp4": good.film(".mp4"), "network.onnx": good.onnx_file()})


def mot(folder: Path) -> list[str]:
    return ["dataset=motchallenge", f"dataset.root={folder / 'data'}"]


def training(folder: Path) -> list[str]:
    entry = f"[{{path: {folder / 'small.json'}}}]"
    return [
        *(f"train.data={entry}", f"train.val={entry}", "detector=yolox_nano", "detector.width=0.0625", "detector.input_size=[64,96]"),
        *("train.multiscale=null", "train.batch_size=2", "train.max_epochs=4", "train.no_aug_epochs=2", "train.eval_interval=4"),
        *("train.precision=fp32", "train.device=cpu", "train.log_interval=1"),
    ]


BOTH = (*("workers=1",) * 7, "workers=2")
JOBS = {
    job.name: job
    for job in (
        Job("train", "train", coco, training, workers=("train.workers=0", "train.workers=1")),
        Job("track", "track", dataset, lambda folder: [*mot(folder), "detector=public"], ("tracker.high_score=0.8",), BOTH),
        Job(
            "detect",
            "track",
            pictures,
            lambda folder: [*mot(folder), "detector=onnx", f"detector.weights={folder / 'network.onnx'}", "detector.threads=1"],
            ("tracker.high_score=0.8",),
            BOTH,
        ),
        Job("score", "score", dataset, lambda folder: [*mot(folder), f"tracks={folder / 'results'}"], ("dataset.protocol=mot20",), BOTH),
        Job(
            "tune",
            "tune",
            dataset,
            lambda folder: [*mot(folder), "detector=public", "trials=24", "copies=2", "fresh_copies=1", "dataset.pattern='[AB]'"],
            (),
            BOTH,
        ),
        Job(
            "demo",
            "demo",
            film,
            lambda folder: [f"source={folder / 'film.mp4'}", f"weights={folder / 'network.onnx'}", "classes=all", "video.threads=1"],
        ),
        Job("prepare", "prepare", crowd, lambda folder: ["dataset=crowdhuman", f"dataset.root={folder}", "check=true"]),
        Job(
            "convert",
            "convert",
            dataset,
            lambda folder: [f"input={folder / 'results'}", "to=cvat_xml", "size=[500,500]"],
            ("size=[600,600]",),
        ),
    )
}
