"""Every choice of every group that a verb lists works in that verb."""

from __future__ import annotations

import json
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from bytetrack.config import compose, home
from bytetrack.config.choices import choices_of
from bytetrack.config.files import target_of
from bytetrack.config.places import verbs
from campaigns import good_files as good
from tests.conftest import Verb

VERBS = verbs()
CHOICES = [(verb, group, choice) for verb in VERBS for group, names in choices_of(verb).items() for choice in names]
DATASETS = {  # the folder that a dataset's name starts with; others are in MOTChallenge's layout
    **{"bdd100k": "bdd100k", "citypersons": "pictures", "coco": "coco", "crowdhuman": "crowdhuman", "ethz": "pictures"},
    **{
        "hieve": "hieve",
        "kitti": "kitti",
        "labels": "pictures",
        "visdrone": "visdrone",
        "motchallenge": "mot/train",
        "pets09": "mot/train",
    },
}
TINY = ("detector.width=0.0625", "detector.input_size=[64,96]")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six frames in every layout, with recorded detections, tracks, camera motion, networks and a film."""
    root = tmp_path_factory.mktemp("data")
    frames = {f: good.picture(".jpg", f) for f in range(1, good.FRAMES + 1)}
    images = {f"img1/{f:06d}.jpg": picture for f, picture in frames.items()}
    truth = {"gt/gt.txt": good.ground_truth(), "det/det.txt": good.detections(), "seqinfo.ini": good.SEQINFO.encode()}
    for subset in ("train", "val", "test"):
        good.write(root / "mot" / subset / "A-FRCNN", {**truth, **images})
    good.write(root / "kitti/training", {"label_02/A.txt": kitti_labels(), **{f"image_02/A/{f - 1:06d}.jpg": p for f, p in frames.items()}})
    good.write(root / "visdrone", {"annotations/A.txt": visdrone_labels(), **{f"sequences/A/{f:07d}.jpg": p for f, p in frames.items()}})
    for subset in ("train", "test"):
        labels = good.rows("{f0},{i},{x},{y},{w},{h},1,-1,-1,-1")
        good.write(root / "hieve" / subset, {"labels/track1/A-FRCNN.txt": labels, "videos/A-FRCNN.mp4": good.film(".mp4")})
    for subset in ("train", "val"):
        pictures = {f"images/track/{subset}/v/{f:06d}.jpg": p for f, p in frames.items()}
        good.write(root / "bdd100k", {f"labels/box_track_20/{subset}/v.json": good.scalabel(), **pictures})
        good.write(root / "crowdhuman", {f"annotation_{subset}.odgt": good.odgt()})
        good.write(root / "coco", {f"annotations/instances_{subset}2017.json": good.coco()})
        good.write(root / "coco" / f"{subset}2017", {f"{f:06d}.jpg": p for f, p in frames.items()})
    good.write(root / "crowdhuman/Images", {f"{f:06d}.jpg": p for f, p in frames.items()})
    good.write(root / "pictures", {"images/train/c/a.jpg": frames[1], "labels_with_ids/train/c/a.txt": good.labels_with_ids()})
    motion = "".join(f"{f} 1 0 0 0 1 0\n" for f in range(good.FRAMES)).encode()
    for name in ("A-FRCNN", "film"):
        good.write(root, {f"detections/{name}.txt": good.detections(), f"tracks/{name}.txt": good.result(), f"motion/{name}.txt": motion})
    good.write(root, {"tracks of halves/A-FRCNN.txt": b"".join(good.result().splitlines(keepends=True)[:6])})
    for name in ("A", "v"):  # several classes: each box names its own
        good.write(root, {f"detections/{name}.txt": good.rows("{f},-1,{x},{y},{w},{h},0.9,4,-1,-1")})
        good.write(root, {f"tracks/{name}.txt": good.rows("{f},{i},{x},{y},{w},{h},0.9,4,-1,-1")})
    good.write(root, {"film.mp4": good.film(".mp4"), "network.onnx": good.onnx_file()})
    return root


def kitti_labels() -> bytes:
    return good.rows("{f0} {i} Pedestrian 0 0 -10 {x} {y} {r} {b} -1 -1 -1 -1000 -1000 -1000 -10")


def visdrone_labels() -> bytes:
    return good.rows("{f},{i},{x:.0f},{y:.0f},{w:.0f},{h:.0f},1,1,0,0")


@cache
def composed(verb: str, *words: str) -> Any:
    """As `compose`, which takes a tenth of a second, once for the same words."""
    return compose(verb, words)


def checkpoint(folder: Path, depth: float, depthwise: bool) -> Path:
    import torch

    from bytetrack.detection.network import build_network

    path = folder / f"{depth}_{depthwise}.pth"
    if not path.exists():
        torch.save({"model": build_network(depth, 0.0625, depthwise, 1).state_dict()}, path)
    return path


def openvino_file(folder: Path) -> Path:
    openvino = pytest.importorskip("openvino")
    openvino.save_model(openvino.convert_model(folder / "network.onnx"), folder / "network.xml")
    return folder / "network.xml"


def torchvision_file(folder: Path) -> Path:
    import torch
    from torchvision.models.detection import ssdlite320_mobilenet_v3_large

    network = ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=2)
    torch.save(network.state_dict(), folder / "ssd.pth")
    return folder / "ssd.pth"


def transformers_folder(folder: Path) -> Path:
    transformers = pytest.importorskip("transformers")
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32, "num_detection_tokens": 6}
    transformers.YolosForObjectDetection(transformers.YolosConfig(**sizes, image_size=[64, 96])).save_pretrained(folder / "yolos")
    transformers.YolosImageProcessor(size={"height": 64, "width": 96}).save_pretrained(folder / "yolos")
    return folder / "yolos"


def network(verb: str, data: Path, *words: str) -> list[str]:
    """The settings with which a chosen network is a small one, and has its weights."""
    detector = composed(verb, *words).detector
    if "depth" in detector:
        return [f"detector.weights={checkpoint(data, detector.depth, detector.depthwise)}", *TINY]
    if "Torchvision" in str(detector.get("_target_")):
        chosen = ["detector.model=ssdlite320_mobilenet_v3_large", "detector.class_names=[background,person]"]
        return [f"detector.weights={torchvision_file(data)}", *chosen]
    if "Transformers" in str(detector.get("_target_")):
        return [f"detector.model={transformers_folder(data)}", "detector.classes=null"]
    if "OpenVino" in str(detector.get("_target_")):
        return [f"detector.weights={openvino_file(data)}"]
    return [f"detector.weights={data / 'network.onnx'}"] if "Onnx" in str(detector.get("_target_")) else []


def dataset(choice: str, data: Path) -> list[str]:
    place = next((folder for name, folder in DATASETS.items() if choice.startswith(name)), "mot")
    annotations = ["dataset.annotations=annotations/instances_val2017.json", "dataset.images=val2017"] if choice == "coco" else []
    return [f"dataset.root={data / place}", *annotations]


def arguments(verb: str, group: str, choice: str, data: Path) -> list[str]:
    """The settings with which `choice` has what it needs, and little to do."""
    word = f"{group}={choice}"
    given = {"dataset": "motchallenge", "detector": "recorded", **({group: choice} if group != "experiment" else {})}
    words = [word, *(f"{name}={given[name]}" for name in given if group not in (name, "experiment") and name in choices_of(verb))]
    words = [f"tracker={choice}", *words] if group == "space" else words
    if verb == "demo":
        words = [word, f"source={data / 'film.mp4'}", "max_frames=3", "video=null"]
        words += network("demo", data, word) if group == "detector" else []
        words += [f"weights={data / 'network.onnx'}"] * (group != "detector" or not choice.startswith(("recorded", "yolox")))
    elif verb == "train":
        data_file = f"[{{path: {data / 'coco/annotations/instances_val2017.json'}, root: {data / 'coco/val2017'}}}]"
        words = [word, f"train.data={data_file}", f"train.val={data_file}", *TINY, "train.multiscale=null", "train.batch_size=2"]
        words += ["train.max_epochs=1", "train.weights=null", "train.weight_classes=null", "train.workers=0", "train.ignore_seen=null"]
        words += ["detector=yolox_nano"] * (group == "train")
    elif "dataset" in choices_of(verb):
        whole = group == "experiment" and composed(verb, word).dataset.subset is None
        words += dataset("motchallenge" if whole else "mot17" if group == "experiment" else given["dataset"], data)
    if verb in ("draw", "refine", "score"):
        words.append(f"tracks={data / ('tracks of halves' if choice.endswith('half') else 'tracks')}")
    if verb in ("track", "tune") and group in ("experiment", "detector"):
        words += network(verb, data, word)
    has_network = any(word.startswith(("detector.weights=", "detector.model=")) for word in words)
    if not has_network and given["detector"] == "recorded" and verb in ("track", "tune", "refine"):
        words.append(f"detector.folder={data / 'detections'}")
        words += ["detector.class_names=[a,b,c,d,pedestrian]"] * (verb == "track" and choice.startswith(("bdd", "kitti", "visdrone")))
    if (verb, group, choice) == ("demo", "detector", "recorded"):
        words.append(f"detector.folder={data / 'detections'}")
    if verb == "tune":
        words += ["trials=2", "copies=1", "fresh_copies=1"]
    if group == "embedder" and choice == "onnx":
        words.append(f"embedder.weights={data / 'network.onnx'}")
    if (group, choice) == ("embedder", "detector"):
        words = [one for one in words if not one.startswith(("detector=", "detector.", "weights="))]
        if verb == "demo":
            words += ["tracker=byte_plus", f"weights={checkpoint(data, 0.33, True)}"]
        else:
            words += ["tracker=byte_plus", "detector=yolox_nano", *network(verb, data, "detector=yolox_nano")]
    if (group, choice) == ("camera_motion", "recorded"):
        words.append(f"camera_motion.folder={data / 'motion'}")
    return [*words, *(["workers=1"] if "workers" in composed(verb) else []), *(["out=run"] if "out" in composed(verb) else [])]


def run_choice(verb_here: Verb, verb: str, group: str, choice: str, data: Path) -> None:
    words = arguments(verb, group, choice, data)
    process = verb_here(verb, *words)
    said = process.stdout + process.stderr
    assert "Traceback" not in said
    absent = ABSENT.get(choice)
    if absent is not None and process.returncode == 1:
        assert absent in said
        return
    assert process.returncode in (0, None), (words, said)


ABSENT = {"ray": "ray"}  # what a choice needs beyond this machine, and may say that it lacks


@pytest.mark.parametrize("choice", choices_of("demo")["tracker"])
def test_the_demo_works_with_every_tracker(verb_here: Verb, choice: str, data: Path) -> None:
    recorded = ["detector=recorded", f"detector.folder={data / 'detections'}", "embedder=histogram"]
    process = verb_here("demo", f"tracker={choice}", *recorded, f"source={data / 'film.mp4'}", "video=null", "out=run")
    assert process.returncode in (0, None), process.stderr
    assert json.loads(Path("run/summary.json").read_text())["identities"] == 3


@pytest.mark.slow
@pytest.mark.parametrize(("verb", "group", "choice"), CHOICES)
def test_every_choice_that_a_verb_lists_works_in_it(verb_here: Verb, verb: str, group: str, choice: str, data: Path) -> None:
    run_choice(verb_here, verb, group, choice, data)


def test_datasets_are_listed_where_they_have_sequences_to_track() -> None:
    sequences = []
    for path in sorted((home() / "configs" / "dataset").glob("*.yaml")):
        module, _, name = target_of(path).rpartition(".")
        if hasattr(getattr(import_module(module), name), "sequences"):
            sequences.append(path.stem)
    for verb in ("draw", "refine", "score", "track"):
        assert choices_of(verb)["dataset"] == sequences
    several_classes = ("bdd100k", "kitti", "visdrone")  # which tuning does not know
    assert choices_of("tune")["dataset"] == [name for name in sequences if not name.startswith(several_classes)]


def test_a_tracker_in_the_demo_keeps_its_own_settings() -> None:
    assert compose("demo", ["tracker=byte_plus"]).tracker == compose("track", ["tracker=byte_plus"]).tracker
    assert compose("demo").tracker == compose("track", ["tracker=byte_video"]).tracker
