"""Drawing changes what it should, where it should, and never its input."""

from __future__ import annotations

from itertools import combinations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bytetrack.structures import Sequence, Trajectories
from bytetrack.video.annotate import Pane, annotate
from bytetrack.video.draw import Place, Trails, blur_boxes, colour_of, draw_boxes, draw_heat, draw_legend, draw_trails
from bytetrack.video.draw_regions import draw_lines, name_zones
from bytetrack.video.read import Video

GREY = np.full((480, 640, 3), 128, np.uint8)
BOX = [[200.0, 150.0, 280.0, 350.0]]


def changed(image: np.ndarray, original: np.ndarray = GREY) -> np.ndarray:
    return (image != original).any(axis=2)


def lab(colour: tuple[int, int, int]) -> np.ndarray:
    return cv2.cvtColor(np.array([[colour]], np.float32) / 255, cv2.COLOR_BGR2LAB)[0, 0]


def test_a_box_is_an_outline_in_its_colour_with_a_chip_above_it() -> None:
    image = draw_boxes(GREY, BOX, [7])
    assert tuple(image[350, 240]) == tuple(image[250, 200]) == colour_of(7)
    assert not changed(image)[160:340, 210:270].any(), "the person stays visible"
    assert changed(image)[135:148, 200:212].any(), "the chip"
    assert not changed(image)[:, :190].any()
    assert not changed(image)[360:].any()


def test_a_recovered_box_is_dashed_and_a_lost_one_dotted_and_without_a_chip() -> None:
    full, dashed, dotted = (changed(draw_boxes(GREY, BOX, [7], **kind)) for kind in ({}, {"recovered": [True]}, {"lost": [True]}))
    side = slice(160, 340)
    shares = [mask[side, 195:206].any(axis=1).mean() for mask in (full, dashed, dotted)]
    assert shares[0] == 1
    assert 0.5 < shares[1] < 0.85
    assert 0.15 < shares[2] < 0.55
    assert dashed[130:148].any()
    assert not dotted[:148].any()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(*[st.floats(-900, 1500)] * 4, st.integers(1, 10**6)), max_size=12), st.randoms(use_true_random=False))
def test_no_box_however_placed_fails_or_changes_the_input(rows: list[tuple[float, ...]], random: object) -> None:
    image = np.full((96, 128, 3), 90, np.uint8)
    boxes = np.array([row[:4] for row in rows]).reshape(-1, 4)
    boxes = np.concatenate([np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])], axis=1)
    ids, flags = [int(row[4]) for row in rows], np.array([i % 2 == 0 for i in range(len(rows))], bool)
    before = boxes.copy()
    for result in (
        draw_boxes(image, boxes, ids, recovered=flags, lost=~flags),
        draw_trails(image, Trails(5).update(boxes, ids)),
        blur_boxes(image, boxes),
        blur_boxes(image, boxes, head_only=True),
        draw_legend(image, ["a line"], ["solid: one"]),
    ):
        assert result.shape == image.shape
        assert result.dtype == np.uint8
        assert result is not image
    assert (image == 90).all()
    np.testing.assert_array_equal(boxes, before)


def test_out_is_drawn_into_and_returned() -> None:
    buffer = np.zeros_like(GREY)
    assert draw_boxes(GREY, BOX, [1], out=buffer) is buffer
    np.testing.assert_array_equal(buffer, draw_boxes(GREY, BOX, [1]))
    image = GREY.copy()
    assert draw_boxes(image, BOX, [1], out=image) is image
    np.testing.assert_array_equal(buffer, image)


def test_colours_of_near_ids_look_apart() -> None:
    for first in range(1, 120, 7):
        colours = [lab(colour_of(i)) for i in range(first, first + 8)]
        assert min(float(np.linalg.norm(a - b)) for a, b in combinations(colours, 2)) > 18
    assert len({colour_of(i) for i in range(1, 201)}) == 200


def test_sizes_grow_with_the_image() -> None:
    small = changed(draw_boxes(GREY, BOX, [7])).sum()
    large_image = np.full((1920, 2560, 3), 128, np.uint8)
    large = changed(draw_boxes(large_image, np.array(BOX) * 4, [7]), large_image).sum()
    assert 5 < large / small < 24  # 16 but for the least width of a line


def test_trails_forget_what_is_older_than_their_length() -> None:
    trails = Trails(length=3)
    for x in range(5):
        points = trails.update([[x, 0, x + 2, 10]], [4])
    np.testing.assert_array_equal(points[4], [[3, 10], [4, 10], [5, 10]])
    for _ in range(3):
        points = trails.update(np.empty((0, 4)), [])
    assert points == {}
    with pytest.raises(ValueError, match="length of at least 1"):
        Trails(0)


def test_a_trail_is_where_the_feet_were() -> None:
    mask = changed(draw_trails(GREY, {3: [[100 + 10 * i, 300] for i in range(20)]}))
    assert mask[295:306, 110:290].any(axis=0).all()
    assert not mask[:290].any()
    assert not mask[310:].any()


def test_blur_keeps_no_detail_and_touches_nothing_else() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    image = blur_boxes(noise, BOX)
    inside = image[150:350, 200:280].astype(float)
    assert np.abs(np.diff(inside, axis=1)).mean() < 0.05 * np.abs(np.diff(noise[150:350, 200:280].astype(float), axis=1)).mean()
    mask = changed(image, noise)
    assert mask[131:149, 195:285].mean() > 0.9, "hair that the detector's box leaves out"
    mask[130:370, 192:288] = False
    assert not mask.any()
    head = changed(blur_boxes(noise, BOX, head_only=True), noise)
    assert head[135:185, 200:280].mean() > 0.9
    assert not head[195:].any()


def test_chips_of_lines_and_zones_do_not_cover_each_other() -> None:
    apart: list[Place] = []
    image = GREY.copy()
    draw_lines(image, {"road": (100, 200, 400, 180)}, {}, apart)
    name_zones(image, {"lawn": [[98, 197], [200, 197], [200, 300]], "hall": [[110, 200], [200, 190], [200, 300]]}, {}, apart)
    assert len(apart) == 3
    (_, top, _, bottom), *others = apart
    assert all(y0 >= bottom or y1 <= top for _, y0, _, y1 in others)
    assert others[0][3] <= others[1][1]


def test_a_dark_identitys_hollow_chip_is_legible() -> None:
    dark = min(range(1, 60), key=lambda i: max(colour_of(i)) + sum(colour_of(i)))
    image = draw_boxes(GREY, BOX, [dark], ["888888"], recovered=[True])
    chip = image[136:149, 203:230].astype(float) @ (0.114, 0.587, 0.299)
    assert chip.max() > 150


def test_a_legend_tells_dashed_from_dotted() -> None:
    image = draw_legend(np.full_like(GREY, 0), [], ["dashed: a", "dotted: a"])
    bright = (image.max(2) > 200).any(axis=1)
    rows = [rows for rows in np.split(np.arange(480), np.flatnonzero(np.diff(bright)) + 1) if bright[rows[0]]]
    assert len(rows) == 2
    edges = [np.flatnonzero(np.diff((image[band, :30].max(2) > 200).any(0).astype(int))) for band in rows]
    dash, dot = (np.diff(places[:4]).tolist() for places in edges)  # on, off, on
    assert dash[0] > dash[1]
    assert dot[0] < dot[1]


def test_heat_is_transparent_where_there_is_none() -> None:
    heat = np.zeros((48, 64))
    heat[10:14, 20:24] = 5
    mask = changed(draw_heat(GREY, heat))
    assert mask[100:140, 200:240].all()
    assert not mask[200:].any()
    np.testing.assert_array_equal(draw_heat(GREY, np.zeros((4, 4))), GREY)
    with pytest.raises(ValueError, match="no negative values"):
        draw_heat(GREY, -heat)


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="as many: got 1, 2, 2"):
        draw_boxes(GREY, BOX, [1, 2])
    with pytest.raises(ValueError, match="one value a box, 1: got 3"):
        draw_boxes(GREY, BOX, [1], recovered=[True] * 3)
    with pytest.raises(ValueError, match="a legend's mark starts with"):
        draw_legend(GREY, [], ["wavy: what"])


def test_an_annotated_video_has_every_frame_and_marks_recoveries(tmp_path) -> None:
    (tmp_path / "img1").mkdir()
    for number in range(1, 6):
        cv2.imwrite(str(tmp_path / "img1" / f"{number:06d}.jpg"), GREY)
    sequence = Sequence("grey", 5, 25, 640, 480, images=tmp_path / "img1")
    boxes = Trajectories(np.arange(1, 6), np.ones(5, int), np.tile([200.0, 250, 80, 150], (5, 1)), np.array([0.9, 0.9, 0.9, 0.3, 0.3]))
    nobody = Trajectories(np.empty(0, int), np.empty(0, int), np.empty((0, 4)), np.empty(0))
    path = annotate(sequence, [Pane("nobody", nobody), Pane("somebody", boxes)], tmp_path / "out" / "grey.mp4", high_score=0.6)
    video = Video(path)
    assert (video.width, video.height, video.length) == (1284, 480, 5)
    strips = [video.read(number)[255:395, 844 - 4 : 844 + 4].astype(int) for number in (3, 4)]
    covered = [(np.abs(strip - 128).max(axis=(1, 2)) > 40).mean() for strip in strips]
    assert covered[0] > 0.95
    assert covered[1] < 0.92
    with pytest.raises(ValueError, match="at least one pane"):
        annotate(sequence, [], tmp_path / "none.mp4", 0.6)
