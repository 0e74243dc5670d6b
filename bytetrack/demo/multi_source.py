"""Several sources at once: each its own tracker, counts and files; one detector for all."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bytetrack.appearance import NoEmbedder
from bytetrack.demo.build import build_demo
from bytetrack.demo.frames import describing, moving_camera
from bytetrack.demo.run import Demo
from bytetrack.demo.settings import DemoSettings
from bytetrack.detection.batching import SharedDetector
from bytetrack.detection.described import DetectorEmbedder
from bytetrack.interfaces import CameraMotion, Detector, Embedder, SequenceDetector, StreamCameraMotion, TrackerBuilder
from bytetrack.runtime.new_folders import make_folder
from bytetrack.runtime.signals import finishing_on_signals
from bytetrack.video.source import is_camera, redacted, refuse_missing

__all__ = ["MultiSourceDemo", "build_demos", "refuse_missing_sources"]

log = logging.getLogger(__name__)


def refuse_missing_sources(source: Any) -> None:
    """Raises MissingDataError for the first source that does not exist, before a network is fetched or loaded for it."""
    for one in source if isinstance(source, list) else [source]:
        refuse_missing(one)


def build_demos(
    detector: Detector,
    build_tracker: TrackerBuilder,
    tracker: Mapping[str, Any],
    settings: DemoSettings,
    source: Any,
    out: Path,
    embedder: Embedder | DetectorEmbedder | NoEmbedder | None = None,
    camera_motion: CameraMotion | StreamCameraMotion | None = None,
) -> Demo | MultiSourceDemo:
    """Calls `build_demo` for one source, or for each of a list, whose files go to `out`/<name>/.

    A tracker that takes no camera motion is named once. Raises ValueError for a window or a page, which only one source can have.
    """
    camera = moving_camera(camera_motion, build_tracker, tracker)
    if not isinstance(source, list):
        return build_demo(detector, build_tracker, tracker, settings, source, out, embedder, camera_motion=camera)
    if not source:
        raise ValueError("source names no source: source=[a.mp4,b.mp4] tracks two")
    for name, asked in (("show", settings.show), ("serve", settings.serve)):
        if asked:
            raise ValueError(f"{name}=true takes one source, got {len(source)}: watch their files, or start one demo for each")
    ready = describing(detector, embedder, build_tracker, tracker)
    shared = None if isinstance(ready, SequenceDetector) else SharedDetector(ready)
    each, several = replace(settings, show=False), MultiSourceDemo([])
    try:
        for one, folder in zip(source, _folders(out, source), strict=True):
            several.demos.append(build_demo(detector, build_tracker, tracker, each, one, folder, embedder, shared, camera))
    except BaseException:
        several.close()
        raise
    return several


def _folders(out: Path, sources: list[Any]) -> list[Path]:
    """Makes a folder for each source, with its name, and a number if that is taken."""
    names: list[str] = []
    for one in sources:
        text = redacted(str(one))
        name = text.split("://")[1] if "://" in text else f"webcam{text}" if is_camera(one) else Path(text).stem
        name = re.sub(r"[^\w.-]+", "_", name).strip("._") or "source"
        same = sum(taken == name or taken.startswith(f"{name}_") for taken in names)
        names.append(f"{name}_{same + 1}" if same else name)
    return [make_folder(out / name) for name in names]


@dataclass
class MultiSourceDemo:
    """Demos that run at the same time, a thread each beside those of their stages."""

    demos: list[Demo]

    def close(self) -> None:
        """Closes the sources."""
        for demo in self.demos:
            demo.source.close()

    def set(self) -> None:
        """Stops all."""
        for demo in self.demos:
            demo.stop.set()

    def run(self) -> int:
        """As `Demo.run`, of all. A source that breaks does not stop the others: its error is logged, the first is raised at the end."""
        errors: list[Exception] = []

        def work(demo: Demo) -> None:
            try:
                demo.run()
            except Exception as error:
                errors.append(error)
                log.warning("%s: %s", demo.source.name, error)

        threads = [threading.Thread(target=work, args=(demo,), name=demo.source.name, daemon=True) for demo in self.demos]
        with finishing_on_signals(self) as caught:
            for thread in threads:
                thread.start()
            for thread in threads:
                while thread.is_alive():
                    thread.join(0.2)  # signals are heard in between
        if errors:
            raise errors[0]
        return caught[0] if caught else 0
