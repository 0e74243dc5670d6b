"""What the demo costs beside its parts: `python benchmarks/pipeline.py [PART …] [--rounds N]`, all parts by default.

- `detector`: the whole demo on vtest.avi with YOLOX-Nano through ONNX Runtime, beside the detector alone on the same frames, decoded
  before. Goal: at least 95 % of its rate. Alone it has all cores, frame after frame; `detector1` keeps it to one core in both, as a GPU
  leaves the cores free; beside `detectors`, which fills every core with frames of its own, nothing can be added for nothing.
- `recorded`: recorded detections on 1080p, beside decoding and encoding alone, each in its own thread. Goal: at least 90 %.
- `latency`: a camera of 10 pictures a second, from picture to row. Goal: below two frames plus the detector's time.

What is compared takes turns; figures are the best round of each, ratios the median of the rounds' own. Data: ../shared/data, or
the environment variable BYTETRACK_DATA.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import logging
import os
import queue
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from rich.console import Console

from bytetrack import Detections
from bytetrack.config import build, compose, plain
from bytetrack.demo import build as building
from bytetrack.demo import run as demo_run
from bytetrack.demo.settings import DemoSettings
from bytetrack.demo.weights import ByName, detector_from
from bytetrack.detection.onnx import Onnx
from bytetrack.detection.stream import read_ahead
from bytetrack.runtime.pool import cores
from bytetrack.video.source import Frame, Live, VideoFile, Waits, open_source
from bytetrack.video.write import VideoWriter

DATA = Path(os.environ.get("BYTETRACK_DATA", Path(__file__).resolve().parent.parent.parent / "shared" / "data"))
VTEST, NANO = DATA / "PETS09-S2L1" / "vtest.avi", DATA / "weights" / "yolox_nano.onnx"


def quiet() -> None:
    """No summaries or messages of the demos that are measured."""
    demo_run.open_console = lambda: Console(quiet=True)  # type: ignore[assignment, misc]
    logging.getLogger("bytetrack").setLevel(logging.ERROR)


def demo(source: Any, detector: Any, out: Path, *settings: str) -> demo_run.Demo:
    """A demo over a source, given or named."""
    config = compose("demo", ["show=false", *settings])
    if not isinstance(source, (str, Path)):
        building.open_source = lambda *_, **__: source  # type: ignore[assignment]
    try:
        out.mkdir(exist_ok=True)
        settings_read = DemoSettings.read(lambda name: plain(config[name]))
        return building.build_demo(detector, build, plain(config.tracker), settings_read, str(source), out)
    finally:
        building.open_source = open_source


@dataclass
class Cost:
    """Seconds of the clock and of the processor, all threads of this process together."""

    wall: float
    cpu: float


def timed(work: Callable[[], Any]) -> Cost:
    gc.collect()
    cpu, begin = time.process_time(), time.perf_counter()
    work()
    return Cost(time.perf_counter() - begin, time.process_time() - cpu)


def race(rounds: int, frames: int, base: Callable[[], Any], whole: Callable[[], Callable[[], Any]], goal: float) -> str:
    """Best rates of both, and the medians of the rounds' ratios; what `whole` needs to get ready is not counted."""
    pairs = [(timed(base), timed(whole())) for _ in range(rounds)]
    ratio = float(np.median([alone.wall / both.wall for alone, both in pairs]))
    best = [frames / min(cost.wall for cost in costs) for costs in zip(*pairs, strict=True)]
    alone, both = (1000 * float(np.median([cost.cpu for cost in costs])) / frames for costs in zip(*pairs, strict=True))
    return (
        f"{best[1]:.1f} frames/s beside {best[0]:.1f} alone: {100 * ratio:.1f} % (goal {100 * goal:.0f} %)\n"
        f"  processor time a frame {both:.1f} ms beside {alone:.1f} ms"
    )


def stages(finished: demo_run.Demo) -> str:
    lines = []
    for stage in (finished.read, *finished.stages):
        s = stage.statistics()
        lines.append(f"  {stage.name:7} p50 {s['p50_ms']:7.2f}  p95 {s['p95_ms']:7.2f}  p99 {s['p99_ms']:7.2f} ms")
    return "\n".join(lines)


def beside_the_detector(folder: Path, rounds: int, settings: list[str], alone: str, frames: int = 200) -> str:
    detector = ByName(Onnx(NANO, min_score=0.1, batch_size=1, threads=int(alone == "one core")), ["person"])
    images = [frame.image for frame in itertools.islice(VideoFile(VTEST), frames)]
    side_by_side = detector.shared(cores(), 1)
    for one in (detector, side_by_side):
        one.detect(images[:1])
    finished: list[demo_run.Demo] = []

    def bare() -> None:
        if alone == "frames side by side":
            list(read_ahead(lambda image: side_by_side.detect([image]), images, cores()))
        else:
            for image in images:
                detector.detect([image])

    def whole() -> Callable[[], Any]:
        finished[:] = [demo(VTEST, detector, folder / "detector", f"max_frames={frames}", *settings)]
        return finished[0].run

    return f"detector, {alone}: {race(rounds, frames, bare, whole, 0.95)}\n{stages(finished[0])}"


def film_1080p(folder: Path, frames: int) -> Path:
    """Eight real frames of MOT17-04 to and fro, as H.264."""
    eight = [frame.image for frame in VideoFile(DATA / "video" / "mot17_04_first8.mp4")]
    path = folder / "film.mp4"
    with VideoWriter(path, 25) as writer:
        for number in range(frames):
            writer.write(eight[7 - abs(number % 14 - 7)])
    return path


class TwentyFive:
    """A detector that has seen everything before: 25 people on a 1080p frame, at no cost."""

    class_names = ("person",)

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        corner = rng.uniform((0, 200), (1800, 700), (25, 2))
        self._boxes, self._score, self._number = np.column_stack([corner, corner + np.array([70, 200])]), np.full(25, 0.9), 0

    def detect(self, images: list[Any]) -> list[Detections]:
        self._number += 1
        return [Detections(self._boxes + 20 * np.sin(self._number / 20), self._score)]


def beside_the_codec(folder: Path, rounds: int, settings: list[str], frames: int = 100) -> str:
    film = film_1080p(folder, frames)
    video = plain(compose("demo", settings).video)
    finished: list[demo_run.Demo] = []

    def alone() -> None:
        ahead: queue.Queue[Frame | None] = queue.Queue(4)

        def decode() -> None:
            for frame in VideoFile(film):
                ahead.put(frame)
            ahead.put(None)

        threading.Thread(target=decode, daemon=True).start()
        with VideoWriter(folder / "alone.mp4", 25, **video) as writer:
            while (frame := ahead.get()) is not None:
                writer.write(frame.image, frame.time)

    def whole() -> Callable[[], Any]:
        finished[:] = [demo(film, TwentyFive(), folder / "recorded", *settings)]
        return finished[0].run

    return f"recorded, 1080p, 25 people: {race(rounds, frames, alone, whole, 0.9)}\n{stages(finished[0])}"


class Camera:
    """An OpenCV capture that gives a video's frames `rate` times a second."""

    def __init__(self, images: list[Any], rate: float) -> None:
        self.images, self.rate, self.number = images, rate, 0
        self.start = time.monotonic()

    def read(self) -> tuple[bool, Any]:
        self.number += 1
        time.sleep(max(self.start + self.number / self.rate - time.monotonic(), 0))
        return (True, self.images[self.number % len(self.images)].copy()) if self.number < 150 else (False, None)

    def get(self, _: int) -> float:
        return self.rate

    def release(self) -> None:
        pass


def latency(folder: Path, _: int, settings: list[str], rate: float = 10.0) -> str:
    detector = detector_from(NANO, ["person"])
    images = [frame.image for frame in itertools.islice(VideoFile(VTEST), 60)]
    camera = Live("camera", "camera", lambda: Camera(images, rate), rate, Waits(1, 0.5, 1))  # type: ignore[arg-type, return-value]
    delays = list[float]()
    live = demo(camera, detector, folder / "latency", "max_frames=120", *settings)
    write = live.outputs.write

    def note_row(frame_id: int, moment: float, *rest: Any) -> None:
        write(frame_id, moment, *rest)
        delays.append(time.monotonic() - camera.started - moment)

    live.outputs.write = note_row  # type: ignore[method-assign]
    live.run()
    p50, p95 = np.percentile(delays[10:], (50, 95)) * 1000
    found = live.stages[0].statistics()["p50_ms"]
    return (
        f"latency: picture to row p50 {p50:.1f} ms, p95 {p95:.1f} ms; two frames and the detector are "
        f"{2000 / rate + found:.1f} ms; {camera.dropped} dropped\n{stages(live)}"
    )


PARTS_OF = {
    "detector": partial(beside_the_detector, alone="all cores"),
    "detector1": partial(beside_the_detector, alone="one core"),
    "detectors": partial(beside_the_detector, alone="frames side by side"),
    "recorded": beside_the_codec,
    "latency": latency,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", help=f"of {', '.join(PARTS_OF)}; all by default, or settings of the demo: video.preset=fast")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    quiet()
    settings = [word for word in arguments.what if "=" in word]
    names = [word for word in arguments.what if "=" not in word] or list(PARTS_OF)
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            print(PARTS_OF[name](Path(folder), arguments.rounds, settings), flush=True)


if __name__ == "__main__":
    main()
