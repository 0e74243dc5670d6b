"""What every tracker does that others do not: docs/images/trackers/NAME.webp, and the figures under them.

    python docs/images/trackers.py [NAME ...] [--copies 20] [--out docs/images/trackers]

Each picture is one scene of made-up people tracked twice. Time goes to the right, place upwards, a colour is an identity that the tracker
gave; grey lines are where people are. Printed are means over noisy copies of the scene: HOTA, MOTA, IDF1, switches, and how many copies
have every person under one identity (scored in memory, mot15 rules).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.offsetbox import AnnotationBbox, OffsetImage

from bytetrack import BotSort, BytePlus, ByteTracker, CBIoU, DeepSort, Detections, MotDt, OcSort, Sort, Trajectories
from bytetrack.appearance.crops import crop
from bytetrack.appearance.histogram import Histogram
from bytetrack.boxes import tlwh_from_xyxy
from bytetrack.examples.scenes.figure import Look, Sprite, draw_figure
from bytetrack.scoring import fast
from bytetrack.structures import Annotations

Array = np.ndarray
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f3c8d", "#a0522d")
KEY = "frame.  Grey: where people are.  Colours and numbers: identities given.  Full dots: found; hollow: by a low score, or only predicted"
SURE = 0.9  # the score of who is in plain view


@dataclass
class Scene:
    """People in frames: `boxes` (frames, people, 4), `score` (frames, people), 0 where the detector finds nothing.

    `there` (frames, people) is who counts in the scores. `false` are detections of nobody: frame, box, score. `camera` (frames, 2, 3).
    """

    boxes: Array
    score: Array
    axis: int = 0  # of the place that is drawn
    there: Array | None = None
    false: list[tuple[int, Array, float]] = field(default_factory=list)
    camera: Array | None = None
    images: list[Array] = field(default_factory=list)  # what every frame looks like
    noise: float = 0.015  # standard deviation of a detection's centre and sides, in parts of its sides
    bands: list[tuple[float, float, str]] = field(default_factory=list)  # places where people are hidden
    gaps: list[tuple[int, int, str]] = field(default_factory=list)  # frames in which they are
    label: str = "place (pixels)"

    def detections(self, copy: int) -> list[Detections]:
        """Every frame's, with noise of its own in every copy; in the order of the people, false ones last."""
        rng, frames = np.random.default_rng(copy), []
        for f, (boxes, score) in enumerate(zip(self.boxes, self.score, strict=True)):
            sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
            noisy = (boxes + self.noise * sides * rng.normal(size=boxes.shape))[score > 0]
            shaken = np.clip(score + 0.01 * rng.normal(size=len(score)), 0.01, 0.99)[score > 0]
            extra = [(box, s) for frame, box, s in self.false if frame == f]
            frames.append(
                Detections(np.vstack([noisy, *(box for box, _ in extra)]).reshape(-1, 4), np.array([*shaken, *(s for _, s in extra)]))
            )
        return frames

    def truth(self) -> fast.PreparedTruth:
        there = np.ones(self.score.shape, bool) if self.there is None else self.there
        frame, person = np.nonzero(there)
        ones = np.ones(len(frame))
        annotations = Annotations(frame + 1, person + 1, tlwh_from_xyxy(self.boxes[there]), ones.astype(bool), ones.astype(np.int64), ones)
        return fast.prepare(annotations, len(self.boxes), "mot15")


@dataclass
class Way:
    """One of a picture's two sides: its title, and the tracker."""

    title: str
    make: Callable[[], object]
    moving: bool = False  # whether it is told of the camera
    looking: bool = False  # whether it is told what people look like
    drawn: bool = True  # or only scored

    def rows(self, scene: Scene, copy: int) -> Array:
        """Frame from 1, id, box, detection's score or 0 where the box is predicted: (n, 7)."""
        tracker, found = self.make(), []
        for f, detections in enumerate(scene.detections(copy)):
            given = {"camera_motion": scene.camera[f]} if self.moving and f else {}
            if self.looking:
                given["features"] = Histogram().embed(scene.images[f], detections.xyxy, detections.score)
            tracks = tracker.update(detections, **given)
            for box, i, j in zip(tracks.xyxy, tracks.track_id, tracks.detection_index, strict=True):
                found.append([f + 1, i, *box, detections.score[j] if j >= 0 else 0.0])
        return np.array(found).reshape(-1, 7)

    def scores(self, scene: Scene, copies: int) -> str:
        truth, table, whole = scene.truth(), [], 0
        for copy in range(copies):
            rows = self.rows(scene, copy)
            ids = rows[:, :2].astype(np.int64)
            result = fast.evaluate(truth, Trajectories(ids[:, 0], ids[:, 1], tlwh_from_xyxy(rows[:, 2:6]), np.ones(len(rows))))
            clear = result["CLEAR"]
            table.append([100 * result["HOTA"]["HOTA"].mean(), 100 * clear["MOTA"], 100 * result["Identity"]["IDF1"], clear["IDSW"]])
            whole += result["Count"]["IDs"] == scene.score.shape[1] and not clear["IDSW"]
        hota, mota, idf1, switches = np.mean(table, axis=0)
        return f"{self.title:44}{hota:6.1f}{mota:7.1f}{idf1:7.1f}{switches:6.1f}  {whole} of {copies}"


def draw(scene: Scene, ways: list[Way], path: Path) -> None:
    ways = [way for way in ways if way.drawn]
    figure, sides = plt.subplots(1, len(ways), figsize=(9.2, 3.5), sharex=True, sharey=True, layout="constrained")
    for axes, way in zip(sides, ways, strict=True):
        draw_ground(axes, scene)
        draw_tracks(axes, way.rows(scene, 0), scene.axis)
        draw_portraits(axes, scene)
        axes.set_title(way.title, fontsize=10)
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    sides[0].set_ylabel(scene.label, fontsize=8)
    figure.supxlabel(KEY, fontsize=7.5)
    figure.savefig(path, dpi=100, pil_kwargs={"quality": 80})
    plt.close(figure)


def draw_ground(axes: Axes, scene: Scene) -> None:
    """Where people are, found or not, and what hides them."""
    frames = np.arange(1, len(scene.boxes) + 1)
    for low, high, text in scene.bands:
        axes.axhspan(low, high, color="#e4e4e4", lw=0, zorder=0)
        axes.text(frames[-1], (low + high) / 2, text, fontsize=7, color="#777777", ha="right", va="center")
    for first, last, text in scene.gaps:
        axes.axvspan(first, last, color="#e4e4e4", lw=0, zorder=0)
        axes.text(
            (first + last) / 2, 0.01, text, fontsize=7, color="#777777", ha="center", va="bottom", transform=axes.get_xaxis_transform()
        )
    for person in range(scene.boxes.shape[1]):
        axes.plot(frames, middle(scene.boxes[:, person], scene.axis), color="#bbbbbb", lw=3.5, zorder=1, solid_capstyle="butt")
    for f, box, _ in scene.false:
        axes.plot(f + 1, middle(box, scene.axis), "x", color="#999999", ms=4, zorder=1)


def draw_tracks(axes: Axes, rows: Array, axis: int) -> None:
    """Every identity in its colour: full dots from sure detections, hollow ones from doubtful, small rings where it is predicted."""
    for place, track_id in enumerate(np.unique(rows[:, 1])):
        own, colour = rows[rows[:, 1] == track_id], COLOURS[place % len(COLOURS)]
        at = middle(own[:, 2:6], axis)
        for doubtful in (False, True):
            weak = own[:, 6] < 0.6
            axes.scatter(
                own[weak == doubtful, 0], at[weak == doubtful], s=11, facecolors="white" if doubtful else colour, edgecolors=colour,
                linewidths=0.9, zorder=3,
            )  # fmt: skip
        for start in [0, *(np.flatnonzero(np.diff(own[:, 0]) > 5) + 1)] if len(own) > 4 else ():
            axes.annotate(
                f"{int(track_id)}", (own[start, 0], at[start]), (-3, 5), textcoords="offset points", fontsize=8, color=colour, weight="bold"
            )


def draw_portraits(axes: Axes, scene: Scene) -> None:
    """Everybody as in the first frame and in the last, at the ends of their lines."""
    for f, shift in ((0, -16), (len(scene.images) - 1, 16)) if scene.images else ():
        for box in scene.boxes[f]:
            portrait = OffsetImage(crop(scene.images[f], box)[..., ::-1], zoom=0.45)
            axes.add_artist(
                AnnotationBbox(portrait, (f + 1, middle(box, scene.axis)), (shift, 0), boxcoords="offset points", frameon=False)
            )
    if scene.images:
        axes.set_xlim(-12, len(scene.images) + 13)
        axes.set_ylim(0, 680)


def middle(boxes: Array, axis: int) -> Array:
    return (boxes[..., axis] + boxes[..., axis + 2]) / 2


def boxes_at(x: Array, y: Array, width: float | Array = 40, height: float | Array = 100) -> Array:
    """Boxes (frames, people, 4) around centres."""
    x, y = np.broadcast_arrays(x, y)
    return np.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], -1)


def path(*legs: tuple[int, float], start: float = 0.0) -> Array:
    """Places frame by frame: from `start`, for every leg so many frames at a speed."""
    return start + np.cumsum(np.concatenate([np.full(n, speed) for n, speed in legs]))


def half_hidden() -> tuple[Scene, list[Way]]:
    """Somebody goes behind a van, waits there and comes back: 45 frames of low scores, and a way that no filter foresees."""
    x = np.stack([path((30, 4), (15, 2), (30, 0), (15, -2), (30, -4), start=20), np.linspace(420, 330, 120)], 1)
    scene = Scene(boxes_at(x, np.array([200.0, 190.0])), np.full(x.shape, SURE), bands=[(135, 205, "behind the van")])
    scene.score[(x > 135) & (x < 205)] = 0.3
    return scene, [Way("high scores only (low_score=null)", lambda: ByteTracker(low_score=None)), Way("BYTE", ByteTracker)]


def flicker() -> tuple[Scene, list[Way]]:
    """Two people, and false boxes of good score that last for two or three frames."""
    x = np.stack([path((110, 2.2), start=40), np.linspace(420, 300, 110)], 1)
    rng, false = np.random.default_rng(3), []
    for first in range(8, 104, 8):
        box = boxes_at(rng.uniform(20, 440), rng.uniform(0, 3000))
        false += [(first + k, box + rng.normal(size=4), 0.85) for k in range(int(rng.integers(2, 4)))]  # 3 at most
    scene = Scene(boxes_at(x, np.array([200.0, 200.0])), np.full(x.shape, SURE), false=false)
    scene.score[:20, 1] = 0
    scene.there = scene.score > 0
    return scene, [Way("BYTE", ByteTracker), Way("SORT (min_hits=3)", Sort)]


def stops_unseen() -> tuple[Scene, list[Way]]:
    """People who are hidden for 15 frames, and stop or turn where nobody sees it."""
    legs = (((40, 4), (8, 2), (20, 0), (32, -3)), ((40, -4), (8, -2), (52, 0)), ((100, 1.5),))
    x = np.stack([path(*one, start=s) for one, s in zip(legs, (20, 480, 150), strict=True)], 1)
    scene = Scene(boxes_at(x, np.array([150.0, 350.0, 550.0])), np.full(x.shape, SURE), gaps=[(41, 55, "nobody is seen")])
    scene.score[40:55] = 0
    scene.there = scene.score > 0
    ways = [Way("SORT (high_score=0.6)", lambda: Sort(high_score=0.6)), Way("OC-SORT", OcSort)]
    less = {"reupdate": False, "recover": False, "direction_weight": 0.0}
    ways += [Way(f"OC-SORT, {name}={value}", partial(OcSort, **{name: value}), drawn=False) for name, value in less.items()]
    return scene, ways


def camera_jerks() -> tuple[Scene, list[Way]]:
    """Five people who walk, before a camera that is jerked to the side twice."""
    people = np.stack([path((100, v), start=s) for v, s in ((1.0, 60), (-1.2, 260), (0.6, 170), (0.0, 340), (1.5, 400))], 1)
    shift = np.zeros(100)
    shift[30:34], shift[65:69] = -28, 30
    x = people + np.cumsum(shift)[:, None]
    scene = Scene(
        boxes_at(x, np.array([200.0, 205.0, 195.0, 210.0, 190.0])), np.full(x.shape, SURE), gaps=[(31, 34, "jerk"), (66, 69, "jerk")]
    )
    scene.camera = np.tile(np.eye(2, 3), (100, 1, 1))
    scene.camera[:, 0, 2] = shift
    return scene, [Way("BoT-SORT, not told of the camera", BotSort), Way("BoT-SORT, told of the camera", BotSort, moving=True)]


def small_and_fast() -> tuple[Scene, list[Way]]:
    """Three small things that go about as far in a frame as they are large, now more, now less."""
    rng, frames = np.random.default_rng(2), np.arange(80)
    swing = [150 * np.sin(2 * np.pi * (frames / period + part)) for period, part in ((85, 0.0), (100, 0.3), (90, 0.6))]
    x = np.array([220, 560, 900]) + np.stack(swing, 1) + rng.normal(0, 2.0, (80, 3))
    scene = Scene(boxes_at(x, np.array([100.0, 160.0, 220.0]), 12, 12), np.full(x.shape, SURE), noise=0.03)
    return scene, [
        Way("BYTE", ByteTracker),
        Way("C-BIoU", CBIoU),
        Way("C-BIoU without buffers", partial(CBIoU, buffer=0.0, second_buffer=0.0), drawn=False),
    ]


def change_places() -> tuple[Scene, list[Way]]:
    """Two people who change places behind a wall, for 25 frames, and a third who passes: only their clothes tell who is who."""
    frames = 90
    x = np.stack(
        [path((30, 2.0), (25, 6.4), (35, 1.0), start=60), path((30, -2.0), (25, -6.4), (35, -1.0), start=380), path((90, 1.0), start=545)],
        1,
    )
    looks = [replace(Look.draw(np.random.default_rng(seed)), height=1.7, top=top, bottom=bottom) for seed, top, bottom in (
        (1, (44, 44, 172), (60, 44, 36)), (2, (92, 128, 48), (108, 134, 158)), (6, (60, 170, 222), (98, 66, 40)))]  # fmt: skip
    boxes, images = np.empty((frames, 3, 4)), []
    for f in range(frames):
        image = np.full((120, 680, 3), (168, 174, 176), np.uint8)
        for person, look in enumerate(looks):
            heading = 0.0 if f == 0 or x[f, person] >= x[f - 1, person] else np.pi
            sprite = draw_figure(
                look, (float(x[f, person]), 112.0), 56.0, heading, 0.2, abs(x[f, person] - x[0, person]) / 56, 1.0, 1.0, 0.3
            )
            boxes[f, person] = sprite.xyxy
            paste(image, sprite)
        images.append(image)
    scene = Scene(boxes, np.full(x.shape, SURE), gaps=[(31, 55, "behind a wall")], images=images)
    scene.score[30:55, :2] = 0
    scene.there = scene.score > 0
    return scene, [
        Way("DeepSORT without appearance", DeepSort),
        Way("DeepSORT with colours", DeepSort, looking=True),
        Way("BYTE", ByteTracker, drawn=False),
        Way("MOTDT with colours", MotDt, looking=True, drawn=False),
        Way("BoT-SORT with colours", BotSort, looking=True, drawn=False),
    ]


def paste(image: Array, sprite: Sprite) -> None:
    top, left = max(-sprite.top, 0), max(-sprite.left, 0)
    part = sprite.bgra[top : image.shape[0] - sprite.top, left : image.shape[1] - sprite.left].astype(np.float64)
    under = image[max(sprite.top, 0) :][: len(part), max(sprite.left, 0) :][:, : part.shape[1]]
    under[:] = part[..., :3] + under * (1 - part[..., 3:] / 255)


def missed() -> tuple[Scene, list[Way]]:
    """People whom the detector misses for some frames, here and there."""
    x = np.stack([path((90, v), start=s) for v, s in ((2.5, 20), (-1.5, 330), (1.0, 360))], 1)
    scene = Scene(boxes_at(x, np.array([150.0, 300.0, 450.0])), np.full(x.shape, SURE))
    for person, first, n in ((0, 20, 6), (0, 55, 8), (1, 35, 4), (1, 62, 7), (2, 28, 8), (2, 70, 5)):
        scene.score[first : first + n, person] = 0
    return scene, [Way("BYTE", ByteTracker), Way("MOTDT", MotDt)]


def covered() -> tuple[Scene, list[Way]]:
    """Three people pass behind a nearer one who stands; two of them meet there."""
    x = np.stack([path((90, 0), start=240), path((90, 4), start=60), path((90, -4.2), start=425), path((90, 3), start=20)], 1)
    sides = np.array([[56, 150], [30, 84], [36, 104], [30, 82]])
    y = np.array([200.0, 172.0, 182.0, 168.0])
    boxes = boxes_at(x, y, sides[:, 0], sides[:, 1])
    scene = Scene(boxes, np.full(x.shape, SURE))
    for person in (1, 2, 3):
        seen = np.clip(np.abs(x[:, person] - x[:, 0]) / sides[person, 0], 0, 1)
        scene.score[:, person] = np.where(seen > 0.4, SURE * seen, 0)
    less = Way("byte_plus, covered_frames=0", partial(BytePlus, covered_frames=0), drawn=False)
    return scene, [Way("BYTE", ByteTracker), Way("byte_plus", BytePlus), less]


PICTURES = {
    "byte_plus": covered,
    "byte": half_hidden,
    "sort": flicker,
    "ocsort": stops_unseen,
    "botsort": camera_jerks,
    "cbiou": small_and_fast,
    "deepsort": change_places,
    "motdt": missed,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=list(PICTURES))
    parser.add_argument("--copies", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("trackers"))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for name in given.names:
        scene, ways = PICTURES[name]()
        draw(scene, ways, given.out / f"{name}.webp")
        print(f"{name:44}  HOTA   MOTA   IDF1  IDSW  whole")
        for way in ways:
            print(way.scores(scene, given.copies))


if __name__ == "__main__":
    main()
