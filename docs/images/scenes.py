"""Makes the scenes of docs/traffic.md, sports.md and demo.md, with detections: `python docs/images/scenes.py traffic|pitch|street OUT`.

And their pictures: `python docs/images/scenes.py still VIDEO FRAME LEFT TOP RIGHT BOTTOM FILE.jpg` cuts one from a video.

Drawn, not filmed, and detected by nobody: boxes are the true ones, shaken a little; their scores are what is visible of each, so
whoever is hidden by half scores a half, and who is hidden is missed.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from bytetrack.examples.scenes import make_dataset
from bytetrack.video.read import Video
from bytetrack.video.write import VideoWriter

WIDTH, HEIGHT, RATE, FRAMES = 1280, 720, 25, 300
Image = np.ndarray[Any, np.dtype[np.uint8]]
LANES = {"west 1": (190, -1), "west 2": (280, -1), "east 1": (400, 1), "east 2": (490, 1)}  # middle row, direction
KINDS = {"car": (110, 46), "van": (140, 54), "truck": (230, 60), "motorcycle": (48, 22)}  # length, width
PAINTS = [(60, 60, 190), (180, 120, 50), (210, 210, 212), (70, 72, 76), (90, 140, 90), (60, 170, 220)]


@dataclass
class Thing:
    """A vehicle or player: box left, top, right, bottom now, and how it is painted."""

    kind: str
    colour: tuple[int, int, int]
    start: float
    speed: float
    lane: str = ""

    def box(self, seconds: float) -> tuple[float, float, float, float]:
        row, way = LANES[self.lane]
        length, width = KINDS[self.kind]
        gone = (seconds - self.start) * self.speed
        x = gone - length if way > 0 else WIDTH - gone
        return x, row - width / 2, x + length, row + width / 2


def vehicles(rng: np.random.Generator) -> list[Thing]:
    found = []
    for lane in LANES:
        clock, speed = -6.0, rng.uniform(170, 260)
        while clock < FRAMES / RATE:
            kind = str(rng.choice(list(KINDS), p=[0.55, 0.2, 0.15, 0.1]))
            found.append(Thing(kind, PAINTS[rng.integers(len(PAINTS))], clock, speed, lane))
            clock += (KINDS[kind][0] + rng.uniform(60, 260)) / speed
    return found


def road() -> Image:
    image = np.full((HEIGHT, WIDTH, 3), (92, 130, 104), np.uint8)
    cv2.rectangle(image, (0, 140), (WIDTH, 540), (88, 86, 84), -1)
    cv2.rectangle(image, (0, 328), (WIDTH, 352), (96, 128, 106), -1)
    for row in (235, 445):
        for x in range(0, WIDTH, 80):
            cv2.rectangle(image, (x, row - 2), (x + 40, row + 2), (225, 225, 225), -1)
    for row in (146, 324, 356, 534):
        cv2.rectangle(image, (0, row - 2), (WIDTH, row + 2), (225, 225, 225), -1)
    noise = np.random.default_rng(0).normal(0, 4, image.shape[:2])[..., None]
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def paint_vehicle(image: Image, thing: Thing, box: tuple[float, float, float, float]) -> None:
    x0, y0, x1, y1 = (round(v) for v in box)
    way, width = LANES[thing.lane][1], y1 - y0
    cv2.rectangle(image, (x0 + 4, y0 + 6), (x1 + 4, y1 + 5), (60, 60, 60), -1)  # its shadow
    cv2.rectangle(image, (x0, y0), (x1, y1), thing.colour, -1)
    front = x1 if way > 0 else x0
    if thing.kind == "motorcycle":
        cv2.circle(image, ((x0 + x1) // 2, (y0 + y1) // 2), 9, (40, 40, 40), -1)
        return
    glass = [front - way * round(0.62 * width), front - way * round(0.95 * width)]
    cv2.rectangle(image, (min(glass), y0 + 5), (max(glass), y1 - 5), (60, 50, 42), -1)
    if thing.kind == "car":
        cv2.rectangle(image, (min(x0 + 8, x1), y0 + 6), (x0 + 20, y1 - 6), (60, 50, 42), -1)
    for y in (y0 + 6, y1 - 6):
        cv2.circle(image, (front - 3 * way, y), 3, (200, 240, 255), -1)


def traffic(folder: Path) -> None:
    """Four lanes under a bridge that hides what drives below it."""
    rng = np.random.default_rng(5)
    things, ground, bridge, seen = vehicles(rng), road(), (840, 900), set[int]()
    with VideoWriter(folder / "traffic.mp4", RATE) as video, (folder / "traffic.txt").open("w") as rows:
        for frame in range(FRAMES):
            image = ground.copy()
            for thing in things:
                box = thing.box(frame / RATE)
                if box[2] < 0 or box[0] > WIDTH:
                    continue
                paint_vehicle(image, thing, box)
                seen.add(id(thing))
                left, right = max(box[0], 0), min(box[2], WIDTH)
                hidden = max(min(right, bridge[1]) - max(left, bridge[0]), 0)
                write_row(rows, rng, frame, (left, box[1], right, box[3]), 1 - hidden / (box[2] - box[0]))
            cv2.rectangle(image, (bridge[0], 0), (bridge[1], HEIGHT), (128, 132, 136), -1)
            for x in bridge:
                cv2.rectangle(image, (x - 6, 0), (x + 6, HEIGHT), (108, 110, 114), -1)
            video.write(image)
    print(f"{folder / 'traffic.mp4'}: {len(seen)} vehicles")


def pitch(folder: Path) -> None:
    """Twenty-two players who run, turn and hide each other."""
    rng = np.random.default_rng(11)
    ground = np.full((HEIGHT, WIDTH, 3), (62, 142, 74), np.uint8)
    for x in range(0, WIDTH, 160):
        ground[:, x : x + 80] = (56, 130, 66)
    cv2.rectangle(ground, (60, 60), (WIDTH - 60, HEIGHT - 40), (235, 235, 235), 3)
    cv2.line(ground, (WIDTH // 2, 60), (WIDTH // 2, HEIGHT - 40), (235, 235, 235), 3)
    cv2.ellipse(ground, (WIDTH // 2, HEIGHT // 2), (120, 80), 0, 0, 360, (235, 235, 235), 3)
    place = rng.uniform((100, 160), (WIDTH - 100, HEIGHT - 60), (22, 2))
    goal, pace = place.copy(), rng.uniform(60, 330, 22)
    ball = np.array([WIDTH / 2, HEIGHT / 2])
    with VideoWriter(folder / "pitch.mp4", RATE) as video, (folder / "pitch.txt").open("w") as rows:
        for frame in range(FRAMES):
            ball += (120 * np.cos(frame / 40), 60 * np.sin(frame / 23)) / np.array(RATE)
            way = goal - place
            far = np.hypot(way[:, 0], way[:, 1])
            anew = far < 15
            goal[anew] = (0.6 * rng.uniform((90, 150), (WIDTH - 90, HEIGHT - 50), (22, 2)) + 0.4 * ball)[anew]
            pace[anew] = rng.uniform(60, 330, 22)[anew]
            place += way / np.maximum(far, 1)[:, None] * np.minimum(pace / RATE, far)[:, None]
            image, owner = ground.copy(), np.full((HEIGHT, WIDTH), -1, np.int16)
            for player in np.argsort(place[:, 1]):
                paint_player(image, owner, int(player), place[player], frame)
            for player in range(22):
                x, y = place[player]
                seen = (owner == player).sum() / (22 * 62 * 0.55)
                write_row(rows, rng, frame, (x - 12, y - 64, x + 12, y), min(seen, 1))
            video.write(image)
    print(f"{folder / 'pitch.mp4'}: 22 players")


def street(folder: Path) -> None:
    """A street of the quickstart as images, OUT/STREET-01, with its boxes in OUT/STREET-01.txt."""
    make_dataset(folder, sequences=1, length=120, width=960, height=540, people=14, workers=1)
    rng = np.random.default_rng(0)
    truth = np.loadtxt(folder / "STREET-01" / "gt" / "gt.txt", delimiter=",")
    with (folder / "STREET-01.txt").open("w") as rows:
        for frame, _, left, top, width, height, _, _, visible in truth:
            write_row(rows, rng, int(frame) - 1, (left, top, left + width, top + height), visible)


def paint_player(image: Image, owner: np.ndarray[Any, Any], player: int, place: np.ndarray[Any, Any], frame: int) -> None:
    x, y = round(place[0]), round(place[1])
    shirt, shorts = ((40, 40, 200), (240, 240, 240)) if player < 11 else ((200, 90, 30), (40, 40, 40))
    swing = round(7 * np.sin(0.7 * frame + player))
    cv2.ellipse(image, (x, y), (14, 5), 0, 0, 360, (44, 104, 52), -1)
    for canvas, paint in ((image, (shirt, shorts, (120, 160, 200), (30, 40, 60))), (owner, (player,) * 4)):
        cv2.line(canvas, (x, y - 26), (x + swing, y - 2), paint[2], 5)
        cv2.line(canvas, (x, y - 26), (x - swing, y - 2), paint[2], 5)
        cv2.rectangle(canvas, (x - 8, y - 34), (x + 8, y - 22), paint[1], -1)
        cv2.rectangle(canvas, (x - 9, y - 52), (x + 9, y - 33), paint[0], -1)
        cv2.circle(canvas, (x, y - 58), 6, paint[3], -1)


def write_row(rows: Any, rng: np.random.Generator, frame: int, box: tuple[float, ...], visible: float) -> None:
    score = 0.93 * visible + rng.normal(0, 0.03)
    if score < 0.12 or box[2] - box[0] < 8 or rng.random() < 0.02:
        return
    x0, y0, x1, y1 = np.array(box) + rng.normal(0, 1.5, 4)
    rows.write(f"{frame + 1},-1,{x0:.1f},{y0:.1f},{x1 - x0:.1f},{y1 - y0:.1f},{min(score, 0.99):.2f},-1,-1,-1\n")


def still(video: str, frame: str, left: str, top: str, right: str, bottom: str, file: str) -> None:
    """A part of a frame, 960 pixels wide."""
    part = Video(video).read(int(frame))[int(top) : int(bottom), int(left) : int(right)]
    size = (960, round(960 * part.shape[0] / part.shape[1]))
    cv2.imwrite(file, cv2.resize(part, size, interpolation=cv2.INTER_AREA), [cv2.IMWRITE_JPEG_QUALITY, 88])


def main(kind: str, *more: str) -> None:
    if kind == "still":
        still(*more)
        return
    out = Path(more[0])
    out.mkdir(parents=True, exist_ok=True)
    {"traffic": traffic, "pitch": pitch, "street": street}[kind](out)


if __name__ == "__main__":
    main(*sys.argv[1:])
