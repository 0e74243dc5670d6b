"""Track what a transformers detector finds. A tiny random model, so that nothing is downloaded: use `from_pretrained` instead.

Needs `pip install transformers`.
"""

import torch
from transformers import YolosConfig, YolosForObjectDetection, YolosImageProcessor

from bytetrack import ByteTracker
from bytetrack.adapters import from_transformers

torch.manual_seed(0)
config = YolosConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, image_size=[96, 128], num_labels=3)
config.num_detection_tokens = 10
model, processor = YolosForObjectDetection(config).eval(), YolosImageProcessor()
tracker = ByteTracker(high_score=0.2, low_score=0.1, new_track_score=0.2)  # a trained model takes the defaults

image = torch.rand(1, 3, 96, 128)
for frame_id in range(1, 4):
    with torch.inference_mode():
        outputs = model(image)
    found = processor.post_process_object_detection(outputs, threshold=0.1, target_sizes=[(480, 640)])[0]
    tracks = tracker.update(from_transformers(found))
    print(f"frame {frame_id}: {len(found['boxes'])} detections, {len(tracks)} tracks")
