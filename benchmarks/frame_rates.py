"""Trackers at low and irregular frame rates, with and without time stamps and camera motion.

    python benchmarks/frame_rates.py D [--copies 3] [--only irregular]

`D` holds MOT17/, detections/yolox_x_ablation/ and gmc/. Half-val, every frame, every 2nd, 3rd and 5th, and an irregular pick (1, 1, 2, 3
or 6 frames on, at random); mean over the recorded detections and jittered copies, scored in memory (equal to TrackEval), HOTA / MOTA /
IDF1 / switches. With time stamps trackers count time at 30 frames a second, without them in the frames they get.
"""

from __future__ import annotations

import argparse
from inspect import signature
from itertools import pairwise
from pathlib import Path

import numpy as np

from bytetrack import Sequence, SequenceDetections
from bytetrack.data.datasets import MotChallenge
from bytetrack.detection.recorded import Recorded
from bytetrack.io import read_annotations
from bytetrack.io.camera_motion import read_camera_motion
from bytetrack.pipeline import track_sequence
from bytetrack.scoring import fast
from bytetrack.structures import Annotations
from bytetrack.tracking import tracker_classes
from bytetrack.tuning.replay import as_written, jittered

PICKS = {"every": 1, "2nd": 2, "3rd": 3, "5th": 5, "irregular": 0}
NOMINAL = 30.0


def picked(sequence: Sequence, every: int) -> np.ndarray:
    """The frames that are kept, from 1."""
    if every:
        return np.arange(1, sequence.length + 1, every)
    steps = np.random.default_rng(sequence.length).choice([1, 1, 2, 3, 6], size=sequence.length)
    frames = 1 + np.r_[0, np.cumsum(steps)]
    return frames[frames <= sequence.length]


def thinned_truth(truth: Annotations, kept: np.ndarray) -> Annotations:
    rows = np.isin(truth.frame_id, kept)
    frame_id = np.searchsorted(kept, truth.frame_id[rows]) + 1
    rest = (getattr(truth, name)[rows] for name in ("track_id", "tlwh", "considered", "class_id", "visibility"))
    return Annotations(frame_id, *rest)


def between(affines: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Camera motion from each kept frame to the next."""
    found = [np.eye(2, 3)]
    for earlier, later in pairwise(kept.tolist()):
        chain = np.eye(3)
        for affine in affines[earlier:later]:
            chain = np.vstack([affine, [0, 0, 1]]) @ chain
        found.append(chain[:2])
    return np.array(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--copies", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=list(PICKS), default=list(PICKS), help="these picks of frames")
    given = parser.parse_args()
    sequences = MotChallenge(given.data / "MOT17", "train", "val", "*-FRCNN", "mot17").sequences()
    detector = Recorded(given.data / "detections" / "yolox_x_ablation")
    print(f"{'frames':10}{'tracker':11}{'camera':8}{'without time stamps':30}with")
    for pick in given.only:
        every, ready = PICKS[pick], []
        for s in sequences:
            kept = picked(s, every)
            camera = between(read_camera_motion(given.data / "gmc" / f"{s.name}.txt", s.first_frame, s.length), kept)
            prepared = fast.prepare(thinned_truth(read_annotations(s), kept), len(kept), "mot17")
            ready.append((s, kept, camera, prepared, detector.detect_sequence(s)))
        for name, kind in tracker_classes().items():
            for moving in (False, True) if "camera_motion" in kind.inputs else (False,):
                cells = []
                for timed in (False, True) if kind.supports_dt else (False,):
                    runs = []
                    for copy in range(given.copies):
                        results = {}
                        for s, kept, camera, prepared, detections in ready:
                            frames = SequenceDetections.from_frames([jittered(detections, s.name, copy).frame(int(f)) for f in kept])
                            rate = NOMINAL if timed else s.frame_rate * len(kept) / s.length
                            times = kept * (NOMINAL / s.frame_rate) if timed else None
                            t = track_sequence(
                                frames,
                                kind(**({"frame_rate": rate} if "frame_rate" in signature(kind).parameters else {})),
                                100,
                                1.6,
                                camera if moving else None,
                                times,
                            )
                            results[s.name] = fast.evaluate(prepared, as_written(t))
                        whole = fast.combine(results)
                        percent = (
                            whole["HOTA"]["HOTA"].mean(),
                            whole["CLEAR"]["MOTA"],
                            whole["Identity"]["IDF1"],
                            whole["CLEAR"]["IDSW"] / 100,
                        )
                        runs.append(100 * np.array(percent))
                    hota, mota, idf1, switches = np.mean(runs, axis=0)
                    cells.append(f"{hota:.2f} / {mota:.2f} / {idf1:.2f} / {switches:.0f}")
                print(
                    f"{pick:10}{name:11}{'yes' if moving else 'no':8}{cells[0]:30}{cells[1] if len(cells) > 1 else 'not used'}", flush=True
                )


if __name__ == "__main__":
    main()
