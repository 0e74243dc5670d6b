"""An articulated person: an appearance of its own, a walking skeleton in three dimensions, drawn as a small picture with transparency."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
import numpy.typing as npt

__all__ = ["Look", "Sprite", "draw_figure"]

Colour = tuple[int, int, int]
Point = npt.NDArray[np.float64]

SKIN: list[Colour] = [(176, 200, 232), (150, 180, 222), (120, 152, 200), (88, 118, 168), (62, 84, 128), (44, 60, 92)]  # BGR throughout
HAIR: list[Colour] = [(28, 28, 32), (34, 44, 62), (48, 72, 104), (70, 116, 160), (120, 170, 205), (150, 152, 156), (40, 56, 120)]
TOPS: list[Colour] = [
    (196, 196, 200), (58, 52, 50), (44, 44, 172), (150, 92, 36), (92, 128, 48), (40, 150, 210), (60, 170, 222), (140, 70, 110),
    (205, 178, 120), (84, 96, 112), (104, 60, 44), (60, 92, 150), (215, 212, 206), (36, 84, 60), (150, 130, 214), (70, 66, 110),
]  # fmt: skip
BOTTOMS: list[Colour] = [
    (98, 66, 40),
    (60, 44, 36),
    (44, 42, 42),
    (112, 118, 124),
    (108, 134, 158),
    (130, 96, 62),
    (70, 80, 92),
    (52, 40, 70),
]
SHOES: list[Colour] = [(34, 32, 32), (52, 60, 84), (214, 214, 218), (60, 60, 66)]
TURN = np.linspace(0, 2 * np.pi, 20, endpoint=False)
CIRCLE = np.stack([np.cos(TURN), np.sin(TURN)], 1)
CAP = np.stack([np.cos(np.linspace(np.pi / 2, 3 * np.pi / 2, 7)), np.sin(np.linspace(np.pi / 2, 3 * np.pi / 2, 7))], 1)
FINE = 4  # drawn this many times larger, then averaged


def _shade(colour: Colour, factor: float) -> Colour:
    b, g, r = (int(min(255, c * factor)) for c in colour)
    return b, g, r


@dataclass(frozen=True, slots=True)
class Look:
    """The appearance of a person. Lengths in metres, colours BGR."""

    height: float
    girth: float
    skin: Colour
    hair: Colour
    hair_style: str  # short, long, bald, cap
    top: Colour
    top_length: float  # where it ends, as a share of the height
    sleeves: bool
    stripe: Colour | None
    bottom: Colour
    bottom_style: str  # trousers, shorts, skirt
    shoes: Colour
    bag: str  # none, backpack, handbag
    bag_colour: Colour
    stride: float
    phase: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Look:
        """Draws a look at random; one in twelve is a child."""

        def one(colours: list[Colour]) -> Colour:
            b, g, r = (int(c) for c in np.clip(colours[int(rng.integers(len(colours)))] * rng.uniform(0.82, 1.18, 3), 12, 235))
            return b, g, r

        child = rng.random() < 1 / 12
        return cls(
            height=float(rng.uniform(1.15, 1.4) if child else np.clip(rng.normal(1.72, 0.09), 1.5, 1.95)),
            girth=float(np.clip(rng.normal(1.0, 0.12), 0.82, 1.35)),
            skin=one(SKIN),
            hair=one(HAIR),
            hair_style=str(rng.choice(["short", "long", "bald", "cap"], p=[0.46, 0.32, 0.08, 0.14])),
            top=one(TOPS),
            top_length=float(rng.choice([0.5, 0.44, 0.3], p=[0.45, 0.37, 0.18])),
            sleeves=bool(rng.random() < 0.7),
            stripe=one(TOPS) if rng.random() < 0.25 else None,
            bottom=one(BOTTOMS),
            bottom_style=str(rng.choice(["trousers", "shorts", "skirt"], p=[0.72, 0.13, 0.15])),
            shoes=one(SHOES),
            bag=str(rng.choice(["none", "backpack", "handbag"], p=[0.55, 0.25, 0.2])),
            bag_colour=one(TOPS),
            stride=float(rng.uniform(0.78, 0.88)),
            phase=float(rng.uniform(0, 2 * np.pi)),
        )


@dataclass(frozen=True, eq=False, slots=True)
class Sprite:
    """A picture with transparency: `bgra` (h, w, 4) uint8, colours already multiplied by alpha, its corner at `left`, `top`.

    `xyxy` is the silhouette's exact extent, `area` its size in square pixels.
    """

    bgra: npt.NDArray[np.uint8]
    left: int
    top: int
    xyxy: tuple[float, float, float, float]
    area: float


class _Skeleton:
    """Joints at an instant, projected: person's (forward, left, up) in heights to (column, row) in pixels and a depth."""

    def __init__(self, heading: float, tilt: float, foot: Point, scale: float) -> None:
        self.cos, self.sin, self.tilt, self.foot, self.scale = np.cos(heading), np.sin(heading), tilt, foot, scale

    def __call__(self, forward: float, left: float, up: float) -> Point:
        across, depth = forward * self.cos - left * self.sin, forward * self.sin + left * self.cos
        return np.array([self.foot[0] + across * self.scale, self.foot[1] - (up + depth * self.tilt) * self.scale, depth])


class _Canvas:
    """Shapes in pixels of the final picture, drawn `FINE` times larger without smoothing; averaging them gives alpha."""

    def __init__(self, width: int, height: int) -> None:
        self.image = np.zeros((height * FINE, width * FINE, 4), np.uint8)

    def polygon(self, points: Point, colour: Colour) -> None:
        cv2.fillPoly(self.image, [np.round(points * FINE * 16).astype(np.int32)], (*colour, 255), cv2.LINE_8, 4)

    def limb(self, start: Point, end: Point, start_radius: float, end_radius: float, colour: Colour) -> None:
        """Draws a tapered capsule from one joint to the next."""
        (x, y), length = end[:2] - start[:2], math.dist(end[:2], start[:2]) + 1e-9
        ring = CAP @ np.array([[x, y], [-y, x]]) / length
        self.polygon(np.concatenate([start[:2] + ring * start_radius, end[:2] - ring * end_radius]), colour)

    def ellipse(self, centre: Point, radius_x: float, radius_y: float, colour: Colour) -> None:
        self.polygon(centre[:2] + CIRCLE * (radius_x, radius_y), colour)


def draw_figure(
    look: Look, foot: tuple[float, float], scale: float, heading: float, tilt: float, walked: float, speed: float, light: float, sun: float
) -> Sprite:
    """Draws `look` standing at `foot` (column, row), `scale` pixels a metre, walking towards `heading` after `walked` metres.

    `tilt` is how far the camera looks down (rise over run), `light` the brightness, `sun` the side it comes from (-1 left, 1 right).
    """
    h = look.height * scale
    width, height = int(1.05 * h) + 6, int(1.35 * h) + 6
    left, top = int(np.floor(foot[0] - width / 2)), int(np.floor(foot[1] - 1.16 * h - 3))
    canvas = _Canvas(width, height)
    phase = look.phase + 2 * np.pi * walked / (look.stride * look.height)
    _draw_parts(canvas, look, _Skeleton(heading, tilt, np.array([foot[0] - left, foot[1] - top]), h), h, phase, min(1.0, speed / 0.9))
    columns, rows = (np.flatnonzero(canvas.image[..., 3].any(axis)) / FINE for axis in (0, 1))
    bgra = np.asarray(cv2.resize(canvas.image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    step = 1 / FINE
    xyxy = (left + float(columns[0]), top + float(rows[0]), left + float(columns[-1]) + step, top + float(rows[-1]) + step)
    area = float(np.count_nonzero(canvas.image[..., 3])) / FINE**2
    return Sprite(_rounded(bgra, h, light, sun), left, top, xyxy, area)


def _rounded(bgra: npt.NDArray[np.uint8], h: float, light: float, sun: float) -> npt.NDArray[np.uint8]:
    """Lights the flat figure from one side: brighter where its outline faces the sun."""
    soft = cv2.GaussianBlur(bgra[..., 3].astype(np.float32) / 255, (0, 0), max(0.6, 0.035 * h))
    slope = cv2.Sobel(soft, cv2.CV_32F, 1, 0, ksize=3) * (0.05 * h)
    glow = light * (1 - np.clip(sun * slope, -0.55, 0.4)) * (1.02 - 0.16 * np.linspace(-0.3, 1, len(bgra), dtype=np.float32)[:, None])
    out = bgra.copy()
    out[..., :3] = np.clip(bgra[..., :3] * glow[..., None], 0, 255)
    return out


def _draw_parts(canvas: _Canvas, look: Look, joint: _Skeleton, h: float, phase: float, swing: float) -> None:
    """Draws far parts first: each is (depth, function that draws it)."""
    bob = 0.012 * swing * np.cos(2 * phase)
    parts: list[tuple[float, Callable[[], None]]] = [
        (-0.02, partial(_torso, canvas, look, joint, h, bob)),
        (-0.03, partial(_head, canvas, look, joint, h, bob)),
    ]
    for side in (-1, 1):
        turn = phase if side > 0 else phase + np.pi
        leg, lift = swing * np.sin(turn), swing * max(0.0, np.cos(turn))
        parts.append((joint(0.05 * leg, 0.09 * side, 0.3)[2] + 0.08, partial(_leg, canvas, look, joint, h, side, leg, lift, bob)))
        parts.append((joint(-0.1 * leg, 0.17 * side, 0)[2], partial(_arm, canvas, look, joint, h, side, -leg, bob)))
    if look.bag == "backpack":
        bag = joint(-0.1, 0, 0.7 + bob)
        radius = 0.06 + 0.035 * abs(joint.sin)
        parts.append((float(bag[2]) * 1.2, partial(canvas.ellipse, bag, radius * h, 0.1 * h, look.bag_colour)))
    for _, draw in sorted(parts, key=lambda part: -part[0]):
        draw()


def _leg(canvas: _Canvas, look: Look, joint: _Skeleton, h: float, side: int, leg: float, lift: float, bob: float) -> None:
    thigh, knee_bend = 0.44 * leg, 0.95 * lift + 0.1
    hip = (0.0, 0.052 * side, 0.5 + bob)
    knee = (0.24 * np.sin(thigh), 0.05 * side, hip[2] - 0.24 * np.cos(thigh))
    ankle_forward, shin = knee[0] + 0.235 * np.sin(thigh - knee_bend), 0.235 * np.cos(thigh - knee_bend)
    ankle = (ankle_forward, 0.045 * side, max(0.03, knee[2] - shin))
    far = 0.82 if joint(0, side, 0)[2] > 0.2 else 1.0
    cloth, bare = _shade(look.bottom, far), _shade(look.skin, far)
    g = h * (0.5 + 0.5 * look.girth)
    toe = joint(ankle[0] + 0.085, ankle[1], max(0.015, ankle[2] - 0.02))
    canvas.limb(joint(ankle[0] - 0.01, ankle[1], ankle[2] - 0.012), toe, 0.026 * h, 0.018 * h, _shade(look.shoes, far))
    canvas.limb(joint(*knee), joint(*ankle), 0.042 * g, 0.028 * g, cloth if look.bottom_style == "trousers" else bare)
    canvas.limb(joint(*hip), joint(*knee), 0.062 * g, 0.044 * g, bare if look.bottom_style == "skirt" else cloth)


def _arm(canvas: _Canvas, look: Look, joint: _Skeleton, h: float, side: int, swing: float, bob: float) -> None:
    upper, bend = 0.42 * swing, 0.25 + 0.2 * max(0.0, swing)
    shoulder = (0.0, 0.112 * side * look.girth, 0.8 + bob)
    elbow = (0.17 * np.sin(upper), 0.13 * side * look.girth, shoulder[2] - 0.17 * np.cos(upper))
    wrist = (elbow[0] + 0.15 * np.sin(upper + bend), elbow[1] - 0.012 * side, elbow[2] - 0.15 * np.cos(upper + bend))
    far = 0.78 if joint(0, side, 0)[2] > 0.2 else 0.93
    cloth, bare = _shade(look.top, far), _shade(look.skin, far)
    if look.bag == "handbag" and side > 0:
        bag = joint(wrist[0], wrist[1], wrist[2] - 0.1)
        canvas.ellipse(bag, 0.06 * h, 0.052 * h, look.bag_colour)
    canvas.limb(joint(*elbow), joint(*wrist), 0.026 * h, 0.02 * h, cloth if look.sleeves else bare)
    canvas.ellipse(joint(wrist[0], wrist[1], wrist[2] - 0.015), 0.021 * h, 0.025 * h, bare)
    canvas.limb(joint(*shoulder), joint(*elbow), 0.034 * h, 0.028 * h, cloth)


def _torso(canvas: _Canvas, look: Look, joint: _Skeleton, h: float, bob: float) -> None:
    """Draws the torso seen from any side: a body twice as wide as deep."""

    def half(wide: float, deep: float) -> float:
        return float(h * np.hypot(wide * joint.sin, deep * joint.cos))

    def outline(levels: list[tuple[float, float, float]]) -> Point:
        middle = np.array([joint(0, 0, up + bob)[:2] for up, _, _ in levels])
        reach = np.array([(half(wide, deep), 0.0) for _, wide, deep in levels])
        return np.concatenate([middle + reach, (middle - reach)[::-1]])

    g = look.girth
    canvas.limb(joint(0, 0, 0.83 + bob), joint(0.012, 0, 0.885 + bob), 0.032 * h, 0.03 * h, _shade(look.skin, 0.85))
    if look.bottom_style == "skirt":
        canvas.polygon(outline([(0.58, 0.085 * g, 0.06 * g), (0.48, 0.115 * g, 0.09 * g), (0.3, 0.14 * g, 0.12 * g)]), look.bottom)
    flare = 0.01 if look.top_length > 0.4 else 0.035
    levels = [
        (0.85, 0.05, 0.04), (0.825, 0.11 * g, 0.055 * g), (0.74, 0.115 * g, 0.078 * g), (0.62, 0.092 * g, 0.066 * g),
        (0.53, 0.098 * g, 0.072 * g), (look.top_length, (0.1 + flare) * g, (0.074 + flare) * g),
    ]  # fmt: skip
    canvas.polygon(outline(levels), look.top)
    if look.stripe is not None:
        for up in (0.76, 0.68, 0.6):
            canvas.polygon(outline([(up, 0.1 * g, 0.07 * g), (up - 0.03, 0.1 * g, 0.068 * g)]), look.stripe)


def _head(canvas: _Canvas, look: Look, joint: _Skeleton, h: float, bob: float) -> None:
    centre = joint(0.018, 0, 0.932 + bob)
    hair = look.skin if look.hair_style == "bald" else look.hair
    facing = -joint.sin  # 1 looks at the camera, -1 away from it
    if look.hair_style == "long":
        behind = joint(-0.025, 0, 0.87 + bob)
        canvas.ellipse(behind, 0.05 * h, 0.085 * h, hair)
    canvas.ellipse(centre, 0.051 * h, 0.066 * h, hair)
    if facing > -0.75:
        face = centre[:2] + np.array([0.022 * h * joint.cos, 0.012 * h])
        canvas.ellipse(face, 0.043 * h * (0.7 + 0.25 * max(0.0, facing)), 0.05 * h, look.skin)
        if look.hair_style != "bald":
            canvas.ellipse(centre[:2] - np.array([0.006 * h * joint.cos, 0.04 * h]), 0.047 * h, 0.027 * h, hair)
    if look.hair_style == "cap":
        canvas.ellipse(centre[:2] - [0, 0.036 * h], 0.054 * h, 0.034 * h, look.bag_colour)
        brim = centre[:2] + np.array([0.052 * h * joint.cos, -0.022 * h])
        canvas.ellipse(brim, 0.034 * h, 0.011 * h, _shade(look.bag_colour, 0.75))
