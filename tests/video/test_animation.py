"""Animated pictures: the stretch asked for, at the video's speed."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from bytetrack.video.animation import animate
from bytetrack.video.write import VideoWriter


@pytest.fixture
def video(tmp_path: Path) -> Path:
    with VideoWriter(tmp_path / "ramp.mp4", 25, crf=10) as writer:
        for number in range(1, 51):
            writer.write(np.full((60, 100, 3), 5 * number, np.uint8))
    return tmp_path / "ramp.mp4"


def test_an_animation_is_the_stretch_asked_for(video: Path, tmp_path: Path) -> None:
    path = animate(video, tmp_path / "ramp.webp", first=11, length=20, every=2, width=50, quality=90)
    good, animation = cv2.imreadanimation(str(path))
    assert good
    assert [frame.shape[:2] for frame in animation.frames] == [(30, 50)] * 10
    np.testing.assert_allclose([frame[..., :3].mean() for frame in animation.frames], [5 * n for n in range(11, 31, 2)], atol=4)
    np.testing.assert_allclose(animation.durations, 80, atol=1)
    assert animation.loop_count == 0, "for ever"


def test_it_ends_with_the_video(video: Path, tmp_path: Path) -> None:
    path = animate(video, tmp_path / "ramp.webp", first=41, every=1)
    assert sum(cv2.imreadanimation(str(path))[1].durations) == pytest.approx(400, abs=40)  # frames that look alike are joined


def test_mistakes_are_named(video: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"written as \.webp: got 'film\.gif'"):
        animate(video, tmp_path / "film.gif")
    with pytest.raises(ValueError, match="animate needs first, length, every, width >= 1"):
        animate(video, tmp_path / "film.webp", every=0)
