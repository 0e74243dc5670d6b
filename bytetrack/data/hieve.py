"""The dataset HiEve (Human in Events): videos of crowds with ground truth in text files."""

from __future__ import annotations

from pathlib import Path

from bytetrack.checks import check_every
from bytetrack.data.datasets import matching, thinned
from bytetrack.data.image_files import sequence_fields
from bytetrack.interfaces import ScoringProtocol
from bytetrack.io import hieve
from bytetrack.io.seqinfo import positive_field
from bytetrack.listing import VIDEO_ENDINGS, listed
from bytetrack.structures import Sequence

__all__ = ["HiEve"]


class HiEve:
    """Lists the sequences of `root`/`subset`/{videos/1.mp4, labels/track1/1.txt}; boxes with flag 0 are ignored (protocol mot15).

    If `subset` is None, `root` itself contains the folders. Frame numbers are those of the labels plus one. Size, frame rate and length
    come from the video; without videos the labels define the length, and the frame rate is 25. `every`, `min_box_area` and
    `max_aspect_ratio` are those of `MotChallenge`.
    """

    protocol: ScoringProtocol = "mot15"

    def __init__(
        self,
        root: str | Path,
        subset: str | None = "train",
        pattern: str = "*",
        min_box_area: float | None = None,
        max_aspect_ratio: float | None = None,
        every: int = 1,
    ) -> None:
        self.root, self.subset, self.pattern, self.every = Path(root).expanduser(), subset, pattern, check_every(every)
        self.min_box_area, self.max_aspect_ratio = min_box_area, max_aspect_ratio

    def sequences(self) -> list[Sequence]:
        """Returns at least one sequence, ordered by name; raises MissingDataError."""
        folder = self.root / self.subset if self.subset else self.root
        videos, labels = _files(folder / "videos", VIDEO_ENDINGS), _files(folder / "labels" / "track1", (".txt",))
        there = sorted(videos.keys() | labels.keys())
        chosen = matching(self.pattern, there, f"{str(folder / 'videos')!r} or labels/track1")
        return [thinned(_sequence(name, videos.get(name), labels.get(name)), self.every) for name in chosen]


def _files(folder: Path, endings: tuple[str, ...]) -> dict[str, Path]:
    return {path.stem: path for path in listed(folder, endings)} if folder.is_dir() else {}


def _sequence(name: str, video: Path | None, labels: Path | None) -> Sequence:
    fields = sequence_fields(video, ()) if video is not None else {}
    if video is not None and fields:
        width, height = (int(positive_field(video, fields, key, whole=True)) for key in ("imWidth", "imHeight"))
        length, rate = int(positive_field(video, fields, "seqLength", whole=True)), positive_field(video, fields, "frameRate")
    else:
        width, height, rate = 1920, 1080, 25.0
        length = max(1, int(hieve.read_labels(labels).frame_id.max(initial=0))) if labels is not None else 1
    return Sequence(name, length, rate, width, height, images=video, ground_truth=labels, last_frame=length, layout="hieve")
