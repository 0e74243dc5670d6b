"""The settings of a demo: one value, whose fields are keys of `configs/demo.yaml`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from bytetrack.checks import check_count, check_every
from bytetrack.counting import Regions

__all__ = ["DemoSettings"]


@dataclass(frozen=True)
class DemoSettings:
    """Settings of counting, drawing, writing and showing.

    Raises ValueError if `max_frames` or `every` is not positive.

    Args:
        stream: How a live source is opened, see `open_source`.
        lines: Lines that are counted, `[x1, y1, x2, y2, name]` each.
        zones: Zones that are counted, by name.
        homography: From pixels to metres on the ground, 3 x 3; None if unknown.
        events: Where events are posted, see `Webhook`; None, or a `url` of None: nowhere.
        draw: What is drawn, see `Painter`.
        video: How the video is written, see `VideoWriter`; None writes none.
        show: Opens a window; None: for live sources, if there is a screen.
        serve: Serves a web page with the live picture.
        page: `host`, `port` and `token` of that page.
        max_frames: Frames after which the demo ends, None for all.
        every: The detector runs on every so many frames; tracks are predicted in those between.
        regions: `look_at` and `leave_out`, polygons by name each, see `Regions`; None: the whole picture.
        min_box_area: Area in square pixels that a box must exceed.
        max_aspect_ratio: Largest width / height of a box.
        classes: Names or numbers of the classes to keep, None for all.
    """

    stream: Mapping[str, Any] = field(default_factory=dict)
    lines: Sequence[Sequence[Any]] = ()
    zones: Mapping[str, Any] | None = None
    homography: Any = None
    events: Mapping[str, Any] | None = None
    draw: Mapping[str, Any] = field(default_factory=dict)
    video: Mapping[str, Any] | None = None
    show: bool | None = None
    serve: bool = False
    page: Mapping[str, Any] = field(default_factory=dict)
    max_frames: int | None = None
    every: int = 1
    regions: Mapping[str, Any] | None = None
    min_box_area: float | None = None
    max_aspect_ratio: float | None = None
    classes: Sequence[str | int] | str | None = None

    def __post_init__(self) -> None:
        check_count("max_frames", self.max_frames, 1, "all")
        check_every(self.every)

    @classmethod
    def read(cls, value_of: Callable[[str], Any]) -> DemoSettings:
        """Returns the settings whose values `value_of` returns by name."""
        return cls(**{each.name: value_of(each.name) for each in fields(cls)})

    def limits(self) -> dict[str, Any]:
        """Returns which frames and boxes are left out, as `FramePipeline` takes it; raises ValueError for what is no region."""
        limits = {name: getattr(self, name) for name in ("min_box_area", "max_aspect_ratio", "max_frames", "every")}
        return {**limits, "regions": Regions(**(self.regions or {}))}
