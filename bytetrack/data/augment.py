"""Training images: mosaic, mixup, random perspective, photometric distortion and flip, as pure functions of (seed, epoch, index).

Each source image is decoded at the smallest sufficient size (JPEG at 1/2, 1/4, 1/8) and warped to the output once; mosaic tiles outside
the output are never decoded. Boxes stay amodal: they may extend beyond the image, and only boxes completely outside are dropped;
`clip=True` (MOT20's recipe) cuts them at the border. Pixel (i, j) covers [i, i + 1] x [j, j + 1], for boxes and warps alike.

Sources: YOLOX (Ge et al., 2021) for mosaic and mixup, ByteTrack section 4.1 for amodal boxes, SSD (Liu et al., 2016) for the distortion.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from bytetrack import boxes as box_ops
from bytetrack.checks import check_choice, check_fields, check_not_negative, check_reals, check_whole
from bytetrack.data.image_set import ImageSet
from bytetrack.interfaces import Image
from bytetrack.structures import PAD

__all__ = ["Augmentation", "AugmentedImages", "Sample", "distort", "distort_float", "generator", "letterbox_matrix", "warp_boxes"]

Floats = npt.NDArray[np.float64]
Read = Callable[[str, int], Image]


class Sample(NamedTuple):
    """Describes one training image: image number `image` in `epoch`, `height` x `width` pixels, with or without mosaic and mixup."""

    epoch: int
    image: int
    height: int
    width: int
    mosaic: bool


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Configures augmentation; the defaults are the ByteTrack paper's recipe.

    Args:
        mosaic: Probability of a mosaic; other images are warped alone.
        mixup: Probability of mixup in a mosaic.
        degrees: Maximum rotation.
        translate: Maximum translation, as a fraction of the output's size.
        scale: Range of the scale.
        shear: Maximum shear in degrees.
        perspective: Maximum perspective distortion.
        mixup_scale: Range of the scale of mixup's second image (0.5 to 1.5 in the published runs, which never read their setting).
        mixup_pad: Grey level outside the second image.
        mixup_empty: Uses the second image even if it has no boxes left.
        distort: Strength of the photometric distortion; 0: off.
        distort_as: `uint8`, or `float32` as in the published code: see `distort_float`.
        flip: Probability of a horizontal flip.
        clip: Cuts boxes at the border.
        min_side: Drops boxes with a smaller side, in pixels.
        mosaic_min_side: The same in mosaics.
        mixup_min_side: The same in mixup's second image.
        max_aspect: Drops boxes with a larger ratio of sides.
        min_visible: Drops boxes with a smaller visible share of their area.
    """

    mosaic: float = 1.0
    mixup: float = 1.0
    degrees: float = 10.0
    translate: float = 0.1
    scale: tuple[float, float] = (0.1, 2.0)
    shear: float = 2.0
    perspective: float = 0.0
    mixup_scale: tuple[float, float] = (0.8, 1.6)
    mixup_pad: int = PAD
    mixup_empty: bool = True
    distort: float = 1.0
    distort_as: str = "uint8"
    flip: float = 0.5
    clip: bool = False
    min_side: float = 1.0
    mosaic_min_side: float | None = None
    mixup_min_side: float | None = None
    max_aspect: float | None = None
    min_visible: float = 0.0

    def __post_init__(self) -> None:
        check_fields(self)
        check_reals(0, 1, **{name: getattr(self, name) for name in ("mosaic", "mixup", "flip", "min_visible", "distort")})
        for name in ("scale", "mixup_scale"):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise ValueError(f"{name} must be a range of positive numbers, lower first: got {(low, high)}")
        sizes = ("degrees", "translate", "shear", "perspective", "min_side", "mosaic_min_side", "mixup_min_side")
        check_not_negative(**{name: getattr(self, name) or 0 for name in sizes})
        check_whole("mixup_pad", self.mixup_pad, 0, 255)
        check_choice("distort_as", self.distort_as, ("uint8", "float32"))
        if self.max_aspect is not None and self.max_aspect < 1:
            raise ValueError(f"max_aspect must be at least 1, or null for any: got {self.max_aspect}")


def generator(*key: int) -> np.random.Generator:
    """Returns a random generator that depends on `key` only."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(key)))


class AugmentedImages:
    """Creates images and targets of `images` on demand: `self[Sample(...)]` always returns the same arrays.

    `read(path, reduce)` returns the BGR image at 1/`reduce` of its size; `cached(index)`, if given, a smaller stored copy instead. With
    `crowd`, crowd boxes are targets of class -1; otherwise they are dropped. `shares` are the probabilities with which images are sampled
    as additional ones; None: uniform.
    """

    def __init__(
        self,
        images: ImageSet,
        read: Read,
        augmentation: Augmentation | None = None,
        seed: int = 0,
        cached: Callable[[int], Image] | None = None,
        crowd: bool = False,
        shares: Floats | None = None,
    ) -> None:
        if not len(images):
            raise ValueError("training needs at least one image, the dataset has none")
        self.images = images
        self.read = read
        self.augmentation = augmentation or Augmentation()
        self.seed = seed
        self.cached = cached
        self.crowd = crowd
        self.shares = shares

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def _with_boxes(self) -> npt.NDArray[np.int64]:
        owner = np.repeat(np.arange(len(self.images)), np.diff(self.images.offsets))
        return np.unique(owner[~self.images.crowd])

    @cached_property
    def _shares_with_boxes(self) -> Floats | None:
        if self.shares is None:
            return None
        chosen = self.shares[self._with_boxes]
        return np.asarray(chosen / chosen.sum(), dtype=np.float64)

    def __getitem__(self, sample: Sample) -> tuple[Image, npt.NDArray[np.float32]]:
        """Makes the image, uint8 (height, width, 3) BGR, and its targets, float32 (n, 5): class, centre x, centre y, width, height."""
        epoch, index, height, width, mosaic = sample
        rng = generator(self.seed, epoch, index)
        settings = self.augmentation
        mirror = flip_matrix(width) if rng.random() < settings.flip else np.eye(3)
        if mosaic:
            warp = mirror @ view_matrix(settings, height, width, rng)
            if rng.random() < settings.mosaic:
                image, targets = self._mosaic(index, warp, height, width, rng)
            else:
                image, targets = self._single(index, warp, height, width)
            if len(targets) and rng.random() < settings.mixup:
                second, more = self._second(mirror, height, width, rng)
                if len(more) or settings.mixup_empty:
                    cv2.addWeighted(image, 0.5, second, 0.5, 0, dst=image)
                    targets = np.concatenate([targets, more])
        else:
            image, targets = self._single(index, mirror, height, width)
        if settings.distort:
            (distort if settings.distort_as == "uint8" else distort_float)(image, rng, settings.distort)
        return image, as_targets(targets)

    def _single(self, index: int, warp: Floats, height: int, width: int) -> tuple[Image, Floats]:
        """Makes the image alone, letterboxed, then moved by `warp`."""
        image = blank(height, width)
        size = (int(self.images.width[index]), int(self.images.height[index]))
        return image, self._place(image, index, warp @ letterbox_matrix(*size, height, width))

    def _mosaic(self, index: int, warp: Floats, height: int, width: int, rng: np.random.Generator) -> tuple[Image, Floats]:
        """Lays four images around a random point of a canvas of twice the size, of which `warp` shows the middle part."""
        image = blank(height, width)
        x, y = width * rng.uniform(0.5, 1.5), height * rng.uniform(0.5, 1.5)
        others = rng.integers(len(self.images), size=3) if self.shares is None else rng.choice(len(self.images), 3, p=self.shares)
        chosen = [index, *others.tolist()]
        warp = warp @ translation(-width / 2, -height / 2)
        targets = []
        for tile, source in enumerate(chosen):
            w, h = int(self.images.width[source]), int(self.images.height[source])
            fit = letterbox_matrix(w, h, height, width)
            left = x - w * fit[0, 0] if tile in (0, 2) else x
            top = y - h * fit[1, 1] if tile in (0, 1) else y
            canvas = translation(left, top) @ fit
            shown = warp_boxes(np.array([[0.0, 0.0, 2 * width, 2 * height]]), inverse(canvas))[0]
            targets.append(self._place(image, source, warp @ canvas, self.augmentation.mosaic_min_side, box_ops.clip(shown, w, h)))
        return image, np.concatenate(targets)

    def _second(self, mirror: Floats, height: int, width: int, rng: np.random.Generator) -> tuple[Image, Floats]:
        """Makes the image that mixup lays over: an image with boxes, letterboxed, scaled, perhaps flipped, cut out at random."""
        index = int(rng.choice(self._with_boxes, p=self._shares_with_boxes))
        scale = rng.uniform(*self.augmentation.mixup_scale)
        turn = flip_matrix(width * scale) if rng.random() < 0.5 else np.eye(3)
        move = translation(-rng.random() * max(width * (scale - 1), 0), -rng.random() * max(height * (scale - 1), 0))
        fit = letterbox_matrix(int(self.images.width[index]), int(self.images.height[index]), height, width)
        image = blank(height, width, self.augmentation.mixup_pad)
        return image, self._place(image, index, mirror @ move @ turn @ scaling(scale, scale) @ fit, self.augmentation.mixup_min_side)

    def _place(self, image: Image, index: int, matrix: Floats, min_side: float | None = None, shown: Floats | None = None) -> Floats:
        """Draws source `index`, as far as it lies in the box `shown`, into `image`; its boxes there, (n, 5) with the class last."""
        width, height = int(self.images.width[index]), int(self.images.height[index])
        part = np.array([0.0, 0.0, width, height]) if shown is None else shown
        if part[2] - part[0] < 1 or part[3] - part[1] < 1:
            return np.empty((0, 5))
        area = target_area(part, matrix, image.shape)
        if area is None:
            return np.empty((0, 5))
        source, to_source = self._load(index, matrix)
        place = matrix @ inverse(to_source)
        if matrix[0, 1] == matrix[1, 0] == 0 and (matrix[2, :2] == 0).all():
            matrix = paste(image, area, source, place) @ to_source
        else:
            draw(image, area, source, place, warp_boxes(part[None], to_source)[0])
        rows = np.arange(self.images.offsets[index], self.images.offsets[index + 1])
        rows = rows if self.crowd else rows[~self.images.crowd[rows]]
        least = self.augmentation.min_side if min_side is None else min_side
        moved, kept = move_boxes(self.images.xyxy[rows], matrix, part, image.shape, self.augmentation, least)
        return np.column_stack([moved[kept], np.where(self.images.crowd[rows[kept]], -1, self.images.category[rows[kept]])])

    def _load(self, index: int, matrix: Floats) -> tuple[Image, Floats]:
        """Loads source `index` at the smallest stored or decodable size that `matrix` does not enlarge, and the matrix to that size."""
        width, height = int(self.images.width[index]), int(self.images.height[index])
        scale = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
        if self.cached is not None:
            image = self.cached(index)
            reduce = reduction(scale * width / image.shape[1])
            if reduce > 1:
                image = shrink(image, reduce)
        else:
            image = self.read(str(self.images.root / self.images.files[index]), reduction(scale))
        return image, scaling(image.shape[1] / width, image.shape[0] / height)


def blank(height: int, width: int, grey: int = PAD) -> Image:
    """Makes a grey image."""
    return np.full((height, width, 3), grey, np.uint8)


def reduction(scale: float) -> int:
    """Returns the reduction allowed for an image drawn at `scale`: the largest of 1, 2, 4, 8 that leaves nothing to enlarge."""
    return next((reduce for reduce in (8, 4, 2) if scale * reduce <= 1), 1)


def shrink(image: Image, reduce: int) -> Image:
    """Reduces the image to 1/`reduce` of its size, rounded up, by area averages."""
    size = (-(-image.shape[1] // reduce), -(-image.shape[0] // reduce))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def scaling(x: float, y: float) -> Floats:
    return np.diag([x, y, 1.0])


def inverse(matrix: Floats) -> Floats:
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)


def translation(x: float, y: float) -> Floats:
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def flip_matrix(width: float) -> Floats:
    """Exchanges left and right in an image of `width`."""
    return np.array([[-1.0, 0.0, width], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])


def letterbox_matrix(width: int, height: int, to_height: int, to_width: int) -> Floats:
    """Returns the matrix that puts a `width` x `height` image top left into `to_height` x `to_width`, as large as fits."""
    scale = box_ops.letterbox_ratio((height, width), (to_height, to_width))
    return scaling(scale, scale)


def view_matrix(settings: Augmentation, height: int, width: int, rng: np.random.Generator) -> Floats:
    """Draws a random view (3, 3) of `height` x `width` pixels: scaled, rotated and sheared about its centre, and moved."""
    tilt = np.eye(3)
    tilt[2, :2] = rng.uniform(-settings.perspective, settings.perspective, 2)
    angle = np.deg2rad(rng.uniform(-settings.degrees, settings.degrees))
    scale = rng.uniform(*settings.scale)
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    turn = np.array([[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]])
    skew = np.eye(3)
    skew[0, 1], skew[1, 0] = np.tan(np.deg2rad(rng.uniform(-settings.shear, settings.shear, 2)))
    x, y = rng.uniform(0.5 - settings.translate, 0.5 + settings.translate, 2)
    view: Floats = translation(x * width, y * height) @ skew @ turn @ tilt @ translation(-width / 2, -height / 2)
    return view


def warp_boxes(xyxy: Floats, matrix: Floats) -> Floats:
    """Returns the upright boxes (n, 4) around the corners of `xyxy` (n, 4) mapped by `matrix` (3, 3)."""
    corners = xyxy[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)
    mapped = corners @ matrix[:2, :2].T + matrix[:2, 2]
    mapped = mapped / (corners @ matrix[2, :2] + matrix[2, 2])[..., None]
    return np.concatenate([mapped.min(axis=1), mapped.max(axis=1)], axis=1)


def target_area(part: Floats, matrix: Floats, shape: Sequence[int]) -> tuple[int, int, int, int] | None:
    """Returns left, top, right, bottom of the output pixels that box `part` of the source can reach; None if there are none."""
    left, top, right, bottom = warp_boxes(part[None], matrix)[0]
    area = (max(int(left), 0), max(int(top), 0), min(int(np.ceil(right)), shape[1]), min(int(np.ceil(bottom)), shape[0]))
    return area if area[0] < area[2] and area[1] < area[3] else None


def draw(image: Image, area: tuple[int, int, int, int], source: Image, matrix: Floats, part: Floats) -> None:
    """Warps the box `part` of `source` into the `area` of `image`, leaving the other pixels as they are."""
    x0, y0 = max(int(part[0]), 0), max(int(part[1]), 0)
    x1, y1 = min(int(np.ceil(part[2])), source.shape[1]), min(int(np.ceil(part[3])), source.shape[0])
    left, top, right, bottom = area
    # Boxes count from the corner of the first pixel, OpenCV from its centre.
    warp = translation(-left - 0.5, -top - 0.5) @ matrix @ translation(x0 + 0.5, y0 + 0.5)
    view, cut, size = image[top:bottom, left:right], source[y0:y1, x0:x1], (right - left, bottom - top)
    flat = bool((warp[2, :2] == 0).all())
    (cv2.warpAffine if flat else cv2.warpPerspective)(
        cut, warp[:2] if flat else warp, size, dst=view, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT
    )


def paste(image: Image, area: tuple[int, int, int, int], source: Image, matrix: Floats) -> Floats:
    """Draws as `draw` does, by a `matrix` that only scales, mirrors and moves, in a quarter of the time.

    The piece of `source` that lands in `area` is resized, from whole pixels to whole pixels. Returns the matrix by which it landed, which
    differs by less than a pixel.
    """
    left, top, right, bottom = area
    seen = box_ops.clip(warp_boxes(np.array([area], np.float64), inverse(matrix)), source.shape[1], source.shape[0])[0]
    x0, y0 = (min(int(np.floor(seen[axis] + 1e-6)), source.shape[1 - axis] - 1) for axis in (0, 1))
    x1, y1 = max(int(np.ceil(seen[2] - 1e-6)), x0 + 1), max(int(np.ceil(seen[3] - 1e-6)), y0 + 1)
    to_x0, to_y0, to_x1, to_y1 = (round(value) for value in warp_boxes(np.array([[x0, y0, x1, y1]], np.float64), matrix)[0].tolist())
    to_x1, to_y1 = max(to_x1, to_x0 + 1), max(to_y1, to_y0 + 1)
    x, y = (to_x1 - to_x0) / (x1 - x0), (to_y1 - to_y0) / (y1 - y0)
    resized = np.asarray(cv2.resize(source[y0:y1, x0:x1], (to_x1 - to_x0, to_y1 - to_y0), interpolation=cv2.INTER_LINEAR), np.uint8)
    exact = translation(to_x0, to_y0) @ scaling(x, y) @ translation(-x0, -y0)
    if matrix[0, 0] < 0:
        resized, exact = np.asarray(cv2.flip(resized, 1), np.uint8), translation(to_x0 + to_x1, 0) @ scaling(-1, 1) @ exact
    left, top, right, bottom = max(left, to_x0), max(top, to_y0), min(right, to_x1), min(bottom, to_y1)
    image[top:bottom, left:right] = resized[top - to_y0 : bottom - to_y0, left - to_x0 : right - to_x0]
    return exact


def move_boxes(
    xyxy: Floats, matrix: Floats, part: Floats, shape: Sequence[int], settings: Augmentation, min_side: float
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Moves boxes of the source to the output, and tells which of them to keep; `part` is the piece of the source that was drawn."""
    shown = box_ops.clip(xyxy - part[[0, 1, 0, 1]], part[2] - part[0], part[3] - part[1]) + part[[0, 1, 0, 1]]
    moved = warp_boxes(shown if settings.clip else xyxy, matrix)
    inside = box_ops.clip(moved, shape[1], shape[0])
    in_part = box_ops.area(shown) / box_ops.area(xyxy)
    visible = in_part * box_ops.area(inside) / np.maximum(box_ops.area(moved), 1e-9)
    result = inside if settings.clip else moved
    sides = result[:, 2:] - result[:, :2]
    shortest, longest = sides.min(axis=1, initial=np.inf), sides.max(axis=1, initial=0)
    kept = (visible > 0) & (visible >= settings.min_visible) & (shortest >= min_side)
    return result, kept if settings.max_aspect is None else kept & (longest < settings.max_aspect * shortest)


def as_targets(rows: Floats) -> npt.NDArray[np.float32]:
    """Converts rows (n, 5) of xyxy and class to class, centre and size in float32."""
    return np.column_stack([rows[:, 4], box_ops.xywh_from_xyxy(rows[:, :4])]).astype(np.float32)


def distort(image: Image, rng: np.random.Generator, strength: float = 1.0) -> None:
    """Changes brightness (up to 32), contrast and saturation (by half) and hue (up to 18 of 180), each with probability 1/2, in place.

    `strength` in [0, 1] scales the ranges.
    """
    chosen = rng.random(4) < 0.5
    shift, contrast, hue, saturation = rng.uniform(-strength, strength, 4) * [32, 0.5, 18, 0.5]
    levels = np.arange(256, dtype=np.float64)
    if chosen[:2].any():
        table = (levels + shift).clip(0, 255) if chosen[0] else levels
        table = (table * (1 + contrast)).clip(0, 255) if chosen[1] else table
        cv2.LUT(image, table.round().astype(np.uint8), dst=image)
    if chosen[2:].any():
        tables = np.stack([levels, levels, levels], axis=1)
        if chosen[2]:
            tables[:180, 0] = (levels[:180] + round(hue)) % 180
        if chosen[3]:
            tables[:, 1] = (levels * (1 + saturation)).clip(0, 255).round()
        hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)
        cv2.LUT(hsv, tables.astype(np.uint8)[None], dst=hsv)
        cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR, dst=image)


def distort_float(image: Image, rng: np.random.Generator, strength: float = 1.0) -> None:
    """Distorts as `distort` does, as the published code reckons it once mixup has made the image float32, in place, rounded at the end.

    OpenCV's hue is then 0 … 360 and taken modulo 180 all the same, so that hues fold over, and its saturation 0 … 1, which nothing
    bounds; neither is what was meant.
    """
    chosen = rng.random(4) < 0.5
    shift, contrast, hue, saturation = rng.uniform(-strength, strength, 4) * [32, 0.5, 18, 0.5]
    pixels = image.astype(np.float32)
    if chosen[0]:
        pixels = (pixels + np.float32(shift)).clip(0, 255)
    if chosen[1]:
        pixels = (pixels * np.float32(1 + contrast)).clip(0, 255)
    hsv = cv2.cvtColor(pixels, cv2.COLOR_BGR2HSV)
    if chosen[2]:
        hsv[..., 0] = (hsv[..., 0].astype(np.int32) + round(hue)) % 180
    if chosen[3]:
        hsv[..., 1] = (hsv[..., 1] * np.float32(1 + saturation)).clip(0, 255)
    image[:] = cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR).round().clip(0, 255)
