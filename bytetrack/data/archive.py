"""Unpacking archives that came from elsewhere: nothing lands outside the target, nothing lands half.

Refused: absolute names, `..`, drive letters, backslashes, links, devices, encrypted members, a file in the place of a folder,
and bombs (more bytes than declared, than the disk has free, or than `MOST_BYTES_PER_BYTE` times the archive).
"""

from __future__ import annotations

import errno
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from bytetrack.errors import FormatError
from bytetrack.runtime.progress import progress_bar

__all__ = ["extract", "inside"]

MOST_BYTES_PER_BYTE = 200  # image archives hardly shrink, text shrinks to a tenth; deflate's limit is about 1000
NEVER_A_BOMB = 64 * 2**20  # bytes: below this no ratio matters
CHUNK = 2**20

Member = tuple[str, bool, IO[bytes] | None]  # name, is it a folder, its content


def inside(folder: Path, name: str) -> Path:
    """Returns the path of archive member `name` in `folder`; FormatError if that is no path below it.

    >>> inside(Path("data"), "MOT17/train/seqinfo.ini").as_posix()
    'data/MOT17/train/seqinfo.ini'
    """
    parts = PurePosixPath(name).parts
    if (
        not parts
        or name.startswith("/")
        or ".." in parts
        or "\\" in name
        or (len(name) > 1 and name[1] == ":")
        or any(ord(character) < 32 for character in name)
    ):
        raise FormatError(f"archive member {name!r} would leave the folder it is unpacked in: refused")
    return folder.joinpath(*parts)


def extract(archive: str | Path, folder: str | Path) -> list[Path]:
    """Unpacks a zip or tar archive into `folder`, all or nothing, and returns what now lies there (its top level).

    Files are unpacked in a hidden folder beside and moved when all are there. FormatError for what the module's text lists and for
    damaged archives; FileExistsError where `folder` has something of the same name already: nothing is ever overwritten.
    """
    archive, folder = Path(archive), Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    staging = folder / f".{archive.name}.unpacking"
    shutil.rmtree(staging, ignore_errors=True)
    try:
        staging.mkdir()
        _unpack(archive, staging)
        found = sorted(staging.iterdir())
        if not found:
            raise FormatError(f"{archive} contains no files: download it again")
        for path in found:
            if (folder / path.name).exists():
                raise FileExistsError(f"{folder / path.name} already exists: move it away, or unpack {archive.name} elsewhere")
        return [path.rename(folder / path.name) for path in found]
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _unpack(archive: Path, staging: Path) -> None:
    limit = max(archive.stat().st_size * MOST_BYTES_PER_BYTE, NEVER_A_BOMB)
    free = shutil.disk_usage(staging).free
    try:
        with (
            zipfile.ZipFile(archive) if zipfile.is_zipfile(archive) else tarfile.open(archive) as opened,
            progress_bar(f"unpacking {archive.name}", in_bytes=True) as bar,
        ):
            declared = sum(info.file_size for info in opened.infolist()) if isinstance(opened, zipfile.ZipFile) else None
            bar.update(total=declared)
            _refuse_size(archive, declared or 0, limit, free)
            written = 0
            for name, is_folder, content in _members(opened):
                if is_folder and not PurePosixPath(name).parts:
                    continue  # "./", as tar writes it
                path = inside(staging, name)
                if is_folder or content is None:
                    path.mkdir(parents=True, exist_ok=True)
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                with content, path.open("xb") as file:
                    while chunk := content.read(CHUNK):
                        written += len(chunk)
                        _refuse_size(archive, written, limit, free)
                        file.write(chunk)
                        bar.update(written)
    except FormatError as error:
        raise FormatError(f"{archive}: {error}") from None
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise FormatError(f"{archive} is damaged, encrypted or no zip or tar archive: {error}; download it again") from None
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise FormatError(f"{archive} has two members in one place: {error.filename}") from None
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise FormatError(f"{archive} is damaged: it points to before its beginning; download it again") from None


def _members(opened: zipfile.ZipFile | tarfile.TarFile) -> Iterator[Member]:
    """Yields name, folder or not, and content of every member, one at a time; FormatError for links and devices."""
    if isinstance(opened, zipfile.ZipFile):
        for info in opened.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise FormatError(f"archive member {info.filename!r} is a link or device: refused")
            yield info.filename, info.is_dir(), None if info.is_dir() else opened.open(info)
    else:
        for member in opened:
            if not (member.isfile() or member.isdir()):
                raise FormatError(f"archive member {member.name!r} is a link or device: refused")
            yield member.name, member.isdir(), None if member.isdir() else opened.extractfile(member)


def _refuse_size(archive: Path, size: int, limit: int, free: int) -> None:
    if size > limit:
        raise FormatError(f"unpacks to more than {limit} bytes, {MOST_BYTES_PER_BYTE} times its size: refused as a bomb")
    if size > free:
        raise OSError(f"{archive}: unpacks to {size} bytes or more, the disk has {free} free")
