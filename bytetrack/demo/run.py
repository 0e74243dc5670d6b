"""The demo itself: decode, detect, track, draw and encode as stages; rows, window and page as they come."""

from __future__ import annotations

import collections
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from rich.table import Table

from bytetrack.counting import Counter, Event, Motion
from bytetrack.demo.between import moved
from bytetrack.demo.frames import FramePipeline, Shot
from bytetrack.demo.outputs import Outputs
from bytetrack.demo.overlay import Painter
from bytetrack.demo.stages import Stage, run_stages
from bytetrack.demo.web import Page
from bytetrack.names import class_name
from bytetrack.pipeline.nothing import no_box_of, why_nothing
from bytetrack.runtime.progress import progress_bar
from bytetrack.runtime.showing import open_console
from bytetrack.runtime.signals import finishing_on_signals
from bytetrack.structures import Detections, Tracks
from bytetrack.video.read import Image
from bytetrack.video.source import Source, redacted
from bytetrack.video.write import VideoWriter

__all__ = ["Demo", "frames_bar"]

log = logging.getLogger(__name__)

_NO_COUNTS: dict[str, Any] = {"lines": {}, "zones": {}}


@dataclass
class CountedShot(Shot):
    """A tracked frame with what was counted in it, and its picture.

    One whose tracks are predicted comes with the counts, detections and lost of the frame looked at last, `since` seconds before.
    """

    lost: Tracks | None = None
    counts: dict[str, Any] = field(default_factory=lambda: _NO_COUNTS)
    events: list[Event] = field(default_factory=list)
    motion: dict[int, Motion] | None = None
    since: float | None = None
    picture: Image | None = None


class Identities:
    """Counts identities over an endless stream in flat memory: those not seen for 10,000 frames cannot come back."""

    def __init__(self) -> None:
        self.total = 0
        self._seen: dict[int, int] = {}

    def see(self, track_id: npt.NDArray[np.int64], frame_id: int) -> None:
        for i in track_id.tolist():
            self.total += i not in self._seen
            self._seen[i] = frame_id
        if frame_id % 10_000 == 0:
            self._seen = {i: last for i, last in self._seen.items() if frame_id - last < 10_000}


@dataclass
class Demo:
    """One source through detector and tracker to files, window and page.

    `frames` finds and tracks the boxes, `counter` makes events of them; `video` None writes no video. `show` opens a window (q or Esc
    ends); `page` shows the live picture. `on_ground`: the counter knows the ground, and rows contain speed and distance.
    `wanted`: the classes of which boxes are expected; a warning at the end says if there are none.
    """

    frames: FramePipeline
    counter: Counter
    painter: Painter
    outputs: Outputs
    video: VideoWriter | None
    show: bool = False
    page: Page | None = None
    on_ground: bool = False
    queue: int = 4
    wanted: Sequence[str] = ()

    def __post_init__(self) -> None:
        self.source, self.tracker, self.stop = self.frames.source, self.frames.tracker, self.frames.stop
        self._identities = Identities()
        self._found: collections.Counter[int | None] = collections.Counter()  # boxes, by the number of their class
        self._highest, self._outside, self._looked = 0.0, 0, 0
        self._last: CountedShot | None = None  # of those that the detector looked at
        self._moments: collections.deque[float] = collections.deque(maxlen=60)
        self.read = Stage("read", next)
        self.stages = [Stage("detect", self.frames.find, self.frames.workers, measured=_looked)]
        if self.frames.camera is not None:  # beside detection: it looks at this frame while the network looks at the next
            self.stages.append(Stage("camera", self.frames.move))
        self.stages.append(Stage("track", self._track, measured=_looked))
        if self.video is not None or self.show or self.page is not None:
            self.stages.append(Stage("draw", self._draw))
        if self.video is not None:
            self.stages.append(Stage("encode", self._encode))

    def run(self) -> int:
        """Runs to the source's end, `max_frames`, the stop button or a signal; returns the exit status: 0, 130 (Ctrl-C) or 143 (SIGTERM).

        Whatever ends it, what was in flight is finished and every output is closed. A broken source's error is raised after that.
        """
        capacity = 1 if self.source.live else self.queue
        started = time.perf_counter()
        frames, moment = 0, 0.0
        with ExitStack() as stack:
            caught = stack.enter_context(finishing_on_signals(self.stop))
            progress = stack.enter_context(frames_bar(self.source, self.frames.max_frames))
            stack.callback(self.source.close)
            if self.page is not None:
                stack.callback(self.page.close)
            stack.callback(lambda: self._summarise(frames, moment, time.perf_counter() - started))
            stack.enter_context(self.outputs)
            stack.callback(lambda: self.outputs.write_events(self.counter.finish()))
            if self.video is not None:
                stack.enter_context(self.video)
            shots = stack.enter_context(closing(run_stages(self._shots(), self.stages, capacity, self.stop)))
            for shot in shots:
                frames, moment = shot.frame.frame_id, shot.frame.time
                self._identities.see(shot.tracks.track_id, frames)
                self.outputs.write(frames, moment, shot.tracks, shot.counts, shot.events, shot.motion, shot.predicted)
                self._publish(shot)
                progress()
        return caught[0] if caught else 0

    def _shots(self) -> Iterator[CountedShot]:
        frames = self.frames.frames()
        while True:
            try:
                frame = self.read(frames)
            except StopIteration:
                return
            yield self.frames.shot(CountedShot, frame)

    def _track(self, shot: CountedShot) -> CountedShot:
        self.frames.follow(shot)
        if shot.predicted:
            return self._as_before(shot)
        if shot.frame.frame_id == 1:
            size = shot.frame.image.shape[1], shot.frame.image.shape[0]
            for mistake in [*self.counter.misplaced(*size), *self.frames.regions.misplaced(*size)]:
                log.warning("%s: %s", self.source.name, mistake)
        self._found.update([None] * len(shot.detections) if shot.detections.class_id is None else shot.detections.class_id.tolist())
        self._highest = max(self._highest, float(shot.tracked.score.max(initial=0.0)))
        self._outside += len(shot.detections) - len(shot.tracked)
        self._looked += 1
        if self.painter.wants_lost:
            shot.lost = self.tracker.lost()
        shot.events = self.counter.update(shot.tracks, shot.frame.time, shot.frame.frame_id)
        shot.counts = self.counter.counts()
        if self.on_ground:
            shot.motion = self.counter.motion()
        self._last = shot
        return shot

    def _as_before(self, shot: CountedShot) -> CountedShot:
        """Fills in what was found in the frame looked at last, its boxes moved as the camera has moved since."""
        before = self._last
        assert before is not None  # the detector looks at the first frame
        found = before.detections
        shot.since, shot.counts, shot.motion = shot.frame.time - before.frame.time, before.counts, before.motion
        shot.detections = Detections(moved(found.xyxy, shot.camera_motion), found.score, found.class_id)
        shot.lost = None if before.lost is None else replace(before.lost, xyxy=moved(before.lost.xyxy, shot.camera_motion))
        return shot

    def _draw(self, shot: CountedShot) -> CountedShot:
        shot.picture = self.painter(shot.frame.image, shot.tracks, shot.counts, shot.lost, shot.detections, shot.since)
        return shot

    def _encode(self, shot: CountedShot) -> CountedShot:
        assert self.video is not None
        assert shot.picture is not None
        self.video.write(self.video.fitted(shot.picture), shot.frame.time)
        return shot

    def _publish(self, shot: CountedShot) -> None:
        self._moments.append(time.perf_counter())
        if self.page is not None and shot.picture is not None:
            self.page.publish(shot.picture, self._status(shot))
        if self.show and shot.picture is not None:
            cv2.imshow("ByteTrack", shot.picture)
            if cv2.waitKey(1) & 0xFF in (ord("q"), 27):
                self.stop.set()

    def _status(self, shot: CountedShot) -> dict[str, Any]:
        span = self._moments[-1] - self._moments[0]
        return {
            "source": self.source.name,
            "frame": shot.frame.frame_id,
            "time": shot.frame.time,
            "tracks": len(shot.tracks),
            "predicted": shot.predicted,
            "counts": _totals(shot.counts),
            "fps": (len(self._moments) - 1) / span if span > 0 else 0.0,
            "dropped": self.source.dropped,
            "stages": {stage.name: 1000 * stage.durations[-1] for stage in (self.read, *self.stages) if stage.durations},
        }

    def _summarise(self, frames: int, moment: float, seconds: float) -> None:
        where = redacted(str(self.source.path)) if self.source.path else self.source.name
        video = str(self.video.path) if self.video is not None and frames else None
        self.outputs.summary(
            {
                "source": where,
                "frames": frames,
                "detected": self._looked,
                "outside_regions": self._outside,
                "duration": round(moment, 3),
                "identities": self._identities.total,
                "seconds": round(seconds, 3),
                "frames_per_second": round(frames / seconds, 2) if seconds > 0 else None,
                "dropped": self.source.dropped,
                "restarts": self.tracker.restarts,
                "invalid_detections": self.tracker.dropped,
                "counts": self.counter.counts(),
                "stages": {stage.name: stage.statistics() for stage in (self.read, *self.stages)},
                "video": video,
            }
        )
        if frames:
            self._show(frames, seconds, video)
            self._warn_of_nothing()

    def _show(self, frames: int, seconds: float, video: str | None) -> None:
        """Prints the stages' times, what was found, and where it is."""
        console = open_console()
        looked = f" ({self._looked} detected)" if self.frames.every > 1 else ""
        table = Table(
            title=f"{self.source.name}: {frames} frames{looked}, {frames / max(seconds, 1e-9):.1f} a second", title_justify="left"
        )
        for heading in ("stage", "p50 ms", "p95 ms", "p99 ms"):
            table.add_column(heading, justify="left" if heading == "stage" else "right")
        for stage in (self.read, *self.stages):
            statistics = stage.statistics()
            table.add_row(stage.name, *(f"{statistics[f'{p}_ms']:.2f}" for p in ("p50", "p95", "p99")))
        console.print(table)
        dropped = f", {self.source.dropped} frames dropped to stay live" if self.source.live else ""
        invalid = f", {self.tracker.dropped} invalid detections dropped" if self.tracker.dropped else ""
        console.print(f"{self._identities.total} identities{dropped}{invalid}")
        if totals := _totals(self.counter.counts()):
            console.print(f"counts   {', '.join(f'{name} {total}' for name, total in totals.items())}", soft_wrap=True)
        folder, name = self.outputs.folder, self.outputs.name
        if video is not None:
            console.print(f"video    {video}", soft_wrap=True)
        console.print(f"rows     {folder / name}.txt, .jsonl", soft_wrap=True)
        console.print(f"summary  {folder / 'summary.json'}", soft_wrap=True)

    def _warn_of_nothing(self) -> None:
        """Warns, with the likely reason, if no box of a wanted class, no box where one looks, or nobody was found."""
        boxes = sum(self._found.values())
        found: collections.Counter[str] = collections.Counter()
        for number, count in self._found.items():
            found[class_name(self.outputs.class_names, number)] += count
        if missing := no_box_of(self.wanted, found):
            log.warning("%s: %s", self.source.name, missing)
        if boxes and self._outside == boxes:
            log.warning("%s: none of the %d boxes is inside the tracked regions: see regions", self.source.name, boxes)
        elif not self._identities.total and (boxes or not missing):
            log.warning("%s: %s", self.source.name, why_nothing(self.frames.settings, boxes - self._outside, self._highest))


def _looked(shot: Shot) -> bool:
    return not shot.predicted


def _totals(counts: Mapping[str, Any]) -> dict[str, int]:
    """Returns the counts of lines and zones, all classes together."""
    totals: dict[str, int] = {}
    for name, line in counts["lines"].items():
        totals |= {f"{name} {way}": sum(line[way].values()) for way in ("in", "out")}
    for name, zone in counts["zones"].items():
        totals |= {f"{name} now": sum(zone["present"].values()), f"{name} visitors": sum(zone["visitors"].values())}
    return totals


@contextmanager
def frames_bar(source: Source, max_frames: int | None = None) -> Iterator[Callable[[], None]]:
    """Shows a progress bar over the source's frames, and yields the function to call after each."""
    alone = threading.current_thread() is threading.main_thread()  # bars of several demos would write over each other
    total = min(source.length, max_frames) if source.length and max_frames else source.length or max_frames
    with progress_bar(source.name, total, speed=True, visible=alone) as bar:
        yield bar.advance
