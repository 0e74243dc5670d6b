"""The search: reproducible for a seed, whatever the workers and interruptions; and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bytetrack.config import build
from bytetrack.structures import Sequence, SequenceDetections
from bytetrack.tuning.evaluation import best_trial, evaluate
from bytetrack.tuning.replay import Replay, WorkerPool, jittered
from bytetrack.tuning.search import SearchPlan, parse_objective, search
from bytetrack.tuning.space import read_space, with_values

pytest.importorskip("optuna")

SETTINGS: dict[str, Any] = {
    "_target_": "bytetrack.ByteTracker",
    "high_score": 0.6,
    "low_score": 0.1,
    "new_track_score": 0.7,
    "match_cost": 0.9,
}
SPACE = {"high_score": {"low": 0.3, "high": 0.9, "step": 0.1}, "match_cost": {"low": 0.5, "high": 0.95}}


class Given:
    """Detections as a detector says them: three people walk, one of them with low scores."""

    def detect_sequence(self, sequence: Sequence) -> SequenceDetections:
        rows = [[10 + 60 * i + 3 * f, 20, 40 + 60 * i + 3 * f, 90] for f in range(sequence.length) for i in range(3)]
        score = np.tile([0.9, 0.65, 0.45], sequence.length)
        return SequenceDetections(np.array(rows, float), score, np.arange(0, 3 * sequence.length + 1, 3))


@pytest.fixture
def replay(tmp_path: Path) -> Replay:
    sequences = []
    for name in "AB":
        lines = [f"{f + 1},{i + 1},{10 + 60 * i + 3 * f},20,30,70,1,1,1\n" for f in range(12) for i in range(3)]
        (tmp_path / f"{name}.txt").write_text("".join(lines))
        sequences.append(Sequence(name, 12, 30, 400, 200, ground_truth=tmp_path / f"{name}.txt"))
    return Replay(sequences, Given(), "mot17")


def plan(trials: int = 6, **changes: Any) -> SearchPlan:
    return SearchPlan(SETTINGS, read_space(SPACE, SETTINGS), ("HOTA",), trials, **{"copies": 1, **changes})


def run(replay: Replay, out: Path, plan: SearchPlan, workers: int = 1) -> list[Any]:
    out.mkdir(exist_ok=True)
    with WorkerPool(replay, build, None, workers) as pool:
        return search(plan, pool, ["A", "B"], {}, out)


def test_an_interrupted_search_goes_on_as_if_it_had_not_been(replay: Replay, tmp_path: Path) -> None:
    whole = run(replay, tmp_path / "whole", plan(25))
    run(replay, tmp_path / "parts", plan(3))
    journal = tmp_path / "parts" / "study.journal"
    journal.write_bytes(journal.read_bytes() + b'{"op_code":4,"worker')  # killed in the middle of a line
    run(replay, tmp_path / "parts", plan(9))
    assert run(replay, tmp_path / "parts", plan(25)) == whole
    assert whole[0].params == {"high_score": 0.6, "match_cost": 0.9}
    assert len({str(trial.params) for trial in whole}) > 10


def test_a_trial_under_way_when_killed_is_asked_for_again(replay: Replay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(replay, tmp_path / "whole", plan(5))
    calls = iter(range(100))
    copies = WorkerPool.copies

    def stop_at_third(self: WorkerPool, *arguments: Any) -> Any:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return copies(self, *arguments)

    monkeypatch.setattr(WorkerPool, "copies", stop_at_third)
    with pytest.raises(KeyboardInterrupt):
        run(replay, tmp_path / "stopped", plan(5))
    assert run(replay, tmp_path / "stopped", plan(5)) == whole


@pytest.mark.slow
def test_the_number_of_workers_does_not_matter(replay: Replay, tmp_path: Path) -> None:
    assert run(replay, tmp_path / "one", plan(8)) == run(replay, tmp_path / "two", plan(8), workers=2)


def test_a_search_of_something_else_is_not_resumed(replay: Replay, tmp_path: Path) -> None:
    run(replay, tmp_path / "out", plan(1))
    with pytest.raises(ValueError, match=r"holds a search with another seed: 0 there, 1 now; set another out"):
        run(replay, tmp_path / "out", plan(1, seed=1))


def test_settings_that_contradict_each_other_are_pruned(replay: Replay, tmp_path: Path) -> None:
    impossible = SearchPlan(SETTINGS, read_space({"low_score": {"low": 0.7, "high": 0.9}}, SETTINGS), ("HOTA",), 2, copies=0)
    trials = run(replay, tmp_path / "out", impossible)
    assert [trial.pruned for trial in trials] == [True, True]
    with pytest.raises(ValueError, match="no trial was scored to the end"):
        best_trial(trials)


def test_the_winner_finds_whom_the_default_misses(replay: Replay, tmp_path: Path) -> None:
    searched = plan(30)
    (tmp_path / "out").mkdir()
    with WorkerPool(replay, build, None, 1) as pool:
        trials = search(searched, pool, ["A", "B"], {}, tmp_path / "out")
        evaluation = evaluate(searched, trials, pool, ["A", "B"], fresh=2)
    rows = {name: found for name, _, found in evaluation.rows}
    assert rows["default"].mean["FN"] >= rows["tuned"].mean["FN"]
    assert evaluation.gain >= 0
    assert [row["sequence"] for row in evaluation.left_out] == ["A", "B"]
    assert evaluation.fresh == 2


def test_jitter_is_the_same_for_a_seed_and_of_the_stated_size() -> None:
    rng = np.random.default_rng(0)
    corner, score = rng.uniform(0, 500, (20_000, 2)), np.full(20_000, 0.5)
    detections = SequenceDetections(np.hstack([corner, corner + np.array([50, 120])]), score, np.array([0, 20_000]))
    moved = jittered(detections, "A", 3, seed=1)
    assert (moved.xyxy - detections.xyxy).std() == pytest.approx(0.004 * 50, rel=0.02)
    assert (moved.score - score).std() == pytest.approx(0.006, rel=0.02)
    assert np.array_equal(moved.xyxy, jittered(detections, "A", 3, seed=1).xyxy)
    for other in (jittered(detections, "B", 3, 1), jittered(detections, "A", 2, 1), jittered(detections, "A", 3, 2)):
        assert not np.array_equal(moved.xyxy, other.xyxy)
    assert jittered(detections, "A", 0, 1) is detections


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({}, "no search space"),
        ({"match_thresh": {"low": 0, "high": 1}}, "space.match_thresh: the tracker has no such setting; it has high_score, low_score"),
        ({"match_cost": {"low": 0.9, "high": 0.1}}, "with low < high"),
        ({"match_cost": [0.1, 0.9]}, "space.match_cost: expected {low: NUMBER"),
        ({"match_cost": {"low": 0, "high": 1, "log": True}}, "a logarithmic range starts above 0"),
        ({"match_cost": {"choices": [1]}}, "at least two"),
    ],
)
def test_a_wrong_space_is_one_line(space: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match="space") as caught:
        read_space(space, SETTINGS)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_values_find_their_places_and_the_settings_stay() -> None:
    settings = {"a": 1, "b": {"c": 2, "d": 3}}
    assert with_values(settings, {"a": 5, "b.c": 6}) == {"a": 5, "b": {"c": 6, "d": 3}}
    assert settings == {"a": 1, "b": {"c": 2, "d": 3}}


def test_objectives_are_percentages() -> None:
    assert parse_objective("HOTA+IDF1") == ("HOTA", "IDF1")
    with pytest.raises(ValueError, match="objective must be one of HOTA, DetA, AssA, MOTA, IDF1"):
        parse_objective("IDSW")
