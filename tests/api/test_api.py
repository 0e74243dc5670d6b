"""The verbs from Python: same results as the verbs, readers that close, errors in one line, nothing heavy before it is used."""

from __future__ import annotations

import inspect
import itertools
import json
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

import bytetrack
from bytetrack import ByteTracker, Detections, Tracks, Trajectories
from bytetrack.config import home
from bytetrack.detection.recorded import Recorded
from tests.demo.films import RATE, WALKERS, picture, write_detections, write_images, write_video

DATASET = {"subset": "train", "protocol": "mot17"}


class Squares:
    """Finds the squares of `picture` by their colours."""

    class_names = ("orange", "blue")

    def __init__(self) -> None:
        self.calls = 0

    def detect(self, images: list[Any]) -> list[Detections]:
        self.calls += len(images)
        return [self._boxes(image.astype(int)) for image in images]

    def _boxes(self, image: Any) -> Detections:
        found = []
        for number, mask in enumerate((image[..., 2] - image[..., 0] > 100, image[..., 0] - image[..., 2] > 100)):
            ys, xs = np.nonzero(mask)
            if len(xs) > 50:
                found.append((xs.min(), ys.min(), xs.max() + 1, ys.max() + 1, number))
        table = np.array(found, float).reshape(-1, 5)
        return Detections(table[:, :4], np.full(len(table), 0.9), table[:, 4])


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_video(tmp_path / "walk.mp4", 12)


def open_files(path: Path) -> int:
    links = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
    return sum(os.path.exists(link) and os.path.realpath(link) == str(path.resolve()) for link in links)


def stages() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name in ("source", "detect", "track")]


def divide_by_zero(frames: Iterator[Any]) -> None:
    for frame in frames:
        frame.frame_id / 0


def test_a_video_is_tracked_in_three_lines(film: Path) -> None:
    frames = list(bytetrack.track(film, detector=Squares(), tracker="byte_plus"))
    assert [frame.frame_id for frame in frames] == list(range(1, 13))
    assert [round(frame.time * RATE) for frame in frames] == list(range(12))
    assert all(frame.image.shape == (120, 192, 3) for frame in frames)
    assert {tuple(frame.tracks.track_id.tolist()) for frame in frames} == {(1, 2)}
    last = frames[-1]
    expected = [[x + 11 * v, y, x + 11 * v + 20, y + 40] for x, y, v in WALKERS]
    np.testing.assert_allclose(last.tracks.xyxy[np.argsort(last.tracks.class_id)], expected, atol=3)
    assert [last.class_names[i] for i in last.tracks.class_id] == ["orange", "blue"]
    assert (last.detections.xyxy[last.tracks.detection_index] - last.tracks.xyxy).max() < 3


def test_the_rows_are_those_of_the_demo(tmp_path: Path, film: Path, run: Callable[..., Any]) -> None:
    write_detections(tmp_path / "detections", "walk", 12)
    left = run(film, "tracker=byte_plus", "tracker.high_score=0.7", "video=null")
    frames = bytetrack.track(film, Recorded(tmp_path / "detections"), "byte_plus", high_score=0.7)
    bytetrack.write_mot(tmp_path / "ours.txt", Trajectories.from_frames(frame.tracks for frame in frames))
    assert (tmp_path / "ours.txt").read_text() == (left.folder / "walk.txt").read_text()
    assert len(left.rows) == 24


@pytest.mark.parametrize("kind", ["arrays", "array", "paths", "folder", "pattern", "generator"])
def test_images_come_as_arrays_paths_or_folders(tmp_path: Path, kind: str) -> None:
    images = [picture(number) for number in range(4)]
    folder = write_images(tmp_path / "images", images)
    sources = {
        "arrays": images,
        "array": np.stack(images),
        "paths": sorted(folder.glob("*.png")),
        "folder": folder,
        "pattern": f"{folder}/*.png",
        "generator": (image for image in images),
    }
    frames = list(bytetrack.track(sources[kind], Squares(), frame_rate=10))
    assert [len(frame.tracks) for frame in frames] == [2] * 4
    assert [frame.time for frame in frames] == pytest.approx([0, 0.1, 0.2, 0.3])
    assert np.array_equal(frames[3].image, images[3])


def test_one_image_is_a_source_of_one_frame() -> None:
    assert len(list(bytetrack.track(picture(0), Squares()))) == 1


def test_a_generator_is_read_no_further_than_the_loop_has_come() -> None:
    given = 0

    def images() -> Iterator[Any]:
        nonlocal given
        for given in range(1, 100):
            yield picture(given)

    for frame in bytetrack.track(images(), Squares()):
        assert given == frame.frame_id
        if frame.frame_id == 3:
            break
    assert given == 3


def test_memory_is_flat_on_an_endless_source() -> None:
    alive: list[weakref.ref[Any]] = []
    most = 0
    images = (picture(number % 20) for number in itertools.count())
    for frame in itertools.islice(bytetrack.track(images, Squares()), 300):
        alive = [ref for ref in alive if ref() is not None] + [weakref.ref(frame.image)]
        most = max(most, len(alive))
    assert most <= 3


@pytest.mark.parametrize("end", ["break", "error", "close", "with", "unused"])
def test_the_reader_and_its_threads_end_with_the_loop(film: Path, end: str) -> None:
    frames = bytetrack.track(write_video(film.with_name("long.mp4"), 100), Squares())
    if end == "break":
        for _ in frames:
            break
        frames = None  # type: ignore[assignment]
    elif end == "error":
        frames.close()
        with pytest.raises(ZeroDivisionError):
            divide_by_zero(bytetrack.track(film.with_name("long.mp4"), Squares()))
    elif end == "with":
        with frames:
            next(frames)
    elif end == "close":
        next(frames)
        frames.close()
        assert next(frames, None) is None
    else:
        frames = None  # type: ignore[assignment]
    assert not stages()
    assert open_files(film.with_name("long.mp4")) == 0


def test_an_error_of_the_detector_is_raised_in_the_loop_after_the_frames_before_it(film: Path) -> None:
    class Breaks(Squares):
        def detect(self, images: list[Any]) -> list[Detections]:
            found = super().detect(images)
            if self.calls == 6:
                raise RuntimeError("no more")
            return found

    seen: list[int] = []
    with pytest.raises(RuntimeError, match="no more"):
        seen.extend(frame.frame_id for frame in bytetrack.track(film, Breaks()))
    assert seen == [1, 2, 3, 4, 5]
    assert not stages()


def test_a_tracker_is_a_name_one_of_its_kind_or_what_makes_it(film: Path) -> None:
    rates = []

    def make(frame_rate: float | None = None) -> ByteTracker:
        rates.append(frame_rate)
        return ByteTracker(paper_exact=False, high_score=0.5, frame_rate=frame_rate)

    own = ByteTracker(paper_exact=False, high_score=0.5)
    forms = ["byte", own, make, lambda: ByteTracker(paper_exact=False)]
    ids = [[frame.tracks.track_id.tolist() for frame in bytetrack.track(film, Squares(), form)] for form in forms]
    assert ids[1:] == [ids[0]] * 3
    assert set(rates[1:]) == {float(RATE)}
    assert own.update(Detections([[0, 0, 9, 9]], [0.9])).track_id.tolist() == [1]  # a copy was used


def test_the_size_and_shape_filter_is_the_demos(film: Path) -> None:
    assert sum(len(frame.tracks) for frame in bytetrack.track(film, Squares(), min_box_area=1200)) == 0
    assert sum(len(frame.tracks) for frame in bytetrack.track(film, Squares(), max_aspect_ratio=0.4)) == 0
    assert len(list(bytetrack.track(film, Squares(), max_frames=3))) == 3


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda film: bytetrack.track(film, Squares(), "byet"),
            ValueError,
            r"no tracker 'byet': did you mean byte\? there are boosttrack, botsort, byte,",
        ),
        (lambda film: bytetrack.track(film, Squares(), "byte", hi_score=1), ValueError, "no setting 'hi_score': did you mean high_score"),
        (lambda film: bytetrack.track(film, Squares(), "byte", high_score=2), ValueError, "high_score"),
        (lambda film: bytetrack.track(film, Squares(), ByteTracker, high_score=2), ValueError, "of a tracker given by name: got a type"),
        (lambda film: bytetrack.track(film, Squares(), 7), ValueError, "tracker must be a name, a tracker or a function that makes one"),
        (lambda film: bytetrack.track(film, "yolox_q"), OSError, "no weights 'yolox_q': expected a .pth, .pth.tar, .onnx or .xml file"),
        (lambda film: bytetrack.track(film, object()), ValueError, r"an object with detect\(images\): got a object"),
        (lambda film: bytetrack.track("nowhere.mp4", Squares()), OSError, "no source 'nowhere.mp4'"),
        (lambda film: bytetrack.track("nowhere.mp4", "yolox_q"), OSError, "no source 'nowhere.mp4'"),
        (lambda film: bytetrack.track(3.5, Squares()), ValueError, "source must name a video, a folder or a camera, or hold images"),
        (lambda film: bytetrack.track(film, Squares(), max_frames=0), ValueError, "max_frames must be at least 1"),
        (lambda film: bytetrack.track(film, Squares(), embedder="histo"), ValueError, "no embedder 'histo': did you mean histogram"),
        (lambda film: list(bytetrack.track([np.zeros((9, 9))], Squares())), ValueError, r"image 1: expected a uint8 array .* got float64"),
        (lambda film: list(bytetrack.track(["no.png"], Squares())), OSError, "no.png"),
        (lambda film: bytetrack.evaluate("nowhere", "mot17_val_half", "nowhere"), OSError, "no folder 'nowhere/train'"),
        (
            lambda film: bytetrack.evaluate("nowhere", "mot17_vla_half"),
            ValueError,
            "no dataset 'mot17_vla_half': did you mean mot17_val_half",
        ),
        (lambda film: bytetrack.evaluate("x", "mot15", path="y"), ValueError, "dataset mot15 has no setting 'path'"),
        (lambda film: bytetrack.evaluate("x", object(), "y"), ValueError, "root is a setting of a dataset given by name: got a object"),
        (lambda film: bytetrack.read_mot("nowhere.txt"), OSError, "nowhere.txt"),
        (lambda film: bytetrack.read_mot(film.parent), ValueError, "expected a file, got a folder"),
        (
            lambda film: bytetrack.track(film, Squares(), frame_rate=-1),
            ValueError,
            r"frame_rate must be a number in \[0.001, 1e\+06\]: got -1",
        ),
        (lambda film: bytetrack.draw(np.zeros((9, 9), np.uint8), None), ValueError, r"images must be uint8 arrays .* got uint8 \(9, 9\)"),
        (lambda film: bytetrack.Trajectories.from_pandas([1]), ValueError, "expected a pandas DataFrame, got a list"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_there_is(
    film: Path, call: Callable[[Path], Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message) as caught:
        call(film)
    assert "\n" not in str(caught.value)
    assert not stages()


@pytest.mark.parametrize("answer", [None, [], [1], Detections.empty(), [Detections.empty()] * 2])
def test_a_detector_that_returns_something_else_is_told_what_is_expected(answer: Any) -> None:
    class Wrong:
        def detect(self, images: list[Any]) -> Any:
            return answer

    with pytest.raises(ValueError, match=r"Wrong.detect must return a list with one Detections for each image, got .*bytetrack.adapters"):
        next(bytetrack.track([picture(0)], Wrong()))


def test_the_defaults_are_those_of_the_demo_and_of_score() -> None:
    demo = yaml.safe_load((home() / "configs" / "demo.yaml").read_text())
    score = yaml.safe_load((home() / "configs" / "score.yaml").read_text())
    ours = {name: parameter.default for name, parameter in inspect.signature(bytetrack.track).parameters.items()}
    groups = {name: choice for entry in demo["defaults"] if isinstance(entry, dict) for name, choice in entry.items()}
    assert (ours["detector"], ours["tracker"], list(ours["classes"])) == (demo["weights"], groups["tracker"], demo["classes"])
    for name in ("max_frames", "every", "min_box_area", "max_aspect_ratio"):
        assert ours[name] == demo[name]
    assert {"dataset": inspect.signature(bytetrack.evaluate).parameters["dataset"].default} in score["defaults"]


def test_scores_are_those_of_the_verb(tiny: Path, verb_here: Callable[..., Any], tmp_path: Path) -> None:
    folder = tiny / "results"
    folder.mkdir()
    for name in "AB":
        rows = [line.split(",") for line in (tiny / "train" / name / "gt" / "gt.txt").read_text().splitlines()]
        (folder / f"{name}.txt").write_text("".join(f"{','.join(row[:6])},1,-1,-1,-1\n" for row in rows[2:] if row[6] == "1"))
    settings = [f"dataset.{name}={value}" for name, value in DATASET.items()]
    settings += [f"dataset.root={tiny}", f"tracks={folder}", "workers=1", "out=run"]
    assert verb_here("score", "dataset=motchallenge", *settings).returncode == 0
    run = tmp_path / "working" / "run"
    scores = bytetrack.evaluate(run, dataset="motchallenge", root=tiny, out=tmp_path / "ours", **DATASET)
    assert (tmp_path / "ours" / "scores.json").read_text() == (run / "scores.json").read_text()
    assert (tmp_path / "ours" / "report.html").exists()
    expected = json.loads((run / "scores.json").read_text())
    assert scores.combined["HOTA"] == expected["trackeval"]["COMBINED"]["HOTA"] < 100
    assert scores.paper == expected["motmetrics"]["OVERALL"]
    assert list(scores.sequences) == ["A", "B"]
    table = scores.to_pandas()
    assert list(table.index) == ["A", "B", "COMBINED"]
    assert table.loc["COMBINED", "HOTA"] == scores.combined["HOTA"]
    assert "per_alpha" not in table.columns
    assert repr(scores).startswith("Scores(2 sequences: HOTA 83.33, MOTA 83.33, IDF1 90.91")
    assert "all sequences" in scores._repr_html_()


def test_scoring_writes_nothing_unless_told(tiny: Path, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    for name in "AB":
        (folder / f"{name}.txt").write_text("1,1,15,20,20,50,1,-1,-1,-1\n")
    before = sorted(path for path in tmp_path.rglob("*"))
    assert bytetrack.evaluate(folder, "motchallenge", tiny, **DATASET).combined["FN"] == 22
    assert sorted(path for path in tmp_path.rglob("*")) == before


def test_a_drawn_picture_is_new_and_shows_each_track() -> None:
    image = picture(0)
    tracks = Tracks(np.array([[10.0, 20, 30, 60]]), np.array([7]), np.array([0.9]), np.array([1]), np.array([0]))
    drawn = bytetrack.draw(image, tracks)
    assert np.array_equal(image, picture(0))
    assert (drawn != image).any(2)[18:62, 8:32].any()
    assert not np.array_equal(drawn, bytetrack.draw(image, tracks, class_names=["a", "b"], scores=True))
    with pytest.raises(ValueError, match="as many"):
        bytetrack.draw(image, tracks, labels=["a", "b"])


def test_a_frame_shows_itself_as_a_picture(film: Path) -> None:
    frame = next(bytetrack.track(film, Squares()))
    shown = cv2.imdecode(np.frombuffer(frame._repr_jpeg_(), np.uint8), cv2.IMREAD_COLOR)
    assert shown.shape == frame.image.shape
    assert repr(frame) == "TrackedFrame(1 at 0.00 s, 192x120, Tracks(2 identities: 1, 2))"


def test_a_result_file_is_read_and_written(tmp_path: Path) -> None:
    trajectories = Trajectories(np.array([1, 2]), np.array([1, 1]), np.array([[0.0, 1, 2, 3]] * 2), np.array([0.5, 1]), np.array([2, 2]))
    bytetrack.write_mot(tmp_path / "a.txt", trajectories)
    again = bytetrack.read_mot(str(tmp_path / "a.txt"))
    assert (again.tlwh == trajectories.tlwh).all()
    assert again.class_id.tolist() == [2, 2]


LIGHT = """
import sys, bytetrack
{use}
print(sorted({{'torch', 'cv2', 'hydra', 'omegaconf', 'pandas', 'av', 'trackeval', 'yaml'}} & set(sys.modules)))
"""


@pytest.mark.parametrize(
    "use", ["", "bytetrack.track, bytetrack.evaluate, bytetrack.draw, bytetrack.Scores", "bytetrack.read_mot('a.txt')"]
)
def test_nothing_heavy_loads_before_it_is_used(tmp_path: Path, use: str) -> None:
    (tmp_path / "a.txt").write_text("1,1,0,0,5,5,1,-1,-1,-1\n")
    code = LIGHT.format(use=use)
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=here())
    assert process.stdout.strip() == "[]", process.stderr


NUMPY_AND_NUMBA = """
import sys
for name in ("scipy", "cv2", "torch", "pandas", "yaml", "trackeval", "motmetrics", "av", "rich", "PIL"):
    sys.modules[name] = None
import bytetrack
trajectories = bytetrack.read_mot("a.txt")
bytetrack.write_mot("b.txt", trajectories)
print(repr(trajectories), trajectories._repr_html_()[:7])
"""


def test_result_files_are_read_and_written_where_only_numpy_and_numba_are_installed(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("1,1,0,0,5,5,1,-1,-1,-1\n")
    process = subprocess.run([sys.executable, "-c", NUMPY_AND_NUMBA], capture_output=True, text=True, cwd=tmp_path, env=here())
    assert process.stdout == "Trajectories(1 box of 1 identity in frames 1 to 1) <table>\n", process.stderr
    assert (tmp_path / "b.txt").is_file()


def here() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(home())}


LACKING = """
import sys
sys.modules[{module!r}] = None
import numpy as np, bytetrack
try:
    {use}
except ModuleNotFoundError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("module", "use", "message"),
    [
        ("cv2", "bytetrack.track('a.mp4', object())", "bytetrack.track needs cv2, which is not installed: pip install opencv-python"),
        ("av", "bytetrack.track('a.mp4', object())", "bytetrack.track needs av, which is not installed: pip install av"),
        ("cv2", "bytetrack.draw(None, None)", "bytetrack.draw needs cv2, which is not installed: pip install opencv-python"),
        ("yaml", "bytetrack.evaluate('a')", "bytetrack.evaluate needs yaml, which is not installed: pip install pyyaml"),
        (
            "pandas",
            "bytetrack.Trajectories.from_frames([]).to_pandas()",
            "Trajectories.to_pandas needs pandas, which is not installed: pip install pandas",
        ),
    ],
)
def test_a_package_that_is_not_there_is_named(tmp_path: Path, module: str, use: str, message: str) -> None:
    code = LACKING.format(module=module, use=use)
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=here())
    assert process.stdout.startswith(message), process.stderr
    assert process.stdout.count("\n") == 1


def test_hydra_is_not_needed_to_track_and_to_score(tmp_path: Path, tiny: Path) -> None:
    write_images(tmp_path / "images", [picture(number) for number in range(3)])
    (tmp_path / "results").mkdir()
    for name in "AB":
        (tmp_path / "results" / f"{name}.txt").write_text("1,1,15,20,20,50,1,-1,-1,-1\n")
    write_detections(tmp_path / "found", "images", 3)
    code = (
        "import sys; sys.modules['hydra'] = sys.modules['omegaconf'] = sys.modules['torch'] = None\n"
        "import bytetrack; from bytetrack.detection.recorded import Recorded\n"
        "print([len(frame.tracks) for frame in bytetrack.track('images', Recorded('found'))])\n"
        f"print(bytetrack.evaluate('results', 'motchallenge', {str(tiny)!r}, subset='train', protocol='mot17').combined['FN'])"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=here())
    assert process.stdout.split("\n")[:2] == ["[2, 2, 2]", "22"], process.stderr
