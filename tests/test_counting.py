"""Counting on simulated paths whose counts are known."""

from __future__ import annotations

import csv
import json
import tracemalloc
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bytetrack import ByteTracker, Tracks
from bytetrack.boxes import xyxy_from_tlwh
from bytetrack.counting import Counter, Event, EventFile
from bytetrack.io import read_annotations, read_detections

WIDTH, HEIGHT = 20.0, 50.0
GATE = [0, 100, 200, 100, "gate"]  # a horizontal line walked to the right: `in` is downwards on the picture
MARGIN = 5.0  # a tenth of HEIGHT
YARD = {"yard": [[100, 100], [300, 100], [300, 300], [100, 300]]}


def frame(*anchors: tuple[float, float], ids: Iterable[int] | None = None, classes: Iterable[int] | None = None) -> Tracks:
    n = len(anchors)
    points = np.array(anchors, dtype=float).reshape(n, 2)
    xyxy = np.column_stack([points[:, 0] - WIDTH / 2, points[:, 1] - HEIGHT, points[:, 0] + WIDTH / 2, points[:, 1]])
    return Tracks(
        xyxy,
        np.array(list(ids) if ids is not None else range(1, n + 1), dtype=np.int64),
        np.ones(n),
        None if classes is None else np.array(list(classes), dtype=np.int64),
        np.arange(n),
    )


def walk(counter: Counter, path: Iterable[tuple[float, float] | None], track_id: int = 1) -> list[Event]:
    """Events of one identity on `path`, None where it is not seen."""
    return [event for point in path for event in counter.update(frame() if point is None else frame(point, ids=[track_id]))]


def ways(events: list[Event]) -> list[str]:
    return [event.direction for event in events if event.kind == "cross"]


def down(x: float = 50, start: float = 60, stop: float = 140, step: float = 4) -> list[tuple[float, float]]:
    return [(x, float(y)) for y in np.arange(start, stop + step / 2, step)]


def test_walking_over_a_line_counts_once_where_and_when_the_path_met_it() -> None:
    (event,) = walk(Counter([GATE], frame_rate=10), down(start=61, step=4))
    assert (event.kind, event.name, event.direction, event.track_id, event.class_id, event.class_name) == (
        "cross",
        "gate",
        "in",
        1,
        None,
        "object",
    )
    assert (event.x, event.y) == (50, 100)
    assert event.time == pytest.approx((9 + 3 / 4) / 10)  # between 97 (the tenth frame, 0.9 s) and 101
    assert event.frame_id == 12  # at 105 it is a margin beyond


def test_the_other_direction_is_out_and_swapped_ends_swap_the_names() -> None:
    assert ways(walk(Counter([GATE]), down()[::-1])) == ["out"]
    assert ways(walk(Counter([[200, 100, 0, 100, "gate"]]), down())) == ["out"]


def test_standing_on_the_line_counts_nothing() -> None:
    assert walk(Counter([GATE]), [(50.0, 100.0)] * 500) == []


@pytest.mark.parametrize("seed", range(2))
def test_five_thousand_frames_of_jitter_on_the_line_count_nothing(seed: int) -> None:
    jitter = np.random.default_rng(seed).normal(0, 0.02 * HEIGHT, (5000, 2))
    assert walk(Counter([GATE]), [(50 + dx, 100 + dy) for dx, dy in jitter]) == []


def test_jitter_on_the_line_after_arriving_counts_once_when_it_is_finally_left_behind() -> None:
    jitter = [(50.0, 100 + 4.9 * (-1) ** k) for k in range(1001)]
    assert ways(walk(Counter([GATE]), [(50, 80), *jitter, (50, 120)])) == ["in"]
    assert ways(walk(Counter([GATE]), [(50, 80), *jitter, (50, 80)])) == []


def test_a_u_turn_counts_once_in_each_direction_and_so_do_ten() -> None:
    assert ways(walk(Counter([GATE]), down() + down()[::-1])) == ["in", "out"]
    assert ways(walk(Counter([GATE]), (down() + down()[::-1]) * 10)) == ["in", "out"]


def test_a_u_turn_before_the_far_side_of_the_band_counts_nothing() -> None:
    path = down(stop=104)  # over the line, not a margin beyond it
    assert ways(walk(Counter([GATE]), path + path[::-1])) == []
    path = down(stop=105)
    assert ways(walk(Counter([GATE]), [*path, (50, 105), *path[::-1]])) == ["in", "out"]


def test_an_identity_first_or_last_seen_on_the_line_counts_nothing() -> None:
    assert walk(Counter([GATE]), down(start=98)) == []
    assert walk(Counter([GATE]), down(stop=102)) == []


def test_an_identity_first_seen_clear_of_the_line_at_the_frame_edge_counts() -> None:
    assert ways(walk(Counter([GATE]), [(0.5, 95.0), (0.5, 105.0)])) == ["in"]


def test_two_on_the_line_at_once_count_one_each_in_their_own_direction() -> None:
    counter = Counter([GATE])
    events = [e for a, b in zip(down(50), down(80)[::-1], strict=True) for e in counter.update(frame(a, b, ids=[7, 3]))]
    assert sorted((e.track_id, e.direction) for e in events) == [(3, "out"), (7, "in")]
    assert counter.counts()["lines"] == {"gate": {"in": {"object": 1}, "out": {"object": 1}}}


def test_side_by_side_crossings_in_one_frame_count_each() -> None:
    counter = Counter([GATE])
    for y in (80.0, 120.0):
        counter.update(frame(*((x, y) for x in range(10, 110, 10))))
    assert counter.counts()["lines"]["gate"] == {"in": {"object": 10}, "out": {}}


def test_a_jump_over_the_line_within_one_frame_counts() -> None:
    (event,) = walk(Counter([GATE], frame_rate=1), [(50, 0), (90, 400)])
    assert (event.direction, event.x, event.y, event.time) == ("in", 60, 100, 0.25)


def test_a_jump_past_the_end_of_the_line_does_not_count_but_the_way_back_through_it_does() -> None:
    assert ways(walk(Counter([GATE]), [(150, 0), (300, 200)])) == []
    assert ways(walk(Counter([GATE]), [(250, 50), (250, 150), (150, 150), (150, 50)])) == ["out"]


def test_frames_lost_while_crossing_are_bridged() -> None:
    path = down()
    assert ways(walk(Counter([GATE]), [*path[:6], *[None] * 20, *path[-6:]])) == ["in"]


def test_an_identity_not_seen_for_longer_than_the_memory_is_a_new_one() -> None:
    lost = [None] * 61
    assert ways(walk(Counter([GATE], frame_rate=1), [(50, 80), *lost, (50, 120)])) == []
    assert ways(walk(Counter([GATE], frame_rate=1, forget_after=62), [(50, 80), *lost, (50, 120)])) == ["in"]


def test_round_the_end_of_the_line_and_back_within_the_band_is_net_nothing() -> None:
    loop = [(196, 80), (196, 98), (196, 102), (204, 102), (204, 98), (196, 98), (196, 80)]
    assert ways(walk(Counter([GATE]), loop)) == []
    assert ways(walk(Counter([GATE]), [(196, 80), (196, 102), (196, 98), (204, 98), (204, 120)])) == []  # through, back, round the end
    assert ways(walk(Counter([GATE]), [*loop[:6], (196, 120)])) == ["in"]


def test_of_two_lines_that_share_an_end_a_path_exactly_through_it_counts_one() -> None:
    lanes = [[0, 100, 50, 100, "left"], [50, 100, 200, 100, "right"]]
    assert len(ways(walk(Counter(lanes), down(50)))) == 1
    assert len(ways(walk(Counter(lanes), down(50)[::-1]))) == 1


def test_classes_count_apart_by_their_names() -> None:
    counter = Counter([GATE], class_names=["person", "car"])
    for y in (80.0, 120.0):
        counter.update(frame((30, y), (60, y), (90, y), (120, y), classes=[0, 1, 1, 5]))
    assert counter.counts()["lines"]["gate"]["in"] == {"person": 1, "car": 2, "5": 1}


def test_a_zone_is_entered_left_and_its_dwell_time_is_width_over_speed() -> None:
    counter = Counter(zones=YARD, frame_rate=10)
    events = walk(counter, [(x, 200.0) for x in range(40, 361, 5)])  # 50 pixels a second through 200 pixels
    assert [(e.kind, e.name) for e in events] == [("enter", "yard"), ("exit", "yard")]
    assert events[1].dwell == pytest.approx(4.0)
    assert counter.counts()["zones"]["yard"] == {
        "present": {},
        "visitors": {"object": 1},
        "entries": {"object": 1},
        "exits": {"object": 1},
        "dwell": {"visits": 1, "mean": 4.0, "max": 4.0},
    }


def test_who_is_first_seen_inside_appears_and_who_is_not_seen_any_more_vanishes_when_last_seen() -> None:
    counter = Counter(zones=YARD, frame_rate=10, forget_after=1)
    events = walk(counter, [*[(200.0, 200.0)] * 21, *[None] * 12])
    assert [e.kind for e in events] == ["appear", "vanish"]
    assert (events[1].time, events[1].dwell, events[1].frame_id) == (2.0, 2.0, 21)
    assert counter.counts()["zones"]["yard"]["entries"] == {}
    assert len(counter) == 0


def test_presence_is_of_this_frame_and_the_dwell_of_those_inside_is_already_told() -> None:
    counter = Counter(zones=YARD, frame_rate=10)
    for _ in range(11):
        counter.update(frame((200, 200), (150, 150), (50, 50)))
    yard = counter.counts()["zones"]["yard"]
    assert yard["present"] == {"object": 2}
    assert yard["dwell"] == {"visits": 2, "mean": 1.0, "max": 1.0}
    counter.update(frame())
    assert counter.counts()["zones"]["yard"]["present"] == {}
    assert sorted(e.kind for e in counter.finish()) == ["vanish", "vanish"]


def test_jitter_on_a_zones_border_neither_enters_nor_leaves() -> None:
    jitter = np.random.default_rng(0).normal(0, 0.02 * HEIGHT, 3000)
    counter = Counter(zones=YARD)
    events = walk(counter, [(50.0, 200.0), *((100 + d, 200.0) for d in jitter), (50.0, 200.0)])
    assert events == []


def test_a_zone_thinner_than_the_band_still_counts() -> None:
    events = walk(Counter(zones={"kerb": [[100, 0], [106, 0], [106, 400], [100, 400]]}), [(float(x), 200.0) for x in range(80, 130)])
    assert [e.kind for e in events] == ["enter", "exit"]


def test_a_concave_zone_follows_its_border() -> None:
    horseshoe = {"u": [[0, 0], [300, 0], [300, 300], [200, 300], [200, 100], [100, 100], [100, 300], [0, 300]]}
    events = walk(Counter(zones=horseshoe), [(float(x), 200.0) for x in range(-40, 341, 4)])
    assert [e.kind for e in events] == ["enter", "exit", "enter", "exit"]


def test_speed_and_distance_need_a_homography_and_are_metres() -> None:
    counter = Counter([GATE], frame_rate=10, homography=np.diag([0.05, 0.05, 1]))
    events = walk(counter, down(start=20, stop=180, step=4))  # 4 pixels a frame: 40 px/s = 2 m/s
    assert events[0].speed == pytest.approx(2.0)
    motion = counter.motion()[1]
    assert motion.speed == pytest.approx(2.0)
    assert motion.distance == pytest.approx(160 * 0.05, abs=0.5)
    with pytest.raises(ValueError, match="homography"):
        Counter([GATE]).motion()


def test_standing_with_jitter_walks_nowhere() -> None:
    counter = Counter(homography=np.diag([0.05, 0.05, 1]))
    walk(counter, [(50 + dx, 100 + dy) for dx, dy in np.random.default_rng(1).normal(0, 1, (3000, 2))])
    assert counter.motion()[1].distance == 0


def test_a_projective_homography_is_applied() -> None:
    homography = [[1, 0, 0], [0, 0, 100], [0, 0.01, 0]]  # ground = (100 x / y, 10000 / y)
    counter = Counter(homography=homography, frame_rate=1, distance_step=0)
    walk(counter, [(0, 50), (50, 50)])
    assert counter.motion()[1].distance == pytest.approx(100)


def test_times_of_a_variable_frame_rate_are_used_and_never_run_backwards() -> None:
    counter = Counter(zones=YARD)
    events = [e for t, x in [(0.0, 50), (1.0, 150), (0.5, 200), (4.0, 250), (9.0, 350)] for e in counter.update(frame((x, 200)), t)]
    assert [(e.kind, e.time) for e in events] == [("enter", 1.0), ("exit", 9.0)]
    assert events[1].dwell == 8.0
    with pytest.raises(ValueError, match="finite"):
        counter.update(frame(), float("nan"))


def test_memory_is_flat_on_an_endless_stream() -> None:
    counter = Counter([GATE], YARD, frame_rate=10, homography=np.eye(3), forget_after=2)

    def stream(frames: range) -> None:
        for k in frames:  # a new identity every frame, each seen for 10 frames
            counter.update(frame(*((150.0, 60.0 + 10 * age) for age in range(10)), ids=range(k + 10, k, -1)))

    stream(range(300))
    tracemalloc.start()
    stream(range(300, 600))
    first = tracemalloc.get_traced_memory()[0]
    stream(range(600, 1000))
    grown = tracemalloc.get_traced_memory()[0] - first
    tracemalloc.stop()
    assert len(counter) <= 32
    assert grown < 20_000
    assert counter.counts()["lines"]["gate"]["in"] == {"object": 1004 - 6}  # the sixth place is clear of it; six began too far


def test_counts_are_json_and_events_are_csv_as_they_come(tmp_path: Path) -> None:
    counter = Counter([GATE], YARD, homography=np.eye(3), class_names={0: "a, b"})
    with EventFile(tmp_path / "events.csv") as file:
        for y in np.arange(60.0, 200, 4):
            file.write(counter.update(frame((150, y), classes=[0])))
        rows = list(csv.DictReader((tmp_path / "events.csv").open(newline="")))
    json.dumps(counter.counts())
    assert [(r["kind"], r["name"], r["direction"], r["track_id"], r["class_name"]) for r in rows] == [
        ("cross", "gate", "in", "1", "a, b"),
        ("enter", "yard", "", "1", "a, b"),
    ]
    assert (rows[0]["x"], rows[0]["y"], rows[0]["dwell"]) == ("150.0", "100.0", "")


def test_on_real_tracks_the_band_brings_counts_near_those_of_the_ground_truth(data_dir: Path) -> None:
    folder = data_dir / "PETS09-S2L1"
    truth, found = read_annotations(folder / "gt" / "gt.txt"), read_detections(folder / "det" / "det.txt", 1, 795, scores="robust")
    rows = [np.flatnonzero(truth.frame_id == k) for k in range(1, 796)]
    true = [Tracks(xyxy_from_tlwh(truth.tlwh[r]), truth.track_id[r], np.ones(len(r)), None, np.arange(len(r))) for r in rows]
    tracker = ByteTracker(high_score=0.5, new_track_score=0.6, paper_exact=False)
    tracked = [tracker.update(detections) for detections in found]

    def count(frames: list[Tracks], **band: float) -> list[int]:
        counter = Counter([[384, 0, 384, 576, "a"], [0, 300, 768, 300, "b"], [200, 250, 600, 400, "c"]], frame_rate=7, **band)
        for tracks in frames:
            counter.update(tracks)
        return [way.get("object", 0) for line in counter.counts()["lines"].values() for way in (line["in"], line["out"])]

    assert count(true) == [14, 11, 12, 17, 3, 3]
    off, near = (np.abs(np.subtract(count(tracked, **band), count(true))).sum() for band in ({"margin": 0.0, "margin_px": 0.0}, {}))
    assert near <= 4
    assert near < off / 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lines": [[0, 0, 1]]}, r"lines\[0\] must be \[x1, y1, x2, y2, name\]"),
        ({"lines": [[0, 0, "a", 1, "n"]]}, r"lines\[0\]"),
        ({"lines": [GATE, [5, 5, 5, 5, "dot"]]}, r"lines\[1\] needs two different points"),
        ({"lines": [GATE, GATE]}, "'gate' is there twice"),
        ({"lines": [GATE], "zones": {"gate": YARD["yard"]}}, "'gate' is there twice"),
        ({"zones": {"z": [[0, 0], [1, 1]]}}, r"zones\['z'\] must be at least three points"),
        ({"zones": {"z": [[0, 0], [1, 1], [2, 2]]}}, "no area"),
        ({"homography": np.ones((3, 3))}, "invertible 3x3"),
        ({"homography": [1, 2, 3]}, "invertible 3x3"),
        ({"frame_rate": 0}, "frame_rate must be a positive number"),
        ({"margin": -1}, "margin must not be negative"),
    ],
)
def test_mistakes_are_named_in_one_line(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        Counter(**arguments)
    assert "\n" not in str(caught.value)


# Coordinates on odd sixteenths, lines on whole pixels: no path touches a line's end point or the line itself exactly.
off_grid = st.integers(-40, 360).map(lambda n: n + 7 / 16)
paths = st.lists(st.tuples(off_grid, off_grid), min_size=2, max_size=30)
whole = st.integers(0, 300)
segments = st.tuples(whole, whole, whole, whole).filter(lambda s: s[:2] != s[2:])


def crossings(line: Iterable[float], path: Iterable[tuple[float, float]]) -> tuple[int, int]:
    found = ways(walk(Counter([[*line, "l"]]), path))
    return found.count("in"), found.count("out")


@settings(max_examples=80, deadline=None)
@given(segments, paths)
def test_a_mirror_swaps_in_and_out(segment: tuple[int, ...], path: list[tuple[float, float]]) -> None:
    x1, y1, x2, y2 = segment
    mirrored = crossings((-x1, y1, -x2, y2), [(-x, y) for x, y in path])
    assert mirrored == crossings(segment, path)[::-1]


@settings(max_examples=80, deadline=None)
@given(segments, paths)
def test_a_line_drawn_the_other_way_swaps_in_and_out(segment: tuple[int, ...], path: list[tuple[float, float]]) -> None:
    assert crossings(segment[2:] + segment[:2], path) == crossings(segment, path)[::-1]


@settings(max_examples=80, deadline=None)
@given(segments, paths)
def test_time_run_backwards_swaps_in_and_out(segment: tuple[int, ...], path: list[tuple[float, float]]) -> None:
    assert crossings(segment, path[::-1]) == crossings(segment, path)[::-1]


@settings(max_examples=80, deadline=None)
@given(segments, paths, st.integers(-500, 500), st.integers(-500, 500))
def test_a_shifted_scene_counts_the_same(segment: tuple[int, ...], path: list[tuple[float, float]], dx: int, dy: int) -> None:
    x1, y1, x2, y2 = segment
    assert crossings((x1 + dx, y1 + dy, x2 + dx, y2 + dy), [(x + dx, y + dy) for x, y in path]) == crossings(segment, path)


@settings(max_examples=80, deadline=None)
@given(
    st.integers(1, 199),
    st.lists(off_grid, min_size=2, max_size=12),
    st.integers(-40, 89).map(lambda n: n + 7 / 16),
    st.integers(110, 360).map(lambda n: n + 7 / 16),
)
def test_two_lines_end_to_end_count_together_what_one_long_line_counts(cut: int, xs: list[float], top: float, bottom: float) -> None:
    """On a path that passes the line's level once."""
    half = len(xs) // 2
    path = [(x, top) for x in xs[:half]] + [(x, bottom) for x in xs[half:]]
    parts = ways(walk(Counter([[0, 100, cut, 100, "a"], [cut, 100, 200, 100, "b"]]), path))
    assert parts == ways(walk(Counter([GATE]), path))


@settings(max_examples=50, deadline=None)
@given(paths)
def test_entries_and_exits_swap_when_time_runs_backwards_and_never_differ_by_more_than_one(path: list[tuple[float, float]]) -> None:
    def kinds(points: list[tuple[float, float]]) -> tuple[int, int]:
        found = [e.kind for e in walk(Counter(zones=YARD), points)]
        return found.count("enter"), found.count("exit")

    entries, exits = kinds(path)
    assert kinds(path[::-1]) == (exits, entries)
    assert abs(entries - exits) <= 1


@settings(max_examples=50, deadline=None)
@given(st.lists(paths, min_size=1, max_size=5), segments)
def test_identities_never_influence_each_other(many: list[list[tuple[float, float]]], segment: tuple[int, ...]) -> None:
    together = Counter([[*segment, "l"]])
    found: list[tuple[int, str]] = []
    for k in range(max(map(len, many))):
        here = [(i, p[k]) for i, p in enumerate(many) if k < len(p)]
        found += [(e.track_id, e.direction) for e in together.update(frame(*(p for _, p in here), ids=[i + 1 for i, _ in here]))]
    alone = [(i + 1, way) for i, p in enumerate(many) for way in ways(walk(Counter([[*segment, "l"]]), p))]
    assert sorted(found) == sorted(alone)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ([0, 10, 50, 10], None),
        ([-50, 10, 700, 10], None),  # both ends beyond, the middle in the picture
        ([1000, 0, 500, 720], "outside the picture (640x360)"),  # passes by a corner
        ([0, 361, 640, 361], "outside the picture (640x360)"),
        ([0, 0.5, 1, 0.5], "within one pixel of the picture (640x360)"),  # fractions
    ],
)
def test_a_line_that_the_picture_does_not_hold_is_named(line: list[float], message: str | None) -> None:
    found = Counter([[*line, "gate"]]).misplaced(640, 360)
    assert (message is None) == (found == [])
    assert all(f"line 'gate' lies {message}" in text for text in found)


@pytest.mark.parametrize(
    ("zone", "away"),
    [
        ([[600, 700], [1000, 200], [1000, 700]], True),  # past a corner: to no one side of the picture, and yet beside it
        ([[630, 370], [600, 340], [700, 340]], False),
        ([[-10, -10], [900, -10], [900, 900], [-10, 900]], False),  # all of the picture lies in it
        ([[500, -300], [1500, 700], [1500, -300], [1500, -300]], True),  # a point given twice
        ([[-100, 100], [900, 100], [900, 120]], False),  # no corner inside, and it passes through
    ],
)
def test_a_zone_beside_the_picture_is_named_also_past_a_corner(zone: list[list[float]], away: bool) -> None:
    found = Counter(zones={"corner": zone}).misplaced(640, 360)
    assert [text.partition(" (")[0] for text in found] == ["zone 'corner' lies outside the picture"] * away
