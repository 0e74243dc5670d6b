"""A FiftyOne dataset with frame-level detections and their index: `python fiftyone_dataset.py VIDEO`, then `fiftyone app launch`.

Needs `pip install fiftyone`, in an environment of its own: it brings opencv-python-headless, which must not lie beside opencv-python.
"""

import sys

import fiftyone as fo

import bytetrack


def sample_of(video, frames):
    """One video with a `fo.Detections` in each frame: fractions of the picture, `index` the identity, `confidence` the score."""
    sample = fo.Sample(filepath=str(video))
    for frame in frames:
        height, width = frame.image.shape[:2]
        tracks = frame.tracks
        tlwh = tracks.xyxy.copy()
        tlwh[:, 2:] -= tlwh[:, :2]
        classes = [frame.class_names[0] if frame.class_names else "object"] * len(tracks)
        if tracks.class_id is not None and frame.class_names:
            classes = [frame.class_names[number] for number in tracks.class_id]
        rows = zip(classes, (tlwh / [width, height, width, height]).tolist(), tracks.track_id.tolist(), tracks.score.tolist(), strict=True)
        found = [fo.Detection(label=label, bounding_box=box, index=index, confidence=score) for label, box, index, score in rows]
        sample.frames[frame.frame_id] = fo.Frame(tracks=fo.Detections(detections=found))
    return sample


if __name__ == "__main__":
    dataset = fo.Dataset("bytetrack", overwrite=True, persistent=True)
    dataset.add_sample(sample_of(sys.argv[1], bytetrack.track(sys.argv[1], detector="yolox_s", tracker="byte_plus")))
    print(dataset)
