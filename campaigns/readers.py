"""For every kind of file: where it lies, how it is broken, and the functions of the verbs that meet it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from bytetrack.errors import FormatError
from campaigns import damage
from campaigns import good_files as good

Read = Callable[[Path, Path], object]
SEQUENCE = {"data/A/seqinfo.ini": good.SEQINFO.encode(), "data/A/gt/gt.txt": good.ground_truth(), "data/A/det/det.txt": good.detections()}


@dataclass(frozen=True)
class Kind:
    """`count` broken files from `make()`, written as `file` beside `others`, given to `read(folder, out)`.

    `line`: refusals name `file:line`; `word`: other words than the file's name that say where it is, too.
    """

    name: str
    count: int
    file: str
    make: Callable[[], bytes]
    damages: list[damage.Damage]
    read: Read
    others: dict[str, bytes] = field(default_factory=dict)
    line: bool = False
    words: tuple[str, ...] = ()


def sane(condition: object) -> None:
    if not condition:
        raise AssertionError("read, but the values are not sane")


# ---- text


def sequence(folder: Path) -> Any:
    from bytetrack.data.datasets import MotChallenge

    return MotChallenge(folder / "data").sequences()[0]


def read_ground_truth(folder: Path, out: Path) -> None:
    from bytetrack.data.check import check_ground_truth
    from bytetrack.data.converters import convert
    from bytetrack.data.datasets import MotChallenge
    from bytetrack.io import read_annotations

    check_ground_truth(sequence(folder))
    truth = read_annotations(sequence(folder))
    sane(np.isfinite(truth.tlwh).all() and (truth.frame_id >= 1).all() and (truth.frame_id <= good.FRAMES).all())
    convert(MotChallenge(folder / "data"))


def track(folder: Path, out: Path) -> None:
    from bytetrack import ByteTracker
    from bytetrack.detection.recorded import Public
    from bytetrack.io import read_trajectories
    from bytetrack.pipeline import TrackerFactory, TrackJob

    one = sequence(folder)
    factory = TrackerFactory(lambda settings: ByteTracker(**settings), {"frame_rate": None})
    TrackJob(Public(), factory, out / "tracks", "mot15")(one)
    found = read_trajectories(out / "tracks" / "A.txt", one.length)
    sane(np.isfinite(found.tlwh).all() and (found.tlwh[:, 2:] >= 0).all())


def score(folder: Path, out: Path) -> None:
    from bytetrack.pipeline import ScoreJob, rewrite_trajectories
    from bytetrack.refining import interpolate

    result = ScoreJob(folder / "tracks", "mot15", out / "tracks")(sequence(folder))
    sane(result is not None)
    rewrite_trajectories(folder / "tracks", out / "filled", interpolate)


def change_format(folder: Path, out: Path, name: str, to: str) -> None:
    from bytetrack.data.convert import convert

    written = convert(folder / name, to, out / "converted", size=[good.WIDTH, good.HEIGHT])
    sane(written and all(path.is_file() for path in written))


def coco(folder: Path, out: Path) -> None:
    from bytetrack.data.converters import CocoFile
    from bytetrack.data.image_set import load_coco
    from bytetrack.data.prepare import prepare

    images = load_coco(folder / "a.json")
    sane(np.isfinite(images.xyxy).all() and len(images.offsets) == len(images) + 1)
    prepare(CocoFile(folder, "a.json", "images"), out / "prepared.json")


def prepared(folder: Path, out: Path, kind: str) -> None:
    from bytetrack.data import converters
    from bytetrack.data.image_set import load_coco
    from bytetrack.data.prepare import prepare

    prepare(getattr(converters, kind)(folder), out / "prepared.json")
    sane(np.isfinite(load_coco(out / "prepared.json").xyxy).all())


def settings(folder: Path, out: Path) -> None:
    """As a verb does with `--config-dir DIR +mine=x`."""
    from bytetrack.config import build, compose, plain, save
    from bytetrack.pipeline import TrackerFactory

    config = compose(
        "track",
        [
            f"hydra.searchpath=[file://{folder / 'configs'}]",
            "+mine=x",
            "dataset=motchallenge",
            f"dataset.root={folder / 'data'}",
            "detector=public",
        ],
    )
    dataset = build(config.dataset)
    build(config.detector)
    for one in dataset.sequences():
        TrackerFactory(build, plain(config.tracker), plain(config.per_sequence) or {})(one)
    save(config, out)


def override(folder: Path, out: Path) -> None:
    """The file holds what would stand on the command line."""
    from bytetrack.config import build, compose, plain
    from bytetrack.pipeline import TrackerFactory

    words = (folder / "words.txt").read_bytes().decode("utf-8", "surrogateescape").splitlines()[:4]
    config = compose("track", [*words, "dataset=motchallenge", f"dataset.root={folder / 'data'}", "detector=public"])
    TrackerFactory(build, plain(config.tracker), plain(config.per_sequence) or {})(build(config.dataset).sequences()[0])


def report(folder: Path, out: Path) -> None:
    import shutil

    from bytetrack.data.datasets import MotChallenge
    from bytetrack.report import write_report

    shutil.copytree(folder / "run", out / "run", dirs_exist_ok=True)
    write_report(out / "run", MotChallenge(folder / "data"))


# ---- pictures and films


def picture(folder: Path, out: Path, name: str) -> None:
    from bytetrack.data.check import _image_problem
    from bytetrack.data.image_files import image_size
    from bytetrack.video.read import read_image

    _image_problem(folder / name, (good.WIDTH, good.HEIGHT), True)
    image = read_image(folder / name)
    sane(image.ndim == 3 and image.shape[2] == 3 and image.dtype == np.uint8)
    image_size(folder / name)


def film(folder: Path, out: Path, name: str) -> None:
    from bytetrack.data.image_files import sequence_fields
    from bytetrack.video.read import Video
    from bytetrack.video.source import open_source

    source = open_source(str(folder / name))
    shapes = {frame.image.shape for frame in source}
    source.close()
    sane(shapes and all(len(shape) == 3 for shape in shapes))
    sequence_fields(folder / name, [])
    video = Video(folder / name)
    try:
        sane(video.read(1).ndim == 3)
        video.read(5)
    finally:
        video.close()


# ---- networks


def weights(folder: Path, out: Path) -> None:
    from bytetrack.demo.weights import detector_from
    from bytetrack.detection.yolox import Yolox

    detector = Yolox(folder / "weights.pth", good.DEPTH, good.CHANNELS, True, (64, 64), classes=None, device="cpu")
    for found in detector.detect([np.zeros((64, 64, 3), np.uint8)]):
        sane(found.score.size == 0 or (found.score.min() >= 0 and found.score.max() <= 1))
    try:
        detector_from(folder / "weights.pth", None, device="cpu")
    except ValueError as error:
        if "tools/track.py" not in str(error):
            raise


def resumed(folder: Path, out: Path) -> None:
    from bytetrack.training.checkpoint import read

    read(folder / "last.pth")


def onnx(folder: Path, out: Path) -> None:
    from bytetrack.detection.onnx import Onnx

    detector = Onnx(folder / "network.onnx", classes=None, threads=1)
    for found in detector.detect([np.zeros((64, 64, 3), np.uint8)]):
        sane(found.xyxy.shape[1:] == (4,))


def store(folder: Path, out: Path) -> None:
    from bytetrack.detection.store import DetectionStore
    from bytetrack.structures import Sequence

    found = DetectionStore(folder / "store", "key").load(Sequence("A", good.FRAMES, 30, good.WIDTH, good.HEIGHT))
    sane(found is not None and len(found) == good.FRAMES and len(found.xyxy) == len(found.score) == found.offsets[-1])
    sane(np.isfinite(found.xyxy).all() and (np.diff(found.offsets) >= 0).all())


def unpack(folder: Path, out: Path, name: str) -> None:
    from bytetrack.data.archive import extract

    sane(extract(folder / name, out / "unpacked"))


def content_changed(content: Callable[[], dict[str, Any]], save: Callable[[dict[str, Any]], bytes]) -> damage.Damage:
    """A damage of what is in a file rather than of its bytes."""

    def change(rng: random.Random, _: bytes) -> bytes:
        import torch

        tensors = [
            torch.zeros(0),
            torch.zeros(3),
            torch.full((4, 3, 3, 3), float("nan")),
            torch.zeros(1).expand(10**9),
            torch.zeros(2, dtype=torch.int64),
        ]
        numpy = [np.zeros(0), np.zeros((3, 4)), np.full(18, np.nan), np.array(["x"]), np.arange(7)[::-1], np.zeros(18, complex)]
        values = [*damage.VALUES, *(tensors if save is good.saved else numpy)]
        while True:
            try:
                changed = damage.replaced(rng, content(), values)
                if isinstance(changed.get("model"), dict) and rng.random() < 0.3:
                    changed["model"] = {(f"module.{k}" if rng.random() < 0.5 else k): v for k, v in changed["model"].items()}
                return save(changed)
            except (AttributeError, ValueError, TypeError):  # json only values that the file cannot hold
                continue

    return change


def onnx_changed(rng: random.Random, _: bytes) -> bytes:
    """Other shapes and metadata, all of them valid ONNX."""
    model = good.onnx_model(rng.choice((84, 1, 21, 84)), rng.choice((1, 2, 80)), rng.choice((64, 32, 96)))
    for entry in model.metadata_props:
        if rng.random() < 0.5:
            entry.value = rng.choice(("", "x", "-1", "0", "1e9", "[]", "{}", "null", '["a","b"]', "decoded", "detections", "nan"))
    for info in (model.graph.input[0], model.graph.output[0]):
        for side in info.type.tensor_type.shape.dim:
            if rng.random() < 0.15:
                side.dim_value = rng.choice((0, 1, 5, 65, 2**31, 2**62))
    if rng.random() < 0.2:
        model.graph.input[0].type.tensor_type.elem_type = rng.choice((6, 7, 8, 10))
    return bytes(model.SerializeToString())


def resume_content() -> dict[str, Any]:
    model = dict(good.checkpoint_content()["model"])
    return {"model": model, "raw_model": model, "optimizer": {}, "scaler": {}, "step": 3, "settings": {"train": {}}, "updates": 3}


@lru_cache(maxsize=1)
def kinds() -> list[Kind]:
    from campaigns.brought import brought_kinds  # which imports this module
    from campaigns.rarer import rarer_kinds

    mot, kitti, text = damage.fields(","), damage.fields(" "), damage.fields("=")
    images = {f"images/{f:06d}.jpg": good.picture(".jpg", f) for f in range(1, good.FRAMES + 1)}
    beside = {name.removeprefix("images/"): content for name, content in images.items()}
    scored = {
        "run/scores.json": b'{"trackeval":{"A":{"HOTA":50.0},"COMBINED":{"HOTA":50.0}},"motmetrics":{}}',
        "run/config.yaml": b"tracker: {a: 1}\n",
    }
    run = {**SEQUENCE, "run/tracks/A.txt": good.result(), **scored}
    words = b"tracker.high_score=0.5\ntracker.match_cost=0.8\n+per_sequence.A={high_score: 0.7}\ndataset.pattern=A\n"
    convert = {
        "result": ("A.txt", good.result, mot, "jsonl", True),
        "kitti": ("A.txt", good.kitti, kitti, "mot", True),
        "csv": ("a.csv", good.table, mot, "mot", True),
        "json lines": ("A.jsonl", good.json_lines, damage.JSON, "csv", True),
        "cvat xml": ("A.xml", good.cvat_xml, damage.fields('"'), "mot", True),
        "cvat zip": ("A.zip", good.cvat_zip, damage.BINARY, "mot", False),
        "coco-vid json": ("a.json", good.coco, damage.JSON, "mot", False),
    }
    from_formats = [
        Kind(
            f"{name}, converted",
            200,
            file,
            make,
            damages,
            partial(change_format, name=file, to=to),
            line=line,
            words=("A.xml", "A:", "File name too long"),
        )
        for name, (file, make, damages, to, line) in convert.items()
    ]
    state = content_changed(good.checkpoint_content, good.saved)
    return [
        Kind("ground truth", 500, "data/A/gt/gt.txt", good.ground_truth, mot, read_ground_truth, SEQUENCE, True),
        Kind("detections", 500, "data/A/det/det.txt", good.detections, mot, track, SEQUENCE, True),
        Kind("seqinfo.ini", 400, "data/A/seqinfo.ini", good.SEQINFO.encode, text, track, SEQUENCE, words=("det.txt", "gt.txt")),
        Kind("result, scored", 400, "tracks/A.txt", good.result, mot, score, SEQUENCE, True),
        *from_formats,
        Kind(
            "COCO json",
            500,
            "a.json",
            good.coco,
            damage.JSON,
            coco,
            images,
            words=("images'", "000001", "outside", "prepared.json is not written"),
        ),
        Kind("odgt", 400, "a.odgt", good.odgt, damage.JSON, partial(prepared, kind="CrowdHuman"), beside, True),
        Kind(
            "labels_with_ids",
            150,
            "labels_with_ids/000001.txt",
            good.labels_with_ids,
            kitti,
            partial(prepared, kind="LabelsWithIds"),
            images,
            True,
        ),
        Kind(
            "BDD100K json",
            100,
            "labels/box_track_20/train/v.json",
            good.scalabel,
            damage.JSON,
            partial(prepared, kind="Bdd100k"),
            {name.replace("images/", "images/track/train/v/"): content for name, content in images.items()},
            words=("/images/track/train", ".jpg"),
        ),
        Kind("yaml config", 250, "configs/mine/x.yaml", good.RECIPE.encode, damage.fields(": "), settings, SEQUENCE, words=("*",)),
        Kind("overrides", 150, "words.txt", lambda: words, text, override, SEQUENCE, words=("*",)),
        Kind("scores.json", 100, "run/scores.json", lambda: scored["run/scores.json"], damage.JSON, report, run),
        Kind(
            "run's config.yaml",
            100,
            "run/config.yaml",
            lambda: b"tracker: {a: 1, b: x}\ndataset: {root: x}\n",
            damage.fields(": "),
            report,
            run,
        ),
        Kind("jpg", 300, "a.jpg", lambda: good.picture(".jpg"), damage.BINARY, partial(picture, name="a.jpg")),
        Kind("png", 300, "a.png", lambda: good.picture(".png"), damage.BINARY, partial(picture, name="a.png")),
        Kind("mp4", 150, "a.mp4", lambda: good.film(".mp4"), damage.BINARY, partial(film, name="a.mp4")),
        Kind("avi", 150, "a.avi", lambda: good.film(".avi"), damage.BINARY, partial(film, name="a.avi")),
        Kind("checkpoint", 250, "weights.pth", good.checkpoint, [*damage.BINARY, *[state] * 12], weights),
        Kind(
            "resume checkpoint",
            150,
            "last.pth",
            lambda: good.saved(resume_content()),
            [*damage.BINARY, *[content_changed(resume_content, good.saved)] * 5],
            resumed,
        ),
        Kind("onnx", 150, "network.onnx", good.onnx_file, [*damage.BINARY, *[onnx_changed] * 8], onnx),
        Kind(
            "stored detections",
            150,
            "store/key/A.000001-000006.npz",
            lambda: good.arrays(good.stored_detections()),
            [*damage.BINARY, *[content_changed(good.stored_detections, good.arrays)] * 6],
            store,
        ),
        Kind("zip archive", 60, "a.zip", good.cvat_zip, damage.BINARY, partial(unpack, name="a.zip")),
        *rarer_kinds(),
        *brought_kinds(),
    ]


__all__ = ["FormatError", "Kind", "kinds"]
