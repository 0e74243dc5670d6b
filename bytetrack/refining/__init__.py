"""Refinement of finished trajectories: offline, as every step may look at the whole sequence."""

from __future__ import annotations

from bytetrack.refining.choosing import DropDoubtful, DropShort
from bytetrack.refining.detected import Extend, Remeasure
from bytetrack.refining.footage import Footage
from bytetrack.refining.interpolation import Interpolate, interpolate
from bytetrack.refining.linking import Link
from bytetrack.refining.run import RefineJob, Refiner, footage_of, job_for, note_idle_steps, refuse_unused
from bytetrack.refining.smoothing import SmoothGaussian, SmoothSecondDifferences

__all__ = [
    "DropDoubtful",
    "DropShort",
    "Extend",
    "Footage",
    "Interpolate",
    "Link",
    "RefineJob",
    "Refiner",
    "Remeasure",
    "SmoothGaussian",
    "SmoothSecondDifferences",
    "footage_of",
    "interpolate",
    "job_for",
    "note_idle_steps",
    "refuse_unused",
]
