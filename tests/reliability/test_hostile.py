"""Hostile input: nothing of it executes, nothing leaves its folder, nothing fills the memory."""

from __future__ import annotations

import contextlib
import logging
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from bytetrack.config import build, build_untrusted, compose, home
from bytetrack.errors import FormatError
from bytetrack.executors import Processes
from campaigns import good_files as good
from tests.conftest import Verb
from tests.reliability import hostile

GIB = 2**30


def peak() -> int:
    """The most memory this process ever had, in bytes."""
    resource = pytest.importorskip("resource", reason="Windows does not count a process's peak this way")
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * 1024


def load_weights(path: Path) -> object:
    from bytetrack.detection.network import read_checkpoint

    return read_checkpoint(path)


def load_last(path: Path) -> object:
    from bytetrack.training.checkpoint import read

    return read(path)


def load_store(path: Path) -> object:
    from bytetrack.detection.store import DetectionStore
    from bytetrack.structures import Sequence

    return DetectionStore(path.parent.parent, "key").load(Sequence("A", good.FRAMES, 30, good.WIDTH, good.HEIGHT))


def load_onnx(path: Path) -> object:
    from bytetrack.detection.onnx import Onnx

    return Onnx(path, classes=None, threads=1).detect([np.zeros((64, 64, 3), np.uint8)])


LOADERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "weights": ("weights.pth", load_weights),
    "published weights": ("weights.pth.tar", load_weights),
    "resume": ("last.pth", load_last),
    "store": ("A.000001-000006.npz", load_store),
    "onnx": ("network.onnx", load_onnx),
}


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("kind", hostile.PICKLES)
def test_a_pickle_that_runs_code_is_refused_and_runs_nothing(tmp_path: Path, kind: str, loader: str) -> None:
    name, load = LOADERS[loader]
    mark, path = tmp_path / "ran", tmp_path / "key" / name
    good.write(tmp_path, {f"key/{name}": hostile.PICKLES[kind](mark)})
    with pytest.raises(FormatError, match=name):
        load(path)
    assert not mark.exists()


@pytest.mark.parametrize("location", ["../secret.bin", "{}/secret.bin", "/etc/passwd", "a/../../secret.bin"])
def test_an_onnx_file_reads_no_data_outside_its_folder(tmp_path: Path, location: str) -> None:
    (tmp_path / "secret.bin").write_bytes(bytes(84 * 6 * 4))
    (tmp_path / "a").mkdir()
    path = tmp_path / "a" / "network.onnx"
    path.write_bytes(hostile.outside_data(tmp_path, location.format(tmp_path)))
    with pytest.raises(FormatError, match=r"network\.onnx"):
        load_onnx(path)


def test_an_onnx_file_that_wants_terabytes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "network.onnx").write_bytes(hostile.onnx_bomb())
    with pytest.raises(FormatError, match=r"network\.onnx"):
        load_onnx(tmp_path / "network.onnx")


@pytest.mark.parametrize(
    ("name", "bomb"), [("a.png", hostile.png_bomb), ("a.jpg", hostile.jpeg_bomb), ("a.bmp", hostile.bmp_bomb)], ids=["png", "jpg", "bmp"]
)
def test_a_picture_that_claims_gigapixels_is_refused_before_it_is_decoded(tmp_path: Path, name: str, bomb: Callable[[], bytes]) -> None:
    from bytetrack.video.read import read_image

    (tmp_path / name).write_bytes(bomb())
    before = peak()
    with pytest.raises(FormatError, match=r"claims|truncated|cannot"):
        read_image(tmp_path / name)
    assert peak() - before < GIB


def test_a_video_that_claims_gigapixels_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    from bytetrack.video.read import Video
    from bytetrack.video.source import open_source

    path = tmp_path / "a.avi"
    path.write_bytes(hostile.avi_bomb())
    before = peak()
    for opened in (Video, lambda p: list(open_source(str(p)))):
        with pytest.raises(FormatError, match=r"a\.avi"):
            opened(path).read(1)
    assert peak() - before < GIB


@pytest.mark.parametrize("content", [hostile.BILLION_LAUGHS, hostile.OTHER_FILE], ids=["billion laughs", "other file"])
def test_xml_that_declares_entities_is_refused(tmp_path: Path, content: bytes) -> None:
    from bytetrack.data.convert import read_results as read

    (tmp_path / "a.xml").write_bytes(content)
    with pytest.raises(FormatError, match="DOCTYPE"):
        read(tmp_path / "a.xml")
    (tmp_path / "a.zip").write_bytes(good.archive({"annotations.xml": content}))
    with pytest.raises(FormatError, match="DOCTYPE"):
        read(tmp_path / "a.zip")


CALLS: list[dict[str, Any]] = [
    {"_target_": "os.system", "command": "touch ran"},
    {"_target_": "bytetrack.config.os.system", "command": "touch ran"},
    {"_target_": "bytetrack.config.subprocess.run", "args": ["touch", "ran"]},
    {"_target_": "bytetrack.runtime.atomic.replace_text", "path": {"_target_": "pathlib.Path", "_args_": ["ran"]}, "text": ""},
    {
        "_target_": "bytetrack.runtime.atomic.replace_text",
        "path": {"_target_": "bytetrack.runtime.atomic.Path", "_args_": ["ran"]},
        "text": "",
    },
    {"_target_": "bytetrack.config.run_verb", "name": "../../../tmp/evil", "arguments": []},
    {"_target_": "bytetrack.demo.outputs.Outputs", "folder": ".", "name": "ran", "class_names": [], "with_events": False},
    {"_target_": "torch.optim.optimizer.torch.hub.load", "repo_or_dir": "x", "model": "y"},
    {"_target_": "torch.optim.SGD.__init__.__globals__"},
    {"_target_": "bytetrack.ByteTracker", "high_score": {"_target_": "builtins.exec", "_args_": ["open('ran', 'w')"]}},
    {"_target_": "bytetrack.ByteTracker", "high_score": [{"x": {"_target_": "builtins.eval", "_args_": ["open('ran', 'w')"]}}]},
    {"_target_": "bytetrack.ByteTracker", "_partial_": True, "high_score": {"_target_": "subprocess.Popen", "args": ["touch", "ran"]}},
]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: str(call)[:70])
def test_the_config_of_somebody_else_calls_nothing_but_what_the_shipped_ones_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: dict[str, Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="names _target_"):
        build_untrusted(call)
    assert not list(tmp_path.iterdir())


def test_a_class_of_ones_own_is_built_and_is_refused_in_what_others_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text("class Tracker:\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert type(build({"_target_": "mine.Tracker"})).__name__ == "Tracker"
    with pytest.raises(ValueError, match=r"config\.yaml names _target_ 'mine\.Tracker'.* with trust=true"):
        build_untrusted({"_target_": "mine.Tracker"})


def test_every_shipped_config_may_call_what_it_names() -> None:
    from bytetrack.config import plain
    from bytetrack.config.building import _is_allowed, _targets

    for path in sorted((home() / "configs").glob("*.yaml")):
        if path.stem != "base":
            from omegaconf import OmegaConf

            assert all(_is_allowed(target) for target in _targets(OmegaConf.to_container(compose(path.stem), resolve=False)))
    assert plain({}) == {}


EVIL = {"_target_": "evil.touch"}
RUN_PARTS: dict[str, dict[str, Any]] = {
    "dataset": {"dataset": EVIL},
    "detector": {"detector": EVIL},
    "tracker": {"tracker": EVIL},
    "nested": {"tracker": {"_target_": "bytetrack.ByteTracker", "high_score": EVIL}},
    "camera motion": {"camera_motion": EVIL},
    "one sequence": {"per_sequence": {"A": EVIL}},
    "interpolated": {"tracker": {"_target_": "${oc.env:EVIL}"}},
}


@pytest.fixture
def two_runs(verb_here: Verb, tmp_path: Path) -> list[Path]:
    """Run folders that can be compared and replayed, and `evil.py`, whose function leaves the file `ran`."""
    data = {"A/seqinfo.ini": good.SEQINFO.encode(), "A/gt/gt.txt": good.ground_truth(), "A/det/det.txt": good.detections()}
    good.write(tmp_path / "data", data)
    good.write(tmp_path, {"evil.py": f"def touch(**_): open({str(tmp_path / 'ran')!r}, 'w')\n".encode()})
    words = ["dataset=motchallenge", f"dataset.root={tmp_path / 'data'}", "dataset.protocol=mot15", "detector=public", "workers=1"]
    assert verb_here("track", *words, f"out={tmp_path / 'a'}").returncode in (0, None)
    return [tmp_path / "a", Path(shutil.copytree(tmp_path / "a", tmp_path / "b"))]


@pytest.mark.slow
def test_a_run_folder_of_somebody_else_runs_nothing_when_it_is_compared(
    two_runs: list[Path], verb_here: Verb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = two_runs[1] / "config.yaml"
    document = yaml.safe_load(config.read_text())
    monkeypatch.setenv("EVIL", "evil.touch")
    monkeypatch.syspath_prepend(tmp_path)
    for name, part in RUN_PARTS.items():
        config.write_text(yaml.safe_dump({**document, **part}))
        process = verb_here("compare", f"runs=[{two_runs[0]},{two_runs[1]}]", "copies=1", "workers=1", "out=both")
        said = process.stdout + process.stderr
        assert "names _target_" in said, (name, said)
        assert "Traceback" not in said, (name, said)
        assert not (tmp_path / "ran").exists(), name


@pytest.mark.slow
def test_a_run_of_ones_own_class_is_compared_where_it_is_trusted(two_runs: list[Path], tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "own.py").write_text("from bytetrack import ByteTracker\n\n\nclass Own(ByteTracker):\n    pass\n")
    for run in two_runs:
        document = yaml.safe_load((run / "config.yaml").read_text())
        (run / "config.yaml").write_text(yaml.safe_dump({**document, "tracker": {"_target_": "own.Own"}}))
    words = ["--config-dir=mine", "runs=[a,b]", "copies=1", "workers=2", "out=both"]
    for trust, replayed in (("false", False), ("true", True)):
        command = [sys.executable, str(home() / "tools" / "compare.py"), *words, f"trust={trust}"]
        process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
        assert process.returncode == 0, process.stderr
        assert ("is not replayed with jitter" not in process.stderr) is replayed


@pytest.mark.slow
def test_a_verb_takes_no_config_from_the_folder_in_which_it_runs(tmp_path: Path) -> None:
    """The data of somebody else may lie there, with files of the names that Hydra looks for."""
    evil = b"# @package _global_\ntracker: {_target_: evil.touch}\nhydra: {callbacks: {x: {_target_: evil.touch}}}\n"
    names = ["track", "base", "config", "tracker/byte", "experiment/mot17_ablation", "configs/tracker/byte", "exps/experiment/x"]
    names += [".hydra/config", ".hydra/hydra", "hydra/config", "conf/config"]
    data = {"data/A/seqinfo.ini": good.SEQINFO.encode(), "data/A/gt/gt.txt": good.ground_truth(), "data/A/det/det.txt": good.detections()}
    plugin = {"hydra_plugins/evil/__init__.py": b"open('ran', 'w')\n", "evil.py": b"def touch(**_): open('ran', 'w')\n"}
    good.write(tmp_path, {**data, **plugin, **{f"{name}.yaml": evil for name in names}})
    words = ["dataset=motchallenge", "dataset.root=data", "detector=public", "out=out", "workers=1"]
    process = subprocess.run(
        [sys.executable, str(home() / "tools" / "track.py"), *words], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert process.returncode == 0, process.stderr
    assert (tmp_path / "out" / "scores.json").is_file()
    assert not (tmp_path / "ran").exists()


def test_no_option_puts_another_config_in_the_place_of_the_verbs_own(tmp_path: Path) -> None:
    from bytetrack.config.guarding import take_config_dir

    for word in ("--config-name=train", "--config-path=/tmp"):
        with pytest.raises(ValueError, match="use --config-dir"):
            take_config_dir([word])


NAMES = ["../evil", "/tmp/evil", "a/../../evil", "..", "a\x00b", "x" * 300, "C:\\evil", "a/b"]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_sequence_name_in_a_file_is_never_a_path(tmp_path: Path, name: str) -> None:
    import json

    from bytetrack.data.convert import convert

    document = json.loads(good.coco())
    document["videos"][0]["name"] = name
    table = good.table().replace(b"A,", name.encode() + b",")
    good.write(tmp_path, {"in/a.json": json.dumps(document).encode(), "in/a.csv": table})
    for file in ("in/a.json", "in/a.csv"):
        with contextlib.suppress(ValueError, OSError):
            convert(tmp_path / file, "mot", tmp_path / "deep" / "out")
    written = [path for path in tmp_path.rglob("*") if path.is_file() and path.parent.name != "in"]
    assert all(path.parent == tmp_path / "deep" / "out" for path in written)
    assert not Path("/tmp/evil.txt").exists()


@pytest.mark.parametrize("name", ["../../secret.jpg", "/etc/passwd", "a/../../secret.jpg"])
def test_a_json_that_names_images_outside_its_folder_is_not_prepared(tmp_path: Path, name: str) -> None:
    from bytetrack.data.converters import CocoFile

    good.write(tmp_path, {"secret.jpg": good.picture(".jpg"), "data/a.json": good.coco().replace(b"000001.jpg", name.encode())})
    with pytest.raises(FormatError, match="outside"):
        CocoFile(tmp_path / "data", images=".").to_coco()


def run_folder(root: Path, name: str) -> Path:
    files = {"seqinfo.ini": good.SEQINFO.encode(), "gt/gt.txt": good.ground_truth(), "det/det.txt": good.detections()}
    good.write(root / "data" / name, files)
    return root / "data"


@pytest.mark.parametrize("name", [hostile.MARKUP, "A[red]", "</script><script>alert(1)</script>".replace("/", "⁄")], ids=ascii)
def test_markup_in_a_sequence_name_stays_text_in_report_and_terminal(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    from bytetrack import ByteTracker, pipeline
    from bytetrack.data.datasets import MotChallenge
    from bytetrack.detection.recorded import Public

    caplog.set_level(logging.INFO)
    dataset = MotChallenge(run_folder(tmp_path, name))
    out = tmp_path / "run [" / f"b] {name}"
    job = pipeline.TrackJob(Public(), lambda _: ByteTracker(), out / "tracks", "mot15")
    scores = pipeline.score_sequences(job, dataset.sequences(), out, Processes(1))
    pipeline.report_results(scores, dataset, out, None)
    html = (out / "report.html").read_text(encoding="utf-8")
    assert "<img src=x" not in html
    assert html.count("<script") == html.count("</script>") == 2
    shown = capsys.readouterr().out
    assert name[:8] in shown


def test_a_sequence_name_that_steers_the_terminal_is_refused(tmp_path: Path) -> None:
    from bytetrack.config.explaining import one_line
    from bytetrack.data.datasets import MotChallenge

    with pytest.raises(FormatError, match="must be printable") as caught:
        MotChallenge(run_folder(tmp_path, "A\x1b[2J")).sequences()
    assert "\x1b" not in one_line("doctor", caught.value)


def test_markup_in_a_line_stays_text_in_the_table_of_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from bytetrack.data.datasets import MotChallenge
    from bytetrack.data.prepare import prepare_checked

    data = run_folder(tmp_path, "A")
    (data / "A" / "gt" / "gt.txt").write_text("1,1,[/b],2,3,4,1,1,1\n")
    with pytest.raises(FormatError, match="1 errors"):
        prepare_checked(MotChallenge(data), tmp_path / "out" / "a.json", images=False)
    assert "[/b]" in capsys.readouterr().err
