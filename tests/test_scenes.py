"""Generated scenes: the same bytes for the same seed, and ground truth that fits the pictures."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from bytetrack import BytePlus, Detections
from bytetrack.appearance import Histogram
from bytetrack.boxes import xyxy_from_tlwh
from bytetrack.data.datasets import MotChallenge
from bytetrack.examples.scenes import Settings, make_dataset
from bytetrack.examples.scenes.figure import Look, draw_figure
from bytetrack.examples.scenes.render import render
from bytetrack.examples.scenes.walk import Returning, Walker
from bytetrack.io import read_annotations
from bytetrack.structures import Annotations, Sequence

SMALL = {"seed": 3, "sequences": 3, "length": 6, "width": 320, "height": 192, "people": 10}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_dataset(tmp_path_factory.mktemp("scenes") / "street", **SMALL, workers=1)


@pytest.fixture(scope="module")
def truth(root: Path) -> list[tuple[Sequence, Annotations]]:
    return [(sequence, read_annotations(sequence)) for sequence in MotChallenge(root).sequences()]


def digest(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_seed_gives_the_same_bytes_whatever_the_number_of_processes(root: Path, tmp_path: Path) -> None:
    again = make_dataset(tmp_path / "again", **SMALL, workers=2)
    assert digest(again) == digest(root)
    other = make_dataset(tmp_path / "other", **{**SMALL, "seed": 4, "sequences": 1}, workers=1)
    assert digest(other)["STREET-01/img1/000001.jpg"] != digest(root)["STREET-01/img1/000001.jpg"]


def test_the_files_are_those_of_mot17(root: Path, truth: list[tuple[Sequence, Annotations]]) -> None:
    assert sorted(p.name for p in root.iterdir()) == ["STREET-01", "STREET-02", "STREET-03", "scenes.json"]
    assert sorted(str(p.relative_to(root / "STREET-02")) for p in (root / "STREET-02").rglob("*") if p.is_file()) == [
        "gt/gt.txt",
        *(f"img1/{number:06d}.jpg" for number in range(1, 7)),
        "seqinfo.ini",
    ]
    for sequence, _ in truth:
        assert (sequence.length, sequence.frame_rate, sequence.width, sequence.height) == (6, 12, 320, 192)
        assert cv2.imread(str(sequence.image_path(6))).shape == (192, 320, 3)
        assert sequence.ground_truth is not None
        lines = sequence.ground_truth.read_text().splitlines()
        assert lines
        assert {len(line.split(",")) for line in lines} == {9}


def test_every_box_is_of_somebody_who_is_at_least_partly_in_the_picture(truth: list[tuple[Sequence, Annotations]]) -> None:
    for sequence, boxes in truth:
        x0, y0, w, h = boxes.tlwh.T
        assert set(boxes.frame_id) == set(range(1, 7))
        assert (boxes.class_id == 1).all()
        assert boxes.considered.all()
        assert set(boxes.track_id) == set(range(1, len(set(boxes.track_id)) + 1))
        assert ((boxes.visibility >= 0) & (boxes.visibility <= 1)).all()
        assert ((x0 < sequence.width) & (x0 + w > 0) & (y0 < sequence.height) & (y0 + h > 0)).all()
        assert ((h > 10) & (h < sequence.height) & (w > 0.1 * h) & (w < 1.1 * h)).all()


def test_who_is_seen_whole_has_a_visibility_of_one_and_who_is_cut_or_hidden_less() -> None:
    scene = Settings(**SMALL).scene(0)
    people = [person for frame_id in range(1, 60, 10) for person in render(scene, frame_id)[1]]
    whole = [p for p in people if p.visibility > 0.97]
    assert len(whole) > 10
    for person in people:
        left, top, width, height = person.tlwh
        inside = max(0, min(left + width, 320) - max(left, 0)) * max(0, min(top + height, 192) - max(top, 0)) / (width * height)
        if inside < 0.5:
            assert person.visibility < 0.85
    assert min(p.visibility for p in people) < 0.5


def test_the_box_is_tight_around_the_figure() -> None:
    for seed in range(20):
        look = Look.draw(np.random.default_rng(seed))
        sprite = draw_figure(look, (100.3, 200.7), 60.0, seed * 0.7, 0.3, seed * 0.31, 1.3, 1.0, 0.8)
        rows, columns = (np.flatnonzero(sprite.bgra[..., 3].any(axis)) for axis in (1, 0))
        x0, y0, x1, y1 = sprite.xyxy
        assert sprite.left + columns[0] <= x0 < sprite.left + columns[0] + 1
        assert sprite.top + rows[0] <= y0 < sprite.top + rows[0] + 1
        assert sprite.left + columns[-1] < x1 <= sprite.left + columns[-1] + 1
        assert sprite.top + rows[-1] < y1 <= sprite.top + rows[-1] + 1
        assert y1 - y0 == pytest.approx(look.height * 60, rel=0.15)
        assert sprite.area == pytest.approx(sprite.bgra[..., 3].sum() / 255, rel=0.01)
        height, width = sprite.bgra.shape[:2]
        assert rows[0] > 0 < height - 1 - rows[-1], "the figure touches the edge of its picture: it may be cut"
        assert columns[0] > 0 < width - 1 - columns[-1], "the figure touches the edge of its picture: it may be cut"


def test_the_panning_camera_moves_the_picture_and_the_boxes_together() -> None:
    scene = Settings(seed=3, people=1, width=320, height=192).scene(2)
    shifts = [scene.camera.shift(f / 12)[0] for f in (0, 50)]
    first, later = (cv2.cvtColor(render(scene, f)[0], cv2.COLOR_BGR2GRAY).astype(np.float32)[:50] for f in (1, 51))
    (moved, _), _ = cv2.phaseCorrelate(first, later)
    assert shifts[0] - shifts[1] == pytest.approx(moved, abs=1.0)
    assert abs(moved) > 10


def test_a_complete_dataset_is_kept_and_anything_else_is_refused(root: Path, tmp_path: Path) -> None:
    before = (root / "STREET-01" / "img1" / "000001.jpg").stat().st_mtime_ns
    assert make_dataset(root, **SMALL) == root
    assert (root / "STREET-01" / "img1" / "000001.jpg").stat().st_mtime_ns == before
    with pytest.raises(ValueError, match=r"was generated with length=6 \(wanted 7\): remove that folder or give another"):
        make_dataset(root, **{**SMALL, "length": 7})
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "mine.jpg").touch()
    with pytest.raises(ValueError, match="exists and is no generated dataset"):
        make_dataset(tmp_path / "photos", **SMALL)
    with pytest.raises(ValueError, match="scenes need seed >= 0"):
        make_dataset(tmp_path / "none", people=0)


def test_what_is_not_finished_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("bytetrack.examples.scenes.dataset._write_ground_truth", fail)
    with pytest.raises(OSError, match="disk full"):
        make_dataset(tmp_path / "street", **{**SMALL, "sequences": 1, "length": 1}, workers=1)
    assert list(tmp_path.iterdir()) == []


def outfit(top: tuple[int, int, int], bottom: tuple[int, int, int]) -> Look:
    return replace(Look.draw(np.random.default_rng(1)), top=top, bottom=bottom, stripe=None, bag="none", top_length=0.44)


def people_who_come_back(looks: list[Look], gallery_frames: int) -> list[set[int]]:
    """Walks people over a street, each of whom leaves and comes back after four seconds; returns the identities of each.

    Their boxes are the true ones, and what they look like is their colours in the picture.
    """
    settings = Settings(seed=5, sequences=1, length=190, width=480, height=288, frame_rate=10, people=1)
    scene, walkers = settings.scene(0), []
    for k, look in enumerate(looks):
        z, way = 8.0 + 1.2 * k, 1 - 2 * (k % 2)  # far enough apart that nobody hides another for long
        walkers.append(Returning(Walker(look, -way * 3.6, z, 0.0 if way > 0 else np.pi, 1.3, 0.05, float(k), 0.0, 0.0), 6.5, 4.0))
    scene, tracker = replace(scene, walkers=list(walkers)), BytePlus(frame_rate=10.0, gallery_frames=gallery_frames)
    given: list[set[int]] = [set() for _ in looks]
    for frame_id in range(1, settings.length + 1):
        image, people = render(scene, frame_id)
        there = [person for person in people if person.visibility > 0.4]
        found = Detections(xyxy_from_tlwh(np.array([person.tlwh for person in there]).reshape(-1, 4)), [0.95] * len(there))
        tracks = tracker.update(found, features=Histogram().embed(image, found.xyxy, found.score))
        for track_id, j in zip(tracks.track_id.tolist(), tracks.detection_index.tolist(), strict=True):
            if j >= 0:
                given[there[j].track_id - 1].add(track_id)
    return given


DISTINCT = [outfit((30, 30, 200), (40, 40, 40)), outfit((200, 90, 20), (150, 150, 150)), outfit((60, 170, 50), (110, 60, 30))]


@pytest.mark.slow
def test_people_in_distinct_clothes_who_come_back_after_seconds_are_known_by_the_gallery() -> None:
    without = people_who_come_back(DISTINCT, 0)
    assert all(len(identities) >= 2 for identities in without)  # gone for longer than a lost track is remembered
    known = people_who_come_back(DISTINCT, 900)
    assert [len(identities) for identities in known] == [1, 1, 1]
    assert len(set.union(*known)) == 3


def test_those_who_come_back_in_a_dataset_are_the_same_person(tmp_path: Path) -> None:
    given = {"seed": 3, "sequences": 1, "length": 150, "width": 160, "height": 96, "people": 4, "frame_rate": 5, "workers": 1}
    staying, returning = (make_dataset(tmp_path / name, **given, away=away) for name, away in (("once", 0.0), ("again", 4.0)))
    assert "away" not in (staying / "scenes.json").read_text()
    frames = []
    for root in (staying, returning):
        (sequence,) = MotChallenge(root).sequences()
        truth = read_annotations(sequence)
        frames.append([np.diff(truth.frame_id[truth.track_id == i]).max(initial=0) for i in np.unique(truth.track_id)])
    assert max(frames[0]) < 20 <= max(frames[1])
    with pytest.raises(ValueError, match=r"was generated with away=4.0 \(wanted None\)"):
        make_dataset(returning, **given)
