"""Builds a demo from its settings."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bytetrack.appearance import NoEmbedder
from bytetrack.counting import Counter, Webhook
from bytetrack.demo.frames import FramePipeline, join, warm_up
from bytetrack.demo.outputs import Outputs, refuse_overwriting
from bytetrack.demo.overlay import Painter
from bytetrack.demo.run import Demo
from bytetrack.demo.settings import DemoSettings
from bytetrack.demo.web import Page
from bytetrack.demo.weights import chosen
from bytetrack.detection.batching import SharedDetector
from bytetrack.detection.described import DetectorEmbedder
from bytetrack.interfaces import Detector, Embedder, StreamCameraMotion, TrackerBuilder
from bytetrack.names import class_name
from bytetrack.video.source import Source, open_source
from bytetrack.video.write import VideoWriter

__all__ = ["build_demo"]

log = logging.getLogger(__name__)


def build_demo(
    detector: Detector,
    build_tracker: TrackerBuilder,
    tracker: Mapping[str, Any],
    settings: DemoSettings,
    source: str | int,
    out: Path,
    embedder: Embedder | DetectorEmbedder | NoEmbedder | None = None,
    shared: SharedDetector | None = None,
    camera_motion: StreamCameraMotion | None = None,
) -> Demo:
    """Returns a demo that is ready to run; raises every mistake in the settings, before anything is written.

    Args:
        detector: Finds the boxes.
        build_tracker: Makes a tracker of its settings.
        tracker: The tracker's settings.
        settings: Everything else that `configs/demo.yaml` sets.
        source: A camera's number, a video file, a folder or pattern of images, or an address.
        out: Folder of the rows, the video and the summary.
        embedder: Describes what the boxes contain, for trackers that use it.
        shared: Finds the boxes in place of `detector`, if other demos use the same network.
        camera_motion: Estimates it for trackers that take it, see `StreamCameraMotion`; None: nobody does.
    """
    stop = threading.Event()
    warm_up(build_tracker, tracker)
    origin = open_source(source, **settings.stream, stop=stop)
    try:
        _check_out(out, origin, detector)
        known: dict[str, Any] = {"shared": shared, "camera_motion": camera_motion, "stop": stop, **settings.limits()}
        frames = join(origin, detector, build_tracker, tracker, settings.classes, embedder, **known)
        return _with_outputs(frames, settings, out)
    except BaseException:
        origin.close()
        raise


def _with_outputs(frames: FramePipeline, settings: DemoSettings, out: Path) -> Demo:
    """Adds to the tracked frames what is counted, drawn, written and shown."""
    origin, names = frames.source, frames.class_names
    known = {**dict(enumerate(names)), **({-1: names[0]} if len(names) == 1 else {})}  # -1: boxes without a class
    counter = Counter(settings.lines, settings.zones, origin.frame_rate, settings.homography, known)
    lines = {name: tuple(line) for name, line in zip(counter.line_names, counter.lines.tolist(), strict=True)}
    counted = bool(lines or counter.zones)
    shown: dict[str, Any] = {"lines": lines, "zones": counter.zones, "regions": frames.regions, "every": frames.every}
    painter = Painter(names, frames.settings.get("high_score", 0.0), **shown, **settings.draw)
    if painter.blur is not None and frames.every > 1:
        log.warning(
            "draw.blur with every=%d: who enters the image between two detected frames is not blurred before the "
            "second; every=1 detects all frames",
            frames.every,
        )
    path, video = out / f"{origin.name}.mp4", settings.video
    writer = None if video is None else VideoWriter(path, origin.frame_rate, audio=origin.path, **video)
    window = _wants_window(settings.show, origin)
    page = _page(settings, frames.stop)
    return Demo(
        frames,
        counter=counter,
        painter=painter,
        outputs=Outputs(out, origin.name, names, counted, _webhook(settings.events, origin.name, counted)),
        video=writer,
        show=window,
        page=page,
        on_ground=settings.homography is not None,
        wanted=_wanted_names(frames, chosen(settings.classes)),
    )


def _page(settings: DemoSettings, stop: threading.Event) -> Page | None:
    return Page(settings.page["host"], settings.page["port"], settings.page["token"], stop.set) if settings.serve else None


def _wanted_names(frames: FramePipeline, wanted: Sequence[str | int] | None) -> list[str]:
    """Returns the names of the wanted classes; none if they were looked for in recorded detections before the first frame."""
    names = frames.class_names
    if wanted is None or (frames.recorded and len(names) > 1):
        return []
    return list(names) if len(names) == 1 else [class_name(names, item) if isinstance(item, int) else item for item in wanted]


def _webhook(events: Mapping[str, Any] | None, source: str, counted: bool) -> Webhook | None:
    """Returns the webhook of `events.url`, None without one; raises ValueError if no line or zone is counted."""
    if events is None or events["url"] is None:
        return None
    if not counted:
        raise ValueError("events.url posts what lines and zones count, and there are none: give lines=... or zones=...")
    return Webhook(source=source, **events)


def _check_out(out: Path, source: Source, detector: Detector) -> None:
    """Raises ValueError if the demo would overwrite what it reads."""
    video, rows = out / f"{source.name}.mp4", out / f"{source.name}.txt"
    refuse_overwriting(video, source.path)
    folder = getattr(detector, "folder", None)
    if folder is not None and rows.exists() and out.samefile(folder):
        raise ValueError(f"the rows would overwrite the detections {rows}: set another out")


def _wants_window(show: bool | None, source: Source) -> bool:
    """Returns `show`, or for None whether a live source has a screen; ValueError if a window is asked for and there is no screen."""
    screen = not sys.platform.startswith("linux") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    if show and not screen:
        raise ValueError("show=true needs a screen, and DISPLAY names none: use serve=true to watch in a browser")
    return screen and source.live if show is None else show
