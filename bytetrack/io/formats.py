"""The table of formats. To add a format, add a module that reads and writes it, and an entry here."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Values
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bytetrack.errors import FormatError
from bytetrack.io import bdd100k, coco_vid, csv_jsonl, cvat, hieve, kitti, mot, visdrone
from bytetrack.io.result import Names, Result
from bytetrack.io.zip_members import member_names
from bytetrack.structures import Annotations, Sequence

__all__ = ["FORMATS", "RESULTS", "Format", "ResultFiles", "read_annotations", "read_result", "sniff", "suffixes", "write_results"]


@dataclass(frozen=True, slots=True)
class ResultFiles:
    """Describes the result files of one format.

    `suffix` is the extension when written, `also` are further extensions that can be read. `single` files contain one sequence each, others
    contain all. `recognise` distinguishes files of this format from others with the same suffix; the format without it accepts all files
    that no other format recognises.
    """

    suffix: str
    single: bool
    read: Callable[[Path, Names], Result | list[Result]]
    write: Callable[[Result, Path], None] | Callable[[Values[Result], Path], None]
    also: tuple[str, ...] = ()
    recognise: Callable[[Path], bool] | None = None


@dataclass(frozen=True, slots=True)
class Format:
    """Describes a format: `results` of trackers, and `labels`, the ground truth of one sequence per file."""

    results: ResultFiles | None = None
    labels: Callable[[Path, Sequence], Annotations] | None = None


FORMATS = {
    "mot": Format(
        ResultFiles(".txt", True, lambda path, names: mot.read_mot(path, names.known), mot.write_mot),
        lambda path, sequence: mot.read_annotations(path, sequence.last_frame, (sequence.width, sequence.height)),
    ),
    "kitti": Format(
        ResultFiles(".txt", True, kitti.read_kitti, kitti.write_kitti, recognise=kitti.is_kitti), lambda path, _: kitti.read_labels(path)
    ),
    "cvat": Format(ResultFiles(".zip", True, cvat.read_cvat, cvat.write_cvat, recognise=cvat.is_cvat)),
    "cvat_xml": Format(
        ResultFiles(".xml", True, cvat.read_cvat_xml, cvat.write_cvat_xml, also=(".zip",), recognise=cvat.is_cvat_xml),
    ),
    "coco_vid": Format(ResultFiles(".json", False, coco_vid.read_coco_vid, coco_vid.write_coco_vid, also=(".json.gz",))),
    "csv": Format(ResultFiles(".csv", False, csv_jsonl.read_csv, csv_jsonl.write_csv)),
    "jsonl": Format(ResultFiles(".jsonl", True, csv_jsonl.read_jsonl, csv_jsonl.write_jsonl)),
    "hieve": Format(labels=lambda path, sequence: hieve.read_labels(path, sequence.last_frame)),
    "visdrone": Format(labels=lambda path, _: visdrone.read_labels(path)),
    "bdd100k": Format(labels=lambda path, _: bdd100k.read_labels(path)),
}
RESULTS = {name: form.results for name, form in FORMATS.items() if form.results is not None}


def suffixes() -> tuple[str, ...]:
    """Returns the suffixes of all result files."""
    return tuple(dict.fromkeys(suffix for form in RESULTS.values() for suffix in (form.suffix, *form.also)))


def read_annotations(source: Sequence | Path) -> Annotations:
    """Reads the ground truth of a sequence's frames (of a half: renumbered from 1), or of a whole MOT file.

    `Sequence.layout` is the key in `FORMATS`. Raises FormatError with the line; ValueError for a sequence without ground truth.
    """
    if isinstance(source, Path):
        return mot.read_annotations(source)
    reader = FORMATS[source.layout].labels
    if source.ground_truth is None or reader is None:
        raise ValueError(f"{source.name} has no ground truth")
    whole = reader(source.ground_truth, source)
    frame_id, rest = np.divmod(whole.frame_id - source.first_frame, source.every)
    rows = (rest == 0) & (frame_id >= 0) & (frame_id < source.length)
    fields = (whole.track_id, whole.tlwh, whole.considered, whole.class_id, whole.visibility)
    return Annotations(frame_id[rows] + 1, *(values[rows] for values in fields))


def sniff(path: Path) -> str:
    """Returns the format of a result file, from its suffix and first words; raises FormatError if no format matches."""
    ending = path.name.lower()
    of_suffix = {name: form for name, form in RESULTS.items() if ending.endswith((form.suffix, *form.also))}
    recognised = (name for name, form in of_suffix.items() if form.recognise is not None and form.recognise(path))
    found = next(recognised, next((name for name, form in of_suffix.items() if form.recognise is None), None))
    if found is not None:
        return found
    if ending.endswith(".zip"):
        members = sorted({member.rsplit("/", 1)[-1] for member in member_names(path)} - {""})
        raise FormatError(f"{path}: expected CVAT's gt/gt.txt or annotations.xml in the archive, got {', '.join(members[:4])}")
    raise FormatError(f"{path}: expected a file that ends in {', '.join(suffixes())}; set from={'|'.join(RESULTS)} for others")


def read_result(path: Path, source_format: str, names: Names) -> list[Result]:
    """Reads the sequences of one file."""
    found = RESULTS[source_format].read(path, names)
    return found if isinstance(found, list) else [found]


def write_results(results: Values[Result], to: str, out: Path, not_over: Values[Path] = ()) -> list[Path]:
    """Writes results to the folder `out`, or to the file `out` if it has the format's suffix and one file is enough; returns the paths.

    Raises ValueError if a file would overwrite one of `not_over`.
    """
    form = RESULTS[to]
    is_file = out.name.endswith(form.suffix)
    if form.single and is_file and len(results) != 1:
        raise ValueError(f"{to} is one file a sequence: out must be a folder for {len(results)} sequences, got {str(out)!r}")
    if form.single:
        paths = [out if is_file else out / f"{result.name}{form.suffix}" for result in results]
    else:
        paths = [out if is_file else out / f"tracks{form.suffix}"]
    for path in paths:
        if not is_file and path.parent.resolve() != out.resolve():
            raise ValueError(f"a sequence's name cannot be a path: got {path.name!r} outside {str(out)!r}")
        if path.resolve() in [other.resolve() for other in not_over]:
            raise ValueError(f"out must not be the input: {str(path)!r} would be written over")
    if form.single:
        for result, path in zip(results, paths, strict=True):
            form.write(result, path)  # type: ignore[arg-type]
    else:
        form.write(list(results), paths[0])  # type: ignore[arg-type]
    return paths
