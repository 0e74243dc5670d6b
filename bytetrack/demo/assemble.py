"""From a demo's settings to its parts."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bytetrack.counting import Counter
from bytetrack.demo.outputs import Outputs
from bytetrack.demo.paint import Painter
from bytetrack.demo.run import Demo, Restarts
from bytetrack.demo.web import Page
from bytetrack.structures import Detections
from bytetrack.structures import Sequence as SequenceInfo
from bytetrack.video.source import Frame, Source, open_source
from bytetrack.video.write import VideoWriter

__all__ = ["assemble"]


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
) -> Demo:
    """A `Demo` ready to run; every mistake in the settings is raised here, before anything is written."""
    if max_frames is not None and max_frames < 1:
        raise ValueError(f"max_frames must be at least 1, or null for all: got {max_frames}")
    settings = dict(tracker)
    names = list(getattr(detector, "class_names", ["object"]))
    build_tracker({**settings, "frame_rate": 30.0} if settings.get("frame_rate", 0) is None else settings)
    origin = open_source(source, **stream)
    try:
        if settings.get("frame_rate", 0) is None:
            settings["frame_rate"] = origin.frame_rate
        known = {**dict(enumerate(names)), **({-1: names[0]} if len(names) == 1 else {})}  # -1: boxes without a class
        counter = Counter(lines, zones, origin.frame_rate, homography, known)
        shapes = {name: tuple(line) for name, line in zip(counter.line_names, counter.lines.tolist(), strict=True)}
        painter = Painter(names, settings.get("high_score", 0.0), lines=shapes, zones=counter.zones, **draw)
        writer = None if video is None else VideoWriter(out / f"{origin.name}.mp4", origin.frame_rate, audio=origin.path, **video)
        demo = Demo(
            source=origin,
            detect=_boxes_of(detector, origin),
            tracker=Restarts(lambda: build_tracker(settings), settings.get("max_lost_frames", 30) / 30),
            counter=counter,
            painter=painter,
            outputs=Outputs(out, origin.name, names, with_events=bool(shapes or counter.zones)),
            video=writer,
            show=_wants_window(show, origin),
            max_frames=max_frames,
            min_box_area=min_box_area,
            max_aspect_ratio=max_aspect_ratio,
        )
        if serve:
            demo.page = Page(page["host"], page["port"], page["token"], demo.stop.set)
        return demo
    except BaseException:
        origin.close()
        raise


def _boxes_of(detector: Any, source: Source) -> Callable[[Frame], Detections]:
    """A network looks at each picture; recorded detections are looked up by frame."""
    if not hasattr(detector, "detect_sequence"):
        return lambda frame: detector.detect([frame.image])[0]
    if source.length is None:
        raise ValueError(f"recorded detections need a source with a known number of frames, not {source.name}")
    recorded = detector.detect_sequence(SequenceInfo(source.name, source.length, source.frame_rate, 0, 0))
    return lambda frame: recorded.frame(frame.frame_id) if frame.frame_id <= len(recorded) else Detections.empty()


def _wants_window(show: bool | None, source: Source) -> bool:
    """`show` itself; None opens a window for a live source where there is a screen. ValueError where one is asked for and there is none."""
    screen = not sys.platform.startswith("linux") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    if show and not screen:
        raise ValueError("show=true needs a screen, and DISPLAY names none: use serve=true to watch in a browser")
    return screen and source.live if show is None else show
