"""Carry a detector's masks (or keypoints, or names) over to the tracks by `detection_index`."""

import numpy as np

from bytetrack import ByteTracker
from bytetrack.adapters import from_dict

tracker = ByteTracker(paper_exact=False)
rng = np.random.default_rng(0)
for frame_id in range(1, 6):
    corners = np.array([[20, 20], [120, 40], [200, 60]]) + 3 * frame_id
    order = rng.permutation(3)  # a detector promises no order
    boxes = np.hstack([corners, corners + np.array([30, 60])])[order]
    masks = np.zeros((3, 240, 320), bool)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
        mask[y1 + 5 : y2 - 5, x1 + 5 : x2 - 5] = True
    tracks = tracker.update(from_dict({"boxes": boxes, "scores": [0.9, 0.8, 0.85]}))
    for track_id, mask in zip(tracks.track_id, masks[tracks.detection_index], strict=True):
        print(f"frame {frame_id}: identity {track_id} has a mask of {mask.sum()} pixels from x = {np.flatnonzero(mask.any(0))[0]}")
