"""Result formats: round trips, the files other tools write, and mistakes named by file and line."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bytetrack import FormatError, Trajectories
from bytetrack.data.convert import convert, read_results
from bytetrack.io.formats import RESULTS, ResultFiles, sniff, write_results
from bytetrack.io.result import Names, Result, Rows
from bytetrack.io.text import read_lines
from bytetrack.runtime.atomic import replace_text

EXACT = ("csv", "jsonl", "coco_vid")
TO_TEN_THOUSANDTHS = ("kitti", "cvat_xml", "cvat")


def result(rows: list[tuple[Any, ...]], name: str = "a", **more: Any) -> Result:
    """From rows `frame, id, left, top, width, height, score[, class]`."""
    table = np.array(rows, dtype=float).reshape(len(rows), -1) if rows else np.empty((0, 7))
    frame, track = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)
    classes = table[:, 7].astype(np.int64) if table.shape[1] == 8 else None
    length = max(more.pop("length", 0), int(frame.max(initial=0)))
    return Result(name, Trajectories(frame, track, table[:, 2:6], table[:, 6], classes), length, **more)


def assert_same(found: Result, expected: Result, box: float = 0.0, score: float | None = 0.0, classes: bool = True) -> None:
    a, b = found.trajectories, expected.trajectories
    assert found.name == expected.name
    assert (a.frame_id.tolist(), a.track_id.tolist()) == (b.frame_id.tolist(), b.track_id.tolist())
    np.testing.assert_allclose(a.tlwh, b.tlwh, rtol=0, atol=box)
    if score is not None:
        np.testing.assert_allclose(a.score, b.score, rtol=0, atol=score)
    if classes:
        assert (None if a.class_id is None else a.class_id.tolist()) == (None if b.class_id is None else b.class_id.tolist())


TWO = result(
    [(1, 1, 10.5, 20, 30.1, 60.2, 0.9), (1, 7, 100, 50, 20, 40, 0.25), (4, 1, 12, 21, 30, 60, 0.5)],
    "street",
    length=6,
    width=640,
    height=480,
    frame_rate=25.0,
)
CLASSED = replace(TWO, trajectories=replace(TWO.trajectories, class_id=np.array([0, 2, 0])), class_names={0: "person", 2: "traffic light"})


@pytest.mark.parametrize("to", RESULTS)
def test_every_format_gives_back_what_it_was_given(to: str, tmp_path: Path) -> None:
    (path,) = write_results([TWO], to, tmp_path)
    assert sniff(path) == to
    (found,) = read_results(tmp_path)
    assert_same(replace(found, name="street"), TWO, 1e-9, None if to == "cvat" else 1e-9 if to != "mot" else 0.005)


@pytest.mark.parametrize("to", RESULTS)
def test_every_format_keeps_classes_and_their_names(to: str, tmp_path: Path) -> None:
    write_results([CLASSED], to, tmp_path)
    (found,) = read_results(tmp_path, classes=CLASSED.class_names)
    assert_same(replace(found, name="street"), CLASSED, 1e-9, None if to == "cvat" else 0.005)
    assert dict(found.class_names) == CLASSED.class_names


@pytest.mark.parametrize("to", ["csv", "jsonl", "coco_vid", "cvat_xml", "cvat"])
def test_formats_that_number_or_list_their_classes_need_no_help_to_read_them(to: str, tmp_path: Path) -> None:
    listed = replace(CLASSED, trajectories=replace(TWO.trajectories, class_id=np.array([0, 1, 0])), class_names={0: "zebra", 1: "ant"})
    write_results([listed], to, tmp_path)
    (found,) = read_results(tmp_path)
    assert_same(replace(found, name="street"), listed, 1e-9, None)
    assert dict(found.class_names) == {0: "zebra", 1: "ant"}


@pytest.mark.parametrize("to", RESULTS)
def test_class_ids_without_a_name_come_back(to: str, tmp_path: Path) -> None:
    write_results([replace(CLASSED, class_names={})], to, tmp_path)
    (found,) = read_results(tmp_path)
    assert found.trajectories.class_id is not None
    assert found.trajectories.class_id.tolist() == [0, 2, 0]


@pytest.mark.parametrize("to", RESULTS)
def test_a_sequence_without_boxes_stays_one(to: str, tmp_path: Path) -> None:
    write_results([replace(result([], "empty"), length=3, width=9, height=9)], to, tmp_path)
    (found,) = read_results(tmp_path, source_format=to)
    assert len(found.trajectories) == 0
    assert found.trajectories.tlwh.shape == (0, 4)


@pytest.mark.parametrize("to", ["jsonl", "cvat_xml", "coco_vid"])
def test_length_size_and_frame_rate_come_back_where_the_format_has_them(to: str, tmp_path: Path) -> None:
    write_results([TWO], to, tmp_path)
    (found,) = read_results(tmp_path)
    assert found.length == 6
    assert (found.width, found.height) == ((640, 480) if to != "jsonl" else (None, None))
    assert found.frame_rate == (None if to == "cvat_xml" else 25)


@pytest.mark.parametrize("names", ["MOT17-09-FRCNN", pytest.param("*", marks=pytest.mark.slow)])
@pytest.mark.parametrize("to", RESULTS)
def test_published_results_come_back_to_the_digit_through_every_format(to: str, names: str, tmp_path: Path, data_dir: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for path in (data_dir / "expected" / "tracks" / "byte_paper").glob(f"{names}.txt"):
        shutil.copy(path, source)
    assert len(list(source.iterdir())) == (7 if names == "*" else 1)
    convert(source, "mot", tmp_path / "first")
    convert(source, to, tmp_path / "there", root=data_dir / "MOT17" / "train")
    convert(tmp_path / "there", "mot", tmp_path / "back")
    for path in sorted(source.glob("*.txt")):
        first, back = ((tmp_path / folder / path.name).read_text().splitlines() for folder in ("first", "back"))
        assert sorted(first) == sorted(path.read_text().replace(",-0.0,", ",0.0,").splitlines())
        if to == "cvat":  # it has no scores
            first, back = ([line.rsplit(",", 4)[0] for line in lines] for lines in (first, back))
        assert back == first


boxes = st.tuples(
    st.integers(-50000, 50000).map(lambda n: n / 100),
    st.integers(-50000, 50000).map(lambda n: n / 100),
    st.integers(0, 50000).map(lambda n: n / 100),
    st.integers(0, 50000).map(lambda n: n / 100),
)
names = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=8)


@st.composite
def results(draw: st.DrawFn) -> Result:
    keys = sorted(draw(st.sets(st.tuples(st.integers(1, 40), st.integers(1, 9)), min_size=1, max_size=25)))
    labels = draw(st.lists(names.filter(lambda n: n != "object" and not n.startswith("class_")), unique=True, min_size=1, max_size=4))
    one_class = {track: draw(st.integers(0, len(labels) - 1)) for _, track in keys}
    rows = [(frame, track, *draw(boxes), draw(st.integers(0, 100)) / 100, one_class[track]) for frame, track in keys]
    return replace(result(rows, "sequence", class_names=dict(enumerate(labels))), width=640, height=480, length=45)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(expected=results(), first=st.sampled_from([*EXACT, *TO_TEN_THOUSANDTHS]), second=st.sampled_from([*EXACT, *TO_TEN_THOUSANDTHS]))
def test_any_result_survives_any_two_formats(expected: Result, first: str, second: str, tmp_path: Path) -> None:
    labels = dict(expected.class_names)
    (path,) = write_results([expected], first, tmp_path / "sequence.x" / first)
    (between,) = read_results(path, classes=labels)
    (path,) = write_results([replace(between, width=640, height=480)], second, tmp_path / "sequence.x" / second)
    (found,) = read_results(path, classes=labels)
    exact = first in EXACT and second in EXACT
    assert_same(replace(found, name="sequence"), expected, 0 if exact else 1e-6, None if "cvat" in (first, second) else 1e-9)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)), form=st.sampled_from(list(RESULTS)))
def test_any_bytes_are_read_or_refused_in_one_line(content: bytes, form: str, tmp_path: Path) -> None:
    path = tmp_path / f"noise{RESULTS[form].suffix}"
    path.write_bytes(content)
    message = str(path)
    try:
        read_results(path, source_format=form)
    except FormatError as error:
        message = str(error)
    assert str(path) in message
    assert "\n" not in message


def test_ground_truth_of_a_benchmark_goes_to_cvat_and_back_with_its_classes(data_dir: Path, tmp_path: Path) -> None:
    found = read_results(data_dir / "MOT17" / "train")
    assert [r.name for r in found] == [f"MOT17-{k:02d}-FRCNN" for k in (2, 4, 5, 9, 10, 11, 13)]
    assert found[0].label(1) == "pedestrian"
    write_results(found[:1], "cvat", tmp_path)
    (back,) = read_results(tmp_path)
    assert_same(back, found[0], score=None)
    with zipfile.ZipFile(tmp_path / "MOT17-02-FRCNN.zip") as archive:
        assert archive.read("gt/labels.txt").decode().split("\n")[:2] == ["pedestrian", "person on vehicle"]
        assert archive.read("gt/gt.txt").decode().split("\n")[0] == "1,1,912,484,97,109,1,7,1"


KITTI_LABELS = """0 0 Van 0 0 -1.793451 296.744956 161.752147 455.226042 292.372804 2.0 1.8 4.4 -4.5 1.8 13.4 -2.1
0 -1 DontCare -1 -1 -10.000000 219.310000 188.490000 245.500000 218.560000 -1000 -1000 -1000 -10 -1 -1 -1
0 1 Cyclist 0 0 -1.936993 737.619499 161.531951 931.112229 374.000000 1.739063 0.824591 1.785241 1.640400 1.675660 5.776261 -1.675458
1 0 Van 0 0 -1.796862 294.898777 156.024256 452.199718 284.621269 2.0 1.823255 4.433886 -4.650955 1.766774 13.581085 -2.121565
"""


def test_kitti_labels_count_from_one_here_and_skip_dont_care(tmp_path: Path) -> None:
    (tmp_path / "0000.txt").write_text(KITTI_LABELS)
    (found,) = read_results(tmp_path / "0000.txt")
    assert found.trajectories.frame_id.tolist() == [1, 1, 2]
    assert found.trajectories.track_id.tolist() == [1, 2, 1]
    assert [found.label(k) for k in found.trajectories.class_id.tolist()] == ["Van", "Cyclist", "Van"]
    np.testing.assert_allclose(found.trajectories.tlwh[0], [296.744956, 161.752147, 158.481086, 130.620657], atol=5e-5)
    assert found.trajectories.score.tolist() == [1, 1, 1]


def test_a_kitti_class_with_a_comma_is_still_kitti(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(GOOD.replace("Car", "Car,red"))
    assert sniff(tmp_path / "a.txt") == "kitti"


def test_kitti_results_have_the_benchmarks_columns(tmp_path: Path) -> None:
    (path,) = write_results([CLASSED], "kitti", tmp_path)
    assert path.read_text().splitlines()[:2] == [
        "0 0 person -1 -1 -10 10.5 20 40.6 80.2 -1 -1 -1 -1000 -1000 -1000 -10 0.9",
        "0 6 traffic_light -1 -1 -10 100 50 120 90 -1 -1 -1 -1000 -1000 -1000 -10 0.25",
    ]


CVAT_XML = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta>
    <task>
      <id>4</id><name>crossing &amp; co</name><size>9</size><mode>interpolation</mode>
      <labels>
        <label><name>car</name><attributes><attribute><name>score</name></attribute></attributes></label>
        <label><name>person</name><attributes></attributes></label>
      </labels>
      <owner><username>u</username></owner>
      <original_size><width>1280</width><height>720</height></original_size>
    </task>
  </meta>
  <track id="0" label="person" source="manual">
    <box frame="0" outside="0" occluded="0" keyframe="1" xtl="10.00" ytl="20.00" xbr="20.00" ybr="40.00" z_order="0">
      <attribute name="pose">score</attribute>
    </box>
    <box frame="4" outside="0" occluded="1" keyframe="1" xtl="50.00" ytl="20.00" xbr="64.00" ybr="40.00" z_order="0"></box>
    <box frame="6" outside="1" occluded="1" keyframe="1" xtl="50.00" ytl="20.00" xbr="64.00" ybr="40.00" z_order="0"></box>
    <box frame="8" outside="0" keyframe="1" xtl="70" ytl="20" xbr="80" ybr="40"><attribute name="score">0.5</attribute></box>
  </track>
</annotations>
"""


def test_cvat_video_xml_is_interpolated_between_boxes_and_held_until_outside(tmp_path: Path) -> None:
    (tmp_path / "annotations.xml").write_text(CVAT_XML)
    (found,) = read_results(tmp_path / "annotations.xml")
    assert (found.name, found.length, found.width, found.height) == ("crossing & co", 9, 1280, 720)
    assert found.trajectories.frame_id.tolist() == [1, 2, 3, 4, 5, 6, 9]
    assert found.trajectories.tlwh[:, 0].tolist() == [10, 20, 30, 40, 50, 50, 70]
    assert found.trajectories.tlwh[:, 2].tolist() == [10, 11, 12, 13, 14, 14, 10]
    assert found.trajectories.score.tolist() == [1, 1, 1, 1, 1, 1, 0.5]
    assert set(found.trajectories.class_id.tolist()) == {1}
    assert dict(found.class_names) == {0: "car", 1: "person"}


def test_a_gap_is_written_as_outside_so_that_cvat_shows_no_one_there(tmp_path: Path) -> None:
    (path,) = write_results([TWO], "cvat_xml", tmp_path)
    frames = [line.split('"')[1:4:2] for line in path.read_text().splitlines() if "<box" in line]
    assert frames == [["0", "0"], ["1", "1"], ["3", "0"], ["4", "1"], ["0", "0"], ["1", "1"]]


def test_cvats_archive_of_a_video_task_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "task.zip", "w") as archive:
        archive.writestr("annotations.xml", CVAT_XML)
        archive.writestr("images/frame_000000.png", b"")
    (found,) = read_results(tmp_path / "task.zip")
    assert len(found.trajectories) == 7


def test_cvat_mot_archive_reads_labels_ignored_boxes_and_official_classes(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "task.zip", "w") as archive:
        archive.writestr("gt/gt.txt", "1,1,1363,569,103,241,1,2,0.86014\n1,2,5,5,5,5,0,1,1\n")
        archive.writestr("gt/labels.txt", "cat\ndog\n")
    (found,) = read_results(tmp_path / "task.zip")
    assert found.trajectories.track_id.tolist() == [1]
    assert found.label(found.trajectories.class_id.tolist()[0]) == "dog"
    with zipfile.ZipFile(tmp_path / "plain.zip", "w") as archive:
        archive.writestr("gt.txt", "1,1,1363,569,103,241,1,3,0.86014\n")
    (found,) = read_results(tmp_path / "plain.zip")
    assert found.label(found.trajectories.class_id.tolist()[0]) == "car"


def test_coco_of_the_published_dialect_counts_frames_from_one(tmp_path: Path) -> None:
    document = {
        "videos": [{"id": 1, "file_name": "MOT17-02-FRCNN"}],
        "images": [{"id": 5 + k, "file_name": f"{k}.jpg", "video_id": 1, "frame_id": k, "width": 9, "height": 8} for k in (1, 2)],
        "annotations": [{"id": 1, "image_id": 7, "category_id": 1, "track_id": 3, "bbox": [1, 2, 3, 4], "iscrowd": 0, "conf": 1}],
        "categories": [{"id": 1, "name": "pedestrian"}],
    }
    (tmp_path / "a.json").write_text(json.dumps(document))
    (found,) = read_results(tmp_path / "a.json")
    assert (found.name, found.length, found.width, found.height) == ("MOT17-02-FRCNN", 2, 9, 8)
    assert_same(found, result([(2, 3, 1, 2, 3, 4, 1, 0)], "MOT17-02-FRCNN"))


def test_the_published_converters_json_is_read(data_dir: Path) -> None:
    found = read_results(data_dir / "expected" / "mot17_val_half_coco.json.gz")
    document_sequences = [f"MOT17-{k:02d}-FRCNN" for k in (2, 4, 5, 9, 10, 11, 13)]
    assert [r.name for r in found] == document_sequences
    assert min(int(r.trajectories.frame_id.min()) for r in found) == 1


def test_csv_takes_columns_in_any_order_and_without_the_optional_ones(tmp_path: Path) -> None:
    (tmp_path / "walk.csv").write_text("track_id,left,top,width,height,frame,note\n3,1,2,3,4,2,hello\n")
    (found,) = read_results(tmp_path / "walk.csv")
    assert_same(found, result([(2, 3, 1, 2, 3, 4, 1)], "walk"))


def test_jsonl_passes_over_what_else_a_program_wrote(tmp_path: Path) -> None:
    (tmp_path / "walk.jsonl").write_text(
        '{"frame": 1, "time": 0, "tracks": [], "counts": {"door": 2}}\n{"frame": 3, "time": 0.2, "tracks": []}\n'
    )
    (found,) = read_results(tmp_path / "walk.jsonl")
    assert (found.length, found.frame_rate, len(found.trajectories)) == (3, 10, 0)


def test_the_demos_json_lines_are_read(tmp_path: Path) -> None:
    track = '{"id": 3, "class": "car", "tlwh": [1.0, 2.0, 3.0, 4.0], "score": 0.5}'
    (tmp_path / "walk.jsonl").write_text(f'{{"frame": 1, "time": 0.0, "tracks": [{track}], "counts": {{}}, "events": []}}\n')
    (found,) = read_results(tmp_path / "walk.jsonl")
    assert_same(found, result([(1, 3, 1, 2, 3, 4, 0.5, 0)], "walk"))
    assert dict(found.class_names) == {0: "car"}


def test_names_only_files_are_numbered_alike_over_a_folder(tmp_path: Path) -> None:
    row = "0 {id} {kind} -1 -1 -10 1 2 3 4 -1 -1 -1 -1000 -1000 -1000 -10 0.5\n"
    (tmp_path / "0000.txt").write_text(row.format(id=0, kind="Car"))
    (tmp_path / "0001.txt").write_text(row.format(id=0, kind="Bus") + row.format(id=1, kind="Car"))
    first, second = read_results(tmp_path)
    assert first.trajectories.class_id.tolist() == [1]
    assert second.trajectories.class_id.tolist() == [0, 1]
    assert dict(first.class_names) == dict(second.class_names) == {0: "Bus", 1: "Car"}


def put(name: str, text: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / name
        if name.endswith(".zip"):
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("gt/gt.txt", text)
        else:
            path.write_text(text)
        return path

    return make


DOCTYPE = '<?xml version="1.0"?>\n<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]>\n<annotations>&c;</annotations>'
BOX = '<box frame="{}" outside="0" xtl="1" ytl="2" xbr="3" ybr="4"/>'
UNKNOWN = BOX.format(0).replace('"0" xtl', '"no" xtl')
GOOD = "0 0 Car 0 0 0 1 2 3 4 0 0 0 0 0 0 0\n"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (put("a.txt", "1,1,1,1,1,1,1,-1,-1,-1\n1,1,1,1,1,1,1,-1,-1,-1\n"), r"a\.txt:2: expected every id once in a frame"),
        (put("a.txt", GOOD + "0 1 Car 0 0 0 1 2 3 4\n"), r"a\.txt:2: expected KITTI's 17 columns, or 18 with a score, got 10"),
        (put("a.txt", GOOD + GOOD), r"a\.txt:2: expected every id once in a frame, got id 1 in frame 1 again"),
        (put("a.txt", GOOD.replace("1 2 3 4", "1 2 x 4")), r"a\.txt:1: expected numbers for the box"),
        (put("a.txt", GOOD.replace("1 2 3 4", "1 2 -3 4")), r"a\.txt:1: expected width and height that are not negative"),
        (put("a.csv", "frame,track_id\n1,1\n"), r"a\.csv:1: expected a header with .*, got no left, top, width, height"),
        (put("a.csv", "frame,track_id,left,top,width,height\n1,1,1,1,1,1\n1,2,1,1,1\n"), r"a\.csv:3: expected 6 columns"),
        (put("a.csv", "frame,track_id,left,top,width,height\n1.5,1,1,1,1,1\n"), r"a\.csv:2: expected a whole number for frame, got '1\.5'"),
        (put("a.csv", "frame,track_id,left,top,width,height\n1,1,nan,1,1,1\n"), r"a\.csv:2: expected finite numbers"),
        (put("a.jsonl", '{"frame": 1, "tracks": []}\n{"frame": 2}\n'), r"a\.jsonl:2: expected"),
        (put("a.jsonl", '{"frame": 0, "tracks": [{"id": 1, "tlwh": [1, 2, 3, 4]}]}\n'), r"a\.jsonl:1: expected a frame and an id"),
        (put("a.xml", DOCTYPE), r"a\.xml:2: expected no DOCTYPE"),
        (put("a.xml", "<annotations>\n<track>"), r"a\.xml:2: not well-formed xml"),
        (put("a.xml", "<html></html>"), r"a\.xml:1: expected CVAT's <annotations>, got <html>"),
        (put("a.xml", "<annotations>\n<image id='0'/></annotations>"), r"a\.xml:2: expected 'CVAT for video'"),
        (
            put("a.xml", f'<annotations><track id="0" label="x">\n{BOX.format(3)}\n{BOX.format(2)}</track></annotations>'),
            r"a\.xml:3: expected the boxes",
        ),
        (
            put("a.xml", '<annotations><track id="0" label="x"><box frame="0"/></track></annotations>'),
            r"a\.xml:1: expected <box> with numbers",
        ),
        (
            put("a.xml", f'<annotations><track id="0" label="x">{BOX.format(0)}{BOX.format(10**9)}</track></annotations>'),
            "expected at most 1000000 boxes between",
        ),
        (
            put("a.xml", '<annotations><track id="0" label="x"><polygon frame="0"/></track></annotations>'),
            "expected tracks of boxes, got <polygon>",
        ),
        (
            put(
                "a.xml",
                f'<annotations>\n<track label="x" id="0" task_id="7">{BOX.format(0)}</track>\n<track task_id="9"/></annotations>',
            ),
            r"a\.xml:3: expected the tracks of one task, got those of tasks 7, 9, .* export every task",
        ),
        (
            put(
                "a.xml",
                '<annotations><track id="0" label="x">' + UNKNOWN + "</track></annotations>",
            ),
            r"a\.xml:1: expected outside to be 0 or 1",
        ),
        (put("a.csv", "frame,frame,track_id,left,top,width,height\n1,5,1,1,1,1,1\n"), r"a\.csv:1: expected every column once, got frame"),
        (put("a.jsonl", '{"frame": 1, "tracks": [{"id": 1, "tlwh": "1234"}]}\n'), r"a\.jsonl:1: expected"),
        (put("a.jsonl", '{"frame": 1, "tracks": [{"id": 9007199254740993, "tlwh": [1, 2, 3, 4]}]}\n'), r"a\.jsonl:1: expected .*993$"),
        (put("a.csv", "frame,track_id,left,top,width,height\n1_0,1,1,1,1,1\n"), r"a\.csv:2: expected a whole number for frame, got '1_0'"),
        (put("a.zip", "1,1,1,1,1,1,1,99,1\n"), r"a\.zip/gt/gt\.txt:1: expected a class from 1 to 12"),
        (put("a.zip", "1,1,1,1\n"), r"a\.zip/gt/gt\.txt:1: expected frame,id,left,top,width,height,not ignored,class,visibility"),
        (put("a.json", "{}"), r"a\.json: expected a COCO json document"),
        (put("a.json", '{"images": [], "annotations": [], "categories": []}'), r"a\.json: expected a COCO json with videos"),
        (put("a.dat", ""), r"a\.dat: expected a file that ends in \.txt"),
    ],
)
def test_mistakes_are_named_by_file_and_line(make: Callable[[Path], Path], message: str, tmp_path: Path) -> None:
    path = make(tmp_path)
    with pytest.raises(FormatError, match=message) as caught:
        read_results(path)
    assert "\n" not in str(caught.value)


def test_classes_that_were_not_asked_for_are_refused_with_their_line(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(GOOD)
    with pytest.raises(FormatError, match=r"a\.txt:1: expected a class among Pedestrian, Van \(classes=\.\.\.\), got 'Car'"):
        read_results(tmp_path / "a.txt", classes=["Pedestrian", "Van"])


def test_an_archive_that_inflates_without_bound_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bytetrack.io.zip_members.LARGEST", 1000)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("gt/gt.txt", b"0" * 1001)
    with pytest.raises(FormatError, match=r"bomb\.zip: 'gt/gt\.txt' in the archive inflates to more than"):
        read_results(tmp_path / "bomb.zip")


@pytest.mark.parametrize("to", ["jsonl", "coco_vid"])
def test_one_wrong_frame_number_does_not_make_a_file_without_end(to: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="lists every frame, at most 10000000: a has a box in frame 1000000000000000"):
        write_results([result([(10**15, 1, 1, 2, 3, 4, 1)], width=9, height=9)], to, tmp_path)


def test_a_sequence_name_never_leads_out_of_the_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be a path"):
        write_results([replace(TWO, name="../outside")], "mot", tmp_path / "out")
    assert not (tmp_path / "outside.txt").exists()


def test_boxes_that_are_fractions_of_the_image_are_refused(tmp_path: Path) -> None:
    rows = [f"A,{frame},1,0.25,0.4,0.1,0.3,0.9\n" for frame in range(1, 12)]
    (tmp_path / "tracks.csv").write_text("sequence,frame,track_id,left,top,width,height,score\n" + "".join(rows))
    with pytest.raises(FormatError, match="A: expected boxes in pixels, got fractions of the image"):
        read_results(tmp_path / "tracks.csv")


def test_a_new_format_is_one_entry_of_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_toy(path: Path, names: Names) -> Result:
        rows = Rows()
        for where, line in read_lines(path):
            frame_id, track_id, *box = (float(word) for word in line.split("|"))
            rows.add(where, int(frame_id), int(track_id), box, 1.0, None)
        return rows.result(path.stem)

    def write_toy(found: Result, path: Path) -> None:
        replace_text(path, "".join(f"{f}|{i}|{'|'.join(map(str, tlwh))}\n" for f, i, tlwh, _, _ in found.rows()))

    monkeypatch.setitem(RESULTS, "toy", ResultFiles(".toy", True, read_toy, write_toy))
    (tmp_path / "tracks").mkdir()
    (tmp_path / "tracks" / "a.txt").write_text(GOOD)
    convert(tmp_path / "tracks", "toy", tmp_path / "there")
    convert(tmp_path / "there", "kitti", tmp_path / "back")
    assert read_results(tmp_path / "back")[0].trajectories.tlwh.tolist() == read_results(tmp_path / "tracks")[0].trajectories.tlwh.tolist()
    with pytest.raises(ValueError, match="jsonl, toy, mot_submission: got 'yolo'"):
        convert(tmp_path / "tracks", "yolo", tmp_path / "out")


@pytest.mark.parametrize(
    "content",
    [
        "frame;track_id;left;top;width;height;score\n1;7;1,5;2;3;4;0,9\n",
        "Frame,Track_ID,Left,Top,Width,Height,Score\n1,7,1.5,2,3,4,0.9\n",
        "frame, track_id, left, top, width, height, score\n1, 7, 1.5, 2, 3, 4, 0.9\n",
        "frame\ttrack_id\tleft\ttop\twidth\theight\tscore\n1\t7\t1.5\t2\t3\t4\t0.9\n",
        "\ufeffframe,track_id,left,top,width,height,score\r\n1,7.0,1.5,2,3,4,0.9\r\n",
    ],
    ids=["semicolons and decimal commas", "capitals", "spaces", "tabs", "a spreadsheet's"],
)
def test_csv_is_read_as_spreadsheets_write_it(content: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(content.encode())
    (found,) = read_results(tmp_path / "a.csv")
    assert (found.trajectories.frame_id.tolist(), found.trajectories.track_id.tolist()) == ([1], [7])
    assert (found.trajectories.tlwh.tolist(), found.trajectories.score.tolist()) == ([[1.5, 2, 3, 4]], [0.9])


def test_text_of_windows_in_utf_16_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("frame".encode("utf-16"))
    with pytest.raises(FormatError, match=r"a\.csv:1: expected text in UTF-8, got UTF-16: save it again"):
        read_results(tmp_path / "a.csv")


def test_cvats_outside_may_be_a_word_and_its_frame_step_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    content = CVAT_XML.replace('frame="6" outside="1"', 'frame="6" outside="True"').replace(
        "</mode>", "</mode><frame_filter>step=2</frame_filter>"
    )
    (tmp_path / "a.xml").write_text(content)
    (found,) = read_results(tmp_path / "a.xml")
    assert found.trajectories.frame_id.tolist() == [1, 2, 3, 4, 5, 6, 9]
    assert "every so many-th frame (step=2)" in caplog.text
