"""Count who crosses a line and how long people stay in a zone, straight from the tracker."""

from bytetrack import ByteTracker, Detections
from bytetrack.counting import Counter

tracker = ByteTracker(paper_exact=False)
counter = Counter(
    lines=[[160, 240, 160, 0, "door"]],
    zones={"hall": [[160, 0], [320, 0], [320, 240], [160, 240]]},
    frame_rate=10,
    class_names=["person"],
)
for frame_id in range(1, 31):
    x = 10.0 * frame_id  # one walks to the right, one stands
    boxes = [[x - 20, 100, x + 20, 200], [220, 60, 250, 140]]
    tracks = tracker.update(Detections(xyxy=boxes, score=[0.9, 0.8], class_id=[0, 0]))
    for event in counter.update(tracks):
        print(f"{event.time:.1f} s: {event.class_name} {event.track_id} {event.kind} {event.name} {event.direction}".rstrip())
print(counter.counts())
