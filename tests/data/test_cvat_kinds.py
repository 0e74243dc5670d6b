"""CVAT's exports as they come: turned boxes, and jobs that overlap."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from bytetrack.data.convert import read_results
from bytetrack.errors import FormatError

HEAD = "<annotations><version>1.1</version><meta><task><name>t</name><size>20</size>{segments}</task></meta>"


def box(frame: int, left: float, more: str = "", outside: int = 0) -> str:
    place = f'xtl="{left}" ytl="0" xbr="{left + 40}" ybr="20"'
    return f'<box frame="{frame}" outside="{outside}" occluded="0" keyframe="1" {place} {more}/>'


def track(number: int, *boxes: str, label: str = "person") -> str:
    return f'<track id="{number}" label="{label}">{"".join(boxes)}</track>'


def xml(tmp_path: Path, *tracks: str, segments: tuple[tuple[int, int], ...] = ()) -> Path:
    written = "".join(f"<segment><id>{k}</id><start>{a}</start><stop>{b}</stop></segment>" for k, (a, b) in enumerate(segments))
    path = tmp_path / "a.xml"
    path.write_text(HEAD.format(segments=f"<segments>{written}</segments>") + "".join(tracks) + "</annotations>")
    return path


def test_a_turned_box_is_read_as_its_upright_hull_and_that_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    turned = [box(0, 100, 'rotation="90.0"'), box(1, 100, 'rotation="30"'), box(2, 100, 'rotation="180"')]
    [found] = read_results(xml(tmp_path, track(0, *turned)))
    width, height = 40 * math.cos(math.pi / 6) + 20 / 2, 40 / 2 + 20 * math.cos(math.pi / 6)
    hulls = [[110, -10, 20, 40], [120 - width / 2, 10 - height / 2, width, height], [100, 0, 40, 20]]
    assert found.trajectories.tlwh.tolist() == [pytest.approx(hull, abs=1e-4) for hull in hulls]
    assert caplog.text.count("2 boxes are rotated; their upright hulls are used") == 1


def test_between_two_boxes_the_turn_goes_the_shorter_way_round(tmp_path: Path) -> None:
    [found] = read_results(xml(tmp_path, track(0, box(0, 100, 'rotation="350"'), box(2, 100, 'rotation="10"'))))
    assert found.trajectories.tlwh[1].tolist() == [100, 0, 40, 20]


def test_tracks_of_two_jobs_that_overlap_are_one_identity_with_every_box_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = track(0, *(box(f, 10 * f) for f in range(11)), box(11, 100, outside=1))
    second = track(1, *(box(f, 10 * f + 2) for f in range(8, 20)))
    other = track(2, *(box(f, 10 * f + 1) for f in range(8, 20)), label="car")
    jobs = ((0, 10), (8, 19))
    [found] = read_results(xml(tmp_path, first, second, other, segments=jobs))
    people = found.trajectories.class_id == 1
    assert found.trajectories.frame_id[people].tolist() == list(range(1, 21))
    assert set(found.trajectories.track_id[people].tolist()) == {1}
    assert found.trajectories.tlwh[people][:, 0].tolist() == [*(10 * f for f in range(11)), *(10 * f + 2 for f in range(11, 20))]
    assert "1 tracks continue in another job and are joined, 3 duplicate boxes dropped" in caplog.text
    [apart] = read_results(xml(tmp_path, first, track(1, *(box(f, 10 * f + 200) for f in range(8, 20))), segments=jobs))
    assert len(apart.trajectories) == 11 + 12


def test_without_jobs_in_the_file_doubled_boxes_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    read_results(xml(tmp_path, track(0, box(0, 1), box(1, 2)), track(4, box(1, 2), box(2, 3))))
    assert "a: 1 boxes occur twice, with two ids: for instance in frame 2 ids 1 and 5" in caplog.text


def test_a_frame_twice_in_a_track_is_one_box_unless_the_boxes_differ(tmp_path: Path) -> None:
    [found] = read_results(xml(tmp_path, track(0, box(0, 1), box(1, 2, outside=1), box(1, 2), box(1, 3), box(2, 4))))
    assert found.trajectories.tlwh[:, 0].tolist() == [1, 2, 4]
    with pytest.raises(FormatError, match="expected the boxes of a track in the order of their frames, got frame 0"):
        read_results(xml(tmp_path, track(0, box(0, 1), box(0, 300))))
