"""What the examples beside this one look at: a video of yours, tracked, or three squares that walk and cross."""

import sys

import cv2
import numpy as np

import bytetrack

COLOURS = ((60, 160, 240), (230, 120, 40), (90, 200, 90))
RATE = 25


def pictures(count=60):
    for number in range(count):
        image = np.full((240, 320, 3), 60, np.uint8)
        for kind, colour in enumerate(COLOURS):
            x = 20 + 4 * number if kind % 2 else 260 - 4 * number
            cv2.rectangle(image, (x, 40 + 60 * kind), (x + 30, 90 + 60 * kind), colour, -1)
        yield image


class Squares:
    """Finds the squares by their colours."""

    class_names = ("square",)

    def detect(self, images):
        return [self.boxes(image) for image in images]

    def boxes(self, image):
        found = []
        for colour in COLOURS:
            ys, xs = np.nonzero((image == colour).all(2))
            if len(xs):
                found.append([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1])
        return bytetrack.Detections(np.reshape(found, (-1, 4)), np.full(len(found), 0.9))


def tracked():
    """Tracks the video that the command line names, else the squares."""
    if len(sys.argv) > 1:
        return bytetrack.track(sys.argv[1], detector="yolox_s", tracker="byte_plus")
    return bytetrack.track(pictures(), Squares(), "byte_plus", frame_rate=RATE)
