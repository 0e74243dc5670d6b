"""Benchmarks of several classes: our scores against TrackEval's own datasets, read from folders in their layouts."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trackeval.datasets import BDD100K, Kitti2DBox

from bytetrack import MissingDataError, Trajectories
from bytetrack.data.converters import Bdd100k
from bytetrack.data.kitti_visdrone import Kitti, VisDrone
from bytetrack.io import read_annotations
from bytetrack.scoring import fast, score_sequence, summarise
from bytetrack.scoring.classes import RULES, rows_that_count
from bytetrack.scoring.official import METRICS

KITTI = ["Car", "Van", "Truck", "Pedestrian", "Person", "Cyclist", "DontCare"]
KITTI_NUMBER = {"Car": 1, "Pedestrian": 4, "Van": 2}
BDD = ["pedestrian", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle"]
FRAMES = 12


def boxes(rng: np.random.Generator, n: int) -> np.ndarray:
    """Whole-numbered corners of n boxes, some small, some overlapping much."""
    corner = rng.integers(0, 200, (n, 2))
    return np.hstack([corner, corner + rng.integers(10, 90, (n, 2))]).astype(float)


def rows(rng: np.random.Generator, kinds: list[str]) -> list[tuple[int, int, str, np.ndarray]]:
    """frame from 0, id, class, corners of things that move a little; a thing keeps its class."""
    things = [(identity, str(rng.choice(kinds)), boxes(rng, 1)[0]) for identity in range(14)]
    return [
        (frame, identity, kind, box + np.tile(rng.integers(-3, 4, 2), 2))
        for frame in range(FRAMES)
        for identity, kind, box in things
        if rng.random() < 0.8
    ]


def answers(
    rng: np.random.Generator, truth: list[tuple[int, int, str, np.ndarray]], kinds: list[str]
) -> list[tuple[int, int, str, np.ndarray]]:
    """Results near the truth, some with another id or class, and some of nothing."""
    found = [
        (f, i + (100 if rng.random() < 0.1 else 0), k if k in kinds else kinds[0], b + rng.integers(-4, 5, 4))
        for f, i, k, b in truth
        if rng.random() < 0.8
    ]
    found = [(f, i, k, np.r_[np.minimum(b[:2], b[2:]), np.maximum(b[:2], b[2:])]) for f, i, k, b in found]
    return found + [(int(rng.integers(FRAMES)), 1000 + n, str(rng.choice(kinds)), boxes(rng, 1)[0]) for n in range(25)]


def trajectories(found: list[tuple[int, int, str, np.ndarray]], number: dict[str, int]) -> Trajectories:
    found = sorted(found, key=lambda row: row[:2])
    corners = np.array([box for *_, box in found])
    return Trajectories(
        np.array([f + 1 for f, *_ in found]),
        np.array([i for _, i, *_ in found]),
        np.hstack([corners[:, :2], corners[:, 2:] - corners[:, :2]]),
        np.full(len(found), 0.9),
        np.array([number[k] for _, _, k, _ in found]),
    )


def expected(dataset: Any, sequence: str, classes: list[str]) -> dict[str, dict[str, Any]]:
    with contextlib.redirect_stdout(io.StringIO()):
        raw = dataset.get_raw_seq_data("t", sequence)
        prepared = {name: dataset.get_preprocessed_seq_data(raw, name) for name in classes}
        return {name: {key: metric.eval_sequence(data) for key, metric in METRICS.items()} for name, data in prepared.items()}


def assert_equal(ours: Any, theirs: Any) -> None:
    assert ours.keys() == theirs.keys()
    for name in theirs:
        for metric in theirs[name]:
            for field, value in theirs[name][metric].items():
                assert np.asarray(ours[name][metric][field]) == pytest.approx(np.asarray(value), abs=1e-12), (name, metric, field)


@pytest.mark.parametrize("seed", range(6))
def test_kitti_is_scored_as_trackeval_scores_it(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rows(rng, KITTI)
    found = answers(rng, truth, ["Car", "Pedestrian"])
    labels, results = tmp_path / "gt/label_02", tmp_path / "trackers/t/data"
    labels.mkdir(parents=True)
    results.mkdir(parents=True)
    text = [
        f"{f} {-1 if k == 'DontCare' else i} {k} {int(rng.random() < 0.2)} {rng.integers(0, 4)} -10 {' '.join(map(str, b))} 0"
        for f, i, k, b in truth
    ]
    (labels / "0003.txt").write_text("\n".join(text) + "\n")
    (results / "0003.txt").write_text("".join(f"{f} {i} {k} 0 0 -10 {' '.join(map(str, b))} 0 0 0 0 0 0 0 0.9\n" for f, i, k, b in found))
    (tmp_path / "gt/evaluate_tracking.seqmap.training").write_text(f"0003 empty 000000 {FRAMES:06d}\n0003 empty 000000 {FRAMES:06d}\n")
    settings = {
        "GT_FOLDER": str(tmp_path / "gt"),
        "TRACKERS_FOLDER": str(tmp_path / "trackers"),
        "PRINT_CONFIG": False,
        "SPLIT_TO_EVAL": "training",
    }
    with contextlib.redirect_stdout(io.StringIO()):
        dataset = Kitti2DBox(settings)
    theirs = expected(dataset, "0003", ["car", "pedestrian"])
    (sequence,) = Kitti(tmp_path, "gt").sequences()
    ours = score_sequence(read_annotations(sequence), trajectories(found, KITTI_NUMBER), FRAMES, "kitti")
    assert ours.by_class is not None
    assert_equal(ours.by_class, theirs)
    assert sum(result["CLEAR"]["CLR_TP"] for result in theirs.values()) > 5


@pytest.mark.parametrize("seed", range(6))
def test_kittis_classes_scored_in_memory_on_the_rows_that_count_equal_trackeval(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rows(rng, KITTI)
    (tmp_path / "gt/label_02").mkdir(parents=True)
    found = trajectories(answers(rng, truth, ["Car", "Pedestrian"]), KITTI_NUMBER)
    text = [f"{f} {-1 if k == 'DontCare' else i} {k} 0 {rng.integers(0, 4)} -10 {' '.join(map(str, b))} 0" for f, i, k, b in truth]
    (tmp_path / "gt/label_02/0003.txt").write_text("\n".join(text) + "\n")
    annotations = read_annotations(Kitti(tmp_path, "gt").sequences()[0])
    expected_of = score_sequence(annotations, found, FRAMES, "kitti").by_class or {}
    for name in RULES["kitti"].classes:
        gt, kept = rows_that_count(annotations, found, FRAMES, RULES["kitti"], name)
        counted = Trajectories(found.frame_id[kept], found.track_id[kept], found.tlwh[kept], found.score[kept])
        ours = fast.evaluate(fast.prepare(annotations[gt], FRAMES, "mot15"), counted)
        for metric, field in (("HOTA", "HOTA"), ("CLEAR", "MOTA"), ("Identity", "IDF1"), ("Count", "Dets"), ("Count", "GT_Dets")):
            assert np.asarray(ours[metric][field]) == pytest.approx(np.asarray(expected_of[name][metric][field]), abs=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_bdd100k_is_scored_as_trackeval_scores_it(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, crowd = rows(rng, [*BDD[:4], "other person", "trailer"]), {3, 7}
    found = answers(rng, truth, BDD[:4])
    (tmp_path / "labels").mkdir()
    (tmp_path / "gt").mkdir()
    (tmp_path / "trackers/t/data").mkdir(parents=True)

    def frames(listed: list[tuple[int, int, str, np.ndarray]], theirs: bool, is_truth: bool) -> list[dict[str, Any]]:
        key = "Crowd" if theirs else "crowd"
        label = lambda i, k, b: {  # noqa: E731
            "id": str(i), "category": k, "box2d": dict(zip(("x1", "y1", "x2", "y2"), b.tolist(), strict=True)),
            **({"attributes": {key: i in crowd}} if is_truth else {}),
        }  # fmt: skip
        return [
            {
                "name": f"v-{f + 1:07d}.jpg",
                "index" if theirs else "frameIndex": f,
                "labels": [label(i, k, b) for g, i, k, b in listed if g == f],
            }
            for f in range(FRAMES)
        ]

    (tmp_path / "labels/v.json").write_text(json.dumps(frames(truth, False, True)))
    (tmp_path / "gt/v.json").write_text(json.dumps(frames(truth, True, True)))
    (tmp_path / "trackers/t/data/v.json").write_text(json.dumps(frames(found, True, False)))
    settings = {"GT_FOLDER": str(tmp_path / "gt"), "TRACKERS_FOLDER": str(tmp_path / "trackers"), "PRINT_CONFIG": False}
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = expected(BDD100K(settings), "v", BDD)
    (sequence,) = Bdd100k(tmp_path, "labels", "images").sequences()
    ours = score_sequence(read_annotations(sequence), trajectories(found, {k: n for n, k in enumerate(BDD, 1)}), FRAMES, "bdd100k")
    assert ours.by_class is not None
    assert_equal(ours.by_class, theirs)


def test_visdrone_forgives_what_lies_in_ignored_regions_and_averages_classes(tmp_path: Path) -> None:
    (tmp_path / "annotations").mkdir()
    lines = [
        "1,1,0,0,20,40,1,1,0,0",
        "1,2,100,0,40,40,1,4,0,0",
        "1,3,200,0,100,100,0,0,0,0",
        "1,4,400,0,50,50,1,11,0,0",
        "1,5,600,0,50,50,0,4,0,0",
    ]
    (tmp_path / "annotations/a.txt").write_text("\n".join(lines) + "\n")
    (sequence,) = VisDrone(tmp_path).sequences()
    tlwh = np.array([[0, 0, 20, 40], [220, 20, 30, 30], [410, 0, 30, 40], [600, 0, 50, 50], [800, 0, 30, 30]], float)
    found = Trajectories(np.ones(5, np.int64), np.arange(1, 6), tlwh, np.ones(5), np.array([1, 4, 4, 4, 4]))
    scores = summarise({"a": score_sequence(read_annotations(sequence), found, 1, "visdrone")})
    assert scores["classes"]["pedestrian"]["COMBINED"]["MOTA"] == 100
    car = scores["classes"]["car"]["COMBINED"]
    assert (car["TP"], car["FN"], car["FP"]) == (0, 1, 1)  # one missed, one in the open; three lie in regions
    assert scores["trackeval"]["COMBINED"]["MOTA"] == pytest.approx((100 - 100) / 10)
    assert (scores["trackeval"]["COMBINED"]["FN"], scores["trackeval"]["COMBINED"]["FP"]) == (1, 1)
    with pytest.raises(
        ValueError,
        match=r"the results have no class, and the dataset scores pedestrian, .*: name the class of every box in the eighth column",
    ):
        score_sequence(read_annotations(sequence), Trajectories(found.frame_id, found.track_id, tlwh, found.score), 1, "visdrone")


def test_broken_kitti_labels_name_the_line(tmp_path: Path) -> None:
    (tmp_path / "training/label_02").mkdir(parents=True)
    (tmp_path / "training/label_02/0000.txt").write_text("0 1 Car 0 0 0 1 2 3 4\n0 2 Boat 0 0 0 1 2 3 4\n")
    with pytest.raises(ValueError, match=r"0000\.txt:2: expected frame id type .*, got '0 2 Boat"):
        Kitti(tmp_path).sequences()
    with pytest.raises(MissingDataError, match=r"no sequence in .* is dataset\.root right\?"):
        Kitti(tmp_path / "nowhere").sequences()
