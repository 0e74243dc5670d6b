"""Checks of arguments that several trackers have."""

from __future__ import annotations

from bytetrack.checks import check_real

__all__ = ["at_frame_rate", "check_score_split"]


def check_score_split(low_score: float | None, high_score: float) -> float:
    """Returns the score from which detections are low: `low_score`, or `high_score` for None, so that there are none.

    ValueError unless 0 <= `low_score` <= `high_score` <= 1.
    """
    check_real("high_score", high_score, 0, 1)
    if low_score is None:
        return high_score
    check_real("low_score", low_score, 0, 1)
    if low_score > high_score:
        raise ValueError(f"low_score must lie in [0, high_score]: got low_score={low_score}, high_score={high_score}")
    return low_score


def at_frame_rate(frames: int, frame_rate: float | None) -> float:
    """Returns `frames` counted at 30 a second, in frames at `frame_rate`; None leaves them.

    The published code rounds down. Of whole numbers of frames, as many lie within either: not rounded, it holds for parts of frames too.
    ValueError for a frame rate that is none.
    """
    if frame_rate is None:
        return frames
    check_real("frame_rate", frame_rate, 1e-3, 1e6)
    return frame_rate / 30 * frames
