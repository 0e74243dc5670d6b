"""Draws docs/images/refine.svg, one trajectory before and after: `python docs/images/refine.py TRACKS REFINED ID`, two result files."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from bytetrack.io import read_trajectories
from bytetrack.refining.context import FILLED, Trajectory, split

WIDTH, HEIGHT, EDGE = 900, 300, 46


def main(before: str, after: str, track_id: str) -> None:
    first, second = (next(t for t in split(read_trajectories(Path(name))) if t.track_id == int(track_id)) for name in (before, after))
    frames, middles = (np.concatenate([values(first), values(second)]) for values in (lambda t: t.frame_id, height_of))

    def place(trajectory: Trajectory) -> list[tuple[float, float]]:
        x = EDGE + (trajectory.frame_id - frames.min()) / np.ptp(frames) * (WIDTH - 2 * EDGE)
        y = HEIGHT - EDGE - (height_of(trajectory) - middles.min()) / np.ptp(middles) * (HEIGHT - 2 * EDGE)
        return list(zip(x.tolist(), y.tolist(), strict=True))

    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.2"/>' for x, y in place(first))
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in place(second))
    new = [spot for spot, score in zip(place(second), second.score, strict=True) if score == FILLED]
    filled = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.4"/>' for x, y in new)
    title = f"height of one person's box, {middles.min():.0f} to {middles.max():.0f} pixels, frames {frames.min()} to {frames.max()}"
    text = f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13">
<rect width="100%" height="100%" fill="white"/>
<g fill="#d95f02">{dots}</g><polyline points="{line}" fill="none" stroke="#1b6ca8" stroke-width="1.8"/>
<g fill="none" stroke="#1b6ca8">{filled}</g>
<g fill="#333"><text x="{EDGE}" y="20">{title}</text>
<circle cx="{EDGE + 6}" cy="{HEIGHT - 16}" r="2.2" fill="#d95f02"/><text x="{EDGE + 14}" y="{HEIGHT - 12}">online, as tracked</text>
<line x1="{EDGE + 160}" x2="{EDGE + 190}" y1="{HEIGHT - 16}" y2="{HEIGHT - 16}" stroke="#1b6ca8" stroke-width="1.8"/>
<text x="{EDGE + 196}" y="{HEIGHT - 12}">refined</text>
<circle cx="{EDGE + 276}" cy="{HEIGHT - 16}" r="3.4" fill="none" stroke="#1b6ca8"/>
<text x="{EDGE + 286}" y="{HEIGHT - 12}">filled</text></g>
</svg>
"""
    Path(__file__).with_name("refine.svg").write_text(text, encoding="utf-8")


def height_of(trajectory: Trajectory) -> np.ndarray:
    return trajectory.tlwh[:, 3]


if __name__ == "__main__":
    main(*sys.argv[1:])
