"""Declares what byte_plus is set to, what it remembers of a track, and what of its settings follows from the calibration."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np
import numpy.typing as npt

from bytetrack.runtime.compilation import jit
from bytetrack.tracking.core.fields import record
from bytetrack.tracking.core.state import layout
from bytetrack.tracking.parameters import Count, Deviation, Frames, Share, Within
from bytetrack.tracking.plus.calibration import Calibration, fit_limit, lag, misfit, sureness, upright

__all__ = ["N_CROSSINGS", "N_PLACES", "Adapted", "Memory", "Parameters", "adapt", "arrays", "parameters_of"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CLEAR_LAG = 0.4  # the autocorrelation from which on the filter surely lags
N_PLACES, N_CROSSINGS = 8, 2  # of a track that are remembered
LEAST_BUFFER = 0.01  # of the sides: a smaller one is not worth its time
LEAST_NOISE, MOST_NOISE = 0.5, 3.0  # by which factor measurement noise may change


UpTo10 = Annotated[float, Within(0, 10)]
UpTo100 = Annotated[float, Within(0, 100)]


class Parameters(NamedTuple):
    """The arguments of `BytePlus`, as the kernel takes them: costs and noise at the frame rate, frames those of the sequence."""

    high_score: Share
    low_score: Share
    new_track_score: Share
    match_cost: Share
    low_match_cost: Share
    unconfirmed_match_cost: Share
    max_lost_frames: Frames
    fuse_score: bool
    position_noise: Deviation
    velocity_noise: Deviation
    measurement_noise: Deviation
    score_noise: UpTo100
    covered_noise: UpTo100
    covered_size_noise: UpTo100
    height_power: UpTo100
    relative_height: bool
    recovery_buffer: UpTo10
    recovery_cost: Share
    recovery_height: UpTo100
    birth_overlap: Share
    covered_frames: Frames
    covered_part: Share
    covered_hits: Count
    fit_limits: UpTo10
    fit_coasting: bool
    fast_buffer: UpTo10
    fast_noise: UpTo100
    lag_output: Share
    lag_gain: UpTo10
    exchange: bool
    appearance_weight: Share
    appearance_memory: Share
    appearance_cost: Share
    appearance_reach: Annotated[float, Within(0, 1e3)]
    appearance_margin: Share
    frame_rate: float  # of the stream, 30 if it is not known
    drop_invalid: bool


class Memory(NamedTuple):
    """The memory of a track."""

    cover: Floats  # the part of its box covered by a track in front of it
    innovation: Annotated[Floats, (2,)]  # of its last match to a detection, in box sides
    n_detections: Ints
    n_features: Ints  # detections whose features were blended into the track's
    looked: Annotated[Floats, (2,)]  # of this frame: its two largest cosines with detections,
    seen: Annotated[Floats, (4,)]  # and, by detections, those with tracks, their sum and their number (appearance.py)
    born: Ints  # its identity when it started, which tells it from earlier tracks of its row (exchange.py)
    place_frame: Annotated[Ints, (N_PLACES,)]  # the last frames in which it was output,
    place: Annotated[Floats, (N_PLACES, 3)]  # and its centre x, lower edge and height there
    crossed: Annotated[Ints, (N_CROSSINGS,)]  # `born` of younger tracks that it overlaps or just did, 0: none,
    crossed_row: Annotated[Ints, (N_CROSSINGS,)]  # their rows,
    crossed_frame: Annotated[Ints, (N_CROSSINGS,)]  # the last frame of the overlap,
    crossing: Annotated[Floats, (N_CROSSINGS, 7)]  # and how the two looked before


class Adapted(NamedTuple):
    """The settings of one frame that follow from the calibration."""

    height_power: float  # of the first association; the second has half of it
    typical_height: float  # the vertical IoU that costs nothing
    limits: float  # factor of the least similarity of all associations but the recovery
    buffer: float  # of the first association
    velocity_noise: float  # as a part of the sides
    measurement_noise: float  # as a part of the sides
    covered_frames: float
    output: float  # how far output boxes lie on the way to their detections


parameters_of = record(Parameters)
arrays = layout(Memory, Calibration)


@jit
def adapt(p: Parameters, means: Calibration) -> Adapted:
    """Returns the settings of this frame: every step is off where its parameter is 0 or false."""
    bad, late = misfit(means), lag(means)
    surely_late = min(max(late / CLEAR_LAG, 0.0), 1.0)
    fast = bad * surely_late  # boxes fit badly because things move fast, not because detections are noisy
    power, typical = p.height_power, 1.0
    if p.relative_height:
        power, typical = p.height_power * upright(means), means.height_fit[0]
    gain = min(max(np.exp(-p.lag_gain * late * bad), LEAST_NOISE), MOST_NOISE)
    buffer = p.fast_buffer * fast
    return Adapted(
        power,
        typical,
        fit_limit(means, p.fit_limits),
        buffer if buffer >= LEAST_BUFFER else 0.0,
        p.velocity_noise * (1.0 + p.fast_noise * fast),
        p.position_noise * p.measurement_noise * gain,
        p.covered_frames * (sureness(means) if p.fit_coasting else 1.0),
        min(p.lag_output * surely_late, 1.0),
    )
