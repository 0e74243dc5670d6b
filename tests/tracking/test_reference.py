"""The compiled BYTE gives the tracks of the reference in plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bytetrack import ByteTracker, Detections
from bytetrack.tracking.reference import ReferenceByte


def scene(seed: int, n_people: int, n_frames: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Returns boxes and scores of people who cross, are occluded (low scores), and leave for a while."""
    rng = np.random.default_rng(seed)
    place, speed = rng.uniform(0, 400, (n_people, 2)), rng.normal(0, 4, (n_people, 2))
    size = np.array([1.0, 2.5]) * rng.uniform(20, 60, (n_people, 1))
    frames = []
    for _ in range(n_frames):
        place += speed + rng.normal(0, 1, place.shape)
        seen = rng.random(n_people) < 0.85
        corner = place[seen] + rng.normal(0, 1, (int(seen.sum()), 2))
        frames.append((np.hstack([corner, corner + size[seen]]), rng.uniform(0, 1, int(seen.sum()))))
    return frames


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), n_people=st.integers(0, 25))
def test_the_kernel_follows_algorithm_1_word_for_word(seed: int, n_people: int) -> None:
    tracker, reference = ByteTracker(paper_exact=False, max_lost_frames=5), ReferenceByte(max_lost_frames=5)
    for xyxy, score in scene(seed, n_people, 40):
        tracks, expected = tracker.update(Detections(xyxy, score)), reference.update(xyxy, score)
        assert tracks.track_id.tolist() == [track.id for track in expected]
        assert tracks.xyxy == pytest.approx(np.reshape([track.box for track in expected], (-1, 4)), abs=1e-6)
        assert tracks.score.tolist() == [track.score for track in expected]
