"""Published runs, both protocols, to the digits of expected/scores.json."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bytetrack.data.datasets import MotChallenge
from bytetrack.io import read_annotations, read_trajectories
from bytetrack.scoring import score_sequence, summarise

RUNS = ["byte_paper", "byte_late_removal_fixed", "byte_paper_mot20_match07", "byte_paper_interpolated", "sort"]


@pytest.mark.parametrize("run", [RUNS[0], *(pytest.param(run, marks=pytest.mark.slow) for run in RUNS[1:])])
def test_published_runs_score_as_published(data_dir: Path, mot17_dir: Path, run: str) -> None:
    expected = json.loads((data_dir / "expected" / "scores.json").read_text())[run]
    sequences = MotChallenge(mot17_dir, "train", "val", "*-FRCNN", "mot17").sequences()
    scores = {}
    for sequence in sequences:
        trajectories = read_trajectories(data_dir / "expected" / "tracks" / run / f"{sequence.name}.txt", sequence.length)
        scores[sequence.name] = score_sequence(read_annotations(sequence), trajectories, sequence.length, "mot17")
    found = summarise(scores)
    for name, figures in expected["trackeval"].items():
        ours = found["trackeval"]["COMBINED" if name == "COMBINED_SEQ" else name]
        assert {key: ours[key] for key in figures} == pytest.approx(figures, abs=0.00051), name
    assert set(found["trackeval"]) == {"COMBINED", *(sequence.name for sequence in sequences)}
    overall = found["motmetrics"]["OVERALL"]
    assert {key: overall[key] for key in expected["motmetrics_overall"]} == pytest.approx(expected["motmetrics_overall"], abs=0.00051)
    assert list(found["motmetrics"]) == ["OVERALL", *(sequence.name for sequence in sequences)]
    json.dumps(found, allow_nan=False)


def test_the_scorers_load_and_speak_only_when_used() -> None:
    code = (
        "import sys, bytetrack.scoring; assert not {'trackeval', 'motmetrics', 'pandas'} & set(sys.modules);"
        "import bytetrack.scoring.official, bytetrack.scoring.paper; assert 'trackeval' in sys.modules"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (found.stdout, found.stderr) == ("", "")
