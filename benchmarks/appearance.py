"""What appearance brings to byte_plus: `OMP_NUM_THREADS=1 python benchmarks/appearance.py D OUT [--only GROUND ...] [--ranks]`.

`D` is the data folder that the tests read (`BYTETRACK_DATA`); in `OUT` are kept generated scenes, what a network found, and features, so
that a second run takes a minute. Three grounds: PETS09, whose video shows people of 60 to 110 pixels; a street with thirty people; the same
with people who leave, and come back after seven seconds, for longer than lost tracks are remembered. Boxes are YOLOX-Nano's, with COCO's
weights, or the public and the simulated ones, which have no network and so no features of it.

A row is HOTA / MOTA / IDF1 / switches, in memory, equal to TrackEval: the mean over the recorded detections and `--copies` jittered ones.
`--ranks` says instead how telling looks are, by themselves: how often, of all people in a later frame of PETS09, oneself looks most alike.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.grounds import settings_of
from bytetrack.appearance import Histogram
from bytetrack.boxes import passing, xyxy_from_tlwh
from bytetrack.config import build, compose
from bytetrack.config.named import make
from bytetrack.detection.postprocess import describe_by_torch
from bytetrack.detection.settings import LAYERS, SIZES, LayerSettings
from bytetrack.detection.yolox import Yolox
from bytetrack.examples.scenes import make_dataset
from bytetrack.interfaces import Features
from bytetrack.io import read_annotations
from bytetrack.pipeline import TrackerFactory, describing_for, feature_cache_for, replayable, track_sequence
from bytetrack.pipeline.detect import images_of
from bytetrack.scoring import fast
from bytetrack.structures import Detections
from bytetrack.tuning.replay import as_written, jittered

STREET: dict[str, Any] = {"seed": 11, "sequences": 3}
SCENES: dict[str, dict[str, Any]] = {
    "street": {**STREET, "length": 200, "people": 30},
    "returning": {**STREET, "length": 480, "people": 22, "away": 7.0},
}
NANO = "detector=yolox_nano detector.weights={D}/weights/yolox_nano.pth detector.device=cpu detector.min_score=0.05"
PETS = "dataset=pets09 dataset.root={D}/PETS09-S2L1"
DRAWN = "dataset=motchallenge dataset.root={OUT}/"
GROUNDS = {
    "pets09, yolox_nano": f"{PETS} {NANO} detector.input_size=[448,608]",
    "pets09, public": f"{PETS} detector=public",
    "street, yolox_nano": f"{DRAWN}street {NANO} detector.input_size=[384,640]",
    "street, simulated": f"{DRAWN}street detector=simulated",
    "returning, yolox_nano": f"{DRAWN}returning {NANO} detector.input_size=[384,640]",
    "returning, simulated": f"{DRAWN}returning detector=simulated",
}
EVERY, LATER, ROWS = 5, (5, 15, 60, 180), 4  # frames that ranks look at, how much later, and cells of a box
RANKED = (("c2", "c3"), ("c2",), ("c3",), ("c4",), ("p3",), ("p4",), ("p5",), ("c2", "c3", "p3"))
TRACKERS = {
    "byte_plus": "byte_plus",
    "without weights": "byte_plus appearance_weight=0",
    "without recovery": "byte_plus appearance_cost=0",
    "and found anywhere": "byte_plus appearance_margin=0.5",
    "gallery": "byte_plus gallery_frames=1800",
}


@dataclass(frozen=True)
class Scene:
    """A sequence with what was found in it, and what that looks like, by frame."""

    sequence: Any
    detections: Any
    features: list[Features] | None
    truth: fast.PreparedTruth


def words_of(ground: str, embedder: str, data: Path, out: Path) -> list[str]:
    """The words of tools/track.py for a ground, but for the tracker."""
    text = f"{GROUNDS[ground]} embedder={embedder} detections={{OUT}}/detections features={{OUT}}/features"
    return text.replace("{D}", str(data)).replace("{OUT}", str(out)).split(" ")


def load(words: list[str]) -> tuple[list[Scene], tuple[float | None, float | None]]:
    """Finds and describes everybody, as tools/track.py does."""
    config = compose("track", [*words, "tracker=byte_plus"])
    dataset, embedder = build(config.dataset), build(config.embedder)
    sequences, factory = dataset.sequences(), TrackerFactory(make, settings_of("byte_plus"))
    detector = describing_for(build(config.detector), embedder, factory, sequences)
    store = replayable(detector, sequences, Path(config.detections))
    looks = feature_cache_for(embedder, factory, sequences, Path(config.features))
    scenes = []
    for sequence in sequences:
        detections = store.detect_sequence(sequence)
        features = None if looks is None else looks.of_sequence(sequence, detections)
        scenes.append(Scene(sequence, detections, features, fast.prepare(read_annotations(sequence), sequence.length, dataset.protocol)))
    return scenes, (config.min_box_area, config.max_aspect_ratio)


def frames_of(scene: Scene, copy: int) -> list[Detections]:
    """The frames' boxes; a copy's are jittered, and look as recorded."""
    return list(jittered(scene.detections, scene.sequence.name, copy))


def figures(scenes: list[Scene], filters: tuple[float | None, float | None], tracker: str, copies: int) -> str:
    """The row of a tracker."""
    factory, rows = TrackerFactory(make, settings_of(tracker)), []
    for copy in range(copies + 1):
        results = {}
        for scene in scenes:
            tracks = track_sequence(frames_of(scene, copy), factory(scene.sequence), *filters, features=scene.features)
            tracks = as_written(tracks)
            tracks = tracks[passing(tracks.tlwh, *filters)]
            results[scene.sequence.name] = fast.evaluate(scene.truth, tracks)
        total = fast.combine(results)
        clear, identity = total["CLEAR"], total["Identity"]
        rows.append([100 * total["HOTA"]["HOTA"].mean(), 100 * clear["MOTA"], 100 * identity["IDF1"], clear["IDSW"]])
    return "{:.2f} / {:.2f} / {:.2f} / {:.0f}".format(*np.mean(rows, axis=0))


def table(ground: str, data: Path, out: Path, copies: int) -> Iterator[str]:
    """Yields a ground's rows: for every embedder byte_plus as it is, with each step off, and with the gallery."""
    for embedder in ("none", "histogram", *(("detector",) if "yolox" in ground else ())):
        scenes, filters = load(words_of(ground, embedder, data, out))
        for name, tracker in TRACKERS.items() if embedder != "none" else [("byte_plus", "byte_plus")]:
            yield f"| {ground} | {embedder} | {name} | {figures(scenes, filters, tracker, copies)} |"


def ranks(data: Path) -> Iterator[str]:
    """Yields for histograms and several layers how often the true box of a person is the likest 5, 15, 60 and 180 frames later."""
    (sequence,) = build(compose("track", [word.replace("{D}", str(data)) for word in PETS.split()]).dataset).sequences()
    network = Yolox(data / "weights/yolox_nano.pth", *SIZES["nano"], input_size=(608, 1088), device="cpu")
    inference, colours = network.describing(LayerSettings(tuple(LAYERS), ROWS))._inference, Histogram()
    kinds = {" and ".join(layers): layers for layers in RANKED}
    features: dict[str, list[Features]] = {kind: [] for kind in ("histogram", *kinds)}
    truth, people = read_annotations(sequence), []
    for frame, image in enumerate(images_of(sequence), 1):
        if frame % EVERY:
            continue
        rows = truth.rows_of(frame)
        boxes, ready = xyxy_from_tlwh(truth.tlwh[rows]), inference.prepare([image])
        people.append(truth.track_id[rows])
        found = dict(zip(LAYERS, inference.launch(ready).tensors[1:], strict=True))
        features["histogram"].append(colours.embed(image, boxes, np.ones(len(boxes))))
        for kind, layers in kinds.items():
            chosen = {name: found[name] for name in layers}
            features[kind] += describe_by_torch(chosen, [boxes * ready.ratios[0]], ROWS)
    for kind, looks in features.items():
        yield f"| {kind} | " + " | ".join(f"{_share(looks, people, later // EVERY):.2f}" for later in LATER) + " |"


def _share(looks: list[Features], people: list[Any], later: int) -> float:
    """Returns how often the likest is oneself, of those who are there in both frames."""
    right = []
    for one, other, who, there in zip(looks, looks[later:], people, people[later:], strict=False):
        likest = there[(one @ other.T).argmax(axis=1)]
        right.append((likest == who)[np.isin(who, there)])
    return float(np.concatenate(right).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", nargs="+", help="grounds whose names contain one of these")
    parser.add_argument("--copies", type=int, default=3, help="jittered copies beside the recorded detections")
    parser.add_argument("--ranks", action="store_true", help="how telling looks are by themselves, on PETS09")
    parser.add_argument("--words", action="store_true", help="prints the words of tools/track.py for every ground, and ends")
    given = parser.parse_args()
    logging.getLogger("bytetrack").setLevel(logging.WARNING)
    grounds = [ground for ground in GROUNDS if not given.only or any(part in ground for part in given.only)]
    if given.words:
        print("\n".join(f"{ground}: {' '.join(words_of(ground, 'detector', given.data, given.out))}" for ground in grounds))
        return
    if given.ranks:
        print("| frames later | " + " | ".join(map(str, LATER)) + " |\n|---" + "|---" * len(LATER) + "|")
        for row in ranks(given.data):
            print(row, flush=True)
        return
    for name in {name for ground in grounds for name in SCENES if name in ground}:
        make_dataset(given.out / name, **SCENES[name], workers=1)
    print("| ground | embedder | | HOTA / MOTA / IDF1 / switches |\n|---|---|---|---|")
    for ground in grounds:
        for row in table(ground, given.data, given.out, given.copies):
            print(row, flush=True)


if __name__ == "__main__":
    main()
