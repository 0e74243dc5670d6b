"""MOT text files to values and back, and what is said of a wrong one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bytetrack import Annotations, FormatError, MissingDataError, Sequence, Trajectories
from bytetrack.data.datasets import MotChallenge
from bytetrack.io import read_annotations, read_detections, read_trajectories, write_trajectories

GOOD = "1,1,10,20,30,40,0.9,-1,-1,-1\n"


@pytest.fixture
def text(tmp_path: Path):
    def write(content: str | bytes, name: str = "a.txt") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_ground_truth_has_nine_columns_with_class_and_visibility(text) -> None:
    found = read_annotations(text("2,1,1,2,3,4,0,7,0.25\n1,1,1,2,3,4,1,1,1\n"))
    assert found.frame_id.tolist() == [1, 2]
    assert found.considered.tolist() == [True, False]
    assert found.class_id.tolist() == [1, 7]
    assert found.visibility.tolist() == [1, 0.25]


@pytest.mark.parametrize("line", ["1,9,499,158,31.03,75.17,1,-4.1554,-7.3591,0", "1,9,499,158,31.03,75.17,1"])
def test_ground_truth_of_mot15_has_no_classes(text, line: str) -> None:
    found = read_annotations(text(line))
    assert found.class_id.tolist() == [1]
    assert found.visibility.tolist() == [1]
    assert found.tlwh.tolist() == [[499, 158, 31.03, 75.17]]


def test_a_half_is_cut_and_renumbered(text) -> None:
    path = text("".join(f"{frame},5,{frame},2,3,4,1,1,1\n" for frame in range(1, 11)))
    half = Sequence("a", length=4, frame_rate=30, width=9, height=9, first_frame=7, ground_truth=path, last_frame=10)
    found = read_annotations(half)
    assert found.frame_id.tolist() == [1, 2, 3, 4]
    assert found.tlwh[:, 0].tolist() == [7, 8, 9, 10]


def test_a_sequence_without_ground_truth_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="MOT17-01 has no ground truth"):
        read_annotations(Sequence("MOT17-01", 1, 30, 9, 9))


def test_half_val_ground_truth_equals_the_published_converters(data_dir: Path, mot17_dir: Path) -> None:
    for sequence in MotChallenge(mot17_dir, "train", "val", "*-FRCNN").sequences():
        found = read_annotations(sequence)
        expected = read_annotations(data_dir / "expected" / "val_half_gt" / f"{sequence.name}.txt")
        for field in ("frame_id", "track_id", "tlwh", "considered", "class_id"):
            assert np.array_equal(getattr(found, field), getattr(expected, field)), (sequence.name, field)
        assert np.abs(found.visibility - expected.visibility).max() < 0.6e-6  # written there to six decimals


def test_published_result_files_are_written_as_they_were(data_dir: Path, tmp_path: Path) -> None:
    for path in sorted((data_dir / "expected" / "tracks" / "byte_paper").glob("*.txt")):
        write_trajectories(tmp_path / path.name, read_trajectories(path))
        written = (tmp_path / path.name).read_text().splitlines()
        expected = path.read_text().replace("-0.0,", "0.0,").splitlines()
        assert written == sorted(expected, key=lambda line: [int(field) for field in line.split(",")[:2]])


def test_rows_are_written_by_frame_then_id_to_a_tenth_of_a_pixel(tmp_path: Path) -> None:
    trajectories = Trajectories(
        np.array([2, 1, 1]),
        np.array([1, 20, 3]),
        np.array([[1, 2, 3, 4], [-0.04, 0.26, 1.25, 2], [158.64, 165.55, 50.7, 136.8]]),
        np.array([-1, 0.987, 1.0]),
    )
    write_trajectories(tmp_path / "new" / "a.txt", trajectories)
    assert (tmp_path / "new" / "a.txt").read_text().splitlines() == [
        "1,3,158.6,165.6,50.7,136.8,1.0,-1,-1,-1",
        "1,20,0.0,0.3,1.2,2.0,0.99,-1,-1,-1",
        "2,1,1.0,2.0,3.0,4.0,-1,-1,-1,-1",
    ]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.txt"]


def test_classes_travel_in_the_eighth_column(tmp_path: Path) -> None:
    one = np.array([1])
    write_trajectories(tmp_path / "a.txt", Trajectories(one, one, np.ones((1, 4)), np.ones(1), np.array([3])))
    assert read_trajectories(tmp_path / "a.txt").class_id.tolist() == [3]
    (tmp_path / "a.txt").write_text(GOOD)
    assert read_trajectories(tmp_path / "a.txt").class_id is None


tenths = st.integers(-20000, 20000).map(lambda n: n / 10)
boxes = st.tuples(tenths, tenths, tenths.map(abs), tenths.map(abs))


@given(st.dictionaries(st.tuples(st.integers(1, 40), st.integers(0, 2**40)), st.tuples(boxes, st.integers(0, 100)), max_size=30))
def test_what_is_written_is_read_again(tmp_path_factory, rows: dict) -> None:
    path = tmp_path_factory.mktemp("round_trip") / "a.txt"
    keys = list(rows)
    tlwh = np.array([rows[key][0] for key in keys]).reshape(-1, 4)
    frame_id, track_id = (np.array([key[i] for key in keys], dtype=np.int64) for i in (0, 1))
    write_trajectories(path, Trajectories(frame_id, track_id, tlwh, np.array([rows[key][1] / 100 for key in keys])))
    found = read_trajectories(path)
    assert list(zip(found.frame_id.tolist(), found.track_id.tolist(), strict=True)) == sorted(keys)
    assert found.tlwh.tolist() == [list(rows[key][0]) for key in sorted(keys)]
    assert found.score.tolist() == [rows[key][1] / 100 for key in sorted(keys)]


@given(st.one_of(st.text("01239,.-+e \t\r\n#naif_x\x0c\u2028"), st.text(), st.lists(st.just(GOOD) | st.text("019,.-\n")).map("".join)))
def test_whatever_a_file_holds_is_read_or_refused(tmp_path_factory, content: str) -> None:
    path = tmp_path_factory.mktemp("any") / "a.txt"
    path.write_bytes(content.encode("utf-8", "surrogatepass"))
    refused = []
    for read in (read_trajectories, read_annotations, lambda path: read_detections(path, 1, 9)):
        try:
            read(path)
        except FormatError as error:
            refused.append(str(error))
    assert all(message.startswith(str(path)) and "\n" not in message for message in refused)


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + GOOD.encode(),
        GOOD.replace("\n", "\r\n").encode(),
        b"\n" + GOOD.encode() + b"\n\n",
        GOOD.replace(",", ", ").encode(),
        GOOD.replace(",", "  ").encode(),
        b"1.0,1.0,1e1,20.0,30,40,.9,-1,-1,-1",
    ],
    ids=["byte order mark", "CRLF", "empty lines", "spaces after commas", "white space", "other spellings"],
)
def test_harmless_variants_are_read(text, content: bytes) -> None:
    found = read_trajectories(text(content))
    assert found.tlwh.tolist() == [[10, 20, 30, 40]]
    assert (found.frame_id.tolist(), found.track_id.tolist(), found.score.tolist()) == ([1], [1], [0.9])


@pytest.mark.parametrize("content", ["", "\n", "\ufeff"])
def test_an_empty_file_is_a_file_without_boxes(text, content: str) -> None:
    path = text(content)
    assert len(read_trajectories(path)) == 0
    assert isinstance(read_annotations(path), Annotations)
    assert len(read_annotations(path)) == 0
    detections = read_detections(path, 1, 3)
    assert (len(detections), detections.xyxy.shape) == (3, (0, 4))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,2,3,4", "expected 10 columns frame,id,left,top,width,height,score,-1,-1,-1, got 4: '1,2,3,4'"),
        ("3,1,10,20,30,40,0.9,-1,-1", "expected 10 columns as in the lines before, got 9: '3,1,10,20,30,40,0.9,-1,-1'"),
        ("3,1,10,twenty,30,40,0.9,-1,-1,-1", "expected numbers, got '3,1,10,twenty,"),
        ("3,1,10,,30,40,0.9,-1,-1,-1", "expected numbers, got"),
        ("# a comment", "got 1: '# a comment'"),
        ("3,1,10,nan,30,40,0.9,-1,-1,-1", "expected finite numbers, got"),
        ("3,1,10,20,inf,40,0.9,-1,-1,-1", "expected finite numbers, got"),
        ("3,1,10,20,1e999,40,0.9,-1,-1,-1", "expected finite numbers, got"),
        ("3.5,1,10,20,30,40,0.9,-1,-1,-1", "expected whole numbers for frame and id, got"),
        ("3,1.5,10,20,30,40,0.9,-1,-1,-1", "expected whole numbers for frame and id, got"),
        ("3,1e300,10,20,30,40,0.9,-1,-1,-1", "expected whole numbers for frame and id, got"),
        ("0,1,10,20,30,40,0.9,-1,-1,-1", "expected a frame from 1, got"),
        ("6,1,10,20,30,40,0.9,-1,-1,-1", "expected a frame within the sequence's 1..5, got"),
        ("3,-1,10,20,30,40,0.9,-1,-1,-1", "expected an id that is not negative, got"),
        ("3,1,10,20,-30,40,0.9,-1,-1,-1", "expected width and height that are not negative, got"),
        ("1,1,11,20,30,40,0.9,-1,-1,-1", "expected every id once in a frame, got '1,1,11,"),
    ],
)
def test_a_wrong_line_is_named_exactly(text, line: str, message: str) -> None:
    path = text(f"{GOOD}\n2,1,10,20,30,40,0.9,-1,-1,-1\n{line}\n5,1,10,20,30,40,0.9,-1,-1,-1\n")
    with pytest.raises(FormatError) as caught:
        read_trajectories(path, length=5)
    assert str(caught.value).startswith(f"{path}:4: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_score_in_ground_truth_is_refused_as_it_would_not_be_scored(text) -> None:
    with pytest.raises(FormatError, match=r"a\.txt:2: expected conf 1, or 0 for a box that is not scored.*, got '2,1,"):
        read_annotations(text("1,1,10,20,30,40,1,1,1\n2,1,10,20,30,40,0.93,1,1\n"))


def test_results_with_corners_in_place_of_sizes_are_refused_where_the_images_size_is_known(text) -> None:
    path = text("".join(f"{frame},1,{600 - frame},200,{650 - frame},300,1,-1,-1,-1\n" for frame in range(1, 31)))
    assert len(read_trajectories(path)) == 30
    with pytest.raises(FormatError, match=r"a\.txt:1: expected left, top, width, height \(the last two of every box are its right"):
        read_trajectories(path, size=(768, 576))


def test_the_first_wrong_line_counts_where_all_are_wrong(text) -> None:
    with pytest.raises(FormatError, match=r"a\.txt:1: expected 10 columns .*, got 6: '1,1,10,20,30,40'"):
        read_trajectories(text("1,1,10,20,30,40\n2,1,10,20,30,40\n"))


def test_a_box_without_area_is_read(text) -> None:
    assert read_trajectories(text("1,1,10,20,0.0,40,0.9,-1,-1,-1")).tlwh.tolist() == [[10, 20, 0, 40]]


def test_bytes_that_are_not_text_are_refused(text) -> None:
    with pytest.raises(FormatError, match="expected text, got bytes that are not UTF-8"):
        read_trajectories(text(b"\x80\x81PNG"))


def test_a_missing_file_says_what_is_there(text, tmp_path: Path) -> None:
    text(GOOD, "b.txt")
    with pytest.raises(MissingDataError, match=r"no file '.*a\.txt'; the folder holds b\.txt \(1\)"):
        read_trajectories(tmp_path / "a.txt")
    with pytest.raises(MissingDataError, match="there is no folder"):
        read_trajectories(tmp_path / "nowhere" / "a.txt")


def test_detections_keep_the_files_order_within_a_frame(text) -> None:
    path = text("5,-1,5,0,1,1,0.5\n4,-1,1,0,1,1,0.1\n4,-1,9,0,1,1,0.9\n1,-1,0,0,1,1,1\n5,-1,2,0,1,1,0.2\n")
    found = read_detections(path, first_frame=4, length=3, last_frame=6)
    assert [frame.score.tolist() for frame in found] == [[0.1, 0.9], [0.5, 0.2], []]
    assert found.frame(1).xyxy.tolist() == [[1, 0, 2, 1], [9, 0, 10, 1]]


def test_detections_numbered_from_the_half_are_refused(text) -> None:
    path = text("1,-1,5,0,1,1,0.5\n299,-1,5,0,1,1,0.5\n")
    with pytest.raises(FormatError, match=r"no box in frames 302\.\.600, only in 1\.\.299: frames must be numbered as in the whole"):
        read_detections(path, first_frame=302, length=299, last_frame=600)


def test_detections_beyond_the_sequence_are_refused(text) -> None:
    with pytest.raises(FormatError, match=r"a\.txt:1: expected a frame within the sequence's 1\.\.6"):
        read_detections(text("7,-1,5,0,1,1,0.5\n"), first_frame=1, length=3, last_frame=6)


def test_scores_outside_the_unit_interval_are_refused_or_mapped(text, caplog: pytest.LogCaptureFixture) -> None:
    path = text("1,-1,5,0,1,1,-1.5\n1,-1,5,0,1,1,0.5\n2,-1,5,0,1,1,2.5\n")
    with pytest.raises(FormatError, match=r"a\.txt:1: expected a score in \[0, 1\]"):
        read_detections(path, 1, 2)
    with caplog.at_level("WARNING", "bytetrack"):
        assert read_detections(path, 1, 2, scores="robust").score.tolist() == [0, 2 / 3.6, 1]  # 2.1 is the 90th percentile
    assert "a.txt: scores of -1.5 to 2.5 mapped: -1.5 becomes 0, 2.1 and above 1" in caplog.text
    assert read_detections(path, 2, 1, scores="minmax").score.tolist() == [1]  # the range is the whole file's
    inside = text("1,-1,5,0,1,1,0.25\n1,-1,5,0,1,1,0.5\n")
    assert read_detections(inside, 1, 1, scores="robust").score.tolist() == [0.25, 0.5]
    assert read_detections(text("1,-1,5,0,1,1,1.0000001\n1,-1,5,0,1,1,0.5\n"), 1, 1).score.tolist() == [1, 0.5]


@pytest.mark.parametrize("read", [read_annotations, read_trajectories, lambda path: read_detections(path, 1, 2)])
def test_boxes_that_are_fractions_of_the_image_are_refused(text, read) -> None:
    path = text("1,1,0.25,0.4,0.1,0.3,1\n2,1,0.26,0.4,0.1,0.3,1\n")
    with pytest.raises(FormatError, match=r"a\.txt:1: expected boxes in pixels \(all are fractions of the image: multiply them"):
        read(path)


@pytest.mark.parametrize(
    ("rows", "classes", "visibility"),
    [
        (["1,1,1,2,3,4,1,2,-1,-1", "2,1,1,2,3,4,1,3,-1,-1"], [2, 3], [1, 1]),  # results, and annotation tools
        (["1,1,1,2,3,4,1,2.5,-1,-1", "2,1,1,2,3,4,1,3,-1,-1"], [1, 1], [1, 1]),  # MOT15: world coordinates
        (["1,1,1,2,3,4,1,0,-1,-1", "2,1,1,2,3,4,1,0,-1,-1"], [1, 1], [1, 1]),
        (["1,1,1,2,3,4,1,0.25", "2,1,1,2,3,4,1,1"], [1, 1], [0.25, 1]),  # no class: the visibility
        (["1,1,1,2,3,4,1,2", "2,1,1,2,3,4,1,1"], [2, 1], [1, 1]),
    ],
)
def test_what_the_eighth_column_of_ground_truth_means(text, rows: list[str], classes: list[int], visibility: list[float]) -> None:
    found = read_annotations(text("\n".join(rows)))
    assert found.class_id.tolist() == classes
    assert found.visibility.tolist() == visibility


def test_a_class_that_is_no_whole_number_and_an_id_that_is_not_exact_are_refused(text) -> None:
    with pytest.raises(FormatError, match=r"a\.txt:2: expected a class that is a whole number"):
        read_annotations(text("1,1,1,2,3,4,1,1,1\n2,1,1,2,3,4,1,1.5,1"))
    with pytest.raises(FormatError, match=r"a\.txt:1: expected whole numbers for frame and id"):
        read_trajectories(text(GOOD.replace("1,1,", f"1,{2**53 + 1},", 1)))


def test_few_corners_are_warned_of_once(text, caplog: pytest.LogCaptureFixture) -> None:
    path = text("".join(f"{k},1,{500 + 2 * k},350,{530 + 2 * k},410,0.9,-1,-1,-1\n" for k in range(1, 8)))
    for _ in range(2):
        read_trajectories(path, size=(640, 480))
    assert [record.getMessage().partition(": ")[2] for record in caplog.records] == [
        "its boxes are read as left, top, width, height, and look like left, top, right, bottom: if they are, subtract left and top"
    ]
