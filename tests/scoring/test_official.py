"""TrackEval fed with arrays equals TrackEval fed with files."""

from __future__ import annotations

import contextlib
import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bytetrack import Annotations, Trajectories
from bytetrack.data.datasets import MotChallenge
from bytetrack.io import read_annotations, read_trajectories, write_trajectories
from bytetrack.scoring import official
from tests.scoring.small_scenes import LENGTH, NO_ANNOTATIONS, NO_TRAJECTORIES, one_object, random_scene, tracked


def by_files(folder: Path, lengths: dict[str, int], protocol: str) -> dict[str, official.Result]:
    """TrackEval's own route: `folder`/gt/<sequence>/gt/gt.txt and `folder`/tracks/ours/data/<sequence>.txt."""
    import trackeval

    config = {
        "GT_FOLDER": str(folder / "gt"), "TRACKERS_FOLDER": str(folder / "tracks"), "TRACKERS_TO_EVAL": ["ours"], "SKIP_SPLIT_FOL": True,
        "SEQ_INFO": lengths, "BENCHMARK": protocol.upper(), "PRINT_CONFIG": False,
    }  # fmt: skip
    quiet = {"PRINT_RESULTS": False, "PRINT_CONFIG": False, "TIME_PROGRESS": False, "OUTPUT_SUMMARY": False}
    quiet |= {"OUTPUT_DETAILED": False, "PLOT_CURVES": False, "LOG_ON_ERROR": None}
    with contextlib.redirect_stdout(io.StringIO()):
        metrics = [trackeval.metrics.HOTA(), trackeval.metrics.CLEAR(), trackeval.metrics.Identity()]
        results, _ = trackeval.Evaluator(quiet).evaluate([trackeval.datasets.MotChallenge2DBox(config)], metrics)
    found: dict[str, Any] = results["MotChallenge2DBox"]["ours"]
    return {name: result["pedestrian"] for name, result in found.items()}


def assert_equal(ours: official.Result, theirs: official.Result) -> None:
    for metric in ("HOTA", "CLEAR", "Identity"):
        assert set(ours[metric]) == set(theirs[metric])
        for name, value in theirs[metric].items():
            assert np.array_equal(ours[metric][name], value), (metric, name, ours[metric][name], value)


@pytest.mark.parametrize("protocol", ["mot15", "mot17", "mot20"])
def test_random_scenes_score_bit_for_bit_as_from_files(tmp_path: Path, protocol: str) -> None:
    ours = {}
    for seed in range(20):
        annotations, trajectories = random_scene(seed)
        gt = tmp_path / "gt" / f"S{seed:02}" / "gt"
        gt.mkdir(parents=True)
        columns = [annotations.frame_id, annotations.track_id, annotations.tlwh, annotations.considered]
        rows = np.column_stack([*columns, annotations.class_id, annotations.visibility])
        np.savetxt(gt / "gt.txt", rows, "%g", ",")
        write_trajectories(tmp_path / "tracks" / "ours" / "data" / f"S{seed:02}.txt", trajectories)
        ours[f"S{seed:02}"] = official.evaluate(annotations, trajectories, LENGTH, protocol)
    theirs = by_files(tmp_path, dict.fromkeys(ours, LENGTH), protocol)
    for name, result in ours.items():
        assert_equal(result, theirs[name])
    assert_equal(official.combine(ours), theirs["COMBINED_SEQ"])
    assert theirs["COMBINED_SEQ"]["CLEAR"]["IDSW"] > 0


def test_real_sequences_score_bit_for_bit_as_from_files(data_dir: Path, mot17_dir: Path, tmp_path: Path) -> None:
    sequences = MotChallenge(mot17_dir, "train", "val", "MOT17-*[59]-FRCNN").sequences()
    assert len(sequences) == 2
    (tmp_path / "tracks" / "ours" / "data").mkdir(parents=True)
    ours = {}
    for sequence in sequences:
        (tmp_path / "gt" / sequence.name / "gt").mkdir(parents=True)
        shutil.copy(data_dir / "expected" / "val_half_gt" / f"{sequence.name}.txt", tmp_path / "gt" / sequence.name / "gt" / "gt.txt")
        results = tmp_path / "tracks" / "ours" / "data" / f"{sequence.name}.txt"
        trajectories = read_trajectories(data_dir / "expected" / "tracks" / "byte_paper" / results.name, sequence.length)
        write_trajectories(results, trajectories)
        ours[sequence.name] = official.evaluate(read_annotations(sequence), trajectories, sequence.length, "mot17")
    theirs = by_files(tmp_path, {sequence.name: sequence.length for sequence in sequences}, "mot17")
    for name, result in ours.items():
        assert_equal(result, theirs[name])
    assert_equal(official.combine(ours), theirs["COMBINED_SEQ"])


def test_one_switch_in_ten_frames_is_counted_by_hand() -> None:
    frames = list(range(1, 11))
    found = official.figures(official.evaluate(one_object(frames), tracked(frames, [1] * 6 + [2] * 4), 10, "mot17"))
    assert (found["IDSW"], found["TP"], found["FP"], found["FN"]) == (1, 10, 0, 0)
    assert found["MOTA"] == pytest.approx(100 * (1 - 1 / 10))
    assert found["IDF1"] == pytest.approx(100 * 2 * 6 / 20)
    assert found["DetA"] == 100
    assert found["AssA"] == pytest.approx(100 * (6 * 6 / 10 + 4 * 4 / 10) / 10)
    assert found["HOTA"] == pytest.approx(100 * (52 / 100) ** 0.5)
    assert found["per_alpha"]["alpha"][0] == 0.05
    assert len(found["per_alpha"]["HOTA"]) == 19


def test_a_box_on_a_distractor_is_forgiven_by_mot17_and_not_by_mot15() -> None:
    statue = one_object([1, 2], classes=7)
    annotations = Annotations(statue.frame_id, statue.track_id, statue.tlwh, np.zeros(2, bool), statue.class_id, statue.visibility)
    count = {p: official.figures(official.evaluate(annotations, tracked([1, 2], [1, 1]), 2, p))["FP"] for p in ("mot15", "mot17", "mot20")}
    assert count == {"mot15": 2, "mot17": 0, "mot20": 0}


def test_vehicles_are_forgiven_by_mot20_only() -> None:
    count = {p: official.figures(official.evaluate(one_object([1], classes=6), tracked([1], [1]), 1, p))["FP"] for p in ("mot17", "mot20")}
    assert count == {"mot17": 1, "mot20": 0}


def test_ids_of_any_size_are_scored() -> None:
    found = official.figures(official.evaluate(one_object([1, 2]), tracked([1, 2], [2**53, 0]), 2, "mot17"))
    assert (found["IDSW"], found["tracks"]) == (1, 2)


def test_no_results_and_no_ground_truth_have_scores() -> None:
    nothing = official.figures(official.evaluate(one_object([1, 2]), NO_TRAJECTORIES, 2, "mot17"))
    assert (nothing["MOTA"], nothing["HOTA"], nothing["FN"], nothing["frames"]) == (0, 0, 2, 2)
    invented = official.figures(official.evaluate(NO_ANNOTATIONS, tracked([1], [1]), 2, "mot17"))
    assert (invented["FP"], invented["FN"]) == (1, 0)
    empty = official.evaluate(NO_ANNOTATIONS, NO_TRAJECTORIES, 2, "mot17")
    assert official.figures(official.combine({"a": empty, "b": empty}))["frames"] == 4


def test_unknown_classes_and_results_of_other_classes_are_value_errors() -> None:
    with pytest.raises(ValueError, match=r"the ground truth has class 14, and mot17 knows 1 \(pedestrian\) to 13"):
        official.evaluate(one_object([1], classes=14), tracked([1], [1]), 1, "mot17")
    car = Trajectories(np.array([1]), np.array([1]), np.ones((1, 4)), np.ones(1), np.array([3]))
    with pytest.raises(ValueError, match=r"Non pedestrian class \(3\) found"):
        official.evaluate(one_object([1]), car, 1, "mot17")
