"""Refines finished trajectories offline: each step may use the whole sequence."""

from __future__ import annotations

from bytetrack.refining.context import SequenceContext
from bytetrack.refining.interpolation import Interpolate, interpolate
from bytetrack.refining.linking import Link
from bytetrack.refining.redetection import Extend, Remeasure
from bytetrack.refining.run import RefineJob, Refiner, context_of, job_for, note_idle_steps, refuse_unused
from bytetrack.refining.selection import DropDoubtful, DropShort
from bytetrack.refining.smoothing import SmoothGaussian, SmoothSecondDifferences

__all__ = [
    "DropDoubtful",
    "DropShort",
    "Extend",
    "Interpolate",
    "Link",
    "RefineJob",
    "Refiner",
    "Remeasure",
    "SequenceContext",
    "SmoothGaussian",
    "SmoothSecondDifferences",
    "context_of",
    "interpolate",
    "job_for",
    "note_idle_steps",
    "refuse_unused",
]
