"""The street nobody walks on: ground, facades and the things that hide people, painted once a scene."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from bytetrack.examples.scenes.figure import Colour, Sprite
from bytetrack.examples.scenes.walk import Camera

__all__ = ["ROAD", "Mood", "Prop", "Street", "paint"]

Floats = npt.NDArray[np.float32]
ROAD = (11.0, 18.0)  # metres away: its near and far kerb
FACADE = 23.5
FINE = 2


@dataclass(frozen=True, slots=True)
class Mood:
    """Weather and hour: `sun` -1 from the left … 1 from the right, `shadow` strength, `tint` BGR factors, `noise` of the sensor."""

    sun: float
    shadow: float
    tint: tuple[float, float, float]
    noise: float
    lamps: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Prop:
    """Something that stands `z` metres away and hides what is behind it: whole people within `half` pixels of its middle."""

    z: float
    sprite: Sprite
    half: float = 0.0


@dataclass(frozen=True, eq=False, slots=True)
class Street:
    """`ground` (H, W, 3) float32 in canvas pixels, margins for panning included, and the props on it, far ones first."""

    ground: Floats
    props: list[Prop]
    crossing: float


def paint(rng: np.random.Generator, canvas: Camera, mood: Mood, posts: int) -> Street:
    """Paints a street as `canvas` sees it (a camera as wide as the picture and its panning margins), with `posts` lamp posts and trees."""
    crossing = float(rng.uniform(-2.5, 2.5))
    width, height = canvas.width * FINE, canvas.height_px * FINE
    picture = np.zeros((height, width, 3), np.float32)
    _paint_facades(rng, picture, canvas, mood)
    _paint_ground(rng, picture, canvas, crossing)
    small = cv2.resize(picture, (canvas.width, canvas.height_px), interpolation=cv2.INTER_AREA)
    props = sorted(_props(rng, canvas, crossing, posts, mood), key=lambda prop: -prop.z)
    return Street(np.ascontiguousarray(small), props, crossing)


def _noise(rng: np.random.Generator, size: int = 256, octaves: int = 5) -> Floats:
    """Makes a tile of value noise about 0 with deviation 1 that repeats without a seam."""
    total = np.zeros((size, size), np.float32)
    for octave in range(octaves):
        cells = size >> (octaves - 1 - octave)
        coarse = rng.standard_normal((cells, cells)).astype(np.float32)
        padded = np.pad(coarse, 2, mode="wrap")
        step = size // cells
        grown = cv2.resize(padded, None, fx=step, fy=step, interpolation=cv2.INTER_CUBIC)
        total += grown[2 * step : 2 * step + size, 2 * step : 2 * step + size] * 0.8**octave
    return np.asarray(total / total.std(), np.float32)


def _sample(tile: Floats, u: Floats, v: Floats) -> Floats:
    size = len(tile)
    padded = np.pad(tile, ((0, 1), (0, 1)), mode="wrap")
    return np.asarray(cv2.remap(padded, np.mod(u, size), np.mod(v, size), cv2.INTER_LINEAR), np.float32)


def _line(position: Floats, period: float, width: float, footprint: Floats) -> Floats:
    """Returns the share, 0 … 1, of each pixel on lines `width` wide every `period` metres, pixels being `footprint` metres across."""
    distance = np.abs(np.mod(position + period / 2, period) - period / 2)
    edge = np.maximum(footprint, 1e-4)
    covered = np.clip((width / 2 - distance) / edge + 0.5, 0, 1)
    return np.asarray(np.where(edge > period / 2, width / period, covered), np.float32)


def _band(position: Floats, low: float, high: float, footprint: Floats) -> Floats:
    return np.asarray(np.clip((position - low) / footprint + 0.5, 0, 1) * np.clip((high - position) / footprint + 0.5, 0, 1), np.float32)


def _paint_ground(rng: np.random.Generator, picture: Floats, canvas: Camera, crossing: float) -> None:
    first = int(np.ceil((canvas.horizon + canvas.focal * canvas.height / FACADE) * FINE))
    rows, columns = np.mgrid[first : picture.shape[0], 0 : picture.shape[1]].astype(np.float32)
    z = (canvas.focal * canvas.height / ((rows + 0.5) / FINE - canvas.horizon)).astype(np.float32)
    x = (((columns + 0.5) / FINE - canvas.width / 2) * z / canvas.focal).astype(np.float32)
    across, away = z / canvas.focal / FINE, z**2 / (canvas.focal * canvas.height) / FINE
    fade = np.clip(0.05 / away, 0.15, 1)
    fine, coarse = _noise(rng), _noise(rng, octaves=3)
    grain, stain = _sample(fine, x * 42, z * 42) * fade, _sample(coarse, x * 9 + 31, z * 9 + 77)

    tile = 0.6
    tones = rng.standard_normal((64, 64)).astype(np.float32)
    own = tones[np.mod(np.floor(x / tile), 64).astype(int), np.mod(np.floor(z / tile), 64).astype(int)]
    joints = np.maximum(_line(x, tile, 0.025, across), _line(z, tile, 0.025, away))
    paving = 150 + 5.5 * own + 5 * grain + 5 * stain - 44 * joints
    asphalt = 84 + 6 * grain + 5 * stain
    marks = _line(z - 14.5, 100, 0.14, away) * (np.mod(x, 3.0) < 1.7)
    zebra = _band(x, crossing - 2, crossing + 2, across) * _line(z - ROAD[0] - 0.5, 1.0, 0.5, away)
    marks = np.maximum(marks * (np.abs(x - crossing) > 3), zebra) * np.clip(0.86 + 0.09 * grain + 0.08 * stain, 0, 1)
    asphalt = asphalt * (1 - marks) + 206 * marks
    gutter = np.maximum(_band(z, ROAD[0], ROAD[0] + 0.3, away), _band(z, ROAD[1] - 0.3, ROAD[1], away))
    asphalt = asphalt * (1 - 0.22 * gutter)
    road = _band(z, *ROAD, away)
    value = paving * (1 - road) + asphalt * road
    for kerb, riser in ((ROAD[0] - 0.1, 0.0), (ROAD[1], 0.16)):
        stone = _band(z, kerb - 0.11, kerb + 0.11, away)
        value = value * (1 - stone) + (176 + 4 * grain - 26 * _line(x, 1.0, 0.03, across)) * stone
        if riser:  # the far kerb shows its face
            value *= 1 - 0.45 * _band(z, kerb - 0.11 - riser, kerb - 0.11, away)
    for _ in range(3):  # manhole covers
        cx, cz = rng.uniform(-7, 7), rng.uniform(7.5, 17.5)
        ring = np.hypot(x - cx, z - cz)
        value = value * (1 - 0.3 * _band(ring, -1, 0.33, away) * (1 - 0.5 * _line(ring, 0.11, 0.04, away)))
    warm = (1 - road)[..., None] * np.array([-7, 0, 6], np.float32)
    shade = 1 - 0.24 * np.clip((z - 20.5) / 1.2, 0, 1)  # what the houses throw on the far pavement
    picture[first:] = np.clip(value[..., None] + warm, 0, 255) * shade[..., None]


def _rectangle(picture: Floats, x0: float, y0: float, x1: float, y1: float, colour: Iterable[float]) -> None:
    corners = [(round(v * 16)) for v in (x0, y0, x1, y1)]
    cv2.rectangle(picture, corners[:2], corners[2:], [float(c) for c in colour], -1, cv2.LINE_8, 4)


WALLS: list[Colour] = [(150, 178, 196), (122, 140, 186), (168, 186, 192), (108, 124, 160), (178, 172, 160), (140, 164, 178), (96, 108, 150)]
AWNINGS: list[Colour] = [(52, 52, 160), (66, 108, 52), (140, 84, 40), (40, 130, 190), (90, 70, 110)]


def _paint_facades(rng: np.random.Generator, picture: Floats, canvas: Camera, mood: Mood) -> None:
    metre = canvas.focal / FACADE * FINE
    base = (canvas.horizon + canvas.focal * canvas.height / FACADE) * FINE
    x = -rng.uniform(0, 4) * metre
    while x < picture.shape[1]:
        wide = rng.uniform(5.5, 8.5) * metre
        _paint_house(rng, picture, x, wide, base, metre, mood)
        x += wide
    grain = cv2.resize(_noise(rng, octaves=6), (picture.shape[1], picture.shape[1]))[: int(base)]
    picture[: int(base)] *= 0.8 * (1 + 0.028 * grain[..., None])


def _paint_house(rng: np.random.Generator, picture: Floats, x: float, wide: float, base: float, metre: float, mood: Mood) -> None:
    wall = np.array(WALLS[int(rng.integers(len(WALLS)))], np.float32) * rng.uniform(0.88, 1.05)
    _rectangle(picture, x, -1, x + wide, base, wall)
    for course in np.arange(0, base, 0.3 * metre) if rng.random() < 0.5 else []:  # bricks or plain
        _rectangle(picture, x, base - course, x + wide, base - course + 0.03 * metre, wall * 0.93)
    _rectangle(picture, x, base - 3.75 * metre, x + wide, base - 3.45 * metre, wall * 1.12)
    _rectangle(picture, x, base - 3.45 * metre, x + wide, base - 3.38 * metre, wall * 0.7)
    _rectangle(picture, x + wide - 0.06 * metre, -1, x + wide, base, wall * 0.6)
    bays = max(2, round(wide / metre / 2.4))
    awning = AWNINGS[int(rng.integers(len(AWNINGS)))]
    door = int(rng.integers(bays))
    for bay in range(bays):
        left, right = x + (bay + 0.16) * wide / bays, x + (bay + 0.84) * wide / bays
        if bay == door:
            middle = (left + right) / 2
            _rectangle(picture, middle - 0.62 * metre, base - 2.5 * metre, middle + 0.62 * metre, base, wall * 0.6)
            _rectangle(picture, middle - 0.5 * metre, base - 2.4 * metre, middle + 0.5 * metre, base - 0.05 * metre, _half(awning))
            _rectangle(picture, middle - 0.36 * metre, base - 2.25 * metre, middle + 0.36 * metre, base - 1.2 * metre, (92, 84, 70))
        else:
            _paint_window(rng, picture, left, right, base - 2.55 * metre, base - 0.55 * metre, metre, wall, mood.lamps)
        for floor in (0, 1):
            top = base - (5.9 + 2.9 * floor) * metre
            _paint_window(rng, picture, left + 0.12 * metre, right - 0.12 * metre, top, top + 1.7 * metre, metre, wall, False)
    if rng.random() < 0.65:
        bottom = base - 2.55 * metre
        for stripe, start in enumerate(np.arange(x + 0.1 * wide, x + 0.9 * wide, 0.35 * metre)):
            end = min(start + 0.35 * metre, x + 0.9 * wide)
            _rectangle(picture, start, bottom - 0.55 * metre, end, bottom + 0.22 * metre, awning if stripe % 2 else (206, 208, 210))
        _rectangle(picture, x + 0.1 * wide, bottom + 0.22 * metre, x + 0.9 * wide, bottom + 0.34 * metre, wall * 0.45)
    _rectangle(picture, x, base - 0.28 * metre, x + wide, base, wall * 0.66)


def _half(colour: Colour) -> tuple[float, ...]:
    return tuple(c * 0.6 for c in colour)


def _paint_window(
    rng: np.random.Generator, picture: Floats, x0: float, x1: float, y0: float, y1: float, metre: float, wall: Floats, lit: bool
) -> None:
    frame = 0.09 * metre
    _rectangle(picture, x0 - frame, y0 - frame, x1 + frame, y1 + 1.6 * frame, wall * 1.16)
    glass = np.array((128, 176, 208) if lit and rng.random() < 0.8 else (92, 82, 70), np.float32) * rng.uniform(0.75, 1.15)
    _rectangle(picture, x0, y0, x1, y1, glass)
    for _ in range(3):  # what stands behind the glass
        left = rng.uniform(x0, x1 - 0.3 * metre)
        high = rng.uniform(0.2, 0.6) * (y1 - y0)
        _rectangle(picture, left, y1 - high, min(left + rng.uniform(0.2, 0.5) * metre, x1), y1, glass * rng.uniform(0.6, 1.4))
    slope = rng.uniform(0.2, 0.8)
    shine = np.array([[x0 + slope * (x1 - x0), y0], [x1, y0], [x1, y0 + 0.4 * (y1 - y0)]])
    cv2.fillPoly(picture, [np.round(shine).astype(np.int32)], [float(c) for c in glass * 1.22])
    _rectangle(picture, (x0 + x1) / 2 - frame / 3, y0, (x0 + x1) / 2 + frame / 3, y1, wall * 1.05)


def _props(rng: np.random.Generator, canvas: Camera, crossing: float, posts: int, mood: Mood) -> list[Prop]:
    half = canvas.width / 2 / canvas.focal
    props = []
    for index in range(posts):  # spread over the near kerb, clear of the crossing
        z = ROAD[0] - 0.45
        x = (index + float(rng.uniform(0.25, 0.75))) / posts * 2 * half * z - half * z
        if abs(x - crossing) < 2.3:
            x = crossing + np.copysign(2.5, x - crossing)
        props.append(_tree(rng, canvas, x, z) if rng.random() < 0.45 else _lamp(canvas, x, z, mood.lamps))
    z = float(rng.uniform(8.6, 9.4))
    props.append(_column(rng, canvas, float(rng.choice([-1, 1]) * rng.uniform(0.45, 0.8)) * half * z, z))
    for _ in range(int(rng.integers(1, 3))):
        z = ROAD[1] - 1.0
        x = float(rng.uniform(-0.85, 0.85)) * half * z
        if abs(x - crossing) > 4.4:
            props.append(_car(rng, canvas, x, z))
    return props


def _shape(canvas: Camera, x: float, z: float, wide: float, high: float) -> tuple[npt.NDArray[np.uint8], float, int, int, float, float]:
    """Makes an empty picture for a thing `wide` and `high` metres at (x, z): it, its pixels a metre, its corner, and the foot's place."""
    column, row, scale = canvas.project(x, z)
    left, top = int(np.floor(column - wide / 2 * scale)), int(np.floor(row - high * scale))
    size = (int(np.ceil(high * scale)) + 6, int(np.ceil(wide * scale)) + 4)
    return np.zeros((size[0] * 4, size[1] * 4, 4), np.uint8), scale * 4, left, top, (column - left) * 4, (row - top) * 4


def _finish(image: npt.NDArray[np.uint8], left: int, top: int, z: float) -> Prop:
    small = cv2.resize(image, (image.shape[1] // 4, image.shape[0] // 4), interpolation=cv2.INTER_AREA)
    box = (float(left), float(top), float(left + small.shape[1]), float(top + small.shape[0]))
    return Prop(z, Sprite(np.asarray(small, np.uint8), left, top, box, float(small[..., 3].sum()) / 255))


def _box(image: npt.NDArray[np.uint8], x0: float, y0: float, x1: float, y1: float, colour: Colour) -> None:
    cv2.rectangle(image, (round(x0), round(y0)), (round(x1), round(y1)), (*colour, 255), -1)


def _round_lit(image: npt.NDArray[np.uint8], x0: float, x1: float) -> None:
    """Makes what lies between two columns look like a cylinder."""
    a, b = max(0, round(x0)), min(image.shape[1], round(x1) + 1)
    turn = np.linspace(-1, 1, max(b - a, 1))
    image[:, a:b, :3] = np.clip(image[:, a:b, :3] * (1.08 - 0.5 * (turn - 0.25) ** 2)[None, :, None], 0, 255)


def _lamp(canvas: Camera, x: float, z: float, lit: bool) -> Prop:
    image, m, left, top, column, row = _shape(canvas, x, z, 1.0, 6.5)
    iron: Colour = (58, 62, 54)
    _box(image, column - 0.06 * m, 0, column + 0.06 * m, row, iron)
    _box(image, column - 0.12 * m, row - 0.9 * m, column + 0.12 * m, row, iron)
    _box(image, column - 0.16 * m, row - 0.12 * m, column + 0.16 * m, row, iron)
    _round_lit(image, column - 0.16 * m, column + 0.16 * m)
    if lit:
        cv2.circle(image, (round(column), round(row - 5.2 * m)), round(0.26 * m), (190, 232, 255, 255), -1)
    return _finish(image, left, top, z)


def _tree(rng: np.random.Generator, canvas: Camera, x: float, z: float) -> Prop:
    image, m, left, top, column, row = _shape(canvas, x, z, 4.4, 6.5)
    bark: Colour = (52, 68, 84)
    trunk = np.array([[-0.13, 0], [0.13, 0], [0.1, -2.8], [0.5, -4.6], [0.35, -4.7], [0, -3.4], [-0.4, -4.8], [-0.55, -4.6], [-0.1, -2.8]])
    cv2.fillPoly(image, [np.round(trunk * m + [column, row]).astype(np.int32)], (*bark, 255))
    _round_lit(image, column - 0.15 * m, column + 0.15 * m)
    _box(image, column - 0.5 * m, row - 0.04 * m, column + 0.5 * m, row + 0.03 * m, (60, 66, 70))
    green = np.array([(46, 104, 74), (40, 92, 88), (44, 88, 58)][int(rng.integers(3))])
    for _ in range(420):  # leaves, the lighter ones last
        turn, reach = rng.uniform(0, 2 * np.pi), np.sqrt(rng.uniform(0, 1))
        place = (column + 1.9 * m * reach * np.cos(turn), row - 5.3 * m - 1.5 * m * reach * np.sin(turn))
        colour = green * (0.62 + 0.5 * rng.random() + 0.22 * np.sin(turn))
        radius = round(rng.uniform(0.07, 0.19) * m)
        cv2.circle(image, (round(place[0]), round(place[1])), radius, (*(int(c) for c in colour), 255), -1)
    return _finish(image, left, top, z)


def _column(rng: np.random.Generator, canvas: Camera, x: float, z: float) -> Prop:
    """Paints a round advertising column with posters."""
    image, m, left, top, column, row = _shape(canvas, x, z, 1.5, 3.3)
    half = 0.48 * m
    _box(image, column - half, row - 2.75 * m, column + half, row, (120, 132, 120))
    for _ in range(9):
        x0, y0 = column + rng.uniform(-1, 0.5) * half, row - rng.uniform(1.2, 2.7) * m
        paper = _box_colour(rng)
        x1, y1 = min(x0 + rng.uniform(0.4, 0.8) * half, column + half), y0 + rng.uniform(0.5, 0.85) * m
        _box(image, x0, y0, x1, y1, paper)
        for line in (0.15, 0.3, 0.72):
            _box(image, x0 + 0.08 * m, y0 + line * (y1 - y0), x1 - 0.08 * m, y0 + (line + 0.07) * (y1 - y0), _box_colour(rng))
    _box(image, column - half * 1.06, row - 0.25 * m, column + half * 1.06, row, (66, 74, 66))
    roof = np.array([[-0.6, -2.75], [0.6, -2.75], [0.5, -2.95], [0.1, -3.2], [-0.1, -3.2], [-0.5, -2.95]])
    cv2.fillPoly(image, [np.round(roof * m + [column, row]).astype(np.int32)], (62, 84, 62, 255))
    cv2.ellipse(image, (round(column), round(row)), (round(half * 1.06), round(0.1 * m)), 0, 0, 180, (66, 74, 66, 255), -1)
    _round_lit(image, column - 0.6 * m, column + 0.6 * m)
    return replace(_finish(image, left, top, z), half=half / 4)


def _box_colour(rng: np.random.Generator) -> Colour:
    b, g, r = (int(c) for c in rng.integers(70, 215, 3) * 0.45 + 0.55 * rng.integers(90, 205))
    return b, g, r


def _car(rng: np.random.Generator, canvas: Camera, x: float, z: float) -> Prop:
    image, m, left, top, column, row = _shape(canvas, x, z, 4.6, 1.6)
    paint = [(58, 50, 128), (120, 84, 52), (176, 178, 180), (60, 62, 64), (84, 110, 72)][int(rng.integers(5))]
    flip = float(rng.choice([-1, 1]))

    def fill(points: list[tuple[float, float]], colour: Colour) -> None:
        cv2.fillPoly(image, [np.round(np.array(points) * [flip * m, -m] + [column, row]).astype(np.int32)], (*colour, 255))

    dark: Colour = (30, 30, 30)
    fill([(-2.2, 0.3), (-2.25, 0.72), (-1.75, 0.9), (2.0, 0.92), (2.2, 0.7), (2.2, 0.28)], paint)
    fill([(-1.35, 0.88), (-0.7, 1.42), (1.0, 1.44), (1.85, 0.9)], paint)
    fill([(-1.12, 0.9), (-0.6, 1.34), (0.12, 1.35), (0.12, 0.9)], (92, 80, 66))
    fill([(0.24, 0.9), (0.24, 1.35), (0.92, 1.36), (1.55, 0.92)], (92, 80, 66))
    b, g, r = (int(c * 0.72) for c in paint)
    fill([(-2.22, 0.28), (-2.22, 0.46), (2.2, 0.46), (2.2, 0.28)], (b, g, r))
    for wheel in (-1.4, 1.4):
        centre = (round(column + flip * wheel * m), round(row - 0.31 * m))
        cv2.circle(image, centre, round(0.33 * m), (*dark, 255), -1)
        cv2.circle(image, centre, round(0.19 * m), (150, 150, 152, 255), -1)
    return _finish(image, left, top, z)
