"""benchmarks/grounds.py: its grounds are commands of tools/track.py, and its figures are theirs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import grounds
from bytetrack.config import compose
from bytetrack.config.named import make
from bytetrack.pipeline import TrackerFactory, track_sequence
from bytetrack.scoring import score_sequence, summarise
from bytetrack.structures import Trajectories


@pytest.mark.parametrize("ground", grounds.GROUNDS)
def test_the_words_of_every_ground_compose(ground: str, tmp_path: Path) -> None:
    assert str(tmp_path) in str(compose("track", grounds.words_of(ground, tmp_path)).dataset.root)


def test_the_table_says_what_each_tracker_gains_and_where_it_loses_most() -> None:
    first = {"a": np.array([[50.0, 60.0, 70.0]]), "b": np.array([[40.0, 40.0, 40.0], [42.0, 42.0, 42.0]])}
    second = {"a": np.array([[51.0, 60.0, 68.0]]), "b": np.array([[44.0, 44.0, 44.0]])}
    lines = grounds.table({"byte": first, "other": second})
    assert lines[2] == "| a | 50.00 / 60.00 / 70.00 | 51.00 / 60.00 / 68.00 (+1.00 / +0.00 / -2.00) |"
    assert lines[4:] == ["| mean difference | | +2.00 / +1.50 / +0.50 |", "| worst difference | | +1.00 / +0.00 / -2.00 |"]


def test_the_plain_table_shows_where_another_tracker_is_ahead() -> None:
    ours = {"a": np.array([[50.0, 60.0, 70.0]]), "b": np.array([[40.0, 40.0, 40.0]])}
    other = {"a": np.array([[51.0, 60.0, 71.0]]), "b": np.array([[39.0, 41.0, 40.004]])}
    third = {"a": np.array([[52.0, 59.0, 69.0]]), "b": np.array([[38.0, 40.5, 30.0]])}
    lines = grounds.plain_table({"other": other, "byte_plus": ours, "third": third})
    assert lines[0] == "| | other | byte_plus | third |"
    assert lines[2] == "| a | 51.00 / 60.00 / **71.00** | 50.00 / 60.00 / 70.00 | **52.00** / 59.00 / 69.00 |"
    assert lines[3] == "| b | 39.00 / **41.00** / 40.00 | 40.00 / 40.00 / 40.00 | 38.00 / 40.50 / 30.00 |"


@pytest.mark.slow
@pytest.mark.parametrize(("ground", "place"), [("pets09", 0), ("kitti yolox", 1), ("sdp", 3)])
def test_a_row_is_what_trackeval_says_of_the_same_tracks(data_dir: Path, ground: str, place: int) -> None:
    loaded, settings = grounds.load(ground, data_dir, None), grounds.settings_of("byte")
    scene = loaded.scenes[place]
    alone = grounds.Ground([scene], loaded.filters).score(settings, (0,))
    found = track_sequence(scene.frames(0), TrackerFactory(make, settings)(scene.sequence), *loaded.filters)
    found = Trajectories(found.frame_id, found.track_id, np.round(found.tlwh, 1), found.score, found.class_id)
    protocol = {"pets09": "mot15", "kitti yolox": "kitti", "sdp": "mot17"}[ground]
    scores = summarise({"one": score_sequence(scene.annotations, found, scene.sequence.length, protocol, scene.sequence.class_names)})
    for row, figures in alone.items():
        theirs = scores["classes"][row]["COMBINED"] if row else scores["trackeval"]["COMBINED"]
        assert figures[0] == pytest.approx([theirs["HOTA"], theirs["MOTA"], theirs["IDF1"]], abs=1e-6)


@pytest.mark.slow
def test_the_two_halves_share_no_sequence_and_are_all(data_dir: Path) -> None:
    names = {half: {scene.sequence.name for scene in grounds.load("kitti rrc", data_dir, half).scenes} for half in ("even", "odd", None)}
    assert names["even"].isdisjoint(names["odd"])
    assert names["even"] | names["odd"] == names[None]
