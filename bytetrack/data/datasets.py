"""Datasets in the MOTChallenge layout: MOT15, MOT16, MOT17, MOT20, PETS09, DanceTrack, SportsMOT, and your own.

<root>/<subset>/<sequence>/{seqinfo.ini, gt/gt.txt, det/det.txt, img1/000001.jpg ...}
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from collections.abc import Sequence as Values
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Literal, get_args

from bytetrack.checks import check_choice, check_every
from bytetrack.data.frame_names import frame_names
from bytetrack.data.image_files import sequence_fields
from bytetrack.errors import FormatError, MissingDataError
from bytetrack.interfaces import MotProtocol
from bytetrack.io.seqinfo import positive_field, read_seqinfo
from bytetrack.listing import IMAGE_ENDINGS, VIDEO_ENDINGS, listed
from bytetrack.names import nearest, shortened
from bytetrack.structures import NOT_SCORED, Sequence

__all__ = ["MotChallenge", "half_of", "matching", "thinned"]

Half = Literal["train", "val"]
MOST_CLASSES = 9999

log = logging.getLogger(__name__)


class MotChallenge:
    """Lists the sequences in `root`/`subset` whose names match `pattern`, each completely or one half of it.

    Raises ValueError for an invalid argument; `sequences` raises MissingDataError and FormatError.

    Args:
        root: The folder that contains `subset`.
        subset: A folder in `root`; None: `root` itself contains the sequences, or is a sequence.
        half: The published code's halves of n frames: `train` is 1..n//2+1, `val` is n//2+2..n, renumbered from 1; None: all frames.
        pattern: A glob pattern of sequence names.
        protocol: `mot17` and `mot20` score pedestrians and remove boxes on distractors, as TrackEval does; `mot15` scores every box whose
            conf is not 0, and ignores classes.
        min_box_area: Result filter: minimum area in square pixels; None: off.
        max_aspect_ratio: Result filter: maximum width / height; None: off.
        every: Uses every Nth frame only, as at a lower frame rate, renumbered from 1.
        class_names: Names by number from 0, or {number: name}: each class is scored separately (protocol mot15 only), "none" is not
            scored.
    """

    def __init__(
        self,
        root: str | Path,
        subset: str | None = None,
        half: Half | None = None,
        pattern: str = "*",
        protocol: MotProtocol = "mot15",
        min_box_area: float | None = None,
        max_aspect_ratio: float | None = None,
        every: int = 1,
        class_names: Values[str | None] | Mapping[int, str] | None = None,
    ) -> None:
        if half not in (None, *get_args(Half)):
            raise ValueError(f"half must be train, val or null: got {half!r}")
        check_choice("protocol", protocol, get_args(MotProtocol))
        if not isinstance(pattern, str) or not pattern:
            raise ValueError(f"pattern must be a text like '*-FRCNN': got {pattern!r}")
        self.every, self.class_names = check_every(every), _by_number(class_names)
        if self.class_names and protocol != "mot15":
            raise ValueError(f"class_names needs protocol=mot15, as {protocol} scores pedestrians only: got {', '.join(self.class_names)}")
        self.root, self.subset, self.half, self.pattern = Path(root).expanduser(), subset, half, pattern
        self.protocol, self.min_box_area, self.max_aspect_ratio = protocol, min_box_area, max_aspect_ratio

    def sequences(self) -> list[Sequence]:
        """Returns at least one sequence, ordered by name."""
        folder = self.root / self.subset if self.subset else self.root
        if not folder.is_dir():
            wanted = f"dataset.root must be the folder that holds {self.subset}/" if self.subset else "dataset.root must be a folder"
            raise MissingDataError(f"no folder {str(folder)!r}: {wanted}")
        there = sorted(path for path in listed(folder) if path.is_dir() and (_is_sequence(path) or len(_videos(path)) == 1))
        if not self.subset and (_is_sequence(folder) or (not there and len(_videos(folder)) == 1)):
            return [self._cut(read_sequence(folder if folder.name.strip(".") else folder.resolve()))]
        none = "it holds no folder with seqinfo.ini, gt/, det/, img1/ or a video"
        chosen = matching(self.pattern, [path.name for path in there], repr(str(folder)), none)
        return [self._cut(read_sequence(folder / name)) for name in chosen]

    def _cut(self, whole: Sequence) -> Sequence:
        sequence = replace(whole, class_names=self.class_names)
        cut = half_of(sequence, self.half) if self.half else sequence
        return thinned(cut, self.every)


def _by_number(class_names: Values[str | None] | Mapping[int, str] | None) -> tuple[str, ...]:
    """Lists names by number, "none" if there is none; ValueError for names that repeat, or are none at all."""
    try:
        if isinstance(class_names, str):
            raise TypeError
        given = dict(class_names) if isinstance(class_names, Mapping) else dict(enumerate(class_names or ()))
        places = {int(number): NOT_SCORED if name is None else str(name) for number, name in given.items()}
    except (TypeError, ValueError):
        raise ValueError(f"class_names must be a list of names, or {{number: name}}: got {class_names!r}") from None
    scored = [name for name in places.values() if name != NOT_SCORED]
    if places and (len(set(scored)) < len(scored) or not scored or min(places) < 0 or max(places) > MOST_CLASSES):
        raise ValueError(
            f"class_names must name classes 0 to {MOST_CLASSES}, each name once, none for those not scored: got {class_names!r}"
        )
    return tuple(places.get(number, NOT_SCORED) for number in range(max(places, default=-1) + 1))


def half_of(sequence: Sequence, half: Half) -> Sequence:
    """Returns the published code's half of a sequence of n frames: `train` is frames 1..n//2+1, `val` is frames n//2+2..n.

    >>> [(h.first_frame, h.length) for h in (half_of(Sequence("a", 600, 30, 9, 9), half) for half in ("train", "val"))]
    [(1, 301), (302, 299)]
    """
    boundary = sequence.length // 2 + 1
    if half == "train":
        return replace(sequence, length=min(boundary, sequence.length))
    if boundary >= sequence.length:
        raise ValueError(f"{sequence.name} has {sequence.length} frames: too few for a val half")
    return replace(sequence, first_frame=boundary + 1, length=sequence.length - boundary)


def matching(pattern: str, names: Values[str], where: str, none: str = "is dataset.root right?") -> list[str]:
    """Returns those of `names` that match `pattern`; MissingDataError, which says what is there instead (`where` it is), if none does.

    >>> matching("MOT17-*4", ["MOT17-02", "MOT17-04"], "'MOT17/train'")
    ['MOT17-04']
    """
    chosen = [name for name in names if PurePath(name).match(pattern)]
    if not chosen:
        near = nearest(pattern.strip("*"), names, 0.75)
        guess = f"did you mean {near}? " if near else ""
        found = f"{guess}found {shortened(names)}" if names else none
        raise MissingDataError(f"no sequence in {where} matches {pattern!r}; {found}")
    return chosen


def thinned(sequence: Sequence, every: int) -> Sequence:
    """Returns the sequence's frames 1, 1 + `every`, 1 + 2 `every` ..., as at a lower frame rate.

    >>> thin = thinned(Sequence("a", 10, 30, 9, 9), 3)
    >>> thin.length, thin.frame_rate, [thin.number_of(frame_id) for frame_id in range(1, 5)]
    (4, 10.0, [1, 4, 7, 10])
    """
    if every == 1:
        return sequence
    length = -(-sequence.length // every)
    return replace(sequence, length=length, frame_rate=sequence.frame_rate / every, every=every * sequence.every)


def read_sequence(folder: Path) -> Sequence:
    """Reads the whole sequence in `folder`, with the folder's name; raises FormatError for an invalid seqinfo.ini.

    Without seqinfo.ini, length and size come from the images or the video; raises MissingDataError if there are none.
    """
    if not folder.name.isprintable():
        raise FormatError(f"{str(folder)!r}: a sequence's name must be printable: rename the folder")
    info = folder / "seqinfo.ini"
    fields = read_seqinfo(info) if info.is_file() else {}
    stated = int(positive_field(info, fields, "seqLength", whole=True)) if fields else None
    annotations, detections = folder / "gt" / "gt.txt", folder / "det" / "det.txt"
    images = _images(folder, fields.get("imdir", "img1"))
    labels = next((path for path in (annotations, detections) if path.is_file()), None)
    names = frame_names(images, stated, fields.get("imext"), labels) if images is not None and images.is_dir() else ()
    fields = fields or (sequence_fields(images, names) if images is not None else {}) or read_seqinfo(info)
    length = int(positive_field(info, fields, "seqLength", whole=True))
    return Sequence(
        name=folder.name,
        length=length,
        frame_rate=positive_field(info, fields, "frameRate"),
        width=int(positive_field(info, fields, "imWidth", whole=True)),
        height=int(positive_field(info, fields, "imHeight", whole=True)),
        images=images,
        image_ext=fields.get("imext", ".jpg"),
        ground_truth=annotations if annotations.is_file() else None,
        public_detections=detections if detections.is_file() else None,
        last_frame=length,
        image_names=names,
    )


def _is_sequence(path: Path) -> bool:
    return any((path / name).exists() for name in ("seqinfo.ini", "gt", "det", "img1"))


def _images(folder: Path, name: str) -> Path | None:
    """Finds the image folder; if there is none, the only other folder with images, or the only video file beside it."""
    if (folder / name).is_dir():
        return folder / name
    others = [path for path in (folder, *listed(folder)) if path.is_dir() and listed(path, IMAGE_ENDINGS)]
    videos = _videos(folder)
    if len(others) == 1:
        log.warning("%s: no folder %s; images are taken from %s", folder, name, others[0])
        return others[0]
    if len(others) + len(videos) > 1:
        several = ", ".join(path.name for path in (*others, *videos)[:3])
        log.warning("%s: no folder %s, and several that could stand for it (%s): none is taken", folder, name, several)
        return None
    return next(iter(videos), None)


def _videos(folder: Path) -> list[Path]:
    """Lists the video files in the folder; of several only the one that has the folder's name, if there is one."""
    found = [path for path in listed(folder, VIDEO_ENDINGS) if path.is_file()]
    return [path for path in found if path.stem == folder.name] or found
