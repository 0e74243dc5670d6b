"""One frame of a scene: everything back to front, then the lens and the sensor, and what is visible of whom."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from bytetrack.examples.scenes.figure import Sprite, draw_figure
from bytetrack.examples.scenes.street import ROAD, Mood, Street, paint
from bytetrack.examples.scenes.walk import Camera, Place, Returning, Walker, plan

__all__ = ["Person", "Scene", "render"]

MARGIN = 6  # pixels around the picture for swaying
EXPOSURE = 1 / 50  # seconds a frame is open
NEAREST, FARTHEST = 6.6, 24.0  # metres within which walkers are drawn
WALKED_OUT = 0.7  # seconds after which who reached the edge is out of the picture


@dataclass(frozen=True, slots=True)
class Person:
    """Ground truth of one person in one frame: `tlwh` of the whole silhouette, beyond the picture too; `visibility` 0 … 1 of its area."""

    track_id: int
    tlwh: tuple[float, float, float, float]
    visibility: float


@dataclass(frozen=True, eq=False, slots=True)
class Scene:
    """A street with its walkers under a mood; `frame(scene, f)` is a pure function of it."""

    seed: tuple[int, ...]
    camera: Camera
    canvas: Camera  # the camera with its margins
    mood: Mood
    street: Street
    walkers: list[Walker | Returning]
    frame_rate: float

    @classmethod
    def make(cls, seed: tuple[int, ...], camera: Camera, mood: Mood, people: int, posts: int, length: int, frame_rate: float) -> Scene:
        """Makes the scene of a seed: the same for the same arguments, always."""
        rng = np.random.default_rng(seed)
        margin = int(np.ceil(camera.pan + 2 * camera.sway)) + MARGIN
        canvas = replace(camera, width=camera.width + 2 * margin, height_px=camera.height_px + 2 * MARGIN, horizon=camera.horizon + MARGIN)
        street = paint(rng, canvas, mood, posts)
        blinds = [(prop.sprite.left + prop.sprite.bgra.shape[1] / 2, prop.z, prop.half) for prop in street.props if prop.half]
        walkers = plan(rng, canvas, people, length / frame_rate, street.crossing, ROAD, blinds)
        return cls(seed, camera, canvas, mood, street, list[Walker | Returning](walkers), frame_rate)

    def with_returning(self, seconds: float, away: float) -> Scene:
        """Returns the scene in which whoever has left the picture comes back after `away` seconds, if two seconds are left for it."""
        return replace(self, walkers=[self._returning(walker, seconds, away) for walker in self.walkers])

    def _returning(self, walker: Walker | Returning, seconds: float, away: float) -> Walker | Returning:
        seen = [time for time in np.arange(0, seconds, 0.1) if self._shows(walker.at(time), time)]
        gone = float(seen[-1]) + WALKED_OUT if seen else seconds
        return Returning(walker, gone, away) if isinstance(walker, Walker) and gone + away < seconds - 2 else walker

    def _shows(self, place: Place, seconds: float) -> bool:
        """Returns whether a place's column lies in the picture at a time."""
        if not NEAREST < place.z < FARTHEST:
            return False
        column = self.canvas.project(place.x, place.z)[0] - (self.canvas.width - self.camera.width) / 2 - self.camera.shift(seconds)[0]
        return 0 < column < self.camera.width


def render(scene: Scene, frame_id: int) -> tuple[npt.NDArray[np.uint8], list[Person]]:
    """Renders frame `frame_id` (from 1): returns the picture, uint8 (H, W, 3) BGR, and the people in it, by track_id."""
    seconds = (frame_id - 1) / scene.frame_rate
    margin = (scene.canvas.width - scene.camera.width) / 2
    pan_x, pan_y = scene.camera.shift(seconds)
    offset = (margin + pan_x, MARGIN + pan_y)
    figures = _figures(scene, seconds, offset)
    picture = scene.street.ground.copy()
    _cast_shadows(picture, scene, figures)
    owner = np.zeros(picture.shape[:2], np.int16)
    layers = [(prop.z, -1, prop.sprite) for prop in scene.street.props] + [(place.z, i, sprite) for i, place, sprite in figures]
    for _, index, sprite in sorted(layers, key=lambda layer: -layer[0]):
        _paste(picture, owner, sprite, index)
    image = _lens(scene, picture, offset, seconds, frame_id)
    return image, _people(scene, figures, owner, offset)


def _figures(scene: Scene, seconds: float, offset: tuple[float, float]) -> list[tuple[int, Place, Sprite]]:
    """Walkers in or near the picture: number from 1, place, sprite in canvas pixels."""
    found = []
    dx = scene.camera.shift(seconds + EXPOSURE)[0] - scene.camera.shift(seconds)[0]
    for index, walker in enumerate(scene.walkers, 1):
        place = walker.at(seconds)
        if not NEAREST < place.z < FARTHEST:
            continue
        column, row, scale = scene.canvas.project(place.x, place.z)
        if not -scale < column - offset[0] < scene.camera.width + scale:
            continue
        tilt = (scene.canvas.height - 0.9) / place.z
        light = 1 - 0.2 * float(np.clip((place.z - 21.0) / 1.2, 0, 1))
        sprite = draw_figure(
            walker.look, (column, row), scale, place.heading, tilt, place.walked, place.speed, light, scene.mood.sun * scene.mood.shadow
        )
        smear = abs(place.speed * np.cos(place.heading) * scale * EXPOSURE - dx)
        found.append((index, place, _smeared(sprite, smear)))
    return found


def _smeared(sprite: Sprite, pixels: float) -> Sprite:
    """Blurs by motion along the row."""
    if pixels < 0.3:
        return sprite
    side = min(0.5, pixels / 2)
    kernel = np.array([[side, 1.0, side]], np.float32) / (1 + 2 * side)
    return replace(sprite, bgra=np.asarray(cv2.filter2D(sprite.bgra, -1, kernel, borderType=cv2.BORDER_CONSTANT), np.uint8))


def _window(sprite: Sprite, shape: tuple[int, ...]) -> tuple[slice, slice, slice, slice]:
    """Returns rows and columns of the picture that `sprite` covers, and the same in the sprite."""
    height, width = sprite.bgra.shape[:2]
    y0, y1 = np.clip([sprite.top, sprite.top + height], 0, shape[0])
    x0, x1 = np.clip([sprite.left, sprite.left + width], 0, shape[1])
    return slice(y0, y1), slice(x0, x1), slice(y0 - sprite.top, y1 - sprite.top), slice(x0 - sprite.left, x1 - sprite.left)


def _paste(picture: npt.NDArray[np.float32], owner: npt.NDArray[np.int16], sprite: Sprite, index: int) -> None:
    rows, columns, own_rows, own_columns = _window(sprite, picture.shape)
    part = sprite.bgra[own_rows, own_columns]
    if part.size:
        alpha = np.ascontiguousarray(part[..., 3])
        through = cv2.multiply(picture[rows, columns], cv2.merge([255 - alpha] * 3), scale=1 / 255, dtype=cv2.CV_32F)
        picture[rows, columns] = cv2.add(through, np.ascontiguousarray(part[..., :3]), dtype=cv2.CV_32F)
        owner[rows, columns][alpha > 127] = index


def _cast_shadows(picture: npt.NDArray[np.float32], scene: Scene, figures: list[tuple[int, Place, Sprite]]) -> None:
    """Lays each silhouette on the ground, away from the sun and a little towards the camera."""
    shadow = np.zeros(picture.shape[:2], np.float32)
    horizon, camera_height = scene.canvas.horizon, scene.canvas.height
    things = [(place.z, sprite) for _, place, sprite in figures] + [(prop.z, prop.sprite) for prop in scene.street.props]
    for z, sprite in things:
        foot = horizon + scene.canvas.focal / z * camera_height - sprite.top  # the foot's row in the sprite
        lean, fall = -0.75 * scene.mood.sun, 0.35 * camera_height / z
        matrix = np.array([[1, -lean, sprite.left + lean * foot], [0, -fall, sprite.top + foot + fall * foot]], np.float32)
        corners = matrix @ np.array([[0, sprite.bgra.shape[1], 0, sprite.bgra.shape[1]], [0, 0, foot, foot], [1, 1, 1, 1]])
        x0, y0 = np.maximum(np.floor(corners.min(1)).astype(int), 0)
        x1, y1 = np.minimum(np.ceil(corners.max(1)).astype(int) + 1, [picture.shape[1], picture.shape[0]])
        if x1 - x0 < 1 or y1 - y0 < 1:
            continue
        matrix[:, 2] -= (x0, y0)
        laid = cv2.warpAffine(np.ascontiguousarray(sprite.bgra[..., 3]), matrix, (int(x1 - x0), int(y1 - y0)), flags=cv2.INTER_LINEAR)
        np.maximum(shadow[y0:y1, x0:x1], laid, out=shadow[y0:y1, x0:x1])
    soft = cv2.GaussianBlur(shadow, (0, 0), 1.2 + 2.5 * (1 - scene.mood.shadow))
    picture *= np.asarray(cv2.merge([1 - soft * np.float32(0.55 * scene.mood.shadow / 255)] * 3), np.float32)


def _lens(
    scene: Scene, picture: npt.NDArray[np.float32], offset: tuple[float, float], seconds: float, frame_id: int
) -> npt.NDArray[np.uint8]:
    """Returns the part in view, softened, graded, darkened in the corners, with shot noise."""
    width, height = scene.camera.width, scene.camera.height_px
    matrix = np.array([[1, 0, -offset[0]], [0, 1, -offset[1]]])
    view = cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_LINEAR)
    view = np.asarray(cv2.GaussianBlur(view, (3, 3), 0.5), np.float32)
    rows, columns = np.linspace(-1, 1, height, dtype=np.float32)[:, None], np.linspace(-1, 1, width, dtype=np.float32)[None]
    vignette = 1.04 - 0.12 * (rows**2 + columns**2)
    view *= np.asarray(cv2.merge([vignette * np.float32(tint) for tint in scene.mood.tint]), np.float32)
    rng = np.random.default_rng((*scene.seed, frame_id))
    grain = rng.integers(0, 256, view.shape, np.uint8).astype(np.float32) + rng.integers(0, 256, view.shape, np.uint8)  # triangular
    grain -= 255
    grain *= np.sqrt(np.maximum(view, 4)) * np.float32(scene.mood.noise / 104.5 / 128**0.5)  # 104.5: its deviation
    view += grain
    return np.asarray(cv2.convertScaleAbs(np.maximum(view, 0)), np.uint8)


def _people(
    scene: Scene, figures: list[tuple[int, Place, Sprite]], owner: npt.NDArray[np.int16], offset: tuple[float, float]
) -> list[Person]:
    """Returns those of whom at least a tenth of the box lies in the picture."""
    x0, y0 = round(offset[0]), round(offset[1])
    width, height = scene.camera.width, scene.camera.height_px
    seen = np.bincount(owner[y0 : y0 + height, x0 : x0 + width].ravel().clip(0), minlength=len(scene.walkers) + 1)
    people = []
    for index, _, sprite in figures:
        left, top, right, bottom = np.array(sprite.xyxy) - [*offset, *offset]
        inside = max(0.0, min(right, width) - max(left, 0)) * max(0.0, min(bottom, height) - max(top, 0))
        if inside >= 0.1 * (right - left) * (bottom - top):
            visibility = float(np.clip(seen[index] / max(sprite.area, 1.0), 0, 1))
            people.append(Person(index, (left, top, right - left, bottom - top), visibility))
    return people
