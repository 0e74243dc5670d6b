"""supervision's annotators with our ids: `python supervision_annotators.py [VIDEO]` writes annotated.png of the last frame.

Needs `pip install supervision`.
"""

import cv2
import supervision as sv
from tracked import tracked

from bytetrack.adapters import to_supervision

by_track = {"color_lookup": sv.ColorLookup.TRACK}
boxes, labels, traces = sv.BoxAnnotator(**by_track), sv.LabelAnnotator(**by_track), sv.TraceAnnotator(trace_length=50, **by_track)
for frame in tracked():
    detections = to_supervision(frame.tracks)
    scene = traces.annotate(frame.image.copy(), detections)
    scene = boxes.annotate(scene, detections)
    scene = labels.annotate(scene, detections, [f"#{track_id}" for track_id in detections.tracker_id])
cv2.imwrite("annotated.png", scene)
print(f"frame {frame.frame_id}: identities {detections.tracker_id.tolist()}; see annotated.png")
