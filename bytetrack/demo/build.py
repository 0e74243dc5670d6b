"""From a demo's settings to its parts."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bytetrack.counting import Counter, Webhook
from bytetrack.demo.frames import join, warm_up
from bytetrack.demo.outputs import Outputs, class_name
from bytetrack.demo.overlay import Painter
from bytetrack.demo.run import Demo
from bytetrack.demo.web import Page
from bytetrack.demo.weights import chosen
from bytetrack.detection.batching import SharedDetector
from bytetrack.video.source import Source, open_source
from bytetrack.video.write import VideoWriter

__all__ = ["build_demo"]


def build_demo(
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
    events: Mapping[str, Any] | None = None,
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
    warm_up(build_tracker, tracker)
    origin = open_source(source, **stream, stop=stop)
    try:
        _check_out(out, origin, detector)
        limits: dict[str, Any] = {"min_box_area": min_box_area, "max_aspect_ratio": max_aspect_ratio, "max_frames": max_frames}
        frames = join(origin, detector, build_tracker, tracker, classes, embedder, shared, stop=stop, **limits)
        names = frames.class_names
        known = {**dict(enumerate(names)), **({-1: names[0]} if len(names) == 1 else {})}  # -1: boxes without a class
        counter = Counter(lines, zones, origin.frame_rate, homography, known)
        shapes = {name: tuple(line) for name, line in zip(counter.line_names, counter.lines.tolist(), strict=True)}
        counted = bool(shapes or counter.zones)
        painter = Painter(names, frames.settings.get("high_score", 0.0), lines=shapes, zones=counter.zones, **draw)
        writer = None if video is None else VideoWriter(out / f"{origin.name}.mp4", origin.frame_rate, audio=origin.path, **video)
        window = _wants_window(show, origin)
        shown = Page(page["host"], page["port"], page["token"], stop.set) if serve else None
        return Demo(
            frames,
            counter=counter,
            painter=painter,
            outputs=Outputs(out, origin.name, names, counted, _webhook(events, origin.name, counted)),
            video=writer,
            show=window,
            page=shown,
            on_ground=homography is not None,
            wanted=_wanted_names(detector, names, chosen(classes)),
        )
    except BaseException:
        origin.close()
        raise


def _wanted_names(detector: Any, names: Sequence[str], wanted: Sequence[str | int] | None) -> list[str]:
    """The names of the classes that are wanted; none of recorded ones with classes, of which all is known before the first frame."""
    if wanted is None or (hasattr(detector, "detect_sequence") and len(names) > 1):
        return []
    return list(names) if len(names) == 1 else [class_name(names, item) if isinstance(item, int) else item for item in wanted]


def _webhook(events: Mapping[str, Any] | None, source: str, counted: bool) -> Webhook | None:
    """Where events are posted, if `events.url` says; ValueError if nothing is counted that could make any."""
    if events is None or events["url"] is None:
        return None
    if not counted:
        raise ValueError("events.url posts what lines and zones count, and there are none: give lines=... or zones=...")
    return Webhook(source=source, **events)


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
