"""Boxes of many images keep their own ids: what one image holds never hides what another does."""

from __future__ import annotations

import numpy as np

from bytetrack.scoring.detection import average_precision
from bytetrack.structures import Detections


def test_the_precision_of_many_equal_images_is_that_of_one() -> None:
    truth = Detections([[0, 0, 40, 80], [100, 0, 140, 80], [200, 0, 240, 80]], np.ones(3))
    found = Detections([[0, 0, 40, 80], [100, 0, 140, 80], [300, 0, 340, 80], [200, 0, 240, 80]], [0.9, 0.8, 0.7, 0.6])
    one = average_precision([truth], [found])
    assert one == average_precision([truth] * 7, [found] * 7)
    assert one["AP50"] > 0.8
