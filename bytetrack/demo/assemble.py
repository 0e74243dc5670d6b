"""From a demo's settings to its parts."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bytetrack.counting import Counter
from bytetrack.demo.outputs import Outputs, class_name
from bytetrack.demo.paint import Painter
from bytetrack.demo.run import Demo, Restarts
from bytetrack.demo.web import Page
from bytetrack.demo.weights import chosen
from bytetrack.detection.batching import SharedDetector
from bytetrack.detection.classes import choose, named
from bytetrack.executors import cores
from bytetrack.pipeline.nothing import no_box_of
from bytetrack.structures import Detections
from bytetrack.structures import Sequence as SequenceInfo
from bytetrack.video.source import Frame, Source, open_source
from bytetrack.video.write import VideoWriter

__all__ = ["assemble"]

log = logging.getLogger("bytetrack")

MOST_FRAMES = 2**20  # that recorded detections are read for: what a video's header says may lie
MOST_WORKERS = 4  # each holds a network's whole working memory


def assemble(
    detector: Any,
    build_tracker: Callable[[dict[str, Any]], Any],
    tracker: Mapping[str, Any],
    out: Path,
    source: str | int,
    stream: Mapping[str, Any],
    lines: Sequence[Sequence[Any]],
    zones: Mapping[str, Any] | None,
    homography: Any,
    draw: Mapping[str, Any],
    video: Mapping[str, Any] | None,
    show: bool | None,
    serve: bool,
    page: Mapping[str, Any],
    max_frames: int | None,
    min_box_area: float | None,
    max_aspect_ratio: float | None,
    classes: Sequence[str | int] | str | None = None,
    shared: SharedDetector | None = None,
    embedder: Any = None,
) -> Demo:
    """A `Demo` ready to run; every mistake in the settings is raised here, before anything is written.

    `shared`: the detector that looks at the pictures, where other demos use it too.
    """
    if max_frames is not None and max_frames < 1:
        raise ValueError(f"max_frames must be at least 1, or null for all: got {max_frames}")
    stop = threading.Event()
    settings = dict(tracker)
    names = _class_names(detector, wanted := chosen(classes))
    trial = build_tracker({**settings, "frame_rate": 30.0} if settings.get("frame_rate", 0) is None else settings)
    trial.update(Detections.empty())  # compiles what is not compiled yet
    origin = open_source(source, **stream, stop=stop)
    try:
        _check_out(out, origin, detector)
        detect, workers = _boxes_of(shared or detector, origin, wanted)
        if settings.get("frame_rate", 0) is None:
            settings["frame_rate"] = origin.frame_rate
        ticks = float(settings.get("frame_rate") or origin.frame_rate) if hasattr(trial, "TAKES_TIME") else None
        known = {**dict(enumerate(names)), **({-1: names[0]} if len(names) == 1 else {})}  # -1: boxes without a class
        counter = Counter(lines, zones, origin.frame_rate, homography, known)
        shapes = {name: tuple(line) for name, line in zip(counter.line_names, counter.lines.tolist(), strict=True)}
        painter = Painter(names, settings.get("high_score", 0.0), lines=shapes, zones=counter.zones, **draw)
        writer = None if video is None else VideoWriter(out / f"{origin.name}.mp4", origin.frame_rate, audio=origin.path, **video)
        window = _wants_window(show, origin)
        shown = Page(page["host"], page["port"], page["token"], stop.set) if serve else None
        return Demo(
            source=origin,
            detect=detect,
            tracker=Restarts(lambda: build_tracker(settings), settings.get("max_lost_frames", 30) / 30, ticks),
            counter=counter,
            painter=painter,
            outputs=Outputs(out, origin.name, names, with_events=bool(shapes or counter.zones)),
            video=writer,
            show=window,
            page=shown,
            max_frames=max_frames,
            min_box_area=min_box_area,
            max_aspect_ratio=max_aspect_ratio,
            on_ground=homography is not None,
            embed=getattr(embedder, "embed", None) if "features" in getattr(trial, "USES", ()) else None,
            stop=stop,
            workers=workers,
            settings=settings,
            wanted=_wanted_names(detector, names, wanted),
        )
    except BaseException:
        origin.close()
        raise


def _class_names(detector: Any, wanted: Sequence[str | int] | None) -> list[str]:
    """What the detector's boxes are called, by class id; boxes without classes by the one class that is wanted."""
    own = getattr(detector, "class_names", None)
    if hasattr(detector, "detect"):
        return named(own, getattr(detector, "classes", None))
    if own is None and wanted is not None and len(wanted) == 1:
        return [str(wanted[0])]
    return list(own or ["object"])


def _wanted_names(detector: Any, names: Sequence[str], wanted: Sequence[str | int] | None) -> list[str]:
    """The names of the classes that are wanted; none of recorded ones with classes, of which all is known before the first frame."""
    if wanted is None or (hasattr(detector, "detect_sequence") and len(names) > 1):
        return []
    return list(names) if len(names) == 1 else [class_name(names, item) if isinstance(item, int) else item for item in wanted]


def _boxes_of(detector: Any, source: Source, wanted: Sequence[str | int] | None) -> tuple[Callable[[Frame], Detections], int]:
    """How to find a frame's boxes, and for how many frames at once.

    A network looks at each picture. On the CPU it looks at several frames of a file at the same time, with a share of the cores for
    each: small networks gain little from many cores. Recorded detections are looked up by frame.
    """
    if not hasattr(detector, "detect_sequence"):
        workers = 1 if source.live or not getattr(detector, "on_cpu", False) else min(cores(), MOST_WORKERS)
        network = detector if workers == 1 else detector.shared(workers, max(1, cores() // workers))
        network.detect([np.zeros((64, 64, 3), np.uint8)])  # loads it: mistakes come out before anything is written
        return lambda frame: network.detect([frame.image])[0], workers
    if source.live:
        raise ValueError(f"recorded detections need a file or a folder, and {source.name} is live: give weights=")
    recorded = detector.detect_sequence(SequenceInfo(source.name, MOST_FRAMES, source.frame_rate, 0, 0))
    names = getattr(detector, "class_names", None) or []
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

    return look_up, 1


def _check_out(out: Path, source: Source, detector: Any) -> None:
    """ValueError where the demo would overwrite what it reads."""
    video, rows = out / f"{source.name}.mp4", out / f"{source.name}.txt"
    if source.path is not None and video.exists() and video.samefile(source.path):
        raise ValueError(f"the video would overwrite its source {source.path}: give another out")
    folder = getattr(detector, "folder", None)
    if folder is not None and rows.exists() and out.samefile(folder):
        raise ValueError(f"the rows would overwrite the detections {rows}: give another out")


def _wants_window(show: bool | None, source: Source) -> bool:
    """`show` itself; None opens a window for a live source where there is a screen. ValueError where one is asked for and there is none."""
    screen = not sys.platform.startswith("linux") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    if show and not screen:
        raise ValueError("show=true needs a screen, and DISPLAY names none: use serve=true to watch in a browser")
    return screen and source.live if show is None else show
