"""Downloads from a server on this machine: resumed, checked, never half in place."""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bytetrack.data import download
from bytetrack.data.download import Remote, fetch, fetch_dataset, fetch_weights
from bytetrack.data.published import PUBLISHED
from bytetrack.errors import MissingDataError

CONTENT = bytes(range(256)) * 4000


class Server(ThreadingHTTPServer):
    """Serves `files`, drops the connection after the byte counts in `cuts` (one a request), and notes the ranges asked for."""

    files: dict[str, bytes]
    cuts: list[int]
    ranges: list[str | None]
    etag: str | None = '"one"'
    honours_range: bool = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.ranges.append(wanted)
        content = self.server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        start = 0
        valid = self.headers.get("If-Range", self.server.etag) == self.server.etag
        if wanted and self.server.honours_range and valid:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content) - start))
        if self.server.etag:
            self.send_header("ETag", self.server.etag)
        self.end_headers()
        cut = self.server.cuts.pop(0) if self.server.cuts else len(content)
        self.wfile.write(content[start : start + cut])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(download, "FIRST_PAUSE", 0.0)
    server = Server(("127.0.0.1", 0), Handler)
    server.files, server.cuts, server.ranges = {"/file.bin": CONTENT}, [], []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_file_arrives_whole_and_is_not_fetched_twice(server: Server, tmp_path: Path) -> None:
    path = fetch(f"{server.url}/file.bin", tmp_path / "a" / "b.bin", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))
    assert path.read_bytes() == CONTENT
    assert [file.name for file in path.parent.iterdir()] == ["b.bin"]
    fetch(f"{server.url}/file.bin", path)
    assert server.ranges == [None]


def test_a_dropped_connection_goes_on_where_it_ended(server: Server, tmp_path: Path) -> None:
    server.cuts = [1000, 500_000]
    assert fetch(f"{server.url}/file.bin", tmp_path / "f").read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=1000-", "bytes=501000-"]


@pytest.mark.parametrize("etag", ['"one"', None])
def test_a_later_run_goes_on_where_an_earlier_one_ended(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, etag: str | None
) -> None:
    server.etag, server.cuts = etag, [70_000]
    with monkeypatch.context() as once:
        once.setattr(download, "ATTEMPTS", 1)
        with pytest.raises(OSError, match="ended after 70000 of 1024000 bytes; run the same command again"):
            fetch(f"{server.url}/file.bin", tmp_path / "f")
    assert not (tmp_path / "f").exists()
    assert fetch(f"{server.url}/file.bin", tmp_path / "f").read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=70000-"]


def test_bytes_of_two_versions_never_join(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.cuts = [70_000]
    monkeypatch.setattr(download, "ATTEMPTS", 1)
    with pytest.raises(OSError, match="ended after"):
        fetch(f"{server.url}/file.bin", tmp_path / "f")
    server.etag, server.files["/file.bin"] = '"two"', CONTENT[::-1]
    assert fetch(f"{server.url}/file.bin", tmp_path / "f").read_bytes() == CONTENT[::-1]


def test_a_server_without_ranges_starts_again(server: Server, tmp_path: Path) -> None:
    server.cuts, server.honours_range = [1000], False
    assert fetch(f"{server.url}/file.bin", tmp_path / "f").read_bytes() == CONTENT


def test_a_part_that_was_complete_is_taken(server: Server, tmp_path: Path) -> None:
    (tmp_path / "f.part").write_bytes(CONTENT)
    assert fetch(f"{server.url}/file.bin", tmp_path / "f").read_bytes() == CONTENT
    (tmp_path / "g.part").write_bytes(CONTENT + b"more")
    assert fetch(f"{server.url}/file.bin", tmp_path / "g").read_bytes() == CONTENT


def test_wrong_bytes_are_refused_and_thrown_away(server: Server, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected SHA-256 0000"):
        fetch(f"{server.url}/file.bin", tmp_path / "f", sha256="0" * 64)
    with pytest.raises(OSError, match=r"expected 7 bytes, the server offers 1024000: not the file this version knows; fetch it by hand$"):
        fetch(f"{server.url}/file.bin", tmp_path / "f", size=7)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "f").write_bytes(b"other")
    with pytest.raises(ValueError, match="expected 1024000 bytes, got 5; delete it"):
        fetch(f"{server.url}/file.bin", tmp_path / "f", size=len(CONTENT))
    assert (tmp_path / "f").read_bytes() == b"other"


def test_what_the_server_refuses_is_said_at_once(server: Server, tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"/none\.bin: the server answers 404"):
        fetch(f"{server.url}/none.bin", tmp_path / "f")
    assert len(server.ranges) == 1


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/y", "/etc/passwd", "data:,x"])
def test_only_http_addresses_are_fetched(url: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected an http or https address"):
        fetch(url, tmp_path / "f")


def test_weights_come_by_name_from_the_mirror(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = Remote("https://nowhere.invalid/yolox_nano.pth", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    monkeypatch.setitem(download.WEIGHTS, "yolox_nano", known)
    server.files["/m/yolox_nano.pth"] = CONTENT
    monkeypatch.setenv("BYTETRACK_CACHE", str(tmp_path / "cache"))
    assert fetch_weights("yolox_nano", mirror=f"{server.url}/m/") == tmp_path / "cache" / "yolox_nano.pth"
    monkeypatch.setenv("BYTETRACK_MIRROR", f"{server.url}/m")
    assert fetch_weights("yolox_nano", folder=tmp_path / "own").read_bytes() == CONTENT
    with pytest.raises(ValueError, match="no weights called 'yolov8': there are yolox_nano, yolox_tiny"):
        fetch_weights("yolov8")


def test_every_weights_file_has_a_sum_and_an_official_address() -> None:
    for name, remote in download.WEIGHTS.items():
        assert remote.url == f"https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0/{name}.pth"
        assert len(bytes.fromhex(remote.sha256 or "")) == 32


def test_an_archive_becomes_the_dataset_folder(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("MOT17/train/MOT17-02-FRCNN/seqinfo.ini", "[Sequence]")
    server.files["/MOT17.zip"] = stream.getvalue()
    monkeypatch.setitem(download.ARCHIVES, "mot17", Remote("https://nowhere.invalid/MOT17.zip"))
    root = fetch_dataset("mot17_val_half", tmp_path / "data" / "mine", mirror=server.url)
    assert (root / "train" / "MOT17-02-FRCNN" / "seqinfo.ini").read_text() == "[Sequence]"
    assert [path.name for path in root.parent.iterdir()] == ["mine"]
    fetch_dataset("mot17_val_half", root, mirror=server.url)
    assert len(server.ranges) == 1


def test_a_dataset_behind_a_form_comes_with_instructions(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match=r"crowdhuman_train cannot be downloaded.*crowdhuman\.org.*dataset\.root"):
        fetch_dataset("crowdhuman_train", tmp_path / "none")
    with pytest.raises(MissingDataError, match="download=true knows mot17, mot20"):
        fetch_dataset("mine", tmp_path / "none")


def test_a_published_checkpoint_is_not_fetched_and_one_line_says_where_it_is_and_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BYTETRACK_CACHE", str(tmp_path))
    monkeypatch.setattr(download, "fetch", lambda *_: pytest.fail("it cannot be fetched"))
    with pytest.raises(MissingDataError) as caught:
        fetch_weights("bytetrack_s_mot17")
    place, told = tmp_path / "bytetrack_s_mot17.pth.tar", str(caught.value)
    assert f"bytetrack_s_mot17 is not at {place}: " in told
    assert "open https://drive.google.com/file/d/1uSmhXzyV1Zvb4TJJCzpsZOIcw7CCJLxj/view (from https://github.com/" in told
    assert "\n" not in told
    place.touch()
    assert fetch_weights("bytetrack_s_mot17") == place
    assert len({known.url for known in PUBLISHED.values()}) == len(PUBLISHED) == 7
