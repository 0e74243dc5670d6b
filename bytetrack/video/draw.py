"""Drawing on frames: boxes, trails, legends, blur, heat. Every function returns a new image, or draws into `out` when given one.

Images are uint8 (H, W, 3) BGR; boxes xyxy in pixels; line widths and letters scale with the image. Pass `out=image` to draw in place.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from bytetrack.boxes import feet
from bytetrack.structures import FILLED
from bytetrack.video.read import Image

__all__ = [
    "FILLED_MARK",
    "LOW_SCORE_MARK",
    "Trails",
    "blur_boxes",
    "colour_of",
    "draw_boxes",
    "draw_chip",
    "draw_heat",
    "draw_legend",
    "draw_trails",
    "filled_and_low",
    "scale_of",
]

Colour = tuple[int, int, int]
Place = tuple[int, int, int, int]  # left, top, right, bottom
Boxes = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
GOLDEN = (math.sqrt(5) - 1) / 2
SOLID, DASHED, DOTTED, THIN = "solid", "dashed", "dotted", "thin"
LOW_SCORE_MARK = "dashed: kept by a low-score box"
FILLED_MARK = "thin: no detection, predicted or filled in"


@lru_cache(maxsize=4096)
def colour_of(track_id: int) -> Colour:
    """Returns the identity's BGR colour: hues a golden angle apart in OKLCH, three lightnesses in turn, so that near ids look far apart."""
    hue = 2 * math.pi * ((track_id * GOLDEN + 0.08) % 1)
    lightness = (0.72, 0.6, 0.83)[track_id % 3]
    chroma = 0.19
    while True:  # the strongest chroma that a screen can show at this hue
        rgb = _rgb_from_oklch(lightness, chroma, hue)
        if chroma < 0.02 or (min(rgb) >= 0 and max(rgb) <= 1):
            red, green, blue = (round(255 * min(max(c, 0.0), 1.0)) for c in rgb)
            return blue, green, red
        chroma -= 0.005


def _rgb_from_oklch(lightness: float, chroma: float, hue: float) -> tuple[float, float, float]:
    """Converts Björn Ottosson's OKLCH to gamma-coded sRGB, outside [0, 1] where the screen cannot show it."""
    a, b = chroma * math.cos(hue), chroma * math.sin(hue)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    red, green, blue = (12.92 * c if c <= 0.0031308 else 1.055 * c ** (1 / 2.4) - 0.055 for c in linear)
    return red, green, blue


def _canvas(image: Image, out: Image | None) -> Image:
    if out is None:
        return image.copy()
    if out is not image:
        np.copyto(out, image)
    return out


def scale_of(image: Image) -> float:
    """Returns the factor of line widths and letters: 1 for a 1080p frame."""
    return max(0.42, math.sqrt(image.shape[0] * image.shape[1]) / 1440)


def filled_and_low(score: npt.NDArray[np.float64], high_score: float) -> tuple[Mask, Mask]:
    """Returns which boxes of these scores (n,) no detection is behind, and which a detection with a low score kept alive."""
    filled = score == FILLED
    return filled, (score < high_score) & ~filled


def draw_boxes(
    image: Image,
    xyxy: npt.ArrayLike,
    track_id: npt.ArrayLike,
    labels: Sequence[str] | None = None,
    recovered: npt.ArrayLike | None = None,
    lost: npt.ArrayLike | None = None,
    size: float = 1.0,
    out: Image | None = None,
    thin: npt.ArrayLike | None = None,
) -> Image:
    """Draws boxes (n, 4) in their identities' colours, each with a chip that says its `labels` (default: the id).

    `recovered` (n,) bool: boxes that a low-score detection kept alive are dashed, and their chips are hollow. `lost` (n,) bool: boxes
    that are only predicted are dotted, thin and without a chip. `thin` (n,) bool: boxes without a detection in this frame, predicted or
    filled in, have lines as thin as they get. Boxes may lie beyond the image. `size` enlarges lines and letters.
    """
    canvas, unit = _canvas(image, out), scale_of(image) * size
    boxes = np.asarray(xyxy, dtype=np.float64).reshape(-1, 4)
    ids = [int(i) for i in np.asarray(track_id).reshape(-1)]
    weak, gone, slim = (_mask(values, len(boxes)) for values in (recovered, lost, thin))
    names = [str(i) for i in ids] if labels is None else labels
    if not len(boxes) == len(ids) == len(names):
        raise ValueError(f"boxes, ids and labels must be as many: got {len(boxes)}, {len(ids)}, {len(names)}")
    width = max(1 if min(canvas.shape[:2]) < 240 else 2, round(2.6 * unit))
    corners = np.clip(boxes, -1e4, 1e5).round().astype(int).tolist()
    order = np.argsort(boxes[:, 3], kind="stable")  # the nearest last, over the others
    for row in order.tolist():
        colour = colour_of(ids[row])
        style = DOTTED if gone[row] else DASHED if weak[row] else THIN if slim[row] else SOLID
        _outline(canvas, corners[row], colour, 1 if slim[row] else max(1, width - 1) if gone[row] else width, style, unit)
    for row in order.tolist():
        if not gone[row]:
            draw_chip(canvas, names[row], corners[row][0], corners[row][1], colour_of(ids[row]), unit, hollow=bool(weak[row]))
    return canvas


def _mask(values: npt.ArrayLike | None, n: int) -> Mask:
    mask = np.zeros(n, dtype=bool) if values is None else np.asarray(values, dtype=bool).reshape(-1)
    if len(mask) != n:
        raise ValueError(f"a mask must have one value a box, {n}: got {len(mask)}")
    return mask


def _outline(canvas: Image, box: list[int], colour: Colour, width: int, style: str, unit: float) -> None:
    x0, y0, x1, y1 = box
    dark = (int(colour[0] * 0.25), int(colour[1] * 0.25), int(colour[2] * 0.25))
    if style == SOLID:
        cv2.rectangle(canvas, (x0 - 1, y0 - 1), (x1 + 1, y1 + 1), dark, width, cv2.LINE_8)  # an edge that shows on any ground
        cv2.rectangle(canvas, (x0, y0), (x1, y1), colour, width, cv2.LINE_8)
        return
    if style == THIN:
        cv2.rectangle(canvas, (x0, y0), (x1, y1), colour, 1, cv2.LINE_8)
        return
    on = max(4, round(11 * unit)) if style == DASHED else max(2, round(4 * unit))
    dashes = _dashes(x0, y0, x1, y1, on, on + width if style == DASHED else 4 * on)
    width = max(2, width)
    if dashes and style == DASHED:
        cv2.polylines(canvas, [line + 1 for line in dashes], False, dark, width, cv2.LINE_8)
    if dashes:
        cv2.polylines(canvas, dashes, False, colour, width, cv2.LINE_8)


def _dashes(x0: int, y0: int, x1: int, y1: int, on: int, off: int) -> list[npt.NDArray[np.int32]]:
    """Draws the rectangle's outline as short lines, the gaps spread evenly so that every side starts and ends with a dash."""
    lines = []
    for start, end, horizontal in ((x0, x1, True), (y0, y1, False)):
        length = max(end - start, 0)
        count = max(1, round((length + off) / (on + off)))
        step = (length - on) / max(count - 1, 1)
        for k in range(count):
            a = start + round(k * step)
            b = min(a + on, end)
            lines += [[(a, y), (b, y)] for y in (y0, y1)] if horizontal else [[(x, a), (x, b)] for x in (x0, x1)]
    return list(np.array(lines, dtype=np.int32))


def draw_chip(
    canvas: Image, text: str, left: int, top: int, colour: Colour, unit: float, hollow: bool = False, taken: list[Place] | None = None
) -> None:
    """Draws `text` on a chip of `colour` above the point, inside the image and below the chips in `taken`, which it joins; in place."""
    if not text:
        return
    chip = _chip(text, max(9, round(19 * unit)), max(2, round(4 * unit)), colour, hollow)
    height, width = chip.shape[:2]
    x, y = min(max(left - 1, 0), canvas.shape[1] - width), min(max(top - height, 0), canvas.shape[0] - height)
    while below := [b for x0, y0, x1, b in taken or [] if x0 < x + width and x < x1 and y0 < y + height and y < b]:
        y = max(below)
    if x >= 0 and 0 <= y <= canvas.shape[0] - height:  # else there is no room for it
        canvas[y : y + height, x : x + width] = chip
        if taken is not None:
            taken.append((x, y, x + width, y + height))


@lru_cache(maxsize=1024)
def _chip(text: str, letter: int, pad: int, colour: Colour, hollow: bool) -> Image:
    letters = _text(text, letter)
    bright = 0.114 * colour[0] + 0.587 * colour[1] + 0.299 * colour[2] > 130
    pale = colour if bright else (128 + colour[0] // 2, 128 + colour[1] // 2, 128 + colour[2] // 2)
    paper, ink = ((28, 28, 28), pale) if hollow else (colour, (16, 16, 16) if bright else (255, 255, 255))
    chip = np.full((letters.shape[0] + pad, letters.shape[1] + 2 * pad, 3), paper, np.uint8)
    if hollow:
        cv2.rectangle(chip, (0, 0), (chip.shape[1] - 1, chip.shape[0] - 1), colour, 1)
    _ink(chip, letters, pad, pad // 2, ink)
    return chip


def _ink(canvas: Image, letters: npt.NDArray[np.uint8], x: int, y: int, colour: Colour) -> None:
    part = canvas[y : y + letters.shape[0], x : x + letters.shape[1]]
    alpha = letters[: part.shape[0], : part.shape[1], None].astype(np.uint16)
    part[:] = ((255 - alpha) * part + alpha * np.array(colour, np.uint16) + 127) // 255


@lru_cache(maxsize=2048)
def _text(text: str, height: int) -> npt.NDArray[np.uint8]:
    """Returns the ink of each pixel, (h, w), letters about `height` pixels tall: OpenCV 5's own sans serif, before that its strokes."""
    large = 1 if hasattr(cv2, "FontFace") else 4
    shape, origin = (2 * height * large, height * large * (len(text) + 2)), (height * large // 2, round(1.4 * height * large))
    if hasattr(cv2, "FontFace"):
        colour = np.zeros((*shape, 3), np.uint8)
        cv2.putText(colour, text, origin, (255, 255, 255), cv2.FontFace("sans"), height, weight=600)
        page = colour[..., 0]
    else:
        strokes = np.zeros(shape, np.uint8)
        size, width = height * large / 30, max(1, round(height * large / 9))
        cv2.putText(strokes, text, origin, cv2.FONT_HERSHEY_SIMPLEX, size, 255, width, cv2.LINE_AA)
        page = np.asarray(cv2.resize(strokes, (shape[1] // large, shape[0] // large), interpolation=cv2.INTER_AREA), np.uint8)
    base = round(1.4 * height)
    columns = np.flatnonzero(page.any(0))
    first, last = (columns[0], columns[-1] + 1) if len(columns) else (0, 1)
    return np.ascontiguousarray(page[base - round(0.78 * height) : base + round(0.2 * height), first:last])


class Trails:
    """The places of each identity in its last `length` frames: update it every frame, then draw what it contains."""

    def __init__(self, length: int = 25) -> None:
        if length < 1:
            raise ValueError(f"a trail needs a length of at least 1 frame: got {length}")
        self.length = length
        self.frame = 0
        self._points: dict[int, Boxes] = {}  # frame, column, row

    def update(self, xyxy: npt.ArrayLike, track_id: npt.ArrayLike) -> dict[int, Boxes]:
        """Adds a frame's boxes; returns each identity's feet of the last `length` frames, oldest first, as (n, 2) columns and rows."""
        self.frame += 1
        boxes = np.asarray(xyxy, float).reshape(-1, 4)
        points = np.column_stack([np.full(len(boxes), self.frame), feet(boxes)])
        for foot, i in zip(points[:, None], np.asarray(track_id).reshape(-1).tolist(), strict=True):
            self._points[i] = np.concatenate([self._points[i], foot]) if i in self._points else foot
        oldest = self.frame - self.length
        kept = {i: points if points[0, 0] > oldest else points[points[:, 0] > oldest] for i, points in self._points.items()}
        self._points = {i: points for i, points in kept.items() if len(points)}
        return {i: points[:, 1:] for i, points in self._points.items()}


def draw_trails(image: Image, trails: Mapping[int, npt.ArrayLike], out: Image | None = None) -> Image:
    """Draws a line along each identity's past points (n, 2), thinner and fainter the older."""
    canvas, unit = _canvas(image, out), scale_of(image)
    for track_id, points in trails.items():
        path = np.clip(_smoothed(np.asarray(points, float).reshape(-1, 2)) * 8, -1e6, 1e6).round().astype(np.int32)
        colour = colour_of(int(track_id))
        thirds = [round(k * len(path) / 3) for k in range(4)]
        for third, factor in enumerate((0.45, 0.7, 1.0)):
            part = path[max(thirds[third] - 1, 0) : thirds[third + 1]]
            if len(part) > 1:
                tone = [int(c * factor) for c in colour]
                cv2.polylines(canvas, [part], False, tone, max(1, round((1 + third) * unit)), cv2.LINE_AA, 3)
    return canvas


def _smoothed(points: Boxes, reach: int = 4) -> Boxes:
    """Replaces each point by the mean of its neighbours up to `reach` away, fewer at the ends: steps of walking people even out."""
    sums = np.concatenate([np.zeros((1, 2)), np.cumsum(points, axis=0)])
    index = np.arange(len(points))
    side = np.minimum(np.minimum(index, len(points) - 1 - index), reach)
    return np.asarray((sums[index + side + 1] - sums[index - side]) / (2 * side + 1)[:, None])


def draw_legend(image: Image, lines: Sequence[str], marks: Sequence[str] = (), size: float = 1.0, out: Image | None = None) -> Image:
    """Draws a dark panel in the upper left corner: `lines` of text, then `marks`, each with its meaning.

    Marks are 'solid', 'dashed', 'dotted' or 'thin'. A mark is written 'dashed: kept by a low-score box'. ValueError for another
    style. `size` enlarges it.
    """
    canvas, unit = _canvas(image, out), scale_of(image) * size
    letters, pad = max(10, round(20 * unit)), max(4, round(10 * unit))
    styled = [mark.partition(": ")[::2] for mark in marks]
    for style, _ in styled:
        if style not in (SOLID, DASHED, DOTTED, THIN):
            raise ValueError(f"a legend's mark starts with 'solid: ', 'dashed: ', 'dotted: ' or 'thin: ': got {style!r}")
    rows = [_text(line, letters) for line in lines] + [_text(meaning, letters) for _, meaning in styled]
    if not rows:
        return canvas
    swatch, step = round(2.4 * letters), round(1.35 * letters)
    indents = [0] * len(lines) + [swatch + pad] * len(marks)
    width = min(max(row.shape[1] + indent for row, indent in zip(rows, indents, strict=True)) + 2 * pad, canvas.shape[1])
    panel = canvas[: min(step * len(rows) + pad, canvas.shape[0]), :width]
    panel[:] = (panel * 0.32).astype(np.uint8)
    for number, (row, indent) in enumerate(zip(rows, indents, strict=True)):
        y = pad // 2 + number * step + (step - letters) // 2
        if y + row.shape[0] > canvas.shape[0]:
            break
        _ink(panel, row, pad + indent, y, (240, 240, 240))
        if indent:
            middle = y + row.shape[0] // 2  # a line: a box so small would show its corners only, dashed or dotted
            _outline(
                canvas,
                [pad, middle, pad + swatch, middle],
                (230, 230, 230),
                max(1, round(2 * unit)),
                styled[number - len(lines)][0],
                0.7 * unit,
            )
    return canvas


def blur_boxes(image: Image, xyxy: npt.ArrayLike, head_only: bool = False, out: Image | None = None, around: float = 0.0) -> Image:
    """Makes people unrecognisable: coarse squares over each box, or over its upper fifth when `head_only`.

    And a tenth of the box's sides around it: a detector's box may end below the hair. `around` is how many widths of the box are blurred
    around that, on all sides.
    """
    canvas = _canvas(image, out)
    boxes = np.asarray(xyxy, float).reshape(-1, 4).copy()
    size = boxes[:, 2:] - boxes[:, :2]
    boxes += np.hstack([-0.1 * size, 0.1 * size])
    if head_only:
        boxes[:, 3] = boxes[:, 1] + 0.25 * (boxes[:, 3] - boxes[:, 1])  # a fifth of the box, and what is above it
    boxes += around * size[:, :1] * np.array([-1, -1, 1, 1])
    low, high = np.floor(boxes[:, :2]).clip(0), np.ceil(boxes[:, 2:]).clip(0)
    for (x0, y0), (x1, y1) in zip(low.astype(int).tolist(), high.astype(int).tolist(), strict=True):
        part = canvas[y0:y1, x0:x1]
        if part.size:
            cell = max(4, (x1 - x0) // 4)
            small = cv2.resize(part, (max(1, part.shape[1] // cell), max(1, part.shape[0] // cell)), interpolation=cv2.INTER_AREA)
            part[:] = cv2.resize(small, (part.shape[1], part.shape[0]), interpolation=cv2.INTER_LINEAR)
    return canvas


def draw_heat(image: Image, heat: npt.ArrayLike, strength: float = 0.6, out: Image | None = None) -> Image:
    """Lays `heat` (h, w), not negative and of any size, over the image: transparent where 0, `strength` opaque where greatest."""
    canvas = _canvas(image, out)
    values = np.asarray(heat, np.float32)
    if values.ndim != 2 or values.size == 0 or not (values >= 0).all():
        raise ValueError(f"heat must have shape (h, w) and no negative values: got shape {values.shape}")
    share = cv2.resize(values / max(float(values.max()), 1e-9), canvas.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    colours = cv2.applyColorMap(np.round(255 * share).astype(np.uint8), cv2.COLORMAP_INFERNO)
    alpha = np.asarray(strength * np.sqrt(share), np.float32)
    cv2.blendLinear(canvas, colours, 1 - alpha, alpha, canvas)
    return canvas
