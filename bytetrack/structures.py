"""The values that rooms exchange. Arrays are float64 or int64, C-contiguous, and never changed after construction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from bytetrack.boxes import tlwh_from_xyxy
from bytetrack.errors import MissingDataError
from bytetrack.names import counted, shortened
from bytetrack.runtime.showing import MOST_ROWS, html_table, pandas

__all__ = [
    "FILLED",
    "NOT_SCORED",
    "PAD",
    "Annotations",
    "DescribedDetections",
    "Detections",
    "Sequence",
    "SequenceDetections",
    "Tracks",
    "Trajectories",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PAD = 114  # the grey of everything that is no picture, in all three channels: what a letterbox, a mosaic or a canvas leaves free
FILLED = -1.0  # the score, in result files, of a box that no detection stands behind
NOT_SCORED = "none"  # the name of a class that a dataset's list only holds a place for

FrameId = TypeVar("FrameId", int, npt.NDArray[np.int64])

_set = object.__setattr__


def _ints(values: npt.ArrayLike) -> Ints:
    return np.ascontiguousarray(values, dtype=np.int64)


def _whole(class_id: npt.ArrayLike) -> Ints:
    """Returns class ids as integers; networks give them as floats, in one table with the boxes."""
    given = np.asarray(class_id)
    if given.dtype.kind not in "iubfO":
        raise ValueError(f"class_id must be whole numbers, got {given.flat[0]!r}: number the names by their place in a list")
    with np.errstate(invalid="ignore"):
        classes = _ints(given)
    if given.dtype.kind not in "iub" and not np.array_equal(classes, given):
        row = int(np.argmax(classes != given))
        raise ValueError(f"class_id must be whole numbers: row {row} has {given.flat[row]}")
    return classes


CORNERS, SIDES = ("x1", "y1", "x2", "y2"), ("left", "top", "width", "height")


def _range(score: Floats) -> str:
    return f", scores {score.min():.2f} to {score.max():.2f}" if len(score) else ""


def _rows(boxes: Floats, score: Floats, class_id: Ints | None) -> list[list[Any]]:
    """Returns the first rows of a table, boxes to 0.1 pixel."""
    kinds = [[]] * len(boxes) if class_id is None else [[kind] for kind in class_id[:MOST_ROWS].tolist()]
    shown = zip(boxes[:MOST_ROWS].tolist(), score[:MOST_ROWS].tolist(), kinds, strict=False)
    return [[*(round(side, 1) for side in box), value, *kind] for box, value, kind in shown]


def _floats(column: Any, name: str) -> Floats:
    """Returns a column of numbers, NaN where one is missing; ValueError for what is no number."""
    try:
        values: Floats = column.to_numpy(np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be numbers: got {column.dtype}") from None
    return values


def _numbered(column: Any, name: str) -> Ints:
    """Returns a column of numbers from 1; ValueError for others."""
    values = _floats(column, name)
    wrong = np.flatnonzero(~((values >= 1) & (values % 1 == 0)))
    if len(wrong):
        raise ValueError(f"{name} must be whole numbers from 1: row {wrong[0]} has {values[wrong[0]]:g}")
    return values.astype(np.int64)


@dataclass(frozen=True, eq=False, slots=True, init=False)
class Detections:
    """Holds the boxes of one frame.

    Any array-like of any float type and memory order is accepted. Shapes are checked here (ValueError), values by the tracker.

    Args:
        xyxy: Left, top, right, bottom in pixels, (n, 4).
        score: Scores in [0, 1], (n,).
        class_id: Class numbers, (n,); None for a single class.
    """

    xyxy: Floats
    score: Floats
    class_id: Ints | None = None

    def __init__(self, xyxy: npt.ArrayLike, score: npt.ArrayLike, class_id: npt.ArrayLike | None = None) -> None:
        # by hand, as a generated __init__ with a __post_init__ costs a microsecond more, a fifth of a small frame's update
        boxes, scores = np.ascontiguousarray(xyxy, np.float64), np.ascontiguousarray(score, np.float64)
        if boxes.ndim != 2 or boxes.shape[1] != 4:
            if boxes.size:
                raise ValueError(f"detection boxes must have shape (n, 4): got {boxes.shape}")
            boxes = boxes.reshape(0, 4)
        if scores.shape != boxes.shape[:1]:
            raise ValueError(f"score must have shape ({len(boxes)},), one value a box: got {scores.shape}")
        classes = None if class_id is None else _whole(class_id)
        if classes is not None and classes.shape != scores.shape:
            raise ValueError(f"class_id must have shape ({len(boxes)},), one value a box: got {classes.shape}")
        _set(self, "xyxy", boxes)
        _set(self, "score", scores)
        _set(self, "class_id", classes)

    def __len__(self) -> int:
        return len(self.xyxy)

    def __getitem__(self, rows: npt.NDArray[np.generic] | slice) -> Detections:
        return Detections(self.xyxy[rows], self.score[rows], None if self.class_id is None else self.class_id[rows])

    def __repr__(self) -> str:
        return f"Detections({counted(len(self), 'box', 'boxes')}{_range(self.score)})"

    def _repr_html_(self) -> str:
        columns = (*CORNERS, "score", *(["class_id"] if self.class_id is not None else []))
        return html_table(repr(self), columns, _rows(self.xyxy, self.score, self.class_id), len(self))

    @classmethod
    def empty(cls) -> Detections:
        return cls(np.empty((0, 4)), np.empty(0))


@dataclass(frozen=True, eq=False, slots=True, init=False)
class DescribedDetections(Detections):
    """Holds the boxes of one frame with appearance features from the detector's own network: `features` (n, d) of length 1."""

    features: npt.NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))

    def __init__(self, found: Detections, features: npt.ArrayLike) -> None:
        Detections.__init__(self, found.xyxy, found.score, found.class_id)
        table = np.ascontiguousarray(features, np.float32)
        if table.ndim != 2 or len(table) != len(found):
            raise ValueError(f"features must have shape ({len(found)}, d), a row a box: got {table.shape}")
        _set(self, "features", table)

    def __getitem__(self, rows: npt.NDArray[np.generic] | slice) -> DescribedDetections:
        return DescribedDetections(Detections.__getitem__(self, rows), self.features[rows])


@dataclass(frozen=True, eq=False, slots=True)
class Tracks:
    """Holds the tracks of one frame, n identities.

    Args:
        xyxy: Left, top, right, bottom in pixels, (n, 4).
        track_id: Identities from 1, (n,).
        score: Scores of the last matched detections, (n,).
        class_id: Class numbers, (n,); None for a single class.
        detection_index: Rows of the matched detections of this frame, (n,); -1 for none.
    """

    xyxy: Floats
    track_id: Ints
    score: Floats
    class_id: Ints | None
    detection_index: Ints

    def __len__(self) -> int:
        return len(self.xyxy)

    def __repr__(self) -> str:
        ids = f": {shortened(self.track_id.tolist(), 8, count=False)}" if len(self) else ""
        return f"Tracks({counted(len(self), 'identity', 'identities')}{ids})"

    def _repr_html_(self) -> str:
        columns = ("track_id", *CORNERS, "score", *(["class_id"] if self.class_id is not None else []))
        rows = _rows(self.xyxy, self.score, self.class_id)
        return html_table(repr(self), columns, [[i, *row] for i, row in zip(self.track_id.tolist(), rows, strict=False)], len(self))


@dataclass(frozen=True, eq=False, slots=True)
class SequenceDetections:
    """Holds the detections of a whole sequence, all frames in one array.

    Frame `f` (from 1) has the rows `offsets[f - 1]:offsets[f]` of `xyxy` (N, 4), `score` (N,), `class_id` (N,) or None, and `features`
    (N, d) or None, from a network that computes features.
    """

    xyxy: Floats
    score: Floats
    offsets: Ints
    class_id: Ints | None = None
    features: npt.NDArray[np.float32] | None = None

    def __len__(self) -> int:
        """Returns the number of frames."""
        return len(self.offsets) - 1

    def frame(self, frame_id: int) -> Detections:
        """Returns the detections of frame `frame_id`, from 1."""
        rows = slice(int(self.offsets[frame_id - 1]), int(self.offsets[frame_id]))
        found = Detections(self.xyxy[rows], self.score[rows], None if self.class_id is None else self.class_id[rows])
        return found if self.features is None else DescribedDetections(found, self.features[rows])

    def __iter__(self) -> Iterator[Detections]:
        return (self.frame(frame_id) for frame_id in range(1, len(self) + 1))

    @classmethod
    def from_frames(cls, frames: list[Detections]) -> SequenceDetections:
        """Joins one `Detections` per frame. Class ids and features are kept if every frame with boxes has them."""
        classes = [frame.class_id for frame in frames if len(frame)]
        described = [frame.features if isinstance(frame, DescribedDetections) else None for frame in frames if len(frame)]
        return cls(
            np.concatenate([np.empty((0, 4)), *(frame.xyxy for frame in frames)]),
            np.concatenate([np.empty(0), *(frame.score for frame in frames)]),
            np.cumsum([0, *(len(frame) for frame in frames)], dtype=np.int64),
            _ints(np.concatenate(classes)) if classes and all(c is not None for c in classes) else None,  # type: ignore[arg-type]
            np.concatenate(described) if described and all(d is not None for d in described) else None,  # type: ignore[arg-type]
        )


class ByFrame:
    """Holds boxes of a sequence, ordered by frame, with the rows of each frame."""

    __slots__ = ()
    frame_id: Ints

    def offsets(self, length: int) -> Ints:
        """Returns the first rows of frames 1 … `length` and the end of the last, (length + 1,).

        >>> Trajectories(np.array([1, 1, 3]), np.array([1, 2, 1]), np.zeros((3, 4)), np.ones(3)).offsets(3)
        array([0, 2, 2, 3])
        """
        return np.searchsorted(self.frame_id, np.arange(length + 1), side="right").astype(np.int64)

    def by_frame(self, length: int) -> list[slice]:
        """Returns the rows of every frame from 1 to `length`."""
        return [slice(start, stop) for start, stop in pairwise(self.offsets(length).tolist())]

    def rows_of(self, frame_id: int) -> slice:
        """Returns the rows of one frame."""
        return slice(*np.searchsorted(self.frame_id, [frame_id, frame_id + 1]).tolist())


@dataclass(frozen=True, eq=False, slots=True)
class Trajectories(ByFrame):
    """Holds the result of a tracker on a sequence: N boxes ordered by frame, then id, as in a result file.

    Args:
        frame_id: Frames from 1, (N,).
        track_id: Identities from 1, (N,).
        tlwh: Left, top, width, height in pixels, (N, 4).
        score: Scores, (N,).
        class_id: Class numbers, (N,); None for a single class.
    """

    frame_id: Ints
    track_id: Ints
    tlwh: Floats
    score: Floats
    class_id: Ints | None = None

    def __len__(self) -> int:
        return len(self.frame_id)

    def __getitem__(self, rows: npt.NDArray[np.generic] | slice) -> Trajectories:
        class_id = None if self.class_id is None else self.class_id[rows]
        return Trajectories(self.frame_id[rows], self.track_id[rows], self.tlwh[rows], self.score[rows], class_id)

    def __repr__(self) -> str:
        if not len(self):
            return "Trajectories(no box)"
        counts = f"{counted(len(self), 'box', 'boxes')} of {counted(len(np.unique(self.track_id)), 'identity', 'identities')}"
        return f"Trajectories({counts} in frames {self.frame_id.min()} to {self.frame_id.max()})"

    def _repr_html_(self) -> str:
        columns = ("frame_id", "track_id", *SIDES, "score", *(["class_id"] if self.class_id is not None else []))
        rows = _rows(self.tlwh, self.score, self.class_id)
        numbers = zip(self.frame_id.tolist(), self.track_id.tolist(), rows, strict=False)
        return html_table(repr(self), columns, [[f, i, *row] for f, i, row in numbers], len(self))

    @classmethod
    def from_frames(cls, frames: Iterable[Tracks]) -> Trajectories:
        """Joins one `Tracks` per frame, including frames without tracks. Class ids are kept if every box has one."""
        every = list(frames)
        xyxy = np.concatenate([np.empty((0, 4)), *(tracks.xyxy for tracks in every)])
        frame_id = np.repeat(np.arange(1, len(every) + 1), [len(tracks) for tracks in every])
        track_id = np.concatenate([np.empty(0, np.int64), *(tracks.track_id for tracks in every)])
        score = np.concatenate([np.empty(0), *(tracks.score for tracks in every)])
        classes = [tracks.class_id for tracks in every if len(tracks) and tracks.class_id is not None]
        class_id = np.concatenate(classes) if classes and sum(map(len, classes)) == len(xyxy) else None
        rows = np.lexsort((track_id, frame_id))
        tlwh = tlwh_from_xyxy(xyxy[rows])
        return cls(frame_id[rows], track_id[rows], tlwh, score[rows], None if class_id is None else class_id[rows])

    def to_pandas(self) -> Any:
        """Returns a pandas DataFrame with one row per box.

        Its columns are frame_id, track_id, left, top, width, height, score, and class_id if boxes have classes.
        """
        columns = {"frame_id": self.frame_id, "track_id": self.track_id, **dict(zip(SIDES, self.tlwh.T, strict=True)), "score": self.score}
        classes = {} if self.class_id is None else {"class_id": self.class_id}
        return pandas("Trajectories.to_pandas").DataFrame({**columns, **classes})

    @classmethod
    def from_pandas(cls, frame: Any) -> Trajectories:
        """Converts a DataFrame with the columns of `to_pandas`, rows in any order. The columns score (default 1) and class_id are optional.

        Raises ValueError if a column is missing or has invalid values, or if an identity occurs twice in a frame.
        """
        needed = ("frame_id", "track_id", *SIDES)
        if not hasattr(frame, "columns"):
            raise ValueError(f"expected a pandas DataFrame, got a {type(frame).__name__}")
        if lacking := [name for name in needed if name not in frame.columns]:
            found = ", ".join(map(str, frame.columns))
            raise ValueError(f"expected the columns {', '.join(needed)}, got {found or 'none'}: {', '.join(lacking)} missing")
        ids = [_numbered(frame[name], name) for name in ("frame_id", "track_id")]
        tlwh = np.column_stack([_floats(frame[name], name) for name in SIDES])
        score = _floats(frame["score"], "score") if "score" in frame.columns else np.ones(len(frame))
        for name, values in {"boxes": tlwh, "score": score}.items():
            if not np.isfinite(values).all():
                raise ValueError(f"{name} must be finite: row {int(np.argmin(np.isfinite(values).reshape(len(frame), -1).all(axis=1)))}")
        known = "class_id" in frame.columns and bool(frame["class_id"].notna().all())
        class_id = _whole(_floats(frame["class_id"], "class_id")) if known else None
        rows = np.lexsort((ids[1], ids[0]))
        twice = np.flatnonzero((np.diff(ids[0][rows]) == 0) & (np.diff(ids[1][rows]) == 0))
        if len(twice):
            row = rows[twice[0]]
            raise ValueError(f"every identity once in a frame: frame {ids[0][row]} has {ids[1][row]} twice")
        return cls(ids[0], ids[1], np.ascontiguousarray(tlwh), score, class_id)[rows]


@dataclass(frozen=True, eq=False, slots=True)
class Annotations(ByFrame):
    """Holds the ground truth of a sequence: N boxes ordered by frame, then id, as in a gt file.

    Args:
        frame_id: Frames from 1, (N,).
        track_id: Identities from 1, (N,).
        tlwh: Left, top, width, height in pixels, (N, 4).
        considered: The file's conf column as bool, (N,); False: ignored in scoring.
        class_id: MOTChallenge's classes, 1 pedestrian … 12 reflection, (N,).
        visibility: Visible share in [0, 1], (N,).
    """

    frame_id: Ints
    track_id: Ints
    tlwh: Floats
    considered: npt.NDArray[np.bool_]
    class_id: Ints
    visibility: Floats

    def __len__(self) -> int:
        return len(self.frame_id)

    def __getitem__(self, rows: npt.NDArray[np.generic] | slice) -> Annotations:
        return Annotations(
            self.frame_id[rows], self.track_id[rows], self.tlwh[rows], self.considered[rows], self.class_id[rows], self.visibility[rows]
        )


@dataclass(frozen=True, slots=True)
class Sequence:
    """Describes one video and its files. Frames count from 1; a half of a sequence starts at `first_frame` of the files.

    Args:
        name: Name of the sequence.
        length: Number of frames.
        frame_rate: Frames per second.
        width: Width of the images in pixels.
        height: Height of the images in pixels.
        images: A folder of images or a video file; None if there is none.
        image_ext: Extension of MOTChallenge's image names.
        image_names: The image file of each frame of the whole sequence, None for a missing one. Empty if the folder has not been listed:
            names are then MOTChallenge's six digits with `image_ext`.
        ground_truth: A MOT text file with the frame numbers of the whole sequence, or a file in another `layout`.
        public_detections: A MOT text file with the frame numbers of the whole sequence.
        first_frame: Number of this sequence's first frame in the files.
        last_frame: Number of the last frame in the files; None if unknown.
        every: Uses every Nth frame of the files: frame `f` is their frame `first_frame + (f - 1) * every`.
        layout: Layout of the ground truth: mot, kitti, visdrone or bdd100k.
        class_names: Names of the class numbers in the ground truth ("none" for a class that is not scored); empty for a single class.
    """

    name: str
    length: int
    frame_rate: float
    width: int
    height: int
    first_frame: int = 1
    images: Path | None = None
    image_ext: str = ".jpg"
    ground_truth: Path | None = None
    public_detections: Path | None = None
    last_frame: int | None = None
    image_names: tuple[str | None, ...] = ()
    every: int = 1
    layout: str = "mot"
    class_names: tuple[str, ...] = ()

    def number_of(self, frame_id: FrameId) -> FrameId:
        """Returns the number that frame `frame_id` (from 1, in this sequence's own numbering) has in the files."""
        return self.first_frame + (frame_id - 1) * self.every

    def image_path(self, frame_id: int) -> Path:
        """Returns the file of frame `frame_id` (from 1, in this sequence's own numbering); MissingDataError if it is known to be missing.

        For a video it is `file.avi#000123`, which `bytetrack.video.read.read_image` accepts.
        """
        if self.images is None:
            raise ValueError(f"{self.name} has no images")
        number = self.number_of(frame_id)
        if self.images.is_file():
            return Path(f"{self.images}#{number:06d}")
        name = f"{number:06d}{self.image_ext}" if not self.image_names else self.image_name(frame_id)
        if name is None:
            raise MissingDataError(f"{self.images}: no image of frame {number}, only of {sum(map(bool, self.image_names))} others")
        return self.images / name

    def image_name(self, frame_id: int) -> str | None:
        """Returns the file name of frame `frame_id` among `image_names`; None if it is missing."""
        number = self.number_of(frame_id)
        return self.image_names[number - 1] if number <= len(self.image_names) else None
