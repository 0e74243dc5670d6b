"""supervision in, supervision out: detections with masks become tracks with ids, ready for its annotators.

Needs `pip install supervision`.
"""

import numpy as np
import supervision as sv

from bytetrack import ByteTracker
from bytetrack.adapters import from_supervision, to_supervision

tracker = ByteTracker(paper_exact=False)
for frame_id in range(1, 6):
    x = 10 * frame_id
    mask = np.zeros((1, 120, 160), bool)
    mask[0, 20:80, x : x + 30] = True
    found = sv.Detections(xyxy=np.array([[x, 20, x + 30, 80.0]]), confidence=np.array([0.9]), class_id=np.array([0]), mask=mask)
    tracked = to_supervision(tracker.update(from_supervision(found)), found)
    scene = sv.MaskAnnotator(color_lookup=sv.ColorLookup.TRACK).annotate(np.zeros((120, 160, 3), np.uint8), tracked)
    print(f"frame {frame_id}: identity {tracked.tracker_id.tolist()}, {int(scene.any(2).sum())} pixels painted")
