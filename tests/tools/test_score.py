"""`tools/score.py` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tools.one_line import failed

DATASET = ("dataset=motchallenge", "dataset.subset=train", "dataset.protocol=mot17", "workers=1")


@pytest.fixture
def results(tiny: Path) -> Path:
    """Perfect results for both sequences."""
    folder = tiny / "results"
    folder.mkdir()
    for name in "AB":
        rows = [line.split(",") for line in (tiny / "train" / name / "gt" / "gt.txt").read_text().splitlines()]
        (folder / f"{name}.txt").write_text("".join(f"{','.join(row[:6])},1,-1,-1,-1\n" for row in rows if row[6] == "1"))
    return folder


def test_result_files_are_scored_and_kept_in_the_run(verb_here, tiny: Path, results: Path, tmp_path: Path) -> None:
    process = verb_here("score", *DATASET, f"dataset.root={tiny}", f"tracks={results}", "out=run")
    assert process.returncode == 0, process.stderr
    out = tmp_path / "working" / "run"
    scores = json.loads((out / "scores.json").read_text())
    assert (scores["trackeval"]["COMBINED"]["HOTA"], scores["motmetrics"]["OVERALL"]["MOTA"]) == (100, 100)
    assert sorted(path.name for path in out.iterdir()) == ["config.yaml", "report.html", "scores.json", "tracks"]
    assert (out / "tracks" / "A.txt").read_text() == (results / "A.txt").read_text()
    again = verb_here("score", *DATASET, f"dataset.root={tiny}", "tracks=run", "out=again", "compare=run")
    assert again.returncode == 0, again.stderr
    assert (out.parent / "again" / "scores.json").read_text() == (out / "scores.json").read_text()


def test_a_file_of_no_sequence_is_warned_of(verb_here, tiny: Path, results: Path) -> None:
    (results / "C.txt").touch()
    process = verb_here("score", *DATASET, f"dataset.root={tiny}", f"tracks={results}", "out=run")
    assert process.returncode == 0, process.stderr
    assert "as the dataset has no such sequence: C" in process.stderr


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,2,3,4", "got 4: '1,2,3,4'"),
        ("1,1,10,20,30,40,1,-1,-1,-1", "expected every id once in a frame"),
        ("7,1,10,20,30,40,1,-1,-1,-1", "expected a frame within the sequence's 1..6"),
        ("6,9,nan,20,30,40,1,-1,-1,-1", "expected finite numbers"),
    ],
)
def test_a_wrong_result_file_is_named_and_nothing_is_scored(
    verb_here, tiny: Path, results: Path, tmp_path: Path, line: str, message: str
) -> None:
    path = results / "B.txt"
    path.write_text(f"{path.read_text()}{line}\n")
    found = failed(verb_here("score", *DATASET, f"dataset.root={tiny}", f"tracks={results}", "out=run"))
    assert found.startswith(f"{path}:13: ")
    assert message in found
    assert not (tmp_path / "working" / "run" / "scores.json").exists()


def test_a_missing_result_file_is_named(verb_here, tiny: Path, results: Path, tmp_path: Path) -> None:
    (results / "B.txt").unlink()
    found = failed(verb_here("score", *DATASET, f"dataset.root={tiny}", f"tracks={results}", "out=run"))
    assert found == f"{results} lacks B (1 of 2 result files): nothing was scored"
    assert "tracks must be given" in failed(verb_here("score", *DATASET, f"dataset.root={tiny}"))
    assert not (tmp_path / "working" / "run").exists()


def test_a_sequence_without_labels_costs_no_other_its_scores(verb_here, tiny: Path, results: Path) -> None:
    (tiny / "train" / "B" / "gt" / "gt.txt").write_text("")
    process = verb_here("score", *DATASET, f"dataset.root={tiny}", f"tracks={results}", "out=run")
    assert process.returncode == 0, process.stderr
    assert "no box to score in the ground truth (empty, or conf 0 throughout); only false positives count: B" in process.stderr
    scores = json.loads(Path("run/scores.json").read_text())["trackeval"]
    assert (scores["A"]["HOTA"], scores["B"]["HOTA"], scores["COMBINED"]["FP"]) == (100, None, 12)
    assert "all sequences" in process.stdout
    assert "Without labelled boxes, so without percentages: B." in " ".join(Path("run/report.html").read_text().split())
