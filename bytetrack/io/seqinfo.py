"""MOTChallenge's seqinfo.ini: length, frame rate and size of a sequence."""

from __future__ import annotations

from collections.abc import Mapping
from configparser import ConfigParser, Error
from pathlib import Path

from bytetrack.errors import FormatError, MissingDataError

__all__ = ["positive_field", "read_seqinfo", "write_seqinfo"]

MOST = {"seqLength": 10_000_000, "frameRate": 10_000, "imWidth": 100_000, "imHeight": 100_000}  # beyond, it is a slip of the pen
LEAST = 0.001  # frames a second


def read_seqinfo(info: Path) -> dict[str, str]:
    """Reads the fields of `[Sequence]`, their names in lower case; MissingDataError, FormatError."""
    parser = ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(info.read_text(encoding="utf-8-sig"))
        return dict(parser["Sequence"])
    except FileNotFoundError:
        raise MissingDataError(
            f"no file {str(info)!r}: write one with [Sequence] and seqLength=, frameRate=, imWidth=, imHeight= below it"
        ) from None
    except (Error, KeyError, UnicodeDecodeError):
        raise FormatError(f"{info}: expected a section [Sequence] with a key=value on every line") from None


def positive_field(info: Path, fields: Mapping[str, str], key: str, whole: bool = False) -> float:
    """Returns the number of a field within sane bounds; FormatError names the file."""
    text = fields.get(key.lower(), "")
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf") or (whole and value != int(value)):
        kind = "whole number" if whole else "number"
        raise FormatError(f"{info}: expected {key}=<positive {kind}>, got {f'{key}={text[:40]}' if text else 'no such line'}")
    if not LEAST <= value <= MOST[key]:
        raise FormatError(f"{info}: expected {key} to be {LEAST} to {MOST[key]}, got {key}={text[:40]}")
    return value


def write_seqinfo(info: Path, length: int, frame_rate: float, width: int, height: int) -> None:
    """Writes the file of a sequence named as its folder, with frames `img1/000001.jpg` and so on."""
    lines = {
        "name": info.parent.name, "imDir": "img1", "frameRate": frame_rate, "seqLength": length,
        "imWidth": width, "imHeight": height, "imExt": ".jpg",
    }  # fmt: skip
    info.write_text("[Sequence]\n" + "".join(f"{key}={value}\n" for key, value in lines.items()), encoding="utf-8")
