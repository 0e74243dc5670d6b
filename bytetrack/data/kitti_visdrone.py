"""Datasets in the layouts of KITTI tracking and VisDrone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bytetrack.checks import check_every
from bytetrack.data.datasets import matching, thinned
from bytetrack.data.frame_names import frame_names
from bytetrack.data.image_files import image_size
from bytetrack.interfaces import ScoringProtocol
from bytetrack.io import kitti, visdrone
from bytetrack.io.formats import FORMATS
from bytetrack.listing import is_litter
from bytetrack.structures import NOT_SCORED, Sequence

__all__ = ["Kitti", "VisDrone"]


class Kitti:
    """Lists the sequences of `root`/`subset`/{label_02/0000.txt, image_02/0000/000000.png}, to be scored by KITTI's rules.

    Result classes are 1 car and 4 pedestrian. Lengths come from the images, or from the last labelled frame if there are none. Frame
    numbers are those of the files plus one. `every`, `min_box_area` and `max_aspect_ratio` are those of `MotChallenge`.
    """

    protocol: ScoringProtocol = "kitti"
    class_names = (NOT_SCORED, *kitti.CLASSES)

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
        """Returns at least one sequence, ordered by name; raises MissingDataError."""
        images, labels = self.root / self.subset / "image_02", self.root / self.subset / "label_02"
        usual = Sequence("", 1, 10.0, 1242, 375, layout="kitti", class_names=self.class_names)
        return [thinned(whole, self.every) for whole in _sequences(images, labels, self.pattern, usual, first_image=0)]


class VisDrone:
    """Lists the sequences of `root`/{sequences/<name>/0000001.jpg, annotations/<name>.txt}: ten classes with ignored regions.

    Result classes are the dataset's: 1 pedestrian to 10 motor. `frame_rate` must be given, because the dataset does not state it. The other
    arguments are those of `Kitti`.
    """

    protocol: ScoringProtocol = "visdrone"
    class_names = (NOT_SCORED, *visdrone.CLASSES)

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
        """Returns at least one sequence, ordered by name; raises MissingDataError."""
        usual = Sequence("", 1, float(self.frame_rate), 1920, 1080, layout="visdrone", class_names=self.class_names)
        found = _sequences(self.root / "sequences", self.root / "annotations", self.pattern, usual, first_image=1)
        return [thinned(whole, self.every) for whole in found]


def _sequences(images: Path, labels: Path, pattern: str, usual: Sequence, first_image: int) -> list[Sequence]:
    """Finds `images`/<name>/ and `labels`/<name>.txt. Length and size come from the images; `usual` has what no file states."""
    found = []
    for name in _names(images, labels, pattern):
        label, folder = labels / f"{name}.txt", images / name
        names = frame_names(folder, first=first_image) if folder.is_dir() else ()
        first = next((file for file in names if file is not None), None)
        width, height = image_size(folder / first) if first is not None else (usual.width, usual.height)
        length = max(len(names), _last_labelled(label, usual), 1)
        whole = replace(usual, name=name, length=length, last_frame=length, width=width, height=height, image_names=names)
        folder_found, label_found = folder if folder.is_dir() else None, label if label.is_file() else None
        found.append(replace(whole, images=folder_found, ground_truth=label_found))
    return found


def _last_labelled(label: Path, sequence: Sequence) -> int:
    """Returns the last frame with a label, 0 if there is none."""
    read = FORMATS[sequence.layout].labels
    return int(read(label, sequence).frame_id.max(initial=0)) if read is not None and label.is_file() else 0


def _names(images: Path, labels: Path, pattern: str) -> list[str]:
    """Lists sequences that have images or labels."""
    there = {path.name for path in images.glob("*") if path.is_dir()} | {path.stem for path in labels.glob("*.txt")}
    names = sorted(name for name in there if not is_litter(name))
    return matching(pattern, names, f"{str(images)!r} or {str(labels)!r}")
