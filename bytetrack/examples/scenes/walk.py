"""Walkers: paths on the ground plane as closed functions of time, and the camera that looks at them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bytetrack.examples.scenes.figure import Look

__all__ = ["Camera", "Place", "Returning", "Walker", "plan"]


@dataclass(frozen=True, slots=True)
class Camera:
    """A level pinhole camera `height` metres above the ground, its horizon at row `horizon`; it pans by moving its picture."""

    width: int
    height_px: int
    focal: float
    horizon: float
    height: float
    pan: float = 0.0  # pixels to either side
    period: float = 17.0  # seconds of one pan there and back
    sway: float = 0.0  # pixels, of a camera held by hand

    def project(self, x: float, z: float) -> tuple[float, float, float]:
        """Returns column and row of the ground point `x` metres to the right and `z` away, and pixels per metre there; before panning."""
        scale = self.focal / z
        return self.width / 2 + scale * x, self.horizon + scale * self.height, scale

    def shift(self, seconds: float) -> tuple[float, float]:
        """Returns the shift of the picture's corner at a time, in pixels."""
        turn = 2 * np.pi * seconds / self.period
        return (
            self.pan * np.sin(turn - 1.2) + self.sway * np.sin(5.1 * seconds),
            self.sway * (0.6 * np.sin(3.7 * seconds + 1) + 0.4 * np.sin(7.3 * seconds)),
        )


@dataclass(frozen=True, slots=True)
class Place:
    """A person's place at an instant: metres, radians (0 walks to the right, pi/2 away from the camera), metres per second."""

    x: float
    z: float
    heading: float
    speed: float
    walked: float  # metres since time 0, which is what legs follow


@dataclass(frozen=True, slots=True)
class Walker:
    """One person: a straight way with a slow sway, walked at a steady speed but for one stop that eases in and out."""

    look: Look
    x: float  # at time 0, if there were no stop
    z: float
    heading: float
    speed: float
    sway: float
    sway_phase: float
    stop_at: float  # seconds
    stop_for: float  # seconds, 0 for none

    def at(self, seconds: float) -> Place:
        walked = self._walked(seconds)
        side = self._side(walked)
        pace = (self._walked(seconds + 0.02) - self._walked(seconds - 0.02)) / 0.04
        slope = (self._side(walked + 0.05) - self._side(walked - 0.05)) / 0.1
        cos, sin = np.cos(self.heading), np.sin(self.heading)
        return Place(self.x + walked * cos - side * sin, self.z + walked * sin + side * cos, self.heading + np.arctan(slope), pace, walked)

    def _walked(self, seconds: float) -> float:
        lost = self._ramp(seconds - self.stop_at) - self._ramp(seconds - self.stop_at - self.stop_for) if self.stop_for else 0.0
        return float(self.speed * (seconds - lost))

    @staticmethod
    def _ramp(seconds: float) -> float:
        """Returns the integral of a smooth step of a tenth of a second: zero long before 0, the time itself long after."""
        return float(0.12 * np.logaddexp(0.0, seconds / 0.12))

    def _side(self, walked: float) -> float:
        return float(self.sway * np.sin(0.55 * walked + self.sway_phase))


@dataclass(frozen=True, slots=True)
class Returning:
    """A walker who goes on until `until`, is nowhere for `away` seconds, and comes back the way he went."""

    walker: Walker
    until: float  # seconds
    away: float  # seconds

    @property
    def look(self) -> Look:
        return self.walker.look

    def at(self, seconds: float) -> Place:
        if seconds <= self.until:
            return self.walker.at(seconds)
        if seconds < self.until + self.away:
            return Place(0.0, -1.0, 0.0, 0.0, 0.0)  # behind the camera
        there, turned = self.walker.at(2 * self.until + self.away - seconds), self.walker.at(self.until)
        return Place(there.x, there.z, there.heading + np.pi, there.speed, 2 * turned.walked - there.walked)


def plan(
    rng: np.random.Generator,
    camera: Camera,
    people: int,
    seconds: float,
    crossing: float,
    road: tuple[float, float],
    blinds: list[tuple[float, float, float]],
) -> list[Walker]:
    """Plans `people` walkers who pass the picture within `seconds`: along both pavements, over the road around x = `crossing`, in pairs.

    Nobody hides another, and none of the `blinds` (column, depth, half width in pixels) hides anybody, for much longer than a
    second: such a walker is drawn anew, up to 30 times.
    """
    walkers: list[Walker] = []
    for number in range(people):
        paired = number > 0 and rng.random() < 0.25
        for _ in range(30):
            walker = _companion(rng, walkers[-1]) if paired else _one(rng, camera, seconds, crossing, road)
            if not _stays_behind(walker, blinds, camera, seconds) and not any(
                _hides_long(walker, other, camera, seconds) for other in walkers
            ):
                break
        walkers.append(walker)
    return walkers


def _hides_long(one: Walker, other: Walker, camera: Camera, seconds: float) -> bool:
    """Tells if either stands right before the other for more than a second on end."""
    run = 0
    for time in np.arange(0, seconds, 0.2):
        a, b = one.at(time), other.at(time)
        near, far = (a, b) if a.z < b.z else (b, a)
        gap = abs(camera.focal * (a.x / a.z - b.x / b.z)) if min(a.z, b.z) > 1 else np.inf
        run = run + 1 if gap < 0.22 * camera.focal / near.z and far.z < 25 else 0
        if run > 5:
            return True
    return False


def _stays_behind(walker: Walker, blinds: list[tuple[float, float, float]], camera: Camera, seconds: float) -> bool:
    for middle, depth, half in blinds:
        places = [walker.at(time) for time in np.arange(0, seconds, 0.2)]
        hidden = sum(place.z > depth and abs(camera.project(place.x, place.z)[0] - middle) < half for place in places)
        if hidden > 6:
            return True
    return False


def _one(rng: np.random.Generator, camera: Camera, seconds: float, crossing: float, road: tuple[float, float]) -> Walker:
    lane = rng.choice(["near", "far", "cross", "stroll"], p=[0.34, 0.32, 0.22, 0.12])
    speed = float(np.clip(rng.normal(1.35, 0.22), 0.8, 2.0))
    if lane == "stroll":  # runs a little, or ambles, over the road at a slant
        speed *= float(rng.choice([0.75, 1.7], p=[0.7, 0.3]))
    passes = float(rng.uniform(-0.5, seconds + 0.5))  # when it stands where `x`, `z` say
    side = float(rng.choice([0.0, np.pi]))
    if lane == "cross":
        heading = (np.pi / 2 if side else -np.pi / 2) + float(rng.normal(0, 0.1))
        x, z = crossing + float(rng.uniform(-1.9, 1.9)), float(rng.uniform(road[0] - 1, road[1] + 1))
    else:
        depth = {"near": (7.4, road[0] - 0.5), "far": (road[1] + 0.6, road[1] + 4.4), "stroll": (road[0], road[1])}[str(lane)]
        z = float(rng.uniform(*depth))
        heading = side + float(rng.normal(0, 0.35 if lane == "stroll" else 0.04))
        x = float(rng.uniform(-0.5, 0.5)) * (camera.width + 1.4 * camera.pan) * z / camera.focal
    stops = rng.random() < 0.2
    return Walker(
        Look.draw(rng),
        x - passes * speed * np.cos(heading),
        z - passes * speed * np.sin(heading),
        heading,
        speed,
        float(rng.uniform(0.05, 0.25)),
        float(rng.uniform(0, 2 * np.pi)),
        float(rng.uniform(0, seconds)),
        float(rng.uniform(0.8, 2.0)) if stops else 0.0,
    )


def _companion(rng: np.random.Generator, of: Walker) -> Walker:
    """Makes someone who walks beside `of`, half a step ahead or behind."""
    ahead, beside = float(rng.choice([-1, 1]) * rng.uniform(0.4, 0.7)), float(rng.choice([-1, 1]) * rng.uniform(0.35, 0.6))
    cos, sin = np.cos(of.heading), np.sin(of.heading)
    x, z = of.x + ahead * cos - beside * sin, of.z + ahead * sin + beside * cos
    return Walker(Look.draw(rng), x, z, of.heading, of.speed, of.sway, of.sway_phase, of.stop_at, of.stop_for)
