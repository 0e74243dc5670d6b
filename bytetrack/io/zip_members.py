"""Zip archives in memory: members are read by name, never extracted, and no archive inflates without bound."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from bytetrack.errors import FormatError, MissingDataError
from bytetrack.listing import is_litter

__all__ = ["member_names", "read_member", "zipped"]

LARGEST = 2**30  # bytes of one member, inflated


def member_names(path: Path) -> list[str]:
    """Lists names in the archive, but not what systems leave there; FormatError if it is none, MissingDataError if it is not there."""
    with _open(path) as archive:
        return [name for name in archive.namelist() if not is_litter(name)]


def read_member(path: Path, name: str) -> bytes:
    """Returns the bytes of one member; FormatError where it is broken, encrypted, or larger than 1 GiB."""
    with _open(path) as archive:
        try:
            with archive.open(name) as member:
                content = member.read(LARGEST + 1)
        except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, OSError, NotImplementedError) as error:
            raise FormatError(f"{path}: cannot read {name[:80]!r} in the archive: {str(error)[:80]}") from None
    if len(content) > LARGEST:
        raise FormatError(f"{path}: {name!r} in the archive inflates to more than {LARGEST >> 30} GiB")
    return content


def zipped(members: Mapping[str, bytes]) -> bytes:
    """Makes an archive of the members in their order; the same members give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(info, content)
    return buffer.getvalue()


def _open(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except FileNotFoundError:
        raise MissingDataError(f"no file {str(path)!r}") from None
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        if getattr(error, "filename", None):  # a folder, or not allowed
            raise
        raise FormatError(f"{path}: expected a zip archive, got something else or a broken one") from None
