"""Sequences to result files to scores, in one process and in many."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bytetrack import Detections, FormatError, MissingDataError, Sequence, SequenceDetections, Tracks
from bytetrack import pipeline as p
from bytetrack.executors import Processes
from bytetrack.io import read_trajectories
from bytetrack.score_counts import read_counts
from tests.video.films import EVEN, film

ROOT = Path(__file__).resolve().parent.parent


class Echo:
    """A tracker whose ids are the row numbers, descending."""

    def __init__(self, first_id: int = 1, frame_rate: float | None = None) -> None:
        self.first_id, self.frame_rate, self.sizes = first_id, frame_rate, []

    def update(self, detections: Detections) -> Tracks:
        n = len(detections)
        self.sizes.append(n)
        ids = np.arange(self.first_id + n - 1, self.first_id - 1, -1)
        return Tracks(detections.xyxy, ids, detections.score, detections.class_id, np.arange(n))


def build_echo(settings: dict[str, Any]) -> Echo:
    return Echo(**settings)


@dataclass(frozen=True)
class Fixed:
    """Two boxes in every frame but the second, where the sequence's name places them."""

    def detect_sequence(self, sequence: Sequence) -> SequenceDetections:
        left = float(len(sequence.name))
        both = Detections([[left, 0, left + 20, 40], [50, 0, 70, 40]], [0.9, 0.8])
        return SequenceDetections.from_frames([Detections.empty() if i == 1 else both for i in range(sequence.length)])


def make_sequences(folder: Path, lengths: list[int]) -> list[Sequence]:
    sequences = []
    for number, length in enumerate(lengths):
        path = folder / f"S{'x' * number}.gt.txt"
        path.write_text("".join(f"{frame},1,1,0,20,40,1,1,1\n{frame},2,50,0,20,40,1,1,1\n" for frame in range(1, length + 1)))
        sequences.append(Sequence(f"S{'x' * number}", length, 30, 100, 100, ground_truth=path, last_frame=length))
    return sequences


def job(out: Path) -> p.TrackJob:
    return p.TrackJob(Fixed(), p.TrackerFactory(build_echo, {"first_id": 1, "frame_rate": None}), out / "tracks", "mot17")


@pytest.mark.parametrize("own", [1e308, {"A": 3}, {"A": "text"}])
def test_settings_of_a_sequence_that_are_none_are_refused_in_a_line(own: Any) -> None:
    factory = p.TrackerFactory(build_echo, {"first_id": 1, "frame_rate": None}, own)
    with pytest.raises(ValueError, match=r"^per_sequence must be {SEQUENCE: {setting: value}}: got .* for A$"):
        factory(Sequence("A", 3, 30.0, 100, 100))


def test_every_frame_reaches_the_tracker_and_rows_come_by_frame_then_id() -> None:
    tracker = Echo()
    found = p.track_sequence(Fixed().detect_sequence(Sequence("abc", 3, 30, 9, 9)), tracker)
    assert tracker.sizes == [2, 0, 2]
    assert found.frame_id.tolist() == [1, 1, 3, 3]
    assert found.track_id.tolist() == [1, 2, 1, 2]
    assert found.tlwh.tolist() == [[50, 0, 20, 40], [3, 0, 20, 40]] * 2
    assert found.score.tolist() == [0.8, 0.9] * 2
    assert found.class_id is None


def test_the_filter_drops_small_and_wide_boxes_after_tracking() -> None:
    # areas 100, 101 and 6400 at most as wide as high, then widths 16 and 16.01 tenths of the height
    boxes = [[0, 0, 10, 10], [0, 0, 10, 10.1], [0, 0, 40, 160], [0, 0, 16, 10], [0, 0, 16.01, 10]]
    detections = [Detections(boxes, [0.9] * 5, class_id=[1, 2, 3, 4, 5])]
    kept = p.track_sequence(detections, Echo(), min_box_area=100, max_aspect_ratio=1.6)
    assert kept.class_id is not None
    assert sorted(kept.class_id.tolist()) == [2, 3, 4]
    assert len(p.track_sequence(detections, Echo())) == 5


def test_no_frames_and_no_boxes_give_no_rows() -> None:
    assert p.track_sequence([], Echo()).tlwh.shape == (0, 4)
    assert p.track_sequence([Detections.empty()], Echo(), 100, 1.6).tlwh.shape == (0, 4)


def test_a_tracker_gets_its_sequences_settings_and_frame_rate() -> None:
    build: Any = p.TrackerFactory  # the trackers it makes are Echo
    factory = build(build_echo, {"first_id": 1, "frame_rate": None}, {"B": {"first_id": 7}, "C": {"frame_rate": 5}, "D": None})
    made = {name: factory(Sequence(name, 1, 14, 9, 9)) for name in "ABCD"}
    assert {name: (tracker.first_id, tracker.frame_rate) for name, tracker in made.items()} == {
        "A": (1, 14), "B": (7, 14), "C": (1, 5), "D": (1, 14)
    }  # fmt: skip
    assert build(build_echo, {"first_id": 1, "frame_rate": 30})(Sequence("A", 1, 14, 9, 9)).frame_rate == 30
    assert build(build_echo, {"first_id": 1})(Sequence("A", 1, 14, 9, 9)).frame_rate is None


def test_results_do_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    sequences = make_sequences(tmp_path, [3, 9, 5, 4])
    found = {}
    for workers in (1, 2, 4):
        out = tmp_path / str(workers)
        scores = p.score_sequences(job(out), sequences, out, Processes(workers))
        assert json.loads((out / "scores.json").read_text()) == scores
        found[workers] = {path.relative_to(out): path.read_bytes() for path in sorted(out.rglob("*.*"))}
    assert found[1] == found[2] == found[4]
    assert len(found[1]) == 9
    assert list(json.loads(found[1][Path("scores.json")])["trackeval"]) == ["COMBINED", "S", "Sx", "Sxx", "Sxxx"]


def test_a_sequence_without_ground_truth_is_tracked_and_not_scored(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    scored, _ = sequences = [*make_sequences(tmp_path, [3]), Sequence("T", 3, 30, 9, 9)]
    with caplog.at_level(logging.WARNING, "bytetrack"):
        scores = p.score_sequences(job(tmp_path), sequences, tmp_path, Processes(1))
        assert scores is not None
        assert list(scores["trackeval"]) == ["COMBINED", scored.name]
        assert p.score_sequences(job(tmp_path), sequences[1:], tmp_path, Processes(1)) is None
    assert "not scored: T" in caplog.text
    assert (tmp_path / "tracks" / "T.txt").is_file()
    assert not (tmp_path / "scores.json").exists()  # those of the first run were of other tracks


@dataclass(frozen=True)
class Broken(Fixed):
    def detect_sequence(self, sequence: Sequence) -> SequenceDetections:
        if sequence.name == "Sx":
            raise FormatError("det.txt:3: expected numbers, got 'x'")
        return super().detect_sequence(sequence)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_wrong_file_stops_the_run_and_leaves_no_scores_of_other_tracks(tmp_path: Path, workers: int) -> None:
    sequences = make_sequences(tmp_path, [3, 4, 5])
    (tmp_path / "scores.json").write_text("of an earlier run")
    broken = p.TrackJob(Broken(), job(tmp_path).tracker_for, tmp_path / "tracks", "mot17")
    with pytest.raises(FormatError, match=r"^det\.txt:3: expected numbers, got 'x'$"):
        p.score_sequences(broken, sequences, tmp_path, Processes(workers))
    written = any((tmp_path / "tracks").glob("*.txt"))
    assert not (written and (tmp_path / "scores.json").exists())  # a worker may be ended between forgetting the old and writing the new
    assert workers == 2 or not (tmp_path / "scores.json").exists()


def test_a_mistake_before_the_first_result_leaves_an_earlier_run_as_it_was(tmp_path: Path) -> None:
    sequences = make_sequences(tmp_path, [3, 4])
    p.score_sequences(job(tmp_path), sequences, tmp_path, Processes(1))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()}
    broken = p.TrackJob(Broken(), job(tmp_path).tracker_for, tmp_path / "tracks", "mot17")
    with pytest.raises(ValueError, match="expected numbers"):
        p.score_sequences(broken, sequences[1:], tmp_path, Processes(1))
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()} == before


def test_a_disk_without_room_for_the_first_tracks_leaves_an_earlier_run_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sequences = make_sequences(tmp_path, [3, 4])
    p.score_sequences(job(tmp_path), sequences, tmp_path, Processes(1))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()}

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bytetrack.runtime.atomic.os.fsync", full)
    for again in (job(tmp_path), p.ScoreJob(tmp_path / "tracks", "mot17", tmp_path / "copied" / "tracks")):
        with pytest.raises(OSError, match=r"No space left on device: '.*tracks/S\.txt'"):
            p.score_sequences(again, sequences, tmp_path, Processes(1))
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()} == before


def test_result_folders_are_checked_before_anything_is_scored(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sequences = make_sequences(tmp_path, [3, 4])
    run = tmp_path / "run"
    with pytest.raises(MissingDataError, match=r"no result file in '.*run': tracks must name the folder"):
        p.result_folder(run, sequences)
    (run / "tracks").mkdir(parents=True)
    (run / "tracks" / "S.txt").touch()
    with pytest.raises(MissingDataError, match=r"tracks lacks Sx \(1 of 2 result files\): nothing was scored"):
        p.result_folder(run, sequences)
    for name in ("Sx", "stray"):
        (run / "tracks" / f"{name}.txt").touch()
    with caplog.at_level(logging.WARNING, "bytetrack"):
        assert p.result_folder(run, sequences) == p.result_folder(run / "tracks", sequences) == run / "tracks"
    assert "no such sequence: stray" in caplog.text


def test_scored_files_are_copied_into_the_run(tmp_path: Path) -> None:
    (sequence,) = make_sequences(tmp_path, [3])
    (tmp_path / "S.txt").write_text("1,1,1,0,20,40,0.9,-1,-1,-1\n")
    assert p.ScoreJob(tmp_path, "mot17", tmp_path / "out")(sequence) is not None
    assert (tmp_path / "out" / "S.txt").read_text() == (tmp_path / "S.txt").read_text()
    (tmp_path / "S.txt").write_text("4,1,1,0,20,40,0.9,-1,-1,-1\n")
    with pytest.raises(FormatError, match=r"S\.txt:1: expected a frame within the sequence's 1\.\.3"):
        p.ScoreJob(tmp_path, "mot17")(sequence)


def test_results_of_a_class_that_is_not_scored_are_refused_with_both_files(tmp_path: Path) -> None:
    (sequence,) = make_sequences(tmp_path, [3])
    (tmp_path / "S.txt").write_text("1,1,1,0,20,40,0.9,3,-1,-1\n")
    with pytest.raises(ValueError, match=r"S\.txt with .*gt\.txt: the results have classes 3, and the dataset names none"):
        p.ScoreJob(tmp_path, "mot17")(sequence)


def test_trajectories_are_rewritten_elsewhere_only(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("1,1,1,0,20,40,0.9,-1,-1,-1\n2,1,1,0,20,40,0.9,-1,-1,-1\n")
    p.rewrite_trajectories(tmp_path, tmp_path / "out", lambda found: found)
    assert len(read_trajectories(tmp_path / "out" / "a.txt")) == 2
    with pytest.raises(ValueError, match="out would overwrite the tracks it reads"):
        p.rewrite_trajectories(tmp_path, tmp_path / "out" / "..", lambda found: found)


def test_a_detector_that_knows_sequences_is_taken_as_it_is(tmp_path: Path) -> None:
    detector = Fixed()
    assert p.replayable(detector, [], tmp_path / "detections") is detector
    assert not (tmp_path / "detections").exists()


def test_a_dataset_of_images_cannot_be_tracked() -> None:
    with pytest.raises(ValueError, match="Echo has images but no sequences"):
        p.sequences_of(Echo())


@dataclass
class Clock:
    """Takes the time between frames, and finds nothing."""

    passed: list[float]
    supports_dt = True

    def update(self, detections: Detections, dt: float = 1.0) -> Tracks:
        self.passed.append(dt)
        return Tracks(np.empty((0, 4)), np.empty(0, np.int64), np.empty(0), None, np.empty(0, np.int64))


@pytest.mark.parametrize(("times", "expected"), [(EVEN[:5], [1] * 4), ([0, 40, 80, 20_080, 20_120], [1, 1, 500, 1])])
def test_a_pause_in_a_film_is_time_to_the_tracker(tmp_path: Path, times: list[int], expected: list[float]) -> None:
    sequence = Sequence("a", 5, 25, 96, 64, images=film(tmp_path / "a.mp4", times))
    clock = Clock([])
    p.TrackJob(Fixed(), lambda _: clock, tmp_path / "tracks", "mot17")(sequence)
    assert clock.passed[1:] == pytest.approx(expected)


def test_scores_are_counted_while_tracking_and_go_with_the_tracks(tmp_path: Path) -> None:
    sequences = make_sequences(tmp_path, [3])
    p.score_sequences(job(tmp_path / "run"), sequences, tmp_path / "run", Processes(1))
    counts = read_counts(tmp_path / "run", "S")
    assert counts is not None
    assert [(place, n) for place, n in enumerate(counts.detections) if n] == [(40, 2), (45, 2)]  # 0.8 and 0.9 in frames 1 and 3
    assert counts.tracked == counts.detections
    scored = p.ScoreJob(tmp_path / "run" / "tracks", "mot17", tmp_path / "scored" / "tracks")
    p.score_sequences(scored, sequences, tmp_path / "scored", Processes(1))
    assert read_counts(tmp_path / "scored", "S") == counts
    p.rewrite_trajectories(tmp_path / "run" / "tracks", tmp_path / "scored" / "tracks", lambda found: found)
    assert read_counts(tmp_path / "scored", "S") is None  # other tracks came in their place


def test_results_of_another_origin_take_no_counts_from_the_folder_they_lie_in(tmp_path: Path) -> None:
    sequences = make_sequences(tmp_path, [3])
    p.score_sequences(job(tmp_path / "run"), sequences, tmp_path / "run", Processes(1))
    (tmp_path / "run" / "tracks").rename(tmp_path / "run" / "others")
    p.ScoreJob(tmp_path / "run" / "others", "mot17", tmp_path / "scored" / "tracks")(sequences[0])
    assert read_counts(tmp_path / "scored", "S") is None
