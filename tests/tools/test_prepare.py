"""`tools/prepare.py` as a user runs it."""

from __future__ import annotations

import gzip
import http.server
import json
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


def prepare(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
    command = [sys.executable, str(ROOT / "tools" / "prepare.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=clean | environment, timeout=120, check=False)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Serves `tmp_path/served` on this machine."""
    (tmp_path / "served").mkdir()
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "served"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_the_published_val_half_by_one_command(mot17_dir: Path, data_dir: Path, tmp_path: Path) -> None:
    done = prepare("dataset=mot17_val_half", f"dataset.root={mot17_dir}", f"out={tmp_path}")
    assert done.returncode == 0, done.stderr
    assert "2652 images of 7 sequences, 53890 boxes (0 of them crowd), 339 tracks" in done.stderr
    with gzip.open(data_dir / "expected" / "mot17_val_half_coco.json.gz") as stream:
        published = json.load(stream)
    ours = json.loads((tmp_path / "mot17_val_half.json").read_text())
    assert {key: ours[key] for key in published} == published
    assert [path.name for path in tmp_path.iterdir()] == ["mot17_val_half.json"]


def test_a_dataset_with_a_video_passes_its_check_under_its_own_name(data_dir: Path, tmp_path: Path) -> None:
    done = prepare("dataset=pets09", f"dataset.root={data_dir / 'PETS09-S2L1'}", f"out={tmp_path}", "name=mine", "check=true")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "mine_check.json").read_text())["errors"] == 0
    assert len(json.loads((tmp_path / "mine.json").read_text())["images"]) == 795


def test_a_failed_check_ends_with_status_1_and_no_json(mot17_dir: Path, tmp_path: Path) -> None:
    done = prepare("dataset=mot17_val_half", f"dataset.root={mot17_dir}", f"out={tmp_path}", "check=true")
    assert done.returncode == 1
    assert "missing image folder" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: 7 errors in the dataset")
    assert not (tmp_path / "mot17_val_half.json").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to prepare: give dataset=NAME"),
        (["dataset=nothing"], "Could not find 'dataset/nothing'"),
        (["dataset=mot17_train", "dataset.root=/nowhere"], "dataset.root must be the folder that holds train/"),
        (["dataset=crowdhuman", "dataset.root=/nowhere"], "no odgt file"),
        (["dataset=ethz", "dataset.root=/nowhere", "download=true"], "cannot be fetched by a program"),
        (["weights=yolox_huge"], "there are yolox_nano, yolox_tiny"),
    ],
)
def test_a_mistake_ends_with_one_line(arguments: list[str], message: str, tmp_path: Path) -> None:
    done = prepare(*arguments, f"out={tmp_path}")
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert message in line


def test_what_is_not_the_known_file_is_refused(server: str, tmp_path: Path) -> None:
    (tmp_path / "served" / "yolox_nano.pth").write_bytes(b"other weights")
    with zipfile.ZipFile(tmp_path / "served" / "MOT17.zip", "w") as archive:
        archive.writestr("MOT17/train/x", "")
    done = prepare("weights=yolox_nano", f"weights_folder={tmp_path / 'weights'}", f"mirror={server}")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "expected 7694953 bytes, the server offers 13" in done.stderr
    done = prepare("dataset=mot17_train", f"dataset.root={tmp_path / 'MOT17'}", "download=true", BYTETRACK_MIRROR=server)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert not (tmp_path / "MOT17").exists()


def test_help_names_every_kind_of_dataset_and_its_folders() -> None:
    done = prepare("--help")
    assert done.returncode == 0
    for word in ("mot17", "mot20", "crowdhuman", "citypersons", "ethz", "dancetrack", "bdd100k", "coco", "motchallenge", "pets09"):
        assert word in done.stdout
    assert "annotation_{train,val}.odgt" in done.stdout
