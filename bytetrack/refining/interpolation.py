"""Fills gaps in trajectories with straight lines (ByteTrack, section 4.1, "tracklet interpolation")."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bytetrack.boxes import tlwh_from_xywh, warp, xywh_from_tlwh
from bytetrack.checks import check_flag, check_whole
from bytetrack.refining.context import SequenceContext, warp_back
from bytetrack.structures import FILLED, Trajectories

__all__ = ["Interpolate", "interpolate"]

Floats = npt.NDArray[np.float64]


class Interpolate:
    """Fills gaps with boxes on a straight line, as `interpolate` does.

    Args:
        min_length: Identities with at most this many boxes are not changed.
        max_gap: Gaps between boxes fewer than this many frames apart are filled.
        follow_camera: Interpolates on the ground instead of in the image, if camera motion is known.
    """

    def __init__(self, min_length: int = 5, max_gap: int = 20, follow_camera: bool = False) -> None:
        check_whole("min_length", min_length, 0)
        check_whole("max_gap", max_gap, 0)
        check_flag("follow_camera", follow_camera)
        self.min_length, self.max_gap, self.follow_camera = min_length, max_gap, follow_camera

    def __call__(self, trajectories: Trajectories, context: SequenceContext) -> Trajectories:
        """Returns the trajectories with their gaps filled."""
        moving = context if self.follow_camera and context.camera_motion is not None else None
        return interpolate(trajectories, self.min_length, self.max_gap, moving)


def interpolate(trajectories: Trajectories, min_length: int = 5, max_gap: int = 20, context: SequenceContext | None = None) -> Trajectories:
    """Fills the frames between two boxes of an identity that are fewer than `max_gap` frames apart with boxes on a straight line.

    Identities with at most `min_length` boxes are not changed. Filled boxes have the score -1 and the class of the box before the gap.
    Both limits are those of the published code (the paper states "not more than 20 frames"). With a `context` the line is straight on the
    ground, after removing its camera motion.

    >>> track = Trajectories(np.array([1, 4]), np.array([7, 7]), np.array([[0., 0, 9, 9], [3, 6, 9, 12]]), np.array([0.9, 0.8]))
    >>> interpolate(track, min_length=1).tlwh.tolist()
    [[0.0, 0.0, 9.0, 9.0], [1.0, 2.0, 9.0, 10.0], [2.0, 4.0, 9.0, 11.0], [3.0, 6.0, 9.0, 12.0]]
    """
    t = trajectories
    by_track = np.lexsort((t.frame_id, t.track_id))
    _, inverse, lengths = np.unique(t.track_id, return_inverse=True, return_counts=True)
    before, after = by_track[:-1], by_track[1:]
    step = t.frame_id[after] - t.frame_id[before]
    fill = (t.track_id[before] == t.track_id[after]) & (step > 1) & (step < max_gap) & (lengths[inverse[before]] > min_length)
    before, after, step = before[fill], after[fill], step[fill]

    missing = step - 1
    pair = np.repeat(np.arange(len(step)), missing)
    nth = np.arange(len(pair)) - np.repeat(np.cumsum(missing) - missing, missing) + 1
    if context is None:
        before, after, step = before[pair], after[pair], step[pair]
        tlwh = nth[:, None] * (t.tlwh[after] - t.tlwh[before]) / step[:, None] + t.tlwh[before]
    else:
        ends = zip(t.frame_id[before].tolist(), t.tlwh[before], t.tlwh[after], step.tolist(), strict=True)
        tlwh = np.concatenate([np.empty((0, 4)), *(_on_the_ground(context, *gap) for gap in ends)])
        before = before[pair]

    frame_id = np.concatenate([t.frame_id, t.frame_id[before] + nth])
    track_id = np.concatenate([t.track_id, t.track_id[before]])
    order = np.lexsort((track_id, frame_id))
    return Trajectories(
        frame_id[order],
        track_id[order],
        np.concatenate([t.tlwh, tlwh])[order],
        np.concatenate([t.score, np.full(len(pair), FILLED)])[order],
        None if t.class_id is None else np.concatenate([t.class_id, t.class_id[before]])[order],
    )


def _on_the_ground(context: SequenceContext, frame_id: int, first: Floats, last: Floats, step: int) -> Floats:
    """Returns the boxes tlwh (step - 1, 4) between `first` in frame `frame_id` and `last`, `step` frames later."""
    motion = context.motion(frame_id, frame_id + step)
    here = xywh_from_tlwh(first)
    there = warp_back(motion[-1:], xywh_from_tlwh(last)[None])[0]
    part = (np.arange(1, step) / step)[:, None]
    return tlwh_from_xywh(warp(motion[1:-1], here + part * (there - here)))
