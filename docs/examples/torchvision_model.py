"""Track what a torchvision detector finds. Random weights, so that nothing is downloaded: take `weights="DEFAULT"` instead."""

import torch
from torchvision.models.detection import ssdlite320_mobilenet_v3_large

from bytetrack import ByteTracker
from bytetrack.adapters import from_torchvision

torch.manual_seed(0)
model = ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=3, detections_per_img=20).eval()
tracker = ByteTracker(high_score=0.3, new_track_score=0.3)  # a trained model takes the defaults

image = torch.rand(3, 240, 320)
for frame_id in range(1, 4):
    with torch.inference_mode():
        output = model([image])[0]
    tracks = tracker.update(from_torchvision(output))
    labels = output["labels"].numpy()[tracks.detection_index]
    print(f"frame {frame_id}: {len(output['boxes'])} detections, {len(tracks)} tracks, labels {sorted(set(labels.tolist()))}")
