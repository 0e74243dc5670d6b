"""Frames, boxes and trails on Rerun's time line: `python rerun_recording.py [VIDEO]`, then `rerun tracks.rrd`.

Needs `pip install rerun-sdk`.
"""

from collections import defaultdict, deque

import rerun as rr
from tracked import tracked

from bytetrack.video.draw import colour_of

rr.init("bytetrack")
rr.save("tracks.rrd")
trails = defaultdict(lambda: deque(maxlen=50))
for frame in tracked():
    rr.set_time("frame", sequence=frame.frame_id)
    rr.set_time("time", duration=frame.time)
    rr.log("video", rr.Image(frame.image, color_model="BGR").compress(jpeg_quality=85))
    ids = frame.tracks.track_id.tolist()
    for track_id, (x1, _, x2, y2) in zip(ids, frame.tracks.xyxy, strict=True):
        trails[track_id].append(((x1 + x2) / 2, y2))
    trails = defaultdict(trails.default_factory, {i: trails[i] for i in ids})  # the others have gone
    colours = [colour_of(track_id)[::-1] for track_id in ids]  # blue, green, red -> red, green, blue
    boxes = rr.Boxes2D(array=frame.tracks.xyxy, array_format=rr.Box2DFormat.XYXY, labels=[str(i) for i in ids], colors=colours)
    rr.log("video/tracks", boxes)
    rr.log("video/trails", rr.LineStrips2D([list(trails[i]) for i in ids], colors=colours))
print(f"frame {frame.frame_id}: {len(ids)} identities; see them with: rerun tracks.rrd")
