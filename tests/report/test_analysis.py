"""The report's matching is CLEAR's: counted by hand, held to TrackEval on random scenes and on MOT17."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bytetrack.data.datasets import MotChallenge
from bytetrack.io import read_annotations, read_trajectories
from bytetrack.report.analysis import SequenceMatch, Span, match_sequence
from bytetrack.report.switches import find_switches, unpaired, worst
from bytetrack.scoring import score_sequence, summarise
from tests.report.report_scenes import FRAMES, Scene, four_people, random_scene


def _match(scene: Scene, tmp_path: Path) -> SequenceMatch:
    sequence = scene.write(tmp_path, tmp_path, "one")
    return match_sequence(read_annotations(sequence), read_trajectories(tmp_path / "tracks" / "one.txt"), sequence.length)


def test_misses_false_positives_switches_and_fragments_are_those_counted_by_hand(tmp_path: Path) -> None:
    match = _match(four_people(), tmp_path)
    assert np.flatnonzero(match.misses).tolist() == [3, 4]
    assert match.false_positives.tolist() == [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    assert match.fragments == 1
    assert [(s.gt_id, s.frame, s.old_id, s.new_id) for s in find_switches(match, "one")] == [(1, 7, 1, 2), (2, 7, 2, 1), (4, 9, 4, 9)]


def test_runs_cut_where_the_id_changes_and_where_the_person_is_missed(tmp_path: Path) -> None:
    runs = _match(four_people(), tmp_path).runs()
    assert runs[1] == [Span(1, 6, 1), Span(7, 6, 2)]
    assert runs[3] == [Span(1, 3, 3), Span(4, 2, -1), Span(6, 7, 3)]
    assert runs[3][1].end == 5


def test_a_run_ends_where_the_person_leaves_the_ground_truth(tmp_path: Path) -> None:
    rows = [(frame, 1, 50.0) for frame in (1, 2, 5, 6)]
    assert _match(Scene(rows, rows), tmp_path).runs()[1] == [Span(1, 2, 1), Span(5, 2, 1)]


def test_kinds_tell_an_exchange_from_a_fresh_id_and_from_a_handover(tmp_path: Path) -> None:
    by_person = {s.gt_id: s for s in find_switches(_match(four_people(), tmp_path), "one")}
    assert (by_person[1].kind, by_person[1].other_gt) == ("swap", 2)
    assert (by_person[4].kind, by_person[4].other_gt) == ("fresh", -1)
    truth = [(frame, person, 100.0 * person) for frame in range(1, 9) for person in (1, 2)]
    # Track 5 leaves person 1 in frame 4 for person 2, who had none: person 2 has no switch, person 1 goes on under 6.
    result = [(frame, 5, 100.0) for frame in (1, 2, 3)] + [row for f in range(4, 9) for row in ((f, 5, 200.0), (f, 6, 100.0))]
    (switch,) = find_switches(_match(Scene(truth, result), tmp_path), "one")
    assert (switch.gt_id, switch.kind, switch.other_gt) == (1, "handover", 2)


def test_the_worst_switches_are_ranked_by_the_shorter_side_and_an_exchange_stands_once(tmp_path: Path) -> None:
    found = find_switches(_match(four_people(), tmp_path), "one")
    assert [(s.gt_id, s.before, s.after, s.severity) for s in found] == [(1, 6, 6, 12), (2, 6, 6, 12), (4, 8, 4, 4)]
    assert [s.gt_id for s in worst(found, 5)] == [1, 4]
    assert [s.gt_id for s in worst(found, 1)] == [1]


def test_switches_of_two_runs_are_the_same_when_they_strike_one_person_within_ten_frames(tmp_path: Path) -> None:
    found = find_switches(_match(four_people(), tmp_path), "one")
    moved = [replace(switch, frame=switch.frame + shift, new_id=99) for switch, shift in zip(found, (0, 10, 11), strict=True)]
    only_first, only_second = unpaired(found, moved)
    assert (only_first, only_second) == (found[2:], moved[2:])
    assert unpaired(found, []) == (found, [])
    twice = [replace(found[0], frame=8), replace(found[0], frame=9)]
    assert unpaired(found[:1], twice) == ([], twice[1:])


def test_a_pair_of_the_previous_frame_is_kept_although_another_box_overlaps_more(tmp_path: Path) -> None:
    truth = [(1, 1, 50.0), (2, 1, 50.0)]
    match = _match(Scene(truth, [(1, 7, 50.0), (2, 7, 54.0), (2, 8, 50.0)]), tmp_path)
    assert match.gt_pred.tolist() == [7, 7]
    assert match.pred_gt.tolist() == [1, 1, -1]


def test_predictions_on_distractors_are_left_out_except_under_mot15(tmp_path: Path) -> None:
    gt, tracks = tmp_path / "gt.txt", tmp_path / "tracks.txt"
    gt.write_text("1,1,0,0,20,50,1,1,1\n1,2,100,0,20,50,0,8,1\n")
    tracks.write_text("1,1,0,0,20,50,1,-1,-1,-1\n1,2,100,0,20,50,1,-1,-1,-1\n")
    arguments = read_annotations(gt), read_trajectories(tracks), 1
    assert match_sequence(*arguments, "mot17").pred_id.tolist() == [1]
    assert match_sequence(*arguments, "mot15").false_positives.tolist() == [1]
    with pytest.raises(ValueError, match="protocol must be one of mot15, mot17, mot20, kitti, bdd100k, visdrone: got 'mot99'"):
        match_sequence(*arguments, "mot99")


def test_empty_results_and_empty_ground_truth_match_nothing(tmp_path: Path) -> None:
    truth = [(1, 1, 50.0), (3, 1, 50.0)]
    assert _match(Scene(truth, []), tmp_path).misses.sum() == 2
    nobody = _match(Scene([], truth), tmp_path)
    assert nobody.false_positives.sum() == 2
    assert nobody.runs() == {}
    assert find_switches(nobody, "one") == []


@pytest.mark.parametrize("seed", range(25))
def test_counts_equal_trackeval_on_random_scenes(seed: int, tmp_path: Path) -> None:
    sequence = random_scene(seed).write(tmp_path, tmp_path, "one")
    truth, result = read_annotations(sequence), read_trajectories(tmp_path / "tracks" / "one.txt")
    match = match_sequence(truth, result, FRAMES)
    official = summarise({"one": score_sequence(truth, result, FRAMES, "mot17")})["trackeval"]["one"]
    assert sum(run.length for row in match.runs().values() for run in row) == len(match.gt_id)
    assert np.sum(match.gt_pred >= 0) == np.sum(match.pred_gt >= 0)
    ours = {"IDSW": len(find_switches(match, "one")), "FP": match.false_positives.sum(), "FN": match.misses.sum(), "Frag": match.fragments}
    assert ours == {name: official[name] for name in ours}


@pytest.mark.slow
def test_counts_equal_trackeval_on_every_sequence_of_mot17_half_val(mot17_dir: Path, data_dir: Path) -> None:
    total = np.zeros(3, int)
    for sequence in MotChallenge(mot17_dir, "train", "val", "MOT17-*", "mot17").sequences():
        truth = read_annotations(sequence)
        result = read_trajectories(data_dir / "expected" / "tracks" / "byte_paper" / f"{sequence.name}.txt", sequence.length)
        match = match_sequence(truth, result, sequence.length, "mot17")
        official = summarise({"one": score_sequence(truth, result, sequence.length, "mot17")})["trackeval"]["one"]
        counts = [len(find_switches(match, sequence.name)), match.false_positives.sum(), match.misses.sum(), match.fragments]
        assert counts == [official[name] for name in ("IDSW", "FP", "FN", "Frag")], sequence.name
        total += counts[:3]
    assert total.tolist() == [170, 2537, 9262]
