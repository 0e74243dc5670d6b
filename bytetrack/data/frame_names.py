"""Finds the image file of every frame by looking at all names in a folder, never at one of them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePath

from bytetrack.errors import FormatError
from bytetrack.io.table import FRAME, read_table
from bytetrack.listing import IMAGE_ENDINGS, listed, natural, parts_of

__all__ = ["frame_names"]

SIXTY, THOUSAND = 60, 1000  # what seconds and minutes, and milliseconds, stay below
FEWEST = 0.75  # of the numbers from the first to the last must be there, else they count something else than frames

log = logging.getLogger(__name__)


def frame_names(
    folder: Path, length: int | None = None, ending: str | None = None, labels: Path | None = None, first: int | None = None
) -> tuple[str | None, ...]:
    """Returns the file name of every frame from 1, None where one is missing; empty if the folder holds no image.

    Numbers in names are the frames' if they start at 1, or at 0, or at `first` where the layout fixes that. Others are told from the
    sequence's `length` and the frames that `labels`, a MOT text file, names. Where numbers do not count frames (time stamps), or there
    are none, the natural order of the names is taken. All but numbers from 1 is said in a warning. `ending` is preferred where a number
    comes with two endings.

    FormatError for two images of one number, and where `labels` count as images do that start beyond 1.
    """
    names = [path.name for path in listed(folder, IMAGE_ENDINGS)]
    numbered = _numbered(folder, names, ending)
    if numbered is None:
        log.warning("%s: its images have no numbers: read in the order of their names, frame 1 is %s", folder, names[0])
        return tuple(names)
    if not numbered:
        return ()
    numbers = sorted(numbered)
    start = _start(folder, numbers, length, labels) if first is None else first
    if start is None:
        log.warning("%s: the numbers of its images are not frame numbers: read one after the other, frame 1 is %s", folder, names[0])
        return tuple(numbered[number] for number in numbers)
    if start != 1 and first is None:
        log.warning("%s: its images are numbered from %d: frame 1 is %s", folder, start, numbered[start])
    return tuple(numbered.get(number) for number in range(start, numbers[-1] + 1))


def _numbered(folder: Path, names: Sequence[str], ending: str | None) -> dict[int, str] | None:
    """Returns the names that most have in common by the number in which they differ; None if there is no such number."""
    if not names:
        return {}
    alike: dict[tuple[str, ...], list[str]] = {}
    for name in names:
        alike.setdefault(parts_of(PurePath(name).stem)[0], []).append(name)
    shape, chosen = max(alike.items(), key=lambda item: (len(item[1]), -sum(map(len, item[0]))))
    if len(shape) == 1 or len(chosen) < len(names) / 2:
        return None
    if len(chosen) < len(names):
        other = next(name for name in names if name not in set(chosen))
        log.warning("%s: %d images with other names are ignored, for instance %s", folder, len(names) - len(chosen), other)
    place = _place(chosen)
    if place is None:
        kinds = Counter(PurePath(name).suffix for name in chosen)
        kind = next((kind for kind in kinds if ending is not None and kind.lower() == ending.lower()), kinds.most_common(1)[0][0])
        rest = [name for name in chosen if PurePath(name).suffix == kind]
        place = _place(rest)
        if place is not None and len(rest) < len(chosen):
            log.warning("%s: numbers occur with several extensions: %s is used", folder, kind)
        chosen = rest
    if place is None:
        if len(shape) > 2:
            return None
        seen = Counter(parts_of(PurePath(name).stem)[1][0] for name in chosen)
        twice = [name for name in chosen if parts_of(PurePath(name).stem)[1][0] == seen.most_common(1)[0][0]]
        raise FormatError(f"{folder}: expected one image a frame, got {twice[0]} and {twice[1]}: remove or rename one")
    if _is_time(chosen, place):
        chosen = sorted(chosen, key=natural)
        log.warning("%s: the numbers of its images are times: taken in the order of their names, frame 1 is %s", folder, chosen[0])
        return dict(enumerate(chosen, start=1))
    return {parts_of(PurePath(name).stem)[1][place]: name for name in chosen}


def _place(names: Sequence[str]) -> int | None:
    """Returns which of the numbers in the names is different in all of them, and of several the one with the fewest holes."""
    columns = list(zip(*(parts_of(PurePath(name).stem)[1] for name in names), strict=True))
    distinct = [place for place, values in enumerate(columns) if len(set(values)) == len(names)]
    return min(distinct, key=lambda place: (max(columns[place]) - min(columns[place]), -place), default=None)


def _is_time(names: Sequence[str], place: int) -> bool:
    """Tells if the number at `place` begins anew where one before it goes on, as in 10-59-58, 11-00-01: it does not count frames.

    Numbers without many gaps do count, whatever stands before them, but for seconds and minutes.

    >>> _is_time(["10-59-58", "10-59-59", "11-00-00"], 2), _is_time(["817_frame1", "305_frame2", "96_frame3"], 1)
    (True, False)
    """
    rows = sorted(parts_of(PurePath(name).stem)[1] for name in names)
    values, before = [row[place] for row in rows], [row[:place] for row in rows]
    if values == sorted(values):
        return False
    dense = len(values) >= FEWEST * (max(values) - min(values) + 1)
    if len(set(before)) < len(before):
        return not dense or max(values) < SIXTY
    return not dense and max(values) < THOUSAND and max(row[-1] for row in before) < SIXTY


def _start(folder: Path, numbers: Sequence[int], length: int | None, labels: Path | None) -> int | None:
    """Returns the number of frame 1; None if numbers do not count frames."""
    least, most, count = numbers[0], numbers[-1], len(numbers)
    dense = count >= FEWEST * (most - least + 1)
    if least == 0 and length == most:
        raise FormatError(
            f"{folder}: expected {length} images as seqinfo.ini says, got 0 to {most}: remove one, or write seqLength={most + 1} there"
        )
    if length is not None and least >= 1 and most <= length:
        return 1
    if length == count:
        return least if count == most - least + 1 else None
    if length is None and labels is None:
        return least if dense else None
    if least <= 1 and dense:
        return least
    frames = _frames(labels)
    if frames and frames <= set(numbers):
        if least <= 1:
            return least
        raise FormatError(
            f"{folder}: expected frames counted from 1, got images numbered from {least} and the same numbers in {labels}: renumber both, "
            f"or write a seqinfo.ini with seqLength={most} if frames 1 to {least - 1} have no image"
        )
    return least if dense else None


def _frames(labels: Path | None) -> set[int]:
    """Returns the frames that a MOT text file names; none if it cannot be read, which its reader will say."""
    try:
        return set() if labels is None else {int(frame) for frame in read_table(labels, range(1, 99), "numbers").values[:, FRAME]}
    except (FormatError, ValueError, OverflowError):
        return set()
