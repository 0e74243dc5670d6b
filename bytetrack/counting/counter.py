"""Counts from tracks, one frame at a time, in memory that does not grow with the stream."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from bytetrack.boxes import feet
from bytetrack.checks import check_not_negative, check_positive
from bytetrack.counting.events import Event
from bytetrack.counting.geometry import (
    Floats,
    line_distance,
    misplaced,
    parse_homography,
    parse_line,
    parse_zone,
    passes_between,
    zone_distance,
)
from bytetrack.counting.memory import Ground, States
from bytetrack.structures import Tracks

__all__ = ["Counter", "Motion"]

Ints = npt.NDArray[np.int64]
Totals = dict[str, int]


@dataclass(frozen=True, slots=True)
class Motion:
    """Holds an identity's `speed` in metres per second (None until it has been observed long enough) and `distance` in metres."""

    speed: float | None
    distance: float


class Counter:
    """Counts identities at lines and in zones by their anchor, the bottom centre of the box.

    **A line** `[x1, y1, x2, y2, name]` has two sides. An identity gets a side when its anchor is at least a *margin* away from the
    infinite line, and keeps it until the anchor is as far away on the other side. Inside this band nothing changes, so neither standing
    on the line nor jitter counts. When the side changes, the path since the last position outside the band is checked: it counts if it
    crosses the segment in that direction, after subtracting crossings back. A path that passes beyond the ends of the segment changes the
    side without counting. Frames without the identity are bridged by a straight line, so a jump over the line counts. `in` is from the
    left hand to the right hand of a person who walks in the image from (x1, y1) to (x2, y2); swap the end points to swap `in` and `out`.
    Each identity counts at most once per line and direction: a U-turn is one `in` and one `out`, and so are ten U-turns. An identity that
    is first or last seen inside the band has no side there and is not counted. If lines share an end point, a path exactly through it
    counts for one of them.

    **A zone** is a polygon (even-odd rule) with the same band along its border (in small zones at most a third of the way to the centre).
    `enter` and `exit` are reported at each change. An identity that is first seen inside `appear`s; one that is no longer seen `vanish`es.
    `dwell` is the time from `enter` or `appear` to `exit`, or to the last observation.

    Speed and distance need a `homography`. Distance is the sum of straight steps of at least `distance_step`, so jitter adds nothing.

    Args:
        lines: `[x1, y1, x2, y2, name]` of each line, in pixels.
        zones: `{name: [[x, y], ...]}` in pixels.
        frame_rate: Frames per second, for frames without a time.
        margin: Half width of the band in box heights; the larger of `margin` and `margin_px` applies.
        margin_px: Half width of the band in pixels.
        forget_after: Seconds after which an unobserved identity is forgotten; use more than the tracker's memory.
        class_names: Names of class ids in events and totals.
        homography: Matrix (3, 3) from image pixels to metres on the ground.
        speed_window: Seconds over which speed is measured.
        distance_step: Minimum length of a step in metres.
    """

    def __init__(
        self,
        lines: Sequence[Sequence[Any]] = (),
        zones: Mapping[str, Any] | None = None,
        frame_rate: float = 30.0,
        homography: npt.ArrayLike | None = None,
        class_names: Mapping[int, str] | Sequence[str] | None = None,
        margin: float = 0.1,
        margin_px: float = 2.0,
        forget_after: float = 60.0,
        speed_window: float = 1.0,
        distance_step: float = 0.5,
    ) -> None:
        for name, value in {"frame_rate": frame_rate, "forget_after": forget_after, "speed_window": speed_window}.items():
            check_positive(name, value)
        check_not_negative(margin=margin, margin_px=margin_px, distance_step=distance_step)
        parsed = [parse_line(line, number) for number, line in enumerate(lines)]
        self.line_names = [name for _, name in parsed]
        self.zones = {str(name): parse_zone(zone, str(name)) for name, zone in (zones or {}).items()}
        names = [*self.line_names, *self.zones]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"lines and zones need different names: {twice[0]!r} is there twice")
        self.lines = np.array([ends for ends, _ in parsed]).reshape(-1, 4)
        self.frame_rate, self.forget_after = float(frame_rate), float(forget_after)
        self.margin, self.margin_px = float(margin), float(margin_px)
        self._zone_margin = [_depth(zone) / 3 for zone in self.zones.values()]
        self._class_names = dict(class_names) if isinstance(class_names, Mapping) else dict(enumerate(class_names or ()))
        self._ground = Ground(parse_homography(homography), float(speed_window), float(distance_step)) if homography is not None else None
        self._states = States(len(self.lines), len(self.zones))
        self._crossings: dict[tuple[str, str], Totals] = {(name, way): {} for name in self.line_names for way in ("in", "out")}
        self._zone_totals: dict[tuple[str, str], Totals] = {(n, k): {} for n in self.zones for k in ("visitors", "entries", "exits")}
        self._present: dict[str, Totals] = {name: {} for name in self.zones}
        self._dwell = {name: [0, 0.0, 0.0] for name in self.zones}  # finished visits, their seconds, the longest
        self._frame_id, self._time = 0, -math.inf

    def update(self, tracks: Tracks, time: float | None = None, frame_id: int | None = None) -> list[Event]:
        """Returns the events of the next frame.

        `time` is in seconds, by default from the frame rate. It may skip ahead; if it goes back, it is treated as unchanged. `frame_id`
        is by default the next number; frames may be omitted. Call it for frames without tracks too. Raises ValueError if `time` is not a
        number.
        """
        now = self._frame_id / self.frame_rate if time is None else float(time)
        if not math.isfinite(now):
            raise ValueError(f"time must be a finite number of seconds: got {time}")
        self._frame_id = self._frame_id + 1 if frame_id is None else frame_id
        self._time = max(now, self._time)
        events = self._forget(self._time - self.forget_after)
        anchor = feet(tracks.xyxy)
        margin = np.maximum(self.margin * (tracks.xyxy[:, 3] - tracks.xyxy[:, 1]), self.margin_px)
        rows = self._states.rows(tracks.track_id)
        self._states.class_id[rows] = -1 if tracks.class_id is None else tracks.class_id
        if self._ground is not None:
            self._ground.update(tracks.track_id, anchor, self._time)
        events += self._cross_lines(rows, anchor, margin)
        self._states.anchor[rows] = anchor
        events += self._visit_zones(rows, margin)
        self._states.seen[rows] = self._time
        self._states.frame_id[rows] = self._frame_id
        return events

    def finish(self) -> list[Event]:
        """Returns the events at the end of the stream: identities still in a zone vanish at their last observation. Totals are kept."""
        events = self._forget(math.inf)
        self._present = {name: {} for name in self.zones}
        return events

    def counts(self) -> dict[str, Any]:
        """Returns the totals so far, ready for json.

        `lines`: name → `in`, `out` → class → identities. `zones`: name → `present` (in this frame), `visitors` (identities, each once),
        `entries`, `exits` → class → number, and `dwell` with `visits`, `mean` and `max` seconds, including identities that are still
        inside.
        """
        return {
            "lines": {name: {way: dict(self._crossings[name, way]) for way in ("in", "out")} for name in self.line_names},
            "zones": {
                name: {
                    "present": dict(self._present[name]),
                    **{kind: dict(self._zone_totals[name, kind]) for kind in ("visitors", "entries", "exits")},
                    "dwell": self._dwell_summary(zone, name),
                }
                for zone, name in enumerate(self.zones)
            },
        }

    def misplaced(self, width: int, height: int) -> list[str]:
        """Returns a sentence for each line and zone outside an image of that size, which therefore counts nothing."""
        shapes = {f"line {name!r}": ends.reshape(2, 2) for name, ends in zip(self.line_names, self.lines, strict=True)}
        shapes |= {f"zone {name!r}": zone for name, zone in self.zones.items()}
        return misplaced(shapes, width, height, "nothing is counted there")

    def motion(self) -> dict[int, Motion]:
        """Returns speed and distance of every identity in memory, by track id; ValueError without a homography."""
        if self._ground is None:
            raise ValueError("speed and distance need Counter(homography=...), 3x3, from image pixels to metres on the ground")
        return {track_id: Motion(self._ground.speed(track_id), self._ground.distance(track_id)) for track_id in self._states.row_of}

    def __len__(self) -> int:
        """Returns the number of identities in memory."""
        return len(self._states.row_of)

    def _cross_lines(self, rows: Ints, anchor: Floats, margin: Floats) -> list[Event]:
        if not len(self.lines) or not len(rows):
            return []
        s = self._states
        before, now = s.anchor[rows], line_distance(anchor, self.lines)
        known = ~np.isnan(before[:, :1])
        past = line_distance(np.where(known, before, anchor), self.lines)
        right = now >= 0
        flips = known & ((past >= 0) != right)
        start, end = np.broadcast_arrays(before[:, None], anchor[:, None])
        ends = np.where(right[..., None], start, end), np.where(right[..., None], end, start)
        hits = flips & passes_between(*ends, self.lines)
        s.net[rows] += np.where(hits, np.where(right, 1, -1), 0)
        for track, line in zip(*np.nonzero(hits), strict=True):
            part = past[track, line] / (past[track, line] - now[track, line])
            row = rows[track]
            s.crossing[row, line, :2] = before[track] + part * (anchor[track] - before[track])
            s.crossing[row, line, 2] = s.seen[row] + part * (self._time - s.seen[row])
        side = np.where(now >= margin[:, None], 1, np.where(now <= -margin[:, None], -1, 0))
        crossed = (side != 0) & (s.side[rows] == -side) & (s.net[rows] * side > 0) & (s.counted[rows] & np.where(side > 0, 1, 2) == 0)
        events = []
        for track, line in zip(*np.nonzero(crossed), strict=True):
            row, way = rows[track], "in" if side[track, line] > 0 else "out"
            s.counted[row, line] |= 1 if way == "in" else 2
            x, y, when = s.crossing[row, line]
            event = self._event("cross", self.line_names[line], row, way, place=(x, y), time=when)
            _add(self._crossings[event.name, way], event.class_name)
            events.append(event)
        clear = side != 0
        s.side[rows] = np.where(clear, side, s.side[rows])
        s.net[rows] = np.where(clear, 0, s.net[rows])
        return events

    def _visit_zones(self, rows: Ints, margin: Floats) -> list[Event]:
        s, events = self._states, []
        for zone, (name, polygon) in enumerate(self.zones.items()):
            distance = zone_distance(s.anchor[rows], polygon) if len(rows) else np.empty(0)
            band = np.minimum(margin, self._zone_margin[zone])
            side = np.where(distance >= band, 1, np.where(distance <= -band, -1, 0))
            past = s.inside[rows, zone]
            s.inside[rows, zone] = np.where(side != 0, side, past)
            for track in np.nonzero((side > 0) & (past <= 0))[0]:
                row = rows[track]
                s.since[row, zone] = self._time
                event = self._event("enter" if past[track] else "appear", name, row)
                if past[track]:
                    _add(self._zone_totals[name, "entries"], event.class_name)
                if not s.visited[row, zone]:
                    _add(self._zone_totals[name, "visitors"], event.class_name)
                s.visited[row, zone] = True
                events.append(event)
            for row in rows[(side < 0) & (past > 0)]:
                events.append(self._leave("exit", zone, name, row, self._time))
                _add(self._zone_totals[name, "exits"], events[-1].class_name)
            self._present[name] = {}
            for row in rows[s.inside[rows, zone] > 0]:
                _add(self._present[name], self._class_name(row))
        return events

    def _leave(self, kind: Literal["exit", "vanish"], zone: int, name: str, row: int, time: float) -> Event:
        dwell = time - float(self._states.since[row, zone])
        visits = self._dwell[name]
        visits[:] = [visits[0] + 1, visits[1] + dwell, max(visits[2], dwell)]
        return self._event(kind, name, row, time=time, dwell=dwell)

    def _dwell_summary(self, zone: int, name: str) -> dict[str, float]:
        rows = self._states.used()
        rows = rows[self._states.inside[rows, zone] > 0]
        current = self._states.seen[rows] - self._states.since[rows, zone]
        visits, seconds, longest = self._dwell[name]
        total = visits + len(rows)
        mean = (seconds + float(current.sum())) / total if total else 0.0
        return {"visits": int(total), "mean": round(mean, 3), "max": round(max([longest, *current.tolist()]), 3)}

    def _forget(self, before: float) -> list[Event]:
        s, events = self._states, []
        rows = s.used()
        for row in rows[s.seen[rows] < before].tolist():
            for zone, name in enumerate(self.zones):
                if s.inside[row, zone] > 0:
                    events.append(self._leave("vanish", zone, name, row, float(s.seen[row])))
            track_id = int(s.track_id[row])
            s.free(track_id)
            if self._ground is not None:
                self._ground.forget(track_id)
        return events

    def _event(
        self,
        kind: Literal["cross", "enter", "exit", "appear", "vanish"],
        name: str,
        row: int,
        way: str = "",
        place: tuple[float, float] | None = None,
        time: float | None = None,
        dwell: float | None = None,
    ) -> Event:
        s = self._states
        track_id, class_id = int(s.track_id[row]), int(s.class_id[row])
        x, y = place if place is not None else s.anchor[row]
        return Event(
            kind,
            name,
            way,  # type: ignore[arg-type]
            track_id,
            None if class_id < 0 else class_id,
            self._class_name(row),
            int(s.frame_id[row]) if kind == "vanish" else self._frame_id,
            self._time if time is None else float(time),
            float(x),
            float(y),
            dwell,
            self._ground.speed(track_id) if self._ground is not None else None,
        )

    def _class_name(self, row: int) -> str:
        class_id = int(self._states.class_id[row])
        return self._class_names.get(class_id, "object" if class_id < 0 else str(class_id))


def _add(totals: Totals, class_name: str) -> None:
    totals[class_name] = totals.get(class_name, 0) + 1


def _depth(zone: Floats) -> float:
    """Returns about the largest distance of an inner point from the zone's border: the best of a 33 x 33 grid."""
    (left, top), (right, bottom) = zone.min(0), zone.max(0)
    grid = np.stack(np.meshgrid(np.linspace(left, right, 33), np.linspace(top, bottom, 33)), axis=-1).reshape(-1, 2)
    return max(float(zone_distance(grid, zone).max()), 0.0)
