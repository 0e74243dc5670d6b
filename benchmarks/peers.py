"""The trackers that benchmarks/association.py measures: ours, and others' under permissive licences, family by family.

Every one gets the same frame (boxes, scores, the ready `Detections`, features) and builds from it whatever it takes. Where a peer has
a setting of the same meaning it is given our value; the rest is its default. Peers: `pip install '.[bench]'`; none is copied,
none is under AGPL or GPL.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

import bytetrack
from bytetrack import Detections

__all__ = ["FAMILIES", "Frame", "Make", "Update", "installed"]

Floats = npt.NDArray[np.float64]


class Frame(NamedTuple):
    """One frame: boxes (n, 4), scores (n,), both as `Detections`, and features (n, d)."""

    xyxy: Floats
    score: Floats
    detections: Detections
    features: Floats


Update = Callable[[Frame], object]
Make = Callable[[], Update]
Find = Callable[[], Make]


def ours(name: str, from_arrays: bool = False, with_features: bool = False) -> Find:
    def find() -> Make:
        kind = getattr(bytetrack, name)

        def make() -> Update:
            tracker = kind()
            if from_arrays:
                return lambda frame: tracker.update(Detections(frame.xyxy, frame.score))
            if with_features:
                return lambda frame: tracker.update(frame.detections, features=frame.features)
            return lambda frame: tracker.update(frame.detections)

        return make

    return find


def pyxtrackers(name: str, **settings: float) -> Find:
    def find() -> Make:
        import pyxtrackers as room

        def make() -> Update:
            tracker = getattr(room, name)(**settings)
            return lambda frame: tracker.update(np.column_stack([frame.xyxy, frame.score]))

        return make

    return find


def ioutrack(name: str, **settings: object) -> Find:
    def find() -> Make:
        import ioutrack as room

        def make() -> Update:
            tracker = getattr(room, name)(**settings)
            return lambda frame: tracker.update(np.column_stack([frame.xyxy, frame.score]), False)

        return make

    return find


def trackers(name: str, **settings: float) -> Find:
    def find() -> Make:
        import trackers as room
        from supervision import Detections as Boxes

        def make() -> Update:
            tracker = getattr(room, name)(**settings)
            return lambda frame: tracker.update(Boxes(frame.xyxy, confidence=frame.score, class_id=np.zeros(len(frame.score), int)))

        return make

    return find


def trackforge(name: str, with_features: bool = False, **settings: float) -> Find:
    def find() -> Make:
        import trackforge as room

        def make() -> Update:
            tracker = getattr(room, name)(**settings)

            def update(frame: Frame) -> object:
                tlwh = np.hstack([frame.xyxy[:, :2], frame.xyxy[:, 2:] - frame.xyxy[:, :2]])
                found = [(box, score, 0) for box, score in zip(tlwh.tolist(), frame.score.tolist(), strict=True)]
                return tracker.update(found, frame.features.tolist()) if with_features else tracker.update(found)

            return update

        return make

    return find


def visiontrack() -> Make:
    from visiontrack_cpp import ByteTracker as VisionTrack
    from visiontrack_cpp import TrackerConfig

    def make() -> Update:
        tracker = VisionTrack(
            TrackerConfig(high_score_thresh=0.6, low_score_thresh=0.1, match_iou_thresh=0.1, new_track_thresh=0.7, n_init=2, max_age=30)
        )
        return lambda frame: tracker.update(frame.xyxy, frame.score)

    return make


def edgefirst() -> Make:
    from edgefirst.tracker import ByteTrack

    def make() -> Update:
        tracker = ByteTrack(high_conf=0.6, iou=0.1, update=0.1, lifespan_ns=1_000_000_000)
        clock = iter(range(0, 10**15, 33_333_333))
        return lambda frame: tracker.update(
            frame.xyxy.astype(np.float32), frame.score.astype(np.float32), np.zeros(len(frame.score), np.uint64), next(clock)
        )

    return make


def supervision() -> Make:
    from supervision import ByteTrack
    from supervision import Detections as Boxes

    def make() -> Update:
        tracker = ByteTrack(track_activation_threshold=0.6, lost_track_buffer=30, minimum_matching_threshold=0.9)
        return lambda frame: tracker.update_with_detections(
            Boxes(frame.xyxy, confidence=frame.score, class_id=np.zeros(len(frame.score), int))
        )

    return make


def deep_sort_realtime() -> Make:
    from deep_sort_realtime.deepsort_tracker import DeepSort as Realtime

    def make() -> Update:
        tracker = Realtime(max_age=30, n_init=3, max_iou_distance=0.7, max_cosine_distance=0.1, nn_budget=100, embedder=None)

        def update(frame: Frame) -> object:
            keep = np.flatnonzero(frame.score >= 0.5)
            tlwh = np.hstack([frame.xyxy[keep, :2], frame.xyxy[keep, 2:] - frame.xyxy[keep, :2]])
            found = [(box, score, 0) for box, score in zip(tlwh.tolist(), frame.score[keep].tolist(), strict=True)]
            return tracker.update_tracks(found, embeds=list(frame.features[keep]))

        return update

    return make


# Of every family the first is ours, ready-made detections in; peers are those whose name does not begin with "bytetrack".
FAMILIES: dict[str, dict[str, Find]] = {
    "byte": {
        "bytetrack ByteTracker, from Detections": ours("ByteTracker"),
        "bytetrack ByteTracker, from arrays": ours("ByteTracker", from_arrays=True),
        "pyxtrackers": pyxtrackers("BYTETracker", track_thresh=0.6, match_thresh=0.9, track_buffer=30),
        "visiontrack-cpp": visiontrack,
        "edgefirst-tracker": edgefirst,
        "ioutrack-rs": ioutrack(
            "ByteTrack",
            max_age=30,
            min_hits=2,
            iou_threshold=0.1,
            init_tracker_min_score=0.7,
            high_score_threshold=0.6,
            low_score_threshold=0.1,
        ),
        "trackforge": trackforge("BYTETRACK", track_thresh=0.6, match_thresh=0.9, det_thresh=0.7),
        "trackers": trackers("ByteTrackTracker"),
        "supervision": supervision,
    },
    "byte_plus": {"bytetrack BytePlus": ours("BytePlus"), "bytetrack ByteTracker": ours("ByteTracker")},
    "sort": {
        "bytetrack Sort": ours("Sort"),
        "pyxtrackers Sort": pyxtrackers("Sort", max_age=30, min_hits=3, iou_threshold=0.3),
        "ioutrack-rs Sort": ioutrack("Sort", max_age=30, min_hits=3, iou_threshold=0.3, init_tracker_min_score=0.4),
        "trackforge SORT": trackforge("SORT", max_age=30, min_hits=3, iou_threshold=0.3),
        "trackers SORTTracker": trackers("SORTTracker", track_activation_threshold=0.4),
    },
    "ocsort": {
        "bytetrack OcSort": ours("OcSort"),
        "pyxtrackers OCSort": pyxtrackers("OCSort", det_thresh=0.6),
        "trackforge OCSORT": trackforge("OCSORT"),
        "trackers OCSORTTracker": trackers("OCSORTTracker"),
    },
    "hybridsort": {"bytetrack HybridSort": ours("HybridSort")},
    "boosttrack": {"bytetrack BoostTrack": ours("BoostTrack")},
    "tracktrack": {"bytetrack TrackTrack": ours("TrackTrack"), "trackforge TRACKTRACK": trackforge("TRACKTRACK")},
    "botsort": {
        "bytetrack BotSort": ours("BotSort"),
        "trackforge BOTSORT": trackforge("BOTSORT", track_thresh=0.6, det_thresh=0.7),
        "trackers BoTSORTTracker": trackers("BoTSORTTracker", enable_cmc=False),
    },
    "cbiou": {"bytetrack CBIoU": ours("CBIoU"), "trackers CBIoUTracker": trackers("CBIoUTracker")},
    "deepsort": {
        "bytetrack DeepSort, 128 features": ours("DeepSort", with_features=True),
        "trackforge DEEPSORT, 128 features": trackforge("DEEPSORT", with_features=True, max_age=30, max_cosine_distance=0.1),
        "deep-sort-realtime DeepSort, 128 features": deep_sort_realtime,
    },
    "motdt": {"bytetrack MotDt, 128 features": ours("MotDt", with_features=True)},
}


def installed(family: dict[str, Find]) -> tuple[dict[str, Make], list[str]]:
    """The trackers of a family that can be made here, and a line for each that cannot."""
    xyxy, score, found, missing = np.array([[0.0, 0.0, 10.0, 20.0]]), np.array([0.9]), {}, []
    for name, find in family.items():
        try:
            make = find()
            make()(Frame(xyxy, score, Detections(xyxy, score), np.eye(1, 128)))
            found[name] = make
        except Exception as error:
            missing.append(f"{name}: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")
    return found, missing
