"""Sequences in which nobody is labelled, or nobody is tracked: the others' figures stay, and no figure is invented."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bytetrack.scoring import score_sequence, summarise
from bytetrack.structures import Annotations, Trajectories

FRAMES = 20


def truth(frames: int, considered: bool = True) -> Annotations:
    """One person who stands for so many frames."""
    ones = np.ones(frames, np.int64)
    return Annotations(np.arange(1, frames + 1), ones, boxes(frames), ones == considered, ones, np.ones(frames))


def found(frames: int) -> Trajectories:
    return Trajectories(np.arange(1, frames + 1), np.ones(frames, np.int64), boxes(frames), np.ones(frames))


def boxes(frames: int) -> np.ndarray:
    return np.tile([10.0, 10, 40, 100], (frames, 1))


@pytest.mark.parametrize("nobody", [truth(0), truth(FRAMES, considered=False)], ids=["empty", "conf 0"])
def test_tracks_where_nobody_is_labelled_are_false_positives_of_all_sequences_together(nobody: Annotations) -> None:
    full = score_sequence(truth(FRAMES), found(10), FRAMES, "mot15")
    scores = summarise({"full": full, "nobody": score_sequence(nobody, found(FRAMES), FRAMES, "mot15")})
    json.dumps(scores, allow_nan=False)
    assert scores["trackeval"]["full"]["MOTA"] == scores["motmetrics"]["full"]["MOTA"] == 50
    for scorer, together in (("trackeval", "COMBINED"), ("motmetrics", "OVERALL")):
        combined, alone = scores[scorer][together], scores[scorer]["nobody"]
        assert (combined["MOTA"], combined["FP"], combined["FN"]) == (100 * (10 - 20) / 20, 20, 10)
        assert (alone["MOTA"], alone["FP"], alone["gt_boxes"]) == (None, 20, 0)
        assert combined["MOTP"] == 100  # of the ten matches there are


@pytest.mark.parametrize("tracked", [0, FRAMES])
def test_without_any_label_there_are_counts_and_no_percentages(tracked: int) -> None:
    scores = summarise({"nobody": score_sequence(truth(0), found(tracked), FRAMES, "mot17")})
    json.dumps(scores, allow_nan=False)
    combined = scores["trackeval"]["COMBINED"]
    assert (combined["MOTA"], combined["HOTA"], combined["per_alpha"], combined["FP"]) == (None, None, None, tracked)
    assert scores["motmetrics"]["OVERALL"]["MOTA"] is None


def test_a_sequence_of_one_frame_is_scored() -> None:
    scores = summarise({"one": score_sequence(truth(1), found(1), 1, "mot15")})
    assert scores["trackeval"]["COMBINED"]["HOTA"] == scores["motmetrics"]["OVERALL"]["MOTA"] == 100
