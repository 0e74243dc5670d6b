"""Folders in the layouts of KITTI tracking and VisDrone; BDD100K's are in `converters/bdd100k.py`."""

from __future__ import annotations

from pathlib import Path

from bytetrack.data.datasets import check_every, found_instead, thinned
from bytetrack.data.frame_names import frame_names
from bytetrack.data.ground_truth import KITTI, VISDRONE, read_kitti, read_visdrone
from bytetrack.data.image_files import image_size
from bytetrack.errors import MissingDataError
from bytetrack.listing import is_litter
from bytetrack.structures import NOT_SCORED, Annotations, Sequence

__all__ = ["Kitti", "VisDrone"]


class Kitti:
    """The sequences of `root`/`subset`/{label_02/0000.txt, image_02/0000/000000.png}, scored as KITTI's benchmark: cars and pedestrians.

    Result classes are 1 car and 4 pedestrian. Lengths come from the images, without them from the last labelled frame. Frames are
    those of the files plus one. `every`, `min_box_area`, `max_aspect_ratio` as in MotChallenge.
    """

    protocol = "kitti"
    class_names = (NOT_SCORED, *KITTI)

    def __init__(
        self,
        root: str | Path,
        subset: str = "training",
        pattern: str = "*",
        min_box_area: float | None = None,
        max_aspect_ratio: float | None = None,
        every: int = 1,
    ) -> None:
        self.root, self.subset, self.pattern, self.every = Path(root).expanduser(), subset, pattern, check_every(every)
        self.min_box_area, self.max_aspect_ratio = min_box_area, max_aspect_ratio

    def sequences(self) -> list[Sequence]:
        """At least one sequence, by name; MissingDataError."""
        folder = self.root / self.subset
        found = []
        for name in _names(folder / "image_02", folder / "label_02", self.pattern):
            label, images = folder / "label_02" / f"{name}.txt", folder / "image_02" / name
            truth, names = label if label.is_file() else None, _frames(images, first=0)
            whole = Sequence(
                name,
                length := _length(names, read_kitti(label) if truth else None),
                10.0,
                *_size(images, names, (1242, 375)),
                images=images if images.is_dir() else None,
                image_names=names,
                ground_truth=truth,
                last_frame=length,
                layout="kitti",
                class_names=self.class_names,
            )
            found.append(thinned(whole, self.every))
        return found


class VisDrone:
    """The sequences of `root`/{sequences/<name>/0000001.jpg, annotations/<name>.txt}: ten classes, ignored regions forgiven.

    Result classes are the dataset's: 1 pedestrian to 10 motor. `frame_rate` is stated nowhere in the dataset. Else as Kitti.
    """

    protocol = "visdrone"
    class_names = (NOT_SCORED, *VISDRONE)

    def __init__(
        self,
        root: str | Path,
        pattern: str = "*",
        frame_rate: float = 30.0,
        min_box_area: float | None = None,
        max_aspect_ratio: float | None = None,
        every: int = 1,
    ) -> None:
        self.root, self.pattern, self.frame_rate, self.every = Path(root).expanduser(), pattern, frame_rate, check_every(every)
        self.min_box_area, self.max_aspect_ratio = min_box_area, max_aspect_ratio

    def sequences(self) -> list[Sequence]:
        """At least one sequence, by name; MissingDataError."""
        found = []
        for name in _names(self.root / "sequences", self.root / "annotations", self.pattern):
            label, images = self.root / "annotations" / f"{name}.txt", self.root / "sequences" / name
            truth, names = label if label.is_file() else None, _frames(images, first=1)
            whole = Sequence(
                name,
                length := _length(names, read_visdrone(label) if truth else None),
                float(self.frame_rate),
                *_size(images, names, (1920, 1080)),
                images=images if images.is_dir() else None,
                image_names=names,
                ground_truth=truth,
                last_frame=length,
                layout="visdrone",
                class_names=self.class_names,
            )
            found.append(thinned(whole, self.every))
        return found


def _names(images: Path, labels: Path, pattern: str) -> list[str]:
    """Sequences that have images or labels."""
    there = {path.name for path in images.glob("*") if path.is_dir()} | {path.stem for path in labels.glob("*.txt")}
    there = {name for name in there if not is_litter(name)}
    chosen = sorted(name for name in there if Path(name).match(pattern))
    if not chosen:
        found = found_instead(pattern, sorted(there)) or "is dataset.root right?"
        raise MissingDataError(f"no sequence in {str(images)!r} or {str(labels)!r} matches {pattern!r}; {found}")
    return chosen


def _frames(images: Path, first: int) -> tuple[str | None, ...]:
    return frame_names(images, first=first) if images.is_dir() else ()


def _size(images: Path, names: tuple[str | None, ...], usual: tuple[int, int]) -> tuple[int, int]:
    """Of the first image; `usual` without images."""
    found = next((name for name in names if name is not None), None)
    return image_size(images / found) if found is not None else usual


def _length(names: tuple[str | None, ...], annotations: Annotations | None) -> int:
    last = 0 if annotations is None else int(annotations.frame_id.max(initial=0))
    return max(len(names), last, 1)
