"""What a frame costs the processor, stage by stage: `python benchmarks/stages.py [--frames 48] [--people 50]`.

CPU milliseconds of the whole process a frame (not wall time: other work on the machine matters little), at 1920 x 1080: for
docs/scale.md and docs/demo.md.
Frames are the eight of a real MOT17 video, again and again; tracks are those of a generated crowd. Data: ../shared/data, or the
environment variable BYTETRACK_DATA.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import cv2
import numpy as np

from benchmarks.crowd import crowd
from bytetrack import ByteTracker, Detections, Tracks
from bytetrack.demo.overlay import Painter
from bytetrack.detection.onnx import Onnx
from bytetrack.detection.preprocess import network_input
from bytetrack.video.camera_motion import EstimatedMotion
from bytetrack.video.read import read_image
from bytetrack.video.write import VideoWriter

DATA = Path(os.environ.get("BYTETRACK_DATA", Path(__file__).resolve().parent.parent.parent / "shared" / "data"))
VIDEO, NANO = DATA / "video" / "mot17_04_first8.mp4", DATA / "weights" / "yolox_nano.onnx"
JPEG = DATA / "frames" / "MOT17-04-FRCNN" / "img1" / "000001.jpg"
logging.getLogger("bytetrack").setLevel(logging.ERROR)


def decoded() -> list[Any]:
    """The video's frames, decoded by one thread."""
    capture = cv2.VideoCapture(str(VIDEO), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    frames = []
    while (got := capture.read())[0]:
        frames.append(got[1])
    return frames


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--people", type=int, default=50)
    given = parser.parse_args()
    cv2.setNumThreads(1)
    images = decoded()
    detections = [Detections(boxes, scores) for boxes, scores in crowd(given.people, given.frames, 0)]
    warm, tracker = ByteTracker(), ByteTracker()
    tracks: list[Tracks] = [warm.update(frame) for frame in detections]
    painter, nano = Painter(["person"], 0.6), Onnx(NANO, threads=1)
    camera, boxes = EstimatedMotion().of_stream(), detections[0]
    counts: dict[str, Any] = {"lines": {}, "zones": {}}
    with tempfile.TemporaryDirectory() as folder:
        writer = VideoWriter(Path(folder) / "out.mp4", 30, threads=1)
        stages: dict[str, Callable[[int], object]] = {
            "decode H.264": lambda k: decoded() if k % len(images) == 0 else None,
            "decode JPEG": lambda _: read_image(JPEG),
            "letterbox to 800x1440, normalise": lambda k: network_input([images[k % 8]], (800, 1440), "rgb_imagenet"),
            "letterbox to 416x416": lambda k: network_input([images[k % 8]], (416, 416), "bgr255"),
            "YOLOX-Nano at 416x416, all of detect": lambda k: nano.detect([images[k % 8]]),
            "camera motion": lambda k: camera(images[k % 8], boxes),
            f"track {given.people} people": lambda k: tracker.update(detections[k]),
            f"draw {given.people} people": lambda k: painter(images[k % 8].copy(), tracks[k], counts),
            "encode H.264 (veryfast)": lambda k: writer.write(images[k % 8], k / 30),
        }
        nano.detect(images[:1])
        with writer:
            for name, stage in stages.items():
                rounds = []
                for _ in range(1 if name.startswith("encode") else 3):
                    started = time.process_time()
                    for k in range(given.frames):
                        stage(k)
                    rounds.append((time.process_time() - started) / given.frames)
                print(f"{name:38} {1000 * np.min(rounds):8.2f} CPU ms a frame", flush=True)


if __name__ == "__main__":
    main()
