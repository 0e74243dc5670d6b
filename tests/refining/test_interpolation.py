"""Linear interpolation of trajectories."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bytetrack import Trajectories
from bytetrack.refining import interpolate
from tests.tracking.tracked_scenes import SEQUENCES, published_rows


def track(*frames: int, track_id: int = 1) -> Trajectories:
    """One identity that moves one pixel a frame."""
    n = len(frames)
    tlwh = np.column_stack([frames, np.zeros(n), np.full(n, 20), np.full(n, 40)]).astype(float)
    return Trajectories(np.array(frames, dtype=np.int64), np.full(n, track_id), tlwh, np.full(n, 0.9))


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_the_published_interpolation_is_reproduced(data_dir: Path, sequence: str) -> None:
    folder = data_dir / "expected" / "tracks"
    table = np.loadtxt(folder / "byte_paper" / f"{sequence}.txt", delimiter=",")
    filled = interpolate(Trajectories(table[:, 0].astype(int), table[:, 1].astype(int), table[:, 2:6], table[:, 6]))
    text = [",".join(f"{value:.1f}" for value in box) for box in filled.tlwh.tolist()]
    rows = list(zip(filled.frame_id.tolist(), filled.track_id.tolist(), text, strict=True))
    assert rows == published_rows(folder / "byte_paper_interpolated" / f"{sequence}.txt", with_score=False)


def test_gaps_are_filled_on_a_line_with_score_minus_one() -> None:
    filled = interpolate(track(1, 2, 3, 4, 5, 8))
    assert filled.frame_id.tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert filled.tlwh[:, 0].tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert filled.score.tolist() == [0.9] * 5 + [-1, -1, 0.9]


def test_short_tracks_and_long_gaps_stay_as_they_are() -> None:
    assert len(interpolate(track(1, 2, 3, 4, 9))) == 5
    assert len(interpolate(track(1, 2, 3, 4, 5, 25))) == 6
    assert len(interpolate(track(1, 2, 3, 4, 5, 24))) == 24


def test_identities_are_filled_apart_and_rows_come_by_frame_then_id() -> None:
    first, second = track(1, 4, track_id=2), track(2, 3, track_id=1)
    both = Trajectories(*(np.concatenate([getattr(t, f) for t in (first, second)]) for f in ("frame_id", "track_id", "tlwh", "score")))
    filled = interpolate(both, min_length=1)
    assert list(zip(filled.frame_id.tolist(), filled.track_id.tolist(), strict=True)) == [(1, 2), (2, 1), (2, 2), (3, 1), (3, 2), (4, 2)]


def test_nothing_gives_nothing() -> None:
    assert len(interpolate(track())) == 0
