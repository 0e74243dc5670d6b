"""Adapts a detector to the frames of a source, once: a network is run on each frame, recorded boxes are looked up."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bytetrack.detection.batching import SharedDetector
from bytetrack.detection.classes import choose, named
from bytetrack.interfaces import Detector, DividesCores, SequenceDetector, classes_of
from bytetrack.names import class_name
from bytetrack.pipeline.nothing import no_box_of
from bytetrack.runtime.pool import cores
from bytetrack.structures import Detections
from bytetrack.structures import Sequence as SequenceInfo
from bytetrack.video.source import Frame, Source

__all__ = ["FrameDetector", "as_frame_detector"]

log = logging.getLogger(__name__)

MOST_FRAMES = 2**20  # that recorded detections are read for: a video's header may state a wrong length
MOST_WORKERS = 4  # each holds a network's whole working memory
Wanted = Sequence[str | int] | None


@dataclass(frozen=True)
class FrameDetector:
    """Finds the boxes of a frame; `workers` threads may call `find` at once.

    `class_names` are by class number. `recorded` is True if all boxes are known before the first frame.
    """

    find: Callable[[Frame], Detections]
    class_names: list[str]
    workers: int = 1
    recorded: bool = False


def as_frame_detector(detector: Detector, source: Source, wanted: Wanted, shared: SharedDetector | None = None) -> FrameDetector:
    """Returns the detector for the frames of `source`; raises every mistake in its settings.

    `wanted` are the classes to keep, None for all. `shared` finds the boxes in place of a network that other sources use too.
    """
    if isinstance(detector, SequenceDetector):
        return _of_recorded(detector, source, wanted)
    return _of_network(detector, shared or detector, source)


def _of_network(detector: Any, network: Any, source: Source) -> FrameDetector:
    """Adapts a network; on the CPU it detects several frames of a file at a time, each with a share of the cores."""
    divides = isinstance(network, DividesCores) and network.on_cpu and not source.live
    workers = min(cores(), MOST_WORKERS) if divides else 1
    ready = network if workers == 1 else network.shared(workers, max(1, cores() // workers))
    if hasattr(network, "key"):  # one of ours, which loads its weights now: mistakes come out before anything is written
        ready.detect([np.zeros((64, 64, 3), np.uint8)])
    names = named(*classes_of(detector))
    return FrameDetector(lambda frame: _only(ready.detect([frame.image]), network), names, workers)


def _of_recorded(detector: SequenceDetector, source: Source, wanted: Wanted) -> FrameDetector:
    if source.live:
        raise ValueError(f"recorded detections need a file or a folder, and {source.name} is live: give weights=")
    recorded = detector.detect_sequence(SequenceInfo(source.name, MOST_FRAMES, source.frame_rate, 0, 0))
    own, _ = classes_of(detector)
    names = list(own or [])
    kept = choose(wanted, len(names), names, source.name) if recorded.class_id is not None else None

    if recorded.class_id is None and len(names) > 1 and wanted is not None:
        log.warning("%s: its boxes have no class in the eighth column, so all are kept, whatever classes says", source.name)
    if kept is not None and recorded.class_id is not None:
        numbers, counts = np.unique(recorded.class_id, return_counts=True)
        found = {class_name(names, number): count for number, count in zip(numbers.tolist(), counts.tolist(), strict=True)}
        if missing := no_box_of((names[number] for number in kept), found):
            log.warning("%s: %s", source.name, missing)

    def look_up(frame: Frame) -> Detections:
        found = recorded.frame(frame.frame_id) if frame.frame_id <= len(recorded) else Detections.empty()
        return found if kept is None or found.class_id is None else found[np.isin(found.class_id, kept)]

    only = [str(wanted[0])] if wanted is not None and len(wanted) == 1 else ["object"]  # of boxes without classes
    return FrameDetector(look_up, list(own or ["object"]) if own is not None else only, recorded=True)


def _only(found: Any, detector: Any) -> Detections:
    """Returns the detections of the one image; raises ValueError if the detector returned anything else."""
    if isinstance(found, list | tuple) and len(found) == 1 and isinstance(found[0], Detections):
        return found[0]
    got = f"a list of {len(found)} {type(found[0]).__name__}" if isinstance(found, list | tuple) and found else type(found).__name__
    raise ValueError(
        f"{type(detector).__name__}.detect must return a list with one Detections for each image, got {got}: "
        "bytetrack.adapters makes Detections of what other libraries return"
    )
