"""Archives from elsewhere: nothing lands outside the target, nothing lands half."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bytetrack.data import archive
from bytetrack.data.archive import extract, inside
from bytetrack.errors import FormatError

PIECES = st.sampled_from(["..", ".", "", "/", "\\", "a", "b.jpg", "C:", "~", "\x00", "\n", "é", " ", "...", "a\\..\\b"])


@given(st.one_of(st.text(max_size=40), st.lists(PIECES, max_size=6).map("/".join)))
def test_no_member_name_leaves_the_folder(name: str) -> None:
    folder = Path("/target/folder")
    try:
        path = inside(folder, name)
    except FormatError:
        return
    assert ".." not in path.parts
    assert folder in path.parents
    assert path.resolve().is_relative_to(folder)


def zipped(path: Path, members: dict[str, bytes], attributes: int = 0) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = attributes
            info.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(info, content)
    return path


def tarred(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as target:
        for member in members:
            target.addfile(member, io.BytesIO(b"x" * member.size))
    return path


def tar_member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.size = kind, link, size
    return member


def test_zip_and_tar_unpack_whole(tmp_path: Path) -> None:
    assert extract(zipped(tmp_path / "a.zip", {"A/": b"", "A/b/c.txt": b"text"}), tmp_path / "z") == [tmp_path / "z" / "A"]
    assert (tmp_path / "z" / "A" / "b" / "c.txt").read_bytes() == b"text"
    extract(tarred(tmp_path / "a.tar.gz", tar_member("./", tarfile.DIRTYPE), tar_member("./t/u.txt", size=5)), tmp_path / "t")
    assert (tmp_path / "t" / "t" / "u.txt").read_bytes() == b"xxxxx"


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "..\\evil", "C:/evil", "a\\b"])
def test_a_name_that_leaves_the_folder_leaves_nothing_behind(tmp_path: Path, name: str) -> None:
    target = tmp_path / "deep" / "target"
    for path in (zipped(tmp_path / "a.zip", {"good": b"1", name: b"2"}), tarred(tmp_path / "a.tar.gz", tar_member(name, size=3))):
        with pytest.raises(FormatError, match="would leave the folder"):
            extract(path, target)
    assert list(target.iterdir()) == []
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    with pytest.raises(FormatError, match="link or device"):
        extract(tarred(tmp_path / "a.tar.gz", tar_member("x", kind, "/etc/passwd")), tmp_path / "t")
    with pytest.raises(FormatError, match="link or device"):
        extract(zipped(tmp_path / "a.zip", {"x": b"/etc/passwd"}, (stat.S_IFLNK | 0o777) << 16), tmp_path / "t")
    assert list((tmp_path / "t").iterdir()) == []


def test_a_bomb_is_refused_by_what_it_says_and_by_what_it_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "NEVER_A_BOMB", 1000)
    with pytest.raises(FormatError, match="refused as a bomb"):
        extract(zipped(tmp_path / "a.zip", {"zeros": bytes(1_000_000)}), tmp_path / "t")
    with pytest.raises(FormatError, match="refused as a bomb"):
        extract(tarred(tmp_path / "a.tar.gz", tar_member("zeros", size=1_000_000)), tmp_path / "t")
    assert list((tmp_path / "t").iterdir()) == []


def test_nothing_is_ever_overwritten(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "mine").write_text("old")
    with pytest.raises(FileExistsError, match="already exists"):
        extract(zipped(tmp_path / "a.zip", {"mine": b"new", "other": b""}), tmp_path / "t")
    assert [(path.name, path.read_text()) for path in (tmp_path / "t").iterdir()] == [("mine", "old")]


def test_damaged_archives_are_named(tmp_path: Path) -> None:
    (tmp_path / "no.zip").write_bytes(b"hello")
    whole = zipped(tmp_path / "a.zip", {"x": bytes(range(256)) * 100}).read_bytes()
    (tmp_path / "torn.zip").write_bytes(whole[:40] + b"????" + whole[44:])
    torn = tarred(tmp_path / "b.tar.gz", tar_member("x", size=100_000)).read_bytes()
    (tmp_path / "torn.tar.gz").write_bytes(torn[: len(torn) // 2])
    for name in ("no.zip", "torn.zip", "torn.tar.gz"):
        with pytest.raises(FormatError, match=name):
            extract(tmp_path / name, tmp_path / "t")
    twice = zipped(tmp_path / "twice.zip", {"a": b"1", "a/b": b"2"})
    with pytest.raises(FormatError, match="two members in one place"):
        extract(twice, tmp_path / "t")
    assert list((tmp_path / "t").iterdir()) == []
