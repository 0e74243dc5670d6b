"""Makes docs/images/paper.png: `python docs/images/paper.py OUT.png`. What the second association does when one person hides another."""

from __future__ import annotations

import sys

import matplotlib.pyplot as plt
import numpy as np

from bytetrack import ByteTracker, Detections

FRAMES, WIDTH = 60, 40.0


def scene() -> tuple[np.ndarray, np.ndarray]:
    """Boxes (frames, 2, 4) of two people who pass each other, the first in front; scores (frames, 2): what is visible of each."""
    x = np.stack([100 + 4.0 * np.arange(FRAMES), 320 - 3.0 * np.arange(FRAMES)], 1)
    boxes = np.stack([x, np.tile([106.0, 100.0], (FRAMES, 1)), x + WIDTH, np.tile([208.0, 200.0], (FRAMES, 1))], -1)
    hidden = np.clip(1 - np.abs(x[:, 0] - x[:, 1]) / WIDTH, 0, 1)
    return boxes, np.stack([np.full(FRAMES, 0.92), 0.92 - 0.75 * hidden], 1)


def main() -> None:
    boxes, scores = scene()
    figure, (above, below) = plt.subplots(2, 1, figsize=(8, 4.6), sharex=True, height_ratios=[2, 1], layout="constrained")
    for person, colour in ((0, "#4477aa"), (1, "#cc6677")):
        above.plot(range(1, FRAMES + 1), scores[:, person], color=colour, label=("in front", "behind")[person])
    for name, limit in (("high_score", 0.6), ("low_score", 0.1)):
        above.axhline(limit, color="#888888", lw=0.8, ls="--")
        above.text(1, limit + 0.02, name, fontsize=8, color="#555555")
    above.set(ylabel="detection score", ylim=(0, 1))
    above.legend(loc="lower right", fontsize=8)
    rows = (("high scores only", 0.6), ("BYTE", 0.1))
    for place, (_, low_score) in enumerate(rows):
        tracker, seen = ByteTracker(low_score=low_score), {}
        for frame in range(FRAMES):
            tracks = tracker.update(Detections(xyxy=boxes[frame], score=scores[frame]))
            for track_id, index in zip(tracks.track_id.tolist(), tracks.detection_index.tolist(), strict=True):
                seen.setdefault((index, track_id), []).append(frame + 1)
        for (person, track_id), frames in seen.items():
            y = place - 0.15 + 0.3 * person
            colour = ("#4477aa", "#cc6677")[person]
            below.scatter(frames, [y] * len(frames), color=colour, s=8, marker="s")
            below.text(frames[0] - 0.5, y + 0.09, f"id {track_id}", fontsize=7, color=colour)
    below.set(yticks=range(len(rows)), yticklabels=[name for name, _ in rows], ylim=(-0.5, 1.5), xlabel="frame")
    figure.savefig(sys.argv[1], dpi=110)


if __name__ == "__main__":
    main()
