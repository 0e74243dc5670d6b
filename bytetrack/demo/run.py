"""The demo itself: decode, detect, track, draw and encode as stages; rows, window and page as they come."""

from __future__ import annotations

import collections
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from bytetrack.boxes import passing, tlwh_from_xyxy
from bytetrack.counting import Counter, Event, Motion
from bytetrack.demo.outputs import Outputs, class_name
from bytetrack.demo.paint import Painter
from bytetrack.demo.stages import Stage, run_stages
from bytetrack.demo.web import Page
from bytetrack.pipeline.nothing import no_box_of, why_nothing
from bytetrack.signals import ONE
from bytetrack.structures import Detections, Tracks
from bytetrack.video.read import Image
from bytetrack.video.source import Frame, Source, redacted
from bytetrack.video.write import VideoWriter

__all__ = ["Demo", "Restarts", "Stops", "frames_bar", "stopping"]

log = logging.getLogger("bytetrack")


class Tracker(Protocol):
    def update(self, detections: Detections, **known: Any) -> Tracks: ...


_NO_TRACKS = Tracks(np.empty((0, 4)), np.empty(0, np.int64), np.empty(0), None, np.empty(0, np.int64))
EVEN = 0.01  # of a frame: how far off the clock may be before a frame counts as late or early
_NO_COUNTS: dict[str, Any] = {"lines": {}, "zones": {}}


@dataclass
class Shot:
    """A frame on its way through the stages; each stage fills in its part."""

    frame: Frame
    detections: Detections = field(default_factory=Detections.empty)
    features: npt.NDArray[np.float32] | None = None
    tracks: Tracks = _NO_TRACKS
    lost: Tracks | None = None
    counts: dict[str, Any] = field(default_factory=lambda: _NO_COUNTS)
    events: list[Event] = field(default_factory=list)
    motion: dict[int, Motion] | None = None
    picture: Image | None = None


class Restarts:
    """A tracker that starts anew after a gap longer than its memory or a change of the picture's size; ids are never used again.

    `frame_rate`: the tracker is told how much time passed, in frames at this rate; None: it takes no account of it.
    """

    def __init__(self, make: Callable[[], Tracker], memory: float, frame_rate: float | None = None) -> None:
        self._make, self._memory, self._frame_rate = make, memory, frame_rate
        self._time: float | None = None
        self._tracker = make()
        self._size: tuple[int, int] | None = None
        self._last_id = self._offset = 0
        self.restarts = self._dropped_before = 0

    @property
    def dropped(self) -> int:
        """How many invalid detections were dropped so far (`on_invalid="drop"`)."""
        return self._dropped_before + int(getattr(self._tracker, "dropped", 0))

    def update(self, frame: Frame, detections: Detections, features: npt.NDArray[np.float32] | None = None) -> Tracks:
        """The frame's tracks; `features` (n, d) of its detections go to a tracker that takes them."""
        size = (frame.image.shape[0], frame.image.shape[1])
        if frame.gap > self._memory or self._size not in (None, size):
            log.info(
                "frame %d: %s; tracking starts anew",
                frame.frame_id,
                f"{frame.gap:.1f} s without pictures" if frame.gap else "new picture size",
            )
            self._dropped_before = self.dropped
            self._tracker, self._offset, self._time = self._make(), self._last_id, None
            self.restarts += 1
        self._size = size
        known: dict[str, Any] = self._passed(frame.time)
        if features is not None:
            known["features"] = features
        tracks = self._tracker.update(detections, **known)
        if self._offset:
            tracks = replace(tracks, track_id=tracks.track_id + self._offset)
        self._last_id = max(self._last_id, int(tracks.track_id.max(initial=0)))
        return tracks

    def _passed(self, time: float) -> dict[str, float]:
        """Returns the `dt` of a frame at `time`, if it is not one; what it is off by less than `EVEN` is left to the next frames."""
        if self._time is None or self._frame_rate is None or time <= self._time:
            self._time = time
            return {}
        dt = (time - self._time) * self._frame_rate
        even = abs(dt - 1) < EVEN
        self._time = self._time + 1 / self._frame_rate if even else time
        return {} if even else {"dt": dt}

    def lost(self) -> Tracks:
        """Those not seen in the last frame but remembered, where they are thought to be; none of a tracker that does not say."""
        if not hasattr(self._tracker, "lost"):
            return _NO_TRACKS
        tracks: Tracks = self._tracker.lost()
        return replace(tracks, track_id=tracks.track_id + self._offset)


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

    `detect` says the boxes of a frame, `tracker` the identities, `counter` the events; `video` None writes no video. `min_box_area`
    (square pixels) and `max_aspect_ratio` (width / height) filter what is shown and written, None keeps all. `show` opens a
    window (q or Esc ends); `page` shows the live picture. `on_ground`: the counter knows the ground, and rows say speed and distance.
    `detect` is called by so many `workers` at once.
    `wanted`: the classes of which boxes are expected. It is said at the end if there are none.
    `embed` says the features of a frame's boxes, for trackers that take them; None: nobody does.
    """

    source: Source
    detect: Callable[[Frame], Detections]
    tracker: Restarts
    counter: Counter
    painter: Painter
    outputs: Outputs
    video: VideoWriter | None
    show: bool = False
    page: Page | None = None
    max_frames: int | None = None
    min_box_area: float | None = None
    max_aspect_ratio: float | None = None
    on_ground: bool = False
    embed: Callable[..., npt.NDArray[np.float32]] | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    queue: int = 4
    workers: int = 1
    settings: Mapping[str, Any] = field(default_factory=dict)  # the tracker's
    wanted: Sequence[str] = ()

    def __post_init__(self) -> None:
        passing([], self.min_box_area, self.max_aspect_ratio)  # a mistake comes out before anything is written
        self._identities = Identities()
        self._found: collections.Counter[int | None] = collections.Counter()  # boxes, by the number of their class
        self._highest = 0.0
        self._moments: collections.deque[float] = collections.deque(maxlen=60)
        self.read = Stage("read", next)
        self.stages = [Stage("detect", self._detect, self.workers), Stage("track", self._track)]
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
        with ExitStack() as closing:
            caught = closing.enter_context(stopping(self.stop))
            progress = closing.enter_context(frames_bar(self.source, self.max_frames))
            closing.callback(self.source.close)
            if self.page is not None:
                closing.callback(self.page.close)
            closing.callback(lambda: self._summarise(frames, moment, time.perf_counter() - started))
            closing.enter_context(self.outputs)
            closing.callback(lambda: self.outputs.write_events(self.counter.finish()))
            if self.video is not None:
                closing.enter_context(self.video)
            shots = closing.enter_context(_closing(run_stages(self._shots(), self.stages, capacity, self.stop)))
            for shot in shots:
                frames, moment = shot.frame.frame_id, shot.frame.time
                self._identities.see(shot.tracks.track_id, frames)
                self.outputs.write(frames, moment, shot.tracks, shot.counts, shot.events, shot.motion)
                self._publish(shot)
                progress()
        return caught[0] if caught else 0

    def _shots(self) -> Iterator[Shot]:
        frames = iter(self.source) if self.max_frames is None else islice(self.source, self.max_frames)
        while True:
            try:
                frame = self.read(frames)
            except StopIteration:
                return
            yield Shot(frame)

    def _detect(self, shot: Shot) -> Shot:
        shot.detections = self.detect(shot.frame)
        if self.embed is not None:
            shot.features = self.embed(shot.frame.image, shot.detections.xyxy, shot.detections.score)
        return shot

    def _track(self, shot: Shot) -> Shot:
        tracks = self.tracker.update(shot.frame, shot.detections, shot.features)
        if shot.frame.frame_id == 1:
            for mistake in self.counter.misplaced(shot.frame.image.shape[1], shot.frame.image.shape[0]):
                log.warning("%s: %s", self.source.name, mistake)
        self._found.update([None] * len(shot.detections) if shot.detections.class_id is None else shot.detections.class_id.tolist())
        self._highest = max(self._highest, float(shot.detections.score.max(initial=0.0)))
        keep = passing(tlwh_from_xyxy(tracks.xyxy), self.min_box_area, self.max_aspect_ratio)
        class_id = None if tracks.class_id is None else tracks.class_id[keep]
        shot.tracks = Tracks(tracks.xyxy[keep], tracks.track_id[keep], tracks.score[keep], class_id, tracks.detection_index[keep])
        if self.painter.wants_lost:
            shot.lost = self.tracker.lost()
        shot.events = self.counter.update(shot.tracks, shot.frame.time)
        shot.counts = self.counter.counts()
        if self.on_ground:
            shot.motion = self.counter.motion()
        return shot

    def _draw(self, shot: Shot) -> Shot:
        shot.picture = self.painter(shot.frame.image, shot.tracks, shot.counts, shot.lost, shot.detections)
        return shot

    def _encode(self, shot: Shot) -> Shot:
        assert self.video is not None
        assert shot.picture is not None
        self.video.write(self.video.fitted(shot.picture), shot.frame.time)
        return shot

    def _publish(self, shot: Shot) -> None:
        self._moments.append(time.perf_counter())
        if self.page is not None and shot.picture is not None:
            self.page.publish(shot.picture, self._status(shot))
        if self.show and shot.picture is not None:
            cv2.imshow("ByteTrack", shot.picture)
            if cv2.waitKey(1) & 0xFF in (ord("q"), 27):
                self.stop.set()

    def _status(self, shot: Shot) -> dict[str, Any]:
        span = self._moments[-1] - self._moments[0]
        return {
            "source": self.source.name,
            "frame": shot.frame.frame_id,
            "time": shot.frame.time,
            "tracks": len(shot.tracks),
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
            _show_summary(self, frames, self._identities.total, seconds, video)


def _totals(counts: Mapping[str, Any]) -> dict[str, int]:
    """What lines and zones counted, all classes together."""
    totals: dict[str, int] = {}
    for name, line in counts["lines"].items():
        totals |= {f"{name} {way}": sum(line[way].values()) for way in ("in", "out")}
    for name, zone in counts["zones"].items():
        totals |= {f"{name} now": sum(zone["present"].values()), f"{name} visitors": sum(zone["visitors"].values())}
    return totals


def _show_summary(demo: Demo, frames: int, identities: int, seconds: float, video: str | None) -> None:
    console = Console(highlight=False, markup=False)
    table = Table(title=f"{demo.source.name}: {frames} frames, {frames / max(seconds, 1e-9):.1f} a second", title_justify="left")
    for heading in ("stage", "p50 ms", "p95 ms", "p99 ms"):
        table.add_column(heading, justify="left" if heading == "stage" else "right")
    for stage in (demo.read, *demo.stages):
        statistics = stage.statistics()
        table.add_row(stage.name, *(f"{statistics[f'{p}_ms']:.2f}" for p in ("p50", "p95", "p99")))
    console.print(table)
    dropped = f", {demo.source.dropped} frames dropped to stay live" if demo.source.live else ""
    invalid = f", {demo.tracker.dropped} invalid detections dropped" if demo.tracker.dropped else ""
    console.print(f"{identities} identities{dropped}{invalid}")
    if totals := _totals(demo.counter.counts()):
        console.print(f"counts   {', '.join(f'{name} {total}' for name, total in totals.items())}", soft_wrap=True)
    boxes = sum(demo._found.values())
    found: collections.Counter[str] = collections.Counter()
    for number, count in demo._found.items():
        found[class_name(demo.outputs.class_names, number)] += count
    if missing := no_box_of(demo.wanted, found):
        log.warning("%s: %s", demo.source.name, missing)
    if not identities and (boxes or not missing):
        log.warning("%s: %s", demo.source.name, why_nothing(demo.settings, boxes, demo._highest))
    folder, name = demo.outputs.folder, demo.outputs.name
    if video is not None:
        console.print(f"video    {video}", soft_wrap=True)
    console.print(f"rows     {folder / name}.txt, .jsonl", soft_wrap=True)
    console.print(f"summary  {folder / 'summary.json'}", soft_wrap=True)


@contextmanager
def _closing(shots: Iterator[Shot]) -> Iterator[Iterator[Shot]]:
    try:
        yield shots
    finally:
        shots.close()  # type: ignore[attr-defined]


class Stops(Protocol):
    """What ends a run when it is set: an event, or what sets several."""

    def set(self) -> None: ...


@contextmanager
def stopping(stop: Stops) -> Iterator[list[int]]:
    """The first Ctrl-C or SIGTERM sets `stop` and notes its exit status; another, after `ONE` (half a second), ends the program at once."""
    caught: list[int] = []
    first = 0.0
    if threading.current_thread() is not threading.main_thread():
        yield caught
        return
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in signals}

    def handle(number: int, _: object) -> None:
        nonlocal first
        if caught and time.monotonic() - first > ONE:
            os._exit(128 + number)
        if caught:
            return
        first = time.monotonic()
        caught.append(128 + number)
        sys.stderr.write("\nstopping: finishing the frames in flight (again to end at once)\n")
        stop.set()

    for number in signals:
        signal.signal(number, handle)
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def frames_bar(source: Source, max_frames: int | None = None) -> Iterator[Callable[[], None]]:
    """A progress bar over the source's frames: call what it gives once a frame."""
    console = Console(stderr=True)
    alone = threading.current_thread() is threading.main_thread()  # bars of several demos would write over each other
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.speed:.1f}/s"), TimeRemainingColumn())
    total = min(source.length, max_frames) if source.length and max_frames else source.length or max_frames
    with Progress(*columns, console=console, transient=True, disable=not (console.is_terminal and alone)) as progress:
        task = progress.add_task(source.name, total=total)
        yield lambda: progress.advance(task)
