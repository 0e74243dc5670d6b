"""The values that move between the rooms. Arrays are float64 or int64, C-contiguous, and never changed after construction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from bytetrack.errors import MissingDataError

__all__ = ["NOT_SCORED", "PAD", "Annotations", "Detections", "Sequence", "SequenceDetections", "Tracks", "Trajectories"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PAD = 114  # the grey of everything that is no picture, in all three channels: what a letterbox, a mosaic or a canvas leaves free
NOT_SCORED = "none"  # the name of a class that a dataset's list only holds a place for

FrameId = TypeVar("FrameId", int, npt.NDArray[np.int64])

_set = object.__setattr__


def _ints(values: npt.ArrayLike) -> Ints:
    return np.ascontiguousarray(values, dtype=np.int64)


def _whole(class_id: npt.ArrayLike) -> Ints:
    """Class ids as integers; networks give them as floats, in one table with the boxes."""
    given = np.asarray(class_id)
    with np.errstate(invalid="ignore"):
        classes = _ints(given)
    if given.dtype.kind not in "iub" and not np.array_equal(classes, given):
        row = int(np.argmax(classes != given))
        raise ValueError(f"class_id must be whole numbers: row {row} has {given.flat[row]}")
    return classes


@dataclass(frozen=True, eq=False, slots=True, init=False)
class Detections:
    """The boxes of one frame: `xyxy` (n, 4) in pixels, `score` (n,) in [0, 1], `class_id` (n,) or None for a single class.

    Any array-like of any float type and memory order; shapes are checked here (ValueError), values by the tracker.
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

    @classmethod
    def empty(cls) -> Detections:
        return cls(np.empty((0, 4)), np.empty(0))


@dataclass(frozen=True, eq=False, slots=True)
class Tracks:
    """What a tracker says of one frame, n identities.

    `xyxy` (n, 4) in pixels; `track_id` (n,) from 1; `score` (n,), of the last matched detection; `class_id` (n,) or None;
    `detection_index` (n,), the row of this frame's detections the identity was matched to, -1 for none.
    """

    xyxy: Floats
    track_id: Ints
    score: Floats
    class_id: Ints | None
    detection_index: Ints

    def __len__(self) -> int:
        return len(self.xyxy)


@dataclass(frozen=True, eq=False, slots=True)
class SequenceDetections:
    """The detections of a whole sequence, frames back to back.

    Frame `f` (from 1) has rows `offsets[f - 1]:offsets[f]` of `xyxy` (N, 4), `score` (N,) and `class_id` (N,) or None.
    """

    xyxy: Floats
    score: Floats
    offsets: Ints
    class_id: Ints | None = None

    def __len__(self) -> int:
        """The number of frames."""
        return len(self.offsets) - 1

    def frame(self, frame_id: int) -> Detections:
        """Detections of frame `frame_id`, from 1."""
        rows = slice(int(self.offsets[frame_id - 1]), int(self.offsets[frame_id]))
        return Detections(self.xyxy[rows], self.score[rows], None if self.class_id is None else self.class_id[rows])

    def __iter__(self) -> Iterator[Detections]:
        return (self.frame(frame_id) for frame_id in range(1, len(self) + 1))

    @classmethod
    def from_frames(cls, frames: list[Detections]) -> SequenceDetections:
        """Joined from one `Detections` a frame; class ids are kept when every frame that has boxes has them."""
        classes = [frame.class_id for frame in frames if len(frame)]
        return cls(
            np.concatenate([np.empty((0, 4)), *(frame.xyxy for frame in frames)]),
            np.concatenate([np.empty(0), *(frame.score for frame in frames)]),
            np.cumsum([0, *(len(frame) for frame in frames)], dtype=np.int64),
            _ints(np.concatenate(classes)) if classes and all(c is not None for c in classes) else None,  # type: ignore[arg-type]
        )


@dataclass(frozen=True, eq=False, slots=True)
class Trajectories:
    """The tracker's result on a sequence, N boxes ordered by frame, then id: a result file's rows.

    `frame_id` (N,) and `track_id` (N,) from 1; `tlwh` (N, 4) in pixels; `score` (N,); `class_id` (N,) or None.
    """

    frame_id: Ints
    track_id: Ints
    tlwh: Floats
    score: Floats
    class_id: Ints | None = None

    def __len__(self) -> int:
        return len(self.frame_id)


@dataclass(frozen=True, eq=False, slots=True)
class Annotations:
    """Ground truth of a sequence, N boxes ordered by frame, then id: a gt file's rows.

    `frame_id` (N,), `track_id` (N,) from 1; `tlwh` (N, 4) in pixels; `considered` (N,) bool, the file's conf column (0: ignore);
    `class_id` (N,), MOTChallenge's 1 pedestrian … 12 reflection; `visibility` (N,) in [0, 1].
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
    """One video and where its files are. Frames count from 1; a half of a sequence starts at `first_frame` of its files.

    A thinned one has only every `every`-th of the files' frames: its frame `f` is theirs of number `first_frame + (f - 1) * every`.

    `length` frames at `frame_rate` per second, `width` x `height` pixels. `images` is a folder of images or a video file, None
    where there are none; `image_names` the file of every frame of the whole sequence, None where it is missing (empty: nobody has
    looked, and names are MOTChallenge's six digits with `image_ext`). `ground_truth` and `public_detections` are MOT text files in the
    numbering of the whole sequence, whose last frame is `last_frame` (None: not known). `layout` is that of the ground truth: mot,
    kitti, visdrone or bdd100k. `class_names` are what class numbers mean there, by number ("none" for those that nobody scores); empty
    where every box is of one class.
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
        """The number that frame `frame_id` (from 1, in this sequence's own numbering) has in the files."""
        return self.first_frame + (frame_id - 1) * self.every

    def image_path(self, frame_id: int) -> Path:
        """Returns the file of frame `frame_id` (from 1, in this sequence's own numbering); MissingDataError if it is known to be missing.

        Of a video, `file.avi#000123`, which `bytetrack.video.read.read_image` understands.
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
        """Returns the file name of frame `frame_id` among `image_names`; None if it is not there."""
        number = self.number_of(frame_id)
        return self.image_names[number - 1] if number <= len(self.image_names) else None
