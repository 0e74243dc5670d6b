"""`tools/track.py` as a user meets it."""

from __future__ import annotations

import io
import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from PIL import Image

from tests.conftest import Verb
from tests.tools.one_line import failed

DATASET = ("dataset=motchallenge", "dataset.subset=train", "dataset.protocol=mot17", "workers=1")


@pytest.mark.slow
def test_half_val_gives_the_papers_row_box_for_box(verb, data_dir: Path, mot17_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = verb(
        "track", "dataset=mot17_val_half", f"dataset.root={mot17_dir}", "detector=recorded",
        f"detector.folder={data_dir / 'detections' / 'yolox_x_ablation'}", "tracker=byte", f"out={out}",
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    expected = json.loads((data_dir / "expected" / "scores.json").read_text())["byte_paper"]
    scores = json.loads((out / "scores.json").read_text())
    combined, overall = scores["trackeval"]["COMBINED"], scores["motmetrics"]["OVERALL"]
    assert {k: combined[k] for k in expected["trackeval"]["COMBINED_SEQ"]} == pytest.approx(expected["trackeval"]["COMBINED_SEQ"], abs=6e-4)
    assert {k: overall[k] for k in expected["motmetrics_overall"]} == pytest.approx(expected["motmetrics_overall"], abs=6e-4)
    files = sorted((data_dir / "expected" / "tracks" / "byte_paper").glob("*.txt"))
    assert [path.name for path in sorted((out / "tracks").iterdir())] == [path.name for path in files]
    for path in files:
        ours, theirs = ((f / path.name).read_text().replace("-0.0,", "0.0,").splitlines() for f in (out / "tracks", path.parent))
        assert sorted(ours) == sorted(theirs), path.name
    config = yaml.safe_load((out / "config.yaml").read_text())
    assert config["tracker"]["match_cost"] == 0.9
    assert config["min_box_area"] == 100
    assert config["made_by"]["versions"]["trackeval"]
    assert (out / "report.html").stat().st_size > 10_000
    assert "67.80" in process.stdout
    assert "76.53" in process.stdout
    assert str(out / "report.html") in process.stdout


def test_public_detections_of_a_small_dataset_are_tracked_and_scored(verb, tiny: Path, tmp_path: Path) -> None:
    process = verb("track", *DATASET, f"dataset.root={tiny}", "detector=public", "workers=2", "out=run")
    assert process.returncode == 0, process.stderr
    out = tmp_path / "working" / "run"
    scores = json.loads((out / "scores.json").read_text())["trackeval"]
    assert (scores["COMBINED"]["MOTA"], scores["COMBINED"]["FP"], scores["COMBINED"]["gt_boxes"]) == (100, 0, 24)
    assert (out / "tracks" / "A.txt").read_text().splitlines()[0] == "1,1,15.0,20.0,20.0,50.0,0.9,-1,-1,-1"
    assert [path.name for path in (tmp_path / "working").iterdir()] == ["run"]


def test_settings_of_single_sequences_come_from_the_config(verb_here, tiny: Path, tmp_path: Path) -> None:
    recorded = ("detector=recorded", f"detector.folder={tiny / 'detections'}")
    process = verb_here(
        "track", *DATASET, f"dataset.root={tiny}", *recorded, "+per_sequence.B.high_score=0.95", "+per_sequence.B.low_score=0.9", "out=run"
    )
    assert process.returncode == 0, process.stderr
    tracks = tmp_path / "working" / "run" / "tracks"
    assert len((tracks / "A.txt").read_text().splitlines()) == 18
    assert (tracks / "B.txt").read_text() == ""


def test_without_ground_truth_tracks_are_written_and_no_scores(verb_here, tiny: Path, tmp_path: Path) -> None:
    for name in "AB":
        (tiny / "train" / name / "gt" / "gt.txt").unlink()
    process = verb_here("track", *DATASET, f"dataset.root={tiny}", "detector=public", "out=run")
    assert process.returncode == 0, process.stderr
    assert "no ground truth, so not scored: A, B" in process.stderr
    assert sorted(path.name for path in (tmp_path / "working" / "run").iterdir()) == ["config.yaml", "detection_scores", "tracks"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tracker.match_thresh=0.8"], "track has no setting 'tracker.match_thresh': did you mean tracker.match_cost? --help shows all"),
        (["tracker=bite"], "no tracker=bite in track: did you mean tracker=byte? Choices: boosttrack, botsort, byte, "),
        (["dataset.pattern=C*"], "matches 'C*'; found A, B (2)"),
        (["dataset.root=/nowhere"], "no folder '/nowhere/train': dataset.root must be the folder that holds train/"),
        (["detector=recorded"], "detector.folder must be given: detector.folder=..."),
        (["detector=recorded", "detector.folder=/nowhere"], "no folder '/nowhere': detector.folder must hold "),
        (["+per_sequence.A.speed=9"], "per_sequence: A's tracker has no setting 'speed': there are "),
        (["per_sequence={A: {hi_score: 0.5}}"], "per_sequence: A's tracker has no setting 'hi_score': did you mean high_score?"),
        (["workers=0"], "workers must be at least 1"),
        (["dataset.pattern=[A"], "matches '[A'; found A, B (2)"),
        (["min_box_area=[1"], "min_box_area: no viable alternative at input '[1'. In a shell, quote lists and braces"),
        (["compare=/nowhere"], "no scores.json in '/nowhere': compare must name the folder of an earlier run"),
    ],
)
def test_a_mistake_ends_with_one_line(verb_here, tiny: Path, arguments: list[str], message: str) -> None:
    assert message in failed(verb_here("track", *DATASET, f"dataset.root={tiny}", "detector=public", "out=run", *arguments))


def test_a_wrong_line_of_a_detections_file_is_named(verb_here, tiny: Path) -> None:
    path = tiny / "detections" / "B.txt"
    path.write_text(path.read_text() + "3,-1,10,20\n")
    message = failed(
        verb_here("track", *DATASET, f"dataset.root={tiny}", "detector=recorded", f"detector.folder={tiny / 'detections'}", "out=run")
    )
    assert f"{path}:19: " in message
    assert "got 4: '3,-1,10,20'" in message


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_at_once_without_a_traceback(data_dir: Path, mot17_dir: Path, tmp_path: Path, number: int, code: int) -> None:
    folder = data_dir / "detections" / "yolox_x_ablation"
    tool = Path(__file__).resolve().parents[2] / "tools" / "track.py"
    command = [sys.executable, str(tool), f"dataset.root={mot17_dir}", f"detector.folder={folder}", f"out={tmp_path / 'run'}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    while not (tmp_path / "run").exists():
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == code, stderr
    assert stderr == ("stopped by Ctrl-C\n" if number == signal.SIGINT else "")
    assert not (tmp_path / "run" / "scores.json").exists()


@pytest.mark.parametrize("console", [False, True], ids=["python tools/track.py", "bytetrack track"])
def test_help_teaches(verb, console: bool) -> None:
    process = verb("track", "--help", console=console)
    assert process.returncode == 0, process.stderr
    for text in ("detector.folder=DIR", "Example:", "<out>/report.html", "dataset: ", "mot17_val_half", "match_cost: 0.9"):
        assert text in process.stdout, text


def test_an_unknown_verb_lists_the_verbs(verb) -> None:
    process = verb("trick", console=True)
    assert process.returncode == 2
    assert "no verb 'trick'" in process.stderr
    assert "track" in process.stderr


def test_a_verb_here_closes_no_handler_that_was_there_before(verb_here, tiny: Path) -> None:
    class Closing(logging.StreamHandler):
        def close(self) -> None:
            self.stream.close()

    handler = Closing(io.StringIO())
    assert verb_here("track", *DATASET, f"dataset.root={tiny}", "detector=public", "out=run").returncode == 0
    assert not handler.stream.closed


def test_kitti_is_tracked_and_scored_class_by_class(verb_here, tmp_path: Path) -> None:
    (tmp_path / "kitti/training/label_02").mkdir(parents=True)
    (tmp_path / "found").mkdir()
    labels, found = [], []
    for frame in range(8):
        for identity, (kind, number, x) in enumerate((("Car", 1, 100 + 4 * frame), ("Pedestrian", 4, 400 + 2 * frame))):
            labels.append(f"{frame} {identity} {kind} 0 0 -10 {x} 100 {x + 60} 180 0 0 0 0 0 0 0\n")
            found.append(f"{frame + 1},-1,{x},100,60,80,0.9,{number},-1,-1\n")
    (tmp_path / "kitti/training/label_02/0000.txt").write_text("".join(labels))
    (tmp_path / "found/0000.txt").write_text("".join(found))
    detector = ("detector=recorded", f"detector.folder={tmp_path}/found", "detector.class_names=[none,car,van,truck,pedestrian]")
    process = verb_here("track", "dataset=kitti_train", f"dataset.root={tmp_path}/kitti", *detector, "out=run", "workers=1")
    assert process.returncode == 0, process.stderr
    scores = json.loads((tmp_path / "working/run/scores.json").read_text())
    assert {kind: of["COMBINED"]["MOTA"] for kind, of in scores["classes"].items()} == {"car": 100, "pedestrian": 100}
    assert "TrackEval, class by class" in process.stdout
    thin = verb_here(
        "track",
        "dataset=kitti_train",
        f"dataset.root={tmp_path}/kitti",
        *detector,
        "dataset.every=2",
        "frame_rate=30",
        "out=thin",
        "workers=1",
    )
    assert thin.returncode == 0, thin.stderr
    assert json.loads((tmp_path / "working/thin/scores.json").read_text())["trackeval"]["COMBINED"]["frames"] == 4


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("min_box_area=nan", "min_box_area must be a finite number: got nan (null stands for no limit"),
        ("dataset.max_aspect_ratio=inf", "dataset.max_aspect_ratio must be a finite number: got inf"),
        ("per_sequence={A: {match_cost: nan}}", "per_sequence.A.match_cost must be a finite number: got nan"),
        ("max_aspect_ratio=-1", "max_aspect_ratio must be a positive number, or null for none: got -1"),
    ],
)
def test_numbers_that_cannot_be_right_are_refused(verb_here, tiny: Path, setting: str, message: str) -> None:
    recorded = (
        "dataset=motchallenge",
        f"dataset.root={tiny}",
        "dataset.subset=train",
        f"detector.folder={tiny / 'detections'}",
        "workers=1",
    )
    assert message in failed(verb_here("track", *recorded, setting, "out=run"))


def test_thresholds_that_no_box_reaches_are_named(verb_here, tiny: Path) -> None:
    data = ("dataset=motchallenge", f"dataset.root={tiny}", "dataset.subset=train", f"detector.folder={tiny / 'detections'}", "workers=1")
    process = verb_here("track", *data, "tracker.new_track_score=0.95", "out=run")
    assert process.returncode == 0, process.stderr
    assert "A: no track was started: highest score 0.90, tracker.new_track_score is 0.95" in process.stderr
    assert "A: no track is left of 18 boxes" in verb_here("track", *data, "min_box_area=1e6", "out=other").stderr
    scored = verb_here("score", *data[:3], "tracks=run", "workers=1", "out=scored")
    assert "A: no track was started: highest score 0.90, tracker.new_track_score is 0.95" in scored.stderr
    for run in ("run", "scored"):
        html = Path(run, "report.html").read_text()
        assert "<b>A</b>: no track was started: highest score 0.90, tracker.new_track_score is 0.95." in html
        assert ">new_track_score 0.95</text>" in html


def test_settings_for_a_sequence_that_there_is_not_are_named_with_the_nearest(verb_here, tiny: Path) -> None:
    words = [*DATASET, f"dataset.root={tiny}", "detector=public", "out=run"]
    process = verb_here("track", *words, "per_sequence={A: {high_score: 0.5}, A1: {high_score: 0.5}, 2024_01_15: {high_score: 0.5}}")
    assert process.returncode in (0, None)
    assert "per_sequence: no sequence is called A1, so its settings are not used: did you mean A?" in process.stderr
    assert "per_sequence: no sequence is called 2024_01_15, so its settings are not used: there are A, B" in process.stderr
    assert "called A," not in process.stderr


def test_a_network_describes_what_it_finds_once_and_its_finds_are_replayed(verb_here, data_dir: Path, tmp_path: Path) -> None:
    for name, frames in (("A", 4), ("B", 3)):
        (tmp_path / "set" / name / "img1").mkdir(parents=True)
        picture = next((data_dir / "coco").glob("*785.jpg")).read_bytes()
        for frame in range(1, frames + 1):
            (tmp_path / "set" / name / "img1" / f"{frame:06d}.jpg").write_bytes(picture)
        lines = ["[Sequence]", f"name={name}", f"seqLength={frames}", "frameRate=10", "imWidth=640", "imHeight=425"]
        (tmp_path / "set" / name / "seqinfo.ini").write_text("\n".join(lines))
    words = [
        "dataset=motchallenge", f"dataset.root={tmp_path / 'set'}", "tracker=byte_plus", "embedder=detector", "workers=1",
        "detector=yolox_nano", f"detector.weights={data_dir / 'weights' / 'yolox_nano.pth'}", "detector.input_size=[256,384]",
        "detector.device=cpu", f"detections={tmp_path / 'found'}",
    ]  # fmt: skip
    first = verb_here("track", *words, "out=first")
    assert first.returncode in (0, None), first.stderr
    second = verb_here("track", *words, "out=second")
    assert "2 of 2 sequences replayed" in second.stderr
    assert Path("first/tracks/A.txt").read_text()
    assert Path("second/tracks/A.txt").read_text() == Path("first/tracks/A.txt").read_text()
    plain = verb_here("track", *words, "embedder=none", "out=plain")
    assert "replayed" not in plain.stderr  # other finds: these have no features
    assert Path("plain/tracks/B.txt").read_text() == Path("first/tracks/B.txt").read_text()
    refused = verb_here("track", *words[:5], "detector=public", "out=refused")
    assert "embedder=detector takes the features of a YOLOX, and Public has none" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_demo_follows_by_what_the_network_itself_sees_of_several_sources(verb_here, data_dir: Path, tmp_path: Path) -> None:
    picture = next((data_dir / "coco").glob("*785.jpg")).read_bytes()
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        for frame in range(1, 5):
            (tmp_path / name / f"{frame}.jpg").write_bytes(picture)
    words = ["tracker=byte_plus", "embedder=detector", f"weights={data_dir / 'weights' / 'yolox_nano.pth'}", "video=null"]
    process = verb_here("demo", *words, f"source=[{tmp_path / 'one'},{tmp_path / 'other'}]", "out=several")
    assert process.returncode in (0, None), process.stderr
    alone = verb_here("demo", *words, f"source={tmp_path / 'one'}", "out=alone")
    assert alone.returncode in (0, None), alone.stderr
    assert Path("alone/one.txt").read_text()
    assert Path("several/one/one.txt").read_text() == Path("alone/one.txt").read_text()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("tracker.high_score=0,6", "tracker.high_score is given two values, 0 and 6: a decimal point is tracker.high_score=0.6"),
        ("frame_rate=0", "frame_rate must be a positive number: got 0"),
        ("min_box_area=big", "min_box_area must be a finite number, or null for none: got 'big'"),
        ("out=train/A/seqinfo.ini", "out must be a folder: 'train/A/seqinfo.ini' is none, or lies in a file"),
        ("out=train/A/seqinfo.ini/x", "out must be a folder: 'train/A/seqinfo.ini/x' is none, or lies in a file"),
        ("out=gr\udcfcn", r"'out=gr\udcfcn' is not UTF-8, and its name could not be written to any file: rename it"),
    ],
)
def test_settings_that_people_write_otherwise_are_one_line(
    verb_here: Verb, tiny: Path, monkeypatch: pytest.MonkeyPatch, setting: str, message: str
) -> None:
    monkeypatch.chdir(tiny)
    settings = ("dataset=motchallenge", "dataset.root=train", "detector=public", "workers=1", "out=new", setting)
    assert message in verb_here("track", *settings).stderr.splitlines()[-1]
    assert not (tiny / "new" / "scores.json").exists()


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("compare", ("runs=[gone,away]",)),
        ("demo", ("source=train/A/det", "detector=recorded", "detector.folder=gone")),
        ("demo", ("source=[a.png,a.png]", "detector=recorded", "detector.folder=gone")),
        ("track", ("dataset=motchallenge", "dataset.root=train", "detector.folder=gone")),
    ],
)
def test_a_verb_that_cannot_begin_leaves_no_folder(
    verb_here: Verb, tiny: Path, monkeypatch: pytest.MonkeyPatch, name: str, settings: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tiny)
    Image.new("RGB", (9, 9)).save("a.png")
    before = sorted(path.name for path in tiny.iterdir())
    assert failed(verb_here(name, *settings, "out=new/run"))
    assert sorted(path.name for path in tiny.iterdir()) == before


def test_classes_of_ground_truth_that_the_protocol_does_not_know_are_named(verb_here: Verb, tiny: Path) -> None:
    truth = tiny / "train" / "A" / "gt" / "gt.txt"
    truth.write_text(truth.read_text().replace(",1,1,1\n", ",1,0,1\n"))
    settings = ("dataset=motchallenge", f"dataset.root={tiny}/train", "dataset.protocol=mot17", "detector=public", "workers=1", "out=o")
    said = verb_here("track", *settings).stderr
    assert "the ground truth has class 0, and mot17 knows 1 (pedestrian) to 13: dataset.protocol=mot15 looks at no class" in said
