"""`tools/prepare.py` as a user runs it."""

from __future__ import annotations

import gzip
import http.server
import json
import os
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import Verb


@pytest.fixture
def prepare(verb_here: Verb, monkeypatch: pytest.MonkeyPatch) -> Verb:
    """`prepare("dataset=x", ...)`, through no proxy."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    return partial(verb_here, "prepare")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """The verb's own lines are read from the same stream."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Serves `tmp_path/served` on this machine."""
    (tmp_path / "served").mkdir()
    handler = partial(Quiet, directory=str(tmp_path / "served"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_the_published_val_half_by_one_command(prepare: Verb, mot17_dir: Path, data_dir: Path, tmp_path: Path) -> None:
    done = prepare("dataset=mot17_val_half", f"dataset.root={mot17_dir}", f"out={tmp_path}")
    assert done.returncode == 0, done.stderr
    assert "2652 images of 7 sequences, 53890 boxes (0 of them crowd), 339 tracks" in done.stderr
    with gzip.open(data_dir / "expected" / "mot17_val_half_coco.json.gz") as stream:
        published = json.load(stream)
    ours = json.loads((tmp_path / "mot17_val_half.json").read_text())
    assert {key: ours[key] for key in published} == published
    assert [path.name for path in tmp_path.iterdir() if path.name != "working"] == ["mot17_val_half.json"]


def test_a_dataset_with_a_video_passes_its_check_under_its_own_name(prepare: Verb, data_dir: Path, tmp_path: Path) -> None:
    done = prepare("dataset=pets09", f"dataset.root={data_dir / 'PETS09-S2L1'}", f"out={tmp_path}", "name=mine", "check=true")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "mine_check.json").read_text())["errors"] == 0
    assert len(json.loads((tmp_path / "mine.json").read_text())["images"]) == 795


def test_a_failed_check_ends_with_status_1_and_no_json(prepare: Verb, mot17_dir: Path, tmp_path: Path) -> None:
    done = prepare("dataset=mot17_val_half", f"dataset.root={mot17_dir}", f"out={tmp_path}", "check=true")
    assert done.returncode == 1
    assert "missing image folder" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: 7 errors in the dataset")
    assert not (tmp_path / "mot17_val_half.json").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to prepare: give dataset=NAME"),
        (["dataset=nothing"], "no dataset=nothing in prepare: Choices: bdd100k_train"),
        (["dataset=mot17_train", "dataset.root=/nowhere"], "dataset.root must be the folder that holds train/"),
        (["dataset=crowdhuman", "dataset.root=/nowhere"], "no odgt file"),
        (["dataset=ethz", "dataset.root=/nowhere", "download=true"], "cannot be downloaded by a program"),
        (["weights=yolox_huge"], "there are yolox_nano, yolox_tiny"),
    ],
)
def test_a_mistake_ends_with_one_line(prepare: Verb, arguments: list[str], message: str, tmp_path: Path) -> None:
    done = prepare(*arguments, f"out={tmp_path}")
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert message in line


def test_what_is_not_the_known_file_is_refused(prepare: Verb, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "served" / "yolox_nano.pth").write_bytes(b"other weights")
    with zipfile.ZipFile(tmp_path / "served" / "MOT17.zip", "w") as archive:
        archive.writestr("MOT17/train/x", "")
    done = prepare("weights=yolox_nano", f"weights_folder={tmp_path / 'weights'}", f"mirror={server}")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "expected 7694953 bytes, the server offers 13" in done.stderr
    monkeypatch.setenv("BYTETRACK_MIRROR", server)
    done = prepare("dataset=mot17_train", f"dataset.root={tmp_path / 'MOT17'}", "download=true")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert not (tmp_path / "MOT17").exists()


def test_help_names_every_kind_of_dataset_and_its_folders(prepare: Verb) -> None:
    done = prepare("--help")
    assert done.returncode == 0
    for word in ("mot17", "mot20", "crowdhuman", "citypersons", "ethz", "dancetrack", "bdd100k", "coco", "motchallenge", "pets09"):
        assert word in done.stdout
    assert "annotation_{train,val}.odgt" in done.stdout
