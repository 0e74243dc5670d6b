"""A dataset small enough to run verbs often."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A root with `train/A` and `train/B`, 6 frames each: two people who pass, one statue; recorded detections in `detections/`."""
    (tmp_path / "detections").mkdir()
    for name in "AB":
        folder = tmp_path / "train" / name
        (folder / "gt").mkdir(parents=True)
        (folder / "det").mkdir()
        (folder / "seqinfo.ini").write_text("[Sequence]\nframeRate=30\nseqLength=6\nimWidth=200\nimHeight=100\n")
        gt, found = [], []
        for frame in range(1, 7):
            boxes = [(10 + 5 * frame, 20, 20, 50, 1, 1), (150 - 5 * frame, 30, 20, 50, 1, 1), (180, 10, 15, 40, 0, 7)]
            for identity, (x, y, w, h, kept, kind) in enumerate(boxes, start=1):
                gt.append(f"{frame},{identity},{x},{y},{w},{h},{kept},{kind},1\n")
                found.append(f"{frame},-1,{x},{y},{w},{h},0.9,-1,-1,-1\n")
        (folder / "gt" / "gt.txt").write_text("".join(gt))
        (folder / "det" / "det.txt").write_text("".join(found))
        (tmp_path / "detections" / f"{name}.txt").write_text("".join(found))
    return tmp_path
