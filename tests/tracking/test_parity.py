"""Our trackers beside other implementations (benchmarks/agreement.py): bounds just below what is measured on short scenes."""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path

import pytest

from benchmarks.agreement import PAIRS, Agreement, Pair, compared, crowds, recorded
from benchmarks.peers import Frame

# Least shares of boxes and of ids; what the differences come from stands in docs/results.md.
LEAST = {
    "pyxtrackers BYTETracker": (0.999, 0.999),
    "supervision ByteTrack": (0.998, 0.998),
    "pyxtrackers Sort": (0.9999, 0.9999),
    "ioutrack-rs Sort": (0.9999, 0.9999),
    "trackers SORTTracker": (0.82, 0.96),
    "pyxtrackers OCSort": (0.995, 0.975),
    "trackers OCSORTTracker": (0.98, 0.98),
    "trackers BoTSORTTracker": (0.997, 0.98),
    "trackers CBIoUTracker": (0.98, 0.96),
    "deep-sort-realtime DeepSort": (0.999, 0.999),
    "trackforge TRACKTRACK": (0.992, 0.983),
}


@cache
def scenes(data: Path) -> list[list[Frame]]:
    return [*recorded(data, 100, ("MOT17-02-FRCNN", "MOT17-09-FRCNN")), *crowds(100, (50,))]


def test_every_pair_has_its_bounds() -> None:
    assert {pair.name for pair in PAIRS} == set(LEAST)


@pytest.mark.slow
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_a_tracker_agrees_with_another_implementation(pair: Pair, data_dir: Path) -> None:
    warnings.simplefilter("ignore")
    try:
        pair.other()
        pair.other()()
    except (ImportError, AttributeError) as missing:
        pytest.skip(f"not installed, or of another version ({missing}): pip install '.[bench]'")
    found = sum((compared(pair, frames) for frames in scenes(data_dir)), Agreement())
    assert found.either > 3000
    boxes, ids = LEAST[pair.name]
    assert found.boxes >= boxes, (found.boxes, found.ids)
    assert found.ids >= ids, (found.boxes, found.ids)
