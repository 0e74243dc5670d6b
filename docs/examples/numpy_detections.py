"""Track boxes that come as plain arrays: two people pass each other, one of them half hidden for a while."""

import numpy as np

from bytetrack import ByteTracker, Detections

tracker = ByteTracker(paper_exact=False)
for frame_id in range(1, 61):
    x = 5.0 * frame_id
    boxes = np.array([[x, 100, x + 40, 200], [320 - x, 110, 360 - x, 215]])
    hidden = abs(x - (320 - x)) < 40
    tracks = tracker.update(Detections(xyxy=boxes, score=[0.9, 0.3 if hidden else 0.9]))
    if frame_id % 15 == 0:
        print(f"frame {frame_id}:", {int(i): box.round().tolist() for i, box in zip(tracks.track_id, tracks.xyxy, strict=True)})
