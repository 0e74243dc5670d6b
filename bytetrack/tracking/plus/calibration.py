"""Measures how well the filter's boxes fit a stream's detections while it tracks, and adapts settings to it.

Running means over the matches of tracks that were matched in the frame before, too. A frame's matches are averaged first, so that their
order does not count, and weigh together as much as if each moved the mean by `PACE` of the difference. The means are the stream's: named
values behind the tracker's clock, set in the first frame, gone with `reset()`, kept nowhere else. They start at the values of people who
walk, and a stream's first 200 matches move them two thirds of the way.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bytetrack.box_kernels import iou_of
from bytetrack.runtime.compilation import jit
from bytetrack.tracking.core.fields import table
from bytetrack.tracking.core.similarity import vertical_iou

__all__ = [
    "Calibration",
    "calibration_of",
    "fit_limit",
    "lag",
    "learn",
    "misfit",
    "note_cosines",
    "note_match",
    "start_calibration",
    "sureness",
    "upright",
]

Floats = npt.NDArray[np.float64]

PACE = 0.005  # a match moves a mean by this part of the difference
WALKERS = (0.8, 0.95, 0.0, 1e-4)  # the means that a stream starts from
GOOD_FIT, POOR_FIT = 0.85, 0.65  # mean IoU: from the first on the filter is trusted, from the second down nothing of it is
SURE_FIT, UNSURE_FIT = 0.9, 0.75  # the same for predictions that nothing confirms
STEADY_HEIGHTS, JUMPY_HEIGHTS = 0.95, 0.85  # the same for vertical intervals
SETTLED = 5  # detections after which a track's innovations count


class Calibration(NamedTuple):
    """The running means of a stream and the sums of this frame, each an array of one value."""

    fit: Floats  # IoU of the predicted box and its detection
    height_fit: Floats  # IoU of their vertical intervals
    covariance: Floats  # of a track's innovation (centre error over box sides) with the one before
    variance: Floats  # of innovations
    n_matches: Floats  # of this frame
    fit_sum: Floats
    height_fit_sum: Floats
    n_settled: Floats  # matches of tracks whose innovations count
    covariance_sum: Floats
    variance_sum: Floats
    own_cosine: Floats  # cosine of a track's features with those of its next detection, starting at the mean of the first
    other_cosine: Floats  # with those of other tracks' detections
    n_compared: Floats  # detections whose features were compared so far
    n_own: Floats  # of this frame
    own_sum: Floats
    other_sum: Floats


calibration_of = table(Calibration).view


@jit
def start_calibration(means: Calibration) -> None:
    """Sets the means of a stream of which nothing is known."""
    means.fit[0], means.height_fit[0], means.covariance[0], means.variance[0] = WALKERS


@jit
def note_match(means: Calibration, predicted: Floats, detection: Floats, previous: Floats, n_detections: int) -> None:
    """Adds the match of a predicted box to a detection (both xyxy) to the sums of this frame.

    `previous` (2,) is the track's innovation in the frame before, and becomes that of this frame.
    """
    width, height = predicted[2] - predicted[0], predicted[3] - predicted[1]
    x = 0.5 * (detection[0] + detection[2] - predicted[0] - predicted[2]) / width
    y = 0.5 * (detection[1] + detection[3] - predicted[1] - predicted[3]) / height
    if n_detections >= SETTLED:
        means.n_settled[0] += 1.0
        means.covariance_sum[0] += x * previous[0] + y * previous[1]
        means.variance_sum[0] += x * x + y * y
    previous[0], previous[1] = x, y
    means.n_matches[0] += 1.0
    means.fit_sum[0] += iou_of(predicted, detection)
    means.height_fit_sum[0] += vertical_iou(predicted, detection)


@jit
def note_cosines(means: Calibration, own: float, others: float) -> None:
    """Adds to the sums of this frame how alike a track and its detection look, and in the mean this detection and the other tracks."""
    means.n_own[0] += 1.0
    means.own_sum[0] += own
    means.other_sum[0] += others


@jit
def learn_cosines(means: Calibration) -> None:
    """Moves the means of cosines by this frame's sums: by `PACE` as the others, and faster at first, so that they are plain means then."""
    n = means.n_own[0]
    if n > 0.0:
        means.n_compared[0] += n
        step = max(1.0 - (1.0 - PACE) ** n, n / means.n_compared[0])
        means.own_cosine[0] += step * (means.own_sum[0] / n - means.own_cosine[0])
        means.other_cosine[0] += step * (means.other_sum[0] / n - means.other_cosine[0])
        means.n_own[0] = means.own_sum[0] = means.other_sum[0] = 0.0


@jit
def learn(means: Calibration) -> None:
    """Moves the means by this frame's sums, and begins new sums."""
    learn_cosines(means)
    move(means.fit, means.fit_sum, means.n_matches[0])
    move(means.height_fit, means.height_fit_sum, means.n_matches[0])
    move(means.covariance, means.covariance_sum, means.n_settled[0])
    move(means.variance, means.variance_sum, means.n_settled[0])
    means.n_matches[0] = means.n_settled[0] = 0.0


@jit
def move(mean: Floats, total: Floats, n: float) -> None:
    """Moves a mean towards the average of `n` values whose sum is `total`, which becomes 0."""
    if n > 0.0:
        mean[0] += (1.0 - (1.0 - PACE) ** n) * (total[0] / n - mean[0])
    total[0] = 0.0


@jit
def misfit(means: Calibration) -> float:
    """Returns 0 where predicted boxes fit their detections well (mean IoU of 0.85), 1 where badly (0.65), between in proportion."""
    return float(min(max((GOOD_FIT - means.fit[0]) / (GOOD_FIT - POOR_FIT), 0.0), 1.0))


@jit
def fit_limit(means: Calibration, power: float) -> float:
    """Returns the factor of limits of similarity: 1 where boxes fit well, else the mean IoU over 0.85 to a power."""
    return float(min(means.fit[0] / GOOD_FIT, 1.0) ** power)


@jit
def sureness(means: Calibration) -> float:
    """Returns 1 where a prediction that nothing confirms may be believed (mean IoU of 0.9), 0 where not (0.75)."""
    return float(min(max((means.fit[0] - UNSURE_FIT) / (SURE_FIT - UNSURE_FIT), 0.0), 1.0))


@jit
def upright(means: Calibration) -> float:
    """Returns 1 where heights and feet are found where they are predicted (mean vertical IoU of 0.95), 0 where they jump (0.85)."""
    return float(min(max((means.height_fit[0] - JUMPY_HEIGHTS) / (STEADY_HEIGHTS - JUMPY_HEIGHTS), 0.0), 1.0))


@jit
def lag(means: Calibration) -> float:
    """Returns the autocorrelation of innovations, -1 to 1.

    Above 0 errors last from frame to frame, because the filter lags behind the motion; at 0 they are noise (Mehra, 1970).
    """
    return float(min(max(means.covariance[0] / max(means.variance[0], 1e-12), -1.0), 1.0))
