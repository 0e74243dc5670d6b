"""Converts result files between formats, and reads files of any format."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from collections.abc import Sequence as Values
from dataclasses import replace
from pathlib import Path

import numpy as np

from bytetrack.checks import check_choice
from bytetrack.data.datasets import MotChallenge
from bytetrack.errors import FormatError, MissingDataError
from bytetrack.io.formats import RESULTS, read_result, sniff, suffixes, write_results
from bytetrack.io.mot_submission import write_submission
from bytetrack.io.result import Names, Result
from bytetrack.listing import is_litter, listed
from bytetrack.structures import Sequence

__all__ = ["convert", "read_results"]

log = logging.getLogger(__name__)


def convert(
    source: Path,
    to: str,
    out: Path,
    source_format: str | None = None,
    classes: Values[str] | Mapping[int, str] | None = None,
    root: Path | None = None,
    size: Values[int] | None = None,
    frame_rate: float | None = None,
    same_for_all_detectors: bool = False,
) -> list[Path]:
    """Converts files and returns the paths written. `source` is a file or a folder of files, `to` one of `RESULTS` or `mot_submission`.

    `classes` names the class ids (a list from 0, or a mapping); other names are refused. `root`, a folder in the MOTChallenge layout,
    defines sizes, frame rates and lengths by `<sequence>/seqinfo.ini`, and the sequences of a submission. `size` (width, height) and
    `frame_rate` are used if neither the files nor `root` state them. Raises ValueError, FormatError and MissingDataError.
    """
    check_choice("to", to, (*RESULTS, "mot_submission"))
    videos = {video.name: video for video in MotChallenge(root).sequences()} if root is not None else {}
    if to == "mot_submission" and not videos:
        raise ValueError("to=mot_submission needs root=DIR, the folder of the benchmark's sequences with seqinfo.ini in each")
    source_format, files = _source(source, source_format)
    found = _read_files(source_format, files, classes)
    results = [_described(result, videos.get(result.name), size, frame_rate, classes) for result in found]
    if to == "mot_submission":
        path = out if out.suffix == ".zip" else out / "submission.zip"
        write_submission(results, path, {video.name: video.length for video in videos.values()}, same_for_all_detectors)
        written = [path]
    else:
        try:
            written = write_results(results, to, out, not_over=files)
        except FormatError as error:  # what was read cannot be written so
            raise FormatError(f"{', '.join(map(str, files[:3]))}: {error}") from None
    boxes, identities = (sum(counts) for counts in zip(*((len(r.trajectories), _identities(r)) for r in results), strict=True))
    log.info("%s → %s: %d sequences, %d identities, %d boxes in %s", source_format, to, len(results), identities, boxes, out)
    return written


def read_results(path: Path, source_format: str | None = None, classes: Values[str] | Mapping[int, str] | None = None) -> list[Result]:
    """Reads the sequences of a file, or of all files in a folder, ordered by name; detects the format if none is given."""
    return _read_files(*_source(path, source_format), classes)


def _source(path: Path, source_format: str | None) -> tuple[str, list[Path]]:
    """Returns the format and the files of it: the file itself, or those of a folder (of a run folder's `tracks/`)."""
    if source_format is not None:
        check_choice("from", source_format, tuple(RESULTS))
    if path.is_file():
        return source_format or sniff(path), [path]
    if not path.is_dir():
        raise MissingDataError(f"no file or folder {str(path)!r}")
    folder = path / "tracks" if (path / "tracks").is_dir() else path
    wanted = RESULTS[source_format].suffix if source_format else None
    files = [path for path in listed(folder, (wanted,) if wanted else suffixes()) if path.is_file()]
    annotated = [path for path in sorted(folder.glob("*/gt/gt.txt")) if not is_litter(path.parents[1].name)]
    if annotated and not files and source_format in (None, "mot"):
        return "mot", annotated
    if not files:
        raise MissingDataError(f"no file in {str(folder)!r} that ends in {wanted or ', '.join(suffixes())}")
    kinds: dict[str, Path] = {}
    for file in files:
        if source_format is None and file.stat().st_size:  # an empty file is of any kind
            kinds.setdefault(sniff(file), file)
    if len(kinds) > 1:
        (kind, file), (other_kind, other) = list(kinds.items())[:2]
        raise FormatError(f"{folder}: {file.name} looks like {kind}, {other.name} like {other_kind}: set from={kind} or from={other_kind}")
    return source_format or next(iter(kinds), "mot"), files


def _read_files(source_format: str, files: Values[Path], classes: Values[str] | Mapping[int, str] | None) -> list[Result]:
    known = _class_names(classes)
    results: list[Result] = []
    for path in files:
        results += read_result(path, source_format, Names(known, closed=classes is not None))
    names = [result.name for result in results]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise FormatError(f"{files[0].parent}: expected every sequence once, got {twice[0]!r} again")
    return _same_classes(sorted(results, key=lambda result: result.name))


def _same_classes(results: list[Result]) -> list[Result]:
    """Makes one numbering over all files: where files number the same names differently, by the alphabet."""
    merged: dict[int, str] = {}
    for result in results:
        for class_id, name in result.class_names.items():
            merged.setdefault(class_id, name)
    if all(merged[k] == name for r in results for k, name in r.class_names.items()) and len(set(merged.values())) == len(merged):
        return results
    order = sorted({name for result in results for name in result.class_names.values()})
    used = {k for r in results for k in r.labels() if k not in r.class_names}
    free = [k for k in range(len(order) + len(used)) if k not in used]
    new = dict(zip(order, free, strict=False))
    renumbered = []
    for result in results:
        old = result.trajectories.class_id
        ids = [] if old is None else [new[result.class_names[k]] if k in result.class_names else k for k in old.tolist()]
        new_id = None if old is None else np.array(ids, dtype=np.int64)
        trajectories = replace(result.trajectories, class_id=new_id)
        renumbered.append(replace(result, trajectories=trajectories, class_names={k: n for n, k in new.items()}))
    return renumbered


def _described(
    result: Result,
    video: Sequence | None,
    size: Values[int] | None,
    frame_rate: float | None,
    classes: Values[str] | Mapping[int, str] | None,
) -> Result:
    """Adds size, length, names and class from the dataset and the options."""
    if video is not None:
        if len(result.trajectories) and result.trajectories.frame_id.max() > video.length:
            raise FormatError(f"{result.name}: expected frames within 1..{video.length}, got {result.trajectories.frame_id.max()}")
        result = replace(result, length=video.length, width=video.width, height=video.height, frame_rate=video.frame_rate)
        result = replace(result, images=_images(video) or result.images)
    if size is not None:
        if len(size) != 2 or min(size) < 1:
            raise ValueError(f"size must be [WIDTH,HEIGHT] in pixels: got {list(size)}")
        result = replace(result, width=result.width or int(size[0]), height=result.height or int(size[1]))
    names = _class_names(classes)
    if len(names) == 1 and result.trajectories.class_id is None:
        only = np.full(len(result.trajectories), next(iter(names)), dtype=np.int64)
        result = replace(result, trajectories=replace(result.trajectories, class_id=only))
    return replace(result, frame_rate=result.frame_rate or frame_rate, class_names=names or result.class_names)


def _images(video: Sequence) -> tuple[str, ...]:
    """Returns the file of every frame from the dataset's folder on, "" where it has none; empty if there are no images."""
    if video.images is None or not (video.images.is_file() or any(video.image_names)):
        return ()
    there = [video.images.is_file() or video.image_name(frame_id) is not None for frame_id in range(1, video.length + 1)]
    start = video.images.parent if video.images.parent.name == video.name else video.images
    return tuple(
        video.image_path(frame_id).relative_to(start.parent).as_posix() if known else "" for frame_id, known in enumerate(there, start=1)
    )


def _class_names(classes: Values[str] | Mapping[int, str] | None) -> dict[int, str]:
    pairs = dict(classes) if isinstance(classes, Mapping) else dict(enumerate([classes] if isinstance(classes, str) else classes or ()))
    names = {int(class_id): str(name) for class_id, name in pairs.items()}
    for name in names.values():
        if not name.strip() or not name.isprintable() or list(names.values()).count(name) > 1:
            raise ValueError(f"classes must be different names without control characters: got {name!r}")
    return names


def _identities(result: Result) -> int:
    return len(np.unique(result.trajectories.track_id))
